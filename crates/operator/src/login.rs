//! Logging in: device tokens (256 bits, kept as peppered digest), rate limits, the same work for unknown users.
mod api;
mod bearer;
mod certificate;
mod guard;
mod leash;
mod open;
mod others;
mod person;
mod rule;
pub mod sasl;

pub use guard::Guard;
pub use leash::Leash;
pub use open::OpenSession;
pub(crate) use open::Sessions;
pub use others::MOST_BALS;
pub(crate) use rule::{AT_THE_MACHINE, BY_LINK, TokenRule, strength_at};

use crate::access::holds;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, BalRef, Chair, Door, Operator, Origin, PersonRef, Who, terms};
use sceau_domain::{AccessRole, Address, BalFlags, BalRights, Refusal, RefusalCode};
use sceau_identity::oauth::Scopes;
use sceau_store::{StoreError, Tx, access, accounts as rows};
use serde_json::json;
use std::time::Duration;

/// How long a failed login waits for its answer, so that guessing is slow and its time says nothing.
pub(crate) const FAILURE_DELAY: Duration = Duration::from_millis(400);
/// Longest login and token that are looked at, bytes.
const MAX_INPUT: usize = 512;
/// A token's last use is written at most this often, milliseconds: IMAP clients log in many times a minute.
const TOUCH_EVERY: i64 = 60_000;

impl Operator {
    /// Checks `login` and a device token.
    ///
    /// `login` is a person's login, or the address of the PER BAL that the person holds, or `person*bal` for any BAL that the
    /// person has access to. Without `*bal` the BAL is the token's own, else the one PER BAL that the person holds.
    ///
    /// A login that failed too often from one place waits there, even with the right token; others at the place do not, unless it
    /// failed as a whole ([`Guard`]).
    ///
    /// A failure takes the same work and the same time whether the login exists or not, and says nothing of why.
    /// Success and failure are traced; the token's last use is kept.
    ///
    /// # Errors
    /// `login.failed`, `login.too_many`; when the token is right, `terms.required` (the terms in force were not accepted), `right.missing` (the access
    /// does not let read, or send at the submission door).
    #[boxed]
    pub async fn login_token(&self, login: &str, token: &str, origin: &Origin) -> Result<Actor, Refusal> {
        self.guarded(login, origin, self.check_token(login, token, origin)).await
    }

    /// An attempt to log in under `name`: held back when it failed too often, slow, counted and traced when it fails.
    async fn guarded(
        &self,
        name: &str,
        origin: &Origin,
        attempt: impl Future<Output = Result<Actor, Fail>>,
    ) -> Result<Actor, Refusal> {
        let now = self.clock().now();
        let limit = self.config().login_failures_per_minute;
        if self.0.guard.too_many(origin.remote, name, now, limit) {
            metrics::counter!("sceau_logins_total", "outcome" => "too_many").increment(1);
            let refusal = Refusal::new(RefusalCode::LoginTooMany);
            return Err(self.refused(By::stranger(origin), None, None, refusal).await);
        }
        match attempt.await {
            Ok(actor) => {
                metrics::counter!("sceau_logins_total", "outcome" => "ok").increment(1);
                Ok(actor)
            }
            // The proof was right: nothing is counted (whoever may only read and whose program insists on sending would be held back from
            // reading too), and the refusal was traced under the person's name.
            Err(Fail::No(refusal))
                if matches!(refusal.code, RefusalCode::TermsRequired | RefusalCode::RightMissing) =>
            {
                let outcome = if refusal.code == RefusalCode::TermsRequired { "terms" } else { "rights" };
                metrics::counter!("sceau_logins_total", "outcome" => outcome).increment(1);
                Err(refusal)
            }
            // So was a provider's signature: the person hears what is wrong with what it signed, and comes again when the token's two minutes are over.
            Err(Fail::No(refusal)) if proven(refusal.code) => {
                metrics::counter!("sceau_logins_total", "outcome" => "token").increment(1);
                match refusal.code {
                    // Traced where they were found.
                    RefusalCode::IdentityMismatch | RefusalCode::IdentityStruck | RefusalCode::SsoUnbound => {
                        Err(refusal)
                    }
                    _ => Err(self.refused(By::stranger(origin), None, None, refusal).await),
                }
            }
            // Nothing was found wrong (a list of revoked certificates cannot be had…): whoever comes again is not held back for it.
            Err(Fail::No(refusal)) if refusal.is_temporary() => {
                metrics::counter!("sceau_logins_total", "outcome" => "unavailable").increment(1);
                Err(self.refused(By::stranger(origin), None, None, refusal).await)
            }
            Err(Fail::No(refusal)) => {
                metrics::counter!("sceau_logins_total", "outcome" => "failed").increment(1);
                self.0.guard.failed(origin.remote, name, now);
                tokio::time::sleep(FAILURE_DELAY).await;
                Err(self.refused(By::stranger(origin), None, None, refusal).await)
            }
            Err(Fail::Store(e)) => Err(crate::refuse::store(&e)),
        }
    }

