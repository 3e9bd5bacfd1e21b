//! The command line of `smtp-load`.
use super::message::{Body, Template};
use crate::SetupError;
use crate::common::Common;
use clap::Parser;
use std::path::PathBuf;

/// Load an SMTP server with unique messages and report what it acknowledged, how fast, and what it refused.
///
/// Each session sends a message, waits for the answer, sends the next. Exit status: 0 when messages were acknowledged, 1 when
/// none was, 2 when the run could not start.
#[derive(Debug, Clone, Parser)]
#[command(name = "smtp-load", version)]
pub struct Options {
    #[command(flatten)]
    #[allow(missing_docs)] // shown as its own options
    pub common: Common,
    /// Envelope sender and From
    #[arg(long, value_name = "ADDRESS")]
    pub from: String,
    /// Recipient, or several (repeat, or separate by commas), used in turn
    #[arg(long = "recipients", alias = "to", value_name = "ADDRESS", value_delimiter = ',', required = true)]
    pub recipients: Vec<String>,
    /// Recipients of each message
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub per_message: u16,
    /// The run ends after so many messages (or sooner, when its seconds are over)
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub messages: u64,
    /// Size of a whole message, bytes
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u64).range(0..=64 << 20))]
    pub size: u64,
    /// What bodies are made of
    #[arg(long, value_enum, default_value_t)]
    pub body: Body,
    /// Keep each connection for the whole run (the default)
    #[arg(long, conflicts_with = "fresh")]
    pub reuse: bool,
    /// A new connection for each message
    #[arg(long)]
    pub fresh: bool,
    /// Log in with AUTH PLAIN: `user:secret`, or `@FILE` that holds it
    #[arg(long, value_name = "USER:SECRET")]
    pub auth: Option<String>,
    /// Send MAIL, RCPT and DATA at once where the server offers it
    #[arg(long)]
    pub pipelining: bool,
    /// Open load: so many messages a second in all, each timed from the instant it was due
    #[arg(long, value_name = "PER_SECOND")]
    pub rate: Option<f64>,
    /// Messages of each session before the measure starts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub warm_up: u32,
    /// Send a message again, byte for byte, after a 4xx or a lost connection, as a real sender does
    #[arg(long)]
    pub retry: bool,
    /// With --retry, how long to go on after the run's end, seconds
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub retry_grace: u64,
    /// Append a line for each acknowledged message, the warm-up's included: Message-ID, tab, recipients
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Name of this run in each Message-ID; made up when absent
    #[arg(long, value_name = "NAME")]
    pub run_id: Option<String>,
    /// Name given in EHLO
    #[arg(long, default_value = "load.invalid", value_name = "NAME")]
    pub hello: String,
}

impl Options {
    /// Checks what the command line's types cannot say.
    pub fn check(&self) -> Result<(), SetupError> {
        let wrong = |what: String| Err(SetupError::Option(what));
        for address in self.recipients.iter().chain([&self.from]) {
            if !address.contains('@')
                || address.len() > 320
                || address.contains(|c: char| c.is_control() || "<> ".contains(c))
            {
                return wrong(format!("{address:?} is not an address"));
            }
        }
        if self
            .run_id
            .as_ref()
            .is_some_and(|r| !(1..=64).contains(&r.len()) || !r.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        {
            return wrong("--run-id: letters, digits and - only, at most 64".into());
        }
        if !self.hello.bytes().all(|b| b.is_ascii_graphic()) || self.hello.is_empty() {
            return wrong("--hello: a host name".into());
        }
        if usize::from(self.per_message) > self.recipients.len() {
            return wrong("--per-message: more than there are recipients".into());
        }
        if self.rate.is_some_and(|r| !(r.is_finite() && r > 0.0)) {
            return wrong("--rate: a number above 0".into());
        }
        Ok(())
    }
    /// User and secret.
    pub fn credentials(&self) -> Result<Option<(String, String)>, SetupError> {
        let Some(auth) = &self.auth else { return Ok(None) };
        let text = match auth.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file).map_err(|e| SetupError::File(file.into(), e))?,
            None => auth.clone(),
        };
        match text.trim_end().split_once(':') {
            Some((user, secret)) => Ok(Some((user.into(), secret.into()))),
            None => Err(SetupError::Option("--auth: user:secret, or @FILE".into())),
        }
    }
    /// What all messages have in common.
    pub fn template(&self) -> Template {
        let run = self.run_id.clone().unwrap_or_else(|| {
            use std::hash::{BuildHasher, Hasher};
            // A random key of the standard library: two runs never share a name.
            format!("{:016x}", std::hash::RandomState::new().build_hasher().finish())
        });
        // At most 64 MiB: fits.
        Template { run, from: self.from.clone(), size: self.size as usize, body: self.body }
    }
    /// The recipients of a message.
    pub fn recipients_of(&self, number: u64) -> Vec<&str> {
        let all = self.recipients.len();
        let each = usize::from(self.per_message);
        let first = (number as usize).wrapping_mul(each) % all;
        (0..each).map(|i| self.recipients[(first + i) % all].as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(more: &[&str]) -> Result<Options, clap::Error> {
        let base = [
            "smtp-load",
            "--target",
            "localhost:25",
            "--from",
            "a@b.example",
            "--recipients",
            "c@d.example,e@f.example",
        ];
        Options::try_parse_from(base.iter().chain(more))
    }

    #[test]
    fn exactly_one_security_and_bounds() {
        assert!(options(&["--plain"]).is_ok());
        for bad in [
            &[][..],
            &["--plain", "--tls"],
            &["--plain", "--sessions", "0"],
            &["--plain", "--seconds", "100000"],
            &["--plain", "--reuse", "--fresh"],
        ] {
            assert!(options(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn recipients_in_turn() {
        let o = options(&["--plain"]).unwrap();
        assert_eq!([0, 1, 2].map(|n| o.recipients_of(n)[0]), ["c@d.example", "e@f.example", "c@d.example"]);
        let o = options(&["--plain", "--per-message", "2"]).unwrap();
        assert_eq!(o.recipients_of(5), ["c@d.example", "e@f.example"]);
    }

    #[test]
    fn what_could_inject_a_command_is_refused() {
        for bad in [
            ["--from", "a@b\r\nQUIT"],
            ["--hello", "x\r\nQUIT"],
            ["--run-id", "x>\r\n"],
            ["--per-message", "3"],
            ["--rate", "NaN"],
        ] {
            let mut args = vec!["smtp-load", "--target", "localhost:25", "--recipients", "c@d.example", "--plain"];
            if bad[0] != "--from" {
                args.extend(["--from", "a@b.example"]);
            }
            args.extend(bad);
            assert!(Options::try_parse_from(&args).unwrap().check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn credentials_from_the_line_or_a_file() {
        let mut o = options(&["--plain", "--auth", "dr.x*bal:se:cret"]).unwrap();
        assert_eq!(o.credentials().unwrap(), Some(("dr.x*bal".into(), "se:cret".into())));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "u:t\n").unwrap();
        o.auth = Some(format!("@{}", file.path().display()));
        assert_eq!(o.credentials().unwrap(), Some(("u".into(), "t".into())));
        o.auth = Some("nothing".into());
        assert!(o.credentials().is_err());
    }
}
