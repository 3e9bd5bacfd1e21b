use super::*;
use crate::codec::command::Command;
use proptest::prelude::*;

/// What a server would have seen, in words.
fn run(budget: Budget, input: &[u8], piece: usize) -> Vec<String> {
    let mut framer = Framer::new(budget);
    let mut seen = Vec::new();
    for bytes in input.chunks(piece.max(1)) {
        framer.feed(bytes);
        drain(&mut framer, &mut seen);
        assert!(framer.held <= budget.command, "holds more than its budget");
        let over = seen.last().is_some_and(|word| word.starts_with("fatal"));
        assert!(over || framer.in_memory() <= budget.command + 2, "{} bytes in memory", framer.in_memory());
    }
    seen
}

fn drain(framer: &mut Framer, seen: &mut Vec<String>) {
    loop {
        let word = match framer.next_event() {
            Event::NeedMore => {
                let left = framer.stream_left();
                if left == 0 {
                    return;
                }
                let got = framer.stream(7);
                if got.is_empty() {
                    return;
                }
                continue;
            }
            Event::Continue => "continue".to_owned(),
            Event::Append(start) => {
                let place = start.mailbox.decode(false);
                format!("{} {} {place:?}{}", start.name().to_lowercase(), start.tag, words(&start.steps))
            }
            Event::AppendSteps(steps) => format!("then{}", words(&steps)),
            Event::AppendEnd(end) => format!("append end {}", end.is_ok()),
            Event::Command(tagged) => format!("{} {}", tagged.tag, tagged.command.name()),
            Event::Bad { tag, error } => format!("bad {} {error}", tag.unwrap_or_else(|| "*".to_owned())),
            Event::Fatal(error) => {
                seen.push(format!("fatal {error}"));
                return;
            }
        };
        seen.push(word);
    }
}

/// Steps in words.
fn words(steps: &[AppendStep]) -> String {
    let word = |step: &AppendStep| match step {
        AppendStep::Message { flags, date, catenate } => {
            let marks = [(*flags != Default::default(), "+flags"), (date.is_some(), "+date"), (*catenate, "+parts")];
            let marks: String = marks.iter().filter(|m| m.0).map(|m| m.1).collect();
            format!(" message{marks}")
        }
        AppendStep::Literal(l) => {
            format!(" {{{}{}{}}}", if l.binary { "~" } else { "" }, l.size, if l.unasked { "+" } else { "" })
        }
        AppendStep::Url(url) => format!(" url({})", String::from_utf8_lossy(url)),
        AppendStep::End => " end".to_owned(),
    };
    steps.iter().map(word).collect()
}

const AFTER: Budget = Budget::after_login();
const BEFORE: Budget = Budget::before_login();

#[test]
fn commands_and_literals_are_cut_whatever_the_pieces() {
    let input = b"a NOOP\r\nb LOGIN {3}\r\nfoo {5+}\r\nsecre\r\nc noop \r\nd SELECT {5}\r\ninbox\r\n";
    let want = ["a NOOP", "continue", "b LOGIN", "c NOOP", "continue", "d SELECT"];
    for piece in [1, 2, 3, 7, 1000] {
        assert_eq!(run(AFTER, input, piece), want, "pieces of {piece}");
    }
}

#[test]
fn errors_carry_the_tag_and_the_stream_goes_on() {
    let input = b"a FROB\r\n\r\n+ NOOP\r\nb LOGIN \"x\r\nc NOOP\r\nd NOOP extra\r\n";
    assert_eq!(
        run(BEFORE, input, 1000),
        [
            "bad a the command is unknown",
            "bad * the tag is not valid",
            "bad * the tag is not valid",
            "bad b a quoted string is not closed",
            "c NOOP",
            "bad d too many arguments"
        ]
    );
}

