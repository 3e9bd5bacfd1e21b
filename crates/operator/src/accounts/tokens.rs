//! Device tokens: 256 random bits, shown once, kept as a peppered digest (F229).
use super::TokenView;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::On;
use crate::{Actor, Operator};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{StoreError, Tx, access, accounts as rows};
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
        self.require(actor, UseCase::TokenCreate, On::Operator).await?;
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
        let fact = self.fact(
            "token.created",
            &By::actor(actor),
            None,
            "ok",
            json!({ "token": token.id, "login": login, "bal": key }),
        );
        let view = self
            .0
            .store
            .write(move |tx| {
                let not_found = |name: &str| Fail::from(Refusal::new(RefusalCode::NotFound).with("name", name));
                let person = rows::person_by_login(tx, &login)?.ok_or_else(|| not_found(&login))?;
                let bal_id = match &key {
                    None => None,
                    Some(key) => {
                        let bal = rows::bal_by_address(tx, key)?.ok_or_else(|| not_found(key))?;
                        if access::in_force(tx, person.id, bal.id)?.is_none() {
                            return Err(RefusalCode::RightMissing.into());
                        }
                        Some(bal.id)
                    }
                };
                let token = rows::Token { person_id: person.id, bal_id, ..token.clone() };
                rows::insert_token(tx, &token)?;
                fact.write(tx)?;
                Ok::<_, Fail>(view(tx, token)?)
            })
            .await?;
        Ok((view, secret))
    }

    /// Tokens of a person, or of everybody (at most 1,000, oldest first).
    pub async fn tokens(&self, actor: &Actor, login: Option<&str>) -> Result<Vec<TokenView>, Refusal> {
        self.require(actor, UseCase::TokenList, On::Operator).await?;
        let login = login.map(super::people::login).transpose()?;
        let list = move |tx: &mut dyn Tx| {
            let person = match &login {
                None => None,
                Some(l) => Some(rows::person_by_login(tx, l)?.ok_or(RefusalCode::NotFound)?.id),
            };
            let tokens = rows::tokens(tx, person, 0, i64::from(super::PAGE))?;
            tokens.into_iter().map(|t| Ok(view(tx, t)?)).collect::<Result<Vec<_>, Fail>>()
        };
        Ok(self.0.store.read(list).await?)
    }

    /// Revokes a token; sessions opened with it end at their next command. `admin.not_found`.
    pub async fn revoke_token(&self, actor: &Actor, id: i64) -> Result<(), Refusal> {
        self.require(actor, UseCase::TokenRevoke, On::Operator).await?;
        let now = self.clock().now().0;
        let fact = self.fact("token.revoked", &By::actor(actor), None, "ok", json!({ "token": id }));
        self.0
            .store
            .write(move |tx| {
                if !rows::revoke_token(tx, id, now)? {
                    return Err(Fail::from(Refusal::new(RefusalCode::NotFound).with("name", id)));
                }
                Ok(fact.write(tx)?)
            })
            .await?;
        self.0.guard.forget_rights();
        Ok(())
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
        label: t.label,
        created: Timestamp(t.created),
        expires: t.expires.map(Timestamp),
        last_used: t.last_used.map(Timestamp),
        revoked: t.revoked.map(Timestamp),
    })
}
