//! `[abuse]`: what looks like abuse, places and positions of networks, senders that no limit of peers holds back, limits of single partners.
use super::ConfigError;
use sceau_domain::Address;
use sceau_domain::abuse::{Network, Thresholds};
use sceau_domain::position::Positions;
use sceau_operator::abuse::{Partner, Settings};
use sceau_trust::Dn;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::Duration;

/// `[abuse]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AbuseSection {
    /// Are signals looked for at all?
    pub enabled: bool,
    /// Recipients that whoever is slowed may write to in ten minutes.
    pub slowed_recipients: u32,
    /// Hours after its last signal for which a token is slowed at most, when nobody decides.
    pub slowed_hours: u32,
    /// Seconds that an unknown recipient waits for its answer once another operator asked for too many.
    pub tarpit_seconds: u64,
    /// `[abuse.thresholds]`: from how many on something is a signal; 0: never.
    pub thresholds: Thresholds,
    /// `[abuse.places]`: networks and what place each is.
    pub places: BTreeMap<Network, String>,
    /// `[abuse.positions]`: where networks are.
    pub positions: PositionsSection,
    /// Senders without limits of peers and signals: alerts of the health authorities.
    pub exempt: Vec<Address>,
    /// `[[abuse.partners]]`: limits of single partners.
    pub partners: Vec<PartnerSection>,
}

/// `[abuse.positions]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PositionsSection {
    /// CSV with columns `network`, `latitude` and `longitude` (degrees), read at start; without it no journey is judged.
    pub file: Option<PathBuf>,
    /// Faster than this nobody travels, kilometres an hour.
    pub speed_kmh: u32,
    /// Nearer than this two positions may be one, kilometres.
    pub nearest_km: u32,
}

/// `[[abuse.partners]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartnerSection {
    /// Name of its certificate, as the white list writes it.
    pub dn: String,
    /// Messages an hour; 0: any number.
    #[serde(default)]
    pub messages_per_hour: Option<u32>,
    /// Recipients an hour; 0: any number.
    #[serde(default)]
    pub recipients_per_hour: Option<u32>,
}

impl Default for PositionsSection {
    fn default() -> Self {
        let built_in = Settings::default();
        Self { file: None, speed_kmh: built_in.speed, nearest_km: built_in.nearest }
    }
}

impl PositionsSection {
    /// What the file says; nothing without one.
    ///
    /// # Errors
    /// It cannot be read, or is none of positions.
    pub fn read(&self) -> Result<Positions, ConfigError> {
        let Some(path) = &self.file else { return Ok(Positions::default()) };
        let wrong = |error: String| {
            ConfigError::of("config.abuse_positions", &[("path", &path.display().to_string()), ("error", &error)])
        };
        let file = File::open(path).map_err(|e| wrong(e.to_string()))?;
        Positions::read(BufReader::new(file)).map_err(|e| wrong(e.to_string()))
    }
}

impl Default for AbuseSection {
    fn default() -> Self {
        let built_in = Settings::default();
        Self {
            enabled: true,
            slowed_recipients: built_in.slowed_recipients,
            slowed_hours: built_in.slowed_hours,
            tarpit_seconds: built_in.tarpit.as_secs(),
            thresholds: built_in.thresholds,
            places: BTreeMap::new(),
            positions: PositionsSection::default(),
            exempt: Vec::new(),
            partners: Vec::new(),
        }
    }
}

impl AbuseSection {
    /// As the use cases take them, without the positions of the file ([`PositionsSection::read`]). Partners whose name cannot be read are left out:
    /// [`AbuseSection::check`] refuses them.
    pub fn settings(&self) -> Settings {
        let partner = |p: &PartnerSection| {
            let dn = Dn::parse(&p.dn)?;
            Some(Partner { dn, messages_per_hour: p.messages_per_hour, recipients_per_hour: p.recipients_per_hour })
        };
        Settings {
            thresholds: if self.enabled { self.thresholds } else { Thresholds::NONE },
            slowed_recipients: self.slowed_recipients,
            slowed_hours: self.slowed_hours,
            tarpit: Duration::from_secs(self.tarpit_seconds),
            places: self.places.iter().map(|(network, name)| (*network, name.clone())).collect(),
            positions: Default::default(),
            speed: self.positions.speed_kmh,
            nearest: self.positions.nearest_km,
            exempt: self.exempt.clone(),
            partners: self.partners.iter().filter_map(partner).collect(),
        }
    }

    /// Checks what the types cannot say.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match self.partners.iter().find(|p| Dn::parse(&p.dn).is_none()) {
            Some(wrong) => Err(ConfigError::of("config.abuse_partner", &[("value", &wrong.dn)])),
            None if self.slowed_recipients == 0 || self.tarpit_seconds > 60 || self.positions.speed_kmh < 100 => {
                let value = format!(
                    "slowed_recipients = {}, tarpit_seconds = {}, positions.speed_kmh = {}",
                    self.slowed_recipients, self.tarpit_seconds, self.positions.speed_kmh
                );
                Err(ConfigError::of("config.abuse_value", &[("value", &value)]))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_understood_or_refused() {
        let read = |text: &str| {
            let section: AbuseSection = toml::from_str(text).map_err(|e| e.to_string())?;
            section.check().map(|()| section).map_err(|e| e.en)
        };
        let built_in = read("").unwrap().settings();
        assert_eq!(built_in.thresholds, Thresholds::default());
        assert_eq!(read("enabled = false").unwrap().settings().thresholds, Thresholds::NONE);
        let text = "exempt = [\"alertes@dgs.mssante.fr\"]\n[thresholds]\nburst = 50\n[places]\n\"192.0.2.0/24\" = \"Rouen\"\n\
                    [[partners]]\ndn = \"CN=mss.beta.fr,O=Beta,C=FR\"\nmessages_per_hour = 10\n";
        let settings = read(text).unwrap().settings();
        assert_eq!((settings.thresholds.burst, settings.thresholds.unknown), (50, 20));
        assert!(settings.places[0].0.holds("192.0.2.7".parse().unwrap()));
        assert_eq!(settings.partners[0].messages_per_hour, Some(10));
        for bad in [
            "burst = 1",
            "[thresholds]\nautre = 1",
            "[places]\n\"192.0.2.1/24\" = \"a\"",
            "slowed_recipients = 0",
            "[[partners]]\ndn = \"\"",
            "[positions]\nspeed_kmh = 99",
            "[positions]\nautre = 1",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_of_positions_is_read_or_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("positions.csv");
        let section = PositionsSection { file: Some(file.clone()), ..PositionsSection::default() };
        assert!(section.read().unwrap_err().en.contains("positions.csv"), "it is not there");
        std::fs::write(&file, "network,latitude,longitude\n192.0.2.0/24,49.44,1.10\n").unwrap();
        let known = section.read().unwrap().of("192.0.2.7".parse().unwrap());
        assert_eq!(known.map(|p| p.to_string()).as_deref(), Some("49.44,1.10"));
        std::fs::write(&file, "network,latitude,longitude\nRouen,49.44,1.10\n").unwrap();
        assert!(section.read().unwrap_err().fr.contains("line 2"));
        assert!(PositionsSection::default().read().unwrap().is_empty(), "none is configured");
    }
}
