//! `[push]` with what its files hold: the authorities of the services that wake browsers.
use super::setup::read;
use crate::config::{Config, ConfigError};
use sceau_operator::desk::push::Settings;
use sceau_trust::{Anchors, Purpose};

/// The section, complete.
pub fn settings(config: &Config) -> Result<Settings, ConfigError> {
    let mut settings = config.push.clone();
    for path in &config.push.authorities {
        let pem = read("push.authorities", path)?;
        Anchors::default().add_pem(Purpose::Providers, &pem).map_err(|e| {
            let value = format!("{}: {e}", path.display());
            ConfigError::of("config.push_value", &[("name", "authorities"), ("value", &value)])
        })?;
        settings.pem.push(pem);
    }
    Ok(settings)
}
