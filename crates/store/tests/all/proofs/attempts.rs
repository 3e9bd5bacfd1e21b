//! How people are told apart and prove who they are: names elsewhere, what they enrolled, attempts and their codes, lost means.
use super::{Result, attempt, code, factor, people, write};
use sceau_store::attempts::{self, Attempt};
use sceau_store::bindings::{self, Binding};
use sceau_store::breached::{self, List};
use sceau_store::factors::{self, Factor};
use sceau_store::one_time_codes::{self, TRIES};
use sceau_store::recoveries::{self, Recovery};
use sceau_store::testing::TestStore;
use sceau_store::{Id, StoreError, browsers};

on_every_ground! {
    a_name_elsewhere_is_one_person,
    factors_are_one_of_a_kind_and_lose_their_secret,
    attempts_go_from_version_to_version,
    codes_take_few_answers,
    recoveries_are_one_at_a_time,
    browsers_are_known_for_a_time,
    a_list_takes_the_place_of_another,
}

async fn a_name_elsewhere_is_one_person(s: TestStore) {
    people(&s).await;
    let binding = |kind: &str, subject: u8, person_id: Id| Binding {
        kind: kind.into(),
        issuer: "ANS".into(),
        subject: vec![subject],
        person_id,
        bound: 10,
        how: "rpps".into(),
        seen: 10,
    };
    write(&s, move |tx| {
        assert!(bindings::insert(tx, &binding("card", 1, 1))?);
        assert!(!bindings::insert(tx, &binding("card", 1, 2))?, "somebody's already");
        assert!(bindings::insert(tx, &binding("psc", 1, 1))?);
        assert!(bindings::insert(tx, &binding("card", 2, 2))?);
        assert_eq!(bindings::find(tx, "card", "ANS", &[1])?, Some(binding("card", 1, 1)));
        assert_eq!(bindings::find(tx, "card", "autre", &[1])?, None);
        bindings::seen(tx, "card", "ANS", &[1], 20)?;
        bindings::seen(tx, "card", "ANS", &[1], 15)?;
        let of: Vec<(String, i64)> = bindings::of_person(tx, 1)?.into_iter().map(|b| (b.kind, b.seen)).collect();
        assert_eq!(of, [("card".to_owned(), 20), ("psc".to_owned(), 10)]);
        assert_eq!(bindings::remove(tx, 1, Some("psc"))?, 1);
        assert_eq!(bindings::remove(tx, 1, None)?, 1);
        assert_eq!(bindings::of_person(tx, 2)?.len(), 1);
        // The newest word counts; the same once more only says that it was seen.
        bindings::put(tx, &binding("psc", 3, 1))?;
        bindings::put(tx, &Binding { bound: 30, seen: 30, ..binding("psc", 3, 1) })?;
        assert_eq!(bindings::find(tx, "psc", "ANS", &[3])?, Some(Binding { seen: 30, ..binding("psc", 3, 1) }));
        let other = Binding { bound: 40, seen: 40, ..binding("psc", 3, 2) };
        bindings::put(tx, &other)?;
        assert_eq!(bindings::find(tx, "psc", "ANS", &[3])?, Some(other));
        assert!(bindings::of_person(tx, 1)?.is_empty());
        Ok(())
    })
    .await;
}

