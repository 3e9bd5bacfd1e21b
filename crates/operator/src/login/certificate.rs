//! A machine logs in by the certificate that it showed in the handshake (SASL EXTERNAL, F222).
//!
//! The chain is judged for the purpose of applicative clients; then its name (subject and issuer) must have been registered for the BAL. Behind it
//! stands a token of purpose `certificate`: revoking it, the end of the machine's access, a blocked BAL end its sessions as they end those of any token.
use super::{Found, find, is_live};
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin};
use rustls_pki_types::CertificateDer;
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Tx, accounts as rows, token_certificates};
use sceau_trust::{Dn, Purpose};

/// Registrations of one name that are looked at: a machine has a few BALs.
const MOST: i64 = 200;

impl Operator {
    /// Logs in with the chain shown in the handshake (leaf first), to the BAL named, or to the only one for which the certificate is registered.
    ///
    /// # Errors
    /// `login.failed`, `login.too_many`; a cause of `peer.*` when the chain is not good: nobody but its owner can show it, and must know why. When it is
    /// right: `terms.required`, `right.missing`.
    pub async fn login_certificate(
        &self,
        chain: &[CertificateDer<'_>],
        bal: Option<&str>,
        origin: &Origin,
    ) -> Result<Actor, Refusal> {
        let nameless = self.0.guard.nameless(chain.first().map_or(&[][..], |leaf| leaf.as_ref()));
        let name = bal.unwrap_or(&nameless);
        self.guarded(name, origin, self.check_certificate(chain, bal, origin)).await
    }

    async fn check_certificate(
        &self,
        chain: &[CertificateDer<'_>],
        bal: Option<&str>,
        origin: &Origin,
    ) -> Result<Actor, Fail> {
        let failed = || Fail::from(RefusalCode::LoginFailed);
        let shown = self.judge_chain(Purpose::Clients, chain, true).await?;
        let wanted = bal.map(|b| self.key_of(b)).transpose().map_err(|_| failed())?;
        let who = self.certificate_name(&shown.dn, &shown.issuer);
        let (now, since) = (self.clock().now().0, self.0.guard.rights_version());
        let look = move |tx: &mut dyn Tx| {
            let mut found: Option<(Found, bool)> = None;
            for registered in token_certificates::of_who(tx, &who, MOST)? {
                let live = rows::token_by_id(tx, registered.token_id)?.filter(|t| is_live(t, now));
                let Some(token) = live else { continue };
                if let Some(one) = find(tx, token, None, None, wanted.as_deref(), now)? {
                    if found.is_some() && wanted.is_none() {
                        // Several BALs: which one has to be said.
                        return Ok(None);
                    }
                    found = Some((one, registered.sha256 != shown.fingerprint));
                }
            }
            Ok::<_, Fail>(found.map(|found| (found, shown.fingerprint.clone(), shown.not_after)))
        };
        let ((mut found, renewed), sha256, not_after) = self.0.store.read(look).await?.ok_or_else(failed)?;
        // A session does not outlive the certificate that opened it.
        found.token.expires = Some(found.token.expires.map_or(not_after.0, |e| e.min(not_after.0)));
        let token = found.token.id;
        let actor = self.enter(found, since, origin).await?;
        if renewed {
            self.0.store.write(move |tx| token_certificates::seen(tx, token, &sha256, not_after.0)).await?;
        }
        Ok(actor)
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
