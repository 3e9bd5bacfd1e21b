//! Programs that may ask people for access: registered by an administrator, or by themselves where that is allowed (RFC 7591).
use super::{ACTIVE, later, secret};
use crate::abuse::rates::Key;
use crate::boxed;
use crate::record::By;
use crate::refuse::Fail;
use crate::rights::{On, permit, unknown};
use crate::{Actor, Operator, Origin};
use sceau_domain::abuse::Network;
use sceau_domain::{Refusal, RefusalCode, Timestamp, UseCase, plain};
use sceau_identity::jose::Keys;
use sceau_identity::oauth::{ClientKind, MAX_CLIENT, OauthError, Scopes, registrable, registration};
use sceau_store::{StoreError, Tx, accounts, oauth as rows};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// Most addresses of return.
const REDIRECTS: usize = 20;
/// Most clients in a list.
const MOST: i64 = 1000;
/// Grants that are ended in one transaction.
const SLICE: i64 = 200;
/// Clients that programs may register by themselves, altogether; and at one address within [`WINDOW`], milliseconds: nobody fills them alone.
const DYNAMIC: i64 = 1000;
const FROM_ONE: i64 = 20;
const WINDOW: i64 = 600_000;

/// A program that may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClientView {
    /// `client_id`.
    #[serde(rename = "client_id")]
    pub id: String,
    /// As it is shown to whoever is asked.
    pub name: String,
    /// `native` (a program on somebody's device, which keeps no secret) or `confidential` (a server).
    pub kind: String,
    /// Where browsers may be sent back to.
    pub redirects: Vec<String>,
    /// What it may ask for, parted by spaces.
    pub scope: String,
    /// It proves itself by a key.
    pub keys: bool,
    /// `active` or `blocked`.
    pub state: String,
    /// `admin`, or `dynamic`: it registered itself, nobody looked at its name.
    pub registered: String,
    /// Since.
    #[schema(value_type = i64)]
    pub created: Timestamp,
    /// Version.
    pub version: i64,
    /// Shown once: the secret that was made now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A program to register.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// `client_id`: letters, digits, `.`, `-`, `_`.
    #[schema(min_length = 1, max_length = 128, example = "lecteur-exemple")]
    pub client_id: String,
    /// As it is shown to whoever is asked.
    #[schema(min_length = 1, max_length = 120, example = "Lecteur Exemple")]
    pub name: String,
    /// `native` or `confidential`.
    #[schema(example = "native")]
    pub kind: String,
    /// Where browsers may be sent back to; none for a program that has no browser.
    #[serde(default)]
    #[schema(max_items = 20, example = json!(["http://127.0.0.1/retour"]))]
    pub redirects: Vec<String>,
    /// What it may ask for, parted by spaces: `mail.read`, `mail.send`, `mail.file`, `mail` (all three), `offline_access`.
    #[schema(example = "mail offline_access")]
    pub scope: String,
    /// Public keys by which a server proves itself (a JWK set), in the place of a secret.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
}

/// What to change of one; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientChange {
    /// As it is shown.
    pub name: Option<String>,
    /// Where browsers may be sent back to.
    pub redirects: Option<Vec<String>>,
    /// What it may ask for.
    pub scope: Option<String>,
    /// Another secret is made, and shown once.
    pub new_secret: bool,
    /// `active`, or `blocked`: it gets nothing any more, and every access that was given to it ends.
    pub state: Option<String>,
}

fn invalid(field: &str) -> Refusal {
    Refusal::new(RefusalCode::Invalid).with("name", field)
}

fn view(row: rows::Client, secret: Option<Zeroizing<String>>) -> Result<ClientView, StoreError> {
    let broken = || StoreError::Invalid("row of an OAuth client".into());
    let scopes = u32::try_from(row.scopes).ok().and_then(Scopes::of_bits).ok_or_else(broken)?;
    Ok(ClientView {
        redirects: serde_json::from_str(&row.redirects).map_err(|_| broken())?,
        scope: scopes.to_string(),
        id: row.id,
        name: row.name,
        kind: row.kind,
        keys: row.jwks.is_some(),
        state: row.state,
        registered: row.registered,
        created: Timestamp(row.created),
        version: row.version,
        secret: secret.map(|s| s.to_string()),
    })
}

/// Addresses of return, each once and each of a kind that such a client may have.
fn redirects(all: &[String], kind: ClientKind) -> Result<String, Refusal> {
    let once = all.iter().enumerate().all(|(i, r)| !all[..i].contains(r));
    if all.len() > REDIRECTS || !once || !all.iter().all(|r| registrable(r, kind)) {
        return Err(invalid("redirects"));
    }
    serde_json::to_string(all).map_err(|_| RefusalCode::Defect.into())
}

