//! Sign-ins of structures, and providers that end sessions (OpenID Connect Back-Channel Logout), against a played provider.
use super::provider::{CLIENT, Provider, SECRET, SUB, signed};
use super::psc::{anne, goes, returns};
use super::{House, entered};
use sceau_domain::Refusal;
use sceau_identity::factor::Factor;
use sceau_operator::identity::bind::Kind;
use sceau_operator::identity::sessions::{Entered, SignedIn};
use sceau_operator::identity::sso::{NewSso, SsoChange};
use sceau_operator::login::sasl::Bearer;
use sceau_operator::{Actor, Door, Operator};
use sceau_testkit::browser::{Browser, signed_in};
use sceau_testkit::world::{code, origin};
use serde_json::{Value, json};
use zeroize::Zeroizing;

each_engine!(
    a_provider_ends_a_session_or_all_of_a_person,
    a_logout_token_that_is_not_good_ends_nothing,
    a_structure_s_word_is_for_whom_it_was_linked_to,
    two_structures_at_one_provider_are_two_clients,
    what_somebody_unlinks_opens_nothing,
);

/// Is this session still one?
async fn lives(op: &Operator, actor: &Actor) -> bool {
    let sessions = op.sessions(actor, "anne").await.unwrap();
    sessions.iter().any(|s| Some(s.id) == actor.credential)
}

fn sso(provider: &Provider, name: &str, client: &str) -> NewSso {
    NewSso {
        name: name.into(),
        structure: "hopital".into(),
        issuer: provider.issuer(),
        client_id: client.into(),
        secret: Some(Zeroizing::new(SECRET.into())),
        claim: "amr".into(),
        values: vec!["mfa".into()],
        subject_claim: Some("uid".into()),
    }
}

/// A browser signs in at a structure: for a session that is there, where one is given.
async fn by_structure(
    op: &Operator,
    provider: &Provider,
    name: &str,
    session: Option<&Actor>,
    changes: Value,
) -> Result<(SignedIn, Browser), Refusal> {
    let browser = Browser::new(op);
    let attempt = op.begin_attempt(&browser.shown(), "/bal", session).await?;
    let url = op.begin_sso(name, attempt).await?;
    let query = provider.signs_in(&url, changes, signed());
    match op.return_sso(name, &browser.attempt, &query, session, &browser.origin).await? {
        Entered::In(signed) => Ok((signed, browser)),
        Entered::Second => panic!("two natures"),
    }
}

async fn a_provider_ends_a_session_or_all_of_a_person(h: House) {
    entered(&h).await;
    h.edit("bruno", |p| {
        p.national_id = Some("10100000008".into());
        (p.family_name, p.given_name) = (Some("Petit".into()), Some("Bruno".into()));
        (p.local_id, p.local_id_reason, p.local_id_until) = (None, None, None);
    })
    .await;
    let provider = Provider::start(&h);
    let (op, other) = (provider.node(&h, |_| {}).await, provider.node(&h, |_| {}).await);
    let bruno = json!({ "sub": "f:1:bruno", "SubjectNameID": "810100000008", "family_name": "PETIT", "given_name": "Bruno", "sid": "s3" });
    let one = anne(&op, &provider, json!({ "sid": "s1" })).await;
    let two = anne(&op, &provider, json!({ "sid": "s2" })).await;
    let bruno = anne(&op, &provider, bruno).await;
    // Whoever signed in without the provider is none of its business.
    let (_, own) = signed_in(&op, &h.0.store, "anne", &[Factor::Passkey]).await;
    other.provider_logout(&provider.logout(&json!({ "sid": "s1" }))).await.unwrap();
    assert_eq!((lives(&op, &one).await, lives(&op, &two).await, lives(&op, &own).await), (false, true, true));
    // §2.4: no session is named: all of this person's that came from there, on whichever node, also those of which no name was known.
    let three = anne(&other, &provider, json!({ "sid": null })).await;
    let four = anne(&op, &provider, json!({ "sid": "s4" })).await;
    other.provider_logout(&provider.logout(&json!({ "sid": null }))).await.unwrap();
    for ended in [&two, &three, &four] {
        assert!(!lives(&op, ended).await);
    }
    assert!(lives(&op, &own).await);
    let open = op.sessions(&h.0.admin, "bruno").await.unwrap();
    assert_eq!(open.iter().map(|s| Some(s.id)).collect::<Vec<_>>(), [bruno.credential]);
    // Once more, or of somebody who was never here: nothing, and no fault of the provider's.
    for changes in [json!({ "sid": null }), json!({ "sid": null, "sub": "f:1:personne" }), json!({ "sid": "autre" })] {
        op.provider_logout(&provider.logout(&changes)).await.unwrap();
    }
    op.provider_logout(&provider.logout(&json!({ "sid": null, "sub": "f:1:bruno" }))).await.unwrap();
    assert!(op.sessions(&h.0.admin, "bruno").await.unwrap().is_empty());
    assert_eq!(h.0.traces("session.ended").await.len(), 5);
    assert!(!h.0.on_disk(SUB) && !h.0.on_disk("f:1:bruno"), "names elsewhere are kept as digests");
    assert_eq!(h.0.count("bindings").await, 4, "each of the two: by number, and by the provider's own name");
}

