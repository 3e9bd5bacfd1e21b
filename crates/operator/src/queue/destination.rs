//! A destination that cannot be reached: one backoff for everything that waits there, and an alarm when the cause is one
//! that people must look at (no TLS, a certificate that the white list does not give).
use super::lanes::look;
use super::{Destination, stored_words};
use crate::boxed;
use crate::record::By;
use crate::{Operator, refuse};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::StoreError;
use sceau_store::queue::{self, Try, Unreached};
use serde_json::json;
use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

/// Attempts at a destination are never closer than this, milliseconds, even to make a last one before an entry expires.
const CLOSEST: i64 = 60_000;

/// Causes that do not heal by waiting, with their alarm (lessons §3 "Downgrade").
fn alarm_of(code: RefusalCode) -> Option<&'static str> {
    match code {
        RefusalCode::TransferNoStartTls => Some("transfer.no_starttls"),
        RefusalCode::TransferTls => Some("transfer.tls"),
        RefusalCode::TransferServerNotListed => Some("transfer.server_not_listed"),
        RefusalCode::TransferConnector => Some("transfer.connector"),
        _ if code.as_str().starts_with("peer.") => Some("transfer.certificate"),
        _ => None,
    }
}

/// Every alarm of [`alarm_of`].
const ALARMS: [&str; 5] = [
    "transfer.no_starttls",
    "transfer.tls",
    "transfer.server_not_listed",
    "transfer.connector",
    "transfer.certificate",
];

impl Operator {
    /// The destination could not be reached at all: defers every due entry of it (one backoff for the destination), ends the lane.
    #[boxed]
    pub async fn defer_destination(
        &self,
        destination: &Destination,
        reason: Refusal,
        server: Option<String>,
    ) -> Result<(), Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let (domain, now) = (destination.domain.clone(), self.now());
        let name = domain.clone();
        let health = self.0.store.read(move |tx| queue::health(tx, name.as_str())).await.map_err(failed)?;
        let attempts = u32::try_from(health.failures + 1).unwrap_or(u32::MAX);
        let backoff = self.0.config.retry.next_attempt(attempts, now, now, self.seed(domain.as_str()));
        let mut next = backoff.unwrap_or_else(|| now.plus_ms(CLOSEST));
        // The last attempt is made when an entry expires, not before.
        if let Some(expiry) = health.first_expiry.filter(|e| *e > now) {
            next = next.min(expiry.max(now.plus_ms(CLOSEST)));
        }
        let mut facts = json!({ "destination": domain.as_str(), "server": server, "attempts": attempts });
        let owner = self.lease_owner().to_owned();
        let why = Unreached { code: reason.code.as_str().to_owned(), args: stored_words(&reason) };
        let mut trace = self.fact("mail.deferred", &By::system(), None, &why.code, json!({})).technical();
        let tried = Try {
            id: self.0.store.new_id(),
            entry: None,
            destination: domain.to_string(),
            at: now,
            server: server.clone(),
            code: why.code.clone(),
            reply: None,
            args: Some(why.args.clone()),
        };
        let claimed = std::mem::take(&mut *look(&destination.hand)).all();
        let put_off = self.0.store.write(move |tx| {
            queue::unclaim(tx, &owner, domain.as_str(), &claimed)?;
            let waiting = queue::put_off(tx, &owner, domain.as_str(), next, now, &why)?;
            if waiting > 0 {
                queue::note_try(tx, &tried)?;
                facts["waiting"] = waiting.into();
                trace.saying(&facts);
                trace.write(tx)?;
            }
            Ok::<_, StoreError>(())
        });
        let put_off = put_off.await.map_err(failed);
        self.0.leases.lanes.close(destination.domain.as_str(), destination.lane);
        put_off?;
        metrics::counter!("sceau_queue_unreached_total", "code" => reason.code.as_str()).increment(1);
        self.raise_transfer_alarm(destination.domain.as_str(), &reason, server.as_deref()).await;
        self.give_up_expired(Some(destination.domain.as_str())).await.map(drop)
    }

    pub(super) async fn raise_transfer_alarm(&self, domain: &str, reason: &Refusal, server: Option<&str>) {
        let Some(alarm) = alarm_of(reason.code) else { return };
        self.calm().remove(domain);
        let detail = |name: &str| reason.args.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
        let data = json!({
            "domain": domain,
            "server": server.or_else(|| detail("server")),
            "cause": detail("cause").or_else(|| detail("dn")).unwrap_or_else(|| reason.code.as_str()),
        });
        self.raise_alarm(alarm, domain, false, data).await;
    }

    /// The destination took mail: its alarms are over.
    pub(super) async fn clear_transfer_alarms(&self, domain: &str) {
        if self.calm().insert(domain.to_owned()) {
            for alarm in ALARMS {
                self.clear_alarm(alarm, domain).await;
            }
        }
    }

    fn calm(&self) -> MutexGuard<'_, HashSet<String>> {
        // The set is only a memory of what needs not be written again.
        self.0.leases.calm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
