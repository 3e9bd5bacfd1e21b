//! BDAT (RFC 3030): the message comes in chunks whose octets are counted, so no octet of it can be taken for a command.
//!
//! Promises: the octets of a chunk are always taken off the line before anything else is read, whatever is thought of the command; a session in
//! which their number is not known, or not worth reading, ends. After a chunk that was refused no other one is taken until the transaction ends: half a
//! message is never kept. What is not announced as binary is held to lines, as after DATA.
use super::data::PIECE;
use super::session::{Outcome, Session, misplaced};
use crate::codec::reply::Reply;
use sceau_domain::{Refusal, RefusalCode};
use sceau_net::ReadError;
use sceau_operator::Intake;
use sceau_operator::mail::Body;

/// A chunk of this size pays for its command.
const LARGE: u64 = 4096;

/// What came of a message in chunks.
#[derive(Debug, Default)]
pub(super) enum Chunks {
    /// None yet.
    #[default]
    None,
    /// These octets.
    Taken(Box<Intake>),
    /// One was refused: the transaction can only end.
    Failed,
}

/// How a chunk ended.
enum Chunk {
    Taken(Box<Intake>),
    Refused(Refusal),
    /// Rights were taken away meanwhile.
    Cut(Refusal),
}

impl Session {
    /// Are some octets of a message here, and more to come?
    pub(super) fn in_chunks(&self) -> bool {
        self.transaction.as_ref().is_some_and(|t| matches!(t.chunks, Chunks::Taken(_)))
    }

    pub(super) async fn bdat(&mut self, size: u64, last: bool) -> Result<Outcome, ReadError> {
        let begun = match self.begin_chunk(size) {
            Ok(intake) => intake,
            Err(refusal) => return self.refuse_chunk(size, last, refusal).await,
        };
        if size >= LARGE {
            self.manners.brought();
        }
        self.conn.set_timeout(self.limits.data);
        let read = self.read_chunk(begun, size).await;
        self.conn.set_timeout(self.limits.command);
        match read {
            Ok(Chunk::Taken(intake)) if last => self.end_chunks(*intake).await,
            Ok(Chunk::Taken(intake)) => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.chunks = Chunks::Taken(intake);
                }
                Ok(Reply::new(250, "2.0.0", format!("{size} octets received")).into())
            }
            Ok(Chunk::Refused(refusal)) => {
                self.fail_chunks(last);
                self.trace(&refusal).await;
                Ok(Reply::refusal(&refusal).into())
            }
            Ok(Chunk::Cut(refusal)) => {
                self.trace(&refusal).await;
                Ok(Outcome::Last(Reply::refusal_as(421, "4.7.0", &refusal)))
            }
            Err(e) => {
                self.trace_cut(&e).await;
                Err(e)
            }
        }
    }

    /// May a chunk of this size come now? Gives what it is added to.
    fn begin_chunk(&mut self, size: u64) -> Result<Box<Intake>, Refusal> {
        let most = self.operator.config().limits.announced_bytes();
        let extended = self.helo.as_ref().is_some_and(|h| h.extended);
        let Some(transaction) = self.transaction.as_mut().filter(|_| extended) else { return Err(misplaced("BDAT")) };
        let intake = match std::mem::take(&mut transaction.chunks) {
            Chunks::None if transaction.to.is_empty() => return Err(RefusalCode::RcptNone.into()),
            Chunks::None => Box::new(self.operator.intake(most).binary()),
            Chunks::Taken(intake) => intake,
            Chunks::Failed => return Err(misplaced("BDAT")),
        };
        // Said before the octets are read.
        match size <= most.saturating_sub(intake.len()) {
            true => Ok(intake),
            false => Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", most)),
        }
    }

    async fn read_chunk(&mut self, intake: Box<Intake>, size: u64) -> Result<Chunk, ReadError> {
        let mut taking = Ok(intake);
        let mut left = size;
        while left > 0 {
            let most = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
            let input = tokio::select! {
                biased;
                () = self.role.pulled() => match self.role.lost(&self.operator).await {
                    Some(refusal) => return Ok(Chunk::Cut(refusal)),
                    None => continue,
                },
                input = self.conn.read_some(most) => input?,
            };
            if input.is_empty() {
                return Err(ReadError::Closed);
            }
            left -= input.len() as u64;
            taking = match taking {
                Ok(mut intake) => intake.push(&input).map(|()| intake),
                refused => refused,
            };
        }
        Ok(match taking {
            Ok(intake) => Chunk::Taken(intake),
            Err(refusal) => Chunk::Refused(refusal),
        })
    }

    /// The last chunk is here.
    async fn end_chunks(&mut self, intake: Intake) -> Result<Outcome, ReadError> {
        // The operator judges the access where the message is kept; the token is asked about here.
        if let Some(refusal) = self.role.lost(&self.operator).await {
            self.trace(&refusal).await;
            return Ok(Outcome::Last(Reply::refusal_as(421, "4.7.0", &refusal)));
        }
        let (Some(transaction), Some(helo)) = (self.transaction.take(), self.helo.clone()) else {
            return Ok(self.no(&misplaced("BDAT")).await.into());
        };
        let received = intake.finish().and_then(|message| match message.flaw {
            Some(flaw) if transaction.body != Body::Binary => Err(self.refusal_of(flaw)),
            _ => Ok(message),
        });
        Ok(match received {
            Ok(message) => self.keep(transaction, &helo, message).await,
            Err(refusal) => {
                self.trace(&refusal).await;
                Reply::refusal(&refusal).into()
            }
        })
    }

    /// Refuses a chunk and takes its octets off the line, when they are few enough.
    async fn refuse_chunk(&mut self, size: u64, last: bool, refusal: Refusal) -> Result<Outcome, ReadError> {
        self.fail_chunks(last);
        let reply = self.no(&refusal).await;
        // A stranger's octets are not read at all.
        if !self.role.is_known() || size > self.limits.discard {
            return Ok(Outcome::Last(reply));
        }
        self.conn.set_timeout(self.limits.data);
        let skipped = self.skip(size).await;
        self.conn.set_timeout(self.limits.command);
        skipped.map(|()| reply.into())
    }

    async fn skip(&mut self, mut left: u64) -> Result<(), ReadError> {
        while left > 0 {
            let input = self.conn.read_some(PIECE.min(usize::try_from(left).unwrap_or(PIECE))).await?;
            if input.is_empty() {
                return Err(ReadError::Closed);
            }
            left -= input.len() as u64;
        }
        Ok(())
    }

    /// After a chunk that was refused nothing more is added; after the last one the transaction is over.
    fn fail_chunks(&mut self, last: bool) {
        if last {
            self.transaction = None;
        } else if let Some(transaction) = &mut self.transaction {
            transaction.chunks = Chunks::Failed;
        }
    }
}
