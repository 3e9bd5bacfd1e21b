//! Attacks that cross several areas: a number that was another one's, what opens one door shown at another, a session that somebody stole, a flood of
//! questions.
use super::provider::{CLIENT, Provider, SECRET, signed};
use super::psc::{goes, returns};
use super::{ANNE as RPPS, House, entered, said};
use sceau_domain::Refusal;
use sceau_domain::identifier::Rpps;
use sceau_identity::factor::Factor;
use sceau_identity::form;
use sceau_identity::oauth::OauthError;
use sceau_operator::accounts::people::views::PersonChange;
use sceau_operator::identity::bind::Kind;
use sceau_operator::identity::devices::NewDevice;
use sceau_operator::identity::oauth::authorize::{Put, Question};
use sceau_operator::identity::oauth::clients::NewClient;
use sceau_operator::identity::sso::{NewSso, SsoChange};
use sceau_operator::login::sasl::Bearer;
use sceau_operator::{Actor, Door, Operator, Origin};
use sceau_store::{StoreError, accounts};
use sceau_testkit::browser::{Browser, signed_in};
use sceau_testkit::world::{code, origin};
use serde_json::{Value, json};
use zeroize::Zeroizing;

each_engine!(
    whose_number_it_was_does_not_come_in_as_whose_it_is,
    what_opens_one_door_opens_no_other,
    a_stolen_session_gives_nothing_without_a_fresh_proof,
    questions_of_devices_are_bounded,
    strangers_at_one_address_ring_few_telephones,
    what_one_claim_says_is_no_account_of_another,
    a_structure_gives_means_for_its_own_mailboxes_alone,
);

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BACK: &str = "http://127.0.0.1:4711/retour";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A program that people may let in.
async fn program(h: &House) {
    let new = NewClient {
        client_id: "lecteur".into(),
        name: "Lecteur".into(),
        kind: "native".into(),
        redirects: vec!["http://127.0.0.1/retour".into()],
        scope: "mail offline_access".into(),
        jwks: None,
    };
    h.0.op.add_oauth_client(&h.0.admin, new).await.unwrap();
}

