//! `/appareils`: what opens one's mail, with its last use; making a device token, a certificate or a profile for Apple's devices; revoking; in which
//! browsers one is signed in, and ending that (F229, F055).
use super::layout::{day, instant, set};
use super::session::{Sent, Visitor};
use super::shell::Shell;
use crate::autoconfig::apple;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sceau_domain::calendar::Territory;
use sceau_domain::mail_setup::Protection;
use sceau_domain::text::text;
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp};
use sceau_operator::accounts::TokenView;
use sceau_operator::identity::devices::NewDevice;
use sceau_operator::identity::own_tokens::OwnTokens;
use sceau_operator::identity::sessions::SessionView;
use sceau_operator::mail_setup::MailSetup;
use sceau_operator::{Actor, Who};
use serde::Deserialize;
use zeroize::Zeroizing;

#[derive(askama::Template)]
#[template(path = "devices.html")]
struct Devices {
    shell: Shell,
    devices: Vec<Device>,
    /// What was shut out, with the form that lets it in again.
    shut: Vec<Device>,
    browsers: Vec<Open>,
    bals: Vec<String>,
    personal: Option<String>,
    days: Option<u32>,
    /// Devices get certificates too.
    certificates: bool,
}

impl Devices {
    fn is_personal(&self, bal: &str) -> bool {
        self.personal.as_deref() == Some(bal)
    }
}

/// A line of the list.
struct Device {
    label: String,
    kind: String,
    bal: Option<String>,
    used: String,
    until: Option<String>,
    /// The form that revokes it, or lets it in again.
    form: String,
}

/// A browser in which the person is signed in.
struct Open {
    agent: String,
    /// Since when: tells two of a kind apart.
    begun: String,
    /// By which means, when and from where it was last used.
    about: String,
    /// It is the one that asks.
    this: bool,
    /// The form that ends it.
    form: String,
}

#[derive(askama::Template)]
#[template(path = "device_done.html")]
struct Done {
    shell: Shell,
    user: String,
    secret: Zeroizing<String>,
    /// Where the program connects, when that is known here.
    setup: Option<MailSetup>,
}

impl Done {
    fn way(&self, way: &Protection) -> String {
        self.shell.t(match way {
            Protection::Tls => "page.device_done.tls",
            Protection::StartTls => "page.device_done.starttls",
        })
    }
}

/// A text of this page, with a value.
fn say(visitor: &Visitor, key: &str, name: &str, value: &str) -> String {
    set(&text(visitor.lang, &format!("page.devices.{key}"), &[(name, value)]))
}

fn open(visitor: &Visitor, place: Territory, s: SessionView) -> Open {
    let date = |at: Timestamp| instant(visitor.lang, at, place);
    let means: Vec<String> = s.factors.split('+').map(|f| visitor.t(&format!("word.factor.{f}"))).collect();
    let from = s.place.as_deref().map(|p| say(visitor, "place", "place", p));
    let used = [Some(say(visitor, "used", "date", &date(s.seen))), from].into_iter().flatten();
    let made = say(visitor, "made", "factors", &means.join(", "));
    Open {
        begun: say(visitor, "begun", "date", &date(s.begun)),
        about: format!("{made} · {}", used.collect::<Vec<_>>().join(" ")),
        // One's own ends as one leaves.
        form: if s.this { "/deconnexion".into() } else { format!("/appareils/navigateurs/{}/fermer", s.id) },
        agent: if s.agent.is_empty() { visitor.t("page.devices.browser") } else { s.agent },
        this: s.this,
    }
}

fn line(visitor: &Visitor, place: Territory, t: TokenView) -> Device {
    let say = |key: &str, name: &str, value: &str| say(visitor, key, name, value);
    let date = |at: Timestamp| day(visitor.lang, at, place);
    let from = t.last_place.as_deref().map(|p| say("place", "place", p));
    let used = match t.last_used {
        Some(at) => [Some(say("used", "date", &date(at))), from].into_iter().flatten().collect::<Vec<_>>().join(" "),
        None => visitor.t("page.devices.never"),
    };
    Device {
        kind: visitor.t(&format!("word.purpose.{}", t.purpose)),
        until: t.expires.map(|at| say("until", "date", &date(at))),
        form: format!("/appareils/{}/revoquer", t.id),
        label: t.label,
        bal: t.bal,
        used,
    }
}

