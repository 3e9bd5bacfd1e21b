//! First means behind an invitation (F007), and lost means replaced.
use super::{Authenticator, House, PASSWORD, browser, code, code_of, signed};
use sceau_domain::RefusalCode;
use sceau_operator::identity::enrol::Chosen;
use sceau_operator::identity::sessions::Entered;
use sceau_operator::{Door, Origin};
use sceau_store::StoreError;
use sceau_testkit::world::origin;

each_engine!(
    an_invitation_leads_to_two_natures,
    nobody_invites_alone,
    a_recovery_takes_two_and_a_delay,
    one_objection_ends_it,
    a_link_serves_once_on_every_node,
    whoever_wanted_it_does_not_get_the_link,
    two_people_are_two,
    a_link_that_nobody_used_ends_its_recovery,
    a_password_typed_before_its_recovery_counts_no_more,
);

fn web() -> Origin {
    origin(Door::Web)
}

async fn link(h: &House, to: &str, page: &str) -> String {
    h.sent().await;
    h.relay.secrets(to, page).pop().expect("a link")
}

async fn an_invitation_leads_to_two_natures(h: House) {
    let shown = h.op().invite(&h.w.admin, "anne").await.unwrap();
    assert_eq!((shown.login.as_str(), shown.address.as_str()), ("anne", "a…@exemple.fr"));
    let secret = link(&h, "anne@exemple.fr", "/acceder/").await;
    let (op, b) = (h.op(), browser("a"));
    let offer = op.look_at_enrol_link(&secret, &web()).await.unwrap();
    assert!(offer.login == "anne" && !offer.replaces);
    assert_eq!(code(op.enrol_form(&b, &secret, &web()).await), RefusalCode::FormOld);
    op.begin_enrol_link(&b, &secret, &web()).await.unwrap();
    let form = op.enrol_form(&b, &secret, &web()).await.unwrap();
    // A password without a code, or the other way round, is nothing.
    let chosen = |password, code| Chosen::Password(password, code);
    let right = code_of(&form.totp, h.seconds());
    let alone = op.enrol_by_link(&b, &secret, chosen(PASSWORD, ""), &web()).await;
    assert_eq!(code(alone), RefusalCode::FactorRefused);
    let alone = op.enrol_by_link(&b, &secret, chosen("", &right), &web()).await;
    assert_eq!(code(alone), RefusalCode::PasswordShort);
    assert!(h.kinds("anne").await.is_empty());
    let (told, own) = (h.relay.count("anne@exemple.fr"), "anne.martin@alpha.mssante.fr");
    assert!(h.w.inbox("anne", own).await.is_empty(), "nothing was done yet");
    op.enrol_by_link(&b, &secret, chosen(PASSWORD, &right), &web()).await.unwrap();
    assert_eq!(h.kinds("anne").await, ["totp", "password"]);
    // She is told on each of her channels: whoever used the link instead of her does not hide it.
    h.sent().await;
    assert_eq!(h.relay.count("anne@exemple.fr"), told + 1);
    let inside = h.w.inbox("anne", own).await;
    assert!(inside.len() == 1 && inside[0].contains("postmaster@alpha.mssante.fr"), "{inside:?}");
    assert!(h.w.inbox("anne", "exploitation@alpha.mssante.fr").await.is_empty(), "where others read, nothing");
    assert_eq!(code(op.look_at_enrol_link(&secret, &web()).await), RefusalCode::LinkInvalid);
    h.w.store.clock.advance_ms(30_000);
    assert!(matches!(h.password("b", "anne", PASSWORD).await, Ok(Entered::Second)));
    signed(op.totp_second(&browser("b"), &code_of(&form.totp, h.seconds()), &web()).await);
    // Whoever has means is not invited.
    assert_eq!(code(op.invite(&h.w.admin, "anne").await), RefusalCode::Exists);
}

