//! Spools, blobs and keys on a whole store: nothing is in clear, nothing can be altered unnoticed, nothing is lost or left over.

use sceau_store::blob::{self, BlobRow, Collected};
use sceau_store::spool::Stored;
use sceau_store::testing::{TestStore, noise};
use sceau_store::vault::Aad;
use sceau_store::{DataKey, EngineUrl, Spool, Store, StoreError, params};
use std::path::{Path, PathBuf};

on_every_ground! {
    content_comes_back_whole_and_by_ranges,
    a_spool_leaves_nothing_unless_it_is_kept,
    what_nothing_names_is_collected,
    keys_are_made_once_and_destroyed_for_good,
    transit_keys_follow_the_days,
}

fn spooled(s: &Store, content: &[u8]) -> Spool {
    let mut spool = s.spool();
    for piece in content.chunks(7_001) {
        spool.write(piece).unwrap();
    }
    assert_eq!((spool.len(), spool.is_empty()), (content.len() as u64, content.is_empty()));
    spool.finish().unwrap()
}

/// Settled and named by a row.
async fn kept(s: &Store, content: &[u8]) -> (blob::BlobId, DataKey) {
    let mut spool = spooled(s, content);
    spool.settle().await.unwrap();
    let row = BlobRow::from(&spool);
    s.write(move |tx| blob::insert(tx, &row)).await.map_err(|e: StoreError| e).unwrap();
    let named = (spool.id, spool.key.clone());
    spool.kept();
    named
}

/// All but the mark of a folder of blobs.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in folder.read_dir().unwrap().map(Result::unwrap) {
        if entry.metadata().unwrap().is_dir() { out.extend(files(&entry.path())) } else { out.push(entry.path()) }
    }
    out.retain(|file| !file.ends_with(".sceau-blobs"));
    out
}

async fn content_comes_back_whole_and_by_ranges(mut s: TestStore) {
    let chunk = 65_536;
    let sizes = [0, 1, 100, chunk - 1, chunk, chunk + 1, 2 * chunk, 200_001];
    let mut blobs = Vec::new();
    for (i, size) in sizes.into_iter().enumerate() {
        // Half of them compress well and stay inline although they are long.
        let content = if i % 2 == 0 { noise(size, i as u64 + 1) } else { vec![b'a'; size] };
        let direct = spooled(&s, &content);
        assert_eq!(direct.reader().unwrap().read_at_blocking(0, size).unwrap(), content);
        assert_eq!(direct.digest, spooled(&s, &content).digest, "the digest is the content's");
        assert_ne!(direct.digest, spooled(&s, b"other").digest);
        let (id, key) = kept(&s, &content).await;
        blobs.push((id, key, content));
    }
    s.reopen().await;
    for (id, key, content) in blobs {
        let mut reader = s.open_blob(id, key).await.unwrap();
        let size = content.len();
        assert_eq!(reader.size(), size as u64);
        assert_eq!(reader.read_at(0, size + 10).await.unwrap(), content);
        for (from, len) in
            [(0, 10), (size / 2, 70_000), (size.saturating_sub(3), 10), (chunk - 1, 2), (size, 5), (size + 99, 5)]
        {
            let expected = content.get(from..(from + len).min(size)).unwrap_or_default();
            assert_eq!(reader.read_at(from as u64, len).await.unwrap(), expected, "{from}+{len} of {size}");
        }
        assert!(reader.read_at(u64::MAX, usize::MAX).await.unwrap().is_empty());
        assert!(s.open_blob(id, DataKey::generate().unwrap()).await.is_err() || cfg!(feature = "insecure-clear"));
    }
    let unknown = s.open_blob([7; 16], DataKey::generate().unwrap()).await.unwrap_err();
    assert!(matches!(unknown, StoreError::Corrupt(_)));
}

