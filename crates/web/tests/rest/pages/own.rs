//! What a person does alone about being signed in: browsers that are closed, names elsewhere that are unlinked, a passkey that fails.
use super::*;
use sceau_identity::session::csrf;
use sceau_operator::{Actor, Who};
use sceau_store::bindings::{self, Binding};

/// What forms on a page do whose action begins so.
fn actions(page: &Page, begins: &str) -> Vec<String> {
    let all = page.text.split("action=\"").filter(|form| form.starts_with(begins));
    all.map(|form| form.split('"').next().unwrap().to_owned()).collect()
}

impl House {
    /// Sends a form that stands on this page.
    async fn sends(&self, page: &Page, action: &str, cookie: &str, more: &str) -> Page {
        self.post(action, cookie, &format!("jeton={}{more}", page.word(action))).await
    }
    /// Is whoever has this cookie still signed in?
    async fn is_in(&self, cookie: &str) -> bool {
        self.get("/bal", cookie).await.status == StatusCode::OK
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_browsers_are_listed_and_closed() {
    let h = house().await;
    let (own, first, second) =
        (h.anne(Factor::Card).await, h.anne(Factor::Passkey).await, h.anne(Factor::Passkey).await);
    let bruno = signed_in(&h.op, &h.store, "bruno", &[Factor::Card]).await.0;
    let page = h.get("/appareils", &own).await;
    assert_eq!(page.text.matches("<strong>Firefox, Linux</strong>").count(), 3, "{}", page.text);
    assert_eq!(page.text.matches("celui-ci").count(), 1, "{}", page.text);
    assert_eq!(page.text.matches("prouvé par carte").count(), 1, "{}", page.text);
    assert_eq!(page.text.matches("prouvé par clé d’accès").count(), 2, "{}", page.text);
    let ways = actions(&page, "/appareils/navigateurs/");
    assert_eq!((ways.len(), ways[2].as_str()), (3, "/appareils/navigateurs/autres"), "{ways:?}");
    // Nobody closes another one's.
    let word = csrf(&h.op.form_key(&bruno), &ways[0]);
    let not = h.post(&ways[0], &format!("__Host-sceau={bruno}"), &format!("jeton={word}")).await;
    assert!(not.status == StatusCode::NOT_FOUND && h.is_in(&first).await);
    let closed = h.sends(&page, &ways[0], &own, "").await;
    assert_eq!((closed.status, closed.header("location")), (StatusCode::SEE_OTHER, "/appareils"));
    assert!(!h.is_in(&first).await && h.is_in(&second).await && h.is_in(&own).await);
    let closed = h.sends(&page, &ways[2], &own, "").await;
    assert_eq!((closed.status, closed.header("location")), (StatusCode::SEE_OTHER, "/appareils"));
    assert!(!h.is_in(&second).await && h.is_in(&own).await && h.is_in(&format!("__Host-sceau={bruno}")).await);
    // The one that is left is this one: there are no others to close, and one leaves it.
    let page = h.get("/appareils?lang=en", &own).await;
    assert!(actions(&page, "/appareils/navigateurs/").is_empty() && page.text.contains("this one"), "{}", page.text);
    let left = h.sends(&h.get("/appareils", &own).await, "/deconnexion", &own, "").await;
    assert_eq!(left.header("location"), "/connexion");
    assert!(!h.is_in(&own).await);
}

/// Somebody is known by this name elsewhere.
async fn known_by(h: &House, actor: &Actor, kind: &'static str, byte: u8) {
    let Who::Person(person) = &actor.who else { panic!("a person") };
    let binding = Binding {
        kind: kind.into(),
        issuer: format!("https://{kind}.example"),
        subject: vec![byte; 32],
        person_id: person.id,
        bound: 1,
        how: "number_and_names".into(),
        seen: 1,
    };
    let keep = h.store.write(move |tx| bindings::insert(tx, &binding)).await;
    assert!(keep.unwrap_or_else(|e: StoreError| panic!("{e}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_elsewhere_are_unlinked_and_linked_again() {
    let h = house().await;
    let (cookie, anne) = signed_in(&h.op, &h.store, "anne", &[Factor::Card]).await;
    let own = format!("__Host-sceau={cookie}");
    assert!(!h.get("/moyens", &own).await.text.contains("/moyens/liens/"), "there is nothing");
    known_by(&h, &anne, "psc", 7).await;
    known_by(&h, &anne, "sso", 8).await;
    let [psc, sso] = [7, 8].map(|byte: u8| format!("/moyens/liens/{}", format!("{byte:02x}").repeat(32)));
    let page = h.get("/moyens", &own).await;
    let both = [format!("{psc}/delier"), format!("{sso}/delier")];
    assert_eq!(actions(&page, "/moyens/liens/"), both);
    assert!(page.text.contains("<strong>Pro Santé Connect</strong>") && page.text.contains("https://sso.example"));
    let done = h.sends(&page, &both[0], &own, "").await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/moyens"));
    let page = h.get("/moyens", &own).await;
    assert_eq!(actions(&page, "/moyens/liens/"), [format!("{psc}/relier"), both[1].clone()]);
    assert!(page.text.contains("Délié le"), "{}", page.text);
    // The last way in stays.
    let last = h.sends(&page, &both[1], &own, "").await;
    assert!(last.status == StatusCode::CONFLICT && last.says(RefusalCode::FactorLast), "{}", last.text);
    let done = h.sends(&page, &format!("{psc}/relier"), &own, "").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let page = h.get("/moyens", &own).await;
    assert_eq!(actions(&page, "/moyens/liens/"), both);
    let done = h.sends(&page, &both[1], &own, "").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(actions(&h.get("/moyens?lang=en", &own).await, "/moyens/liens/"), [format!("{psc}/delier?lang=en")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_that_fails_leads_back_to_where_it_was_asked_for() {
    const FORM: &str = "/connexion/cle";
    const ANSWER: &str = "/connexion/cle/fin";
    let h = house().await;
    let page = h.get("/connexion?vers=/appareils", "").await;
    let cookie = page.cookies()[0].split(';').next().unwrap().to_owned();
    let begun = h.sends(&page, FORM, &cookie, "&vers=/appareils").await;
    assert_eq!((begun.status, begun.header("location")), (StatusCode::SEE_OTHER, FORM));
    let asks = h.get(FORM, &cookie).await;
    // Cancelled, then one that proves nothing: the same page, which says so beside the passkey, and leads to where one wanted to go.
    for (answer, said) in [("", "annulée"), ("%7B%7D", "pas reconnu")] {
        let page = h.sends(&asks, ANSWER, &cookie, &format!("&reponse={answer}")).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{said}");
        let at = page.text.find(said).unwrap_or_else(|| panic!("{said}: {}", page.text));
        assert!(at < page.text.find("action=\"/connexion/cle\"").unwrap() && page.text.contains("role=\"alert\""));
        assert!(page.text.contains("name=\"vers\" value=\"/appareils\""), "{}", page.text);
        assert!(!page.word("/connexion/mot-de-passe").is_empty() && !page.says(RefusalCode::FormOld));
        let again = h.sends(&page, FORM, &cookie, "&vers=/appareils").await;
        assert_eq!(again.header("location"), FORM, "{said}: from that page one goes on");
    }
    // Who is signed in, and has to prove more.
    let own = h.anne(Factor::Card).await;
    h.store.clock.advance_ms(11 * 60_000);
    let page = h.get("/connexion/confirmer?vers=/moyens", &own).await;
    let both = format!("{own}; {}", page.cookies()[0].split(';').next().unwrap());
    assert_eq!(h.sends(&page, FORM, &both, "&vers=/moyens").await.header("location"), FORM);
    let page = h.sends(&h.get(FORM, &both).await, ANSWER, &both, "&reponse=%7B%7D").await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{}", page.text);
    assert!(
        page.text.contains("pas reconnu") && page.text.contains("/connexion/confirmer?vers=/moyens"),
        "{}",
        page.text
    );
    // As the second means: what else there is for it.
    let (_, anne) = signed_in(&h.op, &h.store, "anne", &[Factor::Card]).await;
    h.op.set_password(&anne, "girafe-tambour-velours").await.unwrap();
    let page = h.get("/connexion", "").await;
    let cookie = page.cookies()[0].split(';').next().unwrap().to_owned();
    let typed = "&identifiant=anne&mot_de_passe=girafe-tambour-velours";
    let second = h.sends(&page, "/connexion/mot-de-passe", &cookie, typed).await;
    assert_eq!(second.header("location"), "/connexion/code");
    let word = csrf(&h.op.form_key(cookie.split_once('=').unwrap().1), FORM);
    assert_eq!(h.post(FORM, &cookie, &format!("jeton={word}&suite=1")).await.header("location"), FORM);
    for (answer, said) in [("", "annulée"), ("%7B%7D", "pas reconnu")] {
        let page = h.sends(&h.get(FORM, &cookie).await, ANSWER, &cookie, &format!("&reponse={answer}")).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{said}");
        assert!(page.text.contains(said) && page.text.contains("Un second moyen"), "{said}: {}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_come_back_to_goes_on_with_the_words_of_the_new_session() {
    let h = house().await;
    let session = signed_in(&h.op, &h.store, "anne", &[Factor::Card]).await.0;
    let cookie = format!("__Host-sceau={session}");
    let (part, at) =
        (("x-sceau-part", "told"), "/bureau/session?pour=/bal&pour=/deconnexion&autre=/moyens&pour=ailleurs");
    let said = h.browse(Method::GET, at, &[("cookie", &cookie), part], "").await;
    assert_eq!((said.status, said.header("cache-control")), (StatusCode::OK, "no-store"));
    let said: serde_json::Value = serde_json::from_str(&said.text).unwrap();
    assert_eq!(said["person"], "anne");
    let words = said["words"].as_object().unwrap();
    assert_eq!(words.keys().collect::<Vec<_>>(), ["/bal", "/deconnexion"]);
    let key = h.op.form_key(&session);
    for (path, word) in words {
        assert!(sceau_identity::session::csrf_ok(&key, path, word.as_str().unwrap()), "{path}");
    }
    // Nobody: why not, for a script. A page of another site asks in vain, and so does a browser without scripts.
    let nobody = h.browse(Method::GET, at, &[part], "").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let elsewhere = [("cookie", cookie.as_str()), part, ("sec-fetch-site", "cross-site")];
    assert_eq!(h.browse(Method::GET, at, &elsewhere, "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(h.get(at, &cookie).await.status, StatusCode::SEE_OTHER);
}
