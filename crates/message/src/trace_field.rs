//! Fields that the way adds: `Received` (RFC 5321 §4.4) and `Return-Path`.
//!
//! What a client says ends up here, so every value is reduced to what cannot break the field or add another one: ASCII, no
//! line end, no parenthesis, bounded length.
use sceau_domain::Timestamp;
use sceau_domain::text::to_ascii;
use std::net::IpAddr;

/// Longest name (RFC 5321 §4.5.3.1.2) and longest comment that are written.
const NAME_MAX: usize = 255;
const COMMENT_MAX: usize = 400;

/// What a `Received` field says. Holds no recipient (several recipients share the message).
#[derive(Debug, Clone)]
pub struct Received<'a> {
    /// What the client called itself (EHLO).
    pub helo: &'a str,
    /// The client's address.
    pub remote: IpAddr,
    /// Our host name.
    pub by: &'a str,
    /// `ESMTPS`, `ESMTPSA`, `UTF8SMTPS`… (RFC 3848, RFC 6531).
    pub with: &'a str,
    /// TLS version and suite, e.g. `TLSv1.3 TLS_AES_256_GCM_SHA384`, when there was TLS.
    pub tls: Option<&'a str>,
    /// The peer's certificate DN, when it was verified.
    pub peer: Option<&'a str>,
    /// Our id for this transaction.
    pub id: &'a str,
    /// When.
    pub at: Timestamp,
}

impl Received<'_> {
    /// The folded field with its final CRLF. Values are stripped of anything that could break the field.
    pub fn field(&self) -> String {
        let remote = match self.remote {
            IpAddr::V4(v4) => format!("[{v4}]"),
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| format!("[IPv6:{v6}]"), |v4| format!("[{v4}]")),
        };
        let mut out = format!("Received: from {} ({remote})", atom(self.helo));
        if let Some(tls) = self.tls {
            out.push_str(&format!("\r\n\t(using {})", comment(tls)));
        }
        if let Some(peer) = self.peer {
            out.push_str(&format!("\r\n\t(client certificate {}, verified)", comment(peer)));
        }
        out.push_str(&format!("\r\n\tby {} with {} id {};", atom(self.by), atom(self.with), atom(self.id)));
        out.push_str(&format!("\r\n\t{}\r\n", rfc5322_date(self.at)));
        out
    }
}

/// What the way to us was, as [`Received::field`] told it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Passage {
    /// The address in `Return-Path`: who sent it, as the envelope says; none where there is none, or it is empty.
    pub sender: Option<String>,
    /// What the client called itself, and its address.
    pub from: String,
    /// `ESMTPS`, `ESMTPSA`…
    pub with: String,
    /// TLS version and suite.
    pub tls: Option<String>,
    /// The certificate's DN, which was verified.
    pub peer: Option<String>,
    /// Our host and our id of the transaction.
    pub by: String,
    /// See [`Passage::by`].
    pub id: String,
    /// When, as it was written.
    pub at: String,
}

/// Reads what we added before a message. Give it our own fields alone (they are kept apart from the message): what a message itself says is no proof.
/// None where it did not come in by a door (somebody filed it).
pub fn read(prefix: &[u8]) -> Option<Passage> {
    let mut passage = Passage::default();
    let mut found = false;
    for field in crate::header::fields(prefix) {
        let value = crate::header::decoded(field.value);
        if field.name.eq_ignore_ascii_case("Return-Path") && !found {
            let path = value.trim_start_matches('<').trim_end_matches('>');
            passage.sender = Some(path.to_owned()).filter(|path| !path.is_empty());
        } else if field.name.eq_ignore_ascii_case("Received") && !found {
            found = true;
            let value: String = value.split_whitespace().collect::<Vec<_>>().join(" ");
            let (words, at) = value.rsplit_once(';')?;
            let between = |from: &str, to: &str| {
                let start = words.find(from)? + from.len();
                let end = words[start..].find(to)?;
                Some(words[start..start + end].to_owned())
            };
            let (_, last) = words.rsplit_once(" by ")?;
            let mut last = last.split(' ');
            passage.by = last.next()?.to_owned();
            passage.with = last.nth(1)?.to_owned();
            passage.id = last.nth(1)?.to_owned();
            let first = words.strip_prefix("from ")?;
            passage.from = first[..first.find(')')? + 1].to_owned();
            passage.tls = between("(using ", ")");
            passage.peer = between("(client certificate ", ", verified)");
            passage.at = at.trim().to_owned();
        }
    }
    found.then_some(passage)
}

/// A word that stands outside comments.
fn atom(value: &str) -> String {
    let fine = |c: char| if c.is_ascii_graphic() && !"()<>;,\"\\".contains(c) { c } else { '?' };
    let word: String = to_ascii(value.trim()).chars().take(NAME_MAX).map(fine).collect();
    if word.is_empty() { "unknown".to_owned() } else { word }
}

/// Text inside a comment.
fn comment(value: &str) -> String {
    let fine = |c: char| match c {
        '(' => '[',
        ')' => ']',
        '\\' => '/',
        c if c.is_ascii_graphic() || c == ' ' => c,
        _ => '?',
    };
    to_ascii(value.trim()).chars().take(COMMENT_MAX).map(fine).collect()
}

