//! What we write is read back: by our own scanner and by an independent parser.
use crate::common::{check_laws, scan, slice};
use mail_parser::{MessageParser, MimeHeaders};
use proptest::prelude::*;
use sceau_domain::{Address, Timestamp};
use sceau_message::compose::Compose;
use sceau_message::decode::transfer_decoded;
use sceau_message::header::{decoded, fields, origin};
use sceau_message::report::{Original, RecipientOutcome, Report};

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

const AT: Timestamp = Timestamp(1_788_256_800_000);

fn assert_safe(message: &[u8]) {
    let text = std::str::from_utf8(message).unwrap();
    assert!(text.is_ascii(), "7-bit");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "CRLF only");
    assert_eq!(text.matches('\r').count(), text.matches("\r\n").count(), "CRLF only");
    assert!(text.split("\r\n").all(|l| l.len() <= 998), "line length");
    check_laws(message, &scan(message));
}

/// The value of a field, decoded.
fn value(message: &[u8], name: &str) -> Option<String> {
    let header = scan(message).header;
    fields(&header).find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| decoded(f.value))
}

#[test]
fn a_message_with_attachments_comes_back() {
    let pdf: Vec<u8> = (0..100_000u32).map(|i| (i * 7 % 256) as u8).collect();
    let message = Compose::new("Dr Zoé Lemée, CHU", &address("zoe@hopital.example"), AT, "abc.1")
        .to("", &address("jean@cabinet.example"))
        .to("Dupont \"JD\" Jean", &address("jd@cabinet.example"))
        .cc("Secrétariat", &address("sec@cabinet.example"))
        .subject("Résultats d'analyse de la patiente — à lire avant le rendez-vous de lundi prochain, merci")
        .field("X-MSS-Test", "a\r\nBcc: intrus@x.example")
        .text("Bonjour,\n\nvoici le compte rendu.\n.\nFrom nous\n--=_sceau_abc.1--\n")
        .attach("compte rendu d'opération, très long nom de fichier (définitif) €.pdf", "application/pdf", &pdf)
        .attach("a.txt", "text/plain", b"texte")
        .attach("b", "multipart/mixed", b"")
        .write();
    assert_safe(&message);
    assert_eq!(origin(&scan(&message).header).unwrap().from, address("zoe@hopital.example"));
    assert_eq!(value(&message, "Bcc"), None);
    assert_eq!(value(&message, "Date").as_deref(), Some("Tue, 1 Sep 2026 10:00:00 +0000"));

    let parsed = MessageParser::default().parse(&message).unwrap();
    assert_eq!(
        parsed.subject(),
        Some("Résultats d'analyse de la patiente — à lire avant le rendez-vous de lundi prochain, merci")
    );
    assert_eq!(parsed.from().unwrap().first().unwrap().name(), Some("Dr Zoé Lemée, CHU"));
    let to: Vec<_> = parsed.to().unwrap().iter().map(|a| (a.name(), a.address())).collect();
    assert_eq!(to, [(None, Some("jean@cabinet.example")), (Some("Dupont \"JD\" Jean"), Some("jd@cabinet.example"))]);
    assert_eq!(parsed.message_id(), Some("abc.1@hopital.example"));
    assert_eq!(
        parsed.body_text(0).unwrap(),
        "Bonjour,\r\n\r\nvoici le compte rendu.\r\n.\r\nFrom nous\r\n--=_sceau_abc.1--\r\n"
    );
    let attached: Vec<_> =
        parsed.attachments().map(|a| (a.attachment_name().unwrap().to_owned(), a.contents().to_vec())).collect();
    assert_eq!(attached[0].0, "compte rendu d'opération, très long nom de fichier (définitif) €.pdf");
    assert!(attached[0].1 == pdf);
    assert_eq!(attached[1], ("a.txt".to_owned(), b"texte".to_vec()));
    assert_eq!(attached.len(), 3);
    // and our scanner sees the same name
    assert_eq!(scan(&message).root.children[1].mime.file_name(), Some(attached[0].0.clone()));
}

proptest! {
    #[test]
    fn any_values_make_a_safe_message(name in "\\PC{0,80}", subject in any::<String>(), text in any::<String>(), file in any::<String>(), id in any::<String>()) {
        let message = Compose::new(&name, &address("a@b.example"), AT, &id).to(&subject, &address("c@d.example"))
            .subject(&subject).field(&file, &text).text(&text).attach(&file, &id, text.as_bytes()).write();
        assert_safe(&message);
        let scan = scan(&message);
        prop_assert_eq!(scan.root.children.len(), 2);
        prop_assert_eq!(scan.envelope.from.len(), 1);
        prop_assert_eq!(scan.envelope.from[0].mailbox.as_deref(), Some("a"));
        let content = &scan.root.children[1];
        prop_assert_eq!(transfer_decoded(&content.mime.encoding, slice(&message, content.body)), text.as_bytes());
    }
}

