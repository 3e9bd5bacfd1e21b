//! A person's ordinary address, outside the trust space: set by the person or an administrator, shown to reach the person by a one-time link.
//!
//! Promises: a secret of 256 bits, of which only a peppered digest is kept; good for 48 hours and once; a newer one or another address ends it;
//! looking at the link changes nothing, for programs that guard mailboxes follow links: only the button confirms; who set the address is kept
//! (whoever did sends no token there); an address that was verified is told when it is the person's no longer; nobody is given an address that somebody
//! else has, or one of the trust space; what waits for the address goes on once it is there or confirmed ([`sceau_domain::opening`], F063).
use super::views::PersonView;
use super::{conflict, known, view};
use crate::boxed;
use crate::notices::{Letterhead, Notice, Template};
use crate::record::{By, Fact};
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, Origin};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::{Address, Refusal, RefusalCode, UseCase};
use sceau_store::notices::{self, Link};
use sceau_store::{StoreError, Tx, accounts as rows};
use serde_json::json;
use zeroize::Zeroizing;

/// What the link confirms.
const PURPOSE: &str = "email";
/// For how long a link is good, hours.
pub(crate) const HOURS: i64 = 48;
/// Length of a secret as written: 32 bytes.
const WRITTEN: usize = 43;
/// Links to one person within a day: ordinary mail to an address that nobody has confirmed yet must not become a flood.
pub(crate) const A_DAY: i64 = 5;

/// A link that is good, as its page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkView {
    /// What it confirms: the address, its local part shortened.
    pub address: String,
}

/// `camille@exemple.fr` as `c…@exemple.fr`: whoever opened the mail knows the rest.
pub(crate) fn shortened(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{}…@{domain}", local.chars().next().unwrap_or('…')),
        None => "…".into(),
    }
}

/// An ordinary address to be set, with everything that the transaction of the act must not make.
#[derive(Debug, Clone)]
pub(crate) struct NewAddress {
    /// The person as the address was asked for.
    before: rows::Person,
    to: Address,
    link: Link,
    notice: Notice,
    farewell: Option<Notice>,
    fact: Fact,
    now: i64,
}

impl NewAddress {
    /// Sets it, unverified, in the transaction of a larger act perhaps; the link leaves after it ([`Operator::wake_jobs`]). `contact.taken`,
    /// `contact.inside`, `notice.too_many`, `edit.conflict`, `right.missing`.
    pub fn write(&self, tx: &mut dyn Tx, actor: &Actor) -> Result<(), Fail> {
        // Before any row: whoever sets another one at this moment comes before or after.
        notices::lock_contacts(tx, self.now)?;
        let (before, to) = (&self.before, &self.to);
        permit(tx, actor, UseCase::PersonEdit, On::Person(before.id))?;
        let mut person = rows::person_by_id(tx, before.id)?.ok_or(RefusalCode::NotFound)?;
        if (&person.email, person.email_verified) != (&before.email, before.email_verified) {
            return Err(conflict(&before.login));
        }
        if notices::sent_since(tx, person.id, Template::EmailLink.as_str(), self.now - 86_400_000)? >= A_DAY {
            return Err(Refusal::new(RefusalCode::NoticeTooMany).with("limit", A_DAY).into());
        }
        if rows::domain_by_name(tx, to.domain().as_str())?.is_some() {
            return Err(Refusal::new(RefusalCode::ContactInside).with("name", &person.login).into());
        }
        if notices::is_anothers(tx, &compared(to), person.id)? {
            return Err(Refusal::new(RefusalCode::ContactTaken).with("name", &person.login).into());
        }
        person.email = Some(self.link.value.clone());
        person.email_verified = None;
        if !rows::update_person(tx, &person)? {
            return Err(conflict(&person.login));
        }
        if before.email.as_ref() != Some(&self.link.value) {
            let by = crate::accounts::tokens::maker(tx, actor)?;
            notices::note_setter(tx, person.id, by)?;
        }
        for of in [Template::EmailLink, Template::TokenLink] {
            notices::withdraw(tx, person.id, of.as_str(), self.now)?;
        }
        notices::insert_link(tx, &self.link)?;
        self.notice.write(tx)?;
        self.farewell.iter().try_for_each(|f| f.write(tx))?;
        Ok(self.fact.write(tx)?)
    }
}

/// An ordinary address as it is compared: nobody has two that differ in nothing but the case of letters.
pub(crate) fn compared(address: &Address) -> String {
    address.to_string().to_ascii_lowercase()
}

