//! The authorities for connectors: one issues structures' certificates, the other our own towards them, so that a structure that trusts ours trusts
//! no other structure.
//!
//! Each key is sealed under a key of the keyring with the authority's id: it is backed up, restored and rotated with the keyring, stands in no backup
//! of the data in a form that opens, and is never shown. Our own servers' keys never leave the memory of their process.
use super::views::AuthorityView;
use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit};
use crate::{Actor, Operator};
use sceau_domain::{DomainName, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::vault::Aad;
use sceau_store::{Id, StoreError, Tx, connectors as rows};
use sceau_trust::Identity;
use sceau_trust::authority::{self, Authority, Issues, NewAuthority, Subject};
use serde_json::json;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How long our own servers' certificates are valid, days; they are made anew when a third of it is left, and at each start.
const OWN_DAYS: i64 = 90;
/// A day, milliseconds.
const DAY: i64 = 86_400_000;

/// Purposes, as rows name them.
pub(super) const STRUCTURES: &str = "structures";
const OPERATOR: &str = "operator";

/// Our certificate towards structures' servers.
#[derive(Debug)]
pub(super) struct Own {
    authority: Id,
    renew: Timestamp,
    identity: Arc<Identity>,
}

const fn aad(id: Id) -> Aad<'static> {
    Aad { owner: id, object: 0, field: "connector.authority" }
}

fn failed(e: &authority::AuthorityError) -> Refusal {
    tracing::error!(error = %e, "the authority for connectors failed");
    RefusalCode::Unavailable.into()
}

