//! FETCH: items, sections, partials, BINARY, \Seen, damage.
use crate::client::{Client, one};
use crate::others::traced;
use crate::world::World;
use std::path::Path;
use std::time::Duration;

const ANNE: &str = "anne.martin@alpha.mssante.fr";

const MIXED: &str = "From: Camille Exemple <camille@exemple.fr>\nTo: a@b.example, =?utf-8?q?Z=C3=A9?= <z@b.example>\nSubject: Essai\n\
MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n\
--x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nd=C3=A9j=C3=A0 vu=\n!\n\
--x\nContent-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=a.pdf\n\nAAEC\nAwQ=\n\
--x\nContent-Type: message/rfc822\n\nSubject: dedans\nFrom: d@e.example\n\ntexte\n\
--x\nContent-Type: application/x-odd\nContent-Transfer-Encoding: x-odd\n\n???\n\
--x--\n";

async fn with_mixed(w: &World) -> Client {
    let mut c = Client::inbox(w).await;
    c.append("INBOX", "", MIXED).await;
    c.ok("NOOP").await;
    c
}

#[tokio::test]
async fn structure_and_envelope() {
    let w = World::new().await;
    let mut c = with_mixed(&w).await;
    let all = c.ok("FETCH 1 (ENVELOPE BODYSTRUCTURE)").await;
    let got = one(&all, "* 1 FETCH ");
    assert!(
        got.contains("(NIL \"Essai\" ((\"Camille Exemple\" NIL \"camille\" \"exemple.fr\")) ((\"Camille Exemple\""),
        "{got}"
    );
    assert!(got.contains("((NIL NIL \"a\" \"b.example\")(\"=?utf-8?q?Z=C3=A9?=\" NIL \"z\" \"b.example\"))"), "{got}");
    assert!(got.contains("(\"application\" \"pdf\" (\"name\" \"a.pdf\") NIL NIL \"base64\" 10 NIL (\"attachment\" (\"filename\" \"a.pdf\")) NIL NIL)"), "{got}");
    assert!(got.contains("\"dedans\"") && got.contains(" \"mixed\" (\"boundary\" \"x\") NIL NIL NIL)"), "{got}");
    let all = c.ok("FETCH 1 FULL").await;
    let got = one(&all, "* 1 FETCH ");
    for item in ["FLAGS (", "INTERNALDATE \"", "RFC822.SIZE ", "ENVELOPE (", "BODY (("] {
        assert!(got.contains(item), "{item} {got}");
    }
    assert!(got.contains("FLAGS ()"), "nothing of this sets \\Seen: {got}");
}

#[tokio::test]
async fn sections_and_partials() {
    let w = World::new().await;
    let mut c = with_mixed(&w).await;
    for (item, want) in [
        ("BODY.PEEK[2]", "BODY[2] {10}\r\nAAEC\r\nAwQ="),
        ("BODY.PEEK[3.HEADER.FIELDS (subject)]", "BODY[3.HEADER.FIELDS (subject)] {19}\r\nSubject: dedans\r\n\r\n"),
        ("BODY.PEEK[3.TEXT]", "BODY[3.TEXT] {5}\r\ntexte"),
        ("BODY.PEEK[3.1]", "BODY[3.1] {5}\r\ntexte"),
        (
            "BODY.PEEK[HEADER.FIELDS.NOT (FROM TO MIME-VERSION CONTENT-TYPE)]",
            "BODY[HEADER.FIELDS.NOT (FROM TO MIME-VERSION CONTENT-TYPE)] {18}\r\nSubject: Essai\r\n\r\n",
        ),
        ("BODY.PEEK[]<0.5>", "BODY[]<0> {5}\r\nFrom:"),
        ("BODY.PEEK[HEADER]<6.7>", "BODY[HEADER]<6> {7}\r\nCamille"),
        ("BODY.PEEK[9]", "BODY[9] NIL"),
        ("BODY.PEEK[1.TEXT]", "BODY[1.TEXT] NIL"),
        ("BODY.PEEK[2.MIME]<0.7>", "BODY[2.MIME]<0> {7}\r\nContent"),
        ("BODY.PEEK[1]<100000.7>", "BODY[1]<100000> {0}\r\n"),
    ] {
        let all = c.ok(&format!("FETCH 1 {item}")).await;
        assert_eq!(one(&all, "* 1 FETCH "), format!("* 1 FETCH ({want})"), "{item}");
    }
    let all = c.ok("FETCH 1 (RFC822.HEADER RFC822.TEXT RFC822)").await;
    let got = one(&all, "* 1 FETCH (");
    assert!(got.contains("RFC822.HEADER {") && got.contains("RFC822.TEXT {") && got.contains(" RFC822 {"));
    assert!(got.ends_with("--x--\r\n FLAGS (\\Seen))"), "{got}");
}

