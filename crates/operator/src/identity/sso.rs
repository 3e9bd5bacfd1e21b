//! A structure's own sign-in (OpenID Connect; F044): it counts when it attests, under its signature, an authentication of two natures, and for whoever
//! linked it to himself in a session that was strong already.
//!
//! Promises: its word makes nobody somebody at first; it signs in people who work at its structure now; what it does not attest, or attests outside its
//! signed token, is nothing.
use super::attempts::Attempt;
use super::bind::{Bound, Kind};
use super::flow::{Out, Sent, Signed, elsewhere};
use super::provider::{About, Own, Remote, told};
use super::sessions::Entered;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, Reach, permit, reach, unknown};
use crate::{Actor, Operator, Origin};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_identity::factor::Factor;
use sceau_identity::jose::Claims;
use sceau_identity::national::Said;
use sceau_identity::oidc;
use sceau_identity::url::Url;
use sceau_store::{Id, StoreError, Tx, identity_key, sso as rows, structures};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// Note of an attempt.
const OUT: &str = "sso";
/// What is asked for.
const SCOPE: &str = "openid";
/// Most providers in a list.
const MOST: i64 = 1000;
/// Longest name, identifier or claim.
const LONGEST: usize = 255;
/// Most values that count as strong.
const VALUES: usize = 20;
/// For how long what a structure's provider publishes is believed, and serves while it is away.
const BELIEVED_MS: i64 = 3_600_000;
const KEPT_MS: i64 = 24 * 3_600_000;

/// Which claim says with which values that two natures proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Assurance {
    claim: String,
    values: Vec<String>,
}

/// A structure's own sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SsoView {
    /// Code, as its addresses here have it.
    pub name: String,
    /// Code of the structure.
    pub structure: String,
    /// Its name, as its tokens have it.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// Is a secret kept?
    pub secret: bool,
    /// The claim that says how somebody proved himself.
    pub claim: String,
    /// Its values that count as two natures.
    pub values: Vec<String>,
    /// The claim that says who it is.
    pub subject_claim: String,
    /// `active` or `blocked`.
    pub state: String,
    /// Where its browsers come back: to be registered there.
    pub redirect: String,
    /// Where it tells the end of a session (back-channel logout).
    pub logout: String,
    /// Version.
    pub version: i64,
    /// Since.
    #[schema(value_type = i64)]
    pub created: Timestamp,
}

/// A structure's own sign-in to add.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSso {
    /// Code of its own: lower-case letters, digits, hyphens.
    pub name: String,
    /// Code of the structure.
    pub structure: String,
    /// Its name: `https://…`.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// The secret that was agreed on; without one our certificate (`[identity.psc] certificate`) proves us.
    #[schema(value_type = Option<String>)]
    #[serde(default, deserialize_with = "secret")]
    pub secret: Option<Zeroizing<String>>,
    /// The claim that says how somebody proved himself: `acr`, `amr`.
    pub claim: String,
    /// Its values that count as two natures.
    pub values: Vec<String>,
    /// The claim that says who it is; `sub` when absent.
    pub subject_claim: Option<String>,
}

/// What to change of one.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SsoChange {
    /// Who we are there.
    pub client_id: Option<String>,
    /// Another secret.
    #[schema(value_type = Option<String>)]
    #[serde(default, deserialize_with = "secret")]
    pub secret: Option<Zeroizing<String>>,
    /// The claim that says how somebody proved himself.
    pub claim: Option<String>,
    /// Its values that count as two natures.
    pub values: Option<Vec<String>>,
    /// The claim that says who it is.
    pub subject_claim: Option<String>,
    /// `active` or `blocked`.
    pub state: Option<String>,
}

/// What the sign-in page shows of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsoOffer {
    /// Code.
    pub name: String,
    /// Name of the structure.
    pub title: String,
}

impl std::fmt::Debug for NewSso {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewSso({})", self.name)
    }
}
impl std::fmt::Debug for SsoChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SsoChange(…)")
    }
}

/// A secret of a body, wiped when it is dropped.
fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Zeroizing::new))
}

