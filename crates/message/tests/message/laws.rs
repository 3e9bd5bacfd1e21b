//! What holds for every message: the cutting of the input changes nothing, offsets are consistent, and on well-formed
//! messages an independent parser sees the same structure and the same bytes.
use crate::common::{check_laws, scan, scan_by};
use mail_parser::{MessageParser, PartType};
use proptest::prelude::*;
use sceau_domain::{Address, DomainName};
use sceau_message::envelope::Envelope;
use sceau_message::header::origin;
use sceau_message::scan::{Limits, Part};
use sceau_message::summary::Summary;

/// Pieces that make and break structure.
fn fragment() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![
        &b"Content-Type: multipart/mixed; boundary=a\r\n"[..],
        b"Content-Type: multipart/digest; boundary=\"a-\"\r\n",
        b"Content-Type: multipart/alternative; boundary=a--\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n",
        b"Content-Type: text/html; charset=utf-8\r\n",
        b"From: Zo\xc3\xa9 <z@a.example>\r\n",
        b"Subject: x\r\n y\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"--a\r\n",
        b"--a--\r\n",
        b"--a-\r\n",
        b"--a---\r\n",
        b"--a----  \r\n",
        b"--a",
        b"--",
        b"-",
        b" \t",
        b"texte",
        b"\xe9",
        b"une ligne\r\n",
    ])
}

/// Pieces of sender fields, innocent and not.
fn sender_fragment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a@b.example",
        "<c@d.example>",
        "<e@f.example>",
        "Jean",
        "Dupont ",
        " ",
        "\r\n ",
        "\"Dr, X\"",
        "\"x@y.example\" ",
        "(SEC)",
        "(a\\)",
        "(<z@z.example>)",
        ",",
        ";",
        ":",
        "<",
        ">",
        "@",
        ".",
        "\"",
        "\\",
        "=?utf-8?q?=C3=A9?= ",
        "=?utf-8?q?=3Cq=40r.example=3E?= ",
        "é",
        "\"l m\"@n.example",
        "<\"l m\"@n.example>",
        "[192.0.2.1]",
        "<@r.example:s@t.example>",
        "jean.dupont",
        "b.example",
    ])
}

