//! Rows of accounts, traces and alarms: the same on both engines.

use sceau_store::access::{self, NewAccess};
use sceau_store::accounts::{self, Bal, Domain, Person, Token};
use sceau_store::testing::TestStore;
use sceau_store::traces::{self, Filter, Kind, Trace};
use sceau_store::{Store, StoreError, Tx};
use sceau_store::{alarms, bals};

on_every_ground! {
    domains_people_and_bals,
    one_role_at_a_time,
    tokens_live_and_end,
    traces_are_found_by_what_they_say,
    alarms_are_counted_and_begin_anew,
}

type Result<T = ()> = std::result::Result<T, StoreError>;

async fn write<T: Send + 'static>(s: &Store, f: impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static) -> Result<T> {
    s.write(f).await
}

fn person(id: i64, login: &str) -> Person {
    let (name, national_id) = ("Camille Martin".to_owned(), (id == 1).then(|| "810000000001".to_owned()));
    Person { national_id, ..Person::new(id, login, &name, 5) }
}

fn bal(id: i64, address: &str, domain_id: i64) -> Bal {
    Bal {
        label: "Camille Martin".into(),
        test: id % 2 == 0,
        quota_bytes: 1 << 40,
        ..Bal::new(id, (&address.to_lowercase(), address), domain_id, "Per", 1_795_255_200_000)
    }
}

/// Two domains, three people, three BALs.
async fn world(s: &Store) {
    write(s, |tx| {
        for (id, name) in [(1, "sceau.example"), (2, "autre.example")] {
            accounts::insert_domain(tx, &Domain { id, name: name.into(), kind: "Production".into(), created: 5 })?;
        }
        for (id, login) in [(1, "camille"), (2, "dominique"), (3, "alix")] {
            accounts::insert_person(tx, &person(id, login))?;
        }
        accounts::insert_bal(tx, &bal(1, "Camille@sceau.example", 1))?;
        accounts::insert_bal(tx, &bal(2, "essai@sceau.example", 1))?;
        accounts::insert_bal(tx, &bal(3, "alix@autre.example", 2))
    })
    .await
    .unwrap();
}

async fn domains_people_and_bals(s: TestStore) {
    world(&s).await;
    write(&s, |tx| {
        let names: Vec<String> = accounts::domains(tx)?.into_iter().map(|d| d.name).collect();
        assert_eq!(names, ["autre.example", "sceau.example"]);
        assert_eq!(accounts::domain_by_name(tx, "sceau.example")?.map(|d| d.id), Some(1));
        assert_eq!(accounts::domain_by_name(tx, "SCEAU.example")?, None);
        assert_eq!(accounts::person_by_login(tx, "camille")?, Some(person(1, "camille")));
        assert_eq!(accounts::person_by_id(tx, 2)?, Some(person(2, "dominique")));
        let page: Vec<String> = accounts::people(tx, "alix", 1)?.into_iter().map(|p| p.login).collect();
        assert_eq!(page, ["camille"]);
        assert_eq!(accounts::bal_by_address(tx, "camille@sceau.example")?, Some(bal(1, "Camille@sceau.example", 1)));
        assert_eq!(accounts::bal_by_id(tx, 2)?.map(|b| b.test), Some(true));
        let ids = |bals: Vec<Bal>| bals.into_iter().map(|b| b.id).collect::<Vec<_>>();
        assert_eq!(ids(bals::list(tx, &bals::Filter::default(), "", 10)?), [3, 1, 2]);
        assert_eq!(
            ids(bals::list(tx, &bals::Filter { domain: Some(1), ..Default::default() }, "camille@sceau.example", 10)?),
            [2]
        );
        let changed = Person { name: "Dominique Petit".into(), ..person(2, "dominique") };
        assert!(accounts::update_person(tx, &changed)?);
        assert!(!accounts::update_person(tx, &changed)?, "somebody changed it meanwhile");
        assert_eq!(accounts::person_by_id(tx, 2)?.map(|p| (p.name, p.version)), Some(("Dominique Petit".into(), 2)));
        Ok(())
    })
    .await
    .unwrap();
    let taken = write(&s, |tx| accounts::insert_bal(tx, &bal(9, "CAMILLE@sceau.example", 1))).await;
    assert_eq!(taken, Err(StoreError::Exists("bals.address_key".into())));
    let homeless = write(&s, |tx| accounts::insert_bal(tx, &bal(9, "x@nulle.example", 77))).await;
    assert!(matches!(homeless, Err(StoreError::Invalid(_))), "{homeless:?}");
}

