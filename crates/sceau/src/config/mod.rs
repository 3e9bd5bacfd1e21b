//! The declarative configuration: one TOML file for the system (people and BALs are in the database).
//!
//! Paths are relative to the file's folder. Unknown keys are errors. `sceau init` writes a commented example,
//! `sceau config check` explains what is wrong.
mod abuse;
mod anchors;
mod antivirus;
mod autoconfig;
mod connectors;
mod desk;
mod hidden;
mod imap;
mod listen;
mod notices;
mod openings;
mod revocation;
mod search;
mod storage;
mod terms;
mod transfer;

pub use abuse::AbuseSection;
pub use anchors::{AnchorsSection, WhiteListSection};
pub use antivirus::AntivirusSection;
pub use autoconfig::AutoconfigSection;
pub use connectors::ConnectorsSection;
pub use desk::WebSection;
pub use imap::ImapSection;
pub use listen::ListenSection;
pub use notices::NoticesSection;
pub use openings::OpeningsSection;
pub use revocation::{AnchorSet, EnvironmentName, RevocationSection};
pub use search::SearchSection;
pub use storage::{BlobsSection, KeysSection, NotarySection, StoreSection};
pub use terms::TermsSection;
pub use transfer::TransferSection;

use hidden::hidden;
use sceau_domain::{Address, DomainName};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who we are.
    pub operator: OperatorSection,
    /// Where rows live.
    pub store: StoreSection,
    /// Where large content lives.
    pub blobs: BlobsSection,
    /// Where keys live, apart from the data.
    pub keys: KeysSection,
    /// Checkpoints of the probative log.
    #[serde(default)]
    pub notary: NotarySection,
    /// Our certificate towards other operators (one node, one key: EX_SSI_5100).
    pub certificate: KeyPair,
    /// Certificate shown to mail clients; the operator's own when absent.
    #[serde(default)]
    pub client_certificate: Option<KeyPair>,
    /// `[[certificates]]`: more of them, each shown to whoever asks for one of its names (`autoconfig.…`).
    #[serde(default)]
    pub certificates: Vec<KeyPair>,
    /// Trust anchors, by purpose.
    #[serde(default)]
    pub anchors: AnchorsSection,
    /// Whether certificates are revoked.
    #[serde(default)]
    pub revocation: RevocationSection,
    /// The signed white list.
    #[serde(default)]
    pub white_list: Option<WhiteListSection>,
    /// Where we listen.
    pub listen: ListenSection,
    /// Outbound mail.
    #[serde(default)]
    pub transfer: TransferSection,
    /// Ordinary mail without content, outside the trust space; none is sent when absent.
    #[serde(default)]
    pub notices: Option<NoticesSection>,
    /// What is asked before a BAL opens.
    #[serde(default)]
    pub openings: OpeningsSection,
    /// The engine that reads every message; an alarm when absent.
    #[serde(default)]
    pub antivirus: Option<AntivirusSection>,
    /// `[limits]`: the operator's limits, by their names; absent values are the built-in ones.
    #[serde(default)]
    pub limits: sceau_domain::policy::Layer,
    /// What looks like abuse, limits of single partners.
    #[serde(default)]
    pub abuse: AbuseSection,
    /// Structures' own servers.
    #[serde(default)]
    pub connectors: ConnectorsSection,
    /// What mail programs and zones are told.
    #[serde(default)]
    pub autoconfig: AutoconfigSection,
    /// Text search.
    #[serde(default)]
    pub search: SearchSection,
    /// The door of mail programs.
    #[serde(default)]
    pub imap: ImapSection,
    /// How people prove who they are.
    #[serde(default)]
    pub identity: sceau_operator::identity::settings::Settings,
    /// Pages for people.
    #[serde(default)]
    pub web: WebSection,
    /// Mail in a browser.
    #[serde(default)]
    pub desk: sceau_operator::desk::Settings,
    /// Browsers that are woken when mail comes.
    #[serde(default)]
    pub push: sceau_operator::desk::push::Settings,
    /// What the terms of use name.
    #[serde(default)]
    pub terms: TermsSection,
    /// Named people who administer, by their system account.
    #[serde(default)]
    pub administrators: Vec<Administrator>,
    /// Logs.
    #[serde(default)]
    pub log: LogSection,
}

