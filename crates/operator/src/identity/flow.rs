//! A browser goes out to a provider and comes back: the same for Pro Santé Connect and for a structure's sign-in (OpenID Connect Core §3.1, PKCE always).
//!
//! Promises: a return belongs to the attempt of the same browser, to the provider that it was sent to, and serves once; of what comes for the code only
//! who it is goes on from here.
use super::provider::{Remote, SKEW_MS};
use super::sessions::Elsewhere;
use crate::Operator;
use sceau_domain::Timestamp;
use sceau_identity::form;
use sceau_identity::jose::Keys;
use sceau_identity::oidc::{self, Expect, Identity, OidcError, Provider, Tokens};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What an attempt keeps of a browser that was sent out.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Out {
    state: String,
    nonce: String,
    verifier: String,
    redirect: String,
    /// The person has to prove himself after that: a fresh proof is wanted.
    after: Option<Timestamp>,
}

/// With what a browser is sent out.
pub(super) struct Sent<'a> {
    pub redirect: String,
    pub scope: &'a str,
    pub acr: &'a [String],
    /// Parameters besides.
    pub extra: &'a [(&'a str, &'a str)],
    /// A fresh proof is wanted.
    pub fresh: bool,
}

/// What is wanted of whoever signed in, beside signature, issuer and time of the ID token.
pub(super) struct Signed<'a> {
    /// Levels of authentication that do; empty: another question.
    pub acr: &'a [String],
    /// Also what userinfo says. It is not signed.
    pub userinfo: bool,
}

/// Which question an ID token answers.
#[derive(Default)]
pub(super) struct Asked<'a> {
    nonce: Option<&'a str>,
    after: Option<Timestamp>,
}

/// The provider's session that a proof came from, and when the person proved himself in it. A session there may be hours old, and anybody may sit before an
/// open one: where the provider does not say when it began, the proof counts, but is not fresh.
pub(super) fn elsewhere(op: &Operator, provider: &str, who: &Identity) -> Elsewhere {
    let stale = || op.clock().now().plus_ms(-op.config().identity.limits().fresh_ms - 1);
    let at = who.authenticated.unwrap_or_else(stale);
    Elsewhere {
        provider: provider.to_owned(),
        sid: who.session.clone(),
        subject: Some(who.subject.clone()),
        at: Some(at),
    }
}

impl Remote {
    /// Where a browser goes, and what is kept until it comes back.
    pub(super) async fn sends(&self, op: &Operator, sent: &Sent<'_>) -> Result<(Out, String), OidcError> {
        let provider = self.described(op).await?;
        let mut good = true;
        let mut fill = |bytes: &mut [u8]| good &= aws_lc_rs::rand::fill(bytes).is_ok();
        let client = &self.about.client;
        let begun = oidc::begin(&provider, client, &sent.redirect, sent.scope, sent.acr, sent.extra, &mut fill);
        if !good {
            return Err(OidcError::Unavailable);
        }
        let out = Out {
            state: begun.state,
            nonce: begun.nonce,
            verifier: begun.verifier.to_string(),
            redirect: sent.redirect.clone(),
            after: sent.fresh.then(|| op.clock().now()),
        };
        Ok((out, begun.url))
    }

    /// The code that a browser brings back, when the return is ours.
    pub(super) async fn code(&self, op: &Operator, out: &Out, query: &str) -> Result<Zeroizing<String>, OidcError> {
        let query = form::read(query).ok_or(OidcError::Malformed)?;
        oidc::returned(&*self.described(op).await?, &query, &out.state)
    }

    /// Exchanges the code, and says who signed in.
    pub(super) async fn exchanged(
        &self,
        op: &Operator,
        out: &Out,
        code: &str,
        signed: &Signed<'_>,
    ) -> Result<Identity, OidcError> {
        let provider = self.described(op).await?;
        let form = oidc::token_form(code, &out.redirect, &out.verifier);
        let answer = self.form(op, &provider.token, &form).await?;
        let asked = Asked { nonce: Some(&out.nonce), after: out.after };
        self.who(op, &oidc::tokens(&answer.body)?, &asked, signed).await
    }

    /// Who it is, by the ID token and, where that is wanted and there is one, by userinfo.
    pub(super) async fn who(
        &self,
        op: &Operator,
        came: &Tokens,
        asked: &Asked<'_>,
        signed: &Signed<'_>,
    ) -> Result<Identity, OidcError> {
        let id = came.id.as_ref().ok_or(OidcError::Malformed)?;
        let expect = Expect {
            issuer: &self.about.issuer,
            client: &self.about.client,
            nonce: asked.nonce,
            acr: signed.acr,
            after: asked.after,
            now: op.clock().now(),
            skew_ms: SKEW_MS,
        };
        let judged = |keys: &Keys, p: &Provider| oidc::id_token(id, keys, &p.algs, &expect, Some(&came.access));
        let mut identity = self.judged(op, judged).await?;
        let provider = self.described(op).await?;
        if let Some(address) = provider.userinfo.as_ref().filter(|_| signed.userinfo) {
            let answer = self.get(op, address, Some(&came.access)).await?;
            if answer.status != 200 {
                return Err(OidcError::Malformed);
            }
            let more = oidc::userinfo(&answer.body, &identity.subject)?;
            identity.claims = identity.claims.completed(more);
        }
        Ok(identity)
    }
}
