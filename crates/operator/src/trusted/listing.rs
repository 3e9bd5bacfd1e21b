//! The white list in force and what lists changed, as administrators see them.
use super::own::{OwnListing, listing};
use crate::boxed;
use crate::rights::On;
use crate::{Actor, Operator, refuse};
use sceau_domain::{DomainKind, DomainName, Refusal, Timestamp, UseCase};
use sceau_store::white_lists::{self, ChangeFilter, ChangeRow};
use sceau_store::{StoreError, accounts};
use sceau_trust::whitelist::Listed;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// Most rows of one listing.
const MOST: u32 = 1_000;
/// Longest text that is looked for, characters.
const SEARCHED: usize = 200;

/// The white list in force.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct WhiteListView {
    /// When the authority made it; none: no list is in force, and no other operator is trusted.
    #[schema(value_type = Option<i64>)]
    pub generated: Option<Timestamp>,
    /// When it was put in force here.
    #[schema(value_type = Option<i64>)]
    pub since: Option<Timestamp>,
    /// When this node last obtained a good list.
    #[schema(value_type = Option<i64>)]
    pub refreshed: Option<Timestamp>,
    /// Why the last one obtained was not put in force.
    pub error: Option<String>,
    /// Domains.
    pub domains: usize,
    /// Names of certificates.
    pub certificates: usize,
    /// Entries that could not be read.
    pub skipped: usize,
    /// Who signed it.
    pub signer: Option<String>,
    /// Our production domains, by name, and what it says of them.
    pub ours: Vec<OwnDomainView>,
}

/// A production domain of ours in the white list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OwnDomainView {
    /// Domain.
    pub domain: String,
    /// What the list says of it.
    #[serde(flatten)]
    pub listing: OwnListing,
}

/// A domain of the white list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ListedView {
    /// Domain.
    pub domain: String,
    /// What its first entry says of it.
    pub description: String,
    /// Names of its certificates.
    pub certificates: Vec<String>,
    /// When a list first had it, as far as it is known here: none when it was in the first list that was put in force.
    #[schema(value_type = Option<i64>)]
    pub since: Option<Timestamp>,
    /// It is ours.
    pub ours: bool,
}

/// What a list changed of one domain.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ListChangeView {
    /// Id.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: i64,
    /// When the list was put in force here.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// `added`, `removed`, `altered`.
    pub change: String,
    /// Domain.
    pub domain: String,
    /// Names of the certificates that it lost.
    pub lost: Vec<String>,
    /// Names of the certificates that it got.
    pub got: Vec<String>,
}

impl From<ChangeRow> for ListChangeView {
    fn from(row: ChangeRow) -> Self {
        let names = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap_or_default();
        let (old, new) = (names(&row.old_names), names(&row.new_names));
        let same = |a: &str, b: &str| sceau_trust::Dn::parse(a) == sceau_trust::Dn::parse(b);
        let without = |all: &[String], others: &[String]| -> Vec<String> {
            all.iter().filter(|n| !others.iter().any(|o| same(n, o))).cloned().collect()
        };
        Self {
            id: row.id,
            at: Timestamp(row.at),
            change: row.kind,
            domain: row.domain,
            lost: without(&old, &new),
            got: without(&new, &old),
        }
    }
}

/// Does an entry hold this text, in small letters, in its domain, its description or the name of a certificate?
fn holds(l: &Listed<'_>, part: &str) -> bool {
    l.domain.as_str().contains(part)
        || l.description.to_lowercase().contains(part)
        || l.dns().any(|dn| dn.as_str().to_lowercase().contains(part))
}