impl Operator {
    /// Sets the ordinary address of a person, unverified, and sends the link. The same address again: another link, when it is not verified.
    /// `notice.no_relay`, `notice.too_many`, `contact.taken`, `contact.inside` for an address of the trust space, `admin.invalid`.
    #[boxed]
    pub async fn set_email(&self, actor: &Actor, login: &str, address: &str) -> Result<PersonView, Refusal> {
        let (before, to) = self.person_with_address(actor, login, address).await?;
        let (id, head) = (before.id, self.letterhead().await?);
        let new = self.new_address(&head, actor, &before, &to)?;
        let (actor, now) = (actor.clone(), self.now());
        let set = move |tx: &mut dyn Tx| {
            new.write(tx, &actor)?;
            let stored = rows::person_by_id(tx, id)?.ok_or(RefusalCode::NotFound)?;
            view(tx, &actor, stored, now.0)
        };
        let view = self.0.store.write(set).await?;
        self.wake_jobs();
        // Where it is enough that there is one, what waited for it goes on.
        self.openings_go_on(id).await;
        Ok(view)
    }

    /// A person whose ordinary address the asker may set, and an address that may be one.
    pub(crate) async fn person_with_address(
        &self,
        actor: &Actor,
        login: &str,
        address: &str,
    ) -> Result<(rows::Person, Address), Refusal> {
        let (by, name) = (actor.clone(), login.to_ascii_lowercase());
        let found = move |tx: &mut dyn Tx| {
            permit(tx, &by, UseCase::PersonEdit, On::Anywhere)?;
            known(tx, &by, UseCase::PersonEdit, &name)
        };
        let before = self.0.store.read(found).await?;
        let to = self.ordinary(address, &before.login)?;
        Ok((before, to))
    }

