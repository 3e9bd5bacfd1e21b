//! `[notices]`: the operator's own relay for ordinary mail without content, outside the trust space.
use super::ConfigError;
use sceau_domain::Address;
use sceau_smtp::notices::Protection;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;

/// `[notices]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticesSection {
    /// `host:port` of the relay.
    pub relay: String,
    /// `starttls`, `tls`, or `none` for a relay on the machine itself.
    #[serde(default = "starttls")]
    pub tls: String,
    /// Authorities (PEM) of the relay's certificate; those of the system when absent.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Where notices come from.
    pub sender: Address,
    /// Where notices come back to: its local part is completed by `+` and a keyed tag, and the relay brings it to `[listen] bounces`.
    #[serde(default)]
    pub bounces: Option<Address>,
    /// Working days after which a BAL may be closed because its holder's address is wrong (F032).
    #[serde(default = "wrong_days")]
    pub wrong_address_days: u32,
    /// Are patients who write answered by absences too?
    #[serde(default = "yes")]
    pub absence_to_patients: bool,
    /// Whom `reponse.automatique-test@` answers: `nobody`, `tests`, `everybody` (F217).
    #[serde(default)]
    pub test_responder: sceau_domain::tell::Answers,
    /// Login at the relay.
    #[serde(default)]
    pub login: Option<String>,
    /// File that holds the password, alone.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

fn yes() -> bool {
    true
}
fn wrong_days() -> u32 {
    10
}
fn starttls() -> String {
    "starttls".into()
}

impl NoticesSection {
    /// Host and port.
    pub fn place(&self) -> Option<(&str, u16)> {
        let (host, port) = self.relay.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().ok().filter(|p| *p > 0)?;
        (!host.is_empty()).then_some((host, port))
    }
    /// How the way is protected.
    pub fn protection(&self) -> Option<Protection> {
        match self.tls.as_str() {
            "starttls" => Some(Protection::StartTls),
            "tls" => Some(Protection::Tls),
            "none" => Some(Protection::Loopback),
            _ => None,
        }
    }
    /// Checks what the types cannot say.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, value: &str| Err(ConfigError::of(key, &[("value", value)]));
        let Some((host, _)) = self.place() else { return wrong("config.notices_relay", &self.relay) };
        let Some(protection) = self.protection() else { return wrong("config.notices_tls", &self.tls) };
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if protection == Protection::Loopback && !here {
            return wrong("config.notices_clear", host);
        }
        if self.login.is_some() != self.password_file.is_some() {
            return wrong("config.notices_password", self.login.as_deref().unwrap_or_default());
        }
        if let Some(bounces) = self.bounces.as_ref().filter(|b| b.is_international() || b.local().len() > 24) {
            return wrong("config.notices_sender", bounces.domain().as_str());
        }
        if !(1..=366).contains(&self.wrong_address_days) {
            return wrong("config.notices_days", &self.wrong_address_days.to_string());
        }
        if self.sender.is_international() {
            return wrong("config.notices_sender", self.sender.domain().as_str());
        }
        Ok(())
    }
    /// The files it names.
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.ca.iter_mut().chain(self.password_file.as_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> Result<NoticesSection, String> {
        let text = format!("sender = \"avis@exemple.fr\"\n{text}");
        let section: NoticesSection = toml::from_str(&text).map_err(|e| e.to_string())?;
        section.check().map(|()| section).map_err(|e| e.en)
    }

    #[test]
    fn a_relay_is_named_and_protected() {
        assert_eq!(section("relay = \"smtp.exemple.fr:587\"").unwrap().place(), Some(("smtp.exemple.fr", 587)));
        assert_eq!(section("relay = \"[::1]:25\"\ntls = \"none\"").unwrap().place(), Some(("::1", 25)));
        assert!(section("relay = \"localhost:25\"\ntls = \"none\"").is_ok());
        for bad in [
            "relay = \"smtp.exemple.fr\"",
            "relay = \"smtp.exemple.fr:0\"",
            "relay = \":25\"",
            "relay = \"smtp.exemple.fr:25\"\ntls = \"none\"",
            "relay = \"192.0.2.1:25\"\ntls = \"none\"",
            "relay = \"smtp.exemple.fr:25\"\ntls = \"ssl\"",
            "relay = \"smtp.exemple.fr:25\"\nlogin = \"a\"",
            "relay = \"smtp.exemple.fr:25\"\npassword_file = \"a\"",
            "relay = \"smtp.exemple.fr:25\"\npassword = \"a\"",
        ] {
            assert!(section(bad).is_err(), "{bad}");
        }
    }
}
