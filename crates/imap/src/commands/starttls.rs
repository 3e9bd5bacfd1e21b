//! STARTTLS (RFC 9051 §6.2.1). Bytes that follow it before the handshake are an injection: the connection is closed.
use crate::session::{Done, End, Session, Stop};
use sceau_domain::RefusalCode;

pub(crate) async fn run(s: &mut Session, tag: &str) -> Done {
    if s.secure() {
        return Err(Stop::sequence("TLS is in force already"));
    }
    let Some(tls) = s.starttls.clone() else { return Err(Stop::sequence("STARTTLS is not offered here")) };
    if s.framer.has_input() || s.conn.has_buffered() {
        tracing::warn!(session = s.origin.session, "bytes after STARTTLS, connection closed");
        return Err(Stop::End(End::Bye(RefusalCode::SequenceError.into())));
    }
    s.out.tag(tag).raw(" OK begin TLS").end();
    s.send().await?;
    let deadline = s.config.handshake;
    if s.conn.start_tls(tls.load_full(), deadline).await.is_err() {
        return Err(Stop::End(End::Gone));
    }
    s.note_tls();
    // The tagged answer was sent before the handshake.
    Err(Stop::Answered)
}
