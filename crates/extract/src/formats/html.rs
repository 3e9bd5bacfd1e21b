//! HTML: its text, without tags, scripts and styles.
use super::{Text, plain};
use encoding_rs::{Encoding, WINDOWS_1252};
use sceau_message::html::Stripper;

/// How far a `<meta charset>` is looked for, bytes (HTML standard, prescan).
const PRESCAN: usize = 1024;
/// Bytes that are stripped at a time.
const PIECE: usize = 16 << 10;

/// Pushes the text of a page.
pub fn text(content: &[u8], out: &mut Text) {
    let encoding = Encoding::for_bom(content).map(|(e, _)| e).or_else(|| declared(content));
    let encoding = encoding.unwrap_or(if plain::is_utf8(content) { encoding_rs::UTF_8 } else { WINDOWS_1252 });
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut stripper = Stripper::default();
    let (mut rest, mut html, mut text) = (content, String::with_capacity(PIECE), String::new());
    while !out.is_full() {
        let (result, read, _) = decoder.decode_to_string(rest, &mut html, true);
        rest = &rest[read..];
        stripper.push(&html, &mut text);
        let done = result == encoding_rs::CoderResult::InputEmpty;
        if done {
            stripper.end(&mut text);
        }
        out.push(&text);
        text.clear();
        html.clear();
        if done {
            break;
        }
    }
}

/// The charset that the page's head names.
fn declared(content: &[u8]) -> Option<&'static Encoding> {
    let head = content[..content.len().min(PRESCAN)].to_ascii_lowercase();
    let at = head.windows(8).position(|w| w == b"charset=")?;
    let label = head[at + 8..].trim_ascii_start();
    let label = label.strip_prefix(b"\"").or_else(|| label.strip_prefix(b"'")).unwrap_or(label);
    let end = label.iter().position(|b| !(b.is_ascii_alphanumeric() || b"-_:".contains(b))).unwrap_or(label.len());
    Encoding::for_label(&label[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content: &[u8]) -> String {
        let mut out = Text::new(1000);
        text(content, &mut out);
        out.finish()
    }

    #[test]
    fn text_without_tags_in_any_charset() {
        assert_eq!(of("<p>Bilan <b>h&eacute;pat</b>ique<script>x()</script></p>".as_bytes()).trim(), "Bilan hépatique");
        assert_eq!(of(b"<meta charset='iso-8859-1'><p>\xe9t\xe9").trim(), "été");
        assert_eq!(of(b"<p>\xe9t\xe9").trim(), "été");
    }
}
