//! Access tokens of Pro Santé Connect at the mail doors, against a played provider: attacks by name, keys that turn while three nodes serve, tokens that are
//! asked about, programs that nobody listed, tokens that say nothing by themselves.
use super::provider::{LPS, Provider, Writes, confused, forged, key, signed, unsigned};
use super::{House, entered};
use sceau_operator::identity::settings::{Any, Clients, Introspection};
use sceau_operator::login::sasl::Bearer;
use sceau_operator::{Actor, Door, Operator, Who};
use sceau_testkit::world::origin;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

each_engine!(
    a_token_that_is_not_good_opens_nothing,
    keys_turn_while_three_nodes_serve,
    tokens_are_asked_about_where_that_is_wanted,
    a_program_that_nobody_listed_is_let_in_where_every_one_is,
    a_token_that_says_nothing_is_asked_about_where_each_is,
);

const ANNE: &str = "anne.martin@alpha.mssante.fr";

/// A mail program shows a token.
async fn shows(op: &Operator, login: Option<&str>, token: &str) -> Result<Actor, &'static str> {
    let given = Bearer { login: login.map(str::to_owned), token: Zeroizing::new(token.to_owned()) };
    op.login_bearer(&given, &origin(Door::Imap)).await.map_err(|refusal| refusal.code.as_str())
}

/// Anne's program is let in.
async fn opens(op: &Operator, token: &str) {
    let actor = shows(op, None, token).await.unwrap();
    let Who::Person(person) = &actor.who else { panic!("{actor:?}") };
    assert_eq!((person.login.as_str(), actor.bal.unwrap().address.to_string().as_str()), ("anne", ANNE));
}

/// It is not: why.
async fn refuses(op: &Operator, token: &str) -> &'static str {
    shows(op, None, token).await.expect_err("refused")
}

async fn a_token_that_is_not_good_opens_nothing(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let op = provider.node(&h, |_| {}).await;
    let at = provider.set(|i| i.now());
    // Behind a good signature the cause is told; else it is any wrong secret. All at once: each refusal takes its time.
    let mut tries = JoinSet::new();
    let mut tried = |name: &'static str, token: String, refusal: &'static str| {
        let op = op.clone();
        tries.spawn(async move { assert_eq!(refuses(&op, &token).await, refusal, "{name}") });
    };
    for (name, changes, refusal) in [
        ("token_of_another_audience", json!({ "azp": "autre" }), "token.audience"),
        ("token_of_nobody_s_program", json!({ "azp": null }), "token.audience"),
        ("token_of_another_issuer", json!({ "iss": "https://autre.example" }), "login.failed"),
        ("token_expired", json!({ "exp": at - 60 }), "token.expired"),
        ("token_without_end", json!({ "exp": null }), "login.failed"),
        ("token_not_yet_valid", json!({ "nbf": at + 61 }), "login.failed"),
        ("token_of_the_future", json!({ "iat": at + 61 }), "login.failed"),
        ("assurance_too_low", json!({ "acr": "eidas0" }), "token.assurance"),
        ("id_token_as_access_token", json!({ "typ": "ID" }), "login.failed"),
        ("refresh_token_as_access_token", json!({ "typ": "Refresh" }), "login.failed"),
        ("logout_token_as_access_token", json!({ "events": {} }), "login.failed"),
        ("token_of_no_kind", json!({ "typ": null }), "login.failed"),
        ("about_nobody", json!({ "sub": null }), "login.failed"),
        ("number_of_somebody_else", json!({ "SubjectNameID": "810100000008", "sub": "f:1:autre" }), "identity.unknown"),
        ("name_of_somebody_else", json!({ "family_name": "PETIT", "sub": "f:1:faux" }), "identity.mismatch"),
    ] {
        tried(name, provider.access(&changes), refusal);
    }
    let attacks: [(&str, Writes); 4] = [
        ("algorithm_none", unsigned()),
        ("algorithm_hs256_with_the_public_key", confused()),
        ("key_of_somebody_else", forged(false)),
        ("key_of_somebody_else_under_its_name", forged(true)),
    ];
    for (name, writes) in attacks {
        tried(name, provider.access_written(&json!({}), writes), "login.failed");
    }
    // A header that brings a key with it, or an address of one, or something critical.
    let foreign = key("k0").0;
    for header in [
        json!({ "alg": "ES256", "kid": "k0", "jwk": foreign.public() }),
        json!({ "alg": "ES256", "kid": "k0", "jku": "https://autre.example/keys", "x5u": "https://autre.example/" }),
        json!({ "alg": "ES256", "kid": "k0", "crit": ["b64"], "b64": false }),
    ] {
        let good = provider.access(&json!({}));
        let claims = good.split('.').nth(1).unwrap().to_owned();
        let claims: Value = serde_json::from_slice(&decoded(&claims)).unwrap();
        tried("header_with_a_key", foreign.sign_under(&header, &claims).unwrap(), "login.failed");
    }
    while let Some(done) = tries.join_next().await {
        done.unwrap();
    }
    let standing = h.0.store.read(|tx| {
        let row = tx.query_opt("SELECT COUNT(*) FROM tokens WHERE purpose = 'psc'", &[])?;
        row.map_or(Ok(0), |r| r.int(0))
    });
    assert_eq!(standing.await.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}")), 0);
    // The same program, the same person, a good token.
    opens(&op, &provider.access(&json!({}))).await;
}

fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

async fn keys_turn_while_three_nodes_serve(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let nodes = [provider.node(&h, |_| {}).await, provider.node(&h, |_| {}).await, provider.node(&h, |_| {}).await];
    let old = provider.access(&json!({}));
    for node in &nodes {
        opens(node, &old).await;
    }
    assert_eq!(provider.asked("/keys"), 3, "each node has its own memory");
    // A new key beside the old one: each node asks once, whatever is shown to it how often.
    provider.rotates(true);
    let new = provider.access(&json!({}));
    for _ in 0..3 {
        for node in &nodes {
            opens(node, &new).await;
            opens(node, &old).await;
        }
    }
    assert_eq!(provider.asked("/keys"), 6);
    // Names of keys that nobody has make no node ask again within half a minute.
    let invented = async || {
        let mut tries = JoinSet::new();
        for node in nodes.iter().flat_map(|n| [n, n, n]) {
            let (node, token) = (node.clone(), provider.access_written(&json!({}), forged(false)));
            tries.spawn(async move { refuses(&node, &token).await });
        }
        while let Some(said) = tries.join_next().await {
            assert_eq!(said.unwrap(), "login.failed");
        }
    };
    invented().await;
    assert_eq!(provider.asked("/keys"), 6);
    h.0.advance(30);
    invented().await;
    assert_eq!(provider.asked("/keys"), 9, "once a node");
    // The old key is published no more: a node that learns the newest one believes it no longer.
    h.0.advance(30);
    provider.rotates(false);
    let newest = provider.access(&json!({}));
    let (first, others) = nodes.split_first().unwrap();
    opens(first, &newest).await;
    assert_eq!(refuses(first, &provider.access_written(&json!({}), forged(true))).await, "login.failed");
    assert_eq!(provider.asked("/keys"), 10);
    for node in others {
        opens(node, &newest).await;
    }
    assert_eq!(refuses(first, &old).await, "login.failed", "good by its time, not by its key");
    // While it is away a key that is not known is no proof, and no fault of whoever shows it.
    provider.rotates(true);
    h.0.advance(30);
    let last = provider.access(&json!({}));
    provider.set(|i| i.away = Some(503));
    for node in &nodes {
        assert_eq!(refuses(node, &last).await, "provider.unavailable");
    }
    provider.set(|i| i.away = None);
    h.0.advance(5);
    for node in &nodes {
        opens(node, &last).await;
    }
}

