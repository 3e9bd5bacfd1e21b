//! Files of people: what a dry run tells, what dies in the middle, what comes twice, what two bring at once.
use crate::openings::House;
use sceau_domain::{Opening, Refusal};
use sceau_operator::imports::{ImportView, LineView, NewImport};
use sceau_operator::{Actor, Operator};
use sceau_store::params;
use sceau_testkit::people_file::{letters, rpps};
use std::fmt::Write;

each_engine!(
    a_dry_run_tells_what_the_real_one_does,
    who_is_there_keeps_everything_and_nothing_is_preset,
    what_dies_in_the_middle_goes_on_without_doubling,
    two_imports_at_once_of_the_same_people,
    of_a_refused_file_nothing_is_kept,
    one_line_never_keeps_the_others_waiting,
);

const HEADER: &str = "Nom;Prénom;RPPS;Identifiant;Identifiant local;Motif d'exemption;Fin d'exemption;Habilité;Nature de BAL;Adresse de BAL;Domaine\n";
const DOMAIN: &str = "alpha.mssante.fr";

/// A line that asks for a person and a personal BAL.
fn line(n: usize) -> String {
    format!("NOM-{};Prénom;{};;;;;oui;PER;;\n", letters(n), rpps(n))
}

fn file(lines: impl IntoIterator<Item = String>) -> String {
    HEADER.to_owned() + &lines.into_iter().collect::<String>()
}

async fn sent(op: &Operator, actor: &Actor, new: NewImport, text: &str) -> Result<ImportView, Refusal> {
    let mut intake = op.start_import(actor, new).await?;
    intake.push(text.as_bytes()).await?;
    intake.finish().await
}

pub(super) fn here(dry: bool) -> NewImport {
    NewImport { structure: Some("hopital".into()), dry, certified: true, ..NewImport::default() }
}

pub(super) async fn run(h: &House, actor: &Actor, new: NewImport, text: &str) -> (ImportView, Vec<LineView>) {
    let import = sent(&h.0.op, actor, new, text).await.unwrap();
    while h.0.op.run_due_jobs().await.unwrap() > 0 {}
    told(h, &import.id).await
}

async fn told(h: &House, id: &str) -> (ImportView, Vec<LineView>) {
    let id = id.parse().unwrap();
    let lines = h.0.op.import_lines(&h.0.admin, id, None, 0, 1_000).await.unwrap();
    (h.0.op.import(&h.0.admin, id).await.unwrap(), lines)
}

async fn count(h: &House, sql: &'static str) -> i64 {
    h.write(move |tx| tx.query_opt(sql, &[])?.unwrap().int(0)).await
}

/// Lines from small pools, so that they meet: the same people under several identifiers, names and addresses.
fn crossing(seed: u64, lines: usize) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut pick = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % n
    };
    let (numbers, mut out) = ([rpps(1), rpps(2), rpps(3), rpps(77)], HEADER.to_owned());
    for _ in 0..lines {
        let name = ["ROUX", "Roux", "PETIT", "LEBRUN"][pick(4)];
        let given = ["Anne", "Zoé"][pick(2)];
        let (national, local, login) = match pick(10) {
            0..=4 => (numbers[pick(4)].as_str(), "", ""),
            5 => (numbers[pick(4)].as_str(), "", ["anne.roux", "autre"][pick(2)]),
            6 | 7 => ("", ["L-1", "L-2"][pick(2)], ["", "anne.roux"][pick(2)]),
            8 => ("", "", ["anne.roux", "anne.roux2", "autre", ""][pick(4)]),
            _ => ("10000000018", "", ""),
        };
        let exemption = if local.is_empty() { ";" } else { ["Aucun ordre;2027-12-31", ";"][usize::from(pick(6) == 0)] };
        let habilitated = ["oui", "", "oui"][pick(3)];
        let (kind, address) = match pick(8) {
            0..=2 => ("PER", String::new()),
            3 | 4 => ("PER", format!("{}@{DOMAIN}", ["anne.roux", "anne.roux2", "zoe.petit"][pick(3)])),
            5 => ("ORG", format!("{}@{DOMAIN}", ["urgences", "bloc"][pick(2)])),
            6 => ("ORG", format!("jean.dupont@{DOMAIN}")),
            _ => ("", String::new()),
        };
        let domain = ["", "", DOMAIN, "beta.mssante.fr"][pick(4)];
        writeln!(out, "{name};{given};{national};{login};{local};{exemption};{habilitated};{kind};{address};{domain}")
            .unwrap();
    }
    out
}

