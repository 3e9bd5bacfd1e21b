//! The written list of French questions (tests/french.md), through the index and through the scan.
#[path = "support/messages.rs"]
mod messages;
mod support;
use messages::messages;
use sceau_search::{Index, Query, TextRecord};
use std::collections::BTreeSet;
use support::{MEMORY, Memory, attachment, ids};

/// Question, ids, reason.
fn table() -> Vec<(String, BTreeSet<i64>)> {
    include_str!("french.md")
        .lines()
        .filter_map(|line| {
            let (question, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
            let found = rest.split(" |").next()?.trim();
            let found =
                if found == "-" { BTreeSet::new() } else { found.split(' ').map(|id| id.parse().unwrap()).collect() };
            Some((question.to_owned(), found))
        })
        .collect()
}

#[test]
fn every_question_finds_its_messages_and_no_other() {
    let (table, messages) = (table(), messages());
    assert!(table.len() >= 80 && messages.len() >= 30);
    let index = Index::open(Memory::default().shared()).unwrap();
    // In several segments.
    for batch in messages.chunks(9) {
        index.update(batch, &[], MEMORY).unwrap();
    }
    let mut wrong = Vec::new();
    for (question, expected) in &table {
        let query = Query::parse(question).unwrap();
        let indexed: BTreeSet<i64> = ids(&index, question).into_iter().collect();
        let scanned: BTreeSet<i64> = messages.iter().filter(|m| query.matches(m)).map(|m| m.message).collect();
        if indexed != *expected || scanned != *expected {
            wrong.push(format!("{question}\n  expected {expected:?}\n  index    {indexed:?}\n  scan     {scanned:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} questions:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[test]
fn the_record_survives_its_bytes() {
    for message in messages() {
        assert_eq!(TextRecord::from_bytes(&message.to_bytes()), Some(message));
    }
    assert_eq!(TextRecord::from_bytes(&[]), None);
    assert_eq!(TextRecord::from_bytes(&[9, 1, 2]), None);
}
