//! The key under which proofs of identity are sealed: attempts, authenticators' secrets, our secrets towards structures' sign-ins; and where browsers are
//! woken. It is one key of the keyring, made when it is first needed; its id stands in `settings`.
//!
//! Promises: all nodes seal under the same key; of two that make it at once, one wins, and what the other made seals nothing.
use crate::vault::Aad;
use crate::{DataKey, Id, Store, StoreError, settings};

/// Its name in `settings`.
const NAME: &str = "identity.key";

/// For what is sealed of an attempt: `attempt` is its id.
pub const fn attempt(attempt: Id) -> Aad<'static> {
    Aad { owner: attempt, object: 0, field: "identity.attempt" }
}
/// For an authenticator's secret: `factor` is its id.
pub const fn totp(factor: Id) -> Aad<'static> {
    Aad { owner: factor, object: 0, field: "identity.totp" }
}
/// For our secret towards a structure's sign-in: `provider` is its id.
pub const fn sso(provider: Id) -> Aad<'static> {
    Aad { owner: provider, object: 0, field: "identity.sso" }
}
/// For where a browser is woken: `subscription` is its id.
pub const fn push(subscription: Id) -> Aad<'static> {
    Aad { owner: subscription, object: 0, field: "identity.push" }
}
/// For the key by which services that wake browsers know us (RFC 8292).
pub const fn push_key() -> Aad<'static> {
    Aad { owner: 0, object: 0, field: "identity.push_key" }
}

impl Store {
    /// The key, made when there is none.
    pub async fn identity_key(&self) -> Result<DataKey, StoreError> {
        if let Some(id) = self.identity_key_id().await? {
            return self.vault().bal_key(id).await;
        }
        let id = self.new_id();
        let key = self.vault().create_bal_key(id).await?;
        let now = self.clock().now().0;
        let put = self.write(move |tx| settings::replace(tx, NAME, 0, &id.to_be_bytes(), now)).await;
        if put.map_err(|e: StoreError| e)? {
            return Ok(key);
        }
        // Another node was first, or this transaction was carried out twice: the row says which key it is.
        let Some(there) = self.identity_key_id().await? else {
            return Err(StoreError::Other("the identity key has no row".into()));
        };
        if there != id {
            self.vault().destroy_bal_key(id).await?;
        }
        self.vault().bal_key(there).await
    }

    async fn identity_key_id(&self) -> Result<Option<Id>, StoreError> {
        let row = self.read(|tx| settings::get(tx, NAME)).await.map_err(|e: StoreError| e)?;
        row.map(|s| {
            let bytes = s.value.try_into().map_err(|_| StoreError::Corrupt(format!("setting {NAME}")))?;
            Ok(Id::from_be_bytes(bytes))
        })
        .transpose()
    }
}
