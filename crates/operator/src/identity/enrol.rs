//! The link behind which somebody sets up the first means of signing in, without a card (F007), or new ones after a recovery.
//!
//! Promises: it goes to a verified ordinary address that neither whoever wanted it nor whoever stands behind his token typed in; nobody sends it to
//! himself; behind it stand two natures or nothing; it serves once, for 48 hours, and everything is judged again when it does; the person is told that it
//! served, at that address and in each BAL of his own.
use super::attempts::Browser;
use super::bind;
use super::factors::{self, PASSKEY};
use super::passkeys;
use super::recovery::{DONE, OPEN};
use super::totp::{self, TotpOffer};
use crate::accounts::people::email::{A_DAY, HOURS, shortened};
use crate::accounts::tokens::{gives_no_more, maker};
use crate::boxed;
use crate::notices::{Notice, Template};
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator, Origin, PersonRef, Who};
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_identity::webauthn::WebauthnError;
use sceau_store::factors::{self as rows, Factor};
use sceau_store::notices::{self as links, Link};
use sceau_store::recoveries::{self, Recovery};
use sceau_store::{Id, Tx, access, accounts, attempts, bindings, browsers, departures};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// What such links are for.
pub(super) const PURPOSE: &str = "enrol";
/// The note of an attempt.
const NOTE: &str = "enrol";

/// An invitation that was sent. The link is shown to nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvitationView {
    /// Whose means: login.
    pub login: String,
    /// The address, its local part shortened.
    pub address: String,
    /// Until when the link is good.
    #[schema(value_type = i64)]
    pub until: Timestamp,
}

/// What a link keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Offer {
    /// Where it was sent.
    address: String,
    /// Who asked for it.
    asked_by: Id,
    /// The replacement that it carries out; none: first means.
    recovery: Option<Id>,
}

/// What a link offers, as its page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolOffer {
    /// Whose: name.
    pub name: String,
    /// And login, to be remembered.
    pub login: String,
    /// Does it replace what there is?
    pub replaces: bool,
}

/// The page on which somebody chooses.
#[derive(Debug)]
pub struct EnrolForm {
    /// For whom.
    pub offer: EnrolOffer,
    /// What the browser is asked for a passkey.
    pub options: Value,
    /// The secret for an authenticator program.
    pub totp: TotpOffer,
}

/// What somebody chose.
#[derive(Clone, Copy)]
pub enum Chosen<'a> {
    /// A passkey: the browser's answer.
    Passkey(&'a [u8]),
    /// A password, and the code that the authenticator program shows.
    Password(&'a str, &'a str),
}

impl std::fmt::Debug for Chosen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Passkey(_) => "Passkey",
            Self::Password(..) => "Password",
        })
    }
}

/// What an attempt keeps.
#[derive(Serialize, Deserialize)]
struct Begun {
    digest: Vec<u8>,
    challenge: [u8; 32],
    totp: String,
}

/// A link that is good at this moment.
struct Good {
    link: Link,
    offer: Offer,
    person: accounts::Person,
    recovery: Option<Recovery>,
}

/// Somebody else, whom the asker may do this to and who can be reached at an address that the asker did not type in; and who stands behind the asker.
pub(super) fn other(
    tx: &mut dyn Tx,
    actor: &Actor,
    use_case: UseCase,
    login: &str,
) -> Result<(accounts::Person, Id), Fail> {
    permit(tx, actor, use_case, On::Anywhere)?;
    let Some(person) = accounts::person_by_login(tx, login)? else { return Err(unknown(tx, actor, use_case, login)) };
    permit(tx, actor, use_case, On::Person(person.id))?;
    gives_no_more(tx, actor, use_case, person.id)?;
    let behind = maker(tx, actor)?;
    if person.id == actor.person() || person.id == behind {
        return Err(RefusalCode::RecoveryOwn.into());
    }
    if person.disabled.is_some() || person.email_verified.is_none() || access::is_machine(tx, person.id)? {
        return Err(Refusal::new(RefusalCode::TokenUnreachable).with("name", &person.login).into());
    }
    let set = links::setter(tx, person.id)?.filter(|by| *by != 0);
    if set.is_some_and(|by| by == actor.person() || by == behind) {
        return Err(Refusal::new(RefusalCode::TokenSetter).with("name", &person.login).into());
    }
    Ok((person, behind))
}

