//! Our own authorization server: what a person lets in and what it may, secrets that serve once whichever nodes are asked, the end of a grant.
use super::House;
use sceau_domain::RefusalCode;
use sceau_identity::factor::Factor;
use sceau_identity::form;
use sceau_identity::oauth::OauthError;
use sceau_operator::identity::oauth::authorize::{Put, Question};
use sceau_operator::identity::oauth::clients::{ClientChange, ClientView, NewClient};
use sceau_operator::login::sasl::Bearer;
use sceau_operator::{Actor, Door, Operator};
use sceau_testkit::browser::signed_in;
use sceau_testkit::world::{code, origin};
use serde_json::Value;
use zeroize::Zeroizing;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const BACK: &str = "http://127.0.0.1:4711/retour";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

each_engine!(
    a_person_lets_a_program_in_for_what_it_asked,
    codes_serve_once_and_to_whom_they_were_given,
    refresh_tokens_turn_and_a_copy_ends_the_grant,
    an_answer_that_was_lost_is_no_copy,
    nodes_that_are_asked_at_once_give_no_two_futures,
    a_device_waits_for_its_person,
    a_server_proves_itself,
    what_is_taken_back_ends_everywhere,
    consent_needs_a_fresh_factor_and_a_policy_that_admits,
    a_grant_ends_when_the_policy_of_its_domain_says,
    a_policy_that_changes_holds_for_grants_that_exist,
);

fn new(kind: &str, scope: &str) -> NewClient {
    NewClient {
        client_id: format!("lecteur-{kind}"),
        name: "Lecteur".into(),
        kind: kind.into(),
        redirects: if kind == "native" { vec!["http://127.0.0.1/retour".into()] } else { Vec::new() },
        scope: scope.into(),
        jwks: None,
    }
}

async fn registered(h: &House, new: NewClient) -> ClientView {
    h.0.op.add_oauth_client(&h.0.admin, new).await.unwrap()
}

async fn anne(h: &House) -> Actor {
    signed_in(&h.0.op, &h.0.store, "anne", &[Factor::Card]).await.1
}

async fn put(op: &Operator, scope: &str) -> Put {
    let query = [
        ("response_type", "code"),
        ("client_id", "lecteur-native"),
        ("redirect_uri", BACK),
        ("scope", scope),
        ("state", "s1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    match op.oauth_question(&form::read(&form::write(&query)).unwrap()).await.unwrap() {
        Question::Put(put) => *put,
        other => panic!("{other:?}"),
    }
}

/// A parameter of an address.
fn of(url: &str, name: &str) -> String {
    let query = form::read(url.split_once('?').unwrap().1).unwrap();
    form::once(&query, name).unwrap().unwrap_or_else(|| panic!("{name}: {url}")).to_owned()
}

async fn asks(op: &Operator, fields: &[(&str, &str)]) -> Result<Value, OauthError> {
    let form = form::read(&form::write(fields)).unwrap();
    op.oauth_token(&form, None, &origin(Door::Web)).await
}

fn with_code<'a>(code: &'a str, verifier: &'a str) -> [(&'a str, &'a str); 5] {
    let grant = ("grant_type", "authorization_code");
    [grant, ("client_id", "lecteur-native"), ("code", code), ("code_verifier", verifier), ("redirect_uri", BACK)]
}

/// The same fields with another value for one; none takes it away.
fn but<'a>(fields: &[(&'a str, &'a str)], name: &str, value: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let one = |(n, v): &(&'a str, &'a str)| if *n == name { value.map(|v| (*n, v)) } else { Some((*n, *v)) };
    fields.iter().filter_map(one).collect()
}

async fn refreshed(op: &Operator, token: &Value) -> Result<Value, OauthError> {
    let token = token["refresh_token"].as_str().unwrap().to_owned();
    asks(op, &[("grant_type", "refresh_token"), ("client_id", "lecteur-native"), ("refresh_token", &token)]).await
}

/// Lets the program in, and fetches its first tokens.
async fn let_in(h: &House, scope: &str, bal: Option<&str>) -> Value {
    let op = &h.0.op;
    let url = op.oauth_answer(&anne(h).await, &put(op, scope).await, bal, true).await.unwrap();
    asks(op, &with_code(&of(&url, "code"), VERIFIER)).await.unwrap()
}

