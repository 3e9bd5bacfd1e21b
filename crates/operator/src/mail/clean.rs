//! What submission changes in a header: Bcc goes, a missing Date or Message-ID is noticed (RFC 6409 §8, RFC 5322 §3.6.3).

/// A header section without its Bcc fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cleaned {
    /// What stays, byte for byte.
    pub header: Vec<u8>,
    /// The fields that went, as written (the sender's own copy shows them).
    pub bcc: Vec<u8>,
}

/// Takes every Bcc and Resent-Bcc field out of a header section; `None` when there is none.
pub(super) fn without_bcc(header: &[u8]) -> Option<Cleaned> {
    let (mut kept, mut bcc) = (Vec::with_capacity(header.len()), Vec::new());
    let mut hidden = false;
    for line in header.split_inclusive(|&b| b == b'\n') {
        // A folded line belongs to the field before it.
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            hidden = matches!(name(line), Some(n) if is(n, "Bcc") || is(n, "Resent-Bcc"));
        }
        if hidden { bcc.extend_from_slice(line) } else { kept.extend_from_slice(line) }
    }
    (!bcc.is_empty()).then_some(Cleaned { header: kept, bcc })
}

/// Is there a field of this name?
pub(super) fn has(header: &[u8], field: &str) -> bool {
    header.split(|&b| b == b'\n').any(|line| name(line).is_some_and(|n| is(n, field)))
}

/// The name before the colon of a line that starts a field, obsolete space before the colon removed (RFC 5322 §4.5).
fn name(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|&b| b == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(|b| matches!(b, 33..=126))).then_some(name)
}

fn is(name: &[u8], expected: &str) -> bool {
    name.eq_ignore_ascii_case(expected.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_bcc_goes_and_nothing_else() {
        let header =
            b"From: a@x.fr\r\nBCC: b@x.fr,\r\n c@x.fr\r\nTo: d@x.fr\r\nbcc :\r\n\te@x.fr\r\nResent-Bcc: f@x.fr\r\n\
            Subject: Bcc: stays\r\n Bcc: folded, stays\r\nX-Bcc: stays\r\n\r\n";
        let cleaned = without_bcc(header).expect("there are some");
        assert_eq!(
            cleaned.header,
            b"From: a@x.fr\r\nTo: d@x.fr\r\nSubject: Bcc: stays\r\n Bcc: folded, stays\r\nX-Bcc: stays\r\n\r\n"
        );
        assert_eq!(cleaned.bcc, b"BCC: b@x.fr,\r\n c@x.fr\r\nbcc :\r\n\te@x.fr\r\nResent-Bcc: f@x.fr\r\n");
        assert_eq!(without_bcc(&cleaned.header), None);
    }

    #[test]
    fn a_bcc_at_the_end_without_blank_line_goes_too() {
        let cleaned = without_bcc(b"To: d@x.fr\r\nBcc: e@x.fr").expect("there is one");
        assert_eq!((cleaned.header.as_slice(), cleaned.bcc.as_slice()), (&b"To: d@x.fr\r\n"[..], &b"Bcc: e@x.fr"[..]));
    }

    #[test]
    fn fields_are_found_by_name_only() {
        let header = b"Subject: Date: no\r\n Message-ID: no\r\nmessage-id: <a@b>\r\n\r\n";
        assert!(has(header, "Message-ID"));
        assert!(!has(header, "Date"));
    }
}