/// Whoever wanted something, as far as he may still do it: his roles now, without any session.
fn still_may(tx: &mut dyn Tx, who: Id, use_case: UseCase, person: Id, origin: &Origin) -> Result<bool, Fail> {
    let Some(row) = accounts::person_by_id(tx, who)? else { return Ok(false) };
    let who = Who::Person(PersonRef::of(row));
    let actor = Actor { who, bal: None, credential: None, proof: Default::default(), origin: origin.clone() };
    let may = permit(tx, &actor, use_case, On::Person(person));
    match may.and_then(|()| gives_no_more(tx, &actor, use_case, person)) {
        Ok(()) => Ok(true),
        Err(Fail::No(_)) => Ok(false),
        Err(fail) => Err(fail),
    }
}

/// Does a replacement still stand: both who wanted it may still want it, and neither typed in the address that the person has by now?
pub(super) fn stands(tx: &mut dyn Tx, row: &Recovery, origin: &Origin) -> Result<bool, Fail> {
    let Some(confirmed_by) = row.confirmed_by else { return Ok(false) };
    let set = links::setter(tx, row.person_id)?;
    Ok(set.is_none_or(|by| by != row.asked_by && by != confirmed_by)
        && still_may(tx, row.asked_by, UseCase::RecoveryAsk, row.person_id, origin)?
        && still_may(tx, confirmed_by, UseCase::RecoveryConfirm, row.person_id, origin)?)
}

/// Everything judged anew.
fn good(tx: &mut dyn Tx, digest: &[u8], now: i64, origin: &Origin) -> Result<Good, Fail> {
    let invalid = || Fail::from(RefusalCode::LinkInvalid);
    let link = links::good_link(tx, digest, now)?.filter(|l| l.purpose == PURPOSE).ok_or_else(invalid)?;
    let offer: Offer = serde_json::from_str(&link.value).map_err(|_| invalid())?;
    let person = accounts::person_by_id(tx, link.person_id)?.filter(|p| p.disabled.is_none()).ok_or_else(invalid)?;
    if person.email.as_ref() != Some(&offer.address) || person.email_verified.is_none() {
        return Err(invalid());
    }
    let (recovery, wanted) = match offer.recovery {
        Some(id) => {
            let row = recoveries::by_id(tx, id)?.filter(|r| r.state == OPEN && r.person_id == person.id);
            let row = row.ok_or_else(invalid)?;
            let wanted = stands(tx, &row, origin)?;
            (Some(row), wanted)
        }
        None => {
            let wanted = still_may(tx, offer.asked_by, UseCase::FactorInvite, person.id, origin)?;
            (None, wanted && !has_means(tx, person.id)?)
        }
    };
    if !wanted {
        return Err(invalid());
    }
    Ok(Good { link, offer, person, recovery })
}

/// Has somebody a way to sign in, or a part of one?
fn has_means(tx: &mut dyn Tx, person: Id) -> Result<bool, Fail> {
    Ok(!rows::of_person(tx, person)?.is_empty() || bindings::of_person(tx, person)?.iter().any(bind::stands))
}

fn shown(good: &Good) -> EnrolOffer {
    let (name, login) = (good.person.name.clone(), good.person.login.clone());
    EnrolOffer { name, login, replaces: good.recovery.is_some() }
}

impl Operator {
    /// A secret of a link, as it is written, and its digest.
    pub(super) fn new_link(&self) -> Result<(Zeroizing<String>, Vec<u8>), Refusal> {
        let secret = super::attempts::secret()?;
        let digest = self.link_digest(&secret);
        Ok((secret, digest))
    }