#[test]
fn an_appended_message_is_streamed() {
    let mut input = b"a APPEND {5+}\r\nInbox (\\Seen) {20+}\r\n".to_vec();
    input.extend_from_slice(&[b'x'; 20]);
    input.extend_from_slice(
        b"\r\nb NOOP\r\nc APPEND INBOX {3}\r\nabc junk\r\nd APPEND x UTF8 (~{2+}\r\nab)\r\ne NOOP\r\n",
    );
    let want = [
        "append a Some(\"INBOX\") message+flags {20+}",
        "then end",
        "append end true",
        "b NOOP",
        "append c Some(\"INBOX\") message {3}",
        "append end false",
        "append d Some(\"x\") message {~2+}",
        "then end",
        "append end true",
        "e NOOP",
    ];
    for piece in [1, 5, 1000] {
        assert_eq!(run(AFTER, &input, piece), want);
    }
    // Whatever its size, nothing is held.
    let mut framer = Framer::new(AFTER);
    framer.feed(b"a APPEND INBOX {10000000}\r\n");
    assert!(matches!(framer.next_event(), Event::Append(_)));
    assert_eq!(framer.stream_left(), 10_000_000);
    for _ in 0..100 {
        framer.feed(&[b'x'; 100_000]);
        while framer.stream_left() > 0 && !framer.stream(65_536).is_empty() {}
        assert!(framer.input.len() <= 100_000);
    }
    framer.feed(b"\r\n");
    assert!(matches!(framer.next_event(), Event::AppendSteps(steps) if steps == [AppendStep::End]));
    assert!(matches!(framer.next_event(), Event::AppendEnd(Ok(()))));
}

#[test]
fn append_with_bad_arguments_is_refused_before_its_literal() {
    assert_eq!(
        run(AFTER, b"a APPEND INBOX (\\Foo) {5}\r\nb NOOP\r\n", 1000),
        ["bad a a system flag is unknown", "b NOOP"]
    );
    assert_eq!(
        run(AFTER, b"a APPEND INBOX (\\Foo) {5+}\r\nhello\r\nb NOOP\r\n", 3),
        ["bad a a system flag is unknown", "b NOOP"]
    );
    assert_eq!(run(AFTER, b"a APPEND INBOX\r\n", 9), ["bad a a space is missing"]);
}

#[test]
fn several_messages_and_parts() {
    // RFC 3502 §6.3.11, RFC 4469 §5, RFC 8508 §3.4, by shape.
    let input = b"a APPEND INBOX {2+}\r\nab (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {3}\r\nabc \r\n\
        b APPEND Drafts (\\Seen) CATENATE (URL \"/x/;UID=1\" TEXT {4+}\r\nabcd URL {5+}\r\nother UTF8 (~{1+}\r\nx) URL /y/;UID=2) {1+}\r\nz\r\n\
        c APPEND INBOX CATENATE (URL /x/;UID=1)\r\n\
        d REPLACE 4 Drafts (\\Seen) {3+}\r\nabc\r\n\
        e uid replace * {5+}\r\nInbox CATENATE (TEXT ~{2}\r\nab)\r\n\
        f NOOP\r\n";
    let want = [
        "append a Some(\"INBOX\") message {2+}",
        "then end message+flags+date {3}",
        "then end",
        "append end true",
        "append b Some(\"Drafts\") message+flags+parts url(/x/;UID=1) {4+}",
        "then url(other) {~1+}",
        "then url(/y/;UID=2) end message {1+}",
        "then end",
        "append end true",
        "append c Some(\"INBOX\") message+parts url(/x/;UID=1) end",
        "append end true",
        "replace d Some(\"Drafts\") message+flags {3+}",
        "then end",
        "append end true",
        "uid replace e Some(\"INBOX\") message+parts {~2}",
        "then end",
        "append end true",
        "f NOOP",
    ];
    for piece in [1, 2, 5, 1000] {
        assert_eq!(run(AFTER, input, piece), want, "pieces of {piece}");
    }
}