/// `[operator]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorSection {
    /// Name shown to people.
    pub name: String,
    /// Host name in greetings, `Received` and reports.
    pub hostname: String,
    /// Where people find us in a browser, for links: `https://…`, without a final `/`. `https://` and the host name when absent.
    #[serde(default)]
    pub public_url: Option<String>,
    /// `production` or `test`: whose anchors count here. What leads to the other one's is refused, and told why.
    #[serde(default)]
    pub environment: EnvironmentName,
    /// Number of this node, 0 to 1007: those above are for commands beside the servers.
    #[serde(default)]
    pub node: u16,
    /// BALs that receive `postmaster@` and `abuse@` of each domain.
    #[serde(default)]
    pub postmaster: Vec<Address>,
    /// Domains of other operators known to hold only test BALs (F029).
    #[serde(default)]
    pub test_domains: Vec<DomainName>,
    /// Patients' domains.
    #[serde(default = "patient_domains")]
    pub patient_domains: Vec<DomainName>,
    /// Require that the domain of the header From lists the peer's certificate.
    #[serde(default = "yes")]
    pub check_header_from: bool,
    /// Keep a copy of each submitted message in Sent (most mail clients store their own).
    #[serde(default)]
    pub sent_copy: bool,
    /// While the operator is being set up: over the administration socket, its administrators are shown the secrets of tokens that they make for
    /// others. To be taken away before the operator serves: from then on the person alone sees them (`sceau token send`).
    #[serde(default)]
    pub setting_up: bool,
}

/// A certificate chain and its private key, PEM files.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPair {
    /// Chain, leaf first.
    pub cert: PathBuf,
    /// Key.
    pub key: PathBuf,
}

/// `[[administrators]]`: a named person behind a system account (no shared account: F157).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Administrator {
    /// Login in Sceau.
    pub login: String,
    /// Name shown.
    pub name: String,
    /// First names.
    #[serde(default)]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(default)]
    pub family_name: Option<String>,
    /// What the person does.
    #[serde(default)]
    pub function: Option<String>,
    /// System account (user name or number) whose processes speak for this person.
    pub account: String,
}

impl Administrator {
    /// As the operator takes it.
    pub fn named(&self) -> sceau_operator::accounts::NamedAdministrator {
        sceau_operator::accounts::NamedAdministrator {
            login: self.login.clone(),
            name: self.name.clone(),
            given_name: self.given_name.clone(),
            family_name: self.family_name.clone(),
            function: self.function.clone(),
        }
    }
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    /// Filter, e.g. `info` or `info,sceau_smtp=debug`.
    pub level: String,
    /// `json` or `text`.
    pub format: String,
}
impl Default for LogSection {
    fn default() -> Self {
        Self { level: "info".into(), format: "json".into() }
    }
}

fn yes() -> bool {
    true
}
fn patient_domains() -> Vec<DomainName> {
    "patient.mssante.fr".parse().into_iter().collect()
}

/// Why a configuration is refused: where, in French and English.
#[derive(Debug, thiserror::Error)]
#[error("{fr}\n{en}")]
pub struct ConfigError {
    /// In French.
    pub fr: String,
    /// In English.
    pub en: String,
}

impl ConfigError {
    /// From a locale key.
    pub fn of(key: &str, args: &[(&str, &str)]) -> Self {
        use sceau_domain::{Lang, text::text};
        Self { fr: text(Lang::Fr, key, args), en: text(Lang::En, key, args) }
    }
}

