//! `reponse.automatique-test@` of each domain of ours (F217): whoever sends a test hears what was seen of it.
//!
//! Promises: only who may write to us is answered, by default only test BALs (`[notices] test_responder`); never a program (RFC 3834), and at most
//! [`TESTS_AN_HOUR`] times an hour a sender; the answer is posted in the transaction that remembers the message, so that a peer's repetition is
//! not answered twice; nothing of the message is kept but its traces.
use super::post::{Letter, Speaker, To};
use crate::record::Fact;
use crate::refuse::Fail;
use crate::{Operator, Origin};
use sceau_domain::tell::{RESPONDER, TESTS_AN_HOUR};
use sceau_domain::{Address, DomainName, Lang, Refusal, RefusalCode, Timestamp, text::text};
use sceau_message::automatic::{Why, may_answer, message_id};
use sceau_message::compose::Compose;
use sceau_message::envelope::Envelope;
use sceau_message::header::{decoded, fields};
use sceau_store::{Tx, absences, dedupe};
use sceau_trust::Peer;
use std::time::Instant;

/// Most bytes of the header section that are sent back.
const HEADER: usize = 16 << 10;
/// Fields of the field that we know.
const KNOWN: [&str; 4] = ["X-MSS-NIL", "X-MSS-CODECDA", "X-MSS-INS", "X-MSS-MES"];

/// What was seen of a test.
pub(super) struct Test {
    /// Our id of the acceptance.
    pub id: String,
    /// Reverse path.
    pub from: Option<Address>,
    /// The responder that was written to.
    pub to: Address,
    /// Every recipient named.
    pub recipients: usize,
    /// What the client called itself.
    pub helo: String,
    /// `ESMTPS`…
    pub with: &'static str,
    /// Another operator; none: a BAL of ours.
    pub peer: Option<Peer>,
    /// From where, and TLS.
    pub origin: Origin,
    /// Header section, as received.
    pub header: Vec<u8>,
    /// Its fields, read.
    pub envelope: Envelope,
    /// Size, bytes.
    pub size: u64,
    /// When we began to judge it.
    pub began: Instant,
    /// What is remembered of it, when a peer may repeat it.
    pub digest: Option<dedupe::Digest>,
}

impl Operator {
    /// Remembers a test and answers it. `accepted` and `repeated` are its traces.
    pub(super) async fn answer_test(&self, test: Test, accepted: Fact, repeated: Fact) -> Result<(), Refusal> {
        let now = self.now();
        let (horizon, hour) = (self.dedupe_horizon(now), now.0.div_euclid(3_600_000));
        let who = test.from.as_ref().map_or_else(String::new, Address::key);
        let (who, digest) = (self.0.store.vault().tag("test", who.as_bytes()).to_vec(), test.digest);
        let answered = match may_answer(&test.header, &test.envelope, test.from.as_ref(), &test.to) {
            Ok(_) | Err(Why::NotNamed) => test.from.clone(),
            Err(_) => None,
        };
        let is_answered = answered.is_some();
        let act = move |tx: &mut dyn Tx| {
            if let Some(digest) = &digest
                && !dedupe::claim(tx, digest, now, horizon)?
            {
                repeated.write(tx)?;
                return Ok(false);
            }
            accepted.write(tx)?;
            Ok::<_, Fail>(is_answered && absences::count_test(tx, &who, hour)? <= TESTS_AN_HOUR)
        };
        if let Some(to) = answered {
            let letter = Letter {
                // To a test BAL of another operator it speaks as a report does, of whatever kind our domain is: that it may was judged at RCPT.
                speaker: match self.foreign(&to, None).test {
                    true => Speaker::Report,
                    false => Speaker::Role(test.to.domain().clone()),
                },
                content: self.test_answer(&test, &to),
                to: To::Address(to),
                kind: "test",
                pressing: false,
                about: None,
            };
            match self.post_with(letter, act.clone()).await.map_err(Refusal::from) {
                Ok(_) => return Ok(()),
                Err(refusal) if refusal.code == RefusalCode::Unavailable => return Err(refusal),
                // The sender cannot be answered: the test was taken all the same.
                Err(refusal) => tracing::info!(code = refusal.code.as_str(), "a test is not answered"),
            }
        }
        self.0.store.write(act).await.map(drop)?;
        Ok(())
    }

