//! `sceau trust inspect`: what a white-list file holds and whether its signature is good.
//!
//! Any file gives an answer: what cannot be read is counted as far as it goes and told in `error`. The signature is
//! judged by the key that the document itself carries, the chain by the anchors given, at the generation date: whether
//! *this* signer may sign is a matter of configuration, which [`crate::whitelist::verify`] judges.
use crate::whitelist::signature::{self, Examined};
use crate::whitelist::{self};
use crate::{Anchors, PeerCause, Purpose, chain, peer};
use rustls_pki_types::CertificateDer;
use sceau_domain::text::text;
use sceau_domain::{Lang, Timestamp};
use serde::{Deserialize, Serialize};

/// What the signature is worth by the key in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureVerdict {
    /// It verifies.
    Valid,
    /// It does not, or is not of the accepted profile.
    Invalid,
    /// There is none.
    Absent,
}

/// What the signer's chain is worth by the anchors, at the generation date (now, when the list gives none).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChainVerdict {
    /// It leads to an anchor.
    Trusted,
    /// It does not, or no anchors or no certificate were given.
    Untrusted,
    /// It leads to an anchor, but a certificate of it was not valid at that date (expired, or not yet valid).
    Expired,
}

/// The findings. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// `DateDeGeneration`, RFC 3339 UTC.
    pub generated: Option<String>,
    /// `Domaine` elements.
    pub entries: usize,
    /// Distinct domains.
    pub names: usize,
    /// Distinct DNs after parsing.
    pub dns: usize,
    /// Signature.
    pub signature: SignatureVerdict,
    /// Subject of the certificate in the signature.
    pub signer: Option<String>,
    /// Its chain.
    pub chain: ChainVerdict,
    /// Is the signer's certificate expired now?
    pub signer_expired_now: bool,
    /// Entries that cannot be put in force (no readable domain, or no DN).
    pub skipped: usize,
    /// What is wrong with the document or its signature, if something is.
    pub error: Option<String>,
}

/// Inspects a file's bytes; `anchors` of [`Purpose::ListSigner`] are used.
pub fn inspect(xml: &[u8], anchors: &Anchors, now: Timestamp) -> Inspection {
    let read = whitelist::read(xml);
    let (verdict, certificates, signature_error) = match signature::examine(xml) {
        Examined::Absent(e) => (SignatureVerdict::Absent, Vec::new(), e),
        Examined::Invalid(e, certificates) => (SignatureVerdict::Invalid, certificates, Some(e)),
        Examined::Valid(signed) => (SignatureVerdict::Valid, signed.chain, None),
    };
    let signer = certificates.first().and_then(peer::describe);
    Inspection {
        generated: read.generated.map(whitelist::instant),
        entries: read.entries,
        names: read.names(),
        dns: read.dns(),
        signature: verdict,
        chain: judge(anchors, &certificates, read.generated.unwrap_or(now)),
        signer_expired_now: signer.as_ref().is_some_and(|s| s.not_after < now),
        signer: signer.map(|s| s.dn.to_string()),
        skipped: read.skipped,
        error: read.error.or(signature_error).map(|e| e.to_string()),
    }
}

fn judge(anchors: &Anchors, certificates: &[CertificateDer<'_>], at: Timestamp) -> ChainVerdict {
    match chain::check(anchors, Purpose::ListSigner, certificates, chain::Usage::Signature, at) {
        Ok(_) => ChainVerdict::Trusted,
        Err(PeerCause::Expired | PeerCause::NotYetValid) => ChainVerdict::Expired,
        Err(_) => ChainVerdict::Untrusted,
    }
}

impl Inspection {
    /// The findings as lines for a person.
    pub fn render(&self, lang: Lang) -> String {
        let say = |key: &str, value: &str| text(lang, &format!("trust.inspect.{key}"), &[("value", value)]);
        let none = || say("none", "");
        let signature = match self.signature {
            SignatureVerdict::Valid => "signature_valid",
            SignatureVerdict::Invalid => "signature_invalid",
            SignatureVerdict::Absent => "signature_absent",
        };
        let chain = match self.chain {
            ChainVerdict::Trusted => "chain_trusted",
            ChainVerdict::Untrusted => "chain_untrusted",
            ChainVerdict::Expired => "chain_expired",
        };
        let mut lines = vec![
            say("generated", &self.generated.clone().unwrap_or_else(none)),
            say("entries", &self.entries.to_string()),
            say("names", &self.names.to_string()),
            say("dns", &self.dns.to_string()),
            say(signature, ""),
            say("signer", &self.signer.clone().unwrap_or_else(none)),
            say(chain, ""),
        ];
        if self.signer_expired_now {
            lines.push(say("signer_expired_now", ""));
        }
        if self.skipped > 0 {
            lines.push(say("skipped", &self.skipped.to_string()));
        }
        if let Some(error) = &self.error {
            lines.push(say("error", error));
        }
        lines.join("\n")
    }
}