    /// An address to be set for a person who is as given.
    pub(crate) fn new_address(
        &self,
        head: &Letterhead,
        actor: &Actor,
        before: &rows::Person,
        to: &Address,
    ) -> Result<NewAddress, Refusal> {
        let mut secret = Zeroizing::new([0_u8; 32]);
        rand::fill(secret.as_mut()).map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
        let written = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_ref()));
        let url = Zeroizing::new(format!("{}/lien/{}", self.0.config.public_url, written.as_str()));
        let (hours, now) = (HOURS.to_string(), self.now());
        let link = Link {
            id: self.0.store.new_id(),
            purpose: PURPOSE.into(),
            person_id: before.id,
            digest: self.link_digest(&written),
            value: to.to_string(),
            created: now.0,
            expires: now.plus_ms(HOURS * 3_600_000).0,
            used: None,
        };
        let values = [("link", url.as_str()), ("hours", &hours)];
        Ok(NewAddress {
            notice: self.notice_under(head, Template::EmailLink, before.id, to, &values)?,
            farewell: self.farewell(head, before, Some(to))?,
            fact: self.fact("person.email", &By::actor(actor), None, "ok", json!({ "login": before.login })),
            before: before.clone(),
            to: to.clone(),
            link,
            now: now.0,
        })
    }

    /// Takes a person's ordinary address away.
    #[boxed]
    pub async fn clear_email(&self, actor: &Actor, login: &str) -> Result<PersonView, Refusal> {
        let fact = self.fact(
            "person.email_cleared",
            &By::actor(actor),
            None,
            "ok",
            json!({ "login": login.to_ascii_lowercase() }),
        );
        let (asker, login, now) = (actor.clone(), login.to_ascii_lowercase(), self.now().0);
        let name = login.clone();
        let found = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::PersonEdit, On::Anywhere)?;
            known(tx, &asker, UseCase::PersonEdit, &name)
        };
        let before = self.0.store.read(found).await?;
        // Without a relay nobody is told.
        let farewell = if self.has_relay() { self.farewell(&self.letterhead().await?, &before, None)? } else { None };
        let actor = actor.clone();
        let clear = move |tx: &mut dyn Tx| {
            let mut person = known(tx, &actor, UseCase::PersonEdit, &login)?;
            if (&person.email, person.email_verified) != (&before.email, before.email_verified) {
                return Err(conflict(&login));
            }
            (person.email, person.email_verified) = (None, None);
            if !rows::update_person(tx, &person)? {
                return Err(conflict(&login));
            }
            for of in [Template::EmailLink, Template::TokenLink] {
                notices::withdraw(tx, person.id, of.as_str(), now)?;
            }
            notices::void_links(tx, person.id, PURPOSE, now)?;
            farewell.iter().try_for_each(|f| f.write(tx))?;
            fact.write(tx)?;
            let stored = rows::person_by_id(tx, person.id)?.ok_or(RefusalCode::NotFound)?;
            view(tx, &actor, stored, now)
        };
        let view = self.0.store.write(clear).await?;
        self.wake_jobs();
        Ok(view)
    }

    /// What is said to an address that was verified when another one, or none, takes its place.
    fn farewell(
        &self,
        head: &Letterhead,
        before: &rows::Person,
        next: Option<&Address>,
    ) -> Result<Option<Notice>, Refusal> {
        let verified = before.email.as_ref().filter(|_| before.email_verified.is_some());
        let Some(old) = verified.and_then(|e| e.parse::<Address>().ok()).filter(|e| Some(e) != next) else {
            return Ok(None);
        };
        self.notice_under(head, Template::EmailChanged, before.id, &old, &[]).map(Some)
    }

    /// Looks at a link; changes nothing. `link.invalid`.
    #[boxed]
    pub async fn look_at_link(&self, secret: &str) -> Result<LinkView, Refusal> {
        let (digest, now) = (self.checked_digest(secret)?, self.now().0);
        let find = move |tx: &mut dyn Tx| good(tx, &digest, now).map(|(link, _)| link);
        let link = self.0.store.read(find).await?;
        Ok(LinkView { address: shortened(&link.value) })
    }

    /// Confirms the address of a link: whoever holds the secret is who reads mail there. What waited for that is carried out. `link.invalid`.
    #[boxed]
    pub async fn confirm_link(&self, secret: &str, origin: &Origin) -> Result<LinkView, Refusal> {
        let (digest, now) = (self.checked_digest(secret)?, self.now().0);
        let by = By { name: "link".into(), origin: Some(origin.clone()), ..By::default() };
        let fact = self.fact("person.email_verified", &by, None, "ok", json!({}));
        let confirm = move |tx: &mut dyn Tx| {
            let (link, mut person) = good(tx, &digest, now)?;
            person.email_verified = Some(now);
            if !notices::use_link(tx, link.id, now)? {
                return Err(RefusalCode::LinkInvalid.into());
            }
            if !rows::update_person(tx, &person)? {
                // Changed between two of our own reads: the link stays good, the button can be pressed again.
                return Err(conflict(&person.login));
            }
            let mut fact = fact.clone();
            fact.saying(&json!({ "login": person.login }));
            fact.write(tx)?;
            let righted = Self::address_is_right(tx, person.id)?;
            Ok::<_, Fail>((link, righted.then_some(person.login)))
        };
        let (link, righted) = self.0.store.write(confirm).await?;
        if let Some(login) = righted {
            self.right_again(&login).await;
        }
        self.openings_go_on(link.person_id).await;
        Ok(LinkView { address: shortened(&link.value) })
    }

    /// An address outside the trust space: ordinary mail does not go into it, nor the other way. `admin.invalid` for what is none, `contact.inside`.
    /// `login`: whose it is to be, when that is known.
    pub(crate) fn ordinary(&self, address: &str, login: &str) -> Result<Address, Refusal> {
        let invalid = || Refusal::new(RefusalCode::Invalid).with("name", "address");
        let address: Address = address.trim().parse().map_err(|_| invalid())?;
        if address.is_international() {
            return Err(invalid());
        }
        if !self.is_ordinary(&address) {
            let refusal = Refusal::new(RefusalCode::ContactInside);
            return Err(if login.is_empty() { refusal } else { refusal.with("name", login) });
        }
        Ok(address)
    }

    /// Is this address of no domain of the trust space, as far as it can be said without the rows?
    pub(crate) fn is_ordinary(&self, address: &Address) -> bool {
        let listed = self.trust().white_list().is_some_and(|l| l.contains(address.domain()));
        !listed && !self.is_patients(address.domain())
    }

    pub(crate) fn link_digest(&self, written: &str) -> Vec<u8> {
        self.0.store.vault().tag("link", written.as_bytes()).to_vec()
    }

    pub(crate) fn checked_digest(&self, secret: &str) -> Result<Vec<u8>, Refusal> {
        if secret.len() != WRITTEN || !secret.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return Err(RefusalCode::LinkInvalid.into());
        }
        Ok(self.link_digest(secret))
    }

    /// Forgets links that ended a while ago. Part of housekeeping.
    pub(crate) async fn forget_links(&self) -> Result<(), Refusal> {
        const SLICE: i64 = 500;
        let before = self.now().0 - 7 * 86_400_000;
        let gone = self.0.store.write(move |tx| notices::forget_links(tx, before, SLICE)).await;
        gone.map(drop).map_err(|e: StoreError| crate::refuse::store(&e))
    }
}

/// A link that is good, and its person, who is not blocked and still has that address.
fn good(tx: &mut dyn Tx, digest: &[u8], now: i64) -> Result<(Link, rows::Person), Fail> {
    let link = notices::good_link(tx, digest, now)?.filter(|l| l.purpose == PURPOSE);
    let link = link.ok_or(RefusalCode::LinkInvalid)?;
    let person = rows::person_by_id(tx, link.person_id)?;
    let person = person.filter(|p| p.disabled.is_none() && p.email.as_ref() == Some(&link.value));
    Ok((link, person.ok_or(RefusalCode::LinkInvalid)?))
}
