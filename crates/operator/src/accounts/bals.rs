//! BALs: opening and showing.
use super::people::{login, shown_name};
use super::{BalView, NewBal, page};
use crate::mailbox::folders::create_defaults;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::On;
use crate::{Actor, Operator};
use sceau_domain::{Address, BalKind, BalRights, DomainName, Refusal, RefusalCode, Timestamp, UseCase, naming};
use sceau_store::{StoreError, Tx, access, accounts as rows};
use serde_json::json;

impl Operator {
    /// Opens a BAL: key, default folders, access. `admin.exists`, `admin.not_found` (domain, person), `admin.invalid`, `naming.*`.
    pub async fn add_bal(&self, actor: &Actor, bal: NewBal) -> Result<BalView, Refusal> {
        self.require(actor, UseCase::OpeningDecide, On::Operator).await?;
        let override_reason = self.check_name(&bal)?;
        let roles = roles(&bal)?;
        let (limits, own_quota) = (self.config().limits, bal.quota);
        let (key, address) = (self.bal_key(&bal.address), bal.address.to_string());
        let new = rows::Bal::new(self.0.store.new_id(), (&key, &address), 0, bal.kind.as_str(), self.clock().now().0);
        let row = rows::Bal {
            label: shown_name(&bal.name)?,
            test: bal.test,
            // A BAL outside MSSanté reaches nobody there (F004).
            reachable: bal.reachable && bal.kind != BalKind::Med,
            ..new
        };
        let data = json!({ "kind": row.kind, "test": row.test, "roles": roles, "naming_override": override_reason });
        let fact = self.fact("bal.opened", &By::actor(actor), Some((row.id, &row.address_key)), "ok", data);
        let by = By::actor(actor).name;
        let domain = bal.address.domain().to_string();
        // Refused early, before a key is made; judged again in the transaction.
        let (early_row, early_roles, early_domain) = (row.clone(), roles.clone(), domain.clone());
        self.0.store.read(move |tx| resolve(tx, &early_domain, &early_row, &early_roles).map(drop)).await?;
        // The key is durable before the BAL exists; if the BAL never does, a key nobody uses is left.
        let vault = self.0.store.vault();
        let failed = |e: StoreError| crate::refuse::store(&e);
        let key = vault.create_bal_key(row.id).await.map_err(failed)?;
        let folders = self.prepare_default_folders(row.id, &key).map_err(failed)?;
        let view = self
            .0
            .store
            .write(move |tx| {
                let (domain_id, people) = resolve(tx, &domain, &row, &roles)?;
                let row = rows::Bal { domain_id, ..row.clone() };
                let row = crate::policies::with_quota(tx, &limits, row, own_quota, &by)?;
                rows::insert_bal(tx, &row)?;
                for (person, role) in people {
                    let rights = if role == "member" { BalRights::USE } else { BalRights::ALL };
                    access::grant(tx, &access::NewAccess::now(person, row.id, role, rights.bits(), row.created, &by))?;
                }
                create_defaults(tx, &folders)?;
                fact.write(tx)?;
                Ok::<_, Fail>(view(tx, row)?)
            })
            .await?;
        Ok(view)
    }

    /// The naming rules; the reason of an override that was needed (F022).
    fn check_name(&self, bal: &NewBal) -> Result<Option<String>, Refusal> {
        // A patient's local part is a health number, and rows hold addresses in clear: until patients are admitted with their
        // sealed address, nobody opens anything on their domains.
        if bal.kind == BalKind::Usager || self.is_patients(bal.address.domain()) {
            return Err(RefusalCode::Invalid.into());
        }
        match (naming::check_address(bal.kind, &bal.address, &[]), &bal.naming_override) {
            (Ok(()), _) => Ok(None),
            // Only the person's-name rule is a matter of judgment; characters and reserved names are not.
            (Err(r), Some(reason)) if r.code == RefusalCode::NamingPerson && !reason.trim().is_empty() => {
                Ok(Some(reason.trim().to_owned()))
            }
            (Err(r), _) => Err(r),
        }
    }

