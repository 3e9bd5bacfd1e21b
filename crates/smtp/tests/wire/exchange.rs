//! Who may write to whom (`domain::exchange`), as both doors answer it: every kind of BAL that is opened here, every kind of correspondent. (No BAL is
//! opened on a patients' domain: its rows stand in the tests of the rules.)
use crate::client::Client;
use crate::world::{World, list};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sceau_domain::{BalKind, DomainKind};
use sceau_testkit::pki::{self, Pki, anonymous};
use sceau_testkit::{bal, people};

/// BALs of ours: address, who logs in.
const OURS: [(&str, &str); 9] = [
    ("anne@alpha.mssante.fr", "anne"),
    ("accueil@alpha.mssante.fr", "anne"),
    ("labo@alpha.mssante.fr", "anne"),
    ("cabinet@alpha.mssante.fr", "anne"),
    ("med@alpha.mssante.fr", "med"),
    ("sanscarte@alpha.mssante.fr", "sanscarte"),
    ("essai@alpha.mssante.fr", "anne"),
    ("poste@essai.alpha.mssante.fr", "anne"),
    ("poste@interne.alpha.fr", "anne"),
];
const POSTMASTER: &str = "postmaster@alpha.mssante.fr";
const POSTMASTER_INTERNAL: &str = "postmaster@interne.alpha.fr";
/// Another operator's, its test BAL, a patient, nobody of the trust space.
const THEIRS: [&str; 4] =
    ["paul@beta.mssante.fr", "zoe@essai.beta.mssante.fr", "180017500000134@patient.mssante.fr", "x@example.org"];

/// What a letter of the tables stands for.
fn meaning(letter: char) -> &'static str {
    match letter {
        '.' => "",
        'L' => "rcpt.not_listed",
        'R' => "rcpt.relay",
        'I' => "exchange.internal",
        'M' => "exchange.med",
        'U' => "exchange.unreachable",
        'T' => "exchange.test",
        other => panic!("{other}"),
    }
}

/// What is said to each of these recipients, in letters of the tables.
async fn asked<'a>(c: &mut Client, from: &str, to: impl Iterator<Item = &'a str>, expected: &str) {
    let mut wrong = Vec::new();
    let mut letters = expected.chars().filter(|l| *l != ' ');
    for to in to {
        c.expect(&format!("MAIL FROM:<{from}>"), "250").await;
        let reply = c.say(&format!("RCPT TO:<{to}>")).await;
        let wanted = meaning(letters.next().expect("a letter for each recipient"));
        let said = if wanted.is_empty() { reply.starts_with("250 ") } else { reply.contains(&format!("[{wanted}]")) };
        if !said || (!wanted.is_empty() && !reply.starts_with('5')) {
            wrong.push(format!("{from} to {to}: {reply:?}, not {wanted:?}"));
        }
        c.expect("RSET", "250").await;
    }
    assert_eq!(letters.count(), 0, "a recipient for each letter");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn every_pair_at_both_doors() {
    let pki = Pki::new();
    let world = World::with(&pki, "alpha", |s| {
        s.config.test_domains = vec!["essai.beta.mssante.fr".parse().unwrap()];
        s.config.patient_domains = vec!["patient.mssante.fr".parse().unwrap()];
    })
    .await;
    world.op.trust().set_white_list(list(&[
        ("alpha.mssante.fr", "mss.alpha.fr"),
        ("beta.mssante.fr", "mss.beta.fr"),
        ("essai.beta.mssante.fr", "mss.beta.fr"),
        ("patient.mssante.fr", "mss.patients.fr"),
    ]));
    let domains = [("essai.alpha.mssante.fr", DomainKind::Test), ("interne.alpha.fr", DomainKind::Internal)];
    people(&world.op, &world.store, &world.admin, &domains, &["med", "sanscarte"]).await;
    for (address, kind, holder) in [
        ("labo@alpha.mssante.fr", BalKind::App, "anne"),
        ("cabinet@alpha.mssante.fr", BalKind::Cab, "anne"),
        ("med@alpha.mssante.fr", BalKind::Med, "med"),
        ("sanscarte@alpha.mssante.fr", BalKind::Per, "sanscarte"),
        ("essai@alpha.mssante.fr", BalKind::Org, "anne"),
        ("poste@essai.alpha.mssante.fr", BalKind::Org, "anne"),
        ("poste@interne.alpha.fr", BalKind::Org, "anne"),
    ] {
        bal(&world.op, &world.admin, address, kind, &[holder], |b| {
            b.test = address.starts_with("essai@");
            b.reachable = !address.starts_with("sanscarte");
        })
        .await;
    }

    // Submission: theirs, ours in their order, the operator.
    for ((from, login), expected) in OURS.into_iter().zip([
        ".T.L ......... .",
        ".T.L ......... .",
        ".T.L ......... .",
        ".T.L ......... .",
        "MMML ......... .",
        "UUUL ......... .",
        "T.TL ......... .",
        "T.TL ......... .",
        "IIIL ......... .",
    ]) {
        let (_, token) = world.token(login).await;
        let mut c = Client::secure(world.submission, &anonymous()).await;
        let plain = BASE64_STANDARD.encode(format!("\0{login}*{from}\0{token}"));
        c.expect(&format!("AUTH PLAIN {plain}"), "235").await;
        let to = THEIRS.into_iter().chain(OURS.map(|(address, _)| address)).chain([POSTMASTER]);
        asked(&mut c, from, to, expected).await;
    }

    // MX: ours, the operator, others.
    let tls = |cn: &str| pki::client(&pki.identity(cn));
    for (cn, from, expected) in [
        ("mss.beta.fr", THEIRS[0], "....MUTTI .I RRRR"),
        ("mss.beta.fr", THEIRS[1], "TTTTMU..I .I RRRR"),
        ("mss.patients.fr", THEIRS[2], "....MUTTI .I RRRR"),
        ("mss.beta.fr", "", "....MU..I .I RRRR"),
    ] {
        let mut c = Client::secure(world.mx, &tls(cn)).await;
        let to = OURS.map(|(address, _)| address).into_iter().chain([POSTMASTER, POSTMASTER_INTERNAL]).chain(THEIRS);
        asked(&mut c, from, to, expected).await;
        // In the name of a domain that lists somebody else, of ours, of none.
        for stranger in ["x@example.org", "x@alpha.mssante.fr", "y@gamma.mssante.fr"] {
            let reply = c.say(&format!("MAIL FROM:<{stranger}>")).await;
            assert!(reply.contains("[sender.domain_not_peers]"), "{stranger}: {reply}");
        }
    }
}