impl Operator {
    /// The list in force, and our domains in it. `right.missing`.
    #[boxed]
    pub async fn white_list(&self, actor: &Actor) -> Result<WhiteListView, Refusal> {
        self.require(actor, UseCase::TrustShow, On::Operator).await?;
        let (state, list) = (self.white_list_state(), self.0.trust.white_list());
        let read = self.0.store.read(|tx| Ok((white_lists::newest(tx)?, accounts::domains(tx)?))).await;
        let (newest, domains) = read.map_err(|e: StoreError| refuse::store(&e))?;
        let ours = self.own_names().await?;
        let mut own = Vec::new();
        for row in domains.iter().filter(|d| d.kind == DomainKind::Production.as_str()) {
            if let (Some(list), Ok(domain)) = (&list, row.name.parse::<DomainName>()) {
                own.push(OwnDomainView { domain: row.name.clone(), listing: listing(list, &domain, &ours) });
            }
        }
        let of = |f: &dyn Fn(&sceau_trust::WhiteList) -> usize| list.as_deref().map_or(0, f);
        Ok(WhiteListView {
            generated: list.as_ref().map(|l| l.generated),
            since: newest
                .filter(|n| Some(n.generated) == list.as_ref().map(|l| l.generated.0))
                .map(|n| Timestamp(n.at)),
            refreshed: state.refreshed,
            error: state.last_error,
            domains: of(&|l| l.names()),
            certificates: of(&|l| l.dns().len()),
            skipped: of(&|l| l.skipped),
            signer: list.as_ref().and_then(|l| sceau_trust::Facts::of(l.signer.as_ref()?)).map(|f| f.dn.to_string()),
            ours: own,
        })
    }

    /// Domains of the list in force, by name from after `after`; with `search`, those whose domain, description or certificate holds it.
    /// `right.missing`.
    #[boxed]
    pub async fn listed_domains(
        &self,
        actor: &Actor,
        search: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ListedView>, Refusal> {
        self.require(actor, UseCase::TrustShow, On::Operator).await?;
        let Some(list) = self.0.trust.white_list() else { return Ok(Vec::new()) };
        let search = search.map(|s| s.chars().take(SEARCHED).collect::<String>().to_lowercase());
        let limit = usize::try_from(limit.clamp(1, MOST)).unwrap_or(usize::MAX);
        let mut found: Vec<Listed<'_>> = list
            .iter()
            .filter(|l| after.is_none_or(|after| l.domain.as_str() > after))
            .filter(|l| search.as_deref().is_none_or(|part| holds(l, part)))
            .collect();
        found.sort_unstable_by(|a, b| a.domain.cmp(b.domain));
        found.truncate(limit);
        let names: Vec<String> = found.iter().map(|l| l.domain.to_string()).collect();
        let read = self.0.store.read(move |tx| Ok((white_lists::added_at(tx, &names)?, accounts::domains(tx)?))).await;
        let (added, own) = read.map_err(|e: StoreError| refuse::store(&e))?;
        let (added, own): (HashMap<String, i64>, HashSet<String>) =
            (added.into_iter().collect(), own.into_iter().map(|d| d.name).collect());
        let view = |l: &Listed<'_>| ListedView {
            domain: l.domain.to_string(),
            description: l.description.to_owned(),
            certificates: l.dns().map(ToString::to_string).collect(),
            since: added.get(l.domain.as_str()).map(|at| Timestamp(*at)),
            ours: own.contains(l.domain.as_str()),
        };
        Ok(found.iter().map(view).collect())
    }

    /// What lists changed, newest first, from before the change `before`. `right.missing`.
    #[boxed]
    pub async fn white_list_changes(
        &self,
        actor: &Actor,
        domain: Option<&DomainName>,
        since: Option<Timestamp>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<ListChangeView>, Refusal> {
        self.require(actor, UseCase::TrustShow, On::Operator).await?;
        let filter = ChangeFilter {
            domain: domain.map(ToString::to_string),
            since: since.map(|t| t.0),
            before,
            limit: i64::from(limit.clamp(1, MOST)),
        };
        let found = self.0.store.read(move |tx| white_lists::changes(tx, &filter)).await;
        let found = found.map_err(|e: StoreError| refuse::store(&e))?;
        Ok(found.into_iter().map(ListChangeView::from).collect())
    }
}