async fn factors_are_one_of_a_kind_and_lose_their_secret(s: TestStore) {
    people(&s).await;
    write(&s, |tx| {
        let all = [factor(1, 1, "passkey"), factor(2, 1, "passkey"), factor(3, 1, "totp"), factor(4, 2, "totp")];
        all.iter().try_for_each(|f| factors::insert(tx, f))
    })
    .await;
    for taken in
        [factor(9, 1, "totp"), Factor { credential: factor(1, 1, "passkey").credential, ..factor(9, 2, "passkey") }]
    {
        let taken = s.write(move |tx| factors::insert(tx, &taken)).await;
        assert!(matches!(taken, Err(StoreError::Exists(_))), "{taken:?}");
    }
    write(&s, |tx| {
        assert_eq!(factors::by_credential(tx, &1_i64.to_be_bytes())?, Some(factor(1, 1, "passkey")));
        assert_eq!(factors::of_kind(tx, 1, "totp")?.map(|f| f.id), Some(3));
        // A code counts once, and none before it.
        assert_eq!(
            [factors::step(tx, 3, 50)?, factors::step(tx, 3, 50)?, factors::step(tx, 3, 49)?],
            [true, false, false]
        );
        assert!(factors::step(tx, 3, 51)?);
        // Authenticators that do not count show 0 for ever; those that do, go on.
        assert_eq!([factors::count(tx, 1, 0)?, factors::count(tx, 1, 0)?, factors::count(tx, 1, 3)?], [true; 3]);
        assert_eq!([factors::count(tx, 1, 3)?, factors::count(tx, 1, 0)?, factors::count(tx, 1, 2)?], [false; 3]);
        factors::used(tx, 1, 70, Some("cabinet"))?;
        let mut changed = factors::by_id(tx, 1)?.unwrap();
        assert_eq!((changed.last_used, changed.last_place.as_deref(), changed.version), (Some(70), Some("cabinet"), 1));
        changed.label = "Clé du cabinet".into();
        assert!(factors::update(tx, &changed)?);
        assert!(!factors::update(tx, &changed)?, "somebody changed it meanwhile");
        assert!(!factors::remove(tx, 2, 3, 80)?, "another's");
        assert!(factors::remove(tx, 1, 3, 80)?);
        assert!(!factors::remove(tx, 1, 3, 81)?);
        let removed = factors::by_id(tx, 3)?.unwrap();
        assert_eq!((removed.removed, removed.sealed), (Some(80), None));
        assert!(!factors::step(tx, 3, 60)?, "it is gone");
        // Another one takes its place.
        factors::insert(tx, &factor(9, 1, "totp"))?;
        assert_eq!(factors::of_person(tx, 1)?.iter().map(|f| f.id).collect::<Vec<_>>(), [1, 2, 9]);
        assert_eq!(factors::remove_all(tx, 1, 90)?, 3);
        assert_eq!((factors::of_person(tx, 1)?.len(), factors::of_person(tx, 2)?.len()), (0, 1));
        assert_eq!(factors::by_credential(tx, &1_i64.to_be_bytes())?, None);
        assert_eq!(factors::handle(tx, 1, &[1])?, [1]);
        assert_eq!(factors::handle(tx, 1, &[2])?, [1], "one for ever");
        Ok(())
    })
    .await;
}

async fn attempts_go_from_version_to_version(s: TestStore) {
    write(&s, |tx| {
        let first = attempt(1);
        attempts::insert(tx, &first)?;
        attempts::insert(tx, &attempt(2))?;
        assert_eq!(attempts::of_browser(tx, &first.digest, 99)?, Some(first.clone()));
        assert_eq!(attempts::of_browser(tx, &first.digest, 100)?, None, "its time is over");
        assert_eq!(attempts::of_browser(tx, &[], 50)?, None);
        assert!(attempts::replace(tx, &Attempt { person_id: Some(7), sealed: vec![2], ..first.clone() })?);
        assert!(!attempts::replace(tx, &first)?, "of a version that is gone");
        let now = attempts::by_id(tx, 1, 50)?.unwrap();
        assert_eq!((now.person_id, now.sealed, now.version), (Some(7), vec![2], 2));
        assert_eq!([attempts::failed(tx, 1)?, attempts::failed(tx, 1)?, attempts::failed(tx, 9)?], [1, 2, 0]);
        assert!(!attempts::spend(tx, 1, 1, 60)?, "of a version that is gone");
        assert!(!attempts::spend(tx, 1, 2, 100)?, "its time is over");
        assert_eq!([attempts::spend(tx, 1, 2, 60)?, attempts::spend(tx, 1, 2, 60)?], [true, false]);
        assert_eq!(attempts::of_browser(tx, &first.digest, 61)?, None);
        assert!(!attempts::replace(tx, &Attempt { version: 2, ..first })?, "it was spent");
        assert!(attempts::replace(tx, &Attempt { person_id: Some(7), ..attempt(2) })?);
        assert_eq!(attempts::end_of_person(tx, 7, 70)?, 1);
        assert_eq!(attempts::by_id(tx, 2, 71)?, None);
        Ok(())
    })
    .await;
}

