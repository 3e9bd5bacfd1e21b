//! Bearer tokens of mail programs (OAUTHBEARER, XOAUTH2; F221).
//!
//! The seam for tokens of authorisation servers: whoever issues tokens is an [`Issuer`]; the first one that knows a token by its form answers for it.
//! Present: Pro Santé Connect and our own authorization server ([`crate::identity`]), and our own device tokens, which are for whatever nobody else knows
//! by its form; of those that never were ours Pro Santé Connect is asked, where it is asked about each token.
use super::sasl::{self, Bearer};
use super::{Found, MAX_INPUT, find};
use crate::boxed;
use crate::refuse::Fail;
use crate::{Actor, Operator, Origin};
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_store::{Tx, accounts as rows, oauth};
use std::pin::Pin;

/// Somebody who issues bearer tokens.
trait Issuer: Send + Sync {
    /// Is this one of its tokens, by its form?
    fn knows(&self, operator: &Operator, token: &str) -> bool;
    /// Whom the token proves, and the BAL that the session opens. Traces, counts and waits are the caller's.
    fn log_in<'a>(&'a self, operator: &'a Operator, given: &'a Bearer, origin: &'a Origin) -> Answer<'a>;
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Actor, Fail>> + Send + 'a>>;

static ISSUERS: &[&dyn Issuer] = &[&Psc, &Grants, &Ours];

impl Operator {
    /// What a program that shows a token hears when it is not taken, in the words of its mechanism ([`sasl::oauthbearer_error`]).
    pub fn bearer_error(&self, mechanism: &str) -> String {
        let described = || format!("{}/.well-known/oauth-authorization-server", self.config().public_url);
        match mechanism {
            "XOAUTH2" => sasl::xoauth2_error(),
            _ => sasl::oauthbearer_error(self.config().identity.oauth.enabled.then(described).as_deref()),
        }
    }

