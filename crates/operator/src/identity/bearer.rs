//! Pro Santé Connect's access tokens at the mail doors (F221): a token is judged once, and what it proves is a standing row of `tokens` (purpose `psc`):
//! this person, by Pro Santé Connect, through this program. Nothing of the token is kept (ECO.1.2.5).
//!
//! Promises: a token is believed by its signature, issuer, time, kind, client and level of authentication; whoever it is about is asked of the provider
//! when the token does not say it; a standing row that its person revoked stays shut. While the provider is away, programs that came before go on. Where
//! every token is asked about, one that says nothing by itself (opaque) is too; where that is needed and cannot be done, nobody comes in.
use super::bind::{Bound, Kind, stands};
use super::provider::{self, Remote, SKEW_MS};
use super::settings::{Clients, Introspection, PscSettings};
use crate::refuse::Fail;
use crate::{Operator, Origin};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_identity::factor::Factor;
use sceau_identity::jose;
use sceau_identity::national::{Said, of_claims};
use sceau_identity::oidc::{self, Access, Bearer, OidcError};
use sceau_store::{Tx, accounts as rows, bindings};
use zeroize::Zeroizing;

/// `tokens.purpose` of a standing row.
const PURPOSE: &str = "psc";

/// Everything that is asked of a token.
struct Question<'a> {
    psc: &'a PscSettings,
    remote: &'a Remote,
    token: &'a str,
    now: Timestamp,
}

impl Operator {
    /// Is this, by its form, a token of the Pro Santé Connect that is configured?
    pub(crate) fn knows_psc(&self, token: &str) -> bool {
        let Some(psc) = &self.config().identity.psc else { return false };
        jose::peek(token).is_some_and(|said| said.issuer.as_deref() == Some(&psc.issuer))
    }

    /// May this be one of its tokens although it says nothing by itself? Only where every token is asked about; what looks like a signed token of anybody's,
    /// or like a secret of ours, is told to nobody.
    pub(crate) fn asks_psc(&self, token: &str) -> bool {
        let Some(psc) = &self.config().identity.psc else { return false };
        let signed = token.split('.').count() == 3;
        psc.introspection == Introspection::Always && !signed && !token.starts_with("sceau_")
    }

    /// The standing row of whom a token proves, ending when the mail session has to.
    ///
    /// # Errors
    /// `login.failed` for what is not signed as it must be; behind a good signature the cause: `token.expired`, `token.audience`, `token.assurance`,
    /// `token.not_yours` (revoked by its person), `identity.*`; `provider.unavailable`.
    pub(crate) async fn psc_standing(&self, token: &str, origin: &Origin) -> Result<rows::Token, Fail> {
        let Some(psc) = &self.config().identity.psc else { return Err(RefusalCode::LoginFailed.into()) };
        let remote = self.psc_remote(psc)?;
        let question = Question { psc, remote: &remote, token, now: self.clock().now() };
        let (bearer, asked) = question.judged(self).await.map_err(|e| refused(&e))?;
        let digest = self.standing_digest(psc, &bearer);
        let found = self.psc_row(psc, digest).await?;
        let row = match found {
            Some(row) if row.revoked.is_some() => return Err(RefusalCode::TokenNotYours.into()),
            Some(row) => row,
            None => {
                let said = question.said(self, bearer.clone(), asked).await.map_err(|e| refused(&e))?;
                let person = match self.bind(&said, Kind::Psc, &psc.issuer, origin).await? {
                    Bound::Known(person) => person,
                    Bound::Unknown => return Err(RefusalCode::IdentityUnknown.into()),
                };
                let client = bearer.client.as_deref().unwrap_or("Pro Santé Connect");
                self.stand(&person, (PURPOSE, client), Factor::Psc, digest, origin).await?
            }
        };
        let until = question.now.plus_ms(i64::from(self.config().identity.mail_session_hours) * 3_600_000);
        Ok(rows::Token { expires: Some(row.expires.map_or(until.0, |e| e.min(until.0))), ..row })
    }

    /// Under what a person's standing through a program is found.
    fn standing_digest(&self, psc: &PscSettings, bearer: &Bearer) -> [u8; 32] {
        let mut tagger = self.0.store.vault().tagger(PURPOSE);
        for part in [psc.issuer.as_str(), &bearer.subject, bearer.client.as_deref().unwrap_or_default()] {
            // Lengths before values: no two triples read alike.
            tagger.update(&(part.len() as u64).to_be_bytes());
            tagger.update(part.as_bytes());
        }
        tagger.finish()
    }

    /// The row, as long as its person is still bound to Pro Santé Connect (a change of name or number ends that).
    async fn psc_row(&self, psc: &PscSettings, digest: [u8; 32]) -> Result<Option<rows::Token>, Fail> {
        let issuer = psc.issuer.clone();
        let look = move |tx: &mut dyn Tx| {
            let Some(row) = rows::token_by_digest(tx, &digest)?.filter(|t| t.purpose == PURPOSE) else {
                return Ok(None);
            };
            let names = bindings::of_person(tx, row.person_id)?;
            let bound = names.iter().any(|b| b.kind == PURPOSE && b.issuer == issuer && stands(b));
            Ok::<_, Fail>((bound || row.revoked.is_some()).then_some(row))
        };
        self.0.store.read(look).await
    }
}

