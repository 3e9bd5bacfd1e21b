//! One lane: a connection to one destination, made when there is something to send, kept while more is due, then for a short while; what became of
//! each recipient is recorded message by message, while the next message is on its way. A message is claimed until its outcome is recorded, and a lane is
//! given back after the last one is.
use super::client::{Client, connect};
use super::deliver::{Sent, send};
use super::{Shared, others, way};
use sceau_domain::{Refusal, RefusalCode};
use sceau_operator::Operator;
use sceau_operator::ledger::Direction;
use sceau_operator::queue::{Destination, LEASE, Outcome, OutcomeResult, Outgoing, Settlement};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Times that outcomes are offered to a failing store before the message is left to be sent again.
const SETTLE_TRIES: u32 = 5;
/// Connections that break in the middle of a message before the destination is left alone. Not one: a message that makes the
/// server cut must not keep the others waiting.
const CUTS: u32 = 3;
/// Half of a lane's time, milliseconds.
#[allow(clippy::cast_possible_truncation)] // ten minutes
const HALF_LEASE: i64 = (LEASE.as_millis() / 2) as i64;
/// While a message takes long, its claim is renewed this often: nobody else shall send it meanwhile.
const RENEW: Duration = Duration::from_secs(120);

/// Serves the destination, for which a lane was counted, until nothing is due, it fails, its claims are lost or `stop`; the lane is given back.
pub(super) async fn serve(operator: &Operator, shared: &Shared, destination: Destination, stop: &CancellationToken) {
    let windows = &shared.windows;
    let mut client = None;
    let ended = send_due(operator, shared, &destination, stop, &mut client).await;
    if let Some(client) = client {
        if ended.is_ok() {
            shared.kept.keep(&destination.domain, client, stop).await;
        } else {
            client.quit().await;
        }
    }
    let name = &destination.domain;
    let released = match ended {
        Ok(()) => operator.release_destination(&destination).await,
        // Given back, it would be taken again at once, and what could not be recorded sent again every few seconds.
        Err(Ended::Lost) => {
            tracing::error!(destination = %name, "the store failed, destination deferred");
            operator.defer_destination(&destination, RefusalCode::Unavailable.into(), None).await
        }
        // One connection too many is no dead destination: the others go on, and no more are opened for a while.
        Err(Ended::Unreachable(refusal, _)) if windows.goes_on(name, Instant::now()) => {
            windows.pushed_back(name, Instant::now());
            tracing::info!(destination = %name, code = refusal.code.as_str(), "one connection fewer");
            operator.release_destination(&destination).await
        }
        Err(Ended::Unreachable(refusal, server)) => {
            windows.pushed_back(name, Instant::now());
            metrics::counter!("sceau_transfer_unreachable_total", "cause" => refusal.code.as_str()).increment(1);
            tracing::warn!(destination = %name, code = refusal.code.as_str(), "destination deferred");
            operator.defer_destination(&destination, refusal, server).await
        }
    };
    windows.closed(name);
    if let Err(e) = released {
        // What was claimed is free when its time is over.
        tracing::error!(destination = %name, code = e.code.as_str(), "lane not given back");
    }
}

/// Why serving ended before everything was sent.
enum Ended {
    /// The destination cannot be reached, or broke off again and again.
    Unreachable(Refusal, Option<String>),
    /// The store was lost: the destination waits, as if it could not be reached; if even that cannot be recorded, the claims end by time.
    Lost,
}

/// What will not get better by waiting: the domain takes no mail, or left the trust space; or for a message that has waited long enough, it does not
/// exist. A DNS may err for a moment.
fn is_final(refusal: &Refusal, age: i64, patience: Duration) -> bool {
    match refusal.code {
        RefusalCode::RcptNotListed | RefusalCode::TransferDomainLeft | RefusalCode::TransferNullMx => true,
        RefusalCode::TransferNoRoute | RefusalCode::TransferOwnMx => {
            i128::from(age) >= patience.as_millis().cast_signed()
        }
        _ => false,
    }
}

/// What is being recorded of the message before, beside the one that is sent.
#[derive(Default)]
struct Settling(Option<tokio::task::JoinHandle<Result<(), Ended>>>);

