//! What a sender asks for about reports (RFC 3461): when to hear of each recipient, under which name, with how much of the message.
//!
//! Promises: a value that stands here can be written on the wire and into a report as it is: no control character, no line break, bounded. What was
//! encoded (xtext, RFC 3461 §4; `\x{…}` of international addresses, RFC 6533 §3) is decoded here and encoded again where it leaves.
use std::fmt;
use std::str::FromStr;

/// Longest original recipient, decoded, octets (RFC 3461 §4.2: 500 as written).
pub const MAX_ORIGINAL: usize = 500;
/// Longest envelope identifier, decoded, octets (RFC 3461 §4.4).
pub const MAX_ENVID: usize = 100;
/// Longest type of an address, octets.
const MAX_KIND: usize = 40;

/// When the sender wants a report about a recipient (RFC 3461 §4.1). All false is `NEVER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(missing_docs)] // the keywords of the same names
pub struct Notify {
    pub success: bool,
    pub failure: bool,
    pub delay: bool,
}

impl Notify {
    /// `NEVER`: no report, whatever happens.
    pub const NEVER: Self = Self { success: false, failure: false, delay: false };
    /// What holds where nothing was asked: failures and delays (RFC 3461 §4.1).
    pub const USUAL: Self = Self { success: false, failure: true, delay: true };

    /// As a number, to be kept: success 1, failure 2, delay 4.
    pub fn bits(self) -> i64 {
        i64::from(self.success) | i64::from(self.failure) << 1 | i64::from(self.delay) << 2
    }
    /// Reads [`Notify::bits`]; bits beyond are nothing.
    pub fn from_bits(bits: i64) -> Self {
        Self { success: bits & 1 != 0, failure: bits & 2 != 0, delay: bits & 4 != 0 }
    }
}

impl fmt::Display for Notify {
    /// The value of NOTIFY.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.success, "SUCCESS"), (self.failure, "FAILURE"), (self.delay, "DELAY")];
        let words: Vec<&str> = words.into_iter().filter_map(|(on, word)| on.then_some(word)).collect();
        if words.is_empty() { f.write_str("NEVER") } else { f.write_str(&words.join(",")) }
    }
}

/// This is no value of a DSN parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed request about reports")]
pub struct Malformed;

impl FromStr for Notify {
    type Err = Malformed;
    /// `NEVER`, or words each at most once, in any case and order.
    fn from_str(v: &str) -> Result<Self, Malformed> {
        if v.eq_ignore_ascii_case("NEVER") {
            return Ok(Self::NEVER);
        }
        let mut out = Self::NEVER;
        for word in v.split(',') {
            let flag = match word.to_ascii_uppercase().as_str() {
                "SUCCESS" => &mut out.success,
                "FAILURE" => &mut out.failure,
                "DELAY" => &mut out.delay,
                _ => return Err(Malformed),
            };
            if std::mem::replace(flag, true) {
                return Err(Malformed);
            }
        }
        Ok(out)
    }
}

/// How much of the message a report of failure brings back (RFC 3461 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ret {
    /// All of it.
    Full,
    /// Its header.
    Headers,
}

impl Ret {
    /// The value of RET.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Headers => "HDRS",
        }
    }
}

impl FromStr for Ret {
    type Err = Malformed;
    fn from_str(v: &str) -> Result<Self, Malformed> {
        [Self::Full, Self::Headers].into_iter().find(|r| v.eq_ignore_ascii_case(r.as_str())).ok_or(Malformed)
    }
}

/// The recipient as the sender first wrote it (RFC 3461 §4.2, RFC 6533 §3). `Display` is the field of a report: `rfc822;anne@alpha.test`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OriginalRecipient {
    kind: String,
    address: String,
}

impl OriginalRecipient {
    /// A type (`rfc822`, `utf-8`…) and an address of that type, decoded.
    ///
    /// # Errors
    /// A type that is no word, an address that is empty, too long, or not visible text; outside `utf-8`, not ASCII.
    pub fn new(kind: &str, address: &str) -> Result<Self, Malformed> {
        let word = (1..=MAX_KIND).contains(&kind.len())
            && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && kind.as_bytes()[0] != b'-';
        let international = kind.eq_ignore_ascii_case(UTF8);
        let sound = (1..=MAX_ORIGINAL).contains(&address.len()) && is_visible(address);
        if !word || !sound || !(international || address.is_ascii()) {
            return Err(Malformed);
        }
        Ok(Self { kind: kind.to_ascii_lowercase(), address: address.to_owned() })
    }
    /// Reads the value of ORCPT as it stands on the wire.
    ///
    /// # Errors
    /// As [`OriginalRecipient::new`]; or badly encoded.
    pub fn from_wire(v: &str) -> Result<Self, Malformed> {
        let (kind, address) = v.split_once(';').ok_or(Malformed)?;
        let mut address = xtext_decode(address)?;
        if kind.eq_ignore_ascii_case(UTF8) {
            address = unicode_decode(&address)?;
        }
        Self::new(kind, &address)
    }
    /// The value of ORCPT, in ASCII whatever the address holds; none when it would be longer than a server must take.
    pub fn to_wire(&self) -> Option<String> {
        let address = if self.kind == UTF8 { unicode_encode(&self.address) } else { xtext_encode(&self.address) };
        let wire = format!("{};{address}", self.kind);
        (wire.len() <= MAX_ORIGINAL).then_some(wire)
    }
    /// Type, in lower case.
    pub fn kind(&self) -> &str {
        &self.kind
    }
    /// Address, decoded.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Display for OriginalRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{}", self.kind, self.address)
    }
}

