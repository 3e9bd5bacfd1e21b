//! Pages with a session: who sees them, whose forms are taken, what a cookie opens and what not.
mod attacks;
mod own;

use crate::support::House;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sceau_domain::{Lang, Refusal, RefusalCode};
use sceau_identity::factor::Factor;
use sceau_operator::terms::AcceptanceFilter;
use sceau_store::StoreError;
use sceau_testkit::browser::{Browser, signed_in};
use sceau_web::Via;
use tower::ServiceExt;

const HERE: &str = "https://mss.alpha.fr";
/// Forms that carry themselves what proves who sends them, and what no browser sends.
const OTHER_PROOF: [&str; 4] = ["/conditions", "/lien/{secret}", "/jeton/{secret}", "/connexion/psc/fin"];

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap()).collect()
    }
    /// The word of the form that leads there.
    fn word(&self, action: &str) -> String {
        let form = self.text.split("<form ").find(|f| f.contains(&format!("action=\"{action}\""))).expect("the form");
        form.split("name=\"jeton\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }
    /// Says the sentence of a refusal.
    fn says(&self, code: RefusalCode) -> bool {
        let first = Refusal::new(code).sentence(Lang::Fr);
        self.text.contains(first.split(['\'', '.', ':', '?']).next().unwrap())
    }
}

impl House {
    async fn browse(&self, method: Method, path: &str, headers: &[(&str, &str)], form: &str) -> Page {
        let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) };
        let mut request = Request::builder().method(method).uri(path).extension(via);
        request = request.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.app.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, 4 << 20).await.unwrap().to_vec()).unwrap();
        Page { status: parts.status, headers: parts.headers, text }
    }
    async fn get(&self, path: &str, cookie: &str) -> Page {
        self.browse(Method::GET, path, &[("cookie", cookie)], "").await
    }
    async fn post(&self, path: &str, cookie: &str, form: &str) -> Page {
        self.browse(Method::POST, path, &[("cookie", cookie), ("origin", HERE)], form).await
    }
    /// `anne`, signed in: the header of her cookie.
    async fn anne(&self, factor: Factor) -> String {
        format!("__Host-sceau={}", signed_in(&self.op, &self.store, "anne", &[factor]).await.0)
    }
    async fn rows(&self, table: &'static str) -> i64 {
        let count = move |tx: &mut dyn sceau_store::Tx| {
            tx.query_opt(&format!("SELECT COUNT(*) FROM {table}"), &[])?.unwrap().int(0)
        };
        self.store.read(count).await.unwrap_or_else(|e: StoreError| panic!("{e}"))
    }
}

