//! The `Content-*` fields of a part (RFC 2045 §5–8, 2183, 3282, 2557) read into [`Mime`]: the first field of a name counts,
//! what is invalid falls back to its default (RFC 2045 §5.2), only the number of parameters can be refused.
use crate::decode::to_utf8_or_1252;
use crate::header::{fields, text_of};
use crate::parameter::{self, Parameter};
use crate::scan::{Limits, Mime, ScanError};

/// Longest boundary that is understood. RFC 2046 allows 70; some programs write more.
pub(crate) const BOUNDARY_MAX: usize = 250;

/// What [`read`] finds.
#[derive(Debug)]
pub(crate) struct Read {
    pub mime: Mime,
    /// Boundary bytes as written, when the part is a multipart.
    pub boundary: Option<Vec<u8>>,
}

/// Reads a part's header section. `digest`: the part stands in a `multipart/digest`.
pub(crate) fn read(header: &[u8], digest: bool, limits: &Limits) -> Result<Read, ScanError> {
    let mut mime = Mime::default();
    let mut boundary = None;
    let mut typed = false;
    for field in fields(header) {
        let Some(name) = content_name(field.name) else { continue };
        match name.as_str() {
            "type" if !typed => {
                typed = true;
                let (head, parameters) = parameter::split(field.value, limits.parameters)?;
                if let Some((kind, subtype)) = media_type(&head) {
                    boundary = (kind == "multipart").then(|| usable_boundary(&parameters)).flatten();
                    if kind != "multipart" || boundary.is_some() {
                        mime.parameters = parameter::assemble(parameters);
                        (mime.kind, mime.subtype) = (kind, subtype);
                    }
                }
                if mime.kind.is_empty() {
                    (mime.kind, mime.subtype) = ("text".to_owned(), "plain".to_owned());
                }
            }
            "transfer-encoding" if mime.encoding.is_empty() => {
                let (head, _) = parameter::split(field.value, limits.parameters)?;
                mime.encoding = token(&head).unwrap_or_default();
            }
            "disposition" if mime.disposition.is_none() => {
                let (head, parameters) = parameter::split(field.value, limits.parameters)?;
                // RFC 2183 §2.8: an unknown or missing type is an attachment.
                let kind = token(&head).unwrap_or_else(|| "attachment".to_owned());
                mime.disposition = Some((kind, parameter::assemble(parameters)));
            }
            "id" if mime.id.is_none() => mime.id = text_of(field.value),
            "description" if mime.description.is_none() => mime.description = text_of(field.value),
            "md5" if mime.md5.is_none() => mime.md5 = text_of(field.value),
            "location" if mime.location.is_none() => {
                // RFC 2557 §4.4.2: white space inside comes from folding.
                mime.location = text_of(field.value).map(|l| l.split_ascii_whitespace().collect());
            }
            "language" if mime.language.is_empty() => mime.language = languages(field.value, limits)?,
            _ => {}
        }
    }
    if mime.kind.is_empty() {
        let (kind, subtype) = if digest { ("message", "rfc822") } else { ("text", "plain") };
        (mime.kind, mime.subtype) = (kind.to_owned(), subtype.to_owned());
    }
    if mime.encoding.is_empty() {
        mime.encoding = "7bit".to_owned();
    }
    Ok(Read { mime, boundary })
}

/// True when a part of this type holds a message whose structure can be read in place (RFC 2046 §5.2.1, RFC 6532 §3.7).
pub(crate) fn holds_message(mime: &Mime) -> bool {
    mime.kind == "message"
        && matches!(mime.subtype.as_str(), "rfc822" | "global")
        && matches!(mime.encoding.as_str(), "7bit" | "8bit" | "binary")
}

/// What follows `Content-` in a field name, lower case.
fn content_name(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_at_checked(8)?;
    prefix.eq_ignore_ascii_case("content-").then(|| rest.to_ascii_lowercase())
}

/// `type/subtype`, lower case, when both are tokens.
fn media_type(head: &[u8]) -> Option<(String, String)> {
    let slash = memchr::memchr(b'/', head)?;
    Some((token(&head[..slash])?, token(&head[slash + 1..])?))
}

/// A token (RFC 2045 §5.1), lower case. Quotes around it, which some programs write, are ignored.
fn token(bytes: &[u8]) -> Option<String> {
    let text = bytes.trim_ascii();
    let text = text.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\"")).unwrap_or(text).trim_ascii();
    let fine = |b: &u8| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(b);
    if text.is_empty() || !text.iter().all(fine) {
        return None;
    }
    Some(String::from_utf8_lossy(text).to_ascii_lowercase())
}

/// The boundary parameter, if a line can match it.
fn usable_boundary(parameters: &[Parameter]) -> Option<Vec<u8>> {
    let raw = parameters.iter().find(|p| p.name == "boundary").map(|p| p.value.clone()).or_else(|| {
        parameter::find(&parameter::assemble(parameters.to_vec()), "boundary").map(|v| v.as_bytes().to_vec())
    })?;
    let end = raw.iter().rposition(|b| !b.is_ascii_whitespace())? + 1;
    let boundary = &raw[..end];
    let fine = boundary.len() <= BOUNDARY_MAX && !boundary.iter().any(|b| matches!(b, b'\r' | b'\n' | 0));
    fine.then(|| boundary.to_vec())
}

/// The tags of Content-Language (RFC 3282).
fn languages(value: &[u8], limits: &Limits) -> Result<Vec<String>, ScanError> {
    let bare = parameter::without_comments(value);
    let tags: Vec<String> = bare
        .split(|&b| b == b',')
        .map(|tag| to_utf8_or_1252(tag.trim_ascii()))
        .filter(|tag| !tag.is_empty())
        .take(limits.parameters + 1)
        .collect();
    if tags.len() > limits.parameters { Err(ScanError::TooComplex) } else { Ok(tags) }
}