#[tokio::test]
async fn reading_sets_seen_once() {
    let w = World::new().await;
    let mut c = with_mixed(&w).await;
    c.letter("deux").await;
    // The last one ends with its new flags, the others are told theirs behind it.
    let all = c.ok("FETCH 1:2 (FLAGS BODY[1])").await;
    assert!(all[0].starts_with("* 1 FETCH (FLAGS () BODY[1] {"), "{all:?}");
    assert!(all[1].starts_with("* 2 FETCH (BODY[1] {") && all[1].ends_with(" FLAGS (\\Seen))"), "{all:?}");
    assert_eq!(all[2..], ["* 1 FETCH (UID 1 FLAGS (\\Seen))", "OK FETCH completed"]);
    let all = c.ok("FETCH 1:2 BODY[1]").await;
    assert!(!all.iter().any(|r| r.contains("FLAGS")), "{all:?}");
    let all = c.ok("UID FETCH 1:* FLAGS").await;
    assert_eq!(all[..2], ["* 1 FETCH (UID 1 FLAGS (\\Seen))", "* 2 FETCH (UID 2 FLAGS (\\Seen))"]);
}

#[tokio::test]
async fn binary_is_decoded() {
    let w = World::new().await;
    let mut c = with_mixed(&w).await;
    let all = c.ok("FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[2] BINARY.PEEK[1] BINARY.PEEK[2]<1.3> BINARY.PEEK[9])").await;
    let got = one(&all, "* 1 FETCH ");
    assert_eq!(
        got,
        "* 1 FETCH (BINARY.SIZE[1] 10 BINARY.SIZE[2] 5 BINARY[1] {10}\r\ndéjà vu! BINARY[2]<1> {3}\r\n\u{1}\u{2}\u{3} BINARY[9] NIL)"
    );
    let all = c.ok("FETCH 1 BINARY.PEEK[2]").await;
    assert_eq!(one(&all, "* 1 FETCH "), "* 1 FETCH (BINARY[2] ~{5}\r\n\0\u{1}\u{2}\u{3}\u{4})");
    assert!(c.no("FETCH 1 BINARY[4]").await.contains("[UNKNOWN-CTE]"));
}

#[tokio::test]
async fn many_messages_by_pages() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    let mut all = String::new();
    for n in 0..300 {
        let m = crate::client::letter(&format!("n{n}")).replace('\n', "\r\n");
        all.push_str(&format!("a{n} APPEND INBOX {{{}+}}\r\n{m}\r\n", m.len()));
    }
    // Pipelined.
    c.send(all).await;
    c.until("a299").await;
    let got = c.ok("FETCH 1:* (UID ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)])").await;
    assert_eq!(got.len(), 301);
    for (n, line) in got[..300].iter().enumerate() {
        assert!(line.starts_with(&format!("* {} FETCH (UID {} ENVELOPE (", n + 1, n + 1)), "{line}");
        assert!(line.contains(&format!("\r\nSubject: n{n}\r\n\r\n)")), "{line}");
    }
    c.bad("FETCH 301 FLAGS").await;
    c.bad("FETCH 1:301 FLAGS").await;
    assert_eq!(c.ok("UID FETCH 301:400 FLAGS").await.len(), 1);
    assert_eq!(c.ok("UID FETCH 400:* FLAGS").await.len(), 2);
}