async fn a_dry_run_tells_what_the_real_one_does(h: House) {
    let chef = h.actor("chef").await;
    // Somebody of the files is there already, and has accepted the terms: a BAL opens at once.
    h.people(&["zoe.lebrun"]).await;
    h.edit("zoe.lebrun", |p| (p.national_id, p.family_name) = (Some(rpps(77)), Some("LEBRUN".into()))).await;
    for seed in 1..=10 {
        let text = crossing(seed, 25);
        let (actor, structure) =
            if seed % 3 == 0 { (h.0.admin.clone(), None) } else { (chef.clone(), Some("hopital".to_owned())) };
        let new =
            |dry| NewImport { structure: structure.clone(), dry, certified: seed % 4 != 0, ..NewImport::default() };
        let (_, dry) = run(&h, &actor, new(true), &text).await;
        let before = count(&h, "SELECT COUNT(*) FROM people").await;
        let (_, real) = run(&h, &actor, new(false), &text).await;
        let shown = |l: &LineView| {
            let address = l.address.as_ref().map(|a| a.to_lowercase());
            format!("{} {} {:?} {:?} {address:?} {:?}", l.line, l.state, l.code, l.login, l.detail)
        };
        for (dry, real) in dry.iter().zip(&real) {
            assert_eq!(shown(dry), shown(real), "seed {seed}: {:?}\n{text}", real.fields);
        }
        // The same file once more: what was done is there, and stays as it is.
        let people = count(&h, "SELECT COUNT(*) FROM people").await;
        let made = real.iter().filter(|l| l.code.as_deref() == Some("import.made")).count();
        assert!(people >= before + i64::try_from(made).unwrap());
        let (_, again) = run(&h, &actor, new(false), &text).await;
        for (first, again) in real.iter().zip(&again) {
            let repeated = first.code.as_deref() == Some("import.repeated");
            let settled = first.state == "wrong" || repeated || again.state == "skipped";
            assert!(settled, "seed {seed}: {} then {}\n{text}", shown(first), shown(again));
        }
    }
}

async fn who_is_there_keeps_everything_and_nothing_is_preset(h: House) {
    let chef = h.actor("chef").await;
    h.edit("anne", |p| {
        (p.national_id, p.family_name, p.phone) = (Some(rpps(5)), Some("ROUX".into()), Some("+33199001234".into()))
    })
    .await;
    let before = h.person("anne").await;
    let text = "Nom;Prénom;RPPS;Profession;Téléphone;Habilité;Nature de BAL;Adresse de BAL\n".to_owned()
        + &format!("Roux;Autre;{};21;+33199009999;non;PER;anne.roux@{DOMAIN}\n", rpps(5));
    let (import, lines) = run(&h, &chef, here(false), &text).await;
    assert_eq!((import.state.as_str(), import.done), ("done", 1), "{lines:?}");
    assert_eq!(h.person("anne").await, before, "a file changes nobody's particulars");
    let bal = h.row(&format!("anne.roux@{DOMAIN}")).await.unwrap();
    assert_eq!((bal.red_list, bal.phone_published, bal.paperless), (None, None, None));
    // A structure's identifier finds the person there too: nobody is made twice.
    let local = |id: &str, more: &str| format!("SANS;Numéro;;;{id};Aucun ordre;2027-12-31;oui;{more}\n");
    for (text, code) in
        [(file([local("L-9", "PER;;")]), "import.bal_waits"), (file([local("L-9", "PER;;")]), "import.already")]
    {
        let (_, lines) = run(&h, &chef, here(false), &text).await;
        assert_eq!(lines[0].code.as_deref(), Some(code), "{lines:?}");
    }
    // A name alone finds nobody, and makes nobody.
    let (_, lines) = run(&h, &h.0.admin.clone(), NewImport::default(), &file(["SANS;Rien;;;;;;;;;\n".into()])).await;
    assert_eq!(lines[0].code.as_deref(), Some("identity.missing"));
    // Nobody gets into another structure's people by a file: not by login, not by certifying oneself.
    h.people(&["chloe-loin"]).await;
    h.edit("chef", |p| {
        (p.identity, p.national_id, p.family_name) = ("none".into(), Some(rpps(6)), Some("CHEF".into()))
    })
    .await;
    let text = file(["Nom;Prénom;;chloe-loin;;;;oui;;;\n".into(), format!("CHEF;X;{};;;;;oui;;;\n", rpps(6))]);
    let (_, lines) = run(&h, &chef, here(false), &text).await;
    let codes: Vec<_> = lines.iter().map(|l| l.code.as_deref().unwrap()).collect();
    assert_eq!(codes, ["right.missing", "right.missing"], "{lines:?}");
    assert_eq!(h.person("chef").await.identity, "none");
    // Where the operator alone decides, a file opens nothing either.
    h.settle(Opening::Operator, sceau_domain::ConventionState::Signed).await;
    let (_, lines) = run(&h, &chef, here(false), &file([line(40)])).await;
    assert_eq!(lines[0].code.as_deref(), Some("right.missing"));
    assert_eq!(count(&h, "SELECT COUNT(*) FROM people WHERE login LIKE 'prenom.nom%'").await, 0);
}

