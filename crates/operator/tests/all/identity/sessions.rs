//! Sessions of browsers: one way in, two natures, one session for one attempt, ended everywhere at once.
use super::House;
use sceau_domain::RefusalCode;
use sceau_identity::factor::{Factor, Need};
use sceau_operator::Actor;
use sceau_operator::identity::sessions::{Elsewhere, Entered};
use sceau_testkit::browser::{Browser, signed_in};
use sceau_testkit::world::code;
use std::collections::BTreeSet;

each_engine!(
    one_nature_is_no_session,
    an_attempt_begins_one_session_whichever_nodes_are_asked,
    a_session_ends_everywhere_by_its_row,
    a_session_ends_by_silence_and_by_age,
    more_proof_is_another_cookie,
    an_attempt_is_of_one_browser_one_person_and_ten_minutes,
    a_logout_elsewhere_ends_what_came_from_there,
    a_logout_elsewhere_ends_what_it_made_stronger,
    one_sees_and_closes_ones_own_browsers,
);

async fn one_nature_is_no_session(h: House) {
    let (op, anne) = (&h.0.op, h.person("anne").await.id);
    let browser = Browser::new(op);
    op.begin_attempt(&browser.shown(), "/bal", None).await.unwrap();
    for factor in [Factor::Totp, Factor::MailCode, Factor::Device] {
        // Whatever somebody has, however often: of one nature.
        let attempt = op.attempt(&browser.attempt).await.unwrap();
        let entered = op.enter_session(attempt, anne, factor, None, &browser.origin).await.unwrap();
        assert!(matches!(entered, Entered::Second), "{factor:?}");
    }
    assert_eq!(h.0.count("web_sessions").await, 0);
    let attempt = op.attempt(&browser.attempt).await.unwrap();
    let bruno = h.person("bruno").await.id;
    let other = op.enter_session(attempt.clone(), bruno, Factor::Password, None, &browser.origin).await;
    assert_eq!(code(other), "factor.refused", "the second means of somebody else");
    let entered = op.enter_session(attempt, anne, Factor::Password, None, &browser.origin).await.unwrap();
    let Entered::In(signed) = entered else { panic!("two natures") };
    assert_eq!((signed.person.login.as_str(), signed.to.as_str()), ("anne", "/bal"));
    let actor = op.session_of(&signed.cookie, &browser.origin).await.unwrap();
    assert_eq!(actor.proof.names(), "totp+mail_code+device+password");
    assert_eq!(code(op.needs(&actor, Need::Issuer)), "auth.issuer");
    let trace = &h.0.traces("login.ok").await[0];
    assert_eq!((trace.actor.as_str(), trace.data["door"].as_str()), ("anne", Some("web")));
    assert_eq!(trace.data["factors"], "totp+mail_code+device+password");
}

async fn an_attempt_begins_one_session_whichever_nodes_are_asked(h: House) {
    let (op, anne) = (&h.0.op, h.person("anne").await.id);
    let other = h.0.restarted().await;
    for _ in 0..5 {
        let browser = Browser::new(op);
        op.begin_attempt(&browser.shown(), "/moyens", None).await.unwrap();
        let (here, there) =
            (op.attempt(&browser.attempt).await.unwrap(), other.attempt(&browser.attempt).await.unwrap());
        let (a, b) = tokio::join!(
            op.enter_session(here, anne, Factor::Card, None, &browser.origin),
            other.enter_session(there, anne, Factor::Card, None, &browser.origin),
        );
        let refused: Vec<_> = [a, b].into_iter().filter_map(Result::err).map(|r| r.code).collect();
        assert_eq!(refused, [RefusalCode::FormOld]);
        assert_eq!(code(op.attempt(&browser.attempt).await), "form.old", "it is spent");
    }
    assert_eq!(h.0.count("web_sessions").await, 5);
}

