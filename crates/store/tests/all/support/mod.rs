//! What several test programs share.
pub mod s3;

/// Runs each test on SQLite and on PostgreSQL: `async fn test(store: TestStore)`.
macro_rules! on_both_engines {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(sceau_store::testing::sqlite().await).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(sceau_store::testing::postgres().await).await;
            })*
        }
    };
}

/// The same, and on a PostgreSQL whose ground gives way: for tests whose closures may run again without being noticed.
#[allow(unused_macros)]
macro_rules! on_every_ground {
    ($($test:ident),* $(,)?) => {
        on_both_engines! { $($test),* }
        mod on_failing_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                // The name is the seed: each test meets other faults, and the same at each run.
                let seed = stringify!($test).bytes().fold(7, |s: u64, b| s.wrapping_mul(31).wrapping_add(u64::from(b)));
                super::$test(sceau_store::testing::failing_postgres(seed).await).await;
            })*
        }
    };
}
