//! One message over an open connection: MAIL, RCPT (in one go where the server takes PIPELINING, RFC 2920), the content (DATA, or BDAT where the server
//! takes CHUNKING, RFC 3030), and what became of each recipient.
//!
//! Extensions: what the sender asked about reports goes with the message to a server that announces DSN (RFC 3461); what a server cannot take is
//! converted where that harms nothing ([`super::convert`]), and otherwise comes back with the reason.
use super::client::{Client, no};
use super::convert::{self, Form};
use crate::codec::response::Response;
use crate::codec::stuffing::DotStuffer;
use sceau_domain::dsn::RcptRequest;
use sceau_domain::{Address, Refusal, RefusalCode};
use sceau_operator::queue::{Outcome, OutcomeResult, Outgoing};
use std::time::Duration;

/// Content is sent by windows of this size.
const WINDOW: usize = 64 << 10;
/// Chunks under way before their replies are read.
const CHUNKS: u32 = 4;
/// What a whole transaction may take, whatever each of its steps does.
const WHOLE: Duration = Duration::from_secs(3600);

/// What became of one message on one connection. Recipients without an outcome are due still.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// One for each recipient that was tried.
    pub outcomes: Vec<Outcome>,
    /// What broke the connection.
    pub broken: Option<Refusal>,
    /// Entries that the server put off by name, for a cause that need not be another server's.
    pub put_off: Vec<i64>,
}

impl Sent {
    fn of(outcomes: Vec<Outcome>) -> Self {
        Self { outcomes, ..Self::default() }
    }
}

/// Sends one message.
pub(super) async fn send(client: &mut Client, outgoing: &mut Outgoing) -> Sent {
    let most = client.can.rcpt_max.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    outgoing.recipients.truncate(most);
    outgoing.requests.truncate(most);
    let form = match beyond(client, outgoing) {
        Some(refusal) => Err(refusal),
        None => convert::form(client, outgoing).await,
    };
    let form = match form {
        Ok(form) => form,
        Err(refusal) if refusal.is_temporary() => {
            let result = deferred(client, &refusal);
            return Sent::of(all(outgoing, &result));
        }
        Err(refusal) => {
            let result = OutcomeResult::Failed {
                server: client.server.clone(),
                reply: refusal.smtp_reply(),
                status: refusal.code.enhanced().into(),
            };
            return Sent::of(all(outgoing, &result));
        }
    };
    client.begun += 1;
    let mut sent = Sent::default();
    let mut left = Vec::new();
    let whole = tokio::time::timeout(WHOLE, transaction(client, outgoing, form, (&mut sent, &mut left))).await;
    let ended = whole.unwrap_or_else(|_| {
        Err(Refusal::new(RefusalCode::TransferCut).with("server", &client.server).with("cause", "too slow as a whole"))
    });
    match ended {
        Ok(()) => sent,
        Err(refusal) => {
            client.leaving = true;
            let result = deferred(client, &refusal);
            // Recipients that were refused by name before the connection broke stay refused.
            let open = outgoing
                .recipients
                .iter()
                .filter(|(id, _)| !left.contains(id) && !sent.outcomes.iter().any(|d| d.entry == *id));
            let rest: Vec<Outcome> = open.map(|(id, _)| Outcome { entry: *id, result: result.clone() }).collect();
            sent.outcomes.extend(rest);
            Sent { broken: Some(refusal), ..sent }
        }
    }
}

fn deferred(client: &Client, refusal: &Refusal) -> OutcomeResult {
    OutcomeResult::Deferred {
        server: Some(client.server.clone()),
        reason: refusal.smtp_reply(),
        refusal: refusal.clone(),
    }
}

/// What this server cannot take, known before anything is sent.
fn beyond(client: &Client, outgoing: &Outgoing) -> Option<Refusal> {
    let refusal = |code| Refusal::new(code).with("server", &client.server);
    if outgoing.requiretls && !client.can.requiretls {
        return Some(refusal(RefusalCode::TransferNoRequireTls));
    }
    if outgoing.smtputf8 && !client.can.smtputf8 {
        return Some(refusal(RefusalCode::TransferNoSmtpUtf8));
    }
    match client.can.max_size {
        Some(limit) if outgoing.size > limit => Some(refusal(RefusalCode::MessageTooBig).with("limit", limit)),
        _ => None,
    }
}

