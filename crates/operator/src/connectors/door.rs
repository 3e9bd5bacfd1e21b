//! The connectors' door: who came, as whom it sends, and its reports.
//!
//! A message passes through [`crate::mail::submission`], whose actor is the connector: envelope sender, From and Sender are BALs that it may send for
//! (F150). A null reverse path carries reports and notifications: to one recipient of the trust space, from an address of the connector's domains.
use super::certificates::judge;
use super::{admit, in_force, may_send, open};
use crate::antivirus::{About, Whose};
use crate::boxed;
use crate::mail::post::{Letter, Speaker, To};
use crate::mail::{Accepted, Envelope, bal_by_key, check_loop, keep, megabytes, new_tag};
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::{Actor, BalRef, ConnectorRef, Operator, Origin, Received, Who};
use rustls_pki_types::CertificateDer;
use sceau_domain::exchange::{Sender, may_exchange};
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_message::{header, trace_field};
use sceau_store::{Id, StoreError, Tx, accounts, connectors as rows, structures};
use sceau_trust::Purpose;
use serde_json::json;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::PoisonError;

/// That a server came is written this often at most, milliseconds.
const COMING: i64 = 60_000;
/// Why it was refused likewise.
const REFUSING: i64 = 2_000;
/// Connectors whose last writing is remembered.
const REMEMBERED: usize = 10_000;
/// Local parts under which mail servers report.
const SYSTEMS: [&str; 2] = ["postmaster", "mailer-daemon"];