#[tokio::test]
async fn a_damaged_message_keeps_nobody_from_the_others() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    for n in ["un", "deux", "trois", "quatre"] {
        c.letter(n).await;
    }
    c.ok("NOOP").await;
    // Of the second the summary, of the third the content.
    let damage = "UPDATE messages SET %=$1 WHERE id=(SELECT message_id FROM entries WHERE uid=$2)";
    for (column, uid) in [("summary", 2i64), ("blob_key", 3)] {
        let sql = damage.replace('%', column);
        let done = w.store.write(move |tx| tx.execute(&sql, sceau_store::params![&[7u8; 40][..], uid])).await;
        assert_eq!(done.map_err(|e: sceau_store::StoreError| e).unwrap(), 1);
    }
    let told = |all: &[String]| -> Vec<String> {
        all.iter().filter(|r| r.starts_with("* ")).map(|r| r.split(' ').nth(1).unwrap().to_owned()).collect()
    };
    for (command, numbers) in [
        ("FETCH 1:* ENVELOPE", &["1", "3", "4"][..]),
        ("UID FETCH 1:* (UID BODYSTRUCTURE)", &["1", "3", "4"]),
        ("FETCH 1:* BODY.PEEK[]", &["1", "4"]),
        ("FETCH 1:* RFC822.SIZE", &["1", "2", "3", "4"]),
        ("FETCH 1:* PREVIEW", &["1", "2", "3", "4"]),
    ] {
        let all = c.run(command).await;
        assert_eq!(told(&all), numbers, "{command}: {all:?}");
        let good = all.last().unwrap().starts_with("OK ");
        assert!(good == (numbers.len() == 4), "{command}: {all:?}");
        assert!(good || all.last().unwrap().starts_with("NO [CORRUPTION] "), "{command}: {all:?}");
    }
    for (command, answer) in [
        ("SEARCH FROM camille", "* SEARCH 1 3 4"),
        ("SEARCH BODY bonjour", "* SEARCH 1 4"),
        ("SEARCH TEXT trois", "* SEARCH 3"),
        ("SORT (REVERSE SUBJECT) UTF-8 ALL", "* SORT 1 3 4 2"),
    ] {
        assert_eq!(c.ok(command).await[0], answer, "{command}");
    }
    let threads = c.ok("THREAD REFERENCES UTF-8 ALL").await[0].clone();
    assert!(["(1)", "(2)", "(3)", "(4)"].iter().all(|n| threads.contains(n)), "{threads}");
    assert_eq!(c.ok("SEARCH THREADID T00000000000000000000000000").await[0], "* SEARCH");
}

#[tokio::test]
async fn a_range_of_a_decoded_part() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    let lines = "QUJDREVGR0hJ\n".repeat(30_000);
    c.append("INBOX", "", &format!("Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n{lines}"))
        .await;
    c.ok("NOOP").await;
    for (range, want) in [
        ("0.3", "<0> {3}\r\nABC"),
        ("8.4", "<8> {4}\r\nIABC"),
        ("200000.9", "<200000> {9}\r\nCDEFGHIAB"),
        ("269997.900", "<269997> {3}\r\nGHI"),
        ("270000.5", "<270000> {0}\r\n"),
    ] {
        let all = c.ok(&format!("FETCH 1 BINARY.PEEK[1]<{range}>")).await;
        assert_eq!(one(&all, "* 1 FETCH "), format!("* 1 FETCH (BINARY[1]{want})"), "{range}");
    }
    assert_eq!(one(&c.ok("FETCH 1 BINARY.SIZE[1]").await, "* 1 FETCH "), "* 1 FETCH (BINARY.SIZE[1] 270000)");
}

#[tokio::test]
async fn what_nobody_received_is_not_read() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    let big = format!("Subject: gros\n\n{}", format!("{}\n", "x".repeat(98)).repeat(30_000));
    for _ in 0..3 {
        c.append("INBOX", "", &big).await;
    }
    let mut dies = Client::inbox(&w).await;
    let before = traced(&w, "login.ended", "anne", ANNE).await;
    dies.send("a FETCH 1:3 BODY[]\r\n").await;
    assert!(!dies.conn.read_some(1000).await.unwrap().is_empty());
    drop(dies);
    while traced(&w, "login.ended", "anne", ANNE).await == before {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(c.ok("STATUS INBOX (UNSEEN)").await[0], "* STATUS \"INBOX\" (UNSEEN 3)");
    // Who takes them has read them.
    c.ok("FETCH 1:3 BODY[]").await;
    assert_eq!(c.ok("STATUS INBOX (UNSEEN)").await[0], "* STATUS \"INBOX\" (UNSEEN 0)");
}

