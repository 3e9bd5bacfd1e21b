//! Who may be trusted: X.509 identities, anchors by purpose, the signed white list, TLS configurations.
pub mod anchors;
mod chain;
mod crl;
pub mod dn;
pub mod identity;
pub mod inspect;
pub mod peer;
pub mod refresh;
pub mod tls;
pub mod whitelist;

pub use anchors::{Anchors, Purpose};
pub use dn::Dn;
pub use identity::Identity;
pub use peer::{Peer, PeerCause};
pub use whitelist::{WhiteList, WhiteListState};

/// Trust as the running operator holds it. Cheap to clone; parts are swapped while running.
#[derive(Debug, Clone)]
pub struct Trust(std::sync::Arc<Inner>);

#[derive(Debug)]
struct Inner {
    anchors: arc_swap::ArcSwap<Anchors>,
    list: arc_swap::ArcSwapOption<WhiteList>,
}

impl Trust {
    /// Trust with these anchors and no white list yet.
    pub fn new(anchors: Anchors) -> Self {
        Self(std::sync::Arc::new(Inner {
            anchors: arc_swap::ArcSwap::from_pointee(anchors),
            list: arc_swap::ArcSwapOption::empty(),
        }))
    }
    /// The anchors and CRLs in force.
    pub fn anchors(&self) -> std::sync::Arc<Anchors> {
        self.0.anchors.load_full()
    }
    /// Replaces anchors and CRLs.
    pub fn set_anchors(&self, a: Anchors) {
        self.0.anchors.store(std::sync::Arc::new(a));
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

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}
