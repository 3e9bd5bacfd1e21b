//! Certificates of people's own devices (F229): our authority issues them, for TLS clients alone; a device that shows one logs in to the mail doors as
//! whoever has its token (SASL EXTERNAL).
//!
//! Promises: a certificate is of one person, who proved afresh who he is, and stands behind a row of `tokens`, which alone says whether it counts; it is
//! believed by itself, not by its name; the authority's key is sealed under a key of the keyring, and a device's key, when we make it, is shown once and
//! kept nowhere. Nothing can be issued for a server, or for another authority.
use crate::boxed;
use crate::record::By;
use crate::refuse::{self, Fail};
use crate::rights::{On, permit};
use crate::{Actor, Operator, Who};
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_identity::factor::Need;
use sceau_store::device_authorities::{self as rows, Authority as Row};
use sceau_store::vault::Aad;
use sceau_store::{Event, Id, StoreError, Tx, access, accounts};
use sceau_trust::authority::{self, Authority, AuthorityError, Issued, Issues, NewAuthority, Subject};
use sceau_trust::pkcs12::{self, Packed};
use serde::Serialize;
use serde_json::json;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// How long a certificate lives at most, days.
pub const DAYS: i64 = 366;
/// A day, milliseconds.
const DAY: i64 = 86_400_000;
/// Longest label, characters.
const MAX_LABEL: usize = 60;
/// `tokens.purpose` of what a device logs in with.
pub(crate) const PURPOSE: &str = "device_certificate";

/// The authorities that this node counts.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By fingerprint.
    prints: Mutex<Vec<String>>,
    /// Who looks puts in force what he found before another one looks: what was read later stays.
    looking: tokio::sync::Mutex<()>,
    /// Another node may have made one.
    heard: Notify,
    /// Others count than before.
    changed: Notify,
}

/// Our authority for devices, as it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeviceAuthorityView {
    /// Certificate, PEM.
    pub certificate: String,
    /// SHA-256 of it, hexadecimal.
    pub fingerprint: String,
    /// Its end.
    #[schema(value_type = i64)]
    pub not_after: Timestamp,
    /// Made.
    #[schema(value_type = i64)]
    pub created: Timestamp,
}

/// What is wanted for a device.
#[derive(Debug, Clone, Copy)]
pub struct NewDevice<'a> {
    /// Which device, in its person's words.
    pub label: &'a str,
    /// For this BAL only.
    pub bal: Option<&'a str>,
    /// For how many days; the policy's and [`DAYS`] at most.
    pub days: i64,
    /// The device's own request (PKCS#10, PEM or DER); a key is made for it when absent.
    pub request: Option<&'a [u8]>,
}

/// A device's certificate, shown once.
#[derive(Debug)]
pub struct DeviceCertificate {
    /// Id of its row, to revoke it.
    pub id: Id,
    /// PEM, with the authority's.
    pub certificate: String,
    /// With the key, when we made it.
    pub packed: Option<Packed>,
    /// Its end.
    pub not_after: Timestamp,
}

const fn aad(id: Id) -> Aad<'static> {
    Aad { owner: id, object: 0, field: "device.authority" }
}

fn failed(e: &AuthorityError) -> Refusal {
    match e {
        AuthorityError::Unreadable | AuthorityError::Unsigned | AuthorityError::Weak => {
            Refusal::new(RefusalCode::Invalid).with("name", "request").with("cause", e)
        }
        AuthorityError::Other(_) => {
            tracing::error!(error = %e, "the authority for devices failed");
            RefusalCode::Unavailable.into()
        }
    }
}

fn none() -> Refusal {
    Refusal::new(RefusalCode::NotFound).with("name", "device authority")
}

fn view(row: &Row) -> DeviceAuthorityView {
    DeviceAuthorityView {
        certificate: row.certificate.clone(),
        fingerprint: row.fingerprint.clone(),
        not_after: Timestamp(row.not_after),
        created: Timestamp(row.created),
    }
}

/// Does the newest authority outlive what it would issue?
fn issues(row: &Row, now: Timestamp) -> bool {
    now.plus_ms(DAYS * DAY).0 < row.not_after
}

