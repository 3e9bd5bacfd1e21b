//! Messages as French health software and mail programs write them, sound and broken: what a reader must get out of each.
//! The people are invented.
use crate::common::{check_laws, scan, scan_by, slice};
use sceau_domain::RefusalCode;
use sceau_message::decode::{to_utf8, transfer_decoded};
use sceau_message::header::{decoded, origin};
use sceau_message::scan::{Limits, Part, Scan};
use sceau_message::summary::Summary;

/// A message, with LF in the source and CRLF on the wire.
fn message(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn read(bytes: &[u8]) -> (Scan, Summary) {
    let whole = scan(bytes);
    check_laws(bytes, &whole);
    assert_eq!(whole, scan_by(bytes, 1, Limits::default()).unwrap());
    let summary = Summary::of(&whole, &Limits::default());
    (whole, summary)
}

/// The text of a part as a person reads it.
fn text(bytes: &[u8], part: &Part) -> String {
    let clear = transfer_decoded(&part.mime.encoding, slice(bytes, part.body));
    to_utf8(part.mime.parameter("charset").unwrap_or(""), &clear)
}

fn subject(scan: &Scan) -> String {
    decoded(scan.envelope.subject.clone().unwrap_or_default().as_bytes())
}

#[test]
fn a_biology_result_with_pdf_and_hl7() {
    let bytes = message(
        "Return-Path: <labo@biologie.mssante.example>
Received: from mx.biologie.mssante.example ([192.0.2.10])
\tby mx.hopital.mssante.example with ESMTPS id 1; Tue, 1 Sep 2026 08:00:00 +0000
Date: Tue, 1 Sep 2026 09:59:58 +0200 (CEST)
From: =?utf-8?Q?Laboratoire_des_Gen=C3=AAts?= <labo@biologie.mssante.example>
To: =?utf-8?B?RHIgWm/DqSBMZW3DqWU=?= <zoe.lemee@hopital.mssante.example>
Subject: =?utf-8?Q?XDM/1.0/DDM+MARTIN_C=C3=A9leste_-_?=
 =?utf-8?Q?r=C3=A9sultat_du_01/09/2026?=
Message-ID: <20260901.1@biologie.mssante.example>
MIME-Version: 1.0
Content-Type: multipart/mixed;
 boundary=\"----=_Part_1_123.456\"

This is a multi-part message in MIME format.
------=_Part_1_123.456
Content-Type: multipart/alternative; boundary=\"----=_Part_1_123.456_alt\"

------=_Part_1_123.456_alt
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Ch=E8re cons=9Cur, voici les r=E9sultats de Mme Martin.=20
=20
Cordialement,

------=_Part_1_123.456_alt
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+Vm9pY2k8L3A+

------=_Part_1_123.456_alt--

------=_Part_1_123.456
Content-Type: application/pdf;
 name*0*=utf-8''r%C3%A9sultat%20;
 name*1*=c%C3%A9leste.pdf
Content-Disposition: attachment;
 filename=\"=?utf-8?Q?r=C3=A9sultat_c=C3=A9leste.pdf?=\"
Content-Transfer-Encoding: base64

JVBERi0xLjQK
------=_Part_1_123.456
Content-Type: application/x-hl7; charset=us-ascii
Content-Disposition: attachment; filename=r.hpr

H|~^\\&|
------=_Part_1_123.456--
",
    );
    let (scan, summary) = read(&bytes);
    assert_eq!(subject(&scan), "XDM/1.0/DDM+MARTIN Céleste - résultat du 01/09/2026");
    assert_eq!((scan.received, scan.header_8bit, scan.body_8bit), (1, false, false));
    assert_eq!(origin(&scan.header).unwrap().from.to_string(), "labo@biologie.mssante.example");
    let alternative = &scan.root.children[0];
    assert_eq!(
        text(&bytes, &alternative.children[0]),
        "Chère consœur, voici les résultats de Mme Martin. \r\n \r\nCordialement,\r\n"
    );
    assert_eq!(text(&bytes, &alternative.children[1]), "<p>Voici</p>");
    let pdf = &scan.root.children[1];
    assert_eq!(pdf.mime.parameter("name"), Some("résultat céleste.pdf"));
    assert_eq!(pdf.mime.file_name().as_deref(), Some("résultat céleste.pdf"));
    assert_eq!(transfer_decoded("base64", slice(&bytes, pdf.body)), b"%PDF-1.4\n");
    assert!(summary.has_attachment);
}

#[test]
fn a_reply_with_an_inline_logo() {
    let bytes = message(
        "From: \"Dupont, Jean\" <jean.dupont@cabinet.mssante.example>
To: labo@biologie.mssante.example (Laboratoire), Équipe: a@b.example;
Subject: RE: r=?iso-8859-15?q?=E9?=sultat
In-Reply-To: <20260901.1@biologie.mssante.example>
References: <20260831.7@biologie.mssante.example>
\t<20260901.1@biologie.mssante.example>
Date: Tue, 1 Sep 2026 10:30:00 +0200
Content-Type: multipart/related; boundary=rel; type=\"text/html\"

--rel
Content-Type: text/html; charset=\"windows-1252\"
Content-Transfer-Encoding: 8bit

<p>Merci \u{80}</p><img src=\"cid:logo\">
--rel
Content-Type: image/png; name=logo.png
Content-ID: <logo>
Content-Disposition: inline; filename=logo.png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--rel--
",
    );
    let (scan, summary) = read(&bytes);
    assert_eq!(subject(&scan), "RE: résultat");
    assert_eq!(summary.references, ["<20260831.7@biologie.mssante.example>", "<20260901.1@biologie.mssante.example>"]);
    assert!(!summary.has_attachment);
    let to: Vec<_> =
        scan.envelope.to.iter().map(|a| (a.name.as_deref(), a.mailbox.as_deref(), a.host.as_deref())).collect();
    assert_eq!(
        to,
        [
            (Some("Laboratoire"), Some("labo"), Some("biologie.mssante.example")),
            (None, Some("Équipe"), None),
            (None, Some("a"), Some("b.example")),
            (None, None, None)
        ]
    );
    assert!(scan.header_8bit && scan.body_8bit);
    assert_eq!(origin(&scan.header).unwrap().from.to_string(), "jean.dupont@cabinet.mssante.example");
}

#[test]
fn a_forwarded_message_and_a_read_receipt() {
    let bytes = message(
        "From: a@b.example
Subject: Tr: compte rendu
Content-Type: multipart/mixed; boundary=\"=-1\"

--=-1
Content-Type: text/plain; charset=utf-8; format=flowed

Ci-joint.
--=-1
Content-Type: message/rfc822
Content-Disposition: attachment; filename=\"compte rendu.eml\"

From: =?utf-8?q?H=C3=A9l=C3=A8ne?= <h@c.example>
To: a@b.example
Subject: compte rendu
Content-Type: multipart/mixed; boundary=\"=-1-1\"

--=-1-1

corps
--=-1-1--
--=-1
Content-Type: message/disposition-notification

Final-Recipient: rfc822; a@b.example
Disposition: manual-action/MDN-sent-manually; displayed
--=-1--
",
    );
    let (scan, summary) = read(&bytes);
    let forwarded = &scan.root.children[1];
    assert_eq!(forwarded.mime.file_name().as_deref(), Some("compte rendu.eml"));
    let envelope = forwarded.envelope.as_ref().unwrap();
    assert_eq!(envelope.from[0].name.as_deref(), Some("=?utf-8?q?H=C3=A9l=C3=A8ne?="));
    assert_eq!(text(&bytes, &forwarded.children[0].children[0]), "corps");
    assert!(slice(&bytes, forwarded.body).ends_with(b"--=-1-1--"));
    assert!(summary.has_attachment);
}

#[test]
fn raw_latin_1_from_an_old_program() {
    let bytes =
        b"From: S\xe9bastien <s@b.example>\r\nSubject: H\xe9moglobine \xe9lev\xe9e\r\nX: 1\r\n\r\nTaux \xe9lev\xe9\r\n";
    let (scan, _) = read(bytes);
    assert_eq!(scan.envelope.subject.as_deref(), Some("Hémoglobine élevée"));
    assert_eq!(scan.envelope.from[0].name.as_deref(), Some("Sébastien"));
    assert_eq!(text(bytes, &scan.root), "Taux élevé\r\n");
    assert_eq!(
        origin(&scan.header),
        Err(RefusalCode::HeaderMalformed),
        "a sender's name must be readable one way only"
    );
}

#[test]
fn a_message_cut_in_its_attachment() {
    let bytes = message(
        "From: a@b.example
Content-Type: multipart/mixed; boundary=zz

--zz
Content-Type: text/plain

Voici la radio.
--zz
Content-Type: image/jpeg; name=\"radio.jpg
Content-Transfer-Encoding: base64

/9j/4AAQSk",
    );
    let (scan, summary) = read(&bytes);
    assert_eq!(scan.root.children.len(), 2);
    let radio = &scan.root.children[1];
    assert_eq!(
        (&radio.mime.subtype[..], radio.mime.file_name().as_deref(), radio.lines),
        ("jpeg", Some("radio.jpg"), 1)
    );
    assert_eq!(transfer_decoded("base64", slice(&bytes, radio.body)), [0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0x4a]);
    assert!(summary.has_attachment);
}

#[test]
fn a_header_full_of_mistakes() {
    let bytes = message(
        ">From ici
From: a@b.example
Sans deux-points
 et sa suite
Content-Type: text/plain;; charset=\"utf-8
Content-Transfer-Encoding: 8-bit
To: <jean@c.example, \"Anne <anne@c.example>
Subject:
 \t
Date: hier

été
",
    );
    let (scan, _) = read(&bytes);
    assert_eq!((scan.envelope.subject.as_deref(), scan.envelope.date.as_deref()), (None, Some("hier")));
    assert_eq!(scan.envelope.to[0].mailbox.as_deref(), Some("jean"));
    assert_eq!(scan.root.mime.encoding, "8-bit");
    assert_eq!(text(&bytes, &scan.root), "été\r\n", "an unknown encoding is kept as it stands");
    assert_eq!(origin(&scan.header), Err(RefusalCode::HeaderMalformed));
}
