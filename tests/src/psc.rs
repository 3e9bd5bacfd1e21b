//! The played identity providers, as a test asks them: tokens to measure, another key, silence, calls to telephones.
use crate::peer::{Wire, base64};
use crate::sandbox::Operator;
use crate::{Run, Sandbox};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the contract file says of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[allow(missing_docs)]
pub struct Psc {
    pub issuer: String,
    pub discovery: String,
    pub client_id: String,
    pub client_secret: String,
    pub lps_client: String,
    pub mint: String,
    pub rotate: String,
    pub away: String,
    pub calls: String,
    pub logout: String,
    pub people: Vec<Professional>,
    pub hospitals: Vec<Hospital>,
}

/// Somebody who can sign in there.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Professional {
    pub login: String,
    pub national_id: String,
    pub name: String,
    pub sub: String,
}

/// A hospital's own sign-in.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)]
pub struct Hospital {
    pub operator: String,
    pub structure: String,
    pub issuer: String,
    pub client_id: String,
}

impl Sandbox {
    /// Posts JSON to one of the provider's own addresses; what it answers, when that is JSON.
    pub fn psc(&self, url: &str, body: &Value) -> Value {
        let body = body.to_string();
        let all = ["-sSf", "--max-time", "60", "--cacert", self.anchors(), "-H", "Content-Type: application/json"];
        let run = Run::of("curl", &[&all[..], &["--data-binary", &body, url]].concat()).ok();
        serde_json::from_str(&run.out).unwrap_or(Value::Null)
    }
    /// A token to measure: `wanted` as the provider reads it (`who`, `client`, `kind`, `seconds`, `key`, `alg`, `claims`, `header`).
    pub fn mint(&self, wanted: &Value) -> String {
        self.psc(&self.ready.psc.mint, wanted)["token"].as_str().expect("a token").to_owned()
    }
    /// A good access token of this person.
    pub fn token_of(&self, who: &str) -> String {
        self.mint(&json!({ "who": who }))
    }
    /// Signs with another key from now on; the one before is published for so long still, seconds.
    pub fn rotate_psc(&self, grace: u32) {
        self.psc(&self.ready.psc.rotate, &json!({ "grace": grace }));
    }
    /// Does not answer for so long, seconds.
    pub fn psc_away(&self, seconds: u32) {
        self.psc(&self.ready.psc.away, &json!({ "seconds": seconds }));
    }

    /// An IMAP login with a bearer token: the session, or the tagged answer. `user`: what is opened; empty: the token says it.
    pub fn imap_bearer(&self, o: &Operator, mechanism: &str, user: &str, token: &str) -> Result<Wire, String> {
        let mut wire = Wire::connect_from(1, &o.endpoints.imaps).expect("connected");
        wire.handshake(&self.tls(None)).expect("handshake");
        wire.line().expect("greeting");
        let payload = match mechanism {
            "XOAUTH2" => format!("user={user}\x01auth=Bearer {token}\x01\x01"),
            "OAUTHBEARER" if user.is_empty() => format!("n,,\x01auth=Bearer {token}\x01\x01"),
            _ => format!("n,a={user},\x01auth=Bearer {token}\x01\x01"),
        };
        // In two steps, as the token may be longer than a command line should be.
        wire.put(format!("e2e AUTHENTICATE {mechanism}\r\n").as_bytes()).expect("sent");
        assert!(wire.line().expect("a challenge").starts_with('+'));
        wire.put(format!("{}\r\n", base64(payload.as_bytes())).as_bytes()).expect("sent");
        loop {
            let line = wire.line().expect("an answer");
            match line.strip_prefix("e2e ") {
                Some(done) if done.starts_with("OK") => return Ok(wire),
                Some(done) => return Err(done.trim_end().to_owned()),
                // Why not, in JSON; the client's last word is awaited (RFC 7628 §3.2.3).
                None if line.starts_with('+') => wire.put(b"\r\n").expect("sent"),
                None => {}
            }
        }
    }
}
