//! What those responsible for a shared BAL answer for (F159): its use, of which what is unusual is noticed, and its data, which they attest.
//!
//! Use is counted from the traces by rounds of housekeeping ([`count`]) and judged by [`sceau_domain::usage`], with the limits `alert_*` of the BAL's
//! place. What is unusual is kept, shown, and told to those responsible by an ordinary mail that names neither the BAL nor anybody.
//!
//! Promises: each trace is counted once, whatever stops or runs at once (the counts and how far they are commit together); counts only, never
//! content; what is shown is for administrators, support, auditors, and whoever may manage the BAL, as its activity is.
mod attest;
mod count;
mod tell;

pub use attest::{AttestationView, AttestedView};

use crate::boxed;
use crate::grants::{bal_of, whole_sight};
use crate::refuse::Fail;
use crate::rights::{On, permit};
use crate::{Actor, Operator, accounts::page};
use sceau_domain::usage::{self, Kind};
use sceau_domain::{Lang, Refusal, Timestamp, UseCase, text::text};
use sceau_store::usage as rows;
use sceau_store::{Id, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something unusual that somebody did with a BAL on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnusualUse {
    /// Id.
    pub id: String,
    /// The day, `YYYY-MM-DD`, in the time zone of the structure's territory.
    pub day: String,
    /// Login of who did it.
    pub login: String,
    /// `read`, `sent`, `removed`, `off_hours` or `door`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// How much there was when it was noticed; of doors, how many new ones.
    pub seen: u64,
    /// The most that anybody did there on one day of the four weeks before; of doors, how many the person used there.
    pub usual: u64,
    /// Why it is unusual, in French.
    pub detail: String,
    /// The same in English.
    pub detail_en: String,
    /// When it was noticed, milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// When those responsible were told by ordinary mail.
    #[schema(value_type = Option<i64>)]
    pub told: Option<Timestamp>,
}

fn view(a: rows::Alert) -> Result<UnusualUse, Refusal> {
    let kind: Kind = a.kind.parse()?;
    let (seen, usual) = (a.seen.unsigned_abs(), a.usual.unsigned_abs());
    let names = |bits| usage::doors(bits).join(", ");
    let (said_seen, said_usual) = match kind {
        Kind::Door => (names(seen), names(usual)),
        _ => (seen.to_string(), usual.to_string()),
    };
    let values = [("name", a.login.as_str()), ("date", a.day.as_str()), ("seen", &said_seen), ("usual", &said_usual)];
    let detail = |lang| text(lang, &format!("usage.{}", kind.as_str()), &values);
    let (detail, detail_en) = (detail(Lang::Fr), detail(Lang::En));
    let (seen, usual) = match kind {
        Kind::Door => (u64::from(seen.count_ones()), u64::from(usual.count_ones())),
        _ => (seen, usual),
    };
    let (at, told) = (Timestamp(a.at), a.told.map(Timestamp));
    Ok(UnusualUse { id: a.id.to_string(), day: a.day, login: a.login, kind, seen, usual, detail, detail_en, at, told })
}

impl Operator {
    /// What was unusual on a BAL, newest first, from before `before`. `admin.not_found`.
    #[boxed]
    pub async fn unusual_use(
        &self,
        actor: &Actor,
        address: &str,
        before: Option<Id>,
        limit: u32,
    ) -> Result<Vec<UnusualUse>, Refusal> {
        let (key, actor) = (self.key_of(address)?, actor.clone());
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::AccessList, On::Anywhere)?;
            let bal = bal_of(tx, &actor, UseCase::AccessList, &key)?;
            whole_sight(tx, &actor, bal.id)?;
            let found = rows::alerts(tx, bal.id, before.unwrap_or(Id::MAX), page(limit))?;
            Ok::<_, Fail>(found.into_iter().map(view).collect::<Result<Vec<_>, Refusal>>()?)
        };
        Ok(self.0.store.read(list).await?)
    }
}