async fn a_session_ends_everywhere_by_its_row(h: House) {
    let (op, other) = (&h.0.op, h.0.restarted().await);
    let (cookie, anne) = signed_in(op, &h.0.store, "anne", &[Factor::Passkey]).await;
    assert_eq!(other.session_of(&cookie, &anne.origin).await.unwrap().credential, anne.credential);
    assert_eq!(code(op.session_of("autre", &anne.origin).await), "login.required");
    // What is no session's secret opens none: each digest has a purpose of its own.
    let (_, secret) = op.create_api_token(&h.0.admin, "anne", "essai", None).await.unwrap();
    assert_eq!(code(op.session_of(&secret, &anne.origin).await), "login.required");
    assert_eq!(code(op.login_api(&cookie, &anne.origin).await), "login.failed");

    let seen = op.sessions(&anne, "anne").await.unwrap();
    assert_eq!(
        (seen.len(), seen[0].factors.as_str(), seen[0].agent.as_str(), seen[0].this),
        (1, "passkey", "Firefox, Linux", true)
    );
    // The administrator of her structure sees and ends it; a colleague does neither.
    let (bruno, chef) = (h.actor("bruno").await, h.actor("chef").await);
    assert_eq!(code(op.sessions(&bruno, "anne").await), "right.missing");
    assert_eq!(code(op.end_session(&bruno, anne.credential).await), "right.missing");
    assert_eq!(op.sessions(&chef, "anne").await.unwrap().len(), 1);
    other.end_session(&chef, anne.credential).await.unwrap();
    assert_eq!(code(op.session_of(&cookie, &anne.origin).await), "login.required");
    assert!(op.sessions(&anne, "anne").await.unwrap().is_empty());
    assert_eq!(h.0.traces("session.ended").await.len(), 1);
    // Her own, by herself; once more does nothing.
    let (cookie, anne) = signed_in(op, &h.0.store, "anne", &[Factor::Card]).await;
    for _ in 0..2 {
        op.end_session(&anne, None).await.unwrap();
    }
    assert_eq!(code(other.session_of(&cookie, &anne.origin).await), "login.required");
    assert_eq!(h.0.traces("session.ended").await.len(), 2);
    // Whoever is blocked has none, and gets none.
    let (cookie, anne) = signed_in(op, &h.0.store, "anne", &[Factor::Card]).await;
    op.block_person(&h.0.admin, "anne", "enquête").await.unwrap();
    assert_eq!(code(other.session_of(&cookie, &anne.origin).await), "login.required");
    let browser = Browser::new(op);
    let attempt = op.begin_attempt(&browser.shown(), "/bal", None).await.unwrap();
    let id = h.person("anne").await.id;
    assert_eq!(code(op.enter_session(attempt, id, Factor::Card, None, &browser.origin).await), "login.failed");
    // A token that is none of these is not ended here.
    assert_eq!(code(op.end_session(&h.0.admin, Some(12)).await), "admin.not_found");
}

async fn a_session_ends_by_silence_and_by_age(h: House) {
    let op = &h.0.op;
    let (cookie, anne) = signed_in(op, &h.0.store, "anne", &[Factor::Card]).await;
    assert!(op.needs(&anne, Need::Fresh).is_ok());
    let mut at = 0;
    // Used every 25 minutes it lasts four hours, and no longer.
    while at < 240 - 25 {
        h.0.advance(25 * 60);
        at += 25;
        let actor = op.session_of(&cookie, &anne.origin).await.unwrap();
        assert_eq!(code(op.needs(&actor, Need::Fresh)), "auth.fresh", "after {at} minutes");
    }
    h.0.advance(25 * 60);
    assert_eq!(code(op.session_of(&cookie, &anne.origin).await), "login.required", "over");
    let (cookie, anne) = signed_in(op, &h.0.store, "anne", &[Factor::Card]).await;
    h.0.advance(29 * 60);
    assert!(op.session_of(&cookie, &anne.origin).await.is_ok());
    h.0.advance(30 * 60);
    assert_eq!(code(op.session_of(&cookie, &anne.origin).await), "login.required", "silent");
    // A page that watches by itself keeps none alive.
    let (cookie, anne) = signed_in(op, &h.0.store, "anne", &[Factor::Card]).await;
    for _ in 0..2 {
        h.0.advance(14 * 60);
        let seen = op.session_peek(&cookie, &anne.origin).await.unwrap();
        assert_eq!((seen.credential, seen.origin.session), (anne.credential, anne.origin.session.clone()));
    }
    h.0.advance(2 * 60);
    assert_eq!(code(op.session_peek(&cookie, &anne.origin).await), "login.required", "watched in silence");
    assert_eq!(code(op.session_of(&cookie, &anne.origin).await), "login.required");
}

