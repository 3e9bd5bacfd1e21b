//! Every form, whatever it does: without the word, with another one's, of another form, from elsewhere. And every page: for whom, with which headers.
use crate::support::{HERE, House};
use axum::http::{Method, StatusCode};
use sceau_domain::RefusalCode;

/// Every file that names routes.
const ROUTES: &[&str] = &[
    include_str!("../../src/list/mod.rs"),
    include_str!("../../src/message/mod.rs"),
    include_str!("../../src/write/mod.rs"),
    include_str!("../../src/shared/mod.rs"),
    include_str!("../../src/account/mod.rs"),
    include_str!("../../src/phone/mod.rs"),
];

/// The paths of a method, with something in the place of what they name.
fn paths(method: &str) -> Vec<String> {
    let lines =
        ROUTES.iter().flat_map(|file| file.lines()).filter(|line| line.contains(".route(\"") && line.contains(method));
    lines.map(|line| filled(line.split('"').nth(1).unwrap())).collect()
}

fn filled(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "abc" } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_taken_from_our_own_pages_alone() {
    let h = House::new().await;
    let (anne, bruno) = (h.enters("anne").await, h.enters("bruno").await);
    let cookie = format!("__Host-sceau={anne}");
    for path in paths("post(") {
        let word = |cookie: &str, form: &str| sceau_identity::session::csrf(&h.op.form_key(cookie), form);
        let good = word(&anne, &path);
        for (headers, form, code) in [
            (vec![("origin", HERE)], String::new(), RefusalCode::FormForged),
            (vec![], format!("jeton={good}"), RefusalCode::FormForged),
            (vec![("origin", "https://ailleurs.fr")], format!("jeton={good}"), RefusalCode::FormForged),
            (vec![("sec-fetch-site", "same-site")], format!("jeton={good}"), RefusalCode::FormForged),
            (vec![("origin", HERE)], format!("jeton={}", word(&bruno, &path)), RefusalCode::FormOld),
            (vec![("origin", HERE)], format!("jeton={}", word(&anne, "/autre")), RefusalCode::FormOld),
        ] {
            let headers: Vec<_> = headers.into_iter().chain([("cookie", cookie.as_str())]).collect();
            let page = h.browse(Method::POST, &path, &headers, &form).await;
            assert_eq!(page.status.as_u16(), code.http(), "{path} {headers:?}");
            assert!(page.says(code), "{path} {}", page.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_for_whoever_is_signed_in_and_load_nothing_from_elsewhere() {
    let h = House::new().await;
    let cookie = format!("__Host-sceau={}", h.enters("anne").await);
    let pages = paths("get(");
    assert!(!pages.is_empty());
    for path in pages {
        let stranger = h.get(&path, "").await;
        assert_eq!(stranger.status, StatusCode::SEE_OTHER, "{path}");
        assert!(stranger.header("location").starts_with("/connexion?vers="), "{path}");
        let page = h.get(&path, &cookie).await;
        assert!(page.status.as_u16() < 500, "{path} {}", page.text);
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path} {policy}");
        for never in [" style=", "<style", " onclick", "src=\"http", "href=\"http"] {
            assert!(!page.text.contains(never), "{path} {never}");
        }
        // A key without its sentence shows itself.
        for key in ["page.desk.", "common.", "console."] {
            assert!(!page.text.contains(&format!(">{key}")), "{path} {key}");
        }
    }
}