#[test]
fn what_goes_wrong_in_the_middle_of_an_append_ends_it_and_nothing_else() {
    for rest in [
        " (\\Foo) {3+}\r\nabc",
        " (\\Foo) {3}",
        " junk",
        "x",
        " CATENATE ()",
        " CATENATE (TEXT {2+}\r\nab",
        " CATENATE (URL)",
        " CATENATE (URL \"x\"",
        " CATENATE (BLOB {2+}\r\nab)",
        " CATENATE (TEXT \"x\")",
        " CATENATE (URL {70000+}",
        " UTF8 {2+}\r\nab",
    ] {
        let input = format!("a APPEND INBOX {{2+}}\r\nab{rest}\r\n");
        let extra = if rest.contains("70000") { "x".repeat(70_000) + "\r\n" } else { String::new() };
        let all = run(AFTER, format!("{input}{extra}b NOOP\r\n").as_bytes(), 7);
        assert_eq!(all.last().map(String::as_str), Some("b NOOP"), "{rest}: {all:?}");
        assert_eq!(all[all.len() - 2], "append end false", "{rest}: {all:?}");
        assert!(!all.iter().any(|w| w.starts_with("bad")), "{rest}: {all:?}");
    }
    for bad in [
        "REPLACE",
        "REPLACE 1",
        "REPLACE 0 INBOX {1+}\r\nx",
        "REPLACE 1:2 INBOX {1+}\r\nx",
        "REPLACE 1 INBOX",
        "UID REPLACE INBOX {1+}\r\nx",
        "APPEND INBOX CATENATE (",
    ] {
        let all = run(AFTER, format!("a {bad}\r\nb NOOP\r\n").as_bytes(), 1000);
        assert!(all.len() == 2 && all[0].starts_with("bad a ") && all[1] == "b NOOP", "{bad}: {all:?}");
    }
    // One message only.
    let all = run(AFTER, b"a REPLACE 1 INBOX {1+}\r\nx {1+}\r\ny\r\nb NOOP\r\n", 1000);
    assert_eq!(all[1..], ["append end false", "b NOOP"]);
}

#[test]
fn a_long_append_is_held_to_the_budget_of_a_command() {
    let mut input = b"a APPEND INBOX".to_vec();
    for _ in 0..9000 {
        input.extend_from_slice(b" (\\Seen) {1+}\r\nx");
    }
    input.extend_from_slice(b"\r\nb NOOP\r\n");
    let all = run(AFTER, &input, 999);
    assert_eq!(all[all.len() - 2..], ["append end false", "b NOOP"]);
    assert!(all.len() < 9000);
    let urls = format!("a APPEND INBOX CATENATE ({}TEXT {{1+}}\r\nx)\r\nb NOOP\r\n", "URL x ".repeat(600));
    assert_eq!(run(AFTER, urls.as_bytes(), 999), ["bad a CATENATE has too many parts", "b NOOP"]);
}

#[test]
fn before_login_commands_are_small() {
    let long = [b"a LOGIN ".as_slice(), &[b'x'; 9000], b" y\r\nb NOOP\r\n"].concat();
    for piece in [1, 100, 10_000] {
        assert_eq!(run(BEFORE, &long, piece), ["bad a the command is too long", "b NOOP"], "{piece}");
    }
    assert_eq!(run(BEFORE, b"a LOGIN {4097}\r\nb NOOP\r\n", 1000), ["bad a a literal is too large", "b NOOP"]);
    let unasked = [b"a LOGIN {5000+}\r\n".as_slice(), &[b'\n'; 5000], b" {4+}\r\na\r\nb\r\nb NOOP\r\n"].concat();
    assert_eq!(run(BEFORE, &unasked, 999), ["bad a a literal is too large", "b NOOP"]);
    assert_eq!(run(BEFORE, b"a LOGIN {100000+}\r\n", 1000), ["fatal a literal is too large"]);
    // Literals that fit one by one but not together.
    let two =
        [b"a LOGIN {4000+}\r\n".as_slice(), &[b'x'; 4000], b" {4000+}\r\n", &[b'y'; 4000], b" {1000}\r\nb NOOP\r\n"]
            .concat();
    assert_eq!(run(BEFORE, &two, 1000), ["bad a a literal is too large", "b NOOP"]);
    // APPEND is a command like any other before login.
    assert_eq!(run(BEFORE, b"a APPEND INBOX {5000}\r\nb NOOP\r\n", 1000), ["bad a a literal is too large", "b NOOP"]);
}