async fn nobody_invites_alone(h: House) {
    let (op, admin) = (h.op(), &h.w.admin);
    assert_eq!(code(op.invite(admin, "root").await), RefusalCode::RecoveryOwn);
    assert_eq!(code(op.invite(admin, "personne").await), RefusalCode::NotFound);
    assert_eq!(code(op.invite(admin, "chloe").await), RefusalCode::TokenUnreachable);
    assert_eq!(code(op.invite(&h.actor("bruno").await, "anne").await), RefusalCode::RightMissing);
    let own = "UPDATE people SET email_set_by = (SELECT id FROM people WHERE login = 'root') WHERE login = 'bruno'";
    h.w.store.write(move |tx| tx.execute(own, &[]).map(drop)).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    assert_eq!(code(op.invite(admin, "bruno").await), RefusalCode::TokenSetter);
    assert_eq!(code(op.ask_recovery(admin, "bruno", ("vue", "perdu")).await), RefusalCode::TokenSetter);
    // The link is worth what its sender still may.
    op.invite(&h.actor("seconde").await, "anne").await.unwrap();
    let secret = link(&h, "anne@exemple.fr", "/acceder/").await;
    op.look_at_enrol_link(&secret, &web()).await.unwrap();
    let gone = "UPDATE people SET disabled = 5 WHERE login = 'seconde'";
    h.w.store.write(move |tx| tx.execute(gone, &[]).map(drop)).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    assert_eq!(code(op.look_at_enrol_link(&secret, &web()).await), RefusalCode::LinkInvalid);
    // Five a day.
    for _ in 0..4 {
        op.invite(admin, "anne").await.unwrap();
    }
    assert_eq!(code(op.invite(admin, "anne").await), RefusalCode::NoticeTooMany);
}

async fn a_recovery_takes_two_and_a_delay(h: House) {
    let offer = h.password_and_totp("anne").await;
    assert!(matches!(h.password("a", "anne", PASSWORD).await, Ok(Entered::Second)));
    let before = signed(h.op().totp_second(&browser("a"), &code_of(&offer, h.seconds()), &web()).await);
    let (op, admin, second) = (h.op(), &h.w.admin, h.actor("seconde").await);
    assert_eq!(code(op.ask_recovery(&second, "seconde", ("vue", "perdu")).await), RefusalCode::RecoveryOwn);
    let asked = op.ask_recovery(admin, "anne", ("Carte d'identité vue", "Téléphone perdu")).await.unwrap();
    assert_eq!((asked.state.as_str(), asked.asked_by.as_str()), ("asked", "root"));
    assert_eq!(code(op.ask_recovery(&second, "anne", ("vue", "perdu")).await), RefusalCode::RecoveryWaiting);
    assert_eq!(code(op.confirm_recovery(admin, asked.id).await), RefusalCode::RecoveryOwn);
    assert_eq!(code(op.confirm_recovery(&h.actor("anne").await, asked.id).await), RefusalCode::RightMissing);
    let confirmed = op.confirm_recovery(&second, asked.id).await.unwrap();
    assert_eq!((confirmed.state.as_str(), confirmed.confirmed_by.as_deref()), ("confirmed", Some("seconde")));
    assert_eq!(code(op.confirm_recovery(&second, asked.id).await), RefusalCode::EditConflict);
    // The person is told: outside, and in her own BAL, not in those where others read.
    h.sent().await;
    assert_eq!(h.relay.secrets("anne@exemple.fr", "/opposition/").len(), 1);
    let inside = h.w.folder("anne", "anne.martin@alpha.mssante.fr", "INBOX").await;
    assert!(inside.iter().any(|m| m.contains("/opposition/")), "{inside:?}");
    assert!(h.w.folder("anne", "exploitation@alpha.mssante.fr", "INBOX").await.is_empty());
    assert_eq!(op.own_recovery(&h.actor("anne").await).await.unwrap().map(|r| r.id), Some(asked.id));
    // Nothing before the delay is over.
    h.w.store.clock.advance_ms(24 * 3_600_000 - 1);
    op.housekeeping().await.unwrap();
    h.sent().await;
    assert!(h.relay.secrets("anne@exemple.fr", "/acceder/").is_empty());
    h.w.store.clock.advance_ms(1);
    op.housekeeping().await.unwrap();
    let secret = link(&h, "anne@exemple.fr", "/acceder/").await;
    assert!(op.look_at_enrol_link(&secret, &web()).await.unwrap().replaces);
    let b = browser("r");
    op.begin_enrol_link(&b, &secret, &web()).await.unwrap();
    let form = op.enrol_form(&b, &secret, &web()).await.unwrap();
    let mut key = Authenticator::new();
    let answer = key.create(&form.options);
    let told = h.relay.count("anne@exemple.fr");
    let inside = h.w.inbox("anne", "anne.martin@alpha.mssante.fr").await.len();
    op.enrol_by_link(&b, &secret, Chosen::Passkey(answer.as_bytes()), &web()).await.unwrap();
    assert_eq!(h.w.inbox("anne", "anne.martin@alpha.mssante.fr").await.len(), inside + 1, "told there too");
    // What was before is gone, with all that it opened.
    assert_eq!(h.kinds("anne").await, ["passkey"]);
    assert_eq!(code(op.session_of(&before.cookie, &web()).await), RefusalCode::LoginRequired);
    assert_eq!(code(h.password("n", "anne", PASSWORD).await), RefusalCode::LoginFailed);
    h.sent().await;
    assert_eq!(h.relay.count("anne@exemple.fr"), told + 1, "she is told that it is done");
    let all = op.recoveries(admin, i64::MAX, 10).await.unwrap();
    assert_eq!(all.iter().map(|r| r.state.as_str()).collect::<Vec<_>>(), ["done"]);
    // Of one person, for whoever may see hers.
    assert_eq!(op.recoveries_of(admin, "anne", 10).await.unwrap(), all);
    assert!(op.recoveries_of(admin, "bruno", 10).await.unwrap().is_empty());
    assert_eq!(code(op.recoveries_of(&h.actor("bruno").await, "anne", 10).await), RefusalCode::RightMissing);
}