async fn one_role_at_a_time(s: TestStore) {
    world(&s).await;
    write(&s, |tx| {
        access::grant(tx, &NewAccess::now(1, 1, "holder", 7, 10, "chef"))?;
        access::grant(tx, &NewAccess::now(2, 1, "delegate", 7, 10, "chef"))?;
        access::grant(tx, &NewAccess::now(2, 3, "member", 7, 11, "chef"))
    })
    .await
    .unwrap();
    let twice = write(&s, |tx| access::grant(tx, &NewAccess::now(2, 1, "member", 7, 12, "chef"))).await;
    assert!(matches!(twice, Err(StoreError::Exists(_))), "{twice:?}");
    write(&s, |tx| {
        let logins: Vec<String> = access::of_bal(tx, 1)?.into_iter().map(|a| a.login).collect();
        assert_eq!(logins, ["camille", "dominique"]);
        assert_eq!(access::of_person(tx, 2)?.len(), 2);
        assert!(access::end(tx, 2, 1, 20, "chef")?);
        assert!(!access::end(tx, 2, 1, 21, "chef")?);
        assert_eq!(access::in_force(tx, 2, 1)?, None);
        // Anew, with another role; what was is kept.
        access::grant(tx, &NewAccess::now(2, 1, "member", 7, 30, "chef"))?;
        assert_eq!(access::in_force(tx, 2, 1)?.map(|a| (a.role, a.granted)), Some(("member".into(), 30)));
        Ok(())
    })
    .await
    .unwrap();
}

async fn tokens_live_and_end(s: TestStore) {
    world(&s).await;
    let digest = s.vault().tag("token", b"secret").to_vec();
    let token = |id: i64, digest: Vec<u8>| Token {
        bal_id: (id == 2).then_some(1),
        expires: Some(500),
        strength: "card".into(),
        scope: (id == 2).then_some(3),
        ..Token::new(id, 1, ("device", "téléphone"), &digest, 5)
    };
    let (one, two) = (token(1, digest.clone()), token(2, vec![2]));
    write(&s, move |tx| {
        accounts::insert_token(tx, &one)?;
        accounts::insert_token(tx, &two)?;
        assert_eq!(accounts::token_by_digest(tx, &one.digest)?.as_ref(), Some(&one));
        assert_eq!(accounts::token_by_digest(tx, b"")?, None);
        assert_eq!(accounts::tokens(tx, Some(1), 0, 10)?.len(), 2);
        assert_eq!(accounts::tokens(tx, None, 1, 10)?, std::slice::from_ref(&two));
        accounts::touch_token(tx, 1, 50, Some("Rouen"))?;
        assert!(accounts::revoke_token(tx, 1, 60)?);
        assert!(!accounts::revoke_token(tx, 1, 61)?);
        let after = accounts::token_by_id(tx, 1)?.map(|t| (t.last_used, t.revoked));
        assert_eq!(after, Some((Some(50), Some(60))));
        Ok(())
    })
    .await
    .unwrap();
    let again = token(3, digest);
    assert_eq!(
        write(&s, move |tx| accounts::insert_token(tx, &again)).await,
        Err(StoreError::Exists("tokens.digest".into()))
    );
}