    async fn check_token(&self, login: &str, token: &str, origin: &Origin) -> Result<Actor, Fail> {
        let failed = || Fail::from(RefusalCode::LoginFailed);
        if login.len() > MAX_INPUT || token.len() > MAX_INPUT || login.contains('\0') {
            return Err(failed());
        }
        let digest = self.token_digest(token);
        let (name, bal) = match login.split_once('*') {
            Some((name, bal)) => (name, Some(bal)),
            None => (login, None),
        };
        let wanted = bal.map(|b| self.key_of(b)).transpose().map_err(|_| failed())?;
        let by_address = name.parse::<Address>().ok().map(|a| self.bal_key(&a));
        let name = name.to_ascii_lowercase();
        let (now, since, rule) = (self.clock().now().0, self.0.guard.rights_version(), self.token_rule());
        // One look-up by the token's digest, whatever the login: whether the login exists is never asked.
        let find = move |tx: &mut dyn Tx| {
            let found = rows::token_by_digest(tx, &digest)?.filter(|t| t.purpose == "device");
            let Some(token) = rule.live(tx, found, now)? else { return Ok(None) };
            find(tx, token, Some(&name), by_address.as_deref(), wanted.as_deref(), now)
        };
        let found = self.0.store.read(find).await?.ok_or_else(failed)?;
        self.enter(found, since, origin).await
    }

    /// The proof was right: may the session begin? Success is traced, and when the proof last served.
    async fn enter(&self, found: Found, since: u64, origin: &Origin) -> Result<Actor, Fail> {
        let now = self.clock().now().0;
        let Found { token, person, bal, seated, holder, shut } = found;
        let who = Who::Person(PersonRef::of(person));
        let bal = BalRef { chair: Some(chair(&seated, holder, &token, since)?), ..bal_ref(&bal)? };
        let actor = Actor {
            who,
            bal: Some(bal.clone()),
            credential: Some(token.id),
            proof: Default::default(),
            origin: origin.clone(),
        };
        if let Some(refusal) = shut {
            return Err(self.refused(By::actor(&actor), None, None, refusal).await.into());
        }
        let need = if origin.door == Door::Submission { BalRights::SEND } else { BalRights::READ };
        let narrow = access::Seated { rights: opened(&seated, &token).bits(), ..seated.clone() };
        if let Err(refusal) = holds(&narrow, need) {
            return Err(self.refused(By::actor(&actor), None, None, refusal).await.into());
        }
        let mut data =
            json!({ "door": origin.door.as_str(), "token": token.id, "role": seated.role, "tls": origin.tls });
        if token.purpose != "device" {
            data["by"] = token.purpose.as_str().into();
        }
        let shown = self.bal_key(&bal.address);
        let fact = self.fact("login.ok", &By::actor(&actor), Some((bal.id, &shown)), "ok", data);
        let touch = token.last_used.is_none_or(|t| t + TOUCH_EVERY < now);
        let place = origin.remote.map(|ip| self.place_of(ip));
        self.0
            .store
            .write(move |tx| {
                if touch {
                    rows::touch_token(tx, token.id, now, place.as_deref())?;
                }
                fact.write(tx)
            })
            .await?;
        self.note_login(&actor);
        Ok(actor)
    }

