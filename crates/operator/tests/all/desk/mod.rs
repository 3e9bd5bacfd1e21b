//! The desk's use cases, on both engines.
mod activity;
mod acts;
mod aging;
mod colleagues;
mod deliveries;
mod figures;
mod letters;
mod lists;
mod messages;
mod outbox;
mod push;
mod recipients;
mod rules;
mod sit;

use sceau_domain::BalKind;
use sceau_store::Id;
use sceau_testkit::world::World;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const SERVICE: &str = "cardiologie@alpha.mssante.fr";

/// The world with a shared BAL: `anne` is responsible, `bruno` is a member.
struct House(World);

impl House {
    async fn new(store: sceau_store::testing::TestStore) -> Self {
        let world = World::on(store, |c| c.limits.recipients = 40).await;
        world.bal(SERVICE, BalKind::Org, &["anne"], |b| b.members = vec!["bruno".into()]).await;
        Self(world)
    }
    /// The id of a BAL.
    async fn id(&self, address: &str) -> Id {
        self.0.actor("anne", address).await.bal.expect("a BAL").id
    }
}
