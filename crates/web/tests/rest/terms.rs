//! Terms of use over REST, and the page by which a person accepts them.
use crate::support::House;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sceau_operator::{Door, OperatorConfig, Origin};
use sceau_trust::{Anchors, Trust};
use sceau_web::Via;
use serde_json::{Value, json};
use tower::ServiceExt;

/// A page as a browser gets it.
struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

impl House {
    /// Asks for a page over TLS, or sends its form.
    async fn page(&self, method: Method, path: &str, form: Option<&str>) -> Page {
        let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: Some("TLSv1.3".into()) };
        let request = Request::builder().method(method).uri(path).extension(via);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let body = Body::from(form.unwrap_or_default().to_owned());
        let (parts, body) = self.app.clone().oneshot(request.body(body).unwrap()).await.unwrap().into_parts();
        let text = String::from_utf8(to_bytes(body, 4 << 20).await.unwrap().to_vec()).unwrap();
        Page { status: parts.status, headers: parts.headers, text }
    }
}

fn version(name: &str) -> Value {
    json!({
        "version": name, "changes_fr": "Le **délai** change <b>.", "changes_en": "The time changes.",
        "values": { "adresse": "1 rue <script>", "representant": "R", "contact": "C", "support": "S", "dpo": "D", "hebergeur": "H" }
    })
}

async fn published(h: &House, name: &str) -> Value {
    let said = h.root(Method::POST, "/terms", &[], Some(version(name))).await;
    assert_eq!(said.status, StatusCode::CREATED, "{:?}", said.body);
    assert_eq!(said.headers["location"], format!("/api/v1/terms/versions/{name}").as_str());
    said.body
}

