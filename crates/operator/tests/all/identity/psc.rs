//! Signing in by Pro Santé Connect in a browser, against a played provider: returns that are not ours, tokens that are not good, how we prove who we are,
//! and a provider that is away or says something else than itself.
use super::provider::{CLIENT, Proves, Provider, SECRET, Writes, confused, forged, key, signed, unsigned};
use super::{House, entered};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sceau_domain::Refusal;
use sceau_identity::jose::Keys;
use sceau_operator::identity::sessions::{Entered, SignedIn};
use sceau_operator::{Actor, Operator};
use sceau_testkit::browser::Browser;
use sceau_testkit::world::code;
use serde_json::{Value, json};
use zeroize::Zeroizing;

each_engine!(
    a_return_opens_one_session_for_whoever_it_is,
    a_return_that_is_not_ours_opens_nothing,
    an_id_token_that_is_not_good_opens_nothing,
    a_client_proves_itself_by_its_key,
    a_client_proves_itself_by_its_certificate,
    whoever_is_not_known_there_is_told_of_it,
    a_provider_that_is_away_is_asked_by_one_for_all,
    what_a_provider_says_of_itself_has_to_be_its_own,
);

/// Where the provider describes itself.
const ADDRESS: &str = "/.well-known/wallet-openid-configuration";

/// A browser goes out: where to.
pub async fn goes(op: &Operator, browser: &Browser) -> String {
    let attempt = op.begin_attempt(&browser.shown(), "/bal", None).await.unwrap();
    op.begin_psc(attempt).await.unwrap()
}

/// It comes back.
pub async fn returns(op: &Operator, browser: &Browser, query: &str) -> Result<SignedIn, Refusal> {
    match op.return_psc(&browser.attempt, query, &browser.origin).await? {
        Entered::In(signed) => Ok(signed),
        Entered::Second => panic!("Pro Santé Connect is two natures"),
    }
}

/// Anne signs in: in which session.
pub async fn anne(op: &Operator, provider: &Provider, changes: Value) -> Actor {
    let browser = Browser::new(op);
    let query = provider.signs_in(&goes(op, &browser).await, changes, signed());
    let signed = returns(op, &browser, &query).await.unwrap();
    op.session_of(&signed.cookie, &browser.origin).await.unwrap()
}

/// The alarms that are open.
async fn alarms(h: &House) -> Vec<String> {
    h.0.op.alarms(&h.0.admin, false).await.unwrap().into_iter().map(|a| a.code).collect()
}

async fn a_return_opens_one_session_for_whoever_it_is(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let (op, other) = (provider.node(&h, |_| {}).await, provider.node(&h, |_| {}).await);
    let browser = Browser::new(&op);
    let query = provider.anne(&goes(&op, &browser).await);
    // The other node takes it as well, and one of the two is first.
    let (a, b) = tokio::join!(returns(&op, &browser, &query), returns(&other, &browser, &query));
    let (done, refused): (Vec<_>, Vec<_>) = [a, b].into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), code(refused.into_iter().next().unwrap())), (1, "form.old"));
    let done = done.into_iter().next().unwrap().unwrap();
    assert_eq!((done.person.login.as_str(), done.to.as_str()), ("anne", "/bal"));
    let actor = other.session_of(&done.cookie, &browser.origin).await.unwrap();
    assert_eq!(actor.proof.names(), "psc");
    // A session there that began an hour ago is a proof of an hour ago; one that says nothing of that is no fresh one.
    let at = provider.set(|i| i.now());
    for old in [json!({ "auth_time": at - 3600 }), json!({ "auth_time": null })] {
        let actor = anne(&op, &provider, old).await;
        assert_eq!(code(op.needs(&actor, sceau_identity::factor::Need::Fresh)), "auth.fresh");
    }
    // Somebody's number whom nobody entered, or one that is nobody's.
    for (number, sub) in [("810100000008", "f:1:autre"), ("ANS20210101", "f:1:essai")] {
        let browser = Browser::new(&op);
        let changes = json!({ "SubjectNameID": number, "sub": sub });
        let query = provider.signs_in(&goes(&op, &browser).await, changes, signed());
        assert_eq!(code(returns(&op, &browser, &query).await), "identity.unknown", "{number}");
    }
    // Once she was recognised, another spelling of her name is no other person.
    anne(&op, &provider, json!({ "family_name": "PETIT" })).await;
    for token in provider.set(|i| i.given.clone()) {
        assert!(!h.0.on_disk(&token), "nothing of a token is kept");
    }
}