    /// The link and its notice, to be written by whoever sends it; none when the person has no verified address.
    pub(super) async fn enrol_link(
        &self,
        person: Id,
        recovery: Option<Id>,
        asked_by: Id,
    ) -> Result<Option<(Link, Notice)>, Refusal> {
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(accounts::person_by_id(tx, person)?);
        let found = self.0.store.read(find).await?.filter(|p| p.email_verified.is_some());
        let Some(address) = found.and_then(|p| p.email) else { return Ok(None) };
        let Ok(to) = address.parse::<Address>() else { return Ok(None) };
        let (secret, digest) = self.new_link()?;
        let url = Zeroizing::new(format!("{}/acceder/{}", self.config().public_url, secret.as_str()));
        let hours = HOURS.to_string();
        let notice = self.notice(Template::EnrolLink, person, &to, &[("link", &url), ("hours", &hours)]).await?;
        let value = serde_json::to_string(&Offer { address, asked_by, recovery });
        let value = value.map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
        let (id, now) = (self.0.store.new_id(), self.now());
        let (created, expires) = (now.0, now.plus_ms(HOURS * 3_600_000).0);
        let purpose = PURPOSE.to_owned();
        Ok(Some((Link { id, purpose, person_id: person, digest, value, created, expires, used: None }, notice)))
    }

    /// Invites somebody who has no means yet to choose the first ones. `admin.exists`: there are some, see recoveries; `token.unreachable`,
    /// `token.setter`, `recovery.own`, `notice.no_relay`, `notice.too_many`, `right.missing`, `admin.not_found`.
    #[boxed]
    pub async fn invite(&self, actor: &Actor, login: &str) -> Result<InvitationView, Refusal> {
        self.require(actor, UseCase::FactorInvite, On::Anywhere).await?;
        let login = crate::accounts::login(login)?;
        let (asker, name) = (actor.clone(), login.clone());
        let (person, behind) = self.0.store.read(move |tx| other(tx, &asker, UseCase::FactorInvite, &name)).await?;
        let unreachable = || Refusal::new(RefusalCode::TokenUnreachable).with("name", &person.login);
        let (link, notice) = self.enrol_link(person.id, None, behind).await?.ok_or_else(unreachable)?;
        let (asker, until, now) = (actor.clone(), Timestamp(link.expires), link.created);
        let fact = self.fact("factor.invited", &By::actor(actor), None, "ok", json!({ "login": login }));
        let send = move |tx: &mut dyn Tx| {
            let (person, _) = other(tx, &asker, UseCase::FactorInvite, &login)?;
            if has_means(tx, person.id)? {
                return Err(Refusal::new(RefusalCode::Exists).with("name", &person.login).into());
            }
            if links::sent_since(tx, person.id, Template::EnrolLink.as_str(), now - 86_400_000)? >= A_DAY {
                return Err(Refusal::new(RefusalCode::NoticeTooMany).with("limit", A_DAY).into());
            }
            links::insert_link(tx, &link)?;
            notice.write(tx)?;
            fact.write(tx)?;
            let address = shortened(person.email.as_deref().unwrap_or_default());
            Ok::<_, Fail>(InvitationView { login: person.login, address, until })
        };
        let sent = self.0.store.write(send).await?;
        self.wake_jobs();
        Ok(sent)
    }

    /// What a link offers; changes nothing. `link.invalid`.
    #[boxed]
    pub async fn look_at_enrol_link(&self, secret: &str, origin: &Origin) -> Result<EnrolOffer, Refusal> {
        let (digest, now, origin) = (self.checked_digest(secret)?, self.now().0, origin.clone());
        Ok(self.0.store.read(move |tx| good(tx, &digest, now, &origin).map(|g| shown(&g))).await?)
    }

    /// Begins to choose, in this browser. `link.invalid`.
    #[boxed]
    pub async fn begin_enrol_link(&self, browser: &Browser<'_>, secret: &str, origin: &Origin) -> Result<(), Refusal> {
        self.look_at_enrol_link(secret, origin).await?;
        let digest = self.checked_digest(secret)?;
        let mut attempt = self.begin_attempt(browser, "/connexion", None).await?;
        attempt.put(NOTE, &Begun { digest, challenge: passkeys::random()?, totp: totp::new_secret()?.to_string() });
        self.keep_attempt(&mut attempt).await
    }

    /// What the page shows then. `link.invalid`, `form.old`.
    #[boxed]
    pub async fn enrol_form(&self, browser: &Browser<'_>, secret: &str, origin: &Origin) -> Result<EnrolForm, Refusal> {
        let (digest, now, origin) = (self.checked_digest(secret)?, self.now().0, origin.clone());
        let begun: Option<Begun> = self.attempt(browser.attempt).await?.get(NOTE);
        let begun = begun.filter(|b| b.digest == digest).ok_or(RefusalCode::FormOld)?;
        let good = self.0.store.read(move |tx| good(tx, &digest, now, &origin)).await?;
        let secret = totp::secret_of(&begun.totp).ok_or(RefusalCode::FormOld)?;
        let named = (good.person.login.as_str(), good.person.name.as_str());
        let options = self.passkey_creation(good.person.id, named, &begun.challenge).await?;
        Ok(EnrolForm { options, totp: self.totp_offer(&secret, &good.person.login), offer: shown(&good) })
    }