async fn put(op: &Operator) -> Put {
    let query = [
        ("response_type", "code"),
        ("client_id", "lecteur"),
        ("redirect_uri", BACK),
        ("scope", "mail offline_access"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    match op.oauth_question(&form::read(&form::write(&query)).unwrap()).await.unwrap() {
        Question::Put(put) => *put,
        other => panic!("{other:?}"),
    }
}

/// A homonym's number was typed in, and taken back: her programs came in by rows that stood for her.
async fn whose_number_it_was_does_not_come_in_as_whose_it_is(h: House) {
    const HERS: &str = "10003456786";
    const RIGHT: &str = "10100000008";
    let (op, at) = (&h.0.op, origin(Door::Web));
    h.edit("anne", |p| {
        p.national_id = Some(HERS.into());
        (p.family_name, p.given_name) = (Some("Martin".into()), Some("Anne".into()));
        (p.local_id, p.local_id_reason, p.local_id_until) = (None, None, None);
    })
    .await;
    op.bind(&said(HERS, "MARTIN", "ANNE"), Kind::Psc, "https://psc", &at).await.unwrap();
    let (anne, mut rows) = (h.person("anne").await.id, Vec::new());
    for (purpose, revoked) in [("psc", false), ("card", false), ("psc", true), ("device", false)] {
        let id = h.0.store.new_id();
        let row = accounts::Token::new(id, anne, (purpose, "Logiciel"), &id.to_be_bytes(), 1);
        h.write(move |tx| {
            accounts::insert_token(tx, &row)?;
            if revoked { accounts::revoke_token(tx, id, 2).map(drop) } else { Ok(()) }
        })
        .await;
        rows.push(id);
    }
    let (cookie, she) = signed_in(op, &h.0.store, "anne", &[Factor::Psc]).await;
    let there = async || {
        let mut out = Vec::new();
        for id in rows.clone() {
            let found = h.0.store.read(move |tx| accounts::token_by_id(tx, id)).await;
            out.push(found.unwrap_or_else(|e: StoreError| panic!("{e}")).is_some());
        }
        out
    };
    let edit = async |change: PersonChange| {
        let version = h.person("anne").await.version;
        op.edit_person(&h.0.admin, "anne", version, change).await.unwrap();
    };
    edit(PersonChange { phone: Some("+33199001234".into()), ..PersonChange::default() }).await;
    assert_eq!(there().await, [true; 4], "who she is did not change");
    assert!(op.session_of(&cookie, &she.origin).await.is_ok());
    edit(PersonChange { national_id: Some(RIGHT.into()), ..PersonChange::default() }).await;
    // What its person shut stays shut, and a device's token was made by whoever has the account.
    assert_eq!(there().await, [false, false, true, true]);
    assert_eq!(code(op.session_of(&cookie, &she.origin).await), "login.required");
    // That she herself is recognised lets nobody else in again.
    op.bind(&said(RIGHT, "MARTIN", "ANNE"), Kind::Psc, "https://psc", &at).await.unwrap();
    assert_eq!(there().await, [false, false, true, true]);
}

/// Each secret opens its own door: a session's cookie no mailbox, a program's token no page and no REST, a refresh token nothing at all.
async fn what_opens_one_door_opens_no_other(h: House) {
    let (op, at) = (&h.0.op, origin(Door::Web));
    program(&h).await;
    let (cookie, anne) = signed_in(op, &h.0.store, "anne", &[Factor::Card]).await;
    let browser = Browser::new(op);
    op.begin_attempt(&browser.shown(), "/bal", None).await.unwrap();
    let (_, api) = op.create_api_token(&h.0.admin, "anne", "essai", None).await.unwrap();
    let (_, device) = op.make_own_token(&anne, "Poste", None, None).await.unwrap();
    let url = op.oauth_answer(&anne, &put(op).await, None, true).await.unwrap();
    let query = form::read(url.split_once('?').unwrap().1).unwrap();
    let oauth_code = form::once(&query, "code").unwrap().unwrap().to_owned();
    let asks = [
        ("grant_type", "authorization_code"),
        ("client_id", "lecteur"),
        ("code", oauth_code.as_str()),
        ("code_verifier", VERIFIER),
        ("redirect_uri", BACK),
    ];
    let tokens = op.oauth_token(&form::read(&form::write(&asks)).unwrap(), None, &at).await.unwrap();
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let opens = async |secret: &str| {
        let imap = origin(Door::Imap);
        let bearer = Bearer { login: None, token: Zeroizing::new(secret.to_owned()) };
        let (rest, plain, token) = tokio::join!(
            op.login_api(secret, &at),
            op.login_token("anne", secret, &imap),
            op.login_bearer(&bearer, &imap)
        );
        let (session, attempt) = (op.session_of(secret, &at).await, op.attempt(secret).await);
        [session.is_ok(), attempt.is_ok(), rest.is_ok(), plain.is_ok(), token.is_ok()]
    };
    for (what, secret, doors) in [
        ("session", cookie, [true, false, false, false, false]),
        ("attempt", browser.attempt.clone(), [false, true, false, false, false]),
        ("api token", api, [false, false, true, false, false]),
        ("device token", device.to_string(), [false, false, false, true, true]),
        ("access token", text("access_token"), [false, false, false, false, true]),
        ("refresh token", text("refresh_token"), [false; 5]),
        ("code", oauth_code.clone(), [false; 5]),
        ("address", ANNE.to_owned(), [false; 5]),
    ] {
        assert_eq!(opens(&secret).await, doors, "{what}");
    }
}

/// Whoever has the cookie, and neither card nor telephone: nothing that works without it is made, given or taken away.
async fn a_stolen_session_gives_nothing_without_a_fresh_proof(h: House) {
    let op = &h.0.op;
    program(&h).await;
    let (cookie, anne) = signed_in(op, &h.0.store, "anne", &[Factor::Card]).await;
    let asked = form::read("client_id=lecteur&scope=mail").unwrap();
    let asked = op.oauth_device(&asked, None, &anne.origin).await.unwrap();
    let tables = ["tokens", "factors", "bindings", "oauth_grants", "openings"];
    let mut before = Vec::new();
    for table in tables {
        before.push(h.0.count(table).await);
    }
    // The device's question is good for ten minutes, the proof for as long.
    h.0.advance(9 * 60);
    let later = Origin { session: "s2".into(), ..anne.origin.clone() };
    let asks = form::read("client_id=lecteur&scope=mail").unwrap();
    let fresh = op.oauth_device(&asks, None, &later).await.unwrap();
    h.0.advance(2 * 60);
    let thief = op.session_of(&cookie, &later).await.unwrap();
    let (browser, question) = (Browser::new(op), put(op).await);
    let new = NewDevice { label: "Poste", bal: None, days: 30, request: None };
    assert_eq!(code(op.make_own_token(&thief, "Poste", None, None).await), "auth.fresh");
    assert_eq!(code(op.make_device_certificate(&thief, new).await), "auth.fresh");
    assert_eq!(code(op.set_password(&thief, "girafe-tambour-velours").await), "auth.fresh");
    assert_eq!(code(op.begin_passkey_enrolment(&browser.shown(), &thief, "Clé").await), "auth.fresh");
    assert_eq!(code(op.begin_totp_enrolment(&browser.shown(), &thief).await), "auth.fresh");
    assert_eq!(code(op.remove_factor(&thief, 1).await), "auth.fresh");
    assert_eq!(code(op.admit_again(&thief, 1).await), "auth.fresh");
    assert_eq!(code(op.link_sso(&thief, "https://chu", "u-1").await), "auth.fresh");
    assert_eq!(code(op.open_own_bal(&thief, ANNE, None).await), "auth.fresh");
    assert_eq!(code(op.oauth_answer(&thief, &question, None, true).await), "auth.fresh");
    let typed = fresh["user_code"].as_str().unwrap();
    assert_eq!(code(op.oauth_device_answer(&thief, typed, None, true).await), "auth.fresh");
    // A no is always heard: that takes nothing from her.
    op.oauth_device_answer(&thief, typed, None, false).await.unwrap();
    let over = asked["user_code"].as_str().unwrap();
    assert_eq!(code(op.oauth_device_answer(&thief, over, None, false).await), "factor.spent");
    for (table, before) in tables.into_iter().zip(before) {
        assert_eq!(h.0.count(table).await, before, "{table}");
    }
}

/// Anybody may ask in a public program's name: what that keeps is bounded by address, and another one's is not concerned.
async fn questions_of_devices_are_bounded(h: House) {
    const MOST: usize = 1_000;
    let op = &h.0.op;
    program(&h).await;
    let asks = form::read("client_id=lecteur&scope=mail").unwrap();
    let from = |ip: [u8; 4]| Origin { remote: Some(ip.into()), ..origin(Door::Web) };
    for _ in 0..MOST / 50 {
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (op, asks, at) = (op.clone(), asks.clone(), from([198, 51, 100, 7]));
            all.spawn(async move { op.oauth_device(&asks, None, &at).await.is_ok() });
        }
        while let Some(done) = all.join_next().await {
            assert!(done.unwrap());
        }
    }
    let one_more = op.oauth_device(&asks, None, &from([198, 51, 100, 7])).await;
    assert_eq!(one_more.unwrap_err(), OauthError::TemporarilyUnavailable);
    assert_eq!(h.0.count("oauth_devices").await, i64::try_from(MOST).unwrap());
    op.oauth_device(&asks, None, &from([203, 0, 113, 7])).await.unwrap();
    h.0.advance(21 * 60);
    op.oauth_device(&asks, None, &from([198, 51, 100, 7])).await.unwrap();
}

/// Whoever has one professional's telephone rung after the other's: nobody at that address has another one rung, but in a browser where the owner was.
async fn strangers_at_one_address_ring_few_telephones(h: House) {
    const MOST: usize = 30;
    entered(&h).await;
    let provider = Provider::start(&h);
    let op = provider.node(&h, |_| {}).await;
    let known = Browser::new(&op);
    let came = returns(&op, &known, &provider.anne(&goes(&op, &known).await)).await.unwrap();
    let known = Browser { known: Some(came.known.expect("a cookie").to_string()), ..Browser::new(&op) };
    let number = |n: usize| {
        let keyed = |key| format!("10100{n:05}{key}");
        (0..10).map(keyed).find(|text| text.parse::<Rpps>().is_ok()).unwrap()
    };
    let calls = async |browser: &Browser, number: &str| {
        let attempt = op.begin_attempt(&browser.shown(), "/bal", None).await.unwrap();
        op.begin_ciba(attempt, number).await.map_err(|refusal| refusal.code.as_str())
    };
    for n in 0..MOST {
        assert_ne!(calls(&Browser::new(&op), &number(n)).await, Err("login.too_many"), "{n}");
    }
    let rang = provider.asked("/ciba");
    assert_eq!(calls(&Browser::new(&op), &number(MOST)).await, Err("login.too_many"));
    assert_eq!(provider.asked("/ciba"), rang);
    calls(&known, RPPS).await.unwrap();
    let elsewhere = Origin { remote: Some([203, 0, 113, 7].into()), ..origin(Door::Web) };
    calls(&Browser { origin: elsewhere, ..Browser::new(&op) }, RPPS).await.unwrap();
}

/// A browser comes back from a structure's sign-in, whose token says this.
async fn by_structure(
    op: &Operator,
    provider: &Provider,
    name: &str,
    session: Option<&Actor>,
    changes: Value,
) -> Result<(), Refusal> {
    let browser = Browser::new(op);
    let attempt = op.begin_attempt(&browser.shown(), "/bal", session).await?;
    let query = provider.signs_in(&op.begin_sso(name, attempt).await?, changes, signed());
    op.return_sso(name, &browser.attempt, &query, session, &browser.origin).await.map(drop)
}

/// Somebody whose `sub` is what Anne's `uid` is, at a provider that two sign-ins read by different claims, or that is read by another one from now on.
async fn what_one_claim_says_is_no_account_of_another(h: House) {
    let provider = Provider::start(&h);
    let op = provider.with(&h, |_| {}).await;
    for (name, claim) in [("chu", "uid"), ("clinique", "sub")] {
        let new = NewSso {
            name: name.into(),
            structure: "hopital".into(),
            issuer: provider.issuer(),
            client_id: CLIENT.into(),
            secret: Some(Zeroizing::new(SECRET.into())),
            claim: "amr".into(),
            values: vec!["mfa".into()],
            subject_claim: Some(claim.into()),
        };
        op.add_sso(&h.0.admin, new).await.unwrap();
    }
    let (_, anne) = signed_in(&op, &h.0.store, "anne", &[Factor::Passkey]).await;
    let hers = json!({ "amr": "mfa", "uid": "u-1" });
    by_structure(&op, &provider, "chu", Some(&anne), hers.clone()).await.unwrap();
    by_structure(&op, &provider, "chu", None, hers).await.unwrap();
    let theirs = json!({ "amr": "mfa", "uid": "u-9", "sub": "u-1" });
    for name in ["chu", "clinique"] {
        assert_eq!(code(by_structure(&op, &provider, name, None, theirs.clone()).await), "sso.unbound", "{name}");
    }
    let change = SsoChange { subject_claim: Some("sub".into()), ..SsoChange::default() };
    op.edit_sso(&h.0.admin, "chu", 1, change).await.unwrap();
    assert_eq!(code(by_structure(&op, &provider, "chu", None, theirs).await), "sso.unbound");
}

/// Two of a structure who replace somebody's means would open whatever that person opens: where that is another structure's too, the operator does it.
async fn a_structure_gives_means_for_its_own_mailboxes_alone(h: House) {
    let op = &h.0.op;
    h.write(|tx| {
        tx.execute("UPDATE people SET email = 'anne@exemple.fr', email_verified = 1 WHERE login = 'anne'", &[])?;
        let own = "UPDATE bals SET structure_id = (SELECT id FROM structures WHERE code = 'hopital') \
                   WHERE id IN (SELECT bal_id FROM access WHERE person_id = (SELECT id FROM people WHERE login = 'anne'))";
        tx.execute(own, &[]).map(drop)
    })
    .await;
    let (chef, anne) = (h.actor("chef").await, h.actor("anne").await);
    let asked = op.ask_recovery(&chef, "anne", ("carte d'identité", "téléphone perdu")).await.unwrap();
    op.stop_recovery(&anne, asked.id).await.unwrap();
    let elsewhere = "UPDATE bals SET structure_id = NULL \
                     WHERE id IN (SELECT bal_id FROM access WHERE person_id = (SELECT id FROM people WHERE login = 'anne'))";
    h.write(move |tx| tx.execute(elsewhere, &[]).map(drop)).await;
    let refused = op.ask_recovery(&chef, "anne", ("carte d'identité", "téléphone perdu")).await;
    assert_eq!(code(refused), "right.missing");
    assert_eq!(code(op.invite(&chef, "anne").await), "right.missing");
    op.ask_recovery(&h.0.admin, "anne", ("carte d'identité", "téléphone perdu")).await.unwrap();
}
