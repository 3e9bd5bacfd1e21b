//! `sceau restore`: puts a generation of a backup into an empty store, and says so under the notary's key ([`sceau_notary::statement`]): the
//! statement goes in with the rows, so that verifications tell an honest restore from a database that was put back in silence.
use crate::notary::sign;
use sceau_notary::statement::What;
use sceau_notary::tree::sha256;
use sceau_store::care::restore::{From, Restored, restore as fill};
use sceau_store::care::{CareError, Phase, Progress};
use sceau_store::{Store, StoreConfig};
use std::sync::Arc;

/// Restores a generation for the operator of this name, then opens the store once: an older schema is brought
/// forward, and what was destroyed since the backup is destroyed again.
pub async fn restore(
    config: &StoreConfig,
    name: &str,
    from: From<'_>,
    progress: &Arc<Progress>,
) -> Result<Restored, CareError> {
    let name = name.to_owned();
    let attest = Arc::new(move |signer: &_, size: i64, root: Option<Vec<u8>>, at: i64| {
        let hash = root.and_then(|r| r.try_into().ok()).unwrap_or_else(|| sha256(&[]));
        serde_json::to_value(sign(signer, What::Restored, &name, size.unsigned_abs(), hash, at)).unwrap_or_default()
    });
    let done = fill(config, from, attest, progress).await?;
    progress.begin(Phase::Replaying, 0);
    let store = Store::open(config.clone()).await?;
    sceau_store::vault::replay_destructions(&store).await?;
    Ok(done)
}