fn invalid(field: &str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", field)
}

fn back(name: &str) -> String {
    format!("/connexion/etablissement/{name}/retour")
}

/// A word of a protocol: visible ASCII.
fn word(text: &str, field: &str) -> Result<String, Refusal> {
    let good = !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic());
    if good { Ok(text.to_owned()) } else { Err(invalid(field)) }
}

/// What counts as strong; without a value nothing would.
fn assurance(claim: &str, values: &[String]) -> Result<String, Refusal> {
    if values.is_empty() || values.len() > VALUES {
        return Err(invalid("values"));
    }
    let values = values.iter().map(|v| word(v, "values")).collect::<Result<_, _>>()?;
    let assurance = Assurance { claim: word(claim, "claim")?, values };
    serde_json::to_string(&assurance).map_err(|_| RefusalCode::Defect.into())
}

fn read(row: &rows::Provider) -> Result<Assurance, StoreError> {
    serde_json::from_str(&row.assurance).map_err(|_| StoreError::Invalid("assurance of a sign-in".into()))
}

impl Operator {
    fn sso_view(&self, tx: &mut dyn Tx, row: rows::Provider) -> Result<SsoView, StoreError> {
        let structure = structures::by_id(tx, row.structure_id)?.map(|s| s.code).unwrap_or_default();
        let Assurance { claim, values } = read(&row)?;
        let url = &self.config().public_url;
        Ok(SsoView {
            redirect: format!("{url}{}", back(&row.name)),
            logout: format!("{url}/connexion/psc/fin"),
            name: row.name,
            structure,
            issuer: row.issuer,
            client_id: row.client_id,
            secret: row.secret.is_some(),
            claim,
            values,
            subject_claim: row.subject_claim,
            state: row.state,
            version: row.version,
            created: Timestamp(row.created),
        })
    }

