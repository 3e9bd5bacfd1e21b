//! A profile for Apple's Mail (iPhone, iPad, Mac): one account, signed with the certificate that programs are shown.
//!
//! What the profile forbids keeps mail in the trust space: messages are not moved to the device's other accounts, large attachments do not go by Apple's
//! servers, nor the addresses that were written to.
use super::{domain_of, headers, none};
use crate::State;
use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as AxumState};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::text::text;
use sceau_domain::{Address, Lang, Refusal};
use sceau_operator::Operator;
use sceau_operator::mail_setup::MailSetup;
use serde::Deserialize;

/// Whose settings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    emailaddress: Option<String>,
    lang: Option<String>,
}

#[derive(Template)]
#[template(path = "autoconfig/apple.xml")]
struct File<'a> {
    setup: &'a MailSetup,
    identifier: String,
    uuids: (String, String),
    description: String,
    address: String,
    user: &'a str,
    secret: Option<&'a str>,
    reading: u16,
    sending: u16,
}

/// `GET /mail/apple.mobileconfig?emailaddress=…`: without a secret; the device asks for it when the profile is installed.
pub(super) async fn answer(
    AxumState(State(op)): AxumState<State>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let address = asked.emailaddress.as_deref().unwrap_or_default();
    let (Some(domain), Ok(address)) = (domain_of(address), address.trim().parse::<Address>()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let lang = asked.lang.and_then(|l| l.parse().ok()).unwrap_or_default();
    let made = match op.mail_setup(&domain).await.and_then(MailSetup::told_with_password) {
        Ok(setup) => profile(&op, &setup, &address, (&address.to_string(), None), lang, false).await,
        Err(refusal) => Err(refusal),
    };
    made.map_or_else(|refusal| none(&refusal), given)
}

/// The profile of an account, signed. `login`: user name, and the secret where the profile brings it; `own`: whoever asks is signed in.
///
/// # Errors
/// `system.unavailable`: it cannot be signed here, or too many are asked for at once.
pub(crate) async fn profile(
    op: &Operator,
    setup: &MailSetup,
    address: &Address,
    (user, secret): (&str, Option<&str>),
    lang: Lang,
    own: bool,
) -> Result<Vec<u8>, Refusal> {
    let first = |ways: Vec<(u16, _)>| ways.first().map_or(0, |(port, _)| *port);
    // The same account has the same names: another profile of it takes the place of the first.
    let name = |what: &str| digest(&SHA256, format!("{what} {user} {}", address.key()).as_bytes());
    let tag: String = name("profile").as_ref()[..6].iter().map(|b| format!("{b:02x}")).collect();
    let mut host: Vec<&str> = setup.servers.host.split('.').collect();
    host.reverse();
    let file = File {
        setup,
        identifier: format!("{}.mail.{tag}", host.join(".")),
        uuids: (uuid(name("whole").as_ref()), uuid(name("account").as_ref())),
        description: text(lang, "page.apple.description", &[("operator", &setup.operator)]),
        address: address.to_string(),
        user,
        secret,
        reading: first(setup.servers.reading()),
        sending: first(setup.servers.sending()),
    };
    let plain = file.render().map_err(|_| Refusal::new(sceau_domain::RefusalCode::Unavailable))?;
    op.signed_document(plain.into_bytes(), own).await
}

/// A profile, to be installed.
pub(crate) fn given(profile: Vec<u8>) -> Response {
    let mut headers = headers("application/x-apple-aspen-config");
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"messagerie.mobileconfig\""),
    );
    (headers, profile).into_response()
}

/// A UUID that a name gives (RFC 9562 §5.8).
fn uuid(digest: &[u8]) -> String {
    let mut b = [0; 16];
    b.iter_mut().zip(digest).for_each(|(b, d)| *b = *d);
    (b[6], b[8]) = (b[6] & 0x0f | 0x80, b[8] & 0x3f | 0x80);
    let hex: String = b.iter().map(|b| format!("{b:02X}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_gives_the_same_uuid_each_time() {
        assert_eq!(super::uuid(&[0xff; 32]), "FFFFFFFF-FFFF-8FFF-BFFF-FFFFFFFFFFFF");
        assert_eq!(super::uuid(&[0; 32]), "00000000-0000-8000-8000-000000000000");
    }
}