/// `GET /appareils`
pub(super) async fn show(visitor: Visitor) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    let place = visitor.op.place().await;
    let op = &visitor.op;
    let found = async { Ok::<_, Refusal>((op.own_tokens(actor).await?, op.own_sessions(actor).await?)) };
    match found.await {
        Ok((OwnTokens { tokens, shut, bals, personal, days }, sessions)) => {
            let devices = tokens.into_iter().map(|t| line(&visitor, place, t)).collect();
            let again = |t: TokenView| {
                let path = format!("/appareils/{}/admettre", t.id);
                Device { form: path, ..line(&visitor, place, t) }
            };
            let shut = shut.into_iter().map(again).collect();
            let browsers = sessions.into_iter().map(|s| open(&visitor, place, s)).collect();
            let (shell, certificates) = (visitor.shell("/appareils"), visitor.op.certifies_devices());
            let page = Devices { shell, devices, shut, browsers, bals, personal, days, certificates };
            visitor.screen(StatusCode::OK, &page)
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// A token to make.
#[derive(Deserialize)]
pub(super) struct New {
    label: String,
    /// Empty: the personal one, and what else the person has access to.
    #[serde(default)]
    bal: String,
    #[serde(default)]
    days: String,
}

/// What a program is told as user name: the address for a personal BAL, else the person and the BAL.
fn user(actor: &Actor, bal: Option<&str>, personal: Option<&str>) -> String {
    let login = match &actor.who {
        Who::Person(person) => person.login.as_str(),
        Who::Connector(_) | Who::System => "",
    };
    match (bal, personal) {
        (Some(bal), Some(own)) if bal == own => own.to_owned(),
        (Some(bal), _) => format!("{login}*{bal}"),
        (None, Some(own)) => own.to_owned(),
        (None, None) => login.to_owned(),
    }
}

/// `POST /appareils/jeton`: makes one, and shows it this once.
pub(super) async fn make(Sent(visitor, new): Sent<New>) -> Response {
    let made = async {
        let actor = visitor.actor.as_ref().map_err(Clone::clone)?;
        let bal = Some(new.bal.as_str()).filter(|b| !b.is_empty());
        let invalid = |_| Refusal::new(RefusalCode::Invalid).with("name", "days");
        let days = Some(new.days.trim()).filter(|d| !d.is_empty()).map(str::parse).transpose().map_err(invalid)?;
        let personal = visitor.op.own_tokens(actor).await?.personal;
        let (_, secret) = visitor.op.make_own_token(actor, &new.label, bal, days).await?;
        let user = user(actor, bal, personal.as_deref());
        let address = bal.or(personal.as_deref()).and_then(|a| a.parse::<Address>().ok());
        let setup = match address {
            Some(address) => visitor.op.mail_setup(address.domain()).await.ok(),
            None => None,
        };
        Ok::<_, Refusal>((user, secret, setup))
    };
    match made.await {
        Ok((user, secret, setup)) => {
            let page = Done { shell: visitor.shell("/appareils"), user, secret, setup };
            visitor.screen(StatusCode::OK, &page)
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// A certificate to make.
#[derive(Deserialize)]
pub(super) struct NewCertificate {
    label: String,
    #[serde(default)]
    bal: String,
    days: String,
    /// The device's own request; empty: we make the key.
    #[serde(default)]
    request: String,
}

#[derive(askama::Template)]
#[template(path = "device_certificate.html")]
struct Certified {
    shell: Shell,
    /// Ours and the authority's, PEM: for a device that has its own key.
    certificate: String,
    /// PKCS#12, in base64, and its password.
    packed: Option<(String, Zeroizing<String>)>,
}

/// `POST /appareils/certificat`: makes one, and shows it this once.
pub(super) async fn certify(Sent(visitor, new): Sent<NewCertificate>) -> Response {
    let made = async {
        let actor = visitor.actor.as_ref().map_err(Clone::clone)?;
        let invalid = |_| Refusal::new(RefusalCode::Invalid).with("name", "days");
        let request = Some(new.request.trim().as_bytes()).filter(|r| !r.is_empty());
        let bal = Some(new.bal.as_str()).filter(|b| !b.is_empty());
        let days = new.days.trim().parse().map_err(invalid)?;
        visitor.op.make_device_certificate(actor, NewDevice { label: &new.label, bal, days, request }).await
    };
    match made.await {
        Ok(made) => {
            let packed = made.packed.map(|p| (STANDARD.encode(&p.file), p.password));
            let page = Certified { shell: visitor.shell("/appareils"), certificate: made.certificate, packed };
            visitor.screen(StatusCode::OK, &page)
        }
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// For which BAL.
#[derive(Deserialize)]
pub(super) struct For {
    bal: String,
}

/// `POST /appareils/profil-apple`: a profile with a token of its own in it.
pub(super) async fn profile(Sent(visitor, wanted): Sent<For>) -> Response {
    let made = async {
        let actor = visitor.actor.as_ref().map_err(Clone::clone)?;
        let invalid = |_| Refusal::new(RefusalCode::Invalid).with("name", "bal");
        let address: Address = wanted.bal.parse().map_err(invalid)?;
        // What cannot be set up, or signed, makes no token.
        let setup = visitor.op.mail_setup(address.domain()).await?;
        let personal = visitor.op.own_tokens(actor).await?.personal;
        let user = user(actor, Some(&wanted.bal), personal.as_deref());
        apple::profile(&visitor.op, &setup, &address, (&user, None), visitor.lang, true).await?;
        let label = text(visitor.lang, "page.devices.apple_label", &[]);
        let (_, secret) = visitor.op.make_own_token(actor, &label, Some(&wanted.bal), None).await?;
        apple::profile(&visitor.op, &setup, &address, (&user, Some(&secret)), visitor.lang, true).await
    };
    match made.await {
        Ok(profile) => apple::given(profile),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// A form that holds nothing but our own word.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// `POST /appareils/{id}/revoquer`
pub(super) async fn revoke(Path(id): Path<i64>, Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match visitor.op.revoke_own_token(actor, id).await {
        Ok(()) => visitor.see("/appareils"),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /appareils/{id}/admettre`: what was shut out comes in again.
pub(super) async fn admit(Path(id): Path<i64>, Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match visitor.op.admit_again(actor, id).await {
        Ok(()) => visitor.see("/appareils"),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /appareils/navigateurs/{id}/fermer`: a session ends; one's own leaves.
pub(super) async fn close(Path(id): Path<i64>, Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match visitor.op.end_own_session(actor, id).await {
        Ok(()) if actor.credential == Some(id) => visitor.left("/connexion"),
        Ok(()) => visitor.see("/appareils"),
        Err(refusal) => visitor.refused(&refusal),
    }
}

/// `POST /appareils/navigateurs/autres`: every session but this one ends.
pub(super) async fn close_others(Sent(visitor, Nothing {}): Sent<Nothing>) -> Response {
    let actor = match visitor.signed_in() {
        Ok(actor) => actor,
        Err(answer) => return *answer,
    };
    match visitor.op.end_other_sessions(actor).await {
        Ok(_) => visitor.see("/appareils"),
        Err(refusal) => visitor.refused(&refusal),
    }
}