async fn logs_in(op: &Operator, token: &Value, login: Option<&str>, door: Door) -> Result<Actor, RefusalCode> {
    let token = token["access_token"].as_str().unwrap().to_owned();
    let given = Bearer { login: login.map(str::to_owned), token: Zeroizing::new(token) };
    op.login_bearer(&given, &origin(door)).await.map_err(|r| r.code)
}

async fn a_person_lets_a_program_in_for_what_it_asked(h: House) {
    let op = &h.0.op;
    assert_eq!(code(op.add_oauth_client(&anne(&h).await, new("native", "mail")).await), "right.missing");
    registered(&h, new("native", "mail offline_access")).await;
    let tokens = let_in(&h, "mail.read", None).await;
    assert!(tokens["access_token"].as_str().unwrap().starts_with("sceau_at_"));
    assert_eq!((&tokens["token_type"], &tokens["scope"]), (&"Bearer".into(), &"mail.read".into()));
    assert_eq!(
        (&tokens["expires_in"], tokens.get("refresh_token")),
        (&3600.into(), None),
        "it did not ask to go on alone"
    );
    // It reads; it neither sends nor files, at any door, in its own BAL or beside it.
    let actor = logs_in(op, &tokens, Some(ANNE), Door::Imap).await.unwrap();
    assert_eq!(actor.bal.as_ref().unwrap().chair.as_ref().unwrap().rights.names(), ["read"]);
    op.still_allowed(&actor).await.unwrap();
    assert!(op.folders(&actor).await.is_ok());
    assert_eq!(code(op.create_folder(&actor, "Dossier", None).await), "right.missing");
    assert_eq!(logs_in(op, &tokens, None, Door::Submission).await.unwrap_err(), RefusalCode::RightMissing);
    for beside in op.other_bals(&actor).await.unwrap() {
        assert_eq!(beside.chair.unwrap().rights.names(), ["read"]);
    }
    // It stands among her devices, and its trace says for what.
    let own = op.own_tokens(&anne(&h).await).await.unwrap();
    let listed = own.tokens.iter().find(|t| t.purpose == "oauth").unwrap();
    assert_eq!(
        (listed.label.as_str(), listed.scope.as_deref(), listed.strength.as_str()),
        ("Lecteur", Some("mail.read"), "card")
    );
    let trace = &h.0.traces("oauth.granted").await[0];
    assert_eq!((trace.actor.as_str(), trace.data["scope"].as_str()), ("anne", Some("mail.read")));
    // A no is an answer too.
    let no = op.oauth_answer(&anne(&h).await, &put(op, "mail").await, None, false).await.unwrap();
    assert_eq!((of(&no, "error").as_str(), of(&no, "state").as_str()), ("access_denied", "s1"));
    // For one BAL it opens no other.
    let bound = let_in(&h, "mail", Some("exploitation@alpha.mssante.fr")).await;
    assert!(logs_in(op, &bound, Some(ANNE), Door::Imap).await.is_err());
    let there = logs_in(op, &bound, None, Door::Imap).await.unwrap();
    assert_eq!(there.bal.unwrap().address.to_string(), "exploitation@alpha.mssante.fr");
    let put = put(op, "mail").await;
    let stranger = Some("bruno.petit@alpha.mssante.fr");
    assert_eq!(code(op.oauth_answer(&anne(&h).await, &put, stranger, true).await), "right.missing");
    // No token of another kind is one of these, nor the other way round.
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(code(op.login_token("anne", access, &origin(Door::Imap)).await), "login.failed");
    assert_eq!(code(op.login_api(access, &origin(Door::Api)).await), "login.failed");
}

