//! DATA (RFC 5321 §4.1.1.4): the message streams through the strict decoder into the operator's sealed intake. Once it is
//! refused, the rest is read and thrown away, so that the client hears why. And what both DATA and BDAT end with: [`Session::keep`].
use super::chunks::Chunks;
use super::session::{Outcome, Role, Session, misplaced};
use super::transaction::{Helo, Transaction};
use crate::codec::data::{DataDecoder, Flaw};
use crate::codec::reply::Reply;
use sceau_domain::{Refusal, RefusalCode};
use sceau_net::ReadError;
use sceau_operator::Received;
use sceau_operator::mail::Body;

/// Bytes taken from the connection at a time.
pub(super) const PIECE: usize = 64 * 1024;

/// How the content ended.
enum Content {
    Whole(Box<Received>),
    Refused(Refusal),
    /// Refused, and too long to be waited for.
    Endless(Refusal),
    /// Rights were taken away meanwhile: nothing more is read.
    Cut(Refusal),
}

impl Session {
    pub(super) async fn data(&mut self) -> Result<Outcome, ReadError> {
        // RFC 3030 §2, §3: not after BDAT, and not for what is no lines.
        let fits = |t: &Transaction| matches!(t.chunks, Chunks::None) && t.body != Body::Binary;
        if !self.transaction.as_ref().is_some_and(fits) {
            return Ok(self.no(&misplaced("DATA")).await.into());
        }
        let (Some(transaction), Some(helo)) = (self.transaction.take(), self.helo.clone()) else {
            return Ok(self.no(&misplaced("DATA")).await.into());
        };
        if transaction.to.is_empty() {
            // RFC 5321 §3.3: the transaction stays, recipients may still come.
            self.transaction = Some(transaction);
            return Ok(self.no(&RefusalCode::RcptNone.into()).await.into());
        }
        self.say(&Reply::new(354, "", "End data with <CR><LF>.<CR><LF>")).await?;
        self.conn.set_timeout(self.limits.data);
        let received = self.receive().await;
        self.conn.set_timeout(self.limits.command);
        Ok(match received {
            Ok(Content::Whole(message)) => self.keep(transaction, &helo, *message).await,
            Ok(Content::Refused(refusal)) => {
                self.trace(&refusal).await;
                Reply::refusal(&refusal).into()
            }
            Ok(Content::Endless(refusal)) => {
                self.trace(&refusal).await;
                Outcome::Last(Reply::refusal(&refusal))
            }
            Ok(Content::Cut(refusal)) => {
                self.trace(&refusal).await;
                Outcome::Last(Reply::refusal_as(421, "4.7.0", &refusal))
            }
            Err(e) => {
                self.trace_cut(&e).await;
                return Err(e);
            }
        })
    }

    /// Traces that the connection ended in a message.
    pub(super) async fn trace_cut(&mut self, e: &ReadError) {
        let code = if matches!(e, ReadError::Timeout) { RefusalCode::Timeout } else { RefusalCode::TransferCut };
        self.trace(&code.into()).await;
    }

    /// Gives a whole message to the operator; the reply says that it is durable, or why it is not taken.
    pub(super) async fn keep(&mut self, transaction: Transaction, helo: &Helo, message: Received) -> Outcome {
        let door = self.origin.door.as_str();
        let (size, recipients) = (message.scan.size, transaction.to.len());
        let mut envelope = transaction.into_envelope(helo, matches!(self.role, Role::Submission(_)));
        let accepted = match self.lines_of(message).await {
            Ok(message) => {
                if envelope.body == Body::Binary {
                    envelope.body = if message.scan.body_8bit { Body::EightBit } else { Body::SevenBit };
                }
                match &self.role {
                    Role::Mx(mx) => mx.accept(&self.operator, envelope, message, &self.origin).await,
                    Role::Connector(connector) => connector.accept(&self.operator, envelope, message).await,
                    Role::Submission(submission) => submission.accept(&self.operator, envelope, message).await,
                }
            }
            Err(refusal) => {
                self.trace(&refusal).await;
                return Reply::refusal(&refusal).into();
            }
        };
        match accepted {
            Ok(accepted) => {
                let (id, duplicate) = (&accepted.id, accepted.duplicate);
                tracing::info!(door, session = %self.origin.session, %id, size, recipients, duplicate, "accepted");
                metrics::counter!("sceau_smtp_messages_total", "door" => door).increment(1);
                metrics::counter!("sceau_smtp_message_bytes_total", "door" => door).increment(size);
                self.manners.brought();
                Reply::new(250, "2.0.0", format!("Ok: {id}")).into()
            }
            Err(refusal) => self.counted(&refusal).into(),
        }
    }

    /// Binary content becomes lines. Encoding adds a third and a little: what was small enough as it came stays acceptable.
    async fn lines_of(&self, message: Received) -> Result<Received, Refusal> {
        let most = self.operator.config().limits.announced_bytes();
        self.operator.as_lines(message, most + most / 2).await
    }

    /// Reads the content to its end. A connection that is cut or silent leaves nothing: the intake is dropped. So does one that loses the right to
    /// send while it sends.
    async fn receive(&mut self) -> Result<Content, ReadError> {
        let mut decoder = DataDecoder::new(self.limits.line);
        let mut intake = Ok(self.operator.intake(self.operator.config().limits.announced_bytes()));
        let mut clear = Vec::new();
        let mut discarded = 0_u64;
        loop {
            let input = tokio::select! {
                biased;
                () = self.role.pulled() => match self.role.lost(&self.operator).await {
                    Some(refusal) => return Ok(Content::Cut(refusal)),
                    None => continue,
                },
                input = self.conn.read_some(PIECE) => input?,
            };
            if input.is_empty() {
                return Err(ReadError::Closed);
            }
            clear.clear();
            let taken = decoder.push(&input, &mut clear);
            intake = match (intake, decoder.flaw()) {
                (Ok(_), Some(flaw)) => Err(self.refusal_of(flaw)),
                (Ok(mut taking), None) => taking.push(&clear).map(|()| taking),
                (Err(refusal), _) => {
                    discarded += taken as u64;
                    Err(refusal)
                }
            };
            if decoder.is_done() {
                self.conn.unread(&input[taken..]);
                // The operator judges the access where the message is kept; the token is asked about here.
                if let Some(refusal) = self.role.lost(&self.operator).await {
                    return Ok(Content::Cut(refusal));
                }
                return Ok(match intake.and_then(sceau_operator::Intake::finish) {
                    Ok(received) => Content::Whole(Box::new(received)),
                    Err(refusal) => Content::Refused(refusal),
                });
            }
            if discarded > self.limits.discard
                && let Err(refusal) = intake
            {
                return Ok(Content::Endless(refusal));
            }
        }
    }

    pub(super) fn refusal_of(&self, flaw: Flaw) -> Refusal {
        let refusal = Refusal::new(flaw.refusal());
        if flaw == Flaw::LineTooLong { refusal.with("limit", self.limits.line) } else { refusal }
    }
}
