//! Who has access to a BAL and what doors make of it: on real stores, through the use cases that doors call.
mod delegates;
mod doors;
mod grants;
mod history;
mod nodes;
mod use_of;

use sceau_domain::{AccessRole, BalKind, Refusal};
use sceau_operator::grants::{AccessView, NewAccess, NewDelegation};
use sceau_operator::{Actor, Door};
use sceau_testkit::world::*;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const SERVICE: &str = "cardiologie@alpha.mssante.fr";
const DAY: i64 = 86_400_000;

/// A test on both engines.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(crate::access::house(sceau_store::testing::sqlite().await).await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(crate::access::house(sceau_store::testing::postgres().await).await).await;
            }
        }
    )* };
}
pub(crate) use on_both;

/// The world with a shared BAL: `anne` is responsible, `bruno` is a member.
async fn house(store: sceau_store::testing::TestStore) -> World {
    let w = World::on(store, |_| {}).await;
    w.bal(SERVICE, BalKind::Org, &["anne"], |b| b.members = vec!["bruno".into()]).await;
    w
}

/// A session of REST.
async fn api(w: &World, login: &str) -> Actor {
    Actor { bal: None, origin: origin(Door::Api), ..w.actor(login, ANNE).await }
}

fn new(login: &str, role: AccessRole, rights: &[&str]) -> NewAccess {
    let rights = (!rights.is_empty()).then(|| rights.iter().map(|r| (*r).to_owned()).collect());
    NewAccess { login: login.into(), role, rights, starts: None, ends: None, reason: None }
}

async fn give(w: &World, login: &str, role: AccessRole, rights: &[&str]) -> Result<AccessView, Refusal> {
    w.op.give_access(&w.admin, SERVICE, new(login, role, rights)).await
}

/// Anne names a delegate for thirty days.
fn delegation(w: &World, login: &str) -> NewDelegation {
    NewDelegation {
        address: ANNE.into(),
        login: login.into(),
        rights: None,
        starts: None,
        ends: w.op.clock().now().plus_ms(30 * DAY),
        reason: Some("Secrétariat".into()),
    }
}

/// A device token of this person, and a login with it.
async fn sign_in(w: &World, login: &str, bal: &str, door: Door) -> Result<Actor, Refusal> {
    let secret = w.op.create_token(&w.admin, login, None, "poste", None).await.unwrap().1;
    w.op.login_token(&format!("{login}*{bal}"), &secret, &origin(door)).await
}
