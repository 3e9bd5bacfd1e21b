//! What frames every page: head, banner, foot, style sheet, the headers that keep a page to itself; escaping; dates.
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::calendar::Territory;
use sceau_domain::text::text;
use sceau_domain::{Lang, Timestamp};

/// The names of the languages, each in its own.
pub(super) const FRENCH: &str = "Français";
pub(super) const ENGLISH: &str = "English";

/// Where the style sheet is.
pub const SHEET: &str = "/pages.css";

/// Nothing is loaded but our own style sheet and our icon; forms lead to us; nobody frames us.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The house's mark: a letter under seal. Decoration only.
pub const MARK: &str = "<svg class=\"mark\" viewBox=\"0 0 48 48\" aria-hidden=\"true\"><path class=\"mark-edge\" d=\"M24 2l4.6 4 6-1.3 2.6 5.6 6 1.7-.3 6.2 \
    4.1 4.7-3.2 5.3 1.5 6-5.4 3.1-1.5 6-6.2-.1L28 47.4 24 44l-4 3.4-4.2-4.2-6.2.1-1.5-6-5.4-3.1 1.5-6L1 22.9l4.1-4.7-.3-6.2 6-1.7 2.6-5.6 6 1.3z\"/>\
    <circle class=\"mark-disc\" cx=\"24\" cy=\"24.5\" r=\"14.5\"/><path class=\"mark-sign\" d=\"M16 19.5h16v10.5H16zM16 19.5l8 6.5 8-6.5\"/></svg>";

/// A page.
pub(super) struct Page<'a> {
    /// Its language.
    pub lang: Lang,
    /// Title, as text.
    pub title: &'a str,
    /// Name of the operator, as text.
    pub operator: &'a str,
    /// The languages it can be read in: name, where, is it this one. Empty when it holds both.
    pub languages: &'a [(&'a str, String, bool)],
    /// HTML whose values are escaped ([`escape`]).
    pub body: &'a str,
}

impl Page<'_> {
    /// The whole page with its headers.
    pub fn answer(&self, status: StatusCode) -> Response {
        let (title, operator) = (escape(self.title), escape(self.operator));
        let languages: String = self
            .languages
            .iter()
            .map(|(name, to, here)| {
                let current = if *here { " aria-current=\"true\"" } else { "" };
                // A screen reader says each name in its own language.
                let tag = if *name == ENGLISH { "en" } else { "fr" };
                format!("<a href=\"{}\" lang=\"{tag}\" hreflang=\"{tag}\"{current}>{}</a>", escape(to), escape(name))
            })
            .collect();
        let languages = match languages.as_str() {
            "" => String::new(),
            links => format!("<nav class=\"languages\" aria-label=\"Langue / Language\">{links}</nav>"),
        };
        let html = format!(
            "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title} – {operator}</title>\n<link rel=\"icon\" href=\"{icon}\" type=\"image/svg+xml\">\n<link rel=\"stylesheet\" href=\"{SHEET}\">\n</head>\n<body>\n\
             <header class=\"banner\"><div class=\"inner\"><div class=\"brand\">{MARK}<p><strong>{operator}</strong> <span>{kind}</span></p></div>\
             {languages}</div></header>\n<main>\n{body}\n</main>\n<footer><p>{operator} – {kind}. {foot}</p></footer>\n</body>\n</html>\n",
            lang = self.lang.as_str(),
            kind = escape(&text(self.lang, "page.kind", &[])),
            foot = escape(&text(self.lang, "page.foot", &[])),
            icon = crate::assets::path(crate::assets::ICON),
            body = self.body,
        );
        let mut headers = headers("text/html; charset=utf-8", "no-store");
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
        (status, headers, html).into_response()
    }
}

/// The style sheet.
pub(super) async fn sheet() -> Response {
    (headers("text/css; charset=utf-8", "public, max-age=3600"), include_str!("pages.css")).into_response()
}

/// Headers of an answer of this type, kept for as long.
pub fn headers(kind: &'static str, keep: &'static str) -> HeaderMap {
    [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, keep),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ]
    .into_iter()
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
    .collect()
}

