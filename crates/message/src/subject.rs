//! The base subject (RFC 5256 §2.1): what a subject says without the marks of replies, forwards and lists.
//!
//! What is promised: linear in the length of the subject, and a base subject is its own base subject.

/// A subject's text without what was added on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseSubject {
    /// The text, in one line, white space runs as one space; empty when nothing is left. Compare by [`crate::casemap::casemap`].
    pub text: String,
    /// A mark of a reply or a forward was taken off.
    pub reply_or_forward: bool,
}

/// The base subject of a subject that was decoded already ([`crate::header::decoded`]).
pub fn base_subject(decoded: &str) -> BaseSubject {
    let line = one_line(decoded);
    let (text, reply_or_forward) = base(&line);
    BaseSubject { text: text.to_owned(), reply_or_forward }
}

/// Tabs, line ends and runs of spaces as one space (step 1).
fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if matches!(c, '\t' | '\r' | '\n') { ' ' } else { c };
        if !(c == ' ' && out.ends_with(' ')) {
            out.push(c);
        }
    }
    out
}

fn base(mut text: &str) -> (&str, bool) {
    let mut marked = false;
    loop {
        // Step 2: what stands after.
        loop {
            text = text.trim_end_matches(' ');
            let Some(rest) = without_end(text, "(fwd)") else { break };
            (text, marked) = (rest, true);
        }
        // Steps 3 to 5: what stands before. Blobs are passed together: one that is not followed by a mark of reply is taken off as long as
        // something is left, so that of nothing but blobs the last one stays.
        loop {
            text = text.trim_start_matches(' ');
            let (mut after, mut last) = (text, text);
            while let Some(rest) = without_blob(after) {
                (last, after) = (after, rest);
            }
            if let Some(rest) = without_refwd(after) {
                (text, marked) = (rest, true);
                continue;
            }
            text = if after.is_empty() { last } else { after };
            break;
        }
        // Step 6: wrapped as a whole.
        match without_start(text, "[fwd:").and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => (text, marked) = (inner, true),
            None => return (text, marked),
        }
    }
}

/// `subj-blob`: brackets without brackets in them, and the spaces after them.
fn without_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = memchr::memchr2(b'[', b']', inner.as_bytes())?;
    // Both are ASCII: the cut stands between characters.
    inner.get(end..)?.strip_prefix(']').map(|rest| rest.trim_start_matches(' '))
}

/// `subj-refwd`: `re`, `fw` or `fwd`, maybe a blob, and a colon.
fn without_refwd(text: &str) -> Option<&str> {
    let rest = without_start(text, "re").or_else(|| {
        let rest = without_start(text, "fw")?;
        Some(without_start(rest, "d").unwrap_or(rest))
    })?;
    let rest = rest.trim_start_matches(' ');
    without_blob(rest).unwrap_or(rest).strip_prefix(':')
}

fn without_start<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start).then_some(rest)
}

fn without_end<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let (rest, tail) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    tail.eq_ignore_ascii_case(end).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_are_taken_off() {
        for (subject, text, marked) in [
            ("Résultats", "Résultats", false),
            ("Re: Résultats", "Résultats", true),
            ("  re : RE: fwd:Fw [2] : Résultats  (fwd) (FWD)", "Résultats", true),
            ("[mss] Résultats", "Résultats", false),
            ("[mss] Re: [mss] Résultats", "Résultats", true),
            ("Re: [mss]", "[mss]", true),
            ("[a] [b]", "[b]", false),
            ("[a] [b] c [d]", "c [d]", false),
            ("[Fwd: Re: [a] Résultats (fwd)]", "Résultats", true),
            ("[fwd: a] b", "b", false),
            ("[fwd: [fwd: a]]", "a", true),
            ("Re: ", "", true),
            ("(fwd)", "", true),
            ("", "", false),
            ("Rendez-vous: lundi", "Rendez-vous: lundi", false),
            ("Fwdé: x", "Fwdé: x", false),
            ("re[1]é: x", "re[1]é: x", false),
            ("a\t \r\n  b", "a b", false),
            ("[", "[", false),
            ("[[a] b", "[[a] b", false),
            ("[a[b] c", "[a[b] c", false),
            ("Re[2][3]: a", "Re[2][3]: a", false),
        ] {
            let found = base_subject(subject);
            assert_eq!((found.text.as_str(), found.reply_or_forward), (text, marked), "{subject}");
        }
    }

    #[test]
    fn a_megabyte_of_marks_is_read_in_one_pass() {
        // Quadratic reading would take minutes here.
        for unit in ["[a]", "re:", "[fwd:", "(fwd)", "[", "re[", "re [a", "fw "] {
            base_subject(&unit.repeat(1_000_000 / unit.len()));
        }
        assert_eq!(base_subject(&("[a] ".repeat(200_000) + "x")).text, "x");
    }

    /// The steps of RFC 5256 §2.1 as they are written, one piece at a time.
    fn by_the_book(subject: &str) -> String {
        let mut s = one_line(subject);
        loop {
            loop {
                let lower = s.to_ascii_lowercase();
                if lower.ends_with("(fwd)") {
                    s.truncate(s.len() - 5);
                } else if s.ends_with(' ') {
                    s.pop();
                } else {
                    break;
                }
            }
            loop {
                let before = s.clone();
                // Step 3: *subj-blob subj-refwd, or white space.
                let mut rest = s.as_str();
                loop {
                    if let Some(after) = without_refwd(rest) {
                        s = after.to_owned();
                        break;
                    }
                    match without_blob(rest) {
                        Some(after) => rest = after,
                        None => break,
                    }
                }
                s = s.strip_prefix(' ').map(str::to_owned).unwrap_or(s);
                if s != before {
                    continue;
                }
                // Step 4.
                if let Some(after) = without_blob(&s).filter(|after| !after.is_empty()) {
                    s = after.to_owned();
                }
                if s == before {
                    break;
                }
            }
            match without_start(&s, "[fwd:").and_then(|r| r.strip_suffix(']')) {
                Some(inner) => s = inner.to_owned(),
                None => return s,
            }
        }
    }

    proptest! {
        #[test]
        fn the_short_way_is_the_long_one(pieces in proptest::collection::vec(proptest::sample::select(vec![
            "re", "fw", "d", ":", " ", "[", "]", "[a]", "[fwd:", "(fwd)", "é", "x", "\t", "Re: ", "[b] ",
        ]), 0..14)) {
            let subject = pieces.concat();
            let found = base_subject(&subject);
            prop_assert_eq!(&found.text, &by_the_book(&subject), "{}", subject);
            prop_assert_eq!(&base_subject(&found.text), &BaseSubject { text: found.text.clone(), reply_or_forward: false });
            prop_assert_eq!(base_subject(&format!("RE: {subject}")).text, found.text.clone());
            prop_assert_eq!(base_subject(&format!("{subject} (fwd)")).text, found.text);
        }
        #[test]
        fn anything_is_read(subject in "\\PC{0,60}") {
            let found = base_subject(&subject);
            prop_assert_eq!(base_subject(&found.text).text, found.text);
        }
    }
}
