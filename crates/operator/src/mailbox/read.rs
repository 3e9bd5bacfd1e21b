//! Reading messages: summaries (never parsed again) and content by ranges.
use crate::{Actor, Operator};
use sceau_domain::Refusal;
use sceau_message::summary::Summary;
use sceau_store::Id;
use std::sync::Arc;

/// A message's summary with what the way added before it.
#[derive(Debug, Clone)]
pub struct MessageSummary {
    /// The message.
    pub message: Id,
    /// Fields that the way added (`Return-Path`, `Received`…), ending with CRLF; may be empty. They stand before the message:
    /// every offset of `summary.root` is to be shifted by `prefix.len()`, and `BODY[HEADER]` is prefix + header.
    pub prefix: Vec<u8>,
    /// Its summary.
    pub summary: Summary,
}

/// Reads one message's bytes (prefix and content as one sequence).
#[derive(Debug)]
pub struct MessageReader {}

impl MessageReader {
    /// Total size.
    pub fn size(&self) -> u64 {
        todo!()
    }
    /// At most `len` bytes from `offset`; fewer at the end. Ask for ≤ 64 KiB at a time.
    pub async fn read(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, Refusal> {
        let _ = (offset, len);
        todo!()
    }
}

impl Operator {
    /// Summaries of messages of the actor's BAL, in the order asked; a message that is gone is skipped. Ask by pages (≤ 500).
    pub async fn summaries(&self, actor: &Actor, messages: &[Id]) -> Result<Vec<Arc<MessageSummary>>, Refusal> {
        let _ = (actor, messages);
        todo!()
    }
    /// Opens a message's content. Traced as a reading. `entry.unknown` when it is gone.
    pub async fn open_message(&self, actor: &Actor, message: Id) -> Result<MessageReader, Refusal> {
        let _ = (actor, message);
        todo!()
    }
}