async fn more_proof_is_another_cookie(h: House) {
    let (op, other) = (&h.0.op, h.0.restarted().await);
    let (cookie, anne) = signed_in(op, &h.0.store, "anne", &[Factor::Passkey]).await;
    h.0.advance(20 * 60);
    let browser = Browser::new(op);
    // One nature, fresh, beside an old strong proof: not enough.
    op.begin_attempt(&browser.shown(), "/moyens/totp", Some(&anne)).await.unwrap();
    let attempt = op.attempt(&browser.attempt).await.unwrap();
    let entered = op.enter_session(attempt, anne_id(&h).await, Factor::Totp, None, &browser.origin).await.unwrap();
    assert!(matches!(entered, Entered::Second));
    // Somebody else's card does not make her session stronger.
    let bruno = h.person("bruno").await.id;
    let attempt = op.begin_attempt(&browser.shown(), "/moyens/totp", Some(&anne)).await.unwrap();
    assert_eq!(code(op.enter_session(attempt, bruno, Factor::Card, None, &browser.origin).await), "factor.refused");
    let signed = browser.proves(op, anne_id(&h).await, &[Factor::Card], Some(&anne)).await;
    assert_eq!(signed.to, "/bal");
    for node in [op, &other] {
        assert_eq!(code(node.session_of(&cookie, &anne.origin).await), "login.required", "the old cookie");
        let actor = node.session_of(&signed.cookie, &anne.origin).await.unwrap();
        assert_eq!((actor.credential, actor.proof.names().as_str()), (anne.credential, "passkey+card"));
        assert!(node.needs(&actor, Need::Fresh).is_ok() && node.needs(&actor, Need::Issuer).is_ok());
    }
    assert_eq!(h.0.count("web_sessions").await, 1, "it is the same session");
    assert_eq!(h.0.traces("session.stepped_up").await[0].data["factors"], "card");
    // A session that was ended meanwhile does not come back by it.
    let attempt = op.begin_attempt(&browser.shown(), "/bal", Some(&anne)).await.unwrap();
    other.end_session(&anne, None).await.unwrap();
    let late = op.enter_session(attempt, anne_id(&h).await, Factor::Card, None, &browser.origin).await;
    assert_eq!(code(late), "form.old");
}

async fn anne_id(h: &House) -> i64 {
    h.person("anne").await.id
}

async fn an_attempt_is_of_one_browser_one_person_and_ten_minutes(h: House) {
    let op = &h.0.op;
    let (browser, other) = (Browser::new(op), Browser::new(op));
    let mut attempt = op.begin_attempt(&browser.shown(), "https://ailleurs.fr/bal", None).await.unwrap();
    assert_eq!(attempt.to, "/bal", "nobody is led elsewhere");
    assert_eq!(code(op.attempt(&other.attempt).await), "form.old");
    attempt.put("essai", &"girafe-scellee");
    op.keep_attempt(&mut attempt).await.unwrap();
    let read = h.0.restarted().await.attempt(&browser.attempt).await.unwrap();
    assert_eq!(read.get::<String>("essai").as_deref(), Some("girafe-scellee"));
    assert!(!h.0.on_disk("girafe-scellee") && !h.0.on_disk(&browser.attempt));
    // Of two that write, one is told that the other was first.
    let (mut a, mut b) = (read.clone(), read);
    a.drop_note("essai");
    op.keep_attempt(&mut a).await.unwrap();
    assert_eq!(code(op.keep_attempt(&mut b).await), "form.old");
    // A ticket names it, and nothing but it.
    let ticket = op.ticket(&a);
    assert_eq!(op.attempt_of_ticket(&ticket).await.unwrap().id, a.id);
    let mut forged = ticket.into_bytes();
    forged[3] = if forged[3] == b'A' { b'B' } else { b'A' };
    for bad in [String::from_utf8(forged).unwrap(), String::new(), "é".into()] {
        assert_eq!(code(op.attempt_of_ticket(&bad).await), "form.old", "{bad}");
    }
    // Guesses are counted for all nodes.
    for n in 1..10 {
        assert!(op.wrong_try(&a).await.is_ok(), "{n}");
    }
    assert_eq!(code(op.wrong_try(&a).await), "factor.spent");
    assert_eq!(code(op.attempt(&browser.attempt).await), "form.old");
    // Another one may begin in the same browser, and lasts ten minutes.
    op.begin_attempt(&browser.shown(), "/bal", None).await.unwrap();
    h.0.advance(599);
    assert!(op.attempt(&browser.attempt).await.is_ok());
    h.0.advance(1);
    assert_eq!(code(op.attempt(&browser.attempt).await), "form.old");
    // An attempt that makes a session stronger needs one.
    let api = h.actor("anne").await;
    assert_eq!(code(op.begin_attempt(&browser.shown(), "/bal", Some(&api)).await), "login.required");
}

