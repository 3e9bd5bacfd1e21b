//! A peer's certificate is revoked while the program runs: its open session is refused at the next MAIL, our mail to it waits and says why, and goes
//! when the authority takes it back.
use sceau_e2e::{Letter, Peer, Postfix, Run, Sandbox, curl, proves, wait};
use std::path::Path;

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";

/// Lets the played authority publish a list of these certificates, made by openssl with the authority's own key.
fn publish(sandbox: &Sandbox, revoked: &[&Path]) {
    let pki = sandbox.data.join("pki");
    let path = |name: &str| pki.join(name).display().to_string();
    let serial = |certificate: &Path| {
        let shown = certificate.to_str().expect("UTF-8");
        let said = Run::of("openssl", &["x509", "-noout", "-serial", "-in", shown]).ok().out;
        said.trim().strip_prefix("serial=").expect("a serial number").to_owned()
    };
    let line = |c: &&Path| format!("R\t351231235959Z\t261101000000Z\t{}\tunknown\t/CN=x\n", serial(c));
    std::fs::write(pki.join("index"), revoked.iter().map(line).collect::<String>()).expect("index");
    std::fs::write(pki.join("number"), "77AA\n").expect("number");
    let config = format!(
        "[ca]\ndefault_ca = one\n[one]\ndatabase = {}\ncrlnumber = {}\ndefault_md = sha256\ncrl_extensions = ext\n\
         [ext]\nauthorityKeyIdentifier = keyid:always\n",
        path("index"),
        path("number")
    );
    std::fs::write(pki.join("ca.cnf"), config).expect("configuration");
    let (cnf, key, cert, new) = (path("ca.cnf"), path("issuer.key"), path("issuer.pem"), path("crl.new"));
    let args = ["ca", "-gencrl", "-config", &cnf, "-keyfile", &key, "-cert", &cert, "-crlhours", "48", "-out", &new];
    let _ = Run::of("openssl", &args).ok();
    std::fs::rename(new, pki.join("crl.pem")).expect("list");
}

#[test]
fn a_certificate_that_is_revoked_meanwhile_is_refused_at_its_next_mail_and_waited_for() {
    let _smtp = proves(&["F204", "F147", "F201"], "smtp");
    let _cli = proves(&["F204"], "cli");
    let sandbox = Sandbox::start();
    let mut postfix = Postfix::new(&sandbox);
    postfix.start();
    let (b, outsider) = (sandbox.b(), sandbox.outsider());
    let (yann, there) = (b.account("Per", 1), &sandbox.ready.outsiders[0].addresses[0]);
    let mut session = Peer::secure(&b.endpoints.mx, &sandbox.tls(Some(&outsider)));
    session.send(&format!("MAIL FROM:<{OUT}>")).expect("250").send("RSET").expect("250");
    // Mail goes out, and the connection is kept for the next message.
    let before = Letter::short(&yann.address, there, "Avant");
    let _ = curl::send(&sandbox, b, yann, &[there], &before.bytes).ok();
    let _ = postfix.wait_for(there, &before.id);

    publish(&sandbox, &[&outsider.cert]);
    let refreshed = b.cli(&["trust", "revocation", "refresh"]);
    // That of organisations, and that of professionals' cards.
    assert_eq!((&refreshed["asked"], &refreshed["came"]), (&2.into(), &2.into()), "{refreshed:#}");
    session.send(&format!("MAIL FROM:<{OUT}>")).refused("554 5.7.1 ", "peer.revoked");
    let mut again = Peer::secure(&b.endpoints.mx, &sandbox.tls(Some(&outsider)));
    again.send("MAIL FROM:<>").refused("554 5.7.1 ", "peer.revoked");

    let waits = Letter::short(&yann.address, there, "Pendant");
    let _ = curl::send(&sandbox, b, yann, &[there], &waits.bytes).ok();
    let entry = wait::until("a first attempt", 20, || {
        let queue = b.cli(&["queue", "list"]);
        let entry = queue.as_array()?.first()?;
        (entry["attempts"].as_i64() > Some(0)).then(|| entry["id"].as_i64()).flatten()
    });
    let shown = b.cli(&["queue", "show", &entry.to_string()]).to_string();
    assert!(shown.contains("peer.revoked"), "{shown}");
    assert!(!postfix.log().contains(&waits.id), "{}", postfix.log());

    // What the people in charge see.
    let sources = || b.cli(&["trust", "revocation"]);
    // A prepared sandbox remembers the port that its authority had before, and does not ask there.
    let host = format!("{}crl.pem", sandbox.ready.authority.url);
    let asked = |s: &&serde_json::Value| s["kind"] == "crl" && s["address"] == host.as_str();
    let named = |sources: serde_json::Value| {
        let found = sources.as_array().into_iter().flatten().find(asked).cloned();
        found.unwrap_or_else(|| panic!("{host}: {sources:#}"))
    };
    let list = named(sources());
    assert_eq!((&list["state"], &list["entries"], &list["failures"]), (&"current".into(), &1.into(), &0.into()));
    let table = b.cli_text(&["--lang", "fr", "trust", "revocation"]).ok().out;
    assert!(table.contains("à jour") && table.contains("BAC A SABLE"), "{table}");
    let anchors = b.cli(&["trust", "anchors"]);
    let all = anchors.as_array().expect("anchors");
    assert!(all.len() >= 6 && all.iter().all(|a| a["mode"] == "strict"), "{anchors:#}");
    // The cards' other environment is listed and opens nothing here.
    assert!(all.iter().all(|a| a["in_force"] == (a["environment"] == "test")), "{anchors:#}");

    // The authority takes it back: a newer list without it, and what waited goes.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    publish(&sandbox, &[]);
    // (The list of the cards' authority comes along.)
    let came = b.cli(&["trust", "revocation", "refresh"]);
    assert!(came["came"].as_u64() >= Some(1), "{came}");
    assert_eq!(named(sources())["entries"], 0);
    session.send(&format!("MAIL FROM:<{OUT}>")).expect("250");
    let _ = b.cli(&["queue", "retry", "--all"]);
    let _ = postfix.wait_for(there, &waits.id);
}