fn all(outgoing: &Outgoing, result: &OutcomeResult) -> Vec<Outcome> {
    outgoing.recipients.iter().map(|(id, _)| Outcome { entry: *id, result: result.clone() }).collect()
}

/// One mail transaction. Outcomes go to `sent` as they become final, recipients that the server wants in another transaction to `left`; an error means
/// that the connection is of no more use.
async fn transaction(
    client: &mut Client,
    outgoing: &mut Outgoing,
    form: Form,
    (sent, left): (&mut Sent, &mut Vec<i64>),
) -> Result<(), Refusal> {
    // Until MAIL is answered. A server that has taken as many as it wants on one connection says 421, or closes.
    client.stale = client.begun > 1;
    client.in_step()?;
    let mail = mail_command(client, outgoing, &form);
    let pairs = outgoing.recipients.iter().zip(outgoing.requests.iter().map(Some).chain(std::iter::repeat(None)));
    let rcpts: Vec<String> = pairs.map(|((_, to), request)| rcpt_command(client, to, request)).collect();
    let pipelining = client.can.pipelining;
    client.queue(mail.as_bytes()).await?;
    if pipelining {
        for rcpt in &rcpts {
            client.queue(rcpt.as_bytes()).await?;
        }
    }
    client.send().await?;
    let answer = client.reply().await?;
    client.stale &= answer.code == 421;
    let refused_mail = (!answer.is_positive()).then_some(answer);
    if refused_mail.is_some() && (!pipelining || client.leaving) {
        sent.outcomes.extend(refused_mail.iter().flat_map(|r| all(outgoing, &said(client, r))));
        return Ok(());
    }
    let mut accepted = Vec::new();
    for ((id, _), rcpt) in outgoing.recipients.iter().zip(&rcpts) {
        let answer = if pipelining { client.reply().await? } else { client.command(rcpt).await? };
        match &refused_mail {
            Some(mail) => sent.outcomes.push(Outcome { entry: *id, result: said(client, mail) }),
            None if answer.is_positive() => accepted.push(*id),
            // RFC 5321 §4.5.3.1.10: too many for one transaction. The next one takes the rest.
            None if is_too_many(&answer) && !accepted.is_empty() => left.push(*id),
            None => {
                if is_put_off(&answer) {
                    sent.put_off.push(*id);
                }
                sent.outcomes.push(Outcome { entry: *id, result: said_of_recipient(client, &answer) });
            }
        }
    }
    if accepted.is_empty() {
        return reset(client).await;
    }
    client.in_step()?;
    let answer = match client.can.chunking {
        true => chunks(client, outgoing, form).await,
        false => match client.command("DATA\r\n").await? {
            go if go.code == 354 => data(client, outgoing, form).await,
            no => {
                sent.outcomes.extend(accepted.iter().map(|id| Outcome { entry: *id, result: said(client, &no) }));
                return reset(client).await;
            }
        },
    };
    let answer = match answer {
        Ok(answer) => answer,
        // A server that closes in the middle may have said why. The end was not sent: it cannot have taken the message.
        Err(Stop::Broken(refusal)) => client.last_words().await.ok_or(refusal)?,
        Err(Stop::Cut(refusal)) => return Err(refusal),
    };
    let result = if answer.is_positive() {
        OutcomeResult::Delivered {
            server: client.server.clone(),
            reply: answer.text(),
            dn: client.peer.dn.to_string(),
            tls: client.tls.clone(),
            dsn: client.can.dsn,
        }
    } else {
        said(client, &answer)
    };
    sent.outcomes.extend(accepted.iter().map(|id| Outcome { entry: *id, result: result.clone() }));
    Ok(())
}