#[test]
fn many_small_literals_are_held_to_the_budget_too() {
    for budget in [BEFORE, AFTER] {
        let mut framer = Framer::new(budget);
        framer.feed(b"a SEARCH");
        for _ in 0..8000 {
            framer.feed(b" {0+}\r\n");
            assert!(matches!(framer.next_event(), Event::NeedMore));
            assert!(framer.fragments.len() * size_of::<Fragment>() <= budget.command);
        }
        // What follows is thrown away; then the connection goes on.
        framer.feed(b"\r\nb NOOP\r\n");
        assert!(matches!(framer.next_event(), Event::Bad { tag: Some(tag), .. } if tag == "a"));
        assert!(matches!(framer.next_event(), Event::Command(_)));
        // Literals as clients send them are far from it.
        let login =
            b"c LOGIN {30+}\r\ncamille.dupont@exemple.mssante {40+}\r\n0123456789012345678901234567890123456789\r\n";
        assert_eq!(run(budget, login, 7), ["c LOGIN"]);
    }
}

#[test]
fn a_line_without_end_is_the_end() {
    let mut framer = Framer::new(BEFORE);
    let mut fed = 0;
    loop {
        framer.feed(&[b'x'; 4096]);
        fed += 4096;
        match framer.next_event() {
            Event::NeedMore => assert!(fed < 200_000 && framer.input.len() <= 16 * 1024),
            Event::Fatal(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(fed as u64 > BEFORE.discard);
}

#[test]
fn after_login_the_whole_command_counts() {
    let long = [b"a SEARCH ".as_slice(), &[b' '; 70_000], b"\r\nb NOOP\r\n"].concat();
    assert_eq!(run(AFTER, &long, 8192), ["bad a the command is too long", "b NOOP"]);
}

#[test]
fn raw_lines_for_continuations() {
    let mut framer = Framer::new(BEFORE);
    framer.feed(b"DO");
    assert!(framer.raw_line(100).is_none());
    framer.feed(b"NE\r\na NOOP\r\n");
    assert_eq!(framer.raw_line(100), Some(Ok(b"DONE".to_vec())));
    assert!(framer.has_input());
    assert!(matches!(framer.next_event(), Event::Command(c) if c.command == Command::Noop));
    framer.feed(&[b'x'; 300]);
    assert_eq!(framer.raw_line(100), Some(Err(TOO_LONG)));
}

#[test]
fn weird_literal_marks() {
    for (line, mark) in [
        ("x {}", None),
        ("x {+}", None),
        ("x {-1}", None),
        ("x {1 }", None),
        ("x 1}", None),
        ("x {99999999999999999999}", None),
        ("{0}", Some((0, 0, false, false))),
        ("x ~{5+}", Some((2, 5, true, true))),
        ("x {{5}", Some((3, 5, false, false))),
    ] {
        let want = mark.map(|(at, size, unasked, binary)| LiteralMark { at, size, unasked, binary });
        assert_eq!(literal_mark(line.as_bytes()), want, "{line}");
    }
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        lines in proptest::collection::vec("[a-c]{0,2} ?(NOOP|LOGIN|APPEND|SEARCH|\\PC|REPLACE 1 x|APPEND x CATENATE \\(TEXT|APPEND x)?[ \"(){}~+*a-z0-9\r]{0,20}(\\{[0-9]{1,3}\\+?\\})?(\r\n|\n)", 0..6),
        piece in 1usize..40,
    ) {
        let input = lines.concat();
        prop_assert_eq!(run(BEFORE, input.as_bytes(), piece), run(BEFORE, input.as_bytes(), usize::MAX));
        prop_assert_eq!(run(AFTER, input.as_bytes(), piece), run(AFTER, input.as_bytes(), usize::MAX));
    }
    #[test]
    fn any_bytes_end_well(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        run(AFTER, &bytes, 11);
    }
}
