//! The description: whole, and the one that is published.
use crate::support::House;
use axum::http::{Method, StatusCode};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_whole() {
    let h = House::new().await;
    let said = h.ask(None, Method::GET, "/openapi.json", &[], None).await;
    assert_eq!((said.status, said.body["openapi"].as_str()), (StatusCode::OK, Some("3.1.0")));
    let mut names = BTreeSet::new();
    for (path, operations) in said.body["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let code = operation["x-sceau-use-case"].as_str();
            let known = sceau_domain::UseCase::ALL.iter().any(|u| Some(u.as_str()) == code);
            assert!(known || code == Some("public"), "{method} {path} names no use case: {code:?}");
            assert!(operation["description"].is_string() || operation["summary"].is_string(), "{method} {path}");
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{method} {path}: another operation is called {name}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.contains_key("401") && answers.contains_key("403"), "{method} {path} lists no `Refusals`");
            let created = answers.get("201").is_none_or(|a| a["headers"]["Location"].is_object());
            assert!(created, "{method} {path}: what is added says where it is");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(
                    parameter["description"].is_string(),
                    "{method} {path}: {} is not described",
                    parameter["name"]
                );
            }
        }
    }
}

/// Every refusal's HTTP status that use cases of REST can give is among those that operations list.
#[test]
fn every_status_is_described() {
    let (_, description) = sceau_web::api::described();
    let text: serde_json::Value = serde_json::from_str(&description.to_json().unwrap()).unwrap();
    let listed = text["paths"]["/me"]["get"]["responses"].as_object().unwrap();
    // Those of mail doors (SMTP, transfer) and of the transport itself are no answers of an operation.
    let elsewhere = [405, 426, 502, 504];
    for code in sceau_domain::RefusalCode::ALL.iter().filter(|c| !elsewhere.contains(&c.http())) {
        assert!(listed.contains_key(&code.http().to_string()), "{} answers {}", code.as_str(), code.http());
    }
}

#[test]
fn the_published_description_is_the_one_served() {
    let published = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json")).unwrap();
    let renew = "cargo run -p sceau-web --example openapi > docs/openapi.json";
    assert!(
        published.trim() == sceau_web::api::document().trim(),
        "docs/openapi.json is not what is served; renew it: {renew}"
    );
}

/// A word that stands where a name does is a name that nobody can have: its thing could not be reached.
#[test]
fn words_that_stand_where_logins_do_are_reserved() {
    let (_, description) = sceau_web::api::described();
    let split = |path: &String| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let paths: Vec<Vec<String>> = description.paths.paths.keys().map(split).collect();
    let mut found = BTreeSet::new();
    for named in &paths {
        for (at, _) in named.iter().enumerate().filter(|(_, part)| *part == "{login}") {
            let same = paths.iter().filter(|p| p.len() > at && p[..at] == named[..at] && !p[at].starts_with('{'));
            found.extend(same.map(|p| p[at].clone()));
        }
    }
    assert!(found.contains("history"), "the walk finds what there is: {found:?}");
    for word in found {
        assert!(
            sceau_domain::person::new_login(&word).is_err(),
            "{word} can be somebody's login, and has no path then"
        );
    }
}

/// Every source file below a folder.
fn sources(folder: &std::path::Path, into: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

/// The schema that a source declares on these lines: of the name that it is given, else of its type.
fn declared(lines: &[&str]) -> Option<String> {
    let given = lines.iter().find_map(|l| l.trim().strip_prefix("#[schema(as = ")?.split([',', ')']).next());
    let of_type = || {
        let line = lines.iter().find(|l| !l.trim_start().starts_with(['#', '/']))?;
        let words: Vec<&str> =
            line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
        let at = words.iter().position(|w| matches!(*w, "struct" | "enum"))?;
        words.get(at + 1).copied()
    };
    given.or_else(of_type).map(str::to_owned)
}

/// One of two schemas of one name hides the other in the document.
#[test]
fn no_two_schemas_have_one_name() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for room in ["web", "operator", "domain"] {
        sources(&here.join("..").join(room).join("src"), &mut all);
    }
    let mut names = Vec::new();
    for source in &all {
        let lines: Vec<&str> = source.lines().collect();
        for (at, _) in lines.iter().enumerate().filter(|(_, l)| l.contains("derive(") && l.contains("ToSchema")) {
            names.extend(declared(&lines[at + 1..(at + 12).min(lines.len())]));
        }
    }
    assert!(names.len() > 100, "{}", names.len());
    names.sort();
    let twice: Vec<&String> = names.windows(2).filter(|w| w[0] == w[1]).map(|w| &w[0]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