    /// Keeps what was chosen; the link served. After a recovery everything before is removed, and all that was open in the person's name ends.
    /// `link.invalid`, `form.old`, `factor.refused`, `password.*`.
    pub async fn enrol_by_link(
        &self,
        browser: &Browser<'_>,
        secret: &str,
        chosen: Chosen<'_>,
        origin: &Origin,
    ) -> Result<EnrolOffer, Refusal> {
        let digest = self.checked_digest(secret)?;
        let mut attempt = self.attempt(browser.attempt).await?;
        let begun: Option<Begun> = attempt.get(NOTE);
        let begun = begun.filter(|b| b.digest == digest).ok_or(RefusalCode::FormOld)?;
        let (looked, from, now) = (digest.clone(), origin.clone(), self.now().0);
        let found = self.0.store.read(move |tx| good(tx, &looked, now, &from)).await?;
        let person = found.person.id;
        let new = match chosen {
            Chosen::Passkey(answer) => {
                // The challenge is spent before its answer is looked at.
                attempt.drop_note(NOTE);
                self.keep_attempt(&mut attempt).await?;
                let made = self.new_passkey(person, PASSKEY.to_owned(), &begun.challenge, answer);
                vec![made.map_err(|e: WebauthnError| {
                    tracing::info!(cause = e.code(), "a passkey behind a link was refused");
                    Refusal::new(RefusalCode::FactorRefused)
                })?]
            }
            Chosen::Password(typed, code) => {
                let secret = totp::secret_of(&begun.totp).ok_or(RefusalCode::FormOld)?;
                let Some(totp) = self.new_totp(person, &secret, code).await? else {
                    self.wrong_try(&attempt).await?;
                    return Err(RefusalCode::FactorRefused.into());
                };
                vec![self.new_password(person, typed).await?, totp]
            }
        };
        let told = if found.recovery.is_some() { Template::RecoveryDone } else { Template::FactorAdded };
        let date = self.written_now().await?;
        let values = [("date", date.as_str())];
        let notice = self.person_notice(person, told, &values).await?;
        let by =
            By { name: found.person.login.clone(), person: Some(person), origin: Some(origin.clone()), seat: None };
        let kinds: Vec<&str> = new.iter().map(|f| f.kind.as_str()).collect();
        let said = json!({ "kinds": kinds, "with": "link", "asked_by": found.offer.asked_by.to_string() });
        let act = if found.recovery.is_some() { "factor.replaced" } else { "factor.enrolled" };
        let (fact, origin) = (self.fact(act, &by, None, "ok", said), origin.clone());
        let keep = move |tx: &mut dyn Tx| {
            rows::lock(tx, person)?;
            let good = good(tx, &digest, now, &origin)?;
            if good.offer != found.offer || !links::use_link(tx, good.link.id, now)? {
                return Err(RefusalCode::LinkInvalid.into());
            }
            if let Some(row) = &good.recovery {
                let next = Recovery { state: DONE.into(), ended: Some(now), ..row.clone() };
                if !recoveries::replace(tx, &next)? {
                    return Err(RefusalCode::LinkInvalid.into());
                }
                rows::remove_all(tx, person, now)?;
                departures::revoke_tokens(tx, person, now)?;
                browsers::forget_of(tx, person)?;
                attempts::end_of_person(tx, person, now)?;
            }
            for row in &new {
                let row = Factor { enrolled_with: "link".into(), ..row.clone() };
                factors::insert(tx, person, &row, now)?;
            }
            notice.iter().try_for_each(|n| n.write(tx))?;
            fact.write(tx)?;
            Ok::<_, Fail>(shown(&good))
        };
        let offer = self.0.store.write(keep).await?;
        if offer.replaces {
            self.rights_changed_of(person);
        }
        self.wake_jobs();
        self.tell_in_bals(person, told, &values).await;
        Ok(offer)
    }
}
