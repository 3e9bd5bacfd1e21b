//! One's own account: what each page shows, what each form does, and what is said when it does not.
use crate::support::{HERE, House, Page};
use axum::http::{Method, StatusCode};
use sceau_domain::RefusalCode;
use sceau_operator::OperatorConfig;
use sceau_testkit::world::World;

const ANNE: &str = "anne.martin@alpha.mssante.fr";

/// `anne`, signed in, with a BAL of her own.
struct Anne {
    house: House,
    cookie: String,
    /// The absence of her BAL.
    absence: String,
}

impl Anne {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }
    /// Of an operator who configured something else.
    async fn with(change: impl FnOnce(&mut OperatorConfig)) -> Self {
        let house = House::of(World::on(sceau_store::testing::sqlite().await, change).await);
        let cookie = format!("__Host-sceau={}", house.enters("anne").await);
        let overview = house.get("/compte", &cookie).await;
        let (_, own) = overview.text.split_once(&format!("{ANNE}</a>")).unwrap_or_else(|| panic!("{}", overview.text));
        let absence = own.split('"').find(|p| p.ends_with("/absence")).unwrap_or_default().to_owned();
        assert!(absence.starts_with("/bal/B"), "{}", overview.text);
        Self { house, cookie, absence }
    }
    async fn get(&self, path: &str) -> Page {
        self.house.get(path, &self.cookie).await
    }
    /// Sends a form of a page of ours.
    async fn send(&self, path: &str, fields: &str) -> Page {
        let session = self.cookie.split_once('=').map_or("", |(_, value)| value);
        let word = sceau_identity::session::csrf(&self.house.op.form_key(session), path);
        let headers = [("origin", HERE), ("cookie", self.cookie.as_str())];
        self.house.browse(Method::POST, path, &headers, &format!("jeton={word}&{fields}")).await
    }
    /// The version that the form below this text on a page starts from.
    async fn version(&self, path: &str, below: &str) -> String {
        let page = self.get(path).await.text;
        let (_, form) = page.split_once(below).unwrap_or_else(|| panic!("{below}: {page}"));
        let version = form.split("name=\"version\" value=\"").nth(1).and_then(|f| f.split('"').next());
        version.unwrap_or_else(|| panic!("{form}")).to_owned()
    }
}

