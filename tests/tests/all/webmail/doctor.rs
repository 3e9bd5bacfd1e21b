//! A doctor's day.
use sceau_e2e::desk::Screen;
use sceau_e2e::{Desk, curl, proves, wait};

#[test]
fn a_doctor_keeps_a_list_in_order() {
    let _proof = proves(&["F047", "F240", "F241"], "web");
    let desk = Desk::start();
    let a = desk.a();
    let (from, to) = (a.account("Per", 1).clone(), a.account("Per", 0).clone());
    let _ = desk.letters(&from, &to, 3);
    let browser = desk.browser("marie.martin");
    let rows = || browser.count("a.row-link");
    desk.listed(&browser, 3);
    let count = rows();
    for screen in [(1440, false), (1440, true), (820, false), (390, true)] {
        let screen = Screen { width: screen.0, dark: screen.1 };
        browser.screen(screen).accessible(&format!("list {screen:?}"));
        let wide = browser.run("return document.documentElement.scrollWidth - window.innerWidth;", &[]);
        assert!(wide.as_i64().is_some_and(|more| more <= 0), "{screen:?}: {wide}");
    }
    // On a telephone folders have a page of their own.
    browser.press("a.to-folders").shows("Corbeille").accessible("folders");
    browser.go(&desk.at("/bureau")).screen(Screen { width: 1440, dark: false });

    // A message is read beside its list, and its row says so.
    browser.press("a.row-link").shows("sont à relire");
    assert!(browser.path().contains("/dossier/") && browser.has("a.row-link[aria-current]"), "{}", browser.path());

    // By keys alone: the next one is archived, and taken back.
    browser.keys(&["j", "e"]).shows("Un message archivé.");
    wait::until("a shorter list", 20, || (rows() < count).then_some(()));
    browser.keys(&["z"]).shows("C’est annulé");
    wait::until("the list as it was", 20, || (rows() == count).then_some(()));
    browser.keys(&["?"]).shows("Touches du clavier").accessible("the card of keys");
    browser.keys(&["Escape"]);
    assert!(!browser.has("#touches[open]"));

    // What comes while the list is open is told, and shown when one asks.
    let _ = desk.letters(&from, &to, 1);
    browser.shows("Nouveaux messages").press("[data-fresh]");
    wait::until("the new letter", 20, || (rows() > count).then_some(()));

    // What is searched for is found, with its words marked.
    browser.fill("#q", "résultats");
    browser.keys(&["Enter"]);
    wait::until("what was searched for", 30, || {
        if !browser.has("a.row-hit mark") {
            browser.go(&browser.url());
        }
        browser.has("a.row-hit mark").then_some(())
    });
    browser.accessible("hits");
    // What is typed is helped on; a way on is chosen by keys, and asked.
    browser.fill("#q", "avec");
    wait::until("a suggestion", 20, || browser.has("#suggestions:not([hidden]) [role=option]").then_some(()));
    browser.accessible("suggestions").keys(&["ArrowDown", "Enter"]);
    wait::until("its answer", 20, || browser.url().contains("avec%3Apj").then_some(()));
    browser.shows("Recherche");

    // A conversation is one page: what was not read stands open, what was is a line that unfolds in place.
    for (n, references) in [(1, ""), (2, "References: <fil-1@exemple.fr>\r\n")] {
        let text = format!(
            "From: <{}>\r\nTo: <{}>\r\nSubject: Fil {n}\r\nDate: Sat, 21 Nov 2026 08:00:00 +0100\r\nMessage-ID: <fil-{n}@exemple.fr>\r\n\
             {references}\r\nLettre {n}\r\n",
            from.address, to.address
        );
        let _ = curl::send(&desk.sandbox, a, &from, &[&to.address], text.as_bytes()).ok();
    }
    let first = "return document.querySelector('a.row-link')?.textContent ?? '';";
    wait::until("both letters, the second above", 30, || {
        browser.go(&desk.at("/bureau"));
        browser.run(first, &[]).as_str().is_some_and(|row| row.contains("Fil 2")).then_some(())
    });
    browser.press("a.row-link").shows("Conversation de 2 messages").accessible("a conversation");
    let code = browser.attribute("article.message", "data-message").expect("a message");
    let url = browser.url();
    let (bal, _) = url.split_once("/dossier/").expect("a list");
    browser.go(&format!("{bal}/message/{code}"));
    let unfolded = || browser.has("a[data-fold][aria-expanded='true'] ~ :not([hidden])");
    assert!(!unfolded(), "both are read now");
    browser.press("a[data-fold]");
    wait::until("the first letter in its place", 20, || unfolded().then_some(()));
    browser.accessible("a conversation, unfolded").press("a[data-fold]");
    assert!(!unfolded(), "folded again");
    browser.screen(Screen { width: 390, dark: true }).accessible("a conversation on a telephone");
    browser.screen(Screen { width: 1440, dark: false }).keys(&["u"]).shows("Boîte de réception");
    wait::until("the list", 20, || browser.has("a.row-link").then_some(()));
    let console = browser.console();
    assert!(!console.iter().any(|l| l.contains("Content Security Policy") || l.contains("SEVERE")), "{console:#?}");
    let elsewhere = browser.loaded().into_iter().find(|l| !l.starts_with(&desk.at("/")));
    assert_eq!(elsewhere, None);
}
