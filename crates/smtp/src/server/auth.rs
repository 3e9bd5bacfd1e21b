//! AUTH (RFC 4954): PLAIN and LOGIN, under TLS only, against device tokens.
use super::session::{Outcome, Role, Session, misplaced};
use crate::codec::AUTH_LINE;
use crate::codec::auth::{Credentials, credentials, decode, plain};
use crate::codec::command::text;
use crate::codec::reply::Reply;
use sceau_domain::{Refusal, RefusalCode};
use sceau_net::ReadError;
use zeroize::Zeroizing;

/// `Username:` and `Password:`, as clients of LOGIN expect them.
const USERNAME: &str = "VXNlcm5hbWU6";
const PASSWORD: &str = "UGFzc3dvcmQ6";

/// Why an exchange gave no credentials.
enum Broken {
    /// `*`, or not base64: `501`.
    Exchange(&'static str),
    /// The server drains.
    Draining,
    Read(ReadError),
}

impl From<ReadError> for Broken {
    fn from(e: ReadError) -> Self {
        Self::Read(e)
    }
}

impl Session {
    pub(super) async fn auth(&mut self, mechanism: &str, initial: Option<String>) -> Result<Outcome, ReadError> {
        let Role::Submission(submission) = &self.role else { return Ok(self.unknown("AUTH").await.into()) };
        let extended = self.helo.as_ref().is_some_and(|h| h.extended);
        if !extended || submission.actor.is_some() || self.transaction.is_some() {
            return Ok(self.no(&misplaced("AUTH")).await.into());
        }
        let initial = initial.map(Zeroizing::new);
        let exchange = match mechanism {
            "PLAIN" => self.plain(initial).await,
            "LOGIN" => self.login(initial).await,
            other => {
                let refusal = Refusal::new(RefusalCode::SyntaxUnknown).with("name", other);
                self.no(&refusal).await;
                return Ok(Reply::refusal_as(504, "5.5.4", &refusal).into());
            }
        };
        let given = match exchange {
            Ok(given) => given,
            Err(Broken::Exchange(cause)) => {
                let refusal = Refusal::new(RefusalCode::SyntaxError).with("cause", cause);
                return Ok(self.no(&refusal).await.into());
            }
            Err(Broken::Draining) => return Ok(Reply::refusal(&RefusalCode::ShuttingDown.into()).into()),
            Err(Broken::Read(e)) => return Err(e),
        };
        Ok(self.check(given).await)
    }

    async fn plain(&mut self, initial: Option<Zeroizing<String>>) -> Result<Option<Credentials>, Broken> {
        let message = match initial {
            Some(initial) => decoded(&initial)?,
            None => self.challenge("").await?,
        };
        Ok(plain(&message))
    }

    async fn login(&mut self, initial: Option<Zeroizing<String>>) -> Result<Option<Credentials>, Broken> {
        let login = match initial {
            Some(initial) => decoded(&initial)?,
            None => self.challenge(USERNAME).await?,
        };
        let secret = self.challenge(PASSWORD).await?;
        Ok(credentials(&login, &secret))
    }

    async fn challenge(&mut self, challenge: &str) -> Result<Zeroizing<Vec<u8>>, Broken> {
        self.say(&Reply::new(334, "", challenge)).await?;
        let line = Zeroizing::new(self.line(AUTH_LINE).await?.ok_or(Broken::Draining)?);
        let line = text(&line).map_err(|_| Broken::Exchange("malformed line"))?;
        if line == "*" {
            return Err(Broken::Exchange("cancelled"));
        }
        decoded(line)
    }

    /// Credentials that make no sense fail as wrong ones do.
    async fn check(&mut self, given: Option<Credentials>) -> Outcome {
        let checked = match &given {
            Some(c) => self.operator.login_token(&c.login, &c.secret, &self.origin).await,
            None => {
                let refusal = RefusalCode::LoginFailed.into();
                self.trace(&refusal).await;
                Err(refusal)
            }
        };
        let Role::Submission(submission) = &mut self.role else { return Outcome::Close };
        match checked {
            Ok(actor) => {
                submission.leash = Some(self.operator.leash(&actor));
                submission.actor = Some(actor);
                submission.failures = 0;
                Reply::new(235, "2.7.0", "Authentication succeeded").into()
            }
            Err(refusal) => {
                submission.failures += 1;
                let (failures, attempts, delay) = (submission.failures, submission.attempts, submission.delay);
                tokio::select! {
                    () = tokio::time::sleep(delay * failures) => {}
                    () = self.draining() => {}
                }
                if failures >= attempts {
                    return Reply::refusal(&RefusalCode::TooManyErrors.into()).into();
                }
                match refusal.code {
                    // RFC 4954 §6 has no 550 in answer to AUTH.
                    RefusalCode::RightMissing => Reply::refusal_as(535, "5.7.1", &refusal).into(),
                    _ => Reply::refusal(&refusal).into(),
                }
            }
        }
    }
}

fn decoded(line: &str) -> Result<Zeroizing<Vec<u8>>, Broken> {
    decode(line).ok_or(Broken::Exchange("not base64"))
}
