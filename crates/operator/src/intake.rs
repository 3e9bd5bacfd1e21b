//! A message being received: bytes stream into a sealed spool and through the structure scanner, under budget.
//! Used by the MX door, submission and IMAP APPEND alike.
use sceau_domain::Refusal;

/// A message being received.
#[derive(Debug)]
pub struct Intake {}

/// A message received: sealed, scanned, not yet kept.
#[derive(Debug)]
pub struct Received {
    /// Its sealed content.
    pub spool: sceau_store::Spool,
    /// Its structure and header.
    pub scan: sceau_message::scan::Scan,
}

impl crate::Operator {
    /// Starts receiving a message of at most `max` bytes.
    pub fn intake(&self, max: u64) -> Intake {
        let _ = max;
        todo!()
    }
}

impl Intake {
    /// Takes the next clear bytes (dot-unstuffed, CRLF lines). Refuses `message.too_big`, `message.header_too_big`,
    /// `message.too_complex`, `message.nul`; after a refusal the door may go on discarding input, this value must be dropped.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let _ = bytes;
        todo!()
    }
    /// Bytes taken so far.
    pub fn len(&self) -> u64 {
        todo!()
    }
    /// True when nothing was taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Ends the message.
    pub fn finish(self) -> Result<Received, Refusal> {
        todo!()
    }
}
