//! Which certificates log in to an applicative BAL (F222): registered by whoever answers for the machine, kept as tokens of purpose `certificate`.
//!
//! Promises: nobody registers a certificate for somebody else's machine, as nobody sees the secret of somebody else's token; what is kept is the name
//! (subject and issuer) that must be shown, so that a renewed certificate goes on and one of another authority does not; no key is ever taken in.
use super::{Sight, Target, Wanted, strong_enough, target};
use crate::accounts::only;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sceau_domain::{BalKind, BalRights, Refusal, RefusalCode, Timestamp, UseCase};
use sceau_store::token_certificates::{self as certificates, Registered, TokenCertificate};
use sceau_store::{Tx, access, accounts as rows};
use sceau_trust::peer;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// The purpose of such tokens.
pub(crate) const CERTIFICATE: &str = "certificate";
/// Longest PEM, octets: one certificate.
const MAX_PEM: usize = 16 << 10;
/// In force at once for one BAL.
const MOST: i64 = 20;

/// A certificate that logs in to a BAL.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BalCertificateView {
    /// Id, to remove it.
    #[serde(serialize_with = "crate::ids::text")]
    #[schema(value_type = String)]
    pub id: i64,
    /// Login of the machine as which it logs in.
    pub login: String,
    /// The BAL.
    pub bal: String,
    /// What it is for.
    pub label: String,
    /// Subject that must be shown.
    pub subject: String,
    /// Authority that must have issued it.
    pub issuer: String,
    /// SHA-256 of the certificate last seen, hexadecimal.
    pub sha256: String,
    /// End of the certificate last seen.
    #[schema(value_type = i64)]
    pub not_after: Timestamp,
    /// Since.
    #[schema(value_type = i64)]
    pub created: Timestamp,
    /// Last login with it.
    #[schema(value_type = Option<i64>)]
    pub last_used: Option<Timestamp>,
    /// Removed at.
    #[schema(value_type = Option<i64>)]
    pub revoked: Option<Timestamp>,
}

impl Operator {
    /// Registers a certificate (PEM) for the applicative BAL at `address`, for the machine `login`, or for its only machine. `admin.invalid`,
    /// `admin.exists`, `token.other`, `right.missing`, `admin.not_found`, a cause of `peer.*` when it is not good for applications.
    #[boxed]
    pub async fn add_bal_certificate(
        &self,
        actor: &Actor,
        address: &str,
        login: Option<&str>,
        label: &str,
        pem: &str,
    ) -> Result<BalCertificateView, Refusal> {
        self.require(actor, UseCase::TokenCreate, On::Anywhere).await?;
        let key = self.key_of(address)?;
        let login = self.machine(actor, &key, login).await?;
        let invalid = |name: &str| Refusal::new(RefusalCode::Invalid).with("name", name);
        if pem.len() > MAX_PEM || pem.contains("PRIVATE KEY") {
            return Err(invalid("certificate"));
        }
        let chain: Result<Vec<CertificateDer<'_>>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        let chain = chain.map_err(|_| invalid("certificate"))?;
        // Read, not judged to its anchors: intermediates come with the handshake. What could never be good is said now.
        let shown = chain.first().and_then(peer::describe).ok_or_else(|| invalid("certificate"))?;
        if shown.not_after <= self.now() {
            return Err(Refusal::new(RefusalCode::PeerExpired).with("dn", &shown.dn));
        }
        let wanted = self.wanted(&login, Some(address), label, None, CERTIFICATE)?;
        let (row, _) = self.token_row(&wanted.label, None, CERTIFICATE)?;
        let who = self.certificate_name(&shown.dn, &shown.issuer);
        // A digest of its own: nothing that is sent as a secret finds it.
        let digest = self.0.store.vault().tag(CERTIFICATE, &[who.as_slice(), &row.id.to_be_bytes()].concat()).to_vec();
        let certificate = TokenCertificate {
            token_id: row.id,
            who,
            subject: shown.dn.to_string(),
            issuer: shown.issuer.to_string(),
            sha256: shown.fingerprint.clone(),
            not_after: shown.not_after.0,
        };
        let facts = json!({ "token": row.id, "login": wanted.login, "bal": wanted.bal, "purpose": CERTIFICATE,
                            "dn": certificate.subject, "issuer": certificate.issuer, "sha256": certificate.sha256 });
        let fact = self.fact("token.created", &By::actor(actor), None, "ok", facts);
        let (actor, setting_up, rule) = (actor.clone(), self.config().setting_up, self.token_rule());
        let add = move |tx: &mut dyn Tx| {
            let (person, bal) = place(tx, &actor, &wanted, setting_up)?;
            strong_enough(tx, &actor, rule)?;
            for other in certificates::of_who(tx, &certificate.who, 1_000)? {
                let live = rows::token_by_id(tx, other.token_id)?.filter(|t| t.revoked.is_none());
                if live.is_some_and(|t| t.bal_id == Some(bal.id)) {
                    return Err(Refusal::new(RefusalCode::Exists).with("name", &certificate.subject).into());
                }
            }
            if certificates::in_force(tx, bal.id)? >= MOST {
                return Err(Refusal::new(RefusalCode::Invalid).with("name", "certificate").with("limit", MOST).into());
            }
            let token =
                rows::Token { person_id: person.id, bal_id: Some(bal.id), digest: digest.clone(), ..row.clone() };
            rows::insert_token(tx, &token)?;
            certificates::insert(tx, &certificate)?;
            fact.write(tx)?;
            let made = certificates::of_bal(tx, bal.id, token.id - 1, 1)?;
            Ok::<_, Fail>(only(made.into_iter().map(|r| view(&bal, r)).collect())?)
        };
        Ok(self.0.store.write(add).await?)
    }

