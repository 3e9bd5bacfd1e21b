//! Documents of strangers, opened by the built program's `sceau extract`: good ones give their text, hostile ones cost their own text
//! and nothing else, in bounded time and memory, and the parent goes on.
mod documents;

use documents::{Pdf, cda, deflated, stream, zip};
use sceau_e2e::proves;
use sceau_e2e::sandbox::sceau;
use sceau_extract::{Extracted, Extractor, Limits, Why};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bounds of the tests. Twelve megabytes are read by a program without optimisation in a second or two, so the time is ample.
fn limits() -> Limits {
    Limits { cpu: 20, deadline: Duration::from_secs(60), memory: 256 << 20, ..Limits::default() }
}

/// A document that may be a loop: found out after a second of processor time.
fn impatient() -> Limits {
    Limits { cpu: 1, ..limits() }
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime").block_on(work)
}

fn extracted(name: &str, content: &[u8], limits: Limits) -> Extracted {
    let extractor = Extractor::new(sceau(), limits);
    block(extractor.text("application/octet-stream", name, content.to_vec()))
}

#[track_caller]
fn words(name: &str, content: &[u8], expected: &[&str]) {
    match extracted(name, content, limits()) {
        Extracted::Text(text) => {
            let found: Vec<&str> = text.split_whitespace().collect();
            for word in expected {
                assert!(found.contains(word), "{name}: {word:?} is not in {text:?}");
            }
        }
        Extracted::NoText(why) => panic!("{name}: {why:?}"),
    }
}

fn report() -> Vec<u8> {
    Pdf::text("Compte rendu d\u{92}hospitalisation : glyc\u{e9}mie \u{e0} 1,05 g/l").bytes()
}

#[test]
fn reports_of_every_format_are_read() {
    let _proof = proves(&[], "extract");
    words("cr.pdf", &report(), &["d’hospitalisation", "glycémie", "1,05"]);
    words("unicode.pdf", &Pdf::mapped("Œdème").bytes(), &["Œdème"]);
    words("packed.pdf", &Pdf::packed("Ordonnance").bytes(), &["Ordonnance"]);
    words("CDA.XML", cda().as_bytes(), &["277076322082910", "CORSE", "Glycémie", "1,05"]);
    let xdm = zip(&[
        ("INDEX.HTM", b"<html><p>Transmission s&eacute;curis&eacute;e</p></html>".as_slice()),
        ("README.TXT", b"Cr\xe9\xe9 par le laboratoire"),
        ("IHE_XDM/SUBSET01/METADATA.XML", b"<a><b>m\xc3\xa9tadonn\xc3\xa9es</b></a>"),
        ("IHE_XDM/SUBSET01/CDA.XML", cda().as_bytes()),
        ("IHE_XDM/SUBSET01/CR.PDF", &report()),
    ]);
    let all = ["sécurisée", "Créé", "métadonnées", "CORSE", "glycémie", "IHE_XDM/SUBSET01/CR.PDF"];
    words("IHE_XDM.ZIP", &xdm, &all);
    words("dossier.zip", &zip(&[("IHE_XDM.ZIP", &xdm)]), &all);
    let docx = zip(&[
        ("[Content_Types].xml", b"<Types/>".as_slice()),
        ("word/document.xml", "<d><p><t>Ordon</t><t>nance é</t></p></d>".as_bytes()),
    ]);
    words("lettre.docx", &docx, &["Ordonnance", "é"]);
    words("lettre.rtf", br"{\rtf1\ansi M\'e9decin traitant\par}", &["Médecin", "traitant"]);
    words("resultats.hpr", b"H|~^\\&|labo|\xe9lev\xe9e", &["H|~^\\&|labo|élevée"]);
}

/// Watches this process's children while it works.
#[derive(Default)]
struct Watch {
    /// Highest resident size of one, bytes.
    peak: AtomicU64,
    /// Most at once.
    children: AtomicU64,
}