impl Question<'_> {
    /// The token by itself, then by introspection where that is wanted or its level of authentication is not said. Was the provider asked about it?
    async fn judged(&self, op: &Operator) -> Result<(Bearer, bool), OidcError> {
        let (bearer, asked) = match op.knows_psc(self.token) {
            true => self.signed(op).await?,
            false => (self.opaque(op).await?, true),
        };
        if bearer.acr.is_none() && !self.psc.acr.is_empty() {
            return Err(OidcError::Assurance);
        }
        Ok((bearer, asked))
    }

    async fn signed(&self, op: &Operator) -> Result<(Bearer, bool), OidcError> {
        let judged = |keys: &jose::Keys, provider: &oidc::Provider| {
            oidc::access_token(self.token, keys, &provider.algs, &self.access())
        };
        let bearer = self.remote.judged(op, judged).await?;
        let unsaid = bearer.acr.is_none() && !self.psc.acr.is_empty();
        let needed = match self.psc.introspection {
            Introspection::Never => false,
            // A token of any program at all has at least to be live: one that was stolen elsewhere may have been ended there.
            Introspection::Missing => matches!(self.psc.clients, Clients::Any(_)),
            Introspection::Always => true,
        };
        let wanted = needed || (unsaid && self.psc.introspection == Introspection::Missing);
        let said = if wanted { self.asked(op, Some(&bearer.subject)).await? } else { None };
        match said {
            Some(said) => Ok((completed(bearer, said), true)),
            None if needed => Err(self.dumb()),
            None => Ok((bearer, false)),
        }
    }

    /// A token of which the provider says everything. One that it does not know, or knows no more, is any wrong secret.
    async fn opaque(&self, op: &Operator) -> Result<Bearer, OidcError> {
        match self.asked(op, None).await {
            Ok(Some(bearer)) => Ok(bearer),
            Ok(None) => Err(self.dumb()),
            Err(OidcError::Expired) => Err(OidcError::Signature),
            Err(e) => Err(e),
        }
    }

    /// It has to be asked about tokens, and has no place for that.
    fn dumb(&self) -> OidcError {
        tracing::warn!(
            issuer = self.psc.issuer,
            "an identity provider has no introspection, which the configuration needs"
        );
        OidcError::Unavailable
    }

    fn access(&self) -> Access<'_> {
        Access {
            issuer: &self.psc.issuer,
            types: &self.psc.access_types,
            clients: match &self.psc.clients {
                Clients::Any(_) => None,
                Clients::These(list) => Some(list),
            },
            acr: &self.psc.acr,
            now: self.now,
            skew_ms: SKEW_MS,
        }
    }

    /// What the provider says of the token, which is `of` this person; none: it cannot be asked.
    async fn asked(&self, op: &Operator, of: Option<&str>) -> Result<Option<Bearer>, OidcError> {
        let provider = self.remote.described(op).await?;
        let Some(address) = &provider.introspection else { return Ok(None) };
        let form: oidc::Form = vec![("token", Zeroizing::new(self.token.to_owned()))];
        let answer = self.remote.form(op, address, &form).await?;
        if answer.status != 200 {
            return Err(OidcError::Unavailable);
        }
        oidc::introspected(&answer.body, &self.access(), of).map(Some)
    }

    /// Who it is: of the token, else of introspection, else of userinfo. Names are needed too, where somebody comes for the first time.
    async fn said(&self, op: &Operator, bearer: Bearer, asked: bool) -> Result<Said, OidcError> {
        let names = self.psc.claim_names();
        let said = |bearer: &Bearer| of_claims(&bearer.claims, &names).ok_or(OidcError::Malformed);
        let whole = |said: &Said| said.national.is_some() && said.family.is_some() && said.given.is_some();
        let mut now = said(&bearer)?;
        let mut bearer = bearer;
        if now.national.is_none()
            && !asked
            && self.psc.introspection == Introspection::Missing
            && let Some(more) = self.asked(op, Some(&bearer.subject)).await?
        {
            bearer = completed(bearer, more);
            now = said(&bearer)?;
        }
        let provider = self.remote.described(op).await?;
        if let Some(address) = provider.userinfo.as_ref().filter(|_| !whole(&now)) {
            let answer = self.remote.get(op, address, Some(self.token)).await?;
            match answer.status {
                200 => {}
                // Ended there before its time.
                401 | 403 => return Err(OidcError::Expired),
                _ => return Err(OidcError::Unavailable),
            }
            let more = oidc::userinfo(&answer.body, &bearer.subject)?;
            bearer.claims = bearer.claims.completed(more);
            now = said(&bearer)?;
        }
        Ok(now)
    }
}

/// What a token says itself, with what the provider says of it.
fn completed(bearer: Bearer, said: Bearer) -> Bearer {
    let acr = bearer.acr.or(said.acr);
    let until = bearer.until.min(said.until);
    Bearer { acr, until, claims: bearer.claims.completed(said.claims), ..bearer }
}

/// What somebody hears of a token. What is not signed as it must be is like any wrong secret.
fn refused(e: &OidcError) -> Refusal {
    match e {
        OidcError::Unavailable | OidcError::Expired | OidcError::Audience | OidcError::Assurance => provider::told(e),
        _ => RefusalCode::LoginFailed.into(),
    }
}
