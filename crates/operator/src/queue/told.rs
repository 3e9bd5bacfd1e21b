//! What a sender asked about reports, kept sealed and read back, and what follows from it (RFC 3461).
use super::aad;
use crate::mail::Rcpt;
use sceau_domain::dsn::{EnvelopeId, MailRequest, Notify, OriginalRecipient, RcptRequest, Ret};
use sceau_store::queue::{Entry, Message};
use sceau_store::{DataKey, Id, StoreError};

/// RET as a number, to be kept.
pub(crate) fn ret_number(ret: Option<Ret>) -> i64 {
    match ret {
        None => 0,
        Some(Ret::Headers) => 1,
        Some(Ret::Full) => 2,
    }
}

/// RET, read back.
pub(crate) fn ret_of(number: i64) -> Option<Ret> {
    match number {
        1 => Some(Ret::Headers),
        2 => Some(Ret::Full),
        _ => None,
    }
}

/// ENVID, sealed.
pub(crate) fn sealed_envid(
    request: &MailRequest,
    epoch: i64,
    message: Id,
    key: &DataKey,
) -> Result<Option<Vec<u8>>, StoreError> {
    let envid = request.envid.as_ref();
    envid.map(|e| key.seal(aad(epoch, message, "queue.envid"), e.as_str().as_bytes())).transpose()
}

/// ORCPT, sealed: the address may be a patient's.
pub(crate) fn sealed_orcpt(rcpt: &Rcpt, epoch: i64, entry: Id, key: &DataKey) -> Result<Option<Vec<u8>>, StoreError> {
    let orcpt = rcpt.dsn.orcpt.as_ref();
    orcpt.map(|o| key.seal(aad(epoch, entry, "queue.orcpt"), o.to_string().as_bytes())).transpose()
}

/// What was asked at MAIL.
pub(crate) fn mail_request(message: &Message, key: &DataKey) -> Result<MailRequest, StoreError> {
    let envid = match &message.envid {
        None => None,
        // What this version cannot read is as if it had not been asked.
        Some(sealed) => text(key.unseal(aad(message.epoch, message.id, "queue.envid"), sealed)?)
            .and_then(|t| EnvelopeId::new(&t).ok()),
    };
    Ok(MailRequest { ret: ret_of(message.ret), envid })
}

/// What was asked at RCPT.
pub(crate) fn rcpt_request(epoch: i64, entry: &Entry, key: &DataKey) -> Result<RcptRequest, StoreError> {
    let orcpt = match &entry.orcpt {
        None => None,
        Some(sealed) => text(key.unseal(aad(epoch, entry.id, "queue.orcpt"), sealed)?)
            .and_then(|t| t.parse::<OriginalRecipient>().ok()),
    };
    Ok(RcptRequest { notify: entry.notify.map(Notify::from_bits), orcpt })
}

/// When the sender wants to hear of a recipient.
pub(crate) fn wants(entry: &Entry) -> Notify {
    entry.notify.map_or(Notify::USUAL, Notify::from_bits)
}

/// The enhanced status at the start of a reply (`452 4.2.2 …`), when it agrees with the code: machines look for `x.2.2` (EX_PBA_5080). What a code alone says
/// of a full mailbox, whoever heard it knows: it depends on the command (RFC 5321 §4.2.3).
pub(crate) fn status_of(reply: &str) -> Option<String> {
    let mut words = reply.split([' ', '-']);
    let code = words.next().filter(|w| w.len() == 3 && w.bytes().all(|b| b.is_ascii_digit()))?;
    let parts = |w: &&str| {
        let digits = |p: &str| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit());
        w.split('.').count() == 3 && w.split('.').all(digits) && w.as_bytes()[0] == code.as_bytes()[0]
    };
    words.next().filter(parts).map(str::to_owned)
}

/// Is this status that of a full mailbox?
pub(crate) fn is_over_quota(status: &str) -> bool {
    matches!(status, "4.2.2" | "5.2.2")
}

fn text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_reply_is_read_when_it_is_one_and_agrees_with_the_code() {
        assert_eq!(status_of("452 4.2.2 full").as_deref(), Some("4.2.2"));
        assert_eq!(status_of("552-5.2.2 full").as_deref(), Some("5.2.2"));
        for none in ["452 full", "452 5.2.2 x", "452 4.2.2222 x", "4.2.2", "", "452"] {
            assert_eq!(status_of(none), None, "{none}");
        }
        assert!(is_over_quota("5.2.2") && !is_over_quota("5.2.1"));
        for ret in [None, Some(Ret::Full), Some(Ret::Headers)] {
            assert_eq!(ret_of(ret_number(ret)), ret);
        }
    }
}
