//! ESMTP parameters of MAIL and RCPT (RFC 5321 §4.1.2): `KEY` or `KEY=VALUE`, each at most once, only what was announced.
use sceau_domain::dsn::{EnvelopeId, OriginalRecipient, RcptRequest, Ret, xtext_decode};
use sceau_operator::mail::Body;

/// Most parameters of one command. All known ones together are 9.
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
    /// CHUNKING with BINARYMIME (RFC 3030).
    pub chunking: bool,
    /// REQUIRETLS (RFC 8689).
    pub requiretls: bool,
}

impl Announced {
    /// Everything.
    pub const ALL: Self =
        Self { size: true, eight_bit: true, smtputf8: true, auth: true, dsn: true, chunking: true, requiretls: true };
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
    /// BODY.
    pub body: Body,
    /// SMTPUTF8.
    pub smtputf8: bool,
    /// AUTH, decoded; `Some("")` for `<>`. Never trusted: who sends is known by the session.
    pub auth: Option<String>,
    /// RET.
    pub ret: Option<Ret>,
    /// ENVID, decoded.
    pub envid: Option<EnvelopeId>,
    /// REQUIRETLS.
    pub requiretls: bool,
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
                    out.body = match v.to_ascii_uppercase().as_str() {
                        "7BIT" => Body::SevenBit,
                        "8BITMIME" => Body::EightBit,
                        "BINARYMIME" if announced.chunking => Body::Binary,
                        _ => return Err(Unknown),
                    }
                }
                ("SMTPUTF8", None) if announced.smtputf8 => out.smtputf8 = true,
                ("REQUIRETLS", None) if announced.requiretls => out.requiretls = true,
                ("AUTH", Some(v)) if announced.auth => {
                    out.auth = Some(if v == "<>" { String::new() } else { visible(v).ok_or(Malformed)? });
                }
                ("RET", Some(v)) if announced.dsn => {
                    out.ret = Some(v.parse().map_err(|_| Malformed)?);
                }
                ("ENVID", Some(v)) if announced.dsn => {
                    out.envid = Some(EnvelopeId::from_wire(v).map_err(|_| Malformed)?);
                }
                (key, _) => return Err(refused(key, announced)),
            }
        }
        Ok(out)
    }
}

/// Reads what follows the path of RCPT.
///
/// # Errors
/// See [`ParameterError`].
pub fn rcpt(text: &str, announced: &Announced) -> Result<RcptRequest, ParameterError> {
    use ParameterError::Malformed;
    let mut out = RcptRequest::default();
    for (key, value) in pairs(text)? {
        match (key.as_str(), value) {
            ("NOTIFY", Some(v)) if announced.dsn => out.notify = Some(v.parse().map_err(|_| Malformed)?),
            ("ORCPT", Some(v)) if announced.dsn => {
                out.orcpt = Some(OriginalRecipient::from_wire(v).map_err(|_| Malformed)?);
            }
            (key, _) => return Err(refused(key, announced)),
        }
    }
    Ok(out)
}

/// A key that is known and announced came with a value where none belongs, or without one: malformed. Any other: unknown.
fn refused(key: &str, a: &Announced) -> ParameterError {
    let known = match key {
        "SIZE" => a.size,
        "BODY" => a.eight_bit,
        "SMTPUTF8" => a.smtputf8,
        "REQUIRETLS" => a.requiretls,
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

/// Decodes xtext that must be visible text.
fn visible(v: &str) -> Option<String> {
    xtext_decode(v).ok().filter(|s| !s.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ParameterError::{Malformed, Unknown};
    use sceau_domain::dsn::Notify;

    const ALL: Announced = Announced::ALL;

    #[test]
    fn every_parameter_when_announced() {
        let text = " SIZE=1000 body=8bitmime SMTPUTF8 AUTH=e+3Dmc2@example.test RET=HDRS ENVID=QQ+2B314 REQUIRETLS ";
        assert_eq!(
            MailParameters::parse(text, &ALL),
            Ok(MailParameters {
                size: Some(1000),
                body: Body::EightBit,
                smtputf8: true,
                auth: Some("e=mc2@example.test".into()),
                ret: Some(Ret::Headers),
                envid: EnvelopeId::new("QQ+314").ok(),
                requiretls: true,
            })
        );
        assert_eq!(MailParameters::parse(" AUTH=<>", &ALL).map(|p| p.auth), Ok(Some(String::new())));
        let asked = rcpt(" NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob+2BX@a.test", &ALL).unwrap();
        assert_eq!(asked.notify, Some(Notify { success: true, delay: true, failure: false }));
        assert_eq!(asked.orcpt, OriginalRecipient::new("rfc822", "Bob+X@a.test").ok());
        assert_eq!(rcpt(" NOTIFY=never", &ALL).unwrap().notify, Some(Notify::NEVER));
        assert_eq!(MailParameters::parse("", &ALL), Ok(MailParameters::default()));
    }

    #[test]
    fn what_was_not_announced_is_unknown() {
        for text in [
            " SIZE=1",
            " BODY=7BIT",
            " SMTPUTF8",
            " AUTH=<>",
            " RET=FULL",
            " ENVID=x",
            " REQUIRETLS",
            " FOO",
            " FOO=bar",
        ] {
            assert_eq!(MailParameters::parse(text, &Announced::default()), Err(Unknown), "{text}");
        }
        for text in [" NOTIFY=NEVER", " ORCPT=rfc822;a@b.test", " SIZE=1"] {
            assert_eq!(rcpt(text, &Announced::default()), Err(Unknown), "{text}");
        }
        assert_eq!(MailParameters::parse(" BODY=BINARYMIME", &ALL).map(|p| p.body), Ok(Body::Binary));
        let without = Announced { chunking: false, ..ALL };
        assert_eq!(MailParameters::parse(" BODY=BINARYMIME", &without), Err(Unknown));
        assert_eq!(MailParameters::parse(" BODY=9BIT", &ALL), Err(Unknown));
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
            " ENVID=x+0D+0ARCPT+20TO:<a@b.test>",
            " AUTH=a+0D+0Ab",
            " AUTH=+00",
            " REQUIRETLS=yes",
            " REQUIRETLS REQUIRETLS",
            " ENVID=a+2",
            " SIZE=1\t",
        ] {
            assert_eq!(MailParameters::parse(text, &ALL), Err(Malformed), "{text}");
        }
        for text in [
            " NOTIFY=",
            " NOTIFY=NEVER,SUCCESS",
            " NOTIFY=DELAY,DELAY",
            " ORCPT=a@b.test",
            " ORCPT=;a",
            " NOTIFY",
            " ORCPT=rfc822;a+0D+0AX:+20y",
        ] {
            assert_eq!(rcpt(text, &ALL), Err(Malformed), "{text}");
        }
        let many: String = (0..17).map(|i| format!(" K{i}")).collect();
        assert_eq!(MailParameters::parse(&many, &ALL), Err(Malformed));
        assert_eq!(MailParameters::parse(&format!(" ENVID={}", "a".repeat(501)), &ALL), Err(Malformed));
        assert_eq!(MailParameters::parse(" SIZE=99999999999999999999", &ALL).unwrap().size, Some(u64::MAX));
    }
}
