//! Command lines of a client (RFC 5321 §4.1.1).
//!
//! A line is taken only when it ends with CRLF and holds neither another CR or LF, nor a NUL or another control character;
//! octets above 127 are valid UTF-8 and stand in the paths of MAIL and RCPT only.
use super::parameters::{Announced, MailParameters, ParameterError, rcpt as rcpt_parameters};
use super::path::{self, Path};
use sceau_domain::address::AddressError;
use sceau_domain::dsn::RcptRequest;

/// Longest argument of EHLO and HELO, in octets (RFC 5321 §4.5.3.1.2).
const MAX_HELO: usize = 255;
/// Longest mechanism name (RFC 4422 §3.1).
const MAX_MECHANISM: usize = 20;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the verbs of RFC 5321 and its extensions
pub enum Command {
    Ehlo(String),
    Helo(String),
    /// The path is never `Postmaster`.
    Mail(Path, MailParameters),
    /// The path is never `Null`.
    Rcpt(Path, RcptRequest),
    Data,
    /// Octets that follow, and whether they are the last of the message (RFC 3030 §2).
    Bdat(u64, bool),
    Rset,
    Noop,
    Quit,
    Vrfy,
    Expn,
    Help,
    StartTls,
    /// Mechanism in upper case; initial response as written (base64, or `=` for an empty one).
    Auth(String, Option<String>),
}

/// Why a line is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The line does not end with CRLF, or has a CR, LF or NUL inside.
    #[error("a command line ends with CRLF and holds no other control character")]
    Line,
    /// Not UTF-8, or octets above 127 where none belong.
    #[error("octets above 127")]
    Octets,
    /// No such verb.
    #[error("unknown command")]
    Unknown,
    /// The arguments are not what the verb needs.
    #[error("malformed arguments")]
    Arguments,
    /// The sender's path.
    #[error("sender: {0}")]
    Sender(AddressError),
    /// A recipient's path.
    #[error("recipient: {0}")]
    Recipient(AddressError),
    /// A parameter that was not announced.
    #[error("parameter not recognised")]
    Parameter,
}

impl From<ParameterError> for CommandError {
    fn from(e: ParameterError) -> Self {
        match e {
            ParameterError::Unknown => Self::Parameter,
            ParameterError::Malformed => Self::Arguments,
        }
    }
}

impl Command {
    /// Reads a whole line, CRLF included. The caller has bounded its length ([`super::COMMAND_LINE`]).
    ///
    /// # Errors
    /// See [`CommandError`].
    pub fn parse(line: &[u8], announced: &Announced) -> Result<Self, CommandError> {
        let text = text(line)?;
        let (verb, rest) = text.split_at(text.find([' ', ':']).unwrap_or(text.len()));
        if !verb.is_ascii() {
            return Err(CommandError::Octets);
        }
        let verb = verb.to_ascii_uppercase();
        match verb.as_str() {
            "MAIL" | "RCPT" => {}
            // A verb that ends with a colon, and arguments beyond ASCII, belong to those two only.
            _ if rest.starts_with(':') => return Err(CommandError::Unknown),
            _ if !rest.is_ascii() => return Err(CommandError::Octets),
            _ => {}
        }
        let argument = rest.trim_matches(' ');
        match verb.as_str() {
            "EHLO" => helo(argument).map(Self::Ehlo),
            "HELO" => helo(argument).map(Self::Helo),
            "MAIL" => mail(rest, announced),
            "RCPT" => rcpt(rest, announced),
            "DATA" => bare(argument, Self::Data),
            "BDAT" => bdat(argument),
            "RSET" => bare(argument, Self::Rset),
            "QUIT" => bare(argument, Self::Quit),
            "STARTTLS" => bare(argument, Self::StartTls),
            "NOOP" => Ok(Self::Noop),
            "HELP" => Ok(Self::Help),
            "VRFY" if !argument.is_empty() => Ok(Self::Vrfy),
            "EXPN" if !argument.is_empty() => Ok(Self::Expn),
            "VRFY" | "EXPN" => Err(CommandError::Arguments),
            "AUTH" => auth(argument),
            _ => Err(CommandError::Unknown),
        }
    }
}

/// The line without its CRLF, when it is sound.
pub(crate) fn text(line: &[u8]) -> Result<&str, CommandError> {
    let text = line.strip_suffix(b"\r\n").ok_or(CommandError::Line)?;
    if text.iter().any(|b| *b < b' ' && *b != b'\t' || *b == 0x7f) {
        return Err(CommandError::Line);
    }
    std::str::from_utf8(text).map_err(|_| CommandError::Octets)
}