impl Operator {
    /// Makes the authorities, once. `host`: the name under which structures' servers reach us; our host name when absent. `admin.exists`,
    /// `connector.host`.
    #[boxed]
    pub async fn create_connector_authority(
        &self,
        actor: &Actor,
        host: Option<&str>,
    ) -> Result<AuthorityView, Refusal> {
        self.require(actor, UseCase::ConnectorEdit, On::Operator).await?;
        let host = host.unwrap_or(&self.0.config.hostname).trim();
        let host: DomainName = host.parse().map_err(|_| Refusal::new(RefusalCode::ConnectorHost).with("name", host))?;
        // Keys are made for nothing when it is there already: looked at first.
        let exists = || Refusal::new(RefusalCode::Exists).with("name", "connector authority");
        if self.authority_row(STRUCTURES).await?.is_some() {
            return Err(exists());
        }
        let structures = self.new_authority(Issues::Structures, STRUCTURES, host.as_str()).await?;
        let ours = self.new_authority(Issues::Operator, OPERATOR, host.as_str()).await?;
        let keys = [structures.id, ours.id];
        let said = json!({ "host": host.as_str(), "sha256": [&structures.fingerprint, &ours.fingerprint] });
        let fact = self.fact("connector.authority", &By::actor(actor), None, "ok", said);
        let (view, actor) = (view(&structures, &ours), actor.clone());
        let add = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::ConnectorEdit, On::Operator)?;
            if rows::authority(tx, STRUCTURES)?.is_some() {
                return Err(Fail::No(exists()));
            }
            rows::insert_authority(tx, &structures)?;
            rows::insert_authority(tx, &ours)?;
            Ok::<_, Fail>(fact.write(tx)?)
        };
        match self.0.store.write(add).await {
            Ok(()) => Ok(view),
            Err(fail) => {
                // Another one was first, or the right was taken: these keys seal nothing that stays.
                if matches!(fail, Fail::No(_)) {
                    for key in keys {
                        let _ = self.0.store.vault().destroy_bal_key(key).await;
                    }
                }
                Err(fail.into())
            }
        }
    }

    /// The authorities' certificates. `connector.no_authority`, `right.missing`.
    #[boxed]
    pub async fn connector_authority(&self, actor: &Actor) -> Result<AuthorityView, Refusal> {
        self.require(actor, UseCase::ConnectorList, On::Anywhere).await?;
        self.authorities().await
    }

    pub(super) async fn authorities(&self) -> Result<AuthorityView, Refusal> {
        let both = self.0.store.read(|tx| Ok((rows::authority(tx, STRUCTURES)?, rows::authority(tx, OPERATOR)?))).await;
        match both.map_err(|e: StoreError| refuse::store(&e))? {
            (Some(structures), Some(ours)) => Ok(view(&structures, &ours)),
            _ => Err(RefusalCode::ConnectorAuthority.into()),
        }
    }

    /// Our certificate towards structures' servers: made in this process, for its memory alone; none while there is no authority.
    #[boxed]
    pub async fn connector_identity(&self) -> Result<Option<Arc<Identity>>, Refusal> {
        let mut own = self.0.connectors.own.lock().await;
        let Some(row) = self.authority_row(OPERATOR).await? else { return Ok(None) };
        let now = self.now();
        if let Some(own) = own.as_ref().filter(|o| o.authority == row.id && now < o.renew) {
            return Ok(Some(Arc::clone(&own.identity)));
        }
        let authority = self.opened_authority(&row).await?;
        let config = &self.0.config;
        let hosts = vec![row.host.clone()];
        let subject = Subject { name: &row.host, organisation: &config.name, unit: &config.hostname, hosts: &hosts };
        let (identity, end) = authority.identity(&subject, OWN_DAYS, now).map_err(|e| failed(&e))?;
        let made = Own { authority: row.id, renew: end.plus_ms(-OWN_DAYS / 3 * DAY), identity: Arc::new(identity) };
        let identity = Arc::clone(&made.identity);
        *own = Some(made);
        Ok(Some(identity))
    }

    /// The authority that issues structures' certificates, opened. `connector.no_authority`.
    pub(super) async fn structures_authority(&self) -> Result<Authority, Refusal> {
        let row = self.authority_row(STRUCTURES).await?.ok_or(RefusalCode::ConnectorAuthority)?;
        self.opened_authority(&row).await
    }

    /// The list of the authority of our own certificates, which revokes nothing: a certificate of it lives for weeks, in the memory of one process.
    pub(super) async fn empty_list(&self) -> Result<Vec<u8>, Refusal> {
        let row = self.authority_row(OPERATOR).await?.ok_or(RefusalCode::ConnectorAuthority)?;
        let authority = self.opened_authority(&row).await?;
        authority.nothing_revoked(self.now(), Timestamp(row.not_after)).map_err(|e| failed(&e))
    }

    async fn authority_row(&self, purpose: &'static str) -> Result<Option<rows::Authority>, Refusal> {
        let row = self.0.store.read(move |tx| rows::authority(tx, purpose)).await;
        row.map_err(|e: StoreError| refuse::store(&e))
    }

    async fn opened_authority(&self, row: &rows::Authority) -> Result<Authority, Refusal> {
        let key = self.0.store.vault().bal_key(row.id).await.map_err(|e| refuse::store(&e))?;
        let key = Zeroizing::new(key.unseal(aad(row.id), &row.sealed_key).map_err(|e| refuse::store(&e))?);
        Authority::open(&row.certificate, &key).map_err(|e| failed(&e))
    }

    async fn new_authority(
        &self,
        issues: Issues,
        purpose: &'static str,
        host: &str,
    ) -> Result<rows::Authority, Refusal> {
        let (id, now) = (self.0.store.new_id(), self.now());
        let NewAuthority { certificate, key, fingerprint, not_after } =
            authority::create(issues, &self.0.config.name, host, now).map_err(|e| failed(&e))?;
        let sealing = self.0.store.vault().create_bal_key(id).await.map_err(|e| refuse::store(&e))?;
        let sealed_key = sealing.seal(aad(id), &key).map_err(|e| refuse::store(&e))?;
        Ok(rows::Authority {
            id,
            purpose: purpose.into(),
            host: host.to_owned(),
            certificate,
            sealed_key,
            fingerprint,
            not_after: not_after.0,
            created: now.0,
        })
    }
}

fn view(structures: &rows::Authority, ours: &rows::Authority) -> AuthorityView {
    AuthorityView {
        host: ours.host.clone(),
        operator: ours.certificate.clone(),
        structures: structures.certificate.clone(),
        operator_fingerprint: ours.fingerprint.clone(),
        structures_fingerprint: structures.fingerprint.clone(),
        not_after: Timestamp(ours.not_after.min(structures.not_after)),
        created: Timestamp(ours.created),
    }
}
