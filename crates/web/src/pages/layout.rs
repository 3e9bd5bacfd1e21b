//! What frames every page: head, style sheet, the headers that keep a page to itself; escaping; dates.
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sceau_domain::{Lang, Timestamp};

/// Where the style sheet is.
pub(super) const SHEET: &str = "/pages.css";

/// Nothing is loaded but our own style sheet; forms lead to us; nobody frames us.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// A page.
pub(super) struct Page<'a> {
    /// Its language.
    pub lang: Lang,
    /// Title, as text.
    pub title: &'a str,
    /// Name of the operator.
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
                format!("<a href=\"{}\"{current}>{}</a>", escape(to), escape(name))
            })
            .collect();
        let languages = match languages.as_str() {
            "" => String::new(),
            links => format!("<nav class=\"languages\" aria-label=\"Langue / Language\">{links}</nav>"),
        };
        let html = format!(
            "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} – {operator}</title>\n\
             <link rel=\"stylesheet\" href=\"{SHEET}\">\n</head>\n<body>\n\
             <header class=\"banner\"><div class=\"inner\"><div class=\"brand\">{MARK}<p><strong>{operator}</strong> <span>MSSanté</span></p></div>\
             {languages}</div></header>\n<main>\n{}\n</main>\n<footer>{operator}</footer>\n</body>\n</html>\n",
            self.lang.as_str(),
            self.body
        );
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow")),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        ];
        (status, headers, html).into_response()
    }
}

/// A seal.
const MARK: &str = "<svg class=\"mark\" viewBox=\"0 0 48 48\" aria-hidden=\"true\"><circle class=\"mark-edge\" cx=\"24\" cy=\"24\" r=\"23\"/>\
                    <circle class=\"mark-disc\" cx=\"24\" cy=\"24\" r=\"17\"/><path class=\"mark-sign\" d=\"M14 18h20v13H14zM14 18l10 8 10-8\"/></svg>";

/// The style sheet.
pub(super) async fn sheet() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, include_str!("pages.css")).into_response()
}

/// A value within a page's text or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
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

fn zoned(at: Timestamp) -> Option<jiff::Zoned> {
    jiff::Timestamp::from_millisecond(at.0).ok().map(|t| t.to_zoned(jiff::tz::TimeZone::UTC))
}

/// A day as people write it.
pub(super) fn day(lang: Lang, at: Timestamp) -> String {
    let form = if lang == Lang::Fr { "%d/%m/%Y" } else { "%Y-%m-%d" };
    zoned(at).map_or_else(String::new, |z| z.strftime(form).to_string())
}

/// An instant, to the minute, in universal time.
pub(super) fn instant(lang: Lang, at: Timestamp) -> String {
    let form = if lang == Lang::Fr { "%d/%m/%Y à %H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" };
    zoned(at).map_or_else(String::new, |z| z.strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_place() {
        assert_eq!(escape("<b>\"'&\u{0}\u{1b}é"), "&lt;b&gt;&quot;&#39;&amp;\u{fffd}\u{fffd}é");
    }
}
