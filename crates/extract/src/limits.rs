//! How much a document may cost.
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bounds of one extraction. The defaults suit what MSSanté carries: 25 MB messages, reports of some pages, IHE_XDM archives of a
/// few documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest document, bytes. A larger one is a scan or an image series: it holds no text worth its cost.
    pub input: usize,
    /// Most text kept, bytes of UTF-8; what follows is cut. A thousand pages hold about 3 MB; nobody searches past the first.
    pub text: usize,
    /// Address space of the child, bytes: program (about 40 MB), document, and what its parser makes of it.
    pub memory: u64,
    /// Processor time of the child, seconds.
    pub cpu: u64,
    /// Time for everything, kept by the parent.
    pub deadline: Duration,
    /// Children at once.
    pub children: usize,
    /// Entries of an archive (and of the archives in it together) that are opened.
    pub entries: u32,
    /// Bytes that an archive may unfold to, with the archives in it.
    pub unfolded: u64,
    /// Times its packed size that an entry may unfold to. XML packs 1:30, text 1:10; bombs 1:1000.
    pub ratio: u64,
    /// Archives in archives. An IHE_XDM.ZIP in a ZIP is two.
    pub nesting: u8,
    /// Depth of XML elements.
    pub depth: u32,
    /// Elements, texts and references of an XML document.
    pub nodes: u32,
    /// Pages of a PDF.
    pub pages: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            input: 16 << 20,
            text: 1 << 20,
            memory: 512 << 20,
            cpu: 5,
            deadline: Duration::from_secs(15),
            children: 2,
            entries: 200,
            unfolded: 64 << 20,
            ratio: 200,
            nesting: 3,
            depth: 256,
            nodes: 2_000_000,
            pages: 500,
        }
    }
}
