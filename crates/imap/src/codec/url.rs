//! URLs of messages and their sections (RFC 5092): `imap://user@host/mailbox;UIDVALIDITY=n/;UID=n/;SECTION=s/;PARTIAL=o.l`, with
//! or without what stands before the mailbox, or before `;UID=`.
use super::command::Section;
use super::parse;

/// Longest URL that is looked at, bytes.
const MOST: usize = 8 * 1024;

/// What a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageUrl {
    /// Server, when the URL is absolute: user (without its mechanism) and host, without port.
    pub server: Option<(Option<String>, String)>,
    /// Mailbox; `None` is the selected one.
    pub mailbox: Option<String>,
    /// The UIDVALIDITY that is meant.
    pub uidvalidity: Option<u32>,
    /// UID.
    pub uid: u32,
    /// Section; the default is the whole message.
    pub section: Section,
    /// First byte and count.
    pub partial: Option<(u64, u64)>,
}

/// Reads a URL; `None` when it names no message, or asks for what is not known here (URLAUTH).
pub fn parse(url: &[u8]) -> Option<MessageUrl> {
    let url = std::str::from_utf8(url).ok().filter(|u| u.len() <= MOST && u.bytes().all(|b| b.is_ascii_graphic()))?;
    let (mut server, mut path) = (None, url);
    let absolute = match url.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("imap://") => Some(&url[7..]),
        _ => url.strip_prefix("//"),
    };
    if let Some(rest) = absolute {
        let (authority, after) = rest.split_at(rest.find('/')?);
        server = Some(authority_of(authority)?);
        path = after;
    }
    if !path.starts_with(['/', ';']) {
        return None;
    }
    let relative = path.starts_with(';');
    let path = if relative { format!("/{path}") } else { path.to_owned() };
    let mut pieces = path.split("/;");
    let place = pieces.next()?;
    let (mut mailbox, mut uidvalidity) = (None, None);
    let place = place.strip_prefix('/').unwrap_or(place);
    if !place.is_empty() {
        let (name, validity) = match place.split_once(';') {
            Some((name, option)) => (name, Some(number(value(option, "UIDVALIDITY")?)?)),
            None => (place, None),
        };
        mailbox = Some(decode(name).filter(|n| !n.is_empty())?);
        uidvalidity = validity;
    } else if server.is_some() {
        return None;
    }
    let uid = number(value(pieces.next()?, "UID")?)?;
    let (mut section, mut partial) = (Section::default(), None);
    let mut next = pieces.next();
    if let Some(text) = next.and_then(|p| value(p, "SECTION")) {
        section = parse::section_text(decode(text)?.as_bytes()).ok()?;
        next = pieces.next();
    }
    if let Some(text) = next.and_then(|p| value(p, "PARTIAL")) {
        partial = Some(range(text)?);
        next = pieces.next();
    }
    if next.is_some() { None } else { Some(MessageUrl { server, mailbox, uidvalidity, uid, section, partial }) }
}

/// `[user[;AUTH=mechanism]@]host[:port]`.
fn authority_of(text: &str) -> Option<(Option<String>, String)> {
    let (user, host) = match text.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, text),
    };
    let user = match user.map(|u| u.split(';').next().unwrap_or_default()) {
        None | Some("") => None,
        Some(user) => Some(decode(user)?),
    };
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => host,
    };
    if host.is_empty() { None } else { Some((user, decode(host)?)) }
}

/// `NAME=value`, the name in any case.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = text.split_once('=')?;
    found.eq_ignore_ascii_case(name).then_some(value)
}

/// A number above zero.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| digits && *n > 0)
}

/// `first[.count]`.
fn range(text: &str) -> Option<(u64, u64)> {
    let read = |t: &str| t.parse::<u64>().ok().filter(|_| t.bytes().all(|b| b.is_ascii_digit()));
    match text.split_once('.') {
        None => Some((read(text)?, u64::MAX)),
        Some((first, count)) => Some((read(first)?, read(count).filter(|n| *n > 0)?)),
    }
}

