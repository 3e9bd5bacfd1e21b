//! Text that may be what a person wrote in our editor: no panic; only what the editor makes comes out, in both parts of one length at most, and comes out as
//! it is when it is taken again.
#![no_main]
use libfuzzer_sys::fuzz_target;
use sceau_message::safe_html::written;

/// Elements that the editor makes.
const TAGS: [&str; 14] = ["p", "div", "br", "b", "strong", "i", "em", "u", "s", "ul", "ol", "li", "blockquote", "a"];
/// Most that comes out, bytes.
const MOST: usize = 512 << 10;

fuzz_target!(|text: &str| {
    let Ok(made) = written(text) else { return };
    assert!(made.html.len() <= MOST, "{}", made.html.len());
    for tag in made.html.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        let (name, attributes) =
            tag.trim_start_matches('/').split_once(' ').unwrap_or((tag.trim_start_matches('/'), ""));
        assert!(TAGS.contains(&name), "{}", made.html);
        if attributes.is_empty() {
            continue;
        }
        // The one attribute there is: where a link leads.
        let to = attributes.strip_prefix("href=\"").and_then(|rest| rest.strip_suffix('"'));
        let to = to.unwrap_or_else(|| panic!("{attributes} in {}", made.html));
        assert!(name == "a" && !to.contains('"'), "{}", made.html);
        // Browsers leave these out of an address.
        let read: String = to.chars().filter(|c| !c.is_control() && *c != ' ').collect();
        let scheme = read.split(':').next().unwrap_or_default().to_ascii_lowercase();
        assert!(["http", "https", "mailto"].contains(&scheme.as_str()), "{to}");
    }
    assert_eq!(made.html.is_empty(), made.text.is_empty());
    assert_eq!(written(&made.html).as_ref(), Ok(&made), "taken again");
});
