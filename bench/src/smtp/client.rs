//! The sending side of SMTP (RFC 5321), with STARTTLS, AUTH PLAIN and PIPELINING.
use super::reply::{Offers, Reply};
use crate::Failure;
use crate::dial::{Dial, Phases};
use crate::wire::Wire;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::time::{Duration, Instant};

/// Longest line of a reply (RFC 5321 says 512; nobody should fail for a long sentence).
const LONGEST: usize = 4096;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// An open session, ready for MAIL.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
    offers: Offers,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Places of the recipients that were accepted, in the list given; empty unless the message was acknowledged.
    pub accepted: Vec<usize>,
    /// Places of the recipients worth another try (4xx).
    pub deferred: Vec<usize>,
    /// Refusals: command and reply.
    pub refusals: Vec<(&'static str, Reply)>,
    /// From MAIL to the last reply.
    pub whole: Duration,
    /// From the end of the content to the last reply: what the server does to make it durable.
    pub end: Duration,
}

impl Client {
    /// Connects, secures, says hello, logs in.
    pub async fn open(
        dial: &Dial,
        index: u32,
        hello: &str,
        auth: Option<&(String, String)>,
    ) -> Result<(Self, Phases), Failure> {
        dial.limited(Self::open_unlimited(dial, index, hello, auth)).await
    }

    async fn open_unlimited(
        dial: &Dial,
        index: u32,
        hello: &str,
        auth: Option<&(String, String)>,
    ) -> Result<(Self, Phases), Failure> {
        let began = Instant::now();
        let mut phases = Phases::default();
        let (mut wire, tls) = dial.open(index, LONGEST).await?;
        Reply::read(&mut wire).await?.expect_good("greeting")?;
        if let Some(at) = tls {
            phases.handshake = at.elapsed();
        }
        let mut offers = ehlo(&mut wire, hello).await?;
        if dial.starttls() {
            if !offers.starttls {
                return Err(Failure::Protocol("STARTTLS is not offered"));
            }
            wire.send(b"STARTTLS\r\n").await?;
            Reply::read(&mut wire).await?.expect_good("STARTTLS")?;
            let at = Instant::now();
            wire = dial.secure(wire).await?;
            offers = ehlo(&mut wire, hello).await?;
            phases.handshake = at.elapsed();
        }
        if let Some((user, secret)) = auth {
            if !offers.plain {
                return Err(Failure::Protocol("AUTH PLAIN is not offered"));
            }
            let initial = STANDARD.encode(format!("\0{user}\0{secret}"));
            wire.send(format!("AUTH PLAIN {initial}\r\n").as_bytes()).await?;
            Reply::read(&mut wire).await?.expect_good("AUTH")?;
        }
        phases.whole = began.elapsed();
        Ok((Self { wire, offers }, phases))
    }

    /// Version and suite of TLS.
    pub fn tls(&self) -> Option<String> {
        self.wire.tls()
    }

    /// Was an earlier TLS session taken up again?
    pub fn resumed(&self) -> bool {
        self.wire.resumed()
    }

    /// Sends a message. After an error the session is of no more use.
    pub async fn transact(
        &mut self,
        dial: &Dial,
        from: &str,
        recipients: &[&str],
        content: &[u8],
        pipelining: bool,
    ) -> Result<Outcome, Failure> {
        dial.limited(self.transact_unlimited(from, recipients, content, pipelining)).await
    }

    async fn transact_unlimited(
        &mut self,
        from: &str,
        recipients: &[&str],
        content: &[u8],
        pipelining: bool,
    ) -> Result<Outcome, Failure> {
        let began = Instant::now();
        let size = if self.offers.size { format!(" SIZE={}", content.len()) } else { String::new() };
        let mail = format!("MAIL FROM:<{from}>{size}\r\n");
        let mut rcpt = recipients.iter().map(|r| format!("RCPT TO:<{r}>\r\n"));
        let at_once = pipelining && self.offers.pipelining;
        let mut replies = Replies::default();
        if at_once {
            let all = std::iter::once(mail).chain(rcpt).chain(["DATA\r\n".to_owned()]).collect::<String>();
            self.wire.send(all.as_bytes()).await?;
            replies.mail(self.reply().await?);
            for i in 0..recipients.len() {
                replies.recipient(i, self.reply().await?);
            }
            let data = self.reply().await?;
            replies.data(data);
        } else {
            self.wire.send(mail.as_bytes()).await?;
            replies.mail(self.reply().await?);
            for i in 0..recipients.len() {
                let Some(line) = rcpt.next().filter(|_| replies.mail_ok) else { break };
                self.wire.send(line.as_bytes()).await?;
                replies.recipient(i, self.reply().await?);
            }
            if !replies.accepted.is_empty() {
                self.wire.send(b"DATA\r\n").await?;
                let data = self.reply().await?;
                replies.data(data);
            }
        }
        let mut end = Duration::ZERO;
        let mut acknowledged = false;
        if replies.go_on {
            // After a pipelined DATA that was granted though nobody was accepted, nothing is sent (RFC 2920 §3.1).
            if !replies.accepted.is_empty() {
                self.wire.send(content).await?;
            }
            self.wire.send(b".\r\n").await?;
            let sent = Instant::now();
            let last = self.reply().await?;
            end = sent.elapsed();
            acknowledged = last.good() && !replies.accepted.is_empty();
            if !last.good() {
                replies.refused("content", last);
            }
        }
        let outcome = replies.outcome(acknowledged, recipients.len(), began.elapsed(), end);
        if !acknowledged && !replies_closed(&outcome) {
            self.wire.send(b"RSET\r\n").await?;
            self.reply().await?;
        }
        Ok(outcome)
    }