    /// Is the actor still allowed on its BAL (token not revoked nor expired and within the policies in force, access in force with the rights of the
    /// login, BAL active, nobody blocked, terms in force accepted)? Doors ask at each command; answered from a cache that lives for a second and that a
    /// revocation anywhere clears at once.
    ///
    /// # Errors
    /// `right.missing`, `terms.required`.
    #[boxed]
    pub async fn still_allowed(&self, actor: &Actor) -> Result<(), Refusal> {
        let (Some(token), Some(bal), Who::Person(person)) = (actor.credential, &actor.bal, &actor.who) else {
            return Err(RefusalCode::RightMissing.into());
        };
        // What no login found has no rights to go on with.
        let Some(chair) = bal.chair.clone() else { return Err(RefusalCode::RightMissing.into()) };
        let now = self.clock().now();
        if self.0.guard.recently_allowed(token, bal.id, now) {
            return Ok(());
        }
        let (person, bal_id) = (person.id, bal.id);
        let (version, rule) = (self.0.guard.rights_version(), self.token_rule());
        let allowed = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            let token = rows::token_by_id(tx, token)?;
            let token = rule.live(tx, token, now.0)?.ok_or(RefusalCode::RightMissing)?;
            // A session has the rights that it began with, or ends.
            let same = |s: &access::Seated| chair.role.as_str() == s.role && chair.rights == opened(s, &token);
            match access::seat(tx, bal_id, person)?.filter(same) {
                Some(_) => terms::require(tx, person, bal_id, now.0),
                None => Err(RefusalCode::RightMissing.into()),
            }
        };
        self.0.store.read(allowed).await?;
        self.0.guard.allowed(token, bal_id, now, version);
        // A session that lasts is a use of its token from where it is, all the time.
        self.note_login(actor);
        Ok(())
    }

    /// Traces the end of a session.
    #[boxed]
    pub async fn logout(&self, actor: &Actor) {
        self.logout_all(std::slice::from_ref(actor)).await;
    }

    /// Traces the end of what a session had at several BALs, in one transaction.
    #[boxed]
    pub async fn logout_all(&self, actors: &[Actor]) {
        let ended = |actor: &Actor| {
            let shown = actor.bal.as_ref().map(|b| (b.id, self.bal_key(&b.address)));
            let bal = shown.as_ref().map(|(id, key)| (*id, key.as_str()));
            let data = json!({ "door": actor.origin.door.as_str() });
            self.fact("login.ended", &By::actor(actor), bal, "ok", data)
        };
        let facts: Vec<_> = actors.iter().map(ended).collect();
        if facts.is_empty() {
            return;
        }
        let written: Result<(), StoreError> =
            self.0.store.write(move |tx| facts.iter().try_for_each(|f| f.write(tx))).await;
        if let Err(e) = written {
            tracing::error!(error = %e, "the end of a session could not be traced");
        }
    }
}

/// Is this only said behind a proof whose signature is right?
fn proven(code: RefusalCode) -> bool {
    use RefusalCode as R;
    matches!(
        code,
        R::TokenExpired
            | R::TokenAudience
            | R::TokenAssurance
            | R::TokenNotYours
            | R::IdentityUnknown
            | R::IdentityMismatch
            | R::IdentityStruck
            | R::SsoUnbound
    )
}

/// What a login and a token lead to.
struct Found {
    token: rows::Token,
    person: rows::Person,
    bal: rows::Bal,
    seated: access::Seated,
    /// Login of the holder, when the person is the holder's delegate.
    holder: Option<String>,
    /// Why the BAL stays shut: the terms of use are not accepted.
    shut: Option<Refusal>,
}

