//! Tokens: 256 random bits, shown once, kept as a peppered digest (F229). `device` tokens open mail programs, `api` ones REST.
//!
//! Promises: the secret is shown to the person whose token it is and to nobody else; that of a machine to somebody responsible for its BAL. Whoever
//! administers has a one-time link sent ([`links`]). The one exception is an operator that is being set up ([`crate::OperatorConfig::setting_up`]).
pub(crate) mod certificates;
pub(crate) mod links;

use super::TokenView;
use crate::boxed;
use crate::identity::own_tokens::DevicePolicy;
use crate::login::{TokenRule, strength_at};
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach, unknown};
use crate::{Actor, Door, Operator, Who};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::{BalRights, Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_identity::oauth::Scopes;
use sceau_store::{Id, StoreError, Tx, access, accounts as rows, bals, disclosures, roles, web_sessions};
use serde_json::json;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// Makes a token recognisable where it was leaked (source code, screenshots) without telling anything.
const PREFIX: &str = "sceau_";
/// Longest label, characters.
const MAX_LABEL: usize = 120;
/// For REST.
const API: &str = "api";
/// For mail programs.
const DEVICE: &str = "device";

/// What a token is to be, checked as far as it can be without looking.
#[derive(Debug, Clone)]
struct Wanted {
    login: String,
    /// Key of the BAL to which it is bound.
    bal: Option<String>,
    label: String,
    expires: Option<i64>,
    purpose: &'static str,
}

/// Who gets the secret of a token that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// The asker, whose own it is, or who answers for the machine.
    Owner,
    /// The asker, although it is somebody else's: the operator is being set up.
    Maker,
    /// Not the asker.
    Other,
}

/// For whom and for what a token is.
struct Target {
    person: rows::Person,
    bal: Option<Id>,
    sight: Sight,
}

/// Does this person answer for a BAL on which this machine is?
fn answers_for(tx: &mut dyn Tx, person: Id, machine: Id, bal: Id) -> Result<bool, StoreError> {
    let manages = |a: Option<access::Access>| a.is_some_and(|a| BalRights::from_bits(a.rights).has(BalRights::MANAGE));
    Ok(access::is_machine(tx, machine)?
        && access::in_force(tx, machine, bal)?.is_some()
        && manages(access::in_force(tx, person, bal)?))
}

/// Who stands behind a session: the person, or whoever made its token, when that was somebody else. Otherwise somebody who was shown another
/// one's token would make a clean one with it, and be two people.
pub(crate) fn maker(tx: &mut dyn Tx, actor: &Actor) -> Result<Id, StoreError> {
    let before = match actor.credential {
        Some(token) => disclosures::maker(tx, token)?,
        None => None,
    };
    Ok(before.unwrap_or(actor.person()))
}

impl Operator {
    /// Digest under which a token is kept and found.
    pub(crate) fn token_digest(&self, secret: &str) -> [u8; 32] {
        self.0.store.vault().tag("token", secret.as_bytes())
    }

    /// Creates a token (256 bits) for REST, which opens no mailbox. The secret is returned once, never kept.
    #[boxed]
    pub async fn create_api_token(
        &self,
        actor: &Actor,
        login: &str,
        label: &str,
        expires: Option<Timestamp>,
    ) -> Result<(TokenView, String), Refusal> {
        self.new_token(actor, login, None, label, expires, API).await
    }

    /// Creates a device token (256 bits) for the asker, or for a machine for whose BAL the asker answers, optionally for one BAL only. The secret is
    /// returned once, never kept. `token.other`, `right.missing`, `admin.invalid`, `admin.not_found`.
    #[boxed]
    pub async fn create_token(
        &self,
        actor: &Actor,
        login: &str,
        bal: Option<&str>,
        label: &str,
        expires: Option<Timestamp>,
    ) -> Result<(TokenView, String), Refusal> {
        self.new_token(actor, login, bal, label, expires, DEVICE).await
    }

