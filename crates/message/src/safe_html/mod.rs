//! HTML of mail, made harmless: what comes out shows what a person wrote, and can do nothing.
//!
//! Promises: only elements and attributes of our lists come out, each made anew by a parser that reads as browsers do; nothing in it runs, loads, sends, or
//! names an address that is not one of ours ([`Options::link`]) or a picture that stands in it; a link says where it leads ([`hosts`]). Styles are judged value by value ([`style`]). What would cost
//! too much to read is refused before it is read ([`budget`]): whoever asks shows its text instead. Where it is shown, a frame that may run nothing stands
//! around it all the same.
mod budget;
mod hosts;
mod style;
mod words;
mod written;

pub use hosts::host;
pub use words::linked;
pub use written::{Written, written};

use crate::sniff::Picture;
use ammonia::{Builder, UrlRelative};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Most HTML that is read, bytes.
pub const MOST_IN: usize = 2 << 20;
/// Most that comes out, bytes, without what pictures weigh.
const MOST_OUT: usize = 4 << 20;
/// Most that pictures weigh together, as addresses, each as often as it is shown.
const PICTURES: usize = 16 << 20;
/// Longest value of an attribute that is a number, a colour, a name.
const SHORT: usize = 200;
/// Longest text of an attribute.
const TEXT: usize = 2_000;

/// Elements that come out.
const TAGS: &[&str] = &[
    "p",
    "div",
    "span",
    "br",
    "hr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "b",
    "strong",
    "i",
    "em",
    "u",
    "s",
    "sub",
    "sup",
    "small",
    "big",
    "pre",
    "code",
    "blockquote",
    "q",
    "cite",
    "abbr",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "td",
    "th",
    "caption",
    "colgroup",
    "col",
    "img",
    "a",
    "font",
    "center",
    "address",
    "figure",
    "figcaption",
    "del",
    "ins",
    "bdi",
    "bdo",
    "strike",
    "tt",
    "kbd",
    "samp",
    "var",
    "wbr",
];
/// Elements that go with all that is in them.
const DROPPED: &[&str] = &[
    "script",
    "style",
    "title",
    "textarea",
    "xmp",
    "noembed",
    "noframes",
    "noscript",
    "template",
    "svg",
    "math",
    "object",
    "iframe",
    "plaintext",
    "audio",
    "video",
    "canvas",
];
/// Attributes of any element.
const ATTRIBUTES: &[&str] = &[
    "align",
    "valign",
    "width",
    "height",
    "border",
    "cellpadding",
    "cellspacing",
    "colspan",
    "rowspan",
    "bgcolor",
    "color",
    "face",
    "size",
    "dir",
    "lang",
    "style",
];
/// Those whose value is text, of any element.
const TEXTS: &[&str] = &["title", "alt"];

/// What an address in the HTML becomes: one of our own pages; none: it leads nowhere.
pub type Link = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What is done with what the HTML names.
pub struct Options {
    /// Pictures of the message by their Content-ID (without brackets), as `data:` addresses.
    pub images: HashMap<String, String>,
    /// What an `http:`, `https:` or `mailto:` address becomes.
    pub link: Link,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("images", &self.images.len()).finish_non_exhaustive()
    }
}

/// HTML that can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clean {
    /// What stands in a body.
    pub html: String,
    /// About how many lines it takes.
    pub lines: u16,
    /// What was left out.
    pub left_out: LeftOut,
}

/// What was left out, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Pictures that are elsewhere.
    pub remote: u32,
    /// Pictures of the message that are not shown: too heavy, none of ours by their bytes, or not there.
    pub own: u32,
    /// Programs, forms, frames, drawings.
    pub active: u32,
}

/// It would cost too much to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much HTML")]
pub struct TooMuch;

/// Makes HTML harmless.
///
/// # Errors
/// [`TooMuch`]: it is too long, too deep, or made to be slow.
pub fn clean(html: &str, options: Options) -> Result<Clean, TooMuch> {
    let active = budget::judge(html)?;
    let seen = Arc::new(Seen::default());
    let html = builder(options, seen.clone()).clean(html).to_string();
    let html = hosts::told(&html, &seen.led.lock().unwrap_or_else(PoisonError::into_inner));
    if html.len() > MOST_OUT + seen.pictures.load(Ordering::Relaxed) {
        return Err(TooMuch);
    }
    let lines = lines(&html);
    let (remote, own) = (seen.remote.load(Ordering::Relaxed), seen.own.load(Ordering::Relaxed));
    Ok(Clean { html, lines, left_out: LeftOut { remote, own, active } })
}

/// What was met on the way.
#[derive(Debug, Default)]
struct Seen {
    /// Pictures that are elsewhere.
    remote: AtomicU32,
    /// Pictures of the message that are not shown.
    own: AtomicU32,
    /// Bytes of pictures that are shown.
    pictures: AtomicUsize,
    /// What addresses became, and where they lead.
    led: Mutex<HashMap<String, String>>,
}

/// Content-IDs that the HTML may show, in their order, each once: what is worth reading for [`Options::images`].
pub fn shown(html: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), html);
    while let Some(at) = rest.as_bytes().windows(4).position(|w| w.eq_ignore_ascii_case(b"cid:")) {
        rest = &rest[at + 4..];
        let end = rest.find(['"', '\'', '>', ' ', '\t', '\r', '\n', ')']).unwrap_or(rest.len());
        let id = named(&rest[..end]);
        if !id.is_empty() && found.len() < 200 && !found.contains(&id) {
            found.push(id);
        }
        rest = &rest[end..];
    }
    found
}

