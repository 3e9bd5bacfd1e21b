//! Keywords that nobody has any more make room for others; finding them holds nobody up who writes.
use sceau_store::accounts::{self, Bal, Domain};
use sceau_store::keywords::{self, NewKeyword, Slots, Survey};
use sceau_store::testing::TestStore;
use sceau_store::{Store, StoreError, Tx, Value, params};

on_both_engines! { what_nobody_has_is_forgotten_whatever_is_written_meanwhile }

/// More than two pages of a survey.
const ENTRIES: i64 = 12_000;

async fn write<T: Send + 'static>(
    s: &Store,
    mut f: impl FnMut(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
) -> T {
    s.write(move |tx| f(tx)).await.unwrap()
}

fn new(id: i64) -> NewKeyword {
    NewKeyword { id, tag: id.to_be_bytes().to_vec(), sealed: vec![1] }
}

fn slots(of: &[usize]) -> Value {
    let mut set = Slots::default();
    of.iter().for_each(|slot| set.add(*slot));
    set.value()
}

/// Gives an entry of a folder this set, by an act of this modseq.
fn give(tx: &mut dyn Tx, (folder, uid): (i64, i64), of: &[usize], modseq: i64) -> Result<(), StoreError> {
    let sql = "UPDATE entries SET keywords = $3, modseq = $4 WHERE folder_id = $1 AND uid = $2";
    tx.execute(sql, &[folder.into(), uid.into(), slots(of), modseq.into()])?;
    tx.execute("UPDATE bals SET modseq = $1 WHERE id = 1", params![modseq]).map(drop)
}

async fn what_nobody_has_is_forgotten_whatever_is_written_meanwhile(s: TestStore) {
    write(&s, |tx| {
        accounts::insert_domain(tx, &Domain { id: 1, name: "a.test".into(), kind: "Production".into(), created: 5 })?;
        accounts::insert_bal(tx, &Bal::new(1, ("b@a.test", "b@a.test"), 1, "Per", 5))?;
        for folder in [10, 11] {
            let sql = "INSERT INTO folders (id, bal_id, name_sealed, name_tag, subscribed, uidvalidity, uidnext, modseq, created, messages, unseen, \
                       deleted, bytes) VALUES ($1, 1, $2, $2, 1, $1, 1, 1, 1, 0, 0, 0, 0)";
            tx.execute(sql, params![folder, [u8::try_from(folder).unwrap_or(0)].as_slice()])?;
            let sql = "INSERT INTO entries (folder_id, uid, bal_id, message_id, modseq, flags, keywords, internal_date, size) \
                       WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $2) \
                       SELECT CAST($1 AS BIGINT), i, 1, i, 2, 0, NULL, 3, 5 FROM n";
            tx.execute(sql, params![folder, ENTRIES])?;
        }
        let all: Vec<_> = (0..5).map(new).collect();
        assert!(keywords::fit(tx, 1, &all, 5)?);
        assert_eq!(keywords::find_or_add(tx, 1, &all, 5)?.map(|s| s.iter().count()), Some(5));
        // The first and the last entry that is looked at.
        give(tx, (11, 1), &[0], 3)?;
        give(tx, (10, ENTRIES), &[1], 4)
    })
    .await;

    let mut survey = write(&s, |tx| Ok(Survey::begin(tx, 1)?.unwrap())).await;
    let mut pages = 0;
    loop {
        let begun = survey.clone();
        let page = s.read::<_, StoreError, _>(move |tx| {
            let mut next = begun.clone();
            let more = next.go_on(tx)?;
            Ok((next, more))
        });
        let more;
        (survey, more) = page.await.unwrap();
        pages += 1;
        // Where it has been already, somebody gives a keyword that it met nowhere.
        if pages == 1 {
            write(&s, |tx| give(tx, (11, 2), &[2], 5)).await;
        }
        // What is not looked at to its end forgets nothing.
        let unfinished = survey.clone();
        if !more {
            break;
        }
        assert_eq!(write(&s, move |tx| unfinished.forget(tx)).await, 0);
    }
    assert!(pages >= 5, "{pages}");
    let gone = write(&s, move |tx| {
        // One goes and its slot is another keyword's before the survey ends.
        tx.execute("DELETE FROM keywords WHERE bal_id = 1 AND id = 4", &[])?;
        keywords::find_or_add(tx, 1, &[new(7)], 5)?;
        assert!(!keywords::fit(tx, 1, &[new(7), new(8)], 5)?);
        assert!(keywords::fit(tx, 1, &[new(7)], 1)?, "what is there needs no room");
        survey.forget(tx)
    })
    .await;
    let left = write(&s, |tx| Ok(keywords::list(tx, 1)?.iter().map(|k| k.id).collect::<Vec<_>>())).await;
    // The one of slot 3 went, and the one that was gone already is counted.
    assert_eq!((gone, left), (2, vec![0, 1, 2, 7]));
    let full = write(&s, |tx| keywords::find_or_add(tx, 1, &[new(8), new(9)], 5)).await;
    assert_eq!(full, None);
}