/// `Return-Path: <…>` with its final CRLF.
pub fn return_path(from: Option<&sceau_domain::Address>) -> String {
    from.map_or_else(|| "Return-Path: <>\r\n".to_owned(), |address| format!("Return-Path: <{address}>\r\n"))
}

/// A date as RFC 5322 §3.3 writes it, in UTC (`+0000`). An instant outside the years 1900 to 9999 is written as the epoch.
pub fn rfc5322_date(at: Timestamp) -> String {
    in_utc(at, "%a, %-d %b %Y %H:%M:%S +0000")
}

/// An instant in UTC, as `jiff`'s `strftime` formats it.
pub(crate) fn in_utc(at: Timestamp, format: &str) -> String {
    let utc = |t: jiff::Timestamp| t.to_zoned(jiff::tz::TimeZone::UTC);
    let instant = jiff::Timestamp::from_millisecond(at.0).map(utc).ok().filter(|z| (1900..=9999).contains(&z.year()));
    instant.unwrap_or_else(|| utc(jiff::Timestamp::UNIX_EPOCH)).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::fields;

    fn received<'a>() -> Received<'a> {
        Received {
            helo: "mx.hopital.example",
            remote: IpAddr::from([192, 0, 2, 1]),
            by: "mx.sceau.example",
            with: "ESMTPS",
            tls: Some("TLSv1.3 TLS_AES_256_GCM_SHA384"),
            peer: Some("CN=mx.hopital.example,O=Hôpital (test)"),
            id: "01J8",
            at: Timestamp::from_seconds(1_788_256_800),
        }
    }

    #[test]
    fn a_received_field_reads_well() {
        assert_eq!(
            received().field(),
            "Received: from mx.hopital.example ([192.0.2.1])\r\n\t(using TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n\
             \t(client certificate CN=mx.hopital.example,O=Hopital [test], verified)\r\n\
             \tby mx.sceau.example with ESMTPS id 01J8;\r\n\tTue, 1 Sep 2026 10:00:00 +0000\r\n"
        );
        let v6 = Received { remote: "2001:db8::1".parse().unwrap(), tls: None, peer: None, ..received() };
        assert!(v6.field().starts_with("Received: from mx.hopital.example ([IPv6:2001:db8::1])\r\n\tby "));
    }

    #[test]
    fn what_was_written_is_read_back() {
        let prefix = return_path(Some(&"zoe@hopital.example".parse().unwrap())) + &received().field();
        let read = |prefix: &str| super::read(prefix.as_bytes());
        assert_eq!(
            read(&prefix),
            Some(Passage {
                sender: Some("zoe@hopital.example".into()),
                from: "mx.hopital.example ([192.0.2.1])".into(),
                with: "ESMTPS".into(),
                tls: Some("TLSv1.3 TLS_AES_256_GCM_SHA384".into()),
                peer: Some("CN=mx.hopital.example,O=Hopital [test]".into()),
                by: "mx.sceau.example".into(),
                id: "01J8".into(),
                at: "Tue, 1 Sep 2026 10:00:00 +0000".into(),
            })
        );
        let bare = read(&Received { tls: None, peer: None, ..received() }.field()).unwrap();
        assert_eq!((bare.sender, bare.tls, bare.peer), (None, None, None));
        assert_eq!(read(""), None);
        assert_eq!(read("Return-Path: <>\r\n"), None);
        // The first one is ours; those after it came along.
        let two = received().field() + "Received: from x (y) by z with SMTP id 1; never\r\n";
        assert_eq!(read(&two).unwrap().by, "mx.sceau.example");
    }

    #[test]
    fn nothing_a_client_says_breaks_the_field() {
        let bad = "a\r\nBcc: x\0)(\\\u{85}é\u{2028};";
        let long = "x".repeat(5000);
        for value in [bad, &long, ""] {
            let field = Received {
                helo: value,
                by: value,
                with: value,
                id: value,
                tls: Some(value),
                peer: Some(value),
                ..received()
            };
            let text = field.field();
            assert!(text.is_ascii() && text.lines().all(|l| l.len() < 900));
            assert_eq!(fields(text.as_bytes()).map(|f| f.raw.len()).collect::<Vec<_>>(), [text.len()]);
            assert_eq!(text.matches(';').count(), if value == bad { 3 } else { 1 }, "only in comments: {text}");
        }
    }

    #[test]
    fn dates_are_written_in_utc() {
        assert_eq!(rfc5322_date(Timestamp(0)), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(rfc5322_date(Timestamp(951_782_399_999)), "Mon, 28 Feb 2000 23:59:59 +0000");
        for odd in [i64::MIN, i64::MAX, -9_999_999_999_999] {
            assert_eq!(rfc5322_date(Timestamp(odd)), rfc5322_date(Timestamp(0)));
        }
    }

    #[test]
    fn return_paths_have_brackets() {
        assert_eq!(return_path(None), "Return-Path: <>\r\n");
        assert_eq!(return_path(Some(&"a@b.example".parse().unwrap())), "Return-Path: <a@b.example>\r\n");
    }
}
