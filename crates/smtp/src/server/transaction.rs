//! A mail transaction: what MAIL and RCPT have said so far (RFC 5321 §3.3).
use sceau_domain::dsn::MailRequest;
use sceau_domain::{Address, Refusal};
use sceau_operator::mail::{Body, Envelope, Rcpt};

/// What a session knows of the client's name.
#[derive(Debug, Clone)]
pub(super) struct Helo {
    pub(super) name: String,
    /// EHLO, so extensions may be used.
    pub(super) extended: bool,
}

/// A transaction begun by MAIL.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) from: Option<Address>,
    pub(super) to: Vec<Rcpt>,
    pub(super) size: Option<u64>,
    pub(super) dsn: MailRequest,
    pub(super) body: Body,
    pub(super) smtputf8: bool,
    /// Once there are too many recipients, every further one gets this without another look: neither memory nor traces
    /// grow with what a client repeats.
    pub(super) full: Option<Refusal>,
}

impl Transaction {
    /// The envelope. `authenticated` is said in the protocol name (RFC 3848, RFC 6531 §4.3).
    pub(super) fn into_envelope(self, helo: &Helo, authenticated: bool) -> Envelope {
        let with = match (self.smtputf8, authenticated) {
            (false, false) => "ESMTPS",
            (false, true) => "ESMTPSA",
            (true, false) => "UTF8SMTPS",
            (true, true) => "UTF8SMTPSA",
        };
        Envelope {
            from: self.from,
            to: self.to,
            helo: helo.name.clone(),
            with,
            dsn: self.dsn,
            body: self.body,
            smtputf8: self.smtputf8,
            requiretls: false,
        }
    }
}
