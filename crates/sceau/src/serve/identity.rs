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

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    };
    use base64::Engine;
    use sceau_domain::{Lang, text::text as sentence};

    /// A fresh key, PKCS#8.
    fn pem(of: &'static EcdsaSigningAlgorithm) -> String {
        let der = EcdsaKeyPair::generate_pkcs8(of, &SystemRandom::new()).unwrap();
        let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    }

    #[test]
    fn a_key_that_cannot_sign_is_found_when_the_program_starts() {
        let folder = tempfile::tempdir().unwrap();
        let values = [("hostname", "mx.exemple.mssante.fr"), ("account", "1000"), ("section", "[[administrators]]")];
        let section =
            "[identity.psc]\nissuer = \"https://psc.fr\"\nclient_id = \"nous\"\nkey = \"psc.pem\"\n[operator]";
        let template = sentence(Lang::En, "init.template", &values).replacen("[operator]", section, 1);
        let file = folder.path().join("sceau.toml");
        std::fs::write(&file, template).unwrap();
        let config = Config::load(&file).unwrap();
        let with = |pem: &str| {
            std::fs::write(folder.path().join("psc.pem"), pem).unwrap();
            settings(&config)
        };
        let key = pem(&ECDSA_P256_SHA256_FIXED_SIGNING);
        assert!(with(&key).unwrap().psc.unwrap().signer().unwrap().is_some());
        // No key, of another curve, in another form.
        let other = pem(&ECDSA_P384_SHA384_FIXED_SIGNING);
        for bad in ["", "secret", other.as_str(), key.replace("PRIVATE", "EC PRIVATE").as_str()] {
            let error = with(bad).expect_err(bad);
            assert!(error.en.starts_with("[identity] psc.key"), "{}", error.en);
        }
    }
}
