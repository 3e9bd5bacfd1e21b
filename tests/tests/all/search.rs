//! Searching by words, through IMAP and on the built program: French letters, a CDA document, a PDF; found at once, found by the index, found while
//! it is made anew, gone when expunged.
use sceau_e2e::letter::base64;
use sceau_e2e::program::Run;
use sceau_e2e::sandbox::Operator;
use sceau_e2e::schema::assert_fits;
use sceau_e2e::{Mailbox, Peer, Sandbox, proves, wait};
use std::fmt::Write as _;

const OUT: &str = "accueil@clinique-exterieure.mssante.fr";
const ANNE: &str = "anne.legoff@bretagne.mssante.fr";

/// A document of one page in the form that a printer driver writes.
fn pdf(text: &str) -> Vec<u8> {
    let content = format!("BT /F1 12 Tf 72 720 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let (mut out, mut table) = (String::from("%PDF-1.4\n"), String::from("0000000000 65535 f \n"));
    for (i, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", out.len());
        let _ = write!(out, "{} 0 obj\n{object}\nendobj\n", i + 1);
    }
    let start = out.len();
    let _ = write!(out, "xref\n0 6\n{table}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
    out.into_bytes()
}

fn cda(text: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ClinicalDocument xmlns=\"urn:hl7-org:v3\"><title>Compte rendu</title><component>\
         <structuredBody><component><section><title>Conclusion</title><text><paragraph>{text}</paragraph></text></section></component>\
         </structuredBody></component></ClinicalDocument>"
    )
    .into_bytes()
}

/// A letter with an attachment.
fn letter(id: &str, subject: &str, text: &str, attached: Option<(&str, &str, Vec<u8>)>) -> Vec<u8> {
    let mut out = format!(
        "From: Accueil <{OUT}>\r\nTo: <{ANNE}>\r\nSubject: =?UTF-8?B?{}?=\r\nMessage-ID: <{id}@exemple.fr>\r\nDate: Mon, 05 Jan 2026 \
         08:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"f\"\r\n\r\n--f\r\nContent-Type: text/plain; \
         charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        base64(subject.as_bytes()),
        base64(text.as_bytes())
    );
    if let Some((kind, name, bytes)) = attached {
        let _ = write!(
            out,
            "--f\r\nContent-Type: {kind}\r\nContent-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: \
             base64\r\n\r\n"
        );
        for line in base64(&bytes).as_bytes().chunks(76) {
            let _ = write!(out, "{}\r\n", String::from_utf8_lossy(line));
        }
    }
    out.push_str("--f--\r\n");
    out.into_bytes()
}

/// UIDs that a search gives.
fn found(mailbox: &mut Mailbox, keys: &str) -> Vec<u32> {
    let answer = mailbox.ok(&format!("UID SEARCH CHARSET UTF-8 {keys}"));
    let line = answer.lines().find_map(|l| l.strip_prefix("* SEARCH")).unwrap_or_else(|| panic!("{keys}: {answer}"));
    line.split_whitespace().map(|n| n.parse().expect("a UID")).collect()
}

/// Questions as bytes beyond ASCII, which need a literal.
fn fuzzy(mailbox: &mut Mailbox, key: &str, text: &str) -> Vec<u32> {
    found(mailbox, &format!("FUZZY {key} {{{}+}}\r\n{text}", text.len()))
}

/// Every question and its answer.
fn questions(mailbox: &mut Mailbox) {
    for (key, text, uids) in [
        ("TEXT", "hémoglobines", vec![1]),
        ("TEXT", "HEMOGLOBINE ÉLEVÉ", vec![1]),
        ("BODY", "hôpital", vec![1, 2]),
        ("SUBJECT", "resultat", vec![1]),
        ("SUBJECT", "hémoglobine", vec![]),
        ("FROM", "accueil", vec![1, 2, 3]),
        ("TO", "legoff", vec![1, 2, 3]),
        ("BODY", "pneumopathies", vec![2]),
        ("TEXT", "thrombopénie", vec![3]),
        ("TEXT", "CR-sortie.pdf", vec![3]),
        ("TEXT", "ClinicalDocument", vec![]),
        ("TEXT", "introuvable", vec![]),
    ] {
        assert_eq!(fuzzy(mailbox, key, text), uids, "{key} {text}");
    }
    // Without FUZZY a text is a part of what stands in the text parts, letter by letter (RFC 9051).
    assert_eq!(found(mailbox, "BODY moglob"), [1]);
    assert!(found(mailbox, "BODY hemoglobine").is_empty() && found(mailbox, "BODY Thrombop").is_empty());
    assert_eq!(found(mailbox, "OR FUZZY TEXT hemoglobine FUZZY TEXT thrombopenies"), [1, 3]);
    assert_eq!(found(mailbox, "NOT FUZZY TEXT hemoglobine 1:2"), [2]);
    assert_eq!(found(mailbox, "FUZZY (TEXT hopitaux SUBJECT resultats)"), [1]);
    let counted = mailbox.ok("SEARCH RETURN (COUNT) FUZZY TEXT hopital");
    assert!(counted.contains("COUNT 2"), "{counted}");
}

fn indexed(b: &Operator) -> u64 {
    let metrics = Run::of("curl", &["-sS", &format!("http://{}/metrics", b.endpoints.http)]).ok().out;
    let line = metrics.lines().find_map(|l| l.strip_prefix("sceau_search_indexed_total "));
    line.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}

#[test]
fn words_of_letters_and_documents_are_found() {
    let _proof = proves(&["F057"], "imap");
    let sandbox = Sandbox::start();
    let b = sandbox.b();
    let mut mailbox = Mailbox::open(b, b.account("Per", 0), &sandbox.tls(None));
    assert!(mailbox.ok("CAPABILITY").contains(" SEARCH=FUZZY "));
    let first = letter("un", "Résultats d'analyse", "L'hémoglobine est élevée, à revoir à l'hôpital.", None);
    let second = ("text/xml", "CDA.XML", cda("Pneumopathie du lobe inférieur, retour de l&#8217;hôpital."));
    let third = ("application/pdf", "CR-sortie.pdf", pdf("Thrombop\\351nie mod\\351r\\351e"));
    let tls = sandbox.tls(Some(&sandbox.outsider()));
    let mut peer = Peer::secure(&b.endpoints.mx, &tls);
    peer.up_to_data(OUT, &[ANNE]).content(&first).expect("250 2.0.0");
    let mut others = Peer::secure(&b.endpoints.mx, &tls);
    others
        .up_to_data(OUT, &[ANNE])
        .content(&letter("deux", "CDA", "Voir la pièce jointe.", Some(second)))
        .expect("250 2.0.0");
    mailbox.append("INBOX", "", &letter("trois", "PDF", "Voir la pièce jointe.", Some(third)));
    mailbox.ok("SELECT INBOX");
    questions(&mut mailbox);
    wait::until("the index", 60, || (indexed(b) >= 3).then_some(()));
    questions(&mut mailbox);

    // Made anew, watched by a person and by a program; found meanwhile.
    let asked = b.cli(&["reindex", ANNE, "--no-wait"]);
    assert_fits("reindexed", &asked);
    assert_eq!((&asked["bals"], &asked["messages"], &asked["done"]), (&1.into(), &3.into(), &false.into()));
    questions(&mut mailbox);
    let done = b.cli(&["reindex"]);
    assert_fits("reindexed", &done);
    assert_eq!((&done["done"], &done["messages"]), (&true.into(), &3.into()));
    let person = b.cli_text(&["--lang", "fr", "reindex", ANNE]).ok();
    assert!(person.out.contains("Index refaits : 1 BAL, 3 message(s)."), "{person:?}");
    assert!(person.err.contains("100 %") && !person.err.contains('\u{1b}'), "{person:?}");
    let nobody = b.cli_text(&["reindex", "personne@bretagne.mssante.fr"]);
    assert_eq!(nobody.code, 1, "{nobody:?}");
    questions(&mut mailbox);
    let traces = b.cli(&["trace", "list", "--act", "search.reindexed"]);
    assert!(traces.as_array().is_some_and(|t| t.len() >= 3), "{traces}");

    // Gone is gone, at once.
    mailbox.ok("UID STORE 1 +FLAGS (\\Deleted)");
    mailbox.ok("EXPUNGE");
    assert!(fuzzy(&mut mailbox, "TEXT", "hémoglobine").is_empty());
    assert_eq!(fuzzy(&mut mailbox, "BODY", "hopital"), [2]);
}
