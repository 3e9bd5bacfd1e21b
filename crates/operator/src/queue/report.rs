//! Reports to senders (RFC 3461, 3464, 6533): to our BALs, and to senders of the trust space (posted: judged by the rules of exchange). A null reverse
//! path is never reported to, nor is who said NEVER.
use super::{aad, told};
use crate::mail::post::{Letter, Speaker, To};
use crate::mail::shown::unsealed_address;
use crate::{Operator, refuse};
use sceau_domain::dsn::Ret;
use sceau_domain::text::text;
use sceau_domain::{Address, Lang, Refusal};
use sceau_message::report::{Original, RecipientOutcome, Report};
use sceau_store::queue::{Entry, Message};
use sceau_store::{DataKey, StoreError};

/// Largest message that a report brings back whole, bytes; of a larger one it brings back the header (RFC 3461 §4.3 lets us).
const FULL: u64 = 1 << 20;

/// What a sender is told of one recipient.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The entry.
    pub entry: Entry,
    /// RFC 3464 §2.3.3.
    pub action: &'static str,
    /// Enhanced status.
    pub status: String,
    /// Server that answered.
    pub server: Option<String>,
    /// Its words, or ours.
    pub reply: Option<String>,
    /// For people: French, English.
    pub sentence: (String, String),
}

impl Told {
    /// It failed.
    pub fn failed(entry: Entry, status: String, server: Option<&str>, reply: Option<&str>, refusal: &Refusal) -> Self {
        let sentence = match told::is_over_quota(&status) {
            true => say("over_quota"),
            false => (refusal.sentence(Lang::Fr), refusal.sentence(Lang::En)),
        };
        let (server, reply) = (server.map(str::to_owned), reply.map(str::to_owned));
        Self { entry, action: "failed", status, server, reply, sentence }
    }

    /// It still waits.
    pub fn delayed(entry: Entry, reply: Option<String>, refusal: &Refusal) -> Self {
        // RFC 3464 §2.3.4: a delay has a status of class 4. That of a full mailbox says more than that time passes.
        let full = reply.as_deref().and_then(told::status_of).filter(|s| s == "4.2.2");
        let sentence = match full {
            Some(_) => say("over_quota"),
            None => (refusal.sentence(Lang::Fr), refusal.sentence(Lang::En)),
        };
        let status = full.unwrap_or_else(|| "4.4.7".into());
        Self { entry, action: "delayed", status, server: None, reply, sentence }
    }

    /// A server took it that does not report further (RFC 3461 §5.2.2).
    pub fn relayed(entry: Entry, server: &str, reply: &str) -> Self {
        let (server, reply) = (Some(server.to_owned()), Some(reply.to_owned()));
        Self { entry, action: "relayed", status: "2.0.0".into(), server, reply, sentence: say("relayed") }
    }

    /// Does its sender want to hear of it?
    fn is_wanted(&self) -> bool {
        let wants = told::wants(&self.entry);
        match self.action {
            "failed" => wants.failure,
            "delayed" => wants.delay,
            _ => wants.success,
        }
    }
}

/// A sentence of reports, French and English.
pub(crate) fn say(key: &str) -> (String, String) {
    let key = format!("report.sentence_{key}");
    (text(Lang::Fr, &key, &[]), text(Lang::En, &key, &[]))
}

impl Operator {
    /// The report about these recipients, ready to be posted; none when nobody is to be told.
    pub(super) async fn report(&self, message: &Message, told: &[Told]) -> Result<Option<Letter>, Refusal> {
        let told: Vec<&Told> = told.iter().filter(|t| t.is_wanted()).collect();
        if told.is_empty() || message.sender.is_empty() {
            return Ok(None);
        }
        match self.write_report(message, &told).await {
            Ok((content, to)) => {
                // To the BAL that sent, whatever its address has become.
                let to = if message.bal == 0 { To::Address(to) } else { To::Bal(message.bal) };
                Ok(Some(Letter { speaker: Speaker::Report, to, content, kind: "report", pressing: true, about: None }))
            }
            // The transit key is gone: neither the sender nor the recipients can be named. The trace remains.
            Err(e @ (StoreError::NoKey | StoreError::Corrupt(_))) => {
                tracing::error!(error = %e, message = message.id, "no report: the queued message does not open");
                Ok(None)
            }
            Err(e) => Err(refuse::store(&e)),
        }
    }

    async fn write_report(&self, message: &Message, told: &[&Told]) -> Result<(Vec<u8>, Address), StoreError> {
        let key = self.0.store.vault().transit_key_of(message.epoch).await?;
        let sealed = message.sender_sealed.as_deref();
        let to = unsealed_address(&message.sender, sealed, &key, aad(message.epoch, message.id, "queue.sender"))?;
        let from = postmaster(&to)?;
        let outcomes =
            told.iter().map(|t| self.recipient_outcome(message, &key, t)).collect::<Result<Vec<_>, StoreError>>()?;
        let asked = told::mail_request(message, &key)?;
        let failed = outcomes.iter().any(|o| o.action == "failed");
        // RFC 8689 §4.1: what wanted TLS all the way does not come back whole; RFC 3461 §4.3: nor what did not fail.
        let whole = asked.ret == Some(Ret::Full) && failed && !message.requiretls && !message.binary;
        let full = match whole && u64::try_from(message.size).is_ok_and(|size| size <= FULL) {
            true => self.queued_content(message).await,
            false => None,
        };
        let header = self.queued_header(message).await;
        let id = format!("{:x}.report", self.0.store.new_id());
        let report = Report {
            reporting_mta: &self.0.config.hostname,
            from: &from,
            to: &to,
            arrived: message.created,
            at: self.now(),
            id: &id,
            envelope_id: asked.envid.as_ref().map(|e| e.as_str()),
            outcomes: &outcomes,
            original_header: &header,
            original: full.as_deref().map_or(Original::Header, Original::Full),
        };
        Ok((report.write(), to))
    }

    /// What is told of an entry, with its address unsealed.
    fn recipient_outcome(&self, message: &Message, key: &DataKey, told: &Told) -> Result<RecipientOutcome, StoreError> {
        let (e, aad) = (&told.entry, aad(message.epoch, told.entry.id, "queue.recipient"));
        let request = told::rcpt_request(message.epoch, e, key)?;
        Ok(RecipientOutcome {
            recipient: unsealed_address(&e.recipient, e.recipient_sealed.as_deref(), key, aad)?,
            original: request.orcpt,
            action: told.action,
            status: told.status.clone(),
            remote_mta: told.server.clone(),
            diagnostic: told.reply.clone(),
            will_retry_until: (told.action == "delayed").then_some(e.expires),
            sentence: told.sentence.clone(),
        })
    }
}

/// Who signs a report to this address.
pub(crate) fn postmaster(to: &Address) -> Result<Address, StoreError> {
    // `postmaster` is an atom: it fits any domain that an address fits.
    Address::from_parts("postmaster", to.domain().clone())
        .map_err(|e| StoreError::Invalid(format!("postmaster address: {e}")))
}
