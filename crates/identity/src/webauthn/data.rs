//! Authenticator data (WebAuthn L3 §6.1) and attestation objects (§6.5.4), as octets.
use super::WebauthnError;
use super::cbor::{self, Value};
use super::cose::Key;

/// Longest id of a credential, octets (§7.1 step 25).
pub const MAX_CREDENTIAL: usize = 1023;
/// Shortest id of a credential, octets (§4, *credential ID*: at least 16 with 100 bits of entropy).
pub const MIN_CREDENTIAL: usize = 16;

/// The octet of flags (§6.1). Reserved bits are passed over, as §6.1 wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// UP: somebody was there.
    pub fn present(self) -> bool {
        self.0 & 0x01 != 0
    }
    /// UV: it was the right one (PIN, finger, face).
    pub fn verified(self) -> bool {
        self.0 & 0x04 != 0
    }
    /// BE: the credential may be copied to other devices.
    pub fn eligible(self) -> bool {
        self.0 & 0x08 != 0
    }
    /// BS: it is.
    pub fn backed_up(self) -> bool {
        self.0 & 0x10 != 0
    }
    fn attested(self) -> bool {
        self.0 & 0x40 != 0
    }
    fn extended(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// What an authenticator says of itself and of the ceremony. Extensions are read (they must be well formed) and passed over: none was asked for.
#[derive(Debug, Clone)]
pub struct AuthenticatorData<'a> {
    /// SHA-256 of the relying party's id.
    pub party: [u8; 32],
    /// Flags.
    pub flags: Flags,
    /// The signature counter; 0 where the authenticator has none.
    pub count: u32,
    /// The new credential, in a registration.
    pub attested: Option<Attested<'a>>,
}

/// A new credential (§6.5.1).
#[derive(Debug, Clone)]
pub struct Attested<'a> {
    /// The authenticator's model.
    pub aaguid: [u8; 16],
    /// The credential's id.
    pub credential: &'a [u8],
    /// Its key as COSE, to be kept.
    pub cose: &'a [u8],
    /// The same, read.
    pub key: Key,
}

impl<'a> AuthenticatorData<'a> {
    /// Reads all of `bytes`.
    ///
    /// Errors: [`WebauthnError::Malformed`], and those of [`Key::first`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, WebauthnError> {
        let mut rest = bytes;
        let party = array::<32>(&mut rest)?;
        let flags = Flags(array::<1>(&mut rest)?[0]);
        let count = u32::from_be_bytes(array(&mut rest)?);
        let attested = if flags.attested() { Some(Attested::read(&mut rest)?) } else { None };
        if flags.extended() {
            let (extensions, taken) = cbor::first(rest).map_err(|_| WebauthnError::Malformed)?;
            let named = extensions.pairs().is_some_and(|pairs| pairs.iter().all(|(k, _)| k.text().is_some()));
            rest = rest.get(taken..).filter(|_| named).ok_or(WebauthnError::Malformed)?;
        }
        if !rest.is_empty() {
            return Err(WebauthnError::Malformed);
        }
        Ok(Self { party, flags, count, attested })
    }
}

impl<'a> Attested<'a> {
    fn read(rest: &mut &'a [u8]) -> Result<Self, WebauthnError> {
        let aaguid = array(rest)?;
        let length = usize::from(u16::from_be_bytes(array(rest)?));
        // §7.1 step 25.
        if !(MIN_CREDENTIAL..=MAX_CREDENTIAL).contains(&length) {
            return Err(WebauthnError::Malformed);
        }
        let credential = split(rest, length)?;
        let (key, taken) = Key::first(rest)?;
        Ok(Self { aaguid, credential, cose: split(rest, taken)?, key })
    }
}

fn split<'a>(rest: &mut &'a [u8], n: usize) -> Result<&'a [u8], WebauthnError> {
    let (taken, left) = rest.split_at_checked(n).ok_or(WebauthnError::Malformed)?;
    *rest = left;
    Ok(taken)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], WebauthnError> {
    split(rest, N)?.try_into().map_err(|_| WebauthnError::Malformed)
}

/// An attestation object, its three members and no other.
#[derive(Debug, Clone)]
pub struct Attestation<'a> {
    /// Which format the statement has.
    pub format: &'a str,
    /// The statement: a map.
    pub statement: Value<'a>,
    /// Authenticator data, as octets: they are signed.
    pub data: &'a [u8],
}

impl<'a> Attestation<'a> {
    /// Reads all of `bytes`. Error: [`WebauthnError::Malformed`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, WebauthnError> {
        let Ok(Value::Map(pairs)) = cbor::whole(bytes) else { return Err(WebauthnError::Malformed) };
        let (mut format, mut statement, mut data) = (None, None, None);
        for (key, value) in pairs {
            match (key.text(), &value) {
                (Some("fmt"), Value::Text(text)) => format = Some(*text),
                (Some("attStmt"), Value::Map(_)) => statement = Some(value),
                (Some("authData"), Value::Bytes(octets)) => data = Some(*octets),
                _ => return Err(WebauthnError::Malformed),
            }
        }
        match (format, statement, data) {
            (Some(format), Some(statement), Some(data)) => Ok(Self { format, statement, data }),
            _ => Err(WebauthnError::Malformed),
        }
    }
}
