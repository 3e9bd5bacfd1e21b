//! The one judgement of a chain: its path (`sceau_trust`), then the revocation of each of its certificates.
use super::learn::learnt;
use super::state::{Held, Key, Standing};
use super::{Mode, ms};
use crate::Operator;
use crate::boxed;
use crate::record::By;
use rustls_pki_types::CertificateDer;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_trust::ocsp::Status;
use sceau_trust::path::{Link, Path};
use sceau_trust::peer::{Shown, judge_path};
use sceau_trust::{Peer, Purpose, staple};
use serde_json::json;
use std::sync::atomic::Ordering;
use tokio::time::{Instant, timeout_at};

/// A judgement counts this long at most, milliseconds, even if nothing changes.
const RECHECK: i64 = 300_000;
/// A certificate that was accepted without an answer is looked at again after this long, milliseconds.
const DOUBT: i64 = 60_000;
/// The same doubt is told once in this time, milliseconds.
const TOLD: i64 = 600_000;

/// What is known of one certificate.
enum Known {
    /// Not revoked, as known until then.
    Good(Timestamp),
    Revoked,
    /// Nobody tells; why not.
    Unknown(String),
}

impl Operator {
    /// Judges a chain (leaf first, as a handshake showed it) for a purpose: path to an anchor, dates, keys, usage, and revocation, for which it may wait
    /// a few seconds. `client`: the other side is a TLS client. Who the certificate is; nothing is said of what it may do. `peer.*`; `peer.revocation`
    /// (temporary) when nobody tells whether it is revoked and the purpose's mode is strict.
    #[boxed]
    pub async fn judge_chain(
        &self,
        purpose: Purpose,
        chain: &[CertificateDer<'_>],
        client: bool,
    ) -> Result<Peer, Refusal> {
        self.judge_shown(purpose, &Shown::new(chain), client).await
    }

    /// Judges again what was judged at the beginning of a connection: a certificate may be revoked, or end, while it lasts. A look-up while nothing
    /// changed. Whoever was not judged by its chain (nothing was shown) is not judged here.
    #[boxed]
    pub async fn judge_again(&self, purpose: Purpose, peer: &Peer, client: bool) -> Result<(), Refusal> {
        if peer.chain.certificates().is_empty() {
            return Ok(());
        }
        self.judge_shown(purpose, &peer.chain, client).await.map(drop)
    }

    async fn judge_shown(&self, purpose: Purpose, shown: &Shown, client: bool) -> Result<Peer, Refusal> {
        let (trust, state, now) = (&self.0.trust, &self.0.revocation, self.now());
        let key: Key = (purpose, client, shown.id());
        let mark = (trust.generation(), state.epoch());
        if let Some(peer) = state.standing(&key, mark, now) {
            return Ok(peer);
        }
        let judged = judge_path(&trust.anchors(), purpose, shown.certificates(), client, now);
        let (peer, path) = judged.map_err(|cause| cause.refusal())?;
        let mut until = self.judge_revocation(purpose, &path, client, &peer).await?;
        until = until.min(path.ends);
        // What was learnt on the way counts: only what changes after the judgement calls for another.
        let after = (trust.generation(), state.epoch());
        if after != mark {
            judge_path(&trust.anchors(), purpose, shown.certificates(), client, now)
                .map_err(|cause| cause.refusal())?;
        }
        state.stands(key, Standing { peer: peer.clone(), mark: after, until });
        Ok(peer)
    }

    /// The revocation of a path's certificates; until when the judgement counts.
    pub(crate) async fn judge_revocation(
        &self,
        purpose: Purpose,
        path: &Path,
        client: bool,
        peer: &Peer,
    ) -> Result<Timestamp, Refusal> {
        let settings = &self.0.config.revocation;
        let mode = settings.mode_of(purpose);
        let now = self.now();
        let mut until = now.plus_ms(RECHECK);
        if mode == Mode::Off {
            return Ok(until);
        }
        let deadline = Instant::now() + settings.deadline;
        self.learn(path).await;
        for (i, link) in path.links.iter().enumerate() {
            let stapled = if !client && i == 0 { staple::of(&link.certificate) } else { None };
            match self.known(link, stapled, deadline).await {
                Known::Good(good) => {
                    until = until.min(good);
                    self.no_doubt(link).await;
                }
                Known::Revoked => return Err(Refusal::new(RefusalCode::PeerRevoked).with("dn", &peer.dn)),
                // It stands in our configuration: its end is there, where it can be taken away.
                Known::Unknown(_) if link.configured => {}
                Known::Unknown(why) => {
                    self.doubt(purpose, mode, link, peer, &why).await;
                    if mode == Mode::Strict {
                        return Err(Refusal::new(RefusalCode::PeerRevocation).with("dn", &peer.dn));
                    }
                    until = until.min(now.plus_ms(DOUBT));
                }
            }
        }
        Ok(until)
    }

    /// What is known of a certificate, asking until `deadline` when nothing that is held says enough.
    async fn known(&self, link: &Link, stapled: Option<Vec<u8>>, deadline: Instant) -> Known {
        let settings = &self.0.config.revocation;
        self.look_up_answer(link).await;
        let mut known = self.held(link);
        if let Some(stapled) = stapled
            && !matches!(known, Some(Known::Revoked))
            && self.take_stapled(link, &stapled)
        {
            known = self.held(link);
        }
        let has_responder = settings.prefer_ocsp && !link.points.ocsp.is_empty() && !self.answer_is_fresh(link);
        match known {
            Some(known) if matches!(known, Known::Revoked) || !has_responder => return known,
            _ => {}
        }
        let fallback = known;
        // What stands in our configuration is looked after in the background.
        if link.configured {
            return fallback.unwrap_or_else(|| self.last_good(link));
        }
        let mut ended = self.0.revocation.ended.subscribe();
        let mut flights = self.ask_responders(link);
        if fallback.is_none() {
            flights.extend(self.fetch_lists_of(link));
        }
        loop {
            flights.retain(|flight| flight.has_changed().is_ok());
            match self.held(link) {
                Some(Known::Revoked) => return Known::Revoked,
                // A list was good before anybody asked: it does not end the waiting for a responder.
                Some(good) if fallback.is_none() || self.answer_is_fresh(link) => return good,
                _ => {}
            }
            if flights.is_empty() || timeout_at(deadline, ended.changed()).await.is_err() {
                break;
            }
        }
        fallback.or_else(|| self.held(link)).unwrap_or_else(|| self.last_good(link))
    }

    /// What lists and answers held say, if it is enough.
    fn held(&self, link: &Link) -> Option<Known> {
        let now = self.now();
        let lists = self.0.trust.word_of_lists(link, now);
        let answer = self.0.revocation.answer(&link.id()).flatten();
        if lists.revoked {
            return Some(Known::Revoked);
        }
        match answer.map(|held| (held, held.answer.status)) {
            // A list that is newer than the answer and does not name it any more lifts a suspension (RFC 5280 §5.3.1, removeFromCRL).
            Some((held, Status::Revoked(since)))
                if since <= now && lists.good_as_of.is_none_or(|list| list <= held.answer.this_update) =>
            {
                return Some(Known::Revoked);
            }
            Some((held, Status::Good)) if self.is_fresh(&held) => return Some(Known::Good(held.answer.until)),
            _ => {}
        }
        lists.good_until.filter(|until| *until > now).map(Known::Good)
    }

    /// Is enough held about this certificate?
    pub(super) fn is_held(&self, link: &Link) -> bool {
        self.held(link).is_some()
    }

    fn is_fresh(&self, held: &Held) -> bool {
        held.answer.until > self.now() && held.round >= self.0.revocation.round.load(Ordering::SeqCst)
    }

    pub(super) fn answer_is_fresh(&self, link: &Link) -> bool {
        self.0.revocation.answer(&link.id()).flatten().is_some_and(|held| self.is_fresh(&held))
    }

    /// The last good word counts a while longer; else nobody tells.
    fn last_good(&self, link: &Link) -> Known {
        let now = self.now();
        let answer = self.0.revocation.answer(&link.id()).flatten();
        let answered = answer.filter(|held| held.answer.status == Status::Good).map(|held| held.answer.until);
        let listed = self.0.trust.word_of_lists(link, now).good_until;
        let longer = ms(self.0.config.revocation.last_good);
        match answered.max(listed).map(|until| until.plus_ms(longer)) {
            // Asked again soon: what is newer may say something else.
            Some(end) if end > now => Known::Good(end.min(now.plus_ms(DOUBT))),
            _ => Known::Unknown(self.why_unknown(link)),
        }
    }

    /// Why nobody tells, in a few words.
    fn why_unknown(&self, link: &Link) -> String {
        if link.points.crls.is_empty() && link.points.ocsp.is_empty() {
            return "no revocation list is held, and the certificate names neither a list nor a responder over HTTP"
                .into();
        }
        if self.0.revocation.answer(&link.id()).flatten().is_some_and(|held| held.answer.status == Status::Unknown) {
            return "the responder does not know this certificate".into();
        }
        let sources = self.0.revocation.sources();
        let mut errors: Vec<String> = learnt(link)
            .filter_map(|row| sources.get(&row.id))
            .filter(|s| !s.row.error.is_empty())
            .map(|s| format!("{}: {}", s.row.address, s.row.error))
            .collect();
        drop(sources);
        errors.truncate(3);
        if errors.is_empty() { "no answer in time".into() } else { errors.join("; ") }
    }

    /// Tells of a certificate of which nobody says whether it is revoked.
    async fn doubt(&self, purpose: Purpose, mode: Mode, link: &Link, peer: &Peer, why: &str) {
        let (state, now) = (&self.0.revocation, self.now());
        let issuer = link.issuer().to_string();
        metrics::counter!("sceau_revocation_unknown_total", "mode" => mode.as_str()).increment(1);
        if state.tell(&format!("issuer {issuer}"), now, TOLD) {
            let data = json!({ "issuer": issuer, "mode": mode.as_str(), "cause": why });
            self.raise_alarm("revocation.unknown", &issuer, mode == Mode::Strict, data).await;
        }
        if mode == Mode::Lenient && state.tell(&format!("leaf {}", peer.fingerprint), now, TOLD) {
            let data = json!({ "dn": peer.dn.as_str(), "issuer": issuer, "purpose": purpose.as_str(), "cause": why });
            self.trace_alone(self.fact("revocation.unknown", &By::system(), None, "accepted", data).technical()).await;
        }
    }

    async fn no_doubt(&self, link: &Link) {
        let issuer = link.issuer().to_string();
        if self.0.revocation.untell(&format!("issuer {issuer}")) {
            self.clear_alarm("revocation.unknown", &issuer).await;
        }
    }
}