impl Operator {
    /// Judges the certificate shown in the handshake: the connector behind it, in force. Traces refusals.
    #[boxed]
    pub async fn connector_client(&self, chain: &[CertificateDer<'_>], origin: &Origin) -> Result<Actor, Refusal> {
        let (certificate, peer) = match judge(self, chain, true).await {
            Ok(found) => found,
            Err(refusal) => {
                let shown = chain.first().and_then(sceau_trust::peer::describe);
                // Whose it was, when it is one that we knew: shown by `connector test`.
                if let Some(peer) = &shown {
                    self.note_refused_certificate(&peer.fingerprint, &refusal).await;
                }
                return Err(self.refused(By::peer(shown.as_ref(), origin), None, None, refusal).await);
            }
        };
        let id = certificate.connector_id;
        let found = self.0.store.read(move |tx| {
            let connector = rows::by_id(tx, id)?;
            let structure = match &connector {
                Some(c) => structures::by_id(tx, c.structure_id)?.map(|s| s.code),
                None => None,
            };
            let open = match &connector {
                Some(c) => open(tx, c),
                None => Err(RefusalCode::ConnectorRevoked.into()),
            };
            Ok::<_, Fail>((connector, structure.unwrap_or_default(), open.err().map(Refusal::from)))
        });
        let (connector, structure, shut) = found.await?;
        let actor = connector.map(|c| Actor {
            who: Who::Connector(ConnectorRef {
                id: c.id,
                name: c.name,
                structure,
                certificate: certificate.id,
                dn: peer.dn.to_string(),
                fingerprint: peer.fingerprint.clone(),
                named: (certificate.kind == "named").then(|| Box::new(peer.clone())),
            }),
            bal: None,
            credential: None,
            proof: Default::default(),
            origin: origin.clone(),
        });
        match (actor, shut) {
            (Some(actor), None) => {
                self.note_coming(id, certificate.id).await;
                Ok(actor)
            }
            (actor, shut) => {
                let refusal = shut.unwrap_or_else(|| RefusalCode::ConnectorRevoked.into());
                self.note_connector_refusal(id, &refusal).await;
                let by = actor.as_ref().map_or_else(|| By::peer(Some(&peer), origin), By::actor);
                Err(self.refused(by, None, None, refusal).await)
            }
        }
    }

    /// MAIL: the connector is still in force, and may send as this BAL. The actor of the transaction.
    #[boxed]
    pub async fn connector_sender(
        &self,
        actor: &Actor,
        from: Option<&Address>,
        size: Option<u64>,
    ) -> Result<Actor, Refusal> {
        let connector = connector_of(actor)?.clone();
        let (now, asked) = (self.now(), connector.clone());
        let in_force = self.0.store.read(move |tx| in_force(tx, &asked, now).map(drop)).await;
        let in_force = match (in_force.map_err(Refusal::from), &connector.named) {
            (Ok(()), Some(peer)) => {
                let judged = self.judge_again(Purpose::Connectors, peer, true).await;
                judged.map_err(|refusal| refusal.with("dn", &peer.dn))
            }
            (said, _) => said,
        };
        let outcome = match (in_force, from) {
            (Err(refusal), _) => Err(self.refused(By::actor(actor), from, None, refusal).await),
            (Ok(()), None) => {
                let largest = self.0.config.limits.announced_bytes();
                match size {
                    Some(size) if size > largest => {
                        Err(Refusal::new(RefusalCode::MessageTooBig).with("limit", megabytes(largest)))
                    }
                    _ => Ok(Actor { bal: None, ..actor.clone() }),
                }
            }
            (Ok(()), Some(from)) => match self.sender_of_connector(actor, from).await {
                Ok(bal) => {
                    let actor = Actor { bal: Some(bal), ..actor.clone() };
                    self.submit_sender(&actor, Some(from), size).await.map(|()| actor)
                }
                Err(refusal) => Err(self.refused(By::actor(actor), Some(from), None, refusal).await),
            },
        };
        self.noting(connector.id, outcome).await
    }

    async fn sender_of_connector(&self, actor: &Actor, from: &Address) -> Result<BalRef, Refusal> {
        let (key, now, connector) = (self.bal_key(from), self.now(), connector_of(actor)?.clone());
        let found = self.0.store.read(move |tx| {
            let Some(local) = bal_by_key(tx, &key)? else { return Ok(None) };
            Ok::<_, Fail>(may_send(tx, &connector, &local, now)?.then_some(local))
        });
        let local = found.await?.ok_or_else(|| Refusal::new(RefusalCode::SenderNotAllowed).with("address", from))?;
        Ok(BalRef { id: local.id, address: from.clone(), kind: local.own.kind, flags: local.own.flags, chair: None })
    }

    /// RCPT: the rules of submission; of a report, one recipient of the trust space.
    #[boxed]
    pub async fn connector_recipient(
        &self,
        actor: &Actor,
        to: &Address,
        already: usize,
        size: Option<u64>,
    ) -> Result<(), Refusal> {
        let connector = connector_of(actor)?.id;
        let outcome = match actor.bal {
            Some(_) => self.submit_recipient(actor, to, already, size).await,
            None => match self.reported_to(to, already, size).await {
                Ok(()) => Ok(()),
                Err(refusal) => Err(self.refused(By::actor(actor), None, Some(to), refusal).await),
            },
        };
        self.noting(connector, outcome).await
    }

    async fn reported_to(&self, to: &Address, already: usize, size: Option<u64>) -> Result<(), Refusal> {
        if already > 0 {
            return Err(Refusal::new(RefusalCode::RcptTooMany).with("limit", 1));
        }
        let found = self.find(to).await?;
        may_exchange(&Sender::OwnReport, &found.recipient(self, to), true)?;
        found.check_room(to, size.unwrap_or(0))
    }

    /// After DATA: as submission; a report goes where reports go. Returns after it is durable.
    #[boxed]
    pub async fn connector_accept(
        &self,
        actor: &Actor,
        envelope: Envelope,
        message: Received,
    ) -> Result<Accepted, Refusal> {
        let connector = connector_of(actor)?.id;
        let outcome = match (&envelope.from, &actor.bal) {
            (Some(_), Some(_)) => self.submit(actor, envelope, message).await,
            _ => match self.take_report(actor, envelope, message).await {
                Ok(accepted) => Ok(accepted),
                Err(refusal) => Err(self.refused(By::actor(actor), None, None, refusal).await),
            },
        };
        self.noting(connector, outcome).await
    }

    async fn take_report(&self, actor: &Actor, envelope: Envelope, message: Received) -> Result<Accepted, Refusal> {
        let connector = connector_of(actor)?.clone();
        let to = match envelope.to.as_slice() {
            [] => return Err(RefusalCode::RcptNone.into()),
            [one] => one.address.clone(),
            _ => return Err(Refusal::new(RefusalCode::RcptTooMany).with("limit", 1)),
        };
        check_loop(&message.scan, &self.0.config.limits)?;
        let from = header::origin(&message.scan.header)?.from;
        self.check_reporter(&connector, &from).await?;
        let (now, id) = (self.now(), new_tag(&self.0.store));
        let received = trace_field::Received {
            helo: &envelope.helo,
            remote: actor.origin.remote.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            by: &self.0.config.hostname,
            with: envelope.with,
            tls: actor.origin.tls.as_deref(),
            peer: Some(connector.dn.as_str()),
            id: &id,
            at: now,
        };
        let about = About {
            way: "out",
            id: &id,
            by: By::actor(actor),
            whose: Whose::Session(actor),
            from: None,
            to: vec![&to],
            bals: self.find(&to).await?.bals(),
            log: None,
        };
        let passed = self.pass_antivirus(&message, about).await?;
        let fields = passed.marked(received.field().into_bytes());
        let mut facts = self.message_facts(&id, None, &message.scan.header, message.scan.size);
        facts["to"] = self.shown(&to).into();
        facts["connector"] = connector.name.as_str().into();
        facts["structure"] = connector.structure.as_str().into();
        facts["certificate"] = json!({ "dn": connector.dn, "sha256": connector.fingerprint });
        facts["tls"] = json!(actor.origin.tls);
        passed.tell(&mut facts);
        let fact = self.fact("mail.submitted", &By::actor(actor), None, "ok", facts);
        let letter = Letter {
            speaker: Speaker::Report,
            to: To::Address(to),
            content: Vec::new(),
            kind: "structure_report",
            pressing: false,
            about: None,
        };
        let posting = self.prepare_received(letter, message, &fields).await?;
        let rows = posting.ready.clone();
        keep::keep(&self.0.store, posting.spool, move |tx, row| {
            admit(tx, &connector, &[], now)?;
            rows.write(tx, row)?;
            fact.write(tx)?;
            Ok::<_, Fail>(keep::Kept::Yes(()))
        })
        .await?;
        posting.ready.after(self);
        metrics::counter!("sceau_mail_accepted_total", "door" => "connector").increment(1);
        Ok(Accepted { id, duplicate: false })
    }

    /// A report comes from the mail system of one of the connector's domains, or from a BAL that it may send for (RFC 8098, RFC 3834).
    async fn check_reporter(&self, connector: &ConnectorRef, from: &Address) -> Result<(), Refusal> {
        let system = SYSTEMS.iter().any(|s| from.local_key().eq_ignore_ascii_case(s));
        let (key, domain, now) = (self.bal_key(from), from.domain().to_string(), self.now());
        let connector = connector.clone();
        let allowed = self.0.store.read(move |tx| {
            if system {
                return Ok(rows::of_domain(tx, &domain)?.is_some_and(|c| c.id == connector.id));
            }
            let Some(local) = bal_by_key(tx, &key)? else { return Ok(false) };
            may_send(tx, &connector, &local, now)
        });
        match allowed.await.map_err(|e: Fail| Refusal::from(e))? {
            true => Ok(()),
            false => Err(Refusal::new(RefusalCode::ConnectorReport).with("address", from)),
        }
    }

    /// The address of a BAL whose mail its structure's own server keeps; none when it is kept here.
    pub(crate) async fn carried_address(&self, bal: Id) -> Result<Option<Address>, Refusal> {
        let found = self.0.store.read(move |tx: &mut dyn Tx| {
            Ok(match rows::of_bal(tx, bal)? {
                Some(c) if c.host.is_some() => accounts::bal_by_id(tx, bal)?.map(|b| b.address),
                _ => None,
            })
        });
        let found = found.await.map_err(|e: StoreError| refuse::store(&e))?;
        Ok(found.and_then(|a| a.parse().ok()))
    }

    /// Remembers a refusal of a connector for those who ask why nothing comes.
    async fn noting<T>(&self, connector: Id, outcome: Result<T, Refusal>) -> Result<T, Refusal> {
        if let Err(refusal) = &outcome {
            self.note_connector_refusal(connector, refusal).await;
        }
        outcome
    }

    async fn note_coming(&self, connector: Id, certificate: Id) {
        if !self.is_due(connector, COMING) {
            return;
        }
        let now = self.now().0;
        let noted = self.0.store.write(move |tx| rows::came(tx, connector, certificate, now)).await;
        if let Err(e) = noted.map_err(|e: StoreError| e) {
            refuse::store(&e);
        }
    }

    async fn note_refused_certificate(&self, fingerprint: &str, refusal: &Refusal) {
        let fingerprint = fingerprint.to_owned();
        let found = self.0.store.read(move |tx| rows::matching(tx, &fingerprint, "")).await;
        if let Some(known) = found.map_err(|e: StoreError| refuse::store(&e)).ok().and_then(|f| f.into_iter().next()) {
            self.note_connector_refusal(known.connector_id, refusal).await;
        }
    }

    async fn note_connector_refusal(&self, connector: Id, refusal: &Refusal) {
        // Another slot than its coming's (ids are positive), one a cause: the last word must not be lost behind the one before.
        let mut cause = DefaultHasher::new();
        (connector, refusal.code).hash(&mut cause);
        let slot = -1 - i64::try_from(cause.finish() >> 1).unwrap_or(0);
        if !self.is_due(slot, REFUSING) {
            return;
        }
        let (now, code, args) = (self.now().0, refusal.code.as_str(), crate::queue::stored_args(refusal));
        let noted = self.0.store.write(move |tx| rows::was_refused(tx, connector, now, code, &args)).await;
        if let Err(e) = noted.map_err(|e: StoreError| e) {
            refuse::store(&e);
        }
    }

    /// Is it time to write something of this kind again?
    pub(super) fn is_due(&self, slot: i64, every: i64) -> bool {
        let now = self.now().0;
        let mut written = self.0.connectors.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.get(&slot).is_some_and(|at| now - at < every && *at <= now) {
            return false;
        }
        if written.len() >= REMEMBERED {
            written.clear();
        }
        written.insert(slot, now);
        true
    }
}

fn connector_of(actor: &Actor) -> Result<&ConnectorRef, Refusal> {
    match &actor.who {
        Who::Connector(connector) => Ok(connector),
        _ => Err(RefusalCode::RightMissing.into()),
    }
}