async fn a_spool_leaves_nothing_unless_it_is_kept(mut s: TestStore) {
    let (spools, blobs) = (s.config.spools.clone(), s.config.blobs.folder().unwrap().to_owned());
    let long = noise(100_000, 3);
    let mut unfinished = s.spool();
    unfinished.write(&long).unwrap();
    assert_eq!(files(&spools).len(), 1);
    drop(unfinished);
    drop(spooled(&s, &long));
    assert!(files(&spools).is_empty());
    // A transaction may not name what a crash would lose.
    let mut spool = spooled(&s, &long);
    let row = BlobRow::from(&spool);
    let refused = s.write(move |tx| blob::insert(tx, &row)).await;
    assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    // Settled: at its final place, and it stays when its caller is gone.
    spool.settle().await.unwrap();
    spool.settle().await.unwrap();
    assert!(files(&spools).is_empty());
    assert_eq!(files(&blobs).len(), 1);
    assert_eq!(spool.reader().unwrap().read_at(0, long.len()).await.unwrap(), long);
    drop(spool);
    assert_eq!(files(&blobs).len(), 1);
    let mut other = spooled(&s, &long);
    other.settle().await.unwrap();
    other.discard();
    assert_eq!(files(&blobs).len(), 1);
    // What a crash leaves is removed at the next start; other people's files are not.
    std::mem::forget(spooled(&s, &long));
    std::fs::write(spools.join("README"), "not a spool").unwrap();
    assert_eq!(files(&spools).len(), 2);
    s.reopen().await;
    assert_eq!(files(&spools), [spools.join("README")]);
}

async fn what_nothing_names_is_collected(s: TestStore) {
    let (long, short) = (noise(100_000, 5), b"short".to_vec());
    let (named, key) = kept(&s, &long).await;
    let (freed, _) = kept(&s, &long).await;
    let (freed_inline, _) = kept(&s, &short).await;
    let (lost, _) = kept(&s, &long).await;
    let mut unnamed = spooled(&s, &long);
    unnamed.settle().await.unwrap();
    drop(unnamed);
    let mut on_its_way = spooled(&s, &long);
    on_its_way.settle().await.unwrap();
    let files_now = || files(s.config.blobs.folder().unwrap()).len();
    assert_eq!(files_now(), 5);
    let now = s.clock().now();
    s.write(move |tx| {
        let sql = "INSERT INTO queue_messages (id, blob_id, epoch, blob_key, bal_id, sender, prefix, size, body_8bit, smtputf8, created, \
                   expires, tag) VALUES (1, $1, 0, $1, 1, '', $1, 0, 0, 0, 0, 0, '')";
        tx.execute(sql, params![named.as_slice()])?;
        for id in [named, freed, freed_inline, freed] {
            blob::release(tx, &id, now)?;
        }
        Ok::<_, StoreError>(())
    })
    .await
    .unwrap();
    assert_eq!(blob::collect(&s).await.unwrap(), Collected { rows: 2, files: 0 });
    assert_eq!(blob::collect(&s).await.unwrap(), Collected::default());
    assert_eq!(files_now(), 4);
    // What is young may still be named by a transaction on its way.
    assert_eq!(blob::sweep(&s).await.unwrap(), Collected::default());
    s.clock.advance_ms(3_600_001);
    assert_eq!(blob::sweep(&s).await.unwrap(), Collected { rows: 1, files: 1 });
    // A machine that slept, or a clock that jumped, between a file and its transaction loses nothing.
    assert_eq!(files_now(), 2);
    on_its_way.kept();
    assert_eq!(blob::sweep(&s).await.unwrap(), Collected { rows: 0, files: 1 });
    assert_eq!(files_now(), 1);
    assert_eq!(s.open_blob(named, key).await.unwrap().read_at(0, long.len()).await.unwrap(), long);
    assert!(s.open_blob(lost, DataKey::generate().unwrap()).await.is_err());
}

const AAD: Aad<'_> = Aad { owner: 5, object: 1, field: "test" };

