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

/// A conversation as [`by_the_book`] holds it.
struct Tree {
    message: Option<usize>,
    children: Vec<Tree>,
}

impl Tree {
    /// What it is sorted by: its message's date, or its first child's.
    fn key(&self, messages: &[Short<'_>]) -> (i64, usize) {
        let of_children = || self.children.iter().map(|c| c.key(messages)).min().unwrap();
        self.message.map_or_else(of_children, |m| (messages[m].0, m))
    }
    fn sort(&mut self, messages: &[Short<'_>]) {
        self.children.iter_mut().for_each(|c| c.sort(messages));
        self.children.sort_by_key(|c| c.key(messages));
    }
    fn subject(&self, messages: &[Short<'_>]) -> (String, bool) {
        let base = base_subject(messages[self.key(messages).1].1);
        (casemap(&base.text), base.reply_or_forward)
    }
    fn say(&self, out: &mut String) {
        out.push_str(&self.message.map_or(String::new(), |m| (m + 1).to_string()));
        out.push_str(if self.message.is_some() && !self.children.is_empty() { " " } else { "" });
        match self.children.as_slice() {
            [one] => one.say(out),
            several => several.iter().for_each(|c| {
                out.push('(');
                c.say(out);
                out.push(')');
            }),
        }
    }
}

/// The message of a node, and its parent.
type Place = (Option<usize>, Option<usize>);

/// What messages say of their parents (step 1).
fn linked(messages: &[Short<'_>]) -> Vec<Place> {
    fn link(nodes: &mut [Place], parent: usize, child: usize) {
        let mut above = std::iter::successors(Some(parent), |n| nodes[*n].1);
        if above.all(|n| n != child) {
            nodes[child].1 = Some(parent);
        }
    }
    let mut nodes: Vec<Place> = Vec::new();
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (i, (_, _, id, references)) in messages.iter().enumerate() {
        let node = match names.get(id).copied() {
            Some(known) if nodes[known].0.is_none() => known,
            found => {
                nodes.push((None, None));
                if found.is_none() {
                    names.insert(*id, nodes.len() - 1);
                }
                nodes.len() - 1
            }
        };
        nodes[node].0 = Some(i);
        let mut last = None;
        for id in *references {
            let next = *names.entry(*id).or_insert_with(|| {
                nodes.push((None, None));
                nodes.len() - 1
            });
            if let Some(last) = last.filter(|_| nodes[next].1.is_none()) {
                link(&mut nodes, last, next);
            }
            last = Some(next);
        }
        nodes[node].1 = None;
        if let Some(last) = last {
            link(&mut nodes, last, node);
        }
    }
    nodes
}

/// What stands for a node below the top.
fn below(nodes: &[Place], n: usize) -> Vec<Tree> {
    let children = nodes.iter().enumerate().filter(|(_, node)| node.1 == Some(n)).map(|(child, _)| child);
    let children = children.flat_map(|child| below(nodes, child)).collect();
    match nodes[n].0 {
        Some(message) => vec![Tree { message: Some(message), children }],
        None => children,
    }
}

/// REFERENCES as RFC 5256 §3 writes it, one step after the other.
fn by_the_book(messages: &[Short<'_>]) -> String {
    let nodes = linked(messages);
    // Step 3: nobody is no message, but at the top with several children.
    let mut roots = Vec::new();
    for n in (0..nodes.len()).filter(|n| nodes[*n].1.is_none()) {
        let here = below(&nodes, n);
        if here.len() > 1 { roots.push(Tree { message: None, children: here }) } else { roots.extend(here) }
    }
    // Step 4.
    roots.sort_by_key(|r| r.key(messages));
    // Step 5.
    let mut roots: Vec<Option<Tree>> = roots.into_iter().map(Some).collect();
    let mut table: HashMap<String, usize> = HashMap::new();
    for (r, root) in roots.iter().enumerate() {
        let root = root.as_ref().unwrap();
        let (subject, marked) = root.subject(messages);
        if subject.is_empty() {
            continue;
        }
        let kept = table.get(&subject).and_then(|kept| roots[*kept].as_ref());
        let stays = kept.is_some_and(|kept| {
            kept.message.is_none() || !(root.message.is_none() || (kept.subject(messages).1 && !marked))
        });
        if !stays {
            table.insert(subject, r);
        }
    }
    for r in 0..roots.len() {
        let Some((subject, marked)) = roots[r].as_ref().map(|root| root.subject(messages)) else { continue };
        let Some(kept) = table.get(&subject).copied().filter(|kept| *kept != r) else { continue };
        let root = roots[r].take().unwrap();
        let into = roots[kept].as_mut().unwrap();
        if into.message.is_none() && root.message.is_none() {
            into.children.extend(root.children);
        } else if into.message.is_none() || (marked && !into.subject(messages).1) {
            into.children.push(root);
        } else {
            let into = roots[kept].take().unwrap();
            roots.push(Some(Tree { message: None, children: vec![into, root] }));
            table.insert(subject, roots.len() - 1);
        }
    }
    // Step 6.
    let mut all = Tree { message: None, children: roots.into_iter().flatten().collect() };
    all.sort(messages);
    let mut out = String::new();
    for root in &all.children {
        out.push('(');
        root.say(&mut out);
        out.push(')');
    }
    out
}

proptest! {
    #[test]
    fn the_quick_way_is_the_one_of_the_book(
        messages in proptest::collection::vec((0i64..6, 0usize..7, 0usize..9, proptest::collection::vec(0usize..9, 0..4)), 0..12),
    ) {
        let ids: Vec<String> = (0..9).map(|n| format!("<{n}>")).collect();
        let subjects = ["", "a", "Re: a", "b", "fwd: b", "A (fwd)", "c"];
        let named: Vec<Vec<&str>> = messages.iter().map(|m| m.3.iter().map(|&r| ids[r].as_str()).collect()).collect();
        let short: Vec<Short<'_>> =
            messages.iter().zip(&named).map(|(m, named)| (m.0, subjects[m.1], ids[m.2].as_str(), named.as_slice())).collect();
        prop_assert_eq!(refs(&short), by_the_book(&short));
    }
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
