//! Counts that nodes tell each other, and places of tokens, the same on both engines.
use super::proofs::{people, write};
use sceau_store::accounts::{self, Token};
use sceau_store::rates::{self, Told};
use sceau_store::testing::TestStore;

on_both_engines! {
    counts_are_heard_whoever_told_them,
    journeys_are_of_one_device_or_of_a_persons_browsers,
}

async fn counts_are_heard_whoever_told_them(s: TestStore) {
    let told = |subject: &str, bucket, more| Told { what: "guess", subject: subject.into(), bucket, more, ends: 1_000 };
    let [one, other] = write(&s, move |tx| {
        for (node, told) in [
            (1, told("a", 5, 3)),
            (2, told("a", 5, 4)),
            (2, told("a", 4, 3)),
            (2, told("b", 5, 1)),
            (3, told("c", 5, 9)),
            (3, told("c", 3, 50)),
        ] {
            rates::tell(tx, node, &told)?;
        }
        rates::tell(tx, 2, &Told { what: "stuffing", ..told("a", 5, 70) })?;
        let heard = rates::told_most(tx, ("guess", 5), 2, 10)?;
        Ok([heard, rates::told_most(tx, ("guess", 5), 2, 1)?])
    })
    .await;
    // Neither what is too little, nor what is over.
    assert_eq!(one, [("a".to_owned(), 7, 3), ("c".to_owned(), 9, 0)]);
    assert_eq!(other, [("a".to_owned(), 7, 3)], "whoever did most");
}

async fn journeys_are_of_one_device_or_of_a_persons_browsers(s: TestStore) {
    people(&s).await;
    let found = write(&s, |tx| {
        for (id, person, purpose) in [(10, 1, "web"), (11, 1, "web"), (12, 1, "device"), (20, 2, "web")] {
            accounts::insert_token(tx, &Token::new(id, person, (purpose, "x"), &[id.to_be_bytes()[7]], 1))?;
        }
        for (token, place, at) in
            [(10, "geo:1,1", 100), (10, "Rouen", 100), (11, "geo:2,2", 200), (12, "geo:3,3", 300), (20, "geo:4,4", 400)]
        {
            rates::used_from(tx, token, place, at, 1_000)?;
        }
        let names = |places: Vec<rates::Place>| places.into_iter().map(|p| p.place).collect::<Vec<_>>();
        let mut found = Vec::new();
        for (token, since) in [(11, 50), (11, 150), (12, 50), (20, 50), (99, 50)] {
            found.push(names(rates::journeys(tx, token, "geo:", since)?));
        }
        Ok(found)
    })
    .await;
    let expected: [&[&str]; 5] = [&["geo:1,1", "geo:2,2"], &["geo:2,2"], &["geo:3,3"], &["geo:4,4"], &[]];
    assert_eq!(found, expected);
}
