//! Domains, people, BALs, access and tokens, as the administration socket needs them (the whole model comes with the
//! people's step). Every use case takes the acting administrator, and commits its trace with the act.
pub mod views;

pub use views::{BalView, DomainView, NewBal, NewPerson, PersonView, TokenView};

use crate::{Actor, Operator};
use sceau_domain::{DomainKind, DomainName, Refusal, Timestamp};

impl Operator {
    /// Adds a domain that we operate. `admin.exists`.
    pub async fn add_domain(&self, actor: &Actor, name: DomainName, kind: DomainKind) -> Result<DomainView, Refusal> {
        let _ = (actor, name, kind);
        todo!()
    }
    /// Our domains, by name.
    pub async fn domains(&self, actor: &Actor) -> Result<Vec<DomainView>, Refusal> {
        let _ = actor;
        todo!()
    }
    /// Adds a person. `admin.exists`, `admin.invalid`.
    pub async fn add_person(&self, actor: &Actor, person: NewPerson) -> Result<PersonView, Refusal> {
        let _ = (actor, person);
        todo!()
    }
    /// People, by login, `limit` from after `after`.
    pub async fn people(&self, actor: &Actor, after: Option<&str>, limit: u32) -> Result<Vec<PersonView>, Refusal> {
        let _ = (actor, after, limit);
        todo!()
    }
    /// One person. `admin.not_found`.
    pub async fn person(&self, actor: &Actor, login: &str) -> Result<PersonView, Refusal> {
        let _ = (actor, login);
        todo!()
    }
    /// Opens a BAL: key, default folders, access. `admin.exists`, `admin.invalid`, naming refusals.
    pub async fn add_bal(&self, actor: &Actor, bal: NewBal) -> Result<BalView, Refusal> {
        let _ = (actor, bal);
        todo!()
    }
    /// BALs by address, optionally of one domain.
    pub async fn bals(&self, actor: &Actor, domain: Option<&DomainName>, after: Option<&str>, limit: u32) -> Result<Vec<BalView>, Refusal> {
        let _ = (actor, domain, after, limit);
        todo!()
    }
    /// One BAL. `admin.not_found`.
    pub async fn bal(&self, actor: &Actor, address: &str) -> Result<BalView, Refusal> {
        let _ = (actor, address);
        todo!()
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
        let _ = (actor, login, bal, label, expires);
        todo!()
    }
    /// Tokens of a person, or of everybody.
    pub async fn tokens(&self, actor: &Actor, login: Option<&str>) -> Result<Vec<TokenView>, Refusal> {
        let _ = (actor, login);
        todo!()
    }
    /// Revokes a token at once, on every open session. `admin.not_found`.
    pub async fn revoke_token(&self, actor: &Actor, id: i64) -> Result<(), Refusal> {
        let _ = (actor, id);
        todo!()
    }
    /// Makes the configured administrators named people of the base (start-up).
    pub async fn sync_administrators(&self, administrators: &[(String, String)]) -> Result<(), Refusal> {
        let _ = administrators;
        todo!()
    }
    /// The administrator with this login. `right.missing`.
    pub async fn administrator(&self, login: &str, origin: crate::Origin) -> Result<Actor, Refusal> {
        let _ = (login, origin);
        todo!()
    }
}
