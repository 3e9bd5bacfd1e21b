//! People and BALs from a file; and the journey of a hospital that opens.
use crate::structures::{structure, with_role};
use crate::support::{House, Said};
use axum::http::{Method, StatusCode};
use sceau_domain::{DomainKind, Role};
use sceau_testkit::people_file::{Arrivals, FIRST, HEADER, arrivals, line, login, rpps};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A hospital under convention that opens its BALs itself; the token of its administrator.
async fn hospital(h: &House) -> String {
    h.op.add_domain(&h.admin, "hopital.mssante.fr".parse().unwrap(), DomainKind::Production).await.unwrap();
    let added = h.root(Method::POST, "/structures", &[], Some(structure("chu"))).await;
    let settlement = json!({ "opening": "delegated", "domains": ["hopital.mssante.fr"],
        "convention": { "state": "signed", "reference": "C-1", "from": 1_700_000_000_000_i64 } });
    let tag = added.etag();
    let said = h.root(Method::PATCH, "/structures/chu/settlement", &[("if-match", &tag)], Some(settlement)).await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.text);
    with_role(h, "marie", Role::Structure, Some("chu"), None).await
}

async fn send(h: &House, token: &str, query: &str, file: Vec<u8>) -> Said {
    h.file(token, &format!("/imports?structure=chu&certified=true&{query}"), file).await
}

/// Sends a file and works through it; the import as it ended.
async fn import(h: &House, token: &str, query: &str, file: Vec<u8>) -> Value {
    let said = send(h, token, query, file).await;
    assert_eq!(said.status, StatusCode::CREATED, "{}", said.text);
    while h.op.run_due_jobs().await.unwrap() > 0 {}
    h.ask(Some(token), Method::GET, &format!("/imports/{}", said.body["id"].as_str().unwrap()), &[], None).await.body
}