async fn one_objection_ends_it(h: House) {
    h.password_and_totp("anne").await;
    let (op, admin, second) = (h.op(), &h.w.admin, h.actor("seconde").await);
    let alarmed =
        || async { op.alarms(admin, false).await.unwrap().iter().filter(|a| a.code == "recovery.objected").count() };
    // By the link.
    let one = op.ask_recovery(admin, "anne", ("vue", "perdu")).await.unwrap().id;
    op.confirm_recovery(&second, one).await.unwrap();
    let secret = link(&h, "anne@exemple.fr", "/opposition/").await;
    assert_eq!(op.look_at_objection(&secret).await.unwrap(), "anne");
    op.object_to_recovery(&secret, &web()).await.unwrap();
    assert_eq!(code(op.object_to_recovery(&secret, &web()).await), RefusalCode::LinkInvalid);
    assert_eq!(alarmed().await, 1);
    h.w.store.clock.advance_ms(25 * 3_600_000);
    op.housekeeping().await.unwrap();
    h.sent().await;
    assert!(h.relay.secrets("anne@exemple.fr", "/acceder/").is_empty());
    assert_eq!(h.kinds("anne").await.len(), 2);
    // Signed in, even when the link for new means is out already.
    let two = op.ask_recovery(admin, "anne", ("vue", "perdu")).await.unwrap().id;
    op.confirm_recovery(&second, two).await.unwrap();
    h.w.store.clock.advance_ms(25 * 3_600_000);
    op.housekeeping().await.unwrap();
    let secret = link(&h, "anne@exemple.fr", "/acceder/").await;
    let own = h.session("anne").await;
    assert_eq!(op.stop_recovery(&own, two).await.unwrap().state, "objected");
    assert_eq!(code(op.look_at_enrol_link(&secret, &web()).await), RefusalCode::LinkInvalid);
    // Withdrawn by those who asked: no alarm. And nobody stops another's without a right.
    let three = op.ask_recovery(admin, "anne", ("vue", "perdu")).await.unwrap().id;
    assert_eq!(code(op.stop_recovery(&h.actor("bruno").await, three).await), RefusalCode::RightMissing);
    assert_eq!(op.stop_recovery(&second, three).await.unwrap().state, "withdrawn");
    assert_eq!(code(op.stop_recovery(&second, three).await), RefusalCode::EditConflict);
    assert_eq!(alarmed().await, 1, "one alarm, counted twice");
}

