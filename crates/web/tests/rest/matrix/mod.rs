//! The matrix of rights, exhaustively: every role × every operation of the OpenAPI document × in and out of place × both doors of REST.
//!
//! A cell that the table denies answers 403 `right.missing`, and changes nothing: by the use case alone, without the layer that asks first. With that
//! layer, whatever else is wrong with the request: who may not do a thing anywhere hears nothing but that. A cell that the table allows never answers
//! `right.missing`, and what says that it was done has changed something. A blocked person is refused everything, by the very use case that the
//! document names: so each handler asks for the row that it says. And no administrative role has a door to content.
mod content;
mod document;
mod world;

use axum::Router;
use axum::routing::{get, post};
use document::{On, Operation, call, operations};
use sceau_domain::rights::{Role, UseCase};
use sceau_operator::Operator;
use sceau_web::Via;
use serde_json::{Value, json};
use std::sync::Arc;
use world::{FAR, Template, Way, World, expected};

const WAYS: [Way; 2] = [Way::Tls, Way::Socket];

/// Operations that change no row of the data here: the key lies in the keyring, and nothing is queued.
const LOOKS: [&str; 8] = [
    "POST /identity/refresh",
    "POST /connectors/{name}/test",
    "POST /log/keys",
    "POST /queue/retry",
    "POST /queue/release",
    "POST /queue/return",
    "POST /queue/delete",
    "POST /revocation/refresh",
];
/// Use cases that no operation of REST stands for, and their door.
const OTHER_DOORS: [(UseCase, &str); 10] = [
    (UseCase::MailRead, "IMAP"),
    (UseCase::MailSend, "submission"),
    (UseCase::MailFile, "IMAP"),
    // They need a fresh proof of the person alone.
    (UseCase::FactorEnrol, "web"),
    (UseCase::FactorRemove, "web"),
    // Pages alone ask for them.
    (UseCase::RuleEdit, "web"),
    (UseCase::ActivityOwn, "web"),
    (UseCase::DirectorySearch, "web"),
    (UseCase::JobList, "web"),
    (UseCase::HealthShow, "web"),
];
/// Use cases that are a field of an operation of another one.
const WITHIN: [(UseCase, &str); 1] = [(UseCase::NamingOverride, "naming_override of an opening")];

async fn document_of(world: &World) -> Value {
    let call = document::Call {
        method: axum::http::Method::GET,
        uri: "/api/v1/openapi.json".into(),
        body: None,
        on: On::Anywhere,
    };
    let via = Via::Tls { remote: [192, 0, 2, 9].into(), tls: None };
    world.send(via, None, &call).await.json
}

fn plain(operator: Operator) -> Router {
    sceau_web::app(operator)
}

/// Every use case alone.
fn unguarded(operator: Operator) -> Router {
    sceau_web::unguarded(operator)
}

