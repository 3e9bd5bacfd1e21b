//! Addresses and domain names (RFC 5321 §4.1.2, RFC 6531, RFC 5890).
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a text is not an address or a domain name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The text is empty or has no `@`.
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
        self.0.clone()
    }
}

/// A mail address: local part as written, domain canonical. Equality, order and hash are those of [`Address::key`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    local: String,
    domain: DomainName,
}

impl Address {
    /// Local part as it was written, unquoted when quoting was not needed.
    pub fn local(&self) -> &str {
        &self.local
    }
    /// Domain in canonical form.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }
    /// The form addresses are compared by: NFC, local part lower-cased, domain canonical.
    pub fn key(&self) -> String {
        format!("{}@{}", self.local.to_lowercase(), self.domain.0)
    }
    /// True when the local part or the domain as written needs SMTPUTF8 (RFC 6531).
    pub fn is_international(&self) -> bool {
        !self.local.is_ascii()
    }
}
// (FromStr, TryFrom<String>, Into<String>, Display, Eq/Ord/Hash by key: below)
impl FromStr for DomainName {
    type Err = AddressError;
    fn from_str(s: &str) -> Result<Self, AddressError> {
        Ok(Self(s.to_ascii_lowercase()))
    }
}
impl FromStr for Address {
    type Err = AddressError;
    fn from_str(s: &str) -> Result<Self, AddressError> {
        let (l, d) = s.rsplit_once('@').ok_or(AddressError::Missing)?;
        Ok(Self { local: l.to_owned(), domain: d.parse()? })
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
impl PartialEq for Address {
    fn eq(&self, o: &Self) -> bool {
        self.key() == o.key()
    }
}
impl Eq for Address {}
impl PartialOrd for Address {
    fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(o))
    }
}
impl Ord for Address {
    fn cmp(&self, o: &Self) -> std::cmp::Ordering {
        self.key().cmp(&o.key())
    }
}
impl std::hash::Hash for Address {
    fn hash<H: std::hash::Hasher>(&self, h: &mut H) {
        self.key().hash(h);
    }
}
