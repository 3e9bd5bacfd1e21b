//! What a list changes: rows that stay (F202), and the queue's destinations that it concerns.
//!
//! Promises: the rows, the list and the mail made due commit together, so that no crash lets mail for a domain that left wait for its next attempt. A
//! node that has not heard of the list yet may take such mail and put it off by the old one: each node makes it due again when it follows.
use crate::{Operator, refuse};
use sceau_domain::{DomainName, Timestamp};
use sceau_store::queue::{self, Selection};
use sceau_store::white_lists::{ChangeRow, ListRow};
use sceau_store::{StoreError, Tx};
use sceau_trust::WhiteList;
use sceau_trust::refresh::Diff;
use std::collections::HashSet;

/// Names of certificates as kept.
fn names(list: Option<&WhiteList>, domain: &DomainName) -> String {
    let names: Vec<String> =
        list.map(|l| l.dns_of(domain).iter().map(ToString::to_string).collect()).unwrap_or_default();
    serde_json::Value::from(names).to_string()
}

/// The destinations that a list concerns; none: all of them (no list was in force before).
pub(super) fn concerned(had_one: bool, diff: &Diff) -> Option<HashSet<String>> {
    let all = diff.removed.iter().chain(&diff.changed).chain(&diff.added);
    had_one.then(|| all.map(ToString::to_string).collect())
}

/// Makes what waits for these destinations due now: what left is reported, what changed its certificate is tried again. How many entries.
pub(super) fn make_due(
    tx: &mut dyn Tx,
    concerned: &Option<HashSet<String>>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let Some(concerned) = concerned else { return queue::retry(tx, &Selection::All, now) };
    if concerned.is_empty() {
        return Ok(0);
    }
    let mut due = 0;
    // In the order of the names: the order of locks.
    for domain in queue::names(tx)?.into_iter().filter(|d| concerned.contains(d)) {
        due += queue::retry(tx, &Selection::Destination(domain), now)?;
    }
    Ok(due)
}

impl Operator {
    /// What another node's list concerns is due here and now: this node may have tried it a moment ago by the list before, and put it off.
    pub(super) async fn make_due_again(&self, diff: &Diff) {
        let (concerned, now) = (concerned(true, diff), self.now());
        match self.0.store.write(move |tx| make_due(tx, &concerned, now)).await.map_err(|e: StoreError| e) {
            Ok(0) => {}
            Ok(_) => self.wake_queue(),
            // It waits for its next attempt, which says the same.
            Err(e) => {
                refuse::store(&e);
            }
        }
    }

    /// The rows of a list and of what it changes.
    pub(super) fn rows_of(
        &self,
        before: Option<&WhiteList>,
        list: &WhiteList,
        diff: &Diff,
        bytes: &[u8],
    ) -> (ListRow, Vec<ChangeRow>) {
        let (store, now) = (&self.0.store, self.now().0);
        let id = store.new_id();
        let mut rows = Vec::new();
        // At first all is new: since when a domain was listed before is not known here.
        if before.is_some() {
            let kinds = [("added", &diff.added), ("removed", &diff.removed), ("altered", &diff.changed)];
            for (kind, domain) in kinds.iter().flat_map(|(kind, all)| all.iter().map(move |d| (*kind, d))) {
                rows.push(ChangeRow {
                    id: store.new_id(),
                    list: id,
                    at: now,
                    kind: kind.into(),
                    domain: domain.to_string(),
                    old_names: names(before, domain),
                    new_names: names(Some(list), domain),
                });
            }
        }
        // Counts of a list are far from 2^63.
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let counted = |all: &[DomainName]| if before.is_some() { count(all.len()) } else { 0 };
        let row = ListRow {
            id,
            generated: list.generated.0,
            at: now,
            sha256: aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec(),
            entries: count(list.entries),
            domains: count(list.names()),
            skipped: count(list.skipped),
            added: counted(&diff.added),
            removed: counted(&diff.removed),
            altered: counted(&diff.changed),
            node: i64::from(store.node()),
        };
        (row, rows)
    }
}