    /// Logs in with a bearer token. Without a login the token says who; an address of a BAL names what is opened, to whoever the token is.
    /// Failures are slow, counted and traced as those of passwords are, in the same counts.
    ///
    /// # Errors
    /// As [`Operator::login_token`].
    #[boxed]
    pub async fn login_bearer(&self, given: &Bearer, origin: &Origin) -> Result<Actor, Refusal> {
        let nameless = self.0.guard.nameless(given.token.as_bytes());
        let name = given.login.as_deref().unwrap_or(&nameless);
        let attempt = async {
            match ISSUERS.iter().find(|i| i.knows(self, &given.token)) {
                Some(issuer) => issuer.log_in(self, given, origin).await,
                None => Err(RefusalCode::LoginFailed.into()),
            }
        };
        self.guarded(name, origin, attempt).await
    }
}

/// Access tokens of Pro Santé Connect: what one proves is a standing row, which opens the BAL that is named or the one PER BAL that the person holds.
struct Psc;

impl Issuer for Psc {
    fn knows(&self, operator: &Operator, token: &str) -> bool {
        operator.knows_psc(token)
    }
    fn log_in<'a>(&'a self, operator: &'a Operator, given: &'a Bearer, origin: &'a Origin) -> Answer<'a> {
        Box::pin(async move {
            // What is taken away from now on is taken away from this session too.
            let since = operator.0.guard.rights_version();
            let standing = operator.psc_standing(&given.token, origin).await?;
            let found = standing_at(operator, standing, given.login.as_deref()).await?;
            operator.enter(found, since, origin).await
        })
    }
}

/// What a standing row opens, asked for as at the other mechanisms: nothing, the address of a BAL, a person, `person*bal`.
async fn standing_at(operator: &Operator, row: rows::Token, login: Option<&str>) -> Result<Found, Fail> {
    let not_yours = || Fail::from(RefusalCode::TokenNotYours);
    let (name, bal) = match login {
        Some(login) if login.len() > MAX_INPUT => return Err(not_yours()),
        Some(login) if sasl::address(login) => (None, Some(login)),
        Some(login) => match login.split_once('*') {
            Some((name, bal)) => (Some(name), Some(bal)),
            None => (Some(login), None),
        },
        None => (None, None),
    };
    let wanted = bal.map(|b| operator.key_of(b)).transpose().map_err(|_| not_yours())?;
    let by_address = name.and_then(|n| n.parse::<Address>().ok()).map(|a| operator.bal_key(&a));
    let (name, now) = (name.map(str::to_ascii_lowercase), operator.clock().now().0);
    let look =
        move |tx: &mut dyn Tx| find(tx, row.clone(), name.as_deref(), by_address.as_deref(), wanted.as_deref(), now);
    operator.0.store.read(look).await?.ok_or_else(not_yours)
}

/// Access tokens of our own authorization server: each opens what its grant does.
struct Grants;

impl Issuer for Grants {
    fn knows(&self, _: &Operator, token: &str) -> bool {
        token.starts_with(crate::identity::oauth::ACCESS)
    }
    fn log_in<'a>(&'a self, operator: &'a Operator, given: &'a Bearer, origin: &'a Origin) -> Answer<'a> {
        Box::pin(async move {
            let failed = || Fail::from(RefusalCode::LoginFailed);
            if given.token.len() > MAX_INPUT {
                return Err(failed());
            }
            let since = operator.0.guard.rights_version();
            let (digest, now, rule) =
                (operator.oauth_digest(&given.token), operator.clock().now().0, operator.token_rule());
            let look = move |tx: &mut dyn Tx| {
                let found = oauth::access(tx, &digest, now)?;
                Ok::<_, Fail>(rule.live(tx, found, now)?)
            };
            let grant = operator.0.store.read(look).await?.ok_or_else(failed)?;
            let found = standing_at(operator, grant, given.login.as_deref()).await?;
            operator.enter(found, since, origin).await
        })
    }
}

/// Device tokens of ours: the same secrets as the passwords of PLAIN.
struct Ours;

impl Issuer for Ours {
    fn knows(&self, _: &Operator, _: &str) -> bool {
        true
    }
    fn log_in<'a>(&'a self, operator: &'a Operator, given: &'a Bearer, origin: &'a Origin) -> Answer<'a> {
        Box::pin(async move {
            let login = given.login.as_deref();
            // By its form it may be either's; what ever was ours is told to nobody.
            if operator.asks_psc(&given.token) && !was_ours(operator, &given.token).await? {
                return Psc.log_in(operator, given, origin).await;
            }
            match login {
                Some(login) if !sasl::address(login) => operator.check_token(login, &given.token, origin).await,
                bal => {
                    let found = ours(operator, bal, &given.token).await?;
                    operator.enter(found.1, found.0, origin).await
                }
            }
        })
    }
}

/// Did we ever give out this token, whatever became of it?
async fn was_ours(operator: &Operator, token: &str) -> Result<bool, Fail> {
    let digest = operator.token_digest(token);
    operator.0.store.read(move |tx| Ok(rows::token_by_digest(tx, &digest)?.is_some())).await
}

/// What a token of ours opens: this BAL, or the one that it is for.
async fn ours(operator: &Operator, bal: Option<&str>, token: &str) -> Result<(u64, Found), Fail> {
    let failed = || Fail::from(RefusalCode::LoginFailed);
    if token.len() > MAX_INPUT {
        return Err(failed());
    }
    let wanted = bal.map(|b| operator.key_of(b)).transpose().map_err(|_| failed())?;
    let digest = operator.token_digest(token);
    let (now, since, rule) = (operator.clock().now().0, operator.0.guard.rights_version(), operator.token_rule());
    let look = move |tx: &mut dyn Tx| {
        let found = rows::token_by_digest(tx, &digest)?.filter(|t| t.purpose == "device");
        let Some(token) = rule.live(tx, found, now)? else { return Ok(None) };
        find(tx, token, None, None, wanted.as_deref(), now)
    };
    Ok((since, operator.0.store.read(look).await?.ok_or_else(failed)?))
}
