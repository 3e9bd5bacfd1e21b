//! COMPRESS (RFC 4978): DEFLATE in both directions from the octet after the tagged answer. Only once logged in, so that no password or token is ever
//! compressed with anything; see decision 0021 for what is compressed together.
use crate::session::{Code, Done, End, Session, Stop};
use sceau_domain::{Refusal, RefusalCode};

pub(crate) async fn run(s: &mut Session, tag: &str, mechanism: &str) -> Done {
    s.actor()?;
    if mechanism != "DEFLATE" {
        return Err(Stop::syntax("the only compression is DEFLATE"));
    }
    if s.conn.compressed() {
        let twice = Refusal::new(RefusalCode::SequenceError).with("cause", "the connection is compressed already");
        return Err(Stop::NoCode(Code::CompressionActive, twice));
    }
    // Were they said before or after? RFC 4978 §3: the client waits for the answer.
    if s.framer.has_input() || s.conn.has_buffered() {
        return Err(Stop::sequence("COMPRESS is the last command before its answer"));
    }
    s.out.tag(tag).raw(" OK DEFLATE active").end();
    s.send().await?;
    match s.conn.compress().await {
        // The tagged answer was sent in clear.
        Ok(()) => Err(Stop::Answered),
        Err(_) => Err(Stop::End(End::Gone)),
    }
}
