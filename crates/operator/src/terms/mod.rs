//! Terms of use: versions, who accepted which, and what stays shut until then (F100–F102).
//!
//! Promises: the text of a version never changes; the person alone accepts, what is in force and nothing else, and what was accepted is kept with
//! its digest, door, factors, language and what had been accepted before; no BAL opens through any door before that. Without a version in force doors stay as they are, and an alarm says so.
mod accept;
mod acceptances;
mod publish;
mod show;
mod tell;
mod withdraw;

pub use accept::Read;
pub use acceptances::{AcceptanceFilter, AcceptanceView, UnacceptedView};
pub use publish::NewTerms;
pub use show::{ClauseDifference, OwnTerms, TermsState, TermsText, TermsView};

use crate::Operator;
use crate::refuse::{self, Fail};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::{Id, StoreError, Tx, access, settings, terms as rows};
use std::sync::atomic::Ordering;

/// Where the address of the page is kept, for refusals that are said deep in a transaction.
const LINK: &str = "terms.link";
/// Versions that are looked through for the last one that somebody accepted.
const LOOKED_THROUGH: i64 = 100;

/// May the person use this BAL, as far as the terms go? For a machine the acceptance of somebody responsible for the BAL counts; a natural person who
/// was given a machine's access accepts like everybody. `terms.required`,
/// with the link, otherwise.
pub(crate) fn require(tx: &mut dyn Tx, person: Id, bal: Id, now: i64) -> Result<(), Fail> {
    match shut(tx, person, bal, now)? {
        None => Ok(()),
        Some(refusal) => Err(refusal.into()),
    }
}

/// As [`require`]; the refusal as a value.
pub(crate) fn shut(tx: &mut dyn Tx, person: Id, bal: Id, now: i64) -> Result<Option<Refusal>, StoreError> {
    let Some(terms) = rows::missing(tx, person, now)? else { return Ok(None) };
    if access::is_machine(tx, person)? && rows::accepted_for_machine(tx, person, bal, terms)? {
        return Ok(None);
    }
    let refusal = Refusal::new(RefusalCode::TermsRequired);
    let link = settings::get(tx, LINK)?.and_then(|s| String::from_utf8(s.value).ok());
    Ok(Some(match link {
        Some(link) => refusal.with("name", link_since(&link, skipped(tx, person, now)?.as_deref())),
        None => refusal,
    }))
}

/// The last version that a person accepted, when others came between it and the one in force: what changed since then is more than what the page
/// shows by itself.
fn skipped(tx: &mut dyn Tx, person: Id, now: i64) -> Result<Option<String>, StoreError> {
    let accepted = rows::of_person(tx, person)?;
    let versions = rows::effective(tx, now, LOOKED_THROUGH)?;
    let last = versions.iter().position(|v| accepted.iter().any(|(id, ..)| *id == v.id));
    Ok(last.filter(|at| *at > 1).map(|at| versions[at].version.clone()))
}

fn link_since(link: &str, since: Option<&str>) -> String {
    // Names of versions need no quoting.
    since.map_or_else(|| link.to_owned(), |version| format!("{link}?since={version}"))
}

impl Operator {
    /// Where people read and accept the terms of use.
    pub fn terms_link(&self) -> String {
        format!("{}/conditions", self.0.config.public_url)
    }

    /// Keeps the address of the page where transactions find it. At start.
    pub(crate) async fn keep_terms_link(&self) -> Result<(), Refusal> {
        let (link, now) = (self.terms_link(), self.now().0);
        let keep = move |tx: &mut dyn Tx| {
            let kept = settings::get(tx, LINK)?;
            if kept.is_none_or(|k| k.value != link.as_bytes()) {
                settings::put(tx, LINK, link.as_bytes(), now)?;
            }
            Ok::<_, StoreError>(())
        };
        self.0.store.write(keep).await.map_err(|e| refuse::store(&e))
    }

    /// A planned version came into force since the last round: sessions that wait are asked to look. Part of housekeeping, on every node.
    pub(crate) async fn notice_new_terms(&self) -> Result<(), Refusal> {
        let now = self.now().0;
        let found = self.0.store.read(move |tx| rows::in_force(tx, now)).await.map_err(|e| refuse::store(&e))?;
        let found = found.unwrap_or(0);
        if self.0.terms_seen.swap(found, Ordering::SeqCst) != found {
            self.rights_changed();
        }
        Ok(())
    }
}
