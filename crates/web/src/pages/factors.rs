//! `/moyens`: by what somebody signs in; adding a passkey, an authenticator program, a password; removing one; by which names elsewhere one is
//! known, and ending that; objecting to a replacement.
use super::layout::{instant, set};
use super::passkey::{self, Answer, Ceremony};
use super::qr;
use super::session::{Sent, Visitor};
use super::shell::Shell;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use sceau_domain::calendar::Territory;
use sceau_domain::text::text;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_identity::factor::Need;
use sceau_operator::identity::factors::FactorView;
use sceau_operator::identity::links::LinkView;
use sceau_operator::identity::sso::SsoOffer;
use serde::Deserialize;
use zeroize::Zeroizing;

/// Where the page is.
pub(super) const PAGE: &str = "/moyens";
/// Where a passkey, and an authenticator program, is added.
const PASSKEY: &str = "/moyens/cle";
const TOTP: &str = "/moyens/totp";

/// A means, as the page shows it.
struct Row {
    id: String,
    kind: String,
    label: String,
    since: String,
    used: Option<String>,
    synced: bool,
}

/// A name elsewhere, as the page shows it.
struct Linked {
    /// The structure, or Pro Santé Connect.
    title: String,
    /// Since when, and when it was last used.
    about: String,
    /// What may be done with it, and the form that does.
    act: String,
    form: String,
}

/// A replacement under way.
struct Recovery {
    id: String,
    opens: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "factors.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
    links: Vec<Linked>,
    password: bool,
    totp: bool,
    recovery: Option<Recovery>,
    /// Structures' own sign-ins, which one may link to oneself.
    structures: Vec<SsoOffer>,
    /// The password that was typed, or the passkey, is not taken: why.
    told: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "totp.html")]
struct TotpPage {
    shell: Shell,
    picture: Zeroizing<String>,
    shown: Zeroizing<String>,
    /// The code that was typed is not one of this key's: why.
    told: Option<String>,
}

/// What the forms send.
#[derive(Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    nom: String,
}

#[derive(Deserialize)]
pub(super) struct Code {
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
pub(super) struct Password {
    #[serde(deserialize_with = "super::secret")]
    mot_de_passe: Zeroizing<String>,
    #[serde(deserialize_with = "super::secret")]
    encore: Zeroizing<String>,
}

#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    numero: String,
}

/// Nothing but the word.
#[derive(Deserialize)]
pub(super) struct Nothing {}

fn row(visitor: &Visitor, place: Territory, f: FactorView) -> Row {
    let at = |at: Timestamp| instant(visitor.lang, at, place);
    // A means that was never named is called what it is.
    let label = if f.label == f.kind { String::new() } else { f.label };
    Row {
        id: f.id.to_string(),
        kind: f.kind,
        label,
        since: at(f.enrolled),
        used: f.last_used.map(at),
        synced: f.synced == Some(true),
    }
}

fn linked(visitor: &Visitor, place: Territory, l: LinkView) -> Linked {
    let say = |key: &str, at: Timestamp| {
        let date = instant(visitor.lang, at, place);
        set(&text(visitor.lang, &format!("page.factors.{key}"), &[("date", &date)]))
    };
    let about = match l.linked {
        true => format!("{} {}", say("linked", l.since), say("used", l.seen)),
        false => say("unlinked", l.since),
    };
    let (act, way) = if l.linked { ("unlink", "delier") } else { ("link_again", "relier") };
    Linked {
        title: l.title.unwrap_or_else(|| visitor.t(&format!("word.factor.{}", l.kind.as_str()))),
        about,
        act: visitor.t(&format!("page.factors.{act}")),
        form: format!("/moyens/liens/{}/{way}", l.name),
    }
}

fn number(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::new(RefusalCode::NotFound).with("name", "factor"))
}

/// `GET /moyens`
pub(super) async fn show(visitor: Visitor) -> Response {
    page(&visitor, None).await
}

/// The page; with why not, when a password that was typed is not taken.
async fn page(visitor: &Visitor, why: Option<&Refusal>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(response) => return *response,
    };
    let op = &visitor.op;
    let found = async {
        op.needs(actor, Need::Strong)?;
        Ok::<_, Refusal>((op.factors(actor, None).await?, op.own_links(actor).await?, op.own_recovery(actor).await?))
    }
    .await;
    match found {
        Err(refusal) => visitor.refused(&refusal),
        Ok((factors, links, recovery)) => {
            let place = op.place().await;
            let has = |kind: &str| factors.iter().any(|f| f.kind == kind);
            let (password, totp) = (has("password"), has("totp"));
            let recovery = recovery
                .map(|r| Recovery { id: r.id.to_string(), opens: r.opens.map(|at| instant(visitor.lang, at, place)) });
            let rows = factors.into_iter().map(|f| row(visitor, place, f)).collect();
            let links = links.into_iter().map(|l| linked(visitor, place, l)).collect();
            // Without them the rest of the page is as good.
            let structures = op.sso_offers().await.unwrap_or_default();
            let shell = visitor.shell(PAGE);
            let (status, told) = why.map(|why| visitor.told(why)).unzip();
            let page = Page { shell, rows, links, password, totp, recovery, structures, told };
            visitor.screen(status.unwrap_or(StatusCode::OK), &page)
        }
    }
}

