//! Addresses and domain names (RFC 5321 §4.1.2, RFC 6531, RFC 5890).
//!
//! Promises: a value of these types can stand in an SMTP command or a header as it is displayed (no control character,
//! no bare quote, no space outside quotes, limits of RFC 5321 §4.5.3.1 kept); displaying and reading again gives an
//! equal value; two writings of one address (case, quoting, Unicode form, U-label or A-label) are equal. Input is
//! bounded before it is looked at. Address literals (`user@[192.0.2.1]`), source routes and comments are refused:
//! nothing in the trust space is reached by them.
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use unicode_normalization::UnicodeNormalization;

/// Longest local part as written on the wire, in octets (RFC 5321 §4.5.3.1.1).
pub const MAX_LOCAL: usize = 64;
/// Longest domain, in octets of its A-label form: RFC 5321 §4.5.3.1.2 says 255, of which DNS leaves 253 (RFC 1035).
pub const MAX_DOMAIN: usize = 253;
/// Longest address, in octets: a path is 256 with its angle brackets (RFC 5321 §4.5.3.1.3).
pub const MAX_ADDRESS: usize = 254;
/// Longest text that is looked at at all, in octets: U-labels and quoted pairs are longer than what they stand for.
const MAX_INPUT: usize = 1200;

/// Why a text is not an address or a domain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The text is empty or has no `@`, no local part or no domain.
    #[error("missing local part or domain")]
    Missing,
    /// Longer than RFC 5321 §4.5.3.1 allows.
    #[error("too long")]
    TooLong,
    /// A character that may not stand there.
    #[error("forbidden character")]
    Forbidden,
    /// The domain is no host name (RFC 1123, RFC 5890).
    #[error("not a domain name")]
    Domain,
    /// An address literal (`[192.0.2.1]`): refused, only named domains are in the trust space.
    #[error("address literal")]
    Literal,
}

/// A DNS mail domain in its canonical form: lower-case A-labels (`xn--…`), no final dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

impl DomainName {
    /// The canonical ASCII form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The form to show to a person (U-labels).
    pub fn to_unicode(&self) -> String {
        let (shown, valid) = Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
        if valid.is_ok() { shown.into_owned() } else { self.0.clone() }
    }
    /// The domains in which this one stands, the nearest first, those of one label left out: `mx.chu.mssante.fr` stands in `chu.mssante.fr` and in `mssante.fr`.
    pub fn enclosing(&self) -> impl Iterator<Item = Self> + '_ {
        self.0
            .match_indices('.')
            .map(|(at, _)| &self.0[at + 1..])
            .filter(|rest| rest.contains('.'))
            .map(|d| Self(d.to_owned()))
    }
}

/// A mail address: local part as written, domain canonical. Equality, order and hash are those of [`Address::key`].
///
/// `Debug` hides the local part (a patient's is an INS), so that an address never slips into a log; `Display` writes it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    local: String,
    /// The local part as compared, when it differs from `local`.
    folded: Option<Box<str>>,
    domain: DomainName,
}

impl Address {
    /// Builds an address from the *content* of a local part (not quoted) and a domain; quotes it when that is needed.
    ///
    /// # Errors
    /// `Missing` for an empty content, `Forbidden` for a control or invisible character, `TooLong`.
    pub fn from_parts(content: &str, domain: DomainName) -> Result<Self, AddressError> {
        if content.is_empty() {
            return Err(AddressError::Missing);
        }
        if content.len() > MAX_LOCAL {
            return Err(AddressError::TooLong);
        }
        // The normal form is judged: it keeps every character that is forbidden, and may add one (U+037E becomes `;`).
        let normal: String = content.nfc().collect();
        if !normal.chars().all(is_quotable) {
            return Err(AddressError::Forbidden);
        }
        let local = if is_dot_atom(content) {
            if !is_dot_atom(&normal) {
                return Err(AddressError::Forbidden);
            }
            content.to_owned()
        } else {
            quote(content)
        };
        if local.len() > MAX_LOCAL || local.len() + 1 + domain.0.len() > MAX_ADDRESS {
            return Err(AddressError::TooLong);
        }
        let folded = fold(&local);
        Ok(Self { local, folded, domain })
    }
    /// Local part as it was written, unquoted when quoting was not needed: it may stand on the wire as it is.
    pub fn local(&self) -> &str {
        &self.local
    }
    /// What the local part says: without the quotes and backslashes that only the wire needs.
    pub fn local_content(&self) -> String {
        let Some(inner) = self.local.strip_prefix('"').and_then(|s| s.strip_suffix('"')) else {
            return self.local.clone();
        };
        let mut escaped = false;
        inner
            .chars()
            .filter(|&c| {
                escaped = c == '\\' && !escaped;
                !escaped
            })
            .collect()
    }
    /// Domain in canonical form.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }
    /// The form addresses are compared by: NFC, local part lower-cased, domain canonical.
    pub fn key(&self) -> String {
        format!("{}@{}", self.local_key(), self.domain.0)
    }
    /// The local part of [`Address::key`].
    pub fn local_key(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.local)
    }
    /// The form to show to a person (U-labels).
    pub fn to_unicode(&self) -> String {
        format!("{}@{}", self.local, self.domain.to_unicode())
    }
    /// True when this address needs SMTPUTF8 (RFC 6531): its local part is not ASCII (a domain always has A-labels).
    pub fn is_international(&self) -> bool {
        !self.local.is_ascii()
    }
    fn key_bytes(&self) -> impl Iterator<Item = u8> {
        self.local_key().bytes().chain(std::iter::once(b'@')).chain(self.domain.0.bytes())
    }
}