async fn a_link_serves_once_on_every_node(h: House) {
    let (op, other) = (h.op(), h.w.restarted().await);
    op.invite(&h.w.admin, "anne").await.unwrap();
    let secret = link(&h, "anne@exemple.fr", "/acceder/").await;
    let (a, b, at) = (browser("a"), browser("b"), web());
    let mut answers = Vec::new();
    for (node, browser) in [(op, &a), (&other, &b)] {
        node.begin_enrol_link(browser, &secret, &at).await.unwrap();
        let form = node.enrol_form(browser, &secret, &at).await.unwrap();
        answers.push(Authenticator::new().create(&form.options));
    }
    // What one browser was asked is not answered by another.
    let swapped = op.enrol_by_link(&a, &secret, Chosen::Passkey(answers[1].as_bytes()), &at).await;
    assert_eq!(code(swapped), RefusalCode::FactorRefused);
    op.begin_enrol_link(&a, &secret, &at).await.unwrap();
    let form = op.enrol_form(&a, &secret, &at).await.unwrap();
    let again = Authenticator::new().create(&form.options);
    let (one, two) = tokio::join!(
        op.enrol_by_link(&a, &secret, Chosen::Passkey(again.as_bytes()), &at),
        other.enrol_by_link(&b, &secret, Chosen::Passkey(answers[1].as_bytes()), &at),
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    assert_eq!(h.kinds("anne").await, ["passkey"]);
}

/// Types another ordinary address in for somebody, and confirms it as if he read mail there.
async fn retyped(h: &House, by: &str, login: &str) {
    let sql = format!(
        "UPDATE people SET email = 'autre@exemple.fr', email_set_by = (SELECT id FROM people WHERE login = '{by}') WHERE login = '{login}'"
    );
    h.w.store.write(move |tx| tx.execute(&sql, &[]).map(drop)).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
}

async fn whoever_wanted_it_does_not_get_the_link(h: House) {
    h.password_and_totp("anne").await;
    h.password_and_totp("bruno").await;
    let (op, admin, second) = (h.op(), &h.w.admin, h.actor("seconde").await);
    // Typed in between the request and its confirmation.
    let one = op.ask_recovery(admin, "anne", ("vue", "perdu")).await.unwrap().id;
    retyped(&h, "root", "anne").await;
    assert_eq!(code(op.confirm_recovery(&second, one).await), RefusalCode::TokenSetter);
    // Behind the confirmation, by either: nothing is sent, and it is over.
    for by in ["root", "seconde"] {
        retyped(&h, "autre", "bruno").await;
        let id = op.ask_recovery(admin, "bruno", ("vue", "perdu")).await.unwrap().id;
        op.confirm_recovery(&second, id).await.unwrap();
        retyped(&h, by, "bruno").await;
        h.sent().await;
        h.relay.drain();
        h.w.store.clock.advance_ms(24 * 3_600_000);
        op.housekeeping().await.unwrap();
        h.sent().await;
        assert!(h.relay.secrets("autre@exemple.fr", "/acceder/").is_empty(), "{by}");
        let all = op.recoveries(admin, i64::MAX, 10).await.unwrap();
        assert_eq!(all.iter().find(|r| r.id == id).unwrap().state, "withdrawn", "{by}");
    }
    // Once the link is out, a block of who wanted it ends it.
    retyped(&h, "autre", "bruno").await;
    let id = op.ask_recovery(admin, "bruno", ("vue", "perdu")).await.unwrap().id;
    op.confirm_recovery(&second, id).await.unwrap();
    h.w.store.clock.advance_ms(24 * 3_600_000);
    op.housekeeping().await.unwrap();
    let secret = link(&h, "autre@exemple.fr", "/acceder/").await;
    op.look_at_enrol_link(&secret, &web()).await.unwrap();
    let gone = "UPDATE people SET disabled = 5 WHERE login = 'seconde'";
    h.w.store.write(move |tx| tx.execute(gone, &[]).map(drop)).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    assert_eq!(code(op.look_at_enrol_link(&secret, &web()).await), RefusalCode::LinkInvalid);
    assert_eq!(h.kinds("bruno").await.len(), 2);
}

async fn two_people_are_two(h: House) {
    h.password_and_totp("anne").await;
    let (op, admin) = (h.op(), &h.w.admin);
    // A token of the second administrator that the first one was shown: behind it stand both.
    let (token, _) = op.create_api_token(admin, "seconde", "essai", None).await.unwrap();
    let shown = sceau_operator::Actor { credential: Some(token.id), ..h.actor("seconde").await };
    assert_eq!(code(op.ask_recovery(&shown, "anne", ("vue", "perdu")).await), RefusalCode::RecoveryOwn);
    let id = op.ask_recovery(admin, "anne", ("vue", "perdu")).await.unwrap().id;
    assert_eq!(code(op.confirm_recovery(&shown, id).await), RefusalCode::RecoveryOwn);
    op.confirm_recovery(&h.actor("seconde").await, id).await.unwrap();
}

async fn a_link_that_nobody_used_ends_its_recovery(h: House) {
    h.password_and_totp("anne").await;
    let (op, admin, second) = (h.op(), &h.w.admin, h.actor("seconde").await);
    let id = op.ask_recovery(admin, "anne", ("vue", "perdu")).await.unwrap().id;
    op.confirm_recovery(&second, id).await.unwrap();
    h.w.store.clock.advance_ms(24 * 3_600_000);
    op.housekeeping().await.unwrap();
    let secret = link(&h, "anne@exemple.fr", "/acceder/").await;
    let state = async || {
        let all = op.recoveries(admin, i64::MAX, 10).await.unwrap();
        all.into_iter().find(|r| r.id == id).map(|r| (r.state, r.ended.is_some())).unwrap()
    };
    // As long as the link is good it waits, and nobody asks for a second one.
    h.w.store.clock.advance_ms(48 * 3_600_000 - 1);
    op.housekeeping().await.unwrap();
    assert_eq!(state().await, ("open".to_owned(), false));
    op.look_at_enrol_link(&secret, &web()).await.unwrap();
    assert_eq!(code(op.ask_recovery(admin, "anne", ("vue", "perdu")).await), RefusalCode::RecoveryWaiting);
    h.w.store.clock.advance_ms(1);
    // Two nodes look at once: it ends once.
    let other = h.w.restarted().await;
    let _ = tokio::join!(op.housekeeping(), other.housekeeping());
    op.housekeeping().await.unwrap();
    assert_eq!(state().await, ("expired".to_owned(), true));
    let ended = h.w.traces("recovery.expired").await;
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!(code(op.look_at_enrol_link(&secret, &web()).await), RefusalCode::LinkInvalid);
    assert_eq!(h.kinds("anne").await.len(), 2, "what there was stays");
    assert_eq!(op.ask_recovery(admin, "anne", ("vue", "perdu")).await.unwrap().state, "asked");
}

async fn a_password_typed_before_its_recovery_counts_no_more(h: House) {
    h.password_and_totp("anne").await;
    let (op, admin, second, b) = (h.op(), &h.w.admin, h.actor("seconde").await, browser("r"));
    let id = op.ask_recovery(admin, "anne", ("vue", "perdu")).await.unwrap().id;
    op.confirm_recovery(&second, id).await.unwrap();
    h.w.store.clock.advance_ms(24 * 3_600_000);
    op.housekeeping().await.unwrap();
    let secret = link(&h, "anne@exemple.fr", "/acceder/").await;
    // Somebody who knows the lost one has typed it, and waits for what comes next.
    assert!(matches!(h.password("avant", "anne", PASSWORD).await, Ok(Entered::Second)));
    op.begin_enrol_link(&b, &secret, &web()).await.unwrap();
    let form = op.enrol_form(&b, &secret, &web()).await.unwrap();
    const NEW: &str = "velours-tambour-girafe";
    let first = code_of(&form.totp, h.seconds());
    op.enrol_by_link(&b, &secret, Chosen::Password(NEW, &first), &web()).await.unwrap();
    h.w.store.clock.advance_ms(30_000);
    let before = browser("avant");
    assert_eq!(code(op.seconds(&before).await), RefusalCode::FormOld);
    let shown = code_of(&form.totp, h.seconds());
    assert_eq!(code(op.totp_second(&before, &shown, &web()).await), RefusalCode::FormOld);
    // Its sign-in may be written down only after the recovery, for a password takes its time: it is not ended by it then.
    let revived = "UPDATE attempts SET used = NULL WHERE person_id = (SELECT id FROM people WHERE login = 'anne')";
    h.w.store.write(move |tx| tx.execute(revived, &[]).map(drop)).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    assert!(op.seconds(&before).await.unwrap().totp);
    assert_eq!(code(op.totp_second(&before, &shown, &web()).await), RefusalCode::FormOld);
    assert_eq!(code(h.password("encore", "anne", PASSWORD).await), RefusalCode::LoginFailed);
    // She herself, by the new ones.
    h.w.store.clock.advance_ms(30_000);
    assert!(matches!(h.password("apres", "anne", NEW).await, Ok(Entered::Second)));
    signed(op.totp_second(&browser("apres"), &code_of(&form.totp, h.seconds()), &web()).await);
}
