//! Responses (RFC 9051 §7), as far as a load generator must understand them: who answered what, how many messages there are,
//! how long literals are. Everything else is counted as bytes.

/// Largest literal accepted, bytes.
const LARGEST_LITERAL: u64 = 256 << 20;

/// Result of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// Refused.
    No,
    /// Not understood.
    Bad,
}

impl Status {
    /// As the protocol writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
        }
    }
}

/// The first line of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response<'a> {
    /// `+ …`
    Continue,
    /// `tag OK …`: text with its code.
    Tagged(&'a str, Status, &'a str),
    /// `* OK …`
    Untagged(Status, &'a str),
    /// `* PREAUTH …`
    Preauth(&'a str),
    /// `* BYE …`
    Bye,
    /// `* CAPABILITY …`
    Capability(&'a str),
    /// `* 12 EXISTS`
    Exists(u32),
    /// `* 3 EXPUNGE`
    Expunge,
    /// `* 3 FETCH …`
    Fetch,
    /// Any other untagged response.
    Other,
}

impl Response<'_> {
    /// May its line end in a literal? Texts for people may not, whatever they look like.
    pub fn may_hold_literal(&self) -> bool {
        matches!(self, Self::Fetch | Self::Other)
    }
}

/// Reads the first line; nothing when it is no response.
pub fn parse(line: &str) -> Option<Response<'_>> {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    match first {
        "+" => Some(Response::Continue),
        "*" => {
            let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
            if let Ok(number) = word.parse::<u32>() {
                let name = text.split(' ').next().unwrap_or_default();
                return Some(match name.to_ascii_uppercase().as_str() {
                    "EXISTS" => Response::Exists(number),
                    "EXPUNGE" => Response::Expunge,
                    "FETCH" => Response::Fetch,
                    _ => Response::Other,
                });
            }
            Some(match word.to_ascii_uppercase().as_str() {
                "" => return None,
                "BYE" => Response::Bye,
                "PREAUTH" => Response::Preauth(text),
                "CAPABILITY" => Response::Capability(text),
                word => status(word).map_or(Response::Other, |s| Response::Untagged(s, text)),
            })
        }
        tag => {
            let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
            (!tag.is_empty()).then_some(Response::Tagged(tag, status(&word.to_ascii_uppercase())?, text))
        }
    }
}

fn status(word: &str) -> Option<Status> {
    match word {
        "OK" => Some(Status::Ok),
        "NO" => Some(Status::No),
        "BAD" => Some(Status::Bad),
        _ => None,
    }
}

/// Length of the literal that a line announces at its end: `{12}`, `~{12}`. An error when nobody may want that much.
pub fn literal(line: &[u8]) -> Result<Option<u64>, &'static str> {
    let Some(rest) = line.strip_suffix(b"}") else { return Ok(None) };
    let digits = rest.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (before, number) = rest.split_at(rest.len() - digits);
    if digits == 0 || before.last() != Some(&b'{') {
        return Ok(None);
    }
    let value = std::str::from_utf8(number).ok().and_then(|n| n.parse().ok()).filter(|n| *n <= LARGEST_LITERAL);
    value.map(Some).ok_or("a literal too large")
}

/// The capabilities inside `[CAPABILITY …]` at the start of a text.
pub fn code_capabilities(text: &str) -> Option<&str> {
    let (code, _) = text.strip_prefix('[')?.split_once(']')?;
    let (name, list) = code.split_once(' ')?;
    name.eq_ignore_ascii_case("CAPABILITY").then_some(list)
}

/// The response code's name, to count refusals under: `NO AUTHENTICATIONFAILED`.
pub fn refusal_key(status: Status, text: &str) -> String {
    let code = text.strip_prefix('[').and_then(|t| t.split([']', ' ']).next());
    match code.filter(|c| (1..=40).contains(&c.len()) && c.bytes().all(|b| b.is_ascii_uppercase() || b == b'-')) {
        Some(code) => format!("{} {code}", status.name()),
        None => status.name().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn first_lines() {
        for (line, response) in [
            ("* OK ready", Response::Untagged(Status::Ok, "ready")),
            ("* 12 EXISTS", Response::Exists(12)),
            ("* 3 expunge", Response::Expunge),
            ("* 3 FETCH (FLAGS ())", Response::Fetch),
            ("* 0 RECENT", Response::Other),
            ("* BYE x", Response::Bye),
            ("* PREAUTH x", Response::Preauth("x")),
            ("* CAPABILITY IMAP4rev2 IDLE", Response::Capability("IMAP4rev2 IDLE")),
            ("* SEARCH 1 2", Response::Other),
            ("* SEARCH", Response::Other),
            ("+ idling", Response::Continue),
            ("+", Response::Continue),
            ("a1 OK done", Response::Tagged("a1", Status::Ok, "done")),
            ("a1 no [LIMIT] x", Response::Tagged("a1", Status::No, "[LIMIT] x")),
            ("a1 BAD", Response::Tagged("a1", Status::Bad, "")),
        ] {
            assert_eq!(parse(line), Some(response), "{line}");
        }
        for bad in ["", "*", "* ", "a1", "a1 MAYBE x", " OK x", "garbage here"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn literals() {
        assert_eq!(literal(b"* 1 FETCH (BODY[] {123}"), Ok(Some(123)));
        assert_eq!(literal(b"* 1 FETCH (BINARY[] ~{0}"), Ok(Some(0)));
        for none in ["", "}", "{}", "{12", "x {a1}", "12}", "(FLAGS {12})"] {
            assert_eq!(literal(none.as_bytes()), Ok(None), "{none}");
        }
        assert!(literal(b"{99999999999999999999}").is_err());
        assert!(literal(b"{268435457}").is_err());
        assert!(!parse("* OK see {3}").unwrap().may_hold_literal());
    }

    #[test]
    fn codes() {
        assert_eq!(code_capabilities("[CAPABILITY IMAP4rev1 SASL-IR] hi"), Some("IMAP4rev1 SASL-IR"));
        assert_eq!(code_capabilities("[ALERT] hi"), None);
        assert_eq!(refusal_key(Status::No, "[AUTHENTICATIONFAILED] wrong"), "NO AUTHENTICATIONFAILED");
        assert_eq!(refusal_key(Status::No, "[BADCHARSET (x)] y"), "NO BADCHARSET");
        assert_eq!(refusal_key(Status::Bad, "what?"), "BAD");
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_refused(line in ".{0,40}") {
            let _ = parse(&line);
            let _ = literal(line.as_bytes());
            let _ = code_capabilities(&line);
            prop_assert!(refusal_key(Status::No, &line).len() <= 43);
        }
    }
}
