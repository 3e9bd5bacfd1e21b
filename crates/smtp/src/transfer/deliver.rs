//! One message over an open connection: MAIL, RCPT (in one go where the server takes PIPELINING, RFC 2920), DATA, and what
//! became of each recipient.
use super::client::Client;
use crate::codec::response::Response;
use crate::codec::stuffing::DotStuffer;
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_operator::queue::{Outcome, OutcomeResult, Outgoing};

/// Content is sent by windows of this size.
const WINDOW: usize = 64 << 10;

/// Sends one message. An outcome for each recipient, and the refusal that broke the connection, if any.
pub(super) async fn send(client: &mut Client, outgoing: &mut Outgoing) -> (Vec<Outcome>, Option<Refusal>) {
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
    if refused_mail.is_some() && (!pipelining || client.leaving) {
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
    let answer = match content(client, outgoing).await {
        Ok(()) => client.last_reply().await?,
        // A server that closes in the middle may have said why. The end was not sent: it cannot have taken the message.
        Err(Stop::Broken(refusal)) => client.last_words().await.ok_or(refusal)?,
        Err(Stop::Local(refusal)) => return Err(refusal),
    };
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

/// Ends a transaction that did not take place; a server that said 421 hears nothing any more.
async fn reset(client: &mut Client) -> Result<(), Refusal> {
    if client.leaving {
        return Ok(());
    }
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

/// Why the content was not sent to its end.
enum Stop {
    /// The connection.
    Broken(Refusal),
    /// Our own copy cannot be read. The connection must be cut, not ended: half a message is no message.
    Local(Refusal),
}

/// Prefix and content, by windows, dot-stuffed, and the end.
async fn content(client: &mut Client, outgoing: &mut Outgoing) -> Result<(), Stop> {
    let mut stuffer = DotStuffer::default();
    let mut wire = Vec::with_capacity(WINDOW + WINDOW / 16);
    stuffer.push(&outgoing.prefix, &mut wire);
    let (mut offset, size) = (0, outgoing.content.size());
    while offset < size {
        let window = match outgoing.content.read_at(offset, WINDOW).await {
            Ok(window) if !window.is_empty() => window,
            other => {
                tracing::error!(message = outgoing.id, error = ?other.err(), "queued content cannot be read");
                return Err(Stop::Local(RefusalCode::Unavailable.into()));
            }
        };
        offset += window.len() as u64;
        stuffer.push(&window, &mut wire);
        client.queue(&wire).await.map_err(Stop::Broken)?;
        client.send().await.map_err(Stop::Broken)?;
        wire.clear();
    }
    stuffer.finish(&mut wire);
    client.queue(&wire).await.map_err(Stop::Broken)?;
    client.send().await.map_err(Stop::Broken)
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