async fn traces_are_found_by_what_they_say(s: TestStore) {
    let acts = ["mail", "mail.accepted", "mail.refused", "mail-box", "mailbox.opened", "login.ok"];
    write(&s, move |tx| {
        for (i, act) in (1_i64..).zip(acts) {
            let who = if i % 2 == 0 { "camille" } else { "system" };
            let trace = Trace {
                id: i * 10,
                kind: Kind::Functional,
                act: act.into(),
                at: i * 100,
                person_id: (i % 2 == 0).then_some(1),
                actor: who.into(),
                bal_id: None,
                bal: (i <= 3).then(|| "camille@sceau.example".to_owned()),
                remote: None,
                session: Some("s".into()),
                outcome: "ok".into(),
                data: r#"{"n":1}"#.into(),
            };
            traces::record(tx, &trace)?;
        }
        Ok(())
    })
    .await
    .unwrap();
    let found = async |f: Filter| -> Vec<i64> {
        let list: Result<Vec<Trace>> = s.read(move |tx| traces::list(tx, &Filter { limit: 4, ..f.clone() })).await;
        list.unwrap().iter().map(|t| t.id).collect()
    };
    assert_eq!(found(Filter::default()).await, [60, 50, 40, 30]);
    assert_eq!(found(Filter { after: Some(10), ..Filter::default() }).await, [20, 30, 40, 50]);
    assert_eq!(found(Filter { act: Some("mail".into()), ..Filter::default() }).await, [30, 20, 10]);
    assert_eq!(found(Filter { act: Some("mail.accepted".into()), ..Filter::default() }).await, [20]);
    assert_eq!(found(Filter { actor: Some("camille".into()), since: Some(300), ..Filter::default() }).await, [60, 40]);
    let of_bal =
        Filter { bal: Some("camille@sceau.example".into()), actor: Some("system".into()), ..Filter::default() };
    assert_eq!(found(of_bal).await, [30, 10]);
    let twice = write(&s, |tx| tx.execute("UPDATE traces SET kind = 'Other'", &[])).await;
    assert!(matches!(twice, Err(StoreError::Invalid(_))), "{twice:?}");
}

async fn alarms_are_counted_and_begin_anew(s: TestStore) {
    const CODE: &str = "white_list.fetch";
    let raise =
        async |at: i64| write(&s, move |tx| alarms::raise(tx, CODE, "list", "warning", "{}", at)).await.unwrap();
    assert!(raise(10).await);
    assert!(!raise(20).await);
    write(&s, |tx| {
        assert!(alarms::acknowledge(tx, CODE, "list", "camille", 25)?);
        assert!(!alarms::acknowledge(tx, CODE, "other", "camille", 25)?);
        assert!(alarms::list(tx, false, 10)?.is_empty());
        let alarm = alarms::list(tx, true, 10)?.remove(0);
        assert_eq!((alarm.first_at, alarm.last_at, alarm.count, alarm.acked_at), (10, 20, 2, Some(25)));
        assert!(alarms::clear(tx, CODE, "list", 30)?);
        assert!(!alarms::clear(tx, CODE, "list", 31)?);
        Ok(())
    })
    .await
    .unwrap();
    assert!(raise(40).await, "it comes back");
    let open = write(&s, |tx| alarms::list(tx, false, 10)).await.unwrap().remove(0);
    assert_eq!((open.first_at, open.count, &open.acked_by, open.cleared), (40, 1, &None, None));
    // What counts once stays as it is while it is open.
    let begin = async |subject: &'static str, at: i64| {
        write(&s, move |tx| alarms::begin(tx, CODE, subject, "critical", "{}", at)).await.unwrap()
    };
    assert!(!begin("list", 50).await);
    assert_eq!(write(&s, |tx| alarms::list(tx, false, 10)).await.unwrap(), [open]);
    assert!(begin("other", 50).await);
    let about =
        async |subjects: [&'static str; 2]| write(&s, move |tx| alarms::open_about(tx, CODE, subjects)).await.unwrap();
    assert_eq!((about(["list", "none"]).await, about(["none", "other"]).await), ([true, false], [false, true]));
    assert!(write(&s, |tx| alarms::clear(tx, CODE, "list", 60)).await.unwrap());
    assert_eq!(about(["list", "other"]).await, [false, true]);
    assert!(begin("list", 70).await, "it comes back");
}
