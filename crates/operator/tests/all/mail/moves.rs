//! Rows of the list of every suffix are served alike (F205); a domain that moves is served by the right operator (F216).
use super::told::files;
use sceau_domain::{BalKind, DomainKind, Timestamp};
use sceau_operator::Operator;
use sceau_store::certificates;
use sceau_testkit::world::{ALPHA, BETA, GAMMA, LISTED, World, addr, code, letter, list, origin, peer};
use std::sync::Arc;

const ANNE: &str = "anne.martin@alpha.mssante.fr";
const MOVING: &str = "cabinet.mssante.fr";
const HERE: &str = "ici@cabinet.mssante.fr";
const THERE: &str = "ailleurs@cabinet.mssante.fr";

fn listed(w: &World, more: &[(&str, &str)]) {
    w.op.trust().set_white_list(Arc::new(list(&[LISTED, more].concat())));
}

/// Our certificate stands in the inventory under ALPHA's name.
async fn inventory(w: &World) {
    let row = certificates::Certificate {
        id: w.store.new_id(),
        kind: "own".into(),
        place: sceau_operator::certificates::OPERATOR.into(),
        node: 0,
        fingerprint: "aa".into(),
        subject: ALPHA.into(),
        subject_tag: "a".into(),
        issuer: "CN=AC".into(),
        serial: "1".into(),
        spki: "s".into(),
        not_before: 0,
        not_after: i64::MAX,
        first_seen: 0,
        last_seen: 0,
        retired: None,
        stage: String::new(),
    };
    let kept = w.store.write(move |tx| certificates::put(tx, &row)).await;
    kept.unwrap_or_else(|e: sceau_store::StoreError| panic!("{e}"));
}

async fn rcpt(w: &World, to: &str) -> Result<(), sceau_domain::Refusal> {
    let from = addr("x@beta.mssante.fr");
    let door = origin(sceau_operator::Door::Mx);
    w.op.mx_recipient(&peer(BETA), Some(&from), &addr(to), 0, None, &door).await.map(drop)
}

fn name() -> sceau_domain::DomainName {
    MOVING.parse().unwrap()
}

