//! `[search]`: text search.
use serde::{Deserialize, Serialize};

/// `[search]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchSection {
    /// Seconds that a new message waits for others before the index takes them in together. It is found before, too.
    pub delay_seconds: u64,
    /// Memory for decoded index files, all BALs together, MiB.
    pub cache_mib: usize,
    /// Memory of the index writer while it works, MiB (15 at least).
    pub writer_mib: usize,
    /// Most text kept of a message's body, and of its attachments together, KiB.
    pub text_kib: usize,
    /// Seconds that one search may read what is not indexed yet.
    pub patience_seconds: u64,
    /// Open documents (PDF, archives, CDA…), in a child process with limits. Otherwise only their names are found.
    pub documents: bool,
}

impl Default for SearchSection {
    fn default() -> Self {
        Self { delay_seconds: 5, cache_mib: 16, writer_mib: 15, text_kib: 1024, patience_seconds: 30, documents: true }
    }
}

impl SearchSection {
    /// As the use cases take them. `program`: what is started to open documents.
    pub fn settings(&self, program: Option<std::path::PathBuf>) -> sceau_operator::search::Settings {
        let program = program.filter(|_| self.documents);
        let text_bytes = self.text_kib.clamp(1, 64 << 10) << 10;
        let limits = sceau_extract::Limits { text: text_bytes.min(1 << 20), ..Default::default() };
        sceau_operator::search::Settings {
            delay: std::time::Duration::from_secs(self.delay_seconds),
            writer_bytes: self.writer_mib.clamp(15, 4096) << 20,
            cache_bytes: self.cache_mib.min(64 << 10) << 20,
            text_bytes,
            patience: std::time::Duration::from_secs(self.patience_seconds.max(1)),
            extractor: program.map(|p| sceau_extract::Extractor::new(p, limits)),
            ..Default::default()
        }
    }
}
