//! A real clamd beside an operator: what enters and what is sent is read, and nothing passes while it is away.
use sceau_e2e::clamd::{Clamd, OURS, eicar};
use sceau_e2e::letter::{base64, unique};
use sceau_e2e::{Mailbox, Sandbox, curl, proves, wait};
use serde_json::Value;

/// A ZIP archive whose entry says that it is encrypted.
const SECRET: &[u8] = b"PK\x03\x04\x14\0\x01\0\0\0\0\0\0\0\x01\x02\x03\x04\x01\0\0\0\x01\0\0\0\x01\0\0\0aA\
    PK\x01\x02\x14\x03\x14\0\x01\0\0\0\0\0\0\0\x01\x02\x03\x04\x01\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a\
    PK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0\x20\0\0\0\0\0";

/// A message with an attachment. Its first field is none by which engines know a mail. Message-ID and bytes.
fn with(from: &str, attached: &[u8]) -> (String, Vec<u8>) {
    with_all(from, &[attached])
}

/// A message with several.
fn with_all(from: &str, attached: &[&[u8]]) -> (String, Vec<u8>) {
    let id = format!("<{}@exemple.fr>", unique());
    let mut text = format!(
        "X-Premier: champ\r\nFrom: {from}\r\nSubject: pi=?utf-8?q?=C3=A8?=ce jointe\r\nDate: Sat, 21 Nov 2026 08:00:00 +0100\r\nMessage-ID: {id}\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n"
    );
    for attached in attached {
        let head = "Content-Type: application/octet-stream; name=piece.bin\r\nContent-Transfer-Encoding: base64";
        text += &format!("--b\r\n{head}\r\n\r\n{}\r\n", base64(attached));
    }
    text += "--b--\r\n";
    (id, text.into_bytes())
}

fn codes(alarms: &Value) -> Vec<&str> {
    let all = alarms.as_array().expect("alarms").iter().filter_map(|a| a["code"].as_str());
    all.filter(|c| c.starts_with("antivirus.")).collect()
}