async fn a_return_that_is_not_ours_opens_nothing(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let op = provider.node(&h, |_| {}).await;
    let (browser, other) = (Browser::new(&op), Browser::new(&op));
    let query = provider.anne(&goes(&op, &browser).await);
    // state_of_another_browser: one that waits for nothing, then one that waits for its own.
    assert_eq!(code(returns(&op, &other, &query).await), "form.old");
    let own = provider.anne(&goes(&op, &other).await);
    assert_eq!(code(returns(&op, &other, &query).await), "form.old");
    // mixed_up_authorization_server (RFC 9207): another issuer's answer, or one that does not say whose it is; also when it says no.
    let part = |name: &str| query.split('&').find(|p| p.starts_with(name)).unwrap().to_owned();
    let (code_of, state) = (part("code="), part("state="));
    for (mixed, refusal) in [
        (format!("{code_of}&{state}&iss=https%3A%2F%2Fautre.example"), "factor.refused"),
        (format!("{code_of}&{state}"), "factor.refused"),
        (format!("error=access_denied&{state}&iss=https%3A%2F%2Fautre.example"), "factor.refused"),
        (format!("{query}&{state}"), "factor.refused"),
        (format!("{query}&error=access_denied"), "factor.refused"),
        (query.replace("state=", "state=A"), "form.old"),
    ] {
        assert_eq!(code(returns(&op, &browser, &mixed).await), refusal, "{mixed}");
    }
    assert_eq!(provider.asked("/token"), 0, "nothing of that came to the provider");
    // code_of_somebody_else in one's own return: its verifier is another one, and the code is lost for both.
    let injected = own.replace(own.split('&').find(|p| p.starts_with("code=")).unwrap(), &code_of);
    assert_eq!(code(returns(&op, &other, &injected).await), "factor.refused");
    assert_eq!(code(returns(&op, &browser, &query).await), "factor.refused");
    assert_eq!(h.0.count("web_sessions").await, 0);
    // code_replayed: once, and no second time in this browser.
    let query = provider.anne(&goes(&op, &browser).await);
    assert_eq!(returns(&op, &browser, &query).await.unwrap().person.login, "anne");
    let asked = provider.asked("/token");
    assert_eq!(code(returns(&op, &browser, &query).await), "form.old");
    // Nor in another attempt of the same browser.
    goes(&op, &browser).await;
    assert_eq!(code(returns(&op, &browser, &query).await), "form.old");
    assert_eq!((provider.asked("/token"), h.0.count("web_sessions").await), (asked, 1));
}

async fn an_id_token_that_is_not_good_opens_nothing(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let op = provider.node(&h, |_| {}).await;
    let at = provider.set(|i| i.now());
    let refused = async |changes: Value, writes: Writes| {
        let browser = Browser::new(&op);
        let query = provider.signs_in(&goes(&op, &browser).await, changes, writes);
        let refusal = code(returns(&op, &browser, &query).await);
        assert_eq!(code(returns(&op, &browser, &query).await), "form.old", "the return served once");
        refusal
    };
    for (name, changes, refusal) in [
        ("token_of_another_audience", json!({ "aud": "autre", "azp": "autre" }), "token.audience"),
        ("token_for_others_too", json!({ "aud": [CLIENT, "autre"], "azp": "autre" }), "token.audience"),
        ("token_of_another_issuer", json!({ "iss": "https://autre.example" }), "factor.refused"),
        ("token_expired", json!({ "exp": at - 61 }), "token.expired"),
        ("token_without_end", json!({ "exp": null }), "factor.refused"),
        ("token_not_yet_valid", json!({ "nbf": at + 61 }), "factor.refused"),
        ("token_of_the_future", json!({ "iat": at + 61 }), "factor.refused"),
        ("nonce_of_another_attempt", json!({ "nonce": "autre" }), "factor.refused"),
        ("nonce_missing", json!({ "nonce": null }), "factor.refused"),
        ("assurance_too_low", json!({ "acr": "eidas0" }), "token.assurance"),
        ("assurance_unsaid", json!({ "acr": null }), "token.assurance"),
        ("access_token_as_id_token", json!({ "typ": "Bearer" }), "factor.refused"),
        ("logout_token_as_id_token", json!({ "events": {} }), "factor.refused"),
        ("access_token_of_another_answer", json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }), "factor.refused"),
        ("about_nobody", json!({ "sub": null }), "factor.refused"),
    ] {
        assert_eq!(refused(changes, signed()).await, refusal, "{name}");
    }
    for (name, writes) in [
        ("algorithm_none", unsigned()),
        ("algorithm_hs256_with_the_public_key", confused()),
        ("key_of_somebody_else", forged(false)),
        ("key_of_somebody_else_under_its_name", forged(true)),
    ] {
        assert_eq!(refused(json!({}), writes).await, "factor.refused", "{name}");
    }
    assert_eq!(h.0.count("web_sessions").await, 0);
    // What is off by less than a minute is a clock, not an attack.
    anne(&op, &provider, json!({ "exp": at - 59, "nbf": at + 60, "iat": at + 60 })).await;
}