async fn codes_serve_once_and_to_whom_they_were_given(h: House) {
    let op = &h.0.op;
    registered(&h, new("native", "mail offline_access")).await;
    let given = async || {
        let url = op.oauth_answer(&anne(&h).await, &put(op, "mail offline_access").await, None, true).await.unwrap();
        assert!(
            url.starts_with(BACK) && of(&url, "iss") == "https://mss.alpha.fr" && of(&url, "state") == "s1",
            "{url}"
        );
        of(&url, "code")
    };
    let code = given().await;
    // pkce_missing, pkce_wrong, another address, another program: nothing, and the code is not lost for its own.
    let wrong = VERIFIER.replace("dBj", "dBk");
    let good = with_code(&code, VERIFIER);
    for (fields, error) in [
        (but(&good, "code_verifier", None), OauthError::InvalidRequest),
        (but(&good, "code", Some("autre")), OauthError::InvalidGrant),
        (but(&good, "redirect_uri", Some("http://127.0.0.1:4712/retour")), OauthError::InvalidGrant),
        (but(&good, "client_id", Some("lecteur-inconnu")), OauthError::InvalidClient),
    ] {
        assert_eq!(asks(op, &fields).await.unwrap_err(), error, "{fields:?}");
    }
    assert_eq!(asks(op, &with_code(&code, &wrong)).await.unwrap_err(), OauthError::InvalidGrant);
    let tokens = asks(op, &good).await.unwrap();
    logs_in(op, &tokens, None, Door::Imap).await.unwrap();
    // code_replayed: whoever has it twice has it from somebody; what it gave is over.
    assert_eq!(asks(op, &good).await.unwrap_err(), OauthError::InvalidGrant);
    assert_eq!(logs_in(op, &tokens, None, Door::Imap).await.unwrap_err(), RefusalCode::LoginFailed);
    assert_eq!(refreshed(op, &tokens).await.unwrap_err(), OauthError::InvalidGrant);
    assert_eq!(h.0.traces("oauth.reuse").await.len(), 1);
    // One that was not fetched in time, and its grant with it.
    let late = given().await;
    h.0.advance(61);
    assert_eq!(asks(op, &with_code(&late, VERIFIER)).await.unwrap_err(), OauthError::InvalidGrant);
    h.0.advance(700);
    assert!(op.own_tokens(&anne(&h).await).await.unwrap().tokens.iter().all(|t| t.purpose != "oauth"));
}

async fn refresh_tokens_turn_and_a_copy_ends_the_grant(h: House) {
    let op = &h.0.op;
    registered(&h, new("native", "mail offline_access")).await;
    let first = let_in(&h, "mail offline_access", None).await;
    h.0.advance(3_601);
    assert_eq!(logs_in(op, &first, None, Door::Imap).await.unwrap_err(), RefusalCode::LoginFailed, "an hour");
    let second = refreshed(op, &first).await.unwrap();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let session = logs_in(op, &second, None, Door::Imap).await.unwrap();
    // Less may be asked, never more.
    let token = second["refresh_token"].as_str().unwrap();
    let more =
        [("grant_type", "refresh_token"), ("client_id", "lecteur-native"), ("refresh_token", token), ("scope", "rien")];
    assert_eq!(asks(op, &more).await.unwrap_err(), OauthError::InvalidScope);
    h.0.advance(60);
    let third = refreshed(op, &second).await.unwrap();
    // The one before comes back after a minute: somebody has a copy.
    h.0.advance(60);
    assert_eq!(refreshed(op, &second).await.unwrap_err(), OauthError::InvalidGrant);
    assert_eq!(refreshed(op, &third).await.unwrap_err(), OauthError::InvalidGrant);
    assert_eq!(code(op.still_allowed(&session).await), "right.missing", "its sessions end");
    let alarms = op.alarms(&h.0.admin, true).await.unwrap();
    assert!(alarms.iter().any(|a| a.code == "oauth.reuse" && a.subject == "lecteur-native"), "{alarms:?}");
}

async fn an_answer_that_was_lost_is_no_copy(h: House) {
    let op = &h.0.op;
    registered(&h, new("native", "mail offline_access")).await;
    let first = let_in(&h, "mail offline_access", None).await;
    let lost = refreshed(op, &first).await.unwrap();
    h.0.advance(9);
    let again = refreshed(op, &first).await.unwrap();
    assert_ne!(lost["refresh_token"], again["refresh_token"]);
    h.0.advance(30);
    let next = refreshed(op, &again).await.unwrap();
    logs_in(op, &next, None, Door::Imap).await.unwrap();
}

async fn nodes_that_are_asked_at_once_give_no_two_futures(h: House) {
    let (op, other) = (&h.0.op, h.0.restarted().await);
    registered(&h, new("native", "mail offline_access")).await;
    for _ in 0..5 {
        let url = op.oauth_answer(&anne(&h).await, &put(op, "mail offline_access").await, None, true).await.unwrap();
        let code = of(&url, "code");
        let fields = with_code(&code, VERIFIER);
        let (a, b) = tokio::join!(asks(op, &fields), asks(&other, &fields));
        assert!(a.is_err() || b.is_err(), "one code, two answers");
        let first = let_in(&h, "mail offline_access", None).await;
        let (a, b) = tokio::join!(refreshed(op, &first), refreshed(&other, &first));
        // Both at once: the answer of one may have been lost. Both go on as one grant; later one of them is not the newest.
        let (a, b) = (a.unwrap(), b.unwrap());
        h.0.advance(30);
        refreshed(op, &a).await.unwrap();
        h.0.advance(30);
        assert_eq!(refreshed(&other, &b).await.unwrap_err(), OauthError::InvalidGrant);
    }
}

