//! Passkeys: added, shown, refused (F041, F045).
use super::{Authenticator, House, browser, code, signed};
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::factor::{Need, Strength};
use sceau_operator::Door;
use sceau_operator::identity::sessions::Entered;
use sceau_testkit::world::origin;

each_engine!(
    opens_a_session_alone,
    a_challenge_counts_once,
    what_proves_nothing_is_refused,
    a_copied_key_is_an_alarm,
    a_step_up_is_the_same_persons,
    the_last_way_in_stays,
    nobody_adds_without_a_fresh_proof,
);

async fn shown(h: &House, key: &mut Authenticator, attempt: &str) -> Result<Entered, Refusal> {
    let b = browser(attempt);
    h.op().begin_passkey(&b, "/moyens", None).await.unwrap();
    let options = h.op().passkey_options(&b, false, None).await.unwrap();
    let answer = key.get(&options);
    h.op().passkey_sign_in(&b, answer.as_bytes(), &origin(Door::Web)).await
}

async fn opens_a_session_alone(h: House) {
    let mut key = h.passkey("anne").await;
    let entered = shown(&h, &mut key, "a").await;
    let actor = h.inside(entered).await;
    assert_eq!((actor.proof.names().as_str(), actor.proof.strength()), ("passkey", Strength::Strong));
    let listed = h.op().factors(&actor, None).await.unwrap();
    assert_eq!((listed.len(), listed[0].label.as_str(), listed[0].enrolled_with.as_str()), (1, "Téléphone", "card"));
    assert!(listed[0].last_used.is_some() && listed[0].synced == Some(false), "{listed:?}");
    // Who has no counter shows zero always.
    key.step = 0;
    key.count = 0;
    assert_eq!(code(shown(&h, &mut key, "b").await), RefusalCode::FactorRefused, "it counted before");
}

async fn a_challenge_counts_once(h: House) {
    let mut key = h.passkey("anne").await;
    let (b, at) = (browser("a"), origin(Door::Web));
    h.op().begin_passkey(&b, "/moyens", None).await.unwrap();
    let options = h.op().passkey_options(&b, false, None).await.unwrap();
    let answer = key.get(&options);
    // On two nodes at once: one session.
    let other = h.w.restarted().await;
    let (one, two) = tokio::join!(
        h.op().passkey_sign_in(&b, answer.as_bytes(), &at),
        other.passkey_sign_in(&b, answer.as_bytes(), &at)
    );
    let inside = [&one, &two].into_iter().filter(|e| matches!(e, Ok(Entered::In(_)))).count();
    assert_eq!(inside, 1, "{one:?} {two:?}");
    let again = h.op().passkey_sign_in(&b, answer.as_bytes(), &at).await;
    assert!(matches!(code(again), RefusalCode::FormOld));
    // In another browser it answers nothing.
    h.op().begin_passkey(&browser("b"), "/moyens", None).await.unwrap();
    let elsewhere = h.op().passkey_sign_in(&browser("b"), answer.as_bytes(), &at).await;
    assert_eq!(code(elsewhere), RefusalCode::FactorRefused);
}

async fn what_proves_nothing_is_refused(h: House) {
    let mut key = h.passkey("anne").await;
    for (spoil, name) in [
        ((|k| k.origin = "https://mss.alpha.fr.ailleurs.fr".into()) as fn(&mut Authenticator), "origin"),
        (|k| k.party = Some("ailleurs.fr".into()), "party"),
        (|k| k.verified = false, "not verified"),
    ] {
        let (origin, party, verified) = (key.origin.clone(), key.party.clone(), key.verified);
        spoil(&mut key);
        assert_eq!(code(shown(&h, &mut key, name).await), RefusalCode::FactorRefused, "{name}");
        (key.origin, key.party, key.verified) = (origin, party, verified);
    }
    let mut unknown = Authenticator::new();
    let answer = unknown
        .create(&serde_json::json!({ "user": { "id": "AAAA" }, "rp": { "id": "mss.alpha.fr" }, "challenge": "" }));
    assert!(!answer.is_empty());
    assert_eq!(code(shown(&h, &mut unknown, "unknown").await), RefusalCode::FactorRefused);
    for bad in ["", "{}", "null", &"[".repeat(100_000)] {
        h.op().begin_passkey(&browser("bad"), "/moyens", None).await.unwrap();
        let done = h.op().passkey_sign_in(&browser("bad"), bad.as_bytes(), &origin(Door::Web)).await;
        assert_eq!(code(done), RefusalCode::FactorRefused);
    }
    signed(shown(&h, &mut key, "good").await);
}

