//! The signed white list (*liste blanche*): domain → set of certificate DNs (F202, F203).
//!
//! The document comes from the manager of the trust space, signed (one accepted profile, see [`signature`]); what is put
//! in force is read from the very bytes that were signed (the canonical form), never from the document around them.
//! Lists hold thousands of entries typed by many hands: entries that cannot be read are counted and skipped.
//!
//! Promises: reading is bounded ([`MAX_BYTES`], [`MAX_ENTRIES`], depth, lengths) and refuses DTDs and entities; a
//! look-up allocates nothing and costs well under a microsecond.
mod c14n;
mod error;
mod fetch;
mod read;
pub mod sign;
pub mod signature;
mod verify;

pub use error::WhiteListError;
pub use fetch::fetch;
pub use sign::{Entry, SignError, sign};
pub use verify::verify;

pub(crate) use read::read;
pub(crate) use verify::instant;

use crate::path::Path;
use crate::{Anchors, Dn, chain};
use rustls_pki_types::CertificateDer;
use sceau_domain::{DomainName, Timestamp};
use std::collections::HashMap;
use std::time::Duration;

/// Largest document that is read, bytes (the real one has 4 MB).
pub const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Most `Domaine` elements (the real list has 9,000).
pub const MAX_ENTRIES: usize = 100_000;

/// A verified (or, for `inspect`, only parsed) white list. `Debug` shows its numbers only.
pub struct WhiteList {
    /// `DateDeGeneration`.
    pub generated: Timestamp,
    /// Number of `Domaine` elements.
    pub entries: usize,
    /// Entries without a readable domain or without a DN, which are not in force.
    pub skipped: usize,
    /// The certificate that signed it, once verified.
    pub signer: Option<CertificateDer<'static>>,
    /// Its path to an anchor, likewise.
    path: Option<Path>,
    index: Index,
}

impl std::fmt::Debug for WhiteList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WhiteList")
            .field("generated", &self.generated)
            .field("entries", &self.entries)
            .field("names", &self.names())
            .field("dns", &self.dns().len())
            .finish_non_exhaustive()
    }
}

/// What a list says of a domain.
#[derive(Clone, Copy)]
pub struct Listed<'a> {
    /// The domain.
    pub domain: &'a DomainName,
    /// The first description that an entry of the domain gives.
    pub description: &'a str,
    index: &'a Index,
    ids: &'a [u32],
}

impl std::fmt::Debug for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listed")
            .field("domain", &self.domain.as_str())
            .field("dns", &self.ids.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Listed<'a> {
    /// The distinct DNs of the domain, as first written.
    pub fn dns(&self) -> impl ExactSizeIterator<Item = &'a Dn> + use<'a> {
        let index = self.index;
        self.ids.iter().map(move |id| &index.dns[*id as usize])
    }
}

impl WhiteList {
    /// Parses without judging the signature. Tolerates the oddities of real lists; an entry that cannot be read is counted and skipped.
    pub fn parse(xml: &[u8]) -> Result<Self, WhiteListError> {
        let read = read::read(xml);
        match (read.error, read.generated) {
            (Some(e), _) => Err(e),
            (None, Some(generated)) => Ok(Self {
                generated,
                entries: read.entries,
                skipped: read.skipped,
                signer: None,
                path: None,
                index: read.index,
            }),
            (None, None) => Err(WhiteListError::Format("no readable DateDeGeneration".into())),
        }
    }
    /// Do the revocation lists held name its signer, or an authority above it, by `now`? Whoever has a stolen key writes whatever date he likes.
    pub(crate) fn signer_is_revoked(&self, held: &Anchors, now: Timestamp) -> bool {
        self.path.iter().flat_map(|path| &path.links).any(|link| chain::revoked(link, held, now))
    }
    /// Is the domain in the list?
    pub fn contains(&self, domain: &DomainName) -> bool {
        self.index.domains.contains_key(domain)
    }
    /// Does the domain list this DN?
    pub fn lists(&self, domain: &DomainName, dn: &Dn) -> bool {
        self.index
            .domains
            .get(domain)
            .is_some_and(|d| d.ids.iter().any(|id| self.index.dns[*id as usize].key() == dn.key()))
    }
    /// Is this DN listed for at least one domain?
    pub fn knows(&self, dn: &Dn) -> bool {
        self.index.by_key.contains_key(dn.key())
    }
    /// The DNs of a domain, as written.
    pub fn dns_of(&self, domain: &DomainName) -> Vec<Dn> {
        self.get(domain).map(|l| l.dns().cloned().collect()).unwrap_or_default()
    }
    /// What the list says of a domain.
    pub fn get(&self, domain: &DomainName) -> Option<Listed<'_>> {
        let (domain, d) = self.index.domains.get_key_value(domain)?;
        Some(Listed { domain, description: &d.description, index: &self.index, ids: &d.ids })
    }
    /// Every domain in force, in no order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Listed<'_>> {
        let index = &self.index;
        index.domains.iter().map(move |(domain, d)| Listed { domain, description: &d.description, index, ids: &d.ids })
    }
    /// The distinct DNs, in the order in which the list first names them.
    pub fn dns(&self) -> &[Dn] {
        &self.index.dns
    }
    /// Number of distinct domains in force.
    pub fn names(&self) -> usize {
        self.index.domains.len()
    }
}

/// Domains and their DNs. DNs are held once: 9,000 entries name 400 of them.
#[derive(Debug, Default)]
struct Index {
    domains: HashMap<DomainName, Domain>,
    dns: Vec<Dn>,
    /// [`Dn::key`] → place in `dns`.
    by_key: HashMap<String, u32>,
}

/// A domain of the index.
#[derive(Debug, Default)]
struct Domain {
    ids: Vec<u32>,
    description: String,
}

impl Index {
    /// The place of a DN, added if it is new. [`MAX_ENTRIES`] keeps places within 32 bits.
    fn intern(&mut self, dn: Dn) -> u32 {
        if let Some(id) = self.by_key.get(dn.key()) {
            return *id;
        }
        let id = self.dns.len() as u32;
        self.by_key.insert(dn.key().to_owned(), id);
        self.dns.push(dn);
        id
    }
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
    /// Largest accepted document, bytes ([`MAX_BYTES`] at most).
    pub max_bytes: usize,
    /// Whole fetch.
    pub timeout: Duration,
    /// How far in the future a generation date may be (clocks differ); five minutes is generous.
    pub skew: Duration,
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
