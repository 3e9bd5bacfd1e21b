//! Our own authorization server (F050): programs ask a person for access, and get tokens for it. What is read and judged is in [`sceau_identity::oauth`].
//!
//! * [`clients`]: programs that may ask; [`authorize`]: the question put to a person in a browser; [`device`]: the same for a program without one;
//! * [`token`]: codes and refresh tokens become tokens, and are given back; the mail doors find the grant of an access token in `login::bearer`.
//!
//! Promises: a grant is a row of `tokens`, listed and revoked as every credential, on every node within a second; a code, a device's code and a refresh
//! token serve once, whichever nodes are asked; a refresh token that comes twice ends its grant; of secrets only keyed digests are kept.
pub mod authorize;
pub mod clients;
pub mod device;
pub mod token;

use super::settings::OauthSettings;
use crate::{Operator, refuse};
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::oauth::{Client, ClientKind, OauthError, Scopes};
use sceau_store::{Id, StoreError, Tx, accounts, oauth as rows};
use zeroize::Zeroizing;

/// How access tokens begin: our own, and recognisable where they were leaked.
pub(crate) const ACCESS: &str = "sceau_at_";
/// How refresh tokens begin.
const REFRESH: &str = "sceau_rt_";
/// A day, milliseconds.
const DAY: i64 = 86_400_000;

/// A new secret that begins so.
fn secret(prefix: &str) -> Result<Zeroizing<String>, Refusal> {
    Ok(Zeroizing::new(format!("{prefix}{}", *super::attempts::secret()?)))
}

/// The client of a row; none of one that was written by a later version, or is switched off.
fn client(row: &rows::Client) -> Option<Client> {
    let scopes = u32::try_from(row.scopes).ok().and_then(Scopes::of_bits)?;
    let redirects = serde_json::from_str(&row.redirects).ok()?;
    let kind = ClientKind::named(&row.kind)?;
    (row.state == ACTIVE).then(|| Client { id: row.id.clone(), name: row.name.clone(), kind, redirects, scopes })
}

/// State of a client that may ask.
const ACTIVE: &str = "active";

/// What went wrong here, as a program is told: come again.
fn later<E>(_: E) -> OauthError {
    OauthError::TemporarilyUnavailable
}

impl Operator {
    /// The server's settings, where there is one.
    pub fn oauth(&self) -> Option<&OauthSettings> {
        Some(&self.config().identity.oauth).filter(|o| o.enabled)
    }

    /// Digest under which a secret of ours is kept.
    pub(crate) fn oauth_digest(&self, secret: &str) -> Vec<u8> {
        self.0.store.vault().tag("oauth", secret.as_bytes()).to_vec()
    }

    /// The client of this name that may ask, and its row.
    async fn oauth_client(&self, id: &str) -> Result<Option<(Client, rows::Client)>, Refusal> {
        let id = id.to_owned();
        let read = move |tx: &mut dyn Tx| rows::client(tx, &id);
        let row = self.0.store.read(read).await.map_err(|e: StoreError| refuse::store(&e))?;
        Ok(row.and_then(|row| Some((client(&row)?, row))))
    }

    /// Where no device tokens are admitted, no program is let in either. `device.forbidden`.
    async fn admits_programs(&self, person: Id) -> Result<(), Refusal> {
        match self.device_policy(person).await?.most {
            0 => Err(RefusalCode::DeviceForbidden.into()),
            _ => Ok(()),
        }
    }

    /// A grant for a person that nobody redeemed yet: it ends soon by itself. `auth.strength` and the like are asked before.
    fn new_grant(&self, person: Id, ask: &Wanted<'_>, strength: String) -> Result<rows::Grant, Refusal> {
        let (id, now) = (self.0.store.new_id(), self.now().0);
        // A row of tokens has a digest of its own; nobody ever knows what this one is of.
        let digest = self.oauth_digest(&secret("")?);
        let row = accounts::Token::new(id, person, (rows::PURPOSE, ask.name), &digest, now);
        let token = accounts::Token { bal_id: ask.bal, strength, scope: Some(i64::from(ask.scopes.bits())), ..row };
        let until = now + UNREDEEMED;
        Ok(rows::Grant { token, client_id: ask.client.to_owned(), generation: 0, rotated: now, until })
    }
}

/// How long a program has to fetch what it was given, milliseconds.
const UNREDEEMED: i64 = 11 * 60_000;

/// What a person says yes to.
struct Wanted<'a> {
    client: &'a str,
    /// The program's name, as the person's list shows it.
    name: &'a str,
    scopes: Scopes,
    bal: Option<Id>,
}

/// The BAL of an address, when the person has an access to it; none for an empty one. `right.missing`.
fn bal_of(tx: &mut dyn Tx, key: Option<&str>, person: Id) -> Result<Option<Id>, crate::refuse::Fail> {
    let Some(key) = key else { return Ok(None) };
    let bal = accounts::bal_by_address(tx, key)?.ok_or(RefusalCode::RightMissing)?;
    match sceau_store::access::in_force(tx, person, bal.id)? {
        Some(_) => Ok(Some(bal.id)),
        None => Err(RefusalCode::RightMissing.into()),
    }
}
