//! The relay of ordinary mail, from the configuration.
use super::setup::read;
use crate::config::{Config, ConfigError};
use sceau_operator::notices::Relay;
use sceau_smtp::notices::{RelayConfig, SmtpRelay, client_tls};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The relay that `[notices]` names; none without that section.
pub fn of(config: &Config) -> Result<Option<Arc<dyn Relay>>, ConfigError> {
    let Some(n) = &config.notices else { return Ok(None) };
    let wrong = || ConfigError::of("config.notices_relay", &[("value", &n.relay)]);
    let ((host, port), protection) = (n.place().ok_or_else(wrong)?, n.protection().ok_or_else(wrong)?);
    let authorities = n.ca.as_deref().map(|path| read("notices.ca", path)).transpose()?;
    let tls = client_tls(authorities.as_deref()).map_err(|e| ConfigError::of("config.notices_ca", &[("error", &e)]))?;
    let login = match (&n.login, &n.password_file) {
        (Some(login), Some(path)) => {
            let password = Zeroizing::new(read("notices.password_file", path)?);
            let password = Zeroizing::new(String::from_utf8_lossy(&password).trim_end_matches(['\r', '\n']).to_owned());
            Some((login.clone(), password))
        }
        _ => None,
    };
    let hostname = config.operator.hostname.clone();
    let from = n.sender.clone();
    Ok(Some(Arc::new(SmtpRelay::new(RelayConfig {
        host: host.to_owned(),
        port,
        protection,
        tls,
        login,
        from,
        hostname,
    }))))
}
