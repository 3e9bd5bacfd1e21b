//! What proved who somebody is, of which nature, how strong, and how long ago (F041, F043, F046).
//!
//! A proof only says what was proven; what an act needs of it is one question, [`meets`]. Two means of the same nature never make a strong proof,
//! however many they are: whoever reads somebody's mail has the mail's code and perhaps the telephone's too.
use sceau_domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How far another node's clock may be ahead, milliseconds. What claims to be later was not proven yet.
pub const SKEW_MS: i64 = 60_000;

/// The nature of a means: what somebody knows, has, or is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// A password, a PIN.
    Know,
    /// A card, a telephone, a key.
    Have,
    /// A finger, a face, as the device judged it.
    Are,
}

/// A means by which somebody proves who he is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// A professional's card and its PIN, by a certificate of the national authority.
    Card,
    /// Pro Santé Connect: e-CPS or card, at the national provider.
    Psc,
    /// A passkey that verified its user.
    Passkey,
    /// The sign-in of a structure that attests two natures under its signature.
    Sso,
    /// A code of an authenticator program (RFC 6238).
    Totp,
    /// A code sent to the ordinary address.
    MailCode,
    /// A password.
    Password,
    /// A device's long-lived token or certificate.
    Device,
}

impl Factor {
    /// Every means.
    pub const ALL: [Self; 8] =
        [Self::Card, Self::Psc, Self::Passkey, Self::Sso, Self::Totp, Self::MailCode, Self::Password, Self::Device];

    /// Stable name, as traces and rows have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Psc => "psc",
            Self::Passkey => "passkey",
            Self::Sso => "sso",
            Self::Totp => "totp",
            Self::MailCode => "mail_code",
            Self::Password => "password",
            Self::Device => "device",
        }
    }
    /// Of which natures it is by itself.
    pub fn classes(self) -> &'static [Class] {
        match self {
            Self::Card | Self::Psc | Self::Sso => &[Class::Have, Class::Know],
            Self::Passkey => &[Class::Have, Class::Are],
            Self::Totp | Self::MailCode | Self::Device => &[Class::Have],
            Self::Password => &[Class::Know],
        }
    }
    /// How strong it is alone.
    fn strength(self) -> Strength {
        match self {
            Self::Card | Self::Psc => Strength::Issuer,
            _ if self.classes().len() > 1 => Strength::Strong,
            _ => Strength::Single,
        }
    }
}

impl FromStr for Factor {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        Self::ALL.into_iter().find(|f| f.as_str() == text).ok_or(Unknown)
    }
}

/// There is no such means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such factor")]
pub struct Unknown;

/// How strong a proof is. In this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Nothing was proven.
    None,
    /// Of one nature.
    Single,
    /// Of two natures.
    Strong,
    /// By what the State issued: card or Pro Santé Connect. This opens a personal BAL (F006).
    Issuer,
}

impl Strength {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Single => "single",
            Self::Strong => "strong",
            Self::Issuer => "issuer",
        }
    }
}

/// A means, and when it proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// By what.
    pub factor: Factor,
    /// When.
    pub at: Timestamp,
}

/// What was proven in one session. Each means is there once, with its newest instant, in the order in which they came. As JSON: a list of [`Proven`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Proven>", into = "Vec<Proven>")]
pub struct Proof {
    proven: Vec<Proven>,
}