async fn a_copied_key_is_an_alarm(h: House) {
    let mut key = h.passkey("anne").await;
    signed(shown(&h, &mut key, "a").await);
    signed(shown(&h, &mut key, "b").await);
    key.count -= 1;
    key.step = 0;
    assert_eq!(code(shown(&h, &mut key, "c").await), RefusalCode::FactorRefused);
    let alarms = h.op().alarms(&h.w.admin, false).await.unwrap();
    assert!(alarms.iter().any(|a| a.code == "passkey.count"), "{alarms:?}");
}

async fn a_step_up_is_the_same_persons(h: House) {
    let (mut own, mut other) = (h.passkey("anne").await, h.passkey("bruno").await);
    let actor = h.session("anne").await;
    h.w.store.clock.advance_ms(11 * 60_000);
    assert_eq!(code(h.op().needs(&actor, Need::Fresh)), RefusalCode::AuthFresh);
    let (b, at) = (browser("pas"), origin(Door::Web));
    for (key, good) in [(&mut other, false), (&mut own, true)] {
        h.op().begin_passkey(&b, "/moyens", Some(&actor)).await.unwrap();
        let options = h.op().passkey_options(&b, false, None).await.unwrap();
        assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
        let answer = key.get(&options);
        let done = h.op().passkey_sign_in(&b, answer.as_bytes(), &at).await;
        if good {
            let fresh = h.inside(done).await;
            assert_eq!((fresh.credential, fresh.proof.names().as_str()), (actor.credential, "card+passkey"));
            assert!(h.op().needs(&fresh, Need::Fresh).is_ok());
        } else {
            assert_eq!(code(done), RefusalCode::FactorRefused);
        }
    }
}

async fn the_last_way_in_stays(h: House) {
    h.passkey("anne").await;
    h.password_and_totp("anne").await;
    let actor = h.session("anne").await;
    let all = h.op().factors(&actor, None).await.unwrap();
    let of = |kind: &str| all.iter().find(|f| f.kind == kind).expect("there").id;
    let other = h.session("bruno").await;
    assert_eq!(code(h.op().remove_factor(&other, of("passkey")).await), RefusalCode::NotFound);
    // Without the authenticator a password is completed by codes to anne's address; without the relay's address it would not be.
    let closed = "UPDATE people SET email_verified = NULL WHERE login = 'anne'";
    h.w.store
        .write(move |tx| tx.execute(closed, &[]).map(drop))
        .await
        .unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    h.op().remove_factor(&actor, of("passkey")).await.unwrap();
    for kind in ["totp", "password"] {
        assert_eq!(code(h.op().remove_factor(&actor, of(kind)).await), RefusalCode::FactorLast, "{kind}");
    }
    assert_eq!(code(h.op().remove_factor(&actor, of("passkey")).await), RefusalCode::NotFound);
    // Two removals at once leave one way.
    h.passkey("anne").await;
    let all = h.op().factors(&actor, None).await.unwrap();
    let of = |kind: &str| all.iter().find(|f| f.kind == kind).expect("there").id;
    let (one, two) =
        tokio::join!(h.op().remove_factor(&actor, of("passkey")), h.op().remove_factor(&actor, of("totp")));
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
}

async fn nobody_adds_without_a_fresh_proof(h: House) {
    let token = h.actor("anne").await;
    let b = browser("x");
    assert_eq!(code(h.op().begin_passkey_enrolment(&b, &token, "").await), RefusalCode::LoginRequired);
    assert_eq!(code(h.op().set_password(&token, super::PASSWORD).await), RefusalCode::LoginRequired);
    assert_eq!(code(h.op().remove_factor(&token, 1).await), RefusalCode::LoginRequired);
    let stale = h.session("anne").await;
    h.op().begin_passkey_enrolment(&b, &stale, "Clé").await.unwrap();
    let options = h.op().passkey_options(&b, true, Some(&stale)).await.unwrap();
    let answer = Authenticator::new().create(&options);
    // Begun by one session, it is not ended by another one.
    let other = h.session("bruno").await;
    assert_eq!(code(h.op().enrol_passkey(&b, &other, answer.as_bytes()).await), RefusalCode::FormOld);
    h.op().begin_passkey_enrolment(&b, &stale, "Clé").await.unwrap();
    h.w.store.clock.advance_ms(11 * 60_000);
    assert_eq!(code(h.op().enrol_passkey(&b, &stale, answer.as_bytes()).await), RefusalCode::AuthFresh);
    assert!(h.kinds("anne").await.is_empty());
}
