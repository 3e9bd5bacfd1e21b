//! Who may be trusted: X.509 identities, anchors by purpose, the signed white list, TLS configurations.
pub mod anchors;
pub mod authority;
mod chain;
pub mod cms;
mod crl;
pub mod der;
pub mod dn;
pub mod facts;
pub mod identity;
pub mod inspect;
pub mod ocsp;
pub mod outgoing;
pub mod path;
pub mod peer;
pub mod pkcs12;
pub mod provider;
pub mod push;
pub mod refresh;
pub mod staple;
pub mod tls;
pub mod whitelist;

pub use anchors::{Anchors, Environment, Purpose};
pub use crl::{CrlError, RevocationList};
pub use dn::Dn;
pub use facts::Facts;
pub use identity::Identity;
pub use peer::{Peer, PeerCause};
pub use whitelist::{WhiteList, WhiteListState};

use sceau_domain::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What the revocation lists held say about one certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListWord {
    /// One names it.
    pub revoked: bool,
    /// Until when a list that covers it and does not name it counts (it may have passed); none: no such list.
    pub good_until: Option<Timestamp>,
    /// When the newest such list was made.
    pub good_as_of: Option<Timestamp>,
}

/// Trust as the running operator holds it. Cheap to clone; parts are swapped while running.
#[derive(Debug, Clone)]
pub struct Trust(std::sync::Arc<Inner>);

#[derive(Debug)]
struct Inner {
    anchors: arc_swap::ArcSwap<Anchors>,
    list: arc_swap::ArcSwapOption<WhiteList>,
    /// Revocation lists that were fetched: what is read again from files does not take them away.
    fetched: Mutex<Vec<RevocationList>>,
    /// Our own authorities for people's devices: no file names them.
    devices: Mutex<Vec<String>>,
    /// Grows with every change of anchors or lists: what was judged before is judged again.
    generation: AtomicU64,
}

impl Trust {
    /// Trust with these anchors and no white list yet.
    pub fn new(anchors: Anchors) -> Self {
        Self(std::sync::Arc::new(Inner {
            anchors: arc_swap::ArcSwap::from_pointee(anchors),
            list: arc_swap::ArcSwapOption::empty(),
            fetched: Mutex::new(Vec::new()),
            devices: Mutex::new(Vec::new()),
            generation: AtomicU64::new(0),
        }))
    }
    /// The anchors and CRLs in force.
    pub fn anchors(&self) -> std::sync::Arc<Anchors> {
        self.0.anchors.load_full()
    }
    /// Replaces anchors and configured CRLs; fetched ones stay, and our own authorities for devices.
    pub fn set_anchors(&self, mut a: Anchors) {
        let devices = self.0.devices.lock().unwrap_or_else(PoisonError::into_inner);
        for pem in &*devices {
            // It was readable when it was set.
            let _ = a.add_pem(Purpose::Devices, pem.as_bytes());
        }
        let fetched = self.0.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        for list in &*fetched {
            a.put(&list.0);
        }
        self.0.anchors.store(std::sync::Arc::new(a));
        self.0.generation.fetch_add(1, Ordering::SeqCst);
    }
    /// Puts our own authorities for devices in force (PEM), instead of those before.
    ///
    /// # Errors
    /// One cannot be read: those before stay.
    pub fn set_devices(&self, authorities: &[String]) -> Result<(), anchors::AnchorError> {
        let mut devices = self.0.devices.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody else replaces the anchors meanwhile.
        let _fetched = self.0.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let mut anchors = (*self.0.anchors.load_full()).clone();
        anchors.certificates.remove(&Purpose::Devices);
        for pem in authorities {
            anchors.add_pem(Purpose::Devices, pem.as_bytes())?;
        }
        *devices = authorities.to_vec();
        self.0.anchors.store(std::sync::Arc::new(anchors));
        self.0.generation.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    /// Puts a fetched list in force; false when one that is held is newer. Never replaces a newer list.
    pub fn adopt_list(&self, list: &RevocationList) -> bool {
        let mut fetched = self.0.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched.iter_mut().find(|held| held.0.same_scope(&list.0)) {
            Some(held) if list.older_than(held) => return false,
            Some(held) => *held = list.clone(),
            None => fetched.push(list.clone()),
        }
        let mut anchors = (*self.0.anchors.load_full()).clone();
        let counts = anchors.put(&list.0);
        self.0.anchors.store(std::sync::Arc::new(anchors));
        self.0.generation.fetch_add(1, Ordering::SeqCst);
        counts
    }
    /// Grows with every change of anchors or revocation lists.
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::SeqCst)
    }
    /// What the lists held say about this certificate at `now`.
    pub fn word_of_lists(&self, link: &path::Link, now: Timestamp) -> ListWord {
        let anchors = self.anchors();
        let mut word = ListWord::default();
        for said in anchors.words(link) {
            match said.revoked {
                Some(since) if since <= now => word.revoked = true,
                _ => {
                    word.good_until = word.good_until.max(Some(said.until));
                    word.good_as_of = word.good_as_of.max(Some(said.this_update));
                }
            }
        }
        word
    }
    /// The white list in force, if one was ever good.
    pub fn white_list(&self) -> Option<std::sync::Arc<WhiteList>> {
        self.0.list.load_full()
    }
    /// Puts a verified list in force.
    pub fn set_white_list(&self, l: std::sync::Arc<WhiteList>) {
        self.0.list.store(Some(l));
    }
}

/// An instant as RFC 3339 writes it, UTC.
pub fn instant(at: sceau_domain::Timestamp) -> String {
    whitelist::instant(at)
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}
