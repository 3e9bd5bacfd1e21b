//! `/compte/aide`: asking for help, having what is published put right, telling of an error or an abuse; and what was answered.
use super::{Around, actor};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::report::ReportKind;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::reports::{NewReport, ReportQuery};
use sceau_web::layout::day;
use sceau_web::{SentOr, Shell, Visitor};
use serde::Deserialize;

const HERE: &str = "/compte/aide";
/// What is asked, in the order in which it is offered.
const KINDS: [&str; 4] = ["help", "correction", "error", "abuse"];
/// Requests that are shown.
const SHOWN: u32 = 50;

/// A request that was made.
struct Line {
    about: String,
    text: String,
    /// Where it stands, and how that looks.
    state: String,
    shade: &'static str,
    answer: Option<String>,
}

/// What is asked.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    genre: String,
    adresse: String,
    texte: String,
}

#[derive(askama::Template)]
#[template(path = "account/help.html")]
struct Page {
    shell: Shell,
    around: Around,
    kinds: Vec<(String, String)>,
    typed: Asked,
    lines: Vec<Line>,
}

/// What a kind of request is called.
fn kind(visitor: &Visitor, kind: &str) -> String {
    visitor.t(&format!("account.help.kind_{kind}"))
}

fn kinds(visitor: &Visitor) -> Vec<(String, String)> {
    KINDS.map(|k| (k.to_owned(), kind(visitor, k))).to_vec()
}

async fn page(visitor: &Visitor, around: Around, typed: Asked) -> Response {
    let page = async {
        let (op, actor) = (&visitor.op, actor(visitor)?);
        let (me, place) = (op.own(actor).await?.login, op.place().await);
        // Whoever answers others' requests does that at the console.
        let own = op.reports(actor, ReportQuery::default(), None, SHOWN).await?.into_iter().filter(|r| r.login == me);
        let lines = own.map(|r| {
            let shade = match r.state.as_str() {
                "open" => "badge-wait",
                "done" => "badge-ok",
                _ => "badge-plain",
            };
            let date = day(visitor.lang, r.at, place);
            Line {
                about: [Some(kind(visitor, &r.kind)), r.about, Some(date)]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" · "),
                text: r.text,
                state: visitor.t(&format!("account.help.state_{}", r.state)),
                shade,
                answer: r.answer,
            }
        });
        let lines = lines.collect();
        Ok::<_, Refusal>(Page { shell: visitor.shell(HERE), around, kinds: kinds(visitor), typed, lines })
    };
    match page.await {
        Ok(page) => visitor.screen(page.around.status, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /compte/aide`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    page(&visitor, Around::page(&visitor, &uri), Asked::default()).await
}

/// `POST /compte/aide`
pub(super) async fn ask(sent: SentOr<Asked>) -> Response {
    let SentOr { visitor, form, ours } = sent;
    if let Some(around) = Around::over(&visitor) {
        let (shell, kinds) = (visitor.shell("/connexion").under(HERE), kinds(&visitor));
        let page = Page { shell, around, kinds, typed: form, lines: Vec::new() };
        return visitor.screen(page.around.status, &page);
    }
    let done = async {
        // A page of the session before: shown again, with the word of this one.
        ours?;
        let kind = ReportKind::parse(&form.genre);
        let kind = kind.ok_or_else(|| Refusal::new(RefusalCode::Invalid).with("name", "kind"))?;
        let about = Some(form.adresse.clone()).filter(|a| !a.trim().is_empty());
        let new = NewReport { kind, about, text: form.texte.clone() };
        visitor.op.make_report(actor(&visitor)?, new).await.map(drop)
    };
    match done.await.map_err(|refusal| Around::again(&visitor, &refusal)) {
        Ok(()) => visitor.see("/compte/aide?fait=oui"),
        Err(Ok(around)) => page(&visitor, around, form).await,
        Err(Err(answer)) => *answer,
    }
}