impl FromStr for OriginalRecipient {
    type Err = Malformed;
    /// Reads what `Display` wrote.
    fn from_str(v: &str) -> Result<Self, Malformed> {
        let (kind, address) = v.split_once(';').ok_or(Malformed)?;
        Self::new(kind, address)
    }
}

/// What identifies a sending to the sender (RFC 3461 §4.4). `Display` gives it decoded, as in a report.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EnvelopeId(String);

impl EnvelopeId {
    /// An identifier, decoded.
    ///
    /// # Errors
    /// Empty, too long, or not printable ASCII.
    pub fn new(id: &str) -> Result<Self, Malformed> {
        let sound = (1..=MAX_ENVID).contains(&id.len()) && id.bytes().all(|b| (b' '..=b'~').contains(&b));
        if sound { Ok(Self(id.to_owned())) } else { Err(Malformed) }
    }
    /// Reads the value of ENVID as it stands on the wire.
    ///
    /// # Errors
    /// As [`EnvelopeId::new`]; or badly encoded.
    pub fn from_wire(v: &str) -> Result<Self, Malformed> {
        Self::new(&xtext_decode(v)?)
    }
    /// The value of ENVID.
    pub fn to_wire(&self) -> String {
        xtext_encode(&self.0)
    }
    /// Decoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was asked at MAIL, for the whole sending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailRequest {
    /// RET; nothing asked leaves it to us.
    pub ret: Option<Ret>,
    /// ENVID.
    pub envid: Option<EnvelopeId>,
}

/// What was asked at RCPT, for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RcptRequest {
    /// NOTIFY; see [`RcptRequest::wants`] for what holds without it.
    pub notify: Option<Notify>,
    /// ORCPT.
    pub orcpt: Option<OriginalRecipient>,
}

impl RcptRequest {
    /// When to report: what was asked, or [`Notify::USUAL`].
    pub fn wants(&self) -> Notify {
        self.notify.unwrap_or(Notify::USUAL)
    }
}

/// The address type of international addresses (RFC 6533 §3).
const UTF8: &str = "utf-8";

/// Neither a control character nor a line break of any script.
fn is_visible(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'))
}

/// Decodes xtext (RFC 3461 §4): `+` and two upper-case hexadecimal digits are an octet.
///
/// # Errors
/// Badly encoded, or not UTF-8 once decoded. Controls are *not* refused here: whoever builds a value from it does.
pub fn xtext_decode(v: &str) -> Result<String, Malformed> {
    let mut out = Vec::with_capacity(v.len());
    let mut bytes = v.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'+' => {
                let mut digit = || match bytes.next() {
                    // Upper case only, as the RFC writes it: one encoding for one value.
                    Some(b @ b'0'..=b'9') => Ok(b - b'0'),
                    Some(b @ b'A'..=b'F') => Ok(b - b'A' + 10),
                    _ => Err(Malformed),
                };
                let high = digit()?;
                high << 4 | digit()?
            }
            b => b,
        });
    }
    String::from_utf8(out).map_err(|_| Malformed)
}

/// Encodes xtext (RFC 3461 §4).
pub fn xtext_encode(v: &str) -> String {
    let mut out = String::with_capacity(v.len());
    for b in v.bytes() {
        match b {
            b'!'..=b'~' if b != b'+' && b != b'=' => out.push(char::from(b)),
            b => out.push_str(&format!("+{b:02X}")),
        }
    }
    out
}

