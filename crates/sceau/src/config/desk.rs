//! `[web]`: pages for people.
use serde::{Deserialize, Serialize};

/// `[web]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebSection {
    /// Shows every component of the pages at `/styleguide`, for whoever makes pages: the sandbox does.
    pub styleguide: bool,
}
