//! Serving one leased destination: connect when there is something to send, send all that is due, record what became of each
//! recipient, give the lease back.
use super::TransferConfig;
use super::client::{Client, connect};
use super::deliver::send;
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Operator;
use sceau_operator::queue::{Destination, LEASE, Outcome, OutcomeResult, Outgoing};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Recipients of one transaction: what every server takes (RFC 5321 §4.5.3.1.8).
const RECIPIENTS: usize = 100;
/// Times that outcomes are offered to a failing store before the message is left to be sent again.
const SETTLE_TRIES: u32 = 5;
/// Connections that break in the middle of a message before the destination is left alone. Not one: a message that makes the
/// server cut must not keep the others waiting.
const CUTS: u32 = 3;
/// Half of a lease, milliseconds.
#[allow(clippy::cast_possible_truncation)] // ten minutes
const HALF_LEASE: i64 = (LEASE.as_millis() / 2) as i64;
/// While a message takes long, the lease is renewed this often: nobody else shall send it meanwhile.
const RENEW: Duration = Duration::from_secs(120);

/// Serves the destination until nothing is due, it fails, its lease is lost or `stop`; the lease is given back.
pub(super) async fn serve(
    operator: &Operator,
    config: &TransferConfig,
    destination: Destination,
    stop: &CancellationToken,
) {
    let mut client = None;
    let ended = send_due(operator, config, &destination, stop, &mut client).await;
    if let Some(client) = client {
        client.quit().await;
    }
    let released = match ended {
        Ok(()) => operator.release_destination(&destination).await,
        // Given back, it would be leased again at once, and what could not be recorded sent again every few seconds.
        Err(Ended::Lost) => {
            tracing::error!(destination = %destination.domain, "the store failed, destination deferred");
            operator.defer_destination(&destination, RefusalCode::Unavailable.into(), None).await
        }
        Err(Ended::Unreachable(refusal, server)) => {
            metrics::counter!("sceau_transfer_unreachable_total", "cause" => refusal.code.as_str()).increment(1);
            tracing::warn!(destination = %destination.domain, code = refusal.code.as_str(), "destination deferred");
            operator.defer_destination(&destination, refusal, server).await
        }
    };
    if let Err(e) = released {
        // The lease ends by itself.
        tracing::error!(destination = %destination.domain, code = e.code.as_str(), "lease not given back");
    }
}

/// Why serving ended before everything was sent.
enum Ended {
    /// The destination cannot be reached, or broke off again and again.
    Unreachable(Refusal, Option<String>),
    /// The lease or the store was lost: others go on. If the lease is still ours the destination waits, as if it could not be
    /// reached; if even that cannot be recorded, the lease ends by itself.
    Lost,
}

/// What will not get better by waiting: the domain takes no mail, or left the trust space.
fn is_final(refusal: &Refusal) -> bool {
    matches!(refusal.code, RefusalCode::RcptNotListed | RefusalCode::TransferNoRoute)
}

