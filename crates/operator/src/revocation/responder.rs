//! OCSP: answers asked for, stapled, kept.
use super::fetch::ALONE;
use super::learn::source_id;
use super::state::Held;
use crate::{Operator, refuse};
use sceau_domain::Timestamp;
use sceau_store::revocation as rows;
use sceau_store::{Event, StoreError};
use sceau_trust::ocsp::{self, Answer, Status};
use sceau_trust::outgoing::{self, Ask};
use sceau_trust::path::Link;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;

/// A responder's answer may still come so long after whoever asked stopped waiting: the next one has it.
const LATER: Duration = Duration::from_secs(10);

impl Operator {
    /// Asks every responder that the certificate names and that may be asked; what to wait for.
    pub(super) fn ask_responders(&self, link: &Link) -> Vec<watch::Receiver<()>> {
        let said = self.0.revocation.answer(&link.id()).flatten();
        // One that does not know the certificate is not asked about it at each command.
        let knows_not = |held: &Held| held.answer.status == Status::Unknown && self.now() < held.at.plus_ms(ALONE);
        if self.answer_is_fresh(link) && said.is_none_or(|held| held.answer.status != Status::Unknown)
            || said.as_ref().is_some_and(knows_not)
        {
            return Vec::new();
        }
        let allowed = link.points.ocsp.iter().filter(|a| self.0.config.revocation.hosts.allows(a).is_ok());
        allowed.filter_map(|address| self.ask_responder(link, address)).collect()
    }

    fn ask_responder(&self, link: &Link, address: &str) -> Option<watch::Receiver<()>> {
        let id = source_id("ocsp", address, &link.issuer_name, &link.issuer_key);
        let (op, link, address, source) = (self.clone(), link.clone(), address.to_owned(), id.clone());
        let (key, wanted) = (format!("{id} {}", link.id()), link.clone());
        let needed = || !self.answer_is_fresh(&wanted);
        self.fly(key, &id, false, needed, async move { op.asked(&link, &address, &source).await })
    }

    async fn asked(&self, link: &Link, address: &str, source: &str) {
        let settings = &self.0.config.revocation;
        let (nonce, round) = (ocsp::new_nonce(), self.0.revocation.round.load(Ordering::SeqCst));
        let Some(question) = ocsp::question(link, &nonce) else { return };
        let anchors = self.0.trust.anchors();
        let timeout = settings.deadline + LATER;
        let answer =
            outgoing::ask(address, Ask::Ocsp(&question), &settings.hosts, &anchors, ocsp::MAX_BYTES, timeout).await;
        let now = self.now();
        let judged = match &answer {
            Ok(bytes) => self.judge_answer(bytes, link, Some(&nonce), settings.nonce, now).map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        match (answer, judged) {
            (Ok(bytes), Ok(answer)) => {
                self.keep_word(link, bytes, Held { answer, at: now, round }).await;
                self.source_succeeded(source).await;
            }
            (answer, Err(error)) => self.source_broke(source, &error, answer.is_ok()).await,
            (Err(_), Ok(_)) => {}
        }
    }

    fn judge_answer(
        &self,
        bytes: &[u8],
        link: &Link,
        nonce: Option<&[u8; ocsp::NONCE]>,
        must_repeat: bool,
        now: Timestamp,
    ) -> Result<Answer, ocsp::OcspError> {
        // The responder's own certificate is of the same issuer: the lists held speak of it too.
        let revoked = |serial: &[u8]| {
            let responder = Link { serial: serial.to_vec(), ..link.clone() };
            self.0.trust.word_of_lists(&responder, now).revoked
        };
        ocsp::judge(bytes, link, nonce, must_repeat, now, &revoked)
    }

    /// An answer that came with the handshake, if it is one. Nothing is told of a wrong one: whoever may be asked is asked.
    pub(super) fn take_stapled(&self, link: &Link, bytes: &[u8]) -> bool {
        let now = self.now();
        match self.judge_answer(bytes, link, None, false, now) {
            Ok(answer) => {
                // As of when it was made: an old one does not count as asked for now.
                let held = Held { answer, at: answer.this_update, round: 0 };
                self.0.revocation.answered(link.id(), Some(held));
                true
            }
            Err(e) => {
                tracing::debug!(error = %e, "a stapled answer does not count");
                false
            }
        }
    }

    async fn keep_word(&self, link: &Link, bytes: Vec<u8>, held: Held) {
        let (id, answer, now) = (link.id(), held.answer, held.at);
        let before = self.0.revocation.answer(&id).flatten().map(|held| held.answer.status);
        self.0.revocation.answered(id.clone(), Some(held));
        let kept = self
            .0
            .store
            .write(move |tx| rows::keep_answer(tx, &id, &bytes, answer.this_update.0, answer.until.0, now.0));
        if let Err(e) = kept.await.map_err(|e: StoreError| e) {
            refuse::store(&e);
        }
        // Good again and again is what everybody expects; another word makes everybody judge again.
        let usual = answer.status == Status::Good && before.is_none_or(|b| b == Status::Good);
        if !usual {
            self.0.revocation.turn();
            self.0.store.announce(Event::Revocation);
        }
    }

    /// Reads the last answer from the store into memory, once.
    pub(super) async fn look_up_answer(&self, link: &Link) {
        let id = link.id();
        if link.points.ocsp.is_empty() || self.0.revocation.answer(&id).is_some() {
            return;
        }
        let wanted = id.clone();
        let found = self.0.store.read(move |tx| rows::answer(tx, &wanted)).await;
        let found = match found.map_err(|e: StoreError| e) {
            Ok(found) => found,
            Err(e) => {
                refuse::store(&e);
                return;
            }
        };
        // Judged as of when it came: it may have ended since, and still be the last good word.
        let held = found.and_then(|(bytes, at)| {
            let at = Timestamp(at);
            self.judge_answer(&bytes, link, None, false, at).ok().map(|answer| Held { answer, at, round: 0 })
        });
        self.0.revocation.answered(id, held);
    }
}
