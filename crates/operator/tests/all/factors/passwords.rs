//! Passwords with a second means (F043, F046): codes of programs, codes by ordinary mail; lists of compromised passwords.
use super::{House, PASSWORD, browser, code, code_of, signed};
use sceau_domain::{RefusalCode, Role};
use sceau_identity::factor::Strength;
use sceau_operator::Door;
use sceau_operator::identity::sessions::Entered;
use sceau_operator::roles::NewRole;
use sceau_testkit::world::origin;

each_engine!(
    two_means_of_two_natures_open,
    strangers_hear_one_thing,
    a_step_counts_once_on_every_node,
    a_code_by_mail_counts_once_on_every_node,
    codes_by_mail_are_bounded,
    compromised_passwords_are_refused,
    another_password_ends_other_sessions,
    of_two_lists_at_once_one_is_in_force,
);

async fn two_means_of_two_natures_open(h: House) {
    let offer = h.password_and_totp("anne").await;
    let at = origin(Door::Web);
    // A program completes a password: without one there is nothing to complete.
    let other = h.session("bruno").await;
    assert_eq!(code(h.op().begin_totp_enrolment(&browser("x"), &other).await), RefusalCode::FactorClass);
    // The password alone opens nothing, and the code alone neither.
    assert!(matches!(h.password("a", "Anne", PASSWORD).await, Ok(Entered::Second)));
    let alone = h.op().totp_second(&browser("b"), &code_of(&offer, h.seconds()), &at).await;
    assert_eq!(code(alone), RefusalCode::FormOld);
    let seconds = h.op().seconds(&browser("a")).await.unwrap();
    assert!(seconds.totp && seconds.mail && !seconds.passkey);
    assert_eq!(code(h.op().totp_second(&browser("a"), "000000", &at).await), RefusalCode::FactorRefused);
    let entered = h.op().totp_second(&browser("a"), &code_of(&offer, h.seconds()), &at).await;
    let actor = h.inside(entered).await;
    assert_eq!((actor.proof.names().as_str(), actor.proof.strength()), ("password+totp", Strength::Strong));
    // What is kept of them tells nothing.
    let kept = h.w.store.read(|tx| tx.query("SELECT public, sealed FROM factors", &[])).await;
    let kept = format!("{:?}", kept.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}")));
    assert!(!kept.contains(PASSWORD) && !kept.contains(offer.shown.as_str()));
}

async fn strangers_hear_one_thing(h: House) {
    h.password_and_totp("anne").await;
    h.passkey("bruno").await;
    for (login, password) in [
        ("anne", "une autre phrase longue"),
        ("bruno", PASSWORD),
        ("personne", PASSWORD),
        ("", PASSWORD),
        ("é*b", ""),
        ("anne", ""),
        ("anne", &"x".repeat(100_000)),
    ] {
        assert_eq!(code(h.password("a", login, password).await), RefusalCode::LoginFailed, "{login}");
        assert_eq!(code(h.op().seconds(&browser("a")).await), RefusalCode::FormOld, "{login}");
    }
    let blocked = "UPDATE people SET disabled = 5 WHERE login = 'anne'";
    h.w.store
        .write(move |tx| tx.execute(blocked, &[]).map(drop))
        .await
        .unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
    assert_eq!(code(h.password("a", "anne", PASSWORD).await), RefusalCode::LoginFailed);
}

async fn a_step_counts_once_on_every_node(h: House) {
    let offer = h.password_and_totp("anne").await;
    let (other, at, now) = (h.w.restarted().await, origin(Door::Web), code_of(&offer, h.seconds()));
    for attempt in ["a", "b"] {
        assert!(matches!(h.password(attempt, "anne", PASSWORD).await, Ok(Entered::Second)));
    }
    let (a, b) = (browser("a"), browser("b"));
    let (one, two) = tokio::join!(h.op().totp_second(&a, &now, &at), other.totp_second(&b, &now, &at));
    assert!(matches!(one, Ok(Entered::In(_))) != matches!(two, Ok(Entered::In(_))), "{one:?} {two:?}");
    // The step before is spent with it.
    assert!(matches!(h.password("c", "anne", PASSWORD).await, Ok(Entered::Second)));
    for spent in [now, code_of(&offer, h.seconds() - 30)] {
        assert_eq!(code(h.op().totp_second(&browser("c"), &spent, &at).await), RefusalCode::FactorRefused);
    }
    // Ten wrong ones end the sign-in.
    for _ in 0..7 {
        assert_eq!(code(h.op().totp_second(&browser("c"), "", &at).await), RefusalCode::FactorRefused);
    }
    assert_eq!(code(h.op().totp_second(&browser("c"), "", &at).await), RefusalCode::FactorSpent);
    assert_eq!(code(h.op().totp_second(&browser("c"), "", &at).await), RefusalCode::FormOld);
}

