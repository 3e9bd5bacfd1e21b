//! Sessions of browsers: how a proof becomes one, who is behind a cookie, how one ends.
//!
//! A session is a row of `tokens` with one beside it: it is listed, revoked and traced as every credential, and the row is asked at each request, so
//! that it ends on every node at once. There is one way in, [`Operator::enter_session`], whatever proved it.
//!
//! Promises: no session is weaker than two natures (F043, F046); a cookie is made anew whenever more was proven, so that nobody can prepare one for
//! somebody else; an attempt begins one session, whichever nodes are asked at once; a sign-in elsewhere that ends, there, ends what it began here and
//! what it made stronger.
use super::attempts::{Attempt, secret};
use super::bind::{Kind, SIGN_IN};
use super::factors::{PASSWORD, own};
use super::{lacking, passwords};
use crate::boxed;
use crate::notices::Template;
use crate::record::{By, Fact};
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Door, Operator, Origin, PersonRef, Who};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_identity::factor::{Factor, Lacking, Need, Proof, Strength};
use sceau_identity::session::{Life, life, to_be_written};
use sceau_store::bindings::{self, Binding};
use sceau_store::web_sessions::{self as rows, Session};
use sceau_store::{Id, Tx, access, accounts, attempts, browsers, factors};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// What a proof led to.
#[derive(Debug)]
pub enum Entered {
    /// A session.
    In(SignedIn),
    /// Not enough yet: the attempt keeps who it is and what was proven; a second means is to be asked for.
    Second,
}

/// A session that began, or became stronger. `Debug` does not show its cookies.
pub struct SignedIn {
    /// Who.
    pub person: PersonRef,
    /// The session's new cookie.
    pub cookie: Zeroizing<String>,
    /// The cookie by which the browser is known from now on, when it had none.
    pub known: Option<Zeroizing<String>>,
    /// Where to go.
    pub to: String,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("person", &self.person.id).field("to", &self.to).finish_non_exhaustive()
    }
}

/// The session elsewhere that a proof came from, for a logout there.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// Whose: an issuer.
    pub provider: String,
    /// What it is called there (`sid`).
    pub sid: Option<String>,
    /// What the person is called there (`sub`): a logout may name that alone.
    pub subject: Option<String>,
    /// When the person proved himself there: the proof is as old, whenever the browser came from there.
    pub at: Option<Timestamp>,
}

/// An open session of a browser, as its list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SessionView {
    /// Number.
    #[schema(value_type = String)]
    #[serde(serialize_with = "crate::ids::text")]
    pub id: Id,
    /// Login.
    pub login: String,
    /// What was proven: `card`, `password+totp`…
    pub factors: String,
    /// Which browser.
    pub agent: String,
    /// From where it was last used: a configured place or a network.
    pub place: Option<String>,
    /// Begun.
    #[schema(value_type = i64)]
    pub begun: Timestamp,
    /// Last request.
    #[schema(value_type = i64)]
    pub seen: Timestamp,
    /// Its end, whatever it does.
    #[schema(value_type = i64)]
    pub ends: Timestamp,
    /// Is it the asker's own, in which this is asked?
    pub this: bool,
}

