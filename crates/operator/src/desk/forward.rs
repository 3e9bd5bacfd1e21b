//! What a rule sends on (F066): a new message of the BAL, which carries the original whole. It leaves by the rules of submission, within the trust space.
//!
//! Promises: nothing that a program sent by itself, no report and nothing to whom it came from, so that two rules never send each other anything; marked
//! `Auto-Submitted: auto-forwarded` (RFC 3834 §5); tried again it is the same message, which leaves once.
use super::rules::is_passing;
use crate::mail::{Body, Envelope};
use crate::mailbox::entries::{FlagChange, FlagSet};
use crate::mailbox::folders::narrow;
use crate::mailbox::names::INBOX;
use crate::mailbox::seal::{MESSAGE_PREFIX, MESSAGE_SUMMARY};
use crate::refuse::{self, Fail};
use crate::{Actor, Operator, Received};
use sceau_domain::dsn::MailRequest;
use sceau_domain::text::text;
use sceau_domain::{Address, Lang, Refusal, RefusalCode, Timestamp};
use sceau_message::automatic::return_path;
use sceau_message::header::{decoded, fields};
use sceau_message::letter::Letter;
use sceau_message::subject::base_subject;
use sceau_message::summary::Summary;
use sceau_store::desk::rules::Came;
use sceau_store::{Tx, accounts, messages};

/// Keyword of what was sent on (RFC 5788).
const FORWARDED: &str = "$Forwarded";
/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// A program sent it by itself (RFC 3834 §5).
fn is_automatic(header: &[u8]) -> bool {
    let word = |value: &[u8]| decoded(value).trim().to_ascii_lowercase();
    let no = |word: String| word.split([';', ' ', '(']).next() == Some("no");
    fields(header).any(|f| f.name.eq_ignore_ascii_case("Auto-Submitted") && !no(word(f.value)))
}

impl Operator {
    /// May a rule of the actor's BAL send to this address? `rule.forward`.
    pub(super) async fn may_forward(&self, actor: &Actor, to: &str) -> Result<Address, Refusal> {
        let no = || Refusal::new(RefusalCode::RuleForward).with("address", to);
        let address: Address = to.parse().map_err(|_| no())?;
        if actor.bal.as_ref().is_none_or(|bal| bal.address.key() == address.key()) {
            return Err(no());
        }
        match self.judge_addressee(actor, &address, 0, None).await {
            Ok(()) => Ok(address),
            Err(refusal) if is_passing(&refusal) => Err(refusal),
            Err(_) => Err(no()),
        }
    }

    /// Sends on what came, if it is to be. What may not be sent on is left as it is, which is no failure of the rule.
    pub(super) async fn forward_by_rule(&self, actor: &Actor, came: &Came, to: &str) -> Result<(), Refusal> {
        let seat = self.seat(actor)?;
        let (bal, message) = (seat.bal, came.message);
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            let label = accounts::bal_by_id(tx, bal)?.map(|b| b.label).unwrap_or_default();
            let row = messages::summaries(tx, bal, &[message])?.rows.remove(&message);
            Ok::<_, Fail>((label, row, messages::content(tx, bal, message)?))
        };
        let (label, row, content) = self.0.store.read(look).await?;
        let (Some(row), Some(content)) = (row, content) else { return Err(RefusalCode::EntryUnknown.into()) };
        let seal = self.bal_seal(bal).await?;
        let open = |field, sealed: &[u8]| seal.open(message, field, sealed).map_err(|e| refuse::store(&e));
        let summary = Summary::from_bytes(&open(MESSAGE_SUMMARY, &row.summary)?).ok_or(RefusalCode::MessageDamaged)?;
        let prefix = row.prefix.as_deref().map(|p| open(MESSAGE_PREFIX, p)).transpose()?.unwrap_or_default();
        let sender = return_path(&prefix);
        let address = self.may_forward(actor, to).await?;
        let back = sender.as_ref().is_none_or(|s| s.key() == address.key());
        if back || is_automatic(&summary.header) {
            return Ok(());
        }
        let own = actor.bal.as_ref().map(|b| b.address.clone()).ok_or(RefusalCode::RightMissing)?;
        let subject = summary.envelope.subject.as_deref().map(|s| decoded(s.as_bytes())).unwrap_or_default();
        let letter = Letter {
            from: (label, own.clone()),
            to: vec![(String::new(), address.clone())],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: format!("Fwd: {}", base_subject(&subject).text),
            text: format!("{}\n\n{}\n", text(Lang::Fr, "rule.forwarded", &[]), text(Lang::En, "rule.forwarded", &[])),
            html: String::new(),
            // The same each time that it is tried.
            at: Timestamp(came.at),
            id: format!("regle-{message:x}-{:x}", came.uid),
            references: summary.references.clone(),
            answers: false,
        };
        let mut original = self.open_blob_of(&seal, message, &content).await.map_err(|e| refuse::store(&e))?;
        let mut intake = self.intake(self.limits_of_actor(actor).await?.announced_bytes());
        intake.push(b"Auto-Submitted: auto-forwarded\r\n")?;
        intake.push(&letter.begin(true))?;
        intake.push(&letter.begin_original())?;
        let mut at = 0;
        while at < original.size() {
            let bytes = original.read_at(at, PIECE).await.map_err(|e| refuse::store(&e))?;
            if bytes.is_empty() {
                return Err(RefusalCode::MessageDamaged.into());
            }
            at += bytes.len() as u64;
            intake.push(&bytes)?;
            tokio::task::yield_now().await;
        }
        intake.push(&letter.end())?;
        let received: Received = intake.finish()?;
        let envelope = Envelope {
            from: Some(own),
            to: vec![address.into()],
            dsn: MailRequest::default(),
            helo: "rules".into(),
            with: "HTTP",
            body: Body::EightBit,
            smtputf8: received.scan.header_8bit,
            requiretls: false,
        };
        self.submit(actor, envelope, received).await?;
        let inbox = self.folder(actor, INBOX).await?.id;
        let flags = FlagSet { keywords: std::iter::once(FORWARDED).collect(), ..FlagSet::default() };
        self.change_flags(actor, inbox, &[narrow(came.uid)], FlagChange::Add, flags, None).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_sent_is_told_from_what_a_person_did() {
        for automatic in ["auto-replied", "auto-generated", "Auto-Forwarded; x=y"] {
            assert!(is_automatic(format!("auto-submitted: {automatic}\r\n\r\n").as_bytes()), "{automatic}");
        }
        for person in
            ["", "Auto-Submitted: no\r\n", "Auto-Submitted: No (a comment)\r\n", "Subject: Auto-Submitted\r\n"]
        {
            assert!(!is_automatic(format!("{person}\r\n").as_bytes()), "{person}");
        }
    }
}
