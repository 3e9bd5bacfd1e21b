//! The one place that seals bytes: AES-256-GCM, random 96-bit nonces, `version ‖ nonce ‖ ciphertext ‖ tag`.
//!
//! The feature `insecure-clear` makes [`seal_content`] do nothing, so that the test that looks for clear content on the disk can be shown
//! to find it. Such a build cannot read sealed data, and an ordinary build refuses what it wrote.
use crate::StoreError;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::ops::Range;

/// First byte of sealed bytes.
const VERSION: u8 = 1;
/// First byte of what the feature `insecure-clear` left in clear.
#[cfg(feature = "insecure-clear")]
const CLEAR: u8 = 0;
/// What sealing adds to the length.
pub(crate) const OVERHEAD: usize = 1 + NONCE_LEN + 16;

/// Fills with random bytes.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), StoreError> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| StoreError::Other("no randomness".into()))
}

/// An AES-256-GCM key.
pub(crate) fn key(bytes: &[u8; 32]) -> Result<LessSafeKey, StoreError> {
    UnboundKey::new(&AES_256_GCM, bytes).map(LessSafeKey::new).map_err(|_| StoreError::Other("key refused".into()))
}

/// Seals; always.
pub(crate) fn seal(key: &LessSafeKey, aad: &[u8], clear: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(clear.len() + OVERHEAD);
    seal_onto(key, aad, &mut out, |out| {
        out.extend_from_slice(clear);
        Ok(())
    })?;
    Ok(out)
}

/// Seals what `fill` appends to `out`, where it stands. After an error nothing of it is left there.
fn seal_onto(
    key: &LessSafeKey,
    aad: &[u8],
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (begin, mut nonce) = (out.len(), [0; NONCE_LEN]);
    random(&mut nonce)?;
    out.push(VERSION);
    out.extend_from_slice(&nonce);
    let clear = out.len();
    let sealed = fill(out).and_then(|()| {
        key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut out[clear..])
            .map_err(|_| StoreError::Other("sealing failed".into()))
    });
    match sealed {
        Ok(tag) => {
            out.extend_from_slice(tag.as_ref());
            Ok(())
        }
        Err(e) => {
            out.truncate(begin);
            Err(e)
        }
    }
}

/// Opens what [`seal`] made; none when anything differs.
pub(crate) fn open(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let mut body = sealed.to_vec();
    let clear = open_within(key, aad, &mut body)?;
    body.truncate(clear.end);
    body.drain(..clear.start);
    Some(body)
}

/// Opens what [`seal`] made where it stands; says where the clear bytes are. None when anything differs.
pub(crate) fn open_within(key: &LessSafeKey, aad: &[u8], sealed: &mut [u8]) -> Option<Range<usize>> {
    let (&mut version, rest) = sealed.split_first_mut()?;
    let (nonce, body) = rest.split_at_mut_checked(NONCE_LEN)?;
    if version != VERSION {
        return None;
    }
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let clear = key.open_in_place(nonce, Aad::from(aad), body).ok()?.len();
    Some(1 + NONCE_LEN..1 + NONCE_LEN + clear)
}

/// Seals content: fields of messages, chunks of blobs.
#[cfg(not(feature = "insecure-clear"))]
pub(crate) fn seal_content(key: &LessSafeKey, aad: &[u8], clear: &[u8]) -> Result<Vec<u8>, StoreError> {
    seal(key, aad, clear)
}
/// Seals content where it stands: see [`seal_onto`].
#[cfg(not(feature = "insecure-clear"))]
pub(crate) fn seal_content_onto(
    key: &LessSafeKey,
    aad: &[u8],
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    seal_onto(key, aad, out, fill)
}
/// Opens content.
#[cfg(not(feature = "insecure-clear"))]
pub(crate) fn open_content(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    open(key, aad, sealed)
}
/// Opens content where it stands.
#[cfg(not(feature = "insecure-clear"))]
pub(crate) fn open_content_within(key: &LessSafeKey, aad: &[u8], sealed: &mut [u8]) -> Option<Range<usize>> {
    open_within(key, aad, sealed)
}
/// TEST ONLY: leaves content in clear.
#[cfg(feature = "insecure-clear")]
pub(crate) fn seal_content(_: &LessSafeKey, _: &[u8], clear: &[u8]) -> Result<Vec<u8>, StoreError> {
    Ok([&[CLEAR], clear].concat())
}
/// TEST ONLY: leaves content in clear.
#[cfg(feature = "insecure-clear")]
pub(crate) fn seal_content_onto(
    _: &LessSafeKey,
    _: &[u8],
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    out.push(CLEAR);
    fill(out)
}
/// TEST ONLY: reads content that was left in clear.
#[cfg(feature = "insecure-clear")]
pub(crate) fn open_content(_: &LessSafeKey, _: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    sealed.split_first().filter(|(v, _)| **v == CLEAR).map(|(_, clear)| clear.to_vec())
}
/// TEST ONLY: reads content that was left in clear.
#[cfg(feature = "insecure-clear")]
pub(crate) fn open_content_within(_: &LessSafeKey, _: &[u8], sealed: &mut [u8]) -> Option<Range<usize>> {
    (sealed.first() == Some(&CLEAR)).then_some(1..sealed.len())
}

/// Says loudly, at every opening, that a test build writes in clear.
pub(crate) fn warn_if_clear() {
    #[cfg(feature = "insecure-clear")]
    {
        tracing::error!("INSECURE TEST BUILD: content is written in clear");
        eprintln!("*** INSECURE TEST BUILD (feature insecure-clear): content is written to the disk IN CLEAR ***");
    }
}
