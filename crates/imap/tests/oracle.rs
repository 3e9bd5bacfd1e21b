//! `imap-codec` as a second opinion, where it speaks the same language: commands that it reads, and responses that we write.
use imap_codec::decode::Decoder;
use imap_codec::{CommandCodec, ResponseCodec};
use proptest::prelude::*;
use sceau_imap::codec::{Budget, Event, Framer, Out};
use sceau_imap::content::{envelope, structure};
use sceau_message::envelope::{Envelope, MailAddress};
use sceau_message::scan::{Mime, Part};

/// Tag and name as we read them; the phrase of the error otherwise.
fn ours(line: &str) -> Result<(String, String), String> {
    let mut framer = Framer::new(Budget::after_login());
    framer.feed(line.as_bytes());
    match framer.next_event() {
        Event::Command(t) => Ok((t.tag.clone(), t.command.name().to_owned())),
        Event::Append(a) => Ok((a.tag.clone(), "APPEND".to_owned())),
        Event::Bad { error, .. } => Err(error.0.to_owned()),
        other => Err(format!("{other:?}")),
    }
}

fn theirs(line: &str) -> Option<(String, String)> {
    let codec = CommandCodec::new();
    match codec.decode(line.as_bytes()) {
        Ok((_, command)) => Some((command.tag.inner().to_owned(), command.body.name().to_owned())),
        Err(_) => None,
    }
}

/// Commands whose UID form has a name of its own here.
fn base(name: &str) -> &str {
    name.strip_prefix("UID ").unwrap_or(name)
}