impl Proof {
    /// By one means.
    pub fn of(factor: Factor, at: Timestamp) -> Self {
        Self::default().with(factor, at)
    }
    /// With one more; of the same means the newest counts.
    #[must_use]
    pub fn with(mut self, factor: Factor, at: Timestamp) -> Self {
        match self.proven.iter_mut().find(|p| p.factor == factor) {
            Some(there) => there.at = there.at.max(at),
            None => self.proven.push(Proven { factor, at }),
        }
        self
    }
    /// What was proven.
    pub fn proven(&self) -> &[Proven] {
        &self.proven
    }
    /// How strong all of it is together, whenever it was.
    pub fn strength(&self) -> Strength {
        strength(self.proven.iter().map(|p| p.factor))
    }
    /// How strong that is which was proven within the last `within_ms` milliseconds. What lies more than [`SKEW_MS`] ahead does not count.
    pub fn fresh(&self, now: Timestamp, within_ms: i64) -> Strength {
        let recent = |at: Timestamp| at.plus_ms(within_ms) >= now && at <= now.plus_ms(SKEW_MS);
        strength(self.proven.iter().filter(|p| recent(p.at)).map(|p| p.factor))
    }
    /// The newest instant of what was proven.
    pub fn newest(&self) -> Option<Timestamp> {
        self.proven.iter().map(|p| p.at).max()
    }
    /// For traces and acceptances, in the order in which it came: `password+totp`. Empty for nothing.
    pub fn names(&self) -> String {
        self.proven.iter().map(|p| p.factor.as_str()).collect::<Vec<_>>().join("+")
    }
}

impl TryFrom<Vec<Proven>> for Proof {
    type Error = Unknown;
    fn try_from(proven: Vec<Proven>) -> Result<Self, Unknown> {
        let twice = proven.iter().enumerate().any(|(i, p)| proven[..i].iter().any(|q| q.factor == p.factor));
        if twice { Err(Unknown) } else { Ok(Self { proven }) }
    }
}
impl From<Proof> for Vec<Proven> {
    fn from(proof: Proof) -> Self {
        proof.proven
    }
}

/// Strong: one means of two natures, or two means of different natures. A device's token is kept by a program and proves nobody's presence, so that
/// it never makes anything strong.
fn strength(factors: impl Iterator<Item = Factor> + Clone) -> Strength {
    let alone = factors.clone().map(Factor::strength).max().unwrap_or(Strength::None);
    let present = |class| factors.clone().any(|f| f != Factor::Device && f.classes().contains(&class));
    let natures = [Class::Know, Class::Have, Class::Are].into_iter().filter(|c| present(*c)).count();
    if natures > 1 { alone.max(Strength::Strong) } else { alone }
}

/// What an act needs of whoever does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Any proof.
    Session,
    /// A strong one, whenever it was.
    Strong,
    /// A strong one just now.
    Fresh,
    /// What the State issued, whenever it was. An act that needs it now needs [`Need::Fresh`] too: the fresh one may be another means.
    Issuer,
}

/// What is lacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lacking {
    /// Nothing was proven.
    #[error("nobody is signed in")]
    Proof,
    /// Of too few natures.
    #[error("a strong proof is needed")]
    Strength,
    /// Too long ago.
    #[error("a fresh proof is needed")]
    Freshness,
    /// Not by what the State issued.
    #[error("a card or Pro Santé Connect is needed")]
    Issuer,
}

impl Lacking {
    /// Stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Proof => "login.required",
            Self::Strength => "auth.strength",
            Self::Freshness => "auth.fresh",
            Self::Issuer => "auth.issuer",
        }
    }
}

/// Does the proof do for what is needed? `fresh_ms`: how long it is fresh, milliseconds.
pub fn meets(proof: &Proof, need: Need, now: Timestamp, fresh_ms: i64) -> Result<(), Lacking> {
    let strength = proof.strength();
    let enough = match need {
        Need::Session => strength > Strength::None,
        Need::Strong => strength >= Strength::Strong,
        Need::Fresh => proof.fresh(now, fresh_ms) >= Strength::Strong,
        Need::Issuer => strength == Strength::Issuer,
    };
    match (enough, need) {
        (true, _) => Ok(()),
        (false, _) if strength == Strength::None => Err(Lacking::Proof),
        (false, Need::Issuer) => Err(Lacking::Issuer),
        // Whoever never was strong is told so: coming back with the same means would not do.
        (false, Need::Fresh) if strength >= Strength::Strong => Err(Lacking::Freshness),
        (false, _) => Err(Lacking::Strength),
    }
}

#[cfg(test)]
#[path = "factor_tests.rs"]
mod tests;
