//! The master key behind one trait: it wraps and unwraps the keys of the keyring, wherever it is kept.
//!
//! Promises: whoever holds a [`MasterKey`] can wrap and unwrap with it and nothing else; a key that lives in a device never leaves it; what one
//! keeper wrapped no other opens, nor with other associated data. A place that is not safe (a file that others may read, a key that its
//! token would hand out) is refused; a device that does not answer is waited for no longer than some seconds. Every refusal has a stable code, a French and an English sentence, and names no secret.
use super::keepers::patience::{PATIENCE, Patient};
use super::keepers::{pkcs11, software};
use super::keys::{Aad, DataKey};
use crate::StoreError;
use sceau_domain::Lang;
use sceau_domain::text::text;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Wraps keys under a master key. All calls may block.
pub trait KeyKeeper: Send + Sync + std::fmt::Debug {
    /// What it is, without any secret: `file`, `env:NAME`, `pkcs11:token=…;object=…`. Kept with the keyring, shown by `keys status`.
    fn describe(&self) -> String;
    /// A call may take long (another device, the network): it is not made on a thread that serves others.
    fn is_slow(&self) -> bool {
        false
    }
    /// Wraps a key, bound to `aad`.
    ///
    /// # Errors
    /// `Transient` when the device does not answer, `Keeper` when a person must act.
    fn wrap(&self, aad: Aad<'_>, key: &[u8; 32]) -> Result<Vec<u8>, StoreError>;
    /// Gives back what [`KeyKeeper::wrap`] wrapped with the same `aad`.
    ///
    /// # Errors
    /// `Corrupt` when anything differs: key, associated data, a byte.
    fn unwrap(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError>;
}

/// Where a master key is said to be, in `[keys] master`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file of 64 hexadecimal digits, mode 0600.
    File(PathBuf),
    /// A variable of the environment that holds 64 hexadecimal digits.
    Variable(String),
    /// A key in a token.
    Token(pkcs11::Uri),
}

impl Place {
    /// Reads a place as the configuration writes it.
    pub fn parse(text: &str) -> Result<Self, KeeperError> {
        let unclear = |cause: &str| KeeperError::Place { cause: cause.to_owned() };
        if text.starts_with("pkcs11:") {
            return pkcs11::Uri::parse(text).map(Self::Token).map_err(|cause| unclear(&cause));
        }
        if let Some(name) = text.strip_prefix("env:") {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            return match name.len() {
                1..=128 if name.bytes().all(fits) => Ok(Self::Variable(name.to_owned())),
                _ => Err(unclear("env:NAME")),
            };
        }
        if text.is_empty() || text.contains("://") {
            return Err(unclear("file, env:NAME, pkcs11:"));
        }
        Ok(Self::File(PathBuf::from(text)))
    }
}

/// The key that wraps every other, wherever it is kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MasterKey(Arc<dyn KeyKeeper>);

impl MasterKey {
    /// Behind a keeper.
    pub fn from_keeper(keeper: impl KeyKeeper + 'static) -> Self {
        Self(Arc::new(keeper))
    }
    /// Behind a keeper that is a device: every call ends within `patience`, as a temporary failure where the device does not answer.
    pub fn from_keeper_within(keeper: impl KeyKeeper + 'static, patience: Duration) -> Result<Self, StoreError> {
        Patient::new(keeper, patience).map(Self::from_keeper)
    }
    /// From 32 bytes in memory.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self::from_keeper(software::Bytes::new("memory".into(), Zeroizing::new(bytes)))
    }
    /// A new random one, in memory only.
    pub fn generate() -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; 32]);
        super::aead::random(bytes.as_mut())?;
        Ok(Self::from_bytes(*bytes))
    }
    /// Opens the key at a place. Blocking: a token is asked, with its PIN.
    pub fn open(place: &Place) -> Result<Self, StoreError> {
        match place {
            Place::File(path) => Self::read_file(path),
            Place::Variable(name) => software::from_variable(name).map(Self::from_keeper),
            Place::Token(uri) => Self::from_token(uri, pkcs11::Token::open),
        }
    }
    /// Makes a new key at a place where there is none, durably. A variable cannot be made, only read.
    pub fn create(place: &Place) -> Result<Self, StoreError> {
        match place {
            Place::File(path) => Self::create_file(path),
            // Whoever sets the variable made the key.
            Place::Variable(name) => software::from_variable(name).map(Self::from_keeper),
            Place::Token(uri) => Self::from_token(uri, pkcs11::Token::create),
        }
    }
    fn from_token(
        uri: &pkcs11::Uri,
        begin: fn(pkcs11::Uri) -> Result<pkcs11::Token, StoreError>,
    ) -> Result<Self, StoreError> {
        let (what, uri) = (uri.describe(), uri.clone());
        let token = Patient::open(what, PATIENCE, move || begin(uri))?;
        Self::from_keeper_within(token, PATIENCE)
    }
    /// Reads a key file: 64 hexadecimal digits and nothing else but white space. Refused when anyone but its owner may read it.
    pub fn read_file(path: &Path) -> Result<Self, StoreError> {
        software::read_file(path).map(Self::from_keeper)
    }
    /// Writes a new key to a new file, mode 0600, durably. `keys.exists` when there is a file: a master key is never overwritten.
    pub fn create_file(path: &Path) -> Result<Self, StoreError> {
        software::create_file(path).map(Self::from_keeper)
    }
    /// Who keeps it.
    pub fn keeper(&self) -> &dyn KeyKeeper {
        &*self.0
    }
    /// See [`KeyKeeper::describe`].
    pub fn describe(&self) -> String {
        self.0.describe()
    }
    pub(super) fn wrap_bytes(&self, aad: Aad<'_>, bytes: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        self.0.wrap(aad, bytes)
    }
    pub(super) fn unwrap_bytes(&self, aad: Aad<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        self.0.unwrap(aad, wrapped)
    }
    /// Wraps a key, beside the threads that serve when the keeper is slow.
    pub(super) async fn wrap(&self, aad: Aad<'static>, key: &DataKey) -> Result<Vec<u8>, StoreError> {
        let (keeper, key) = (self.clone(), key.clone());
        self.call(move || keeper.wrap_bytes(aad, key.bytes())).await
    }
    /// Unwraps a key, likewise.
    pub(super) async fn unwrap_key(&self, aad: Aad<'static>, wrapped: Vec<u8>) -> Result<DataKey, StoreError> {
        let keeper = self.clone();
        self.call(move || keeper.unwrap_bytes(aad, &wrapped)).await.map(DataKey::from_bytes)
    }
    /// Runs what may block for long where it disturbs nobody.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.0.is_slow() { crate::blocking(f).await } else { f() }
    }
}

