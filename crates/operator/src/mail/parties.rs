//! Who is at each end of a message: our BALs, our postmaster, or another operator's address; and what
//! `domain::exchange` says about them.
use super::{Judged, Rcpt};
use crate::moves::Standing;
use crate::{Operator, refuse};
use sceau_domain::access::refuses_mail;
use sceau_domain::exchange::{Foreign, OwnBal, OwnRole, Recipient, Sender};
use sceau_domain::tell::{Answers, RESPONDER};
use sceau_domain::{Address, BalFlags, BalKind, DomainKind, DomainName, Refusal, RefusalCode};
use sceau_store::{Id, StoreError, Tx, accounts, bals};

/// Local parts that every domain of ours has (RFC 5321 §4.5.1, RFC 2142).
const ROLES: [&str; 2] = ["postmaster", "abuse"];

/// A recipient, found.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// A BAL of ours.
    Bal(Local),
    /// `postmaster@` or `abuse@` of one of our domains: the BALs of those in charge.
    Role(OwnRole, Vec<Local>),
    /// The test responder of one of our domains (F217): nothing is kept there.
    Responder(OwnRole),
    /// Not ours.
    Elsewhere,
}

/// A BAL of ours as delivery needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Local {
    /// Row id.
    pub id: Id,
    /// Address as shown in traces.
    pub shown: String,
    /// For the exchange rules.
    pub own: OwnBal,
    /// May be used: active, of a structure that is not blocked.
    pub open: bool,
    /// Why it takes no mail, if so.
    pub shut: Option<RefusalCode>,
    /// Bytes left.
    pub room: u64,
    /// Its mail goes to its structure's own server: nothing is kept here.
    pub carried: bool,
}

impl Local {
    /// Why a message may not be delivered that was prepared for this BAL, which is found like this now, by the same address. Its room is charged where the
    /// message is inserted.
    pub fn changed(&self, now: Option<&Self>, to: &Address) -> Option<Refusal> {
        let refuse = |code: RefusalCode| Some(Refusal::new(code).with("address", to));
        let Some(now) = now else { return refuse(RefusalCode::RcptUnknown) };
        if let Some(code) = now.shut {
            return refuse(code);
        }
        let same = now.id == self.id && now.own == self.own && now.shown == self.shown && now.carried == self.carried;
        (!same).then(|| Refusal::new(RefusalCode::RcptChanged).with("cause", "changed"))
    }
}

impl Judged {
    /// A BAL that keeps its mail here and takes it. Everything else is looked up again.
    pub(super) fn of(found: Found) -> Self {
        match found {
            Found::Bal(local) if local.shut.is_none() && !local.carried => Self(Some(Box::new(local))),
            _ => Self::default(),
        }
    }
}

impl Found {
    /// A BAL of ours whose mail is queued for its structure's own server.
    pub fn is_carried(&self) -> bool {
        matches!(self, Self::Bal(local) if local.carried)
    }
    /// The BALs to deliver to here.
    pub fn locals(&self) -> &[Local] {
        match self {
            Self::Bal(local) if local.carried => &[],
            Self::Bal(local) => std::slice::from_ref(local),
            Self::Role(_, locals) => locals,
            Self::Responder(_) | Self::Elsewhere => &[],
        }
    }
    /// The BALs whose policies count, wherever their mail is kept.
    pub fn bals(&self) -> Vec<Id> {
        match self {
            Self::Bal(local) => vec![local.id],
            Self::Role(_, locals) => locals.iter().map(|l| l.id).collect(),
            Self::Responder(_) | Self::Elsewhere => Vec::new(),
        }
    }
    /// As the exchange rules know it.
    pub fn recipient(&self, operator: &Operator, to: &Address) -> Recipient {
        match self {
            Self::Bal(local) => Recipient::Own(local.own.clone()),
            Self::Role(role, _) | Self::Responder(role) => Recipient::Role(role.clone()),
            Self::Elsewhere => Recipient::Foreign(operator.foreign(to, None)),
        }
    }
    /// Refuses what cannot take a message of `size` bytes now.
    pub fn check_room(&self, to: &Address, size: u64) -> Result<(), Refusal> {
        let refuse = |code: RefusalCode| Err(Refusal::new(code).with("address", to));
        match self {
            Self::Bal(Local { shut: Some(code), .. }) => refuse(*code),
            Self::Bal(local) if local.room < size => refuse(RefusalCode::RcptOverQuota),
            Self::Role(_, locals) if locals.is_empty() => refuse(RefusalCode::RcptUnknown),
            // Whoever of those in charge has room gets it.
            Self::Role(_, locals) if locals.iter().all(|l| l.room < size) => refuse(RefusalCode::RcptOverQuota),
            _ => Ok(()),
        }
    }
}

impl Operator {
    /// A recipient as it was found when it was named, if that may still hold: its domain is not moving, and it had room for `size` bytes. The transaction
    /// that delivers compares it ([`Local::changed`]).
    pub(super) async fn as_named(&self, rcpt: &Rcpt, size: u64) -> Option<Local> {
        let local = rcpt.judged.0.as_deref().filter(|l| l.room >= size)?;
        let stands = self.standing(rcpt.address.domain()).await;
        matches!(stands, Ok(Standing::Here)).then(|| local.clone())
    }