/// How a browser is named in lists: its family and its system, nothing by which one could follow it.
pub(crate) fn agent(said: &str) -> String {
    let of = |names: &[(&str, &'static str)]| names.iter().find(|(part, _)| said.contains(part)).map(|(_, name)| *name);
    let browser = of(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox", "Firefox"),
        ("Chrom", "Chrome"),
        ("Safari", "Safari"),
        ("curl", "curl"),
    ]);
    let system = of(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    [browser, system].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl Operator {
    fn session_digest(&self, cookie: &str) -> [u8; 32] {
        self.0.store.vault().tag("session", cookie.as_bytes())
    }

    /// A browser's cookie is not a person's: several people may sign in there.
    pub(super) fn browser_digest(&self, cookie: &str, person: Id) -> [u8; 32] {
        let mut tagger = self.0.store.vault().tagger("browser");
        tagger.update(&person.to_be_bytes());
        tagger.update(cookie.as_bytes());
        tagger.finish()
    }

    /// A means proved, in an attempt, that a person is there. With what the attempt already holds it begins a session, or makes the one stronger for
    /// which the attempt was begun; while that is of one nature only, a second means is wanted.
    ///
    /// # Errors
    /// `factor.refused`: the attempt is somebody else's; `login.failed`: the person is blocked, or is a machine; `form.old`: the attempt was spent.
    #[boxed]
    pub async fn enter_session(
        &self,
        mut attempt: Attempt,
        person: Id,
        factor: Factor,
        from: Option<Elsewhere>,
        origin: &Origin,
    ) -> Result<Entered, Refusal> {
        let now = self.now();
        if attempt.person.is_some_and(|known| known != person) {
            return Err(RefusalCode::FactorRefused.into());
        }
        attempt.person = Some(person);
        let proven = from.as_ref().and_then(|f| f.at).map_or(now, |at| at.min(now));
        attempt.proof = attempt.proof.with(factor, proven);
        if attempt.proof.strength() < Strength::Strong {
            self.keep_attempt(&mut attempt).await?;
            return Ok(Entered::Second);
        }
        let (cookie, made) = (secret()?, secret()?);
        let digest = self.session_digest(&cookie).to_vec();
        let password: Option<Id> = attempt.get(passwords::NOTE);
        let begins = attempt.session.is_none();
        let known = attempt.known.clone();
        let browser = self.browser_digest(known.as_ref().unwrap_or(&made), person).to_vec();
        let (place, limits) = (origin.remote.map(|ip| self.place_of(ip)), self.config().identity.limits());
        let begun = Session {
            id: self.0.store.new_id(),
            person_id: person,
            login: String::new(),
            begun: now.0,
            expires: now.plus_ms(limits.whole_ms).0,
            proof: String::new(),
            agent: agent(&attempt.agent),
            provider: from.as_ref().map(|f| f.provider.clone()),
            provider_sid: from.as_ref().and_then(|f| f.sid.as_deref()).map(|sid| self.sid_digest(sid)),
            seen: now.0,
            last_place: place,
        };
        let named = from.as_ref().and_then(|f| Some((f.provider.clone(), self.subject_digest(f)?)));
        let named = named.map(|(issuer, subject)| Binding {
            kind: factor.as_str().into(),
            issuer,
            subject,
            person_id: person,
            bound: now.0,
            how: SIGN_IN.into(),
            seen: now.0,
        });
        // Somebody who is known elsewhere, and neither here nor in this browser, is told.
        let unusual = begins && self.is_unusual(person, attempt.known(), origin).await?;
        let notice = if unusual { self.change_notice(person, Template::UnusualSignIn).await? } else { None };
        let (op, origin, to) = (self.clone(), origin.clone(), attempt.to.clone());
        let enter = move |tx: &mut dyn Tx| {
            // As whoever replaces somebody's means does: this comes before all of it, and is ended by it, or after, and is judged by what is left.
            factors::lock(tx, person)?;
            if !attempts::spend(tx, attempt.id, attempt.version, now.0)? {
                return Err(Fail::from(RefusalCode::FormOld));
            }
            // A password that was typed before another one took its place opens nothing, whenever its sign-in was written down.
            if let Some(row) = password
                && factors::of_kind(tx, person, PASSWORD)?.is_none_or(|f| f.id != row)
            {
                return Err(Fail::from(RefusalCode::FormOld));
            }
            let machine = access::is_machine(tx, person)?;
            let row = accounts::person_by_id(tx, person)?.filter(|p| p.disabled.is_none());
            // A machine has no browser.
            let Some(row) = row.filter(|_| !machine) else { return Err(RefusalCode::LoginFailed.into()) };
            let (id, act, proof) = match attempt.session {
                None => {
                    let proof = written(&attempt.proof)?;
                    let row = Session { proof, ..begun.clone() };
                    rows::insert(tx, &row, &digest, &attempt.proof.names())?;
                    (begun.id, "login.ok", attempt.proof.clone())
                }
                Some(id) => {
                    let old = accounts::token_by_id(tx, id)?;
                    let session = rows::by_id(tx, id, now.0)?.filter(|s| s.person_id == person);
                    let (Some(old), Some(session)) = (old, session) else { return Err(RefusalCode::FormOld.into()) };
                    let more = attempt.proof.proven().iter().fold(read(&session.proof)?, |p, m| p.with(m.factor, m.at));
                    if !rows::renew(tx, id, (&old.digest, &digest), &written(&more)?, &more.names())? {
                        return Err(RefusalCode::FormOld.into());
                    }
                    if let Some(provider) = &begun.provider {
                        rows::stepped_up_by(tx, id, provider, begun.provider_sid.as_deref())?;
                    }
                    (id, "session.stepped_up", more)
                }
            };
            browsers::know(tx, &browser, person, now.0)?;
            if let Some(named) = &named {
                bindings::put(tx, named)?;
            }
            let who = Who::Person(PersonRef::of(row));
            let actor = Actor { who, bal: None, credential: Some(id), proof, origin: origin.clone() };
            let mut data = json!({ "door": Door::Web.as_str(), "token": id.to_string(), "factors": attempt.proof.names(), "tls": origin.tls });
            if unusual {
                data["new_place"] = true.into();
            }
            notice.iter().try_for_each(|n| n.write(tx))?;
            op.fact(act, &By::actor(&actor), None, "ok", data).write(tx)?;
            Ok(actor)
        };
        let actor = self.0.store.write(enter).await?;
        if unusual {
            self.wake_jobs();
        }
        metrics::counter!("sceau_logins_total", "outcome" => "ok").increment(1);
        self.note_login(&actor);
        if begins {
            self.note_finished(actor.origin.remote);
        }
        let Who::Person(person) = actor.who else { return Err(RefusalCode::Defect.into()) };
        let known = if known.is_some() { None } else { Some(made) };
        Ok(Entered::In(SignedIn { person, cookie, known, to }))
    }

    /// Who is behind a session's cookie. Its last use is written once a minute.
    ///
    /// # Errors
    /// `login.required`: there is no such session, or not any more.
    #[boxed]
    pub async fn session_of(&self, cookie: &str, origin: &Origin) -> Result<Actor, Refusal> {
        let now = self.now();
        let (actor, seen) = self.behind(cookie, origin, now).await?;
        if let Some(session) = actor.credential.filter(|_| to_be_written(seen, now)) {
            let place = origin.remote.map(|ip| self.place_of(ip));
            let touch = move |tx: &mut dyn Tx| rows::seen(tx, session, now.0, place.as_deref()).map_err(Fail::Store);
            self.0.store.write(touch).await?;
            self.note_login(&actor);
        }
        Ok(actor)
    }

    /// The same for what a page asks by itself while nobody does anything: that is no use of the session, which ends as if it had not been asked.
    ///
    /// # Errors
    /// As [`Operator::session_of`].
    #[boxed]
    pub async fn session_peek(&self, cookie: &str, origin: &Origin) -> Result<Actor, Refusal> {
        self.behind(cookie, origin, self.now()).await.map(|(actor, _)| actor)
    }

    /// Who is behind a cookie, and when the session was used last.
    async fn behind(&self, cookie: &str, origin: &Origin, now: Timestamp) -> Result<(Actor, Timestamp), Refusal> {
        let digest = self.session_digest(cookie);
        let find = move |tx: &mut dyn Tx| {
            let Some(session) = rows::of_cookie(tx, &digest, now.0)? else { return Ok(None) };
            let person = accounts::person_by_id(tx, session.person_id)?.filter(|p| p.disabled.is_none());
            Ok::<_, Fail>(person.map(|p| (session, p)))
        };
        let required = || Refusal::new(RefusalCode::LoginRequired);
        let (session, person) = self.0.store.read(find).await?.ok_or_else(required)?;
        if !self.is_live(&session, now) {
            return Err(required());
        }
        let proof = read(&session.proof)?;
        let who = Who::Person(PersonRef::of(person));
        // What is done in one session is told as such: readings join, activity groups.
        let origin = Origin { session: format!("web-{:x}", session.id), ..origin.clone() };
        Ok((Actor { who, bal: None, credential: Some(session.id), proof, origin }, Timestamp(session.seen)))
    }

    /// Ends a session: the actor's own, or the one of this number. Once more does nothing.
    ///
    /// # Errors
    /// `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn end_session(&self, actor: &Actor, id: Option<Id>) -> Result<(), Refusal> {
        let own = id.is_none();
        let id = id.or(actor.credential).ok_or(RefusalCode::LoginRequired)?;
        let (asker, now, op) = (actor.clone(), self.now().0, self.clone());
        let end = move |tx: &mut dyn Tx| {
            if !own {
                permit(tx, &asker, UseCase::SessionEnd, On::Anywhere)?;
            }
            let token = accounts::token_by_id(tx, id)?.filter(|t| t.purpose == rows::PURPOSE);
            let Some(token) = token else {
                return Err(crate::rights::unknown(tx, &asker, UseCase::SessionEnd, &id.to_string()));
            };
            if !own {
                permit(tx, &asker, UseCase::SessionEnd, On::Person(token.person_id))?;
            }
            if accounts::revoke_token(tx, id, now)? {
                op.ended_by(&asker, id, token.person_id).write(tx)?;
            }
            Ok::<_, Fail>(())
        };
        self.0.store.write(end).await?;
        self.rights_changed_of(id);
        Ok(())
    }

    /// What is written of a session that somebody ended.
    fn ended_by(&self, asker: &Actor, id: Id, person: Id) -> Fact {
        let data = json!({ "door": asker.origin.door.as_str(), "token": id.to_string(), "person": person.to_string() });
        self.fact("session.ended", &By::actor(asker), None, "ok", data)
    }

    /// Ends one of the asker's own sessions, in whichever browser. Once more does nothing.
    ///
    /// # Errors
    /// `admin.not_found`, also for what is somebody else's; `auth.strength`.
    #[boxed]
    pub async fn end_own_session(&self, actor: &Actor, id: Id) -> Result<(), Refusal> {
        self.needs(actor, Need::Strong)?;
        let person = own(actor)?.id;
        let find = move |tx: &mut dyn Tx| {
            let found = accounts::token_by_id(tx, id)?;
            Ok::<_, Fail>(found.is_some_and(|t| t.person_id == person && t.purpose == rows::PURPOSE))
        };
        if !self.0.store.read(find).await? {
            return Err(Refusal::new(RefusalCode::NotFound).with("name", id));
        }
        self.end_session(actor, Some(id)).await
    }

    /// Ends the asker's sessions in other browsers; how many there were.
    ///
    /// # Errors
    /// `auth.strength`, `right.missing`.
    #[boxed]
    pub async fn end_other_sessions(&self, actor: &Actor) -> Result<usize, Refusal> {
        self.needs(actor, Need::Strong)?;
        let (person, now, op, asker) = (own(actor)?.id, self.now(), self.clone(), actor.clone());
        let end = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::SessionEnd, On::Person(person))?;
            let open = rows::of_person(tx, person, now.0)?.into_iter();
            let others = open.filter(|s| asker.credential != Some(s.id) && op.is_live(s, now));
            let mut ended = Vec::new();
            for id in others.map(|s| s.id) {
                if accounts::revoke_token(tx, id, now.0)? {
                    op.ended_by(&asker, id, person).write(tx)?;
                    ended.push(id);
                }
            }
            Ok::<_, Fail>(ended)
        };
        let ended = self.0.store.write(end).await?;
        ended.iter().for_each(|id| self.rights_changed_of(*id));
        Ok(ended.len())
    }

    /// The asker's own sessions, oldest first. `login.required`.
    #[boxed]
    pub async fn own_sessions(&self, actor: &Actor) -> Result<Vec<SessionView>, Refusal> {
        self.sessions(actor, &own(actor)?.login).await
    }

    /// Is a session that was not ended still one, neither too old nor silent for too long?
    fn is_live(&self, s: &Session, now: Timestamp) -> bool {
        life(Timestamp(s.begun), Timestamp(s.seen), now, &self.config().identity.limits()) == Life::Live
    }

    /// Open sessions of a person, oldest first.
    ///
    /// # Errors
    /// `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn sessions(&self, actor: &Actor, login: &str) -> Result<Vec<SessionView>, Refusal> {
        let (asker, now, login) = (actor.clone(), self.now(), crate::accounts::login(login)?);
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::SessionList, On::Anywhere)?;
            let Some(person) = accounts::person_by_login(tx, &login)? else {
                return Err(crate::rights::unknown(tx, &asker, UseCase::SessionList, &login));
            };
            permit(tx, &asker, UseCase::SessionList, On::Person(person.id))?;
            Ok::<_, Fail>(rows::of_person(tx, person.id, now.0)?)
        };
        let found = self.0.store.read(list).await?;
        found.into_iter().filter(|s| self.is_live(s, now)).map(|s| view(s, actor.credential)).collect()
    }

    /// A provider says that a session there ended: those here that it began or made stronger end too. How many.
    #[boxed]
    pub async fn end_sessions_of_provider(&self, provider: &str, sid: &str) -> Result<usize, Refusal> {
        let (issuer, sid) = (provider.to_owned(), self.sid_digest(sid));
        self.end_found(provider, move |tx| Ok(rows::of_provider(tx, &issuer, &sid)?)).await
    }

    /// A provider says that somebody signed out there, and names no session: every one of that person that it began or made stronger ends (OpenID Connect
    /// Back-Channel Logout 1.0 §2.4). How many.
    #[boxed]
    pub async fn end_sessions_of_subject(&self, provider: &str, subject: &str) -> Result<usize, Refusal> {
        let from = Elsewhere { provider: provider.to_owned(), sid: None, subject: Some(subject.to_owned()), at: None };
        let Some(digest) = self.subject_digest(&from) else { return Ok(0) };
        let (issuer, now) = (provider.to_owned(), self.now().0);
        let find = move |tx: &mut dyn Tx| {
            let mut ids = Vec::new();
            for kind in [Kind::Psc, Kind::Sso] {
                let Some(bound) = bindings::find(tx, kind.as_str(), &issuer, &digest)? else { continue };
                for session in rows::of_person(tx, bound.person_id, now)? {
                    if rows::is_of(tx, &session, &issuer)? {
                        ids.push(session.id);
                    }
                }
            }
            Ok::<_, Fail>(ids)
        };
        self.end_found(provider, find).await
    }

    /// Ends what is found, as this provider says. How many.
    async fn end_found(
        &self,
        provider: &str,
        mut find: impl FnMut(&mut dyn Tx) -> Result<Vec<Id>, Fail> + Send + 'static,
    ) -> Result<usize, Refusal> {
        let (provider, now, op) = (provider.to_owned(), self.now().0, self.clone());
        let end = move |tx: &mut dyn Tx| {
            let ids = find(tx)?;
            for id in &ids {
                if accounts::revoke_token(tx, *id, now)? {
                    let data = json!({ "door": Door::Web.as_str(), "token": id.to_string(), "by": provider });
                    op.fact("session.ended", &By::system(), None, "ok", data).write(tx)?;
                }
            }
            Ok::<_, Fail>(ids)
        };
        let ids = self.0.store.write(end).await?;
        ids.iter().for_each(|id| self.rights_changed_of(*id));
        Ok(ids.len())
    }

    /// What a session elsewhere is called, as it is kept.
    fn sid_digest(&self, sid: &str) -> Vec<u8> {
        self.0.store.vault().tag("sid", sid.as_bytes()).to_vec()
    }

    /// What a person is called elsewhere, as it is kept for a logout there. It is no name by which anybody is recognised: that is [`super::bind`]'s.
    fn subject_digest(&self, from: &Elsewhere) -> Option<Vec<u8>> {
        // No address has a line break in it: two pairs are two texts.
        let both = format!("{}\n{}", from.provider, from.subject.as_deref()?);
        Some(self.0.store.vault().tag("logout", both.as_bytes()).to_vec())
    }

    /// Refuses an act whose actor did not prove enough (F041, F046): `login.required`, `auth.strength`, `auth.fresh`, `auth.issuer`.
    pub fn needs(&self, actor: &Actor, need: Need) -> Result<(), Refusal> {
        self.config().identity.meets(&actor.proof, need, self.now()).map_err(lacking)
    }

    /// As [`Operator::needs`], for pages that offer another way instead.
    pub fn lacks(&self, actor: &Actor, need: Need) -> Option<Lacking> {
        self.config().identity.meets(&actor.proof, need, self.now()).err()
    }
}

fn view(s: Session, own: Option<Id>) -> Result<SessionView, Refusal> {
    let factors = read(&s.proof)?.names();
    Ok(SessionView {
        id: s.id,
        login: s.login,
        factors,
        agent: s.agent,
        place: s.last_place,
        begun: Timestamp(s.begun),
        seen: Timestamp(s.seen),
        ends: Timestamp(s.expires),
        this: own == Some(s.id),
    })
}

fn written(proof: &Proof) -> Result<String, Refusal> {
    serde_json::to_string(proof).map_err(|_| RefusalCode::Defect.into())
}

/// What was proven in a session. A means that this version does not know proves nothing: the session is over.
fn read(proof: &str) -> Result<Proof, Refusal> {
    serde_json::from_str(proof).map_err(|_| RefusalCode::LoginRequired.into())
}

#[cfg(test)]
mod tests {
    use super::agent;

    #[test]
    fn browsers_are_named_and_not_followed() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/604.1";
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36 Edg/150.0";
        assert_eq!([agent(firefox), agent(phone), agent(edge)], ["Firefox, Linux", "Safari, iPhone", "Edge, Windows"]);
        assert_eq!(agent("<script>"), "");
    }
}
