//! Logging in by the certificate that was shown in the handshake (SASL EXTERNAL, F222): a machine's, a professional's card, a device's of ours.
//!
//! The chain is judged for each of these in turn; the cause that is told is that of the one whose authority issued it. Behind each stands a token, which ends
//! what ends a token's sessions: revoking it, the end of the access, a blocked BAL. A machine's certificate is found by its name (subject and issuer),
//! registered for the BAL (purpose `certificate`); a device's by itself (`device_certificate`); a card by the national identifier of its holder, whose
//! row is made at the first use (`card`): revoked, it stays shut.
use super::{Found, find, sasl};
use crate::boxed;
use crate::identity::devices;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin};
use rustls_pki_types::CertificateDer;
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::factor::Factor;
use sceau_store::{Tx, accounts as rows, token_certificates};
use sceau_trust::{Dn, Peer, Purpose};

/// Registrations of one name that are looked at: a machine has a few BALs.
const MOST: i64 = 200;
/// `tokens.purpose` of a card's row.
const CARD: &str = "card";

impl Operator {
    /// Logs in with the chain shown in the handshake (leaf first). `name`: the BAL, by its address; for a card or a device also `person*bal`, or the
    /// person. Without any, the only BAL for which a machine is registered, or the one that the person holds.
    ///
    /// # Errors
    /// `login.failed`, `login.too_many`; a cause of `peer.*` when the chain is not good, and of `card.*` or `identity.*` when a card is: nobody but its
    /// owner can show it, and must know why. When it is right: `terms.required`, `right.missing`.
    #[boxed]
    pub async fn login_certificate(
        &self,
        chain: &[CertificateDer<'_>],
        name: Option<&str>,
        origin: &Origin,
    ) -> Result<Actor, Refusal> {
        let nameless = self.0.guard.nameless(chain.first().map_or(&[][..], |leaf| leaf.as_ref()));
        let counted = name.unwrap_or(&nameless);
        self.guarded(counted, origin, self.check_certificate(chain, name, origin)).await
    }

    async fn check_certificate(
        &self,
        chain: &[CertificateDer<'_>],
        name: Option<&str>,
        origin: &Origin,
    ) -> Result<Actor, Fail> {
        // What the first said whose authority issued it; else that none did.
        let mut told: Option<Refusal> = None;
        for purpose in [Purpose::Clients, Purpose::Cps, Purpose::Devices] {
            if purpose == Purpose::Devices {
                self.know_device_authorities().await?;
            }
            let shown = match self.judge_chain(purpose, chain, true).await {
                Ok(shown) => shown,
                Err(refusal) => {
                    let stranger = refusal.code == RefusalCode::PeerUnknownIssuer;
                    if !stranger || told.is_none() {
                        told = Some(refusal);
                    }
                    if stranger { continue } else { break }
                }
            };
            // A card or a device that is authorised by the same root is no machine, and the reverse.
            let entered = match purpose {
                Purpose::Clients => self.machine_enters(&shown, name, origin).await,
                Purpose::Cps => self.card_enters(chain, &shown, name, origin).await,
                _ => self.device_enters(&shown, name, origin).await,
            };
            match entered {
                Err(Fail::No(refusal))
                    if matches!(refusal.code, RefusalCode::LoginFailed | RefusalCode::CardUnreadable) =>
                {
                    if told.as_ref().is_none_or(|t| t.code == RefusalCode::PeerUnknownIssuer) {
                        told = Some(refusal);
                    }
                }
                done => return done,
            }
        }
        Err(told.unwrap_or_else(|| RefusalCode::LoginFailed.into()).into())
    }

    /// A machine, registered for a BAL.
    async fn machine_enters(&self, shown: &Peer, bal: Option<&str>, origin: &Origin) -> Result<Actor, Fail> {
        let failed = || Fail::from(RefusalCode::LoginFailed);
        let wanted = bal.map(|b| self.key_of(b)).transpose().map_err(|_| failed())?;
        let who = self.certificate_name(&shown.dn, &shown.issuer);
        let (now, since, rule) = (self.clock().now().0, self.0.guard.rights_version(), self.token_rule());
        let (sha256, not_after) = (shown.fingerprint.clone(), shown.not_after);
        let fingerprint = sha256.clone();
        let look = move |tx: &mut dyn Tx| {
            let mut found: Option<(Found, bool)> = None;
            for registered in token_certificates::of_who(tx, &who, MOST)? {
                let row = rows::token_by_id(tx, registered.token_id)?;
                let Some(token) = rule.live(tx, row, now)? else { continue };
                if let Some(one) = find(tx, token, None, None, wanted.as_deref(), now)? {
                    if found.is_some() && wanted.is_none() {
                        // Several BALs: which one has to be said.
                        return Ok(None);
                    }
                    found = Some((one, registered.sha256 != fingerprint));
                }
            }
            Ok::<_, Fail>(found)
        };
        let (mut found, renewed) = self.0.store.read(look).await?.ok_or_else(failed)?;
        // A session does not outlive the certificate that opened it.
        found.token.expires = Some(found.token.expires.map_or(not_after.0, |e| e.min(not_after.0)));
        let token = found.token.id;
        let actor = self.enter(found, since, origin).await?;
        if renewed {
            self.0.store.write(move |tx| token_certificates::seen(tx, token, &sha256, not_after.0)).await?;
        }
        Ok(actor)
    }

    /// A professional's card (F041): its holder, as a browser's session would find him.
    async fn card_enters(
        &self,
        chain: &[CertificateDer<'_>],
        shown: &Peer,
        name: Option<&str>,
        origin: &Origin,
    ) -> Result<Actor, Fail> {
        let said = self.read_card(chain)?;
        let person = self.person_of_card(&said, origin).await?;
        let digest = self.0.store.vault().tag(CARD, &person.id.to_be_bytes());
        let token = self.stand(&person, (CARD, "Carte CPS"), Factor::Card, digest, origin).await?;
        if token.revoked.is_some() {
            return Err(RefusalCode::TokenNotYours.into());
        }
        self.enter_as(token, shown, name, origin).await
    }

    /// A device to which its person gave a certificate of ours.
    async fn device_enters(&self, shown: &Peer, name: Option<&str>, origin: &Origin) -> Result<Actor, Fail> {
        let (digest, now, rule) = (self.device_digest(&shown.fingerprint), self.clock().now().0, self.token_rule());
        let look = move |tx: &mut dyn Tx| {
            let row = rows::token_by_digest(tx, &digest)?.filter(|t| t.purpose == devices::PURPOSE);
            Ok::<_, Fail>(rule.live(tx, row, now)?)
        };
        let token = self.0.store.read(look).await?.ok_or(RefusalCode::LoginFailed)?;
        self.enter_as(token, shown, name, origin).await
    }

    /// What a person's own certificate opens: the BAL that is named, or the person's own.
    async fn enter_as(
        &self,
        mut token: rows::Token,
        shown: &Peer,
        name: Option<&str>,
        origin: &Origin,
    ) -> Result<Actor, Fail> {
        let failed = || Fail::from(RefusalCode::LoginFailed);
        let (who, bal) = match name {
            Some(name) if sasl::address(name) => (None, Some(name)),
            Some(name) => match name.split_once('*') {
                Some((who, bal)) => (Some(who), Some(bal)),
                None => (Some(name), None),
            },
            None => (None, None),
        };
        let wanted = bal.map(|b| self.key_of(b)).transpose().map_err(|_| failed())?;
        let who = who.map(str::to_ascii_lowercase);
        let not_after = shown.not_after.0;
        token.expires = Some(token.expires.map_or(not_after, |e| e.min(not_after)));
        let (now, since) = (self.clock().now().0, self.0.guard.rights_version());
        let look = move |tx: &mut dyn Tx| find(tx, token.clone(), who.as_deref(), None, wanted.as_deref(), now);
        let found = self.0.store.read(look).await?.ok_or_else(failed)?;
        self.enter(found, since, origin).await
    }

    /// Under what a certificate's name is kept and found. Lengths before values: no two names read alike.
    pub(crate) fn certificate_name(&self, subject: &Dn, issuer: &Dn) -> Vec<u8> {
        let mut data = Vec::with_capacity(256);
        for part in [subject.key(), issuer.key()] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        self.0.store.vault().tag("certificate", &data).to_vec()
    }
}
