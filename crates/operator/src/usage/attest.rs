//! Those responsible for a shared BAL attest its data, at the opening and once a year (F159).
//!
//! Promises: only somebody responsible, in person, attests; what is attested is the text as it is at that moment, named by its digest: what changed
//! while it was read is not attested; every attestation is kept.
use crate::accounts::bals::find;
use crate::boxed;
use crate::grants::whole_sight;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Actor, Operator};
use aws_lc_rs::digest::{SHA256, digest};
use sceau_domain::{AccessRole, BalKind, Lang, Refusal, RefusalCode, Timestamp, UseCase, text::text};
use sceau_store::usage as rows;
use sceau_store::{StoreError, Tx, access, accounts, structures};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// An attestation is good for so long, milliseconds.
pub(super) const YEAR: i64 = 365 * 86_400_000;
/// Attestations that are shown.
const SHOWN: i64 = 50;

/// An attestation that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttestedView {
    /// When, milliseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Timestamp,
    /// Login of who attested.
    pub by: String,
    /// SHA-256 of what was attested, hexadecimal.
    pub digest: String,
    /// Are the data still as they were attested?
    pub same: bool,
}

/// What those responsible attest, and what was attested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttestationView {
    /// Address of the BAL.
    pub address: String,
    /// What is attested, in French: the text that counts.
    pub text: String,
    /// The same in English, to be read.
    pub text_en: String,
    /// SHA-256 of the French text, hexadecimal: what an attestation names.
    pub digest: String,
    /// Is an attestation due? At the opening, then a year after each.
    pub due: bool,
    /// Attestations, newest first.
    pub attested: Vec<AttestedView>,
}

/// What is attested of a BAL, in both languages.
fn texts(tx: &mut dyn Tx, bal: &accounts::Bal) -> Result<[String; 2], StoreError> {
    let structure = match bal.structure_id {
        Some(id) => structures::by_id(tx, id)?.map(|s| format!("{} ({})", s.name, s.code)).unwrap_or_default(),
        None => String::new(),
    };
    let mut people: Vec<String> =
        access::of_bal(tx, bal.id)?.iter().map(|a| format!("{}: {}", a.role, a.login)).collect();
    people.sort_unstable();
    Ok(Lang::ALL.map(|lang| {
        let column = |name: &str| text(lang, &format!("column.{name}"), &[]);
        let mut lines = Vec::new();
        for (name, value) in [
            ("address", &bal.address),
            ("kind", &bal.kind),
            ("name", &bal.label),
            ("structure", &structure),
            ("service", &bal.service),
            ("description", &bal.description),
            ("responsible", &bal.responsible),
        ] {
            lines.push(format!("{} : {value}", column(name)));
        }
        lines.extend(people.iter().map(|p| format!("{} : {p}", column("access"))));
        text(lang, "attestation.text", &[("address", &bal.address), ("data", &lines.join("\n"))])
    }))
}

fn hash(text: &str) -> Vec<u8> {
    digest(&SHA256, text.as_bytes()).as_ref().to_vec()
}

/// `admin.invalid` for a BAL that nobody is responsible for but its holder.
fn shared(bal: &accounts::Bal) -> Result<(), Refusal> {
    let kind: BalKind = bal.kind.parse().map_err(|()| RefusalCode::Unavailable)?;
    if AccessRole::Responsible.is_on(kind) {
        Ok(())
    } else {
        Err(Refusal::new(RefusalCode::Invalid).with("name", "address"))
    }
}

fn view(tx: &mut dyn Tx, bal: &accounts::Bal) -> Result<AttestationView, Fail> {
    let [fr, en] = texts(tx, bal)?;
    let now = tx.now();
    let (present, made) = (hash(&fr), rows::attestations(tx, bal.id, SHOWN)?);
    let due = made.first().is_none_or(|a| a.at <= now - YEAR) && bal.state == "active";
    let shown = made.into_iter().map(|a| {
        let same = a.digest == present;
        AttestedView { at: Timestamp(a.at), by: a.login, digest: hex::encode(a.digest), same }
    });
    let (attested, digest) = (shown.collect(), hex::encode(&present));
    Ok(AttestationView { address: bal.address.clone(), text: fr, text_en: en, digest, due, attested })
}

impl Operator {
    /// What those responsible for a shared BAL attest, and who attested it when. `admin.not_found`, `admin.invalid`.
    #[boxed]
    pub async fn attestation(&self, actor: &Actor, address: &str) -> Result<AttestationView, Refusal> {
        let (key, actor) = (self.key_of(address)?, actor.clone());
        let show = move |tx: &mut dyn Tx| {
            let bal = find(tx, &actor, UseCase::AccessList, &key)?;
            whole_sight(tx, &actor, bal.id)?;
            shared(&bal)?;
            view(tx, &bal)
        };
        Ok(self.0.store.read(show).await?)
    }

    /// Attests the data of a shared BAL, by naming the digest of what was read: somebody responsible for it, in person. `edit.conflict` when the
    /// data are others now; `right.missing`, `admin.invalid`.
    #[boxed]
    pub async fn attest(&self, actor: &Actor, address: &str, read: &str) -> Result<AttestationView, Refusal> {
        let key = self.key_of(address)?;
        let fact = self.fact("bal.attested", &By::actor(actor), None, "ok", Value::Null);
        let (actor, read) = (actor.clone(), read.to_owned());
        let attest = move |tx: &mut dyn Tx| {
            let use_case = UseCase::BalAttest;
            let bal = find(tx, &actor, use_case, &key)?;
            shared(&bal)?;
            // Kept as it is until this commits.
            access::lock(tx, bal.id)?;
            let own = access::in_force(tx, actor.person(), bal.id)?;
            if own.is_none_or(|a| a.role != AccessRole::Responsible.as_str()) {
                return Err(Refusal::new(RefusalCode::RightMissing).with("name", use_case.as_str()).into());
            }
            let present = hash(&texts(tx, &bal)?[0]);
            if !hex::encode(&present).eq_ignore_ascii_case(&read) {
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", &bal.address).into());
            }
            let now = tx.now();
            rows::attest(tx, bal.id, actor.person(), now, &present)?;
            let mut fact = fact.clone().on(bal.id, Some(bal.address_key.clone()));
            fact.saying(&json!({ "digest": hex::encode(&present) }));
            fact.write(tx)?;
            view(tx, &bal)
        };
        Ok(self.0.store.write(attest).await?)
    }
}
