//! IDLE (RFC 9051 §6.3.13): parked, with its buffers given back; wakes when the BAL changes, when the client says DONE, when
//! rights are taken away, when the door closes, and every few minutes to say something and to ask its rights again.
use crate::session::{Done, End, Reply, Session, Stop};
use sceau_domain::RefusalCode;
use tokio::time::{Instant, sleep_until};

/// Longest line that may end IDLE.
const DONE_MAX: usize = 1024;

enum Woken {
    Line(Result<Vec<u8>, sceau_net::ReadError>),
    Changed,
    Pulled,
    Keepalive,
    Drain,
}

pub(crate) async fn run(s: &mut Session) -> Done {
    s.actor()?;
    s.out.raw("+ idling").end();
    if s.view.is_some() {
        s.sync(true).await?;
    }
    let until = Instant::now() + s.config.idle_timeout;
    loop {
        if let Some(line) = s.framer.raw_line(DONE_MAX) {
            let done = line.is_ok_and(|l| l.trim_ascii().eq_ignore_ascii_case(b"DONE"));
            return if done { Ok(Reply::Ok) } else { Err(Stop::syntax("IDLE ends with DONE")) };
        }
        s.send().await?;
        park(s);
        match wait(s, until).await {
            Woken::Drain => return Err(Stop::End(End::Bye(RefusalCode::ShuttingDown.into()))),
            Woken::Line(Ok(line)) => s.framer.feed(&line),
            Woken::Line(Err(e)) => return Err(Stop::End(crate::session::ended_by(e))),
            Woken::Changed => {
                rights(s).await?;
                s.sync(true).await?;
            }
            Woken::Pulled => rights(s).await?,
            Woken::Keepalive if Instant::now() >= until => {
                return Err(Stop::End(End::Bye(RefusalCode::Timeout.into())));
            }
            Woken::Keepalive => {
                rights(s).await?;
                s.out.raw("* OK Still here").end();
            }
        }
    }
}

async fn wait(s: &mut Session, until: Instant) -> Woken {
    let keepalive = (Instant::now() + s.config.keepalive).min(until);
    let watched = s.view.is_some();
    let (conn, watch, leash) = (&mut s.conn, &mut s.watch, &mut s.leash);
    let changed = async {
        match watch {
            Some(watch) if watched => watch.changed().await,
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = s.drain.cancelled() => Woken::Drain,
        () = crate::session::pulled(leash) => Woken::Pulled,
        line = conn.read_line(DONE_MAX) => Woken::Line(line),
        () = changed => Woken::Changed,
        () = sleep_until(keepalive) => Woken::Keepalive,
    }
}

/// A session that has lost its rights is closed; a question that cannot be answered now is asked again later.
async fn rights(s: &mut Session) -> Result<(), Stop> {
    s.still_here().await.map_err(Stop::End)
}

fn park(s: &mut Session) {
    s.framer.park();
    s.out.park();
    if let Some(view) = &mut s.view {
        view.park();
    }
}