async fn a_device_waits_for_its_person(h: House) {
    let op = &h.0.op;
    registered(&h, new("native", "mail offline_access")).await;
    let begin = async |scope: &str| {
        let form = form::read(&form::write(&[("client_id", "lecteur-native"), ("scope", scope)])).unwrap();
        op.oauth_device(&form, None, &origin(Door::Web)).await
    };
    let poll = async |asked: &Value| {
        let device = asked["device_code"].as_str().unwrap().to_owned();
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        asks(op, &[("grant_type", grant), ("client_id", "lecteur-native"), ("device_code", &device)]).await
    };
    assert_eq!(begin("openid").await.unwrap_err(), OauthError::InvalidScope);
    let asked = begin("mail.read offline_access").await.unwrap();
    assert_eq!(asked["verification_uri"], "https://mss.alpha.fr/appareil");
    let user_code = asked["user_code"].as_str().unwrap().to_owned();
    assert_eq!(poll(&asked).await.unwrap_err(), OauthError::SlowDown, "too soon");
    h.0.advance(10);
    assert_eq!(poll(&asked).await.unwrap_err(), OauthError::AuthorizationPending);
    let me = anne(&h).await;
    let typed = user_code.to_lowercase().replace('-', " ");
    let waiting = op.oauth_waiting(&me, &typed).await.unwrap();
    assert_eq!((waiting.name.as_str(), waiting.scopes.to_string().as_str()), ("Lecteur", "mail.read offline_access"));
    // Decided once, whichever nodes are asked.
    let other = h.0.restarted().await;
    let (a, b) = tokio::join!(
        op.oauth_device_answer(&me, &typed, None, true),
        other.oauth_device_answer(&me, &typed, None, true)
    );
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    assert_eq!(code(op.oauth_waiting(&me, &typed).await), "factor.spent");
    h.0.advance(10);
    let tokens = poll(&asked).await.unwrap();
    logs_in(op, &tokens, None, Door::Imap).await.unwrap();
    h.0.advance(10);
    assert_eq!(poll(&asked).await.unwrap_err(), OauthError::InvalidGrant, "once");
    // No; and nobody who answers.
    let refused = begin("mail.read").await.unwrap();
    op.oauth_device_answer(&me, refused["user_code"].as_str().unwrap(), None, false).await.unwrap();
    h.0.advance(10);
    assert_eq!(poll(&refused).await.unwrap_err(), OauthError::AccessDenied);
    let late = begin("mail.read").await.unwrap();
    h.0.advance(601);
    assert_eq!(poll(&late).await.unwrap_err(), OauthError::ExpiredToken);
    // device_code_guessed: a few wrong ones, and the right one waits too.
    let asked = begin("mail.read").await.unwrap();
    for wrong in ["BBBB-BBBB", "CCCC-CCCC", "x", "DDDD-DDDD", "FFFF-FFFF", "GGGG-GGGG"] {
        assert!(op.oauth_waiting(&me, wrong).await.is_err());
    }
    assert_eq!(code(op.oauth_waiting(&me, asked["user_code"].as_str().unwrap()).await), "login.too_many");
}

async fn a_server_proves_itself(h: House) {
    let op = &h.0.op;
    let made = registered(&h, new("confidential", "mail offline_access")).await;
    let secret = made.secret.unwrap();
    assert_eq!(op.oauth_client_named(&h.0.admin, "lecteur-confidential").await.unwrap().secret, None, "shown once");
    let begin = async |secret: Option<&str>| {
        let mut fields = vec![("client_id", "lecteur-confidential"), ("scope", "mail.read")];
        fields.extend(secret.map(|s| ("client_secret", s)));
        op.oauth_device(&form::read(&form::write(&fields)).unwrap(), None, &origin(Door::Web)).await
    };
    begin(Some(&secret)).await.unwrap();
    for wrong in [None, Some("autre"), Some(&secret[1..])] {
        assert_eq!(begin(wrong).await.unwrap_err(), OauthError::InvalidClient, "{wrong:?}");
    }
    // Another secret takes the place of the first.
    let change = ClientChange { new_secret: true, ..ClientChange::default() };
    let changed = op.edit_oauth_client(&h.0.admin, "lecteur-confidential", made.version, change.clone()).await.unwrap();
    assert_eq!(begin(Some(&secret)).await.unwrap_err(), OauthError::InvalidClient);
    begin(changed.secret.as_deref()).await.unwrap();
    let late = op.edit_oauth_client(&h.0.admin, "lecteur-confidential", made.version, change).await;
    assert_eq!(code(late), "edit.conflict");
    for bad in [
        NewClient { client_id: "a b".into(), ..new("native", "mail") },
        NewClient { kind: "autre".into(), ..new("native", "mail") },
        NewClient { redirects: vec!["http://ailleurs.fr/".into()], ..new("native", "mail") },
        NewClient { redirects: vec!["http://127.0.0.1/retour".into()], ..new("confidential", "mail") },
        new("native", "offline_access"),
        NewClient { jwks: Some(serde_json::json!({ "keys": [] })), ..new("confidential", "mail") },
    ] {
        assert_eq!(code(op.add_oauth_client(&h.0.admin, bad.clone()).await), "admin.invalid", "{bad:?}");
    }
}