impl Settling {
    /// Begins to record outcomes, once those of the message before are. It goes on even when the lane is cut.
    async fn begin(
        &mut self,
        operator: &Operator,
        destination: &Destination,
        outgoing: &Outgoing,
        outcomes: Vec<Outcome>,
    ) -> Result<(), Ended> {
        self.end().await?;
        let (operator, sent) = (operator.clone(), operator.sent(destination, outgoing));
        self.0 = Some(tokio::spawn(async move { settle(&operator, &sent, outcomes).await }));
        Ok(())
    }
    /// Waits until everything is recorded; false when everything was.
    async fn end(&mut self) -> Result<bool, Ended> {
        match self.0.take() {
            Some(task) => task.await.unwrap_or(Err(Ended::Lost)).map(|()| true),
            None => Ok(false),
        }
    }
}

/// Sends what is due, and records all that became of it. A connection that is still good is left in `client`.
async fn send_due(
    operator: &Operator,
    shared: &Shared,
    destination: &Destination,
    stop: &CancellationToken,
    client: &mut Option<Client>,
) -> Result<(), Ended> {
    let mut settling = Settling::default();
    let ended = send_each(operator, shared, destination, stop, client, &mut settling).await;
    // Nothing is given back before. A store that is lost is said first.
    settling.end().await?;
    ended
}

async fn send_each(
    operator: &Operator,
    shared: &Shared,
    destination: &Destination,
    stop: &CancellationToken,
    client: &mut Option<Client>,
    settling: &mut Settling,
) -> Result<(), Ended> {
    let domain = &destination.domain;
    let mut cuts = 0;
    let mut until = destination.until;
    'messages: while !stop.is_cancelled() {
        let due = operator.next_outgoing(destination).await.map_err(|_| Ended::Lost)?;
        let Some(mut outgoing) = due else {
            // More of the message whose outcome is being recorded may be due then.
            if settling.end().await? { continue } else { return Ok(()) }
        };
        // Asked again only when half of its time is over, as after a pause of the whole machine, when what it claimed may have been lost.
        if operator.clock().now() > until.plus_ms(-HALF_LEASE) {
            match operator.renew_destination(destination).await {
                Ok(Some(renewed)) => until = renewed.until,
                Ok(None) => return Ok(()),
                Err(_) => return Err(Ended::Lost),
            }
        }
        if client.as_ref().is_some_and(Client::is_spent)
            && let Some(spent) = client.take()
        {
            // A farewell says that everything is recorded.
            settling.end().await?;
            spent.quit().await;
        }
        // The list may have changed, the certificate may have been revoked since the last message.
        if let Some(open) = client.as_ref()
            && open.judge.check_again(operator, domain, open).await.is_err()
            && let Some(open) = client.take()
        {
            settling.end().await?;
            open.quit().await;
        }
        let age = operator.clock().now().0.saturating_sub(outgoing.queued.0);
        let mut once_more = true;
        let (open, Sent { mut outcomes, broken, put_off }) = loop {
            let open = match client {
                Some(open) => open,
                None => match begin(operator, shared, destination).await {
                    Ok(opened) => client.insert(opened),
                    Err((refusal, server)) if is_final(&refusal, age, shared.config.no_route_after) => {
                        let outcomes = failed(operator, &outgoing, &refusal, server);
                        settling.begin(operator, destination, &outgoing, outcomes).await?;
                        continue 'messages;
                    }
                    Err((refusal, server)) => return Err(Ended::Unreachable(refusal, server)),
                },
            };
            shared.windows.sends(domain, true);
            let sent = renewing(operator, destination, send(open, &mut outgoing)).await;
            if !open.stale || !std::mem::take(&mut once_more) {
                break (open, sent);
            }
            // Nothing of the message was heard: over a new connection, at once.
            shared.windows.sends(domain, false);
            *client = None;
        };
        note(operator, shared, destination, open, &outgoing, &outcomes);
        if broken.is_none() && !put_off.is_empty() {
            let offered = (put_off, outcomes.as_mut_slice());
            let offer = others::offer(operator, shared, destination, open, &mut outgoing, offered);
            renewing(operator, destination, offer).await;
        }
        shared.windows.sends(domain, false);
        let server = open.server.clone();
        if broken.is_some() || open.leaving {
            *client = None;
        }
        tracing::info!(
            destination = %domain, %server, message = outgoing.id, recipients = outcomes.len(), "attempt"
        );
        settling.begin(operator, destination, &outgoing, outcomes).await?;
        if client.is_none() {
            shared.windows.pushed_back(domain, Instant::now());
            cuts += 1;
            if cuts == CUTS {
                let refusal = broken.unwrap_or_else(|| Refusal::new(RefusalCode::TransferCut).with("server", &server));
                return Err(Ended::Unreachable(refusal, Some(server)));
            }
        }
    }
    Ok(())
}

