//! The index: replacement, removal, pages, merges, crashes, other nodes, damage.
mod support;
use sceau_search::{Files, Index, Query, SearchError, TextRecord};
use support::{MEMORY, Memory, ids, record};

fn update(index: &Index, add: &[TextRecord], remove: &[i64]) {
    index.update(add, remove, MEMORY).unwrap();
}

#[test]
fn adds_replaces_removes() {
    let files = Memory::default();
    let index = Index::open(files.shared()).unwrap();
    assert!(index.is_empty().unwrap());
    assert!(files.names().is_empty(), "opening writes nothing");
    assert_eq!(ids(&index, "bilan"), Vec::<i64>::new());
    update(&index, &[record(1, "bilan sanguin"), record(2, "bilan urinaire"), record(3, "courrier")], &[]);
    assert_eq!(ids(&index, "bilan"), [2, 1]);
    // Again, changed; within a batch the last counts.
    update(&index, &[record(1, "rien"), record(1, "bilan lipidique"), record(2, "radio")], &[3, 99]);
    assert_eq!(ids(&index, "bilan"), [1]);
    assert_eq!(ids(&index, "sanguin"), Vec::<i64>::new());
    assert_eq!(ids(&index, ""), [2, 1]);
    assert_eq!(index.len().unwrap(), 2);
    // The same batch again changes nothing that can be seen.
    update(&index, &[record(1, "bilan lipidique"), record(2, "radio")], &[3]);
    assert_eq!(ids(&index, ""), [2, 1]);
    assert_eq!(Index::open(files.shared()).unwrap().len().unwrap(), 2);
    update(&index, &[], &[1, 2]);
    assert!(index.is_empty().unwrap());
    assert_eq!(index.segments(), 0);
    let left: Vec<String> = files.names();
    assert_eq!(left, [".managed.json", "meta.json"], "nothing stays of messages that are gone");
}

#[test]
fn pages_are_stable_and_newest_first() {
    let index = Index::open(Memory::default().shared()).unwrap();
    // Dates repeat, and do not follow ids.
    let records: Vec<TextRecord> = (0..500).map(|i| TextRecord { date: (i * 37) % 50, ..record(i, "bilan") }).collect();
    for batch in records.chunks(100) {
        update(&index, batch, &[]);
    }
    let mut expected: Vec<(i64, i64)> = records.iter().map(|r| (r.date, r.message)).collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let query = Query::parse("bilan").unwrap();
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = index.search(&query, before, 33).unwrap();
        let Some(last) = page.last() else { break };
        before = Some((last.date, last.message));
        seen.extend(page.iter().map(|h| (h.date, h.message)));
    }
    assert_eq!(seen, expected);
    assert!(index.search(&query, None, 0).unwrap().is_empty());
}

#[test]
fn many_small_updates_stay_few_segments() {
    let files = Memory::default();
    let index = Index::open(files.shared()).unwrap();
    for i in 0..300 {
        update(&index, &[record(i, &format!("bilan numéro {i}"))], &[]);
        assert!(index.segments() <= 14, "{} segments", index.segments());
    }
    assert_eq!(ids(&index, "bilan").len(), 300);
    assert_eq!(ids(&index, "\"numero 123\""), [123]);
    let living = index.segments() * 6 + 2;
    assert!(files.names().len() <= living + index.segments(), "files of merged segments are removed");
    // Removing most of them makes small again.
    let before = files.bytes();
    update(&index, &[], &(0..290).collect::<Vec<i64>>());
    assert_eq!(ids(&index, "bilan").len(), 10);
    assert!(files.bytes() < before);
}

