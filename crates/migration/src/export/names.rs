//! Names of files and folders that an export makes: nothing that people wrote leads out of its folder.
use crate::manifest::Format;
use sceau_message::utf7;
use std::collections::HashSet;

/// Longest name of a file, octets.
const LONGEST: usize = 200;
/// Characters that some file system refuses, and the one that [`escaped`] writes.
const REFUSED: [char; 10] = ['/', '\\', '%', '<', '>', ':', '"', '|', '?', '*'];
/// Ends of names that say what a file or folder is.
const ENDS: [&str; 4] = [".mbox", ".mbx", ".sbd", ".jsonl"];

/// Places that are taken. File systems that do not tell capitals from small letters would put two folders into one place.
#[derive(Debug, Default)]
pub(super) struct Taken(HashSet<String>);

impl Taken {
    pub(super) fn new<'a>(places: impl Iterator<Item = &'a str>) -> Self {
        Self(places.map(str::to_lowercase).collect())
    }
    fn take(&mut self, place: &str) -> bool {
        self.0.insert(place.to_lowercase())
    }
}

/// A level as a file's name: without separators of paths, and never hidden.
pub fn escaped(level: &str) -> String {
    let mut out = String::new();
    for (n, c) in level.chars().enumerate() {
        match c {
            c if REFUSED.contains(&c) => out.push_str(&format!("%{:02X}", c as u32)),
            '.' if n == 0 => out.push_str("%2E"),
            c if c.is_control() => {
                out.push_str(&c.to_string().bytes().map(|b| format!("%{b:02X}")).collect::<String>())
            }
            c => out.push(c),
        }
    }
    out
}

/// A level that has others below it as a folder's name: no file's, and nothing at its end that a file system takes away.
fn escaped_above(level: &str) -> String {
    let mut name = escaped(level);
    let lower = name.to_lowercase();
    let dot = ENDS.iter().find(|end| lower.ends_with(*end)).and_then(|_| name.rfind('.'));
    let last = name.char_indices().next_back().filter(|(_, c)| matches!(c, '.' | ' ')).map(|(at, _)| at);
    if let Some(at) = dot.or(last) {
        let code = format!("%{:02X}", name.as_bytes()[at]);
        name.replace_range(at..=at, &code);
    }
    name
}

/// What [`escaped`] was given. A `%` that it did not write stays.
pub fn unescaped(name: &str) -> String {
    let mut out: Vec<u8> = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%').then(|| after.get(..2)).flatten().and_then(|d| std::str::from_utf8(d).ok());
        match code.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit())).and_then(|d| u8::from_str_radix(d, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &after[2..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| name.to_owned())
}

/// Where a folder of these levels goes; one that nothing else has.
pub(super) fn place(format: Format, levels: &[String], taken: &mut Taken) -> String {
    let natural = match format {
        Format::Maildir if levels == ["INBOX"] => ".".to_owned(),
        Format::Maildir => {
            let level = |l: &String| {
                l.split('.').map(utf7::encode).collect::<Vec<_>>().join(crate::maildir::DOT).replace('/', "-")
            };
            format!(".{}", levels.iter().map(level).collect::<Vec<_>>().join("."))
        }
        Format::Mbox => {
            let (last, above) = levels.split_last().map_or(("", levels), |(last, above)| (last.as_str(), above));
            let above: String = above.iter().map(|l| escaped_above(l) + "/").collect();
            format!("{above}{}.mbox", escaped(last))
        }
    };
    let fits = natural.split('/').all(|part| part.len() <= LONGEST) && natural.len() <= 1000;
    if fits && taken.take(&natural) {
        return natural;
    }
    let mut n = taken.0.len();
    loop {
        let other = match format {
            Format::Maildir => format!(".folder-{n:04}"),
            Format::Mbox => format!("folder-{n:04}.mbox"),
        };
        if taken.take(&other) {
            return other;
        }
        n += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_stay_in_the_folder() {
        let mut taken = Taken::default();
        let mut at = |format, name: &str| {
            let levels: Vec<String> = name.split('|').map(str::to_owned).collect();
            place(format, &levels, &mut taken)
        };
        assert_eq!(at(Format::Maildir, "INBOX"), ".");
        assert_eq!(at(Format::Maildir, "Envoyés|v1.2"), ".Envoy&AOk-s.v1&AC4-2");
        assert_eq!(at(Format::Maildir, "..|x"), ".&AC4-&AC4-.x");
        assert_eq!(at(Format::Mbox, "Été|..|a/b"), "Été/%2E%2E/a%2Fb.mbox");
        assert_eq!(at(Format::Mbox, &"é".repeat(150)), "folder-0004.mbox");
        assert_eq!(at(Format::Mbox, "a"), "a.mbox");
        assert_eq!(at(Format::Mbox, "a"), "folder-0006.mbox");
        // One file to a file system that does not tell capitals; a folder that would have a file's name; what some refuse.
        assert_eq!(at(Format::Mbox, "A"), "folder-0007.mbox");
        assert_eq!(at(Format::Mbox, "a.mbox|b"), "a%2Embox/b.mbox");
        assert_eq!(at(Format::Mbox, "Manifest.JSONL|b. |c"), "Manifest%2EJSONL/b.%20/c.mbox");
        assert_eq!(at(Format::Mbox, "Re: qui ?"), "Re%3A qui %3F.mbox");
        assert_eq!(at(Format::Maildir, "Patients"), ".Patients");
        assert_eq!(at(Format::Maildir, "PATIENTS"), ".folder-0012");
        assert_eq!(unescaped("100 % sûr %"), "100 % sûr %");
    }

    proptest! {
        #[test]
        fn names_are_read_back(level in "\\PC{0,12}|[./%\\\\]{0,4}") {
            let file = escaped(&level);
            prop_assert!(!file.contains('/') && !file.starts_with('.'));
            prop_assert_eq!(unescaped(&file), level.clone());
            prop_assert_eq!(unescaped(&escaped_above(&level)), level);
        }
    }
}