/// Sends what is due. A connection that is still good is left in `client`.
async fn send_due(
    operator: &Operator,
    config: &TransferConfig,
    destination: &Destination,
    stop: &CancellationToken,
    client: &mut Option<Client>,
) -> Result<(), Ended> {
    let mut cuts = 0;
    let mut until = destination.until;
    while !stop.is_cancelled() {
        let due = operator.next_outgoing(destination).await.map_err(|_| Ended::Lost)?;
        let Some(mut outgoing) = due else { return Ok(()) };
        // Recording an outcome renews the lease by itself: asked again only when half of it is over, as after a pause of the
        // whole machine, when it may have been lost.
        if operator.clock().now() > until.plus_ms(-HALF_LEASE) {
            match operator.renew_destination(destination).await {
                Ok(Some(renewed)) => until = renewed.until,
                _ => return Err(Ended::Lost),
            }
        }
        let open = match client {
            Some(open) => open,
            None => match open(operator, config, destination).await {
                Ok(opened) => client.insert(opened),
                Err((refusal, server)) if is_final(&refusal) => {
                    fail(operator, &outgoing, &refusal, server).await?;
                    continue;
                }
                Err((refusal, server)) => return Err(Ended::Unreachable(refusal, server)),
            },
        };
        outgoing.recipients.truncate(RECIPIENTS);
        let (outcomes, broken) = renewing(operator, destination, send(open, &mut outgoing)).await;
        let server = open.server.clone();
        if broken.is_some() || open.leaving {
            *client = None;
        }
        count(&outcomes);
        tracing::info!(
            destination = %destination.domain, %server, message = outgoing.id, recipients = outcomes.len(), "attempt"
        );
        settle(operator, outgoing.id, outcomes).await?;
        if client.is_none() {
            cuts += 1;
            if cuts == CUTS {
                let refusal = broken.unwrap_or_else(|| Refusal::new(RefusalCode::TransferCut).with("server", &server));
                return Err(Ended::Unreachable(refusal, Some(server)));
            }
        }
    }
    Ok(())
}

async fn open(
    operator: &Operator,
    config: &TransferConfig,
    destination: &Destination,
) -> Result<Client, (Refusal, Option<String>)> {
    let domain = &destination.domain;
    // Judged again with the server's certificate; asked first so that nothing is connected to for a domain that left the list.
    match operator.trust().white_list() {
        None => return Err((RefusalCode::PeerWhiteListAbsent.into(), None)),
        Some(list) if !list.contains(domain) => {
            return Err((Refusal::new(RefusalCode::RcptNotListed).with("domain", domain), None));
        }
        Some(_) => {}
    }
    let servers = config.routes.servers(domain).await.map_err(|r| (r, None))?;
    connect(operator, config, domain, &servers).await
}

/// Runs a delivery, renewing the lease while it lasts. A delivery whose lease is lost is finished all the same: at least once,
/// never half.
async fn renewing<T>(operator: &Operator, destination: &Destination, work: impl Future<Output = T>) -> T {
    let mut work = Box::pin(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(RENEW) => {
                if !matches!(operator.renew_destination(destination).await, Ok(Some(_))) {
                    tracing::warn!(destination = %destination.domain, "lease not renewed while sending");
                }
            }
        }
    }
}

/// Records outcomes; a store that fails for a moment must not make the peer receive everything again.
async fn settle(operator: &Operator, id: i64, outcomes: Vec<Outcome>) -> Result<(), Ended> {
    let mut pause = Duration::from_millis(100);
    for attempt in 1..=SETTLE_TRIES {
        if operator.settle(id, outcomes.clone()).await.is_ok() {
            return Ok(());
        }
        if attempt < SETTLE_TRIES {
            tokio::time::sleep(pause).await;
            pause *= 3;
        }
    }
    Err(Ended::Lost)
}

/// Fails a message whose destination will not get better.
async fn fail(
    operator: &Operator,
    outgoing: &Outgoing,
    refusal: &Refusal,
    server: Option<String>,
) -> Result<(), Ended> {
    let result = OutcomeResult::Failed {
        server: server.unwrap_or_else(|| operator.config().hostname.clone()),
        reply: refusal.smtp_reply(),
        status: refusal.code.enhanced().into(),
    };
    let outcomes: Vec<Outcome> =
        outgoing.recipients.iter().map(|(entry, _)| Outcome { entry: *entry, result: result.clone() }).collect();
    count(&outcomes);
    settle(operator, outgoing.id, outcomes).await
}

fn count(outcomes: &[Outcome]) {
    for o in outcomes {
        let outcome = match o.result {
            OutcomeResult::Delivered { .. } => "delivered",
            OutcomeResult::Failed { .. } => "failed",
            OutcomeResult::Deferred { .. } => "deferred",
        };
        metrics::counter!("sceau_transfer_recipients_total", "outcome" => outcome).increment(1);
    }
}