    async fn new_token(
        &self,
        actor: &Actor,
        login: &str,
        bal: Option<&str>,
        label: &str,
        expires: Option<Timestamp>,
        purpose: &'static str,
    ) -> Result<(TokenView, String), Refusal> {
        self.require(actor, UseCase::TokenCreate, On::Anywhere).await?;
        let mut wanted = self.wanted(login, bal, label, expires, purpose)?;
        // An operator that is being set up makes tokens as it likes; people in their browsers never do.
        let bound = !self.config().setting_up || !actor.proof.names().is_empty();
        let policy = self.policy_for(&wanted).await?.filter(|_| bound);
        if let Some(policy) = policy {
            wanted.expires = Some(policy.last(self.now().0, wanted.expires));
        }
        let (row, secret) = self.token_row(&wanted.label, wanted.expires, purpose)?;
        let facts = json!({ "token": row.id, "login": wanted.login, "bal": wanted.bal, "purpose": purpose });
        let fact = self.fact("token.created", &By::actor(actor), None, "ok", facts);
        let (actor, setting_up, now) = (actor.clone(), self.config().setting_up, self.now().0);
        let rule = self.token_rule();
        let make = move |tx: &mut dyn Tx| {
            let target = target(tx, &actor, &wanted, setting_up)?;
            if target.sight == Sight::Other {
                return Err(Refusal::new(RefusalCode::TokenOther).with("name", &target.person.login).into());
            }
            let strength = strong_enough(tx, &actor, rule)?;
            if let Some(policy) = policy {
                policy.admits(tx, target.person.id, now)?;
            }
            let token = rows::Token { person_id: target.person.id, bal_id: target.bal, strength, ..row.clone() };
            rows::insert_token(tx, &token)?;
            if actor.person() != 0 {
                let made_by = maker(tx, &actor)?;
                disclosures::note_maker(tx, token.id, made_by)?;
            }
            let mut fact = fact.clone();
            if target.sight == Sight::Maker {
                fact.adding("shown_to_maker", true.into());
            }
            fact.write(tx)?;
            Ok::<_, Fail>(view(tx, rule, token)?)
        };
        Ok((self.0.store.write(make).await?, secret))
    }

    /// The policy for the device token that is wanted; none for another one, or where it is somebody's of whom nothing is known.
    async fn policy_for(&self, wanted: &Wanted) -> Result<Option<DevicePolicy>, Refusal> {
        let login = wanted.login.clone();
        let find = move |tx: &mut dyn Tx| {
            let person = rows::person_by_login(tx, &login)?;
            let machine = match &person {
                Some(p) => access::is_machine(tx, p.id)?,
                None => false,
            };
            Ok::<_, Fail>(person.filter(|_| !machine).map(|p| p.id))
        };
        match wanted.purpose == DEVICE {
            true => match self.0.store.read(find).await? {
                Some(person) => self.device_policy(person).await.map(Some),
                None => Ok(None),
            },
            false => Ok(None),
        }
    }

    /// What was asked for, in its one form. `admin.invalid`, `rcpt.syntax`.
    fn wanted(
        &self,
        login: &str,
        bal: Option<&str>,
        label: &str,
        expires: Option<Timestamp>,
        purpose: &'static str,
    ) -> Result<Wanted, Refusal> {
        let invalid = |name: &str| Refusal::new(RefusalCode::Invalid).with("name", name);
        let label = plain::said(label, "label", MAX_LABEL)?;
        if expires.is_some_and(|e| e <= self.clock().now()) {
            return Err(invalid("expires"));
        }
        if purpose == API && bal.is_some() {
            return Err(invalid("bal"));
        }
        let (login, bal) = (super::people::login(login)?, bal.map(|b| self.key_of(b)).transpose()?);
        Ok(Wanted { login, bal, label, expires: expires.map(|e| e.0), purpose })
    }