    /// BALs by address, optionally of one domain.
    pub async fn bals(
        &self,
        actor: &Actor,
        domain: Option<&DomainName>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<BalView>, Refusal> {
        self.require(actor, UseCase::BalList, On::Operator).await?;
        let (domain, after, limit) =
            (domain.map(ToString::to_string), after.unwrap_or_default().to_lowercase(), page(limit));
        let list = move |tx: &mut dyn Tx| {
            let domain = match &domain {
                None => None,
                Some(name) => Some(rows::domain_by_name(tx, name)?.ok_or_else(|| missing(name))?.id),
            };
            let bals = rows::bals(tx, domain, &after, limit)?;
            bals.into_iter().map(|b| Ok(view(tx, b)?)).collect::<Result<Vec<_>, Fail>>()
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One BAL. `admin.not_found`.
    pub async fn bal(&self, actor: &Actor, address: &str) -> Result<BalView, Refusal> {
        self.require(actor, UseCase::BalList, On::Operator).await?;
        let key = self.key_of(address)?;
        let find = move |tx: &mut dyn Tx| match rows::bal_by_address(tx, &key)? {
            Some(b) => Ok(view(tx, b)?),
            None => Err(Fail::from(missing(&key))),
        };
        Ok(self.0.store.read(find).await?)
    }

    /// What BALs are looked up by, for an address given as a text. `rcpt.syntax`.
    pub(crate) fn key_of(&self, address: &str) -> Result<String, Refusal> {
        let address: Address =
            address.parse().map_err(|_| Refusal::new(RefusalCode::RcptSyntax).with("address", address))?;
        Ok(self.bal_key(&address))
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::new(RefusalCode::NotFound).with("name", name)
}

/// Logins and roles of a new BAL: one holder of a PER or MED, at least one responsible of the others (F019).
fn roles(bal: &NewBal) -> Result<Vec<(String, &'static str)>, Refusal> {
    let personal = matches!(bal.kind, BalKind::Per | BalKind::Med);
    let invalid = || Refusal::new(RefusalCode::Invalid).with("name", "holder");
    if bal.holders.is_empty() || (personal && (bal.holders.len() > 1 || !bal.members.is_empty())) {
        return Err(invalid());
    }
    let first = if personal { "holder" } else { "responsible" };
    let holders = bal.holders.iter().map(|l| (l, first));
    let roles: Vec<_> = holders
        .chain(bal.members.iter().map(|l| (l, "member")))
        .map(|(l, role)| Ok((login(l)?, role)))
        .collect::<Result<_, Refusal>>()?;
    let mut logins: Vec<&String> = roles.iter().map(|r| &r.0).collect();
    logins.sort();
    if logins.windows(2).any(|w| w[0] == w[1]) {
        return Err(invalid());
    }
    Ok(roles)
}

/// Domain and people of a new BAL; refuses an address that was ever given.
#[allow(clippy::type_complexity)] // a pair used once
fn resolve(
    tx: &mut dyn Tx,
    domain: &str,
    row: &rows::Bal,
    roles: &[(String, &'static str)],
) -> Result<(i64, Vec<(i64, &'static str)>), Fail> {
    let domain_id = rows::domain_by_name(tx, domain)?.ok_or_else(|| missing(domain))?.id;
    if rows::bal_by_address(tx, &row.address_key)?.is_some() {
        return Err(Refusal::new(RefusalCode::Exists).with("name", &row.address).into());
    }
    let mut people = Vec::new();
    for (login, role) in roles {
        people.push((rows::person_by_login(tx, login)?.ok_or_else(|| missing(login))?.id, *role));
    }
    Ok((domain_id, people))
}

pub(super) fn view(tx: &mut dyn Tx, b: rows::Bal) -> Result<BalView, StoreError> {
    let access = access::of_bal(tx, b.id)?.into_iter().map(|a| (a.login, a.role)).collect();
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(BalView {
        kind: b.kind.parse().map_err(|()| StoreError::Invalid("kind of a BAL".into()))?,
        address: b.address,
        name: b.label,
        test: b.test,
        reachable: b.reachable,
        state: b.state,
        quota: unsigned(b.quota_bytes),
        used: unsigned(b.used_bytes),
        messages: unsigned(b.message_count),
        access,
        created: Timestamp(b.created),
    })
}
