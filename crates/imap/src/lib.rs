//! The IMAP door: IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC 3501) from one code.
//!
//! Translates the protocol into use cases of `operator`; holds no rule and no SQL. Promises:
//! * `OK` to APPEND, STORE, COPY, MOVE, EXPUNGE means durable: the use case returned after its commit;
//! * memory is bounded by [`codec::Budget`]: a message appended or fetched goes by pieces of 64 KiB, whatever its size;
//! * sequence numbers mean what the client believes ([`view`]), whatever other sessions do;
//! * a grammar error is a tagged `BAD` and the connection lives; a refusal is a tagged `NO` with its response code, its
//!   sentence in French and English, and its stable code;
//! * rights are asked again at each command, and a session whose rights have ended is closed.
//!
//! Layout: [`codec`] (sans-I/O), [`content`] (what FETCH says of a message), [`view`] (sequence numbers), `session` (reading,
//! answering, telling changes), `commands` (one file a command).
//!
//! To open the door: bind a [`sceau_net::Listener`], then run [`serve`] for each of port 143 ([`TlsMode::StartTls`]) and 993
//! ([`TlsMode::Implicit`]).
pub mod codec;
mod commands;
mod config;
pub mod content;
mod packed;
pub mod resync;
mod session;
pub mod view;

pub use config::{ImapConfig, TlsMode};

use sceau_net::Listener;
use sceau_operator::Operator;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a connection over the listener's caps is told.
const BUSY: &[u8] = b"* BYE [LIMIT] Trop de connexions, reessayez plus tard / Too many connections, try again later (session.too_many_connections)\r\n";

/// Serves IMAP on a bound listener until `drain` is cancelled; sessions then say `BYE` at their next pause, and those that
/// are still there after [`ImapConfig::grace`] are ended.
pub async fn serve(listener: Listener, tls: TlsMode, operator: Operator, config: ImapConfig, drain: CancellationToken) {
    let config = Arc::new(config);
    let grace = config.grace;
    let (implicit, starttls) = match tls {
        TlsMode::Implicit(tls) => (Some(tls), None),
        TlsMode::StartTls(tls) => (None, Some(tls)),
    };
    let run = move |conn, drain| {
        // On the heap once: a future that owned it would keep room for it twice.
        Box::new(session::Session::new(conn, operator.clone(), config.clone(), starttls.clone(), drain)).run()
    };
    listener.serve(implicit, BUSY, drain, grace, run).await;
}