async fn what_dies_in_the_middle_goes_on_without_doubling(h: House) {
    let chef = h.actor("chef").await;
    let people = count(&h, "SELECT COUNT(*) FROM people").await;
    let lines = 120;
    let import = sent(&h.0.op, &chef, here(false), &file((0..lines).map(line))).await.unwrap();
    let id = import.id.parse().unwrap();
    let done = async || h.0.op.import(&h.0.admin, id).await.unwrap().done;
    let mut deaths = 0;
    loop {
        let (before, op) = (done().await, h.0.restarted().await);
        let worker = tokio::spawn(async move { op.run_due_jobs().await });
        while !worker.is_finished() && done().await == before {
            tokio::task::yield_now().await;
        }
        // Wherever it stands: between two transactions, or waiting for one.
        worker.abort();
        let finished = worker.await.is_ok();
        if finished || h.0.op.import(&h.0.admin, id).await.unwrap().state == "done" {
            break;
        }
        deaths += 1;
        // Its lease ends by time.
        h.0.advance(120);
    }
    while h.0.op.run_due_jobs().await.unwrap() > 0 {}
    let (over, told) = told(&h, &import.id).await;
    assert_eq!(
        (over.state.as_str(), over.done, over.wrong, over.skipped),
        ("done", lines as u64, 0, 0),
        "{deaths} deaths"
    );
    assert!(deaths > 0 && told.iter().all(|l| l.state == "done"));
    assert_eq!(count(&h, "SELECT COUNT(*) FROM people").await, people + lines as i64);
    assert_eq!(
        count(&h, "SELECT COUNT(*) FROM openings").await,
        count(&h, "SELECT COUNT(DISTINCT address_key) FROM openings").await
    );
    assert_eq!(h.0.traces("import.ended").await.len(), 1);
}

async fn two_imports_at_once_of_the_same_people(h: House) {
    let chef = h.actor("chef").await;
    let people = count(&h, "SELECT COUNT(*) FROM people").await;
    let texts = [file((0..60).map(line)), file((30..90).rev().map(line))];
    let mut ids = Vec::new();
    for text in &texts {
        ids.push(sent(&h.0.op, &chef, here(false), text).await.unwrap().id);
    }
    // Each process works on one of them.
    let (one, two) = (h.0.restarted().await, h.0.restarted().await);
    let (a, b) = tokio::join!(
        tokio::spawn(async move { one.run_due_jobs().await }),
        tokio::spawn(async move { two.run_due_jobs().await })
    );
    a.unwrap().unwrap();
    b.unwrap().unwrap();
    for _ in 0..20 {
        h.0.advance(120);
        if h.0.op.run_due_jobs().await.unwrap() == 0 {
            break;
        }
    }
    let mut all = 0;
    for id in &ids {
        let (over, lines) = told(&h, id).await;
        assert_eq!((over.state.as_str(), over.wrong), ("done", 0), "{:?}", lines.iter().find(|l| l.state == "wrong"));
        all += over.done + over.skipped;
    }
    assert_eq!(all, 120);
    assert_eq!(count(&h, "SELECT COUNT(*) FROM people").await, people + 90, "each person once");
    assert_eq!(count(&h, "SELECT COUNT(*) FROM openings WHERE state = 'verified'").await, 90, "and each BAL");
}

async fn of_a_refused_file_nothing_is_kept(h: House) {
    let chef = h.actor("chef").await;
    let many = file((0..1_200).map(line));
    let kept = async || count(&h, "SELECT COUNT(*) FROM import_lines").await;
    // Given up in the middle, as when the sender goes away.
    let mut intake = h.0.op.start_import(&chef, here(false)).await.unwrap();
    intake.push(many.as_bytes()).await.unwrap();
    assert!(kept().await >= 1_000);
    intake.give_up(&sceau_domain::RefusalCode::Unavailable.into()).await;
    assert_eq!(kept().await, 0);
    // The role goes while the file comes.
    let mut intake = h.0.op.start_import(&chef, here(false)).await.unwrap();
    intake.push(many.as_bytes()).await.unwrap();
    h.write(|tx| tx.execute("UPDATE roles SET ended = 1 WHERE role = 'structure'", &[])).await;
    assert_eq!(intake.finish().await.unwrap_err().code.as_str(), "right.missing");
    assert_eq!(kept().await, 0);
    // The process died.
    let mut intake = h.0.op.start_import(&h.0.admin, here(false)).await.unwrap();
    intake.push(many.as_bytes()).await.unwrap();
    drop(intake);
    assert!(kept().await >= 1_000);
    h.0.advance(2 * 3_600);
    h.0.op.housekeeping().await.unwrap();
    assert_eq!(kept().await, 0);
    let imports = h.0.op.imports(&h.0.admin, None, 10).await.unwrap();
    let told: Vec<_> = imports.iter().map(|i| (i.state.as_str(), i.reason.as_deref().unwrap_or_default())).collect();
    assert_eq!(
        told,
        [("cancelled", "session.timeout"), ("cancelled", "right.missing"), ("cancelled", "system.unavailable")]
    );
    // Of one that was worked on, the lines are kept for a time, and no longer.
    let (import, _) = run(&h, &h.0.admin.clone(), here(false), &file([line(1)])).await;
    h.0.advance(89 * 86_400);
    h.0.op.housekeeping().await.unwrap();
    assert_eq!(kept().await, 1);
    h.0.advance(2 * 86_400);
    h.0.op.housekeeping().await.unwrap();
    assert_eq!((kept().await, told_count(&h, &import.id).await), (0, 1), "the counts stay");
}