/// What a live token leads to, when every part fits: the name under which somebody asks, where one is given, and the BAL that is wanted.
fn find(
    tx: &mut dyn Tx,
    token: rows::Token,
    name: Option<&str>,
    by_address: Option<&str>,
    wanted: Option<&str>,
    now: i64,
) -> Result<Option<Found>, Fail> {
    let Some(person) = rows::person_by_id(tx, token.person_id)?.filter(|p| p.disabled.is_none()) else {
        return Ok(None);
    };
    let held = held_per(tx, person.id)?;
    let by_held = || by_address.is_some_and(|key| held.iter().any(|b| b.address_key == key));
    let named = name.is_none_or(|name| person.login == name || by_held());
    let only_held = if held.len() == 1 { held.first().map(|b| b.id) } else { None };
    let bal = match (wanted, by_address) {
        (Some(key), _) | (None, Some(key)) => rows::bal_by_address(tx, key)?,
        (None, None) => match token.bal_id.or(only_held) {
            Some(id) => rows::bal_by_id(tx, id)?,
            None => None,
        },
    };
    let Some(bal) = bal.filter(|b| named && token.bal_id.is_none_or(|only| only == b.id)) else {
        return Ok(None);
    };
    let Some(seated) = access::seat(tx, bal.id, person.id)? else { return Ok(None) };
    let shut = terms::shut(tx, person.id, bal.id, now)?;
    let holder = match seated.role == AccessRole::Delegate.as_str() {
        true => access::holder(tx, bal.id)?.map(|h| h.login),
        false => None,
    };
    Ok(Some(Found { token, person, bal, seated, holder, shut }))
}

/// How somebody sits at a BAL who came with this token.
pub(crate) fn chair(
    s: &access::Seated,
    holder: Option<String>,
    token: &rows::Token,
    since: u64,
) -> Result<Chair, StoreError> {
    let role = s.role.parse().map_err(|()| StoreError::Invalid("role of an access".into()))?;
    let until = [s.ends, token.expires].into_iter().flatten().min();
    Ok(Chair { role, rights: opened(s, token), scope: scope(token), holder, until, since })
}

/// What a token may do at all. That of a program that was let in never says who has access.
fn scope(token: &rows::Token) -> BalRights {
    let Some(bits) = token.scope else { return BalRights::ALL };
    let scopes = u32::try_from(bits).ok().and_then(Scopes::of_bits).unwrap_or_default();
    let one = |has: Scopes, gives: BalRights| if scopes.contains(has) { gives.bits() } else { 0 };
    let bits =
        one(Scopes::READ, BalRights::READ) | one(Scopes::SEND, BalRights::SEND) | one(Scopes::FILE, BalRights::FILE);
    BalRights::from_bits(bits)
}

/// What an access gives to whoever comes with this token.
fn opened(s: &access::Seated, token: &rows::Token) -> BalRights {
    BalRights::from_bits(s.rights).and(scope(token))
}

/// PER BALs that a person holds.
fn held_per(tx: &mut dyn Tx, person: i64) -> Result<Vec<rows::Bal>, StoreError> {
    let mut held = Vec::new();
    for access in access::of_person(tx, person)?.into_iter().filter(|a| a.role == "holder") {
        held.extend(rows::bal_by_id(tx, access.bal_id)?.filter(|b| b.kind == "Per"));
    }
    Ok(held)
}

/// A BAL as sessions know it.
pub(crate) fn bal_ref(b: &rows::Bal) -> Result<BalRef, StoreError> {
    let broken = || StoreError::Invalid("row of a BAL".into());
    Ok(BalRef {
        id: b.id,
        address: b.address.parse().map_err(|_| broken())?,
        kind: b.kind.parse().map_err(|()| broken())?,
        flags: BalFlags { test: b.test, reachable: b.reachable },
        chair: None,
    })
}
