//! A planned maintenance, told by ordinary mail to those whom it concerns (F064).
use super::Template;
use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_store::{Id, StoreError, Tx, mail_notices as rows, structures};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Addresses looked up at a time.
const SLICE: i64 = 500;
/// Most notices of one maintenance: they leave in one transaction with it.
const MOST: usize = 20_000;
/// How far ahead a maintenance is told, milliseconds.
const AHEAD: i64 = 90 * 86_400_000;

/// A maintenance to tell of.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"starts": 1_900_000_000_000_i64, "ends": 1_900_003_600_000_i64}))]
pub struct Maintenance {
    /// When it begins, milliseconds since 1970.
    #[schema(value_type = i64)]
    pub starts: Timestamp,
    /// When it ends.
    #[schema(value_type = i64)]
    pub ends: Timestamp,
    /// Only those who work in this structure (code); everybody when absent.
    #[serde(default)]
    pub structure: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MaintenanceTold {
    /// How many people are told.
    pub notices: u64,
}

impl Operator {
    /// Tells of a planned maintenance. `notice.no_relay`, `admin.invalid`, `admin.not_found`.
    #[boxed]
    pub async fn tell_of_maintenance(&self, actor: &Actor, m: Maintenance) -> Result<MaintenanceTold, Refusal> {
        let uc = UseCase::NoticeMaintenance;
        self.require(actor, uc, On::Operator).await?;
        let invalid = |name: &'static str| Refusal::new(RefusalCode::Invalid).with("name", name);
        let now = self.now();
        if m.starts < now || m.starts.0 > now.0.saturating_add(AHEAD) {
            return Err(invalid("starts"));
        }
        if m.ends <= m.starts || m.ends.0 - m.starts.0 > 7 * 86_400_000 {
            return Err(invalid("ends"));
        }
        if !self.has_relay() {
            return Err(RefusalCode::NoticeNoRelay.into());
        }
        let code = m.structure.as_deref().map(|s| plain::code(s, "structure")).transpose()?;
        let (asker, named) = (actor.clone(), code.clone());
        let look = move |tx: &mut dyn Tx| {
            let structure: Id = match &named {
                None => 0,
                Some(code) => match structures::by_code(tx, code)? {
                    Some(s) => s.id,
                    None => return Err(unknown(tx, &asker, uc, code)),
                },
            };
            Ok::<_, Fail>((structure, crate::calendar::of_structure(tx, None)?))
        };
        let (structure, calendar) = self.0.store.read(look).await?;
        let (starts, ends) = (calendar.written(m.starts), calendar.written(m.ends));
        let (mut notices, mut after) = (Vec::new(), 0);
        while notices.len() < MOST {
            let found = self.0.store.read(move |tx| rows::reachable(tx, structure, after, SLICE)).await;
            let found = found.map_err(|e: StoreError| refuse::store(&e))?;
            let Some(last) = found.last() else { break };
            after = last.0;
            for (person, address) in found {
                if let Ok(to) = address.parse() {
                    let values = [("starts", starts.as_str()), ("ends", ends.as_str())];
                    notices.push(self.notice(Template::Maintenance, person, &to, &values).await?);
                }
            }
        }
        let count = notices.len() as u64;
        let said = json!({ "starts": m.starts.0, "ends": m.ends.0, "structure": code, "notices": count });
        let (fact, asker) = (self.fact("notice.maintenance", &By::actor(actor), None, "ok", said), actor.clone());
        let tell = move |tx: &mut dyn Tx| {
            permit(tx, &asker, uc, On::Operator)?;
            notices.iter().try_for_each(|n| n.write(tx))?;
            fact.write(tx)?;
            Ok::<_, Fail>(())
        };
        self.0.store.write(tell).await?;
        self.wake_jobs();
        Ok(MaintenanceTold { notices: count })
    }
}
