//! The declarative configuration: one TOML file for the system (people and BALs are in the database).
//!
//! Paths are relative to the file's folder. Unknown keys are errors. `sceau init` writes a commented example,
//! `sceau config check` explains what is wrong.
mod abuse;
mod antivirus;
mod connectors;
mod hidden;
mod listen;
mod notices;
mod revocation;
mod search;
mod storage;
mod terms;

pub use abuse::AbuseSection;
pub use antivirus::AntivirusSection;
pub use connectors::ConnectorsSection;
pub use listen::ListenSection;
pub use notices::NoticesSection;
pub use revocation::{AnchorSet, EnvironmentName, RevocationSection};
pub use search::SearchSection;
pub use storage::{BlobsSection, KeysSection, NotarySection, StoreSection};
pub use terms::TermsSection;

use hidden::hidden;
use sceau_domain::{Address, DomainName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// Text search.
    #[serde(default)]
    pub search: SearchSection,
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

/// `[anchors]`: PEM files, roots and intermediates.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorsSection {
    /// Other operators.
    #[serde(default)]
    pub peers: Vec<PathBuf>,
    /// Signer of the white list.
    #[serde(default)]
    pub list_signer: Vec<PathBuf>,
    /// HTTPS server of the white list.
    #[serde(default)]
    pub list_server: Vec<PathBuf>,
    /// CPS cards.
    #[serde(default)]
    pub cps: Vec<PathBuf>,
    /// Applicative clients.
    #[serde(default)]
    pub clients: Vec<PathBuf>,
    /// Structures' own servers.
    #[serde(default)]
    pub connectors: Vec<PathBuf>,
    /// Revocation lists, PEM or DER.
    #[serde(default)]
    pub crls: Vec<PathBuf>,
    /// Words that a test authority has in its name: an anchor with one of them does not count in production, whoever put it there.
    #[serde(default = "test_words")]
    pub test_words: Vec<String>,
    /// Anchors of the production environment: in force there, known in the test one so that refusals say why.
    #[serde(default)]
    pub production: AnchorSet,
    /// Anchors of the test environment, likewise.
    #[serde(default)]
    pub test: AnchorSet,
}

impl Default for AnchorsSection {
    fn default() -> Self {
        let none = Vec::new;
        Self {
            peers: none(),
            list_signer: none(),
            list_server: none(),
            cps: none(),
            clients: none(),
            connectors: none(),
            crls: none(),
            test_words: test_words(),
            production: AnchorSet::default(),
            test: AnchorSet::default(),
        }
    }
}

impl AnchorsSection {
    /// Those in force in an environment: these, and the environment's own.
    pub fn in_force(&self, environment: EnvironmentName) -> AnchorSet {
        let own = match environment {
            EnvironmentName::Production => &self.production,
            EnvironmentName::Test => &self.test,
        };
        let both = |a: &[PathBuf], b: &[PathBuf]| [a, b].concat();
        AnchorSet {
            peers: both(&self.peers, &own.peers),
            list_signer: both(&self.list_signer, &own.list_signer),
            list_server: both(&self.list_server, &own.list_server),
            cps: both(&self.cps, &own.cps),
            clients: both(&self.clients, &own.clients),
            connectors: both(&self.connectors, &own.connectors),
        }
    }
    /// Those of the other environment.
    pub fn elsewhere(&self, environment: EnvironmentName) -> &AnchorSet {
        match environment {
            EnvironmentName::Production => &self.test,
            EnvironmentName::Test => &self.production,
        }
    }
}

/// `[white_list]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhiteListSection {
    /// HTTPS address.
    pub url: String,
    /// CN of the signer.
    pub signer_cn: String,
    /// CN of the authority that issued the signer's certificate.
    pub issuer_cn: String,
    /// Seconds between two fetches.
    #[serde(default = "hourly")]
    pub every_seconds: u64,
    /// Largest document, bytes.
    #[serde(default = "list_bytes")]
    pub max_bytes: usize,
    /// Seconds for a whole fetch.
    #[serde(default = "minute")]
    pub timeout_seconds: u64,
    /// Hours after which a list that the authority has not renewed raises an alarm.
    #[serde(default = "week")]
    pub old_hours: u64,
}

