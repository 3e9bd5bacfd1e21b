//! What frames every page: head, style sheet, the headers that keep a page to itself; and the escaping of values.
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt;

/// Where the style sheet is.
pub const STYLE: &str = "/pages/style.css";
const SHEET: &str = include_str!("style.css");

/// Nothing is loaded but our own style sheet; forms lead to us; nobody frames us.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// A value within a page's text or a quoted attribute, escaped as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Neither is text of HTML.
                c if c.is_control() && !matches!(c, '\n' | '\t') => f.write_str("\u{fffd}")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// A page: its title, as text, and what stands in it, as HTML whose values are [`Escaped`].
#[derive(Debug, Clone)]
pub struct HtmlPage {
    /// Status of the answer.
    pub status: StatusCode,
    /// Title, in both languages.
    pub title: String,
    /// Name of the operator, above.
    pub operator: String,
    /// French part, HTML.
    pub french: String,
    /// English part, HTML; empty when there is nothing to repeat.
    pub english: String,
    /// What comes after both (a form), HTML.
    pub below: String,
}

impl IntoResponse for HtmlPage {
    fn into_response(self) -> Response {
        let (title, operator) = (Escaped(&self.title), Escaped(&self.operator));
        let english = match self.english.as_str() {
            "" => String::new(),
            html => format!("<section lang=\"en\">\n{html}\n</section>\n"),
        };
        let html = format!(
            "<!doctype html>\n<html lang=\"fr\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{title} – {operator}</title>\n<link rel=\"stylesheet\" href=\"{STYLE}\">\n</head>\n<body>\n<header>{operator}</header>\n\
             <main>\n<section>\n{}\n</section>\n{english}{}\n</main>\n</body>\n</html>\n",
            self.french, self.below
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
        (self.status, headers, html).into_response()
    }
}

/// The style sheet.
pub(super) async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, SHEET).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_place() {
        let shown = Escaped("<script>\"'&\u{0}\u{1b}é").to_string();
        assert_eq!(shown, "&lt;script&gt;&quot;&#39;&amp;\u{fffd}\u{fffd}é");
    }
}
