//! A mail transaction: what MAIL and RCPT have said so far (RFC 5321 §3.3).
use super::chunks::Chunks;
use super::session::{Role, Session, misplaced};
use crate::codec::parameters::MailParameters;
use crate::codec::path::Path;
use crate::codec::reply::Reply;
use sceau_domain::dsn::{MailRequest, RcptRequest};
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_operator::Operator;
use sceau_operator::mail::{Body, Envelope, Judged, Rcpt};

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
    pub(super) requiretls: bool,
    /// Once there are too many recipients, every further one gets this without another look: neither memory nor traces
    /// grow with what a client repeats.
    pub(super) full: Option<Refusal>,
    /// What BDAT has brought.
    pub(super) chunks: Chunks,
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
            requiretls: self.requiretls,
        }
    }
}

impl Session {
    pub(super) async fn mail(&mut self, path: Path, parameters: MailParameters) -> Reply {
        if self.helo.is_none() || self.transaction.is_some() {
            return self.no(&misplaced("MAIL")).await;
        }
        if let Err(refusal) = self.manners.transaction(&self.limits) {
            self.trace(&refusal).await;
            return Reply::refusal(&refusal);
        }
        let from = match path {
            Path::Mailbox { address, .. } => Some(address),
            Path::Null | Path::Postmaster => None,
        };
        let size = parameters.size;
        let judged = match &mut self.role {
            Role::Mx(mx) => mx.sender(&self.operator, from.as_ref(), size, &self.origin).await,
            Role::Connector(connector) => connector.sender(&self.operator, from.as_ref(), size).await,
            Role::Submission(submission) => submission.sender(&self.operator, from.as_ref(), size).await,
        };
        if let Err(refusal) = judged {
            return self.counted(&refusal);
        }
        self.transaction = Some(Transaction {
            from,
            to: Vec::new(),
            size,
            dsn: MailRequest { ret: parameters.ret, envid: parameters.envid },
            body: parameters.body,
            smtputf8: parameters.smtputf8,
            requiretls: parameters.requiretls,
            full: None,
            chunks: Chunks::None,
        });
        Reply::new(250, "2.1.0", "Ok")
    }

    pub(super) async fn rcpt(&mut self, path: Path, dsn: RcptRequest) -> Reply {
        let open = |t: &&mut Transaction| matches!(t.chunks, Chunks::None);
        let Some(transaction) = self.transaction.as_mut().filter(open) else {
            return self.no(&misplaced("RCPT")).await;
        };
        if let Some(refusal) = &transaction.full {
            return Reply::refusal(refusal);
        }
        let to = match path {
            Path::Mailbox { international: true, address } if !transaction.smtputf8 => {
                let refusal = Refusal::new(RefusalCode::RcptSyntax).with("address", address);
                self.no(&refusal).await;
                return Reply::refusal_as(553, "5.6.7", &refusal);
            }
            Path::Mailbox { address, .. } => address,
            Path::Null | Path::Postmaster => match postmaster(&self.operator) {
                Some(address) => address,
                None => return self.counted(&RefusalCode::RcptUnknown.into()),
            },
        };
        if transaction.to.iter().any(|r| r.address == to) {
            return Reply::new(250, "2.1.5", "Ok");
        }
        let already = transaction.to.len();
        let judged = if already >= self.limits.recipients {
            let refusal = Refusal::new(RefusalCode::RcptTooMany).with("limit", self.limits.recipients);
            self.role.trace(&self.operator, &refusal, &self.origin).await;
            Err(refusal)
        } else {
            match &self.role {
                Role::Mx(mx) => {
                    let (from, size) = (transaction.from.as_ref(), transaction.size);
                    mx.recipient(&self.operator, from, &to, already, size, &self.origin).await
                }
                Role::Connector(connector) => {
                    let judged = connector.recipient(&self.operator, &to, already, transaction.size).await;
                    judged.map(|()| Judged::default())
                }
                Role::Submission(submission) => {
                    let judged = submission.recipient(&self.operator, &to, already, transaction.size).await;
                    judged.map(|()| Judged::default())
                }
            }
        };
        match judged {
            Ok(judged) => {
                transaction.to.push(Rcpt { address: to, dsn, judged });
                Reply::new(250, "2.1.5", "Ok")
            }
            Err(refusal) => {
                if refusal.code == RefusalCode::RcptTooMany {
                    transaction.full = Some(refusal.clone());
                }
                self.counted(&refusal)
            }
        }
    }
}

/// Who gets `<Postmaster>` without a domain (RFC 5321 §4.5.1): the postmaster of the domain of whoever reads it.
fn postmaster(operator: &Operator) -> Option<Address> {
    let domain = operator.config().postmaster.first()?.domain().clone();
    Address::from_parts("postmaster", domain).ok()
}