/// The code in the last notice to an address.
async fn code_sent(h: &House, to: &str) -> String {
    h.sent().await;
    let (_, message) = h.relay.taken().into_iter().rfind(|(at, _)| at == to).expect("a notice");
    let digits = |w: &str| w.len() == 8 && w.bytes().all(|b| b.is_ascii_digit());
    message.split_whitespace().find(|w| digits(w)).unwrap_or_else(|| panic!("{message}")).to_owned()
}

async fn a_code_by_mail_counts_once_on_every_node(h: House) {
    let actor = h.session("anne").await;
    h.op().set_password(&actor, PASSWORD).await.unwrap();
    let (other, at) = (h.w.restarted().await, origin(Door::Web));
    // Nobody without the password has anything sent.
    assert_eq!(code(h.op().send_code(&browser("x"), &at).await), RefusalCode::FormOld);
    assert!(matches!(h.password("a", "anne", PASSWORD).await, Ok(Entered::Second)));
    h.op().send_code(&browser("a"), &at).await.unwrap();
    let sent = code_sent(&h, "anne@exemple.fr").await;
    let b = browser("a");
    // Another browser's sign-in has its own.
    assert!(matches!(h.password("b", "anne", PASSWORD).await, Ok(Entered::Second)));
    assert!(matches!(
        code(h.op().code_second(&browser("b"), &sent, &at).await),
        RefusalCode::FactorSpent | RefusalCode::FactorRefused
    ));
    let (one, two) = tokio::join!(h.op().code_second(&b, &sent, &at), other.code_second(&b, &sent, &at));
    assert!(matches!(one, Ok(Entered::In(_))) != matches!(two, Ok(Entered::In(_))), "{one:?} {two:?}");
    let entered = [one, two].into_iter().find(Result::is_ok).expect("one");
    assert_eq!(h.inside(entered).await.proof.names(), "password+mail_code");
}

async fn codes_by_mail_are_bounded(h: House) {
    let actor = h.session("anne").await;
    h.op().set_password(&actor, PASSWORD).await.unwrap();
    let at = origin(Door::Web);
    assert!(matches!(h.password("a", "anne", PASSWORD).await, Ok(Entered::Second)));
    h.op().send_code(&browser("a"), &at).await.unwrap();
    let first = code_sent(&h, "anne@exemple.fr").await;
    let wrong = if first == "00000000" { "00000001" } else { "00000000" };
    for _ in 0..4 {
        assert_eq!(code(h.op().code_second(&browser("a"), wrong, &at).await), RefusalCode::FactorRefused);
    }
    assert_eq!(code(h.op().code_second(&browser("a"), wrong, &at).await), RefusalCode::FactorSpent);
    assert_eq!(code(h.op().code_second(&browser("a"), &first, &at).await), RefusalCode::FactorSpent, "five tries");
    // Ten minutes, not more.
    assert!(matches!(h.password("b", "anne", PASSWORD).await, Ok(Entered::Second)));
    h.op().send_code(&browser("b"), &at).await.unwrap();
    let late = code_sent(&h, "anne@exemple.fr").await;
    h.w.store.clock.advance_ms(600_000);
    assert!(matches!(
        code(h.op().code_second(&browser("b"), &late, &at).await),
        RefusalCode::FormOld | RefusalCode::FactorSpent
    ));
    // Five an hour.
    for n in 0..3 {
        assert!(matches!(h.password("c", "anne", PASSWORD).await, Ok(Entered::Second)), "{n}");
        h.op().send_code(&browser("c"), &at).await.unwrap();
    }
    assert_eq!(code(h.op().send_code(&browser("c"), &at).await), RefusalCode::NoticeTooMany);
    // Never for whoever administers.
    let role = NewRole {
        login: "anne".into(),
        role: Role::Support,
        structure: None,
        body: None,
        function: Some("Assistance".into()),
        reason: "essai".into(),
    };
    h.op().grant_role(&h.w.admin, role).await.unwrap();
    h.w.store.clock.advance_ms(3_600_001);
    h.sent().await;
    h.relay.drain();
    assert!(matches!(h.password("d", "anne", PASSWORD).await, Ok(Entered::Second)));
    assert!(!h.op().seconds(&browser("d")).await.unwrap().mail);
    h.op().send_code(&browser("d"), &at).await.unwrap();
    h.sent().await;
    assert_eq!(h.relay.count("anne@exemple.fr"), 0);
}

