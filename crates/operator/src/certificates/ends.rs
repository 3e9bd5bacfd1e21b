//! What is said of the end of certificates: once a step, by severity, and over when another took the place.
use super::subject_of;
use crate::{Operator, refuse};
use sceau_domain::{Refusal, Timestamp};
use sceau_store::certificates::{self as rows, Certificate};
use sceau_store::{StoreError, alarms};
use serde_json::json;
use std::sync::atomic::Ordering;

/// A day, milliseconds.
const DAY: i64 = 86_400_000;
/// Ends are looked at this often, milliseconds.
const EVERY: i64 = 3_600_000;
/// Nobody is told of the end of a peer's certificate that was not seen for this long, milliseconds.
const UNSEEN: i64 = 30 * DAY;
/// Peers' certificates that were not seen for this long are forgotten, milliseconds.
const FORGOTTEN: i64 = 400 * DAY;
/// Rows looked at in one transaction.
const SLICE: i64 = 500;

/// A step: days left, how it is kept, its alarm, whether it is critical.
type Step = (i64, &'static str, &'static str, bool);
/// Steps, the last one first.
const STEPS: [Step; 4] = [
    (0, "0", "certificate.ended", true),
    (7, "7", "certificate.ends_7", true),
    (30, "30", "certificate.ends_30", false),
    (90, "90", "certificate.ends_90", false),
];
/// Of peers, whose renewal is their own affair.
const PEER_STEPS: [Step; 2] = [(0, "0", "certificate.peer_ended", false), (7, "7", "certificate.peer_ends", false)];

fn steps(kind: &str) -> &'static [Step] {
    if kind == "peer" { &PEER_STEPS } else { &STEPS }
}

/// The step that is due, if any.
fn due(c: &Certificate, now: i64) -> Option<&'static Step> {
    if c.retired.is_some() || (c.kind == "peer" && now.saturating_sub(c.last_seen) > UNSEEN) {
        return None;
    }
    steps(&c.kind).iter().find(|(days, ..)| c.not_after.saturating_sub(now) <= days * DAY)
}

impl Operator {
    /// Looks at all ends, and forgets peers that were not seen for long. A failing store is logged, and looked at again in the next round.
    pub(crate) async fn look_at_ends(&self) {
        self.0.inventory.looked.store(self.now().0, Ordering::Relaxed);
        if let Err(refusal) = self.judge_ends().await {
            tracing::warn!(code = refusal.code.as_str(), "ends of certificates");
        }
    }

    /// The same when it is time, with our domains in the white list, and what the inventory and the ledger forget.
    pub(crate) async fn look_at_ends_in_time(&self) -> Result<u64, Refusal> {
        let last = self.0.inventory.looked.load(Ordering::Relaxed);
        if (self.now().0 - last).abs() < EVERY {
            return Ok(0);
        }
        self.0.inventory.looked.store(self.now().0, Ordering::Relaxed);
        let now = self.now().0;
        let forgotten = self.0.store.write(move |tx| rows::forget_peers(tx, now - FORGOTTEN)).await;
        let forgotten = forgotten.map_err(|e: StoreError| refuse::store(&e))?;
        self.judge_ends().await?;
        self.judge_machines().await?;
        self.judge_own_domains().await?;
        Ok(forgotten + self.forget_ledger().await?)
    }

    async fn judge_ends(&self) -> Result<(), Refusal> {
        let (now, mut after) = (self.now().0, 0);
        loop {
            let page = self.0.store.read(move |tx| rows::ending(tx, now + 90 * DAY, after, SLICE)).await;
            let page = page.map_err(|e: StoreError| refuse::store(&e))?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            let full = page.len() >= usize::try_from(SLICE).unwrap_or(usize::MAX);
            let news: Vec<Certificate> =
                page.into_iter().filter(|c| due(c, now).map_or("", |step| step.1) != c.stage).collect();
            if !news.is_empty() {
                let said = self.0.store.write(move |tx| {
                    for c in &news {
                        let subject = subject_of(c);
                        for (.., code, _) in steps(&c.kind).iter().filter(|s| s.1 == c.stage) {
                            alarms::clear(tx, code, &subject, now)?;
                        }
                        let step = due(c, now);
                        if let Some((.., code, critical)) = step {
                            let data = json!({
                                "dn": c.subject, "serial": c.serial, "holder": holder(c), "date": day(c.not_after),
                            });
                            let severity = if *critical { "critical" } else { "warning" };
                            alarms::raise(tx, code, &subject, severity, &data.to_string(), now)?;
                        }
                        rows::say_stage(tx, c.id, step.map_or("", |s| s.1))?;
                    }
                    Ok(())
                });
                said.await.map_err(|e: StoreError| refuse::store(&e))?;
            }
            if !full {
                return Ok(());
            }
        }
    }
}

/// Where a certificate is, for people.
fn holder(c: &Certificate) -> Option<String> {
    match c.kind.as_str() {
        "own" => Some(format!("{} {}", c.place, c.node)),
        _ if c.place.is_empty() => None,
        _ => Some(c.place.clone()),
    }
}

/// `2026-11-22`, UTC.
pub(crate) fn day(at: i64) -> String {
    let text = sceau_trust::instant(Timestamp(at));
    text.get(..10).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_due_by_days_left_and_over_when_replaced() {
        let now = 1_000 * DAY;
        let of = |kind: &str, left: i64, retired: bool| {
            let c = Certificate {
                kind: kind.into(),
                not_after: now + left * DAY,
                last_seen: now,
                retired: retired.then_some(now),
                ..Certificate::default()
            };
            due(&c, now).map_or("", |s| s.1)
        };
        let own = |left| of("own", left, false);
        assert_eq!(
            [own(91), own(90), own(31), own(30), own(8), own(7), own(1), own(0), own(-5)],
            ["", "90", "90", "30", "30", "7", "7", "0", "0"]
        );
        assert_eq!([of("peer", 30, false), of("peer", 7, false), of("peer", -1, false)], ["", "7", "0"]);
        assert_eq!((of("own", 3, true), of("issued", 20, false)), ("", "30"));
        let unseen =
            Certificate { kind: "peer".into(), not_after: now, last_seen: now - 31 * DAY, ..Certificate::default() };
        assert!(due(&unseen, now).is_none(), "a peer that is gone is nobody's trouble");
        assert_eq!(day(1_795_255_200_000), "2026-11-21");
    }
}
