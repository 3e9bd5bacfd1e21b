//! Those responsible are told of what was unusual, and asked for their attestation: by ordinary mail that names neither the BAL nor anybody.
use super::attest::YEAR;
use crate::notices::{Notice, Template};
use crate::{Operator, refuse};
use sceau_domain::{AccessRole, Address, Refusal};
use sceau_store::usage as rows;
use sceau_store::{Id, StoreError, Tx, access, accounts};
use std::collections::BTreeMap;

/// Alerts, and BALs, of one round.
const ROUND: i64 = 100;
/// What is older is told to nobody by mail any more, milliseconds.
const WORTH: i64 = 7 * 86_400_000;
/// Those responsible are asked again after this long, milliseconds.
const AGAIN: i64 = 30 * 86_400_000;

/// Who is responsible for a BAL at this moment, is not blocked, and can be written to.
fn reached(tx: &mut dyn Tx, bal: Id) -> Result<Vec<(Id, Address)>, StoreError> {
    let (mut out, now) = (Vec::new(), tx.now());
    for held in access::of_bal(tx, bal)? {
        if held.role != AccessRole::Responsible.as_str() || held.starts > now {
            continue;
        }
        let Some(person) = accounts::person_by_id(tx, held.person_id)? else { continue };
        let verified = person.email.filter(|_| person.email_verified.is_some() && person.disabled.is_none());
        if let Some(Ok(email)) = verified.map(|e| e.parse()) {
            out.push((person.id, email));
        }
    }
    Ok(out)
}

impl Operator {
    /// Notices for those responsible for a BAL.
    async fn notices_of(
        &self,
        bal: Id,
        template: Template,
        values: &[(&'static str, &str)],
    ) -> Result<Vec<Notice>, Refusal> {
        let people = self.0.store.read(move |tx| reached(tx, bal)).await.map_err(|e: StoreError| refuse::store(&e))?;
        let mut out = Vec::new();
        for (person, email) in people {
            out.push(self.notice(template, person, &email, values).await?);
        }
        Ok(out)
    }

    /// Tells those responsible of what was unusual: one notice a BAL and day. Part of housekeeping; how many alerts were told.
    pub(crate) async fn tell_of_unusual_use(&self) -> Result<u64, Refusal> {
        let (failed, now) = (|e: StoreError| refuse::store(&e), self.now().0);
        // Without a relay, and for the node that has none, what is unusual is shown with the BAL.
        if !self.has_relay() {
            return Ok(0);
        }
        let mut of_days: BTreeMap<(Id, String), Vec<Id>> = BTreeMap::new();
        for alert in self.0.store.read(move |tx| rows::untold(tx, now - WORTH, ROUND)).await.map_err(failed)? {
            of_days.entry((alert.bal, alert.day)).or_default().push(alert.id);
        }
        let mut count = 0;
        for ((bal, day), alerts) in of_days {
            let notices = self.notices_of(bal, Template::UnusualUse, &[("date", &day)]).await?;
            let tell = move |tx: &mut dyn Tx| {
                let mut told = 0;
                for id in &alerts {
                    told += u64::from(rows::told(tx, *id, now)?);
                }
                // Another node told of them.
                if told > 0 {
                    notices.iter().try_for_each(|n| n.write(tx))?;
                }
                Ok(told)
            };
            count += self.0.store.write(tell).await.map_err(failed)?;
        }
        if count > 0 {
            self.wake_jobs();
        }
        Ok(count)
    }

    /// Asks those responsible for BALs that nobody attested within a year. Part of housekeeping; for how many BALs.
    pub(crate) async fn ask_for_attestations(&self) -> Result<u64, Refusal> {
        let (failed, now) = (|e: StoreError| refuse::store(&e), self.now().0);
        // Without a relay nobody can be asked so: what is due is shown with the BAL.
        if !self.has_relay() {
            return Ok(0);
        }
        let find = move |tx: &mut dyn Tx| rows::unattested(tx, 0, now - YEAR, now - AGAIN, ROUND);
        let mut count = 0;
        for bal in self.0.store.read(find).await.map_err(failed)? {
            let notices = self.notices_of(bal, Template::Attestation, &[]).await?;
            let ask = move |tx: &mut dyn Tx| {
                let asked = rows::ask(tx, bal, now, now - AGAIN)?;
                if asked {
                    notices.iter().try_for_each(|n| n.write(tx))?;
                }
                Ok(asked)
            };
            count += u64::from(self.0.store.write(ask).await.map_err(failed)?);
        }
        if count > 0 {
            self.wake_jobs();
        }
        Ok(count)
    }
}