async fn a_logout_token_that_is_not_good_ends_nothing(h: House) {
    entered(&h).await;
    let provider = Provider::start(&h);
    let op = provider.node(&h, |_| {}).await;
    let session = anne(&op, &provider, json!({ "sid": "s1" })).await;
    let at = provider.set(|i| i.now());
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let ends = async |token: &str| code(op.provider_logout(token).await);
    for (name, changes, refusal) in [
        ("of_another_audience", json!({ "aud": "autre" }), "factor.refused"),
        ("of_another_issuer", json!({ "iss": "https://autre.example" }), "factor.refused"),
        ("expired", json!({ "exp": at - 61 }), "token.expired"),
        ("older_than_two_minutes", json!({ "exp": null, "iat": at - 181 }), "token.expired"),
        ("of_the_future", json!({ "iat": at + 61 }), "factor.refused"),
        ("with_a_nonce", json!({ "nonce": "n" }), "factor.refused"),
        ("without_the_event", json!({ "events": {} }), "factor.refused"),
        ("with_another_event", json!({ "events": { "https://autre.example/e": {} } }), "factor.refused"),
        ("of_nobody", json!({ "sub": null, "sid": null }), "factor.refused"),
        ("without_a_name", json!({ "jti": null }), "factor.refused"),
        ("an_id_token", json!({ "typ": "ID", "events": { event: {} } }), "factor.refused"),
    ] {
        assert_eq!(ends(&provider.logout(&changes)).await, refusal, "{name}");
    }
    let token = provider.logout(&json!({ "sid": "s1" }));
    let (head, _) = token.rsplit_once('.').unwrap();
    for bad in ["", "a.b.c", head, &format!("{head}."), &provider.access(&json!({}))] {
        assert_eq!(ends(bad).await, "factor.refused", "{bad}");
    }
    assert!(lives(&op, &session).await);
    // While the provider's newest keys cannot be had, it is told to come again.
    provider.rotates(false);
    let token = provider.logout(&json!({ "sid": "s1" }));
    provider.set(|i| i.away = Some(503));
    assert_eq!(ends(&token).await, "provider.unavailable");
    provider.set(|i| i.away = None);
    h.0.advance(5);
    op.provider_logout(&token).await.unwrap();
    assert!(!lives(&op, &session).await);
}

