//! What a proof opens: sessions of browsers, programs that are let in, structures' sign-ins; and its end.
use super::{Result, attempt, code, factor, grant, people, session, write};
use sceau_store::accounts::{self, Token};
use sceau_store::oauth::{self, Client, Code, Device, Issued};
use sceau_store::sso::{self, Provider};
use sceau_store::structures::{self, Structure};
use sceau_store::testing::TestStore;
use sceau_store::web_sessions::{self, Session};
use sceau_store::{Id, StoreError, attempts, browsers, device_authorities, factors, one_time_codes, params, spent};

on_every_ground! {
    sessions_live_in_their_tokens,
    clients_and_grants,
    refresh_tokens_go_from_generation_to_generation,
    devices_are_decided_once,
    sign_ins_of_structures,
    what_is_over_goes,
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