/// Back to the page, or why not.
fn back(visitor: &Visitor, done: Result<(), Refusal>) -> Response {
    match done {
        Ok(()) => visitor.see(PAGE),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /moyens/cle`: a passkey is to be added.
pub(super) async fn begin_passkey(Sent(visitor, named): Sent<Named>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(response) => return *response,
    };
    match visitor.op.begin_passkey_enrolment(&visitor.browser(), actor, &named.nom).await {
        Ok(()) => visitor.see(PASSKEY),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /moyens/cle`
pub(super) async fn passkey(visitor: Visitor) -> Response {
    passkey::page(&visitor, Ceremony::Create, (PASSKEY, "/moyens/cle/fin", PAGE)).await
}

/// `POST /moyens/cle/fin`
pub(super) async fn add_passkey(Sent(visitor, answer): Sent<Answer>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(response) => return *response,
    };
    match visitor.op.enrol_passkey(&visitor.browser(), actor, answer.reponse.as_bytes()).await {
        Err(refusal) if refusal.code == RefusalCode::FactorRefused => page(&visitor, Some(&refusal)).await,
        added => back(&visitor, added.map(drop)),
    }
}

/// `POST /moyens/totp`
pub(super) async fn begin_totp(Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(response) => return *response,
    };
    match visitor.op.begin_totp_enrolment(&visitor.browser(), actor).await {
        Ok(()) => visitor.see(TOTP),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `GET /moyens/totp`
pub(super) async fn totp(visitor: Visitor) -> Response {
    totp_page(&visitor, None).await
}

/// The key and its picture; with why not, when a code that was typed is not one of its.
async fn totp_page(visitor: &Visitor, why: Option<&Refusal>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(response) => return *response,
    };
    match visitor.op.totp_enrolment(&visitor.browser(), actor).await {
        Ok(offer) => {
            let picture = qr::svg(&offer.uri, &visitor.t("page.totp.picture")).unwrap_or_default();
            let (status, told) = why.map(|why| visitor.told(why)).unzip();
            let page = TotpPage { shell: visitor.shell(TOTP).under(PAGE), picture, shown: offer.shown, told };
            visitor.screen(status.unwrap_or(StatusCode::OK), &page)
        }
        // The page was left open, or asked for by hand.
        Err(refusal) if refusal.code == RefusalCode::FormOld => visitor.see(PAGE),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /moyens/totp/fin`
pub(super) async fn add_totp(Sent(visitor, sent): Sent<Code>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(response) => return *response,
    };
    match visitor.op.enrol_totp(&visitor.browser(), actor, &sent.code).await {
        // The same key, which the program has already.
        Err(refusal) if refusal.code == RefusalCode::FactorRefused => totp_page(&visitor, Some(&refusal)).await,
        added => back(&visitor, added.map(drop)),
    }
}

/// `POST /moyens/mot-de-passe`
pub(super) async fn set_password(Sent(visitor, sent): Sent<Password>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(response) => return *response,
    };
    let set = match sent.mot_de_passe == sent.encore {
        true => visitor.op.set_password(actor, &sent.mot_de_passe).await.map(drop),
        false => Err(different()),
    };
    match set {
        Err(refusal) if is_about_password(&refusal) => page(&visitor, Some(&refusal)).await,
        set => back(&visitor, set),
    }
}

/// Is it what was typed that is refused, so that another one may be typed on the same page?
pub(super) fn is_about_password(refusal: &Refusal) -> bool {
    use RefusalCode as Code;
    matches!(
        refusal.code,
        Code::PasswordShort | Code::PasswordGuessable | Code::PasswordBreached | Code::Invalid | Code::LoginBusy
    )
}

/// Typed twice, differently.
pub(super) fn different() -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", "password")
}

/// `GET /.well-known/change-password`: where password managers look (W3C, *A Well-Known URL for Changing Passwords*).
pub(super) async fn change_password(visitor: Visitor) -> Response {
    visitor.see(PAGE)
}

/// `POST /moyens/{id}/retirer`
pub(super) async fn remove(Path(id): Path<String>, Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(response) => return *response,
    };
    let removed = match number(&id) {
        Ok(id) => visitor.op.remove_factor(actor, id).await,
        Err(refusal) => Err(refusal),
    };
    back(&visitor, removed)
}

/// `POST /moyens/liens/{name}/delier`
pub(super) async fn unlink(Path(name): Path<String>, Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    match visitor.signed_in() {
        Ok(actor) => back(&visitor, visitor.op.unlink(actor, &name).await),
        Err(response) => *response,
    }
}

/// `POST /moyens/liens/{name}/relier`
pub(super) async fn link_again(Path(name): Path<String>, Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    match visitor.signed_in() {
        Ok(actor) => back(&visitor, visitor.op.link_again(actor, &name).await),
        Err(response) => *response,
    }
}

/// `POST /moyens/opposition`
pub(super) async fn object(Sent(visitor, which): Sent<Which>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(response) => return *response,
    };
    let stopped = match number(&which.numero) {
        Ok(id) => visitor.op.stop_recovery(actor, id).await.map(drop),
        Err(refusal) => Err(refusal),
    };
    back(&visitor, stopped)
}
