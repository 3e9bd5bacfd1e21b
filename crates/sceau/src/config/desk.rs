//! `[web]`: pages for people.
use serde::{Deserialize, Serialize};

/// `[web]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebSection {
    /// Speaks HTTP/2 with whoever asks for it, beside HTTP/1.1.
    pub http2: bool,
    /// Shows every component of the pages at `/styleguide`, for whoever makes pages: the sandbox does.
    pub styleguide: bool,
}

impl Default for WebSection {
    fn default() -> Self {
        Self { http2: true, styleguide: false }
    }
}