async fn codes_take_few_answers(s: TestStore) {
    write(&s, |tx| {
        one_time_codes::insert(tx, &code(1, 10))?;
        one_time_codes::insert(tx, &code(2, 20))?;
        for (attempt, digest, now) in [(10, 8_u8, 50), (11, 9, 50), (10, 9, 100)] {
            assert_eq!(one_time_codes::spend(tx, attempt, &[digest], now)?, None);
        }
        assert_eq!(one_time_codes::sent(tx, 1, 10, 50)?, (2, 2));
        assert_eq!(one_time_codes::sent(tx, 1, 11, 100)?, (0, 0));
        assert_eq!(one_time_codes::spend(tx, 10, &[9], 50)?, Some(1));
        assert_eq!(one_time_codes::spend(tx, 10, &[9], 50)?, None, "once");
        let left: Vec<i64> = (0..=TRIES).map(|_| one_time_codes::wrong(tx, 20, 50)).collect::<Result<_>>()?;
        assert_eq!(left, [4, 3, 2, 1, 0, 0]);
        assert_eq!(one_time_codes::spend(tx, 20, &[9], 50)?, None, "the right one comes too late");
        // Another one takes its place, with answers of its own.
        one_time_codes::insert(tx, &code(3, 20))?;
        assert_eq!(one_time_codes::wrong(tx, 20, 50)?, TRIES - 1);
        assert_eq!(one_time_codes::sent(tx, 1, 0, 50)?, (3, 1));
        one_time_codes::insert(tx, &one_time_codes::Code { digest: vec![7], ..code(4, 20) })?;
        assert_eq!(one_time_codes::spend(tx, 20, &[9], 50)?, None, "the one before");
        assert_eq!(one_time_codes::wrong(tx, 77, 50)?, 0);
        assert_eq!(one_time_codes::spend(tx, 20, &[7], 50)?, Some(1));
        Ok(())
    })
    .await;
}

async fn recoveries_are_one_at_a_time(s: TestStore) {
    people(&s).await;
    let asked = |id: Id, person_id: Id| Recovery {
        id,
        person_id,
        state: "asked".into(),
        checked: "carte d'identité, au guichet".into(),
        reason: "téléphone perdu".into(),
        asked: id,
        asked_by: 2,
        confirmed: None,
        confirmed_by: None,
        opens: None,
        ended: None,
        version: 1,
    };
    write(&s, move |tx| {
        assert!(recoveries::insert(tx, &asked(10, 1))?);
        assert!(!recoveries::insert(tx, &asked(11, 1))?, "one is under way");
        assert!(recoveries::insert(tx, &asked(12, 2))?);
        assert_eq!(recoveries::under_way(tx, 1)?, Some(asked(10, 1)));
        let (state, opens) = ("confirmed".to_owned(), Some(60));
        let confirmed = Recovery { state, confirmed: Some(50), confirmed_by: Some(3), opens, ..asked(10, 1) };
        assert!(recoveries::replace(tx, &confirmed)?);
        assert!(!recoveries::replace(tx, &asked(10, 1))?, "somebody changed it meanwhile");
        assert_eq!(recoveries::due(tx, 59, 10)?, []);
        assert_eq!(recoveries::due(tx, 60, 10)?, [Recovery { version: 2, ..confirmed.clone() }]);
        assert_eq!(recoveries::stale(tx, 12, 10)?.iter().map(|r| r.id).collect::<Vec<_>>(), [10]);
        let over = Recovery { state: "objected".into(), ended: Some(70), version: 2, ..confirmed };
        assert!(recoveries::replace(tx, &over)?);
        assert_eq!(recoveries::under_way(tx, 1)?, None);
        assert!(recoveries::insert(tx, &asked(13, 1))?, "it is over");
        let ids = |list: Vec<Recovery>| list.iter().map(|r| r.id).collect::<Vec<_>>();
        assert_eq!(ids(recoveries::list(tx, None, Id::MAX, 10)?), [13, 12, 10]);
        assert_eq!(ids(recoveries::list(tx, Some(1), 13, 10)?), [10]);
        assert_eq!(ids(recoveries::list_within(tx, (&[4], 2), Id::MAX, 10)?), [12]);
        Ok(())
    })
    .await;
}