    /// Sign-ins of structures that the asker may see, by their codes.
    #[boxed]
    pub async fn sso_providers(&self, actor: &Actor) -> Result<Vec<SsoView>, Refusal> {
        let (actor, op) = (actor.clone(), self.clone());
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::SsoList, On::Anywhere)?;
            let found = match reach(tx, &actor, UseCase::SsoList)? {
                Reach::All => rows::list(tx, None, 0, MOST)?,
                Reach::Structures(list) => rows::list_within(tx, &list, 0, MOST)?,
                Reach::Own(_) => Vec::new(),
            };
            let mut out = found.into_iter().map(|row| op.sso_view(tx, row)).collect::<Result<Vec<_>, _>>()?;
            out.sort_by(|a, b| a.name.cmp(&b.name));
            Ok::<_, Fail>(out)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One of them. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn sso_provider(&self, actor: &Actor, name: &str) -> Result<SsoView, Refusal> {
        let (actor, op, name) = (actor.clone(), self.clone(), name.to_ascii_lowercase());
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::SsoList, On::Anywhere)?;
            let Some(row) = rows::by_name(tx, &name)? else {
                return Err(unknown(tx, &actor, UseCase::SsoList, &name));
            };
            permit(tx, &actor, UseCase::SsoList, On::Structure(row.structure_id))?;
            Ok::<_, Fail>(op.sso_view(tx, row)?)
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Adds a structure's own sign-in. `admin.exists`, `admin.invalid`, `admin.not_found` (the structure).
    #[boxed]
    pub async fn add_sso(&self, actor: &Actor, new: NewSso) -> Result<SsoView, Refusal> {
        self.require(actor, UseCase::SsoEdit, On::Operator).await?;
        let plain_https = Url::parse(&new.issuer).is_some_and(|u| u.is_https()) && !new.issuer.ends_with('/');
        let psc = self.config().identity.psc.as_ref();
        if !plain_https || psc.is_some_and(|p| p.issuer == new.issuer) {
            return Err(invalid("issuer"));
        }
        // Without a secret our certificate has to prove us there.
        if new.secret.is_none() && psc.is_none_or(|p| p.identity.is_none()) {
            return Err(invalid("secret"));
        }
        let id = self.0.store.new_id();
        let secret = match &new.secret {
            Some(secret) => Some(self.seal_identity(identity_key::sso(id), word(secret, "secret")?.as_bytes()).await?),
            None => None,
        };
        let row = rows::Provider {
            id,
            structure_id: 0,
            name: plain::code(&new.name, "name")?,
            issuer: new.issuer.clone(),
            client_id: word(&new.client_id, "client_id")?,
            secret,
            assurance: assurance(&new.claim, &new.values)?,
            subject_claim: word(new.subject_claim.as_deref().unwrap_or("sub"), "subject_claim")?,
            state: "active".into(),
            version: 1,
            created: self.now().0,
        };
        let structure = plain::code(&new.structure, "structure")?;
        let data = json!({ "name": row.name, "structure": structure, "issuer": row.issuer });
        let fact = self.fact("sso.added", &By::actor(actor), None, "ok", data);
        let (actor, op) = (actor.clone(), self.clone());
        let add = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::SsoEdit, On::Operator)?;
            let Some(there) = structures::by_code(tx, &structure)? else {
                return Err(unknown(tx, &actor, UseCase::SsoEdit, &structure));
            };
            let row = rows::Provider { structure_id: there.id, ..row.clone() };
            if !rows::insert(tx, &row)? {
                return Err(Refusal::new(RefusalCode::Exists).with("name", &row.name).into());
            }
            fact.write(tx)?;
            Ok::<_, Fail>(op.sso_view(tx, row)?)
        };
        Ok(self.0.store.write(add).await?)
    }

    /// Changes one that is still of this version. `edit.conflict`, `admin.not_found`, `admin.invalid`.
    #[boxed]
    pub async fn edit_sso(
        &self,
        actor: &Actor,
        name: &str,
        version: i64,
        change: SsoChange,
    ) -> Result<SsoView, Refusal> {
        self.require(actor, UseCase::SsoEdit, On::Operator).await?;
        let name = name.to_ascii_lowercase();
        let client_id = change.client_id.as_deref().map(|c| word(c, "client_id")).transpose()?;
        let subject_claim = change.subject_claim.as_deref().map(|c| word(c, "subject_claim")).transpose()?;
        if change.state.as_deref().is_some_and(|s| !matches!(s, "active" | "blocked")) {
            return Err(invalid("state"));
        }
        let secret = match &change.secret {
            Some(secret) => {
                let known = name.clone();
                let id = self.0.store.read(move |tx| rows::by_name(tx, &known).map_err(Fail::Store)).await?;
                let id = id.map(|row| row.id).ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", &name))?;
                Some(self.seal_identity(identity_key::sso(id), word(secret, "secret")?.as_bytes()).await?)
            }
            None => None,
        };
        let fact = self.fact("sso.changed", &By::actor(actor), None, "ok", json!({ "name": name }));
        let (actor, op) = (actor.clone(), self.clone());
        let edit = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::SsoEdit, On::Operator)?;
            let Some(mut row) = rows::by_name(tx, &name)? else {
                return Err(unknown(tx, &actor, UseCase::SsoEdit, &name));
            };
            let before = read(&row)?;
            let claim = change.claim.as_ref().unwrap_or(&before.claim);
            row.assurance = assurance(claim, change.values.as_ref().unwrap_or(&before.values))?;
            row.client_id = client_id.clone().unwrap_or(row.client_id);
            row.subject_claim = subject_claim.clone().unwrap_or(row.subject_claim);
            row.state = change.state.clone().unwrap_or(row.state);
            row.secret = secret.clone().or(row.secret);
            if row.version != version || !rows::replace(tx, &row)? {
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", &name).into());
            }
            fact.write(tx)?;
            let stored = rows::by_id(tx, row.id)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(op.sso_view(tx, stored)?)
        };
        Ok(self.0.store.write(edit).await?)
    }

    /// Sign-ins of structures that one may choose, by their names.
    #[boxed]
    pub async fn sso_offers(&self) -> Result<Vec<SsoOffer>, Refusal> {
        let list = |tx: &mut dyn Tx| {
            let mut out = Vec::new();
            for row in rows::in_force(tx)? {
                let title = structures::by_id(tx, row.structure_id)?.map(|s| s.name).unwrap_or_default();
                out.push(SsoOffer { name: row.name, title });
            }
            Ok::<_, Fail>(out)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// A sign-in in force, and the way to its provider.
    async fn sso_remote(&self, row: rows::Provider) -> Result<(rows::Provider, Arc<Remote>), Refusal> {
        let own = match &row.secret {
            Some(sealed) => {
                let secret = self.unseal_identity(identity_key::sso(row.id), sealed).await?;
                let text = std::str::from_utf8(&secret).map_err(|_| Refusal::new(RefusalCode::Defect))?;
                Own::Secret(Zeroizing::new(text.to_owned()))
            }
            None => Own::Certificate,
        };
        let about = || {
            Ok(About {
                issuer: row.issuer.clone(),
                discovery: format!("{}/.well-known/openid-configuration", row.issuer),
                client: row.client_id.clone(),
                own,
                identity: self.config().identity.psc.as_ref().and_then(|p| p.identity.clone()),
                hosts: Vec::new(),
                believed_ms: BELIEVED_MS,
                kept_ms: KEPT_MS,
                alarm: "sso.unreachable",
            })
        };
        let remote = self.0.identity.remotes.of(&format!("sso:{}:{}", row.id, row.version), about)?;
        Ok((row, remote))
    }

    async fn sso_named(&self, name: &str) -> Result<(rows::Provider, Arc<Remote>), Refusal> {
        let known = name.to_owned();
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(rows::in_force(tx)?.into_iter().find(|row| row.name == known));
        let row = self.0.store.read(find).await?;
        self.sso_remote(row.ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", name))?).await
    }

    /// Those of this issuer, for a logout that it tells: one for each of our names there.
    pub(super) async fn sso_of_issuer(&self, issuer: &str) -> Result<Vec<Arc<Remote>>, Refusal> {
        let known = issuer.to_owned();
        let find = move |tx: &mut dyn Tx| {
            let mut of_it: Vec<_> = rows::in_force(tx)?.into_iter().filter(|r| r.issuer == known).collect();
            of_it.sort_by(|a, b| a.client_id.cmp(&b.client_id));
            of_it.dedup_by(|a, b| a.client_id == b.client_id);
            Ok::<_, Fail>(of_it)
        };
        let mut out = Vec::new();
        for row in self.0.store.read(find).await? {
            out.push(self.sso_remote(row).await?.1);
        }
        Ok(out)
    }

    /// Where the browser goes to sign in at a structure. In a session that is there it proves once more, or is linked.
    ///
    /// # Errors
    /// `admin.not_found`, `provider.unavailable`, `form.old`.
    #[boxed]
    pub async fn begin_sso(&self, name: &str, mut attempt: Attempt) -> Result<String, Refusal> {
        let (row, remote) = self.sso_named(name).await?;
        let fresh = attempt.session.is_some();
        let extra: &[(&str, &str)] = if fresh { &[("prompt", "login")] } else { &[] };
        let assurance = read(&row).map_err(|e| crate::refuse::store(&e))?;
        let acr = if assurance.claim == "acr" { assurance.values } else { Vec::new() };
        let redirect = format!("{}{}", self.config().public_url, back(&row.name));
        let sent = Sent { redirect, scope: SCOPE, acr: &acr, extra, fresh };
        let (out, url) = remote.sends(self, &sent).await.map_err(|e| told(&e))?;
        attempt.put(OUT, &(row.id, out));
        self.keep_attempt(&mut attempt).await?;
        Ok(url)
    }

    /// The browser comes back from a structure. `session`: whoever is signed in, so that the account there can be linked.
    ///
    /// # Errors
    /// `form.old`; `sso.assurance`: it does not attest what counts as strong; `sso.unbound`: nobody here is linked to that account; `factor.refused`,
    /// `auth.fresh`, `provider.unavailable`; `right.missing`: the person does not work there.
    #[boxed]
    pub async fn return_sso(
        &self,
        name: &str,
        cookie: &str,
        query: &str,
        session: Option<&Actor>,
        origin: &Origin,
    ) -> Result<Entered, Refusal> {
        let (row, remote) = self.sso_named(name).await?;
        let mut attempt = self.attempt(cookie).await?;
        // The note names the provider that the browser was sent to: another one's return is not its own (RFC 9700 §4.4).
        let (sent_to, out): (Id, Out) = attempt.get(OUT).ok_or(RefusalCode::FormOld)?;
        if sent_to != row.id {
            return Err(RefusalCode::FormOld.into());
        }
        let code = remote.code(self, &out, query).await.map_err(|e| told(&e))?;
        attempt.drop_note(OUT);
        self.keep_attempt(&mut attempt).await?;
        let signed = Signed { acr: &[], userinfo: false };
        let who = remote.exchanged(self, &out, &code, &signed).await.map_err(|e| told(&e))?;
        let Assurance { claim, values } = read(&row).map_err(|e| crate::refuse::store(&e))?;
        oidc::assured(&who.claims, &claim, &values).map_err(|_| Refusal::new(RefusalCode::SsoAssurance))?;
        let subject = subject(&who.claims, &row.subject_claim).ok_or(RefusalCode::FactorRefused)?;
        // With the claim's name: what one claim says at a provider is no account that another claim names (no name has a line break in it).
        let subject = format!("{}\n{subject}", row.subject_claim);
        let said = Said { national: None, family: None, given: None, profession: None, subject: subject.clone() };
        // Whom the browser's own session names, where it was begun for that.
        let own = session.filter(|a| attempt.session.is_some() && attempt.session == a.credential);
        let (person, link) = match (self.bind(&said, Kind::Sso, &row.issuer, origin).await?, own) {
            (Bound::Known(person), _) => (person.id, None),
            (Bound::Unknown, Some(actor)) => (actor.person(), Some(actor)),
            (Bound::Unknown, None) => return Err(RefusalCode::SsoUnbound.into()),
        };
        let structure = row.structure_id;
        let works = move |tx: &mut dyn Tx| {
            let all = structures::memberships(tx, person)?;
            Ok::<_, Fail>(all.iter().any(|m| m.structure_id == structure && m.ended.is_none()))
        };
        if !self.0.store.read(works).await? {
            return Err(RefusalCode::RightMissing.into());
        }
        if let Some(actor) = link {
            self.link_sso(actor, &row.issuer, &subject).await?;
        }
        let from = elsewhere(self, &row.issuer, &who);
        self.enter_session(attempt, person, Factor::Sso, Some(from), origin).await
    }
}

/// Who it is there, by the claim that was agreed on.
fn subject(claims: &Claims, claim: &str) -> Option<String> {
    let said = claims.text(claim).ok()??;
    let good = !said.trim().is_empty() && said.len() <= oidc::MAX_SUBJECT && !said.chars().any(char::is_control);
    good.then(|| said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_counts_as_strong_by_itself() {
        let values = |n: usize| vec!["mfa".to_owned(); n];
        assert!(assurance("acr", &values(0)).is_err() && assurance("acr", &values(VALUES + 1)).is_err());
        assert!(assurance("", &values(1)).is_err() && assurance("acr", &["a b".to_owned()]).is_err());
        assert_eq!(assurance("amr", &values(1)).unwrap(), r#"{"claim":"amr","values":["mfa"]}"#);
    }

    #[test]
    fn a_subject_is_a_text_that_is_there() {
        let of = |text: &str| subject(&Claims::read(text.as_bytes()).unwrap(), "uid");
        assert_eq!(of(r#"{"uid":"a1"}"#).as_deref(), Some("a1"));
        for bad in [r#"{"uid":""}"#, r#"{"uid":" "}"#, r#"{"uid":1}"#, r#"{"uid":["a"]}"#, "{}", r#"{"uid":"a\nb"}"#] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