/// Decodes `\x{HEX}` (RFC 6533 §3).
fn unicode_decode(v: &str) -> Result<String, Malformed> {
    let mut out = String::with_capacity(v.len());
    let mut rest = v;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let hex = rest[at..].strip_prefix("\\x{").ok_or(Malformed)?;
        let (digits, after) = hex.split_once('}').ok_or(Malformed)?;
        let sound = (2..=6).contains(&digits.len()) && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
        let code = u32::from_str_radix(digits, 16).ok().filter(|_| sound);
        out.push(code.and_then(char::from_u32).ok_or(Malformed)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Encodes what is not plain visible ASCII as `\x{HEX}` (RFC 6533 §3).
fn unicode_encode(v: &str) -> String {
    let mut out = String::with_capacity(v.len());
    for c in v.chars() {
        match c {
            '!'..='~' if !matches!(c, '+' | '=' | '\\') => out.push(c),
            c => out.push_str(&format!("\\x{{{:02X}}}", u32::from(c))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn notify_in_any_case_each_word_once() {
        assert_eq!("never".parse(), Ok(Notify::NEVER));
        assert_eq!("delay,SUCCESS".parse(), Ok(Notify { success: true, failure: false, delay: true }));
        for bad in ["", "NEVER,SUCCESS", "DELAY,DELAY", "DELAY,", "SOON"] {
            assert_eq!(bad.parse::<Notify>(), Err(Malformed), "{bad}");
        }
        for bits in 0..8 {
            let notify = Notify::from_bits(bits);
            assert_eq!((notify.bits(), notify.to_string().parse()), (bits, Ok(notify)));
        }
        assert_eq!(RcptRequest::default().wants(), Notify::USUAL);
        assert_eq!(RcptRequest { notify: Some(Notify::NEVER), orcpt: None }.wants(), Notify::NEVER);
        assert_eq!(
            ("full".parse(), "Hdrs".parse(), "ALL".parse::<Ret>()),
            (Ok(Ret::Full), Ok(Ret::Headers), Err(Malformed))
        );
    }

    #[test]
    fn original_recipients_as_they_are_written() {
        let read = |v: &str| OriginalRecipient::from_wire(v).map(|o| o.to_string());
        assert_eq!(read("rfc822;Bob+2BX@a.test").as_deref(), Ok("rfc822;Bob+X@a.test"));
        assert_eq!(read("RFC822;\"a+20b\"@a.test").as_deref(), Ok("rfc822;\"a b\"@a.test"));
        assert_eq!(read("utf-8;ann\\x{E9}\\x{1F600}@a.test").as_deref(), Ok("utf-8;anné😀@a.test"));
        assert_eq!(read("utf-8;anné\\x{2B}x@a.test").as_deref(), Ok("utf-8;anné+x@a.test"));
        for bad in [
            "a@b.test",
            ";a@b.test",
            "rfc822;",
            "rfc 822;a",
            "-x;a",
            "rfc822;a+0D+0Ab",
            "rfc822;a+00",
            "rfc822;a+7F",
            "rfc822;a+0a",
            "rfc822;a+",
            "rfc822;a+2",
            "rfc822;a+C3",
            "rfc822;ann+C3+A9@a.test",
            "utf-8;a\\x{0D}\\x{0A}",
            "utf-8;a\\x{2028}",
            "utf-8;a\\x{D800}",
            "utf-8;a\\x{}",
            "utf-8;a\\x{1234567}",
            "utf-8;a\\x41",
            "utf-8;a\\x{41",
        ] {
            assert_eq!(read(bad), Err(Malformed), "{bad}");
        }
        assert!(OriginalRecipient::new("rfc822", &"a".repeat(MAX_ORIGINAL)).is_ok());
        assert!(OriginalRecipient::new("rfc822", &"a".repeat(MAX_ORIGINAL + 1)).is_err());
    }

    #[test]
    fn envelope_identifiers() {
        assert_eq!(EnvelopeId::from_wire("QQ+2B314").map(|e| e.to_string()).as_deref(), Ok("QQ+314"));
        assert_eq!(EnvelopeId::new("a b=c").map(|e| e.to_wire()).as_deref(), Ok("a+20b+3Dc"));
        for bad in ["", "+0D+0AX-Injected:+20yes", "+C3+A9", "+zz", "a+2"] {
            assert_eq!(EnvelopeId::from_wire(bad), Err(Malformed), "{bad}");
        }
        assert!(EnvelopeId::new(&"x".repeat(MAX_ENVID + 1)).is_err());
    }

    proptest! {
        #[test]
        fn what_leaves_is_read_again_as_the_same(kind in "rfc822|utf-8|x400", address in "\\PC{1,40}", id in "[ -~]{1,100}") {
            if let Ok(original) = OriginalRecipient::new(&kind, &address) {
                let wire = original.to_wire().unwrap();
                prop_assert!(wire.bytes().all(|b| (b'!'..=b'~').contains(&b) && b != b'='), "{wire}");
                prop_assert_eq!(OriginalRecipient::from_wire(&wire), Ok(original.clone()));
                prop_assert_eq!(original.to_string().parse(), Ok(original));
            }
            let id = EnvelopeId::new(&id).unwrap();
            prop_assert_eq!(EnvelopeId::from_wire(&id.to_wire()), Ok(id));
        }

        #[test]
        fn no_input_gives_a_value_that_breaks_a_line(v in "\\PC{0,60}") {
            for text in [OriginalRecipient::from_wire(&v).map(|o| o.to_string()), EnvelopeId::from_wire(&v).map(|e| e.to_string())] {
                prop_assert!(!text.unwrap_or_default().chars().any(|c| c.is_control()));
            }
        }
    }
}