/// The public half that is to be registered there, as the operator reads it.
async fn registered(h: &House, op: &Operator) -> Keys {
    let jwk = op.identities(&h.0.admin).await.unwrap().psc.unwrap().jwk.expect("a key");
    Keys::read(format!("{{\"keys\":[{jwk}]}}").as_bytes()).unwrap()
}

async fn a_client_proves_itself_by_its_key(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let pem = || {
        let text = STANDARD.encode(key("sans-nom").1);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
        Zeroizing::new(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
    };
    let own = pem();
    let op = provider.node(&h, |psc| (psc.secret, psc.key_pem) = (None, Some(own.clone()))).await;
    let keys = registered(&h, &op).await;
    // Its name follows from the key (RFC 7638): another node, or another run, says the same.
    let again = provider.node(&h, |psc| (psc.secret, psc.key_pem) = (None, Some(own.clone()))).await;
    assert_eq!(registered(&h, &again).await.names().collect::<Vec<_>>(), keys.names().collect::<Vec<_>>());
    provider.set(|i| i.proves = Proves::Key(keys));
    // Each question has a proof of its own: the provider takes none twice.
    for node in [&op, &again, &op] {
        anne(node, &provider, json!({})).await;
    }
    // By another key, or by none, nobody is us.
    let stranger = provider.node(&h, |psc| (psc.secret, psc.key_pem) = (None, Some(pem()))).await;
    let secret = provider.node(&h, |_| {}).await;
    for node in [&stranger, &secret] {
        let browser = Browser::new(node);
        let query = provider.anne(&goes(node, &browser).await);
        assert_eq!(code(returns(node, &browser, &query).await), "provider.unavailable");
    }
    assert_eq!(secret.identities(&h.0.admin).await.unwrap().psc.unwrap().jwk, None);
    // A key that cannot sign is found before anybody signs in.
    for bad in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        let mut psc = provider.settings();
        psc.key_pem = Some(Zeroizing::new(bad.to_owned()));
        assert_eq!(code(psc.signer().map(drop)), "admin.invalid");
    }
}

async fn a_client_proves_itself_by_its_certificate(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let own = provider.pki.identity("mss.alpha.fr");
    let elsewhere = provider.elsewhere();
    let (token, there) = (elsewhere.url("/psc/autre/token"), elsewhere.host());
    provider.set(|i| i.proves = Proves::Certificate(own.chain[0].to_vec()));
    let certified = |psc: &mut sceau_operator::identity::settings::PscSettings| {
        (psc.secret, psc.identity) = (None, Some(own.clone()));
    };
    let op = provider.node(&h, certified).await;
    anne(&op, &provider, json!({})).await;
    assert_eq!((provider.asked("/token"), provider.asked("/autre/token")), (1, 0));
    // RFC 8705 §5: where there is an address for certificates, it is asked there; at another host only when somebody said so.
    provider.set(|i| i.document = json!({ "mtls_endpoint_aliases": { "token_endpoint": token } }));
    let told = provider.node(&h, |psc| {
        certified(psc);
        psc.hosts = vec![there];
    });
    let (unaware, told) = (provider.node(&h, certified).await, told.await);
    let browser = Browser::new(&unaware);
    let query = provider.anne(&goes(&unaware, &browser).await);
    assert_eq!(code(returns(&unaware, &browser, &query).await), "provider.unavailable");
    assert_eq!(provider.asked("/autre/token"), 0);
    anne(&told, &provider, json!({})).await;
    assert_eq!((provider.asked("/token"), provider.asked("/autre/token")), (1, 1));
    // Another certificate of the same authority is not ours; whoever shows none asks where he always did.
    let other = provider.pki.identity("mss.autre.fr");
    let stranger = provider.node(&h, |psc| {
        certified(psc);
        (psc.identity, psc.hosts) = (Some(other), vec![elsewhere.host()]);
    });
    let (stranger, secret) = (stranger.await, provider.node(&h, |_| {}).await);
    let browser = Browser::new(&stranger);
    let query = provider.anne(&goes(&stranger, &browser).await);
    assert_eq!(code(returns(&stranger, &browser, &query).await), "provider.unavailable");
    provider.set(|i| i.proves = Proves::Secret(SECRET));
    anne(&secret, &provider, json!({})).await;
    assert_eq!((provider.asked("/token"), provider.asked("/autre/token")), (2, 2));
}