/// Percent-encoding undone. `None` when it is broken, no UTF-8, or holds control characters.
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let digit = |b: Option<u8>| char::from(b?).to_digit(16);
        // Two hexadecimal digits are below 256.
        out.push((digit(bytes.next())? * 16 + digit(bytes.next())?) as u8);
    }
    String::from_utf8(out).ok().filter(|t| !t.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::command::SectionText;
    use proptest::prelude::*;

    fn ok(url: &str) -> MessageUrl {
        parse(url.as_bytes()).unwrap_or_else(|| panic!("{url}"))
    }

    #[test]
    fn urls_of_the_rfcs() {
        // RFC 4469 §5.
        let u = ok("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER");
        assert_eq!((u.mailbox.as_deref(), u.uidvalidity, u.uid), (Some("Drafts"), Some(385_759_045), 20));
        assert_eq!((&u.section.text, u.section.part.len(), &u.server), (&Some(SectionText::Header), 0, &None));
        let u = ok("/Drafts;UIDVALIDITY=385759045/;UID=30/;section=2.MIME");
        assert_eq!((u.section.part.as_slice(), u.section.text), (&[2][..], Some(SectionText::Mime)));
        // RFC 5092 §8.
        let u = ok("imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024");
        assert_eq!((u.server, u.partial), (Some((None, "minbari.example.org".into())), Some((0, 1024))));
        let u = ok("imap://psicorp.example.org/~peter/%E6%97%A5%E6%9C%AC%E8%AA%9E/%E5%8F%B0%E5%8C%97/;UID=1");
        assert_eq!(u.mailbox.as_deref(), Some("~peter/日本語/台北"));
        let u = ok("imap://;AUTH=GSSAPI@minbari.example.org:143/gray-council/;uid=20/;section=1.2");
        assert_eq!((u.server, u.section.part.as_slice()), (Some((None, "minbari.example.org".into())), &[1, 2][..]));
        let u = ok("imap://an%3bne@h/a%2Fb/;UID=7/;PARTIAL=12");
        assert_eq!((u.server.unwrap().0.as_deref(), u.partial), (Some("an;ne"), Some((12, u64::MAX))));
        assert_eq!(u.mailbox.as_deref(), Some("a/b"));
        // Of the selected mailbox.
        assert_eq!((ok(";UID=3").mailbox, ok("/;UID=3/;SECTION=TEXT").uid), (None, 3));
    }

    #[test]
    fn what_names_no_message_is_refused() {
        for bad in [
            "",
            "/",
            "INBOX",
            "/INBOX",
            "/INBOX/;UID=0",
            "/INBOX/;UID=x",
            "/INBOX/;UID=+1",
            "/INBOX;UIDVALIDITY=0/;UID=1",
            "/INBOX;X=1/;UID=1",
            "/INBOX/;UID=1/;SECTION=nope",
            "/INBOX/;UID=1/;SECTION=1]",
            "/INBOX/;UID=1/;SECTION=",
            "/INBOX/;UID=1/;PARTIAL=1.0",
            "/INBOX/;UID=1/;PARTIAL=-1",
            "/INBOX/;UID=1;EXPIRE=2009-03-02T06:53:59Z;URLAUTH=anonymous",
            "/INBOX/;UID=1/;URLAUTH=anonymous",
            "/INBOX/;UID=1/;PARTIAL=1/;SECTION=1",
            "/IN%4/;UID=1",
            "/%ff/;UID=1",
            "/a%0d%0ab/;UID=1",
            "/a b/;UID=1",
            "imap://",
            "imap://h",
            "imap:///INBOX/;UID=1",
            "http://h/INBOX/;UID=1",
            "/é/;UID=1",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(url in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&url);
        }
        #[test]
        fn pieces_in_any_order(url in "(imap://|//|/|)([a-z%0-9;@:]{0,6})((/;|;)(UID|SECTION|PARTIAL|UIDVALIDITY)=[0-9A-Z.]{0,4}){0,4}") {
            if let Some(read) = parse(url.as_bytes()) {
                prop_assert!(read.uid > 0);
            }
        }
    }
}
