//! Who a card or a provider means, here: the one place where somebody outside becomes a person of ours (F006, F041, F042, F044).
//!
//! Promises: a number alone makes nobody somebody (numbers of professionals are public, and an administrator of a structure may have typed another
//! one's): at the first time the names on the card, those of the row and those of the register agree, or the operator is told, by an alarm and in the
//! list of what the register says (F008); whoever the register has struck off is not bound; a name elsewhere is one person's, whichever node is first; what
//! its person has unlinked names nobody, although number and names agree, until that person links it again ([`super::links`]).
use super::settings::LiberalOpening;
use crate::accounts::people::PROFESSIONS;
use crate::boxed;
use crate::notices::Template;
use crate::record::By;
use crate::reference::register;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin, PersonRef};
use sceau_domain::identifier::NationalId;
use sceau_domain::{Refusal, RefusalCode, naming, person as names};
use sceau_identity::factor::Need;
use sceau_identity::names::same_person;
use sceau_identity::national::Said;
use sceau_store::bindings::{self as rows, Binding};
use sceau_store::{Id, StoreError, Tx, accounts, register as findings, structures};
use serde_json::json;
use std::collections::BTreeSet;

/// The alarm when a number is somebody's whose name is another.
const MISMATCH: &str = "identity.mismatch";
/// Logins with numbers behind a name that are tried.
const MOST: usize = 200;
/// `bindings.how` of what a provider calls somebody for its logouts: it names nobody who signs in.
pub(super) const SIGN_IN: &str = "sign_in";
/// `bindings.how` of what its person does not want to be known by any more.
pub(super) const UNLINKED: &str = "unlinked";

/// Is somebody known by this name elsewhere, so that it opens a session?
pub(super) fn stands(b: &Binding) -> bool {
    b.how != SIGN_IN && b.how != UNLINKED
}

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A professional's card.
    Card,
    /// Pro Santé Connect.
    Psc,
    /// A structure's own sign-in.
    Sso,
}

impl Kind {
    /// Stable name, as rows have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Psc => "psc",
            Self::Sso => "sso",
        }
    }
}

/// Whom a name elsewhere means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// This person.
    Known(PersonRef),
    /// Nobody here.
    Unknown,
}

/// What a look at the store came to.
enum Found {
    Known(PersonRef),
    Unknown,
    /// The number is this person's, and the name is not: login.
    Mismatch(String),
    Struck,
    Blocked,
    /// Its person has unlinked it.
    Unlinked,
}

/// An identifier as people's rows have it.
pub(super) fn plain(id: &NationalId) -> String {
    match id {
        NationalId::Rpps(rpps) => rpps.clone().into(),
        NationalId::Adeli(adeli) => adeli.clone().into(),
    }
}

/// What is looked for.
#[derive(Clone)]
struct Sought {
    kind: Kind,
    issuer: String,
    subject: Vec<u8>,
    national: Option<String>,
    said: Said,
    now: i64,
}

impl Sought {
    /// Do the names agree with a row's, and with what the register says of the number?
    fn agrees(&self, row: (&str, &str), labels: &[String]) -> bool {
        let (Some(family), Some(given)) = (&self.said.family, &self.said.given) else { return false };
        let with = |label: Option<&str>| same_person((family, given), row, label);
        if labels.is_empty() { with(None) } else { labels.iter().any(|l| with(Some(l))) }
    }