#[tokio::test]
async fn rows_of_every_suffix_are_served_alike() {
    let w = World::new().await;
    let foreign =
        ["medecin@Cabinet.APICRYPT.org", "dr@interop-mssante.apicrypt.org", "a@santé-exemple.fr", "b@exemple.clinique"];
    let rows: Vec<(&str, &str)> =
        ["cabinet.apicrypt.org", "INTEROP-mssante.Apicrypt.org", "xn--sant-exemple-eeb.fr", "exemple.clinique"]
            .map(|d| (d, GAMMA))
            .into();
    let anne = w.actor("anne", ANNE).await;
    for from in foreign {
        assert_eq!(code(w.hand_over(GAMMA, from, &[ANNE], &letter(from, "avant")).await), "sender.domain_not_peers");
        assert_eq!(code(w.submit(&anne, ANNE, &[from], &letter(ANNE, "avant")).await), "rcpt.not_listed", "{from}");
    }
    let real: Vec<(&str, &str)> = rows.iter().map(|(d, dn)| (*d, *dn)).collect();
    listed(&w, &real);
    let mut both = 0;
    for from in foreign {
        let domain = addr(from).domain().clone();
        if !w.op.trust().white_list().unwrap().contains(&domain) {
            panic!("{domain} is not in the list as {rows:?}");
        }
        w.hand_over(GAMMA, from, &[ANNE], &letter(from, "recu")).await.unwrap();
        w.submit(&anne, ANNE, &[from], &letter(ANNE, "envoi")).await.unwrap();
        both += 1;
        assert_eq!(w.inbox("anne", ANNE).await.len(), both);
        assert_eq!(w.count("queue_entries").await, both as i64);
    }
    // A domain of ours of another suffix.
    w.op.add_domain(&w.admin, "cabinet.exemple-sante.fr".parse().unwrap(), DomainKind::Production).await.unwrap();
    w.bal("secretariat@cabinet.exemple-sante.fr", BalKind::Org, &["anne"], |_| {}).await;
    let us = w.actor("anne", "secretariat@cabinet.exemple-sante.fr").await;
    w.hand_over(
        BETA,
        "x@beta.mssante.fr",
        &["Secretariat@CABINET.exemple-sante.FR"],
        &letter("x@beta.mssante.fr", "y"),
    )
    .await
    .unwrap();
    w.submit(
        &us,
        "secretariat@cabinet.exemple-sante.fr",
        &["x@beta.mssante.fr"],
        &letter("secretariat@cabinet.exemple-sante.fr", "z"),
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn a_domain_that_comes_is_served_once_the_list_names_us() {
    let w = World::new().await;
    inventory(&w).await;
    listed(&w, &[(MOVING, GAMMA)]);
    w.op.add_domain(&w.admin, name(), DomainKind::Production).await.unwrap();
    w.bal(HERE, BalKind::Org, &["anne"], |_| {}).await;
    let view = w.op.move_domain_in(&w.admin, &name()).await.unwrap();
    assert_eq!((view.state.as_str(), view.names_us, view.names_others, view.bals), ("arriving", false, true, 1));
    let (anne, moved) = (w.actor("anne", ANNE).await, w.actor("anne", HERE).await);
    // Ours write to the present operator, even where a BAL is prepared here.
    w.submit(&anne, ANNE, &[HERE, THERE], &letter(ANNE, "vers-l-ancien")).await.unwrap();
    assert_eq!((w.count("queue_entries").await, w.inbox("anne", HERE).await.len()), (2, 0));
    // Its BALs do not write from here, peers are sent to the other server, and the present operator still writes to us.
    assert_eq!(code(w.submit(&moved, HERE, &[ANNE], &letter(HERE, "trop-tot")).await), "domain.arriving");
    assert_eq!(code(rcpt(&w, HERE).await), "domain.elsewhere");
    w.hand_over(GAMMA, THERE, &[ANNE], &letter(THERE, "de-l-ancien")).await.unwrap();

    // Both are listed: each serves its own; both certificates are accepted as the sender's.
    listed(&w, &[(MOVING, GAMMA), (MOVING, ALPHA)]);
    assert_eq!(w.op.domain_move(&w.admin, &name()).await.unwrap().state, "shared");
    w.submit(&anne, ANNE, &[HERE, THERE], &letter(ANNE, "a-chacun")).await.unwrap();
    assert_eq!((w.count("queue_entries").await, w.inbox("anne", HERE).await.len()), (3, 1));
    w.submit(&moved, HERE, &[THERE, ANNE], &letter(HERE, "entre-les-deux")).await.unwrap();
    assert_eq!(code(rcpt(&w, THERE).await), "domain.elsewhere");
    rcpt(&w, HERE).await.unwrap();
    rcpt(&w, &format!("postmaster@{MOVING}")).await.unwrap();
    w.hand_over(GAMMA, THERE, &[HERE], &letter(THERE, "entre-collegues")).await.unwrap();

    // A process without a list (its anchors changed) does not take it for one that is not here yet: everybody is asked to come again.
    let (config, store) = (w.op.config().clone(), (*w.store).clone());
    let blind = Operator::open(config, store, sceau_trust::Trust::new(sceau_trust::Anchors::default())).await.unwrap();
    let (from, door) = (addr("x@beta.mssante.fr"), origin(sceau_operator::Door::Mx));
    let refused = blind.mx_recipient(&peer(BETA), Some(&from), &addr(HERE), 0, None, &door).await.unwrap_err();
    assert!(refused.code.as_str() == "peer.white_list_absent" && refused.is_temporary(), "{refused:?}");

    // Come: ours alone.
    w.op.cancel_domain_move(&w.admin, &name()).await.unwrap();
    assert_eq!(code(rcpt(&w, THERE).await), "rcpt.unknown");
    assert_eq!(code(w.op.cancel_domain_move(&w.admin, &name()).await), "admin.not_found");
    for act in ["domain.move_in", "domain.move_cancelled"] {
        assert_eq!(w.traces(act).await.len(), 1, "{act}");
    }
}

#[tokio::test]
async fn a_domain_that_goes_is_served_until_its_time() {
    let w = World::new().await;
    inventory(&w).await;
    listed(&w, &[(MOVING, ALPHA), (MOVING, GAMMA)]);
    w.op.add_domain(&w.admin, name(), DomainKind::Production).await.unwrap();
    w.bal(HERE, BalKind::Org, &["anne"], |_| {}).await;
    let now = w.op.clock().now();
    let out = |op: Operator, at: Timestamp| {
        let admin = w.admin.clone();
        async move { op.move_domain_out(&admin, &name(), at).await }
    };
    assert_eq!(code(out(w.op.clone(), now).await), "admin.invalid");
    // What no list names goes nowhere: its mail would only stop.
    let internal = "interne.alpha.fr".parse().unwrap();
    assert_eq!(code(w.op.move_domain_in(&w.admin, &internal).await), "admin.invalid");
    let anne = w.actor("anne", ANNE).await;
    assert_eq!(code(w.op.move_domain_in(&anne, &name()).await), "right.missing");
    let view = out(w.op.clone(), now.plus_ms(3_600_000)).await.unwrap();
    assert_eq!(view.steps.iter().map(|s| s.code.as_str()).next(), Some("list_names_them"));
    w.submit(&anne, ANNE, &[HERE, THERE], &letter(ANNE, "a-chacun")).await.unwrap();
    assert_eq!((w.count("queue_entries").await, w.inbox("anne", HERE).await.len()), (1, 1));
    rcpt(&w, HERE).await.unwrap();
    let refused = rcpt(&w, THERE).await.unwrap_err();
    assert!(refused.smtp_reply().starts_with("450 4.4.4 "), "{refused:?}");

    // Its time is over, on another node too.
    w.advance(3_601);
    let refused = rcpt(&w, HERE).await.unwrap_err();
    assert!(refused.smtp_reply().starts_with("550 5.1.6 "), "{refused:?}");
    w.submit(&anne, ANNE, &[HERE], &letter(ANNE, "la-bas")).await.unwrap();
    assert_eq!(w.count("queue_entries").await, 2);
    let moved = w.actor("anne", HERE).await;
    assert_eq!(code(w.submit(&moved, HERE, &[ANNE], &letter(HERE, "trop-tard")).await), "domain.left");
    assert_eq!(w.restarted().await.domain_move(&w.admin, &name()).await.unwrap().state, "left");
}

/// Where the sources may name a suffix: defaults of the configuration that everybody can change, and the name of the list's XML.
const NAMED: [(&str, &str); 3] = [
    ("sceau/src/config/mod.rs", "patient.mssante.fr"),
    ("sceau/src/cli/init.rs", "mx.exemple.mssante.fr"),
    ("trust/src/whitelist/read.rs", "https://listeblanche.mssante.fr/schema"),
];

#[test]
fn nothing_in_the_sources_decides_by_a_suffix() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut all, mut found, mut read) = (Vec::new(), Vec::new(), 0);
    for name in ["domain", "message", "antivirus", "trust", "store", "operator", "net", "smtp", "imap", "web", "sceau"]
    {
        files(&crates.join(name).join("src"), &mut all);
    }
    for file in all.iter().filter(|f| f.extension().is_some_and(|e| e == "rs")) {
        let shown = file.strip_prefix(crates).unwrap().display().to_string();
        if shown.contains("test") {
            continue;
        }
        read += 1;
        let text = std::fs::read_to_string(file).unwrap();
        // Tests stand at the end of their file; examples are what REST's description shows.
        let program = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in program.lines().map(str::trim_start).filter(|l| !l.starts_with("//") && !l.contains("example")) {
            let lower = line.to_ascii_lowercase();
            let named = ["mssante.fr", "apicrypt"].iter().any(|word| lower.contains(word));
            if named && !NAMED.iter().any(|(file, word)| shown == *file && line.contains(word)) {
                found.push(format!("{shown}: {line}"));
            }
        }
    }
    assert!(read > 300, "{read} files read");
    assert!(found.is_empty(), "{found:#?}");
}
