//! What is shown and taken of accesses. Field names are those of REST and of `--json`.
use sceau_domain::{BalRights, Timestamp};
use sceau_store::access::Access;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An access, present or past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessView {
    /// Whose: login.
    pub login: String,
    /// `holder`, `responsible`, `member`, `delegate` or `machine`.
    pub role: String,
    /// `read`, `send`, `file`, `manage`.
    pub rights: Vec<String>,
    /// From when it counts, milliseconds since 1970.
    #[schema(value_type = i64)]
    pub starts: Timestamp,
    /// Planned end.
    #[schema(value_type = Option<i64>)]
    pub ends: Option<Timestamp>,
    /// When it was given.
    #[schema(value_type = i64)]
    pub granted: Timestamp,
    /// Who gave it.
    pub granted_by: String,
    /// Why.
    pub reason: Option<String>,
    /// When it was over in fact.
    #[schema(value_type = Option<i64>)]
    pub ended: Option<Timestamp>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// Says which state it is, for a change of it.
    #[serde(skip)]
    #[schema(ignore)]
    pub version: i64,
}

impl AccessView {
    pub(super) fn of(a: Access) -> Self {
        Self {
            login: a.login,
            role: a.role,
            rights: BalRights::from_bits(a.rights).names().into_iter().map(str::to_owned).collect(),
            starts: Timestamp(a.starts),
            ends: a.ends.map(Timestamp),
            granted: Timestamp(a.granted),
            granted_by: a.granted_by,
            reason: a.reason,
            ended: a.ended.map(Timestamp),
            ended_by: a.ended_by,
            version: a.granted,
        }
    }
}

/// An access to give.
#[derive(Debug, Clone)]
pub struct NewAccess {
    /// Whose: login.
    pub login: String,
    /// `responsible`, `member` or `machine`.
    pub role: sceau_domain::AccessRole,
    /// Names of rights; the usual ones of the role when absent.
    pub rights: Option<Vec<String>>,
    /// From when; now when absent.
    pub starts: Option<Timestamp>,
    /// Until when.
    pub ends: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
}

/// A change of an access: what it becomes, as a whole.
#[derive(Debug, Clone)]
pub struct AccessChange {
    /// Role after.
    pub role: sceau_domain::AccessRole,
    /// Rights after; the usual ones of the role when absent.
    pub rights: Option<Vec<String>>,
    /// Planned end after.
    pub ends: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
}

/// Who could read a BAL at an instant.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Readers {
    /// Address of the BAL.
    pub address: String,
    /// The instant, milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// State of the BAL then.
    pub state: String,
    /// The accesses by which the BAL could be read then; nobody when the BAL or its structure was stopped.
    pub readers: Vec<AccessView>,
    /// Accesses that counted by their dates and did not let read then: without that right, of somebody who was blocked, or on a BAL that was stopped.
    pub others: Vec<AccessView>,
    /// Who could read it then by a disclosure, without an access; absent for whoever may not see disclosures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disclosed: Option<Vec<DisclosedTo>>,
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stretch {
    /// From when, milliseconds since 1970.
    #[schema(value_type = i64)]
    pub from: Timestamp,
    /// Until when, not included.
    #[schema(value_type = i64)]
    pub until: Timestamp,
}

/// Somebody who could read content by a disclosure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DisclosedTo {
    /// Id of the disclosure.
    pub disclosure: String,
    /// Login.
    pub login: String,
    /// From when, milliseconds since 1970.
    #[schema(value_type = i64)]
    pub from: Timestamp,
    /// Until when, not included.
    #[schema(value_type = i64)]
    pub until: Timestamp,
}

/// An access by which a BAL could be read on a day, and when.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReaderTimes {
    /// The access.
    #[serde(flatten)]
    pub access: AccessView,
    /// The parts of the day in which it let read, oldest first.
    pub times: Vec<Stretch>,
}

/// Who could read a BAL on a day.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReadersOfDay {
    /// Address of the BAL.
    pub address: String,
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// The time zone whose day it is: that of the structure's territory, else the operator's.
    pub zone: String,
    /// When it began, milliseconds since 1970.
    #[schema(value_type = i64)]
    pub from: Timestamp,
    /// When it ended, not included.
    #[schema(value_type = i64)]
    pub until: Timestamp,
    /// The accesses by which the BAL could be read, by login.
    pub readers: Vec<ReaderTimes>,
    /// Who could read it by a disclosure; absent for whoever may not see disclosures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disclosed: Option<Vec<DisclosedTo>>,
}
