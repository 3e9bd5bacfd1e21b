//! A message being received: bytes stream into a sealed spool and through the structure scanner, under budget.
//! Used by the MX door, submission and IMAP APPEND alike.
use crate::refuse;
use sceau_domain::{Refusal, RefusalCode};
use sceau_message::lines::{Flaw, LINE, LineCheck, has_nul};
use sceau_message::scan::{Limits, Scan, ScanError, Scanner};
use sceau_store::{Spool, SpoolWriter};

/// A message being received. Dropped unfinished, it leaves nothing.
#[derive(Debug)]
pub struct Intake {
    spool: SpoolWriter,
    scanner: Scanner,
    max: u64,
    taken: u64,
    /// For what was announced as binary: whether it is lines all the same.
    lines: Option<LineCheck>,
}

/// A message received: sealed, scanned, not yet kept.
#[derive(Debug)]
pub struct Received {
    /// Its sealed content.
    pub spool: Spool,
    /// Its structure and header.
    pub scan: Scan,
    /// Announced as binary, and why it is no lines: it is kept as it stands nowhere ([`crate::Operator::as_lines`]).
    pub flaw: Option<Flaw>,
}

impl crate::Operator {
    /// Starts receiving a message of at most `max` bytes.
    pub fn intake(&self, max: u64) -> Intake {
        Intake { spool: self.0.store.spool(), scanner: Scanner::new(Limits::default()), max, taken: 0, lines: None }
    }
}

impl Intake {
    /// Takes any octets (BODY=BINARYMIME, RFC 3030), not lines alone.
    #[must_use]
    pub fn binary(self) -> Self {
        Self { lines: Some(LineCheck::new(LINE)), ..self }
    }
    /// Takes the next clear bytes (dot-unstuffed, CRLF lines). Refuses `message.too_big`, `message.header_too_big`,
    /// `message.too_complex`, `message.nul`; after a refusal the door may go on discarding input, this value must be dropped.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.taken = self.taken.saturating_add(bytes.len() as u64);
        if self.taken > self.max {
            return Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", self.max));
        }
        match &mut self.lines {
            Some(lines) => {
                lines.push(bytes);
            }
            None if has_nul(bytes) => return Err(RefusalCode::MessageNul.into()),
            None => {}
        }
        self.scanner.push(bytes).map_err(too_much)?;
        self.spool.write(bytes).map_err(|e| refuse::store(&e))
    }
    /// Bytes taken so far.
    pub fn len(&self) -> u64 {
        self.taken
    }
    /// True when nothing was taken.
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }
    /// Ends the message.
    pub fn finish(self) -> Result<Received, Refusal> {
        let scan = self.scanner.finish().map_err(too_much)?;
        let spool = self.spool.finish().map_err(|e| refuse::store(&e))?;
        let flaw = self.lines.and_then(|lines| lines.finish());
        Ok(Received { spool, scan, flaw })
    }
}

fn too_much(e: ScanError) -> Refusal {
    match e {
        ScanError::HeaderTooBig => RefusalCode::MessageHeaderTooBig.into(),
        ScanError::TooComplex => RefusalCode::MessageTooComplex.into(),
    }
}
