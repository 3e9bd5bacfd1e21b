//! `sceau trace verify`: the whole log, read from the running server or, without one, from the store, and judged here.
use super::Context;
use crate::admin::client::Failure;
use crate::config::Config;
use crate::serve::{setup, store_sentence};
use hyper::Method;
use sceau_domain::{Clock, SystemClock};
use sceau_notary::audit::{self, Finding, Line, Log, Options, Page, Unsealed};
use sceau_notary::{PublicKey, Report};
use sceau_operator::notary::{LogReader, Overview, lines};
use sceau_store::{Store, StoreError};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

/// A trace younger than this may be without a leaf, milliseconds: the notary's lease, and a round.
const GRACE: i64 = 90_000;
/// A checkpoint younger than this may not be in the outside file yet, milliseconds.
const APPENDING: i64 = 30_000;

/// Where the log is read from.
pub(super) enum Source<'a> {
    /// The running server.
    Server(&'a Context),
    /// The store itself.
    Store(Box<Offline<'a>>),
}

/// An opened store.
pub(super) struct Offline<'a> {
    context: &'a Context,
    runtime: Runtime,
    pub reader: LogReader,
}

impl Offline<'_> {
    /// Runs what waits for the store.
    pub fn wait<T>(&self, f: impl Future<Output = T>) -> T {
        self.runtime.block_on(f)
    }
    fn read<T>(&self, f: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failure> {
        self.wait(f).map_err(|e| Failure { sentence: store_sentence(self.context, &e), exit: 1 })
    }
}

/// Reads what the server answered.
pub(super) fn typed<T: DeserializeOwned>(c: &Context, value: serde_json::Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|e| Failure { sentence: c.text("audit.answer", &[("cause", &e.to_string())]), exit: 1 })
}

impl<'a> Source<'a> {
    /// The server when there is one, else the store, and what must be known first.
    pub fn open(c: &'a Context, config: &Config) -> Result<(Self, Overview), Failure> {
        match c.get(&["log"]) {
            Ok(value) => Ok((Self::Server(c), typed(c, value)?)),
            Err(failure) if failure.exit == 3 => {
                let offline = Self::store(c, config)?;
                let mut overview = offline.read(offline.reader.overview())?;
                // Beside other nodes this command has a number of its own; the file is the configured node's.
                overview.keeper = i64::from(config.operator.node);
                Ok((Self::Store(Box::new(offline)), overview))
            }
            Err(failure) => Err(failure),
        }
    }

    /// The store, without a server.
    pub fn store(c: &'a Context, config: &Config) -> Result<Offline<'a>, Failure> {
        let wrong = |e: crate::config::ConfigError| Failure {
            sentence: if c.lang == sceau_domain::Lang::Fr { e.fr } else { e.en },
            exit: 2,
        };
        let mut opened = setup::store_config(config).map_err(wrong)?;
        opened.visitor = true;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure { sentence: c.text("serve.runtime", &[("error", &e.to_string())]), exit: 1 })?;
        let store = runtime.block_on(Store::open(opened));
        let store = store.map_err(|e| Failure { sentence: store_sentence(c, &e), exit: 1 })?;
        Ok(Offline { context: c, runtime, reader: LogReader::new(store) })
    }
}

impl Log for Source<'_> {
    type Error = Failure;
    fn page(&mut self, from: i64) -> Result<Page, Failure> {
        match self {
            Self::Server(c) => typed(c, c.get(&["log", "pages", &from.to_string()])?),
            Self::Store(s) => s.read(s.reader.page(from)),
        }
    }
    fn unsealed(&mut self, after: i64) -> Result<Unsealed, Failure> {
        match self {
            Self::Server(c) => {
                let call = c.call(Method::GET, &["log", "unsealed"])?.query("after", Some(&after.to_string()));
                typed(c, call.send()?.value)
            }
            Self::Store(s) => s.read(s.reader.unsealed(after)),
        }
    }
}

type Outside = Box<dyn Iterator<Item = Line>>;

/// The outside file: the one given, which must be there, or the configured one.
fn outside(c: &Context, config: &Config, given: Option<&Path>) -> Result<Outside, Failure> {
    let path = given.unwrap_or(&config.notary.checkpoints);
    match lines(path) {
        Ok(lines) => Ok(Box::new(lines)),
        Err(e) if given.is_none() && e.kind() == std::io::ErrorKind::NotFound => Ok(Box::new(std::iter::empty())),
        Err(e) => Err(unreadable(c, path, &e)),
    }
}

pub(super) fn unreadable(c: &Context, path: &Path, e: &std::io::Error) -> Failure {
    let args = [("path", &*path.display().to_string()), ("cause", &*e.to_string())];
    Failure { sentence: c.text("audit.file", &args), exit: 2 }
}