fn outcome(recipient: &str, action: &'static str) -> RecipientOutcome {
    RecipientOutcome {
        recipient: address(recipient),
        original: None,
        action,
        status: "5.1.1".to_owned(),
        remote_mta: Some("mx.cabinet.example".to_owned()),
        diagnostic: Some("550 5.1.1 boîte inconnue".to_owned()),
        will_retry_until: None,
        sentence: ("Cette adresse n'existe pas.".to_owned(), "This address does not exist.".to_owned()),
    }
}

fn report(outcomes: &[RecipientOutcome], header: &[u8]) -> Vec<u8> {
    let message = asked(outcomes, header, None, Original::Header);
    assert_safe(&message);
    message
}

/// A report with what the sender asked for.
fn asked(outcomes: &[RecipientOutcome], header: &[u8], envelope_id: Option<&str>, original: Original<'_>) -> Vec<u8> {
    let (from, to) = (address("postmaster@hopital.example"), address("zoe@hopital.example"));
    let report = Report {
        reporting_mta: "mx.hopital.example",
        from: &from,
        to: &to,
        arrived: AT,
        at: AT.plus_ms(3_600_000),
        id: "r1",
        envelope_id,
        outcomes,
        original_header: header,
        original,
    };
    report.write()
}

#[test]
fn a_report_brings_back_what_was_asked_and_names_it_as_the_sender_did() {
    let original = "utf-8;z\u{e9}@a.test".parse().unwrap();
    let late = RecipientOutcome {
        original: Some(original),
        will_retry_until: Some(AT.plus_ms(86_400_000)),
        status: "4.4.7".into(),
        ..outcome("jean@cabinet.example", "delayed")
    };
    // What looks like our boundary ends nothing.
    let whole = "Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\u{e9}t\u{e9}\r\n--=_r1\r\n";
    let message = asked(&[late], b"Subject: x\r\n\r\n", Some("QQ 314=+"), Original::Full(whole.as_bytes()));
    let found = scan(&message);
    assert_eq!(found.root.children.len(), 3);
    let third = &found.root.children[2];
    assert_eq!((third.mime.kind.as_str(), third.mime.subtype.as_str()), ("message", "rfc822"));
    assert_eq!(slice(&message, third.body), whole.as_bytes());
    let machine = part(&message, 1);
    for needed in [
        "Original-Envelope-Id: QQ 314=+\r\n",
        "Original-Recipient: utf-8;z\\x{E9}@a.test\r\n",
        "Will-Retry-Until: ",
        "Status: 4.4.7",
    ] {
        assert!(machine.contains(needed), "{needed} is missing in {machine}");
    }
    let global =
        asked(&[outcome("a@b.test", "failed")], b"", None, Original::Full("Subject: \u{e9}\r\n\r\nx".as_bytes()));
    assert_eq!(scan(&global).root.children[2].mime.subtype, "global");
}

/// The body of a child part, decoded.
fn part(message: &[u8], index: usize) -> String {
    let part = &scan(message).root.children[index];
    String::from_utf8_lossy(&transfer_decoded(&part.mime.encoding, slice(message, part.body))).into_owned()
}

