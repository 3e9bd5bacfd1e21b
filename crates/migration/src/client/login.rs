//! Logging in (RFC 9051 §6.2): AUTHENTICATE PLAIN (RFC 4616), XOAUTH2, or LOGIN; inside TLS only.
use super::response::{Response, Status};
use super::{COMMAND, Client, Part, RESPONSES, login_no};
use crate::Error;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

/// A password or token; wiped when dropped, never shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes it.
    pub fn new(secret: String) -> Self {
        Self(Zeroizing::new(secret))
    }
    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// How to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// PLAIN where the server offers it, else LOGIN.
    #[default]
    Any,
    /// AUTHENTICATE PLAIN.
    Plain,
    /// The command LOGIN.
    Login,
    /// AUTHENTICATE XOAUTH2: the secret is an access token.
    XOAuth2,
}

impl Client {
    /// Logs in. A refusal is [`Error::Login`].
    pub fn login(&mut self, user: &str, secret: &Secret, auth: Auth) -> Result<(), Error> {
        if !self.stream.is_tls() {
            return Err(Error::Tls("no secret is said outside TLS".into()));
        }
        self.log_in(user, secret, auth)
    }

    fn log_in(&mut self, user: &str, secret: &Secret, auth: Auth) -> Result<(), Error> {
        // A NUL would be another field of PLAIN, a control A one of XOAUTH2.
        if [user, &secret.0].iter().any(|t| t.contains(['\0', '\u{1}', '\r', '\n'])) {
            return Err(super::own_no("AUTHENTICATIONFAILED", "control characters in the login or the password"));
        }
        let auth = match auth {
            Auth::Any if self.can("AUTH=PLAIN") || self.can("LOGINDISABLED") => Auth::Plain,
            Auth::Any => Auth::Login,
            auth => auth,
        };
        let done = match auth {
            Auth::Login => {
                let parts = [Part::Text("LOGIN"), Part::String(user.as_bytes()), Part::String(secret.0.as_bytes())];
                self.command(&parts).map(drop)
            }
            Auth::XOAuth2 => {
                let said = Zeroizing::new(format!("user={user}\u{1}auth=Bearer {}\u{1}\u{1}", *secret.0));
                self.authenticate("XOAUTH2", &said)
            }
            Auth::Plain | Auth::Any => {
                let said = Zeroizing::new(format!("\0{user}\0{}", *secret.0));
                self.authenticate("PLAIN", &said)
            }
        };
        done.map_err(login_no)?;
        // What can be done is another thing now.
        self.ask_capability()
    }

    fn authenticate(&mut self, mechanism: &str, said: &str) -> Result<(), Error> {
        let mut initial = Some(Zeroizing::new(BASE64_STANDARD.encode(said)));
        let tag = if self.can("SASL-IR") {
            let initial = initial.take().unwrap_or_default();
            self.begin(COMMAND, &[Part::Text("AUTHENTICATE"), Part::Text(mechanism), Part::Text(&initial)])?
        } else {
            self.begin(COMMAND, &[Part::Text("AUTHENTICATE"), Part::Text(mechanism)])?
        };
        for _ in 0..RESPONSES {
            match self.hear()? {
                Response::Go => {
                    // A second question is a failure told in detail (XOAUTH2): an empty answer has the server say no.
                    self.out.extend_from_slice(initial.take().unwrap_or_default().as_bytes());
                    self.out.extend_from_slice(b"\r\n");
                    self.flush()?;
                }
                Response::Status { tag: Some(t), status, code, text } if t == tag => {
                    return match status {
                        Status::Ok => Ok(()),
                        _ => Err(Error::No(Response::no(&code, &text))),
                    };
                }
                _ => {}
            }
        }
        Err(self.fail(Error::Protocol("a login without an end")))
    }
}
