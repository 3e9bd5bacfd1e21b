//! Rows of proofs of identity, the same on both engines.
use sceau_store::accounts::{self, Person, Token};
use sceau_store::attempts::{self, Attempt};
use sceau_store::bindings::{self, Binding};
use sceau_store::breached::{self, List};
use sceau_store::factors::{self, Factor};
use sceau_store::oauth::{self, Client, Code, Device, Grant, Issued};
use sceau_store::one_time_codes::{self, TRIES};
use sceau_store::recoveries::{self, Recovery};
use sceau_store::sso::{self, Provider};
use sceau_store::structures::{self, Structure};
use sceau_store::testing::TestStore;
use sceau_store::web_sessions::{self, Session};
use sceau_store::{Id, Store, StoreError, Tx, browsers, device_authorities, params, spent};

on_every_ground! {
    a_name_elsewhere_is_one_person,
    factors_are_one_of_a_kind_and_lose_their_secret,
    attempts_go_from_version_to_version,
    codes_take_few_answers,
    sessions_live_in_their_tokens,
    recoveries_are_one_at_a_time,
    clients_and_grants,
    refresh_tokens_go_from_generation_to_generation,
    devices_are_decided_once,
    sign_ins_of_structures,
    browsers_are_known_for_a_time,
    a_list_takes_the_place_of_another,
    what_is_over_goes,
}

type Result<T = ()> = std::result::Result<T, StoreError>;

pub async fn write<T: Send + 'static>(s: &Store, f: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static) -> T {
    s.write(f).await.unwrap()
}

/// Three people.
pub async fn people(s: &Store) {
    write(s, |tx| {
        for (id, login) in [(1, "camille"), (2, "dominique"), (3, "alix")] {
            accounts::insert_person(tx, &Person::new(id, login, login, 5))?;
        }
        Ok(())
    })
    .await;
}

pub fn factor(id: Id, person_id: Id, kind: &str) -> Factor {
    Factor {
        id,
        person_id,
        kind: kind.into(),
        label: "Clé d'étagère".into(),
        credential: (kind == "passkey").then(|| id.to_be_bytes().to_vec()),
        public: "{}".into(),
        sealed: (kind != "passkey").then(|| vec![0, 7]),
        counter: 0,
        enrolled: 10,
        enrolled_with: "card".into(),
        last_used: None,
        last_place: None,
        removed: None,
        version: 1,
    }
}

pub fn attempt(id: Id) -> Attempt {
    Attempt {
        id,
        digest: id.to_be_bytes().to_vec(),
        kind: "sign_in".into(),
        person_id: None,
        sealed: vec![1],
        at: 10,
        expires: 100,
        used: None,
        tries: 0,
        version: 1,
    }
}

pub fn code(id: Id, attempt_id: Id) -> one_time_codes::Code {
    one_time_codes::Code { id, person_id: 1, attempt_id, digest: vec![9], at: 10, expires: 100 }
}

pub fn grant(id: Id) -> Grant {
    let token = Token { scope: Some(3), ..Token::new(id, 1, (oauth::PURPOSE, "Logiciel"), &id.to_be_bytes(), 10) };
    Grant { token, client_id: "logiciel".into(), generation: 0, rotated: 10, until: 1_000 }
}