#[test]
fn nothing_passes_unread() {
    let _proof = [
        proves(&["F067", "F068", "F209"], "smtp"),
        proves(&["F067", "F068", "F209"], "submission"),
        proves(&["F209"], "cli"),
        proves(&["F209"], "imap"),
    ];
    let mut clamd = Clamd::start(30);
    let mut sandbox = Sandbox::start();
    // The sandbox says that it scans nothing, and why.
    let off = sandbox.a().cli(&["antivirus", "status"]);
    assert_eq!((off["state"].as_str(), off["why"].as_str()), (Some("off"), Some("sandbox")));
    let setting = format!("clamd = \"unix:{}\"", clamd.socket().display());
    sandbox.configure(0, &[("off = \"sandbox\"", &setting), ("[abuse]\nenabled = false", "[abuse]\nenabled = true")]);
    sandbox.read_again();
    let (a, b) = (sandbox.a(), sandbox.b());
    let (marie, paul, neighbour) = (a.account("Per", 0), a.account("Per", 1), b.account("Per", 0));
    let status = a.cli(&["antivirus", "status"]);
    for told in ["answers", "takes_largest", "tells_encrypted", "tells_partial"] {
        assert_eq!(status[told], true, "{status:#}");
    }
    assert_eq!(a.cli(&["antivirus", "test"])["eicar"], "Eicar-Test-Signature.UNOFFICIAL");

    // Sent: the user is told by the reply, nobody gets anything.
    // An archive under a password before it is not the engine's last word.
    let (eicar_alone, ours) = (eicar(), [b"avant ", OURS, b" apres"].concat());
    for bad in [&[eicar_alone.as_slice()][..], &[ours.as_slice()], &[SECRET, eicar_alone.as_slice()]] {
        let (_, bytes) = with_all(&marie.address, bad);
        let said = curl::send(&sandbox, a, marie, &[&paul.address, &neighbour.address], &bytes);
        assert!(said.code != 0, "{said:?}");
    }
    let (id, bytes) = with(&marie.address, b"rien de mauvais");
    let _ = curl::send(&sandbox, a, marie, &[&paul.address, &neighbour.address], &bytes).ok();
    curl::wait_for(&sandbox, a, paul, &id);
    curl::wait_for(&sandbox, b, neighbour, &id);
    assert_eq!(curl::search(&sandbox, a, paul, "HEADER X-Premier champ").len(), 1);
    // Filed: likewise.
    let filed =
        Mailbox::open(a, marie, &sandbox.tls(None)).say_literal("APPEND INBOX", &with(&marie.address, &eicar()).1);
    assert!(filed.contains(" NO ") && filed.contains("message.infected"), "{filed}");

    // Received: the sender's operator has it refused, and its user gets the report.
    let (_, bytes) = with(&neighbour.address, &eicar());
    let _ = curl::send(&sandbox, b, neighbour, &[&marie.address], &bytes).ok();
    let report = wait::until("a report of the refusal", 60, || {
        let found = curl::search(&sandbox, b, neighbour, "BODY message.infected");
        curl::fetch(&sandbox, b, neighbour, *found.first()?)
    });
    let report = String::from_utf8_lossy(&report).into_owned();
    assert!(report.contains("554 5.7.0") && report.contains("Eicar-Test-Signature"), "{report}");
    assert!(curl::search(&sandbox, a, marie, "HEADER X-Premier champ").is_empty());
    let traces = a.cli(&["trace", "list", "--act", "mail.infected"]);
    assert_eq!(traces.as_array().map(Vec::len), Some(5), "{traces:#}");
    // Three of them are of one program: somebody will look at it.
    let case = wait::until("a case of abuse", 30, || {
        let cases = a.cli(&["abuse", "list"]);
        cases.as_array()?.iter().find(|c| c["kind"] == "token").cloned()
    });
    assert_eq!(case["signals"][0]["name"], "infected", "{case:#}");
    assert!(codes(&a.cli(&["alarm", "list"])).contains(&"antivirus.infected"));

    // Under a password: taken, and marked.
    let (id, bytes) = with(&neighbour.address, SECRET);
    let _ = curl::send(&sandbox, b, neighbour, &[&marie.address], &bytes).ok();
    let got = curl::wait_for(&sandbox, a, marie, &id);
    assert!(String::from_utf8_lossy(&got).contains("\r\nX-Sceau-Unread: zip (document under a password)\r\n"));

    // Away: submission is asked to come again, the other operator does, and gets through when it is back.
    clamd.stop();
    let (_, bytes) = with(&marie.address, b"pendant la panne");
    assert!(curl::send(&sandbox, a, marie, &[&paul.address], &bytes).code != 0);
    let (id, bytes) = with(&neighbour.address, b"pendant la panne");
    let _ = curl::send(&sandbox, b, neighbour, &[&marie.address], &bytes).ok();
    wait::until("a first attempt", 30, || {
        let queue = b.cli(&["queue", "list"]);
        queue[0]["last_reply"].as_str()?.contains("antivirus.unavailable").then_some(())
    });
    assert!(codes(&a.cli(&["alarm", "list"])).contains(&"antivirus.down"));
    let status = a.cli_text(&["--lang", "fr", "antivirus", "status"]);
    assert!(status.code == 1 && status.err.contains("ne répond pas"), "{status:?}");
    clamd.go_on(1);
    curl::wait_for(&sandbox, a, marie, &id);
    assert!(!codes(&a.cli(&["alarm", "list"])).contains(&"antivirus.down"));
    // It takes a megabyte at most by now: said before a message shows it.
    let status = a.cli_text(&["--lang", "en", "antivirus", "status"]);
    assert!(status.code == 1 && status.err.contains("StreamMaxLength"), "{status:?}");
    assert!(codes(&a.cli(&["alarm", "list"])).contains(&"antivirus.too_small"));
}