fn bare(argument: &str, command: Command) -> Result<Command, CommandError> {
    if argument.is_empty() { Ok(command) } else { Err(CommandError::Arguments) }
}

fn helo(argument: &str) -> Result<String, CommandError> {
    let name = !argument.is_empty() && argument.len() <= MAX_HELO && argument.bytes().all(|b| b.is_ascii_graphic());
    if name { Ok(argument.to_owned()) } else { Err(CommandError::Arguments) }
}

/// What follows `keyword` (in any case) and its colon. A space after the colon is tolerated, as everyone does: nothing can be
/// read in two ways by it.
fn after<'a>(rest: &'a str, keyword: &str) -> Result<&'a str, CommandError> {
    let rest = rest.strip_prefix(' ').ok_or(CommandError::Arguments)?.trim_start_matches(' ');
    match rest.split_once(':') {
        Some((head, path)) if head.eq_ignore_ascii_case(keyword) => Ok(path.trim_start_matches(' ')),
        _ => Err(CommandError::Arguments),
    }
}

fn mail(rest: &str, announced: &Announced) -> Result<Command, CommandError> {
    let (path, rest) = path::parse(after(rest, "FROM")?).map_err(CommandError::Sender)?;
    let parameters = MailParameters::parse(rest, announced)?;
    match path {
        Path::Postmaster => Err(CommandError::Sender(AddressError::Missing)),
        // RFC 6531 §3.4: an international path needs the parameter.
        Path::Mailbox { international: true, .. } if !parameters.smtputf8 => {
            Err(CommandError::Sender(AddressError::Forbidden))
        }
        path => Ok(Command::Mail(path, parameters)),
    }
}

fn rcpt(rest: &str, announced: &Announced) -> Result<Command, CommandError> {
    let (path, rest) = path::parse(after(rest, "TO")?).map_err(CommandError::Recipient)?;
    let parameters = rcpt_parameters(rest, announced)?;
    match path {
        Path::Null => Err(CommandError::Recipient(AddressError::Missing)),
        path => Ok(Command::Rcpt(path, parameters)),
    }
}

/// `1*DIGIT [SP LAST]`.
fn bdat(argument: &str) -> Result<Command, CommandError> {
    let (size, rest) = argument.split_once(' ').map_or((argument, ""), |(s, r)| (s, r.trim_start_matches(' ')));
    let last = rest.eq_ignore_ascii_case("LAST");
    let digits = (1..=20).contains(&size.len()) && size.bytes().all(|b| b.is_ascii_digit());
    match size.parse() {
        Ok(size) if digits && (last || rest.is_empty()) => Ok(Command::Bdat(size, last)),
        _ => Err(CommandError::Arguments),
    }
}