/// `atext` of RFC 5321 and RFC 6531: ASCII atoms, and any visible character beyond ASCII.
fn is_atext(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) } else { is_visible(c) }
}

/// Printable ASCII (quoted if need be) or a visible character beyond ASCII.
fn is_quotable(c: char) -> bool {
    matches!(c, ' '..='~') || (!c.is_ascii() && is_visible(c))
}

/// Beyond ASCII, what an address may hold. Stricter than RFC 6531 on purpose: spaces, line separators, direction marks and
/// zero-width characters make two addresses look alike and have no place in a professional's address.
fn is_visible(c: char) -> bool {
    !(c.is_control()
        || c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || (c as u32) & 0xfffe == 0xfffe)
}

fn is_dot_atom(s: &str) -> bool {
    s.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn quote(content: &str) -> String {
    let mut out = String::with_capacity(content.len() + 2);
    out.push('"');
    for c in content.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// The compared form, if it differs. Lower case is taken a character at a time: the final sigma rule of whole words would
/// make the case of one letter depend on its neighbours.
fn fold(local: &str) -> Option<Box<str>> {
    if local.is_ascii() {
        return local.bytes().any(|b| b.is_ascii_uppercase()).then(|| local.to_ascii_lowercase().into());
    }
    let folded: String = local.nfc().flat_map(char::to_lowercase).nfc().collect();
    (folded != local).then(|| folded.into())
}

/// Splits a quoted local part (after its opening quote) into its content and what follows the closing quote.
fn unquote(rest: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut chars = rest.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((content, &rest[i + 1..])),
            '\\' => content.push(chars.next().map(|(_, c)| c).filter(|c| matches!(c, ' '..='~'))?),
            c => content.push(c),
        }
    }
    None
}

impl FromStr for DomainName {
    type Err = AddressError;
    /// Reads a host name in any case, with U-labels or A-labels, with or without a final dot.
    fn from_str(s: &str) -> Result<Self, AddressError> {
        if s.is_empty() {
            return Err(AddressError::Missing);
        }
        if s.len() > MAX_INPUT {
            return Err(AddressError::TooLong);
        }
        if s.starts_with('[') {
            return Err(AddressError::Literal);
        }
        let name = s.strip_suffix('.').unwrap_or(s);
        let canonical = Uts46::new()
            .to_ascii(name.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
            .map_err(|_| AddressError::Domain)?;
        // A last label of digits is an IPv4 address in disguise (RFC 1123 §2.1).
        let last = canonical.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|b| b.is_ascii_digit()) {
            return Err(AddressError::Domain);
        }
        Ok(Self(canonical.into_owned()))
    }
}
impl FromStr for Address {
    type Err = AddressError;
    /// Reads `local@domain`, the local part quoted or not; no angle brackets, no surrounding space.
    fn from_str(s: &str) -> Result<Self, AddressError> {
        if s.len() > MAX_INPUT {
            return Err(AddressError::TooLong);
        }
        let quoted;
        let (content, domain) = if let Some(rest) = s.strip_prefix('"') {
            let (content, after) = unquote(rest).ok_or(AddressError::Forbidden)?;
            quoted = content;
            (quoted.as_str(), after.strip_prefix('@').ok_or(AddressError::Missing)?)
        } else {
            let (local, domain) = s.rsplit_once('@').ok_or(AddressError::Missing)?;
            if !local.is_empty() && !is_dot_atom(local) {
                return Err(AddressError::Forbidden);
            }
            (local, domain)
        };
        if content.is_empty() || domain.is_empty() {
            return Err(AddressError::Missing);
        }
        // RFC 5321 §2.3.5: a domain in a mail transaction has no final dot.
        if domain.ends_with('.') {
            return Err(AddressError::Domain);
        }
        Self::from_parts(content, domain.parse()?)
    }
}
impl TryFrom<String> for DomainName {
    type Error = AddressError;
    fn try_from(s: String) -> Result<Self, AddressError> {
        s.parse()
    }
}
impl From<DomainName> for String {
    fn from(d: DomainName) -> Self {
        d.0
    }
}
impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(s: String) -> Result<Self, AddressError> {
        s.parse()
    }
}
impl From<Address> for String {
    fn from(a: Address) -> Self {
        a.to_string()
    }
}
impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address(…@{})", self.domain)
    }
}
impl PartialEq for Address {
    fn eq(&self, o: &Self) -> bool {
        self.domain == o.domain && self.local_key() == o.local_key()
    }
}
impl Eq for Address {}
impl PartialOrd for Address {
    fn partial_cmp(&self, o: &Self) -> Option<Ordering> {
        Some(self.cmp(o))
    }
}
impl Ord for Address {
    fn cmp(&self, o: &Self) -> Ordering {
        self.key_bytes().cmp(o.key_bytes())
    }
}
impl std::hash::Hash for Address {
    fn hash<H: std::hash::Hasher>(&self, h: &mut H) {
        self.local_key().hash(h);
        self.domain.hash(h);
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
