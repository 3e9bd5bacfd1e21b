//! Text that may be a style of mail: no panic; what stays of it only says how words look, in letters that neither load, compute nor leave their place.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_message::safe_html::{Options, clean};
use std::collections::HashMap;

/// Functions that only name a colour.
const COLOURS: [&str; 4] = ["rgb", "rgba", "hsl", "hsla"];
/// Beginnings of properties that load, move, cover or run something.
const NEVER: [&str; 14] = [
    "-",
    "animation",
    "background-image",
    "behavior",
    "clip",
    "content",
    "cursor",
    "filter",
    "float",
    "mask",
    "opacity",
    "position",
    "transform",
    "z-index",
];

fuzz_target!(|style: &str| {
    let written = style.replace('&', "&amp;").replace('"', "&quot;");
    let options = Options { images: HashMap::new(), link: Box::new(|_| None) };
    let Ok(made) = clean(&format!("<p style=\"{written}\">x</p>"), options) else { return };
    let Some((_, kept)) = made.html.split_once(" style=\"") else { return };
    let (kept, rest) = kept.split_once('"').expect("an attribute ends");
    assert_eq!(rest, ">x</p>", "{}", made.html);
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "#%.,+- ()/:;".contains(c);
    assert!(kept.chars().all(fine), "{kept}");
    for (at, _) in kept.match_indices('(') {
        let name = kept[..at].rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        assert!(COLOURS.contains(&name), "{name} in {kept}");
    }
    for declaration in kept.split(';').filter(|d| !d.is_empty()) {
        let (name, _) = declaration.split_once(':').expect("a declaration");
        assert!(!NEVER.iter().any(|never| name.trim().starts_with(never)), "{kept}");
    }
});
