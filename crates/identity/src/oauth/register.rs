//! A program registers itself (RFC 7591), where the operator allows it: programs on devices only. A server that keeps a secret is registered by somebody.
use super::{ClientKind, OauthError, Scopes, registrable};
use crate::jose::Claims;
use sceau_domain::plain;

/// Largest request, octets.
const MAX_BYTES: usize = 16 * 1024;
/// Most addresses of return.
const MAX_REDIRECTS: usize = 8;

/// What a program says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// As it will be shown to whoever consents. Nobody verified it: the page says so.
    pub name: String,
    /// Where browsers may be sent back to.
    pub redirects: Vec<String>,
    /// What it may ask for.
    pub scopes: Scopes,
}

/// Reads a registration (RFC 7591 §2). `most`: what such a program may ask for at all. [`OauthError::InvalidRedirectUri`],
/// [`OauthError::InvalidClientMetadata`].
pub fn registration(text: &[u8], most: Scopes) -> Result<Registration, OauthError> {
    let read = || {
        let said = crate::json::object(text, MAX_BYTES).map(Claims::from)?;
        let only = |name: &str, known: &[&str]| said.texts(name).is_ok_and(|all| all.iter().all(|v| known.contains(v)));
        // What is said must be what is offered to a program that keeps no secret; what is not said has another default in the standard.
        let public = said.text("token_endpoint_auth_method").ok()? == Some("none");
        let grants = only("grant_types", &["authorization_code", "refresh_token", super::grant::DEVICE_GRANT]);
        let offered = public && grants && only("response_types", &["code"]);
        // Keys and statements of others are not read: whoever sends them means more than what would be kept.
        let more = ["jwks", "jwks_uri", "software_statement"].iter().any(|name| said.has(name));
        let name = plain::name(said.text("client_name").ok()??, "client_name").ok()?;
        let scopes =
            Scopes::read(said.text("scope").ok()??).filter(|s| most.contains(*s) && !s.and(Scopes::MAIL).is_empty())?;
        let redirects: Vec<String> = said.texts("redirect_uris").ok()?.into_iter().map(str::to_owned).collect();
        (offered && !more).then_some(Registration { name, redirects, scopes })
    };
    let good = read().ok_or(OauthError::InvalidClientMetadata)?;
    let all = &good.redirects;
    let once = all.iter().enumerate().all(|(i, r)| !all[..i].contains(r));
    let listed = (1..=MAX_REDIRECTS).contains(&all.len()) && all.iter().all(|r| registrable(r, ClientKind::Native));
    if listed && once { Ok(good) } else { Err(OauthError::InvalidRedirectUri) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn with(name: &str, value: Value) -> Result<Registration, OauthError> {
        let mut all = json!({
            "client_name": "Lecteur", "redirect_uris": ["http://127.0.0.1/r"], "token_endpoint_auth_method": "none", "scope": "mail offline_access",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "logo_uri": "https://x.example/",
        });
        match value {
            Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
            value => all[name] = value,
        }
        registration(all.to_string().as_bytes(), Scopes::ALL)
    }

    #[test]
    fn rfc7591_2_a_program_registers_itself() {
        let good = with("x", json!(1)).unwrap();
        assert_eq!((good.name.as_str(), good.scopes, good.redirects.len()), ("Lecteur", Scopes::ALL, 1));
        for (name, value) in [
            ("token_endpoint_auth_method", json!(null)),
            ("token_endpoint_auth_method", json!("client_secret_basic")),
            ("grant_types", json!(["implicit"])),
            ("grant_types", json!({"a": 1})),
            ("response_types", json!(["token"])),
            ("client_name", json!(null)),
            ("client_name", json!("A\u{202e}B")),
            ("scope", json!(null)),
            ("scope", json!("openid")),
            ("scope", json!("offline_access")),
            ("software_statement", json!("e30.e30.x")),
            ("jwks_uri", json!("https://x.example/")),
            ("redirect_uris", json!([1])),
        ] {
            assert_eq!(with(name, value.clone()), Err(OauthError::InvalidClientMetadata), "{name} {value}");
        }
        let many: Vec<String> = (0..9).map(|n| format!("http://127.0.0.1/{n}")).collect();
        for bad in [
            json!(null),
            json!([]),
            json!(["http://a.example/r"]),
            json!(["javascript:/x"]),
            json!(many),
            json!(["https://a.example/", "https://a.example/"]),
        ] {
            assert_eq!(with("redirect_uris", bad.clone()), Err(OauthError::InvalidRedirectUri), "{bad}");
        }
        let twice = br#"{"client_name":"a","client_name":"b"}"#;
        assert_eq!(registration(twice, Scopes::ALL), Err(OauthError::InvalidClientMetadata));
    }

    #[test]
    fn it_may_not_have_more_than_such_programs_may() {
        let asked = json!({"client_name": "A", "redirect_uris": ["fr.a:/r"], "token_endpoint_auth_method": "none", "scope": "mail"}).to_string();
        assert!(registration(asked.as_bytes(), Scopes::MAIL).is_ok());
        assert_eq!(registration(asked.as_bytes(), Scopes::READ), Err(OauthError::InvalidClientMetadata));
    }
}
