//! Payloads of SASL mechanisms that carry a bearer token or name what a certificate logs in to, decoded from base64: OAUTHBEARER (RFC 7628), XOAUTH2
//! (its forerunner, by custom), EXTERNAL (RFC 4422 appendix A). SMTP and IMAP read them here alike; PLAIN and LOGIN are theirs, they differ.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sceau_domain::Address;
use serde_json::json;
use zeroize::Zeroizing;

/// Longest payload, octets: a token of an authorisation server has a few thousand.
pub const MAX: usize = 9_000;
/// Longest name, octets.
const MAX_NAME: usize = 512;

/// Who and with which token. The token is wiped when dropped and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The identity to act as, when one was named.
    pub login: Option<String>,
    /// The token.
    pub token: Zeroizing<String>,
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer(…)")
    }
}

/// `n,a=<login>,^Aauth=Bearer <token>^A…^A`. Channel binding is not offered; keys that are not known are passed over, each key once.
pub fn oauthbearer(payload: &[u8]) -> Option<Bearer> {
    let text = text(payload)?;
    let (gs2, rest) = text.split_once('\u{1}')?;
    let login = match gs2.split(',').collect::<Vec<_>>()[..] {
        ["n" | "y", "", ""] => None,
        ["n" | "y", authzid, ""] => Some(sasl_name(authzid.strip_prefix("a=")?)?),
        _ => return None,
    };
    bearer(login, rest.strip_suffix('\u{1}')?, &[])
}

/// `user=<login>^Aauth=Bearer <token>^A^A`.
pub fn xoauth2(payload: &[u8]) -> Option<Bearer> {
    let text = text(payload)?;
    let (user, rest) = text.strip_prefix("user=")?.split_once('\u{1}')?;
    let login = if user.is_empty() { None } else { Some(name(user)?) };
    bearer(login, rest.strip_suffix('\u{1}')?, &["user"])
}

/// The identity to act as: nothing, or one name.
pub fn external(payload: &[u8]) -> Option<Option<String>> {
    match std::str::from_utf8(payload).ok()? {
        "" => Some(None),
        authzid => name(authzid).map(Some),
    }
}

/// What a server answers to a token that it does not take, before the client's last word (RFC 7628 §3.2.2): JSON, in base64. `server`: where our own
/// authorisation server describes itself, when there is one.
pub fn oauthbearer_error(server: Option<&str>) -> String {
    let mut said = json!({ "status": "invalid_token", "scope": "mail" });
    if let Some(server) = server {
        said["openid-configuration"] = server.into();
    }
    STANDARD.encode(said.to_string())
}

/// The same for XOAUTH2, by custom.
pub fn xoauth2_error() -> String {
    STANDARD.encode(json!({ "status": "401", "schemes": "bearer", "scope": "mail" }).to_string())
}

fn text(payload: &[u8]) -> Option<&str> {
    if payload.len() > MAX { None } else { std::str::from_utf8(payload).ok() }
}

/// `key=value^A…`, one of them `auth`.
fn bearer(login: Option<String>, pairs: &str, taken: &[&str]) -> Option<Bearer> {
    let mut seen: Vec<&str> = taken.to_vec();
    let mut token = None;
    // Each pair has its own end, before the end of all (RFC 7628 §3.1).
    for pair in pairs.strip_suffix('\u{1}')?.split('\u{1}') {
        let (key, value) = pair.split_once('=')?;
        let word = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphabetic());
        let visible = value.bytes().all(|b| matches!(b, b'\t' | b'\r' | b'\n' | b' '..=b'~'));
        if !word || !visible || seen.contains(&key) || seen.len() > 8 {
            return None;
        }
        seen.push(key);
        if key == "auth" {
            let (scheme, value) = value.split_once(' ')?;
            // RFC 6750 §2.1: b64token.
            let value = value.trim_matches(' ');
            let b64token = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
            if !scheme.eq_ignore_ascii_case("Bearer") || value.is_empty() || !value.bytes().all(b64token) {
                return None;
            }
            token = Some(Zeroizing::new(value.to_owned()));
        }
    }
    Some(Bearer { login, token: token? })
}

/// A name without controls, bounded.
fn name(v: &str) -> Option<String> {
    let sound = !v.is_empty() && v.len() <= MAX_NAME && !v.chars().any(char::is_control);
    sound.then(|| v.to_owned())
}

