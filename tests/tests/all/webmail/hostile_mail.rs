//! What hostile mail may do: nothing.
use sceau_e2e::hostile_mail::{Canary, HTML, messages};
use sceau_e2e::{Browser, Desk, curl, proves, wait};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// What may stand in the document of a message: our own frame around it, and the elements of the sanitiser.
const ELEMENTS: &str = "html head meta title style body p div span br hr h1 h2 h3 h4 h5 h6 b strong i em u s sub sup small big pre code blockquote q cite abbr ul ol \
    li dl dt dd table thead tbody tfoot tr td th caption colgroup col img a font center address figure figcaption del ins bdi bdo strike tt kbd samp var wbr";
const ATTRIBUTES: &str = "align valign width height border cellpadding cellspacing colspan rowspan bgcolor color face size dir lang style title alt href src \
    start type scope target rel charset name content class";

/// What stands in a document that should not: the browser's own reading of it.
fn foreign(node: &Value, found: &mut BTreeSet<String>) {
    let name = node["localName"].as_str().unwrap_or_default();
    if node["nodeType"] == 1 && !ELEMENTS.split_whitespace().any(|e| e == name) {
        found.insert(format!("<{name}>"));
    }
    let attributes = node["attributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    for pair in attributes.chunks(2) {
        let (attribute, value) = (pair[0].as_str().unwrap_or_default(), pair[1].as_str().unwrap_or_default());
        let fine = match (name, attribute) {
            ("img", "src") => value.starts_with("data:image/"),
            (_, "src") => false,
            (_, "href") => name == "a" && (value.starts_with("/sortie?a=") || value.contains("/ecrire?a=")),
            (_, "style") => !value.contains("url") && !value.contains("fixed"),
            _ => ATTRIBUTES.split_whitespace().any(|a| a == attribute),
        };
        if !fine {
            found.insert(format!("<{name} {attribute}={value}>"));
        }
    }
    for child in node["children"].as_array().into_iter().flatten() {
        foreign(child, found);
    }
}

/// Addresses of the messages of the list that stands there.
fn listed(browser: &Browser) -> Vec<String> {
    let script = "return [...new Set([...document.querySelectorAll(\"a[href*='/message/']\")].map((a) => a.href.split('?')[0]))];";
    let all = browser.run(script, &[]);
    all.as_array().expect("a list").iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn hostile_mail_does_nothing_to_whoever_reads_it() {
    let _proof = proves(&["F246"], "web");
    let desk = Desk::start();
    let (a, canary) = (desk.a(), Canary::start());
    let (reader, writer) = (a.account("Per", 0).clone(), a.account("Per", 1).clone());
    let sent = messages(&writer.address, &reader.address, canary.port);
    for message in &sent {
        let _ = curl::send(&desk.sandbox, a, &writer, &[&reader.address], &message.bytes).ok();
    }
    let browser = Browser::start_watched(&desk.sandbox.ready.anchors);
    desk.enter(&browser, "marie.martin");
    let arrived = wait::until("the messages to arrive", 60, || {
        browser.go(&desk.at("/bureau"));
        Some(listed(&browser)).filter(|all| all.len() >= sent.len())
    });
    let title = browser.run("return [document.cookie, localStorage.length];", &[]);
    let _ = browser.requests();
    for message in &arrived {
        // The page with its frame, as text, printed, its headers.
        for page in ["", "?vue=texte", "/entetes"] {
            browser.go(&format!("{message}{page}"));
            let here = format!("{message}{}", page.split('?').next().unwrap_or_default());
            assert_eq!(desk.at(&browser.path()), here, "nothing leads away");
            assert_eq!(browser.run("return typeof window.canari;", &[]), json!("undefined"), "{message}{page}");
        }
        // What its pieces say, each as text; messages within it too.
        browser.go(message);
        let words = "return [...document.querySelectorAll(\".piece a[href*='/texte']\")].map((a) => a.href);";
        for words in browser.run(words, &[]).as_array().expect("a list").iter().filter_map(Value::as_str) {
            browser.go(words);
            assert_eq!(browser.run("return typeof window.canari;", &[]), json!("undefined"), "{words}");
        }
        for document in ["/corps", "/imprimer"] {
            browser.go(&format!("{message}{document}"));
            let mut found = BTreeSet::new();
            foreign(&browser.tree(), &mut found);
            assert_eq!(found, BTreeSet::new(), "{message}{document}");
        }
    }
    browser.go(&desk.at("/bureau"));
    assert_eq!(browser.run("return [document.cookie, localStorage.length];", &[]), title);
    // What asks a moment later would have asked by now.
    std::thread::sleep(Duration::from_secs(2));
    let asked: Vec<String> = browser.requests().into_iter().filter(|url| url.contains("canari")).collect();
    assert_eq!((asked, canary.heard()), (Vec::new(), BTreeSet::new()));

    // The control: on a page that keeps nothing from them, the same payloads do what they say.
    for n in 0..HTML.len() {
        browser.go(&canary.bare(n));
    }
    let done = wait::until("the control", 20, || Some(canary.heard().len()).filter(|heard| *heard >= 40));
    assert!(done >= 40, "{done} of {}", HTML.len());
}
