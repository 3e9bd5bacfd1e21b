//! `/compte/affichage`: light or dark in this browser; how lists look and how long a sent message is held, in all of them.
use super::{Around, actor};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::desk::Settings;
use sceau_operator::desk::choices::Choices;
use sceau_web::{Sent, Shell, Visitor};
use serde::Deserialize;

const HERE: &str = "/compte/affichage";
/// For how long a sent message may be held, seconds.
const HELD: [u32; 5] = [0, 5, 10, 20, Settings::MOST_UNDO];

#[derive(askama::Template)]
#[template(path = "account/display.html")]
struct Page {
    shell: Shell,
    around: Around,
    themes: Vec<(String, String)>,
    theme: String,
    choices: Choices,
    held: Vec<(String, String)>,
    chosen: String,
}

async fn page(visitor: &Visitor, around: Around) -> Response {
    let page = async {
        let choices = visitor.op.desk_choices(actor(visitor)?).await?;
        let shell = visitor.shell(HERE);
        let theme = |value: &str, key: &str| (value.to_owned(), visitor.t(key));
        let usual = visitor.op.config().desk.undo_seconds.to_string();
        let mut held = vec![(String::new(), shell.t1("account.display.held_usual", "n", &usual))];
        held.extend(HELD.map(|s| (s.to_string(), shell.t1("account.display.held_for", "n", &s.to_string()))));
        let themes =
            [("", "account.display.system"), ("light", "account.display.light"), ("dark", "account.display.dark")];
        Ok::<_, Refusal>(Page {
            theme: shell.theme().to_owned(),
            shell,
            around,
            themes: themes.map(|(value, key)| theme(value, key)).to_vec(),
            chosen: choices.undo_seconds.map(|s| s.to_string()).unwrap_or_default(),
            choices,
            held,
        })
    };
    match page.await {
        Ok(page) => visitor.screen(page.around.status, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /compte/affichage`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    page(&visitor, Around::page(&visitor, &uri)).await
}

/// What is chosen.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Chosen {
    theme: String,
    retenir: String,
    ancien: String,
    fils: String,
    touches: String,
}

/// `POST /compte/affichage`
pub(super) async fn choose(Sent(visitor, form): Sent<Chosen>) -> Response {
    let done = async {
        let seconds = Some(form.retenir.as_str()).filter(|r| !r.is_empty()).map(str::parse).transpose();
        let invalid = |_| Refusal::new(RefusalCode::Invalid).with("name", "undo_seconds");
        let ticked = |text: &str| !text.is_empty();
        let chosen = Choices {
            undo_seconds: seconds.map_err(invalid)?,
            oldest_first: ticked(&form.ancien),
            threads: ticked(&form.fils),
            keys: ticked(&form.touches),
        };
        visitor.op.set_desk_choices(actor(&visitor)?, &chosen).await
    };
    match done.await.map_err(|refusal| Around::again(&visitor, &refusal)) {
        Ok(()) => {
            let mut response = visitor.see("/compte/affichage?fait=oui");
            visitor.keep_theme(&mut response, &form.theme);
            response
        }
        Err(Ok(around)) => page(&visitor, around).await,
        Err(Err(answer)) => *answer,
    }
}