async fn tokens_are_asked_about_where_that_is_wanted(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let always = provider.node(&h, |psc| psc.introspection = Introspection::Always).await;
    let missing = provider.node(&h, |_| {}).await;
    let never = provider.node(&h, |psc| psc.introspection = Introspection::Never).await;
    let token = provider.access(&json!({}));
    for asked in 1..=2 {
        opens(&always, &token).await;
        assert_eq!(provider.asked("/introspect"), asked, "each time");
    }
    // Where what is missing is asked for, a token that says all of it, of a program that came before, needs no question.
    opens(&missing, &token).await;
    opens(&never, &token).await;
    assert_eq!(provider.asked("/introspect"), 2);
    // Ended there before its time.
    provider.set(|i| i.live.clear());
    assert_eq!(refuses(&always, &token).await, "token.expired");
    opens(&missing, &token).await;
    // The answer is about the very token.
    for (said, refusal) in [
        (json!({ "sub": "f:1:autre" }), "login.failed"),
        (json!({ "azp": "autre" }), "token.audience"),
        (json!({ "acr": "eidas0" }), "token.assurance"),
        (json!({ "typ": "ID" }), "login.failed"),
        (json!({ "active": "true" }), "login.failed"),
    ] {
        let token = provider.access(&json!({}));
        provider.set(|i| {
            let live = i.live.get_mut(&token).unwrap();
            said.as_object().unwrap().iter().for_each(|(name, value)| live[name] = value.clone());
        });
        assert_eq!(refuses(&always, &token).await, refusal, "{said}");
    }
    // What the token does not say of its level: asked where something missing is, else it counts for nothing.
    let silent = provider.access(&json!({ "acr": null }));
    assert_eq!(refuses(&never, &silent).await, "token.assurance");
    assert_eq!(refuses(&missing, &silent).await, "token.assurance", "nor does the provider say it");
    provider.set(|i| i.live.get_mut(&silent).unwrap()["acr"] = json!("eidas1"));
    opens(&missing, &silent).await;
    // It has no place for such questions: "always" is not "where one can".
    provider.set(|i| i.document = json!({ "introspection_endpoint": null }));
    let always = provider.node(&h, |psc| psc.introspection = Introspection::Always).await;
    let missing = provider.node(&h, |_| {}).await;
    assert_eq!(refuses(&always, &token).await, "provider.unavailable");
    opens(&missing, &token).await;
}

async fn a_program_that_nobody_listed_is_let_in_where_every_one_is(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let listed = provider.node(&h, |_| {}).await;
    let any = provider.node(&h, |psc| psc.clients = Clients::Any(Any::Any)).await;
    let token = provider.access(&json!({ "azp": "inconnu" }));
    assert_eq!(refuses(&listed, &token).await, "token.audience");
    opens(&any, &token).await;
    assert_eq!(provider.asked("/introspect"), 1, "whoever stole it elsewhere may have been found out there");
    // Its person sees which program that was.
    let rows = any.tokens(&h.0.admin, Some("anne"), 0, 100).await.unwrap();
    let row = rows.iter().find(|t| t.purpose == "psc").expect("a row");
    assert_eq!(row.label, "inconnu");
    provider.set(|i| i.live.clear());
    assert_eq!(refuses(&any, &token).await, "token.expired");
    // Nothing says for whom it was.
    opens(&any, &provider.access(&json!({ "azp": null }))).await;
    // Where nobody can be asked such a token opens nothing, unless the operator wants no questions.
    provider.set(|i| i.document = json!({ "introspection_endpoint": null }));
    let cannot = provider.node(&h, |psc| psc.clients = Clients::Any(Any::Any)).await;
    let never = provider.node(&h, |psc| {
        (psc.clients, psc.introspection) = (Clients::Any(Any::Any), Introspection::Never);
    });
    assert_eq!(refuses(&cannot, &provider.access(&json!({ "azp": "inconnu" }))).await, "provider.unavailable");
    opens(&never.await, &provider.access(&json!({ "azp": "inconnu" }))).await;
    // It is shown as what it is.
    for (op, is_any) in [(&listed, false), (&any, true)] {
        let seen = op.identities(&h.0.admin).await.unwrap();
        let clients = seen.psc.unwrap().clients;
        assert_eq!(clients, [if is_any { "any" } else { LPS }]);
        let fact = seen.unverified.iter().find(|f| f.code == "psc_any_client");
        assert_eq!(fact.map(|f| f.fr.contains("clients") && f.en.contains("clients")), is_any.then_some(true));
    }
}

