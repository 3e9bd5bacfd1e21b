//! A real Postfix as the outsider: mutual TLS in both directions, waiting, refusals and reports.
use sceau_e2e::{Letter, Postfix, Sandbox, curl, proves, wait};
use serde_json::Value;

#[test]
fn mail_goes_both_ways_under_mutual_tls() {
    let _proof = proves(&["F056", "F076", "F147", "F201", "F203", "F206"], "smtp");
    let sandbox = Sandbox::start();
    let mut postfix = Postfix::new(&sandbox);
    postfix.start();
    let (a, outside) = (sandbox.a(), sandbox.ready.outsiders[0].addresses.clone());
    let (marie, paul) = (a.account("Per", 0), a.account("Per", 1));

    // To Postfix, which demands our certificate and says in its own words what it saw.
    let sent = Letter::with_attachment(&marie.address, &outside[0], "Compte rendu opératoire", 6_000_000);
    let _ = curl::send(&sandbox, a, marie, &[&outside[0], &outside[1]], &sent.bytes).ok();
    for address in &outside {
        let received = postfix.wait_for(address, &sent.id);
        let added = sent.assert_arrived(&received);
        let ours = format!("Client CN \"mx.{}\"", a.domains[0]);
        assert!(added.contains(&ours) && added.contains("verified OK"), "{added}");
        assert!(added.starts_with(&format!("Return-Path: <{}>", marie.address)), "{added}");
    }
    // One transfer for both recipients.
    assert_eq!(postfix.log().matches("message-id=<").count(), 1, "{}", postfix.log());

    // From Postfix, to two recipients; it demands a chain to the anchors that names the host.
    let back = Letter::with_attachment(&outside[1], &marie.address, "Imagerie demandée", 6_000_000);
    let _ = postfix.submit(&outside[1], &[&marie.address, &paul.address], &back.bytes).ok();
    for to in [marie, paul] {
        let added = back.assert_arrived(&curl::wait_for(&sandbox, a, to, &back.id));
        let host = format!("mx.{}", sandbox.ready.outsiders[0].domain);
        assert!(added.contains(&format!("client certificate CN={host}")), "{added}");
    }
    assert!(postfix.log().contains("Verified TLS connection established to 127.0.0.1"), "{}", postfix.log());
    // The partner's certificate stands in the traces, both ways.
    for (act, bal) in [("mail.transferred", marie), ("mail.accepted", marie)] {
        let traces = a.cli(&["trace", "list", "--act", act, "--limit", "1000"]);
        assert!(
            traces.to_string().contains("CN=mx.clinique-exterieure.mssante.fr"),
            "{act} {}: {traces:#}",
            bal.address
        );
    }

    // An unknown recipient: Postfix is refused at RCPT and bounces to its own user, in its own words.
    let lost = Letter::short(&outside[0], "personne@alpes.mssante.fr", "Adresse erronée");
    let _ = postfix.submit(&outside[0], &["personne@alpes.mssante.fr"], &lost.bytes).ok();
    let bounce = String::from_utf8_lossy(&postfix.wait_for(&outside[0], "personne@alpes.mssante.fr")).into_owned();
    assert!(bounce.contains("Status: 5.1.1") && bounce.contains("rcpt.unknown"), "{bounce}");

    // The other way round: accepted by Postfix, bounced later. Its report comes from <> and reaches the sender.
    let full = format!("plein@{}", sandbox.ready.outsiders[0].domain);
    let sent = Letter::short(&marie.address, &full, "Boîte qui renvoie");
    let _ = curl::send(&sandbox, a, marie, &[&full], &sent.bytes).ok();
    let report = wait::until("Postfix's report", 60, || {
        let found = curl::search(&sandbox, a, marie, "FROM MAILER-DAEMON");
        curl::fetch(&sandbox, a, marie, *found.first()?)
    });
    let report = String::from_utf8_lossy(&report).into_owned();
    assert!(report.starts_with("Return-Path: <>\r\n") && report.contains(&format!("rfc822;{full}")), "{report}");
}

