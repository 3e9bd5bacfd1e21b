//! What leaves for other operators and structures' own servers: rows of the queue, sealed. The one place that makes them.
use super::{Body, Envelope, Rcpt};
use crate::queue::told;
use crate::{Operator, Received};
use sceau_domain::dsn::MailRequest;
use sceau_domain::{Address, Timestamp};
use sceau_store::{Id, StoreError, queue};

/// What is to be queued.
pub(super) struct ToQueue<'a> {
    /// Now.
    pub now: Timestamp,
    /// Id of the acceptance.
    pub id: &'a str,
    /// Reverse path.
    pub from: Option<&'a Address>,
    /// What its sender asked for about reports.
    pub asked: &'a MailRequest,
    /// REQUIRETLS was asked.
    pub requiretls: bool,
    /// It was announced as binary.
    pub binary: bool,
    /// Our BAL that sent it, or that it is about; 0: somebody at another operator.
    pub bal: Id,
    /// Recipients of other operators and of structures' own servers.
    pub elsewhere: &'a [Rcpt],
}

impl<'a> ToQueue<'a> {
    /// What came in an envelope.
    pub fn of(envelope: &'a Envelope, now: Timestamp, id: &'a str, bal: Id, elsewhere: &'a [Rcpt]) -> Self {
        let (from, asked, binary) = (envelope.from.as_ref(), &envelope.dsn, envelope.body == Body::Binary);
        Self { now, id, from, asked, requiretls: envelope.requiretls, binary, bal, elsewhere }
    }
}

impl Operator {
    /// Rows of the queue for what goes elsewhere, sealed under the present transit key.
    pub(super) async fn queue_rows(
        &self,
        plan: &ToQueue<'_>,
        message: &Received,
        fields: &[u8],
    ) -> Result<Option<(queue::Message, Vec<queue::Entry>)>, StoreError> {
        if plan.elsewhere.is_empty() {
            return Ok(None);
        }
        let (store, retry) = (&self.0.store, &self.0.config.retry);
        let (epoch, key) = store.vault().transit_key().await?;
        let id = store.new_id();
        let from = plan.from;
        let (expires, warns) = (retry.expires(plan.now), retry.warns(plan.now));
        let row = queue::Message {
            id,
            blob: message.spool.id,
            epoch,
            blob_key: key.wrap(crate::queue::aad(epoch, id, "queue.blob_key"), &message.spool.key)?,
            bal: plan.bal,
            sender: self.shown_path(from),
            sender_sealed: match from {
                Some(a) => self.sealed_address(a, &key, crate::queue::aad(epoch, id, "queue.sender"))?,
                None => None,
            },
            prefix: key.seal(crate::queue::aad(epoch, id, "queue.prefix"), fields)?,
            size: i64::try_from(message.scan.size + fields.len() as u64).unwrap_or(i64::MAX),
            body_8bit: message.scan.body_8bit,
            smtputf8: message.scan.header_8bit
                || from.into_iter().chain(plan.elsewhere.iter().map(|r| &r.address)).any(Address::is_international),
            created: plan.now,
            expires,
            tag: plan.id.to_owned(),
            ret: told::ret_number(plan.asked.ret),
            envid: told::sealed_envid(plan.asked, epoch, id, &key)?,
            requiretls: plan.requiretls,
            binary: plan.binary,
        };
        let mut entries = Vec::with_capacity(plan.elsewhere.len());
        for rcpt in plan.elsewhere {
            let (to, entry) = (&rcpt.address, store.new_id());
            entries.push(queue::Entry {
                id: entry,
                message: id,
                destination: to.domain().to_string(),
                recipient: self.shown(to),
                recipient_sealed: self.sealed_address(to, &key, crate::queue::aad(epoch, entry, "queue.recipient"))?,
                attempts: 0,
                unreached: 0,
                next_at: plan.now,
                // Nobody is told about a report or a notification that is late.
                warn_at: from.filter(|_| rcpt.dsn.wants().delay).map(|_| warns),
                expires,
                last_code: None,
                last_reply: None,
                notify: rcpt.dsn.notify.map(|n| n.bits()),
                orcpt: told::sealed_orcpt(rcpt, epoch, entry, &key)?,
            });
        }
        Ok(Some((row, entries)))
    }
}
