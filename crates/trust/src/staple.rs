//! OCSP answers that servers send along in their handshake (RFC 6066 §8, RFC 8446 §4.4.2.1).
//!
//! rustls gives them to the verifier of a server's chain and to nobody else, so they are left here for whoever judges the chain a moment
//! later, by certificate. Nothing in here is believed: an answer is judged as one that was asked for, and a wrong one only makes us ask.
//! Bounded in number and bytes; the oldest goes first.
use std::collections::{HashMap, VecDeque};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Certificates whose answer is kept.
const MOST: usize = 256;

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<[u8; 32], Vec<u8>>,
    order: VecDeque<[u8; 32]>,
}

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// Keeps what came with this certificate.
pub(crate) fn keep(leaf: &[u8], answer: &[u8]) {
    if answer.is_empty() || answer.len() > crate::ocsp::MAX_BYTES {
        return;
    }
    let id = crate::sha256(leaf);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.answers.insert(id, answer.to_vec()).is_none() {
        kept.order.push_back(id);
    }
    while kept.order.len() > MOST {
        if let Some(oldest) = kept.order.pop_front() {
            kept.answers.remove(&oldest);
        }
    }
}

/// What last came with this certificate.
pub fn of(leaf: &[u8]) -> Option<Vec<u8>> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.answers.get(&crate::sha256(leaf)).cloned()
}
