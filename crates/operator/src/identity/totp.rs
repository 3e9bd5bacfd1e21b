//! Authenticator programs (RFC 6238): added behind a code that they show, then the second means behind a password (F043).
//!
//! Promises: the secret is shown on one page, once, to whom it is made for, and is kept sealed; a code counts once, on whichever node; wrong ones are counted.
use super::attempts::Browser;
use super::factors::{self, FactorView, PASSWORD, TOTP};
use super::sessions::Entered;
use crate::boxed;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin};
use aws_lc_rs::rand;
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::factor::{Factor as Means, Need};
use sceau_identity::totp;
use sceau_store::factors::{self as rows, Factor};
use sceau_store::{Id, Tx, identity_key};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

/// The note of an attempt.
const NOTE: &str = "totp";

/// A secret that waits for its first code.
#[derive(Serialize, Deserialize)]
struct Offered {
    secret: String,
}

/// What the page shows of a new secret.
pub struct TotpOffer {
    /// The address in the picture.
    pub uri: Zeroizing<String>,
    /// The secret, to be typed.
    pub shown: Zeroizing<String>,
}

impl std::fmt::Debug for TotpOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TotpOffer").finish_non_exhaustive()
    }
}

/// A new secret, as an attempt keeps it.
pub(super) fn new_secret() -> Result<Zeroizing<String>, Refusal> {
    let mut secret = Zeroizing::new([0_u8; totp::SECRET]);
    rand::fill(secret.as_mut()).map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
    Ok(Zeroizing::new(hex::encode(secret.as_ref())))
}

pub(super) fn secret_of(text: &str) -> Option<Zeroizing<[u8; totp::SECRET]>> {
    let mut secret = Zeroizing::new([0_u8; totp::SECRET]);
    hex::decode_to_slice(text, secret.as_mut()).ok().map(|()| secret)
}

impl Operator {
    /// A secret as its page shows it.
    pub(super) fn totp_offer(&self, secret: &[u8; totp::SECRET], login: &str) -> TotpOffer {
        TotpOffer { uri: totp::uri(secret, &self.config().name, login), shown: totp::shown(secret) }
    }

    /// Begins to add an authenticator program for whoever is signed in. `auth.fresh`; `factor.class`: it completes a password, and there is none.
    #[boxed]
    pub async fn begin_totp_enrolment(&self, browser: &Browser<'_>, actor: &Actor) -> Result<(), Refusal> {
        self.needs(actor, Need::Fresh)?;
        let person = factors::own(actor)?.id;
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(rows::of_kind(tx, person, PASSWORD)?);
        if self.0.store.read(find).await?.is_none() {
            return Err(RefusalCode::FactorClass.into());
        }
        let mut attempt = self.begin_attempt(browser, "/moyens", Some(actor)).await?;
        attempt.put(NOTE, &Offered { secret: new_secret()?.to_string() });
        self.keep_attempt(&mut attempt).await
    }

    /// What the page shows until the first code comes. `form.old`.
    #[boxed]
    pub async fn totp_enrolment(&self, browser: &Browser<'_>, actor: &Actor) -> Result<TotpOffer, Refusal> {
        self.needs(actor, Need::Fresh)?;
        let secret = self.offered(browser, actor).await?;
        Ok(self.totp_offer(&secret, &factors::own(actor)?.login))
    }

    async fn offered(&self, browser: &Browser<'_>, actor: &Actor) -> Result<Zeroizing<[u8; totp::SECRET]>, Refusal> {
        let attempt = self.attempt(browser.attempt).await?;
        let offered: Option<Offered> = attempt.get(NOTE).filter(|_| attempt.session == actor.credential);
        offered.and_then(|o| secret_of(&o.secret)).ok_or(RefusalCode::FormOld.into())
    }

    /// Adds it, behind a first code; it takes the place of the one before. `auth.fresh`, `factor.refused`, `form.old`.
    #[boxed]
    pub async fn enrol_totp(&self, browser: &Browser<'_>, actor: &Actor, code: &str) -> Result<FactorView, Refusal> {
        self.needs(actor, Need::Fresh)?;
        let secret = self.offered(browser, actor).await?;
        let attempt = self.attempt(browser.attempt).await?;
        let Some(row) = self.new_totp(factors::own(actor)?.id, &secret, code).await? else {
            self.wrong_try(&attempt).await?;
            return Err(RefusalCode::FactorRefused.into());
        };
        self.enrol(actor, row).await
    }

    /// The row of an authenticator program that shows this code; none: it does not.
    pub(super) async fn new_totp(
        &self,
        person: Id,
        secret: &[u8; totp::SECRET],
        code: &str,
    ) -> Result<Option<Factor>, Refusal> {
        let Some(step) = totp::check(secret, code, self.now(), -1) else { return Ok(None) };
        let row = self.factor_row(person, TOTP, TOTP.to_owned(), json!({}));
        let sealed = self.seal_identity(identity_key::totp(row.id), secret).await?;
        Ok(Some(Factor { sealed: Some(sealed), counter: step, ..row }))
    }

    /// The code of an authenticator program, as the second means of the sign-in under way. `factor.refused`, `factor.spent`, `form.old`.
    #[boxed]
    pub async fn totp_second(&self, browser: &Browser<'_>, code: &str, origin: &Origin) -> Result<Entered, Refusal> {
        let attempt = self.attempt(browser.attempt).await?;
        let (person, login) = self.may_show_second(&attempt, origin).await?;
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(rows::of_kind(tx, person, TOTP)?);
        if let Some(row) = self.0.store.read(find).await?
            && let Some(sealed) = &row.sealed
        {
            let secret = self.unseal_identity(identity_key::totp(row.id), sealed).await?;
            let secret: &[u8; totp::SECRET] =
                secret.as_slice().try_into().map_err(|_| Refusal::new(RefusalCode::Unavailable))?;
            if let Some(step) = totp::check(secret, code, self.now(), row.counter) {
                let (now, place) = (self.now().0, origin.remote.map(|ip| self.place_of(ip)));
                let spend = move |tx: &mut dyn Tx| {
                    let first = rows::step(tx, row.id, step)?;
                    if first {
                        rows::used(tx, row.id, now, place.as_deref())?;
                    }
                    Ok::<_, Fail>(first)
                };
                if self.0.store.write(spend).await? {
                    return self.enter_session(attempt, person, Means::Totp, None, origin).await;
                }
            }
        }
        Err(self.second_refused(&attempt, Means::Totp, &login, origin).await)
    }
}
