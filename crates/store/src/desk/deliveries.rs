//! What became of each recipient of a message that was sent, found by the keyed digest of its Message-ID: whoever's copy stands in Sent.
use crate::Id;

/// One recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Id: of the queue entry, for a recipient elsewhere; else a new one. What the rest is sealed with (`delivery`).
    pub id: Id,
    /// The BAL that sent.
    pub bal: Id,
    /// Keyed digest of the Message-ID, as in traces.
    pub mid: Vec<u8>,
    /// The recipient's tag, as in [`crate::rates`].
    pub tag: String,
    /// The recipient as traces show it.
    pub recipient: String,
    /// `queued`, `delayed`, `delivered`, `relayed`, `failed`, `expired`, `returned`, `deleted`.
    pub state: String,
    /// Code of the refusal, where there is one.
    pub code: Option<String>,
    /// Address, server, reply: JSON, sealed.
    pub sealed: Vec<u8>,
    /// When it was sent, milliseconds.
    pub sent: i64,
    /// When the state was reached, milliseconds.
    pub at: i64,
}
