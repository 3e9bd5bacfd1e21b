//! The outside file while an audit goes through the log: drawn line by line, never held.
use super::{Finding, Options};
use crate::checkpoint::{Checkpoint, PublicKey};
use crate::statement::Statement;

/// A line of the outside file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: u64,
    /// Its bytes without the end; of a longer one than [`crate::checkpoint::LONGEST_LINE`], that many and one more.
    pub text: Vec<u8>,
    /// It ends with LF; the last one may not, after a crash.
    pub ended: bool,
}

/// A line that was read and not used yet.
#[derive(Debug)]
enum Next {
    Good(u64, Checkpoint),
    Bad(u64),
}

/// The lines still to come.
#[derive(Debug)]
pub struct Outside<O> {
    lines: Option<O>,
    /// Read and not interpreted.
    raw: Option<Line>,
    /// Interpreted and not used.
    next: Option<Next>,
    /// Size on the line before.
    before: Option<u64>,
    /// Size of the first good line.
    first: Option<u64>,
    /// Size of the last good line used.
    used: Option<u64>,
    missing_told: bool,
    in_gap: bool,
    /// Restores, signed: checkpoints that they void are passed over.
    restores: Vec<Statement>,
    voided: bool,
}

impl<O: Iterator<Item = Line>> Outside<O> {
    pub(super) fn new(lines: Option<O>, restores: Vec<Statement>) -> Self {
        Self {
            lines,
            raw: None,
            next: None,
            before: None,
            first: None,
            used: None,
            missing_told: false,
            in_gap: false,
            restores,
            voided: false,
        }
    }

    fn raw(&mut self) -> Option<Line> {
        self.raw.take().or_else(|| self.lines.as_mut()?.next())
    }

    /// Interprets the next line, unless one waits.
    fn fill(&mut self, keys: &[PublicKey]) {
        while self.next.is_none() {
            let Some(line) = self.raw() else { return };
            if let Some(c) = Checkpoint::from_line(&line.text).filter(|c| c.signed_by(keys)) {
                if self.restores.iter().any(|r| r.voids(c.size, c.at)) {
                    self.voided = true;
                    continue;
                }
                self.first.get_or_insert(c.size);
                self.next = Some(Next::Good(line.number, c));
                return;
            }
            // A line that a crash cut is the last one, or was written again, whole, on the next line.
            if !line.ended {
                return;
            }
            self.raw = self.raw();
            let again = self.raw.as_ref().is_some_and(|next| next.text.starts_with(&line.text));
            if !again {
                self.next = Some(Next::Bad(line.number));
            }
        }
    }

    /// The next line to judge when the log has `size` leaves: one of that size to compare, or one that is wrong whatever the log says.
    pub(super) fn at(&mut self, size: u64, keys: &[PublicKey]) -> Option<Result<(u64, Checkpoint), Finding>> {
        loop {
            self.fill(keys);
            match self.next.take()? {
                Next::Bad(line) => return Some(Err(Finding::OutsideForged { line })),
                Next::Good(line, c) if c.size > size => {
                    self.next = Some(Next::Good(line, c));
                    return None;
                }
                Next::Good(line, c) => {
                    let before = self.before.replace(c.size);
                    self.used = Some(c.size);
                    self.in_gap = false;
                    if let Some(before) = before.filter(|b| c.size < *b) {
                        return Some(Err(Finding::OutsideOrder { line, size: c.size, before }));
                    }
                    if c.size == size {
                        return Some(Ok((line, c)));
                    }
                }
            }
        }
    }

    /// A checkpoint that this node appended to the file; asked after the lines up to its size were used. `recent`: it may be about to be
    /// appended.
    pub(super) fn expects(&mut self, size: u64, at: i64, recent: bool) -> Option<Finding> {
        self.lines.as_ref()?;
        let here = self.used == Some(size);
        match self.first {
            _ if here || recent || self.in_gap => None,
            // Of a file whose every line was voided by a restore nothing more is expected.
            None if self.missing_told || self.voided => None,
            None => {
                self.missing_told = true;
                Some(Finding::OutsideMissing)
            }
            // The file was begun later.
            Some(first) if size < first => None,
            Some(_) => {
                self.in_gap = true;
                Some(Finding::OutsideCut { size, at })
            }
        }
    }

    /// What is left at the end of a log of `leaves` leaves. The first line that knows a longer log is told.
    pub(super) fn rest(&mut self, leaves: u64, options: &Options) -> Vec<Finding> {
        let (mut out, mut longer) = (Vec::new(), false);
        loop {
            self.fill(&options.keys);
            match self.next.take() {
                None => return out,
                Some(Next::Bad(line)) if out.len() < super::MOST_FINDINGS => out.push(Finding::OutsideForged { line }),
                Some(Next::Good(line, c)) if c.size > leaves && !longer => {
                    longer = true;
                    out.push(Finding::OutsideLonger { line, size: c.size, at: c.at, leaves });
                }
                Some(_) => {}
            }
        }
    }
}
