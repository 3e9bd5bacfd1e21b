//! Secrets of identity, sealed under the key of [`sceau_store::identity_key`].
use crate::{Operator, refuse};
use sceau_domain::Refusal;
use sceau_store::vault::Aad;
use zeroize::Zeroizing;

impl Operator {
    /// Seals a secret of a row.
    pub(crate) async fn seal_identity(&self, aad: Aad<'static>, clear: &[u8]) -> Result<Vec<u8>, Refusal> {
        let key = self.0.store.identity_key().await.map_err(|e| refuse::store(&e))?;
        key.seal(aad, clear).map_err(|e| refuse::store(&e))
    }

    /// Opens what [`Operator::seal_identity`] sealed.
    pub(crate) async fn unseal_identity(
        &self,
        aad: Aad<'static>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let key = self.0.store.identity_key().await.map_err(|e| refuse::store(&e))?;
        key.unseal(aad, sealed).map(Zeroizing::new).map_err(|e| refuse::store(&e))
    }
}
