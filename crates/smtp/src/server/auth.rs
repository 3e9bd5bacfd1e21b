//! AUTH (RFC 4954), under TLS only: PLAIN and LOGIN against device tokens, XOAUTH2 and OAUTHBEARER (RFC 7628) with bearer tokens, EXTERNAL (RFC 4422)
//! with the certificate of the handshake.
use super::session::{Outcome, Role, Session, misplaced};
use crate::codec::AUTH_LINE;
use crate::codec::auth::{Credentials, credentials, decode, plain};
use crate::codec::command::text;
use crate::codec::reply::Reply;
use sceau_domain::{Refusal, RefusalCode};
use sceau_net::ReadError;
use sceau_operator::Actor;
use sceau_operator::login::sasl::{self, Bearer};
use zeroize::Zeroizing;

/// `Username:` and `Password:`, as clients of LOGIN expect them.
const USERNAME: &str = "VXNlcm5hbWU6";
const PASSWORD: &str = "UGFzc3dvcmQ6";

/// What an exchange gave: none of it when it makes no sense, which fails as what is wrong does.
enum Given {
    Password(Option<Credentials>),
    /// And what is said to a token that is not taken.
    Bearer(Option<Bearer>, String),
    /// The BAL to log in to.
    Certificate(Option<Option<String>>),
}

/// Why an exchange gave nothing.
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
            "PLAIN" => self.first(initial).await.map(|message| Given::Password(plain(&message))),
            "LOGIN" => self.login(initial).await.map(Given::Password),
            "XOAUTH2" | "OAUTHBEARER" => {
                let read = if mechanism == "XOAUTH2" { sasl::xoauth2 } else { sasl::oauthbearer };
                let error = self.operator.bearer_error(mechanism);
                self.first(initial).await.map(|m| Given::Bearer(read(&m), error))
            }
            "EXTERNAL" => self.first(initial).await.map(|m| Given::Certificate(sasl::external(&m))),
            other => {
                let refusal = Refusal::new(RefusalCode::SyntaxUnknown).with("name", other);
                self.no(&refusal).await;
                return Ok(Reply::refusal_as(504, "5.5.4", &refusal).into());
            }
        };
        let checked = match exchange {
            Ok(given) => self.check(given).await,
            Err(broken) => Err(broken),
        };
        match checked {
            Ok(outcome) => Ok(outcome),
            Err(Broken::Exchange(cause)) => {
                let refusal = Refusal::new(RefusalCode::SyntaxError).with("cause", cause);
                Ok(self.no(&refusal).await.into())
            }
            Err(Broken::Draining) => Ok(Reply::refusal(&RefusalCode::ShuttingDown.into()).into()),
            Err(Broken::Read(e)) => Err(e),
        }
    }

    /// The client's first message: with the command, or after an empty challenge.
    async fn first(&mut self, initial: Option<Zeroizing<String>>) -> Result<Zeroizing<Vec<u8>>, Broken> {
        match initial {
            Some(initial) => decoded(&initial),
            None => self.challenge("").await,
        }
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

    async fn check(&mut self, given: Given) -> Result<Outcome, Broken> {
        let checked = match &given {
            Given::Password(Some(c)) => self.operator.login_token(&c.login, &c.secret, &self.origin).await,
            Given::Bearer(Some(bearer), _) => self.operator.login_bearer(bearer, &self.origin).await,
            Given::Certificate(Some(bal)) => {
                let chain = self.conn.tls().map(|t| t.peer.as_slice()).unwrap_or_default();
                self.operator.login_certificate(chain, bal.as_deref(), &self.origin).await
            }
            Given::Password(None) | Given::Bearer(None, _) | Given::Certificate(None) => {
                let refusal = RefusalCode::LoginFailed.into();
                self.trace(&refusal).await;
                Err(refusal)
            }
        };
        match checked {
            Ok(actor) => Ok(self.logged_in(actor)),
            Err(refusal) => {
                // The client says one thing more, whatever it is, before it hears the end (RFC 7628 §3.2.3).
                if let Given::Bearer(_, error) = given
                    && !refusal.is_temporary()
                {
                    self.say(&Reply::new(334, "", &error)).await?;
                    self.line(AUTH_LINE).await?.ok_or(Broken::Draining)?;
                }
                Ok(self.not_logged_in(&refusal).await)
            }
        }
    }

    fn logged_in(&mut self, actor: Actor) -> Outcome {
        let Role::Submission(submission) = &mut self.role else { return Outcome::Close };
        submission.leash = Some(self.operator.leash(&actor));
        submission.actor = Some(actor);
        submission.failures = 0;
        Reply::new(235, "2.7.0", "Authentication succeeded").into()
    }

    async fn not_logged_in(&mut self, refusal: &Refusal) -> Outcome {
        let Role::Submission(submission) = &mut self.role else { return Outcome::Close };
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
            RefusalCode::LoginFailed | RefusalCode::TermsRequired => Reply::refusal(refusal).into(),
            _ if refusal.is_temporary() => Reply::refusal(refusal).into(),
            // RFC 4954 §6 has no 550 nor 554 in answer to AUTH.
            RefusalCode::RightMissing => Reply::refusal_as(535, "5.7.1", refusal).into(),
            _ => Reply::refusal_as(535, "5.7.8", refusal).into(),
        }
    }
}

fn decoded(line: &str) -> Result<Zeroizing<Vec<u8>>, Broken> {
    decode(line).ok_or(Broken::Exchange("not base64"))
}
