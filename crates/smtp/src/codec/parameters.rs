//! ESMTP parameters of MAIL and RCPT (RFC 5321 §4.1.2): `KEY` or `KEY=VALUE`, each at most once, only what was announced.

/// Most parameters of one command. All known ones together are 10.
pub const MAX: usize = 16;
/// Longest value in octets (ORCPT: RFC 3461 §4.2).
pub const MAX_VALUE: usize = 500;

/// What a server announced, and so accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Announced {
    /// SIZE (RFC 1870).
    pub size: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// AUTH (RFC 4954).
    pub auth: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
}

/// Why parameters were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// Not announced, or not known: `555` (RFC 5321 §4.1.1.11).
    #[error("parameter not recognised")]
    Unknown,
    /// Malformed, given twice, or too many: `501`.
    #[error("malformed parameter")]
    Malformed,
}

/// Parameters of MAIL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailParameters {
    /// SIZE, in octets.
    pub size: Option<u64>,
    /// BODY=8BITMIME.
    pub body_8bit: bool,
    /// SMTPUTF8.
    pub smtputf8: bool,
    /// AUTH, decoded; `Some("")` for `<>`. Never trusted: who sends is known by the session.
    pub auth: Option<String>,
    /// RET: `true` asks for the full message.
    pub ret_full: Option<bool>,
    /// ENVID, decoded.
    pub envid: Option<String>,
}

/// Parameters of RCPT.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RcptParameters {
    /// NOTIFY.
    pub notify: Option<Notify>,
    /// ORCPT: address type, decoded address.
    pub orcpt: Option<(String, String)>,
}

/// When the sender wants a report (RFC 3461 §4.1); all false is `NEVER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // the keywords of the same names
pub struct Notify {
    pub success: bool,
    pub failure: bool,
    pub delay: bool,
}

impl MailParameters {
    /// Reads what follows the path (empty, or a space and the parameters).
    ///
    /// # Errors
    /// See [`ParameterError`].
    pub fn parse(text: &str, announced: &Announced) -> Result<Self, ParameterError> {
        use ParameterError::{Malformed, Unknown};
        let mut out = Self::default();
        for (key, value) in pairs(text)? {
            match (key.as_str(), value) {
                ("SIZE", Some(v)) if announced.size => out.size = Some(size(v).ok_or(Malformed)?),
                ("BODY", Some(v)) if announced.eight_bit => {
                    out.body_8bit = match v.to_ascii_uppercase().as_str() {
                        "7BIT" => false,
                        "8BITMIME" => true,
                        // BINARYMIME needs CHUNKING, which is not announced.
                        _ => return Err(Unknown),
                    }
                }
                ("SMTPUTF8", None) if announced.smtputf8 => out.smtputf8 = true,
                ("AUTH", Some(v)) if announced.auth => {
                    out.auth = Some(if v == "<>" { String::new() } else { xtext(v).ok_or(Malformed)? });
                }
                ("RET", Some(v)) if announced.dsn => {
                    out.ret_full = Some(match v.to_ascii_uppercase().as_str() {
                        "FULL" => true,
                        "HDRS" => false,
                        _ => return Err(Malformed),
                    });
                }
                ("ENVID", Some(v)) if announced.dsn => {
                    out.envid = Some(xtext(v).filter(|e| e.len() <= 100).ok_or(Malformed)?);
                }
                (key, _) => return Err(refused(key, announced)),
            }
        }
        Ok(out)
    }
}

impl RcptParameters {
    /// Reads what follows the path.
    ///
    /// # Errors
    /// See [`ParameterError`].
    pub fn parse(text: &str, announced: &Announced) -> Result<Self, ParameterError> {
        use ParameterError::Malformed;
        let mut out = Self::default();
        for (key, value) in pairs(text)? {
            match (key.as_str(), value) {
                ("NOTIFY", Some(v)) if announced.dsn => out.notify = Some(notify(v).ok_or(Malformed)?),
                ("ORCPT", Some(v)) if announced.dsn => {
                    let (kind, address) = v.split_once(';').ok_or(Malformed)?;
                    if kind.is_empty() || !kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                        return Err(Malformed);
                    }
                    out.orcpt = Some((kind.to_owned(), xtext(address).ok_or(Malformed)?));
                }
                (key, _) => return Err(refused(key, announced)),
            }
        }
        Ok(out)
    }
}

/// A key that is known and announced came with a value where none belongs, or without one: malformed. Any other: unknown.
fn refused(key: &str, a: &Announced) -> ParameterError {
    let known = match key {
        "SIZE" => a.size,
        "BODY" => a.eight_bit,
        "SMTPUTF8" => a.smtputf8,
        "AUTH" => a.auth,
        "RET" | "ENVID" | "NOTIFY" | "ORCPT" => a.dsn,
        _ => false,
    };
    if known { ParameterError::Malformed } else { ParameterError::Unknown }
}