    /// Says goodbye and leaves.
    pub async fn quit(mut self) {
        let polite = async {
            self.wire.send(b"QUIT\r\n").await?;
            self.reply().await?;
            self.wire.close().await;
            Ok::<_, Failure>(())
        };
        // Nothing that was measured depends on it.
        let _ = tokio::time::timeout(GOODBYE, polite).await;
    }

    async fn reply(&mut self) -> Result<Reply, Failure> {
        Reply::read(&mut self.wire).await
    }
}

/// Did the server announce that it leaves (421)?
pub fn replies_closed(outcome: &Outcome) -> bool {
    outcome.refusals.iter().any(|(_, r)| r.code == 421)
}

async fn ehlo(wire: &mut Wire, hello: &str) -> Result<Offers, Failure> {
    wire.send(format!("EHLO {hello}\r\n").as_bytes()).await?;
    Ok(Offers::of(&Reply::read(wire).await?.expect_good("EHLO")?))
}

/// Replies of one transaction so far.
#[derive(Debug, Default)]
struct Replies {
    mail_ok: bool,
    go_on: bool,
    accepted: Vec<usize>,
    deferred: Vec<usize>,
    refusals: Vec<(&'static str, Reply)>,
}

impl Replies {
    fn mail(&mut self, reply: Reply) {
        self.mail_ok = reply.good();
        if !self.mail_ok {
            self.refused("MAIL", reply);
        }
    }
    fn recipient(&mut self, place: usize, reply: Reply) {
        if reply.good() {
            self.accepted.push(place);
        } else if self.mail_ok {
            if reply.transient() {
                self.deferred.push(place);
            }
            self.refused("RCPT", reply);
        }
        // Without MAIL its refusal says nothing new.
    }
    fn data(&mut self, reply: Reply) {
        self.go_on = reply.code == 354;
        // A refusal because nobody was accepted says nothing new either.
        if !self.go_on && !self.accepted.is_empty() {
            self.refused("DATA", reply);
        }
    }
    fn refused(&mut self, stage: &'static str, reply: Reply) {
        self.refusals.push((stage, reply));
    }
    fn outcome(self, acknowledged: bool, recipients: usize, whole: Duration, end: Duration) -> Outcome {
        let mut deferred = self.deferred;
        if !acknowledged && self.refusals.last().is_some_and(|(stage, r)| *stage != "RCPT" && r.transient()) {
            // The whole message is to be tried again, for all whom nothing permanent was said about.
            deferred = match self.mail_ok {
                true => self.accepted.iter().copied().chain(deferred).collect(),
                false => (0..recipients).collect(),
            };
            deferred.sort_unstable();
        }
        let accepted = if acknowledged { self.accepted } else { Vec::new() };
        Outcome { accepted, deferred, refusals: self.refusals, whole, end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16) -> Reply {
        Reply { code, lines: vec![] }
    }
    fn end(replies: Replies, acknowledged: bool) -> (Vec<usize>, Vec<usize>) {
        let o = replies.outcome(acknowledged, 3, Duration::ZERO, Duration::ZERO);
        (o.accepted, o.deferred)
    }
    fn three(codes: [u16; 3]) -> Replies {
        let mut r = Replies::default();
        r.mail(reply(250));
        codes.into_iter().enumerate().for_each(|(i, c)| r.recipient(i, reply(c)));
        r
    }

    #[test]
    fn recipients_are_judged_one_by_one() {
        let mut r = three([250, 450, 550]);
        r.data(reply(354));
        assert!(r.go_on);
        assert_eq!(end(r, true), (vec![0], vec![1]));
    }

    #[test]
    fn a_transient_end_defers_all_but_the_refused() {
        let mut r = three([250, 450, 550]);
        r.data(reply(354));
        r.refused("content", reply(451));
        assert_eq!(end(r, false), (vec![], vec![0, 1]));
        let mut r = three([250, 450, 550]);
        r.refused("content", reply(554));
        assert_eq!(end(r, false), (vec![], vec![1]));
    }

    #[test]
    fn a_sender_deferred_defers_all_and_counts_once() {
        let mut r = Replies::default();
        r.mail(reply(451));
        (0..3).for_each(|i| r.recipient(i, reply(503)));
        r.data(reply(503));
        assert_eq!(r.refusals.len(), 1);
        assert_eq!(end(r, false), (vec![], vec![0, 1, 2]));
    }
}
