//! AUTH by bearer tokens and by certificate (F221, F222).
use crate::client::{Client, letter};
use crate::world::World;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sceau_operator::absence::NewAbsence;
use sceau_operator::{Door, Origin};
use sceau_store::StoreError;
use sceau_testkit::pki::{Pki, anonymous, client};

const ANNE: &str = "anne@alpha.mssante.fr";
const APP: &str = "labo@alpha.mssante.fr";

fn b64(text: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(text)
}

fn xoauth2(user: &str, token: &str) -> String {
    b64(format!("user={user}\x01auth=Bearer {token}\x01\x01"))
}

fn oauthbearer(user: &str, token: &str) -> String {
    b64(format!("n,a={user},\x01host=mss.alpha.fr\x01port=587\x01auth=Bearer {token}\x01\x01"))
}

#[tokio::test]
async fn bearer_tokens_by_both_mechanisms() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let (_, token) = world.token("anne").await;
    // The address says which BAL, the token who: a shared BAL too, and nothing at all.
    for user in [ANNE, "accueil@alpha.mssante.fr", "anne", "anne*accueil@alpha.mssante.fr"] {
        for exchange in
            [format!("XOAUTH2 {}", xoauth2(user, &token)), format!("OAUTHBEARER {}", oauthbearer(user, &token))]
        {
            let mut c = Client::secure(world.submission, &anonymous()).await;
            c.expect(&format!("AUTH {exchange}"), "235 2.7.0").await;
            c.expect(&format!("MAIL FROM:<{ANNE}>"), "250").await;
        }
    }
    let mut c = Client::secure(world.submission, &anonymous()).await;
    c.expect("AUTH OAUTHBEARER", "334 \r\n").await;
    c.expect(&b64(format!("n,,\x01auth=Bearer {token}\x01\x01")), "235 2.7.0").await;
    // What is wrong: the reason, the client's last word, the end.
    let mut c = Client::secure(world.submission, &anonymous()).await;
    for (mechanism, payload, status) in [
        ("XOAUTH2", xoauth2(ANNE, "faux"), r#""status":"401""#),
        ("OAUTHBEARER", oauthbearer("bruno@alpha.mssante.fr", &token), r#""status":"invalid_token""#),
    ] {
        let challenge = c.expect(&format!("AUTH {mechanism} {payload}"), "334 ").await;
        let error = BASE64_STANDARD.decode(challenge[4..].trim()).unwrap();
        assert!(String::from_utf8(error).unwrap().contains(status));
        c.refused(if mechanism == "XOAUTH2" { "" } else { "AQ==" }, "535 5.7.8 ", "login.failed").await;
    }
    c.expect(&format!("MAIL FROM:<{ANNE}>"), "530").await;
    let mut c = Client::secure(world.submission, &anonymous()).await;
    c.expect("AUTH XOAUTH2 e30=", "334 ").await;
    c.refused("", "535 5.7.8 ", "login.failed").await;
    c.refused("AUTH EXTERNAL =", "535 5.7.8 ", "peer.no_certificate").await;
    let mut clear = Client::connect(world.submission).await;
    clear.expect("EHLO poste", "250").await;
    clear.refused(&format!("AUTH XOAUTH2 {}", xoauth2(ANNE, &token)), "538 5.7.11 ", "login.needs_tls").await;
    // As long as tokens of authorisation servers are.
    let mut c = Client::secure(world.submission, &anonymous()).await;
    c.expect(&format!("AUTH XOAUTH2 {}", xoauth2(ANNE, &"x".repeat(6000))), "334 ").await;
}

#[tokio::test]
async fn who_names_no_login_holds_back_nobody_else_at_the_place() {
    let pki = Pki::new();
    let world = World::with(&pki, "alpha", |s| s.config.login_failures_per_minute = 2).await;
    let (labo, other) = (pki.identity("labo.exemple.fr"), client(&pki.identity("autre.exemple.fr")));
    world.machine(APP, "labo", &labo).await;
    let (_, token) = world.token("anne").await;
    let (dead, right) = [&"x".repeat(20), &token].map(|t| b64(format!("n,,\x01auth=Bearer {t}\x01\x01"))).into();
    let bearer = async |payload: &str| {
        let mut c = Client::secure(world.submission, &anonymous()).await;
        let said = c.say(&format!("AUTH OAUTHBEARER {payload}")).await;
        if said.starts_with("334") { c.say("AQ==").await } else { said }
    };
    let certificate = async |tls| Client::secure(world.submission, tls).await.say("AUTH EXTERNAL =").await;
    // A machine without a registration and a program with a dead token insist, until they themselves wait.
    for code in ["login.failed", "login.failed", "login.too_many"] {
        let (by_token, by_certificate) = tokio::join!(bearer(&dead), certificate(&other));
        assert!(by_token.contains(code) && by_certificate.contains(code), "{by_token} {by_certificate}");
    }
    assert!(bearer(&right).await.starts_with("235"));
    assert!(certificate(&client(&labo)).await.starts_with("235"));
}

#[tokio::test]
async fn a_machine_logs_in_by_its_certificate_and_by_no_other() {
    let pki = Pki::new();
    let world = World::new(&pki).await;
    let labo = pki.identity("labo.exemple.fr");
    let view = world.machine(APP, "labo", &labo).await;
    assert_eq!((view.login.as_str(), view.bal.as_str()), ("labo", APP));

    let mut c = Client::secure(world.submission, &client(&labo)).await;
    let hello = c.expect("EHLO labo", "250").await;
    assert!(hello.contains("AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER EXTERNAL\r\n"), "{hello}");
    c.expect(&format!("AUTH EXTERNAL {}", b64(APP)), "235 2.7.0").await;
    assert!(c.transact(APP, &[ANNE], letter(APP, "resultat")).await.starts_with("250 2.0.0"));
    assert_eq!(world.inbox("anne", ANNE).await.len(), 1);
    // A program recognises a mailbox that is full, at once, and somebody who is absent, in what comes back (EX_PBA_5080).
    let full = "UPDATE bals SET quota_bytes = 10 WHERE address_key LIKE 'bruno@%'";
    world.store.write(move |tx| tx.execute(full, &[])).await.unwrap_or_else(|e: StoreError| panic!("{e}"));
    c.expect(&format!("MAIL FROM:<{APP}> SIZE=1000"), "250").await;
    c.refused("RCPT TO:<bruno@alpha.mssante.fr>", "452 4.2.2 ", "rcpt.over_quota").await;
    c.expect("RSET", "250").await;
    let origin = Origin { door: Door::Imap, remote: None, session: "s".into(), tls: None, once: None };
    let anne = world.op.login_token("anne", &world.token("anne").await.1, &origin).await.unwrap();
    let (from, until, text) = ("2026-11-21".into(), "2026-12-21".into(), "De retour lundi".into());
    world.op.set_absence(&anne, ANNE, 0, NewAbsence { from, until, text }).await.unwrap();
    let named = letter(APP, "demande").replace("x@exemple.fr", ANNE);
    assert!(c.transact(APP, &[ANNE], named).await.starts_with("250 2.0.0"));
    world.op.run_due_jobs().await.unwrap();
    let answer = String::from_utf8(world.inbox("anne", APP).await.remove(0)).unwrap();
    let fields =
        ["Return-Path: <>", "Auto-Submitted: auto-replied", "X-Sceau-Absence: from=2026-11-21; until=2026-12-21"];
    assert!(
        fields.iter().all(|f| answer.contains(f)) && answer.contains("In-Reply-To: <demande@exemple.fr>"),
        "{answer}"
    );
    // 465, the BAL understood; a renewed certificate of the same name goes on.
    let renewed = client(&pki.identity("labo.exemple.fr"));
    let mut implicit = Client::implicit(world.submissions, renewed).await;
    implicit.expect("AUTH EXTERNAL", "334 \r\n").await;
    implicit.expect("", "235 2.7.0").await;

    // Another name, another BAL, a certificate that ended or was revoked, none.
    for (identity, bal, code) in [
        (pki.identity("autre.exemple.fr"), APP, "login.failed"),
        (pki.identity("labo.exemple.fr"), ANNE, "login.failed"),
        (pki.expired("labo.exemple.fr"), APP, "peer.expired"),
        (pki.revoked("labo.exemple.fr"), APP, "peer.revoked"),
        (Pki::new().identity("labo.exemple.fr"), APP, "peer.unknown_issuer"),
    ] {
        let mut c = Client::secure(world.submission, &client(&identity)).await;
        c.refused(&format!("AUTH EXTERNAL {}", b64(bal)), "535 5.7.8 ", code).await;
    }
    // Removed: the session that is open ends too.
    world.op.remove_bal_certificate(&world.admin, APP, view.id).await.unwrap();
    let last = c.say(&format!("MAIL FROM:<{APP}>")).await;
    assert!(last.starts_with("421 ") || last.contains("[right.missing]"), "{last}");
    let mut c = Client::secure(world.submission, &client(&labo)).await;
    c.refused(&format!("AUTH EXTERNAL {}", b64(APP)), "535 5.7.8 ", "login.failed").await;
    let opened = world.traces("login.ok").await.into_iter().filter(|t| t.data["by"] == "certificate").count();
    assert_eq!(opened, 2);
}
