//! The register of processing (article 30 of the GDPR): each controller with the chain under it, what there is of it, and how long it is kept (F152).
//!
//! Promises: whoever administers a structure sees what concerns it and nothing else; counts alone are told, never content.
use super::page;
use super::processing::{chain, of_structure};
use super::structures::views::{Contact, ProcessingLink};
use crate::boxed;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, Timestamp, UseCase};
use sceau_store::{StoreError, Tx, retention, structures as rows};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The operator, as the register names it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RegisterHead {
    /// Name of the operator, processor of every entry.
    pub operator: String,
    /// Where it is, as the terms of use say it.
    pub address: Option<String>,
    /// Its data protection officer.
    pub dpo: Option<String>,
    /// Who hosts.
    pub hosting: Option<String>,
    /// When the register was drawn.
    #[schema(value_type = i64)]
    pub drawn: Timestamp,
}

/// What is processed for one controller.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RegisterEntry {
    /// Code of the structure; none: professionals in person, each a controller.
    pub structure: Option<String>,
    /// The controller.
    pub controller: String,
    /// FINESS of the legal entity, of the establishment, SIRET: those that are known.
    pub identifiers: Vec<String>,
    /// Whom to ask there.
    pub contact: Option<Contact>,
    /// Who processes, from the controller on.
    pub processing: Vec<ProcessingLink>,
    /// Reference of the convention.
    pub convention: Option<String>,
    /// In force from.
    #[schema(value_type = Option<i64>)]
    pub from: Option<Timestamp>,
    /// In force until.
    #[schema(value_type = Option<i64>)]
    pub until: Option<Timestamp>,
    /// People who work there now.
    pub people: i64,
    /// BALs that are not closed, by kind.
    pub bals: BTreeMap<String, i64>,
    /// Name of the retention policy that is followed; none: the built-in one.
    pub retention: Option<String>,
}

fn entry(
    tx: &mut dyn Tx,
    s: rows::Structure,
    operator: &str,
    general: Option<&str>,
) -> Result<RegisterEntry, StoreError> {
    let (mut bals, mut people) = (BTreeMap::new(), 0);
    for (_, (what, word, count)) in rows::tally(tx, &[s.id])? {
        match what.as_str() {
            "kind" => drop(bals.insert(word, count)),
            "identity" => people += count,
            _ => {}
        }
    }
    let contact: Contact =
        serde_json::from_str(&s.contact).map_err(|_| StoreError::Corrupt("contact of a structure".into()))?;
    let processing = of_structure(tx, &s, operator)?;
    let retention = retention::choice(tx, s.id)?.or_else(|| general.map(str::to_owned));
    let named = [("FINESS EJ", s.finess_ej), ("FINESS EG", s.finess_eg), ("SIRET", s.siret)];
    Ok(RegisterEntry {
        structure: Some(s.code),
        controller: s.name,
        identifiers: named.into_iter().filter_map(|(kind, id)| Some(format!("{kind} {}", id?))).collect(),
        contact: Some(contact).filter(|c| *c != Contact::default()),
        processing,
        convention: s.convention_reference,
        from: s.convention_from.map(Timestamp),
        until: s.convention_until.map(Timestamp),
        people,
        bals,
        retention,
    })
}

impl Operator {
    /// The register, by code of structure, `limit` entries from after `after`. Whoever sees everything finds the professionals in person first.
    #[boxed]
    pub async fn register(
        &self,
        actor: &Actor,
        after: Option<&str>,
        limit: u32,
    ) -> Result<(RegisterHead, Vec<RegisterEntry>), Refusal> {
        self.require(actor, UseCase::RegisterShow, On::Anywhere).await?;
        let config = &self.0.config;
        let named = |name: &str| config.terms.get(name).cloned();
        let head = RegisterHead {
            operator: config.name.clone(),
            address: named("adresse"),
            dpo: named("dpo"),
            hosting: named("hebergeur"),
            drawn: self.now(),
        };
        let (actor, after, operator) = (actor.clone(), after.map(str::to_owned), config.name.clone());
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::RegisterShow, On::Anywhere)?;
            let reached = reach(tx, &actor, UseCase::RegisterShow)?;
            let general = retention::choice(tx, 0)?;
            let mut out = Vec::new();
            if after.is_none() && reached == Reach::All {
                let bals: BTreeMap<_, _> = rows::tally_of_none(tx)?.into_iter().collect();
                if !bals.is_empty() {
                    out.push(RegisterEntry {
                        structure: None,
                        controller: String::new(),
                        identifiers: Vec::new(),
                        contact: None,
                        processing: chain(String::new(), None, &operator),
                        convention: None,
                        from: None,
                        until: None,
                        people: 0,
                        bals,
                        retention: general.clone(),
                    });
                }
            }
            let from = after.as_deref().unwrap_or_default();
            for s in rows::list(tx, reached.structures(), (None, None), from, page(limit))? {
                out.push(entry(tx, s, &operator, general.as_deref())?);
            }
            Ok::<_, Fail>(out)
        };
        Ok((head, self.0.store.read(list).await?))
    }
}
