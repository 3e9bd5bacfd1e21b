//! The command line of `desk-load`.
use crate::SetupError;
use crate::common::Common;
use clap::Parser;
use std::str::FromStr;

/// A page to ask for, by the name under which it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its name in the report.
    pub name: String,
    /// Path and query.
    pub path: String,
}

impl FromStr for Page {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let (name, path) = s.split_once('=').ok_or("expected NAME=/PATH")?;
        let clean = path.bytes().all(|b| b.is_ascii_graphic());
        if name.is_empty() || !path.starts_with('/') || !clean {
            return Err(format!("{s:?}: expected NAME=/PATH, as it stands in an address"));
        }
        Ok(Self { name: name.into(), path: path.into() })
    }
}

/// Ask a server for pages and report how fast they came, what they weighed, and what was refused.
///
/// Each session asks for the pages in turn over one connection, waiting for each answer. With `--park` the sessions open a stream of events each and
/// keep it for `--seconds`, asking for a page now and then. Exit status: 0 when something was done, 1 when nothing was, 2 when the run could not start.
#[derive(Debug, Clone, Parser)]
#[command(name = "desk-load", version)]
pub struct Options {
    #[command(flatten)]
    #[allow(missing_docs)] // shown as its own options
    pub common: Common,
    /// Page, repeatable
    #[arg(long = "page", value_name = "NAME=/PATH", required = true)]
    pub pages: Vec<Page>,
    /// Cookies to send (`name=value; …`), or `@FILE` that holds them: of several lines each session takes one, in turn
    #[arg(long, value_name = "COOKIES")]
    pub cookie: Option<String>,
    /// Header to send with each request, repeatable: `name: value`
    #[arg(long = "header", value_name = "HEADER")]
    pub headers: Vec<String>,
    /// The run ends after so many pages (or sooner, when its seconds are over)
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub count: u64,
    /// Pages of each session before the measure starts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub warm_up: u32,
    /// Keep a stream of events open in each session
    #[arg(long, value_name = "/PATH")]
    pub park: Option<String>,
    /// With --park, seconds between two pages of a session; 0: none
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub every: u64,
    /// With --park, connections being set up at once
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub opening: u16,
}

impl Options {
    /// What stands behind each request's first line, and ends it: of each browser.
    pub(super) fn heads(&self) -> Result<Vec<String>, SetupError> {
        if self.common.security.starttls {
            return Err(SetupError::Option("HTTP knows no STARTTLS: --tls or --plain".into()));
        }
        if self.park.as_ref().is_some_and(|p| !p.starts_with('/') || !p.bytes().all(|b| b.is_ascii_graphic())) {
            return Err(SetupError::Option("--park: expected a path as it stands in an address".into()));
        }
        let host = match &self.common.tls_options.server_name {
            Some(name) => format!("{name}:{}", self.common.target.port),
            None => self.common.target.to_string(),
        };
        let printable = |line: &str| line.bytes().all(|b| (0x20..0x7f).contains(&b));
        if self.headers.iter().any(|h| !printable(h) || !h.contains(": ")) {
            return Err(SetupError::Option("--header: expected `name: value` in printable ASCII".into()));
        }
        let more: String = self.headers.iter().map(|h| format!("{h}\r\n")).collect();
        let head = |cookie: &str| {
            format!(" HTTP/1.1\r\nHost: {host}\r\nUser-Agent: desk-load\r\nAccept-Encoding: gzip\r\n{more}{cookie}\r\n")
        };
        let Some(cookies) = self.cookies()? else { return Ok(vec![head("")]) };
        let heads: Option<Vec<_>> =
            cookies.lines().map(|line| printable(line).then(|| head(&format!("Cookie: {line}\r\n")))).collect();
        let heads = heads.filter(|heads| !heads.is_empty());
        heads.ok_or_else(|| SetupError::Option("--cookie: expected a line of printable ASCII for each browser".into()))
    }

    fn cookies(&self) -> Result<Option<String>, SetupError> {
        match self.cookie.as_deref().map(|c| (c, c.strip_prefix('@'))) {
            None => Ok(None),
            Some((_, Some(file))) => match std::fs::read_to_string(file) {
                Ok(text) => Ok(Some(text)),
                Err(e) => Err(SetupError::File(file.into(), e)),
            },
            Some((cookies, None)) => Ok(Some(cookies.to_owned())),
        }
    }
}