impl Operator {
    /// Makes the authority for people's devices; another one when the last comes to its end. `admin.exists`.
    #[boxed]
    pub async fn create_device_authority(&self, actor: &Actor) -> Result<DeviceAuthorityView, Refusal> {
        self.require(actor, UseCase::DeviceAuthority, On::Operator).await?;
        let (id, now) = (self.0.store.new_id(), self.now());
        let exists = || Refusal::new(RefusalCode::Exists).with("name", "device authority");
        // A key is made for nothing when it is there already: looked at first.
        if self.device_authorities().await?.first().is_some_and(|row| issues(row, now)) {
            return Err(exists());
        }
        let NewAuthority { certificate, key, fingerprint, not_after } =
            authority::create(Issues::Devices, &self.0.config.name, "", now).map_err(|e| failed(&e))?;
        let sealing = self.0.store.vault().create_bal_key(id).await.map_err(|e| refuse::store(&e))?;
        let sealed_key = sealing.seal(aad(id), &key).map_err(|e| refuse::store(&e))?;
        let row = Row { id, certificate, sealed_key, fingerprint, not_after: not_after.0, created: now.0 };
        let fact = self.fact("device.authority", &By::actor(actor), None, "ok", json!({ "sha256": row.fingerprint }));
        let (made, actor) = (view(&row), actor.clone());
        let add = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::DeviceAuthority, On::Operator)?;
            if rows::list(tx)?.first().is_some_and(|row| issues(row, now)) {
                return Err(Fail::No(exists()));
            }
            rows::insert(tx, &row)?;
            Ok::<_, Fail>(fact.write(tx)?)
        };
        if let Err(fail) = self.0.store.write(add).await {
            // Another one was first, or the right was taken: this key seals nothing that stays.
            if matches!(fail, Fail::No(_)) {
                let _ = self.0.store.vault().destroy_bal_key(id).await;
            }
            return Err(fail.into());
        }
        self.0.store.announce(Event::Devices);
        self.know_device_authorities().await?;
        Ok(made)
    }

    /// The authority that issues now. `admin.not_found`, `right.missing`.
    #[boxed]
    pub async fn device_authority(&self, actor: &Actor) -> Result<DeviceAuthorityView, Refusal> {
        self.require(actor, UseCase::IdentityShow, On::Operator).await?;
        let newest = self.device_authorities().await?.into_iter().next();
        newest.as_ref().map(view).ok_or_else(none)
    }

    /// Does an authority issue certificates to devices? As this node knows.
    pub fn certifies_devices(&self) -> bool {
        !self.0.identity.devices.prints.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    async fn device_authorities(&self) -> Result<Vec<Row>, Refusal> {
        let list = self.0.store.read::<_, StoreError, _>(|tx| rows::list(tx)).await;
        list.map_err(|e| refuse::store(&e))
    }

    /// Waits until other authorities for devices count here than when this was asked last: doors that name them when they ask for certificates name
    /// others from now on. For one who waits. Cancel-safe.
    #[boxed]
    pub async fn device_authorities_changed(&self) {
        self.0.identity.devices.changed.notified().await;
    }

    /// Another node may have made an authority.
    pub(crate) fn hear_of_device_authorities(&self) {
        self.0.identity.devices.heard.notify_one();
    }

    /// Believes what other nodes made, as they say it. Never returns.
    pub(crate) async fn follow_device_authorities(&self) {
        loop {
            self.0.identity.devices.heard.notified().await;
            // Housekeeping looks again.
            if let Err(refusal) = self.know_device_authorities().await {
                tracing::warn!(code = refusal.code.as_str(), "the other nodes' authority for devices");
            }
        }
    }

    /// Believes the certificates of every authority for devices that there is: another node may have made one.
    pub(crate) async fn know_device_authorities(&self) -> Result<(), Refusal> {
        let devices = &self.0.identity.devices;
        let _alone = devices.looking.lock().await;
        let now = self.now().0;
        let mut live = self.device_authorities().await?;
        live.retain(|row| now < row.not_after);
        let prints: Vec<String> = live.iter().map(|row| row.fingerprint.clone()).collect();
        let mut known = devices.prints.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == prints {
            return Ok(());
        }
        let certificates: Vec<String> = live.into_iter().map(|row| row.certificate).collect();
        if let Err(e) = self.0.trust.set_devices(&certificates) {
            tracing::error!(error = %e, "an authority for devices cannot be read");
            return Err(RefusalCode::Unavailable.into());
        }
        *known = prints;
        devices.changed.notify_one();
        Ok(())
    }

    /// Issues a certificate to a device of whoever asks. With a fresh proof only; it lives no longer than [`DAYS`] days.
    ///
    /// # Errors
    /// `auth.*`; `admin.not_found`: there is no authority; `device.forbidden`, `device.too_many`, `admin.invalid`; `right.missing`: the BAL is none of his.
    pub async fn make_device_certificate(
        &self,
        actor: &Actor,
        new: NewDevice<'_>,
    ) -> Result<DeviceCertificate, Refusal> {
        self.needs(actor, Need::Fresh)?;
        self.require(actor, UseCase::TokenCreate, On::Person(actor.person())).await?;
        let Who::Person(person) = &actor.who else { return Err(RefusalCode::RightMissing.into()) };
        let label = plain::said(new.label, "label", MAX_LABEL)?;
        let policy = self.device_policy(person.id).await?;
        let most = i64::from(policy.days).min(DAYS);
        if !(1..=most).contains(&new.days) {
            return Err(Refusal::new(RefusalCode::Invalid).with("name", "days").with("limit", most));
        }
        let bal = new.bal.map(|b| self.key_of(b)).transpose()?;
        let now = self.now();
        let row = self.device_authorities().await?.into_iter().find(|row| issues(row, now)).ok_or_else(none)?;
        let key = self.0.store.vault().bal_key(row.id).await.map_err(|e| refuse::store(&e))?;
        let key = Zeroizing::new(key.unseal(aad(row.id), &row.sealed_key).map_err(|e| refuse::store(&e))?);
        let (issued, packed) = {
            let (name, organisation) = (person.name.clone(), self.0.config.name.clone());
            let (label, days, request) = (label.clone(), new.days, new.request.map(<[u8]>::to_vec));
            let certificate = row.certificate.clone();
            // An RSA key takes a second of one core.
            let work = move || {
                let subject = Subject { name: &name, organisation: &organisation, unit: &label, hosts: &[] };
                issue(&certificate, &key, &subject, days, request.as_deref(), now)
            };
            tokio::task::spawn_blocking(work)
                .await
                .map_err(|_| Refusal::new(RefusalCode::Defect))?
                .map_err(|e| failed(&e))?
        };
        let id = self.0.store.new_id();
        let token = accounts::Token {
            expires: Some(issued.facts.not_after.0),
            strength: actor.proof.names(),
            ..accounts::Token::new(
                id,
                person.id,
                (PURPOSE, &label),
                &self.device_digest(&issued.facts.fingerprint),
                now.0,
            )
        };
        let said = json!({ "token": id, "login": person.login, "bal": bal, "purpose": PURPOSE, "sha256": issued.facts.fingerprint });
        let (fact, actor) = (self.fact("device.certified", &By::actor(actor), None, "ok", said), actor.clone());
        let keep = move |tx: &mut dyn Tx| {
            let person = actor.person();
            permit(tx, &actor, UseCase::TokenCreate, On::Person(person))?;
            policy.admits(tx, person, now.0)?;
            let bal_id = match &bal {
                None => None,
                Some(key) => {
                    let found = accounts::bal_by_address(tx, key)?;
                    let seat = found.map(|bal| Ok::<_, StoreError>((bal.id, access::in_force(tx, person, bal.id)?)));
                    match seat.transpose()? {
                        Some((id, Some(_))) => Some(id),
                        _ => return Err(Fail::from(RefusalCode::RightMissing)),
                    }
                }
            };
            accounts::insert_token(tx, &accounts::Token { bal_id, ..token.clone() })?;
            Ok::<_, Fail>(fact.write(tx)?)
        };
        let owner = person.id;
        self.0.store.write(keep).await?;
        self.tell_of_device(owner).await;
        let not_after = issued.facts.not_after;
        Ok(DeviceCertificate { id, certificate: issued.certificate + &row.certificate, packed, not_after })
    }

    /// Under what a device's certificate is found.
    pub(crate) fn device_digest(&self, fingerprint: &str) -> [u8; 32] {
        self.0.store.vault().tag(PURPOSE, fingerprint.as_bytes())
    }
}

/// For the device's own key, or with one that is made.
fn issue(
    certificate: &str,
    key: &[u8],
    subject: &Subject<'_>,
    days: i64,
    request: Option<&[u8]>,
    now: Timestamp,
) -> Result<(Issued, Option<Packed>), AuthorityError> {
    let authority = Authority::open(certificate, key)?;
    match request {
        Some(request) => Ok((authority.issue_to(&authority::requested(request)?, subject, days, now)?, None)),
        None => {
            let (issued, own) = authority.issue_with_key(subject, days, now)?;
            let packed = pkcs12::pack(&issued.certificate, &own, subject.unit)?;
            Ok((issued, Some(packed)))
        }
    }
}
