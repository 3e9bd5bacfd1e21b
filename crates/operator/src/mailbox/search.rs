//! Searching a folder with IMAP's meaning (RFC 9051 §6.4.4): substring, decoded text, compared by `i;unicode-casemap` (RFC 5255 §3); in an order or
//! by conversations where it is asked for ([`Operator::sort`], [`Operator::threads`]).
//!
//! Cheap facts first: what flags, sizes and dates of the session's view decide costs nothing, and asks nothing of the store; then headers are
//! opened; only what is still undecided has its body read, streamed part by part (`judge`). Everything that is opened is opened on a blocking
//! thread, one message after the other, so a long search neither holds memory nor other sessions.
pub(crate) mod body;
mod judge;
mod matching;
mod order;
mod pages;
mod plan;
mod relevance;
mod threads;

pub use order::{SortBy, SortKey};
pub use sceau_message::thread::{Algorithm, Threads, Token};

use crate::boxed;
use crate::mailbox::entries::{Entry, Flags};
use crate::mailbox::seal::BalSeal;
use crate::reading::Read;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use plan::Plan;
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_store::Id;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

/// A query. Sequence numbers are resolved to UIDs by the door.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the search keys of RFC 9051 §6.4.4 of the same names
pub enum Query {
    All,
    And(Vec<Query>),
    Or(Box<Query>, Box<Query>),
    Not(Box<Query>),
    /// One of these UIDs: ascending runs (first, last) that do not meet.
    Uids(Arc<[(u32, u32)]>),
    Flag(Flags),
    Keyword(String),
    Larger(u64),
    Smaller(u64),
    /// INTERNALDATE's day (UTC) ≥ / < these instants (midnights).
    Since(Timestamp),
    Before(Timestamp),
    /// Date header's day, disregarding time and zone.
    SentSince(Timestamp),
    SentBefore(Timestamp),
    /// Header field contains (empty text: exists).
    Header(String, String),
    From(String),
    To(String),
    Cc(String),
    Bcc(String),
    Subject(String),
    /// Decoded text of the body parts.
    Body(String),
    /// Header or body.
    Text(String),
    /// Modseq at least.
    ModSeq(u64),
    /// All of these words, in any of their forms, as the index finds them (RFC 6203).
    Words(Field, String),
}

/// Where words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the fields of the same names
pub enum Field {
    From,
    /// To, Cc and Bcc.
    To,
    Subject,
    /// Body parts and attachments.
    Body,
    Anywhere,
}

impl Operator {
    /// The UIDs among `entries` (the session's view) that match, ascending. A message that is gone matches nothing that its
    /// entry does not decide. `syntax.error` when the query is nested too deeply or too large.
    #[boxed]
    pub async fn search(&self, actor: &Actor, entries: &[Entry], query: &Query) -> Result<Vec<u32>, Refusal> {
        let seat = self.seat(actor)?;
        let mut plan = Plan::of(query).ok_or(RefusalCode::SyntaxError)?;
        let bal = self.seated(actor, seat).await?;
        if !plan.words().is_empty() {
            // The index is asked in no transaction of this one's.
            self.0.store.read::<_, Fail, _>(move |tx| seat.check(tx)).await?;
            let seal = self.bal_seal(seat.bal).await?;
            let mut found = Vec::with_capacity(plan.words().len());
            let deadline = self.search_deadline();
            for (field, text) in plan.words() {
                found.push(self.words_found(&seal, *field, text, deadline).await?);
            }
            plan.know(found);
        }
        let plan = Arc::new(plan);
        let (mut found, mut open) = (Vec::new(), Vec::new());
        for (i, entry) in entries.iter().enumerate() {
            match plan.by_entry(entry) {
                Some(true) => found.push(entry.uid),
                Some(false) => {}
                None => open.push(entry),
            }
            if i % 8192 == 8191 {
                tokio::task::yield_now().await;
            }
        }
        if !open.is_empty() {
            let seal = self.bal_seal(seat.bal).await?;
            found.extend(self.judged_in(seat, seal, plan, &open).await?);
        }
        found.sort_unstable();
        self.note_reading(actor, (seat.bal, bal), Read::Search(entries.len(), found.len())).await?;
        Ok(found)
    }

    /// Messages with all of these words in a field, in any of their forms.
    async fn words_found(
        &self,
        seal: &BalSeal,
        field: Field,
        text: &str,
        deadline: Instant,
    ) -> Result<HashSet<Id>, Refusal> {
        use sceau_search::Field as F;
        let fields: &[F] = match field {
            Field::From => &[F::From],
            Field::To => &[F::To],
            Field::Subject => &[F::Subject],
            Field::Body => &[F::Body, F::Attachment],
            Field::Anywhere => &[],
        };
        let read = match fields {
            [] => sceau_search::Query::words(text),
            _ => fields
                .iter()
                .map(|f| sceau_search::Query::field(*f, text))
                .collect::<Result<Vec<_>, _>>()
                .map(sceau_search::Query::or),
        };
        self.matching(seal, read.map_err(|e| crate::search::unreadable(&e))?, deadline).await
    }
}

/// Runs work that opens or decodes on a blocking thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(refuse::abnormal("a search", &e)))
}