async fn compromised_passwords_are_refused(h: House) {
    let actor = h.session("anne").await;
    assert_eq!(code(h.op().set_password(&actor, "Anne.Martin.2026").await), RefusalCode::PasswordGuessable);
    assert_eq!(code(h.op().set_password(&actor, "court").await), RefusalCode::PasswordShort);
    // Without a list the operator is told.
    h.op().set_password(&actor, PASSWORD).await.unwrap();
    let absent = || async {
        h.op()
            .alarms(&h.w.admin, false)
            .await
            .unwrap()
            .iter()
            .any(|a| a.code == "breached.absent" && a.cleared.is_none())
    };
    assert!(absent().await);
    assert_eq!(code(h.op().import_breached(&actor, "liste").await), RefusalCode::RightMissing);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, PASSWORD.as_bytes());
    let mut intake = h.op().import_breached(&h.w.admin, "liste d'essai").await.unwrap();
    for piece in [hex::encode_upper(digest.as_ref()), ":12\r\nrien\r\n".into()] {
        intake.push(piece.as_bytes()).await.unwrap();
    }
    let list = intake.finish().await.unwrap();
    assert_eq!((list.entries, list.skipped, list.source.as_str()), (1, 1, "liste d'essai"));
    assert!(!absent().await);
    assert_eq!(code(h.op().set_password(&actor, PASSWORD).await), RefusalCode::PasswordBreached);
    h.op().set_password(&actor, "velours-tambour-girafe").await.unwrap();
    // One with nothing in it takes nobody's place.
    let mut empty = h.op().import_breached(&h.w.admin, "vide").await.unwrap();
    empty.push(b"rien\n").await.unwrap();
    assert_eq!(code(empty.finish().await), RefusalCode::CsvEmpty);
    assert_eq!(code(h.op().set_password(&actor, PASSWORD).await), RefusalCode::PasswordBreached);
}

async fn another_password_ends_other_sessions(h: House) {
    let offer = h.password_and_totp("anne").await;
    assert!(matches!(h.password("a", "anne", PASSWORD).await, Ok(Entered::Second)));
    let elsewhere = signed(h.op().totp_second(&browser("a"), &code_of(&offer, h.seconds()), &origin(Door::Web)).await);
    let actor = h.session("anne").await;
    // Where it was given already, it counts no more either.
    assert!(matches!(h.password("c", "anne", PASSWORD).await, Ok(Entered::Second)));
    h.op().set_password(&actor, "velours-tambour-girafe").await.unwrap();
    assert_eq!(code(h.op().attempt("c").await), RefusalCode::FormOld);
    assert!(matches!(h.password("d", "anne", "velours-tambour-girafe").await, Ok(Entered::Second)));
    let dead = h.op().session_of(&elsewhere.cookie, &origin(Door::Web)).await;
    assert_eq!(code(dead), RefusalCode::LoginRequired);
    assert_eq!(code(h.password("b", "anne", PASSWORD).await), RefusalCode::LoginFailed);
    assert_eq!(h.kinds("anne").await.len(), 2);
    h.passkey("anne").await;
    let all = h.op().factors(&actor, None).await.unwrap();
    let password = all.iter().find(|f| f.kind == "password").expect("a password").id;
    h.op().remove_factor(&actor, password).await.unwrap();
    assert_eq!(code(h.op().attempt("d").await), RefusalCode::FormOld);
}

async fn of_two_lists_at_once_one_is_in_force(h: House) {
    let (actor, other) = (h.session("anne").await, h.w.restarted().await);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, PASSWORD.as_bytes());
    for round in 0..5 {
        let mut intakes = Vec::new();
        for (name, node, more) in [("une", h.op(), "0".repeat(40)), ("autre", &other, "F".repeat(40))] {
            let mut intake = node.import_breached(&h.w.admin, name).await.unwrap();
            intake.push(format!("{}\n{more}\n", hex::encode(digest.as_ref())).as_bytes()).await.unwrap();
            intakes.push(intake);
        }
        let [one, two]: [_; 2] = intakes.try_into().unwrap_or_else(|_| panic!("two"));
        let (one, two) = tokio::join!(one.finish(), two.finish());
        // Each was in force when its own import was told so; the second one is.
        for done in [&one, &two] {
            assert!(done.as_ref().is_ok_and(|list| list.entries == 2), "round {round}: {one:?} {two:?}");
        }
        let sql = "SELECT source FROM breached_lists WHERE state = 'force'";
        let rows = h.w.store.read(move |tx| tx.query(sql, &[])).await;
        let rows = rows.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
        assert_eq!(rows.len(), 1, "round {round}: {rows:?}");
        assert_eq!(code(h.op().set_password(&actor, PASSWORD).await), RefusalCode::PasswordBreached, "round {round}");
    }
}
