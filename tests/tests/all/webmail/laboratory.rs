//! A letter to several recipients, followed to the end of each: from the copy among what was sent.
use rustix::process::{Pid, Signal, kill_process};
use sceau_e2e::desk::Screen;
use sceau_e2e::sandbox::Operator;
use sceau_e2e::visit::{Visit, between};
use sceau_e2e::{Desk, proves, wait};

/// An operator that stands still: what is sent to it waits. It goes on when this ends, in a test that fails too.
struct Still(Pid);

impl Still {
    fn of(operator: &Operator) -> Self {
        let pid = i32::try_from(operator.pid).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, Signal::STOP).expect("signal");
        Self(pid)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

#[test]
fn each_recipient_is_followed_from_what_was_sent() {
    let _proof = proves(&["F244"], "web");
    let desk = Desk::start();
    let (a, b) = (desk.a(), desk.sandbox.b());
    let (here, there) = (a.account("Per", 1), b.account("Per", 0));
    let nobody = format!("personne.inconnue@{}", there.address.split('@').nth(1).expect("a domain"));
    let visit = Visit::new(&desk.sandbox);
    assert_eq!(visit.sign_in(&a.public_url, "marie.martin").status, 303);
    let inbox = visit.follow(visit.get(&desk.at("/bureau")));
    let (bal, _) = inbox.url.split_once("/dossier/").unwrap_or_else(|| panic!("no list: {} {}", inbox.url, inbox.body));
    let page = visit.get(&format!("{bal}/ecrire"));
    let form = page.body.split('"').find(|part| part.contains("/ecrire/D")).expect("a letter").to_owned();
    let to = format!("{}, {}, {nobody}", here.address, there.address);
    let typed = [("a", to.as_str()), ("objet", "Bilan suivi"), ("texte", "Voici le bilan."), ("faire", "envoyer")];
    let still = Still::of(b);
    let sent = visit.send(&page, &form, &typed);
    assert_eq!(sent.to, Some(format!("{bal}/envois")), "{}", sent.body);

    // The copy among what was sent leads to what became of it.
    let list = visit.get(&inbox.url);
    let folder = list.body.split("<a href=\"").skip(1).find(|link| {
        let tag = link.split('>').next().unwrap_or_default();
        tag.contains("/dossier/") && tag.contains("data-use=\"envoye\"")
    });
    let folder = folder.and_then(|rest| rest.split(['"', '?']).next()).expect("what was sent").to_owned();
    let message = wait::until("the copy", 60, || {
        let page = visit.get(&desk.at(&folder));
        let row = page.body.contains("Bilan suivi").then(|| between(&page.body, "class=\"row-link\" href=\"", "\""));
        row.flatten().and_then(|link| link.split('?').next()).map(str::to_owned)
    });
    // What waits is followed without asking again, until the other operator takes it.
    let browser = desk.browser("marie.martin");
    browser.screen(Screen { width: 1440, dark: false }).go(&desk.at(&format!("{message}/suivi")));
    browser.shows("1 sur 3 remis, 2 en attente").accessible("what waits");
    let rows = desk.browser("marie.martin");
    rows.screen(Screen { width: 1440, dark: false }).go(&desk.at(&folder)).shows("2 en attente");
    drop(still);
    browser.shows("2 sur 3 remis, 1 non remis").accessible("the end of each");
    rows.shows("1 non remis").accessible("a row that changed by itself");
    let following = wait::until("the end of each", 90, || {
        let page = visit.get(&desk.at(&format!("{message}/suivi")));
        (page.body.contains("2 sur 3 remis") && page.body.contains("1 non remis")).then_some(page)
    });
    for text in [here.address.as_str(), &there.address, &nobody, "Remis à l’opérateur du destinataire", "Refusé"] {
        assert!(following.body.contains(text), "{text} in {}", following.body);
    }
    let page = visit.get(&desk.at(&message));
    assert!(page.body.contains("Suivi de l’envoi") && page.body.contains("2 sur 3 remis"), "{}", page.body);
    assert!(visit.get(&desk.at(&folder)).body.contains("1 non remis"), "its row says so");
    let file = visit.get(&desk.at(&format!("{message}/suivi?format=csv")));
    assert_eq!(file.body.lines().count(), 4, "{}", file.body);
    // Its sender is told as well.
    wait::until("the report", 30, || visit.get(&inbox.url).body.contains("class=\"row-link\"").then_some(()));
}
