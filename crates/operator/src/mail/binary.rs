//! A message that came as binary (RFC 3030) is written anew as lines before anything is decided about it: see [`sceau_message::binary`].
use crate::boxed;
use crate::{Operator, Received, refuse};
use sceau_domain::{Refusal, RefusalCode};
use sceau_message::binary::{BinaryError, Rewriter};
use sceau_store::StoreError;

/// Octets read at a time.
const PIECE: usize = 64 << 10;

impl Operator {
    /// The same message as lines; as it is when it is lines already. What it becomes depends on the content alone, so that a peer's second sending is
    /// recognised.
    ///
    /// # Errors
    /// `message.nul`, `message.bare_newline`, `message.line_too_long`: octets that are no lines stand outside of parts that say `binary`.
    /// `message.not_convertible`: a binary part stands in a signed one. `message.too_big`: more than `max` bytes once encoded.
    #[boxed]
    pub async fn as_lines(&self, message: Received, max: u64) -> Result<Received, Refusal> {
        if message.flaw.is_none() {
            return Ok(message);
        }
        let store_failed = |e: StoreError| refuse::store(&e);
        let mut writer = Rewriter::new(&message.scan.root).map_err(refused)?;
        let mut intake = self.intake(max);
        let mut reader = message.spool.reader().map_err(store_failed)?;
        let (mut at, mut lines) = (0, Vec::with_capacity(PIECE + PIECE / 2));
        while at < message.scan.size {
            let piece = reader.read_at(at, PIECE).await.map_err(store_failed)?;
            if piece.is_empty() {
                break;
            }
            at += piece.len() as u64;
            writer.push(&piece, &mut lines).map_err(refused)?;
            intake.push(&lines)?;
            lines.clear();
            // A large message is much work: let others have the thread between pieces.
            tokio::task::yield_now().await;
        }
        writer.finish(&mut lines).map_err(refused)?;
        intake.push(&lines)?;
        intake.finish()
    }
}

fn refused(e: BinaryError) -> Refusal {
    match e {
        BinaryError::Flaw(flaw) => flaw.refusal().into(),
        BinaryError::Signed => RefusalCode::MessageNotConvertible.into(),
    }
}
