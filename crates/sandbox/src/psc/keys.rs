//! Keys of a played provider: one that signs, those that are published, those that were, and one that never is.
use crate::{SandboxError, io, write_private};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::KeyPair;
use sceau_identity::jose::{Keys, Signer};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The keys at some moment.
#[derive(Debug)]
pub struct Ring {
    signing: Arc<Signer>,
    /// Published beside the one that signs, and until when.
    published: Vec<(Arc<Signer>, Option<Instant>)>,
    /// Published before, and no more.
    retired: Vec<Arc<Signer>>,
    /// Published for encryption only: what it signs is not to be believed.
    other: Arc<Signer>,
}

/// Which key signs a token that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one in use.
    Good,
    /// The one before it, published still or no more.
    Old,
    /// The one that is published for encryption.
    Other,
}

impl Ring {
    /// Opens the keys in a folder, making those that are not there.
    pub fn open(folder: &Path) -> Result<Self, SandboxError> {
        Ok(Self {
            signing: kept(folder, "signing")?,
            published: vec![(kept(folder, "second")?, None)],
            retired: Vec::new(),
            other: kept(folder, "encryption")?,
        })
    }
    /// The key asked for; the one in use where none came before it.
    pub fn of(&self, which: Which) -> Arc<Signer> {
        let before = || self.retired.last().or_else(|| self.published.last().map(|(key, _)| key));
        match which {
            Which::Good => self.signing.clone(),
            Which::Old => before().unwrap_or(&self.signing).clone(),
            Which::Other => self.other.clone(),
        }
    }
    /// Signs with `next` from now on; the one before it is published for `grace` more.
    pub fn rotate(&mut self, next: Arc<Signer>, grace: Duration) {
        let before = std::mem::replace(&mut self.signing, next);
        self.published.push((before, Some(Instant::now() + grace)));
    }
    /// The JWK Set, with a key for encryption in it, as Keycloak's has one.
    pub fn published(&mut self) -> Value {
        let now = Instant::now();
        let (gone, still): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.published).into_iter().partition(|(_, until)| until.is_some_and(|t| t <= now));
        self.published = still;
        self.retired.extend(gone.into_iter().map(|(key, _)| key));
        let mut encryption = self.other.public();
        encryption["use"] = json!("enc");
        encryption["alg"] = json!("RSA-OAEP");
        let mut all = vec![self.signing.public(), encryption];
        all.extend(self.published.iter().map(|(key, _)| key.public()));
        json!({ "keys": all })
    }
    /// Every key that ever signed: a provider knows its own tokens.
    pub fn own(&self) -> Keys {
        let published = self.published.iter().map(|(key, _)| key);
        let all: Vec<Value> =
            std::iter::once(&self.signing).chain(published).chain(&self.retired).map(|k| k.public()).collect();
        Keys::read(json!({ "keys": all }).to_string().as_bytes()).unwrap_or_default()
    }
}

/// A new key.
pub fn fresh() -> Result<Arc<Signer>, SandboxError> {
    signer(&made()?).map(Arc::new)
}

fn kept(folder: &Path, name: &str) -> Result<Arc<Signer>, SandboxError> {
    let file = folder.join(format!("{name}.key"));
    if !file.exists() {
        write_private(&file, &made()?)?;
    }
    let key = std::fs::read(&file).map_err(io(file.display().to_string()))?;
    signer(&key).map(Arc::new)
}

fn made() -> Result<Vec<u8>, SandboxError> {
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).map_err(|e| SandboxError::Pki(e.to_string()))?;
    Ok(key.serialize_der())
}

/// A key under a name that follows from it.
fn signer(pkcs8: &[u8]) -> Result<Signer, SandboxError> {
    let broken = |e: sceau_identity::jose::JoseError| SandboxError::Pki(e.to_string());
    let public = Signer::rs256(pkcs8, "").map_err(broken)?.public();
    let digest = super::digest(public["n"].as_str().unwrap_or_default().as_bytes());
    Signer::rs256(pkcs8, &URL_SAFE_NO_PAD.encode(&digest[..12])).map_err(broken)
}
