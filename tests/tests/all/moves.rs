//! Rows of the white list of another suffix, served from door to door; and such a domain going from one operator to the other while both are listed.
use crate::whitelist::{entries, put, signed};
use sceau_domain::{Clock, SystemClock};
use sceau_e2e::sandbox::{Account, Operator};
use sceau_e2e::{Letter, Peer, Sandbox, curl, proves, wait};
use sceau_trust::whitelist::Entry;

const CABINET: &str = "cabinet.apicrypt.org";
const INTEROP: &str = "interop-mssante.apicrypt.org";
const OUT: &str = "accueil@clinique-exterieure.mssante.fr";

/// Puts a list in force on both operators that gives these domains to the operators of these numbers, beside its usual rows.
fn listed(sandbox: &Sandbox, rows: &[(&str, usize)], later: i64) {
    let mut all = entries(sandbox, true);
    let more: Vec<Entry> = rows.iter().map(|(d, i)| Entry { domain: (*d).into(), ..all[*i].clone() }).collect();
    all.extend(more);
    let generated = SystemClock.now().plus_ms(later * 1_000);
    put(sandbox, &signed(sandbox, &all, generated));
    for o in &sandbox.ready.operators {
        wait::until("the list in force", 30, || {
            (o.cli(&["trust", "status"])["generated"].as_i64()? == generated.seconds() * 1_000).then_some(())
        });
    }
}

/// A domain and a mailbox in it, with a token for it.
fn mailbox(o: &Operator, structure: &str, address: &str, holder: &str) -> Account {
    let add = ["bal", "add", address, "--kind", "org", "--name", "Secrétariat", "--structure", structure];
    let opened = o.cli(&[&add[..], &["--holder", holder]].concat());
    assert_eq!(opened["state"], "opened", "{opened:#}");
    let token = o.cli(&["token", "create", holder, "--bal", address, "--label", "essai"]);
    Account {
        address: address.into(),
        kind: "Org".into(),
        name: "Secrétariat".into(),
        login: format!("{holder}*{address}"),
        token: token["secret"].as_str().expect("a secret").into(),
        test: false,
    }
}

/// Our own domain of this name, which a structure may use.
fn domain(o: &Operator, structure: &str, name: &str) {
    let _ = o.cli(&["domain", "add", name]);
    let _ = o.cli(&["structure", "domain", structure, "--add", name]);
}

/// The answer to RCPT.
#[track_caller]
fn says(mut peer: Peer, begins: &str, code: &str) {
    assert!(peer.expect(begins).last().contains(&format!("[{code}]")), "{}", peer.last());
}

/// Each writes to the other, and reads what came.
fn write_to_each_other(sandbox: &Sandbox, one: (&Operator, &Account), other: (&Operator, &Account)) {
    for ((from_op, from), (to_op, to)) in [(one, other), (other, one)] {
        let sent = Letter::short(&from.address, &to.address, "Compte rendu");
        let _ = curl::send(sandbox, from_op, from, &[&to.address], &sent.bytes).ok();
        let _ = sent.assert_arrived(&curl::wait_for(sandbox, to_op, to, &sent.id));
    }
}

