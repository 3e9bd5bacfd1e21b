//! Labels, given to several messages at once and beside one: what a mail program shows as keywords.
use sceau_e2e::desk::Screen;
use sceau_e2e::{Desk, curl, proves, wait};

#[test]
fn labels_are_given_to_a_choice_taken_back_and_taken_away_beside_a_message() {
    let _proof = proves(&["F241"], "web");
    let desk = Desk::start();
    let a = desk.a();
    let (from, to) = (a.account("Per", 1).clone(), a.account("Per", 0).clone());
    let _ = desk.letters(&from, &to, 3);
    let browser = desk.browser("marie.martin");
    browser.screen(Screen { width: 1440, dark: false });
    desk.listed(&browser, 3);
    let labelled = || curl::search(&desk.sandbox, a, &to, "KEYWORD Bilan").len();

    // A choice of two gets it, in every program; what was done is undone by a key.
    browser.press("li.row:nth-of-type(1) .row-tick").press("li.row:nth-of-type(3) .row-tick");
    browser.press(".list-bar details summary").fill("#etiquette", "Bilan");
    browser.accessible("a choice, with its menu open").press("[name=faire][value=etiqueter]");
    let badges = || {
        browser.run("return [...document.querySelectorAll('li.row')].map((r) => r.textContent.includes('Bilan'));", &[])
    };
    wait::until("two rows that say so", 20, || {
        let rows = badges();
        (rows[0] == true && rows[1] == false && rows[2] == true).then_some(())
    });
    assert_eq!(labelled(), 2);
    browser.keys(&["z"]).shows("C’est annulé");
    wait::until("rows as they were", 20, || {
        badges().as_array().is_some_and(|r| r.iter().all(|b| b == false)).then_some(())
    });
    assert_eq!(labelled(), 0);

    // Beside a message; there it is taken away by what stands in it.
    browser.press("a.row-link").shows("sont à relire");
    let menu = "details.menu:has(#etiquette-ici)";
    browser.press(&format!("{menu} summary")).fill("#etiquette-ici", "Bilan");
    browser.press(&format!("{menu} button[value=etiqueter]"));
    wait::until("the label beside the message", 20, || browser.has("form.chip [value=desetiqueter]").then_some(()));
    assert_eq!(labelled(), 1);
    browser.accessible("a message with a label").press("form.chip [value=desetiqueter]");
    wait::until("no label any more", 20, || (!browser.has("form.chip")).then_some(()));
    assert_eq!(labelled(), 0);

    // On a telephone the menu is whole, too.
    let message = browser.run("return document.querySelector('a.row-link').href;", &[]);
    browser.go(message.as_str().expect("an address")).screen(Screen { width: 390, dark: true });
    browser.press(&format!("{menu} summary"));
    let sheet = "const r = document.querySelector('[data-labels] .menu-sheet').getBoundingClientRect(); return r.left >= 0 && r.right <= innerWidth;";
    assert_eq!(browser.run(sheet, &[]), true);
    browser.accessible("labels on a telephone");
}
