//! The tests of the use cases, in one program: what they share is compiled and linked once. The power cuts of `crash` are a program of their own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

/// Runs tests on both engines, each in a `House` of the area that the file is about.
macro_rules! each_engine {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(super::House::new(sceau_store::testing::sqlite().await).await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(super::House::new(sceau_store::testing::postgres().await).await).await;
            }
        }
    )* };
}

mod access;
mod cards;
mod connectors;
mod desk;
mod factors;
mod identity;
mod mail;
mod mail_setup;
mod notary;
mod openings;
mod partners;
mod people;
mod revocation;
mod rights;
