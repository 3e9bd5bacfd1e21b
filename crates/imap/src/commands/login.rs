//! LOGIN (RFC 9051 §6.2.3) with a device token. The login is `person`, or `person*bal` on a shared BAL. Only under TLS.
use crate::codec::Secret;
use crate::session::{Code, Done, Reply, Session, Stop};
use sceau_domain::RefusalCode;
use sceau_operator::Actor;

pub(crate) async fn run(s: &mut Session, user: &str, password: &Secret) -> Done {
    may(s)?;
    check(s, user, password).await
}

/// Not logged in yet, and under TLS.
pub(super) fn may(s: &Session) -> Result<(), Stop> {
    if s.actor.is_some() {
        return Err(Stop::sequence("already logged in"));
    }
    if !s.secure() {
        return Err(RefusalCode::LoginNeedsTls.into());
    }
    Ok(())
}

/// Checks a login and a token.
pub(super) async fn check(s: &mut Session, login: &str, token: &Secret) -> Done {
    let actor = s.operator.login_token(login, token.expose(), &s.origin).await?;
    enter(s, actor).await
}

/// The proof was right.
pub(super) async fn enter(s: &mut Session, actor: Actor) -> Done {
    s.logged_in(actor).await?;
    Ok(Reply::With(Code::Capability))
}