async fn a_token_that_says_nothing_is_asked_about_where_each_is(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let always = provider.node(&h, |psc| psc.introspection = Introspection::Always).await;
    let missing = provider.node(&h, |_| {}).await;
    let opaque = |name: &'static str, changes: &Value| {
        provider.access_written(changes, Box::new(move |_, _| format!("jeton-opaque~{name}")))
    };
    let good = opaque("bon", &json!({}));
    opens(&always, &good).await;
    assert_eq!((provider.asked("/introspect"), provider.asked("/userinfo")), (1, 1), "who it is, the first time");
    opens(&always, &good).await;
    assert_eq!((provider.asked("/introspect"), provider.asked("/userinfo")), (2, 1));
    // It says everything of it, and that is judged as a token's own word; it need not say who it is itself.
    for (name, changes, refusal) in [
        ("autre-programme", json!({ "azp": "autre" }), "token.audience"),
        ("niveau-bas", json!({ "acr": "eidas0" }), "token.assurance"),
        ("niveau-tu", json!({ "acr": null }), "token.assurance"),
        ("autre-emetteur", json!({ "iss": "https://autre.example" }), "login.failed"),
        ("autre-sorte", json!({ "typ": "Refresh" }), "login.failed"),
        ("de-personne", json!({ "sub": null }), "login.failed"),
        ("sans-fin", json!({ "exp": null }), "login.failed"),
    ] {
        assert_eq!(refuses(&always, &opaque(name, &changes)).await, refusal, "{name}");
    }
    opens(
        &always,
        &opaque("norme", &json!({ "iss": null, "typ": null, "azp": null, "client_id": LPS, "token_type": "Bearer" })),
    )
    .await;
    // One that it does not know, or no more, is any wrong secret, counted as such.
    provider.set(|i| drop(i.live.remove(&good)));
    assert_eq!(refuses(&always, &good).await, "login.failed");
    // Elsewhere nobody is asked about what may be anything.
    let asked = provider.asked("/introspect");
    assert_eq!(refuses(&missing, &opaque("ailleurs", &json!({}))).await, "login.failed");
    // Nor is anybody told a secret of ours: whose login is wrong, who was revoked, of another kind; nor somebody else's signed token.
    let (row, device) = always.create_token(&h.0.admin, "anne", None, "téléphone", None).await.unwrap();
    assert!(shows(&always, Some("anne"), &device).await.is_ok());
    assert_eq!(shows(&always, Some("bruno"), &device).await.expect_err("not his"), "login.failed");
    always.revoke_token(&h.0.admin, row.id).await.unwrap();
    assert_eq!(shows(&always, Some("anne"), &device).await.expect_err("revoked"), "login.failed");
    let foreign = key("k9").0.sign("JWT", &json!({ "iss": "https://autre.example", "sub": "x" })).unwrap();
    for secret in ["sceau_at_inconnu", "sceau_rt_inconnu", "a.b.c", &foreign] {
        assert_eq!(refuses(&always, secret).await, "login.failed", "{secret}");
    }
    assert_eq!(provider.asked("/introspect"), asked);
    // While it is away, nobody is counted as guessing.
    provider.set(|i| i.away = Some(503));
    assert_eq!(refuses(&always, "jeton-opaque~inconnu").await, "provider.unavailable");
    opens_no_more(&h, &always, &provider).await;
}

/// A row that its person revoked stays shut, whatever good token is shown.
async fn opens_no_more(h: &House, op: &Operator, provider: &Provider) {
    provider.set(|i| i.away = None);
    h.0.advance(5);
    let token = provider.access_written(&json!({}), signed());
    opens(op, &token).await;
    let rows = op.tokens(&h.0.admin, Some("anne"), 0, 100).await.unwrap();
    let row = rows.iter().find(|t| t.purpose == "psc" && t.revoked.is_none()).expect("a row");
    op.revoke_token(&h.0.admin, row.id).await.unwrap();
    assert_eq!(refuses(op, &token).await, "token.not_yours");
}