/// The places in which an operation is tried: both, when it acts on a thing of a place.
fn tried(operation: &Operation, template: &Template) -> Vec<document::Call> {
    let here = call(operation, &template.places, 0);
    let mut all = match here.on {
        On::Place(..) => vec![here, call(operation, &template.places, 1)],
        _ => vec![here],
    };
    if operation.use_case == Some(UseCase::BalChoices) {
        // Each choice is a cell of its own: support may make one of them.
        let bodies = [r#"{"paperless":true}"#, r#"{"phone_published":true}"#, r#"{"paperless":true,"red_list":false}"#];
        let made = |body: &str| Some(("application/json".to_owned(), body.as_bytes().to_vec()));
        let others: Vec<_> =
            all.iter().flat_map(|c| bodies.iter().map(|b| document::Call { body: made(b), ..c.clone() })).collect();
        all.extend(others);
    }
    all
}

/// Cells that the table denies, and the blocked person: faults.
async fn denied(
    template: &Template,
    operations: &[Operation],
    app: &dyn Fn(Operator) -> Router,
) -> (Vec<String>, usize) {
    let (world, mut faults, mut cells) = (template.world(app).await, Vec::new(), 0);
    // Each token has been used once: that is written down.
    let me = document::Call { method: axum::http::Method::GET, uri: "/api/v1/me".into(), body: None, on: On::Anywhere };
    for asker in &template.askers {
        world.ask(asker, Way::Tls, &me).await;
    }
    let mut before = world.kept().await;
    for operation in operations {
        let Some(use_case) = operation.use_case else { continue };
        let name = operation.name();
        for call in tried(operation, template) {
            for asker in &template.askers {
                if expected(asker, &template.places, use_case, &call) != Some(false) {
                    continue;
                }
                for way in WAYS {
                    cells += 1;
                    let said = world.ask(asker, way, &call).await;
                    if said.status != 403 || !said.is_missing_right() {
                        faults.push(format!(
                            "{name} {:?} as {} over {way:?}: {} {}",
                            call.on, asker.login, said.status, said.text
                        ));
                    }
                }
            }
            cells += 1;
            let said = world.send(Via::Socket(Arc::new(Ok(template.blocked.clone()))), None, &call).await;
            let row = format!("({use_case})");
            if said.status != 403 || !said.json["detail_en"].as_str().is_some_and(|d| d.contains(&row)) {
                faults.push(format!("{name}: a blocked person is not refused by {row}: {} {}", said.status, said.text));
            }
        }
        let after = world.kept().await;
        if after != before {
            let tables: Vec<_> =
                after.iter().filter(|(t, rows)| before.get(*t) != Some(*rows)).map(|(t, _)| t).collect();
            faults.push(format!("{name}: what was refused changed something: {tables:?}"));
            before = after;
        }
    }
    (faults, cells)
}

/// Requests that are wrong from end to end, by whoever may not do the thing anywhere: faults.
async fn hears_nothing_else(template: &Template, operations: &[Operation]) -> Vec<String> {
    let (world, mut faults) = (template.world(&plain).await, Vec::new());
    for operation in operations {
        let Some(use_case) = operation.use_case else { continue };
        let call = document::garbage(&call(operation, &template.places, 0));
        for asker in template.askers.iter().filter(|a| world::never(a, use_case)) {
            let said = world.ask(asker, Way::Socket, &call).await;
            if said.status != 403 || !said.is_missing_right() {
                faults.push(format!(
                    "{}, garbage, as {}: {} {}",
                    operation.name(),
                    asker.login,
                    said.status,
                    said.text
                ));
            }
        }
    }
    faults
}

/// Cells that the table allows: faults. What was changed is put back after each.
async fn allowed(
    template: &Template,
    operations: &[Operation],
    app: &dyn Fn(Operator) -> Router,
) -> (Vec<String>, usize) {
    let (world, mut faults, mut cells) = (template.world(app).await, Vec::new(), 0);
    let kept = world.kept().await;
    for operation in operations {
        let Some(use_case) = operation.use_case else { continue };
        for call in tried(operation, template) {
            for asker in &template.askers {
                if expected(asker, &template.places, use_case, &call) != Some(true) {
                    continue;
                }
                for way in WAYS {
                    cells += 1;
                    let said = world.ask(asker, way, &call).await;
                    let changes = operation.method != axum::http::Method::GET;
                    let changed = changes && world.put_back(&kept).await;
                    if changes && said.status.is_success() && !changed && !looks(operation) {
                        faults.push(format!("{}: {} and nothing is changed", operation.name(), said.status));
                    }
                    let name = format!("{} {:?} as {} over {way:?}", operation.name(), call.on, asker.login);
                    if said.is_missing_right() {
                        faults.push(format!("{name}: refused, although the table allows it"));
                    }
                    if said.status == 500 {
                        faults.push(format!("{name}: {} {}", said.status, said.text));
                    }
                    let everywhere = matches!(asker.role, Some(Role::Administrator | Role::Support | Role::Auditor));
                    if !everywhere && asker.place == 0 && said.text.contains(FAR) {
                        faults.push(format!("{name}: shows what is not in its place: {}", said.text));
                    }
                }
            }
        }
    }
    (faults, cells)
}

/// Operations that ask with a body, and change nothing.
fn looks(operation: &Operation) -> bool {
    LOOKS.contains(&operation.name().as_str())
}

fn whole(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_table_denies_is_refused_and_changes_nothing() {
    let template = Template::new().await;
    let mut faults = Vec::new();
    let operations = operations(&document_of(&template.world(&plain).await).await, &mut faults);
    let (found, cells) = denied(&template, &operations, &unguarded).await;
    faults.extend(found);
    faults.extend(hears_nothing_else(&template, &operations).await);
    whole(&faults);
    println!("{} operations, {cells} cells denied", operations.len());
    assert!(cells > operations.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_table_allows_is_not_refused_and_shows_nothing_of_elsewhere() {
    let template = Template::new().await;
    let operations = operations(&document_of(&template.world(&plain).await).await, &mut Vec::new());
    let (faults, cells) = allowed(&template, &operations, &plain).await;
    whole(&faults);
    println!("{} operations, {cells} cells allowed", operations.len());
    assert!(cells > operations.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_use_case_has_a_door() {
    let template = Template::new().await;
    let operations = operations(&document_of(&template.world(&plain).await).await, &mut Vec::new());
    let elsewhere = |u: UseCase| OTHER_DOORS.iter().chain(&WITHIN).any(|(other, _)| *other == u);
    let without: Vec<_> = UseCase::ALL
        .iter()
        .filter(|u| !elsewhere(**u) && !operations.iter().any(|o| o.use_case == Some(**u)))
        .map(|u| u.as_str())
        .collect();
    assert!(without.is_empty(), "no operation for {without:?}");
    let twice: Vec<_> = operations.iter().filter(|o| o.use_case.is_some_and(elsewhere)).map(Operation::name).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// Operations as a careless hand would write them.
fn careless(operator: Operator) -> Router {
    let changing = operator.clone();
    let change = async move || {
        let root = changing.administrator("root", world::session(0, "x").origin).await.map_err(sceau_web::Problem)?;
        let name = "glisse.mssante.fr".parse().unwrap();
        let _ = changing.add_domain(&root, name, sceau_domain::DomainKind::Test).await;
        Err::<(), _>(sceau_web::Problem(
            sceau_domain::Refusal::new(sceau_domain::RefusalCode::RightMissing).with("name", "domain.add"),
        ))
    };
    plain(operator)
        .route("/api/v1/forgotten", get(async || "everything"))
        .route("/api/v1/too-late", post(change))
        .route("/api/v1/not-found", get(sceau_web::problem::nowhere))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_matrix_sees_a_handler_that_forgets_who_asks() {
    let template = Template::new().await;
    let mut document = document_of(&template.world(&plain).await).await;
    let says = |code: &str| json!({ "x-sceau-use-case": code, "responses": {} });
    document["paths"] = json!({
        "/forgotten": { "get": says("backup.start") },
        "/too-late": { "post": says("domain.add") },
        "/not-found": { "get": says("trace.list") },
        // There, but judged by another row than it says.
        "/queue": { "get": says("alarm.list") },
        "/nowhere-said": { "get": { "responses": {} } },
    });
    let mut faults = Vec::new();
    let operations = operations(&document, &mut faults);
    assert_eq!(faults, ["GET /nowhere-said names no use case: None"]);
    let (found, _) = denied(&template, &operations, &careless).await;
    for (said, part) in [
        ("GET /forgotten Anywhere as anne over Tls: 200", ""),
        ("GET /forgotten: a blocked person is not refused", ""),
        ("POST /too-late: what was refused changed something", ""),
        ("GET /not-found Anywhere as chef over Socket: 404", ""),
        ("GET /queue: a blocked person is not refused by (alarm.list)", "queue.list"),
    ] {
        assert!(found.iter().any(|f| f.starts_with(said) && f.contains(part)), "{said} is not among {found:#?}");
    }
    let (found, _) = allowed(&template, &operations, &careless).await;
    assert!(found.iter().any(|f| f.starts_with("POST /too-late Anywhere as root")), "{found:#?}");
}
