//! What answers say of being kept: nothing that was made for somebody is kept by a browser, or by what stands between.
use crate::support::{HERE, House, Page};
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sceau_operator::mailbox::entries::FlagSet;
use sceau_testkit::world::{World, letter};
use sceau_web::{Via, assets};
use tower::ServiceExt;

const ANNE: &str = "anne.martin@alpha.mssante.fr";

/// Anne with a message that has a piece.
struct Desk {
    h: House,
    cookie: String,
    bal: String,
    message: String,
}

impl Desk {
    async fn new() -> Self {
        let world = World::on(sceau_store::testing::sqlite().await, |_| {}).await;
        let anne = world.actor("anne", ANNE).await;
        let text = letter("Marc <marc@exemple.fr>", "bilan").replace(
            "\r\n\r\nBonjour bilan\r\n",
            "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\nBonjour\r\n\
             --m\r\nContent-Type: text/csv; name=a.csv\r\n\r\n1;2\r\n--m--\r\n",
        );
        world.op.append(&anne, "INBOX", FlagSet::default(), None, world.message(&text)).await.unwrap();
        let entries = world.op.open_folder(&anne, "INBOX", true).await.unwrap().entries;
        let bal = format!("/bal/{}", world.op.bal_object(anne.bal.as_ref().unwrap().id));
        let message = format!("{bal}/message/{}", world.op.email_object(entries[0].message));
        let h = House::of(world);
        let cookie = format!("__Host-sceau={}", h.enters("anne").await);
        Self { h, cookie, bal, message }
    }
    /// What is said before what is answered: a stream has no end.
    async fn head(&self, path: &str, part: &str, cookie: &str) -> (StatusCode, HeaderMap) {
        let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) };
        let mut request = Request::builder().uri(path).extension(via).header("cookie", cookie);
        if !part.is_empty() {
            request = request.header("x-sceau-part", part);
        }
        let answer = self.h.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        (answer.status(), answer.headers().clone())
    }
}

fn kept_nowhere(about: &str, status: StatusCode, headers: &HeaderMap) {
    let said: Vec<_> = headers.get_all("cache-control").iter().map(|v| v.to_str().unwrap()).collect();
    assert_eq!(said, ["no-store"], "{about} ({status})");
    assert!(!status.is_server_error(), "{about} ({status})");
}

fn json(about: &str, page: &Page) {
    kept_nowhere(about, page.status, &page.headers);
    assert!(page.header("content-type").contains("json"), "{about}: {}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_made_for_somebody_is_kept() {
    let desk = Desk::new().await;
    let (bal, message) = (&desk.bal, &desk.message);
    let first = desk.h.get(bal, &desk.cookie).await;
    let list = first.header("location").to_owned();
    assert!(list.contains("/dossier/"), "{list}");
    // What scripts and programs take: of which type it is, so that it is that which is looked at.
    let typed = [
        (format!("{bal}/direct"), "", "text/event-stream"),
        (format!("{message}/direct"), "", "text/event-stream"),
        (format!("{bal}/suivis?de={}", "00".repeat(16)), "counts", "application/json"),
        (format!("{bal}/chercher/suggestions?q=bilan"), "chips", "text/html"),
        (format!("{bal}/destinataires?q=petit"), "chips", "text/html"),
        (list.clone(), "list", "text/html"),
        (message.clone(), "message", "text/html"),
        ("/compte/donnees/fichier".into(), "", "application/json"),
        ("/nulle-part".into(), "", "application/problem+json"),
        (format!("{bal}/agir"), "", "application/problem+json"),
    ];
    for (path, part, kind) in typed {
        let (status, headers) = desk.head(&path, part, &desk.cookie).await;
        kept_nowhere(&path, status, &headers);
        assert!(headers["content-type"].to_str().unwrap().starts_with(kind), "{path} ({status}): {headers:?}");
    }
    // Every other address of the desk that is read, whatever it answers, to her and to a stranger.
    let own = ["", "/choix", "/notifications", "/delegations", "/activite", "/affichage", "/telephone", "/aide"];
    let of_bal = ["dossiers", "etiquettes", "chercher?q=bilan", "ecrire", "modeles", "envois", "regles", "equipe"];
    let of_message =
        ["", "/corps", "/imprimer", "/entetes", "/source", "/pieces.zip", "/piece/2", "/piece/2/texte", "/suivi"];
    let mut all = vec!["/bureau".to_owned(), bal.clone(), list, format!("{bal}/absence"), "/bal".to_owned()];
    all.extend(own.map(|tail| format!("/compte{tail}")));
    all.extend(of_bal.map(|tail| format!("{bal}/{tail}")));
    all.extend(of_message.map(|tail| format!("{message}{tail}")));
    let own = desk.cookie.as_str();
    for path in &all {
        for (cookie, part) in [(own, ""), (own, "told"), ("a=b", ""), ("a=b", "told")] {
            let (status, headers) = desk.head(path, part, cookie).await;
            kept_nowhere(path, status, &headers);
        }
    }
    // What is the same for everybody is kept, and is not what is looked at here.
    let (_, headers) = desk.head(&assets::path("base.css"), "", &desk.cookie).await;
    assert!(headers["cache-control"].to_str().unwrap().contains("immutable"), "{headers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_acts_and_uploads_answer_is_kept_nowhere() {
    let desk = Desk::new().await;
    let (h, cookie) = (&desk.h, desk.cookie.as_str());
    let page = h.get(&format!("{}/ecrire", desk.bal), cookie).await;
    let form = page.text.split('"').find(|p| p.contains("/ecrire/D")).unwrap_or_else(|| panic!("{}", page.text));
    let kept = h.press(form, cookie, "version=0&a=bruno.petit@alpha.mssante.fr&objet=Bilan&faire=enregistrer").await;
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.text);
    kept_nowhere("a draft", kept.status, &kept.headers);
    let begun = h.press(&format!("{form}/piece"), cookie, "nom=a.txt&sorte=text/plain&taille=5").await;
    json("a file begins", &begun);
    let words: Vec<&str> = begun.text.split('"').collect();
    let said = |name: &str| words[words.iter().position(|w| *w == name).unwrap_or_else(|| panic!("{words:?}")) + 2];
    let headers = [
        ("origin", HERE),
        ("cookie", cookie),
        ("content-type", "application/octet-stream"),
        ("x-sceau-jeton", said("jeton")),
    ];
    let piece = h.browse(Method::POST, &format!("{}?a=0", said("to")), &headers, "01234").await;
    assert_eq!(piece.text, "{\"held\":5}");
    json("a piece", &piece);
    // A refusal, as a script hears it.
    let headers = [("cookie", cookie), ("origin", HERE), ("x-sceau-part", "told")];
    for path in [format!("{}/agir", desk.bal), format!("{form}/piece"), format!("{}/presence", desk.message)] {
        let refused = h.browse(Method::POST, &path, &headers, "jeton=x").await;
        assert!(refused.status.is_client_error(), "{path}: {}", refused.status);
        json(&path, &refused);
    }
}