    /// A new token, of nobody yet, and its secret.
    fn token_row(&self, label: &str, expires: Option<i64>, purpose: &str) -> Result<(rows::Token, String), Refusal> {
        let mut random = Zeroizing::new([0u8; 32]);
        SystemRandom::new().fill(&mut *random).map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(*random));
        let (id, digest) = (self.0.store.new_id(), self.token_digest(&secret));
        let row = rows::Token { expires, ..rows::Token::new(id, 0, (purpose, label), &digest, self.now().0) };
        Ok((row, secret))
    }

    /// Tokens of a person, or of everybody whose tokens the asker may see, oldest first, from after the id `after`, at most `limit` (and 1,000).
    #[boxed]
    pub async fn tokens(
        &self,
        actor: &Actor,
        login: Option<&str>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<TokenView>, Refusal> {
        self.require(actor, UseCase::TokenList, On::Anywhere).await?;
        let login = login.map(super::people::login).transpose()?;
        let (actor, limit, rule) = (actor.clone(), super::page(limit), self.token_rule());
        let list = move |tx: &mut dyn Tx| {
            let use_case = UseCase::TokenList;
            let tokens = match &login {
                Some(login) => {
                    permit(tx, &actor, use_case, On::Anywhere)?;
                    let Some(person) = rows::person_by_login(tx, login)? else {
                        return Err(unknown(tx, &actor, use_case, login));
                    };
                    permit(tx, &actor, use_case, On::Person(person.id))?;
                    rows::tokens(tx, Some(person.id), after, limit)?
                }
                None => match reach(tx, &actor, use_case)? {
                    Reach::All => rows::tokens(tx, None, after, limit)?,
                    Reach::Own(person) => rows::tokens(tx, Some(person), after, limit)?,
                    Reach::Structures(list) => rows::tokens_within(tx, &list, actor.person(), after, limit)?,
                },
            };
            Ok::<_, Fail>(views(tx, rule, tokens)?)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One token. `admin.not_found`.
    #[boxed]
    pub async fn token(&self, actor: &Actor, id: i64) -> Result<TokenView, Refusal> {
        let (actor, rule) = (actor.clone(), self.token_rule());
        let read = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::TokenList, On::Anywhere)?;
            let Some(token) = rows::token_by_id(tx, id)? else {
                return Err(unknown(tx, &actor, UseCase::TokenList, &id.to_string()));
            };
            permit(tx, &actor, UseCase::TokenList, On::Person(token.person_id))?;
            Ok::<_, Fail>(view(tx, rule, token)?)
        };
        Ok(self.0.store.read(read).await?)
    }

    /// Revokes a token; sessions opened with it end at their next command. `admin.not_found`, also when it was revoked before.
    #[boxed]
    pub async fn revoke_token(&self, actor: &Actor, id: i64) -> Result<(), Refusal> {
        let now = self.clock().now().0;
        let fact = self.fact("token.revoked", &By::actor(actor), None, "ok", json!({ "token": id }));
        let actor = actor.clone();
        self.0
            .store
            .write(move |tx| {
                permit(tx, &actor, UseCase::TokenRevoke, On::Anywhere)?;
                let Some(token) = rows::token_by_id(tx, id)? else {
                    return Err(unknown(tx, &actor, UseCase::TokenRevoke, &id.to_string()));
                };
                permit(tx, &actor, UseCase::TokenRevoke, On::Person(token.person_id))?;
                if !rows::revoke_token(tx, id, now)? {
                    return Err(Refusal::new(RefusalCode::NotFound).with("name", id).into());
                }
                Ok(fact.write(tx)?)
            })
            .await?;
        self.rights_changed_of(id);
        Ok(())
    }
}

/// What proved whoever asks: in this session, or when the token behind it was made; or that it is asked at the machine itself.
fn strength(tx: &mut dyn Tx, actor: &Actor) -> Result<String, StoreError> {
    let proven = actor.proof.names();
    match actor.credential {
        _ if !proven.is_empty() => Ok(proven),
        Some(token) => Ok(rows::token_by_id(tx, token)?.map(|t| t.strength).unwrap_or_default()),
        None => Ok(strength_at(actor.origin.door).to_owned()),
    }
}

/// The same, when it is enough to make what opens a door: a token for REST that nothing strong stands behind makes nothing that is stronger than
/// itself, for mail neither. `auth.strength`.
fn strong_enough(tx: &mut dyn Tx, actor: &Actor, rule: TokenRule) -> Result<String, Fail> {
    let strength = strength(tx, actor)?;
    match actor.origin.door == Door::Api && rule.is_too_weak(&strength) {
        true => Err(RefusalCode::AuthStrength.into()),
        false => Ok(strength),
    }
}

/// For whom and for what, when the asker may have such a token made; and who sees it then.
fn target(tx: &mut dyn Tx, actor: &Actor, wanted: &Wanted, setting_up: bool) -> Result<Target, Fail> {
    let use_case = UseCase::TokenCreate;
    permit(tx, actor, use_case, On::Anywhere)?;
    let Some(person) = rows::person_by_login(tx, &wanted.login)? else {
        return Err(unknown(tx, actor, use_case, &wanted.login));
    };
    let bal = match &wanted.bal {
        None => None,
        Some(key) => rows::bal_by_address(tx, key)?,
    };
    let answers = match &bal {
        Some(bal) if wanted.purpose != API => answers_for(tx, actor.person(), person.id, bal.id)?,
        _ => false,
    };
    if !answers {
        permit(tx, actor, use_case, On::Person(person.id))?;
        gives_no_more(tx, actor, use_case, person.id)?;
    }
    lives_no_longer(tx, actor, wanted.expires)?;
    // A device token of its own says that somebody is a natural person: the machine would stand before terms that it never accepted, and who answers
    // for it could make it no other token.
    if wanted.purpose == DEVICE && wanted.bal.is_none() && access::is_machine(tx, person.id)? {
        return Err(Refusal::new(RefusalCode::Invalid).with("name", "bal").into());
    }
    let bal = match (&wanted.bal, bal) {
        (None, _) => None,
        (Some(key), None) => return Err(unknown(tx, actor, use_case, key)),
        (Some(_), Some(bal)) => {
            if access::in_force(tx, person.id, bal.id)?.is_none() {
                return Err(RefusalCode::RightMissing.into());
            }
            Some(bal.id)
        }
    };
    let own = actor.person() == person.id || actor.who == Who::System;
    let sight = if answers || own {
        Sight::Owner
    } else if setting_up && actor.origin.door == Door::Admin && permit(tx, actor, use_case, On::Operator).is_ok() {
        Sight::Maker
    } else {
        Sight::Other
    };
    Ok(Target { person, bal, sight })
}