    /// The name that was shown, as a list has it.
    fn shown(&self) -> String {
        [self.said.family.as_deref(), self.said.given.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn binding(&self, person_id: Id, how: &str) -> Binding {
        Binding {
            kind: self.kind.as_str().into(),
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            person_id,
            bound: self.now,
            how: how.into(),
            seen: self.now,
        }
    }
}

/// A login from a name that nobody has.
fn free_login(tx: &mut dyn Tx, given: &str, family: &str) -> Result<Option<String>, Fail> {
    let mut taken = BTreeSet::new();
    while taken.len() < MOST {
        let Some(login) = naming::suggest(given, family, |l| taken.contains(l)) else { break };
        if names::new_login(&login).is_ok() && accounts::person_by_login(tx, &login)?.is_none() {
            return Ok(Some(login));
        }
        taken.insert(login);
    }
    Ok(None)
}

impl Operator {
    /// The person of ours whom a card or a provider names. Whoever is new here, and whom the register knows under this name, becomes a person when the
    /// operator takes professionals whom nobody entered (`[identity] liberal_opening`).
    ///
    /// # Errors
    /// `identity.mismatch`, `identity.struck`; `identity.unknown`: no number was said; `login.failed`: the person is blocked; `sso.unbound`: the person has
    /// unlinked it.
    #[boxed]
    pub async fn bind(&self, said: &Said, kind: Kind, issuer: &str, origin: &Origin) -> Result<Bound, Refusal> {
        let national = said.national.as_ref().map(plain);
        let sought = Sought {
            kind,
            issuer: issuer.to_owned(),
            subject: match (kind, &national) {
                (Kind::Sso, _) => self.sso_subject(issuer, &said.subject),
                (_, Some(id)) => self.0.store.vault().tag("binding", id.as_bytes()).to_vec(),
                (_, None) => return Err(RefusalCode::IdentityUnknown.into()),
            },
            national: national.filter(|_| kind != Kind::Sso),
            said: said.clone(),
            now: self.now().0,
        };
        // Of two nodes that bind or add the same one at once, the second finds what the first did.
        let found = match self.look_bound(sought.clone(), origin).await {
            Err(Fail::Store(StoreError::Exists(_))) => self.look_bound(sought, origin).await?,
            Err(Fail::No(refusal)) if refusal.code == RefusalCode::EditConflict => {
                self.look_bound(sought, origin).await?
            }
            found => found?,
        };
        match found {
            Found::Known(person) => Ok(Bound::Known(person)),
            Found::Unknown => Ok(Bound::Unknown),
            Found::Struck => {
                Err(self.refused(By::stranger(origin), None, None, RefusalCode::IdentityStruck.into()).await)
            }
            Found::Blocked => {
                Err(self.refused(By::stranger(origin), None, None, RefusalCode::LoginFailed.into()).await)
            }
            Found::Unlinked => {
                Err(self.refused(By::stranger(origin), None, None, RefusalCode::SsoUnbound.into()).await)
            }
            Found::Mismatch(login) => {
                self.raise_alarm(MISMATCH, &login, false, json!({ "kind": kind.as_str() })).await;
                Err(RefusalCode::IdentityMismatch.into())
            }
        }
    }

    async fn look_bound(&self, sought: Sought, origin: &Origin) -> Result<Found, Fail> {
        let (op, origin, id) = (self.clone(), origin.clone(), self.0.store.new_id());
        let look = move |tx: &mut dyn Tx| {
            let s = &sought;
            if let Some(found) = op.bound_before(tx, s)? {
                return Ok(found);
            }
            let Some(national) = &s.national else { return Ok(Found::Unknown) };
            match accounts::person_by_national_id(tx, national)? {
                Some(person) => op.bind_first(tx, s, person, &origin),
                None => op.newcomer(tx, s, id, national, &origin),
            }
        };
        self.0.store.write(look).await
    }

    /// Whoever was bound before: the number must still be that person's.
    fn bound_before(&self, tx: &mut dyn Tx, s: &Sought) -> Result<Option<Found>, Fail> {
        let Some(known) = rows::find(tx, s.kind.as_str(), &s.issuer, &s.subject)? else { return Ok(None) };
        let Some(person) = accounts::person_by_id(tx, known.person_id)? else { return Ok(None) };
        if s.national.is_some() && person.national_id != s.national {
            rows::remove(tx, person.id, Some(s.kind.as_str()))?;
            accounts::forget_standing(tx, person.id)?;
            return Ok(None);
        }
        if person.disabled.is_some() {
            return Ok(Some(Found::Blocked));
        }
        if !stands(&known) {
            return Ok(Some(Found::Unlinked));
        }
        rows::seen(tx, s.kind.as_str(), &s.issuer, &s.subject, s.now)?;
        Ok(Some(Found::Known(PersonRef::of(person))))
    }

    /// The first time that somebody comes with a number that a row has.
    fn bind_first(
        &self,
        tx: &mut dyn Tx,
        s: &Sought,
        person: accounts::Person,
        origin: &Origin,
    ) -> Result<Found, Fail> {
        if person.disabled.is_some() {
            return Ok(Found::Blocked);
        }
        let (labels, struck) = register::of_person(tx, &person)?;
        if struck {
            return Ok(Found::Struck);
        }
        let by = |p: &accounts::Person| By {
            name: p.login.clone(),
            person: Some(p.id),
            origin: Some(origin.clone()),
            ..By::default()
        };
        let row = (person.family_name.as_deref().unwrap_or_default(), person.given_name.as_deref().unwrap_or_default());
        if !s.agrees(row, &labels) {
            let data = json!({ "kind": s.kind.as_str(), "person": person.id.to_string() });
            self.fact("identity.mismatch", &By::stranger(origin), None, "identity.mismatch", data).write(tx)?;
            // The alarm says that it happened; the finding stays until somebody has looked.
            register::mismatch(tx, &person, &s.shown(), s.now)?;
            return Ok(Found::Mismatch(person.login));
        }
        let mut certified = person;
        // What a card showed is not taken back by the same person's Pro Santé Connect.
        if certified.identity != Kind::Card.as_str() {
            certified.identity = s.kind.as_str().into();
            (certified.identity_at, certified.identity_by) = (Some(s.now), Some(certified.login.clone()));
            if !accounts::update_person(tx, &certified)? {
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", &certified.login).into());
            }
        }
        if !rows::insert(tx, &s.binding(certified.id, "number_and_names"))? {
            return Err(StoreError::Exists("binding".into()).into());
        }
        // Now it is known whose number it is. (The alarm stays until somebody acknowledges it: another one's card was shown.)
        findings::settle_mismatch(tx, certified.id)?;
        let data = json!({ "kind": s.kind.as_str(), "how": "number_and_names", "register": !labels.is_empty() });
        self.fact("identity.bound", &by(&certified), None, "ok", data).write(tx)?;
        Ok(Found::Known(PersonRef::of(certified)))
    }

    /// Whom nobody entered: taken when the register knows number and name, and the operator takes such people.
    fn newcomer(&self, tx: &mut dyn Tx, s: &Sought, id: Id, national: &str, origin: &Origin) -> Result<Found, Fail> {
        if self.config().identity.liberal_opening == LiberalOpening::Closed {
            return Ok(Found::Unknown);
        }
        let (Some(family), Some(given)) = (&s.said.family, &s.said.given) else { return Ok(Found::Unknown) };
        let labels = register::labels(tx, national)?;
        if labels.is_empty() || !s.agrees((family, given), &labels) {
            return Ok(Found::Unknown);
        }
        let Some(login) = free_login(tx, given, family)? else { return Ok(Found::Unknown) };
        let name = format!("{given} {family}");
        let profession = match &s.said.profession {
            Some(code) => structures::reference_label(tx, PROFESSIONS, code)?.map(|_| code.clone()),
            None => None,
        };
        let row = accounts::Person {
            national_id: Some(national.to_owned()),
            given_name: Some(given.clone()),
            family_name: Some(family.clone()),
            profession,
            // Whom the register of professionals knows exchanges health data by profession.
            habilitated: true,
            identity: s.kind.as_str().into(),
            identity_at: Some(s.now),
            identity_by: Some(login.clone()),
            ..accounts::Person::new(id, &login, &name, s.now)
        };
        accounts::insert_person(tx, &row)?;
        if !rows::insert(tx, &s.binding(id, "register"))? {
            return Err(StoreError::Exists("binding".into()).into());
        }
        let by = By { name: login, person: Some(id), origin: Some(origin.clone()), ..By::default() };
        let data = json!({ "kind": s.kind.as_str() });
        self.fact("person.added_by_card", &by, None, "ok", data.clone()).write(tx)?;
        self.fact("identity.bound", &by, None, "ok", json!({ "kind": s.kind.as_str(), "how": "register" }))
            .write(tx)?;
        Ok(Found::Known(PersonRef::of(row)))
    }

    fn sso_subject(&self, issuer: &str, subject: &str) -> Vec<u8> {
        // No address has a line break in it: two pairs are two texts.
        self.0.store.vault().tag("binding", format!("{issuer}\n{subject}").as_bytes()).to_vec()
    }

    /// Whoever is signed in says that an account of a structure's own sign-in is his, having just proven both.
    ///
    /// # Errors
    /// `auth.fresh`; `admin.exists`: it is somebody else's.
    #[boxed]
    pub async fn link_sso(&self, actor: &Actor, issuer: &str, subject: &str) -> Result<(), Refusal> {
        self.needs(actor, Need::Fresh)?;
        let binding = Binding {
            kind: Kind::Sso.as_str().into(),
            issuer: issuer.to_owned(),
            subject: self.sso_subject(issuer, subject),
            person_id: actor.person(),
            bound: self.now().0,
            how: "session".into(),
            seen: self.now().0,
        };
        let fact =
            self.fact("identity.bound", &By::actor(actor), None, "ok", json!({ "kind": "sso", "how": "session" }));
        let notice = self.change_notice(actor.person(), Template::FactorAdded).await?;
        let link = move |tx: &mut dyn Tx| {
            if rows::insert(tx, &binding)? {
                notice.iter().try_for_each(|n| n.write(tx))?;
                return fact.write(tx).map_err(Fail::Store);
            }
            match rows::find(tx, &binding.kind, &binding.issuer, &binding.subject)? {
                Some(there) if there.person_id == binding.person_id => Ok(()),
                _ => Err(Refusal::new(RefusalCode::Exists).with("name", "sso").into()),
            }
        };
        self.0.store.write(link).await?;
        self.wake_jobs();
        Ok(())
    }
}