async fn what_is_taken_back_ends_everywhere(h: House) {
    let (op, other) = (&h.0.op, h.0.restarted().await);
    let client = registered(&h, new("native", "mail offline_access")).await;
    // By the program.
    let tokens = let_in(&h, "mail offline_access", None).await;
    let session = logs_in(&other, &tokens, None, Door::Imap).await.unwrap();
    let give_back = async |token: &str| {
        let form = form::read(&form::write(&[("client_id", "lecteur-native"), ("token", token)])).unwrap();
        op.oauth_revoke(&form, None, &origin(Door::Web)).await
    };
    give_back("rien").await.unwrap();
    give_back(tokens["refresh_token"].as_str().unwrap()).await.unwrap();
    assert!(logs_in(&other, &tokens, None, Door::Imap).await.is_err());
    h.0.advance(2);
    assert_eq!(code(other.still_allowed(&session).await), "right.missing");
    // By the person, among her devices; nobody else's.
    let tokens = let_in(&h, "mail offline_access", None).await;
    let me = anne(&h).await;
    let id = op.own_tokens(&me).await.unwrap().tokens.iter().find(|t| t.purpose == "oauth").unwrap().id;
    let bruno = signed_in(op, &h.0.store, "bruno", &[Factor::Card]).await.1;
    assert_eq!(code(op.revoke_own_token(&bruno, id).await), "admin.not_found");
    op.revoke_own_token(&me, id).await.unwrap();
    assert_eq!(refreshed(&other, &tokens).await.unwrap_err(), OauthError::InvalidGrant);
    // With the program.
    let tokens = let_in(&h, "mail offline_access", None).await;
    let block = ClientChange { state: Some("blocked".into()), ..ClientChange::default() };
    op.edit_oauth_client(&h.0.admin, "lecteur-native", client.version, block).await.unwrap();
    assert!(logs_in(&other, &tokens, None, Door::Imap).await.is_err());
    assert_eq!(refreshed(&other, &tokens).await.unwrap_err(), OauthError::InvalidClient);
}

async fn consent_needs_a_fresh_factor_and_a_policy_that_admits(h: House) {
    let op = &h.0.op;
    registered(&h, new("native", "mail offline_access")).await;
    let (me, put) = (anne(&h).await, put(op, "mail").await);
    h.0.advance(660);
    assert_eq!(code(op.oauth_answer(&me, &put, None, true).await), "auth.fresh");
    assert_eq!(code(op.make_own_token(&me, "Poste", None, None).await), "auth.fresh");
    // A token for REST is no proof of a person.
    let anne_by_token = h.actor("anne").await;
    assert_eq!(code(op.make_own_token(&anne_by_token, "Poste", None, None).await), "login.required");
    let me = anne(&h).await;
    op.set_policy(&h.0.admin, "bal", ANNE, "device_tokens", 2).await.unwrap();
    let before = op.own_tokens(&me).await.unwrap().tokens.iter().filter(|t| t.purpose == "device").count();
    for i in before..2 {
        let (view, secret) = op.make_own_token(&me, &format!("Poste {i}"), None, Some(30)).await.unwrap();
        assert_eq!(view.expires.unwrap().0 - view.created.0, 30 * 86_400_000);
        let session = op.login_token(ANNE, &secret, &origin(Door::Imap)).await.unwrap();
        assert_eq!(session.credential, Some(view.id));
        let seen = op.own_tokens(&me).await.unwrap().tokens.into_iter().find(|t| t.id == view.id).unwrap();
        assert!(seen.last_used.is_some() && seen.last_place.is_some(), "{seen:?}");
        assert_eq!(seen.strength, "card");
    }
    assert_eq!(code(op.make_own_token(&me, "Un de trop", None, None).await), "device.too_many");
    op.set_policy(&h.0.admin, "bal", ANNE, "device_tokens", 0).await.unwrap();
    assert_eq!(code(op.make_own_token(&me, "Aucun", None, None).await), "device.forbidden");
    assert_eq!(code(op.oauth_answer(&me, &put, None, true).await), "device.forbidden");
    assert_eq!(op.own_tokens(&me).await.unwrap().days, None);
}