#[test]
fn a_domain_of_another_suffix_is_served_both_ways_and_goes_from_one_operator_to_the_other() {
    let _proof = proves(&["F072", "F073", "F205", "F216"], "smtp");
    let _cli = proves(&["F216"], "cli");
    let mut sandbox = Sandbox::start();
    let doors: Vec<String> = sandbox.ready.operators.iter().map(|o| o.endpoints.mx.clone()).collect();
    for (i, other) in [(0, &doors[1]), (1, &doors[0])] {
        let routes = format!("[transfer.routes]\n{CABINET:?} = [{other:?}]\n{INTEROP:?} = [{other:?}]\n");
        sandbox.configure(i, &[("every_seconds = 60", "every_seconds = 1"), ("[transfer.routes]\n", &routes)]);
    }
    let (a, b) = (sandbox.a().clone(), sandbox.b().clone());
    let anne = b.account("Per", 0).clone();
    for name in [CABINET, INTEROP] {
        domain(&a, "hopital-alpes", name);
    }
    let (here, essai) = (format!("secretariat@{CABINET}"), format!("essai@{INTEROP}"));
    let secretariat = mailbox(&a, "hopital-alpes", &here, "marie.martin");
    let interop = mailbox(&a, "hopital-alpes", &essai, "marie.martin");

    // Nothing is decided by a suffix: what is not listed is refused, what is listed is served, whatever it ends with.
    let early = Letter::short(&anne.address, &here, "Trop tôt");
    let refused = curl::send(&sandbox, &b, &anne, &[&here], &early.bytes);
    assert!(refused.code != 0, "{refused:?}");
    let outsider = || Peer::secure(&sandbox.b().endpoints.mx, &sandbox.tls(Some(&sandbox.outsider())));
    outsider().send(&format!("MAIL FROM:<{here}>")).refused("554 5.7.1 ", "sender.domain_not_peers");
    listed(&sandbox, &[(CABINET, 0), (INTEROP, 0)], 1);
    for theirs in [&secretariat, &interop] {
        write_to_each_other(&sandbox, (&b, &anne), (&a, theirs));
    }
    outsider().send(&format!("MAIL FROM:<{here}>")).refused("554 5.7.1 ", "sender.domain_not_peers");

    // It comes to the other operator: prepared there, and served once the list names it too.
    domain(&b, "hopital-bretagne", CABINET);
    assert_eq!(b.cli(&["domain", "move", "in", CABINET])["state"], "arriving");
    let there = format!("accueil@{CABINET}");
    let accueil = mailbox(&b, "hopital-bretagne", &there, "anne.legoff");
    let asks = |o: &Operator, to: &str| {
        let mut peer = Peer::secure(&o.endpoints.mx, &sandbox.tls(Some(&sandbox.outsider())));
        peer.send(&format!("MAIL FROM:<{OUT}>")).expect("250").send(&format!("RCPT TO:<{to}>"));
        peer
    };
    says(asks(&b, &there), "450 4.4.4 ", "domain.elsewhere");
    let out = a.cli(&["domain", "move", "out", CABINET, "--until", "2099-12-31"]);
    assert_eq!((&out["direction"], &out["names_others"]), (&"out".into(), &false.into()), "{out:#}");
    listed(&sandbox, &[(CABINET, 0), (CABINET, 1), (INTEROP, 0)], 2);
    for o in [&a, &b] {
        let shown = o.cli(&["domain", "move", "show", CABINET]);
        assert_eq!((&shown["state"], &shown["names_others"]), (&"shared".into(), &true.into()), "{shown:#}");
    }
    // Each takes mail for its own, and asks peers to try the other one; colleagues and everybody else reach both.
    for (o, own, others) in [(&a, &here, &there), (&b, &there, &here)] {
        asks(o, own).expect("250");
        says(asks(o, others), "450 4.4.4 ", "domain.elsewhere");
    }
    write_to_each_other(&sandbox, (&a, &secretariat), (&b, &accueil));
    write_to_each_other(&sandbox, (&b, &anne), (&a, &secretariat));
    write_to_each_other(&sandbox, (&a, &interop), (&b, &accueil));

    // It went: refused for good where it was, whole where it is.
    listed(&sandbox, &[(CABINET, 1), (INTEROP, 0)], 3);
    let soon = sceau_trust::instant(SystemClock.now().plus_ms(1_000));
    let _ = a.cli(&["domain", "move", "out", CABINET, "--until", &soon]);
    wait::until("the end of the move", 30, || {
        (a.cli(&["domain", "move", "show", CABINET])["state"] == "left").then_some(())
    });
    says(asks(&a, &here), "550 5.1.6 ", "domain.left");
    assert_eq!(b.cli(&["domain", "move", "cancel", CABINET])["state"], "here");
    says(asks(&b, &here), "550 5.1.1 ", "rcpt.unknown");
    write_to_each_other(&sandbox, (&a, &interop), (&b, &accueil));
    let steps = a.cli_text(&["--lang", "fr", "domain", "move", "show", CABINET]).ok().out;
    assert!(steps.contains(CABINET) && !steps.contains("domain_move."), "{steps}");
}