fn session(id: Id, person_id: Id) -> Session {
    Session {
        id,
        person_id,
        login: if person_id == 1 { "camille" } else { "dominique" }.into(),
        begun: 10,
        expires: 500,
        proof: "[]".into(),
        agent: "Firefox".into(),
        provider: Some("https://psc.example".into()),
        provider_sid: Some(vec![4]),
        seen: 10,
        last_place: Some("cabinet".into()),
    }
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

async fn sessions_live_in_their_tokens(s: TestStore) {
    people(&s).await;
    write(&s, |tx| {
        for (id, person) in [(1, 1), (2, 1), (3, 2)] {
            web_sessions::insert(tx, &session(id, person), &[id.to_be_bytes()[7]], "card")?;
        }
        assert_eq!(web_sessions::of_cookie(tx, &[1], 499)?, Some(session(1, 1)));
        assert_eq!(web_sessions::of_cookie(tx, &[1], 500)?, None, "its end");
        let token = accounts::token_by_id(tx, 1)?.unwrap();
        assert_eq!((token.purpose.as_str(), token.strength.as_str(), token.expires), ("web", "card", Some(500)));
        assert_eq!((token.last_used, token.last_place.as_deref()), (Some(10), Some("cabinet")));
        web_sessions::seen(tx, 1, 60, None)?;
        // More was proven: the cookie before is good for nothing.
        assert!(web_sessions::renew(tx, 1, (&[1], &[11]), "[1]", "card+passkey")?);
        assert!(!web_sessions::renew(tx, 1, (&[1], &[12]), "[2]", "card")?, "another was first");
        assert_eq!(web_sessions::of_cookie(tx, &[1], 70)?, None);
        let now = web_sessions::of_cookie(tx, &[11], 70)?.unwrap();
        let expected = Session { seen: 60, proof: "[1]".into(), ..session(1, 1) };
        assert_eq!(now, expected);
        assert_eq!(web_sessions::of_person(tx, 1, 70)?.iter().map(|s| s.id).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(web_sessions::of_provider(tx, "https://psc.example", &[4])?, [1, 2, 3]);
        assert!(web_sessions::of_provider(tx, "https://autre.example", &[4])?.is_empty());
        // A device's token is no session, whatever it is called by.
        accounts::insert_token(tx, &Token { expires: Some(500), ..Token::new(4, 1, ("device", "x"), &[4], 10) })?;
        assert_eq!(web_sessions::of_cookie(tx, &[4], 70)?, None);
        assert_eq!(web_sessions::end_others(tx, 1, Some(1), 80)?, [2]);
        assert_eq!(web_sessions::by_id(tx, 2, 81)?, None);
        assert!(!web_sessions::renew(tx, 2, (&[2], &[22]), "[]", "")?, "it was ended");
        assert_eq!(web_sessions::end_others(tx, 1, None, 80)?, [1]);
        assert!(accounts::token_by_id(tx, 4)?.is_some_and(|t| t.revoked.is_none()));
        assert_eq!(web_sessions::of_provider(tx, "https://psc.example", &[4])?, [3]);
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

async fn clients_and_grants(s: TestStore) {
    people(&s).await;
    let client = |id: &str| Client {
        id: id.into(),
        name: "Logiciel de cabinet".into(),
        kind: "native".into(),
        redirects: r#"["http://127.0.0.1/"]"#.into(),
        scopes: 7,
        secret: None,
        jwks: None,
        state: "active".into(),
        registered: "admin".into(),
        created: 10,
        version: 1,
    };
    let code = Code {
        digest: vec![1],
        grant_id: 20,
        client_id: "logiciel".into(),
        redirect: "http://127.0.0.1/".into(),
        challenge: "x".into(),
        expires: 100,
        used: None,
    };
    write(&s, move |tx| {
        assert!(oauth::insert_client(tx, &client("logiciel"))?);
        assert!(!oauth::insert_client(tx, &client("logiciel"))?);
        assert!(oauth::insert_client(tx, &client("autre"))?);
        let changed = Client { state: "blocked".into(), secret: Some(vec![3]), ..client("autre") };
        assert!(oauth::replace_client(tx, &changed)?);
        assert!(!oauth::replace_client(tx, &changed)?, "somebody changed it meanwhile");
        assert_eq!(oauth::client(tx, "autre")?, Some(Client { version: 2, ..changed }));
        assert_eq!(oauth::clients(tx, "autre", 10)?, [client("logiciel")]);
        // "logiciel" may ask for all of mail, and not to go on alone; who may all is blocked, or a server.
        for (id, kind, state) in [("bloque", "native", "blocked"), ("serveur", "confidential", "active")] {
            let all = Client { scopes: 15, kind: kind.into(), state: state.into(), ..client(id) };
            assert!(oauth::insert_client(tx, &all)?);
        }
        assert_eq!([oauth::program_may(tx, 7)?, oauth::program_may(tx, 15)?], [true, false]);
        oauth::insert_grant(tx, &grant(20))?;
        let kept = oauth::grant(tx, 20)?.unwrap();
        assert_eq!((kept.token.expires, kept.token.scope, kept.generation), (Some(1_000), Some(3), 0));
        oauth::insert_code(tx, &code)?;
        assert_eq!([oauth::spend_code(tx, &[2], 50)?, oauth::spend_code(tx, &[1], 100)?], [false; 2]);
        assert_eq!([oauth::spend_code(tx, &[1], 50)?, oauth::spend_code(tx, &[1], 50)?], [true, false]);
        // Whose code it was is still known: its grant ends when it comes again.
        assert_eq!(oauth::code(tx, &[1])?, Some(Code { used: Some(50), ..code.clone() }));
        let access =
            Issued { digest: vec![5], grant_id: 20, kind: "access".into(), generation: 1, expires: 90, used: None };
        oauth::insert_issued(tx, &access)?;
        oauth::insert_issued(tx, &Issued { digest: vec![6], kind: "refresh".into(), ..access.clone() })?;
        assert_eq!(oauth::access(tx, &[5], 89)?.map(|t| t.id), Some(20));
        assert_eq!([oauth::access(tx, &[5], 90)?, oauth::access(tx, &[6], 50)?], [None, None]);
        assert_eq!(oauth::issued(tx, "access", &[5])?, Some(access));
        assert_eq!(oauth::issued(tx, "access", &[6])?, None, "of another kind");
        oauth::shown(tx, &[6], 60)?;
        oauth::shown(tx, &[6], 61)?;
        assert_eq!(oauth::issued(tx, "refresh", &[6])?.and_then(|t| t.used), Some(60));
        assert_eq!([oauth::first_shown(tx, &[8], 70)?, oauth::first_shown(tx, &[8], 70)?], [true, false]);
        assert_eq!(oauth::grants_of_client(tx, "logiciel", (0, 50), 10)?, [20]);
        assert!(oauth::grants_of_client(tx, "logiciel", (20, 50), 10)?.is_empty());
        assert!(accounts::revoke_token(tx, 20, 70)?);
        assert_eq!(oauth::access(tx, &[5], 80)?, None, "it ends as every token does");
        assert!(oauth::grants_of_client(tx, "logiciel", (0, 50), 10)?.is_empty());
        Ok(())
    })
    .await;
}

async fn refresh_tokens_go_from_generation_to_generation(s: TestStore) {
    people(&s).await;
    write(&s, |tx| {
        oauth::insert_grant(tx, &grant(20))?;
        assert_eq!(oauth::rotate(tx, 20, 0, 50)?, Some(1));
        assert_eq!(oauth::rotate(tx, 20, 0, 51)?, None, "another was first");
        assert_eq!(oauth::grant(tx, 20)?.map(|g| (g.generation, g.rotated)), Some((1, 50)));
        assert_eq!(oauth::rotate(tx, 20, 1, 60)?, Some(2));
        assert_eq!(oauth::rotate(tx, 20, 2, 1_000)?, None, "its time is over");
        accounts::revoke_token(tx, 20, 70)?;
        assert_eq!(oauth::rotate(tx, 20, 2, 80)?, None, "it was revoked");
        assert_eq!(oauth::grant(tx, 20)?.map(|g| g.generation), Some(2));
        // A device's token is no grant.
        accounts::insert_token(tx, &Token::new(21, 1, ("device", "x"), &[21], 10))?;
        assert_eq!(oauth::grant(tx, 21)?, None);
        Ok(())
    })
    .await;
}

async fn devices_are_decided_once(s: TestStore) {
    let device = |n: u8| Device {
        digest: vec![n],
        user_code: format!("BCDF-{n}"),
        client_id: "logiciel".into(),
        scope: 1,
        state: "waiting".into(),
        grant_id: None,
        at: 10,
        expires: 100,
        polled: 0,
        every: 5,
        place: "cabinet".into(),
    };
    write(&s, move |tx| {
        for n in [1, 2, 3] {
            assert!(oauth::insert_device(tx, &device(n))?);
        }
        assert!(!oauth::insert_device(tx, &Device { digest: vec![9], ..device(1) })?, "its word is taken");
        assert_eq!(oauth::device_waiting(tx, "BCDF-1", 50)?, Some(device(1)));
        assert_eq!(oauth::device_waiting(tx, "BCDF-1", 100)?, None);
        assert!(oauth::polled(tx, &[1], (0, 20), 5)?);
        assert!(!oauth::polled(tx, &[1], (0, 21), 5)?, "another question came at the same time");
        assert!(oauth::polled(tx, &[1], (20, 22), 10)?);
        assert_eq!(oauth::spend_device(tx, &[1], 50)?, None, "nobody decided");
        assert!(oauth::decide_device(tx, "BCDF-1", Some(20), 50)?);
        assert!(!oauth::decide_device(tx, "BCDF-1", None, 51)?, "it was decided");
        assert_eq!(oauth::device_waiting(tx, "BCDF-1", 50)?, None);
        assert_eq!(oauth::spend_device(tx, &[1], 100)?, None, "its time is over");
        assert_eq!(oauth::spend_device(tx, &[1], 60)?, Some(20));
        assert_eq!(oauth::spend_device(tx, &[1], 60)?, None, "once");
        assert!(oauth::decide_device(tx, "BCDF-2", None, 50)?);
        assert_eq!(oauth::spend_device(tx, &[2], 60)?, None);
        assert_eq!(oauth::device(tx, &[2])?.map(|d| d.state), Some("refused".into()));
        assert!(!oauth::decide_device(tx, "BCDF-3", Some(21), 100)?, "its time is over");
        let asked = oauth::device(tx, &[1])?.unwrap();
        assert_eq!((asked.state.as_str(), asked.polled, asked.every), ("spent", 22, 10));
        Ok(())
    })
    .await;
}

async fn sign_ins_of_structures(s: TestStore) {
    let provider = |id: Id, structure_id: Id, name: &str| Provider {
        id,
        structure_id,
        name: name.into(),
        issuer: "https://sso.example".into(),
        client_id: "sceau".into(),
        secret: Some(vec![1]),
        assurance: "{}".into(),
        subject_claim: "sub".into(),
        state: "active".into(),
        version: 1,
        created: 5,
    };
    write(&s, move |tx| {
        for (id, code) in [(1, "nord"), (2, "sud")] {
            structures::insert(tx, &Structure { opening: "open".into(), ..Structure::new(id, code, code, 5) })?;
        }
        assert!(sso::insert(tx, &provider(10, 1, "Hôpital Nord"))?);
        assert!(!sso::insert(tx, &provider(11, 2, "Hôpital Nord"))?, "the name is taken");
        assert!(sso::insert(tx, &provider(12, 2, "Clinique Sud"))?);
        assert_eq!(sso::by_id(tx, 10)?, Some(provider(10, 1, "Hôpital Nord")));
        let names = |list: Vec<Provider>| list.into_iter().map(|p| p.name).collect::<Vec<_>>();
        assert_eq!(names(sso::in_force(tx)?), ["Clinique Sud", "Hôpital Nord"]);
        assert_eq!(names(sso::list(tx, None, 0, 10)?), ["Hôpital Nord", "Clinique Sud"]);
        assert_eq!(names(sso::list(tx, Some(2), 0, 10)?), ["Clinique Sud"]);
        assert_eq!(names(sso::list_within(tx, &[1], 0, 10)?), ["Hôpital Nord"]);
        let blocked = Provider { state: "blocked".into(), secret: None, ..provider(12, 2, "Clinique Sud") };
        assert!(sso::replace(tx, &blocked)?);
        assert!(!sso::replace(tx, &blocked)?, "somebody changed it meanwhile");
        assert_eq!(names(sso::in_force(tx)?), ["Hôpital Nord"]);
        tx.execute("UPDATE structures SET blocked = 5 WHERE id = 1", &[])?;
        assert_eq!(names(sso::in_force(tx)?), Vec::<String>::new());
        let authority = |id: Id| device_authorities::Authority {
            id,
            certificate: "PEM".into(),
            sealed_key: vec![1],
            fingerprint: "f".into(),
            not_after: 50,
            created: 5,
        };
        device_authorities::insert(tx, &authority(1))?;
        device_authorities::insert(tx, &authority(2))?;
        assert_eq!(device_authorities::list(tx)?, [authority(2), authority(1)]);
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

const DAY: i64 = 86_400_000;

/// One row of each kind; each goes in its time and not before.
async fn what_is_over_goes(s: TestStore) {
    people(&s).await;
    write(&s, |tx| {
        attempts::insert(tx, &attempt(1))?;
        one_time_codes::insert(tx, &code(1, 1))?;
        let code = Code {
            digest: vec![1],
            grant_id: 20,
            client_id: "logiciel".into(),
            redirect: String::new(),
            challenge: String::new(),
            expires: 100,
            used: None,
        };
        oauth::insert_code(tx, &code)?;
        oauth::insert_grant(tx, &grant(20))?;
        // Let in by somebody, or registered by somebody, a program stays.
        for (id, registered) in [("seul", "dynamic"), ("logiciel", "dynamic"), ("pose", "admin")] {
            let client = Client {
                id: id.into(),
                name: "Logiciel".into(),
                kind: "native".into(),
                redirects: "[]".into(),
                scopes: 7,
                secret: None,
                jwks: None,
                state: "active".into(),
                registered: registered.into(),
                created: 100,
                version: 1,
            };
            assert!(oauth::insert_client(tx, &client)?);
        }
        oauth::first_shown(tx, &[8], 100)?;
        let device = Device {
            digest: vec![1],
            user_code: "A".into(),
            client_id: "logiciel".into(),
            scope: 1,
            state: "waiting".into(),
            grant_id: None,
            at: 10,
            expires: 100,
            polled: 0,
            every: 5,
            place: String::new(),
        };
        oauth::insert_device(tx, &device)?;
        web_sessions::insert(tx, &Session { expires: 100, ..session(1, 1) }, &[1], "card")?;
        for (id, purpose) in [(2, "psc"), (3, "card"), (4, "device"), (5, "psc"), (6, "card")] {
            accounts::insert_token(tx, &Token::new(id, 1, (purpose, "x"), &[9, id.to_be_bytes()[7]], 100))?;
        }
        // Revoked, it refuses; used, it is kept.
        accounts::revoke_token(tx, 5, 100)?;
        accounts::touch_token(tx, 6, 100 + 300 * DAY, None)?;
        factors::insert(tx, &factor(1, 1, "totp"))?;
        factors::insert(tx, &factor(2, 1, "passkey"))?;
        factors::remove(tx, 1, 1, 100)?;
        browsers::know(tx, &[1], 1, 100)
    })
    .await;
    let mut before = 0;
    for (after, gone) in [(600_000, 1), (DAY, 3), (7 * DAY, 1), (30 * DAY, 2), (180 * DAY, 1), (365 * DAY, 3)] {
        let gone_at = |at: i64| write(&s, move |tx| spent::forget(tx, at, 500));
        assert_eq!(gone_at(100 + after).await, 0, "before {after} ms, after {before}");
        assert_eq!(gone_at(101 + after).await, gone, "{after} ms");
        before = after;
    }
    let left = write(&s, |tx| {
        let tokens = tx.query("SELECT id FROM tokens ORDER BY id", &[])?;
        let beside = tx.query("SELECT token_id FROM web_sessions", &[])?.len();
        let factors = factors::of_person(tx, 1)?.len();
        Ok((tokens.iter().map(|r| r.int(0)).collect::<Result<Vec<_>>>()?, beside, factors))
    })
    .await;
    assert_eq!(left, (vec![4, 5, 6, 20], 0, 1));
    let row = s.read(|tx| tx.query("SELECT 1 FROM factors WHERE id = $1", params![1])).await;
    assert_eq!(row.map_err(|e: StoreError| e).unwrap().len(), 0);
}