fn scopes(text: &str) -> Result<i64, Refusal> {
    let scopes = Scopes::read(text).filter(|s| !s.and(Scopes::MAIL).is_empty());
    scopes.map(|s| i64::from(s.bits())).ok_or_else(|| invalid("scope"))
}

impl Operator {
    /// Programs that may ask, by their ids.
    #[boxed]
    pub async fn oauth_clients(&self, actor: &Actor) -> Result<Vec<ClientView>, Refusal> {
        let actor = actor.clone();
        let list = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::ClientList, On::Operator)?;
            let found = rows::clients(tx, "", MOST)?;
            Ok::<_, Fail>(found.into_iter().map(|row| view(row, None)).collect::<Result<Vec<_>, _>>()?)
        };
        Ok(self.0.store.read(list).await?)
    }

    /// One of them. `admin.not_found`.
    #[boxed]
    pub async fn oauth_client_named(&self, actor: &Actor, id: &str) -> Result<ClientView, Refusal> {
        let (actor, id) = (actor.clone(), id.to_owned());
        let find = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::ClientList, On::Operator)?;
            match rows::client(tx, &id)? {
                Some(row) => Ok::<_, Fail>(view(row, None)?),
                None => Err(unknown(tx, &actor, UseCase::ClientList, &id)),
            }
        };
        Ok(self.0.store.read(find).await?)
    }

    /// Registers one; the secret of a server is made here and shown once. `admin.exists`, `admin.invalid`.
    #[boxed]
    pub async fn add_oauth_client(&self, actor: &Actor, new: NewClient) -> Result<ClientView, Refusal> {
        self.require(actor, UseCase::ClientEdit, On::Operator).await?;
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if new.client_id.is_empty() || new.client_id.len() > MAX_CLIENT || !new.client_id.chars().all(good) {
            return Err(invalid("client_id"));
        }
        let kind = ClientKind::named(&new.kind).ok_or_else(|| invalid("kind"))?;
        let jwks = new.jwks.as_ref().map(ToString::to_string);
        let keyed = jwks.as_ref().is_some_and(|j| Keys::read(j.as_bytes()).is_ok_and(|k| !k.is_empty()));
        if jwks.is_some() && (!keyed || kind == ClientKind::Native) {
            return Err(invalid("jwks"));
        }
        let made = match kind {
            ClientKind::Confidential if jwks.is_none() => Some(secret("")?),
            _ => None,
        };
        let row = rows::Client {
            name: plain::name(&new.name, "name")?,
            kind: kind.as_str().into(),
            redirects: redirects(&new.redirects, kind)?,
            scopes: scopes(&new.scope)?,
            secret: made.as_ref().map(|s| self.oauth_digest(s)),
            jwks,
            state: ACTIVE.into(),
            registered: "admin".into(),
            created: self.now().0,
            version: 1,
            id: new.client_id,
        };
        let data = json!({ "client": row.id, "kind": row.kind, "scope": new.scope, "redirects": new.redirects });
        let fact = self.fact("oauth.client_added", &By::actor(actor), None, "ok", data);
        let actor = actor.clone();
        let add = move |tx: &mut dyn Tx| {
            permit(tx, &actor, UseCase::ClientEdit, On::Operator)?;
            if !rows::insert_client(tx, &row)? {
                return Err(Refusal::new(RefusalCode::Exists).with("name", &row.id).into());
            }
            fact.write(tx)?;
            Ok::<_, Fail>(view(row.clone(), made.clone())?)
        };
        Ok(self.0.store.write(add).await?)
    }

    /// Changes one that is still of this version. One that is blocked loses every access that was given to it, at once and on every node.
    /// `edit.conflict`, `admin.not_found`, `admin.invalid`.
    #[boxed]
    pub async fn edit_oauth_client(
        &self,
        actor: &Actor,
        id: &str,
        version: i64,
        change: ClientChange,
    ) -> Result<ClientView, Refusal> {
        self.require(actor, UseCase::ClientEdit, On::Operator).await?;
        if change.state.as_deref().is_some_and(|s| !matches!(s, ACTIVE | "blocked")) {
            return Err(invalid("state"));
        }
        let name = change.name.as_deref().map(|n| plain::name(n, "name")).transpose()?;
        let wanted = change.scope.as_deref().map(scopes).transpose()?;
        let made = if change.new_secret { Some(secret("")?) } else { None };
        let digest = made.as_ref().map(|s| self.oauth_digest(s));
        let data = json!({ "client": id, "state": change.state, "scope": change.scope, "redirects": change.redirects,
                           "new_secret": change.new_secret });
        let fact = self.fact("oauth.client_changed", &By::actor(actor), None, "ok", data);
        let (asker, known) = (actor.clone(), id.to_owned());
        let edit = move |tx: &mut dyn Tx| {
            permit(tx, &asker, UseCase::ClientEdit, On::Operator)?;
            let Some(mut row) = rows::client(tx, &known)? else {
                return Err(unknown(tx, &asker, UseCase::ClientEdit, &known));
            };
            let kind = ClientKind::named(&row.kind).ok_or(RefusalCode::Unavailable)?;
            if let Some(all) = &change.redirects {
                row.redirects = redirects(all, kind)?;
            }
            if digest.is_some() && (kind == ClientKind::Native || row.jwks.is_some()) {
                return Err(invalid("new_secret").into());
            }
            row.name = name.clone().unwrap_or(row.name);
            row.scopes = wanted.unwrap_or(row.scopes);
            row.secret = digest.clone().or(row.secret);
            row.state = change.state.clone().unwrap_or(row.state);
            if row.version != version || !rows::replace_client(tx, &row)? {
                return Err(Refusal::new(RefusalCode::EditConflict).with("name", &known).into());
            }
            fact.write(tx)?;
            let row = rows::client(tx, &known)?.ok_or(RefusalCode::NotFound)?;
            Ok::<_, Fail>(view(row, made.clone())?)
        };
        let changed = self.0.store.write(edit).await?;
        if changed.state != ACTIVE {
            self.end_grants_of(&changed.id).await?;
        }
        Ok(changed)
    }

    /// Ends every grant of a client, in slices.
    async fn end_grants_of(&self, client: &str) -> Result<(), Refusal> {
        let mut after = 0;
        loop {
            let (client, now) = (client.to_owned(), self.now().0);
            let end = move |tx: &mut dyn Tx| {
                let ids = rows::grants_of_client(tx, &client, (after, now), SLICE)?;
                for id in &ids {
                    accounts::revoke_token(tx, *id, now)?;
                }
                Ok::<_, Fail>(ids)
            };
            let ended = self.0.store.write(end).await?;
            ended.iter().for_each(|id| self.rights_changed_of(*id));
            match ended.last() {
                Some(last) => after = *last,
                None => return Ok(()),
            }
        }
    }

    /// A program registers itself (RFC 7591), where that is allowed: the answer of §3.2.1.
    ///
    /// # Errors
    /// As RFC 7591 §3.2.2 names them; `temporarily_unavailable` where it is not allowed, or there are too many.
    #[boxed]
    pub async fn register_oauth_client(&self, body: &[u8], origin: &Origin) -> Result<Value, OauthError> {
        if !self.oauth().is_some_and(|o| o.registration) {
            return Err(OauthError::TemporarilyUnavailable);
        }
        let said = registration(body, Scopes::ALL)?;
        if let Some(ip) = origin.remote {
            let from = Key::new("registered", Network::around(ip, 32, 56), WINDOW);
            self.0.abuse.rates.take(&from, 1, FROM_ONE, self.now().0).map_err(later)?;
        }
        let id = secret("auto-").map_err(later)?.to_string();
        let row = rows::Client {
            id: id.clone(),
            name: said.name.clone(),
            kind: ClientKind::Native.as_str().into(),
            redirects: serde_json::to_string(&said.redirects).map_err(later)?,
            scopes: i64::from(said.scopes.bits()),
            secret: None,
            jwks: None,
            state: ACTIVE.into(),
            registered: "dynamic".into(),
            created: self.now().0,
            version: 1,
        };
        let data = json!({ "client": id, "name": said.name, "redirects": said.redirects });
        let fact = self.fact("oauth.client_added", &By::stranger(origin), None, "ok", data);
        let created = row.created;
        let add = move |tx: &mut dyn Tx| {
            if rows::dynamic_clients(tx)? >= DYNAMIC || !rows::insert_client(tx, &row)? {
                return Ok(false);
            }
            fact.write(tx)?;
            Ok::<_, Fail>(true)
        };
        if !self.0.store.write(add).await.map_err(later)? {
            return Err(OauthError::TemporarilyUnavailable);
        }
        Ok(json!({
            "client_id": id, "client_id_issued_at": created / 1000, "client_name": said.name, "redirect_uris": said.redirects,
            "scope": said.scopes.to_string(), "token_endpoint_auth_method": "none", "response_types": ["code"],
            "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        }))
    }
}
