//! Passwords in addresses (`postgres://user:password@host`, `?password=…`) are never shown: not by `config show`, not in the line that a
//! syntax error quotes, which ends in logs.

/// Stands for a password.
const HIDDEN: &str = "…";

/// The same text without the passwords of the addresses in it.
pub fn hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`')).unwrap_or(after.len());
        out.push_str(&address(&after[..end]));
        rest = &after[end..];
    }
    out + rest
}

/// What follows `://` in an address.
fn address(text: &str) -> String {
    // A password may hold anything, an @ that somebody forgot to escape too: the last one ends it.
    let (before, query) = text.split_once('?').unwrap_or((text, ""));
    let mut out = match before.rsplit_once('@').and_then(|(who, place)| Some((who.split_once(':')?.0, place))) {
        Some((user, place)) => format!("{user}:{HIDDEN}@{place}"),
        None => before.to_owned(),
    };
    for (i, part) in query.split('&').enumerate().filter(|(_, part)| !part.is_empty()) {
        out.push(if i == 0 { '?' } else { '&' });
        match part.split_once('=') {
            Some((name, _)) if name.eq_ignore_ascii_case("password") => out.push_str(&format!("{name}={HIDDEN}")),
            _ => out.push_str(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_go_and_the_rest_stays() {
        for (text, expected) in [
            ("postgres://sceau:s3cr:et@db1,db2/sceau?a=b", "postgres://sceau:…@db1,db2/sceau?a=b"),
            ("postgres://sceau@db/sceau?a=b&password=s3cret&c", "postgres://sceau@db/sceau?a=b&password=…&c"),
            ("url = \"postgres://u:p@ss@h/d\" # x@y", "url = \"postgres://u:…@h/d\" # x@y"),
            ("s3://bucket/prefix", "s3://bucket/prefix"),
            ("data/sceau.db, https://h:9000/x", "data/sceau.db, https://h:9000/x"),
        ] {
            assert_eq!(hidden(text), expected);
        }
    }
}
