//! Exim and OpenSMTPD as the outsider: mutual TLS in both directions, refusals in each one's words, reports that the other understands.
use sceau_e2e::peer::stuffed;
use sceau_e2e::{House, Letter, Outside, Sandbox, Wire, curl, doors, proves, wait};

#[test]
fn exim_and_opensmtpd_exchange_with_an_operator_under_mutual_tls() {
    let _proof = proves(&["F056", "F076", "F147", "F201", "F203", "F207"], "smtp");
    let sandbox = Sandbox::start();
    for house in [House::Exim, House::OpenSmtpd] {
        let outside = Outside::start(&sandbox, house);
        both_ways(&sandbox, &outside);
        refusals(&sandbox, &outside);
        success_is_reported_by_who_delivered(&sandbox, &outside);
    }
    // Nothing is left behind, whoever was the outsider.
    wait::until("an empty queue", 20, || (sandbox.a().cli(&["queue", "list"]) == serde_json::json!([])).then_some(()));
}

fn both_ways(sandbox: &Sandbox, outside: &Outside) {
    let (a, there) = (sandbox.a(), &sandbox.ready.outsiders[0]);
    let (marie, paul) = (a.account("Per", 0), a.account("Per", 1));
    // It demands our certificate: without one nobody says MAIL there.
    let mut stranger = Wire::connect_from(1, &outside.mx).expect("connected");
    let said = stranger.secure(&sandbox.tls(None)).and_then(|()| stranger.ask("MAIL FROM:<>", "250"));
    assert!(said.is_err(), "{said:?}");

    let sent = Letter::with_attachment(&marie.address, &there.addresses[0], "Compte rendu opératoire", 300_000);
    let short = Letter::short(&marie.address, &there.addresses[0], "Avis");
    for letter in [&sent, &short] {
        let _ = curl::send(sandbox, a, marie, &[&there.addresses[0], &there.addresses[1]], &letter.bytes).ok();
        for address in &there.addresses {
            let _ = letter.assert_arrived(&outside.wait_for(address, &letter.id));
        }
    }
    let (log, ours) = (outside.log(), format!("CN=mx.{}", a.domains[0]));
    match outside.house() {
        // Who came, and that it was verified.
        House::Exim => {
            let line = log.lines().find(|l| l.contains(&format!("<= {}", marie.address))).unwrap_or_default();
            assert!(line.contains("CV=yes") && line.contains(&ours) && line.contains(" K "), "by BDAT: {log}");
        }
        House::OpenSmtpd => assert!(log.contains("smtp cert-check result=\"verified\""), "{log}"),
    }

    // To two recipients; it demands a chain to the anchors.
    let back = Letter::with_attachment(&there.addresses[1], &marie.address, "Imagerie demandée", 300_000);
    let _ = outside.submit(&there.addresses[1], &[&marie.address, &paul.address], &back.bytes).ok();
    for to in [marie, paul] {
        let added = back.assert_arrived(&curl::wait_for(sandbox, a, to, &back.id));
        assert!(added.contains(&format!("client certificate CN=mx.{}", there.domain)), "{added}");
    }
    let log = outside.log();
    match outside.house() {
        House::Exim => {
            let line = log.lines().find(|l| l.contains(&format!("=> {}", marie.address))).unwrap_or_default();
            assert!(line.contains("CV=yes") && line.contains(&ours) && line.contains("250 2.0.0"), "{log}");
        }
        House::OpenSmtpd => assert!(log.contains("mta cert-check result=\"valid\""), "{log}"),
    }
}

fn refusals(sandbox: &Sandbox, outside: &Outside) {
    let (a, there) = (sandbox.a(), &sandbox.ready.outsiders[0]);
    let paul = a.account("Per", 1);
    // Refused at RCPT here: it tells its own user, with our words in its report.
    let lost = Letter::short(&there.addresses[0], "personne@alpes.mssante.fr", "Adresse erronée");
    let _ = outside.submit(&there.addresses[0], &["personne@alpes.mssante.fr"], &lost.bytes).ok();
    let bounce = String::from_utf8_lossy(&outside.wait_for(&there.addresses[0], "rcpt.unknown")).into_owned();
    assert!(bounce.contains("personne@alpes.mssante.fr") && bounce.contains("550"), "{bounce}");
    // Refused at RCPT there, beside one that is taken: our sender is told of the one, the other has the message.
    let unknown = format!("dr.inconnu@{}", there.domain);
    let sent = Letter::short(&paul.address, &unknown, "Avis demandé");
    let _ = curl::send(sandbox, a, paul, &[&unknown, &there.addresses[0]], &sent.bytes).ok();
    let _ = sent.assert_arrived(&outside.wait_for(&there.addresses[0], &sent.id));
    let report = report_about(sandbox, &sent.id);
    // One of them says it for machines too.
    let said = match outside.house() {
        House::Exim => "Status: 5.1.1",
        House::OpenSmtpd => "550 Invalid recipient",
    };
    assert!(report.contains(said) && report.contains(&format!("rfc822; {unknown}")), "{report}");
}

/// What paul was told of this message.
fn report_about(sandbox: &Sandbox, id: &str) -> String {
    let (a, paul) = (sandbox.a(), sandbox.a().account("Per", 1));
    wait::until(&format!("a report about {id}"), 60, || {
        let all = curl::search(sandbox, a, paul, "ALL").into_iter();
        let mut texts = all.filter_map(|n| curl::fetch(sandbox, a, paul, n));
        texts.find_map(|t| String::from_utf8(t).ok().filter(|t| t.contains("Final-Recipient") && t.contains(id)))
    })
}

/// Who asks hears of the delivery from the server that made it, not from us (RFC 3461).
fn success_is_reported_by_who_delivered(sandbox: &Sandbox, outside: &Outside) {
    let (a, there) = (sandbox.a(), &sandbox.ready.outsiders[0]);
    let paul = a.account("Per", 1);
    let sent = Letter::short(&paul.address, &there.addresses[0], "Bien reçu ?");
    let mut door = doors::submission(sandbox, a, &paul.login, &paul.token).expect("signed in");
    let mut ask = |line: &str, begins: &str| door.ask(line, begins).unwrap_or_else(|e| panic!("{e}"));
    ask(&format!("MAIL FROM:<{}> RET=HDRS BODY=8BITMIME", paul.address), "250");
    ask(&format!("RCPT TO:<{}> NOTIFY=SUCCESS,FAILURE", there.addresses[0]), "250");
    ask("DATA", "354");
    door.put(&stuffed(&sent.bytes)).expect("sent");
    assert!(door.reply().expect("a reply").starts_with("250"));
    let _ = sent.assert_arrived(&outside.wait_for(&there.addresses[0], &sent.id));
    let report = report_about(sandbox, &sent.id);
    assert!(report.starts_with("Return-Path: <>\r\n") && report.contains("Action: delivered"), "{report}");
    let by = format!("mailer-daemon@{}", there.domain);
    assert!(report.to_lowercase().contains(&by), "told by who delivered: {report}");
}