async fn a_logout_elsewhere_ends_what_came_from_there(h: House) {
    let (op, other, anne) = (&h.0.op, h.0.restarted().await, anne_id(&h).await);
    let mut cookies = Vec::new();
    for sid in ["sid-girafe", "sid-girafe", "sid-autre"] {
        let browser = Browser::new(op);
        let attempt = op.begin_attempt(&browser.shown(), "/bal", None).await.unwrap();
        let from = Elsewhere { provider: "psc".into(), sid: Some(sid.into()), subject: None, at: None };
        let Entered::In(signed) =
            op.enter_session(attempt, anne, Factor::Psc, Some(from), &browser.origin).await.unwrap()
        else {
            panic!("strong")
        };
        cookies.push((signed.cookie.to_string(), browser.origin));
    }
    assert_eq!(other.end_sessions_of_provider("sso:1", "sid-girafe").await.unwrap(), 0, "another provider's");
    assert_eq!(other.end_sessions_of_provider("psc", "sid-girafe").await.unwrap(), 2);
    let open: BTreeSet<usize> = {
        let mut open = BTreeSet::new();
        for (n, (cookie, origin)) in cookies.iter().enumerate() {
            if op.session_of(cookie, origin).await.is_ok() {
                open.insert(n);
            }
        }
        open
    };
    assert_eq!(open, BTreeSet::from([2]));
    assert!(!h.0.on_disk("sid-girafe"));
}

/// A sign-in at a provider; none of its sessions is named, or nobody.
fn at(provider: &str, sid: Option<&str>, subject: Option<&str>) -> Elsewhere {
    Elsewhere { provider: provider.into(), sid: sid.map(str::to_owned), subject: subject.map(str::to_owned), at: None }
}

async fn a_logout_elsewhere_ends_what_it_made_stronger(h: House) {
    let (op, other, anne) = (&h.0.op, h.0.restarted().await, anne_id(&h).await);
    let step_up = async |session: &Actor, factor: Factor, from: Elsewhere| {
        let browser = Browser::new(op);
        let attempt = op.begin_attempt(&browser.shown(), "/bal", Some(session)).await.unwrap();
        let entered = op.enter_session(attempt, anne, factor, Some(from), &browser.origin).await.unwrap();
        assert!(matches!(entered, Entered::In(_)));
    };
    let begun = async |factor: Factor| signed_in(op, &h.0.store, "anne", &[factor]).await.1;
    let open =
        async || op.sessions(&h.0.admin, "anne").await.unwrap().into_iter().map(|s| Some(s.id)).collect::<Vec<_>>();
    let (own, one, two, three) = (
        begun(Factor::Passkey).await,
        begun(Factor::Passkey).await,
        begun(Factor::Card).await,
        begun(Factor::Passkey).await,
    );
    // Made stronger twice, by sessions of two names, and by another provider's: each of them ends it.
    step_up(&one, Factor::Psc, at("psc", Some("sid-girafe"), None)).await;
    step_up(&one, Factor::Psc, at("psc", Some("sid-zebre"), None)).await;
    step_up(&two, Factor::Sso, at("sso:1", Some("sid-girafe"), None)).await;
    step_up(&two, Factor::Psc, at("psc", Some("sid-autre"), None)).await;
    step_up(&three, Factor::Psc, at("psc", None, Some("f:1:anne"))).await;
    assert_eq!(open().await.len(), 4, "no session more");
    assert_eq!(other.end_sessions_of_provider("psc", "sid-girafe").await.unwrap(), 1);
    assert_eq!(open().await, [own.credential, two.credential, three.credential]);
    assert_eq!(other.end_sessions_of_provider("psc", "sid-zebre").await.unwrap(), 0, "it is over");
    assert_eq!(other.end_sessions_of_provider("sso:1", "sid-girafe").await.unwrap(), 1);
    assert_eq!(open().await, [own.credential, three.credential]);
    // No session is named there: whatever it began or made stronger of that person.
    assert_eq!(other.end_sessions_of_subject("psc", "f:1:personne").await.unwrap(), 0);
    assert_eq!(other.end_sessions_of_subject("psc", "f:1:anne").await.unwrap(), 1);
    assert_eq!(open().await, [own.credential], "what it had no part in");
    assert!(!h.0.on_disk("sid-girafe"));
}

