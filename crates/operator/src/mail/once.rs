//! A message of ours is sent once: a program that never saw our `250` sends again, in the same session or another, here or on another node.
//!
//! The same is: the same BAL in From, the same envelope sender (what may not go in one name is not let through in another's), the same Message-ID, the
//! same content octet by octet as the program wrote it, the same recipient, within `repeat_minutes`. The Date counts as content: what a program kept and
//! sends again is what it kept, whereas another Date says that somebody made the message anew, and a second copy does less harm than a message that was
//! meant and never left. Without a Message-ID nothing says that two messages are one: both are sent. Only keyed digests are kept, in the memory of accepted
//! mail; they are claimed in the transaction that sends, so that of two sessions one waits for the other.
//!
//! What all of it was sent of before is answered as sent even when the same would be refused by now: a limit that it reached itself, a recipient that has
//! closed, an antivirus that does not answer. Otherwise its program would come again later, when what was sent is forgotten, and send it twice. At RCPT
//! nobody knows yet which message comes: there [`crate::abuse`] lets through whoever wrote to the same recipient a moment ago.
use super::voice::{Names, Right};
use super::{Accepted, Envelope};
use crate::record::Fact;
use crate::refuse::Fail;
use crate::{Actor, Operator, Received};
use sceau_domain::{Address, Timestamp};
use sceau_message::header;
use sceau_store::dedupe::{self, Digest};
use sceau_store::{Id, StoreError, Tx};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What makes a message the same, but for its recipient.
#[derive(Debug, Clone, Copy)]
pub(super) struct Same(Digest);

/// Recipients that are claimed, and what is done for each: ids of BALs and of entries of the queue.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    of: BTreeMap<Digest, Vec<Id>>,
    horizon: Timestamp,
}

/// What was claimed.
#[derive(Debug, Clone, Default)]
pub(super) struct Claimed {
    /// Ids for which something was sent before, and nothing new.
    pub done: BTreeSet<Id>,
    /// The id of an earlier acceptance.
    pub before: Option<String>,
    /// All of it was sent before.
    pub all: bool,
}

/// What tells whether all of a message was sent before.
pub(super) struct Again {
    right: Right,
    claims: Claims,
    repeated: Fact,
    now: Timestamp,
}

/// Lengths before values: no two tuples read alike.
fn part(data: &mut Vec<u8>, part: &[u8]) {
    data.extend_from_slice(&(part.len() as u64).to_be_bytes());
    data.extend_from_slice(part);
}

impl Operator {
    /// What makes a message of this BAL the same; none without a Message-ID, or when repeats are not looked for.
    pub(super) fn same(&self, bal: Id, from: Option<&Address>, message: &Received) -> Option<Same> {
        if self.0.config.limits.repeat_minutes == 0 {
            return None;
        }
        let id = header::fields(&message.scan.header).find(|f| f.name.eq_ignore_ascii_case("Message-ID"))?;
        let id = id.value.trim_ascii();
        if id.is_empty() {
            return None;
        }
        let mut data = Vec::with_capacity(128);
        part(&mut data, &bal.to_be_bytes());
        part(&mut data, from.map(Address::key).unwrap_or_default().as_bytes());
        part(&mut data, id);
        part(&mut data, &message.spool.digest);
        Some(Same(self.0.store.vault().tag("submitted", &data)))
    }

    /// The claims of a message's recipients, each with what is done for it.
    pub(super) fn claims<'a>(
        &self,
        same: Option<Same>,
        recipients: impl Iterator<Item = (&'a Address, Vec<Id>)>,
        now: Timestamp,
    ) -> Claims {
        let Some(Same(same)) = same else { return Claims::default() };
        let minutes = i64::from(self.0.config.limits.repeat_minutes);
        let mut claims = Claims { of: BTreeMap::new(), horizon: now.plus_ms(-minutes * 60_000) };
        for (to, ids) in recipients {
            let mut data = Vec::with_capacity(128);
            part(&mut data, &same);
            part(&mut data, to.key().as_bytes());
            claims.of.entry(self.0.store.vault().tag("submitted", &data)).or_default().extend(ids);
        }
        claims
    }

    /// What [`Operator::sent_before`] asks about; none when nothing says what would be the same.
    pub(super) fn again(&self, actor: &Actor, names: &Names, same: Option<Same>, envelope: &Envelope) -> Option<Again> {
        let (now, author) = (self.now(), &names.author);
        same?;
        let claims = self.claims(same, envelope.addresses().map(|to| (to, Vec::new())), now);
        let bal = Some((author.local.id, author.local.shown.as_str()));
        let repeated = self.fact("mail.repeated", &author.by(actor), bal, "ok", json!({}));
        Some(Again { right: Right::of(actor, &names.all, self.token_rule()), claims, repeated, now })
    }

    /// The acceptance under which all of it was sent before, by somebody who may send it still: traced. None when something of it was not, and when
    /// nobody can tell now.
    pub(super) async fn sent_before(&self, again: Option<Again>) -> Option<Accepted> {
        let Again { right, claims, repeated, now } = again?;
        let look = move |tx: &mut dyn Tx| {
            let Some(id) = claims.sent(tx)? else { return Ok(None) };
            right.check(tx, now)?;
            let mut repeated = repeated.clone();
            repeated.adding("id", id.as_str().into());
            repeated.write(tx)?;
            Ok::<_, Fail>(Some(id))
        };
        let id = self.0.store.write(look).await.ok().flatten()?;
        Some(Accepted { id, duplicate: true })
    }
}

impl Claims {
    /// The id of an earlier acceptance, when each recipient was claimed by one. Claims nothing.
    fn sent(&self, tx: &mut dyn Tx) -> Result<Option<String>, StoreError> {
        let mut before = None;
        for digest in self.of.keys() {
            match dedupe::sent(tx, digest, self.horizon)? {
                Some(tag) => before = Some(tag),
                None => return Ok(None),
            }
        }
        Ok(before)
    }

    /// Claims all, in the order of the digests: the order of locks. `tag` is the id of this acceptance.
    pub fn claim(&self, tx: &mut dyn Tx, tag: &str, now: Timestamp) -> Result<Claimed, StoreError> {
        let (mut out, mut new, mut known) = (Claimed::default(), BTreeSet::new(), 0);
        for (digest, ids) in &self.of {
            match dedupe::claim_sent(tx, digest, tag, now, self.horizon)? {
                Some(before) => {
                    out.before = Some(before);
                    out.done.extend(ids);
                    known += 1;
                }
                None => new.extend(ids.iter().copied()),
            }
        }
        // A BAL that two recipients lead to is served when one of them is new.
        out.done.retain(|id| !new.contains(id));
        out.all = known > 0 && known == self.of.len();
        Ok(out)
    }
}
