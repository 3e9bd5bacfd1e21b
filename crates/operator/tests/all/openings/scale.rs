//! Files of many lines: time a line, and memory that does not grow with the file. Small by default; `SCEAU_LONG=1` (`./check long`) takes a file of
//! 10,000 people (`SCEAU_PEOPLE`: of so many) and a register of 500,000 lines with the columns of the national extraction, and prints what it took.
//! (100,000 people go through the command line of a release build, in the end-to-end tests: a debug build and PostgreSQL would take the hour.)
use crate::openings::House;
use sceau_domain::reference::Layout;
use sceau_operator::imports::NewImport;
use sceau_operator::reference::NewReference;
use sceau_testkit::people_file::{letters, rpps};
use std::fmt::Write;
use std::time::Instant;

each_engine!(many_people_and_a_whole_register);

/// The columns of the extraction, as its public description names them; the register's importer finds its own among them.
const COLUMNS: &str = "Type de BAL|Adresse BAL|Type Identifiant PP|Identifiant PP|Identification nationale PP|Type identifiant structure|\
     Identification Structure|Service de rattachement|Civilité d'exercice|Nom d'exercice|Prénom d'exercice|Catégorie profession|\
     Libellé de catégorie profession|Code Profession|Libellé Profession|Code savoir-faire|Libellé savoir-faire|Dématérialisation|\
     Raison Sociale structure BAL|Enseigne commerciale structure BAL|L2COMPLEMENTLOCALISATION|L3COMPLEMENTDISTRIBUTION|L4NUMEROVOIE|\
     L4COMPLEMENTNUMEROVOIE|NL4TYPEVOIE|L4LIBELLEVOIE|L5LIEUDITMENTION|L6LIGNEACHEMINEMENT|Code postal|Département|Pays\n";

fn entry(out: &mut String, n: usize) {
    let id = rpps(n);
    writeln!(
        out,
        "PER|prenom.nom{n}@medecin.mssante.fr|8|{id}|8{id}|1|010000{:03}|Service {n}|DR|NOM-{}|Prénom|C|Civil|10|Médecin|SM{:02}|\
         Qualifié en spécialité {n}|O|CENTRE HOSPITALIER {n}|||Bâtiment A|{}||RUE|DE L'EXEMPLE||69000 LYON|69000|69|FRANCE",
        n % 1000,
        letters(n),
        n % 60,
        n % 300
    )
    .unwrap();
}

/// Resident memory of this process, the most so far, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

async fn many_people_and_a_whole_register(h: House) {
    let long = std::env::var_os("SCEAU_LONG").is_some();
    let (people, lines) = if long { (10_000, 500_000) } else { (200, 3_000) };
    let people = std::env::var("SCEAU_PEOPLE").ok().map_or(people, |n| n.parse().expect("a number of people"));
    let before = peak();
    let mut told = format!("memory before {before} MiB");
    // The register, piece by piece as it would come.
    let (op, root) = (&h.0.op, &h.0.admin);
    let begun = Instant::now();
    let new = NewReference { name: "rpps".into(), source: "essai".into(), layout: Layout::of("rpps") };
    let mut intake = op.import_reference(root, new).await.unwrap();
    intake.push(COLUMNS.as_bytes()).await.unwrap();
    let (mut text, mut bytes) = (String::new(), 0);
    for n in 0..lines {
        entry(&mut text, n);
        if text.len() > 64 << 10 || n + 1 == lines {
            bytes += text.len();
            intake.push(text.as_bytes()).await.unwrap();
            text.clear();
        }
    }
    let (table, faults) = intake.finish().await.unwrap();
    assert_eq!((table.entries, faults.len()), (lines as u64, 0));
    write!(told, "; register of {lines} lines, {} MB: {:.1?}, {} MiB", bytes / 1_000_000, begun.elapsed(), peak())
        .unwrap();
    let (found, begun) =
        (op.reference(root, "rpps", Some(&format!("nom {}", letters(1_234))), None, 10).await.unwrap(), Instant::now());
    assert!(found.iter().any(|e| e.code == rpps(1_234)), "{found:?}");
    write!(told, ", one found by name in {:.1?}", begun.elapsed()).unwrap();

    // People with a BAL each, received, tried, carried out.
    let chef = h.actor("chef").await;
    for dry in [true, false] {
        let begun = Instant::now();
        let new = NewImport { structure: Some("hopital".into()), dry, certified: true, ..NewImport::default() };
        let mut intake = op.start_import(&chef, new).await.unwrap();
        intake.push("Nom;Prénom;RPPS;Habilité;Nature de BAL;Fonction;Service\n".as_bytes()).await.unwrap();
        for n in 0..people {
            writeln!(text, "NOM-{};Prénom;{};oui;PER;Interne;Service {}", letters(n), rpps(n), n % 40).unwrap();
            if text.len() > 64 << 10 || n + 1 == people {
                intake.push(text.as_bytes()).await.unwrap();
                text.clear();
            }
        }
        let import = intake.finish().await.unwrap();
        write!(told, "; {people} people received in {:.1?}", begun.elapsed()).unwrap();
        let (begun, (reads, writes)) = (Instant::now(), h.0.store.statements());
        while op.run_due_jobs().await.unwrap() > 0 {}
        let (reads, writes) = (h.0.store.statements().0 - reads, h.0.store.statements().1 - writes);
        let over = op.import(root, import.id.parse().unwrap()).await.unwrap();
        assert_eq!((over.state.as_str(), over.done, over.wrong), ("done", people as u64, 0));
        let what = if dry { "tried" } else { "carried out" };
        let a_line = (reads + writes) / people as u64;
        assert!(a_line < 75, "{a_line} statements a line: what is the same for all lines is asked for each");
        write!(told, ", {what} in {:.1?}, {} MiB, {a_line} statements a line", begun.elapsed(), peak()).unwrap();
    }
    // All of them were looked up in the register.
    let begun = Instant::now();
    h.0.advance(3_700);
    while op.run_due_jobs().await.unwrap() > 0 {}
    write!(told, "; looked up in the register in {:.1?}", begun.elapsed()).unwrap();
    println!("{told}");
    let grown = peak() - before;
    assert!(grown < 100, "memory grows with the file: {told}");
}