async fn one_sees_and_closes_ones_own_browsers(h: House) {
    let (op, other) = (&h.0.op, h.0.restarted().await);
    let begun = async |login: &str, factor: Factor| signed_in(op, &h.0.store, login, &[factor]).await;
    let (bruno_cookie, bruno) = begun("bruno", Factor::Card).await;
    let (first_cookie, first) = begun("anne", Factor::Passkey).await;
    let (_, silent) = begun("anne", Factor::Passkey).await;
    h.0.advance(20 * 60);
    for (cookie, of) in [(&first_cookie, &first), (&bruno_cookie, &bruno)] {
        op.session_of(cookie, &of.origin).await.unwrap();
    }
    h.0.advance(20 * 60);
    let (cookie, anne) = begun("anne", Factor::Card).await;
    let seen = op.own_sessions(&anne).await.unwrap();
    let shown: Vec<_> = seen.iter().map(|s| (Some(s.id), s.factors.as_str(), s.this)).collect();
    assert_eq!(shown, [(first.credential, "passkey", false), (anne.credential, "card", true)], "not the silent one");
    assert!(seen[0].begun < seen[0].seen && seen[0].seen < seen[1].begun && seen[0].agent == "Firefox, Linux");
    // Somebody else's, and what is no session, is nothing of hers: an administrator has another way.
    for id in [bruno.credential.unwrap(), 12] {
        assert_eq!(code(op.end_own_session(&anne, id).await), "admin.not_found");
    }
    let (token, _) = op.create_api_token(&h.0.admin, "anne", "essai", None).await.unwrap();
    assert_eq!(code(op.end_own_session(&anne, token.id).await), "admin.not_found");
    // One of them, on every node; once more does nothing.
    for _ in 0..2 {
        op.end_own_session(&anne, first.credential.unwrap()).await.unwrap();
    }
    assert_eq!(code(other.session_of(&first_cookie, &first.origin).await), "login.required");
    assert_eq!(h.0.traces("session.ended").await.len(), 1);
    // All others: neither this one, nor anybody else's, nor what is over already.
    let (second_cookie, second) = begun("anne", Factor::Passkey).await;
    assert_eq!(op.end_other_sessions(&anne).await.unwrap(), 1);
    assert_eq!(code(other.session_of(&second_cookie, &second.origin).await), "login.required");
    assert!(other.session_of(&cookie, &anne.origin).await.is_ok());
    let ended: Vec<_> = h.0.traces("session.ended").await.iter().map(|t| t.data["token"].clone()).collect();
    let silent = silent.credential.unwrap().to_string();
    assert!(ended.len() == 2 && ended.iter().all(|t| *t != silent), "{ended:?}");
    assert_eq!(op.end_other_sessions(&anne).await.unwrap(), 0);
    assert!(other.session_of(&bruno_cookie, &bruno.origin).await.is_ok());
}
