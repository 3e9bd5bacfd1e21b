//! The quota in force, written into the BALs' rows: after a change of policy, and after the operator's own was changed in the configuration.
use crate::jobs::Kind;
use crate::{Operator, refuse};
use sceau_domain::Refusal;
use sceau_domain::policy::{Limits, Scope, Setting, definition, resolve};
use sceau_store::jobs::{self, NewJob};
use sceau_store::policies::{self as rows, QuotaRow, Which};
use sceau_store::{Id, StoreError, Tx, settings as marks};
use std::collections::BTreeMap;
use std::time::Duration;

/// BALs looked at in one transaction.
const SLICE: i64 = 500;
/// A BAL that was being opened while a policy changed may have missed it: after so long the job looks again.
const LATER: Duration = Duration::from_secs(5);
/// The operator's quota that rows follow from.
const MARK: &str = "policy.quota";

/// Writes the quota of these BALs that is not what it should be; the last one looked at, `None` when there are no more.
fn slice(tx: &mut dyn Tx, operator: &Limits, which: &Which, after: Id) -> Result<Option<Id>, StoreError> {
    let read = |row: rows::PolicyValue| super::settings(std::slice::from_ref(&row)).pop().map(|s| (row.subject, s));
    let shared: Vec<_> = rows::quotas(tx)?.into_iter().filter_map(read).collect();
    let found = rows::quota_rows(tx, which, after, SLICE)?;
    let last = found.last().map(|row| row.bal);
    let mut wrong: BTreeMap<i64, Vec<Id>> = BTreeMap::new();
    for row in &found {
        let quota = quota_of(operator, row, &shared);
        if quota != row.quota {
            wrong.entry(quota).or_default().push(row.bal);
        }
    }
    for (quota, bals) in wrong {
        rows::set_quota(tx, &bals, quota)?;
    }
    Ok(last.filter(|_| found.len() as i64 == SLICE))
}

fn quota_of(operator: &Limits, row: &QuotaRow, shared: &[(String, Setting)]) -> i64 {
    let (domain, structure) = (row.domain.to_string(), row.structure.map(|s| s.to_string()).unwrap_or_default());
    let is_its = |subject: &str, scope: Scope| match scope {
        Scope::Domain => subject == domain,
        Scope::Kind => subject == row.kind,
        Scope::Structure => subject == structure,
        Scope::Operator | Scope::Bal => false,
    };
    let of_places = shared.iter().filter(|(subject, s)| is_its(subject, s.scope)).map(|(_, s)| s.clone());
    let own = row.own.as_ref().and_then(|own| own.parse().ok());
    let own = own.map(|value| Setting { scope: Scope::Bal, name: "quota_bytes".into(), value });
    let settings: Vec<_> = of_places.chain(own).collect();
    i64::try_from(resolve(operator, &settings).quota_bytes).unwrap_or(i64::MAX)
}

impl Operator {
    /// The job that writes the quotas in force.
    pub(super) fn quota_job(&self) -> NewJob {
        self.job(Kind::Quota, "0", Vec::new(), LATER)
    }

    /// Writes the quotas in force of these BALs, in slices.
    pub(crate) async fn write_quotas(&self, which: &Which) -> Result<(), Refusal> {
        let (mut after, operator) = (0, self.config().limits);
        loop {
            let which = which.clone();
            let done = self.0.store.write::<_, StoreError, _>(move |tx| slice(tx, &operator, &which, after)).await;
            match done.map_err(|e| refuse::store(&e))? {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    /// Asks for the job when the configuration has another quota than the one that rows follow from.
    pub(crate) async fn follow_configured_quota(&self) -> Result<(), Refusal> {
        let job = self.job(Kind::Quota, "0", Vec::new(), Duration::ZERO);
        let (quota, now) = (self.config().limits.quota_bytes, self.now().0);
        let asked = self.0.store.write::<_, StoreError, _>(move |tx| {
            let said = quota.to_string().into_bytes();
            let built_in = definition("quota_bytes").map_or(0, |d| d.built_in).to_string().into_bytes();
            // Without a mark, rows are of the built-in quota, or of one that was given to them (schema 8).
            let before = marks::get(tx, MARK)?.map_or(built_in, |mark| mark.value);
            if before != said {
                marks::put(tx, MARK, &said, now)?;
                jobs::enqueue(tx, &job)?;
            }
            Ok(())
        });
        asked.await.map_err(|e| refuse::store(&e))
    }
}