async fn browsers_are_known_for_a_time(s: TestStore) {
    write(&s, |tx| {
        browsers::know(tx, &[1], 1, 10)?;
        browsers::know(tx, &[1], 1, 20)?;
        browsers::know(tx, &[2], 2, 10)?;
        let asked = [(&[1], 1, 20), (&[1], 1, 21), (&[1], 2, 0), (&[3], 1, 0)];
        let known = asked.map(|(digest, person, since)| browsers::is_known(tx, digest, person, since).unwrap());
        assert_eq!(known, [true, false, false, false]);
        assert_eq!(browsers::forget_of(tx, 1)?, 1);
        assert!(!browsers::is_known(tx, &[1], 1, 0)? && browsers::is_known(tx, &[2], 2, 0)?);
        Ok(())
    })
    .await;
}

fn list(generation: Id) -> List {
    List { generation, source: "liste".into(), entries: 0, changed: 10, imported_by: "chef".into() }
}

async fn a_list_takes_the_place_of_another(s: TestStore) {
    write(&s, |tx| {
        assert_eq!(breached::prefix(&[255; 20]), -1);
        assert_eq!((breached::holds(tx, 7)?, breached::in_force(tx)?), (None, None), "no list");
        breached::begin(tx, &list(1))?;
        let many: Vec<i64> = (0..1_200).collect();
        assert!(breached::add(tx, 1, &many, 11)?);
        assert!(breached::add(tx, 1, &[7, -1], 12)?);
        assert_eq!(breached::holds(tx, 7)?, None, "it is being written");
        assert!(breached::put_in_force(tx, 1, 13)?);
        assert_eq!(breached::in_force(tx)?, Some(List { entries: 1_201, changed: 13, ..list(1) }));
        assert_eq!([breached::holds(tx, 7)?, breached::holds(tx, -1)?], [Some(true); 2]);
        assert_eq!(breached::holds(tx, 5_000)?, Some(false));
        assert!(!breached::add(tx, 1, &[5_000], 14)?, "it is not being written any more");
        breached::begin(tx, &list(2))?;
        assert!(breached::add(tx, 2, &[5_000], 14)?);
        breached::begin(tx, &list(3))?;
        breached::give_up(tx, 3)?;
        assert!(!breached::put_in_force(tx, 3, 15)?, "it was given up");
        assert_eq!(breached::in_force(tx)?.map(|l| l.generation), Some(1), "what was in force stays");
        assert!(breached::put_in_force(tx, 2, 16)?);
        assert_eq!([breached::holds(tx, 7)?, breached::holds(tx, 5_000)?], [Some(false), Some(true)]);
        // The one before goes by and by, and what nobody goes on writing.
        breached::begin(tx, &list(4))?;
        let mut gone = Vec::new();
        while gone.last() != Some(&0) {
            gone.push(breached::forget(tx, 10, 1_000)?);
        }
        assert_eq!(gone, [1_000, 201, 1, 1, 0], "entries of the first, the first, the third");
        assert_eq!(breached::forget(tx, 11, 1_000)?, 1, "the fourth");
        assert_eq!([breached::holds(tx, 7)?, breached::holds(tx, 5_000)?], [Some(false), Some(true)]);
        Ok(())
    })
    .await;
}
