//! What a check found, as a person and a program read it.
use sceau_domain::{Lang, text::text};
use sceau_store::Id;
use serde::Serialize;

/// Declares every finding once: variant, stable code, whether it can be healed.
macro_rules! findings {
    ($($variant:ident $code:literal $heals:literal;)*) => {
        /// Every kind of finding. The code is stable: programs may rely on it. Sentences: `fsck.<code>` of the locale files.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // each is documented by its sentence
        pub enum Kind { $($variant),* }
        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Kind] = &[$(Self::$variant),*];
            /// Stable code.
            pub fn as_str(self) -> &'static str { match self { $(Self::$variant => $code),* } }
            /// Can it be healed from what is there?
            pub fn heals(self) -> bool { match self { $(Self::$variant => $heals),* } }
        }
    };
}

findings! {
    DatabaseDamaged    "database.damaged"     true;
    TableUnreadable    "table.unreadable"     false;
    KeyringDamaged     "keyring.damaged"      false;
    FolderCounts       "folder.counts"        true;
    FolderUidnext      "folder.uidnext"       true;
    FolderModseq       "folder.modseq"        true;
    FolderName         "folder.name"          true;
    BalCounts          "bal.counts"           true;
    BalModseq          "bal.modseq"           true;
    BalUidvalidity     "bal.uidvalidity"      true;
    BalAddress         "bal.address"          false;
    BalKey             "bal.key"              false;
    EntryFolder        "entry.folder"         true;
    EntryMessage       "entry.message"        true;
    EntrySize          "entry.size"           true;
    EntryVanished      "entry.vanished"       true;
    EntryKeywords      "entry.keywords"       true;
    KeywordName        "keyword.name"         true;
    MessageHidden      "message.hidden"       true;
    MessageBlob        "message.blob"         false;
    MessageKey         "message.key"          false;
    MessagePrefix      "message.prefix"       false;
    MessageSummary     "message.summary"      true;
    MessageContent     "message.content"      false;
    BlobUnnamed        "blob.unnamed"         true;
    BlobLost           "blob.lost"            false;
    BlobStray          "blob.stray"           true;
    QueueEmpty         "queue.empty"          true;
    QueueDestination   "queue.destination"    true;
    QueueBlob          "queue.blob"           false;
    QueueSealed        "queue.sealed"         false;
    QueueAddress       "queue.address"        false;
    QueueContent       "queue.content"        false;
    UploadBlob         "upload.blob"          false;
    UploadHeld         "upload.held"          false;
    SearchIndex        "search.index"         true;
    TraceLog           "trace.log"            false;
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// Something that is not as it should be. It names objects, never content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub code: Kind,
    /// Address of the BAL, as shown (a patient's is a pseudonym).
    pub bal: Option<String>,
    /// Folder.
    pub folder: Option<Id>,
    /// UID in that folder.
    pub uid: Option<i64>,
    /// Message, of a BAL or of the queue.
    pub message: Option<Id>,
    /// Blob, hexadecimal.
    pub blob: Option<String>,
    /// A table, a destination, what SQLite says.
    pub detail: Option<String>,
    /// Can it be healed?
    pub repairable: bool,
    /// Was it healed now?
    pub repaired: bool,
    /// The BAL.
    #[serde(skip)]
    pub bal_id: Option<Id>,
}

impl Finding {
    pub(crate) fn new(code: Kind) -> Self {
        Self {
            code,
            bal: None,
            folder: None,
            uid: None,
            message: None,
            blob: None,
            detail: None,
            repairable: code.heals(),
            repaired: false,
            bal_id: None,
        }
    }
    pub(crate) fn on(mut self, bal: Id) -> Self {
        self.bal_id = Some(bal);
        self
    }
    pub(crate) fn folder(mut self, folder: Id) -> Self {
        self.folder = Some(folder);
        self
    }
    pub(crate) fn uid(mut self, uid: i64) -> Self {
        self.uid = Some(uid);
        self
    }
    pub(crate) fn message(mut self, message: Id) -> Self {
        self.message = Some(message);
        self
    }
    pub(crate) fn blob(mut self, blob: &[u8]) -> Self {
        self.blob = Some(hex::encode(blob));
        self
    }
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
    /// Its sentence.
    pub fn sentence(&self, lang: Lang) -> String {
        let number = |n: Option<i64>| n.map(|n| n.to_string());
        let values = [
            ("bal", self.bal.clone()),
            ("folder", number(self.folder)),
            ("uid", number(self.uid)),
            ("message", number(self.message)),
            ("blob", self.blob.clone()),
            ("detail", self.detail.clone()),
        ];
        let values: Vec<(&str, &str)> = values.iter().filter_map(|(n, v)| Some((*n, v.as_deref()?))).collect();
        text(lang, &format!("fsck.{}", self.code.as_str()), &values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_its_sentence() {
        for kind in Kind::ALL {
            for lang in Lang::ALL {
                let sentence = Finding::new(*kind).sentence(lang);
                assert!(!sentence.starts_with("fsck.") && !sentence.contains('{'), "{sentence}");
            }
        }
    }
}
