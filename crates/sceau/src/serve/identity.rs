//! `[identity]` with what its files hold: the secret or the key by which Pro Santé Connect knows us, and the certificate that we show there.
use super::setup::{identity, read};
use crate::config::{Config, ConfigError, KeyPair};
use sceau_operator::identity::settings::Settings;
use std::path::Path;
use zeroize::Zeroizing;

/// The section, complete.
pub fn settings(config: &Config) -> Result<Settings, ConfigError> {
    let mut settings = config.identity.clone();
    let Some(psc) = &mut settings.psc else { return Ok(settings) };
    psc.secret = psc.client_secret_file.as_deref().map(|p| text("identity.psc.client_secret_file", p)).transpose()?;
    psc.key_pem = psc.key.as_deref().map(|p| text("identity.psc.key", p)).transpose()?;
    if let (Err(_), Some(path)) = (psc.signer(), &psc.key) {
        let args = [("name", "psc.key (PKCS#8: RSA 2048, P-256)"), ("value", &path.display().to_string())];
        return Err(ConfigError::of("config.identity_value", &args));
    }
    let pair = psc.certificate.as_ref().map(|p| KeyPair { cert: p.cert.clone(), key: p.key.clone() });
    psc.identity = pair.map(|pair| identity("identity.psc.certificate", &pair)).transpose()?;
    Ok(settings)
}

/// A file's text without the end of its last line.
fn text(what: &str, path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let bytes = Zeroizing::new(read(what, path)?);
    Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()))
}
