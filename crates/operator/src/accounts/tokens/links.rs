//! One-time links behind which a person makes a token: whoever administers asks for one, the person alone sees the secret.
//!
//! The link goes to a notification address that was verified: the person's own, or, for a machine, that of somebody responsible for its BAL.
//!
//! Promises: neither the secret nor the link is ever shown to who asked for it; who typed the address in does not send there, so that nobody alone
//! makes himself somebody else; everything is judged again when the button is pressed, the asker's right too; a link serves once, for 48 hours, and a
//! newer one for the same, another address or a block ends it. A token whose answer was lost is seen by nobody: another link makes another one.
use super::{API, DEVICE, Target, Wanted, answers_for, maker, strong_enough, target, view};
use crate::accounts::TokenView;
use crate::accounts::people::conflict;
use crate::accounts::people::email::{A_DAY, HOURS, shortened};
use crate::boxed;
use crate::login::BY_LINK;
use crate::notices::Template;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator, Origin, PersonRef, Who};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::{Address, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::notices::{self, Link};
use sceau_store::{Id, Tx, access, accounts as rows, disclosures};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// What such links are for; the person's id follows.
const PURPOSE: &str = "token:";

/// A link to send.
#[derive(Debug, Clone, Default)]
pub struct NewTokenLink {
    /// Whose token: a login.
    pub login: String,
    /// For REST; else for mail programs.
    pub api: bool,
    /// Only for this BAL.
    pub bal: Option<String>,
    /// What it is for.
    pub label: String,
    /// Until when the token is good.
    pub expires: Option<Timestamp>,
    /// For a machine: login of somebody responsible for the BAL, who gets the link.
    pub to: Option<String>,
}

/// A link that was sent. Neither it nor what it makes is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TokenLinkView {
    /// Whose token it makes: login.
    pub login: String,
    /// Only for this BAL.
    pub bal: Option<String>,
    /// `device` or `api`.
    pub purpose: String,
    /// What the token is for.
    pub label: String,
    /// Until when the token is good.
    #[schema(value_type = Option<i64>)]
    pub expires: Option<Timestamp>,
    /// Who gets the link: login.
    pub to: String,
    /// The address, its local part shortened.
    pub address: String,
    /// Until when the link is good.
    #[schema(value_type = i64)]
    pub until: Timestamp,
}

/// What a link offers, as its page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedToken {
    /// Whose: name.
    pub name: String,
    /// For REST.
    pub api: bool,
    /// Only for this BAL: address.
    pub bal: Option<String>,
    /// What it is for.
    pub label: String,
    /// Until when the token is good.
    pub expires: Option<Timestamp>,
}

/// What a link keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Offer {
    /// Where it was sent.
    address: String,
    /// Whose token.
    person: Id,
    api: bool,
    bal: Option<Id>,
    label: String,
    expires: Option<i64>,
    /// Who asked for it.
    asked_by: Id,
    /// After a strong proof.
    #[serde(default)]
    strong: bool,
}

/// Who gets the link, and where: the person, or whoever of those responsible is named for a machine.
fn receiver(tx: &mut dyn Tx, actor: &Actor, target: &Target, to: Option<&str>) -> Result<rows::Person, Fail> {
    let invalid = |name: &str| Fail::from(Refusal::new(RefusalCode::Invalid).with("name", name));
    let receiver = match (access::is_machine(tx, target.person.id)?, to) {
        (false, None) => target.person.clone(),
        (false, Some(_)) | (true, None) => return Err(invalid("to")),
        (true, Some(login)) => {
            let bal = target.bal.ok_or_else(|| invalid("bal"))?;
            let Some(found) = rows::person_by_login(tx, login)? else {
                return Err(unknown(tx, actor, UseCase::TokenCreate, login));
            };
            if !answers_for(tx, found.id, target.person.id, bal)? {
                return Err(invalid("to"));
            }
            found
        }
    };
    if receiver.disabled.is_some() || receiver.email.is_none() || receiver.email_verified.is_none() {
        return Err(Refusal::new(RefusalCode::TokenUnreachable).with("name", receiver.login).into());
    }
    let (own, behind) = (receiver.id == actor.person(), maker(tx, actor)?);
    let set = notices::setter(tx, receiver.id)?.filter(|by| *by != 0);
    if !own && set.is_some_and(|by| by == actor.person() || by == behind) {
        return Err(Refusal::new(RefusalCode::TokenSetter).with("name", receiver.login).into());
    }
    Ok(receiver)
}

/// A link that is good at this moment: what it offers, to whom, for whom.
struct Good {
    link: Link,
    offer: Offer,
    receiver: rows::Person,
    person: rows::Person,
}