async fn a_structure_s_word_is_for_whom_it_was_linked_to(h: House) {
    let provider = Provider::start(&h);
    let op = provider.with(&h, |_| {}).await;
    // Something has to prove us there.
    let mut bare = sso(&provider, "chu", CLIENT);
    bare.secret = None;
    assert_eq!(code(op.add_sso(&h.0.admin, bare).await), "admin.invalid");
    op.add_sso(&h.0.admin, sso(&provider, "chu", CLIENT)).await.unwrap();
    let own = provider.pki.identity("mss.alpha.fr");
    let certified = provider.node(&h, |psc| {
        (psc.issuer, psc.identity) = ("https://psc.example".into(), Some(own));
    });
    let bare = NewSso { secret: None, ..sso(&provider, "clinique", CLIENT) };
    assert!(!certified.await.add_sso(&h.0.admin, bare).await.unwrap().secret);

    let strong = json!({ "amr": ["pwd", "mfa"], "uid": "u-1" });
    let by = async |session: Option<&Actor>, changes: &Value| {
        by_structure(&op, &provider, "chu", session, changes.clone()).await
    };
    assert_eq!(code(by(None, &strong).await.map(|(s, _)| s)), "sso.unbound");
    let (_, session) = signed_in(&op, &h.0.store, "anne", &[Factor::Passkey]).await;
    assert_eq!(by(Some(&session), &strong).await.unwrap().0.person.login, "anne");
    let (signed_in_there, browser) = by(None, &strong).await.unwrap();
    let there = op.session_of(&signed_in_there.cookie, &browser.origin).await.unwrap();
    assert_eq!(there.proof.names(), "sso");
    let sub = SUB;
    for (name, changes, refusal) in [
        ("one nature", json!({ "amr": ["pwd"], "uid": "u-1" }), "sso.assurance"),
        ("no word of it", json!({ "uid": "u-1" }), "sso.assurance"),
        ("another claim", json!({ "acr": "mfa", "uid": "u-1" }), "sso.assurance"),
        // The claim that was agreed on says who it is, and no other: whose `uid` is Anne's `sub` is not Anne.
        ("her other name", json!({ "amr": "mfa", "uid": sub }), "sso.unbound"),
        ("no name", json!({ "amr": "mfa" }), "factor.refused"),
        ("another audience", json!({ "amr": "mfa", "uid": "u-1", "aud": "autre", "azp": "autre" }), "token.audience"),
        ("another issuer", json!({ "amr": "mfa", "uid": "u-1", "iss": "https://autre.example" }), "factor.refused"),
    ] {
        assert_eq!(code(by(None, &changes).await.map(|(s, _)| s)), refusal, "{name}");
    }
    // A logout there names her by its own name, whatever claim was agreed on here.
    // It ends what was begun there, and what was made stronger as it was linked.
    let (_, own) = signed_in(&op, &h.0.store, "anne", &[Factor::Passkey]).await;
    op.provider_logout(&provider.logout(&json!({ "sid": null }))).await.unwrap();
    assert!(!lives(&op, &there).await && !lives(&op, &session).await && lives(&op, &own).await);
    // Blocked, it signs nobody in.
    let change = SsoChange { state: Some("blocked".into()), ..SsoChange::default() };
    op.edit_sso(&h.0.admin, "chu", 1, change).await.unwrap();
    assert_eq!(code(by(None, &strong).await.map(|(s, _)| s)), "admin.not_found");
}

async fn two_structures_at_one_provider_are_two_clients(h: House) {
    let provider = Provider::start(&h);
    let op = provider.with(&h, |_| {}).await;
    // By name the other one comes first.
    op.add_sso(&h.0.admin, sso(&provider, "a-clinique", "autre-nom")).await.unwrap();
    op.add_sso(&h.0.admin, sso(&provider, "chu", CLIENT)).await.unwrap();
    let (_, session) = signed_in(&op, &h.0.store, "anne", &[Factor::Passkey]).await;
    let strong = json!({ "amr": "mfa", "uid": "u-1", "sid": "s1" });
    by_structure(&op, &provider, "chu", Some(&session), strong.clone()).await.unwrap();
    let mut open = Vec::new();
    for _ in 0..2 {
        let (signed, browser) = by_structure(&op, &provider, "chu", None, strong.clone()).await.unwrap();
        open.push(op.session_of(&signed.cookie, &browser.origin).await.unwrap());
    }
    // Another provider's return at this path is not its own (mixed-up servers).
    let browser = Browser::new(&op);
    let attempt = op.begin_attempt(&browser.shown(), "/bal", None).await.unwrap();
    let query = provider.signs_in(&op.begin_sso("chu", attempt).await.unwrap(), strong, signed());
    let mixed = op.return_sso("a-clinique", &browser.attempt, &query, None, &browser.origin).await;
    assert_eq!(code(mixed), "form.old");
    assert_eq!(code(op.provider_logout(&provider.logout(&json!({ "aud": "personne" }))).await), "factor.refused");
    assert!(lives(&op, &open[0]).await);
    // Meant for the one of its two names, or for the other: heard.
    op.provider_logout(&provider.logout(&json!({ "sid": "s1" }))).await.unwrap();
    assert!(!lives(&op, &open[0]).await && !lives(&op, &open[1]).await);
    op.provider_logout(&provider.logout(&json!({ "sid": "s1", "aud": "autre-nom" }))).await.unwrap();
}

