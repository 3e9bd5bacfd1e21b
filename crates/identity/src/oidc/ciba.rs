//! The provider calls somebody's telephone while the browser waits (OpenID Connect CIBA Core 1.0, poll mode): e-CPS.
use super::{Form, OidcError, Tokens, denied, read, tokens};
use serde_json::Value;
use zeroize::Zeroizing;

/// Longest handle of a call, octets.
const MAX_HANDLE: usize = 1024;
/// How long the pause between two questions is when nothing is said, seconds (§7.3).
const PAUSE: i64 = 5;
/// Longest pause and longest wait that are believed, seconds.
const LONGEST: i64 = 600;

/// Fields of a call (§7.1). `hint`: whom (the national identifier); `binding`: the code that the person sees on both screens.
pub fn ciba_form(scope: &str, hint: &str, binding: &str, acr: &[String]) -> Form {
    let acr = acr.join(" ");
    [("scope", scope), ("login_hint", hint), ("binding_message", binding), ("acr_values", &acr)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, Zeroizing::new(value.to_owned())))
        .collect()
}

/// A call that is under way.
pub struct Called {
    /// Its handle, secret.
    pub handle: Zeroizing<String>,
    /// Seconds until it is given up.
    pub expires_in: i64,
    /// Seconds between two questions.
    pub every: i64,
}

impl std::fmt::Debug for Called {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Called(…, {} s, every {} s)", self.expires_in, self.every)
    }
}

/// Reads the answer to a call (§7.3, §13), whatever its status was.
pub fn ciba_started(text: &[u8]) -> Result<Called, OidcError> {
    let mut answer = read(text)?;
    if let Some(error) = answer.text("error")? {
        return Err(denied(error));
    }
    let seconds = |name: &str| match answer.get(name).map(Value::as_i64) {
        None => Ok(None),
        Some(Some(n)) if n > 0 => Ok(Some(n.min(LONGEST))),
        Some(_) => Err(OidcError::Malformed),
    };
    let expires_in = seconds("expires_in")?.ok_or(OidcError::Malformed)?;
    let every = seconds("interval")?.unwrap_or(PAUSE);
    let handle = answer.take("auth_req_id")?.map(Zeroizing::new).ok_or(OidcError::Malformed)?;
    let good = !handle.is_empty() && handle.len() <= MAX_HANDLE && handle.bytes().all(|b| b.is_ascii_graphic());
    if good { Ok(Called { handle, expires_in, every }) } else { Err(OidcError::Malformed) }
}

/// Fields of a question (§10.1).
pub fn ciba_poll_form(handle: &str) -> Form {
    [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", handle)]
        .map(|(name, value)| (name, Zeroizing::new(value.to_owned())))
        .into()
}

/// What a question is answered with (§10.1.1, §11).
#[derive(Debug)]
pub enum Poll {
    /// The person has not answered.
    Pending,
    /// Not so often: five seconds more between two questions.
    SlowDown,
    /// The person said no.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// The person said yes.
    Done(Tokens),
}

/// Reads the answer to a question.
pub fn ciba_answer(status: u16, text: &[u8]) -> Result<Poll, OidcError> {
    if status >= 500 {
        return Err(OidcError::Unavailable);
    }
    if status == 200 {
        return tokens(text).map(Poll::Done);
    }
    match read(text)?.text("error")? {
        Some("authorization_pending") => Ok(Poll::Pending),
        Some("slow_down") => Ok(Poll::SlowDown),
        Some("access_denied") => Ok(Poll::Denied),
        Some("expired_token") => Ok(Poll::Expired),
        Some(error) => Err(denied(error)),
        None => Err(OidcError::Malformed),
    }
}