/// Everything judged anew: the address, who gets it, whose it is, the BAL, and whether who asked still may.
fn good(tx: &mut dyn Tx, digest: &[u8], now: i64, origin: &Origin) -> Result<Good, Fail> {
    let invalid = || Fail::from(RefusalCode::LinkInvalid);
    let link = notices::good_link(tx, digest, now)?.filter(|l| l.purpose.starts_with(PURPOSE)).ok_or_else(invalid)?;
    let offer: Offer = serde_json::from_str(&link.value).map_err(|_| invalid())?;
    let receiver = rows::person_by_id(tx, link.person_id)?.ok_or_else(invalid)?;
    let person = rows::person_by_id(tx, offer.person)?.ok_or_else(invalid)?;
    let reached = receiver.email.as_deref() == Some(&offer.address) && receiver.email_verified.is_some();
    if !reached || receiver.disabled.is_some() || person.disabled.is_some() {
        return Err(invalid());
    }
    let seated = match offer.bal {
        None => receiver.id == person.id,
        Some(bal) if receiver.id != person.id => answers_for(tx, receiver.id, person.id, bal)?,
        Some(bal) => access::in_force(tx, person.id, bal)?.is_some(),
    };
    let asker = rows::person_by_id(tx, offer.asked_by)?.ok_or_else(invalid)?;
    let who = Who::Person(PersonRef::of(asker));
    let asker = Actor { who, bal: None, credential: None, proof: Default::default(), origin: origin.clone() };
    let answers = match offer.bal {
        Some(bal) => answers_for(tx, offer.asked_by, person.id, bal)?,
        None => false,
    };
    let may = answers || permit(tx, &asker, UseCase::TokenCreate, On::Person(person.id)).is_ok();
    if !seated || !may || offer.expires.is_some_and(|e| e <= now) {
        return Err(invalid());
    }
    Ok(Good { link, offer, receiver, person })
}

fn offered(tx: &mut dyn Tx, good: Good) -> Result<OfferedToken, Fail> {
    let bal = match good.offer.bal {
        None => None,
        Some(id) => rows::bal_by_id(tx, id)?.map(|b| b.address),
    };
    let Offer { api, label, expires, .. } = good.offer;
    Ok(OfferedToken { name: good.person.name, api, bal, label, expires: expires.map(Timestamp) })
}

