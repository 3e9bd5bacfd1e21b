//! The notary on both engines: it folds, signs, keeps its file, purges; and every way of tampering with the database is found and named.
mod folding;
mod purging;
mod statements;
mod tampering;
mod world;

/// Runs a test on both engines.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::notary::world::World::new(sceau_store::testing::sqlite().await).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::notary::world::World::new(sceau_store::testing::postgres().await).await).await;
            })*
        }
    };
}
pub(crate) use on_both_engines;
