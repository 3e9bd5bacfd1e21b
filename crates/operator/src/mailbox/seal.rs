//! Sealing for one BAL: which field is bound to which object. Everything is sealed before a transaction and opened after it.
use crate::mailbox::words::Keywords;
use crate::{Operator, refuse};
use sceau_domain::Refusal;
use sceau_store::keywords::NewKeyword;
use sceau_store::vault::Aad;
use sceau_store::{DataKey, Id, StoreError};

/// Path of a folder; object = folder id.
const FOLDER_NAME: &str = "folder.name";
/// Name of a keyword; object = keyword id.
const KEYWORD_NAME: &str = "keyword.name";
/// What the way added before a message; object = message id.
pub(crate) const MESSAGE_PREFIX: &str = "message.prefix";
/// Summary of a message; object = message id.
pub(crate) const MESSAGE_SUMMARY: &str = "message.summary";
/// First words of a message; object = message id.
pub(crate) const MESSAGE_PREVIEW: &str = "message.preview";
/// Wrapped key of a message's blob; object = message id.
const MESSAGE_BLOB_KEY: &str = "message.blob_key";

/// A BAL and its key.
#[derive(Debug, Clone)]
pub(crate) struct BalSeal {
    /// The BAL.
    pub bal: Id,
    key: DataKey,
}

impl BalSeal {
    /// With a key that the caller holds already.
    pub fn new(bal: Id, key: DataKey) -> Self {
        Self { bal, key }
    }
    fn aad<'a>(&self, object: Id, field: &'a str) -> Aad<'a> {
        Aad { owner: self.bal, object, field }
    }
    /// Seals a field.
    pub fn seal(&self, object: Id, field: &str, clear: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.key.seal(self.aad(object, field), clear)
    }
    /// Opens a field.
    pub fn open(&self, object: Id, field: &str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.key.unseal(self.aad(object, field), sealed)
    }
    /// Opens a field in a room that is used again for the next.
    pub fn open_in<'r>(
        &self,
        object: Id,
        field: &str,
        sealed: &[u8],
        room: &'r mut Vec<u8>,
    ) -> Result<&'r [u8], StoreError> {
        self.key.unseal_in(self.aad(object, field), sealed, room)
    }
    /// Seals a folder's path.
    pub fn folder_name(&self, folder: Id, name: &str) -> Result<Vec<u8>, StoreError> {
        self.seal(folder, FOLDER_NAME, name.as_bytes())
    }
    /// Opens a folder's path.
    pub fn open_folder_name(&self, folder: Id, sealed: &[u8]) -> Result<String, StoreError> {
        text(folder, self.open(folder, FOLDER_NAME, sealed)?)
    }
    /// Opens a keyword.
    pub fn open_keyword(&self, keyword: Id, sealed: &[u8]) -> Result<String, StoreError> {
        text(keyword, self.open(keyword, KEYWORD_NAME, sealed)?)
    }
    /// Wraps a key that stands in a field.
    pub fn wrap(&self, object: Id, field: &str, key: &DataKey) -> Result<Vec<u8>, StoreError> {
        self.key.wrap(self.aad(object, field), key)
    }
    /// Unwraps it.
    pub fn unwrap(&self, object: Id, field: &str, wrapped: &[u8]) -> Result<DataKey, StoreError> {
        self.key.unwrap_key(self.aad(object, field), wrapped)
    }
    /// Wraps the key of a message's blob.
    pub fn wrap_blob_key(&self, message: Id, key: &DataKey) -> Result<Vec<u8>, StoreError> {
        self.key.wrap(self.aad(message, MESSAGE_BLOB_KEY), key)
    }
    /// Unwraps it.
    pub fn unwrap_blob_key(&self, message: Id, wrapped: &[u8]) -> Result<DataKey, StoreError> {
        self.key.unwrap_key(self.aad(message, MESSAGE_BLOB_KEY), wrapped)
    }
}

fn text(object: Id, bytes: Vec<u8>) -> Result<String, StoreError> {
    String::from_utf8(bytes).map_err(|_| StoreError::Corrupt(object.to_string()))
}

impl Operator {
    /// A BAL's key, ready to seal.
    pub(crate) async fn bal_seal(&self, bal: Id) -> Result<BalSeal, Refusal> {
        let key = self.0.store.vault().bal_key(bal).await.map_err(|e| refuse::store(&e))?;
        Ok(BalSeal::new(bal, key))
    }
    /// Keyed digest of a folder's canonical path, unlike that of the same path in another BAL.
    pub(crate) fn folder_tag(&self, bal: Id, name: &str) -> Vec<u8> {
        self.bal_tag("folder.name", bal, name)
    }
    /// Keyed digest of an annotation's name.
    pub(crate) fn annotation_tag(&self, bal: Id, name: &str) -> Vec<u8> {
        self.bal_tag("annotation.name", bal, name)
    }
    /// Keyed digest of a keyword, whatever its case.
    pub(crate) fn keyword_tag(&self, bal: Id, name: &str) -> Vec<u8> {
        self.bal_tag("keyword.name", bal, &name.to_ascii_lowercase())
    }
    fn bal_tag(&self, purpose: &str, bal: Id, name: &str) -> Vec<u8> {
        let mut data = bal.to_be_bytes().to_vec();
        data.extend_from_slice(name.as_bytes());
        self.0.store.vault().tag(purpose, &data).to_vec()
    }
    /// Keywords ready to be looked up or added.
    pub(crate) fn seal_keywords(&self, seal: &BalSeal, names: &Keywords) -> Result<Vec<NewKeyword>, StoreError> {
        names
            .iter()
            .map(|name| {
                let id = self.0.store.new_id();
                let tag = self.keyword_tag(seal.bal, name);
                Ok(NewKeyword { id, tag, sealed: seal.seal(id, KEYWORD_NAME, name.as_bytes())? })
            })
            .collect()
    }
}
