//! On a telephone.
use sceau_e2e::Desk;
use sceau_e2e::desk::Screen;
use sceau_e2e::visit::Visit;

#[test]
fn a_telephone_is_made_ready_and_keeps_no_content() {
    let desk = Desk::start();
    let visit = Visit::new(&desk.sandbox);
    let manifest = visit.get(&desk.at("/manifest.webmanifest"));
    assert_eq!(manifest.status, 200, "{}", manifest.body);
    let manifest: serde_json::Value = serde_json::from_str(&manifest.body).expect("a manifest");
    assert_eq!((manifest["start_url"].as_str(), manifest["display"].as_str()), (Some("/bureau"), Some("standalone")));
    let browser = desk.browser("marie.martin");
    browser.screen(Screen { width: 390, dark: false });
    for icon in manifest["icons"].as_array().expect("icons") {
        let shown = browser.run(
            "return new Promise((done) => { const i = new Image(); i.onload = () => done(i.naturalWidth + 'x' + i.naturalHeight);
             i.onerror = () => done('none'); i.src = arguments[0]; });",
            &[icon["src"].clone()],
        );
        assert_eq!(shown, icon["sizes"]);
    }
    browser.go(&desk.at("/compte/telephone")).shows("pas encore prêt").press("[data-do='ready']").shows("est prêt.");
    browser.accessible("ready");
    // Wherever one goes then, what is kept stays the page without network and its style sheet.
    for path in ["/compte", "/compte/activite", "/bal", "/bureau"] {
        browser.go(&desk.at(path));
    }
    let kept = browser.run(
        "return caches.keys().then((names) => Promise.all(names.map((n) => caches.open(n).then((c) => c.keys()))))
         .then((all) => all.flat().map((r) => new URL(r.url).pathname).sort());",
        &[],
    );
    let kept: Vec<&str> = kept.as_array().expect("a list").iter().filter_map(|k| k.as_str()).collect();
    assert!(matches!(kept[..], [sheet, "/hors-ligne"] if sheet.ends_with("/base.css")), "{kept:?}");
    let offline = browser.run("return caches.match('/hors-ligne').then((r) => r.text());", &[]);
    let offline = offline.as_str().expect("a page");
    assert!(offline.contains("Pas de réseau") && !offline.contains("Martin"), "{offline}");
    // And it goes again.
    browser.go(&desk.at("/compte/telephone")).press("[data-do='remove']").shows("pas encore prêt");
    assert_eq!(browser.run("return caches.keys().then((names) => names.length);", &[]), 0);
}