async fn lines(h: &House, token: &str, import: &Value, query: &str) -> Vec<Value> {
    let path = format!("/imports/{}/lines?limit=1000{query}", import["id"].as_str().unwrap());
    h.ask(Some(token), Method::GET, &path, &[], None).await.body["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hospital_opens_with_its_services_and_500_people() {
    let h = House::new().await;
    let marie = hospital(&h).await;
    let luc = with_role(&h, "luc", Role::Structure, Some("chu"), None).await;
    // Cardiology: six people, two of them responsible; the laboratory's machine.
    let staff = ["anne", "bruno", "chloe", "denis", "elise", "farid"];
    sceau_testkit::people(&h.op, &h.store, &h.admin, &[], &staff).await;
    for login in staff {
        h.op.join_structure(&h.admin, login, "chu", "cardiologie", None).await.unwrap();
    }
    for (address, kind, holders, members) in [
        ("cardiologie@hopital.mssante.fr", "Org", &staff[..2], &staff[2..]),
        ("laboratoire@hopital.mssante.fr", "App", &staff[..1], &staff[..0]),
    ] {
        let new = json!({ "task": "open", "address": address, "kind": kind, "name": "Service", "structure": "chu",
            "holders": holders, "members": members });
        let asked = h.ask(Some(&marie), Method::POST, "/openings", &[], Some(new)).await;
        assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text);
        let path = format!("/openings/{}/verify", asked.body["id"].as_str().unwrap());
        let verified = h.ask(Some(&luc), Method::POST, &path, &[], None).await;
        assert!(verified.status.is_success(), "{path}: {} {}", verified.status, verified.text);
        let bal = h.ask(Some(&marie), Method::GET, &format!("/bals/{address}"), &[], None).await;
        assert_eq!((bal.status, bal.body["state"].as_str()), (StatusCode::OK, Some("active")), "{}", bal.text);
    }
    let Arrivals { file, codes: expected } = arrivals("hopital.mssante.fr", "right.missing");
    let started = import(&h, &marie, "name=arrivants.csv", file).await;
    assert_eq!((started["state"].as_str(), started["encoding"].as_str()), (Some("done"), Some("windows-1252")));
    let counts = [&started["lines"], &started["done"], &started["wrong"], &started["skipped"]];
    let wrong = lines(&h, &marie, &started, "&state=wrong").await;
    let codes: Vec<&str> = wrong.iter().map(|l| l["code"].as_str().unwrap()).collect();
    assert_eq!(codes, expected, "{wrong:#?}");
    assert_eq!(counts, [&json!(512), &json!(500), &json!(12), &json!(0)]);
    assert!(
        wrong.iter().all(|l| !l["detail"].as_str().unwrap().is_empty() && !l["detail_en"].as_str().unwrap().is_empty())
    );
    assert_eq!(wrong[0]["line"], 42, "the header is line 1");
    // A person of the file: certified, in the structure, with a BAL that waits for nothing but the terms.
    let one = login(FIRST + 123);
    let who = h.ask(Some(&luc), Method::GET, &format!("/people/{one}"), &[], None).await;
    assert_eq!(who.status, StatusCode::OK, "{}", who.text);
    assert_eq!(who.body["national_id"], rpps(FIRST + 123));
    sceau_testkit::accepted(&h.store, &one).await;
    h.op.housekeeping().await.unwrap();
    let bal = h.ask(Some(&marie), Method::GET, &format!("/bals/{one}@hopital.mssante.fr"), &[], None).await;
    assert_eq!((bal.status, bal.body["kind"].as_str()), (StatusCode::OK, Some("Per")), "{}", bal.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_the_same_and_changes_nothing_and_a_second_import_has_nothing_to_do() {
    let h = House::new().await;
    let marie = hospital(&h).await;
    let mut file = HEADER.to_owned();
    (0..4).for_each(|n| file.push_str(&line(n)));
    // Homonyms, the same person twice, the same line twice, one address for two.
    file.push_str(&format!("MARTIN;Anne;{};oui;;;PER;\r\nMARTIN;Anne;{};oui;;;PER;\r\n", rpps(50), rpps(51)));
    file.push_str(&line(2));
    file.push_str(&format!("NOM-A;Prénom;{};oui;;;PER;deuxieme.adresse@hopital.mssante.fr\r\n", rpps(0)));
    file.push_str(&format!("NOM-B;Prénom;{};oui;;;PER;deuxieme.adresse@hopital.mssante.fr\r\n", rpps(1)));
    file.push_str(&format!("CLE;Prénom;{};oui;;;;\r\n", "10000000018"));
    let told = |lines: &[Value]| -> Vec<Value> {
        lines.iter().map(|l| json!([l["line"], l["state"], l["code"], l["login"], l["address"], l["detail"]])).collect()
    };
    let dry = import(&h, &marie, "dry_run=true", file.clone().into_bytes()).await;
    let count = h.op.people(&h.admin, None, 1000).await.map(|p| p.len()).unwrap();
    let dry_lines = told(&lines(&h, &marie, &dry, "").await);
    let real = import(&h, &marie, "", file.clone().into_bytes()).await;
    let real_lines = told(&lines(&h, &marie, &real, "").await);
    assert_eq!(dry_lines, real_lines);
    let codes: Vec<&str> = real_lines.iter().map(|l| l[2].as_str().unwrap()).collect();
    let waits = "import.bal_waits";
    assert_eq!(
        codes,
        [waits, waits, waits, waits, waits, waits, "import.repeated", waits, "admin.exists", "identifier.key"]
    );
    assert_eq!((&real_lines[4][3], &real_lines[5][3]), (&json!("anne.martin"), &json!("anne.martin2")));
    assert_eq!(real_lines[5][4], "anne.martin2@hopital.mssante.fr");
    let after = h.op.people(&h.admin, None, 1000).await.unwrap().len();
    assert_eq!(after, count + 6, "the dry run added nobody, the other six");
    // Once more: nothing is left to do.
    let again = import(&h, &marie, "", file.into_bytes()).await;
    assert_eq!(
        (&again["done"], &again["skipped"]),
        (&json!(0), &json!(8)),
        "{:#?}",
        lines(&h, &marie, &again, "").await
    );
    assert_eq!(h.op.people(&h.admin, None, 1000).await.unwrap().len(), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_taken_up_where_it_was_and_ends_with_the_role_of_who_started_it() {
    let h = House::new().await;
    let marie = hospital(&h).await;
    let mut file = HEADER.to_owned();
    (0..60).for_each(|n| file.push_str(&line(n)));
    // Stopped in the middle, as a process that ends.
    let said = send(&h, &marie, "", file.clone().into_bytes()).await;
    let path = format!("/imports/{}", said.body["id"].as_str().unwrap());
    let stop = CancellationToken::new();
    let (op, token) = (h.op.clone(), stop.clone());
    let worker = tokio::spawn(async move { op.run_jobs(token).await });
    loop {
        let now = h.ask(Some(&marie), Method::GET, &path, &[], None).await.body;
        if now["done"].as_u64().unwrap() > 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    stop.cancel();
    worker.await.unwrap();
    while h.op.run_due_jobs().await.unwrap() > 0 {}
    let over = h.ask(Some(&marie), Method::GET, &path, &[], None).await.body;
    assert_eq!((&over["state"], &over["done"], &over["wrong"]), (&json!("done"), &json!(60), &json!(0)));
    // Cancelled: what was not done stays undone.
    let more: String = HEADER.to_owned() + &(100..110).map(line).collect::<String>();
    let said = send(&h, &marie, "", more.clone().into_bytes()).await;
    let path = format!("/imports/{}", said.body["id"].as_str().unwrap());
    assert_eq!(h.ask(Some(&marie), Method::DELETE, &path, &[], None).await.body["state"], "cancelled");
    let again = h.ask(Some(&marie), Method::DELETE, &path, &[], None).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "state.wrong"));
    while h.op.run_due_jobs().await.unwrap() > 0 {}
    assert_eq!(h.root(Method::GET, &path, &[], None).await.body["done"], 0);
    // The role is taken away between the start and the work.
    let said = send(&h, &marie, "", more.into_bytes()).await;
    let path = format!("/imports/{}", said.body["id"].as_str().unwrap());
    let leaves = Some(json!({ "structure": "chu", "reason": "fin de contrat" }));
    assert_eq!(h.root(Method::POST, "/people/marie/departure", &[], leaves).await.status, StatusCode::OK);
    while h.op.run_due_jobs().await.unwrap() > 0 {}
    let over = h.root(Method::GET, &path, &[], None).await.body;
    assert_eq!(
        (&over["state"], &over["reason"], &over["done"]),
        (&json!("stopped"), &json!("right.missing"), &json!(0))
    );
    // Who is nowhere any more has no token either.
    assert_eq!(h.ask(Some(&marie), Method::GET, &path, &[], None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_such_file_is_refused_and_a_report_holds_no_formula() {
    let h = House::new().await;
    let marie = hospital(&h).await;
    let wrong = send(&h, &marie, "", b"Nom;Ville\nA;B\n".to_vec()).await;
    assert_eq!((wrong.status, wrong.code()), (StatusCode::UNPROCESSABLE_ENTITY, "csv.header"));
    assert!(wrong.body["detail"].as_str().unwrap().contains("identifiant national"), "{}", wrong.text);
    assert_eq!(send(&h, &marie, "", HEADER.into()).await.code(), "csv.empty");
    assert_eq!(h.file(&marie, "/imports?structure=rien", HEADER.into()).await.code(), "right.missing");
    assert_eq!(
        h.file(&marie, "/imports", HEADER.into()).await.code(),
        "right.missing",
        "for no structure: the operator"
    );
    let file = format!("{HEADER}=HYPERLINK(\"x\")a;@SUM;{};oui;+1;;;\r\n\"cassé", rpps(7));
    let over = import(&h, &marie, "", file.into_bytes()).await;
    let path = format!("/imports/{}/report", over["id"].as_str().unwrap());
    let report = h.ask(Some(&marie), Method::GET, &path, &[], None).await;
    assert_eq!(report.headers["content-type"], "text/csv; charset=utf-8");
    assert!(report.text.contains(";\"'=HYPERLINK(\"\"x\"\")a\";\"'@SUM\";"), "{}", report.text);
    assert!(report.text.contains("\"csv.line\""), "{}", report.text);
    assert_eq!(report.text.lines().count(), 3);
    assert!(report.text.starts_with("\u{feff}\"ligne\";\"état\";"), "{}", report.text);
    assert!(report.text.lines().next().unwrap().ends_with(";\"nom\";\"prénom\";\"identifiant national\";\"habilité\";\"fonction\";\"téléphone\";\"nature de BAL\";\"adresse de BAL\""), "{}", report.text);
    let said = h.ask(Some(&marie), Method::GET, &path.replace("report", "lines?state=rien"), &[], None).await;
    assert_eq!(said.code(), "admin.invalid", "{}", said.text);
    // A big one streams: twenty thousand lines are received, and taken back.
    let mut big = HEADER.to_owned();
    (0..20_000).for_each(|n| big.push_str(&line(n)));
    let said = send(&h, &marie, "", big.into_bytes()).await;
    assert_eq!((said.status, &said.body["lines"]), (StatusCode::CREATED, &json!(20_000)), "{}", said.text);
    h.ask(Some(&marie), Method::DELETE, &format!("/imports/{}", said.body["id"].as_str().unwrap()), &[], None).await;
}