/// Why a master key cannot be used: what a person must put right.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are the placeholders of the sentences, `keys.<code>` of the locale files
pub enum KeeperError {
    /// The place makes no sense.
    Place { cause: String },
    /// No such file or variable.
    Absent { what: String, cause: String },
    /// Others may read the file.
    Exposed { what: String, mode: String },
    /// What is there is no key (or no PIN).
    Malformed { what: String },
    /// Something exists already where a key was to be made.
    Exists { what: String },
    /// The PKCS#11 module does not load.
    Module { path: String, cause: String },
    /// The device does not answer.
    Silent { what: String, seconds: u64 },
    /// No token with this label, or several.
    Token { token: String },
    /// The token refused the PIN. `last`: one try is left.
    Pin { token: String, last: bool },
    /// The token refuses every PIN now.
    PinLocked { token: String },
    /// The token holds no such key, or several.
    Object { token: String, object: String },
    /// The token would hand the key out, or it is no AES-256 key.
    Unsafe { token: String, object: String },
}

impl KeeperError {
    /// As an error of the store. (No `From`: a second one would leave the `?` of closures without a type.)
    pub(super) fn store(self) -> StoreError {
        StoreError::Keeper(self)
    }
    /// There is no key at that place: one could be made.
    pub fn is_missing_key(&self) -> bool {
        matches!(self, Self::Absent { .. } | Self::Object { .. })
    }
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Place { .. } => "keys.place",
            Self::Absent { .. } => "keys.absent",
            Self::Exposed { .. } => "keys.exposed",
            Self::Malformed { .. } => "keys.malformed",
            Self::Exists { .. } => "keys.exists",
            Self::Module { .. } => "keys.module",
            Self::Silent { .. } => "keys.silent",
            Self::Token { .. } => "keys.token",
            Self::Pin { last: false, .. } => "keys.pin",
            Self::Pin { last: true, .. } => "keys.pin_last",
            Self::PinLocked { .. } => "keys.pin_locked",
            Self::Object { .. } => "keys.object",
            Self::Unsafe { .. } => "keys.unsafe",
        }
    }
    /// What is wrong and what to do, in a language.
    pub fn sentence(&self, lang: Lang) -> String {
        let waited = if let Self::Silent { seconds, .. } = self { seconds.to_string() } else { String::new() };
        let args: Vec<(&str, &str)> = match self {
            Self::Silent { what, .. } => vec![("what", what), ("seconds", &waited)],
            Self::Place { cause } => vec![("cause", cause)],
            Self::Absent { what, cause } => vec![("what", what), ("cause", cause)],
            Self::Exposed { what, mode } => vec![("what", what), ("mode", mode)],
            Self::Malformed { what } | Self::Exists { what } => vec![("what", what)],
            Self::Module { path, cause } => vec![("path", path), ("cause", cause)],
            Self::Token { token } | Self::Pin { token, .. } | Self::PinLocked { token } => vec![("token", token)],
            Self::Object { token, object } | Self::Unsafe { token, object } => {
                vec![("token", token), ("object", object)]
            }
        };
        text(lang, self.code(), &args)
    }
}

impl std::fmt::Display for KeeperError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence(Lang::En))
    }
}
impl std::error::Error for KeeperError {}
