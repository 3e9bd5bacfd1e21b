//! AUTHENTICATE (RFC 9051 §6.2.2), with or without initial response (SASL-IR, RFC 4959): PLAIN (RFC 4616), XOAUTH2 and OAUTHBEARER (RFC 7628) with
//! bearer tokens, EXTERNAL (RFC 4422) with the certificate of the handshake.
use super::login;
use crate::codec::Secret;
use crate::session::{Done, Session, Stop};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::login::sasl;
use zeroize::Zeroizing;

/// Longest client response, base64 and all.
const RESPONSE_MAX: usize = 12_288;

pub(crate) async fn run(s: &mut Session, mechanism: &str, initial: Option<Secret>) -> Done {
    login::may(s)?;
    if !matches!(mechanism, "PLAIN" | "XOAUTH2" | "OAUTHBEARER" | "EXTERNAL") {
        return Err(Stop::No(Refusal::new(RefusalCode::SyntaxUnknown).with("name", "AUTHENTICATE")));
    }
    let response = match initial {
        Some(initial) => Zeroizing::new(initial.expose().as_bytes().to_vec()),
        None => {
            s.out.raw("+ ").end();
            Zeroizing::new(s.raw_line(RESPONSE_MAX).await?)
        }
    };
    if response.as_slice() == b"*" {
        return Err(Stop::syntax("AUTHENTICATE was cancelled"));
    }
    let wrong = || Stop::syntax("the response is not what the mechanism asks for");
    match mechanism {
        "PLAIN" => {
            let (login, token) = read_plain(&response).ok_or_else(wrong)?;
            login::check(s, &login, &token).await
        }
        "EXTERNAL" => {
            let bal = sasl::external(&clear(&response).ok_or_else(wrong)?).ok_or_else(wrong)?;
            let chain = s.conn.tls().map(|t| t.peer.as_slice()).unwrap_or_default();
            let actor = s.operator.login_certificate(chain, bal.as_deref(), &s.origin).await?;
            login::enter(s, actor).await
        }
        _ => {
            let said = clear(&response).ok_or_else(wrong)?;
            let given = if mechanism == "XOAUTH2" { sasl::xoauth2(&said) } else { sasl::oauthbearer(&said) };
            let given = given.ok_or_else(wrong)?;
            match s.operator.login_bearer(&given, &s.origin).await {
                Ok(actor) => login::enter(s, actor).await,
                Err(refusal) => {
                    if !refusal.is_temporary() {
                        // The client says one thing more, whatever it is, before it hears the end (RFC 7628 §3.2.3).
                        let error = s.operator.bearer_error(mechanism);
                        s.out.raw("+ ").text(&error).end();
                        s.raw_line(RESPONSE_MAX).await?;
                    }
                    Err(refusal.into())
                }
            }
        }
    }
}

/// A response out of base64; `=` is the empty initial one.
fn clear(response: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let clear = if response == b"=" { Vec::new() } else { STANDARD.decode(response).ok()? };
    Some(Zeroizing::new(clear))
}

/// `[authzid] NUL authcid NUL password` in base64. An authorisation identity other than the authentication identity names
/// the BAL: `authcid*authzid`.
fn read_plain(response: &[u8]) -> Option<(String, Secret)> {
    let clear = clear(response)?;
    let mut parts = clear.split(|&b| b == 0);
    let (bal, user, token) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || user.is_empty() {
        return None;
    }
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let (bal, user) = (text(bal)?, text(user)?);
    let login = if bal.is_empty() || bal == user || user.contains('*') { user } else { format!("{user}*{bal}") };
    Some((login, Secret::new(text(token)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(clear: &str) -> Option<(String, String)> {
        read_plain(STANDARD.encode(clear).as_bytes()).map(|(l, t)| (l, t.expose().to_owned()))
    }

    #[test]
    fn responses() {
        assert_eq!(plain("\0camille\0t"), Some(("camille".into(), "t".into())));
        assert_eq!(plain("camille\0camille\0t"), Some(("camille".into(), "t".into())));
        assert_eq!(plain("accueil@x.example\0camille\0t"), Some(("camille*accueil@x.example".into(), "t".into())));
        assert_eq!(plain("\0camille*accueil@x.example\0t"), Some(("camille*accueil@x.example".into(), "t".into())));
        for bad in ["", "camille", "a\0b", "a\0b\0c\0d", "a\0\0c"] {
            assert_eq!(plain(bad), None, "{bad:?}");
        }
        assert!(read_plain(b"=").is_none());
        assert!(read_plain(b"!!!").is_none());
    }
}