fn mailbox() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("INBOX".to_owned()),
        "[a-zA-Z.#~]{1,8}",
        "\"[a-z /&-]{0,8}\"",
        "[a-z]{1,3}".prop_map(|m| format!("{{{}+}}\r\n{m}", m.len()))
    ]
}
fn number() -> impl Strategy<Value = String> {
    prop_oneof![Just("*".to_owned()), (1u32..5000).prop_map(|n| n.to_string())]
}
fn set() -> impl Strategy<Value = String> {
    let range = prop_oneof![number(), (number(), number()).prop_map(|(a, b)| format!("{a}:{b}"))];
    proptest::collection::vec(range, 1..5).prop_map(|r| r.join(","))
}
fn uid() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(""), Just("UID ")]
}
fn section() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just(String::new()),
        Just("HEADER".to_owned()),
        Just("TEXT".to_owned()),
        "[A-Za-z-]{1,8}( [A-Za-z-]{1,8}){0,2}".prop_map(|n| format!("HEADER.FIELDS ({n})")),
        "[A-Za-z-]{1,8}".prop_map(|n| format!("HEADER.FIELDS.NOT ({n})")),
    ];
    let part = proptest::collection::vec(1u32..9, 0..3);
    (part, text, proptest::option::of((0u32..99, 1u32..99)), any::<bool>()).prop_map(|(part, text, partial, peek)| {
        let part: Vec<String> = part.iter().map(u32::to_string).collect();
        let dot = if part.is_empty() || text.is_empty() { "" } else { "." };
        let partial = partial.map_or(String::new(), |(a, b)| format!("<{a}.{b}>"));
        let peek = if peek { ".PEEK" } else { "" };
        format!("BODY{peek}[{}{dot}{text}]{partial}", part.join("."))
    })
}
fn fetch_item() -> impl Strategy<Value = String> {
    let fixed = [
        "FLAGS",
        "UID",
        "INTERNALDATE",
        "RFC822.SIZE",
        "ENVELOPE",
        "BODY",
        "BODYSTRUCTURE",
        "RFC822",
        "RFC822.HEADER",
        "RFC822.TEXT",
    ];
    prop_oneof![proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned), section()]
}
fn flags() -> impl Strategy<Value = String> {
    let flag = prop_oneof![
        proptest::sample::select(vec!["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"])
            .prop_map(str::to_owned),
        "[$a-zA-Z]{1,8}"
    ];
    proptest::collection::vec(flag, 0..4).prop_map(|f| format!("({})", f.join(" ")))
}
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z@.]{1,8}", "\"[a-z (){}%*]{0,8}\""]
}
fn search_key() -> impl Strategy<Value = String> {
    let fixed = [
        "ALL",
        "ANSWERED",
        "DELETED",
        "FLAGGED",
        "NEW",
        "OLD",
        "RECENT",
        "SEEN",
        "UNSEEN",
        "DRAFT",
        "UNDRAFT",
        "UNANSWERED",
    ];
    let leaf = prop_oneof![
        proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        ("(FROM|TO|CC|BCC|SUBJECT|BODY|TEXT)", text()).prop_map(|(k, t)| format!("{k} {t}")),
        text().prop_map(|t| format!("HEADER Message-ID {t}")),
        ("(SINCE|BEFORE|ON|SENTSINCE|SENTON)", 1u8..29).prop_map(|(k, d)| format!("{k} {d}-Feb-2024")),
        ("(LARGER|SMALLER)", any::<u32>()).prop_map(|(k, n)| format!("{k} {n}")),
        set(),
        set().prop_map(|s| format!("UID {s}")),
        "[a-z]{1,5}".prop_map(|k| format!("KEYWORD {k}")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|k| format!("NOT {k}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("OR {a} {b}")),
            proptest::collection::vec(inner, 1..3).prop_map(|k| format!("({})", k.join(" "))),
        ]
    })
}
fn body() -> impl Strategy<Value = String> {
    let fixed = [
        "NOOP",
        "CAPABILITY",
        "LOGOUT",
        "STARTTLS",
        "CHECK",
        "CLOSE",
        "EXPUNGE",
        "IDLE",
        "UNSELECT",
        "NAMESPACE",
        "ID NIL",
        "ID (\"a\" \"b\")",
        "ENABLE CONDSTORE",
    ];
    prop_oneof![
        proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        (text(), text()).prop_map(|(a, b)| format!("LOGIN {a} {b}")),
        ("(SELECT|EXAMINE|CREATE|DELETE|SUBSCRIBE|UNSUBSCRIBE)", mailbox()).prop_map(|(c, m)| format!("{c} {m}")),
        (mailbox(), mailbox()).prop_map(|(a, b)| format!("RENAME {a} {b}")),
        ("(LIST|LSUB)", mailbox(), "[a-z%*.]{1,6}").prop_map(|(c, m, p)| format!("{c} {m} {p}")),
        mailbox().prop_map(|m| format!("STATUS {m} (MESSAGES UIDNEXT UNSEEN)")),
        (uid(), set(), proptest::collection::vec(fetch_item(), 1..4))
            .prop_map(|(u, s, i)| format!("{u}FETCH {s} ({})", i.join(" "))),
        (uid(), set(), "(ALL|FAST|FULL|FLAGS)").prop_map(|(u, s, m)| format!("{u}FETCH {s} {m}")),
        (uid(), set(), "[+-]?FLAGS(\\.SILENT)?", flags()).prop_map(|(u, s, c, f)| format!("{u}STORE {s} {c} {f}")),
        (uid(), "(COPY|MOVE)", set(), mailbox()).prop_map(|(u, c, s, m)| format!("{u}{c} {s} {m}")),
        (uid(), proptest::collection::vec(search_key(), 1..4)).prop_map(|(u, k)| format!("{u}SEARCH {}", k.join(" "))),
        set().prop_map(|s| format!("UID EXPUNGE {s}")),
        (mailbox(), flags()).prop_map(|(m, f)| format!("APPEND {m} {f} {{5+}}\r\nhello")),
        (mailbox(), flags(), 1u8..29)
            .prop_map(|(m, f, d)| { format!("APPEND {m} {f} \"{d:>2}-Feb-1994 21:52:25 -0800\" {{5+}}\r\nhello") }),
        ("(SELECT|EXAMINE)", mailbox()).prop_map(|(c, m)| format!("{c} {m} (CONDSTORE)")),
        (uid(), set(), any::<u32>()).prop_map(|(u, s, n)| format!("{u}FETCH {s} (FLAGS) (CHANGEDSINCE {n})")),
        (uid(), set(), any::<u32>(), flags())
            .prop_map(|(u, s, n, f)| format!("{u}STORE {s} (UNCHANGEDSINCE {n}) +FLAGS.SILENT {f}")),
        "[A-Z][A-Z0-9-]{0,11}".prop_map(|m| format!("AUTHENTICATE {m}")),
    ]
}

