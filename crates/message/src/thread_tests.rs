use super::*;
use crate::scan::{Limits, Scanner};
use proptest::prelude::*;

/// A message as tests write one: date, subject, identifier, what it answers.
type Short<'a> = (i64, &'a str, &'a str, &'a [&'a str]);

fn told(algorithm: Algorithm, messages: &[Short<'_>]) -> String {
    let mut threader = Threader::new(algorithm, messages.len());
    for (i, (sent, subject, id, references)) in messages.iter().enumerate() {
        let id = Some(*id).filter(|id| !id.is_empty());
        let facts = Facts { sent: *sent, subject: (*subject).into(), id, references: references.to_vec() };
        threader.push(i as u32 + 1, &facts);
    }
    written(&threader.finish())
}

/// As on the wire.
fn written(threads: &Threads) -> String {
    let mut out = String::new();
    for token in threads.tokens() {
        let space = out.ends_with(|c: char| c.is_ascii_digit()) && token != Token::Close;
        out.push_str(if space { " " } else { "" });
        match token {
            Token::Open => out.push('('),
            Token::Close => out.push(')'),
            Token::Number(n) => out.push_str(&n.to_string()),
        }
    }
    out
}

fn refs(messages: &[Short<'_>]) -> String {
    told(Algorithm::References, messages)
}

#[test]
fn by_subject_one_level_deep() {
    let m: &[Short<'_>] = &[
        (10, "Bilan", "", &[]),
        (40, "Re: bilan", "", &[]),
        (20, "Garde", "", &[]),
        (30, "[x] RE: BILAN (fwd)", "", &[]),
        (5, "Re: garde", "", &[]),
        (50, "seul", "", &[]),
    ];
    assert_eq!(told(Algorithm::OrderedSubject, m), "(5 3)(1 (4)(2))(6)");
    assert_eq!(told(Algorithm::OrderedSubject, &[]), "");
}

#[test]
fn by_references() {
    // A chain, a fork, a message that only In-Reply-To would tell apart.
    assert_eq!(
        refs(&[
            (1, "a", "<1>", &[]),
            (2, "Re: a", "<2>", &["<1>"]),
            (3, "Re: a", "<3>", &["<1>", "<2>"]),
            (4, "Re: a", "<4>", &["<1>"]),
            (5, "b", "<5>", &[]),
        ]),
        "(1 (2 3)(4))(5)"
    );
    // The parent comes after its children, or never: one child stands for it, several stand under nobody.
    assert_eq!(refs(&[(2, "Re: a", "<2>", &["<1>"]), (1, "a", "<1>", &[])]), "(2 1)");
    assert_eq!(refs(&[(2, "x", "<2>", &["<1>"])]), "(1)");
    assert_eq!(refs(&[(3, "x", "<3>", &["<1>"]), (2, "y", "<2>", &["<1>"])]), "((2)(1))");
    // A dummy that is not at the top gives its children to whom is above.
    assert_eq!(
        refs(&[(1, "x", "<1>", &[]), (3, "y", "<3>", &["<1>", "<2>"]), (2, "z", "<4>", &["<1>", "<2>"])]),
        "(1 (3)(2))"
    );
    assert_eq!(refs(&[(1, "x", "<3>", &["<1>", "<2>"]), (2, "y", "<4>", &["<1>", "<5>"])]), "((1)(2))");
    // What a message says itself counts more than what others said of it.
    assert_eq!(
        refs(&[
            (1, "w", "<1>", &[]),
            (2, "x", "<2>", &["<1>", "<3>"]),
            (3, "y", "<3>", &[]),
            (4, "z", "<4>", &["<3>"])
        ]),
        "(1)(3 (2)(4))"
    );
    // Quotes in an identifier say nothing.
    assert_eq!(refs(&[(1, "x", "<\"a\"@b>", &[]), (2, "y", "<c@d>", &["<a@b>"])]), "(1 2)");
}

#[test]
fn identifiers_that_are_missing_or_twice_there() {
    assert_eq!(refs(&[(1, "x", "<1>", &[]), (2, "y", "<1>", &[]), (3, "z", "<3>", &["<1>"])]), "(1 3)(2)");
    assert_eq!(refs(&[(1, "x", "", &[]), (2, "y", "", &["<9>"])]), "(1)(2)");
}

#[test]
fn loops_are_not_made() {
    assert_eq!(refs(&[(1, "x", "<1>", &["<1>"])]), "(1)");
    assert_eq!(refs(&[(1, "x", "<1>", &["<2>"]), (2, "y", "<2>", &["<1>"])]), "(2 1)");
    assert_eq!(refs(&[(1, "x", "<1>", &["<3>"]), (2, "y", "<2>", &["<1>"]), (3, "z", "<3>", &["<2>"])]), "(3 1 2)");
}

#[test]
fn the_same_subject_brings_together() {
    // A reply goes under what it answers, wherever it stands.
    assert_eq!(refs(&[(2, "a", "<1>", &[]), (1, "Re: A", "<2>", &[])]), "(1 2)");
    // Two that are no reply, or two replies, stand beside each other.
    assert_eq!(refs(&[(1, "a", "<1>", &[]), (2, "a", "<2>", &[])]), "((1)(2))");
    assert_eq!(refs(&[(1, "Re: a", "<1>", &[]), (2, "Re: a", "<2>", &[]), (3, "fwd: a", "<3>", &[])]), "((1)(2)(3))");
    // Beside a dummy of the subject, and two dummies become one.
    let two: &[Short<'_>] = &[(1, "a", "<1>", &["<x>"]), (2, "b", "<2>", &["<x>"]), (3, "Re: a", "<3>", &[])];
    assert_eq!(refs(two), "((1)(2)(3))");
    let four: &[Short<'_>] =
        &[(1, "a", "<1>", &["<x>"]), (2, "b", "<2>", &["<x>"]), (3, "a", "<3>", &["<y>"]), (4, "c", "<4>", &["<y>"])];
    assert_eq!(refs(four), "((1)(2)(3)(4))");
    // Nothing is not a subject.
    assert_eq!(refs(&[(1, "", "<1>", &[]), (2, "Re:", "<2>", &[])]), "(1)(2)");
}

#[test]
fn facts_are_read_from_a_message() {
    let summary = |header: &str| {
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(format!("{header}\r\n\r\nx\r\n").as_bytes()).unwrap();
        Summary::of(&scanner.finish().unwrap(), &Limits::default())
    };
    let s = summary(
        "Subject: =?utf-8?Q?R=C3=A9?=\r\nDate: 1 Jan 1970 00:01:00 +0000\r\nMessage-ID: <1@a>\r\nIn-Reply-To: <9@z> <8@z>\r\n\
         References: <2@a>\r\n <3@a> junk",
    );
    let facts = Facts::of(&s, 7);
    assert_eq!((facts.sent, &*facts.subject, facts.id), (60, "Ré", Some("<1@a>")));
    assert_eq!(facts.references, ["<2@a>", "<3@a>"]);
    let s = summary("In-Reply-To: Votre message <9@z> <8@z>\r\nReferences: none");
    let facts = Facts::of(&s, 7);
    assert_eq!((facts.sent, facts.id, facts.references.as_slice()), (7, None, &["<9@z>"][..]));
    let many: String = (0..1000).map(|n| format!(" <{n}@a>\r\n")).collect();
    let s = summary(&format!("References:{}", many.trim_end()));
    let facts = Facts::of(&s, 7);
    assert_eq!((facts.references.len(), facts.references.last()), (REFERENCES_MAX, Some(&"<999@a>")));
}

#[test]
fn many_that_mean_harm_are_read_soon() {
    let ids: Vec<String> = (0..30_000).map(|n| format!("<{n}@a>")).collect();
    // One chain, forwards and backwards; and messages that name the ends of a long chain as each other's parents.
    for backwards in [false, true] {
        let mut threader = Threader::new(Algorithm::References, ids.len());
        for n in 0..ids.len() {
            let n = if backwards { ids.len() - 1 - n } else { n };
            let references = n.checked_sub(1).map(|p| ids[p].as_str()).into_iter().collect();
            threader.push(n as u32, &Facts { sent: n as i64, subject: "".into(), id: Some(&ids[n]), references });
        }
        let threads = threader.finish();
        assert_eq!((threads.len(), threads.tokens().count()), (1, ids.len() + 2));
    }
    let mut threader = Threader::new(Algorithm::References, ids.len());
    for n in 0..20_000 {
        let references = if n < 10_000 {
            vec![ids[n].as_str()]
        } else {
            [9_999, n % 100, 9_998, 1].map(|r| ids[r].as_str()).to_vec()
        };
        threader.push(n as u32, &Facts { sent: 0, subject: "".into(), id: Some(&ids[n + 1]), references });
    }
    assert_eq!(threader.finish().tokens().filter(|t| matches!(t, Token::Number(_))).count(), 20_000);
}

proptest! {
    #[test]
    fn every_message_once_in_well_formed_lists(
        messages in proptest::collection::vec((0i64..6, 0usize..6, 0usize..12, proptest::collection::vec(0usize..12, 0..5)), 0..14),
        by_subject: bool,
    ) {
        let ids: Vec<String> = (0..12).map(|n| format!("<{n}>")).collect();
        let subjects = ["", "a", "Re: a", "b", "fwd: b", "c"];
        let algorithm = if by_subject { Algorithm::OrderedSubject } else { Algorithm::References };
        let mut threader = Threader::new(algorithm, 0);
        for (i, (sent, subject, id, references)) in messages.iter().enumerate() {
            let references = references.iter().map(|&r| ids[r].as_str()).collect();
            let facts = Facts { sent: *sent, subject: subjects[*subject].into(), id: Some(&ids[*id]), references };
            threader.push(i as u32 + 1, &facts);
        }
        let threads = threader.finish();
        let text = written(&threads);
        let mut numbers: Vec<usize> =
            text.split(|c: char| !c.is_ascii_digit()).filter(|w| !w.is_empty()).map(|w| w.parse().unwrap()).collect();
        let heads: Vec<(i64, usize)> = heads(&text).into_iter().map(|n| (messages[n - 1].0, n)).collect();
        prop_assert!(heads.is_sorted(), "{}", text);
        prop_assert_eq!(heads.len(), threads.len());
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (1..=messages.len()).collect::<Vec<_>>(), "{}", text);
        let mut depth = 0i32;
        for (at, c) in text.char_indices() {
            depth += i32::from(c == '(') - i32::from(c == ')');
            prop_assert!(depth >= 0, "{}", text);
            // RFC 5256 §5: lists stand one beside the other only at the top, or two at least.
            prop_assert!(c != ')' || !text[..at].ends_with('('), "{}", text);
        }
        prop_assert_eq!(depth, 0);
    }
}

/// The first number of each list at the top.
fn heads(text: &str) -> Vec<usize> {
    let (mut depth, mut open, mut found) = (0, false, Vec::new());
    for word in text.split_inclusive(['(', ')', ' ']) {
        let number = word.trim_end_matches(['(', ')', ' ']);
        if open && !number.is_empty() {
            found.push(number.parse().unwrap());
            open = false;
        }
        match word.chars().last() {
            Some('(') => {
                open |= depth == 0;
                depth += 1;
            }
            Some(')') => depth -= 1,
            _ => {}
        }
    }
    found
}
