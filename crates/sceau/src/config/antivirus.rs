//! `[antivirus]`: the engine that reads every message, or why there is none.
use super::ConfigError;
use sceau_antivirus::{Clamd, Place};
use sceau_operator::antivirus::{Setting, Settings};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// `[antivirus]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AntivirusSection {
    /// `unix:/path` or `tcp:host:port` of clamd.
    #[serde(default)]
    pub clamd: Option<String>,
    /// Knowingly without an engine: why.
    #[serde(default)]
    pub off: Option<String>,
    /// clamd is on another machine: messages pass to it in clear, over a network that the operator answers for.
    #[serde(default)]
    pub remote: bool,
    /// Seconds for a message, waiting for its turn included.
    #[serde(default = "timeout")]
    pub timeout_seconds: u64,
    /// Messages read at once.
    #[serde(default = "connections")]
    pub connections: usize,
    /// What programs add to folders (IMAP APPEND) is read too.
    #[serde(default = "yes")]
    pub append: bool,
    /// Signatures older than so many days are an alarm.
    #[serde(default = "old")]
    pub old_days: u64,
}

fn timeout() -> u64 {
    60
}
fn connections() -> usize {
    8
}
fn yes() -> bool {
    true
}
fn old() -> u64 {
    3
}

impl AntivirusSection {
    fn place(&self) -> Option<Place> {
        self.clamd.as_deref().and_then(|text| text.parse().ok())
    }
    /// As the operator takes it.
    pub fn setting(&self) -> Setting {
        let place = match (&self.off, self.place()) {
            (Some(why), _) => return Setting::Off(why.clone()),
            (None, None) => return Setting::Absent,
            (None, Some(place)) => place,
        };
        let deadline = Duration::from_secs(self.timeout_seconds.clamp(1, 300));
        Setting::On(Settings {
            engine: Clamd::new(place, deadline, self.connections.clamp(1, 1_000)),
            append: self.append,
            old_after: Duration::from_secs(self.old_days.saturating_mul(86_400)),
        })
    }
    /// Checks what the types cannot say.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, value: &str| Err(ConfigError::of(key, &[("value", value)]));
        let Some(text) = &self.clamd else {
            return match &self.off {
                Some(why) if !why.trim().is_empty() => Ok(()),
                _ => wrong("config.antivirus_which", ""),
            };
        };
        if self.off.is_some() {
            return wrong("config.antivirus_which", text);
        }
        match self.place() {
            None => wrong("config.antivirus_clamd", text),
            Some(Place::Tcp(address)) if !self.remote && !is_here(&address) => wrong("config.antivirus_remote", text),
            Some(_) => Ok(()),
        }
    }
}

fn is_here(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> Result<AntivirusSection, String> {
        let section: AntivirusSection = toml::from_str(text).map_err(|e| e.to_string())?;
        section.check().map(|()| section).map_err(|e| e.en)
    }

    #[test]
    fn an_engine_is_here_or_knowingly_elsewhere_or_knowingly_absent() {
        for good in [
            "clamd = \"unix:/run/clamav/clamd.ctl\"",
            "clamd = \"tcp:127.0.0.1:3310\"",
            "clamd = \"tcp:[::1]:3310\"",
            "clamd = \"tcp:localhost:3310\"\nappend = false",
            "clamd = \"tcp:antivirus.exemple.fr:3310\"\nremote = true",
        ] {
            assert!(matches!(section(good).map(|s| s.setting()), Ok(Setting::On(_))), "{good}");
        }
        assert!(matches!(section("off = \"essai\"").map(|s| s.setting()), Ok(Setting::Off(_))));
        for bad in [
            "",
            "off = \" \"",
            "clamd = \"/run/clamav/clamd.ctl\"",
            "clamd = \"tcp:192.0.2.1:3310\"",
            "clamd = \"tcp:antivirus.exemple.fr:3310\"",
            "clamd = \"unix:/a\"\noff = \"b\"",
            "clamd = \"unix:/a\"\nfreshclam = true",
        ] {
            assert!(section(bad).is_err(), "{bad}");
        }
    }
}
