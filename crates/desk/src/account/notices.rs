//! `/compte/notifications`: one's ordinary address, and what one hears there of new mail (F062).
use super::{Around, actor};
use axum::http::Uri;
use axum::response::Response;
use sceau_domain::calendar::Territory;
use sceau_domain::tell::Mode;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::notices::{NoticeChoice, NoticeView, NoticesView};
use sceau_web::layout::day;
use sceau_web::{Sent, Shell, Visitor};
use serde::Deserialize;

const HERE: &str = "/compte/notifications";

#[derive(askama::Template)]
#[template(path = "account/notices.html")]
struct Page {
    shell: Shell,
    around: Around,
    /// The ordinary address; empty: none.
    address: String,
    /// What is known of it, and how that looks.
    state: Option<(&'static str, String)>,
    languages: Vec<(String, String)>,
    notices: NoticesView,
    modes: Vec<(String, String)>,
    hours: Vec<(String, String)>,
    /// A browser can be told, too.
    push: bool,
}

impl Page {
    fn mode(&self, bal: &NoticeView) -> &'static str {
        bal.mode.as_str()
    }
    fn hour(&self, bal: &NoticeView) -> String {
        bal.hour.to_string()
    }
    fn from(&self, bal: &NoticeView) -> String {
        bal.quiet_from.clone().unwrap_or_default()
    }
    fn until(&self, bal: &NoticeView) -> String {
        bal.quiet_until.clone().unwrap_or_default()
    }
}

async fn page(visitor: &Visitor, around: Around) -> Response {
    let page = async {
        let (op, actor) = (&visitor.op, actor(visitor)?);
        let (notices, email) = (op.own_notices(actor).await?, op.own_person(actor).await?.email);
        let place: Territory = op.place().await;
        let state = email.as_ref().map(|e| match (&notices.wrong_since, e.verified) {
            (Some(_), _) => ("badge-no", visitor.t("account.notices.wrong")),
            (None, Some(at)) => ("badge-ok", say(visitor, "account.notices.verified", &day(visitor.lang, at, place))),
            (None, None) => ("badge-wait", visitor.t("account.notices.waits")),
        });
        let mode = |m: Mode| (m.as_str().to_owned(), visitor.t(&format!("account.notices.mode_{m}")));
        let language = |tag: &str| (tag.to_owned(), visitor.t(&format!("account.language.{tag}")));
        Ok::<_, Refusal>(Page {
            shell: visitor.shell(HERE),
            around,
            address: email.map(|e| e.address).unwrap_or_default(),
            state,
            languages: ["fr", "en"].map(language).to_vec(),
            notices,
            modes: Mode::ALL.map(mode).to_vec(),
            push: op.has_push(),
            hours: (0..24).map(|h: u8| (h.to_string(), format!("{h}\u{a0}h"))).collect(),
        })
    };
    match page.await {
        Ok(page) => visitor.screen(page.around.status, &page),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// A sentence with a date.
fn say(visitor: &Visitor, key: &str, date: &str) -> String {
    visitor.shell(HERE).t1(key, "date", date)
}

async fn after(visitor: &Visitor, done: Result<(), Refusal>) -> Response {
    match done.map_err(|refusal| Around::again(visitor, &refusal)) {
        Ok(()) => visitor.see("/compte/notifications?fait=oui"),
        Err(Ok(around)) => page(visitor, around).await,
        Err(Err(answer)) => *answer,
    }
}

/// `GET /compte/notifications`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Response {
    page(&visitor, Around::page(&visitor, &uri)).await
}

/// What one wants to hear of a BAL.
#[derive(Deserialize)]
pub(super) struct Wish {
    address: String,
    mode: String,
    #[serde(default)]
    heure: String,
    #[serde(default)]
    calme_de: String,
    #[serde(default)]
    calme_a: String,
}

fn invalid(name: &'static str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name)
}

/// `POST /compte/notifications`
pub(super) async fn choose(Sent(visitor, form): Sent<Wish>) -> Response {
    let done = async {
        let given = |text: String| Some(text).filter(|t| !t.is_empty());
        let hour = given(form.heure).map(|h| h.parse().map_err(|_| invalid("hour"))).transpose()?;
        let choice = NoticeChoice {
            mode: form.mode.parse().map_err(|()| invalid("mode"))?,
            hour,
            quiet_from: given(form.calme_de),
            quiet_until: given(form.calme_a),
        };
        visitor.op.choose_notices(actor(&visitor)?, &form.address, choice).await.map(drop)
    };
    let done = done.await;
    after(&visitor, done).await
}

/// An ordinary address.
#[derive(Deserialize)]
pub(super) struct Ordinary {
    #[serde(default)]
    adresse: String,
    /// It is taken away.
    #[serde(default)]
    retirer: String,
}

/// `POST /compte/adresse`: sets it, and sends the link that shows that it is one's own; or takes it away.
pub(super) async fn address(Sent(visitor, form): Sent<Ordinary>) -> Response {
    let done = async {
        let (op, actor) = (&visitor.op, actor(&visitor)?);
        let login = op.own(actor).await?.login;
        match form.retirer.is_empty() {
            true => op.set_email(actor, &login, &form.adresse).await.map(drop),
            false => op.clear_email(actor, &login).await.map(drop),
        }
    };
    let done = done.await;
    after(&visitor, done).await
}

/// A language.
#[derive(Deserialize)]
pub(super) struct Language {
    langue: String,
}

/// `POST /compte/langue`: which comes first in what one is told by mail.
pub(super) async fn language(Sent(visitor, form): Sent<Language>) -> Response {
    let done = async { visitor.op.choose_language(actor(&visitor)?, &form.langue).await.map(drop) };
    let done = done.await;
    after(&visitor, done).await
}
