//! What those who run the operator see of identities: providers and their keys, what is configured, and which facts of it nobody could verify.
use super::settings::{Clients, Introspection};
use crate::boxed;
use crate::rights::On;
use crate::{Actor, Operator};
use sceau_domain::text::text;
use sceau_domain::{Lang, Refusal, RefusalCode, Timestamp, UseCase};
use serde::Serialize;
use utoipa::ToSchema;

/// Facts that only the national authorities can confirm (`identity.fact.<code>` in the locale files).
const UNVERIFIED: [&str; 11] = [
    "card_profile",
    "card_tls12",
    "psc_audience",
    "psc_claims",
    "psc_session",
    "psc_opens_bal",
    "psc_mutual_tls",
    "psc_step_up",
    "external_for_applications",
    "service_names",
    "synced_passkeys",
];
/// Another one, where the tokens of every program open mail.
const UNVERIFIED_ANY: &str = "psc_any_client";

/// The state of identities here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct IdentityView {
    /// Pro Santé Connect, where it is configured.
    pub psc: Option<PscView>,
    /// Address of the door that asks for cards, where there is one.
    pub card: Option<String>,
    /// Facts that nobody could verify: what is configured rests on them.
    pub unverified: Vec<FactView>,
}

/// What this node knows of Pro Santé Connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PscView {
    /// Its name.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// Programs whose tokens open mail; `any`: every one (unverified).
    pub clients: Vec<String>,
    /// When it is asked about a token: `never`, `missing`, `always`.
    pub introspection: String,
    /// Does it call telephones for us?
    pub calls: bool,
    /// The public half of the key that proves us there (`private_key_jwt`): a JWK as text, to be registered there.
    pub jwk: Option<String>,
    /// Names of its keys in force here.
    pub keys: Vec<String>,
    /// Since when they are known.
    #[schema(value_type = Option<i64>)]
    pub since: Option<Timestamp>,
    /// Since when it does not answer.
    #[schema(value_type = Option<i64>)]
    pub silent: Option<Timestamp>,
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FactView {
    /// Stable name.
    pub code: String,
    /// Sentence in French.
    pub fr: String,
    /// Sentence in English.
    pub en: String,
}

impl Operator {
    /// The state of identities. `right.missing`.
    #[boxed]
    pub async fn identities(&self, actor: &Actor) -> Result<IdentityView, Refusal> {
        self.require(actor, UseCase::IdentityShow, On::Operator).await?;
        self.identity_view()
    }

    fn identity_view(&self) -> Result<IdentityView, Refusal> {
        let settings = &self.config().identity;
        let psc = match &settings.psc {
            None => None,
            Some(psc) => {
                let (keys, since, silent) = self.psc_remote(psc)?.held().seen();
                Some(PscView {
                    issuer: psc.issuer.clone(),
                    client_id: psc.client_id.clone(),
                    clients: match &psc.clients {
                        Clients::Any(_) => vec!["any".into()],
                        Clients::These(list) => list.clone(),
                    },
                    introspection: match psc.introspection {
                        Introspection::Never => "never",
                        Introspection::Missing => "missing",
                        Introspection::Always => "always",
                    }
                    .into(),
                    calls: psc.ciba,
                    jwk: psc.signer()?.map(|key| key.public().to_string()),
                    keys,
                    since,
                    silent,
                })
            }
        };
        let fact = |code: &&str| {
            let sentence = |lang| text(lang, &format!("identity.fact.{code}"), &[]);
            FactView { code: (*code).into(), fr: sentence(Lang::Fr), en: sentence(Lang::En) }
        };
        let card = settings.card.as_ref().map(|c| c.url.clone());
        let any = settings.psc.as_ref().is_some_and(|p| matches!(p.clients, Clients::Any(_)));
        let unverified = UNVERIFIED.iter().chain(any.then_some(&UNVERIFIED_ANY)).map(fact).collect();
        Ok(IdentityView { psc, card, unverified })
    }

    /// Asks Pro Santé Connect for its description and keys now, on this node. `admin.not_found`: it is not configured; `provider.unavailable`.
    #[boxed]
    pub async fn refresh_identities(&self, actor: &Actor) -> Result<IdentityView, Refusal> {
        self.require(actor, UseCase::IdentityRefresh, On::Operator).await?;
        let psc = self
            .config()
            .identity
            .psc
            .as_ref()
            .ok_or_else(|| Refusal::new(RefusalCode::NotFound).with("name", "psc"))?;
        self.psc_remote(psc)?.refreshed(self).await.map_err(|e| super::provider::told(&e))?;
        self.identity_view()
    }
}
