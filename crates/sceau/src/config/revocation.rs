//! `[revocation]`: how it is learnt whether certificates are revoked; and the environment whose anchors count.
use super::ConfigError;
use sceau_operator::revocation::{Mode, Settings};
use sceau_trust::outgoing::Hosts;
use sceau_trust::{Environment, Purpose};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// `[operator] environment`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentName {
    /// Real mail.
    #[default]
    Production,
    /// Tests and demonstrations.
    Test,
}

impl EnvironmentName {
    /// As the operator knows it.
    pub fn value(self) -> Environment {
        match self {
            Self::Production => Environment::Production,
            Self::Test => Environment::Test,
        }
    }
}

/// What becomes of a certificate of which nobody tells whether it is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModeName {
    /// Refused for now.
    Strict,
    /// Accepted, with an alarm.
    #[default]
    Lenient,
    /// Nobody is asked: only lists that are held count.
    Off,
}

impl ModeName {
    fn value(self) -> Mode {
        match self {
            Self::Strict => Mode::Strict,
            Self::Lenient => Mode::Lenient,
            Self::Off => Mode::Off,
        }
    }
}

/// What is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preference {
    /// A list that is good is enough.
    #[default]
    Crl,
    /// Responders are asked even then.
    Ocsp,
}

/// A purpose of anchors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurposeName {
    /// Other operators.
    Peers,
    /// Applicative clients.
    Clients,
    /// Structures' own servers.
    Connectors,
    /// CPS cards.
    Cps,
}

/// `[revocation]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RevocationSection {
    /// `strict`, `lenient` or `off`, for every purpose.
    pub mode: ModeName,
    /// Purposes that have a mode of their own.
    pub modes: BTreeMap<PurposeName, ModeName>,
    /// `crl` or `ocsp`.
    pub prefer: Preference,
    /// Hosts (`host`, or `host:port`) that may be asked for what certificates name.
    pub hosts: Vec<String>,
    /// Addresses of lists that are fetched whoever comes.
    pub lists: Vec<String>,
    /// Seconds between two fetches of a list.
    pub every_seconds: u64,
    /// Seconds that a judgement waits for an answer.
    pub deadline_seconds: u64,
    /// Seconds for a whole list.
    pub timeout_seconds: u64,
    /// Largest list, bytes.
    pub max_bytes: usize,
    /// Hours for which the last good word counts beyond its end, while nothing newer comes.
    pub last_good_hours: u64,
    /// Answers of responders must repeat our nonce.
    pub nonce: bool,
}

impl Default for RevocationSection {
    fn default() -> Self {
        Self {
            mode: ModeName::Lenient,
            modes: BTreeMap::new(),
            prefer: Preference::Crl,
            hosts: Vec::new(),
            lists: Vec::new(),
            every_seconds: 3600,
            deadline_seconds: 3,
            timeout_seconds: 30,
            max_bytes: 16 << 20,
            last_good_hours: 24,
            nonce: false,
        }
    }
}

impl RevocationSection {
    /// As the operator takes it.
    pub fn settings(&self) -> Settings {
        let mut hosts = Hosts::new(self.hosts.iter().cloned());
        for list in &self.lists {
            // Checked when the file was read.
            let _ = hosts.add(list);
        }
        let modes = self.modes.iter().map(|(purpose, mode)| {
            let purpose = match purpose {
                PurposeName::Peers => Purpose::Peers,
                PurposeName::Clients => Purpose::Clients,
                PurposeName::Connectors => Purpose::Connectors,
                PurposeName::Cps => Purpose::Cps,
            };
            (purpose, mode.value())
        });
        Settings {
            mode: self.mode.value(),
            modes: modes.collect(),
            prefer_ocsp: self.prefer == Preference::Ocsp,
            hosts,
            lists: self.lists.clone(),
            every: Duration::from_secs(self.every_seconds.max(1)),
            deadline: Duration::from_secs(self.deadline_seconds.clamp(1, 30)),
            timeout: Duration::from_secs(self.timeout_seconds.clamp(1, 600)),
            max_bytes: self.max_bytes,
            last_good: Duration::from_secs(self.last_good_hours.saturating_mul(3600)),
            nonce: self.nonce,
        }
    }

    /// Checks what the types cannot say.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for list in &self.lists {
            if Hosts::default().add(list).is_err() {
                return Err(ConfigError::of("config.revocation_list", &[("value", list)]));
            }
        }
        for host in &self.hosts {
            let named = Hosts::new([host.clone()]);
            if host.contains('/') || named.allows(&format!("http://{host}/")).is_err() {
                return Err(ConfigError::of("config.revocation_host", &[("value", host)]));
            }
        }
        Ok(())
    }
}

/// Anchors of one environment: PEM files, roots and intermediates.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnchorSet {
    /// Other operators.
    pub peers: Vec<PathBuf>,
    /// Signer of the white list.
    pub list_signer: Vec<PathBuf>,
    /// HTTPS server of the white list.
    pub list_server: Vec<PathBuf>,
    /// CPS cards.
    pub cps: Vec<PathBuf>,
    /// Applicative clients.
    pub clients: Vec<PathBuf>,
    /// Structures' own servers.
    pub connectors: Vec<PathBuf>,
    /// HTTPS servers of identity providers.
    pub providers: Vec<PathBuf>,
}

impl AnchorSet {
    /// Files with their purposes.
    pub fn files(&self) -> [(Purpose, &Vec<PathBuf>); 7] {
        [
            (Purpose::Peers, &self.peers),
            (Purpose::ListSigner, &self.list_signer),
            (Purpose::ListServer, &self.list_server),
            (Purpose::Cps, &self.cps),
            (Purpose::Clients, &self.clients),
            (Purpose::Connectors, &self.connectors),
            (Purpose::Providers, &self.providers),
        ]
    }
    /// Every path.
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [
            &mut self.peers,
            &mut self.list_signer,
            &mut self.list_server,
            &mut self.cps,
            &mut self.clients,
            &mut self.connectors,
            &mut self.providers,
        ]
        .into_iter()
        .flatten()
    }
}