/// The parameters of `text`, keys in upper case, each once.
fn pairs(text: &str) -> Result<Vec<(String, Option<&str>)>, ParameterError> {
    let mut out: Vec<(String, Option<&str>)> = Vec::new();
    let text = text.trim_end_matches(' ');
    if text.is_empty() {
        return Ok(out);
    }
    if !text.starts_with(' ') {
        return Err(ParameterError::Malformed);
    }
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let (key, value) = word.split_once('=').map_or((word, None), |(k, v)| (k, Some(v)));
        let keyword = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && key.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let sound = value.is_none_or(|v| {
            !v.is_empty() && v.len() <= MAX_VALUE && v.bytes().all(|b| (33..=126).contains(&b) && b != b'=' || b > 127)
        });
        let key = key.to_ascii_uppercase();
        if !keyword || !sound || out.len() == MAX || out.iter().any(|(k, _)| *k == key) {
            return Err(ParameterError::Malformed);
        }
        out.push((key, value));
    }
    Ok(out)
}

/// RFC 1870 §3: up to 20 digits; what is beyond 64 bits is too big for anyone.
fn size(v: &str) -> Option<u64> {
    (v.len() <= 20 && v.bytes().all(|b| b.is_ascii_digit())).then(|| v.parse().unwrap_or(u64::MAX))
}

fn notify(v: &str) -> Option<Notify> {
    if v.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::default());
    }
    let mut out = Notify::default();
    for word in v.split(',') {
        let flag = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut out.success,
            "FAILURE" => &mut out.failure,
            "DELAY" => &mut out.delay,
            _ => return None,
        };
        if std::mem::replace(flag, true) {
            return None;
        }
    }
    Some(out)
}

/// Decodes xtext (RFC 3461 §4); what it encodes must be visible text.
fn xtext(v: &str) -> Option<String> {
    let mut out = Vec::with_capacity(v.len());
    let mut bytes = v.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'+' => {
                let hex = [bytes.next()?, bytes.next()?];
                // Upper case only, as the RFC writes it: one encoding for one value.
                if !hex.iter().all(|h| matches!(h, b'0'..=b'9' | b'A'..=b'F')) {
                    return None;
                }
                u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?
            }
            b => b,
        });
    }
    String::from_utf8(out).ok().filter(|s| !s.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ParameterError::{Malformed, Unknown};

    const ALL: Announced = Announced { size: true, eight_bit: true, smtputf8: true, auth: true, dsn: true };

    #[test]
    fn every_parameter_when_announced() {
        let text = " SIZE=1000 body=8bitmime SMTPUTF8 AUTH=e+3Dmc2@example.test RET=HDRS ENVID=QQ+2B314 ";
        assert_eq!(
            MailParameters::parse(text, &ALL),
            Ok(MailParameters {
                size: Some(1000),
                body_8bit: true,
                smtputf8: true,
                auth: Some("e=mc2@example.test".into()),
                ret_full: Some(false),
                envid: Some("QQ+314".into()),
            })
        );
        assert_eq!(MailParameters::parse(" AUTH=<>", &ALL).map(|p| p.auth), Ok(Some(String::new())));
        let rcpt = RcptParameters::parse(" NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob+2BX@a.test", &ALL).unwrap();
        assert_eq!(rcpt.notify, Some(Notify { success: true, delay: true, failure: false }));
        assert_eq!(rcpt.orcpt, Some(("rfc822".into(), "Bob+X@a.test".into())));
        assert_eq!(RcptParameters::parse(" NOTIFY=never", &ALL).unwrap().notify, Some(Notify::default()));
        assert_eq!(MailParameters::parse("", &ALL), Ok(MailParameters::default()));
    }

    #[test]
    fn what_was_not_announced_is_unknown() {
        for text in [" SIZE=1", " BODY=7BIT", " SMTPUTF8", " AUTH=<>", " RET=FULL", " ENVID=x", " FOO", " FOO=bar"] {
            assert_eq!(MailParameters::parse(text, &Announced::default()), Err(Unknown), "{text}");
        }
        for text in [" NOTIFY=NEVER", " ORCPT=rfc822;a@b.test", " SIZE=1"] {
            assert_eq!(RcptParameters::parse(text, &Announced::default()), Err(Unknown), "{text}");
        }
        assert_eq!(MailParameters::parse(" BODY=BINARYMIME", &ALL), Err(Unknown));
    }

    #[test]
    fn what_is_malformed() {
        for text in [
            "SIZE=1",
            " SIZE",
            " SIZE=",
            " SIZE=-1",
            " SIZE=1e3",
            " SIZE=123456789012345678901",
            " SIZE=1 SIZE=1",
            " size=1 SIZE=2",
            " BODY",
            " SMTPUTF8=1",
            " =x",
            " -A=1",
            " A=b=c",
            " RET=ALL",
            " ENVID=+zz",
            " ENVID=+0A",
            " ENVID=a+2",
            " SIZE=1\t",
        ] {
            assert_eq!(MailParameters::parse(text, &ALL), Err(Malformed), "{text}");
        }
        for text in
            [" NOTIFY=", " NOTIFY=NEVER,SUCCESS", " NOTIFY=DELAY,DELAY", " ORCPT=a@b.test", " ORCPT=;a", " NOTIFY"]
        {
            assert_eq!(RcptParameters::parse(text, &ALL), Err(Malformed), "{text}");
        }
        let many: String = (0..17).map(|i| format!(" K{i}")).collect();
        assert_eq!(MailParameters::parse(&many, &ALL), Err(Malformed));
        assert_eq!(MailParameters::parse(&format!(" ENVID={}", "a".repeat(501)), &ALL), Err(Malformed));
        assert_eq!(MailParameters::parse(" SIZE=99999999999999999999", &ALL).unwrap().size, Some(u64::MAX));
    }
}
