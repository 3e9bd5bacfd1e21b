//! The whole way of a professional whom nobody entered, in a real browser and a real mail program: card, mailbox, terms of use, passkey, device token, mail.
use crate::clients::mutt;
use sceau_e2e::sandbox::Account;
use sceau_e2e::{Letter, Reader, Sandbox, curl, proves, wait};

#[test]
fn a_doctor_opens_a_mailbox_with_a_card_and_reads_with_mutt() {
    let _web = proves(&["F006", "F008", "F041", "F045", "F229"], "web");
    let _imap = proves(&["F048", "F229"], "imap");
    let sandbox = Sandbox::start();
    let (a, card) = (sandbox.a(), sandbox.newcomer(0));
    let at = |path: &str| format!("{}{path}", a.public_url);
    let reader = Reader::new(a, &card.pair);
    let browser = reader.browser(&sandbox);
    // The card says who it is; the register knows it; the address follows from the name.
    browser.go(&at("/connexion")).press("form[action^='/connexion/carte'] button").home();
    let address = browser.attribute("form[action^='/bal'] input[name='address']", "value").expect("an address");
    browser.press("form[action^='/bal'] button").at("/conditions");
    browser.press("input[name='accept']").press("#accept button").shows("Conditions acceptées");
    wait::until("the mailbox to be opened", 30, || {
        a.cli_raw(&["bal", "show", &address]).out.contains("\"active\"").then_some(())
    });
    browser.go(&at("/bal")).shows(&address);

    // A passkey: from then on no card is needed.
    let phone = browser.authenticator(false);
    browser.go(&at("/moyens")).fill("#nom", "Portable").press("form[action^='/moyens/cle'] button");
    browser.at("/moyens/cle").shows("Rien n’a été fait");
    browser.verified(&phone, true).press("form[data-passkey] button").at("/moyens").shows("Portable");
    assert_eq!(browser.credentials(&phone).len(), 1);
    browser.press(".banner .menu summary").press(".menu-sheet form button").at("/connexion");
    assert_eq!(browser.cookie("__Host-sceau"), None);
    browser.press("form[action^='/connexion/cle'] button").home();

    // A token for a program that knows nothing of all that.
    browser.go(&at("/appareils")).fill("#label", "Mutt").press("form[action^='/appareils/jeton'] button");
    browser.at("/appareils/jeton");
    let account = Account {
        address: address.clone(),
        kind: "Per".into(),
        name: card.holder.clone(),
        login: address.clone(),
        token: browser.text_of("#secret"),
        test: false,
    };
    let near = a.account("Per", 0);
    let sent = Letter::short(&near.address, &address, "Bienvenue");
    let _ = curl::send(&sandbox, a, near, &[&address], &sent.bytes).ok();
    curl::wait_for(&sandbox, a, &account, &sent.id);
    let _ = curl::imap(&sandbox, a, &account, "INBOX", "STORE 1 FLAGS ()").ok();
    let keys = "<first-entry><display-message><exit><flag-message><sync-mailbox><quit>";
    let run = mutt(&sandbox, &a.endpoints.imaps, &a.endpoints.submissions, &account, "=INBOX", keys);
    assert_eq!(curl::search(&sandbox, a, &account, "SEEN FLAGGED"), [1], "{run:?}");

    let shown = browser.go(&at("/appareils")).text();
    assert!(shown.contains("Mutt") && shown.contains("dernier usage"), "{shown}");
    // Nothing was blocked by the pages' own policy.
    let console = browser.console();
    assert!(
        !console.iter().any(|l| l.contains("Content Security Policy") || l.contains("TrustedScript")),
        "{console:#?}"
    );
}
