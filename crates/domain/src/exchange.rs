//! May A write to B? The one function that decides it, for every door: [`may_exchange`].
//!
//! It is pure: callers bring what they know of both ends (our own BALs from the store, others from the white list and the
//! configuration) in types that cannot hold what makes no sense. Each "no" is a [`Refusal`] whose placeholder `{domain}`
//! is filled. The rules, in the order in which they are judged, so that the first broken one is the reason given:
//!
//! 1. *No relay*: a message from another operator goes to one of our domains, or nowhere (`rcpt.relay`).
//! 2. *White list*: another operator's domain must be listed, as sender (`sender.domain_not_peers`) or recipient
//!    (`rcpt.not_listed`). Nothing leaves the trust space.
//! 3. *Internal domains* exchange with this operator's domains only (`exchange.internal`).
//! 4. *`Med`* BALs are outside MSSanté: with this operator's accounts only (F004, `exchange.med`).
//! 5. *Unreachable* BALs, of users without a card: this operator's domains only (F005, `exchange.unreachable`).
//! 6. *Test* BALs: this operator's domains, and test BALs of other domains (F029, `exchange.test`). Another operator's BAL
//!    cannot be seen, so that a configured list of domains says where test BALs are. Stricter than F029 on one point: a
//!    test BAL never writes to a patient who is no test patient, on our own domains either.
//! 7. *Patients* (F077 to F080, `exchange.patient`): only a professional's BAL (`Per`, `Org`, `App`, `Cab`) starts an
//!    exchange; a patient only answers, and never another patient.
//!
//! A delivery report (null reverse path, RFC 5321 §4.5.5) is nobody's letter: rules 6 and 7 do not apply to it.
//! `postmaster@` and `abuse@` of our domains can be written to by every listed sender (RFC 5321 §4.5.1, RFC 2142).
use crate::{BalFlags, BalKind, DomainKind, DomainName, Refusal, RefusalCode};

/// A BAL of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBal {
    /// Its domain.
    pub domain: DomainName,
    /// The kind of its domain.
    pub domain_kind: DomainKind,
    /// Its kind.
    pub kind: BalKind,
    /// What restricts it.
    pub flags: BalFlags,
}

impl OwnBal {
    /// A test BAL, by itself or by its domain.
    pub fn is_test(&self) -> bool {
        self.flags.test || self.domain_kind == DomainKind::Test
    }
    /// A patient's BAL, by itself or by its domain.
    pub fn is_patient(&self) -> bool {
        self.kind == BalKind::Usager || self.domain_kind == DomainKind::Patients
    }
    /// A BAL from which an exchange with a patient may be started.
    fn is_professional(&self) -> bool {
        matches!(self.kind, BalKind::Per | BalKind::Org | BalKind::App | BalKind::Cab)
            && matches!(self.domain_kind, DomainKind::Production | DomainKind::Test)
    }
}

/// The operator itself at one of our domains: `postmaster@`, `abuse@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRole {
    /// The domain.
    pub domain: DomainName,
    /// Its kind.
    pub domain_kind: DomainKind,
}

/// An address of another operator. Whether it exists, and its kind, only that operator knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The domain.
    pub domain: DomainName,
    /// The white list holds this domain (for a sender: with the certificate that the peer presented).
    pub listed: bool,
    /// The domain is known to hold test BALs only.
    pub test: bool,
    /// The domain is a patients' domain.
    pub patients: bool,
}

impl Foreign {
    /// Describes another operator's domain by the configured lists.
    pub fn new(domain: DomainName, listed: bool, test_domains: &[DomainName], patient_domains: &[DomainName]) -> Self {
        let (test, patients) = (test_domains.contains(&domain), patient_domains.contains(&domain));
        Self { domain, listed, test, patients }
    }
}

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A BAL of ours.
    Own(OwnBal),
    /// The operator itself, as `postmaster@` or `abuse@`.
    Role(OwnRole),
    /// Another operator's BAL.
    Foreign(Foreign),
    /// The null reverse path of a report that we made.
    OwnReport,
    /// The null reverse path, from a peer that is listed for at least one domain.
    ForeignReport,
}

/// Who is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A BAL of ours.
    Own(OwnBal),
    /// `postmaster@` or `abuse@` of one of our domains.
    Role(OwnRole),
    /// Another operator's BAL.
    Foreign(Foreign),
}