/// A value within a page's text or a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Neither is text of HTML.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A text as it is set in French: spaces that do not break within quotes and before high punctuation, curled apostrophes. English has none of the first.
pub fn set(text: &str) -> String {
    [
        ("« ", "«\u{a0}"),
        (" »", "\u{a0}»"),
        (" ;", "\u{a0};"),
        (" :", "\u{a0}:"),
        (" ?", "\u{a0}?"),
        (" !", "\u{a0}!"),
        // An article's letter stays with its number.
        ("L. ", "L.\u{a0}"),
        ("R. ", "R.\u{a0}"),
        ("n° ", "n°\u{a0}"),
        ("'", "’"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (plain, set)| text.replace(plain, set))
}

fn zoned(at: Timestamp, place: Territory) -> Option<jiff::Zoned> {
    jiff::Timestamp::from_millisecond(at.0).ok().map(|t| t.to_zoned(place.clock()))
}

/// A day as people write it: `1er décembre 2026`, `1 December 2026`, by the clock of a place.
pub fn day(lang: Lang, at: Timestamp, place: Territory) -> String {
    let Some(date) = zoned(at, place) else { return String::new() };
    let month = text(lang, &format!("page.month.{}", date.month()), &[]);
    let first = if lang == Lang::Fr && date.day() == 1 { "er" } else { "" };
    format!("{}{first} {month} {}", date.day(), date.year())
}

/// An instant, to the minute, by the clock of a place, which is named by its distance from universal time.
pub fn instant(lang: Lang, at: Timestamp, place: Territory) -> String {
    let from = zoned(at, place).map_or_else(String::new, |z| z.strftime("(UTC%:z)").to_string());
    format!("{} {from}", moment(lang, at, place))
}

/// The same within a sentence, by the clock that everybody there goes by.
pub fn moment(lang: Lang, at: Timestamp, place: Territory) -> String {
    let (time, before) = (zoned(at, place), if lang == Lang::Fr { "à" } else { "at" });
    let time = time.map_or_else(String::new, |z| z.strftime("%H:%M").to_string());
    format!("{} {before} {time}", day(lang, at, place))
}

/// The same in figures, for tables: `23/11/2026 17:34`, `2026-11-23 17:34`.
pub fn brief(lang: Lang, at: Timestamp, place: Territory) -> String {
    let shape = if lang == Lang::Fr { "%d/%m/%Y %H:%M" } else { "%Y-%m-%d %H:%M" };
    zoned(at, place).map_or_else(String::new, |z| z.strftime(shape).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_place() {
        assert_eq!(escape("<b>\"'&\u{0}\u{1b}é"), "&lt;b&gt;&quot;&#39;&amp;\u{fffd}\u{fffd}é");
    }

    #[test]
    fn quotes_keep_their_words() {
        assert_eq!(set("l'« a » ; b : c"), "l’«\u{a0}a\u{a0}»\u{a0}; b\u{a0}: c");
        assert_eq!(set("article L. 1110-4, loi n° 78-17"), "article L.\u{a0}1110-4, loi n°\u{a0}78-17");
    }

    #[test]
    fn instants_read_as_people_write_them() {
        let at = Timestamp(1_796_115_600_000);
        assert_eq!(day(Lang::Fr, at, Territory::Metropole), "1er décembre 2026");
        assert_eq!(instant(Lang::En, at, Territory::Metropole), "1 December 2026 at 10:00 (UTC+01:00)");
        assert_eq!(instant(Lang::En, at, Territory::NouvelleCaledonie), "1 December 2026 at 20:00 (UTC+11:00)");
        // What is midnight in Paris is the day before at noon in Papeete.
        let midnight = Timestamp(at.0 - 10 * 3_600_000);
        assert_eq!(day(Lang::Fr, midnight, Territory::Metropole), "1er décembre 2026");
        assert_eq!(day(Lang::Fr, midnight, Territory::Polynesie), "30 novembre 2026");
    }
}
