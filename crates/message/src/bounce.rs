//! Reads the machine part of a delivery report (RFC 3464) that comes from outside: what happened, never to whom or to what.
//!
//! Promises: only the fields `Action` and `Status` are read, of at most [`RECIPIENTS`] recipients, in at most [`MOST`] bytes, with one pass and no
//! recursion; what is no report gives nothing.

/// Most bytes that are looked at: reports write their machine part before they bring the message back.
pub const MOST: usize = 256 << 10;
/// Most recipients of a report that are read.
pub const RECIPIENTS: usize = 50;

/// What a report says of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// `failed`, `delayed`, `delivered`…, in lower case.
    pub action: String,
    /// Enhanced status.
    pub status: String,
}

/// What a message says of each recipient, when it holds a `message/delivery-status` part; empty otherwise.
pub fn outcomes(message: &[u8]) -> Vec<Outcome> {
    let message = &message[..message.len().min(MOST)];
    let mut out = Vec::new();
    // Outside, in the fields of a part, in the machine part.
    let (mut within, mut header) = (false, true);
    let (mut action, mut status) = (None::<String>, None::<String>);
    let mut lines = message.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l)).peekable();
    let mut whole: Vec<u8> = Vec::new();
    while let Some(line) = lines.next() {
        whole.clear();
        whole.extend_from_slice(line);
        // Folded fields, bounded: what is longer than a line of a report has any reason to be is cut.
        while !line.is_empty() && lines.peek().is_some_and(|next| matches!(next.first(), Some(b' ' | b'\t'))) {
            let next = lines.next().unwrap_or_default();
            if whole.len() < 1000 {
                whole.extend_from_slice(next);
            }
        }
        let text = String::from_utf8_lossy(&whole[..whole.len().min(1000)]);
        if text.starts_with("--") {
            close(&mut out, &mut action, &mut status);
            (within, header) = (false, true);
            continue;
        }
        if text.is_empty() {
            if within {
                close(&mut out, &mut action, &mut status);
            }
            header = false;
            continue;
        }
        let Some((name, value)) = text.split_once(':') else { continue };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if header && name == "content-type" {
            let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            within = matches!(kind.as_str(), "message/delivery-status" | "message/global-delivery-status");
        } else if within && !header {
            match name.as_str() {
                "action" => action = first(value).map(|w| w.to_ascii_lowercase()),
                "status" => status = first(value).filter(|w| is_status(w)).map(str::to_owned),
                _ => {}
            }
        }
        if out.len() >= RECIPIENTS {
            return out;
        }
    }
    close(&mut out, &mut action, &mut status);
    out.truncate(RECIPIENTS);
    out
}

fn close(out: &mut Vec<Outcome>, action: &mut Option<String>, status: &mut Option<String>) {
    if let (Some(action), Some(status)) = (action.take(), status.take()) {
        out.push(Outcome { action, status });
    }
}

fn first(value: &str) -> Option<&str> {
    value.split(|c: char| c.is_ascii_whitespace() || c == '(' || c == ';').find(|w| !w.is_empty())
}

/// `5.1.1`: a class, two numbers of at most three digits (RFC 3463 §2).
fn is_status(word: &str) -> bool {
    let mut parts = word.split('.');
    let class = matches!(parts.next(), Some("2" | "4" | "5"));
    let mut number =
        || parts.next().is_some_and(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()));
    class && number() && number() && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "From: MAILER-DAEMON@relais.exemple.fr\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"b\"\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\nStatus: 5.9.9\r\nAction: failed\r\n\r\n--b\r\nContent-Description: Report\r\nContent-Type: message/delivery-status\r\n\r\n\
        Reporting-MTA: dns; relais.exemple.fr\r\n\r\nFinal-Recipient: rfc822; anne@exemple.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\
        Diagnostic-Code: smtp; 550 5.1.1\r\n   unknown\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nAction: failed\r\nStatus: 5.2.1\r\n--b--\r\n";

    #[test]
    fn the_machine_part_alone_counts() {
        let one = |status: &str| vec![Outcome { action: "failed".into(), status: status.into() }];
        assert_eq!(outcomes(REPORT.as_bytes()), one("5.1.1"));
        assert_eq!(outcomes(REPORT.replace("\r\n", "\n").as_bytes()), one("5.1.1"));
        assert_eq!(outcomes(REPORT.replace("5.1.1\r\n", "5.1.1 (no such user)\r\n").as_bytes()), one("5.1.1"));
        assert_eq!(outcomes(REPORT.replace("Status: 5.1.1", "Status: 5.1.1.1").as_bytes()), []);
        assert_eq!(outcomes(b"Subject: Bonjour\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n"), []);
        for hostile in [&b""[..], b"\n\n\n", b"--", b": :\r\n", &[0xff; 5000]] {
            assert_eq!(outcomes(hostile), []);
        }
        let many = "Action: failed\r\nStatus: 5.1.1\r\n\r\n".repeat(1000);
        let many = format!("Content-Type: message/delivery-status\r\n\r\n{many}");
        assert_eq!(outcomes(many.as_bytes()).len(), RECIPIENTS);
    }
}