#[test]
fn a_crash_at_any_write_leaves_the_old_index_or_the_new() {
    let files = Memory::default();
    let index = Index::open(files.shared()).unwrap();
    update(&index, &[record(1, "bilan un"), record(2, "bilan deux"), record(3, "bilan trois")], &[]);
    drop(index);
    let mut survived = 0;
    for writes in 0..40 {
        let disk = files.copy();
        let index = Index::open(disk.shared()).unwrap();
        disk.fail_after(writes);
        let done = index.update(&[record(4, "bilan quatre"), record(1, "radio")], &[2], MEMORY).is_ok();
        drop(index);
        // The power is back.
        disk.fail_after(i64::MAX);
        let index = Index::open(disk.shared()).unwrap();
        let (old, new) = (vec![3, 2, 1], vec![4, 3]);
        let found = ids(&index, "bilan");
        assert!(found == new || !done && found == old, "after {writes} writes: {found:?}");
        // What was left behind is collected by the next update, whatever it does.
        update(&index, &[record(4, "bilan quatre"), record(1, "radio")], &[2]);
        assert_eq!(ids(&index, "bilan"), new);
        update(&index, &[], &[1, 3, 4]);
        assert_eq!(disk.names(), [".managed.json", "meta.json"], "after {writes} writes");
        survived += usize::from(done);
    }
    assert!((1..40).contains(&survived), "cuts before and after the end: {survived}");
}

#[test]
fn another_node_reads_on_while_one_writes() {
    let files = Memory::default();
    let (one, two) = (Index::open(files.shared()).unwrap(), Index::open(files.shared()).unwrap());
    update(&one, &[record(1, "bilan")], &[]);
    assert_eq!(ids(&two, "bilan"), Vec::<i64>::new());
    assert!(two.reload().unwrap());
    assert!(!two.reload().unwrap());
    assert_eq!(ids(&two, "bilan"), [1]);
    // It writes on from where the other was.
    update(&two, &[record(2, "bilan")], &[]);
    update(&one, &[record(3, "bilan")], &[]);
    assert_eq!(ids(&one, "bilan"), [3, 2, 1]);
    // Merged away under it: files of its segments are gone, and it finds the new ones by itself.
    for i in 4..40 {
        update(&one, &[record(i, "bilan")], &[]);
    }
    assert_eq!(ids(&two, "bilan").len(), 39);
}

#[test]
fn searches_go_on_during_updates() {
    let index = Index::open(Memory::default().shared()).unwrap();
    update(&index, &[record(0, "bilan")], &[]);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..300 {
                assert!(ids(&index, "bilan").contains(&0));
            }
        });
        for i in 1..40 {
            update(&index, &[record(i, "bilan")], &[]);
        }
        reader.join().unwrap();
    });
}

/// An index with removals, in several segments, of some variety.
fn damaged() -> Memory {
    let files = Memory::default();
    let index = Index::open(files.shared()).unwrap();
    for batch in 0..4i64 {
        let records: Vec<TextRecord> = (0..200)
            .map(|i| {
                let mut r =
                    record(batch * 200 + i, &format!("bilan lipidique numéro {i} du patient {}", i * 7919 % 997));
                r.subject = format!("objet {i}");
                r.from = vec![format!("medecin{i}@exemple.mssante.fr")];
                r
            })
            .collect();
        update(&index, &records, &[]);
    }
    update(&index, &[], &(0..800).step_by(9).collect::<Vec<i64>>());
    files
}

/// Everything that can be asked. Ok or an error; a panic fails the test.
fn exercise(files: &Memory) -> Result<usize, SearchError> {
    let index = Index::open(files.shared())?;
    let mut found = 0;
    for question in
        ["bilan", "\"bilan lipidique\"", "num*", "\"numero 12*\"", "-objet", "de:medecin7", "le:1970", "plus:1"]
    {
        found += index.search(&Query::parse(question).unwrap(), None, 50)?.len();
    }
    index.update(&[record(5, "nouveau bilan"), record(900, "bilan")], &[7, 300], MEMORY)?;
    found += ids(&index, "bilan").len();
    Ok(found)
}

#[test]
fn missing_and_cut_files_are_errors() {
    let files = damaged();
    let whole = exercise(&files.copy()).unwrap();
    let mut missed = 0;
    for name in files.names() {
        let gone = files.copy();
        gone.delete(&name).unwrap();
        let fails = exercise(&gone).is_err();
        // Without a list of files some garbage may stay; without meta.json there is no index: a new one begins.
        assert_eq!(fails, !matches!(name.as_str(), ".managed.json" | "meta.json"), "{name} gone");
        for part in [0, 1, 3, 8] {
            let cut = files.copy();
            let bytes = files.get(&name);
            cut.put(&name, bytes[..bytes.len() * part / 10].to_vec());
            match exercise(&cut) {
                Err(SearchError::Index(_)) => missed += 1,
                Err(e) => panic!("{name} cut: {e}"),
                Ok(found) => panic!("{name} cut to {part} tenths: {found} found of {whole}"),
            }
        }
    }
    assert!(missed > 50);
}