async fn what_somebody_unlinks_opens_nothing(h: House) {
    entered(&h).await;
    let (provider, structure) = (Provider::start(&h), Provider::start(&h));
    let op = provider.node(&h, |_| {}).await;
    let by_psc = async || {
        let browser = Browser::new(&op);
        let query = provider.anne(&goes(&op, &browser).await);
        code(returns(&op, &browser, &query).await)
    };
    let mail = async || {
        let given = Bearer { login: None, token: Zeroizing::new(provider.access(&json!({}))) };
        op.login_bearer(&given, &origin(Door::Imap)).await.map(drop)
    };
    let there = anne(&op, &provider, json!({})).await;
    mail().await.unwrap();
    // What the provider calls her for its logouts is no way in, and is not shown.
    let links = op.own_links(&there).await.unwrap();
    assert_eq!(links.iter().map(|l| (l.kind, l.linked)).collect::<Vec<_>>(), [(Kind::Psc, true)]);
    let psc = links[0].name.clone();
    assert_eq!(code(op.unlink(&there, &psc).await), "factor.last", "she has nothing else");
    let sso_op = structure.with(&h, |_| {}).await;
    sso_op.add_sso(&h.0.admin, sso(&structure, "chu", CLIENT)).await.unwrap();
    let strong = json!({ "amr": "mfa", "uid": "u-1" });
    by_structure(&sso_op, &structure, "chu", Some(&there), strong.clone()).await.unwrap();
    let links = op.own_links(&there).await.unwrap();
    assert_eq!(links.iter().map(|l| l.kind).collect::<Vec<_>>(), [Kind::Psc, Kind::Sso]);
    assert!(
        links[0].title.is_none() && links[1].title.as_deref().is_some_and(|t| !t.starts_with("https")),
        "{links:?}"
    );
    let own = links[1].name.clone();
    // Only herself, and only what is hers; every other session of hers ends.
    let (_, bruno) = signed_in(&op, &h.0.store, "bruno", &[Factor::Card]).await;
    assert_eq!(code(op.unlink(&bruno, &psc).await), "admin.not_found");
    assert_eq!(code(op.link_again(&bruno, &psc).await), "admin.not_found");
    let (_, other) = signed_in(&op, &h.0.store, "anne", &[Factor::Card]).await;
    op.unlink(&there, &psc).await.unwrap();
    assert!(lives(&op, &there).await && !lives(&op, &other).await);
    assert_eq!(h.0.traces("identity.unbound").await[0].data["kind"], "psc");
    // Number and names agree still, and it opens nothing: neither pages nor mail.
    assert_eq!(by_psc().await, "sso.unbound");
    assert_eq!(code(mail().await), "sso.unbound");
    assert!(op.own_links(&there).await.unwrap().iter().any(|l| l.kind == Kind::Psc && !l.linked));
    assert_eq!(code(op.unlink(&there, &own).await), "factor.last", "what was unlinked is no way in");
    // Until she links it again, having proven anew who she is.
    h.0.advance(11 * 60);
    for refused in [op.unlink(&there, &own).await, op.link_again(&there, &psc).await] {
        assert_eq!(code(refused), "auth.fresh");
    }
    let (_, fresh) = signed_in(&op, &h.0.store, "anne", &[Factor::Card]).await;
    for _ in 0..2 {
        op.link_again(&fresh, &psc).await.unwrap();
    }
    anne(&op, &provider, json!({})).await;
    mail().await.unwrap();
    // The structure's account is then nobody's, and may be linked anew.
    op.unlink(&fresh, &own).await.unwrap();
    let by = by_structure(&sso_op, &structure, "chu", None, strong.clone()).await;
    assert_eq!(code(by.map(|(s, _)| s)), "sso.unbound");
    assert_eq!(code(op.unlink(&fresh, &own).await), "admin.not_found", "it is gone");
    by_structure(&sso_op, &structure, "chu", Some(&fresh), strong).await.unwrap();
    assert_eq!(h.0.traces("identity.unbound").await.len(), 2);
    assert_eq!(h.0.traces("identity.bound").await.len(), 4, "at first each once, then each once again");
}