async fn keys_are_made_once_and_destroyed_for_good(mut s: TestStore) {
    assert_eq!(s.vault().bal_key(5).await.unwrap_err(), StoreError::NoKey);
    let key = s.vault().create_bal_key(5).await.unwrap();
    let other = s.vault().create_bal_key(6).await.unwrap();
    assert!(matches!(s.vault().create_bal_key(5).await, Err(StoreError::Exists(_))));
    let sealed = key.seal(AAD, b"secret").unwrap();
    assert_eq!(s.vault().bal_key(5).await.unwrap().unseal(AAD, &sealed).unwrap(), b"secret");
    s.reopen().await;
    assert_eq!(s.vault().bal_key(5).await.unwrap().unseal(AAD, &sealed).unwrap(), b"secret");
    let wrapped = match &s.config.keyring {
        EngineUrl::Sqlite(path) => {
            let sql = "SELECT wrapped FROM bal_keys WHERE bal = 5";
            rusqlite::Connection::open(path).unwrap().query_row(sql, [], |r| r.get::<_, Vec<u8>>(0)).unwrap()
        }
        EngineUrl::Postgres(_) => Vec::new(),
    };
    s.vault().destroy_bal_key(5).await.unwrap();
    s.vault().destroy_bal_key(5).await.unwrap();
    assert_eq!(s.vault().bal_key(5).await.unwrap_err(), StoreError::NoKey);
    if let EngineUrl::Sqlite(path) = &s.config.keyring {
        for file in files(path.parent().unwrap()) {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.windows(wrapped.len()).any(|w| w == wrapped), "the key is still in {}", file.display());
        }
    }
    assert!(matches!(s.vault().create_bal_key(5).await, Err(StoreError::Exists(_))), "never made again");
    s.reopen().await;
    assert_eq!(s.vault().bal_key(5).await.unwrap_err(), StoreError::NoKey);
    let sealed = other.seal(AAD, b"stays").unwrap();
    assert_eq!(s.vault().bal_key(6).await.unwrap().unseal(AAD, &sealed).unwrap(), b"stays");
}

async fn transit_keys_follow_the_days(s: TestStore) {
    let made = futures_join(&s, 8).await;
    let (epoch, key) = made[0].clone();
    let sealed = key.seal(AAD, b"queued").unwrap();
    for (e, k) in &made {
        assert_eq!(*e, epoch);
        assert_eq!(k.unseal(AAD, &sealed).unwrap(), b"queued", "one key an epoch, however many ask first");
    }
    s.clock.advance_ms(86_400_000);
    let (next, _) = s.vault().transit_key().await.unwrap();
    assert_eq!(next, epoch + 1);
    assert_eq!(s.vault().transit_epochs().await.unwrap(), [epoch, next]);
    s.vault().destroy_transit_keys(vec![epoch, next]).await.unwrap();
    assert_eq!(s.vault().transit_epochs().await.unwrap(), [next], "the present epoch is never destroyed");
    assert_eq!(s.vault().transit_key_of(epoch).await.unwrap_err(), StoreError::NoKey);
}

async fn futures_join(s: &Store, n: usize) -> Vec<(i64, DataKey)> {
    let asked: Vec<_> = (0..n)
        .map(|_| {
            let s = s.clone();
            tokio::spawn(async move { s.vault().transit_key().await.unwrap() })
        })
        .collect();
    let mut out = Vec::new();
    for a in asked {
        out.push(a.await.unwrap());
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(not(feature = "insecure-clear"))]
async fn a_file_cannot_be_altered_cut_or_reordered() {
    let s = sceau_store::testing::sqlite().await;
    let content = noise(150_000, 11);
    let mut spool = spooled(&s, &content);
    spool.settle().await.unwrap();
    let row = BlobRow::from(&spool);
    s.write(move |tx| blob::insert(tx, &row)).await.map_err(|e: StoreError| e).unwrap();
    let Stored::File(path) = spool.stored.clone() else { panic!("a long blob is a file") };
    let whole = std::fs::read(&path).unwrap();
    let (id, key) = (spool.id, spool.key.clone());
    let opens = async |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let mut reader = s.open_blob(id, key.clone()).await?;
        reader.verify().await
    };
    opens(&whole).await.unwrap();
    // Incompressible chunks have one length: header 24, chunks, table, four bytes.
    let n = whole.len();
    let places = (0..100).chain((100..n - 200).step_by(1_999)).chain(n - 200..n);
    for at in places {
        let mut bad = whole.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(matches!(opens(&bad).await, Err(StoreError::Corrupt(_))), "byte {at} of {n}");
    }
    for cut in [0, 3, 24, 40, 65_000, n - 100, n - 4, n - 1] {
        assert!(matches!(opens(&whole[..cut]).await, Err(StoreError::Corrupt(_))), "cut at {cut}");
        assert!(matches!(opens(&whole[n - cut..]).await, Err(StoreError::Corrupt(_))), "last {cut}");
    }
    assert!(opens(&[&whole[..], b"more"].concat()).await.is_err());
    let length = (n - 24) * 65_536 / 150_000;
    let chunk =
        (65_536..66_000).find(|c| length.abs_diff(*c) < 200 && whole[24 + c] == 1 && whole[24 + 2 * c] == 1).unwrap();
    let (one, rest) = whole[24..].split_at(chunk);
    let (two, rest) = rest.split_at(chunk);
    let swapped = [&whole[..24], two, one, rest].concat();
    assert_eq!(swapped.len(), n);
    assert!(matches!(opens(&swapped).await, Err(StoreError::Corrupt(_))), "swapped chunks");
    opens(&whole).await.unwrap();
    // A folder that is away as a whole says nothing of what is in it, even when the mount point is there.
    let (blobs, away) = (s.config.blobs.folder().unwrap(), s.folder().join("away"));
    std::fs::rename(blobs, &away).unwrap();
    assert!(matches!(s.open_blob(id, key.clone()).await, Err(StoreError::Transient(_))));
    std::fs::create_dir(blobs).unwrap();
    assert!(matches!(s.open_blob(id, key.clone()).await, Err(StoreError::Transient(_))));
    std::fs::remove_dir(blobs).unwrap();
    std::fs::rename(&away, blobs).unwrap();
    s.open_blob(id, key.clone()).await.unwrap();
    // A file that is gone is told as such, not as an empty content.
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(s.open_blob(id, key).await, Err(StoreError::Corrupt(_))));
}