/// Turns a bit in the last third of each large file below a folder.
fn flip(folder: &Path) -> usize {
    let mut flipped = 0;
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            flipped += flip(&path);
        } else if entry.metadata().unwrap().len() > 100_000 {
            let mut bytes = std::fs::read(&path).unwrap();
            let at = bytes.len() * 3 / 4;
            bytes[at] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            flipped += 1;
        }
    }
    flipped
}

/// Text that does not become smaller.
fn noise(bytes: usize) -> String {
    let mut x = 88_172_645_463_325_252_u64;
    let next = |i: usize| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        if i % 70 == 69 { '\n' } else { char::from(b'!' + (x >> 40) as u8 % 90) }
    };
    (0..bytes).map(next).collect()
}

#[tokio::test]
async fn damage_cuts_a_connection_once_and_is_told_to_the_operator() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    for subject in ["un", "deux"] {
        c.append("INBOX", "", &format!("Subject: {subject}\n\n{}", noise(300_000))).await;
    }
    c.letter("trois").await;
    c.ok("NOOP").await;
    let blobs = w.store.folder().join("blobs");
    assert_eq!(flip(&blobs), 2);
    let alarms = async || {
        let open = w.op.alarms(&w.admin, false).await.unwrap();
        open.iter().filter(|a| a.code == "message.damaged" && a.severity == "critical").count()
    };
    // Within a literal nothing can be said; whoever comes again hears what it is, and nothing was read.
    c.send("a FETCH 1 BODY[]\r\n").await;
    assert_eq!(c.response().await, None);
    let mut c = Client::inbox(&w).await;
    for command in ["FETCH 1 BODY[]", "UID FETCH 1 RFC822", "FETCH 1 BODY[]<0.10>"] {
        let all = c.run(command).await;
        assert!(all.len() == 1 && all[0].starts_with("NO [CORRUPTION] "), "{command}: {all:?}");
    }
    assert_eq!((alarms().await, traced(&w, "message.damaged", "anne", ANNE).await), (1, 1));
    // What is damaged where it begins is told as missing.
    let all = c.run("FETCH 2:3 (UID BODY[TEXT]<200000.10>)").await;
    assert_eq!(all[0], "* 2 FETCH (UID 2 BODY[TEXT]<200000> NIL)");
    assert!(all[1].ends_with(" FLAGS (\\Seen))") && all[2].starts_with("NO [CORRUPTION] "), "{all:?}");
    assert!(c.no("FETCH 2 BINARY.PEEK[1]").await.starts_with("NO [CORRUPTION] "));
    assert_eq!((alarms().await, traced(&w, "message.damaged", "anne", ANNE).await), (2, 2));
    // Envelopes and headers are there.
    assert_eq!(c.ok("FETCH 1:2 (ENVELOPE FLAGS BODY.PEEK[HEADER])").await.len(), 3);
    // Whole again, it serves, and the alarm is over.
    flip(&blobs);
    for n in 1..=2 {
        let all = c.ok(&format!("FETCH {n} BODY.PEEK[]")).await;
        assert!(all[0].len() > 300_000);
    }
    assert_eq!(alarms().await, 0);
}

#[tokio::test]
async fn a_small_message_that_is_damaged_cuts_nothing() {
    let w = World::new().await;
    let mut c = Client::inbox(&w).await;
    for n in ["un", "deux"] {
        c.letter(n).await;
    }
    c.ok("NOOP").await;
    let done = w.store.write(|tx| {
        let of = "(SELECT m.blob_id FROM messages m JOIN entries e ON e.message_id = m.id WHERE e.uid = 1)";
        let found = tx.query(&format!("SELECT inline FROM blobs WHERE id = {of}"), &[])?;
        let mut inline = found[0].bytes(0)?;
        let at = inline.len() / 3;
        inline[at] ^= 1;
        tx.execute(&format!("UPDATE blobs SET inline = $1 WHERE id = {of}"), sceau_store::params![inline.as_slice()])
    });
    assert_eq!(done.await.map_err(|e: sceau_store::StoreError| e).unwrap(), 1);
    let all = c.run("FETCH 1:2 (UID BODY[])").await;
    assert!(all[0].starts_with("* 2 FETCH ") && all[1].starts_with("NO [CORRUPTION] "), "{all:?}");
    assert_eq!(c.ok("FETCH 1:2 FLAGS").await[..2], ["* 1 FETCH (FLAGS ())", "* 2 FETCH (FLAGS (\\Seen))"]);
}