    /// Finds a recipient. `rcpt.unknown` when the domain is ours and nobody has this address.
    pub(crate) async fn find(&self, to: &Address) -> Result<Found, Refusal> {
        let (key, domain) = (self.bal_key(to), to.domain().clone());
        let role = ROLES.contains(&to.local_key());
        let in_charge: Vec<String> = match role {
            true => self.0.config.postmaster.iter().map(|a| self.bal_key(a)).collect(),
            false => Vec::new(),
        };
        let looked = self.0.store.read(move |tx| look_up(tx, &domain, &key, &in_charge)).await;
        let Some(looked) = looked.map_err(|e: StoreError| refuse::store(&e))? else {
            return Ok(Found::Elsewhere);
        };
        // Of a domain that moves, what is not here is with the other operator.
        let gone = |b: &Local| b.shut == Some(RefusalCode::RcptClosed);
        match self.standing(to.domain()).await? {
            Standing::Arriving | Standing::Left => return Ok(Found::Elsewhere),
            Standing::Shared if !role && looked.bal.as_ref().is_none_or(gone) => return Ok(Found::Elsewhere),
            Standing::Shared | Standing::Here => {}
        }
        if let Some(bal) = looked.bal {
            return Ok(Found::Bal(bal));
        }
        if to.local_key() == RESPONDER && self.0.config.notices.test_responder != Answers::Nobody {
            return Ok(Found::Responder(OwnRole { domain: to.domain().clone(), domain_kind: looked.kind }));
        }
        if role {
            let role = OwnRole { domain: to.domain().clone(), domain_kind: looked.kind };
            // Those in charge read it here.
            let locals = looked.in_charge.into_iter().filter(|l| l.shut.is_none() && !l.carried).collect();
            return Ok(Found::Role(role, locals));
        }
        Err(Refusal::new(RefusalCode::RcptUnknown).with("address", to))
    }

    /// Another operator's address; a sender is listed when its domain lists `dn`, a recipient when its domain is listed.
    pub(crate) fn foreign(&self, address: &Address, dn: Option<&sceau_trust::Dn>) -> Foreign {
        let (domain, config) = (address.domain(), &self.0.config);
        let listed = self.0.trust.white_list().is_some_and(|list| match dn {
            Some(dn) => list.lists(domain, dn),
            None => list.contains(domain),
        });
        Foreign::new(domain.clone(), listed, &config.test_domains, &config.patient_domains)
    }

    /// A peer's sender as the exchange rules know it.
    pub(crate) fn foreign_sender(&self, from: Option<&Address>, dn: &sceau_trust::Dn) -> Sender {
        from.map_or(Sender::ForeignReport, |a| Sender::Foreign(self.foreign(a, Some(dn))))
    }

    /// What BALs are found by: the address as compared, a patient's as a pseudonym.
    pub(crate) fn bal_key(&self, address: &Address) -> String {
        if self.is_patients(address.domain()) { self.shown(address) } else { address.key() }
    }
}

/// What the store says of an address of ours.
#[derive(Debug)]
struct Looked {
    kind: DomainKind,
    bal: Option<Local>,
    in_charge: Vec<Local>,
}

/// Our domain's kind with the BAL of this key and those in charge; none when the domain is not ours.
fn look_up(
    tx: &mut dyn Tx,
    domain: &DomainName,
    key: &str,
    in_charge: &[String],
) -> Result<Option<Looked>, StoreError> {
    let bal = bal_by_key(tx, key)?;
    let kind = match &bal {
        Some(bal) if bal.own.domain == *domain => bal.own.domain_kind,
        _ => match accounts::domain_by_name(tx, domain.as_str())? {
            Some(row) => row.kind.parse().map_err(|()| StoreError::Invalid("kind of a domain".into()))?,
            None => return Ok(None),
        },
    };
    let mut locals = Vec::new();
    for key in in_charge {
        locals.extend(bal_by_key(tx, key)?);
    }
    Ok(Some(Looked { kind, bal, in_charge: locals }))
}

/// A BAL of ours by what it is found by.
pub(crate) fn bal_by_key(tx: &mut dyn Tx, key: &str) -> Result<Option<Local>, StoreError> {
    let Some(b) = bals::receiver(tx, key)? else { return Ok(None) };
    let invalid = |what: &str| StoreError::Invalid(format!("{what} of a BAL"));
    Ok(Some(Local {
        id: b.id,
        shown: b.address_key,
        own: OwnBal {
            domain: b.domain.parse().map_err(|_| invalid("domain"))?,
            domain_kind: b.domain_kind.parse::<DomainKind>().map_err(|()| invalid("domain kind"))?,
            kind: b.kind.parse::<BalKind>().map_err(|()| invalid("kind"))?,
            flags: BalFlags { test: b.test, reachable: b.reachable },
        },
        open: b.state == "active" && !b.blocked,
        shut: refuses_mail(&b.state).or(b.blocked.then_some(RefusalCode::RcptBlocked)),
        // Room is its server's to say.
        room: if b.carried { u64::MAX } else { u64::try_from(b.quota_bytes.saturating_sub(b.used_bytes)).unwrap_or(0) },
        carried: b.carried,
    }))
}
