//! IDLE (RFC 9051 §6.3.13): parked, with its buffers given back; with the mailbox packed after a while; wakes when the BAL changes, when the client says DONE, when
//! rights are taken away, when the door closes, and every few minutes to say something and to ask its rights again.
use crate::session::{Done, End, Reply, Session, Stop, stirred};
use crate::view::View;
use sceau_domain::RefusalCode;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Longest line that may end IDLE.
const DONE_MAX: usize = 1024;

/// When what could not be asked is asked again.
const AGAIN: Duration = Duration::from_secs(5);

enum Woken {
    Line(Result<Vec<u8>, sceau_net::ReadError>),
    Changed,
    Pulled,
    /// Nothing happened for a while.
    Quiet,
    Keepalive,
    Drain,
}

pub(crate) async fn run(s: &mut Session) -> Done {
    s.actor()?;
    s.out.raw("+ idling").end();
    if s.view.is_some() {
        Box::pin(s.news(true)).await?;
    }
    let end = Instant::now() + s.config.idle_timeout;
    let mut said = Instant::now();
    loop {
        if let Some(line) = s.framer.raw_line(DONE_MAX) {
            let done = line.is_ok_and(|l| l.trim_ascii().eq_ignore_ascii_case(b"DONE"));
            return if done { Ok(Reply::Ok) } else { Err(Stop::syntax("IDLE ends with DONE")) };
        }
        // What happens in other folders of the BAL wakes too and says nothing: it must not put off what keeps the way open.
        if s.out.is_empty() && said.elapsed() >= s.config.keepalive {
            s.out.raw("* OK Still here").end();
        }
        if !s.out.is_empty() {
            said = Instant::now();
        }
        Box::pin(s.send()).await?;
        s.framer.park();
        s.out.park();
        let woken = wait(s, said + s.config.keepalive, end).await;
        if let (Some(view), Woken::Line(_) | Woken::Changed) = (&mut s.view, &woken) {
            view.wake();
        }
        match woken {
            Woken::Drain => return Err(Stop::End(End::Bye(RefusalCode::ShuttingDown.into()))),
            Woken::Line(Ok(line)) => s.framer.feed(&line),
            Woken::Line(Err(e)) => return Err(Stop::End(crate::session::ended_by(e))),
            Woken::Changed => Box::pin(tell(s)).await?,
            Woken::Pulled => Box::pin(rights(s)).await?,
            Woken::Quiet => s.view.iter_mut().for_each(View::park),
            Woken::Keepalive if Instant::now() >= end => return Err(Stop::End(End::Bye(RefusalCode::Timeout.into()))),
            Woken::Keepalive => Box::pin(rights(s)).await?,
        }
    }
}

async fn wait(s: &mut Session, keepalive: Instant, end: Instant) -> Woken {
    let keepalive = keepalive.min(end);
    let again = s.owed.then(|| Instant::now() + AGAIN).filter(|again| *again < keepalive);
    // A mailbox where much happens is not packed and unpacked each time.
    let quiet = s.view.as_ref().filter(|view| view.worth_parking()).map(|_| Instant::now() + s.config.quiet);
    let until = [again, quiet].into_iter().flatten().fold(keepalive, Instant::min);
    // RFC 5465 §4: once NOTIFY was used, IDLE tells what it asked for and nothing else.
    let selected = s.view.is_some() && s.wishes.as_ref().is_none_or(|w| w.selected.is_some());
    let (conn, watch, leash, wishes) = (&mut s.conn, &mut s.watch, &mut s.leash, &mut s.wishes);
    tokio::select! {
        biased;
        () = s.drain.cancelled() => Woken::Drain,
        () = crate::session::pulled(leash) => Woken::Pulled,
        line = conn.read_line(DONE_MAX) => Woken::Line(line),
        () = stirred(watch, selected, wishes) => Woken::Changed,
        () = sleep_until(until) => {
            if again == Some(until) {
                Woken::Changed
            } else if until < keepalive {
                Woken::Quiet
            } else {
                Woken::Keepalive
            }
        }
    }
}

/// Tells what changed, to whoever still has the right to it.
async fn tell(s: &mut Session) -> Result<(), Stop> {
    s.owed = false;
    rights(s).await?;
    if s.view.is_some() {
        s.news(true).await?;
    }
    Ok(s.tell_elsewhere().await?)
}

/// A session that has lost its rights is closed; a question that cannot be answered now is asked again later.
async fn rights(s: &mut Session) -> Result<(), Stop> {
    s.still_here().await.map_err(Stop::End)
}
