//! Sessions of browsers, seen and ended by who administers.
use sceau_e2e::doors::ask;
use sceau_e2e::schema::assert_fits;
use sceau_e2e::visit::{Seen, Visit};
use sceau_e2e::{Sandbox, proves};
use serde_json::Value;

fn path(seen: &Seen) -> &str {
    let to = seen.to.as_deref().unwrap_or_default();
    &to[sceau_e2e::visit::site(to).len()..]
}

#[test]
fn a_session_ends_wherever_it_is_seen() {
    let _proof = proves(&["F046"], "rest");
    let sandbox = Sandbox::start();
    let a = sandbox.a();
    let url = a.public_url.as_str();
    let (marie, phone) = (Visit::new(&sandbox), Visit::new(&sandbox));
    for browser in [&marie, &phone] {
        let back = browser.sign_in(url, "marie.martin");
        assert_eq!(path(&back), "/bureau", "{}", back.body);
    }
    let in_it = |browser: &Visit<'_>| browser.get(&format!("{url}/bal")).status == 200;
    let list = || ask(&sandbox, a, &a.api_token, "GET", "/people/marie.martin/sessions", None).1;
    let sessions = list();
    let sessions = sessions["items"].as_array().expect("sessions");
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    assert!(sessions.iter().all(|s| s["factors"] == "psc" && s["this"] == Value::Bool(false)), "{sessions:?}");
    assert!(in_it(&marie) && in_it(&phone));
    let shown = a.cli(&["session", "list", "marie.martin"]);
    assert_fits("sessions", &shown);
    assert_eq!(shown.as_array().expect("sessions").len(), 2);
    let id = sessions[0]["id"].as_str().expect("a number");
    let (status, said) = ask(&sandbox, a, &a.api_token, "DELETE", &format!("/sessions/{id}"), None);
    assert_eq!(status, "204", "{said}");
    assert!(!in_it(&marie) && in_it(&phone));
    // A block of the person ends all.
    a.cli(&["person", "block", "marie.martin", "--reason", "essai"]);
    assert!(!in_it(&phone));
    a.cli(&["person", "release", "marie.martin", "--reason", "fin"]);
}