impl Operator {
    /// Sends a person the link behind which the token is made. `token.unreachable`, `token.setter`, `notice.no_relay`, `notice.too_many`,
    /// `admin.invalid`, `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn send_token_link(&self, actor: &Actor, new: NewTokenLink) -> Result<TokenLinkView, Refusal> {
        self.require(actor, UseCase::TokenCreate, On::Anywhere).await?;
        let purpose = if new.api { API } else { DEVICE };
        let wanted = self.wanted(&new.login, new.bal.as_deref(), &new.label, new.expires, purpose)?;
        let to = new.to.as_deref().map(crate::accounts::login).transpose()?;
        let (asker, asked, receives, rule) = (actor.clone(), wanted.clone(), to.clone(), self.token_rule());
        let look = move |tx: &mut dyn Tx| {
            let target = target(tx, &asker, &asked, false)?;
            strong_enough(tx, &asker, rule)?;
            receiver(tx, &asker, &target, receives.as_deref())
        };
        let found = self.0.store.read(look).await?;
        let unreachable = || Refusal::new(RefusalCode::TokenUnreachable).with("name", &found.login);
        let address = found.email.clone().ok_or_else(unreachable)?;
        let mailed: Address = address.parse().map_err(|_| unreachable())?;
        let mut secret = Zeroizing::new([0_u8; 32]);
        rand::fill(secret.as_mut()).map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
        let written = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_ref()));
        let url = Zeroizing::new(format!("{}/jeton/{}", self.0.config.public_url, written.as_str()));
        let hours = HOURS.to_string();
        let notice = self.notice(Template::TokenLink, found.id, &mailed, &[("link", &url), ("hours", &hours)]).await?;
        let now = self.now();
        let until = now.plus_ms(HOURS * 3_600_000);
        let (id, digest) = (self.0.store.new_id(), self.link_digest(&written));
        let said = json!({ "login": wanted.login, "to": found.login, "bal": wanted.bal, "purpose": purpose,
                           "expires": wanted.expires });
        let fact = self.fact("token.link_sent", &By::actor(actor), None, "ok", said);
        let (asker, shown) = (actor.clone(), shortened(&address));
        let send = move |tx: &mut dyn Tx| {
            let target = target(tx, &asker, &wanted, false)?;
            let receiver = receiver(tx, &asker, &target, to.as_deref())?;
            let strong = !strong_enough(tx, &asker, rule)?.is_empty();
            if receiver.id != found.id || receiver.email.as_ref() != Some(&address) {
                return Err(conflict(&receiver.login));
            }
            let day_ago = now.0 - 86_400_000;
            if notices::sent_since(tx, receiver.id, Template::TokenLink.as_str(), day_ago)? >= A_DAY {
                return Err(Refusal::new(RefusalCode::NoticeTooMany).with("limit", A_DAY).into());
            }
            let Wanted { label, expires, .. } = wanted.clone();
            let (person, bal, asked_by) = (target.person.id, target.bal, asker.person());
            let offer =
                Offer { address: address.clone(), person, api: purpose == API, bal, label, expires, asked_by, strong };
            let value = serde_json::to_string(&offer).map_err(|_| Fail::from(RefusalCode::Unavailable))?;
            let (created, expires) = (now.0, until.0);
            let (purpose_of, person_id) = (format!("{PURPOSE}{person}"), receiver.id);
            let digest = digest.clone();
            notices::insert_link(
                tx,
                &Link { id, purpose: purpose_of, person_id, digest, value, created, expires, used: None },
            )?;
            notice.write(tx)?;
            fact.write(tx)?;
            let bal = match bal {
                None => None,
                Some(bal) => rows::bal_by_id(tx, bal)?.map(|b| b.address),
            };
            Ok::<_, Fail>(TokenLinkView {
                login: target.person.login,
                bal,
                purpose: purpose.to_owned(),
                label: offer.label,
                expires: offer.expires.map(Timestamp),
                to: receiver.login,
                address: shown.clone(),
                until,
            })
        };
        let sent = self.0.store.write(send).await?;
        self.wake_jobs();
        Ok(sent)
    }

    /// Looks at what a link offers; changes nothing. `link.invalid`.
    #[boxed]
    pub async fn look_at_token_link(&self, secret: &str, origin: &Origin) -> Result<OfferedToken, Refusal> {
        let (digest, now, origin) = (self.checked_digest(secret)?, self.now().0, origin.clone());
        let look = move |tx: &mut dyn Tx| {
            let good = good(tx, &digest, now, &origin)?;
            offered(tx, good)
        };
        Ok(self.0.store.read(look).await?)
    }

    /// Makes the token that a link offers: whoever holds the link reads mail at the verified address. The secret is returned once, never kept.
    /// `link.invalid`, `device.forbidden`, `device.too_many`.
    #[boxed]
    pub async fn use_token_link(
        &self,
        secret: &str,
        origin: &Origin,
    ) -> Result<(TokenView, OfferedToken, String), Refusal> {
        let (digest, now, asked) = (self.checked_digest(secret)?, self.now().0, origin.clone());
        let (wanted, from) = (digest.clone(), asked.clone());
        let found = self.0.store.read(move |tx| good(tx, &wanted, now, &from)).await?;
        let Good { offer, receiver, person, .. } = found;
        let purpose = if offer.api { API } else { DEVICE };
        let (label, login) = (offer.label.clone(), person.login.clone());
        let policy = self.policy_for(&Wanted { login, bal: None, label, expires: offer.expires, purpose }).await?;
        let expires = policy.map_or(offer.expires, |p| Some(p.last(now, offer.expires)));
        let (row, token) = self.token_row(&offer.label, expires, purpose)?;
        // Whoever reads mail there proved nothing strong: what counts for REST is who asked for it.
        let strength = if offer.api && offer.strong { BY_LINK } else { "" };
        let (row, rule) = (rows::Token { strength: strength.into(), ..row }, self.token_rule());
        let by = By { name: receiver.login, person: Some(receiver.id), origin: Some(asked.clone()), seat: None };
        let facts = json!({ "token": row.id, "login": person.login, "purpose": purpose, "link": true,
                            "asked_by": offer.asked_by.to_string() });
        let fact = self.fact("token.created", &by, None, "ok", facts);
        let make = move |tx: &mut dyn Tx| {
            let good = good(tx, &digest, now, &asked)?;
            // Such a token would not be believed, since the link was sent.
            let weak = offer.api && rule.is_too_weak(&row.strength);
            if weak || good.offer != offer || !notices::use_link(tx, good.link.id, now)? {
                return Err(RefusalCode::LinkInvalid.into());
            }
            if let Some(policy) = policy {
                policy.admits(tx, good.person.id, now)?;
            }
            let token = rows::Token { person_id: good.person.id, bal_id: good.offer.bal, ..row.clone() };
            rows::insert_token(tx, &token)?;
            disclosures::note_maker(tx, token.id, good.receiver.id)?;
            fact.write(tx)?;
            Ok::<_, Fail>((view(tx, rule, token)?, offered(tx, good)?))
        };
        let (made, offered) = self.0.store.write(make).await?;
        Ok((made, offered, token))
    }
}