async fn whoever_is_not_known_there_is_told_of_it(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let op = provider.node(&h, |_| {}).await;
    provider.set(|i| i.proves = Proves::Secret("autre-secret"));
    // It is nobody's fault who signs in; whoever runs the operator hears it, once a minute.
    for _ in 0..2 {
        let browser = Browser::new(&op);
        let query = provider.anne(&goes(&op, &browser).await);
        assert_eq!(code(returns(&op, &browser, &query).await), "provider.unavailable");
    }
    let told = h.0.op.alarms(&h.0.admin, false).await.unwrap();
    let told = told.iter().find(|a| a.code == "psc.client").expect("the alarm");
    assert_eq!(
        (told.count, told.severity.as_str(), told.subject.as_str()),
        (1, "critical", provider.issuer().as_str())
    );
    assert!(
        told.fr.contains("sous l'identifiant nous") && !told.fr.contains('{') && !told.en.contains(SECRET),
        "{told:?}"
    );
    // Mended: by the node that told it, or by any other, which knows nothing of that.
    provider.set(|i| i.proves = Proves::Secret(SECRET));
    let other = provider.node(&h, |_| {}).await;
    anne(&other, &provider, json!({})).await;
    assert!(!alarms(&h).await.contains(&"psc.client".to_owned()));
}

async fn a_provider_that_is_away_is_asked_by_one_for_all(h: House) {
    let provider = Provider::start(&h);
    let op = provider.node(&h, |_| {}).await;
    provider.set(|i| i.away = Some(503));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let op = op.clone();
        all.spawn(async move { code(op.psc_offer().await) });
    }
    while let Some(said) = all.join_next().await {
        assert_eq!(said.unwrap(), "provider.unavailable");
    }
    assert_eq!(provider.asked(ADDRESS), 1, "the others do not wait for the same silence");
    assert!(alarms(&h).await.contains(&"psc.unreachable".to_owned()));
    // After a pause it is asked again; the alarm goes with its answer, also for a node that never knew it silent.
    h.0.advance(5);
    assert_eq!(code(op.psc_offer().await), "provider.unavailable");
    provider.set(|i| i.away = None);
    let other = provider.node(&h, |_| {}).await;
    assert!(other.psc_offer().await.unwrap().calls);
    assert!(!alarms(&h).await.contains(&"psc.unreachable".to_owned()));
    h.0.advance(5);
    assert!(op.psc_offer().await.is_ok());
    // What is known serves on while it is away, until it is too old for that.
    provider.set(|i| i.away = Some(500));
    h.0.advance(3600);
    assert!(op.psc_offer().await.is_ok());
    h.0.advance(23 * 3600);
    assert_eq!(code(op.psc_offer().await), "provider.unavailable");
}

async fn what_a_provider_says_of_itself_has_to_be_its_own(h: House) {
    let provider = Provider::start(&h);
    let op = provider.node(&h, |_| {}).await;
    for wrong in [
        json!({ "issuer": "https://autre.example" }),
        json!({ "token_endpoint": "http://autre.example/token" }),
        json!({ "jwks_uri": null }),
        json!({ "id_token_signing_alg_values_supported": ["none", "HS256"] }),
    ] {
        provider.set(|i| i.document = wrong.clone());
        h.0.advance(5);
        let before = provider.asked(ADDRESS);
        // Each page of ours would ask it otherwise.
        for _ in 0..3 {
            assert_eq!(code(op.psc_offer().await), "provider.unavailable", "{wrong}");
        }
        assert_eq!(provider.asked(ADDRESS), before + 1, "{wrong}");
        // Whoever asks by hand hears the same, and no word about a proof that nobody showed.
        assert_eq!(code(op.refresh_identities(&h.0.admin).await.map(drop)), "provider.unavailable");
    }
    assert_eq!(provider.asked("/keys"), 0);
    assert!(alarms(&h).await.contains(&"psc.keys".to_owned()));
    // Keys at a host that nobody named are not fetched, whoever signed the description.
    provider.set(|i| i.document = json!({ "jwks_uri": "https://autre.example/keys" }));
    assert_eq!(code(op.refresh_identities(&h.0.admin).await.map(drop)), "provider.unavailable");
    provider.set(|i| i.document = json!({}));
    // Another node hears that all is well again.
    let other = provider.node(&h, |_| {}).await;
    let seen = other.refresh_identities(&h.0.admin).await.unwrap().psc.unwrap();
    assert_eq!((seen.keys.as_slice(), seen.silent), (&["k0".to_owned()][..], None));
    assert!(!alarms(&h).await.contains(&"psc.keys".to_owned()));
}