async fn house() -> House {
    let h = House::new().await;
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["anne"]).await;
    h
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_reads_the_person_alone_accepts_and_administrators_see_who_did() {
    let h = house().await;
    let anne = h.token("anne").await;
    let said = h.ask(Some(&anne), Method::POST, "/terms", &[], Some(version("v1"))).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    let lame = json!({ "version": "v1", "text_fr": "Bonjour.", "changes_fr": "x", "changes_en": "x" });
    let said = h.root(Method::POST, "/terms", &[], Some(lame)).await;
    assert_eq!((said.status, said.code()), (StatusCode::UNPROCESSABLE_ENTITY, "terms.clause_missing"));
    let v1 = published(&h, "v1").await;
    let digest = v1["digest"].as_str().unwrap();

    // Planned by mistake, and taken back: it is never in force, and stays to be read.
    let later = h.op.clock().now().0 + 60_000;
    let planned = json!({ "version": "faute", "from": later, "changes_fr": "x", "changes_en": "x", "values": version("x")["values"] });
    assert_eq!(h.root(Method::POST, "/terms", &[], Some(planned)).await.body["state"], "planned");
    let why = || Some(json!({ "reason": "date erronée" }));
    let said = h.ask(Some(&anne), Method::POST, "/terms/versions/faute/withdraw", &[], why()).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    let said = h.root(Method::POST, "/terms/versions/faute/withdraw", &[], why()).await;
    assert_eq!((said.status, said.body["state"].as_str()), (StatusCode::OK, Some("withdrawn")));
    let said = h.root(Method::POST, "/terms/versions/v1/withdraw", &[], why()).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "state.wrong"));

    // Read by everybody, without a token.
    let said = h.ask(None, Method::GET, "/terms/in-force", &[], None).await;
    assert_eq!((said.status, said.body["version"].as_str()), (StatusCode::OK, Some("v1")));
    let said = h.ask(None, Method::GET, "/terms", &[], None).await;
    assert_eq!(said.body["items"].as_array().unwrap().len(), 3);
    assert!(said.body["items"][0].get("published_by").is_none(), "who published is nobody's business here");
    let said = h.ask(None, Method::GET, "/terms/versions/v1/text?lang=en", &[], None).await;
    assert_eq!(
        (said.status, &said.headers["content-type"]),
        (StatusCode::OK, &"text/markdown; charset=utf-8".parse().unwrap())
    );
    let said = h.ask(None, Method::GET, "/terms/versions/essai/differences/v1?lang=fr", &[], None).await;
    assert_eq!(said.body["items"].as_array().unwrap().len(), 28, "every clause is new, and the preamble");
    let said = h.ask(None, Method::GET, "/terms/versions/v9", &[], None).await;
    assert_eq!((said.status, said.code()), (StatusCode::NOT_FOUND, "admin.not_found"));
    let said = h.ask(None, Method::GET, "/me/terms", &[], None).await;
    assert_eq!(said.status, StatusCode::UNAUTHORIZED);

    // Accepted by the person alone.
    let said = h.ask(Some(&anne), Method::GET, "/me/terms", &[], None).await;
    assert_eq!(
        (said.body["state"].as_str(), said.body["link"].as_str()),
        (Some("required"), Some("https://mss.alpha.fr/conditions"))
    );
    let said = h.root(Method::GET, "/terms/missing", &[], None).await;
    assert_eq!(said.body["items"], json!([]), "she has no BAL");
    let wrong = json!({ "version": "v1", "digest": "0".repeat(64) });
    let said = h.ask(Some(&anne), Method::POST, "/me/terms", &[], Some(wrong)).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "terms.changed"));
    let right = json!({ "version": "v1", "digest": digest });
    let said = h.ask(Some(&anne), Method::POST, "/me/terms", &[], Some(right)).await;
    assert_eq!(said.status, StatusCode::OK);
    let said = h.ask(Some(&anne), Method::GET, "/me/terms", &[], None).await;
    assert_eq!(said.body["state"], "accepted");

    // With a token of a mail program, in a body; failures are those of logins.
    let (_, token) = h.op.create_token(&h.admin, "anne", None, "poste", None).await.unwrap();
    let with = |token: &str| json!({ "login": "anne", "token": token, "version": "v1", "digest": digest });
    let said = h.ask(None, Method::POST, "/terms/acceptances", &[], Some(with("faux"))).await;
    assert_eq!((said.status, said.code()), (StatusCode::UNAUTHORIZED, "login.failed"));
    let said = h.ask(None, Method::POST, "/terms/acceptances", &[], Some(with(&token))).await;
    assert_eq!(said.status, StatusCode::OK);

    let said = h.ask(Some(&anne), Method::GET, "/terms/acceptances", &[], None).await;
    assert_eq!((said.status, said.code()), (StatusCode::FORBIDDEN, "right.missing"));
    let said = h.root(Method::GET, "/terms/acceptances?version=v1&person=anne", &[], None).await;
    let row = &said.body["items"][0];
    assert_eq!(
        (row["person"].as_str(), row["factors"].as_str(), row["door"].as_str()),
        (Some("anne"), Some("api_token"), Some("api"))
    );
    assert_eq!(row["digest"], digest);
    let said = h.root(Method::GET, "/terms/acceptances?limit=1", &[], None).await;
    let next = said.body["next"].as_str().unwrap();
    let said = h.root(Method::GET, &format!("/terms/acceptances?limit=1&after={next}"), &[], None).await;
    assert_eq!(said.body["items"][0]["version"], "essai");
    let said = h.root(Method::GET, "/terms/acceptances?after=x", &[], None).await;
    assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "admin.invalid"));
}

