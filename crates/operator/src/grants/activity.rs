//! Who did what with a shared BAL, for whoever answers for it (F159): from the traces, counts by person, never content.
use super::{DAY, bal_of, instant, whole_sight};
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::On;
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::{Tx, traces};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Longest stretch of time that is counted at once.
const LONGEST: i64 = 92 * DAY;

/// What one person did with a BAL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    /// Login, as it was then.
    pub login: String,
    /// Sessions opened.
    pub logins: u64,
    /// Acts of reading (several messages read one after the other are one act).
    pub read: u64,
    /// Messages sent.
    pub sent: u64,
    /// Acts of filing: flags, moves, copies, messages and folders put in.
    pub filed: u64,
    /// Acts of removal: messages and folders.
    pub removed: u64,
    /// The last of these acts, milliseconds since 1970.
    #[schema(value_type = i64)]
    pub last: Timestamp,
}

impl Activity {
    /// The count that an act of a trace belongs to.
    fn count(&mut self, act: &str) -> Option<&mut u64> {
        Some(match act {
            "login.ok" => &mut self.logins,
            "folder.opened" | "message.read" | "message.listed" | "message.previewed" | "search.run" => &mut self.read,
            "mail.submitted" => &mut self.sent,
            "mail.filed" | "mail.flagged" | "mail.moved" | "mail.copied" | "folder.created" | "folder.renamed"
            | "folder.subscribed" => &mut self.filed,
            "mail.expunged" | "folder.deleted" => &mut self.removed,
            _ => return None,
        })
    }
}

impl Operator {
    /// Who did what with a BAL from `since` (by default the thirty days before) to `until` (by default now; three months at most), by login. For
    /// administrators, auditors, and whoever may manage the BAL. `admin.invalid`.
    #[boxed]
    pub async fn activity(
        &self,
        actor: &Actor,
        address: &str,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Vec<Activity>, Refusal> {
        self.require(actor, UseCase::AccessList, On::Anywhere).await?;
        let (key, actor, now) = (self.key_of(address)?, actor.clone(), self.now().0);
        let until = until.map_or(Ok(now), instant)?;
        let since = since.map_or(Ok(until.saturating_sub(30 * DAY)), instant)?;
        if since > until || until - since > LONGEST {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "since"));
        }
        // Reading is traced by batches: what happened a moment ago is counted too.
        self.flush_traces().await?;
        let count = move |tx: &mut dyn Tx| {
            let bal = bal_of(tx, &actor, UseCase::AccessList, &key)?;
            whole_sight(tx, &actor, bal.id)?;
            let mut people: BTreeMap<String, Activity> = BTreeMap::new();
            for row in traces::counts_of_bal(tx, (bal.id, &bal.address_key), since, until)? {
                let mut probe = Activity::default();
                if probe.count(&row.act).is_none() {
                    continue;
                }
                let of = people.entry(row.actor.clone()).or_default();
                if let Some(n) = of.count(&row.act) {
                    *n += row.count.unsigned_abs();
                }
                of.last = of.last.max(Timestamp(row.last));
                of.login = row.actor;
            }
            Ok::<_, Fail>(people.into_values().collect())
        };
        Ok(self.0.store.read(count).await?)
    }
}