async fn house() -> House {
    let h = House::new().await;
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["anne", "bruno"]).await;
    h
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_ones_own_is_for_whoever_is_signed_in() {
    let h = house().await;
    for cookie in ["", "__Host-sceau=abc", "autre=1"] {
        let page = h.get("/bal?lang=en", cookie).await;
        assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, "/connexion?vers=/bal&lang=en"));
    }
    let cookie = h.anne(Factor::Card).await;
    let page = h.get("/bal", &cookie).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("<html lang=\"fr\"") && page.text.contains("anne"), "{}", page.text);
    assert!(h.get("/bal?lang=en", &cookie).await.text.contains("Your mailboxes"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    // It loads the script of every page of a session, and none stands in it. Before there is one, none is loaded.
    assert!(policy.contains("script-src 'self'") && policy.contains("require-trusted-types-for 'script'"), "{policy}");
    assert_eq!((page.text.matches("<script").count(), page.text.matches("/base.js\"></script>").count()), (1, 1));
    let before = h.get("/connexion", "").await;
    assert!(!before.header("content-security-policy").contains("script-src") && !before.text.contains("<script"));
    assert_eq!((page.header("x-frame-options"), page.header("cache-control")), ("DENY", "no-store"));
    assert_eq!(page.header("referrer-policy"), "same-origin", "else no browser says where a form stands");
    assert!(page.cookies().is_empty(), "{:?}", page.cookies());
    // The cookie opens pages and nothing else; a token opens no page.
    let said = h.browse(Method::GET, "/api/v1/me", &[("cookie", &cookie)], "").await;
    assert_eq!(said.status, StatusCode::UNAUTHORIZED);
    let token = format!("Bearer {}", h.token("anne").await);
    let said = h.browse(Method::GET, "/bal", &[("authorization", &token)], "").await;
    assert_eq!(said.status, StatusCode::SEE_OTHER);
    // Who is signed in goes where he wanted to; nobody is led elsewhere.
    for (to, led) in [("/moyens", "/moyens"), ("https://ailleurs.fr", "/bal"), ("//ailleurs.fr/bal", "/bal")] {
        assert_eq!(h.get(&format!("/connexion?vers={to}"), &cookie).await.header("location"), led);
    }
}

/// What is one's own has one frame: the account's menu, the design of the desk, the banner by which one leaves.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_ones_own_stand_in_the_accounts_frame() {
    let h = house().await;
    let cookie = h.anne(Factor::Card).await;
    for (path, title) in
        [("/bal", "Vos BAL"), ("/moyens", "Vos moyens de connexion"), ("/appareils", "Vos appareils et logiciels")]
    {
        let page = h.get(path, &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{path} {}", page.text);
        for part in ["class=\"app account\"", "/base.css\"", "aria-label=\"Votre compte\"", "action=\"/deconnexion\""] {
            assert!(page.text.contains(part), "{path} {part}: {}", page.text);
        }
        assert!(page.text.contains(&format!("<h1>{title}</h1>")) && !page.text.contains("/pages.css"), "{}", page.text);
        let (_, menu) = page.text.split_once("class=\"rail\"").unwrap();
        let (menu, _) = menu.split_once("</nav>").unwrap();
        assert_eq!(menu.matches("aria-current=\"page\"").count(), 1, "{menu}");
        assert!(menu.contains(&format!("href=\"{path}\" aria-current=\"page\"")), "{menu}");
        for other in ["/bal", "/moyens", "/appareils"] {
            assert!(menu.contains(&format!("href=\"{other}\"")), "{menu}");
        }
        let english = h.get(&format!("{path}?lang=en"), &cookie).await.text;
        assert!(english.contains("aria-label=\"Your account\"") && !english.contains(title), "{path} {english}");
        let dark = h.get(path, &format!("{cookie}; __Host-sceau-theme=dark")).await.text;
        assert!(dark.contains("data-theme=\"dark\""), "{path}: as its person chose");
    }
    // A step of one of them stands under it.
    let begun = h.post("/moyens/cle", &cookie, &format!("jeton={}&nom=Cle", word_of(&h, &cookie, "/moyens/cle"))).await;
    assert_eq!((begun.status, begun.header("location")), (StatusCode::SEE_OTHER, "/moyens/cle"), "{}", begun.text);
    let attempt = begun.cookies()[0].split(';').next().unwrap().to_owned();
    let page = h.get("/moyens/cle", &format!("{cookie}; {attempt}")).await;
    assert!(page.text.contains("href=\"/moyens\" aria-current=\"page\""), "{}", page.text);
    assert!(
        page.text.contains("data-passkey=\"create\"") && page.text.contains("src=\"/pages/cle.js\""),
        "{}",
        page.text
    );
}

/// The word of a form in the session of this cookie's header.
fn word_of(h: &House, cookie: &str, form: &str) -> String {
    sceau_identity::session::csrf(&h.op.form_key(cookie.split_once('=').unwrap().1), form)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sign_in_gives_a_browser_a_cookie_of_this_host_alone() {
    let h = house().await;
    let page = h.get("/connexion?vers=/appareils", "").await;
    assert_eq!(page.status, StatusCode::OK);
    let cookies = page.cookies();
    let [cookie] = cookies.as_slice() else { panic!("{cookies:?}") };
    assert!(cookie.starts_with("__Host-sceau-essai="), "{cookie}");
    for flag in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    assert_eq!(h.rows("attempts").await, 0, "looking at it keeps nothing");
    let given = cookie.split(';').next().unwrap();
    assert!(h.get("/connexion", given).await.cookies().is_empty(), "it has it already");
}

/// Every form, whatever it does: without the word, with another one's, of another form, from elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_taken_from_our_own_pages_alone() {
    let h = house().await;
    let (anne, bruno) = (signed_in(&h.op, &h.store, "anne", &[Factor::Card]).await.0, {
        signed_in(&h.op, &h.store, "bruno", &[Factor::Card]).await.0
    });
    let attempt = Browser::new(&h.op).attempt;
    let routes = include_str!("../../src/pages/mod.rs");
    let mut forms = 0;
    let tables = ["attempts", "factors", "tokens", "openings", "one_time_codes"];
    let mut before = Vec::new();
    for table in tables {
        before.push(h.rows(table).await);
    }
    for line in routes.lines().filter(|l| l.contains(".route(\"") && l.contains("post(")) {
        let path = line.split('"').nth(1).unwrap();
        if OTHER_PROOF.contains(&path) {
            continue;
        }
        forms += 1;
        let path = path.replace("{id}", "12").replace("{secret}", "abc").replace("{name}", "chu");
        // Signed in, and not yet.
        for (cookie, other) in [
            (format!("__Host-sceau={anne}"), bruno.as_str()),
            (format!("__Host-sceau-essai={attempt}"), "un-autre-navigateur"),
        ] {
            let key = if cookie.contains("essai") { attempt.as_str() } else { anne.as_str() };
            let word = |cookie: &str, form: &str| sceau_identity::session::csrf(&h.op.form_key(cookie), form);
            let good = word(key, &path);
            for (headers, form, code) in [
                (vec![("origin", HERE)], String::new(), RefusalCode::FormForged),
                (vec![], format!("jeton={good}"), RefusalCode::FormForged),
                (vec![("origin", "https://ailleurs.fr")], format!("jeton={good}"), RefusalCode::FormForged),
                (vec![("origin", "null")], format!("jeton={good}"), RefusalCode::FormForged),
                (vec![("sec-fetch-site", "same-site")], format!("jeton={good}"), RefusalCode::FormForged),
                (vec![("origin", HERE)], format!("jeton={}", word(other, &path)), RefusalCode::FormOld),
                (vec![("origin", HERE)], format!("jeton={}", word(key, "/autre")), RefusalCode::FormOld),
                (vec![("origin", HERE)], "jeton=abc".to_owned(), RefusalCode::FormOld),
            ] {
                let headers: Vec<_> = headers.into_iter().chain([("cookie", cookie.as_str())]).collect();
                let page = h.browse(Method::POST, &path, &headers, &form).await;
                assert_eq!(page.status.as_u16(), code.http(), "{path} {headers:?}");
                assert!(page.says(code), "{path} {}", page.text);
            }
        }
    }
    assert!(forms > 10, "the routes are found: {forms}");
    for (table, before) in tables.into_iter().zip(before) {
        assert_eq!(h.rows(table).await, before, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_accessibility_is_told_to_everybody() {
    let h = house().await;
    assert!(h.get("/connexion", "").await.text.contains("href=\"/accessibilite\""), "from where everybody begins");
    for (path, words) in [("/accessibilite", "conformité non auditée"), ("/accessibilite?lang=en", "not audited")] {
        let page = h.get(path, "").await;
        assert!(page.status == StatusCode::OK && page.text.contains(words), "{path} {}", page.text);
        assert!(!page.text.contains("page.accessibility"), "{path} {}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_has_left() {
    let h = house().await;
    let cookie = h.anne(Factor::Passkey).await;
    let page = h.get("/bal", &cookie).await;
    let form = format!("jeton={}", page.word("/deconnexion"));
    let left = h.post("/deconnexion", &cookie, &form).await;
    assert_eq!((left.status, left.header("location")), (StatusCode::SEE_OTHER, "/connexion"));
    assert!(left.cookies().iter().any(|c| c.starts_with("__Host-sceau=;") && c.contains("Max-Age=0")));
    assert_eq!(h.get("/bal", &cookie).await.status, StatusCode::SEE_OTHER, "the cookie is good for nothing");
    let again = h.post("/deconnexion", &cookie, &form).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "the page is of a session that ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terms_are_accepted_in_a_session_without_a_token() {
    let h = house().await;
    sceau_testkit::newcomers(&h.op, &h.admin, &["nina"]).await;
    let (cookie, nina) = signed_in(&h.op, &h.store, "nina", &[Factor::Psc]).await;
    let cookie = format!("__Host-sceau={cookie}");
    let page = h.get("/conditions", &cookie).await;
    assert!(page.text.contains("name=\"jeton\"") && !page.text.contains("name=\"token\""), "{}", page.text);
    let terms = h.op.terms_in_force().await.unwrap().version;
    let sent =
        |word: &str| format!("jeton={word}&lang=fr&version={}&digest={}&accept=yes", terms.version, terms.digest);
    let forged = h.browse(Method::POST, "/conditions", &[("cookie", &cookie)], &sent(&page.word("/conditions"))).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert_eq!(h.post("/conditions", &cookie, &sent("abc")).await.status, StatusCode::CONFLICT);
    let done = h.post("/conditions", &cookie, &sent(&page.word("/conditions"))).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let filter = AcceptanceFilter { person: Some("nina".into()), limit: 10, ..AcceptanceFilter::default() };
    let accepted = h.op.acceptances(&h.admin, filter).await.unwrap();
    assert_eq!(accepted[0].factors, "psc");
    assert!(nina.credential.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_proof_is_asked_for_where_it_is_needed() {
    let h = house().await;
    let cookie = h.anne(Factor::Card).await;
    let page = h.get("/connexion/confirmer?vers=/moyens", &cookie).await;
    assert_eq!(page.header("location"), "/moyens", "who just proved it is led on");
    h.store.clock.advance_ms(11 * 60_000);
    let page = h.get("/connexion/confirmer?vers=/moyens", &cookie).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("name=\"vers\" value=\"/moyens\""), "{}", page.text);
    // The cookie of the first sign-in was taken away: another one for this one.
    assert!(page.cookies()[0].starts_with("__Host-sceau-essai="), "{:?}", page.cookies());
    let word = sceau_identity::session::csrf(&h.op.form_key(cookie.split_once('=').unwrap().1), "/bal");
    let asked = h.post("/bal", &cookie, &format!("jeton={word}&address=anne@alpha.mssante.fr")).await;
    assert_eq!(asked.header("location"), "/connexion/confirmer?vers=/bal");
}

/// A page without what is of one browser: the words of its forms.
fn without_words(text: &str) -> String {
    let mut parts = text.split("name=\"jeton\" value=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('"').map_or("", |(_, rest)| rest))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_wrong_is_typed_again_on_the_same_page() {
    const FORM: &str = "/connexion/mot-de-passe";
    let h = house().await;
    let (_, anne) = signed_in(&h.op, &h.store, "anne", &[Factor::Card]).await;
    h.op.set_password(&anne, "girafe-tambour-velours").await.unwrap();
    let types = async |login: &str, password: &str| {
        let page = h.get("/connexion?vers=/appareils", "").await;
        let cookie = page.cookies()[0].split(';').next().unwrap().to_owned();
        let form = format!("jeton={}&vers=/appareils&identifiant={login}&mot_de_passe={password}", page.word(FORM));
        (h.post(FORM, &cookie, &form).await, cookie)
    };
    // Whoever has a password, has none, or is nobody: the same page, and nothing of the password on it.
    let mut said = Vec::new();
    for login in ["anne", "bruno", "personne"] {
        let (page, _) = types(login, "mauvais-mot-de-passe").await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{login}");
        let shown = format!("value=\"{login}\"");
        for part in ["Identifiant ou mot de passe non reconnu", "role=\"alert\"", "<details open>", &shown] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        assert!(!page.text.contains("mauvais-mot-de-passe"));
        assert!(page.text.contains("name=\"vers\" value=\"/appareils\""), "{}", page.text);
        said.push(without_words(&page.text.replace(&shown, "")));
    }
    assert!(said.windows(2).all(|two| two[0] == two[1]), "{said:#?}");
    let (page, _) = types("%22%3E%3Cscript%3E", "faux").await;
    assert!(page.status == StatusCode::UNAUTHORIZED && !page.text.contains("<script"), "{}", page.text);
    // From that page one goes on.
    let (page, cookie) = types("anne", "faux").await;
    let form =
        format!("jeton={}&vers=/appareils&identifiant=anne&mot_de_passe=girafe-tambour-velours", page.word(FORM));
    let right = h.post(FORM, &cookie, &form).await;
    assert_eq!((right.status, right.header("location")), (StatusCode::SEE_OTHER, "/connexion/code"));

    // A code likewise, until the sign-in is spent: then it begins anew.
    let word = sceau_identity::session::csrf(&h.op.form_key(cookie.split_once('=').unwrap().1), "/connexion/code");
    for n in 1..=10 {
        let page = h.post("/connexion/code", &cookie, &format!("jeton={word}&moyen=totp&code=000000")).await;
        if n < 10 {
            assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{n}");
            assert!(page.text.contains("pas reconnu") && page.text.contains("Un second moyen"), "{}", page.text);
        } else {
            assert_eq!(page.status, StatusCode::GONE);
            assert!(page.text.contains("Recommencez depuis le") && !page.word(FORM).is_empty(), "{}", page.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_language_that_was_chosen_stays_until_another_one_is() {
    let h = house().await;
    let cookie = h.anne(Factor::Card).await;
    let english = h.get("/bal?lang=en", &cookie).await;
    assert!(
        english.text.contains("Your mailboxes") && english.text.contains("href=\"/bal?lang=fr\""),
        "{}",
        english.text
    );
    let kept = english.cookies().iter().find(|c| c.starts_with("__Host-sceau-langue=en; ")).map(|c| (*c).to_owned());
    let kept = kept.unwrap_or_else(|| panic!("{:?}", english.cookies()));
    let both = format!("{cookie}; {}", kept.split(';').next().unwrap());
    let again = h.get("/bal", &both).await;
    assert!(again.text.contains("<html lang=\"en\"") && again.cookies().is_empty(), "{:?}", again.cookies());
    let french = h.get("/bal?lang=fr", &both).await;
    assert!(french.text.contains("<html lang=\"fr\"") && french.cookies()[0].starts_with("__Host-sceau-langue=fr"));
    assert!(h.get("/bal", &format!("{cookie}; __Host-sceau-langue=%22")).await.text.contains("<html lang=\"fr\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_hears_a_refusal_and_is_led_nowhere() {
    let h = house().await;
    let part = ("x-sceau-part", "told");
    let said = h.browse(Method::GET, "/bal", &[part, ("sec-fetch-site", "same-origin")], "").await;
    assert_eq!((said.status, said.header("content-type")), (StatusCode::UNAUTHORIZED, "application/problem+json"));
    assert!(said.text.contains("\"login.required\"") && said.text.contains("sentence"), "{}", said.text);
    // Whoever asks from elsewhere is led to the sign-in, as for the page.
    let other = h.browse(Method::GET, "/bal", &[part, ("sec-fetch-site", "cross-site")], "").await;
    assert_eq!(other.status, StatusCode::SEE_OTHER);
    // The word of a form comes in a header, too; a wrong one is no better there.
    let cookie = h.anne(Factor::Card).await;
    let key = h.op.form_key(cookie.split_once('=').unwrap().1);
    let good = sceau_identity::session::csrf(&key, "/deconnexion");
    for (word, status) in [("abc", StatusCode::CONFLICT), (&*good, StatusCode::SEE_OTHER)] {
        let headers = [("cookie", cookie.as_str()), ("origin", HERE), ("x-sceau-jeton", word)];
        assert_eq!(h.browse(Method::POST, "/deconnexion", &headers, "").await.status, status, "{word}");
    }
}
