//! Settings of the door.
use sceau_net::HotTls;
use std::time::Duration;
use unicode_normalization::UnicodeNormalization;

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
    /// An IDLE session whose mailbox was quiet for so long keeps it in a third of the room.
    pub quiet: Duration,
    /// Messages that one command works on at most; none: no limit (RFC 9738).
    pub message_limit: Option<u32>,
    /// A client that waits for a long command hears this often that it goes on.
    pub progress: Duration,
    /// Deadline of the STARTTLS handshake.
    pub handshake: Duration,
    /// Errors in a row (before login: in all) after which the connection is closed.
    pub max_errors: u32,
    /// How long sessions may go on once the door is being closed.
    pub grace: Duration,
    /// First level of the names of mailboxes in a person's other BALs (the *Other Users* namespace, RFC 2342 §5): UTF-8 in NFC, without `/`,
    /// wildcards and control characters. Empty: they are reached by a login of their own only.
    pub other_users: String,
    /// Mailboxes beside the selected one that a session may follow with NOTIFY (RFC 5465 §5.8).
    pub notify_folders: usize,
}

impl Default for ImapConfig {
    fn default() -> Self {
        Self {
            max_append: 30 << 20,
            login_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(35 * 60),
            keepalive: Duration::from_secs(4 * 60),
            quiet: Duration::from_secs(5),
            message_limit: None,
            progress: Duration::from_secs(10),
            handshake: Duration::from_secs(30),
            max_errors: 20,
            grace: Duration::from_secs(10),
            other_users: "Autres BAL".to_owned(),
            notify_folders: 2_000,
        }
    }
}

impl ImapConfig {
    /// With this first level of the names of mailboxes in other BALs, in the form in which names are compared.
    #[must_use]
    pub fn with_other_users(self, name: &str) -> Self {
        Self { other_users: name.nfc().collect(), ..self }
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
