//! What is asked, as it is kept with a request: the form that was filled in.
use crate::Operator;
use crate::accounts::NewBal;
use crate::accounts::bals::names::Texts;
use sceau_domain::opening::{Part, Task};
use sceau_domain::{Address, BalKind, Refusal, RefusalCode, plain};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most people of one BAL in a request.
const PEOPLE: usize = 1_000;

/// A change of people and label that is asked for (F016).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChange {
    /// Address of an ORG, APP or CAB BAL.
    pub address: String,
    /// Its new name; as it is when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Logins of those responsible: all of them, from then on.
    pub holders: Vec<String>,
    /// Logins of the members, or of the machine of an APP: all of them, from then on.
    #[serde(default)]
    pub members: Vec<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// Reason for a name that the naming rules refuse.
    #[serde(default)]
    pub naming_override: Option<String>,
}

/// An end that is asked for (F016).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEnd {
    /// Address of the BAL.
    pub address: String,
    /// Why.
    pub reason: String,
}

/// What is asked for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "task", rename_all = "snake_case")]
#[schema(example = json!({"task": "open", "address": "cardiologie@hopital.mssante.fr", "kind": "Org", "name": "Service de cardiologie",
    "holders": ["anne.martin"], "members": ["bruno.petit"]}))]
pub enum NewOpening {
    /// A BAL, opened.
    Open(NewBal),
    /// People and name of a BAL, changed.
    Change(NewChange),
    /// A BAL, closed.
    End(NewEnd),
}

/// What was asked, checked as far as it can be without looking anything up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    pub task: Task,
    pub address: String,
    pub kind: BalKind,
    pub name: String,
    pub structure: Option<String>,
    pub test: bool,
    pub reachable: bool,
    /// Its own quota, when it has one; else what the policies say when it is opened.
    pub quota: Option<u64>,
    pub people: Vec<(String, Part)>,
    pub description: String,
    pub responsible: String,
    pub service: String,
    pub red_list: Option<bool>,
    pub phone_published: Option<bool>,
    pub paperless: Option<bool>,
    pub naming_override: Option<String>,
    pub reason: Option<String>,
    /// Reason for whom the operator's rules do not take (F163).
    #[serde(default)]
    pub eligibility_override: Option<String>,
    /// Those of `people` who worked in the structure when this was asked: they are to work there until it is carried out.
    #[serde(default)]
    pub colleagues: Vec<String>,
}

fn invalid(name: &str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", name)
}

/// Logins and parts, each person once (F019: that somebody is responsible is a guard's matter).
pub(super) fn people(kind: BalKind, holders: &[String], members: &[String]) -> Result<Vec<(String, Part)>, Refusal> {
    let personal = matches!(kind, BalKind::Per | BalKind::Med);
    if holders.is_empty() || (personal && (holders.len() > 1 || !members.is_empty())) {
        return Err(invalid("holder"));
    }
    if holders.len() + members.len() > PEOPLE {
        return Err(Refusal::new(RefusalCode::NamingTooLong).with("name", "members").with("limit", PEOPLE));
    }
    let (first, second) = match kind {
        BalKind::Per | BalKind::Med => (Part::Holder, Part::Holder),
        BalKind::App => (Part::Responsible, Part::Machine),
        _ => (Part::Responsible, Part::Member),
    };
    let all = holders.iter().map(|l| (l, first)).chain(members.iter().map(|l| (l, second)));
    let all: Vec<(String, Part)> =
        all.map(|(l, part)| Ok((crate::accounts::login(l)?, part))).collect::<Result<_, Refusal>>()?;
    let mut logins: Vec<&String> = all.iter().map(|(l, _)| l).collect();
    logins.sort_unstable();
    if logins.windows(2).any(|w| w[0] == w[1]) {
        return Err(invalid("holder"));
    }
    Ok(all)
}

/// The reason for an exception from the rules of eligibility. `admin.invalid`.
pub(super) fn override_reason(text: &str) -> Result<String, Refusal> {
    plain::reason(text, "eligibility_override")
}

impl Request {
    /// A BAL that is asked for. `admin.invalid`, `naming.*`.
    pub fn new(op: &Operator, bal: NewBal) -> Result<Self, Refusal> {
        // A patient's local part is a health number, and rows hold addresses in clear: until patients are admitted with their
        // sealed address, nobody opens anything on their domains.
        if bal.kind == BalKind::Usager || op.is_patients(bal.address.domain()) {
            return Err(RefusalCode::Invalid.into());
        }
        // What a row cannot hold is nobody's quota.
        if bal.quota.is_some_and(|q| i64::try_from(q).is_err()) {
            return Err(invalid("quota"));
        }
        let line = |text: &str, field| plain::line(text, field, plain::NOTE);
        Ok(Self {
            task: Task::Open,
            name: plain::name(&bal.name, "name")?,
            people: people(bal.kind, &bal.holders, &bal.members)?,
            quota: bal.quota,
            // A BAL outside MSSanté reaches nobody there (F004).
            reachable: bal.reachable && bal.kind != BalKind::Med,
            structure: bal.structure.as_deref().map(|c| plain::code(c, "structure")).transpose()?,
            description: line(&bal.description, "description")?,
            responsible: line(&bal.responsible, "responsible")?,
            service: line(&bal.service, "service")?,
            kind: bal.kind,
            test: bal.test,
            red_list: bal.red_list,
            phone_published: bal.phone_published,
            paperless: bal.paperless,
            naming_override: bal.naming_override,
            eligibility_override: bal.eligibility_override.as_deref().map(override_reason).transpose()?,
            colleagues: Vec::new(),
            reason: None,
            address: bal.address.to_string(),
        })
    }
    /// The address. `system.unavailable` when what was kept is none.
    pub fn parsed(&self) -> Result<Address, Refusal> {
        self.address.parse().map_err(|_| RefusalCode::Unavailable.into())
    }
    /// What the naming rules judge.
    pub fn texts<'a>(&'a self, address: Option<&'a Address>) -> Texts<'a> {
        Texts {
            kind: self.kind,
            address,
            label: &self.name,
            description: &self.description,
            responsible: &self.responsible,
            service: &self.service,
        }
    }
    /// From a row.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        serde_json::from_str(text).map_err(|_| RefusalCode::Unavailable.into())
    }
    /// For a row. Nothing in it can fail to be written.
    pub fn text(&self) -> Result<String, Refusal> {
        serde_json::to_string(self).map_err(|_| RefusalCode::Unavailable.into())
    }
}
