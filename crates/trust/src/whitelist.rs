//! The signed white list (*liste blanche*): domain → set of certificate DNs (F202, F203).
use crate::{Anchors, Dn};
use sceau_domain::{DomainName, Timestamp};
use std::time::Duration;

/// A verified (or, for `inspect`, only parsed) white list.
#[derive(Debug)]
pub struct WhiteList {
    /// `DateDeGeneration`.
    pub generated: Timestamp,
    /// Number of `Domaine` elements.
    pub entries: usize,
}

impl WhiteList {
    /// Parses without judging the signature. Tolerates the oddities of real lists; an entry that cannot be read is counted and skipped.
    pub fn parse(xml: &[u8]) -> Result<Self, WhiteListError> {
        let _ = xml;
        todo!()
    }
    /// Is the domain in the list?
    pub fn contains(&self, domain: &DomainName) -> bool {
        let _ = domain;
        todo!()
    }
    /// Does the domain list this DN?
    pub fn lists(&self, domain: &DomainName, dn: &Dn) -> bool {
        let _ = (domain, dn);
        todo!()
    }
    /// Is this DN listed for at least one domain?
    pub fn knows(&self, dn: &Dn) -> bool {
        let _ = dn;
        todo!()
    }
    /// The DNs of a domain, as written.
    pub fn dns_of(&self, domain: &DomainName) -> Vec<Dn> {
        let _ = domain;
        todo!()
    }
}

/// Why a list is not put in force. `code` is stable (alarms use it).
#[derive(Debug, thiserror::Error)]
pub enum WhiteListError {
    /// Could not be fetched.
    #[error("fetch: {0}")]
    Fetch(String),
    /// Not the format.
    #[error("format: {0}")]
    Format(String),
    /// No signature, or not the one accepted profile.
    #[error("signature profile: {0}")]
    Profile(String),
    /// Signature does not verify.
    #[error("signature invalid")]
    Signature,
    /// Signer is not the configured one, or its chain is not trusted.
    #[error("signer: {0}")]
    Signer(String),
    /// Older than the list in force.
    #[error("rollback: generated {0}, in force {1}")]
    Rollback(String, String),
}

/// How the list is obtained and judged.
#[derive(Debug, Clone)]
pub struct WhiteListSource {
    /// HTTPS address.
    pub url: String,
    /// Required subject CN of the signer.
    pub signer_cn: String,
    /// Required subject CN of the signer's issuing authority.
    pub issuer_cn: String,
    /// Largest accepted document, bytes.
    pub max_bytes: usize,
    /// Whole fetch.
    pub timeout: Duration,
}

/// Facts about the list in force, for `/metrics`, alarms and the CLI.
#[derive(Debug, Clone, Default)]
pub struct WhiteListState {
    /// Generation of the list in force.
    pub generated: Option<Timestamp>,
    /// Last successful refresh.
    pub refreshed: Option<Timestamp>,
    /// Last failure.
    pub last_error: Option<String>,
}

/// Fetches the document over HTTPS (anchors of [`crate::Purpose::ListServer`], no redirect, bounded).
pub async fn fetch(source: &WhiteListSource, anchors: &Anchors) -> Result<Vec<u8>, WhiteListError> {
    let _ = (source, anchors);
    todo!()
}

/// Judges a document: profile, signature, signer, chain at the generation date, not older than `in_force`.
pub fn verify(
    xml: &[u8],
    source: &WhiteListSource,
    anchors: &Anchors,
    in_force: Option<Timestamp>,
) -> Result<WhiteList, WhiteListError> {
    let _ = (xml, source, anchors, in_force);
    todo!()
}