async fn told_count(h: &House, id: &str) -> u64 {
    h.0.op.import(&h.0.admin, id.parse().unwrap()).await.unwrap().done
}

async fn one_line_never_keeps_the_others_waiting(h: House) {
    let chef = h.actor("chef").await;
    // Fields that no index of PostgreSQL would take (2,700 bytes, not to be compressed), that hold separators of ours, that are of other scripts.
    let noise: String = sceau_store::testing::noise(7_000, 9).iter().map(|b| char::from(b'a' + b % 26)).collect();
    let wide = "\u{1F9D1}".repeat(2_500);
    let bad = [
        format!("LONG;Prénom;{noise};;;;;oui;PER;;\n"),
        format!("LONG;Prénom;{};;;;;oui;{};{noise}@{DOMAIN};\n", rpps(300), &noise[..900]),
        format!("{wide};Prénom;{};;;;;oui;;;\n", rpps(301)),
        format!("LONG;Prénom;;;{noise};Aucun ordre;2027-12-31;oui;;;\n"),
        format!("TUBE;Prénom;a|b;;;;;oui;PER|x;a|b@{DOMAIN};\n"),
        "FIN;Prénom;;;L-1;Aucun ordre;9999-12-31;oui;;;\n".into(),
        "FIN;Prénom;;;L-1;Aucun ordre;1969-12-31;oui;;;\n".into(),
        format!("{}\n", ";".repeat(300)),
        "\u{202e}NOM;Prénom;10000000777;;;;;oui;;;\n".into(),
    ];
    let good = [
        line(310),
        format!("Юлия;Лу;{};;;;;oui;;;\n", rpps(311)),
        format!("王;小明;{};;;;;oui;;;\n", rpps(312)),
        line(313),
    ];
    let text = file(bad.iter().cloned().chain(good));
    let (over, lines) = run(&h, &chef, here(false), &text).await;
    assert_eq!((over.state.as_str(), over.wrong, over.done), ("done", bad.len() as u64, 4), "{lines:#?}");
    assert!(lines.iter().filter(|l| l.state == "wrong").all(|l| l.detail.as_ref().is_some_and(|d| d.len() < 1_000)));
    assert_eq!(
        lines[10].login.as_deref(),
        Some(format!("p{}", rpps(311)).as_str()),
        "a name that no address can be made of"
    );
    // A row that the store will not take, whatever is tried: told as ours, and the rest goes on.
    let import = sent(&h.0.op, &chef, here(false), &file([line(320), line(321), line(322)])).await.unwrap();
    let id: i64 = import.id.parse().unwrap();
    h.write(move |tx| {
        let sql = "UPDATE import_lines SET text = REPLACE(text, 'NOM', 'N' || $2) WHERE import_id = $1 AND line = 3";
        // No text of either engine holds a NUL.
        tx.execute(sql, params![id, "\\u0000"])
    })
    .await;
    while h.0.op.run_due_jobs().await.unwrap() > 0 {}
    let (over, lines) = told(&h, &import.id).await;
    assert_eq!((over.state.as_str(), over.done, over.wrong), ("done", 2, 1), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_fails_under_an_import_doubles_and_loses_nothing() {
    let h = House::new(sceau_store::testing::failing_postgres(11).await).await;
    let chef = h.actor("chef").await;
    let people = count(&h, "SELECT COUNT(*) FROM people").await;
    let import = sent(&h.0.op, &chef, here(false), &file((0..20).map(line))).await.unwrap();
    for _ in 0..20 {
        if h.0.op.run_due_jobs().await.unwrap_or(1) == 0 {
            break;
        }
        h.0.advance(120);
    }
    let (over, _) = told(&h, &import.id).await;
    assert_eq!((over.state.as_str(), over.done, over.wrong), ("done", 20, 0));
    assert_eq!(count(&h, "SELECT COUNT(*) FROM people").await, people + 20);
    assert!(!h.0.store.faults().is_empty(), "nothing failed");
}