fn address() -> impl Strategy<Value = MailAddress> {
    let part = || proptest::option::of("\\PC{0,8}");
    (part(), part(), part()).prop_map(|(name, mailbox, host)| MailAddress { name, mailbox, host })
}
fn an_envelope() -> impl Strategy<Value = Envelope> {
    let text = || proptest::option::of("[\\x01-\\x7f\u{e9}\u{20ac}]{0,12}");
    let list = || proptest::collection::vec(address(), 0..3);
    (text(), text(), list(), list(), list(), text(), text()).prop_map(
        |(date, subject, from, to, cc, in_reply_to, message_id)| Envelope {
            date,
            subject,
            from,
            to,
            cc,
            in_reply_to,
            message_id,
            ..Envelope::default()
        },
    )
}
fn part() -> impl Strategy<Value = Part> {
    let mime = |kind: &'static str, subtype: &'static str| {
        let params = proptest::collection::vec(("[a-z]{1,5}", "\\PC{0,10}"), 0..3);
        (
            params.clone(),
            proptest::option::of("[ -~]{0,9}"),
            proptest::option::of(params),
            proptest::collection::vec("[a-z]{2}", 0..3),
        )
            .prop_map(move |(parameters, id, disposition, language)| Mime {
                kind: kind.into(),
                subtype: subtype.into(),
                parameters,
                id: id.clone(),
                description: id,
                encoding: "base64".into(),
                md5: None,
                disposition: disposition.map(|p| ("attachment".to_owned(), p)),
                language,
                location: None,
            })
    };
    let of = |mime: Mime, children: Vec<Part>, envelope: Option<Box<Envelope>>| Part {
        mime,
        header: (0, 9),
        body: (9, 99),
        lines: 3,
        children,
        envelope,
    };
    let leaf = prop_oneof![mime("text", "html"), mime("application", "pdf")].prop_map(move |m| of(m, vec![], None));
    leaf.prop_recursive(3, 10, 3, move |inner| {
        prop_oneof![
            (mime("multipart", "mixed"), proptest::collection::vec(inner.clone(), 0..3))
                .prop_map(move |(m, c)| of(m, c, None)),
            (mime("message", "rfc822"), inner, an_envelope()).prop_map(move |(m, c, e)| of(
                m,
                vec![c],
                Some(Box::new(e))
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn both_read_good_commands(tag in "[A-Za-z0-9.]{1,6}", body in body()) {
        let line = format!("{tag} {body}\r\n");
        let (they, we) = (theirs(&line), ours(&line));
        prop_assert!(they.is_some(), "the oracle refuses {line:?}; we say {we:?}");
        let ((their_tag, their_name), (our_tag, our_name)) = (they.unwrap(), we.map_err(|e| TestCaseError::fail(format!("{line:?}: {e}")))?);
        prop_assert_eq!(their_tag, our_tag);
        prop_assert_eq!(base(&their_name).to_owned(), base(&our_name).to_owned(), "{}", line);
    }

    /// One byte changed: what the oracle still reads, we read as the same command.
    #[test]
    fn what_it_reads_we_read(body in body(), at in any::<proptest::sample::Index>(), by in "[ -~]") {
        let mut line = format!("a {body}\r\n").into_bytes();
        let at = at.index(line.len() - 2);
        line[at] = by.as_bytes()[0];
        let Ok(line) = String::from_utf8(line) else { return Ok(()) };
        if let Some((tag, name)) = theirs(&line) {
            let we = ours(&line);
            // Known differences: system flags that do not exist; keywords and dates that nothing means.
            let known = matches!(&we, Err(e) if e.contains("system flag") || e.contains("date is not valid") || e.contains("header name"));
            prop_assert!(known || we.is_ok(), "{line:?}: {we:?}");
            if let Ok((our_tag, our_name)) = we {
                prop_assert_eq!(&tag, &our_tag);
                prop_assert_eq!(base(&name).to_owned(), base(&our_name).to_owned(), "{}", line);
            }
        }
    }

    #[test]
    fn it_reads_what_fetch_writes(e in an_envelope(), p in part(), extended: bool) {
        let mut out = Out::new();
        out.raw("* 1 FETCH (ENVELOPE ");
        envelope::write(&mut out, &e);
        out.raw(if extended { " BODYSTRUCTURE " } else { " BODY " });
        structure::write(&mut out, &p, extended);
        out.raw(")").end();
        let codec = ResponseCodec::new();
        let read = codec.decode(out.bytes());
        prop_assert!(matches!(&read, Ok((rest, _)) if rest.is_empty()), "{}\n{:?}", String::from_utf8_lossy(out.bytes()), read);
    }
}
