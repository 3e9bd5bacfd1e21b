//! What to do with what a refresh of the white list brought: a pure decision, so that fetching, keeping and alarming
//! stay the operator's and this stays testable.
//!
//! The operator: [`fetch`](crate::whitelist::fetch) → [`decide`] → on [`Decision::Put`] keep the document's bytes as the
//! last good copy, put the list in force ([`crate::Trust::set_white_list`]), tell the difference; on
//! [`Decision::Refused`] raise the alarm of the error's code and go on with the list in force, however old.
//! At start it reads the last good copy back with [`decide`] too (nothing in force then).
use crate::whitelist::{self, WhiteListError, WhiteListSource, WhiteListState};
use crate::{Anchors, WhiteList};
use sceau_domain::{DomainName, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a refresh comes to.
#[derive(Debug, Clone)]
pub enum Decision {
    /// A good list that differs from the one in force: put it in force and keep its bytes.
    Put {
        /// The list.
        list: Arc<WhiteList>,
        /// What changes.
        diff: Diff,
    },
    /// The very list in force, still good.
    Unchanged,
    /// Keep what is in force, and say why.
    Refused(WhiteListError),
}

/// What changes from one list to the next; sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Domains that enter the trust space.
    pub added: Vec<DomainName>,
    /// Domains that leave it.
    pub removed: Vec<DomainName>,
    /// Domains whose set of DNs changes.
    pub changed: Vec<DomainName>,
}

impl Diff {
    /// From `old` (none: nothing was in force) to `new`.
    pub fn between(old: Option<&WhiteList>, new: &WhiteList) -> Self {
        let keys = |list: &WhiteList, d: &DomainName| -> BTreeSet<String> {
            list.get(d).map(|l| l.dns().map(|dn| dn.key().to_owned()).collect()).unwrap_or_default()
        };
        let mut diff = Self::default();
        for listed in new.iter() {
            match old {
                Some(old) if old.contains(listed.domain) => {
                    if keys(old, listed.domain) != keys(new, listed.domain) {
                        diff.changed.push(listed.domain.clone());
                    }
                }
                _ => diff.added.push(listed.domain.clone()),
            }
        }
        for listed in old.into_iter().flat_map(WhiteList::iter) {
            if !new.contains(listed.domain) {
                diff.removed.push(listed.domain.clone());
            }
        }
        for list in [&mut diff.added, &mut diff.removed, &mut diff.changed] {
            list.sort_unstable();
        }
        diff
    }
    /// Nothing changes.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// Judges what was fetched against what is in force.
pub fn decide(
    fetched: Result<&[u8], WhiteListError>,
    source: &WhiteListSource,
    anchors: &Anchors,
    in_force: Option<&WhiteList>,
    now: Timestamp,
) -> Decision {
    decide_above(fetched, source, anchors, in_force, None, now)
}

/// As [`decide`], and refuses what is older than `floor` too: the generation of the last list that ever was in force, which
/// outlives the list (its anchors may have gone).
pub fn decide_above(
    fetched: Result<&[u8], WhiteListError>,
    source: &WhiteListSource,
    anchors: &Anchors,
    in_force: Option<&WhiteList>,
    floor: Option<Timestamp>,
    now: Timestamp,
) -> Decision {
    let newest = in_force.map(|l| l.generated).max(floor);
    let judged = fetched.and_then(|xml| whitelist::verify(xml, source, anchors, newest, now));
    match judged {
        Err(e) => Decision::Refused(e),
        // What was in force stays good when its signer is revoked afterwards; but such a signer brings in nothing new, whatever date it writes.
        Ok(list) if newest.is_none_or(|n| list.generated > n) && list.signer_is_revoked(anchors, now) => {
            Decision::Refused(WhiteListError::Signer(
                "its certificate has been revoked since the date of the list".into(),
            ))
        }
        Ok(list) => {
            let diff = Diff::between(in_force, &list);
            // Lists say their second, no less: two of one second cannot both be the newest, and the one that came first stays.
            match in_force.is_some_and(|f| f.generated == list.generated) {
                true if diff.is_empty() => Decision::Unchanged,
                true => Decision::Refused(WhiteListError::Twin(whitelist::instant(list.generated))),
                false => Decision::Put { list: Arc::new(list), diff },
            }
        }
    }
}

impl WhiteListState {
    /// Records a decision taken at `now`.
    pub fn record(&mut self, decision: &Decision, now: Timestamp) {
        match decision {
            Decision::Put { list, .. } => self.generated = Some(list.generated),
            Decision::Unchanged => {}
            Decision::Refused(e) => {
                self.last_error = Some(e.to_string());
                return;
            }
        }
        self.refreshed = Some(now);
        self.last_error = None;
    }
}
