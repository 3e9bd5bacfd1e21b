//! Device tokens: 256 random bits, shown once, kept as a peppered digest (F229).
use super::TokenView;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach, unknown};
use crate::{Actor, Operator};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{StoreError, Tx, access, accounts as rows, roles};
use serde_json::json;
use zeroize::Zeroizing;

/// Makes a token recognisable where it was leaked (source code, screenshots) without telling anything.
const PREFIX: &str = "sceau_";
/// Longest label, characters.
const MAX_LABEL: usize = 120;

impl Operator {
    /// Digest under which a token is kept and found.
    pub(crate) fn token_digest(&self, secret: &str) -> [u8; 32] {
        self.0.store.vault().tag("token", secret.as_bytes())
    }

    /// Creates a token (256 bits) for REST, which opens no mailbox. The secret is returned once, never kept.
    pub async fn create_api_token(
        &self,
        actor: &Actor,
        login: &str,
        label: &str,
        expires: Option<Timestamp>,
    ) -> Result<(TokenView, String), Refusal> {
        self.new_token(actor, login, None, label, expires, "api").await
    }

    /// Creates a device token (256 bits) for a person, optionally for one BAL only. The secret is returned once, never kept.
    pub async fn create_token(
        &self,
        actor: &Actor,
        login: &str,
        bal: Option<&str>,
        label: &str,
        expires: Option<Timestamp>,
    ) -> Result<(TokenView, String), Refusal> {
        self.new_token(actor, login, bal, label, expires, "device").await
    }

    async fn new_token(
        &self,
        actor: &Actor,
        login: &str,
        bal: Option<&str>,
        label: &str,
        expires: Option<Timestamp>,
        purpose: &str,
    ) -> Result<(TokenView, String), Refusal> {
        self.require(actor, UseCase::TokenCreate, On::Anywhere).await?;
        let invalid = |name: &str| Refusal::new(RefusalCode::Invalid).with("name", name);
        if label.trim().is_empty() || label.chars().count() > MAX_LABEL || label.chars().any(char::is_control) {
            return Err(invalid("label"));
        }
        let now = self.clock().now();
        if expires.is_some_and(|e| e <= now) {
            return Err(invalid("expires"));
        }
        let mut random = Zeroizing::new([0u8; 32]);
        SystemRandom::new().fill(&mut *random).map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(*random));
        let token = rows::Token {
            id: self.0.store.new_id(),
            person_id: 0,
            bal_id: None,
            label: label.trim().into(),
            purpose: purpose.into(),
            digest: self.token_digest(&secret).to_vec(),
            created: now.0,
            expires: expires.map(|e| e.0),
            last_used: None,
            revoked: None,
        };
        let login = super::people::login(login)?;
        let key = bal.map(|b| self.key_of(b)).transpose()?;
        let facts = json!({ "token": token.id, "login": login, "bal": key, "purpose": purpose });
        let fact = self.fact("token.created", &By::actor(actor), None, "ok", facts);
        let actor = actor.clone();
        let view = self
            .0
            .store
            .write(move |tx| {
                let use_case = UseCase::TokenCreate;
                permit(tx, &actor, use_case, On::Anywhere)?;
                let Some(person) = rows::person_by_login(tx, &login)? else {
                    return Err(unknown(tx, &actor, use_case, &login));
                };
                permit(tx, &actor, use_case, On::Person(person.id))?;
                gives_no_more(tx, &actor, person.id)?;
                lives_no_longer(tx, &actor, token.expires)?;
                let bal_id = match &key {
                    None => None,
                    Some(key) => {
                        let Some(bal) = rows::bal_by_address(tx, key)? else {
                            return Err(unknown(tx, &actor, use_case, key));
                        };
                        if access::in_force(tx, person.id, bal.id)?.is_none() {
                            return Err(RefusalCode::RightMissing.into());
                        }
                        Some(bal.id)
                    }
                };
                let token = rows::Token { person_id: person.id, bal_id, ..token.clone() };
                rows::insert_token(tx, &token)?;
                if actor.person() != 0 {
                    sceau_store::disclosures::note_maker(tx, token.id, actor.person())?;
                }
                fact.write(tx)?;
                Ok::<_, Fail>(view(tx, token)?)
            })
            .await?;
        Ok((view, secret))
    }

    /// Tokens of a person, or of everybody whose tokens the asker may see, oldest first, from after the id `after`, at most `limit` (and 1,000).
    pub async fn tokens(
        &self,
        actor: &Actor,
        login: Option<&str>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<TokenView>, Refusal> {
        self.require(actor, UseCase::TokenList, On::Anywhere).await?;
        let login = login.map(super::people::login).transpose()?;
        let (actor, limit) = (actor.clone(), super::page(limit));
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
            tokens.into_iter().map(|t| Ok(view(tx, t)?)).collect::<Result<Vec<_>, Fail>>()
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One token. `admin.not_found`.
    pub async fn token(&self, actor: &Actor, id: i64) -> Result<TokenView, Refusal> {
        let actor = actor.clone();
        let read = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::TokenList, On::Anywhere)?;
            let Some(token) = rows::token_by_id(tx, id)? else {
                return Err(unknown(tx, &actor, UseCase::TokenList, &id.to_string()));
            };
            permit(tx, &actor, UseCase::TokenList, On::Person(token.person_id))?;
            Ok::<_, Fail>(view(tx, token)?)
        };
        Ok(self.0.store.read(read).await?)
    }

    /// Revokes a token; sessions opened with it end at their next command. `admin.not_found`, also when it was revoked before.
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

/// Whoever may not do everything makes tokens for others only when these give nothing beyond his own places: a structure's administrator neither
/// becomes an administrator of another structure or of the operator by making a token for one, nor enters a BAL of another structure.
fn gives_no_more(tx: &mut dyn Tx, actor: &Actor, person: i64) -> Result<(), Fail> {
    let Reach::Structures(mine) = reach(tx, actor, UseCase::TokenCreate)? else { return Ok(()) };
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
    Err(Refusal::new(RefusalCode::RightMissing).with("name", UseCase::TokenCreate.as_str()).into())
}

/// A session under a token that has an end makes none that outlives it: otherwise the end of a token that was lent or stolen would be no end.
fn lives_no_longer(tx: &mut dyn Tx, actor: &Actor, expires: Option<i64>) -> Result<(), Fail> {
    let Some(credential) = actor.credential else { return Ok(()) };
    let Some(end) = rows::token_by_id(tx, credential)?.and_then(|t| t.expires) else { return Ok(()) };
    match expires {
        Some(expires) if expires <= end => Ok(()),
        _ => Err(Refusal::new(RefusalCode::Invalid).with("name", "expires").into()),
    }
}

fn view(tx: &mut dyn Tx, t: rows::Token) -> Result<TokenView, StoreError> {
    let login = rows::person_by_id(tx, t.person_id)?.map(|p| p.login).unwrap_or_default();
    let bal = match t.bal_id {
        None => None,
        Some(id) => rows::bal_by_id(tx, id)?.map(|b| b.address),
    };
    Ok(TokenView {
        id: t.id,
        login,
        bal,
        purpose: t.purpose,
        label: t.label,
        created: Timestamp(t.created),
        expires: t.expires.map(Timestamp),
        last_used: t.last_used.map(Timestamp),
        revoked: t.revoked.map(Timestamp),
    })
}
