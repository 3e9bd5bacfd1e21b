//! The messages of an APPEND as they come: each streams into its own spool; when it is complete it is looked at (antivirus) and
//! sealed, and only its summary is held until the command's end.
use super::url;
use crate::codec::command::{AppendLiteral, AppendStep};
use crate::session::{Session, Stop};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_message::scan::Part;
use sceau_operator::mailbox::across::Takings;
use sceau_operator::mailbox::append::{Filing, Replacing};
use sceau_operator::mailbox::entries::FlagSet;
use sceau_operator::{Actor, Intake};

/// Most messages of one MULTIAPPEND. Each holds an open spool until the command's end.
const MESSAGES: usize = 100;

/// What their headers and structures may weigh together, bytes: that is held until the command's end.
const WEIGHT: usize = 8 << 20;
/// So many bytes are taken without asking whether there is room for them.
const SMALL: u64 = 256 << 10;
/// What a part weighs besides its header, about.
const PART: usize = 256;

/// What is being taken, and what was.
pub(super) struct Taking {
    /// Who files.
    pub actor: Actor,
    /// Where.
    folder: i64,
    /// What leaves in exchange.
    pub replacing: Option<Replacing>,
    /// Complete messages.
    pub ready: Vec<Filing>,
    /// What the complete ones weigh.
    weight: usize,
    /// Bytes of the complete ones.
    taken: u64,
    now: Option<Message>,
}

/// The message that is coming.
struct Message {
    flags: FlagSet,
    date: Option<Timestamp>,
    catenate: bool,
    /// Made with the first bytes: whether they are binary is known then.
    intake: Option<Intake>,
    /// What of it comes from other BALs.
    takings: Takings,
    /// A NUL came in a literal8.
    nul: bool,
}

impl Taking {
    pub fn new(actor: Actor, folder: i64, replacing: Option<Replacing>) -> Self {
        Self { actor, folder, replacing, ready: Vec::new(), weight: 0, taken: 0, now: None }
    }

    /// A literal is announced.
    pub async fn announced(&mut self, s: &mut Session, literal: AppendLiteral) -> Result<(), Stop> {
        let (most, taken) = (s.config.max_append, self.now.as_ref().map_or(0, Message::taken));
        if literal.size > most.saturating_sub(taken) {
            return Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", most).into());
        }
        let part = self.now.as_ref().is_some_and(|m| m.catenate);
        if literal.size == 0 && !part {
            return Err(empty());
        }
        self.fits(s, literal.size).await
    }

    /// Is there room for what was taken and so much more? What is small is asked about when it is filed; much is not taken for nothing.
    async fn fits(&mut self, s: &mut Session, more: u64) -> Result<(), Stop> {
        let all = self.taken.saturating_add(self.now.as_ref().map_or(0, Message::taken)).saturating_add(more);
        if all > SMALL {
            s.operator.has_room(&self.actor, all, self.replacing.as_ref()).await?;
        }
        Ok(())
    }

    /// Everything but a literal.
    pub async fn step(&mut self, s: &mut Session, step: AppendStep) -> Result<(), Stop> {
        match step {
            AppendStep::Message { flags, date, catenate } => {
                // All of them come, or none (RFC 9738, RFC 3502): part of them is no answer.
                if s.config.message_limit.is_some_and(|most| self.ready.len() >= most as usize) {
                    return Err(s.over(None));
                }
                if self.ready.len() >= MESSAGES {
                    return Err(Refusal::new(RefusalCode::EntryTooMany).with("limit", MESSAGES).into());
                }
                let intake = catenate.then(|| s.operator.intake(s.config.max_append).binary());
                self.now = Some(Message { flags, date, catenate, intake, takings: Takings::default(), nul: false });
                Ok(())
            }
            AppendStep::Url(text) => {
                let Some(Message { intake: Some(intake), takings, .. }) = &mut self.now else { return Ok(()) };
                url::append(s, &text, &self.actor, (intake, takings)).await?;
                self.fits(s, 0).await
            }
            AppendStep::End => self.complete(s).await,
            // Streamed by the caller.
            AppendStep::Literal(_) => Ok(()),
        }
    }

    /// Bytes of a literal.
    pub fn push(&mut self, s: &Session, piece: &[u8], binary: bool) -> Result<(), Refusal> {
        let Some(message) = &mut self.now else { return Ok(()) };
        let nul = piece.contains(&0);
        if nul && !binary {
            return Err(RefusalCode::MessageNul.into());
        }
        message.nul |= nul;
        let intake = message.intake.get_or_insert_with(|| {
            let intake = s.operator.intake(s.config.max_append);
            if binary { intake.binary() } else { intake }
        });
        intake.push(piece)
    }

    /// The message has come whole.
    async fn complete(&mut self, s: &mut Session) -> Result<(), Stop> {
        let Some(Message { flags, date, intake, takings, nul, .. }) = self.now.take() else { return Ok(()) };
        let intake = intake.filter(|i| !i.is_empty()).ok_or_else(empty)?;
        self.taken = self.taken.saturating_add(intake.len());
        let mut message = intake.finish()?;
        if nul {
            // Content of any octets is kept as lines (RFC 3516 §4.4 lets the server choose the encoding).
            message = s.operator.as_lines(message, s.config.max_append).await?;
        } else {
            // Lines that are too long for SMTP are no matter here.
            message.flaw = None;
        }
        self.weight += message.scan.header.len() + PART * parts(&message.scan.root);
        if self.weight > WEIGHT && !self.ready.is_empty() {
            return Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", "8 MiB of headers").into());
        }
        // Looking at it may take long; what it is judged by is judged again when it is filed.
        let filing = s.operator.prepare_filing(&self.actor, self.folder, flags, date, message).await?;
        self.ready.push(filing.taking(takings));
        Ok(())
    }
}

impl Message {
    /// Bytes that have come.
    fn taken(&self) -> u64 {
        self.intake.as_ref().map_or(0, Intake::len)
    }
}

/// `NO`: a client takes its command back so (RFC 3502 §6.3.11).
fn empty() -> Stop {
    Refusal::new(RefusalCode::SyntaxError).with("cause", "the message is empty").into()
}

/// A part and those within it.
fn parts(part: &Part) -> usize {
    1 + part.children.iter().map(parts).sum::<usize>()
}
