//! How much a client may make us hold, before and after it has logged in.

/// Longest tag, bytes.
pub const TAG_MAX: usize = 128;
/// Deepest nesting of lists and search keys.
pub const DEPTH_MAX: usize = 32;
/// Most items in any one list (fetch items, header names, flags, patterns, status items…).
pub const ITEMS_MAX: usize = 1024;
/// Most search keys in one SEARCH.
pub const SEARCH_KEYS_MAX: usize = 1024;
/// Most ranges in one sequence set.
pub const RANGES_MAX: usize = 16 * 1024;
/// Most header names in one command.
pub const HEADER_NAMES_MAX: usize = 256;

/// What a command may weigh. Checked before bytes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of one command, literals and what it costs to hold them included (the message literal of APPEND not counted).
    pub command: usize,
    /// Bytes of one literal (the message literal of APPEND not counted).
    pub literal: u64,
    /// APPEND's message literal is handed out in pieces; when false it is a literal like any other.
    pub stream_append: bool,
    /// Bytes of a command over budget that are read and thrown away so that the connection can live; more is the end.
    pub discard: u64,
}

impl Budget {
    /// Before login: 8 KiB a command, no literal over 4 KiB.
    pub const fn before_login() -> Self {
        Self { command: 8 * 1024, literal: 4 * 1024, stream_append: false, discard: 64 * 1024 }
    }
    /// After login: 64 KiB a command, APPEND streamed.
    pub const fn after_login() -> Self {
        Self { command: 64 * 1024, literal: 64 * 1024, stream_append: true, discard: 1024 * 1024 }
    }
}
