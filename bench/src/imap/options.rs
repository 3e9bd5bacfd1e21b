//! The command line of `imap-load`.
use super::operation::Operation;
use crate::SetupError;
use crate::common::Common;
use clap::Parser;
use std::path::PathBuf;

/// Load an IMAP server and report what it did, how fast, and what it refused.
///
/// Each session repeats the operations, waiting for each answer. With `--operations idle` the sessions are opened, parked for
/// `--seconds`, and asked at the end whether they still live. Exit status: 0 when something was done, 1 when nothing was, 2 when
/// the run could not start.
#[derive(Debug, Clone, Parser)]
#[command(name = "imap-load", version)]
pub struct Options {
    #[command(flatten)]
    #[allow(missing_docs)] // shown as its own options
    pub common: Common,
    /// Login
    #[arg(long, requires = "password", required_unless_present = "accounts")]
    pub user: Option<String>,
    /// Its password or token, or `@FILE` that holds it
    #[arg(long, requires = "user")]
    pub password: Option<String>,
    /// File of accounts, a line each: login, blank, password. Sessions take them in turn
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    pub accounts: Option<PathBuf>,
    /// What to do, in turn
    #[arg(long, value_enum, value_delimiter = ',', default_value = "mixed")]
    pub operations: Vec<Operation>,
    /// The run ends after so many operations (or sooner, when its seconds are over)
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub count: u64,
    /// Folder
    #[arg(long, default_value = "INBOX")]
    pub folder: String,
    /// Messages of a fetch-flags or fetch-envelope, counted from the newest
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub span: u32,
    /// Criteria of a search, as IMAP writes them
    #[arg(long, default_value = "UNSEEN", value_name = "CRITERIA")]
    pub search: String,
    /// Size of an appended message, bytes
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u64).range(0..=64 << 20))]
    pub size: u64,
    /// Before the measure, append messages until the folder of each account holds so many
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub fill: u32,
    /// Operations of each session before the measure starts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub warm_up: u32,
    /// With idle, connections being set up at once
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub opening: u16,
}

impl Options {
    /// Checks what the command line's types cannot say.
    pub fn check(&self) -> Result<(), SetupError> {
        let clean = |s: &str| !s.is_empty() && s.len() <= 1000 && s.bytes().all(|b| (0x20..0x7f).contains(&b));
        for (name, value) in [("--folder", &self.folder), ("--search", &self.search)] {
            if !clean(value) {
                return Err(SetupError::Option(format!("{name}: printable ASCII only (folders in modified UTF-7)")));
            }
        }
        if self.operations.len() > 1 && self.operations.contains(&Operation::Idle) {
            return Err(SetupError::Option("--operations: idle stands alone".into()));
        }
        Ok(())
    }
    /// Is it a run of parked sessions?
    pub fn idle(&self) -> bool {
        self.operations == [Operation::Idle]
    }
    /// Logins and passwords.
    pub fn logins(&self) -> Result<Vec<(String, String)>, SetupError> {
        let read = |file: &str| std::fs::read_to_string(file).map_err(|e| SetupError::File(file.into(), e));
        let all = match (&self.accounts, &self.user, &self.password) {
            (Some(file), ..) => {
                let text = read(&file.display().to_string())?;
                let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
                lines
                    .map(|l| l.split_once([' ', '\t']).map(|(u, p)| (u.to_owned(), p.trim().to_owned())))
                    .collect::<Option<Vec<_>>>()
            }
            (None, Some(user), Some(password)) => {
                let password = match password.strip_prefix('@') {
                    Some(file) => read(file)?.trim_end().to_owned(),
                    None => password.clone(),
                };
                Some(vec![(user.clone(), password)])
            }
            _ => None,
        };
        let bad = |s: &str| s.is_empty() || s.contains(['\0', '\r', '\n']);
        match all {
            Some(all) if !all.is_empty() && !all.iter().any(|(u, p)| bad(u) || bad(p)) => Ok(all),
            _ => Err(SetupError::Option("accounts: a login and a password, on one line each in a file".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(more: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from(["imap-load", "--target", "localhost:143", "--plain"].iter().chain(more))
    }

    #[test]
    fn someone_must_log_in() {
        assert!(options(&[]).is_err());
        assert!(options(&["--user", "u"]).is_err());
        let o = options(&["--user", "u", "--password", "p"]).unwrap();
        assert_eq!(o.logins().unwrap(), [("u".into(), "p".into())]);
        assert!(o.check().is_ok() && !o.idle());
    }

    #[test]
    fn accounts_from_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        let with = |text: &str| {
            std::fs::write(&path, text).unwrap();
            options(&["--accounts", &path]).unwrap().logins()
        };
        assert_eq!(with("# who\na 1\n\nb\t2 \n").unwrap(), [("a".into(), "1".into()), ("b".into(), "2".into())]);
        assert!(with("alone\n").is_err());
        assert!(with("\n").is_err());
    }

    #[test]
    fn idle_stands_alone_and_nothing_injects_a_command() {
        let with = |more: &[&str]| options(&[&["--user", "u", "--password", "p"], more].concat()).unwrap().check();
        assert!(with(&["--operations", "idle"]).is_ok());
        assert!(with(&["--operations", "idle,select"]).is_err());
        assert!(with(&["--folder", "a\r\nb"]).is_err());
        assert!(with(&["--search", "ALL\r\na LOGOUT"]).is_err());
    }
}