#[test]
fn a_dead_partner_costs_a_wait_that_is_explained() {
    let _proof = proves(&["F206", "F210"], "cli");
    let mut sandbox = Sandbox::start();
    // Long delays: what moves the message is the administrator.
    sandbox.configure(0, &[("retry_seconds = [1, 2, 5, 10, 30, 60]", "retry_seconds = [3600]")]);
    let mut postfix = Postfix::new(&sandbox);
    let (a, outside) = (sandbox.a(), sandbox.ready.outsiders[0].clone());
    let marie = a.account("Per", 0);
    let sent = Letter::short(&marie.address, &outside.addresses[0], "Pendant la panne");
    let _ = curl::send(&sandbox, a, marie, &[&outside.addresses[0]], &sent.bytes).ok();

    let entry = wait::until("a first attempt", 30, || {
        let queue = a.cli(&["queue", "list", "--destination", &outside.domain]);
        (queue[0]["attempts"].as_i64()? > 0).then(|| queue[0].clone())
    });
    assert_eq!((entry["to"].as_str(), entry["from"].as_str()), (Some(&*outside.addresses[0]), Some(&*marie.address)));
    assert_eq!(entry["state"], "waiting");
    let reason = entry["last_reply"].as_str().unwrap_or_default();
    assert!(
        reason.contains("[transfer.connect]") && reason.contains("ne répond pas") && reason.contains("does not answer"),
        "{reason}"
    );
    let id = entry["id"].as_i64().expect("id").to_string();
    let shown = a.cli_text(&["--lang", "fr", "queue", "show", &id]).ok().out;
    assert!(
        shown.contains("mail.submitted") && shown.contains("mail.deferred") && shown.contains("transfer.connect"),
        "{shown}"
    );
    // Mail for others does not wait behind it.
    let neighbour = sandbox.b().account("Per", 0);
    let other = Letter::short(&marie.address, &neighbour.address, "Pendant ce temps");
    let _ = curl::send(&sandbox, a, marie, &[&neighbour.address], &other.bytes).ok();
    curl::wait_for(&sandbox, sandbox.b(), neighbour, &other.id);

    postfix.start();
    assert!(postfix.messages(&outside.addresses[0]).is_empty(), "nothing moves by itself for an hour");
    assert_eq!(a.cli(&["queue", "retry", "--destination", &outside.domain])["retried"], 1);
    sent.assert_arrived(&postfix.wait_for(&outside.addresses[0], &sent.id));
    wait::until("an empty queue", 20, || (a.cli(&["queue", "list"]) == Value::Array(vec![])).then_some(()));

    // Stopped again: by number this time.
    postfix.stop();
    let sent = Letter::short(&marie.address, &outside.addresses[1], "Deuxième panne");
    let _ = curl::send(&sandbox, a, marie, &[&outside.addresses[1]], &sent.bytes).ok();
    let id = wait::until("a second wait", 30, || {
        let queue = a.cli(&["queue", "list"]);
        (queue[0]["attempts"].as_i64()? > 0).then(|| queue[0]["id"].as_i64())?
    });
    postfix.start();
    assert_eq!(a.cli(&["queue", "retry", &id.to_string()])["retried"], 1);
    sent.assert_arrived(&postfix.wait_for(&outside.addresses[1], &sent.id));
    // It is with the partner a moment before that is recorded here.
    wait::until("an empty queue again", 20, || (a.cli(&["queue", "list"]) == Value::Array(vec![])).then_some(()));
    let unknown = a.cli_text(&["--lang", "en", "queue", "retry", &id.to_string()]);
    assert!(unknown.code == 1 && unknown.err.contains("[admin.not_found]"), "{unknown:?}");
}

#[test]
fn a_refused_recipient_is_reported_to_people_and_machines() {
    let _proof = proves(&["F207", "F210"], "smtp");
    let sandbox = Sandbox::start();
    let mut postfix = Postfix::new(&sandbox);
    postfix.start();
    let (a, outside) = (sandbox.a(), &sandbox.ready.outsiders[0]);
    let paul = a.account("Per", 1);
    let unknown = format!("dr.inconnu@{}", outside.domain);
    // One good recipient beside it: he gets the message, the report is about the other one only.
    let sent = Letter::short(&paul.address, &unknown, "Avis demandé");
    let _ = curl::send(&sandbox, a, paul, &[&unknown, &outside.addresses[0]], &sent.bytes).ok();
    sent.assert_arrived(&postfix.wait_for(&outside.addresses[0], &sent.id));
    let said = sandbox.python("report.py", &["0", "Per", "1", &unknown, &sent.id]).ok().out;
    let (status, diagnostic) = said.split_once('\n').expect("two lines");
    assert_eq!(status, "5.1.1");
    assert!(
        diagnostic.starts_with("smtp") && diagnostic.contains("550 5.1.1") && diagnostic.contains("User unknown"),
        "{diagnostic}"
    );
    assert_eq!(a.cli(&["queue", "list"]), Value::Array(vec![]));
    let traces = a.cli(&["trace", "list", "--act", "mail.failed"]);
    assert_eq!(traces.as_array().map(Vec::len), Some(1), "{traces:#}");
    // The report never goes outside: nothing new reached the outsider.
    assert_eq!(postfix.messages(&outside.addresses[0]).len(), 1);
}