    /// Login of the machine of a BAL that is meant: the one named, or the only one. `admin.invalid` when there are several or none.
    async fn machine(&self, actor: &Actor, key: &str, login: Option<&str>) -> Result<String, Refusal> {
        let (actor, key, login) = (actor.clone(), key.to_owned(), login.map(str::to_owned));
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::TokenCreate, On::Anywhere)?;
            let Some(bal) = rows::bal_by_address(tx, &key)? else {
                return Err(unknown(tx, &actor, UseCase::TokenCreate, &key));
            };
            permit(tx, &actor, UseCase::TokenCreate, On::Bal(bal.id))?;
            if let Some(login) = &login {
                return Ok(login.clone());
            }
            let all = access::of_bal(tx, bal.id)?;
            let mut machines = all.into_iter().filter(|a| a.role == "machine");
            match (machines.next(), machines.next()) {
                (Some(one), None) => Ok::<_, Fail>(one.login),
                _ => Err(Refusal::new(RefusalCode::Invalid).with("name", "machine").into()),
            }
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Certificates of a BAL, oldest first, removed ones too, from after the id `after`, at most `limit` (and 1,000).
    #[boxed]
    pub async fn bal_certificates(
        &self,
        actor: &Actor,
        address: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<BalCertificateView>, Refusal> {
        self.require(actor, UseCase::TokenList, On::Anywhere).await?;
        let (actor, key, limit) = (actor.clone(), self.key_of(address)?, crate::accounts::page(limit));
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::TokenList, On::Anywhere)?;
            let Some(bal) = rows::bal_by_address(tx, &key)? else {
                return Err(unknown(tx, &actor, UseCase::TokenList, &key));
            };
            permit(tx, &actor, UseCase::TokenList, On::Bal(bal.id))?;
            let found = certificates::of_bal(tx, bal.id, after, limit)?;
            Ok::<_, Fail>(found.into_iter().map(|r| view(&bal, r)).collect())
        };
        Ok(self.0.store.read(list).await?)
    }

    /// Removes one; sessions opened with it end at their next command. `admin.not_found`, also when it was removed before.
    #[boxed]
    pub async fn remove_bal_certificate(&self, actor: &Actor, address: &str, id: i64) -> Result<(), Refusal> {
        self.require(actor, UseCase::TokenRevoke, On::Anywhere).await?;
        let (key, now) = (self.key_of(address)?, self.clock().now().0);
        let facts = json!({ "token": id, "purpose": CERTIFICATE });
        let fact = self.fact("token.revoked", &By::actor(actor), None, "ok", facts);
        let actor = actor.clone();
        let remove = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::TokenRevoke, On::Anywhere)?;
            let Some(bal) = rows::bal_by_address(tx, &key)? else {
                return Err(unknown(tx, &actor, UseCase::TokenRevoke, &key));
            };
            permit(tx, &actor, UseCase::TokenRevoke, On::Bal(bal.id))?;
            let absent = || Refusal::new(RefusalCode::NotFound).with("name", id);
            let manages = access::in_force(tx, actor.person(), bal.id)?
                .is_some_and(|a| BalRights::from_bits(a.rights).has(BalRights::MANAGE));
            let token = rows::token_by_id(tx, id)?.filter(|t| t.bal_id == Some(bal.id) && t.purpose == CERTIFICATE);
            let token = token.ok_or_else(absent)?;
            if !manages {
                permit(tx, &actor, UseCase::TokenRevoke, On::Person(token.person_id))?;
            }
            if !rows::revoke_token(tx, id, now)? {
                return Err(absent().into());
            }
            Ok(fact.write(tx)?)
        };
        self.0.store.write(remove).await?;
        self.rights_changed_of(id);
        Ok(())
    }
}

/// The machine and its applicative BAL, when the asker may let something log in there.
fn place(tx: &mut dyn Tx, actor: &Actor, wanted: &Wanted, setting_up: bool) -> Result<(rows::Person, rows::Bal), Fail> {
    let Target { person, bal, sight } = target(tx, actor, wanted, setting_up)?;
    // Whoever has the key is the machine: as with a secret that is shown.
    if sight == Sight::Other {
        return Err(Refusal::new(RefusalCode::TokenOther).with("name", &person.login).into());
    }
    let bal = match bal {
        Some(id) => rows::bal_by_id(tx, id)?,
        None => None,
    };
    match bal {
        Some(bal) if bal.kind.parse() == Ok(BalKind::App) && access::is_machine(tx, person.id)? => Ok((person, bal)),
        _ => Err(Refusal::new(RefusalCode::Invalid).with("name", "bal").into()),
    }
}

fn view(bal: &rows::Bal, r: Registered) -> BalCertificateView {
    let c = r.certificate;
    BalCertificateView {
        id: c.token_id,
        login: r.login,
        bal: bal.address.clone(),
        label: r.label,
        subject: c.subject,
        issuer: c.issuer,
        sha256: c.sha256,
        not_after: Timestamp(c.not_after),
        created: Timestamp(r.created),
        last_used: r.last_used.map(Timestamp),
        revoked: r.revoked.map(Timestamp),
    }
}
