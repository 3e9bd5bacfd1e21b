//! Where SQLite cannot keep a write-ahead log it would keep another journal, without a word, of which a power cut may take back a commit.
use sceau_store::{EngineUrl, Store, StoreConfig, StoreError, testing};

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_shared_memory_is_refused() {
    let s = testing::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| EngineUrl::Sqlite(folder.path().join(name).join("a.db"));
    let config = StoreConfig {
        data: file("data"),
        keyring: file("keys"),
        blobs: folder.path().join("blobs").into(),
        ..s.config.clone()
    };
    sceau_faults::without_shared_memory();
    let refused = Store::open(config).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Other(why) if why.contains("write-ahead")), "{refused}");
}