impl Watch {
    fn over<T>(work: impl FnOnce() -> T) -> (T, u64, u64) {
        let (watch, done) = (Self::default(), AtomicBool::new(false));
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    watch.look();
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
            let result = work();
            done.store(true, Ordering::Relaxed);
            result
        });
        (result, watch.peak.into_inner(), watch.children.into_inner())
    }
    fn look(&self) {
        let mut alive = 0;
        for task in std::fs::read_dir("/proc/self/task").expect("tasks").flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for pid in children.split_whitespace() {
                let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
                let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
                let kib: u64 = line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or_default();
                self.peak.fetch_max(kib << 10, Ordering::Relaxed);
                alive += 1;
            }
        }
        self.children.fetch_max(alive, Ordering::Relaxed);
    }
}

/// A hostile document gives no text of `secret`, or a bounded one; in bounded time and memory; and the next one is read.
#[track_caller]
fn costs_only_itself(what: &str, name: &str, content: &[u8], expected: &[Result<(), Why>]) {
    let limits = if expected.contains(&Err(Why::Time)) { impatient() } else { limits() };
    assert!(content.len() < limits.input, "{what}: {} bytes", content.len());
    let begun = Instant::now();
    let (answer, peak, _) = Watch::over(|| extracted(name, content, limits));
    let outcome = match &answer {
        Extracted::Text(text) => {
            assert!(text.len() <= limits.text, "{what}");
            Ok(())
        }
        Extracted::NoText(why) => Err(*why),
    };
    eprintln!("{what}: {outcome:?}, {} MiB, {:?}, of {} bytes", peak >> 20, begun.elapsed(), content.len());
    assert!(expected.contains(&outcome), "{what}: {outcome:?}");
    assert!(peak <= limits.memory, "{what}: {} MiB", peak >> 20);
    words("cr.pdf", &report(), &["glycémie"]);
}

const DIES: [Result<(), Why>; 3] = [Err(Why::Crashed), Err(Why::Time), Err(Why::Broken)];