#[test]
fn a_report_says_the_same_to_people_and_to_programs() {
    let header =
        "From: zoe@hopital.example\r\nSubject: =?utf-8?q?R=C3=A9sultats?=\r\nMessage-ID: <m1@hopital.example>\r\n\r\n";
    let message = report(
        &[outcome("jean@cabinet.example", "failed"), outcome("anne@cabinet.example", "delayed")],
        header.as_bytes(),
    );
    let root = scan(&message).root;
    assert_eq!((&root.mime.kind[..], &root.mime.subtype[..]), ("multipart", "report"));
    assert_eq!(root.mime.parameter("report-type"), Some("delivery-status"));
    let types: Vec<_> = root.children.iter().map(|c| format!("{}/{}", c.mime.kind, c.mime.subtype)).collect();
    assert_eq!(types, ["text/plain", "message/delivery-status", "text/rfc822-headers"]);
    assert_eq!(value(&message, "Auto-Submitted").as_deref(), Some("auto-replied"));
    assert_eq!(value(&message, "In-Reply-To").as_deref(), Some("<m1@hopital.example>"));
    assert_eq!(value(&message, "Subject").as_deref(), Some("Message non remis / Message not delivered : Résultats"));
    assert_eq!(origin(&scan(&message).header).unwrap().from, address("postmaster@hopital.example"));

    let people = part(&message, 0);
    let (french, english) = people.split_once("----- English -----").unwrap();
    assert!(french.contains("n'a pas pu être remis") && french.contains("jean@cabinet.example"), "{french}");
    assert!(
        french.contains("Cette adresse n'existe pas.")
            && french.contains("boîte inconnue")
            && french.contains("01/09/2026 10:00 UTC")
    );
    assert!(french.contains("anne@cabinet.example") && french.contains("Objet de votre message : Résultats"));
    assert!(
        english.contains("could not be delivered")
            && english.contains("This address does not exist.")
            && !english.contains("report.")
    );
    assert!(french.find("jean@") < french.find("anne@"), "what failed stands first");

    assert_eq!(
        part(&message, 1),
        "Reporting-MTA: dns; mx.hopital.example\r\nArrival-Date: Tue, 1 Sep 2026 10:00:00 +0000\r\n\r\n\
         Final-Recipient: rfc822; jean@cabinet.example\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.cabinet.example\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 boite inconnue\r\nLast-Attempt-Date: Tue, 1 Sep 2026 11:00:00 +0000\r\n\r\n\
         Final-Recipient: rfc822; anne@cabinet.example\r\nAction: delayed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.cabinet.example\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 boite inconnue\r\nLast-Attempt-Date: Tue, 1 Sep 2026 11:00:00 +0000\r\n"
    );
    assert_eq!(part(&message, 2), header.strip_suffix("\r\n").unwrap());
}

#[test]
fn a_report_cannot_be_broken_from_outside() {
    let mut bad = outcome("jean@cabinet.example", "failed");
    bad.status = "5.1.1\r\nX: y".to_owned();
    bad.remote_mta = Some("mx\r\nX: y".to_owned());
    bad.diagnostic = Some(format!("550 a\r\n\r\nX: y\0 {}", "z".repeat(5000)));
    bad.sentence = ("une\r\ndeux".to_owned(), String::new());
    let header =
        b"Subject: a\r\n--=_sceau_r1--\r\nX: --=_sceau_r1\r\n\t--=_sceau_r1--\r\nMessage-ID: <a b@c>\r\n\r\nbody\r\n";
    let message = report(&[bad], header);
    assert_eq!(scan(&message).root.children.len(), 3);
    let programs = part(&message, 1);
    assert!(!programs.contains("\r\nX: y") && programs.contains("Status: 5.0.0\r\n"), "{programs}");
    assert_eq!(value(&message, "In-Reply-To"), None);
    assert!(!part(&message, 2).contains("body"));
}

#[test]
fn headers_sent_back_are_bounded_and_7_bit() {
    let long = format!("X-Long: {}\r\n", "x".repeat(5000));
    let many = format!("Subject: a\r\n{}", long.repeat(100));
    let message = report(&[outcome("a@b.example", "failed")], many.as_bytes());
    let back = part(&message, 2);
    assert!(back.len() <= 33 << 10 && back.starts_with("Subject: a\r\nX-Long: x") && back.ends_with("x\r\n"));

    let message = report(&[outcome("a@b.example", "failed")], "Subject: été\r\n\r\n".as_bytes());
    assert_eq!(scan(&message).root.children[2].mime.subtype, "global-headers");
    assert_eq!(part(&message, 2), "Subject: été\r\n");
    let message = report(&[outcome("a@b.example", "failed")], b"Subject: \xe9t\xe9\n\n");
    assert_eq!(scan(&message).root.children[2].mime.subtype, "rfc822-headers");
    let message = report(&[], b"");
    assert_eq!(scan(&message).root.children.len(), 3);
}

#[test]
fn international_recipients_have_their_address_type() {
    let message = report(&[outcome("pénélope+a@hopital.example", "failed")], b"Subject: a\r\n\r\n");
    let programs = part(&message, 1);
    assert!(
        programs.contains("Final-Recipient: utf-8; p\\x{E9}n\\x{E9}lope\\x{2B}a@hopital.example\r\n"),
        "{programs}"
    );
    assert!(part(&message, 0).contains("pénélope+a@hopital.example"));
}

proptest! {
    #[test]
    fn any_outcome_makes_a_safe_report(status in any::<String>(), mta in any::<String>(), diagnostic in any::<String>(), header in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut one = outcome("a@b.example", "failed");
        (one.status, one.remote_mta, one.diagnostic) = (status, Some(mta), Some(diagnostic));
        let message = report(&[one], &header);
        prop_assert_eq!(scan(&message).root.children.len(), 3);
    }
}
