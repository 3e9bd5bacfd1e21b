//! UNAUTHENTICATE (RFC 8437): back to the state before login, on the same connection; somebody else may log in. Nothing is expunged, TLS stays, compression
//! ends after the tagged answer: the next token is not compressed with what another person read.
use crate::session::{Done, End, Session, Stop, ended_by};
use sceau_domain::RefusalCode;

pub(crate) async fn run(s: &mut Session, tag: &str) -> Done {
    s.actor()?;
    // The client speaks clear text once it has read the answer: nothing of what it compressed may come after that.
    s.conn.flushed().await.map_err(ended_by)?;
    s.unauthenticate().await;
    s.out.tag(tag).raw(" OK UNAUTHENTICATE completed").end();
    if s.conn.compressed() {
        s.send().await?;
        if s.framer.has_input() {
            return Err(Stop::End(End::Bye(RefusalCode::SequenceError.into())));
        }
        s.conn.uncompress().await.map_err(ended_by)?;
    }
    Err(Stop::Answered)
}