#[test]
fn loops_end() {
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>";
    let mut cycle = Pdf::new();
    cycle.object(1, "<< /Type /Catalog /Pages 2 0 R >>");
    cycle.object(2, "<< /Type /Pages /Kids [2 0 R 3 0 R 2 0 R] /Count 2 /Parent 2 0 R >>");
    cycle.object(3, page);
    cycle.object(4, stream("", b"BT (x) Tj ET"));
    costs_only_itself(
        "a tree of pages that holds itself",
        "a.pdf",
        &cycle.bytes(),
        &[Ok(()), DIES[0], DIES[1], DIES[2]],
    );
    let mut parent = Pdf::new();
    parent.object(1, "<< /Type /Catalog /Pages 2 0 R >>");
    parent.object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 /Parent 5 0 R >>");
    parent.object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>");
    parent.object(4, stream("", b"BT (x) Tj ET"));
    parent.object(5, "<< /Parent 2 0 R >>");
    costs_only_itself("parents that are each other's", "a.pdf", &parent.bytes(), &DIES);
    let mut form = Pdf::text("x");
    form.object(4, stream("", b"/F Do"));
    form.object(
        3,
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /F 6 0 R >> >> >>",
    );
    form.object(
        6,
        stream(
            "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F 6 0 R >> >>",
            b"/F Do /F Do",
        ),
    );
    costs_only_itself("a drawing that draws itself", "a.pdf", &form.bytes(), &DIES);
    let mut wide = Pdf::text("x");
    let page =
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /F 6 0 R >> >> >>";
    wide.object(3, page);
    wide.object(4, stream("", b"/F Do"));
    for n in 6..46 {
        let next =
            format!("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F {} 0 R >> >>", n + 1);
        wide.object(n, stream(&next, b"/F Do /F Do"));
    }
    wide.object(46, stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << >>", b""));
    costs_only_itself("a drawing of two drawings of two, forty times", "a.pdf", &wide.bytes(), &[Err(Why::Time)]);
    let mut leaves = Pdf::text("x");
    for n in 6..46 {
        leaves.object(n, format!("<< /Type /Pages /Kids [{0} 0 R {0} 0 R] /Count 2 /Parent 2 0 R >>", n + 1));
    }
    leaves.object(46, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>");
    leaves.object(2, "<< /Type /Pages /Kids [6 0 R] /Count 1 >>");
    costs_only_itself(
        "pages of two pages of two, forty times",
        "a.pdf",
        &leaves.bytes(),
        &[Ok(()), DIES[0], DIES[1], DIES[2]],
    );
    let mut length = Pdf::text("x");
    length.object(4, "<< /Length 4 0 R >>\nstream\nBT ET\nendstream");
    costs_only_itself(
        "a stream that is its own length",
        "a.pdf",
        &length.bytes(),
        &[Ok(()), DIES[0], DIES[1], DIES[2]],
    );
    let prev = [
        b"%PDF-1.4\n".as_slice(),
        b"xref\n0 1\n0000000000 65535 f \ntrailer << /Size 1 /Prev 9 /Root 1 0 R >>\nstartxref\n9\n%%EOF",
    ]
    .concat();
    costs_only_itself("a table that goes before itself", "a.pdf", &prev, &DIES);
}

#[test]
fn what_is_deep_ends() {
    for (what, open) in [("arrays", "["), ("dictionaries", "<< /a "), ("strings", "(")] {
        let mut deep = Pdf::text("x");
        deep.object(3, open.repeat(1_000_000));
        costs_only_itself(&format!("a million {what} in each other"), "a.pdf", &deep.bytes(), &DIES);
        let mut content = Pdf::text("x");
        content.object(4, stream("", open.repeat(1_000_000).as_bytes()));
        costs_only_itself(
            &format!("likewise on a page: {what}"),
            "a.pdf",
            &content.bytes(),
            &[Ok(()), DIES[0], DIES[1], DIES[2]],
        );
    }
    let excess = [Err(Why::Excess)];
    costs_only_itself("a million elements in each other", "a.xml", &b"<a>".repeat(1_000_000), &excess);
    costs_only_itself(
        "likewise, as XML",
        "a.xml",
        &[b"<?xml version='1.0'?>".to_vec(), b"<a>".repeat(1_000_000)].concat(),
        &excess,
    );
    costs_only_itself("a million groups", "a.rtf", &[b"{\\rtf1 ".to_vec(), b"{".repeat(1_000_000)].concat(), &excess);
}

#[test]
fn expansion_is_bounded() {
    let mut bomb = Pdf::text("x");
    let zeros = deflated(&[0; 1 << 20], 400);
    bomb.object(4, stream("/Filter /FlateDecode", &zeros));
    costs_only_itself("a page of four hundred megabytes of zeros", "a.pdf", &bomb.bytes(), &DIES);
    let text = deflated(&b"BT /F1 12 Tf (glycemie ) Tj ET ".repeat(1 << 15), 64);
    bomb.object(4, stream("/Filter /FlateDecode", &text));
    costs_only_itself("a page of sixty megabytes of text", "a.pdf", &bomb.bytes(), &DIES);
    let zeros = vec![0; 50 << 20];
    let flat = zip(&[("a.txt", zeros.as_slice()), ("b.txt", b"lisible")]);
    costs_only_itself("an entry that packs 1:1000", "a.zip", &flat, &[Ok(())]);
    words("a.zip", &flat, &["a.txt", "b.txt", "lisible"]);
    let mut nested = zip(&[("a.txt", b"fond".as_slice())]);
    for _ in 0..10 {
        nested = zip(&[("a.zip", nested.as_slice()), ("b.zip", nested.as_slice()), ("c.txt", b"surface")]);
    }
    costs_only_itself("archives in archives", "a.zip", &nested, &[Ok(())]);
    words("a.zip", &nested, &["surface"]);
    let many: Vec<(String, &[u8])> = (0..50_000).map(|i| (format!("{i}.txt"), b"x".as_slice())).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    costs_only_itself("fifty thousand entries", "a.zip", &zip(&many), &[Err(Why::Excess)]);
    let laughs = "<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a 'haha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>\
                  <!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]><l>&d;</l>";
    costs_only_itself("a billion laughs", "a.xml", laughs.as_bytes(), &[Err(Why::Excess)]);
    costs_only_itself(
        "more text than anybody reads",
        "a.xml",
        &[b"<?xml version='1.0'?><a>".to_vec(), b"mot ".repeat(3 << 20), b"</a>".to_vec()].concat(),
        &[Ok(())],
    );
}

#[test]
fn what_is_declared_is_not_allocated() {
    for (what, declared) in [
        ("a long stream", "<< /Length 99999999999 >>\nstream\nx\nendstream"),
        ("a negative one", "<< /Length -1 >>\nstream\nx\nendstream"),
        (
            "a wide image",
            "<< /Length 1 /Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 2147483647 /Colors 255 /BitsPerComponent 255 >> >>\nstream\nx\nendstream",
        ),
    ] {
        let mut pdf = Pdf::text("x");
        pdf.object(4, declared);
        costs_only_itself(what, "a.pdf", &pdf.bytes(), &[Ok(()), DIES[0], DIES[1], DIES[2]]);
    }
    let table = b"%PDF-1.5\nxref\n0 4294967295\n0000000000 65535 f \ntrailer << /Size 4294967295 /Root 1 0 R >>\nstartxref\n9\n%%EOF";
    costs_only_itself("a table of four billion", "a.pdf", table, &DIES);
    let streamed = b"%PDF-1.5\n1 0 obj << /Type /XRef /Size 4000000000 /W [8 8 8] /Index [0 4000000000] /Length 9 >>\nstream\n123456789\nendstream endobj\nstartxref\n9\n%%EOF";
    costs_only_itself("a stream of four billion", "a.pdf", streamed, &DIES);
    // A stored entry whose sizes say four gigabytes.
    let mut lie = zip(&[("a.txt", b"x".as_slice())]);
    for at in 0..lie.len() - 8 {
        if lie[at..].starts_with(b"PK\x01\x02") {
            lie[at + 20..at + 28].fill(0xfe);
        }
    }
    costs_only_itself("an entry of four gigabytes", "a.zip", &lie, &[Ok(()), Err(Why::Broken)]);
    for cut in [1, 10, 100, 300] {
        let whole = report();
        costs_only_itself("half a document", "a.pdf", &whole[..whole.len() - cut], &[Ok(()), Err(Why::Broken)]);
        let whole = zip(&[("a.txt", b"x".repeat(300).as_slice())]);
        costs_only_itself(
            "half an archive",
            "a.zip",
            &whole[..whole.len().saturating_sub(cut).max(4)],
            &[Err(Why::Broken)],
        );
    }
}

/// A program that behaves in its own way when it is asked to extract.
fn script(folder: &Path, lines: &str) -> Extractor {
    let path = folder.join("program");
    std::fs::write(&path, format!("#!/bin/sh\nPATH=/bin:/usr/bin\n{lines}\n")).expect("script");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    Extractor::new(path, Limits { deadline: Duration::from_secs(1), ..limits() })
}

#[test]
fn a_child_gone_mad_is_stopped() {
    let folder = tempfile::tempdir().expect("folder");
    let large = [b"%PDF-1.4\n".to_vec(), vec![b' '; 8 << 20]].concat();
    for (what, lines, why) in [
        ("writes without end", "exec cat /dev/zero", &[Why::Crashed, Why::Time][..]),
        ("says nothing", "exec sleep 100", &[Why::Time]),
        ("reads and says nothing", "cat >/dev/null; exec sleep 100", &[Why::Time]),
        ("ends at once", "exit 0", &[Why::Crashed]),
        ("is killed", "kill -9 $$", &[Why::Crashed]),
        ("uses too much time", "kill -XCPU $$", &[Why::Time]),
        ("lies about its length", "cat >/dev/null; printf '\\000\\377\\377\\377\\377abc'", &[Why::Crashed]),
        ("leaves someone holding its pipe", "sleep 3 & exit 0", &[Why::Time]),
    ] {
        let extractor = script(folder.path(), lines);
        let begun = Instant::now();
        match block(extractor.text("application/pdf", "a.pdf", large.clone())) {
            Extracted::NoText(found) => assert!(why.contains(&found), "{what}: {found:?}"),
            Extracted::Text(text) => panic!("{what}: {text:?}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
    }
    let none = Extractor::new(folder.path().join("missing"), limits());
    assert_eq!(block(none.text("", "a.pdf", report())), Extracted::NoText(Why::Unavailable));
}

#[test]
fn many_at_once_are_a_few_children() {
    let extractor = Extractor::new(sceau(), impatient());
    let hostile = [b"%PDF-1.4\n1 0 obj ".to_vec(), vec![b'['; 500_000]].concat();
    let ((), _, children) = Watch::over(|| {
        block(async {
            let ask = |i: usize| {
                let (extractor, document) =
                    (extractor.clone(), if i.is_multiple_of(3) { hostile.clone() } else { report() });
                tokio::spawn(async move { extractor.text("", "a.pdf", document).await })
            };
            let asked: Vec<_> = (0..24).map(ask).collect();
            for (i, answer) in asked.into_iter().enumerate() {
                let answer = answer.await.expect("answer");
                assert_eq!(matches!(answer, Extracted::Text(_)), i % 3 != 0, "{i}: {answer:?}");
            }
        });
    });
    assert!((1..=2).contains(&children), "{children} children at once");
}

#[test]
fn the_child_gives_up_what_it_does_not_need() {
    // Files and sockets that a parent has open are none of its child's.
    let _file = std::fs::File::open("/proc/self/status").expect("file");
    let _socket = std::net::TcpListener::bind("127.0.0.1:0").expect("socket");
    // Through a shell that leaves descriptors open, as a library without O_CLOEXEC or a careless starter would.
    let mut child = Command::new("/bin/sh")
        .args(["-c", "exec 7</dev/zero 9>/dev/null; exec \"$0\" extract"])
        .arg(sceau())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("child");
    let proc = format!("/proc/{}", child.id());
    let read = |name: &str| std::fs::read_to_string(format!("{proc}/{name}")).unwrap_or_default();
    // It waits for its question once it has confined itself: what it sets last is seen.
    sceau_e2e::wait::until("the child's limits", 20, || {
        let limits = read("limits");
        limits.lines().any(|l| l.starts_with("Max cpu time") && l.split_whitespace().any(|w| w == "60")).then_some(())
    });
    let limits = read("limits");
    let hard = |what: &str| {
        let line = limits.lines().find_map(|l| l.strip_prefix(what)).unwrap_or_else(|| panic!("{what}: {limits}"));
        line.split_whitespace().nth(1).expect("a hard limit").to_owned()
    };
    assert_eq!(
        [hard("Max open files"), hard("Max processes"), hard("Max core file size"), hard("Max file size")],
        ["3", "0", "0", "0"]
    );
    assert_eq!(hard("Max address space"), (1_u64 << 30).to_string());
    let status = read("status");
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    for set in ["CapEff", "CapPrm", "CapInh"] {
        assert!(status.contains(&format!("{set}:\t0000000000000000")), "{status}");
    }
    assert_eq!(status.lines().find(|l| l.starts_with("Threads:")), Some("Threads:\t1"));
    // Seen by root only. Neither ours nor what others left open to everybody: the shell passed one on purpose.
    let entries = std::fs::read_dir(format!("{proc}/fd")).into_iter().flatten().flatten();
    let open: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    let more: Vec<&String> = open.iter().filter(|fd| !["0", "1", "2"].contains(&fd.as_str())).collect();
    assert!(more.is_empty(), "{more:?}");
    drop(child.stdin.take().map(|mut pipe| pipe.write_all(&[0xff; 64])));
    assert!(!child.wait().expect("ends").success(), "a question that is none");
}