/// `sceau trace verify`.
pub fn run(c: &Context, checkpoint: Option<PathBuf>, key: Option<&Path>) -> Result<(), Failure> {
    let config = c.load()?;
    // Those known from elsewhere, and no others: who holds the keyring could add one to it.
    let known = key.map(|path| super::evidence::known_keys(c, path)).transpose()?;
    // Before the log is read: whatever the file holds now, the log holds then.
    let file = outside(c, &config, checkpoint.as_deref())?;
    let (mut source, overview) = Source::open(c, &config)?;
    let now = SystemClock.now().0;
    // Without a server nobody folds: what came after the last checkpoint, and its line at most, waits for the next start.
    let (grace, appending) = match source {
        Source::Server(_) => (GRACE, now - APPENDING),
        Source::Store(_) => (GRACE + (now - overview.at).max(0), overview.at),
    };
    let options = Options {
        keys: known.unwrap_or_else(|| overview.keys.iter().filter_map(|k| PublicKey::from_pem(&k.pem)).collect()),
        now,
        grace,
        appending,
        keeper: checkpoint.is_none().then_some(overview.keeper),
        statements: overview.statements.clone(),
    };
    let shown = std::io::stderr().is_terminal() && !c.json;
    let bar = |done: u64| {
        if shown {
            let size = overview.size.max(1);
            let _ = write!(
                std::io::stderr(),
                "\r{}",
                c.text(
                    "audit.progress",
                    &[
                        ("count", &done.to_string()),
                        ("limit", &overview.size.to_string()),
                        ("percent", &(done.min(size) * 100 / size).to_string()),
                    ]
                )
            );
        }
    };
    let report = audit::run(&mut source, options, Some(file), bar);
    if shown {
        let _ = writeln!(std::io::stderr());
    }
    tell(c, &report?, overview.hold.as_deref())
}

fn tell(c: &Context, report: &Report, hold: Option<&str>) -> Result<(), Failure> {
    if c.json {
        super::table::print_json(&serde_json::to_value(report).unwrap_or_default());
    } else {
        let numbers = [
            ("leaves", report.leaves),
            ("traces", report.traces),
            ("purged", report.purged),
            ("waiting", report.waiting),
            ("checkpoints", report.checkpoints),
            ("outside", report.outside),
        ];
        let numbers = numbers.map(|(name, n)| (name, n.to_string()));
        let args: Vec<(&str, &str)> = numbers.iter().map(|(name, n)| (*name, n.as_str())).collect();
        say!("{}", c.text("audit.seen", &args));
        for note in &report.notes {
            say!("{}", worded(c, &format!("audit.note.{}", note.code()), note.facts()));
        }
        if let Some(hold) = hold {
            say!("{}", c.text("audit.hold", &[("cause", hold)]));
        }
        for finding in &report.findings {
            say!("- {}", sentence(c, finding));
        }
        if report.more > 0 {
            say!("- {}", c.text("audit.more", &[("count", &report.more.to_string())]));
        }
        if report.good {
            let root = [("root", &*report.root), ("leaves", &*report.leaves.to_string())];
            say!("{}", c.text("audit.good", &root));
        }
    }
    if report.good {
        return Ok(());
    }
    let count = (report.findings.len() as u64 + report.more).to_string();
    Err(Failure { sentence: c.text("audit.bad", &[("count", &count)]), exit: 1 })
}

/// What was found, as a person reads it.
fn sentence(c: &Context, finding: &Finding) -> String {
    worded(c, &format!("audit.{}", finding.code()), finding.facts())
}

fn worded(c: &Context, key: &str, facts: Vec<(String, i64)>) -> String {
    const INSTANTS: [&str; 5] = ["at", "after", "since", "until", "due"];
    let facts = facts.into_iter().map(|(name, value)| {
        let text = if INSTANTS.contains(&name.as_str()) { super::time::universal(value) } else { value.to_string() };
        (name, text)
    });
    let facts: Vec<(String, String)> = facts.collect();
    // An interval from the beginning has no checkpoint before it.
    let facts = facts.iter().filter(|(name, value)| name != "since" || !value.starts_with("1970"));
    let args: Vec<(&str, &str)> = facts.map(|(n, v)| (n.as_str(), v.as_str())).collect();
    c.text(key, &args)
}

#[cfg(test)]
mod tests {
    use sceau_domain::{Lang, text::template};
    use sceau_notary::bundle::BundleError;

    /// Whatever an audit or a bundle's check finds has its sentence in both languages. The codes are those of the published schema.
    #[test]
    fn every_finding_has_its_sentence() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../../../docs/schemas/trace_verify.json")).expect("JSON");
        let codes = schema["properties"]["findings"]["items"]["properties"]["code"]["enum"].as_array().expect("codes");
        let findings = codes.iter().filter_map(|c| c.as_str()).map(|c| format!("audit.{c}"));
        let bundles = [
            BundleError::Form,
            BundleError::Version,
            BundleError::Signature,
            BundleError::Inclusion,
            BundleError::Since,
        ];
        let bundles = bundles.iter().map(|e| format!("evidence.{}", e.code()));
        let outside = ["not_asked", "confirmed", "led_back", "silent"].map(|o| format!("evidence.outside_{o}"));
        for key in findings.chain(bundles).chain(outside) {
            assert!(Lang::ALL.iter().all(|l| template(*l, &key).is_some()), "{key}");
        }
    }
}
