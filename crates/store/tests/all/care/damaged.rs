//! Backups that rotted: what is damaged costs only itself, is found without a restore, and is copied again.
use super::*;
use sceau_store::care::judge::Fault;
use sceau_store::care::left_out::Of;
use sceau_store::care::verify::{Verified, verify};

on_both_engines! {
    a_damaged_content_costs_only_itself,
    what_is_found_damaged_is_copied_again,
    a_damaged_list_makes_nothing_look_whole,
}

fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(file, bytes).unwrap();
}

/// The file of a blob in the backup.
fn file_of(s: &TestStore, id: &BlobId) -> PathBuf {
    let name = hex::encode(id);
    s.folder().join("backup/blobs").join(&name[..2]).join(name)
}

async fn look(s: &TestStore, generation: &str, set_aside: bool) -> std::result::Result<Verified, CareError> {
    verify(&s.folder().join("backup"), Some(generation), set_aside, &Arc::default()).await
}

async fn a_damaged_content_costs_only_itself(mut s: TestStore) {
    let mut blobs = world(&s).await;
    for id in [102, 103] {
        let content = noise(70_000, id as u64);
        let (blob, key) = message(&s, id, &content).await;
        blobs.push((blob, key, content));
    }
    // The missing one also waits in the queue, and an index is made of it.
    let id = blobs[2].0.to_vec();
    write(&s, move |tx| {
        let sql = "INSERT INTO queue_messages (id, blob_id, epoch, blob_key, bal_id, sender, prefix, size, body_8bit, smtputf8, created, \
                   expires, tag) VALUES (300, $1, 1, $1, 1, '', $1, 1, 0, 0, 8, 9, 't')";
        tx.execute(sql, params![id.clone()])?;
        tx.execute("INSERT INTO index_files (bal_id, generation, name, blob_id) VALUES (1, 1, 'x', $1)", params![id.clone()])
    })
    .await;
    let before = rows(&s).await;
    let generation = backed_up(&s, None).await.unwrap().generation;
    flip(&file_of(&s, &blobs[1].0));
    std::fs::remove_file(file_of(&s, &blobs[2].0)).unwrap();
    s.close().await;
    let config = elsewhere(&s, sqlite(&s, "there"), "there");
    // Not unless it is asked for, and then nothing is written.
    let said = restored_leaving(&config, &s, false).await.unwrap_err();
    let CareError::DamagedContents { count: 2, first } = said else { panic!("{said:?}") };
    assert!(first.contains(&hex::encode(blobs[1].0)) && first.contains(&hex::encode(blobs[2].0)), "{first}");
    assert!(files(&s.folder().join("there")).iter().all(|f| f.ends_with("sceau.db.lock")));
    // Rows are never left out.
    let rotten = files(&s.folder().join("backup").join(&generation))
        .into_iter()
        .find(|f| f.file_name().unwrap().to_str().unwrap().contains("messages"));
    let rotten = rotten.unwrap();
    let whole = std::fs::read(&rotten).unwrap();
    flip(&rotten);
    assert!(matches!(restored_leaving(&config, &s, true).await, Err(CareError::Damaged(_))));
    std::fs::write(&rotten, whole).unwrap();
    let database = sceau_store::testing::EmptyDatabase::new().await;
    for (name, url) in [("there", config.data.clone()), ("far", database.url())] {
        let config = elsewhere(&s, url, name);
        let mut done = restored_leaving(&config, &s, true).await.unwrap();
        done.lost.sort_by_key(|lost| lost.message);
        assert_eq!((done.blobs, done.missing, done.left_out, done.lost.len()), (3, 0, 2, 4), "{name}");
        let search = done.lost.remove(0);
        assert_eq!((search.of, search.message, search.bal.as_deref()), (Of::Search, None, Some("A@sceau.example")));
        let queued = done.lost.remove(2);
        assert_eq!((queued.of, queued.message, queued.uid, queued.at), (Of::Queued, Some(300), None, Some(8)));
        for (lost, (number, fault)) in done.lost.iter().zip([(1, Fault::Damaged), (2, Fault::Missing)]) {
            assert_eq!((lost.blob.as_str(), lost.fault), (hex::encode(blobs[number].0).as_str(), fault), "{name}");
            assert_eq!((lost.of, lost.bal.as_deref()), (Of::Message, Some("A@sceau.example")), "{name}");
            let message = Some(100 + i64::try_from(number).unwrap());
            assert_eq!((lost.message, lost.folder, lost.uid, lost.at), (message, Some(10), message, Some(3)), "{name}");
        }
        s.reopen_with(config).await.unwrap();
        assert_eq!(rows(&s).await, before, "{name}");
        opens(&s, &[blobs[0].clone(), blobs[3].clone()]).await;
        for (id, key, _) in &blobs[1..3] {
            assert!(matches!(s.open_blob(*id, key.clone()).await, Err(StoreError::Corrupt(_))), "{name}");
        }
        let traces = s.read(|tx| tx.query("SELECT act, bal, data FROM traces ORDER BY act DESC, data", &[])).await;
        let traces = traces.map_err(|e: StoreError| e).unwrap();
        let acts: Vec<String> = traces.iter().map(|r| r.text(0).unwrap()).collect();
        assert_eq!(
            acts,
            ["store.restored", "store.content_lost", "store.content_lost", "store.content_lost"],
            "{name}"
        );
        assert!(traces[0].text(2).unwrap().contains("\"left_out\":2"), "{name}");
        assert_eq!(traces[1].text(1).unwrap(), "A@sceau.example", "{name}");
        let named = |message: &str| traces.iter().any(|t| t.text(2).unwrap().contains(message));
        assert!(named("\"message\":101") && named("\"message\":102"), "{name}");
        s.close().await;
    }
}