/// Whoever may not do everything makes tokens for others only when these give nothing beyond his own places: a structure's administrator neither
/// becomes an administrator of another structure or of the operator by making a token for one, nor enters a BAL of another structure. Nor does he by the
/// means with which somebody signs in (`use_case`).
pub(crate) fn gives_no_more(tx: &mut dyn Tx, actor: &Actor, use_case: UseCase, person: i64) -> Result<(), Fail> {
    let Reach::Structures(mine) = reach(tx, actor, use_case)? else { return Ok(()) };
    if actor.person() == person {
        return Ok(());
    }
    let within = |structure: Option<i64>| structure.is_some_and(|s| mine.contains(&s));
    let roles = roles::in_force(tx, person)?;
    let mut good = roles.iter().all(|g| within(g.structure_id));
    for access in access::of_person(tx, person)? {
        good &= within(roles::structure_of_bal(tx, access.bal_id)?);
    }
    if good {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::RightMissing).with("name", use_case.as_str()).into())
}

/// A session under a token that has an end makes none that outlives it: otherwise the end of a token that was lent or stolen would be no end.
fn lives_no_longer(tx: &mut dyn Tx, actor: &Actor, expires: Option<i64>) -> Result<(), Fail> {
    let Some(credential) = actor.credential else { return Ok(()) };
    // A browser's session ends by the hour, and what is made in it behind a strong proof is meant to stay.
    let lent = rows::token_by_id(tx, credential)?.filter(|t| t.purpose != web_sessions::PURPOSE);
    let Some(end) = lent.and_then(|t| t.expires) else { return Ok(()) };
    match expires {
        Some(expires) if expires <= end => Ok(()),
        _ => Err(Refusal::new(RefusalCode::Invalid).with("name", "expires").into()),
    }
}

fn view(tx: &mut dyn Tx, rule: TokenRule, t: rows::Token) -> Result<TokenView, StoreError> {
    super::only(views(tx, rule, vec![t])?)
}

/// Tokens as shown, in their order, with the ends that really hold: whose they are and for which BAL is read once for all of them.
fn views(tx: &mut dyn Tx, rule: TokenRule, found: Vec<rows::Token>) -> Result<Vec<TokenView>, StoreError> {
    let found = rule.all_held(tx, found)?;
    let whose: Vec<Id> = found.iter().map(|t| t.person_id).collect();
    let bound: Vec<Id> = found.iter().filter_map(|t| t.bal_id).collect();
    let logins = rows::people_by_ids(tx, &whose)?.into_iter().map(|p| (p.id, p.login));
    let logins: HashMap<Id, String> = logins.collect();
    let addresses = bals::by_ids(tx, &bound)?.into_iter().map(|b| (b.id, b.address));
    let addresses: HashMap<Id, String> = addresses.collect();
    let view = |t: rows::Token| TokenView {
        id: t.id,
        login: logins.get(&t.person_id).cloned().unwrap_or_default(),
        bal: t.bal_id.and_then(|id| addresses.get(&id).cloned()),
        purpose: t.purpose,
        label: t.label,
        created: Timestamp(t.created),
        expires: t.expires.map(Timestamp),
        last_used: t.last_used.map(Timestamp),
        revoked: t.revoked.map(Timestamp),
        last_place: t.last_place,
        strength: t.strength,
        scope: t.scope.and_then(|s| Scopes::of_bits(u32::try_from(s).ok()?)).map(|s| s.to_string()),
    };
    Ok(found.into_iter().map(view).collect())
}
