//! What a style may say: colours, type, distances, borders; nothing that loads, computes, moves or covers.

/// Properties that are kept.
pub(super) const PROPERTIES: &[&str] = &[
    "color",
    "background-color",
    "background",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "font-variant",
    "text-align",
    "text-decoration",
    "text-indent",
    "text-transform",
    "line-height",
    "letter-spacing",
    "white-space",
    "vertical-align",
    "list-style-type",
    "word-break",
    "overflow-wrap",
    "direction",
    "padding",
    "padding-top",
    "padding-right",
    "padding-bottom",
    "padding-left",
    "margin",
    "margin-top",
    "margin-right",
    "margin-bottom",
    "margin-left",
    "border",
    "border-top",
    "border-right",
    "border-bottom",
    "border-left",
    "border-width",
    "border-style",
    "border-color",
    "border-top-color",
    "border-right-color",
    "border-bottom-color",
    "border-left-color",
    "border-top-width",
    "border-right-width",
    "border-bottom-width",
    "border-left-width",
    "border-collapse",
    "border-spacing",
    "border-radius",
    "width",
    "height",
    "max-width",
    "min-width",
    "max-height",
    "min-height",
    "display",
];
/// Values of `display`: what a text is laid out by.
const DISPLAYS: &[&str] = &[
    "block",
    "inline",
    "inline-block",
    "table",
    "table-row",
    "table-cell",
    "table-row-group",
    "table-header-group",
    "list-item",
    "none",
];
/// Functions that only name a colour.
const COLOURS: [&str; 4] = ["rgb(", "rgba(", "hsl(", "hsla("];
/// Largest number in a value.
const LARGEST: f64 = 2_000.0;
/// Longest style that is looked at, and longest value.
const LONGEST: usize = 8 << 10;
const VALUE: usize = 200;

/// The declarations that may stay, written anew.
pub(super) fn judged(style: &str) -> String {
    let mut out = String::new();
    // An escape or a comment hides what is said; a style that has one says nothing.
    if style.len() > LONGEST || style.contains('\\') || style.contains("/*") {
        return out;
    }
    for declaration in style.split(';') {
        let Some((name, value)) = declaration.split_once(':') else { continue };
        let name = name.trim().to_ascii_lowercase();
        let Some(value) = kept(&name, value) else { continue };
        if !out.is_empty() {
            out.push(';');
        }
        out.push_str(&name);
        out.push(':');
        out.push_str(&value);
    }
    out
}

/// A value as it stays.
fn kept(name: &str, value: &str) -> Option<String> {
    if !PROPERTIES.contains(&name) || value.len() > VALUE {
        return None;
    }
    let value = value.trim().to_ascii_lowercase();
    let value = value.strip_suffix("!important").unwrap_or(&value).trim_end();
    // Names of typefaces are the only quoted values; bare words say the same.
    let value = value.replace(['"', '\''], if name.starts_with("font") { " " } else { "\"" });
    if name == "display" {
        return DISPLAYS.contains(&value.as_str()).then_some(value);
    }
    let mut rest = value.clone();
    for colour in COLOURS {
        while let Some(at) = rest.find(colour) {
            let from = at + colour.len();
            let end = from + rest[from..].find(')')?;
            let said = &rest[from..end];
            let fine = said.chars().all(|c| c.is_ascii_digit() || "., %/deg".contains(c));
            if !(fine && said.split([' ', ',', '/']).all(measured)) {
                return None;
            }
            rest.replace_range(at..=end, " ");
        }
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || "#%.,+- ".contains(c);
    (!rest.trim().is_empty() || rest.len() < value.len()).then_some(())?;
    (rest.chars().all(fine) && rest.split([' ', ',']).all(measured)).then_some(value)
}

/// A word that is a number is neither negative nor huge.
fn measured(word: &str) -> bool {
    let digits = word.trim_start_matches(['+', '-']);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return true;
    }
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    // An exponent, not a unit.
    let grows = digits[end..]
        .strip_prefix('e')
        .is_some_and(|e| e.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)));
    !grows && !word.starts_with('-') && digits[..end].parse::<f64>().is_ok_and(|n| n <= LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_stays() {
        for (said, kept) in [
            ("color: #FF0000; font-weight:bold", "color:#ff0000;font-weight:bold"),
            ("font-family: \"Times New Roman\", serif", "font-family: times new roman , serif"),
            ("color: rgb(1, 2, 3) !important", "color:rgb(1, 2, 3)"),
            ("border:1px solid rgba(0,0,0,.5);margin:0 0 1em", "border:1px solid rgba(0,0,0,.5);margin:0 0 1em"),
            ("DISPLAY: Block", "display:block"),
            ("width:100%;max-width:640px", "width:100%;max-width:640px"),
        ] {
            assert_eq!(judged(said).replace(": ", ":"), kept.replace(": ", ":"), "{said}");
        }
    }

    #[test]
    fn what_does_something_goes() {
        for said in [
            "background:url(http://canari/x)",
            "background:URL( 'http://canari/x' )",
            "background:u\\72l(http://canari/x)",
            "background:url(http://canari/x",
            "background:/**/url(http://canari)",
            "background-image:image-set('http://canari/x' 1x)",
            "color:var(--x)",
            "width:calc(1px + 2px)",
            "width:expression(alert(1))",
            "behavior:url(x.htc)",
            "-moz-binding:url(x)",
            "position:fixed",
            "margin:-50px",
            "margin-top:-1e3px",
            "width:99999px",
            "width:9e9px",
            "display:contents",
            "content:'x'",
            "color:red\u{0}",
            "color:rgb(1;2)",
            "color:rgb(1,url(x))",
            "color:rgb(1e99,2,3)",
            "color:",
            "@import 'http://canari'",
        ] {
            assert_eq!(judged(said), "", "{said}");
        }
        assert_eq!(judged(&"color:red;".repeat(1_000)), "", "too long");
    }
}
