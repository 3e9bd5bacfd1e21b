//! Names of files and folders that an export makes: nothing that people wrote leads out of its folder.
use crate::manifest::Format;
use sceau_message::utf7;
use std::collections::HashSet;

/// Longest name of a file, octets.
const LONGEST: usize = 200;

/// A level as a file's name: without separators of paths, and never hidden.
pub fn escaped(level: &str) -> String {
    let mut out = String::new();
    for (n, c) in level.chars().enumerate() {
        match c {
            '/' | '%' | '\\' => out.push_str(&format!("%{:02X}", c as u32)),
            '.' if n == 0 => out.push_str("%2E"),
            c if c.is_control() => {
                out.push_str(&c.to_string().bytes().map(|b| format!("%{b:02X}")).collect::<String>())
            }
            c => out.push(c),
        }
    }
    out
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
pub(super) fn place(format: Format, levels: &[String], taken: &mut HashSet<String>) -> String {
    let natural = match format {
        Format::Maildir if levels == ["INBOX"] => ".".to_owned(),
        Format::Maildir => {
            let level = |l: &String| {
                l.split('.').map(utf7::encode).collect::<Vec<_>>().join(crate::maildir::DOT).replace('/', "-")
            };
            format!(".{}", levels.iter().map(level).collect::<Vec<_>>().join("."))
        }
        Format::Mbox => format!("{}.mbox", levels.iter().map(|l| escaped(l)).collect::<Vec<_>>().join("/")),
    };
    let fits = natural.split('/').all(|part| part.len() <= LONGEST) && natural.len() <= 1000;
    if fits && taken.insert(natural.clone()) {
        return natural;
    }
    let mut n = taken.len();
    loop {
        let other = match format {
            Format::Maildir => format!(".folder-{n:04}"),
            Format::Mbox => format!("folder-{n:04}.mbox"),
        };
        if taken.insert(other.clone()) {
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
        let mut taken = HashSet::new();
        let mut at = |format, name: &str| {
            let levels: Vec<String> = name.split('|').map(str::to_owned).collect();
            place(format, &levels, &mut taken)
        };
        assert_eq!(at(Format::Maildir, "INBOX"), ".");
        assert_eq!(at(Format::Maildir, "Envoyés|v1.2"), ".Envoy&AOk-s.v1&AC4-2");
        assert_eq!(at(Format::Maildir, "..|x"), ".&AC4-&AC4-.x");
        assert_eq!(at(Format::Mbox, "Été|..|a/b"), "Été/%2E./a%2Fb.mbox");
        assert_eq!(at(Format::Mbox, &"é".repeat(150)), "folder-0004.mbox");
        assert_eq!(at(Format::Mbox, "a"), "a.mbox");
        assert_eq!(at(Format::Mbox, "a"), "folder-0006.mbox");
        assert_eq!(unescaped("100 % sûr %"), "100 % sûr %");
    }

    proptest! {
        #[test]
        fn names_are_read_back(level in "\\PC{0,12}|[./%\\\\]{0,4}") {
            let file = escaped(&level);
            prop_assert!(!file.contains('/') && !file.starts_with('.'));
            prop_assert_eq!(unescaped(&file), level);
        }
    }
}