fn is_too_many(reply: &Response) -> bool {
    reply.code == 452 && reply.status.as_deref().is_none_or(|s| s == "4.5.3")
}

/// May another server of the domain take this recipient now? Not when the mailbox is full or busy (`X.2.z`), nor when this server closes.
fn is_put_off(reply: &Response) -> bool {
    let mailbox = reply.status.as_deref().is_some_and(|s| s.starts_with("4.2."));
    !reply.is_permanent() && reply.code != 421 && !mailbox
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

fn mail_command(client: &Client, outgoing: &Outgoing, form: &Form) -> String {
    let from = outgoing.from.as_ref().map(path).unwrap_or_default();
    let (can, mut line) = (&client.can, format!("MAIL FROM:<{from}>"));
    if can.size {
        // RFC 1870 §6.1: an estimate, which a conversion makes larger.
        line.push_str(&format!(" SIZE={}", form.size(outgoing.size)));
    }
    match form {
        Form::Binary => line.push_str(" BODY=BINARYMIME"),
        Form::Lines if can.eight_bit => {
            line.push_str(if outgoing.body_8bit { " BODY=8BITMIME" } else { " BODY=7BIT" });
        }
        Form::Converted(plan) if can.eight_bit => {
            line.push_str(if plan.is_7bit { " BODY=7BIT" } else { " BODY=8BITMIME" });
        }
        _ => {}
    }
    if outgoing.smtputf8 {
        line.push_str(" SMTPUTF8");
    }
    if outgoing.requiretls {
        line.push_str(" REQUIRETLS");
    }
    if can.dsn {
        if let Some(ret) = outgoing.dsn.ret {
            line.push_str(&format!(" RET={}", ret.as_str()));
        }
        if let Some(envid) = &outgoing.dsn.envid {
            line.push_str(&format!(" ENVID={}", envid.to_wire()));
        }
    }
    line.push_str("\r\n");
    line
}

fn rcpt_command(client: &Client, to: &Address, request: Option<&RcptRequest>) -> String {
    let mut line = format!("RCPT TO:<{}>", path(to));
    if client.can.dsn
        && let Some(request) = request
    {
        if let Some(notify) = request.notify {
            line.push_str(&format!(" NOTIFY={notify}"));
        }
        if let Some(orcpt) = request.orcpt.as_ref().and_then(|o| o.to_wire()) {
            line.push_str(&format!(" ORCPT={orcpt}"));
        }
    }
    line.push_str("\r\n");
    line
}

/// Why nobody knows whether the content was taken.
pub(super) enum Stop {
    /// The connection broke before the end was sent.
    Broken(Refusal),
    /// Our own copy cannot be read, or the reply to the end was lost or is none: nothing more is heard. The connection must be cut, not ended: half a message
    /// is no message, and what comes late is the answer to nothing that anybody could name.
    Cut(Refusal),
}

/// What is sent, by windows: the prefix and the content, as they are or converted.
struct Source {
    form: Form,
    at: u64,
    begun: bool,
}

impl Source {
    fn new(form: Form) -> Self {
        Self { form, at: 0, begun: false }
    }
    /// The next window; empty at the end. The prefix goes with the first one: a small message is one chunk, and one reply.
    async fn next(&mut self, outgoing: &mut Outgoing) -> Result<Vec<u8>, Stop> {
        if !std::mem::replace(&mut self.begun, true) && !outgoing.prefix.is_empty() {
            let mut window = outgoing.prefix.clone();
            window.extend(self.content(outgoing).await?);
            return Ok(window);
        }
        self.content(outgoing).await
    }
    /// The next window of the content; empty at its end.
    async fn content(&mut self, outgoing: &mut Outgoing) -> Result<Vec<u8>, Stop> {
        if let Form::Converted(plan) = &mut self.form {
            return plan.next(&mut outgoing.content, WINDOW).await.map_err(|e| unreadable(outgoing.id, Some(&e)));
        }
        if self.at >= outgoing.content.size() {
            return Ok(Vec::new());
        }
        match outgoing.content.read_at(self.at, WINDOW).await {
            Ok(window) if !window.is_empty() => {
                self.at += window.len() as u64;
                Ok(window)
            }
            other => Err(unreadable(outgoing.id, other.err().as_ref())),
        }
    }
}

fn unreadable(message: i64, e: Option<&sceau_operator::queue::ReadingError>) -> Stop {
    tracing::error!(message, error = ?e, "queued content cannot be read");
    Stop::Cut(RefusalCode::Unavailable.into())
}

/// The content by lines, dot-stuffed, its end, and the reply.
async fn data(client: &mut Client, outgoing: &mut Outgoing, form: Form) -> Result<Response, Stop> {
    let (mut stuffer, mut source) = (DotStuffer::default(), Source::new(form));
    let mut wire = Vec::with_capacity(WINDOW + WINDOW / 16);
    loop {
        let window = source.next(outgoing).await?;
        if window.is_empty() {
            break;
        }
        stuffer.push(&window, &mut wire);
        client.queue(&wire).await.map_err(Stop::Broken)?;
        client.send().await.map_err(Stop::Broken)?;
        wire.clear();
        // One that has heard enough: what is sent from here on it does not read.
        if client.has_spoken() {
            return early(client).await;
        }
    }
    stuffer.finish(&mut wire);
    client.queue(&wire).await.map_err(Stop::Broken)?;
    client.send().await.map_err(Stop::Broken)?;
    client.last_reply().await.map_err(Stop::Cut)
}

/// What a server said before the end: a refusal counts, an acceptance of half a message is none.
async fn early(client: &mut Client) -> Result<Response, Stop> {
    let server = client.server.clone();
    client.last_words().await.ok_or_else(|| {
        let refusal = Refusal::new(RefusalCode::TransferProtocol).with("server", server);
        Stop::Cut(refusal.with("reply", "a reply before the end of the content"))
    })
}

/// The content by chunks, and the reply to the last.
async fn chunks(client: &mut Client, outgoing: &mut Outgoing, form: Form) -> Result<Response, Stop> {
    let mut source = Source::new(form);
    let window = if client.can.pipelining { CHUNKS } else { 1 };
    let (mut piece, mut under_way) = (source.next(outgoing).await?, 0_u32);
    loop {
        let next = source.next(outgoing).await?;
        let last = next.is_empty();
        let command = format!("BDAT {}{}\r\n", piece.len(), if last { " LAST" } else { "" });
        client.queue(command.as_bytes()).await.map_err(Stop::Broken)?;
        client.queue(&piece).await.map_err(Stop::Broken)?;
        client.send().await.map_err(Stop::Broken)?;
        under_way += 1;
        while under_way >= if last { 2 } else { window } {
            let reply = client.reply().await.map_err(Stop::Broken)?;
            under_way -= 1;
            if !reply.is_positive() {
                // What follows a refused chunk is refused too; the connection is not worth counting its replies.
                client.leaving = true;
                return Ok(reply);
            }
        }
        if last {
            return client.last_reply().await.map_err(Stop::Cut);
        }
        piece = next;
    }
}

/// A reply that is no acceptance.
fn said(client: &Client, reply: &Response) -> OutcomeResult {
    let server = client.server.clone();
    if reply.is_permanent() {
        return OutcomeResult::Failed { server, reply: reply.text(), status: reply.status_or_default() };
    }
    let refusal = Refusal::new(no(reply)).with("server", &server).with("reply", reply.text());
    OutcomeResult::Deferred { server: Some(server), reason: reply.text(), refusal }
}

/// A recipient that was not accepted. A 552 there is a full mailbox (RFC 5321 §4.2.3), which machines look for as 5.2.2 (EX_PBA_5080).
fn said_of_recipient(client: &Client, reply: &Response) -> OutcomeResult {
    match said(client, reply) {
        OutcomeResult::Failed { server, reply: text, .. } if reply.code == 552 && reply.status.is_none() => {
            OutcomeResult::Failed { server, reply: text, status: "5.2.2".into() }
        }
        other => other,
    }
}