async fn what_is_found_damaged_is_copied_again(s: TestStore) {
    let blobs = world(&s).await;
    let first = backed_up(&s, None).await.unwrap().generation;
    let seen = look(&s, &first, false).await.unwrap();
    assert_eq!((seen.found, seen.blobs, seen.faults.len()), (0, 1, 0));
    let file = file_of(&s, &blobs[1].0);
    let whole = std::fs::read(&file).unwrap();
    flip(&file);
    // A backup relies on what was copied.
    let second = backed_up(&s, None).await.unwrap();
    assert_eq!(second.copied, 0);
    let seen = look(&s, &second.generation, false).await.unwrap();
    let fault = seen.faults[0].clone();
    assert_eq!((seen.found, fault.fault, fault.content, fault.set_aside), (1, Fault::Damaged, true, false));
    assert_eq!(s.folder().join("backup").join(&fault.file), file);
    // Nothing is set aside while a backup is written.
    let lock = std::fs::File::open(s.folder().join("backup/.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(look(&s, &first, true).await, Err(CareError::Running));
    assert_eq!(look(&s, &first, false).await.unwrap().found, 1);
    drop(lock);
    assert_eq!(look(&s, &first, true).await.unwrap().set_aside, 1);
    assert_eq!(look(&s, &first, true).await.unwrap().faults[0].fault, Fault::Missing);
    // Copied again, for every generation; what was set aside stays as long as the content is named.
    let third = backed_up(&s, Some(3)).await.unwrap();
    assert_eq!((third.copied, third.blobs_removed), (1, 0));
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    assert!(file.with_extension("damaged").exists());
    for generation in [&first, &second.generation, &third.generation] {
        assert_eq!(look(&s, generation, false).await.unwrap().found, 0);
    }
    // Rows, and the list of contents.
    let mut names = files(&s.folder().join("backup").join(&first));
    names.retain(|f| f.extension().is_some_and(|e| e == "zst"));
    for name in &names {
        flip(name);
    }
    let seen = look(&s, &first, true).await.unwrap();
    assert_eq!((seen.found, seen.set_aside), (names.len() as u64, 0));
    assert!(seen.faults.iter().all(|f| !f.content));
    flip(&s.folder().join("backup").join(&first).join("manifest.json"));
    assert!(matches!(look(&s, &first, false).await, Err(CareError::Damaged(_))));
    assert!(matches!(look(&s, "20200101T000000.000Z", false).await, Err(CareError::NoBackup(_))));
}

/// A content that rotted has its length still: without the list that knows its digest, it is compared with the store's.
async fn a_damaged_list_makes_nothing_look_whole(s: TestStore) {
    let blobs = world(&s).await;
    let file = {
        backed_up(&s, None).await.unwrap();
        file_of(&s, &blobs[1].0)
    };
    let whole = std::fs::read(&file).unwrap();
    for damaged in ["manifest.json", "blob_list"] {
        let newest = backed_up(&s, None).await.unwrap().generation;
        let list = files(&s.folder().join("backup").join(newest))
            .into_iter()
            .find(|f| f.file_name().unwrap().to_str().unwrap().contains(damaged));
        flip(&list.unwrap());
        flip(&file);
        let next = backed_up(&s, None).await.unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), whole, "{damaged}");
        assert_eq!(next.copied, 1, "{damaged}");
        assert_eq!(look(&s, &next.generation, false).await.unwrap().found, 0, "{damaged}");
        // What was replaced may be the better one.
        assert!(file.with_extension("damaged").exists(), "{damaged}");
    }
    // What is whole is not written again.
    let newest = backed_up(&s, None).await.unwrap().generation;
    flip(&s.folder().join("backup").join(newest).join("manifest.json"));
    assert_eq!(backed_up(&s, None).await.unwrap().copied, 0);
}
