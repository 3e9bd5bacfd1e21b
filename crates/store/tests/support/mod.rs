//! What several test programs share.

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