fn auth(argument: &str) -> Result<Command, CommandError> {
    let (mechanism, initial) = argument.split_once(' ').map_or((argument, None), |(m, i)| (m, Some(i)));
    let sound = !mechanism.is_empty()
        && mechanism.len() <= MAX_MECHANISM
        && mechanism.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !sound || initial.is_some_and(|i| i.contains(' ')) {
        return Err(CommandError::Arguments);
    }
    Ok(Command::Auth(mechanism.to_ascii_uppercase(), initial.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Announced = Announced::ALL;

    fn parse(line: &str) -> Result<Command, CommandError> {
        Command::parse(line.as_bytes(), &ALL)
    }

    #[test]
    fn each_verb_in_any_case() {
        assert_eq!(parse("ehlo mx.alpha.test\r\n"), Ok(Command::Ehlo("mx.alpha.test".into())));
        assert_eq!(parse("HELO [192.0.2.1] \r\n"), Ok(Command::Helo("[192.0.2.1]".into())));
        for (line, command) in [
            ("DATA\r\n", Command::Data),
            ("BDAT 0\r\n", Command::Bdat(0, false)),
            ("bdat 86  last \r\n", Command::Bdat(86, true)),
            ("rset \r\n", Command::Rset),
            ("NOOP whatever\r\n", Command::Noop),
            ("QUIT\r\n", Command::Quit),
            ("HELP\r\n", Command::Help),
            ("VRFY anne\r\n", Command::Vrfy),
            ("EXPN list\r\n", Command::Expn),
            ("StartTLS\r\n", Command::StartTls),
            ("AUTH PLAIN\r\n", Command::Auth("PLAIN".into(), None)),
            ("auth plain AGEAYg==\r\n", Command::Auth("PLAIN".into(), Some("AGEAYg==".into()))),
        ] {
            assert_eq!(parse(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn mail_and_rcpt() {
        let Ok(Command::Mail(Path::Mailbox { address, .. }, p)) = parse("MAIL FROM:<a@b.test> SIZE=12 SMTPUTF8\r\n")
        else {
            panic!()
        };
        assert_eq!((address.to_string().as_str(), p.size, p.smtputf8), ("a@b.test", Some(12), true));
        assert!(matches!(parse("mail from: <>\r\n"), Ok(Command::Mail(Path::Null, _))));
        assert!(matches!(parse("RCPT TO:<postmaster>\r\n"), Ok(Command::Rcpt(Path::Postmaster, _))));
        assert!(matches!(
            parse("RCPT TO:<é@b.test>\r\n"),
            Ok(Command::Rcpt(Path::Mailbox { international: true, .. }, _))
        ));
    }

    #[test]
    fn refused_lines() {
        use CommandError as E;
        for (line, error) in [
            ("NOOP\n", E::Line),
            ("NOOP", E::Line),
            ("NOOP\r", E::Line),
            ("NO\rOP\r\n", E::Line),
            ("NO\nOP\r\n", E::Line),
            ("NOOP\0\r\n", E::Line),
            ("\r\n", E::Unknown),
            ("XYZZY\r\n", E::Unknown),
            ("DATA:\r\n", E::Unknown),
            ("ÉHLO a\r\n", E::Octets),
            ("EHLO é\r\n", E::Octets),
            ("EHLO\r\n", E::Arguments),
            ("EHLO a b\r\n", E::Arguments),
            ("DATA now\r\n", E::Arguments),
            ("QUIT x\r\n", E::Arguments),
            ("BDAT\r\n", E::Arguments),
            ("BDAT LAST\r\n", E::Arguments),
            ("BDAT 1 FIRST\r\n", E::Arguments),
            ("BDAT -1\r\n", E::Arguments),
            ("BDAT +1\r\n", E::Arguments),
            ("BDAT 0x10\r\n", E::Arguments),
            ("BDAT 1 LAST x\r\n", E::Arguments),
            ("BDAT 99999999999999999999\r\n", E::Arguments),
            ("STARTTLS x\r\n", E::Arguments),
            ("MAIL\r\n", E::Arguments),
            ("MAIL:FROM:<a@b.test>\r\n", E::Arguments),
            ("MAIL TO:<a@b.test>\r\n", E::Arguments),
            ("MAIL FROM:<a@b.test>SIZE=1\r\n", E::Arguments),
            ("MAIL FROM:<a@b.test> SIZE=x\r\n", E::Arguments),
            ("MAIL FROM:<a@b.test> FOO=1\r\n", E::Parameter),
            ("MAIL FROM:a@b.test\r\n", E::Sender(AddressError::Missing)),
            ("MAIL FROM:<postmaster>\r\n", E::Sender(AddressError::Missing)),
            ("MAIL FROM:<é@b.test>\r\n", E::Sender(AddressError::Forbidden)),
            ("MAIL FROM:<a@[192.0.2.1]>\r\n", E::Sender(AddressError::Literal)),
            ("RCPT TO:<>\r\n", E::Recipient(AddressError::Missing)),
            ("RCPT TO:<a@b.test> SIZE=1\r\n", E::Arguments),
            ("AUTH\r\n", E::Arguments),
            ("AUTH PLAIN a b\r\n", E::Arguments),
            ("AUTH PLAÎN\r\n", E::Octets),
        ] {
            assert_eq!(parse(line), Err(error), "{line:?}");
        }
        assert_eq!(Command::parse(b"MAIL FROM:<\xff@b.test>\r\n", &ALL), Err(E::Octets));
        assert_eq!(parse(&format!("EHLO {}\r\n", "a".repeat(256))), Err(E::Arguments));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_answered_without_panic(line in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = Command::parse(&line, &ALL);
            let mut framed = b"MAIL FROM:<".to_vec();
            framed.extend(&line);
            framed.extend(b"\r\n");
            if let Ok(Command::Mail(Path::Mailbox { address, .. }, _)) = Command::parse(&framed, &ALL) {
                let again = format!("MAIL FROM:<{address}> SMTPUTF8\r\n");
                proptest::prop_assert!(Command::parse(again.as_bytes(), &ALL).is_ok());
            }
        }
    }
}