/// A well-formed tree of parts.
#[derive(Debug, Clone)]
enum Tree {
    Text { kind: &'static str, body: String },
    Multi { subtype: &'static str, preamble: bool, epilogue: bool, children: Vec<Tree> },
    Message(Box<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let body = prop::collection::vec("[ a-z.=éà-]{0,12}", 0..5).prop_map(|lines| lines.join("\r\n"));
    let kind = prop::sample::select(vec![
        "text/plain; charset=utf-8",
        "text/html",
        "application/pdf; name=\"a b.pdf\"",
        "image/png",
    ]);
    let leaf = (kind, body).prop_map(|(kind, body)| Tree::Text { kind, body });
    leaf.prop_recursive(5, 24, 4, |inner| {
        let subtype = prop::sample::select(vec!["mixed", "alternative", "related"]);
        prop_oneof![
            3 => (subtype, any::<bool>(), any::<bool>(), prop::collection::vec(inner.clone(), 1..4))
                .prop_map(|(subtype, preamble, epilogue, children)| Tree::Multi { subtype, preamble, epilogue, children }),
            // A message directly in a message makes the other parser panic (0.11.9): structure.rs has that case.
            1 => inner.prop_filter_map("message in message", |t| (!matches!(t, Tree::Message(_))).then(|| Tree::Message(Box::new(t)))),
        ]
    })
}

/// Writes a part with its header; `next` numbers the boundaries.
fn write(tree: &Tree, next: &mut usize, out: &mut String) {
    match tree {
        Tree::Text { kind, body } => {
            out.push_str(&format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}"));
        }
        Tree::Message(inner) => {
            out.push_str("Content-Type: message/rfc822\r\n\r\nSubject: dedans\r\n");
            write(inner, next, out);
        }
        Tree::Multi { subtype, preamble, epilogue, children } => {
            let boundary = format!("limite{next}");
            *next += 1;
            out.push_str(&format!("Content-Type: multipart/{subtype};\r\n boundary=\"{boundary}\"\r\n\r\n"));
            if *preamble {
                out.push_str("Ce message est en plusieurs parties.\r\n");
            }
            for child in children {
                out.push_str(&format!("--{boundary}\r\n"));
                write(child, next, out);
                out.push_str("\r\n");
            }
            out.push_str(&format!("--{boundary}--"));
            if *epilogue {
                out.push_str("\r\nfin");
            }
        }
    }
}

/// Type, children and, for leaves, the body as we see it.
fn ours(message: &[u8], part: &Part, out: &mut Vec<String>) {
    let body = if part.children.is_empty() {
        String::from_utf8_lossy(crate::common::slice(message, part.body)).into_owned()
    } else {
        format!("{} children", part.children.len())
    };
    out.push(format!("{}/{}: {body}", part.mime.kind, part.mime.subtype));
    for child in &part.children {
        ours(message, child, out);
    }
}

/// The same as mail-parser sees it.
fn theirs(message: &mail_parser::Message, id: u32, out: &mut Vec<String>) {
    use mail_parser::MimeHeaders;
    let part = &message.parts[id as usize];
    let kind = part.content_type().map_or_else(
        || "text/plain".to_owned(),
        |t| format!("{}/{}", t.ctype(), t.subtype().unwrap_or_default()).to_lowercase(),
    );
    match &part.body {
        PartType::Multipart(children) => {
            out.push(format!("{kind}: {} children", children.len()));
            for &child in children {
                theirs(message, child, out);
            }
        }
        PartType::Message(inner) => {
            out.push(format!("{kind}: 1 children"));
            theirs(inner, 0, out);
        }
        _ => {
            let body = &message.raw_message[part.offset_body as usize..part.offset_end as usize];
            out.push(format!("{kind}: {}", String::from_utf8_lossy(body)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cutting_the_input_changes_nothing(pieces in prop::collection::vec(fragment(), 0..40), size in 1usize..9) {
        let message = pieces.concat();
        let whole = scan(&message);
        check_laws(&message, &whole);
        prop_assert_eq!(&whole, &scan_by(&message, size, Limits::default()).unwrap());
        prop_assert_eq!(&whole, &scan_by(&message, 1, Limits::default()).unwrap());
        // and the summary survives its bytes
        let summary = Summary::of(&whole, &Limits::default());
        prop_assert_eq!(Summary::from_bytes(&summary.to_bytes()), Some(summary));
    }

    #[test]
    fn small_budgets_are_judged_alike(pieces in prop::collection::vec(fragment(), 0..40), size in 1usize..9) {
        let limits = Limits { header_bytes: 120, depth: 3, parts: 5, parameters: 2, addresses: 2, kept_bytes: 300 };
        let message = pieces.concat();
        let whole = crate::common::scan_with(&message, limits);
        prop_assert_eq!(whole, scan_by(&message, size, limits));
    }

    #[test]
    fn any_bytes_are_a_message(message in prop::collection::vec(any::<u8>(), 0..300)) {
        check_laws(&message, &scan(&message));
    }

    #[test]
    fn an_independent_parser_agrees(tree in tree()) {
        let mut message = String::from("Subject: essai\r\nFrom: a@b.example\r\n");
        write(&tree, &mut 0, &mut message);
        let scan = scan(message.as_bytes());
        check_laws(message.as_bytes(), &scan);
        let (mut mine, mut other) = (Vec::new(), Vec::new());
        ours(message.as_bytes(), &scan.root, &mut mine);
        theirs(&MessageParser::default().parse(message.as_bytes()).unwrap(), 0, &mut other);
        prop_assert_eq!(mine, other, "{}", message);
    }

    /// Whatever the strict sender check accepts, two tolerant readers understand in the same way: ours and another.
    #[test]
    fn an_accepted_sender_is_read_alike_everywhere(
        pieces in prop::collection::vec(sender_fragment(), 1..9),
        name in prop::sample::select(vec!["From: ", "From:", "FROM: ", "From: Jean ", "From:\r\n "]),
    ) {
        let header = [name.as_bytes(), pieces.concat().as_bytes(), b"\r\nSubject: x\r\n\r\n"].concat();
        if let Ok(origin) = origin(&header) {
            let expected = origin.from.to_string();
            let seen = Envelope::read(&header, &Limits::default()).from;
            prop_assert_eq!(seen.len(), 1);
            let domain: DomainName = seen[0].host.clone().unwrap().parse().unwrap();
            prop_assert_eq!(seen[0].mailbox.clone().unwrap(), origin.from.local_content());
            prop_assert_eq!(&domain, origin.from.domain());
            let other = MessageParser::default().parse(&header[..]).unwrap();
            let from = other.from().unwrap();
            let addresses: Vec<_> = from.iter().filter_map(|a| a.address()).collect();
            prop_assert_eq!(addresses.len(), 1);
            let same: Address = addresses[0].parse().unwrap();
            prop_assert_eq!(same.to_string(), expected);
        }
    }
}