/// A Content-ID as an address writes it (RFC 2392), decoded.
fn named(id: &str) -> String {
    let bytes = id.replace("&amp;", "&").into_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&b) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match hex.filter(|_| b == b'%').and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(b);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn builder(options: Options, seen: Arc<Seen>) -> Builder<'static> {
    let own: HashMap<&str, HashSet<&str>> = HashMap::from([
        ("a", HashSet::from(["href"])),
        ("img", HashSet::from(["src"])),
        ("ol", HashSet::from(["start", "type"])),
        ("ul", HashSet::from(["type"])),
        ("th", HashSet::from(["scope"])),
        ("td", HashSet::from(["scope"])),
    ]);
    let new_window = HashMap::from([("a", HashMap::from([("target", "_blank")]))]);
    let filter = move |element: &str, attribute: &str, value: &str| -> Option<String> {
        match (element, attribute) {
            // Ours: they are added, never taken.
            ("a", "target" | "rel") => Some(value.to_owned()),
            ("a", "href") => {
                let (to, place) = led(value, &options.link)?;
                if let Some(place) = place {
                    let _ = seen.led.lock().unwrap_or_else(PoisonError::into_inner).insert(to.clone(), place);
                }
                Some(to)
            }
            // Where a link leads is said there, by us.
            ("a", "title") => None,
            ("img", "src") => {
                let shown = picture(value, &options.images).filter(|found| {
                    let before = seen.pictures.fetch_add(found.len(), Ordering::Relaxed);
                    before + found.len() <= PICTURES
                });
                if shown.is_none() {
                    let left_out = if is_own(value) { &seen.own } else { &seen.remote };
                    let _ = left_out.fetch_add(1, Ordering::Relaxed);
                }
                shown
            }
            (_, "href" | "src") => None,
            (_, "style") => Some(style::judged(value)).filter(|kept| !kept.is_empty()),
            // Brackets in a value are how one reader is made to see a tag where another sees none.
            (_, name) if TEXTS.contains(&name) => {
                (value.len() <= TEXT && !value.contains(['<', '>'])).then(|| value.to_owned())
            }
            _ => plain(value).then(|| value.to_owned()),
        }
    };
    let mut builder = Builder::empty();
    builder
        .tags(TAGS.iter().copied().collect())
        .clean_content_tags(DROPPED.iter().copied().collect())
        .tag_attributes(own)
        .tag_attribute_values(HashMap::new())
        .set_tag_attribute_values(new_window)
        .generic_attributes(ATTRIBUTES.iter().chain(TEXTS).copied().collect())
        .url_schemes(HashSet::from(["http", "https", "mailto", "cid", "data"]))
        // What leads to our own pages is relative; what was written so is refused by the filter.
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer nofollow"))
        .strip_comments(true)
        .filter_style_properties(style::PROPERTIES.iter().copied().collect())
        .attribute_filter(move |element, attribute, value| filter(element, attribute, value).map(Cow::Owned));
    builder
}

/// A number, a length, a colour, a name.
fn plain(value: &str) -> bool {
    value.len() <= SHORT && value.chars().all(|c| c.is_ascii_alphanumeric() || "#%.,+- _".contains(c))
}

/// What an address of a link becomes, and the place to which it leads.
fn led(value: &str, link: &Link) -> Option<(String, Option<String>)> {
    // A browser reads an address without its controls and the spaces around it.
    let value = value.trim_matches(|c: char| c <= ' ');
    let value: String = value.chars().filter(|c| !matches!(c, '\t' | '\r' | '\n')).collect();
    let scheme = value.split_once(':')?.0.to_ascii_lowercase();
    let known = matches!(scheme.as_str(), "http" | "https" | "mailto");
    known.then(|| link(&value)).flatten().map(|to| (to, hosts::place(&value)))
}

/// Does an address name a picture of the message, or hold one?
fn is_own(value: &str) -> bool {
    let scheme = value.trim().split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|s| s.eq_ignore_ascii_case("cid") || s.eq_ignore_ascii_case("data"))
}

/// A picture that stands in the message, or in the HTML itself.
fn picture(value: &str, images: &HashMap<String, String>) -> Option<String> {
    let (scheme, rest) = value.trim().split_once(':')?;
    if scheme.eq_ignore_ascii_case("cid") {
        return images.get(&named(rest)).cloned();
    }
    if !scheme.eq_ignore_ascii_case("data") {
        return None;
    }
    let (_, data) = rest.split_once(";base64,")?;
    let data: String = data.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    as_address(&STANDARD.decode(data).ok()?)
}

/// A picture as an address that holds it; none for what is no picture that we show.
pub fn as_address(bytes: &[u8]) -> Option<String> {
    let kind = Picture::of(bytes).filter(|_| crate::sniff::is_fair(bytes))?;
    Some(format!("data:{};base64,{}", kind.media_type(), STANDARD.encode(bytes)))
}

/// About how many lines a text takes.
fn lines(html: &str) -> u16 {
    let breaks = ["<br", "<p", "<div", "<tr", "<li", "<h", "<dt", "<blockquote"];
    let blocks: usize = breaks.iter().map(|tag| html.matches(tag).count()).sum();
    let text = html.split('>').map(|piece| piece.split('<').next().unwrap_or_default().len()).sum::<usize>();
    let pictures = 12 * html.matches("<img").count();
    u16::try_from(blocks + text / 90 + pictures).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