fn led(page: &Page, to: &str) {
    assert_eq!((page.status, page.header("location")), (StatusCode::SEE_OTHER, to), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_shows_its_matter_in_both_languages() {
    let anne = Anne::new().await;
    for path in [
        "/compte",
        "/compte/choix",
        "/compte/notifications",
        "/compte/delegations",
        "/compte/activite",
        "/compte/activite?de=moi",
        "/compte/affichage",
        "/compte/telephone",
        "/compte/aide",
        "/compte/donnees",
        "/compte/fermeture",
        "/bal",
        "/moyens",
        "/appareils",
        &anne.absence,
    ] {
        for lang in ["fr", "en"] {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = anne.get(&format!("{path}{join}lang={lang}")).await;
            assert_eq!(page.status, StatusCode::OK, "{path} {}", page.text);
            assert_eq!(page.text.matches("<h1>").count(), 1, "{path}");
            assert!(page.text.contains("aria-current=\"page\""), "{path}");
            // The same frame around each, whichever room has it.
            let (_, menu) = page.text.split_once("class=\"rail\"").unwrap_or_else(|| panic!("{path} {}", page.text));
            let (menu, _) = menu.split_once("</nav>").unwrap();
            assert_eq!((menu.matches("<li>").count(), menu.matches("aria-current").count()), (12, 1), "{path} {menu}");
            for leak in [">account.", "\"account.", ">word.", ">page."] {
                assert!(!page.text.contains(leak), "{path} {leak}: {}", page.text);
            }
        }
    }
    let overview = anne.get("/compte").await.text;
    assert!(overview.contains(ANNE) && overview.contains("<meter"), "{overview}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_chosen_for_anybody_and_each_choice_can_be_changed() {
    let anne = Anne::new().await;
    let page = anne.get("/compte/choix").await.text;
    assert!(page.contains("name=\"liste_rouge\"") && !page.contains(" checked"), "{page}");
    let version = anne.version("/compte/choix", &format!("name=\"address\" value=\"{ANNE}\"")).await;
    let chosen = format!("address={ANNE}&version={version}&liste_rouge=oui&zero_papier=non");
    led(&anne.send("/compte/choix", &chosen).await, "/compte/choix?fait=oui");
    let page = anne.get("/compte/choix?fait=oui").await.text;
    assert!(page.contains("role=\"status\""), "{page}");
    assert!(page.contains("name=\"liste_rouge\" value=\"oui\" checked"), "{page}");
    assert!(page.contains("name=\"zero_papier\" value=\"non\" checked"), "{page}");
    assert!(!page.contains("name=\"telephone\" value=\"oui\" checked"), "what was not chosen stays so");
    // The page of before.
    let old = anne.send("/compte/choix", &chosen).await;
    assert_eq!(old.status.as_u16(), RefusalCode::EditConflict.http());
    assert!(old.text.contains("modifié entre-temps") && old.text.contains("role=\"alert\""), "{}", old.text);
    // One's telephone.
    let person = anne.version("/compte/choix", "action=\"/compte/numero\"").await;
    let phone = format!("version={person}&numero=%2B33199001234");
    led(&anne.send("/compte/numero", &phone).await, "/compte/choix?fait=oui");
    assert!(anne.get("/compte/choix").await.text.contains("value=\"+33199001234\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absence_is_set_shown_and_ended() {
    let anne = Anne::new().await;
    // The clock of a test stands on the first of these days.
    let (today, until) = ("2026-11-21", "2026-12-01");
    let of = |version: &str, text: &str| format!("version={version}&du={today}&au={until}&texte={text}");
    led(&anne.send(&anne.absence, &of("0", "De+retour+bient%C3%B4t")).await, &format!("{}?fait=oui", anne.absence));
    let page = anne.get(&anne.absence).await.text;
    assert!(page.contains("De retour bientôt") && page.contains(&format!("value=\"{until}\"")), "{page}");
    assert!(anne.get("/compte").await.text.contains("badge-wait"), "the overview says it");
    // From a page of before: what was typed stays beside what is there.
    let old = anne.send(&anne.absence, &of("0", "Autre+texte")).await;
    assert_eq!(old.status.as_u16(), RefusalCode::EditConflict.http(), "{}", old.text);
    assert!(old.text.contains("Autre texte") && old.text.contains("De retour bientôt"), "{}", old.text);
    let version = anne.version(&anne.absence, "/absence/fin\"").await;
    let end = format!("{}/fin", anne.absence);
    led(&anne.send(&end, &format!("version={version}")).await, &format!("{}?fait=oui", anne.absence));
    assert!(!anne.get(&anne.absence).await.text.contains("De retour bientôt"));
    // Somebody else's BAL is one that does not exist.
    let bruno = format!("__Host-sceau={}", anne.house.enters("bruno").await);
    assert_eq!(anne.house.get(&anne.absence, &bruno).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_told_as_a_page_and_as_a_file() {
    let anne = Anne::new().await;
    led(&anne.send("/compte/langue", "langue=en").await, "/compte/notifications?fait=oui");
    let page = anne.get("/compte/activite?de=moi").await.text;
    assert!(page.contains("Langue des avis choisie") && page.contains("Vous"), "{page}");
    // At one BAL alone, and only at one's own.
    let bal = anne.absence.split('/').nth(2).unwrap();
    assert!(page.contains(&format!("<option value=\"{bal}\">{ANNE}</option>")), "{page}");
    let at = anne.get(&format!("/compte/activite?de={bal}")).await;
    assert!(at.status == StatusCode::OK && at.text.contains(&format!("value=\"{bal}\" selected")), "{}", at.text);
    assert_eq!(anne.get("/compte/activite?de=Babc").await.status, StatusCode::NOT_FOUND);
    let file = anne.get("/compte/activite?de=moi&format=csv").await;
    assert!(file.header("content-type").starts_with("text/csv") && file.text.contains(";"), "{}", file.text);
    assert!(file.text.contains("Langue des avis choisie"), "{}", file.text);
    assert_eq!(anne.get("/compte/activite?avant=x").await.status.as_u16(), RefusalCode::Invalid.http());
    let data: serde_json::Value = serde_json::from_str(&anne.get("/compte/donnees/fichier").await.text).unwrap();
    assert_eq!((data["person"]["login"].as_str(), data["notices"]["language"].as_str()), (Some("anne"), Some("en")));
    // What opens her mail too, and none of its secrets.
    let (_, cookie) = anne.cookie.split_once('=').unwrap();
    assert_eq!(
        (data["sessions"].as_array().map(Vec::len), data["told_browsers"].as_array().map(Vec::len)),
        (Some(1), Some(0))
    );
    assert!(!data.to_string().contains(cookie) && data["tokens"].is_array() && data["factors"].is_array(), "{data}");
}

#[tokio::test(flavor = "multi_thread")]
async fn light_and_dark_are_the_browsers_and_the_rest_the_persons() {
    let anne = Anne::new().await;
    let page = anne.send("/compte/affichage", "theme=dark&retenir=20&ancien=oui").await;
    led(&page, "/compte/affichage?fait=oui");
    let cookies: Vec<_> = page.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    assert!(cookies.iter().any(|c| c.starts_with("__Host-sceau-theme=dark;")), "{cookies:?}");
    let cookie = format!("{}; __Host-sceau-theme=dark", anne.cookie);
    let page = anne.house.get("/compte/affichage", &cookie).await.text;
    assert!(page.contains("data-theme=\"dark\"") && page.contains("<option value=\"20\" selected>"), "{page}");
    assert!(
        page.contains("name=\"ancien\" value=\"oui\" checked") && !page.contains("name=\"fils\" value=\"oui\" checked")
    );
    assert!(anne.send("/compte/affichage", "retenir=31").await.says(RefusalCode::Invalid));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegation_is_given_and_ended() {
    let anne = Anne::new().await;
    let until = "2026-12-10";
    let new = format!("address={ANNE}&login=bruno&read=oui&jusque={until}&motif=Secretariat");
    led(&anne.send("/compte/delegations", &new).await, "/compte/delegations?fait=oui");
    let page = anne.get("/compte/delegations").await.text;
    assert!(page.contains("bruno") && page.contains("Secretariat"), "{page}");
    let bruno = format!("__Host-sceau={}", anne.house.enters("bruno").await);
    assert!(anne.house.get("/compte/delegations", &bruno).await.text.contains(ANNE));
    let end = format!("address={ANNE}&login=bruno");
    led(&anne.send("/compte/delegations/fin", &end).await, "/compte/delegations?fait=oui");
    assert!(!anne.get("/compte/delegations").await.text.contains("Secretariat"));
    // To nobody, and without a day.
    let nobody =
        anne.send("/compte/delegations", &format!("address={ANNE}&login=personne&read=oui&jusque={until}")).await;
    assert!(nobody.status.is_client_error() && nobody.text.contains("role=\"alert\""), "{}", nobody.text);
    let never = anne.send("/compte/delegations", &format!("address={ANNE}&login=bruno&read=oui&jusque=demain")).await;
    assert!(never.says(RefusalCode::Invalid), "{}", never.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_is_asked_for_by_whoever_read_what_is_lost() {
    let anne = Anne::new().await;
    let unread = anne.send("/compte/fermeture", &format!("address={ANNE}&motif=Retraite")).await;
    assert!(unread.says(RefusalCode::Invalid) && unread.text.contains("value=\"Retraite\""), "{}", unread.text);
    let asked = anne.send("/compte/fermeture", &format!("address={ANNE}&motif=Retraite&lu=oui")).await;
    led(&asked, "/compte/fermeture?fait=oui");
    let page = anne.get("/compte/fermeture").await.text;
    assert!(page.contains("sera fermée le") && !page.contains(&format!("<option value=\"{ANNE}\"")), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_made_and_its_answer_read() {
    let anne = Anne::new().await;
    let lacking = anne.send("/compte/aide", "genre=abuse&texte=Adresse+usurp%C3%A9e").await;
    assert!(lacking.says(RefusalCode::Invalid) && lacking.text.contains("Adresse usurpée"), "{}", lacking.text);
    led(&anne.send("/compte/aide", "genre=help&texte=Bonjour").await, "/compte/aide?fait=oui");
    let page = anne.get("/compte/aide").await.text;
    assert!(page.contains("Bonjour") && page.contains("En attente"), "{page}");
    let bruno = format!("__Host-sceau={}", anne.house.enters("bruno").await);
    assert!(!anne.house.get("/compte/aide", &bruno).await.text.contains("Bonjour"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_outlives_the_session() {
    let anne = Anne::new().await;
    let typed = "version=0&du=2026-11-21&au=2026-12-01&texte=De+retour+bient%C3%B4t";
    let before = anne.cookie.split_once('=').unwrap().1;
    let word = sceau_identity::session::csrf(&anne.house.op.form_key(before), &anne.absence);
    let post = async |cookie: &str, word: &str, from: &str| {
        let headers = [("origin", from), ("cookie", cookie)];
        anne.house.browse(Method::POST, &anne.absence, &headers, &format!("jeton={word}&{typed}")).await
    };
    // Whoever is not signed in any more.
    let over = post("__Host-sceau-essai=autre", &word, HERE).await;
    assert_eq!(over.status.as_u16(), RefusalCode::LoginRequired.http(), "{}", over.text);
    assert!(over.text.contains("De retour bientôt") && over.text.contains("value=\"2026-12-01\""), "{}", over.text);
    assert!(over.text.contains("Votre session a pris fin") && !over.text.contains(ANNE), "{}", over.text);
    // Who signed in again since: the page, with the word of the new session. Nothing was done yet.
    let again = format!("__Host-sceau={}", anne.house.enters("anne").await);
    let page = post(&again, &word, HERE).await;
    assert!(page.says(RefusalCode::FormOld) && page.text.contains("De retour bientôt"), "{}", page.text);
    assert!(!anne.get(&anne.absence).await.text.contains("De retour bientôt"));
    let form =
        page.text.split_once(&format!("action=\"{}\"", anne.absence)).unwrap_or_else(|| panic!("{}", page.text)).1;
    let word = form.split("name=\"jeton\" value=\"").nth(1).and_then(|w| w.split('"').next()).unwrap();
    led(&post(&again, word, HERE).await, &format!("{}?fait=oui", anne.absence));
    // A request for help, too.
    let help = sceau_identity::session::csrf(&anne.house.op.form_key(before), "/compte/aide");
    let headers = [("origin", HERE), ("cookie", "__Host-sceau-essai=autre")];
    let asked = format!("jeton={help}&genre=help&texte=Bonjour+%C3%A0+vous");
    let over = anne.house.browse(Method::POST, "/compte/aide", &headers, &asked).await;
    assert_eq!(over.status.as_u16(), RefusalCode::LoginRequired.http(), "{}", over.text);
    assert!(over.text.contains("Bonjour à vous") && over.text.contains("Votre session a pris fin"), "{}", over.text);
    // Another site's form is nobody's text.
    let forged = post(&again, word, "https://ailleurs.fr").await;
    assert!(forged.says(RefusalCode::FormForged) && !forged.text.contains("De retour"), "{}", forged.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_told_of_what_its_person_chose() {
    let silent = Anne::new().await;
    let page = silent.get("/compte/telephone").await.text;
    assert!(!page.contains("data-push") && page.contains("data-install"), "{page}");
    let link = |page: &str| page.matches("href=\"/compte/telephone\"").count();
    let before = link(&silent.get("/compte/notifications").await.text);
    let anne = Anne::with(|c| c.push.services = vec!["push.exemple.fr".into()]).await;
    let (here, shared) = ("/compte/telephone", "exploitation@alpha.mssante.fr");
    assert_eq!(link(&anne.get("/compte/notifications").await.text), before + 1, "where one chooses notices");
    let page = anne.get(here).await.text;
    let (_, key) = page.split_once("data-key=\"").unwrap_or_else(|| panic!("{page}"));
    assert_eq!(key.split_once('"').unwrap().0.len(), 87, "65 octets in base64url: {key}");
    assert!(page.contains("push.js") && page.contains("rel=\"manifest\""), "{page}");
    // One's own BAL is ticked; nothing is chosen before one asks.
    let ticked = |page: &str, address: &str| page.contains(&format!("name=\"bal\" value=\"{address}\" checked"));
    assert!(ticked(&page, ANNE) && !ticked(&page, shared) && !page.contains("avis/fin\""), "{page}");
    let elsewhere = format!("adresse=https%3A%2F%2Failleurs.fr%2Fa&bal={ANNE}");
    assert!(anne.send("/compte/telephone/avis", &elsewhere).await.says(RefusalCode::PushForbidden));
    let none = "adresse=https%3A%2F%2Fpush.exemple.fr%2Fa";
    assert!(anne.send("/compte/telephone/avis", none).await.says(RefusalCode::Invalid));
    let both = format!("{none}&bal={ANNE}&bal={shared}");
    led(&anne.send("/compte/telephone/avis", &both).await, "/compte/telephone?fait=oui");
    // From here on no script is needed.
    let page = anne.get(here).await.text;
    let (_, rest) = page.split_once("name=\"navigateur\" value=\"").unwrap_or_else(|| panic!("{page}"));
    assert!(ticked(rest, shared) && !page.contains("push.exemple.fr/a"), "where it is woken is nobody's: {page}");
    // Its worker says where it is woken from now on: of the same BALs. Nobody else's does, nor of an address that is not there any more.
    let mark = |page: &str| page.split_once("data-mark=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let (renew, moves) = (
        "/compte/telephone/avis/renouveler",
        "avant=https%3A%2F%2Fpush.exemple.fr%2Fa&adresse=https%3A%2F%2Fpush.exemple.fr%2Fb",
    );
    let bruno = anne.house.enters("bruno").await;
    let word = sceau_identity::session::csrf(&anne.house.op.form_key(&bruno), renew);
    let (his, part) = (format!("__Host-sceau={bruno}"), ("x-sceau-part", "told"));
    let headers = [("origin", HERE), ("cookie", his.as_str()), part];
    let not = anne.house.browse(Method::POST, renew, &headers, &format!("jeton={word}&{moves}")).await;
    assert_eq!((not.status, not.header("content-type")), (StatusCode::NOT_FOUND, "application/problem+json"));
    assert_eq!(anne.send(renew, moves).await.status, StatusCode::NO_CONTENT);
    assert_eq!(anne.send(renew, moves).await.status, StatusCode::NOT_FOUND);
    let renewed = anne.get(here).await.text;
    assert!(mark(&page).len() == 64 && mark(&renewed).len() == 64 && mark(&page) != mark(&renewed), "{renewed}");
    let (_, rest) = renewed.split_once("name=\"navigateur\" value=\"").unwrap_or_else(|| panic!("{renewed}"));
    assert!(ticked(rest, shared) && ticked(rest, ANNE) && renewed.matches("data-mark=").count() == 1, "{renewed}");
    let code = rest.split_once('"').unwrap().0.to_owned();
    let choice = "/compte/telephone/avis/choix";
    led(&anne.send(choice, &format!("navigateur={code}&bal={ANNE}")).await, "/compte/telephone?fait=oui");
    assert!(!ticked(&anne.get(here).await.text, shared));
    assert!(anne.send(choice, &format!("navigateur={code}")).await.says(RefusalCode::Invalid));
    for path in ["/compte/telephone/avis/fin", "/compte/telephone/avis/essai", choice] {
        let wrong = anne.send(path, &format!("navigateur=Pabc&bal={ANNE}")).await;
        assert_eq!(wrong.status, StatusCode::NOT_FOUND, "{path} {}", wrong.text);
    }
    led(&anne.send("/compte/telephone/avis/fin", &format!("navigateur={code}")).await, "/compte/telephone?fait=oui");
    assert!(!anne.get(here).await.text.contains("name=\"navigateur\""));
    let done = anne.get("/compte/activite?de=moi").await.text;
    assert!(done.contains("Notifications acceptées") && done.contains("Notifications arrêtées"), "{done}");
}
