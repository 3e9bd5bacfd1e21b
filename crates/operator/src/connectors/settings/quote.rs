//! Values written so that each language takes them for values.

/// Fills `@NAME@` of a template, in one pass: what a value holds is never taken for a name.
pub fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(template.len() + 4096);
    let mut rest = template;
    while let Some(at) = rest.find('@') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let name = from[1..].split('@').next().unwrap_or_default();
        match values.iter().find(|(n, _)| *n == name && from.len() > name.len() + 1) {
            Some((_, value)) => {
                out.push_str(value);
                rest = &from[name.len() + 2..];
            }
            None => {
                out.push('@');
                rest = &from[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// One line: controls are spaces.
fn line(value: &str) -> String {
    value.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

/// In a comment of either language: letters, digits and a few signs.
pub fn comment(value: &str) -> String {
    line(value)
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_') { c } else { ' ' })
        .collect()
}

/// A word of the POSIX shell.
pub fn shell(value: &str) -> String {
    format!("'{}'", line(value).replace('\'', "'\\''"))
}

/// A literal of PowerShell, which takes five characters for a single quote.
pub fn powershell(value: &str) -> String {
    let mut out = String::from("'");
    for c in value.chars() {
        let c = if c.is_control() && c != '\n' { ' ' } else { c };
        if matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    // Only certificates have several lines.
    if value.starts_with("-----BEGIN") { out } else { out.replace('\n', " ") }
}

/// A certificate: its marks and base64, nothing else.
pub fn pem(value: &str) -> String {
    let mark = |l: &&str| matches!(*l, "-----BEGIN CERTIFICATE-----" | "-----END CERTIFICATE-----");
    let base64 = |l: &&str| {
        !l.is_empty()
            && l.len() <= 76
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
    };
    let mut inside = false;
    let mut kept = Vec::new();
    for l in value.lines().map(str::trim) {
        if mark(&l) {
            inside = l.contains("BEGIN");
            kept.push(l);
        } else if inside && base64(&l) && l != "SCEAU_END" {
            kept.push(l);
        }
    }
    kept.join("\n")
}

/// In a page of Markdown.
pub fn markdown(value: &str) -> String {
    line(value).chars().filter(|c| !matches!(c, '`' | '<' | '>' | '[' | ']' | '*' | '|' | '\\' | '{' | '}')).collect()
}
