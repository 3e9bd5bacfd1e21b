//! Settings of the door.
use sceau_net::HotTls;
use std::time::Duration;

/// Settings of the IMAP door; the program fills them from its configuration file.
#[derive(Debug, Clone)]
pub struct ImapConfig {
    /// Largest message taken by APPEND, bytes.
    pub max_append: u64,
    /// From the connection to a successful login, at most.
    pub login_timeout: Duration,
    /// A session that says nothing is closed after this time, in IDLE too (RFC 9051 §5.4: at least 30 minutes).
    pub idle_timeout: Duration,
    /// In IDLE something is said at least this often, so that no address translator forgets the connection.
    pub keepalive: Duration,
    /// Deadline of the STARTTLS handshake.
    pub handshake: Duration,
    /// Errors in a row (before login: in all) after which the connection is closed.
    pub max_errors: u32,
    /// How long sessions may go on once the door is being closed.
    pub grace: Duration,
}

impl Default for ImapConfig {
    fn default() -> Self {
        Self {
            max_append: 30 << 20,
            login_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(35 * 60),
            keepalive: Duration::from_secs(4 * 60),
            handshake: Duration::from_secs(30),
            max_errors: 20,
            grace: Duration::from_secs(10),
        }
    }
}

/// When TLS comes.
#[derive(Debug, Clone)]
pub enum TlsMode {
    /// Clear text first; STARTTLS is offered and nobody logs in before it (port 143).
    StartTls(HotTls),
    /// TLS first (port 993).
    Implicit(HotTls),
}
