//! Serving one leased destination: connect, send all that is due, record what became of each recipient.
use super::TransferConfig;
use super::client::{Client, connect};
use crate::codec::response::Response;
use crate::codec::stuffing::DotStuffer;
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_operator::Operator;
use sceau_operator::queue::{Destination, Outcome, OutcomeResult, Outgoing};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Content is sent by windows of this size.
const WINDOW: usize = 64 << 10;
/// Recipients of one transaction: what every server takes (RFC 5321 §4.5.3.1.8).
const RECIPIENTS: usize = 100;
/// Times that outcomes are offered to a failing store before the message is left to be sent again.
const SETTLE_TRIES: u32 = 5;

/// Serves the destination until nothing is due, it fails, its lease is lost or `stop`; the lease is given back.
pub async fn serve(operator: &Operator, config: &TransferConfig, destination: Destination, stop: &CancellationToken) {
    let ended = match open(operator, config, &destination).await {
        Ok(mut client) => {
            let ended = send_all(operator, &mut client, &destination, stop).await;
            match ended {
                Ok(()) => client.quit().await,
                Err(_) => drop(client),
            }
            ended
        }
        Err((refusal, server)) if is_final(&refusal) => fail_all(operator, &destination, &refusal, server).await,
        Err(failed) => Err(Ended::Unreachable(failed.0, failed.1)),
    };
    let released = match ended {
        Ok(()) | Err(Ended::Lost) => operator.release_destination(&destination).await,
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
    /// The destination cannot be reached, or broke off.
    Unreachable(Refusal, Option<String>),
    /// The lease or the store was lost: others go on.
    Lost,
}

/// What will not get better by waiting: the domain takes no mail, or left the trust space.
fn is_final(refusal: &Refusal) -> bool {
    matches!(refusal.code, RefusalCode::RcptNotListed | RefusalCode::TransferNoRoute)
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

async fn send_all(
    operator: &Operator,
    client: &mut Client,
    destination: &Destination,
    stop: &CancellationToken,
) -> Result<(), Ended> {
    while !stop.is_cancelled() {
        let Some(mut outgoing) = operator.next_outgoing(destination).await.map_err(|_| Ended::Lost)? else {
            return Ok(());
        };
        if !matches!(operator.renew_destination(destination).await, Ok(Some(_))) {
            return Err(Ended::Lost);
        }
        outgoing.recipients.truncate(RECIPIENTS);
        let (outcomes, broken) = send(client, &mut outgoing).await;
        for o in &outcomes {
            let outcome = match o.result {
                OutcomeResult::Delivered { .. } => "delivered",
                OutcomeResult::Failed { .. } => "failed",
                OutcomeResult::Deferred { .. } => "deferred",
            };
            metrics::counter!("sceau_transfer_recipients_total", "outcome" => outcome).increment(1);
        }
        tracing::info!(destination = %destination.domain, message = outgoing.id, recipients = outcomes.len(), "attempt");
        settle(operator, outgoing.id, outcomes).await?;
        if let Some(refusal) = broken {
            return Err(Ended::Unreachable(refusal, Some(client.server.clone())));
        }
    }
    Ok(())
}

/// Records outcomes; a store that fails for a moment must not make the peer receive everything again.
async fn settle(operator: &Operator, id: i64, outcomes: Vec<Outcome>) -> Result<(), Ended> {
    let mut pause = Duration::from_millis(100);
    for _ in 0..SETTLE_TRIES {
        if operator.settle(id, outcomes.clone()).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        pause *= 3;
    }
    Err(Ended::Lost)
}

/// Fails everything that is due at a destination that will not get better.
async fn fail_all(
    operator: &Operator,
    destination: &Destination,
    refusal: &Refusal,
    server: Option<String>,
) -> Result<(), Ended> {
    let server = server.unwrap_or_else(|| operator.config().hostname.clone());
    while let Some(outgoing) = operator.next_outgoing(destination).await.map_err(|_| Ended::Lost)? {
        let result = OutcomeResult::Failed {
            server: server.clone(),
            reply: refusal.smtp_reply(),
            status: refusal.code.enhanced().into(),
        };
        let outcomes =
            outgoing.recipients.iter().map(|(entry, _)| Outcome { entry: *entry, result: result.clone() }).collect();
        settle(operator, outgoing.id, outcomes).await?;
    }
    Ok(())
}

/// Sends one message. An outcome for each recipient, and the refusal that broke the connection, if any.
async fn send(client: &mut Client, outgoing: &mut Outgoing) -> (Vec<Outcome>, Option<Refusal>) {
    if let Some(refusal) = beyond(client, outgoing) {
        let result = OutcomeResult::Failed {
            server: client.server.clone(),
            reply: refusal.smtp_reply(),
            status: refusal.code.enhanced().into(),
        };
        return (all(outgoing, &result), None);
    }
    let mut done = Vec::new();
    match transaction(client, outgoing, &mut done).await {
        Ok(()) => (done, None),
        Err(refusal) => {
            let result = OutcomeResult::Deferred {
                server: Some(client.server.clone()),
                reason: refusal.smtp_reply(),
                refusal: refusal.clone(),
            };
            // Recipients that were refused by name before the connection broke stay refused.
            let open = outgoing.recipients.iter().filter(|(id, _)| !done.iter().any(|d: &Outcome| d.entry == *id));
            let rest: Vec<Outcome> = open.map(|(id, _)| Outcome { entry: *id, result: result.clone() }).collect();
            done.extend(rest);
            (done, Some(refusal))
        }
    }
}

/// What this server cannot take, known before anything is sent.
fn beyond(client: &Client, outgoing: &Outgoing) -> Option<Refusal> {
    let refusal = |code| Refusal::new(code).with("server", &client.server);
    if outgoing.smtputf8 && !client.can.smtputf8 {
        return Some(refusal(RefusalCode::TransferNoSmtpUtf8));
    }
    if outgoing.body_8bit && !client.can.eight_bit {
        return Some(refusal(RefusalCode::TransferNo8Bit));
    }
    match client.can.max_size {
        Some(limit) if outgoing.size > limit => Some(refusal(RefusalCode::MessageTooBig).with("limit", limit)),
        _ => None,
    }
}

fn all(outgoing: &Outgoing, result: &OutcomeResult) -> Vec<Outcome> {
    outgoing.recipients.iter().map(|(id, _)| Outcome { entry: *id, result: result.clone() }).collect()
}

/// One mail transaction. Outcomes go to `done` as they become final; an error means that the connection is of no more use.
async fn transaction(client: &mut Client, outgoing: &mut Outgoing, done: &mut Vec<Outcome>) -> Result<(), Refusal> {
    let mail = mail_command(client, outgoing);
    let rcpts: Vec<String> = outgoing.recipients.iter().map(|(_, to)| format!("RCPT TO:<{}>\r\n", path(to))).collect();
    let pipelining = client.can.pipelining;
    client.queue(mail.as_bytes()).await?;
    if pipelining {
        for rcpt in &rcpts {
            client.queue(rcpt.as_bytes()).await?;
        }
    }
    client.send().await?;
    let answer = client.reply().await?;
    let refused_mail = (!answer.is_positive()).then_some(answer);
    if refused_mail.is_some() && !pipelining {
        done.extend(refused_mail.iter().flat_map(|r| all(outgoing, &said(client, r))));
        return Ok(());
    }
    let mut accepted = Vec::new();
    for ((id, _), rcpt) in outgoing.recipients.iter().zip(&rcpts) {
        let answer = if pipelining { client.reply().await? } else { client.command(rcpt).await? };
        match &refused_mail {
            Some(mail) => done.push(Outcome { entry: *id, result: said(client, mail) }),
            None if answer.is_positive() => accepted.push(*id),
            None => done.push(Outcome { entry: *id, result: said(client, &answer) }),
        }
    }
    if accepted.is_empty() {
        return reset(client).await;
    }
    let answer = client.command("DATA\r\n").await?;
    if answer.code != 354 {
        done.extend(accepted.iter().map(|id| Outcome { entry: *id, result: said(client, &answer) }));
        return reset(client).await;
    }
    content(client, outgoing).await?;
    let answer = client.last_reply().await?;
    let result = if answer.is_positive() {
        OutcomeResult::Delivered {
            server: client.server.clone(),
            reply: answer.text(),
            dn: client.dn.clone(),
            tls: client.tls.clone(),
        }
    } else {
        said(client, &answer)
    };
    done.extend(accepted.iter().map(|id| Outcome { entry: *id, result: result.clone() }));
    Ok(())
}

async fn reset(client: &mut Client) -> Result<(), Refusal> {
    client.command("RSET\r\n").await.map(drop)
}

/// An address as a path holds it. Its parts can hold no CR, LF, `<` or `>` unquoted: the type refuses them.
fn path(address: &Address) -> String {
    address.to_string()
}

fn mail_command(client: &Client, outgoing: &Outgoing) -> String {
    let from = outgoing.from.as_ref().map(path).unwrap_or_default();
    let mut line = format!("MAIL FROM:<{from}>");
    if client.can.size {
        line.push_str(&format!(" SIZE={}", outgoing.size));
    }
    if client.can.eight_bit {
        line.push_str(if outgoing.body_8bit { " BODY=8BITMIME" } else { " BODY=7BIT" });
    }
    if outgoing.smtputf8 {
        line.push_str(" SMTPUTF8");
    }
    line.push_str("\r\n");
    line
}

/// Prefix and content, by windows, dot-stuffed, and the end.
async fn content(client: &mut Client, outgoing: &mut Outgoing) -> Result<(), Refusal> {
    let mut stuffer = DotStuffer::default();
    let mut wire = Vec::with_capacity(WINDOW + WINDOW / 16);
    stuffer.push(&outgoing.prefix, &mut wire);
    let mut offset = 0;
    loop {
        // A short blocking read; one window at a time.
        let window = outgoing.content.read_at(offset, WINDOW).map_err(|e| {
            tracing::error!(error = %e, "queued content");
            Refusal::new(RefusalCode::Unavailable)
        })?;
        if window.is_empty() {
            break;
        }
        offset += window.len() as u64;
        stuffer.push(&window, &mut wire);
        client.queue(&wire).await?;
        client.send().await?;
        wire.clear();
    }
    stuffer.finish(&mut wire);
    client.queue(&wire).await?;
    client.send().await
}

/// A reply that is no acceptance.
fn said(client: &Client, reply: &Response) -> OutcomeResult {
    let server = client.server.clone();
    if reply.is_permanent() {
        return OutcomeResult::Failed { server, reply: reply.text(), status: reply.status_or_default() };
    }
    let refusal = Refusal::new(RefusalCode::TransferRefused).with("server", &server).with("reply", reply.text());
    OutcomeResult::Deferred { server: Some(server), reason: reply.text(), refusal }
}