/// What a form of the page holds.
fn form(fields: &[(&str, &str)]) -> String {
    let quote = |s: &str| s.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    fields.iter().map(|(n, v)| format!("{n}={}", quote(v))).collect::<Vec<_>>().join("&")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_accepts_on_the_page_and_nothing_there_can_be_misused() {
    let h = house().await;
    let v1 = published(&h, "v1").await;
    let digest = v1["digest"].as_str().unwrap();
    let (_, token) = h.op.create_token(&h.admin, "anne", None, "poste", None).await.unwrap();

    let page = h.page(Method::GET, "/conditions", None).await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe") && !policy.contains("script"));
    assert!(!page.headers.contains_key("set-cookie"));
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "no-referrer"));
    for part in ["<html lang=\"fr\">", "Version v1", "En vigueur depuis le", "name=\"token\"", "Convention", digest] {
        assert!(page.text.to_lowercase().contains(&part.to_lowercase()), "{part}");
    }
    assert!(
        page.text.contains("Ce qui change depuis la version essai")
            && page.text.contains("<strong>délai</strong> change &lt;b&gt;")
    );
    assert!(page.text.contains("1 rue &lt;script&gt;") && !page.text.contains("<script"), "values are text");
    // Whoever skipped a version is shown the changes of each; a name that is none shows those since the version before.
    let skipped = published(&h, "v1b").await;
    let all = h.page(Method::GET, "/conditions?since=essai&lang=en", None).await;
    assert!(all.text.contains("Version v1, in force from") && all.text.contains("Version v1b, in force from"));
    assert!(all.text.contains("<h2>What changes since version essai</h2>"), "{}", all.text);
    assert!(all.text.contains("name=\"since\" value=\"essai\""));
    // What changed is heard too, and each language names itself.
    assert!(all.text.contains("<span class=\"heard\">Removed: </span><del>"));
    assert!(all.text.contains("lang=\"fr\" hreflang=\"fr\">Français</a>"));
    let odd = h.page(Method::GET, "/conditions?since=%22%3E%3Ci%3E", None).await;
    assert!(odd.text.contains("depuis la version v1<") && !odd.text.contains("<i>"));
    let (v1, digest) = (skipped, digest.to_owned());
    let digest = v1["digest"].as_str().filter(|d| *d == digest).unwrap();
    let style = h.page(Method::GET, "/pages.css", None).await;
    assert_eq!((style.status, style.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    let english = h.page(Method::GET, "/conditions?lang=en", None).await;
    assert!(english.text.contains("Only the French version has legal force") && english.text.contains("I accept"));
    let old = h.page(Method::GET, "/conditions?version=essai", None).await;
    assert!(old.text.contains("Remplac") && !old.text.contains("<form"));
    assert_eq!(h.page(Method::GET, "/conditions?version=%3Cb%3E", None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(h.page(Method::GET, "/conditions?x=%ff&version=%ff", None).await.status, StatusCode::NOT_FOUND);

    let fields = |login, token, accept, digest| {
        form(&[("login", login), ("token", token), ("accept", accept), ("version", "v1b"), ("digest", digest)])
    };
    let wrong = [
        (fields("anne\"><i>", "faux", "yes", digest), StatusCode::UNAUTHORIZED),
        (fields("anne", &token, "", digest), StatusCode::BAD_REQUEST),
        (fields("anne", &token, "yes", "00"), StatusCode::CONFLICT),
        ("x=1".to_owned(), StatusCode::BAD_REQUEST),
        ("login=%ff".to_owned(), StatusCode::BAD_REQUEST),
    ];
    for (body, status) in wrong {
        let said = h.page(Method::POST, "/conditions", Some(&body)).await;
        assert_eq!(said.status, status, "{body}");
        assert!(!said.text.contains(&token) && !said.text.contains("faux"), "a secret is never shown again");
        assert!(!said.text.contains("<i>"), "{body}");
    }
    let anne = h.op.login_person("anne", &token, &origin()).await.unwrap();
    assert_eq!(h.op.own_terms(&anne).await.unwrap().state, "required", "nothing of that was an acceptance");
    let done = h.page(Method::POST, "/conditions", Some(&fields(" Anne ", &token, "yes", digest))).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.text.contains("Conditions acceptées") && !done.text.contains(&token));
    assert_eq!(h.op.own_terms(&anne).await.unwrap().state, "accepted");
    let said = h.root(Method::GET, "/terms/acceptances?version=v1b", &[], None).await;
    assert_eq!(said.body["items"][0]["previous"], "essai");
    assert_eq!(
        (said.body["items"][0]["door"].as_str(), said.body["items"][0]["factors"].as_str()),
        (Some("web"), Some("device_token"))
    );
}

fn origin() -> Origin {
    Origin { door: Door::Web, remote: None, session: "essai".into(), tls: None, once: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_terms_the_page_says_so_and_guessing_is_held_back() {
    let store = sceau_store::testing::sqlite().await;
    let config = OperatorConfig { login_failures_per_minute: 2, ..sceau_testkit::config() };
    let (op, admin) = sceau_testkit::open(config, store.clone(), Trust::new(Anchors::default())).await;
    let h = House { app: sceau_web::app(op.clone()), op, admin, store };
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &["anne"]).await;
    let forget = |tx: &mut dyn sceau_store::Tx| {
        tx.execute("DELETE FROM acceptances", &[])?;
        tx.execute("DELETE FROM terms", &[])
    };
    h.store.write::<_, sceau_store::StoreError, _>(forget).await.unwrap();
    let page = h.page(Method::GET, "/conditions", None).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text.contains("Aucune version"));
    let said = h.ask(None, Method::GET, "/terms/in-force", &[], None).await;
    assert_eq!((said.status, said.code()), (StatusCode::CONFLICT, "terms.absent"));
    published(&h, "v1").await;
    // What mail programs fail counts here too: the counts are the same.
    let mail = Origin { door: Door::Imap, remote: Some([192, 0, 2, 9].into()), ..origin() };
    assert_eq!(h.op.login_token("anne", "faux", &mail).await.unwrap_err().code.as_str(), "login.failed");
    let body = form(&[("login", "anne"), ("token", "faux"), ("accept", "yes"), ("version", "v1"), ("digest", "00")]);
    assert_eq!(h.page(Method::POST, "/conditions", Some(&body)).await.status, StatusCode::UNAUTHORIZED);
    let said = h.page(Method::POST, "/conditions", Some(&body)).await;
    assert_eq!(said.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_must_accept_and_whose_bal_closes_is_told_once_by_ordinary_mail() {
    const ANNE: &str = "anne.martin@alpha.mssante.fr";
    let h = House::new().await;
    let domains = [("alpha.mssante.fr", sceau_domain::DomainKind::Production)];
    sceau_testkit::people(&h.op, &h.store, &h.admin, &domains, &["anne", "bruno"]).await;
    sceau_testkit::bal(&h.op, &h.admin, ANNE, sceau_domain::BalKind::Per, &["anne"], |_| {}).await;
    let reach = "UPDATE people SET email = login || '@exemple.fr', email_verified = 1 WHERE login IN ('anne', 'bruno')";
    h.store.write::<_, sceau_store::StoreError, _>(move |tx| tx.execute(reach, &[])).await.unwrap();
    let relay = sceau_testkit::relay::Played::of(&h.op);
    let told = async || {
        h.op.housekeeping().await.unwrap();
        h.op.run_due_jobs().await.unwrap();
        let mails = relay.drain().into_iter();
        mails.map(|(to, mail)| (to, sceau_testkit::relay::unfolded(&mail))).collect::<Vec<_>>()
    };
    assert!(told().await.is_empty(), "what is in force is accepted");
    published(&h, "v1").await;
    let mails = told().await;
    assert_eq!(mails.len(), 1, "bruno has no BAL: {mails:?}");
    assert!(mails[0].0 == "anne@exemple.fr" && mails[0].1.contains("https://mss.alpha.fr/conditions"), "{mails:?}");
    assert!(told().await.is_empty(), "once");
    // The closing of her BAL, with its date, when there is a time to withdraw it.
    let close = json!({ "cause": "unused", "reason": "essai" });
    let said = h.root(Method::POST, &format!("/bals/{ANNE}/close"), &[], Some(close)).await;
    assert_eq!(said.body["state"], "closing", "{}", said.text);
    let mails = told().await;
    let at = said.body["closing_at"].as_i64().unwrap();
    let calendar =
        sceau_domain::calendar::Calendar::new(sceau_domain::calendar::Territory::Metropole, Default::default(), []);
    let day = calendar.date_at(sceau_domain::Timestamp(at)).to_string();
    assert!(mails.len() == 1 && mails[0].1.contains(&day) && !mails[0].1.contains(ANNE), "{mails:?}");
}
