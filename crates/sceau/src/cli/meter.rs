//! How far a long work is, on standard error: a bar where there is a terminal, a line from time to time elsewhere.
use super::Context;
use crate::admin::client::Failure;
use sceau_operator::care::backup::CareFailure;
use sceau_store::care::{CareError, Progress};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the bar moves.
pub const EVERY: Duration = Duration::from_millis(250);
/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Characters of the bar.
const WIDTH: u64 = 30;

/// Shows progress.
#[derive(Debug)]
pub struct Meter {
    context: Context,
    terminal: bool,
    drawn: bool,
    said: Instant,
}

impl Meter {
    /// Nothing is shown yet.
    pub fn new(context: &Context) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { context: context.clone(), terminal, drawn: false, said: Instant::now() }
    }
    /// Shows how far a phase is.
    pub fn show(&mut self, phase: &str, done: u64, total: u64) {
        let phase = self.context.text(&format!("care.phase.{phase}"), &[]);
        self.draw(&phase, done, total);
    }
    /// Shows how far something of this name is.
    pub fn draw(&mut self, name: &str, done: u64, total: u64) {
        let name = super::table::printable(name);
        let line = match (done * WIDTH).checked_div(total) {
            None => format!("{name} {done}"),
            Some(full) => {
                let bar: String = (0..WIDTH).map(|i| if i < full { '#' } else { '.' }).collect();
                format!("{name} [{bar}] {done}/{total}")
            }
        };
        // Nobody reads: the work goes on.
        let mut err = std::io::stderr().lock();
        if self.terminal {
            let _ = write!(err, "\r\x1b[K{line}");
            let _ = err.flush();
            self.drawn = true;
        } else if self.said.elapsed() >= LINE_EVERY {
            let _ = writeln!(err, "{line}");
            self.said = Instant::now();
        }
    }
    /// Takes the bar away, so that something else is said; it comes again.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            eprint!("\r\x1b[K");
        }
    }
    /// The work is over: the bar goes.
    pub fn end(mut self) {
        self.clear();
    }
}

/// Runs a long work here, and shows how far it is.
pub fn carry_out<T, F>(c: &Context, work: impl FnOnce(Arc<Progress>) -> F) -> Result<Result<T, CareError>, Failure>
where
    F: Future<Output = Result<T, CareError>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure { sentence: c.text("serve.runtime", &[("error", &e.to_string())]), exit: 1 })?;
    let (progress, mut meter) = (Arc::new(Progress::default()), Meter::new(c));
    let outcome = runtime.block_on(async {
        let work = work(Arc::clone(&progress));
        tokio::pin!(work);
        loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                () = tokio::time::sleep(EVERY) => {
                    let (phase, done, total) = progress.now();
                    meter.show(phase.as_str(), done, total);
                }
            }
        }
    });
    meter.end();
    Ok(outcome)
}

/// Why care of the store failed, as other failures are told. What is the store's own has the store's sentence.
pub fn failed(c: &Context, e: &CareError, exit: u8) -> Failure {
    if let CareError::Store(e) = e {
        return Failure { sentence: crate::serve::store_sentence(c, e), exit };
    }
    told(c, &CareFailure::from(e), exit)
}

/// Likewise, of what the server said.
pub fn told(c: &Context, e: &CareFailure, exit: u8) -> Failure {
    let sentence = if c.lang == sceau_domain::Lang::Fr { &e.fr } else { &e.en };
    Failure { sentence: format!("{sentence} [{}]", e.code), exit }
}
