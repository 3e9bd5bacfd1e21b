//! In which form a message goes to a server: as it is, or converted to what the server takes, where that harms nothing.
use super::client::Client;
use sceau_domain::{Refusal, RefusalCode};
use sceau_message::downgrade::{Cannot, Encoder, Need, Step, Survey, plan, with_encoding};
use sceau_message::scan::{Limits, Scanner};
use sceau_operator::queue::{Outgoing, ReadingError};

/// Bytes read at a time while a message is looked at.
const PIECE: usize = 64 << 10;

/// A form.
#[derive(Debug)]
pub(super) enum Form {
    /// Lines, as they are.
    Lines,
    /// Octets, as they are (BINARYMIME).
    Binary,
    /// Converted.
    Converted(Plan),
}

impl Form {
    /// The size to announce.
    pub fn size(&self, size: u64) -> u64 {
        match self {
            Self::Lines | Self::Binary => size,
            // Quoted-printable triples what it must encode; base64 adds 37 %. An estimate that is too large refuses more than it must: halfway.
            Self::Converted(_) => size.saturating_add(size / 2),
        }
    }
}

/// A conversion under way.
#[derive(Debug)]
pub(super) struct Plan {
    steps: std::collections::VecDeque<Step>,
    encoder: Option<Encoder>,
    /// Nothing above 127 comes out.
    pub is_7bit: bool,
}

impl Plan {
    /// The next bytes, about `window` read; empty at the end.
    pub async fn next(
        &mut self,
        content: &mut sceau_operator::queue::Content,
        window: usize,
    ) -> Result<Vec<u8>, ReadingError> {
        let mut out = Vec::new();
        while out.is_empty() {
            let Some(step) = self.steps.pop_front() else { return Ok(out) };
            match step {
                Step::Copy(from, len) => {
                    let piece = some(content, from, len, window).await?;
                    let done = piece.len() as u64;
                    if done < len {
                        self.steps.push_front(Step::Copy(from + done, len - done));
                    }
                    out = piece;
                }
                Step::Header(from, len, encoding, root) => {
                    let mut header = Vec::new();
                    while (header.len() as u64) < len {
                        let at = header.len() as u64;
                        header.extend(some(content, from + at, len - at, window).await?);
                    }
                    out = with_encoding(&header, encoding, root);
                }
                Step::Encode(_, 0, _) => {
                    if let Some(encoder) = self.encoder.take() {
                        encoder.finish(&mut out);
                    }
                }
                Step::Encode(from, len, how) => {
                    let piece = some(content, from, len, window).await?;
                    let done = piece.len() as u64;
                    self.encoder.get_or_insert_with(|| Encoder::new(how)).push(&piece, &mut out);
                    self.steps.push_front(Step::Encode(from + done, len - done, how));
                }
            }
        }
        Ok(out)
    }
}

/// At least one byte, at most `window`.
async fn some(
    content: &mut sceau_operator::queue::Content,
    from: u64,
    len: u64,
    window: usize,
) -> Result<Vec<u8>, ReadingError> {
    let most = usize::try_from(len).unwrap_or(usize::MAX).min(window);
    let piece = content.read_at(from, most).await?;
    if piece.is_empty() {
        return Err(ReadingError::Corrupt("content of a queued message".into()));
    }
    Ok(piece)
}

/// The form in which this server takes the message.
///
/// # Errors
/// `transfer.no_8bit`, `transfer.signed`: for good; `system.unavailable`: our own copy cannot be read now.
pub(super) async fn form(client: &Client, outgoing: &mut Outgoing) -> Result<Form, Refusal> {
    let can = &client.can;
    let need = match (outgoing.binary, outgoing.body_8bit) {
        (true, _) if can.binary => return Ok(Form::Binary),
        (true, _) if can.eight_bit => Need::Lines,
        (true, _) => Need::SevenBit,
        (false, true) if !can.eight_bit => Need::SevenBit,
        (false, _) => return Ok(Form::Lines),
    };
    let unreadable = |e: ReadingError| {
        tracing::error!(message = outgoing.id, error = %e, "queued content cannot be read");
        Refusal::new(RefusalCode::Unavailable)
    };
    let steps = steps(&mut outgoing.content, need).await.map_err(unreadable)?;
    let refusal = |code| Refusal::new(code).with("server", &client.server);
    match steps {
        Ok(steps) => Ok(Form::Converted(Plan { steps: steps.into(), encoder: None, is_7bit: need == Need::SevenBit })),
        Err(cannot @ Cannot::Signed(_)) => Err(refusal(RefusalCode::TransferSigned).with("cause", cannot)),
        Err(Cannot::Outside | Cannot::Composite) => Err(refusal(RefusalCode::TransferNo8Bit)),
    }
}

/// What must be done to the message. It is read twice, by pieces: for its structure, then for what stands where.
async fn steps(
    content: &mut sceau_operator::queue::Content,
    need: Need,
) -> Result<Result<Vec<Step>, Cannot>, ReadingError> {
    let mut scanner = Scanner::new(Limits::default());
    let size = content.size();
    let mut at = 0;
    while at < size {
        let piece = some(content, at, size - at, PIECE).await?;
        at += piece.len() as u64;
        if scanner.push(&piece).is_err() {
            return Ok(Err(Cannot::Composite));
        }
        tokio::task::yield_now().await;
    }
    let Ok(scan) = scanner.finish() else { return Ok(Err(Cannot::Composite)) };
    let mut survey = Survey::new(&scan.root, size);
    let mut at = 0;
    while at < size {
        let piece = some(content, at, size - at, PIECE).await?;
        at += piece.len() as u64;
        survey.push(&piece);
        tokio::task::yield_now().await;
    }
    Ok(plan(&scan.root, &scan.header, size, &survey, need))
}