/// Decides whether `from` may write to `to` (rules and order: see the module).
///
/// `replying` says that the message answers one that the recipient sent. It matters for patients only. For a patient of
/// another operator, that operator has held the rule: pass `true` unless more is known.
///
/// # Errors
/// The first rule that is broken, as a [`Refusal`].
///
/// ```
/// use sceau_domain::exchange::{Foreign, OwnBal, Recipient, Sender, may_exchange};
/// use sceau_domain::{BalFlags, BalKind, DomainKind, RefusalCode};
///
/// let from = Sender::Own(OwnBal {
///     domain: "hopital.mssante.fr".parse().unwrap(),
///     domain_kind: DomainKind::Production,
///     kind: BalKind::Per,
///     flags: BalFlags::default(),
/// });
/// let to = Recipient::Foreign(Foreign::new("example.org".parse().unwrap(), false, &[], &[]));
/// assert_eq!(may_exchange(&from, &to, false).unwrap_err().code, RefusalCode::RcptNotListed);
/// ```
pub fn may_exchange(from: &Sender, to: &Recipient, replying: bool) -> Result<(), Refusal> {
    trust_space(from, to)?;
    own_end(from, to)?;
    if matches!(from, Sender::OwnReport | Sender::ForeignReport) {
        return Ok(());
    }
    test(from, to)?;
    patients(from, to, replying)
}

fn no(code: RefusalCode, domain: &DomainName) -> Result<(), Refusal> {
    Err(Refusal::new(code).with("domain", domain))
}

/// Rules 1 and 2.
fn trust_space(from: &Sender, to: &Recipient) -> Result<(), Refusal> {
    match (from, to) {
        (Sender::Foreign(_) | Sender::ForeignReport, Recipient::Foreign(to)) => no(RefusalCode::RcptRelay, &to.domain),
        (Sender::Foreign(from), _) if !from.listed => no(RefusalCode::SenderDomainNotPeers, &from.domain),
        (_, Recipient::Foreign(to)) if !to.listed => no(RefusalCode::RcptNotListed, &to.domain),
        _ => Ok(()),
    }
}

/// Rules 3 to 5: what our end may not exchange with other operators.
fn own_end(from: &Sender, to: &Recipient) -> Result<(), Refusal> {
    let (bal, other) = match (from, to) {
        (Sender::Role(role), Recipient::Foreign(_))
        | (Sender::Foreign(_) | Sender::ForeignReport, Recipient::Role(role)) => {
            return match role.domain_kind {
                DomainKind::Internal => no(RefusalCode::ExchangeInternal, &role.domain),
                _ => Ok(()),
            };
        }
        (Sender::Own(bal), Recipient::Foreign(other)) | (Sender::Foreign(other), Recipient::Own(bal)) => {
            (bal, Some(other))
        }
        (Sender::ForeignReport, Recipient::Own(bal)) => (bal, None),
        _ => return Ok(()),
    };
    if bal.domain_kind == DomainKind::Internal {
        return no(RefusalCode::ExchangeInternal, &bal.domain);
    }
    let code = match bal {
        OwnBal { kind: BalKind::Med, .. } => RefusalCode::ExchangeMed,
        OwnBal { flags: BalFlags { reachable: false, .. }, .. } => RefusalCode::ExchangeUnreachable,
        _ => return Ok(()),
    };
    // A report has no domain to name.
    other.map_or_else(|| Err(code.into()), |other| no(code, &other.domain))
}

/// Rule 6.
fn test(from: &Sender, to: &Recipient) -> Result<(), Refusal> {
    let (mixed, domain) = match (from, to) {
        (Sender::Own(bal), Recipient::Foreign(other)) | (Sender::Foreign(other), Recipient::Own(bal)) => {
            (bal.is_test() != other.test, &other.domain)
        }
        (Sender::Role(role), Recipient::Foreign(other)) => {
            ((role.domain_kind == DomainKind::Test) != other.test, &other.domain)
        }
        (Sender::Own(from), Recipient::Own(to)) => (from.is_test() && to.is_patient() && !to.is_test(), &to.domain),
        _ => return Ok(()),
    };
    if mixed { no(RefusalCode::ExchangeTest, domain) } else { Ok(()) }
}

/// Rule 7.
fn patients(from: &Sender, to: &Recipient, replying: bool) -> Result<(), Refusal> {
    let from_patient = match from {
        Sender::Own(bal) if bal.is_patient() => Some(&bal.domain),
        Sender::Foreign(other) if other.patients => Some(&other.domain),
        _ => None,
    };
    let to_patient = match to {
        Recipient::Own(bal) if bal.is_patient() => Some(&bal.domain),
        Recipient::Foreign(other) if other.patients => Some(&other.domain),
        _ => None,
    };
    let (allowed, domain) = match (from_patient, to_patient) {
        (None, None) => return Ok(()),
        (Some(_), Some(domain)) => (false, domain),
        (None, Some(domain)) => {
            let allowed = match from {
                Sender::Own(bal) => bal.is_professional(),
                // The operator may tell its own patients something; it has nothing to say to another's.
                Sender::Role(_) => matches!(to, Recipient::Own(_)),
                // The other operator answers for its BALs' kinds.
                _ => true,
            };
            (allowed, domain)
        }
        (Some(domain), None) => {
            let allowed = match to {
                Recipient::Own(bal) => bal.is_professional() && replying,
                Recipient::Role(_) => true,
                Recipient::Foreign(_) => replying,
            };
            (allowed, domain)
        }
    };
    if allowed { Ok(()) } else { no(RefusalCode::ExchangePatient, domain) }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
