//! Who other operators are to us: the white list's life over several nodes, certificates, the ledger.
mod certificates;
mod ledger;
mod lists;

use sceau_operator::{Actor, Operator};
use sceau_store::Store;
use sceau_store::testing::TestStore;
use sceau_testkit::pki::{Pki, source};
use sceau_testkit::world::World;
use sceau_trust::Trust;

/// A world whose list comes from a played authority.
pub struct House {
    pub w: World,
    pub pki: Pki,
}

impl House {
    pub async fn new(store: TestStore) -> Self {
        Self { w: World::on(store, |config| config.white_list = Some(source())).await, pki: Pki::new() }
    }
    /// A process of this operator that trusts the played authority: over the world's store, or another one.
    pub async fn process(&self, store: Option<Store>) -> Operator {
        let store = store.unwrap_or_else(|| (*self.w.store).clone());
        Operator::open(self.w.op.config().clone(), store, Trust::new(self.pki.anchors())).await.unwrap()
    }
    pub fn admin(&self) -> &Actor {
        &self.w.admin
    }
    /// Open alarms: code and subject.
    pub async fn alarms(&self) -> Vec<(String, String)> {
        let all = self.w.op.alarms(self.admin(), false).await.unwrap();
        let mut all: Vec<_> = all.into_iter().map(|a| (a.code, a.subject)).collect();
        all.sort();
        all
    }
}