/// Fails on a build whose sealer does nothing: there, everything must be found.
#[tokio::test(flavor = "multi_thread")]
async fn no_word_is_on_the_disk_in_clear() {
    let mut s = sceau_store::testing::sqlite().await;
    let word = "glycemie-tres-elevee";
    let key = s.vault().create_bal_key(1).await.unwrap();
    let field = key.seal(AAD, format!("Objet: {word}").as_bytes()).unwrap();
    s.write(move |tx| sceau_store::settings::put(tx, "field", &field, 0)).await.map_err(|e: StoreError| e).unwrap();
    kept(&s, word.as_bytes()).await;
    kept(&s, &[&noise(100_000, 17), word.as_bytes()].concat()).await;
    std::mem::forget(spooled(&s, &[&noise(100_000, 19), word.as_bytes()].concat()));
    s.close().await;
    let mut places = 0;
    for file in files(s.folder()) {
        let bytes = std::fs::read(&file).unwrap();
        let holds = |b: &[u8]| b.windows(word.len()).any(|w| w == word.as_bytes());
        places += usize::from(holds(&bytes));
        for at in (0..bytes.len().saturating_sub(4)).filter(|at| bytes[*at..].starts_with(&[0x28, 0xb5, 0x2f, 0xfd])) {
            let frame = zstd::stream::read::Decoder::new(&bytes[at..]).map(|d| {
                let mut clear = Vec::new();
                let _ = std::io::Read::read_to_end(&mut std::io::Read::take(d.single_frame(), 1 << 20), &mut clear);
                clear
            });
            places += usize::from(frame.is_ok_and(|clear| holds(&clear)));
        }
    }
    assert_eq!(places > 0, cfg!(feature = "insecure-clear"), "found {places} times");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 48, failure_persistence: None, ..Default::default() })]
    /// However content was cut when it was written, any range of it reads as a range of the whole.
    #[test]
    fn any_range_of_any_content(size in 0_usize..210_000, cut in 1_usize..70_000, from in 0_u64..220_000, len in 0_usize..150_000) {
        static STORE: std::sync::OnceLock<(tokio::runtime::Runtime, TestStore)> = std::sync::OnceLock::new();
        let (_, s) = STORE.get_or_init(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let store = runtime.block_on(sceau_store::testing::sqlite());
            (runtime, store)
        });
        let content = noise(size, cut as u64);
        let mut spool = s.spool();
        content.chunks(cut).for_each(|piece| spool.write(piece).unwrap());
        let spool = spool.finish().unwrap();
        proptest::prop_assert_eq!(spool.size, size as u64);
        let start = (from as usize).min(size);
        let expected = &content[start..(start + len).min(size)];
        let read = spool.reader().unwrap().read_at_blocking(from, len).unwrap();
        proptest::prop_assert_eq!(read.as_slice(), expected);
    }
}