impl Config {
    /// What is decided about notices, absences and tests; without `[notices]` as built in.
    pub fn notice_settings(&self) -> sceau_operator::notices::Settings {
        let Some(n) = &self.notices else { return Default::default() };
        sceau_operator::notices::Settings {
            bounces: n.bounces.clone(),
            wrong_address_days: n.wrong_address_days,
            absence_to_patients: n.absence_to_patients,
            test_responder: n.test_responder,
        }
    }
    /// Reads and checks the form of a file. Does not open what it names: see [`crate::serve`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| ConfigError::of("config.unreadable", &[("path", &shown), ("error", &e.to_string())]))?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|e| ConfigError::of("config.syntax", &[("path", &shown), ("error", &hidden(&e.to_string()))]))?;
        let base = std::path::absolute(path).ok().and_then(|p| p.parent().map(Path::to_path_buf)).unwrap_or_default();
        config.resolve(&base);
        config.check()?;
        Ok(config)
    }

    /// As it may be shown: without the passwords of databases.
    pub fn shown(&self) -> Self {
        let mut shown = self.clone();
        for url in [&mut shown.store.url, &mut shown.keys.keyring] {
            *url = hidden(url);
        }
        shown
    }

    /// Makes every path absolute, relative to the file's folder.
    fn resolve(&mut self, base: &Path) {
        let fix = |p: &mut PathBuf| {
            if p.is_relative() {
                *p = base.join(&*p);
            }
        };
        for url in [&mut self.store.url, &mut self.blobs.url, &mut self.keys.keyring, &mut self.keys.master] {
            let is_path = !url.contains("://") && !url.starts_with("env:") && !url.starts_with("pkcs11:");
            if is_path && Path::new(url.as_str()).is_relative() {
                *url = base.join(&*url).display().to_string();
            }
        }
        let pairs = std::iter::once(&mut self.certificate)
            .chain(self.client_certificate.as_mut())
            .chain(&mut self.certificates);
        for pair in pairs {
            fix(&mut pair.cert);
            fix(&mut pair.key);
        }
        let a = &mut self.anchors;
        for list in [
            &mut a.peers,
            &mut a.list_signer,
            &mut a.list_server,
            &mut a.cps,
            &mut a.clients,
            &mut a.connectors,
            &mut a.providers,
            &mut a.crls,
        ] {
            list.iter_mut().for_each(fix);
        }
        a.production.paths().chain(a.test.paths()).for_each(fix);
        for p in [&mut self.store.spools, &mut self.notary.checkpoints, &mut self.listen.admin] {
            fix(p);
        }
        self.notices.iter_mut().flat_map(NoticesSection::paths).for_each(fix);
        self.identity.paths().for_each(fix);
        self.push.authorities.iter_mut().for_each(fix);
        self.abuse.positions.file.iter_mut().for_each(fix);
        self.blobs.credentials.iter_mut().chain(self.blobs.ca.as_mut()).for_each(fix);
    }

    /// Checks what the types cannot say.
    fn check(&self) -> Result<(), ConfigError> {
        if self.operator.hostname.parse::<DomainName>().is_err() {
            return Err(ConfigError::of("config.hostname", &[("value", &self.operator.hostname)]));
        }
        if self.operator.node >= sceau_store::id::FIRST_VISITOR {
            return Err(ConfigError::of("config.node", &[("value", &self.operator.node.to_string())]));
        }
        if let Some(list) = &self.white_list
            && !list.url.starts_with("https://")
        {
            return Err(ConfigError::of("config.white_list_url", &[("value", &list.url)]));
        }
        for (domain, hosts) in &self.transfer.routes {
            if domain != "*" && domain.parse::<DomainName>().is_err() {
                return Err(ConfigError::of("config.route_domain", &[("value", domain)]));
            }
            if let Some(bad) = hosts.iter().find(|h| h.rsplit_once(':').is_none_or(|(_, p)| p.parse::<u16>().is_err()))
            {
                return Err(ConfigError::of("config.route_host", &[("value", bad)]));
            }
        }
        if !matches!(self.log.format.as_str(), "json" | "text") {
            return Err(ConfigError::of("config.log_format", &[("value", &self.log.format)]));
        }
        if self.log.level.parse::<tracing_subscriber::filter::Targets>().is_err() {
            return Err(ConfigError::of("config.log_level", &[("value", &self.log.level)]));
        }
        if let Some(notices) = &self.notices {
            notices.check()?;
        }
        if let Some(antivirus) = &self.antivirus {
            antivirus.check()?;
        }
        if let Some(bad) = self.autoconfig.wrong() {
            return Err(ConfigError::of("config.autoconfig_host", &[("value", bad)]));
        }
        self.abuse.check()?;
        self.imap.check()?;
        if let Some((key, value)) = self.identity.wrong() {
            return Err(ConfigError::of("config.identity_value", &[("name", &key), ("value", &value)]));
        }
        if let Some((key, value)) = self.desk.wrong() {
            return Err(ConfigError::of("config.desk_value", &[("name", key), ("value", &value)]));
        }
        if let Some((key, value)) = self.push.wrong() {
            return Err(ConfigError::of("config.push_value", &[("name", key), ("value", &value)]));
        }
        if self.listen.card.is_some() != self.identity.card.is_some() {
            return Err(ConfigError::of("config.card_door", &[]));
        }
        self.revocation.check()?;
        if self.store.url == self.keys.keyring {
            return Err(ConfigError::of("config.keyring_apart", &[]));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sceau_domain::{Lang, text::text};

    fn template(lang: Lang) -> String {
        let values = [("hostname", "mx.exemple.mssante.fr"), ("account", "1000"), ("section", "[[administrators]]")];
        text(lang, "init.template", &values)
    }

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sceau.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(&file)
    }

    #[test]
    fn what_init_writes_can_be_read_in_both_languages() {
        for lang in Lang::ALL {
            let config = load(&template(lang)).unwrap();
            assert!(Path::new(&config.keys.master).is_absolute(), "relative to the file's folder");
            assert!(Path::new(&config.store.url).is_absolute());
            assert_eq!(config.administrators.len(), 1);
        }
    }

    #[test]
    fn a_database_address_is_left_alone() {
        let config = load(&template(Lang::Fr).replace("\"data/sceau.db\"", "\"postgres://h/d\"")).unwrap();
        assert_eq!(config.store.url, "postgres://h/d");
    }

    #[test]
    fn a_password_is_neither_shown_nor_quoted() {
        let url = "\"postgres://sceau:s3cret@h/d\"";
        let text = template(Lang::Fr).replace("\"data/sceau.db\"", url);
        let shown = toml::to_string_pretty(&load(&text).unwrap().shown()).unwrap();
        assert!(shown.contains("postgres://sceau:…@h/d") && !shown.contains("s3cret"), "{shown}");
        let error = load(&text.replace(url, &format!("{url} x"))).unwrap_err();
        assert!(error.en.contains("sceau:…@h") && !error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn pro_sante_connect_knows_us_in_one_way() {
        let with = |more: &str| {
            let section =
                format!("[identity.psc]\nissuer = \"https://psc.fr\"\nclient_id = \"nous\"\n{more}\n[operator]");
            load(&template(Lang::En).replacen("[operator]", &section, 1))
        };
        let (secret, key) = ("client_secret_file = \"psc.secret\"", "key = \"psc.pem\"");
        let certificate = "certificate = { cert = \"psc.pem\", key = \"psc.key\" }";
        for good in [secret, key, certificate, &format!("{key}\n{certificate}"), &format!("{secret}\n{certificate}")] {
            let psc = with(good).unwrap().identity.psc.unwrap();
            let paths = [psc.client_secret_file, psc.key, psc.certificate.map(|c| c.key)];
            assert!(paths.iter().flatten().all(|p| p.is_absolute()), "relative to the file's folder: {good}");
        }
        let also = |more: &str| format!("{secret}\n{more}");
        for bad in [
            String::new(),
            also(key),
            also("keys_minutes = 0"),
            also("keys_minutes = 1441"),
            also("keys_keep_hours = 169"),
            also("discovery = \"http://psc.fr/d\""),
        ] {
            let error = with(&bad).expect_err(&bad);
            assert!(error.en.starts_with("[identity] psc."), "{}", error.en);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let good = template(Lang::En);
        for (from, to, key) in [
            ("[operator]", "[operator]\nhostnam = 1", "config.syntax"),
            ("mx.exemple.mssante.fr", "not a host", "config.hostname"),
            ("https://espace", "http://espace", "config.white_list_url"),
            ("workers = 16", "routes = { \"a.fr\" = [\"no-port\"] }", "config.route_host"),
            ("workers = 16", "routes = { \"-\" = [\"h:25\"] }", "config.route_domain"),
            ("\"keys/keyring.db\"", "\"data/sceau.db\"", "config.keyring_apart"),
            ("[operator]", "[log]\nformat = \"xml\"\n[operator]", "config.log_format"),
            ("[operator]", "[log]\nlevel = \"a=b=c\"\n[operator]", "config.log_level"),
            ("[operator]", "[autoconfig]\nhost = \"pas un nom\"\n[operator]", "config.autoconfig_host"),
            ("[operator]", "[operator]\nnode = 1008", "config.node"),
            ("[operator]", "[operator]\nnode = 1023", "config.node"),
            ("[operator]", "[operator]\nnode = 1024", "config.node"),
            ("[operator]", "[identity]\nidle_minutes = 300\n[operator]", "config.identity_value"),
            ("[operator]", "[desk]\nundo_seconds = 31\n[operator]", "config.desk_value"),
            ("[operator]", "[push]\nservices = [\"https://push.fr\"]\n[operator]", "config.push_value"),
            ("[operator]", "[identity.card]\nurl = \"http://carte\"\n[operator]", "config.identity_value"),
            ("[operator]", "[identity.card]\nurl = \"https://carte\"\n[operator]", "config.card_door"),
        ] {
            assert!(good.contains(from), "{from}");
            let error = load(&good.replacen(from, to, 1)).expect_err(key);
            let start = |lang| {
                let template = sceau_domain::text::template(lang, key).unwrap();
                template.split('{').next().unwrap().to_owned()
            };
            assert!(error.fr.starts_with(&start(Lang::Fr)), "{}", error.fr);
            assert!(error.en.starts_with(&start(Lang::En)), "{}", error.en);
        }
        assert!(Config::load(Path::new("/nonexistent/sceau.toml")).unwrap_err().en.contains("sceau init"));
    }
}