/// `[transfer]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransferSection {
    /// Connections at once.
    pub workers: usize,
    /// Connections at once to one destination, at most: it starts with one or two, and has more while it takes mail.
    pub connections_per_destination: usize,
    /// Seconds for which a connection is kept open after its last message.
    pub keep_open_seconds: u64,
    /// Minutes for which a domain that the DNS does not know is asked for before its mail comes back.
    pub no_route_minutes: u64,
    /// A domain without MX records is its own server (RFC 5321 §5.1).
    pub implicit_mx: bool,
    /// Deadlines of each phase.
    pub timeouts: TransferTimeouts,
    /// Port of other operators.
    pub port: u16,
    /// DNS server (`host:port`); the system's when absent.
    pub resolver: Option<SocketAddr>,
    /// Static routes: domain → `host:port` list, in order. `"*"` catches every other domain.
    pub routes: BTreeMap<String, Vec<String>>,
    /// Delays between attempts, seconds; the last one repeats. Empty: the built-in schedule.
    pub retry_seconds: Vec<u64>,
    /// Tell the sender after so many hours that the message still waits.
    pub warn_hours: u64,
    /// Give up after so many hours.
    pub expire_hours: u64,
    /// Seconds to wait for messages being sent when stopping; what is cut then is sent again later.
    pub grace_seconds: u64,
}

impl Default for TransferSection {
    fn default() -> Self {
        Self {
            workers: 32,
            connections_per_destination: 8,
            keep_open_seconds: 5,
            no_route_minutes: 60,
            implicit_mx: true,
            timeouts: TransferTimeouts::default(),
            port: 25,
            resolver: None,
            routes: BTreeMap::new(),
            retry_seconds: Vec::new(),
            warn_hours: 4,
            expire_hours: 120,
            grace_seconds: grace(),
        }
    }
}

/// `[transfer.timeouts]`: seconds, each for a phase as a whole (RFC 5321 §4.5.3.2); the built-in ones where absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransferTimeouts {
    /// TCP connection.
    pub connect: Option<u32>,
    /// The greeting.
    pub greeting: Option<u32>,
    /// Each reply but the last, and the handshake.
    pub reply: Option<u32>,
    /// The reply after the content.
    pub end_of_data: Option<u32>,
    /// Each 64 KiB of content.
    pub write: Option<u32>,
}

impl TransferTimeouts {
    /// These, where they are given.
    pub fn given(self, built_in: sceau_smtp::transfer::Timeouts) -> sceau_smtp::transfer::Timeouts {
        let or = |given: Option<u32>, otherwise| given.map_or(otherwise, |s| Duration::from_secs(u64::from(s.max(1))));
        sceau_smtp::transfer::Timeouts {
            connect: or(self.connect, built_in.connect),
            greeting: or(self.greeting, built_in.greeting),
            reply: or(self.reply, built_in.reply),
            end_of_data: or(self.end_of_data, built_in.end_of_data),
            write: or(self.write, built_in.write),
        }
    }
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

fn test_words() -> Vec<String> {
    vec!["TEST".into()]
}
fn yes() -> bool {
    true
}
fn hourly() -> u64 {
    3600
}
fn minute() -> u64 {
    60
}
fn week() -> u64 {
    168
}
fn list_bytes() -> usize {
    32 << 20
}
fn grace() -> u64 {
    20
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
        let pairs = std::iter::once(&mut self.certificate).chain(self.client_certificate.as_mut());
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
            &mut a.crls,
        ] {
            list.iter_mut().for_each(fix);
        }
        a.production.paths().chain(a.test.paths()).for_each(fix);
        for p in [&mut self.store.spools, &mut self.notary.checkpoints, &mut self.listen.admin] {
            fix(p);
        }
        self.notices.iter_mut().flat_map(NoticesSection::paths).for_each(fix);
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
        self.abuse.check()?;
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
            ("[operator]", "[operator]\nnode = 1008", "config.node"),
            ("[operator]", "[operator]\nnode = 1023", "config.node"),
            ("[operator]", "[operator]\nnode = 1024", "config.node"),
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