async fn a_grant_ends_when_the_policy_of_its_domain_says(h: House) {
    const DAYS: i64 = 3;
    let op = &h.0.op;
    assert!(i64::from(op.config().limits.device_token_days) > DAYS, "the operator's own is another one");
    registered(&h, new("native", "mail offline_access")).await;
    op.set_policy(&h.0.admin, "domain", "alpha.mssante.fr", "device_token_days", 3).await.unwrap();
    let tokens = let_in(&h, "mail offline_access", None).await;
    let own = op.own_tokens(&anne(&h).await).await.unwrap();
    let listed = own.tokens.iter().find(|t| t.purpose == "oauth").unwrap();
    assert_eq!(listed.expires.unwrap().0 - listed.created.0, DAYS * 86_400_000);
    // It turns until then, and no turn makes it longer.
    h.0.advance(2 * 86_400);
    let tokens = refreshed(op, &tokens).await.unwrap();
    logs_in(op, &tokens, None, Door::Imap).await.unwrap();
    h.0.advance(86_400 + 1);
    assert_eq!(refreshed(op, &tokens).await.unwrap_err(), OauthError::InvalidGrant);
    assert!(logs_in(op, &tokens, None, Door::Imap).await.is_err());
}

async fn a_policy_that_changes_holds_for_grants_that_exist(h: House) {
    let op = &h.0.op;
    let set = async |name: &str, value: u64| {
        op.set_policy(&h.0.admin, "domain", "alpha.mssante.fr", name, value).await.unwrap();
    };
    let unset = async |name: &str| op.unset_policy(&h.0.admin, "domain", "alpha.mssante.fr", name).await.unwrap();
    registered(&h, new("native", "mail offline_access")).await;
    let tokens = let_in(&h, "mail offline_access", None).await;
    let given_back = let_in(&h, "mail offline_access", None).await;
    let session = logs_in(op, &tokens, None, Door::Imap).await.unwrap();
    op.still_allowed(&session).await.unwrap();
    // No program any more: neither what it has, nor what it would fetch.
    set("device_tokens", 0).await;
    assert_eq!(code(op.still_allowed(&session).await), "right.missing");
    assert_eq!(logs_in(op, &tokens, None, Door::Imap).await.unwrap_err(), RefusalCode::LoginFailed);
    assert_eq!(refreshed(op, &tokens).await.unwrap_err(), OauthError::InvalidGrant);
    assert!(op.own_tokens(&anne(&h).await).await.unwrap().tokens.iter().all(|t| t.purpose != "oauth"));
    // What is given back meanwhile does not come again.
    let token = given_back["refresh_token"].as_str().unwrap();
    let form = form::read(&form::write(&[("token", token), ("client_id", "lecteur-native")])).unwrap();
    op.oauth_revoke(&form, None, &origin(Door::Web)).await.unwrap();
    unset("device_tokens").await;
    assert_eq!(refreshed(op, &given_back).await.unwrap_err(), OauthError::InvalidGrant);
    // For fewer days than it was given for: so many from its beginning, and what it fetches ends with it.
    set("device_token_days", 3).await;
    let tokens = refreshed(op, &tokens).await.unwrap();
    let own = op.own_tokens(&anne(&h).await).await.unwrap();
    let listed = own.tokens.iter().find(|t| t.purpose == "oauth").unwrap();
    assert_eq!(listed.expires.unwrap().0 - listed.created.0, 3 * 86_400_000);
    h.0.advance(2 * 86_400);
    let tokens = refreshed(op, &tokens).await.unwrap();
    logs_in(op, &tokens, None, Door::Imap).await.unwrap();
    h.0.advance(86_400 + 1);
    assert_eq!(refreshed(op, &tokens).await.unwrap_err(), OauthError::InvalidGrant);
    assert!(logs_in(op, &tokens, None, Door::Imap).await.is_err());
}