#[test]
fn altered_bytes_never_panic_and_verify_names_the_file() {
    let files = damaged();
    let index = Index::open(files.shared()).unwrap();
    assert_eq!(index.verify().unwrap(), Vec::<String>::new());
    let mut random = 0x2545_f491_4f6c_dd1du64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    for name in files.names() {
        for _ in 0..6 {
            let altered = files.copy();
            let mut bytes = files.get(&name);
            // Not the last bytes: the checksum and what surrounds it, where some bits mean nothing.
            let at = next(bytes.len().saturating_sub(130).max(1));
            bytes[at] ^= 1 << next(8);
            altered.put(&name, bytes.clone());
            // Sealed files cannot be altered unseen; should they be, the worst is a wrong answer or an error.
            let _ = exercise(&altered);
            let altered = files.copy();
            altered.put(&name, bytes);
            if !name.ends_with("json")
                && let Ok(index) = Index::open(altered.shared())
                && let Ok(bad) = index.verify()
            {
                assert_eq!(bad, std::slice::from_ref(&name), "bit flipped at {at}");
            }
        }
    }
}

#[test]
fn another_version_is_made_again() {
    let files = Memory::default();
    update(&Index::open(files.shared()).unwrap(), &[record(1, "bilan")], &[]);
    let meta = String::from_utf8(files.get("meta.json")).unwrap();
    files.put("meta.json", meta.replace("sceau-search ", "sceau-search 9").into_bytes());
    assert!(matches!(Index::open(files.shared()), Err(SearchError::Index(_))));
    files.put("meta.json", b"{".to_vec());
    assert!(matches!(Index::open(files.shared()), Err(SearchError::Index(_))));
}

#[test]
fn phrases_and_prefixes_are_found_far_behind_what_only_looks_like_them() {
    // Nearly every message has the words; few, and mostly old ones, have them in this order. Dates do not follow ids.
    let body = |i: i64| match i % 7 {
        0 => format!("compte rendu {}", i / 7),
        1 => format!("le rendu du compte cardiaque{i}"),
        2 if i < 700 => "bilan cardiologique du patient".to_owned(),
        2 => "bilan du patient cardiaque".to_owned(),
        _ => format!("patient du bilan, cardiologie {}", i % 3),
    };
    let records: Vec<TextRecord> =
        (0..2_100).map(|i| TextRecord { date: (i * 37) % 900, ..record(i, &body(i)) }).collect();
    let index = Index::open(Memory::default().shared()).unwrap();
    for batch in records.chunks(300) {
        update(&index, batch, &[]);
    }
    update(&index, &[], &[2, 9, 700]);
    let living: Vec<&TextRecord> = records.iter().filter(|r| ![2, 9, 700].contains(&r.message)).collect();
    for question in [
        "\"bilan cardio*\"",
        "\"bilan du patient\"",
        "\"compte rendu\"",
        "cardio*",
        "cardiaque12*",
        "car* -\"patient du bilan\"",
        "-\"bilan du\" -cardiologie",
        "\"compte rendu\" OU \"bilan cardiologique\"",
        "-(\"bilan du patient\" OU cardio*)",
        "\"patient cardiologique\"",
        "plus:1 \"rendu du compte\" avant:2000",
    ] {
        let query = Query::parse(question).unwrap();
        let mut expected: Vec<(i64, i64)> =
            living.iter().filter(|r| query.matches(r)).map(|r| (r.date, r.message)).collect();
        expected.sort_unstable_by(|a, b| b.cmp(a));
        let newest: Vec<(i64, i64)> =
            index.search(&query, None, 1).unwrap().iter().map(|h| (h.date, h.message)).collect();
        assert_eq!(newest[..], expected[..expected.len().min(1)], "{question}");
        for size in [50, 3_000] {
            let (mut before, mut found) = (None, Vec::new());
            loop {
                let page = index.search(&query, before, size).unwrap();
                let Some(last) = page.last() else { break };
                before = Some((last.date, last.message));
                found.extend(page.iter().map(|h| (h.date, h.message)));
            }
            assert_eq!(found, expected, "{question}");
        }
    }
}