/// A connection: one that was kept, or a new one.
async fn begin(
    operator: &Operator,
    shared: &Shared,
    destination: &Destination,
) -> Result<Client, (Refusal, Option<String>)> {
    let domain = &destination.domain;
    while let Some(mut kept) = shared.kept.take(domain) {
        if !kept.is_spent() && kept.judge.check_again(operator, domain, &kept).await.is_ok() && kept.is_alive().await {
            metrics::counter!("sceau_transfer_connections_total", "kind" => "reused").increment(1);
            return Ok(kept);
        }
        kept.quit().await;
    }
    metrics::counter!("sceau_transfer_connections_total", "kind" => "new").increment(1);
    let way = way::find(operator, &shared.config, domain).await.map_err(|r| (r, None))?;
    connect(operator, &shared.config, domain, &way).await
}

/// Runs a delivery, renewing its claim while it lasts. A delivery whose claim is lost is finished all the same: at least once,
/// never half.
async fn renewing<T>(operator: &Operator, destination: &Destination, work: impl Future<Output = T>) -> T {
    let mut work = Box::pin(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(RENEW) => {
                if !matches!(operator.renew_destination(destination).await, Ok(Some(_))) {
                    tracing::warn!(destination = %destination.domain, "claims not renewed while sending");
                }
            }
        }
    }
}

/// Records outcomes; a store that fails for a moment must not make the peer receive everything again.
async fn settle(operator: &Operator, sent: &Settlement, outcomes: Vec<Outcome>) -> Result<(), Ended> {
    let mut pause = Duration::from_millis(100);
    for attempt in 1..=SETTLE_TRIES {
        if operator.settle_sent(sent, outcomes.clone()).await.is_ok() {
            return Ok(());
        }
        if attempt < SETTLE_TRIES {
            tokio::time::sleep(pause).await;
            pause *= 3;
        }
    }
    Err(Ended::Lost)
}

/// What becomes of a message whose destination will not get better.
fn failed(operator: &Operator, outgoing: &Outgoing, refusal: &Refusal, server: Option<String>) -> Vec<Outcome> {
    let result = OutcomeResult::Failed {
        server: server.unwrap_or_else(|| operator.config().hostname.clone()),
        reply: refusal.smtp_reply(),
        status: refusal.code.enhanced().into(),
    };
    let outcomes: Vec<Outcome> =
        outgoing.recipients.iter().map(|(entry, _)| Outcome { entry: *entry, result: result.clone() }).collect();
    count(&outcomes);
    outcomes
}

/// What an attempt teaches: how many connections the destination takes, what the ledger says of it.
pub(super) fn note(
    operator: &Operator,
    shared: &Shared,
    destination: &Destination,
    client: &Client,
    outgoing: &Outgoing,
    outcomes: &[Outcome],
) {
    count(outcomes);
    let (domain, now) = (&destination.domain, Instant::now());
    let delivered = outcomes.iter().any(|o| matches!(o.result, OutcomeResult::Delivered { .. }));
    let put_off = |o: &&Outcome| matches!(o.result, OutcomeResult::Deferred { .. });
    if delivered {
        shared.windows.took(domain, now);
    } else if !outcomes.is_empty() && outcomes.iter().all(|o| put_off(&o)) && is_pushing_back(outcomes) {
        shared.windows.pushed_back(domain, now);
    }
    if client.judge != way::Judge::Peers {
        return;
    }
    if delivered {
        let delay = operator.clock().now().0.saturating_sub(outgoing.queued.0);
        operator.peer_delivered(Direction::Out, Some(domain), Some(&client.peer.dn), outgoing.size, Some(delay));
    } else if let Some(OutcomeResult::Deferred { refusal, .. }) = outcomes.iter().find(put_off).map(|o| &o.result) {
        operator.peer_failed(Direction::Out, Some(domain), Some(&client.peer.dn), refusal.code);
    } else if outcomes.iter().any(|o| matches!(o.result, OutcomeResult::Failed { .. })) {
        operator.peer_failed(Direction::Out, Some(domain), Some(&client.peer.dn), RefusalCode::TransferRefused);
    }
}

/// A mailbox that is full, or busy (`4.2.z`), or with another server (`4.4.4`) says nothing of the server.
fn is_pushing_back(outcomes: &[Outcome]) -> bool {
    outcomes.iter().any(|o| match &o.result {
        OutcomeResult::Deferred { reason, .. } => !reason.contains(" 4.2.") && !reason.contains(" 4.4.4 "),
        _ => false,
    })
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