/// `=2C` and `=3D` stand for comma and equals sign (RFC 5801 §4).
fn sasl_name(v: &str) -> Option<String> {
    let mut out = String::with_capacity(v.len());
    let mut rest = v;
    while let Some(at) = rest.find('=') {
        out.push_str(&rest[..at]);
        out.push(match rest.get(at..at + 3)? {
            "=2C" => ',',
            "=3D" => '=',
            _ => return None,
        });
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    name(&out)
}

/// Is this name the address of a BAL?
pub(super) fn address(name: &str) -> bool {
    !name.contains('*') && name.parse::<Address>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bearer: Option<Bearer>) -> Option<(Option<String>, String)> {
        bearer.map(|b| (b.login, b.token.to_string()))
    }

    #[test]
    fn both_mechanisms_name_a_login_and_a_token() {
        let want = |login: Option<&str>| Some((login.map(str::to_owned), "vF9dft4qmT".to_owned()));
        let payload = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmT\x01\x01";
        assert_eq!(read(oauthbearer(payload)), want(Some("user@example.com")));
        assert_eq!(read(oauthbearer(b"y,,\x01auth=bearer vF9dft4qmT\x01\x01")), want(None));
        assert_eq!(read(oauthbearer(b"n,a=a=2Cb=3D,\x01auth=Bearer  vF9dft4qmT\x01\x01")), want(Some("a,b=")));
        assert_eq!(
            read(xoauth2(b"user=user@example.com\x01auth=Bearer vF9dft4qmT\x01\x01")),
            want(Some("user@example.com"))
        );
        assert_eq!(read(xoauth2(b"user=\x01auth=Bearer vF9dft4qmT\x01\x01")), want(None));
    }

    #[test]
    fn errors_are_json() {
        let clear =
            |text: String| serde_json::from_slice::<serde_json::Value>(&STANDARD.decode(text).unwrap()).unwrap();
        assert_eq!(clear(oauthbearer_error(None)), json!({ "status": "invalid_token", "scope": "mail" }));
        let server = "https://mss.a.example/.well-known/oauth-authorization-server";
        assert_eq!(clear(oauthbearer_error(Some(server)))["openid-configuration"], server);
        assert_eq!(clear(xoauth2_error()), json!({ "status": "401", "schemes": "bearer", "scope": "mail" }));
    }

    #[test]
    fn what_is_none_of_them() {
        for bad in [
            &b""[..],
            b"n,,",
            b"n,,\x01\x01",
            b"n,,\x01auth=Bearer t\x01",
            b"n,,\x01auth=Basic t\x01\x01",
            b"n,,\x01auth=Bearer \x01\x01",
            b"n,,\x01auth=Bearer a b\x01\x01",
            b"n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01",
            b"p=tls-unique,,\x01auth=Bearer t\x01\x01",
            b"n,b=x,\x01auth=Bearer t\x01\x01",
            b"n,a==2Zx,\x01auth=Bearer t\x01\x01",
            b"n,a=x\0,\x01auth=Bearer t\x01\x01",
            b"n,a=,\x01auth=Bearer t\x01\x01",
            b"n,,\x01auth=Bearer \xff\x01\x01",
            b"n,,\x011=2\x01auth=Bearer t\x01\x01",
        ] {
            assert_eq!(oauthbearer(bad), None, "{bad:?}");
        }
        for bad in [
            &b"user=a"[..],
            b"auth=Bearer t\x01\x01",
            b"user=a\x01user=b\x01auth=Bearer t\x01\x01",
            b"user=a\r\nb\x01auth=Bearer t\x01\x01",
        ] {
            assert_eq!(xoauth2(bad), None, "{bad:?}");
        }
        let long = [b"user=a\x01auth=Bearer ".as_slice(), &[b'x'; MAX], b"\x01\x01"].concat();
        assert_eq!(xoauth2(&long), None);
        assert_eq!(
            (external(b""), external(b"a@b.test"), external(b"a\0b")),
            (Some(None), Some(Some("a@b.test".into())), None)
        );
        assert!(!format!("{:?}", xoauth2(b"user=a\x01auth=Bearer hunter2\x01\x01")).contains("hunter2"));
    }
}