    fn test_answer(&self, test: &Test, to: &Address) -> Vec<u8> {
        let body = [Lang::Fr, Lang::En].map(|lang| self.seen(test, lang));
        let header = &test.header[..test.header.len().min(HEADER)];
        let header =
            String::from_utf8_lossy(header).replace(|c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t'), " ");
        let text_body = format!("{}\n\n-- English --\n\n{}\n\n{header}\n", body[0], body[1]);
        let subject = [Lang::Fr, Lang::En].map(|lang| text(lang, "responder.subject", &[]));
        let own = format!("{RESPONDER}@{}", test.to.domain());
        // Ours, and read when the domain was named: it parses.
        let from = own.parse().unwrap_or_else(|_| test.to.clone());
        let mut letter = Compose::new(&self.0.config.name, &from, self.now(), &format!("test-{}", test.id))
            .to("", to)
            .subject(&subject.join(" / "))
            .field("Auto-Submitted", "auto-replied")
            .field("X-Auto-Response-Suppress", "All")
            .text(&text_body);
        if let Some(id) = message_id(test.envelope.message_id.as_deref()) {
            letter = letter.field("In-Reply-To", id).field("References", id);
        }
        letter.write()
    }

    /// What was seen, a fact a line.
    fn seen(&self, test: &Test, lang: Lang) -> String {
        let say = |key: &str, value: &str| text(lang, &format!("responder.{key}"), &[("value", value)]);
        let mut lines = vec![say("head", &self.0.config.name), String::new()];
        let mut line = |key: &str, value: &str| lines.push(say(key, value));
        if let Some(peer) = &test.peer {
            line("peer", peer.dn.as_str());
            line("issuer", peer.issuer.as_str());
            line("serial", &peer.serial);
            line("chain", &peer.chain.certificates().len().to_string());
            line("ends", &date(peer.not_after));
        }
        line("remote", &test.origin.remote.map_or_else(String::new, |ip| ip.to_string()));
        line("tls", test.origin.tls.as_deref().unwrap_or("-"));
        line("helo", &format!("{} ({})", test.helo, test.with));
        line("from", &test.from.as_ref().map_or_else(|| "<>".into(), ToString::to_string));
        line("recipients", &test.recipients.to_string());
        line("size", &test.size.to_string());
        if test.peer.is_some() {
            line("checked", "");
        }
        for field in fields(&test.header).filter(|f| f.name.to_ascii_uppercase().starts_with("X-MSS-")).take(20) {
            let known = KNOWN.iter().any(|k| field.name.eq_ignore_ascii_case(k));
            let value: String = decoded(field.value).chars().take(200).collect();
            line(if known { "mss" } else { "mss_unknown" }, &format!("{}: {value}", field.name));
        }
        line("took", &test.began.elapsed().as_millis().to_string());
        lines.push(String::new());
        lines.push(text(lang, "responder.header", &[]));
        lines.join("\n")
    }

    /// May this sender write to the responder of a domain of ours? `is_test`: a test BAL, ours or of another operator's test domain.
    pub(super) fn may_test(&self, domain: &DomainName, is_test: bool) -> Result<(), Refusal> {
        let allowed = self.0.config.notices.test_responder.allow(is_test);
        allowed
            .map_err(|code| Refusal::new(code).with("domain", domain).with("address", format!("{RESPONDER}@{domain}")))
    }
}

fn date(at: Timestamp) -> String {
    sceau_message::trace_field::rfc5322_date(at)
}
