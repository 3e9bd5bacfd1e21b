//! Backups: what they hold, what they share, and what they keep from being collected.
use super::*;
use sceau_store::blob::Collected;

on_both_engines! {
    what_is_there_is_not_copied_again_and_old_generations_go,
    nothing_is_collected_while_a_backup_runs,
    rows_are_of_one_instant,
    the_newest_is_the_last_one_made,
}

async fn what_is_there_is_not_copied_again_and_old_generations_go(s: TestStore) {
    world(&s).await;
    let first = backed_up(&s, None).await.unwrap();
    assert_eq!((first.blobs, first.copied), (1, 1));
    message(&s, 102, &noise(70_000, 5)).await;
    let second = backed_up(&s, Some(2)).await.unwrap();
    assert_eq!((second.blobs, second.copied, second.generations_removed), (2, 1, 0));
    // What a cut left is never taken for a generation, and goes.
    let dest = s.folder().join("backup");
    let cut = dest.join("20990101T000000.000Z.partial");
    std::fs::create_dir(&cut).unwrap();
    // A file that was cut short is copied again.
    let big = s.read(|tx| tx.query("SELECT id FROM blobs WHERE inline IS NULL ORDER BY id", &[])).await;
    let big = hex::encode(big.map_err(|e: StoreError| e).unwrap()[0].bytes(0).unwrap());
    let file = dest.join("blobs").join(&big[..2]).join(&big);
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..100]).unwrap();
    let third = backed_up(&s, None).await.unwrap();
    assert_eq!((third.blobs, third.copied), (2, 1));
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    assert!(!cut.exists());
    // The message goes, and its blob with the last generation that names it.
    write(&s, |tx| {
        let row = tx.query_opt("SELECT blob_id FROM messages WHERE id = 102", &[])?.unwrap();
        tx.execute("DELETE FROM entries WHERE message_id = 102", &[])?;
        tx.execute("DELETE FROM messages WHERE id = 102", &[])?;
        blob::release(tx, &blob::id_from(&row.bytes(0)?)?, sceau_domain::Timestamp(0))
    })
    .await;
    assert_eq!(blob::collect(&s).await.unwrap().rows, 1);
    let fourth = backed_up(&s, Some(2)).await.unwrap();
    assert_eq!((fourth.blobs, fourth.generations_removed, fourth.blobs_removed), (1, 2, 0));
    let fifth = backed_up(&s, Some(1)).await.unwrap();
    assert_eq!((fifth.copied, fifth.generations_removed, fifth.blobs_removed), (0, 2, 1));
    assert_eq!(files(&dest.join("blobs")).len(), 1);
}

async fn nothing_is_collected_while_a_backup_runs(s: TestStore) {
    world(&s).await;
    let (id, _) = message(&s, 102, &noise(70_000, 5)).await;
    let release = |s: &Store| {
        let s = s.clone();
        async move {
            write(&s, move |tx| {
                tx.execute("DELETE FROM entries WHERE message_id = 102", &[])?;
                tx.execute("DELETE FROM messages WHERE id = 102", &[])?;
                blob::release(tx, &id, sceau_domain::Timestamp(0))
            })
            .await;
        }
    };
    // As a backup does it, in another process.
    let until = s.clock().now().0 + 60_000;
    let hold = move |tx: &mut dyn Tx| sceau_store::leases::take(tx, "backup", "another", until - 60_000, until);
    assert!(write(&s, hold).await);
    release(&s).await;
    assert_eq!(blob::collect(&s).await.unwrap(), Collected::default());
    assert_eq!(blob::sweep(&s).await.unwrap(), Collected::default());
    assert_eq!(backed_up(&s, None).await, Err(CareError::Running));
    // Its process died: the hold ends by time.
    s.clock.advance_ms(60_000);
    assert_eq!(blob::collect(&s).await.unwrap().rows, 1);
    assert_eq!(backed_up(&s, None).await.unwrap().blobs, 1);
    // And it is given back.
    let held = s.read(|tx| tx.query("SELECT name FROM leases WHERE until > 0", &[])).await;
    assert!(held.map_err(|e: StoreError| e).unwrap().is_empty());
}

/// Each transaction writes into the first and into the last table that are read: a backup taken meanwhile has both or neither.
async fn rows_are_of_one_instant(mut s: TestStore) {
    world(&s).await;
    many(&s, 3_000).await;
    let (writer, over) = ((*s).clone(), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let until = Arc::clone(&over);
    let load = tokio::spawn(async move {
        let mut n = 1_000_i64;
        while !until.load(std::sync::atomic::Ordering::Relaxed) {
            n += 1;
            write(&writer, move |tx| {
                let sql = "INSERT INTO domains (id, name, kind, created) VALUES ($1, $2, 'Production', 5)";
                tx.execute(sql, params![n, format!("d{n}.example")])?;
                let sql = "INSERT INTO nodes_of_log (level, number, hash) VALUES (900, $1, $2)";
                tx.execute(sql, params![n, vec![1_u8]])
            })
            .await;
        }
        n
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let done = backed_up(&s, None).await.unwrap();
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(load.await.unwrap() > 1_001);
    s.close().await;
    let config = elsewhere(&s, sqlite(&s, "there"), "there");
    assert_eq!(restored(&config, &s).await, Ok(done.rows));
    s.reopen_with(config).await.unwrap();
    let (domains, nodes) = s
        .read(|tx| {
            let count = |tx: &mut dyn Tx, sql: &str| tx.query(sql, &[])?[0].int(0);
            let domains = count(tx, "SELECT COUNT(*) FROM domains WHERE id > 1000")?;
            Ok::<_, StoreError>((domains, count(tx, "SELECT COUNT(*) FROM nodes_of_log WHERE level = 900")?))
        })
        .await
        .unwrap();
    assert_eq!(domains, nodes);
}

/// A clock that went back: the newest backup is still the one that is restored first and removed last.
async fn the_newest_is_the_last_one_made(s: TestStore) {
    world(&s).await;
    let first = backed_up(&s, None).await.unwrap().generation;
    s.clock.advance_ms(-3 * 86_400_000);
    many(&s, 10).await;
    let second = backed_up(&s, Some(1)).await.unwrap();
    assert!(second.generation > first && second.generations_removed == 1, "{first} {}", second.generation);
    assert!(s.folder().join("backup").join(&second.generation).is_dir());
}
