//! From the configuration to the parts: anchors, certificates, store and operator settings. Says all that is wrong at once.
use crate::config::{Config, ConfigError, EnvironmentName, KeyPair};
use sceau_domain::{Limits, RetrySchedule, SystemClock};
use sceau_net::HotTls;
use sceau_operator::OperatorConfig;
use sceau_operator::certificates::{CLIENTS, OPERATOR, Own};
use sceau_operator::mail_setup::Shown;
use sceau_operator::notary::NotarySettings;
use sceau_store::vault::Place;
use sceau_store::{BlobPlace, EngineUrl, MasterKey, StoreConfig, StoreError};
use sceau_trust::identity::IdentityError;
use sceau_trust::tls::ByName;
use sceau_trust::whitelist::WhiteListSource;
use sceau_trust::{Anchors, Identity, PeerCause, Purpose, Trust, tls};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Blobs up to this many stored bytes live in the database.
const INLINE_MAX: usize = 16 << 10;
/// How long a peer's retry is recognised.
const DEDUPE: Duration = Duration::from_secs(7 * 24 * 3600);
/// How far in the future a white list may be dated: clocks differ.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// TLS configurations and trust, replaceable while running.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Anchors and, later, the white list.
    pub trust: Trust,
    /// Our door towards operators.
    pub mx: HotTls,
    /// Our doors for browsers and programs of REST.
    pub clients: HotTls,
    /// Our doors for mail programs: they may log in by a certificate.
    pub mail: HotTls,
    /// Our door that asks browsers for a professional's card.
    pub card: HotTls,
    /// Our side when we connect to operators.
    pub transfer: Arc<arc_swap::ArcSwap<rustls::ClientConfig>>,
    /// The certificate that mail programs and browsers are shown.
    pub shown: Shown,
    /// Our certificates as they were loaded, for the inventory.
    pub own: Vec<Own>,
    /// Those of the mail doors.
    names: Arc<arc_swap::ArcSwap<ByName>>,
    /// The authorities of devices that the mail doors name.
    asked: Arc<Mutex<Vec<rustls::pki_types::CertificateDer<'static>>>>,
}

/// The TLS configurations of a set of certificates.
struct TlsSet {
    mx: Arc<rustls::ServerConfig>,
    clients: Arc<rustls::ServerConfig>,
    mail: Arc<rustls::ServerConfig>,
    card: Arc<rustls::ServerConfig>,
    names: ByName,
    transfer: Arc<rustls::ClientConfig>,
    shown: Arc<Identity>,
    own: Vec<Own>,
}

impl Parts {
    /// Loads everything the configuration names; the first thing that is wrong.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let mut wrong = Vec::new();
        let anchors = anchors(config, &mut wrong);
        if let Some(first) = wrong.into_iter().next() {
            return Err(first);
        }
        let set = tls_set(config, &anchors)?;
        Ok(Self {
            trust: Trust::new(anchors),
            mx: Arc::new(arc_swap::ArcSwap::new(set.mx)),
            clients: Arc::new(arc_swap::ArcSwap::new(set.clients)),
            mail: Arc::new(arc_swap::ArcSwap::new(set.mail)),
            card: Arc::new(arc_swap::ArcSwap::new(set.card)),
            names: Arc::new(arc_swap::ArcSwap::from_pointee(set.names)),
            asked: Arc::default(),
            transfer: Arc::new(arc_swap::ArcSwap::new(set.transfer)),
            shown: Arc::new(arc_swap::ArcSwap::new(set.shown)),
            own: set.own,
        })
    }

    /// Puts what was loaded anew in force.
    pub fn take(&self, next: &Self, trust: &Trust) {
        trust.set_anchors((*next.trust.anchors()).clone());
        self.mx.store(next.mx.load_full());
        self.clients.store(next.clients.load_full());
        self.mail.store(next.mail.load_full());
        self.card.store(next.card.load_full());
        self.names.store(next.names.load_full());
        self.transfer.store(next.transfer.load_full());
        self.shown.store(next.shown.load_full());
        // What was loaded knows no authority of ours.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.ask_for_devices(trust);
    }

    /// Has the mail doors ask for certificates of our own authorities for devices too, when one was made: no file names them.
    pub fn ask_for_devices(&self, trust: &Trust) {
        let anchors = trust.anchors();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.as_slice() == anchors.of(Purpose::Devices) {
            return;
        }
        match tls::mail_server(ByName::clone(&self.names.load()), &anchors) {
            Ok(mail) => {
                self.mail.store(mail);
                *asked = anchors.of(Purpose::Devices).to_vec();
            }
            Err(e) => tracing::error!(error = %e, "mail doors do not ask for certificates of devices"),
        }
    }
}

fn tls_set(config: &Config, anchors: &Anchors) -> Result<TlsSet, ConfigError> {
    let operator = identity("certificate", &config.certificate)?;
    let clients = match &config.client_certificate {
        Some(pair) => identity("client_certificate", pair)?,
        None => operator.clone(),
    };
    let others: Vec<Identity> =
        config.certificates.iter().map(|p| identity("certificates", p)).collect::<Result<_, _>>()?;
    let by_name = ByName::from(&clients).with(&others);
    let wrong = |what: &str, e: rustls::Error| {
        ConfigError::of("config.certificate", &[("what", what), ("error", &e.to_string())])
    };
    Ok(TlsSet {
        mx: tls::mx_server(&operator).map_err(|e| wrong("certificate", e))?,
        clients: tls::web_server(by_name.clone(), config.web.http2).map_err(|e| wrong("client_certificate", e))?,
        mail: tls::mail_server(by_name.clone(), anchors).map_err(|e| wrong("client_certificate", e))?,
        card: tls::card_server(by_name.clone(), anchors, card_tls(config))
            .map_err(|e| wrong("client_certificate", e))?,
        names: by_name,
        transfer: tls::transfer_client(&operator).map_err(|e| wrong("certificate", e))?,
        own: own(&operator, config.client_certificate.is_some().then_some(&clients).into_iter().chain(&others)),
        shown: Arc::new(clients.clone()),
    })
}

/// How cards are spoken to.
fn card_tls(config: &Config) -> tls::CardTls {
    let how =
        |card: &sceau_operator::identity::settings::CardSettings| tls::CardTls { tls13: card.tls13, pss: card.pss };
    config.identity.card.as_ref().map(how).unwrap_or_default()
}

/// Our certificates for the inventory, without their keys.
fn own<'a>(operator: &Identity, clients: impl Iterator<Item = &'a Identity>) -> Vec<Own> {
    let of = |place, identity: &Identity| identity.chain.first().map(|leaf| Own { place, leaf: leaf.clone() });
    of(OPERATOR, operator).into_iter().chain(clients.filter_map(|c| of(CLIENTS, c))).collect()
}

pub(super) fn read(what: &str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|e| {
        let args = [("what", what), ("path", &path.display().to_string()), ("error", &e.to_string())];
        ConfigError::of("config.file_missing", &args)
    })
}

pub(super) fn identity(what: &str, pair: &KeyPair) -> Result<Identity, ConfigError> {
    let (cert, key) = (read(&format!("{what}.cert"), &pair.cert)?, read(&format!("{what}.key"), &pair.key)?);
    Identity::from_pem(&cert, &key).map_err(|e| match &e {
        IdentityError::Weak { dn, why } => {
            ConfigError::of("config.certificate_weak", &[("what", what), ("dn", dn), ("error", why)])
        }
        e => ConfigError::of("config.certificate", &[("what", what), ("error", &e.to_string())]),
    })
}

/// Our certificate towards operators must not be of the other environment.
fn at_home(config: &Config, anchors: &Anchors, identity: &Identity) -> Result<(), ConfigError> {
    let now = sceau_domain::Clock::now(&SystemClock);
    match sceau_trust::peer::judge(anchors, Purpose::Peers, &identity.chain, true, now) {
        Err(PeerCause::OtherEnvironment) => Err(ConfigError::of(
            "config.certificate_elsewhere",
            &[("dn", identity.dn.as_str()), ("environment", config.operator.environment.value().as_str())],
        )),
        _ => Ok(()),
    }
}

/// Every anchor that can be read, each in its environment; the rest is told in `wrong`.
fn anchors(config: &Config, wrong: &mut Vec<ConfigError>) -> Anchors {
    let (a, environment) = (&config.anchors, config.operator.environment);
    let mut out = Anchors::default();
    let mut add = |what: &str, path: &Path, put: &mut dyn FnMut(&[u8]) -> Result<(), String>| {
        let result = read(&format!("anchors.{what}"), path).and_then(|bytes| {
            put(&bytes).map_err(|error| {
                ConfigError::of(
                    "config.anchors",
                    &[("what", what), ("path", &path.display().to_string()), ("error", &error)],
                )
            })
        });
        wrong.extend(result.err());
    };
    for (purpose, paths) in a.in_force(environment).files() {
        for path in paths {
            add(purpose.as_str(), path, &mut |bytes| out.add_pem(purpose, bytes).map_err(|e| e.to_string()));
        }
    }
    for (purpose, paths) in a.elsewhere(environment).files() {
        let what = format!("{}.{}", environment.value().other().as_str(), purpose.as_str());
        for path in paths {
            add(&what, path, &mut |bytes| out.add_other_pem(purpose, bytes).map_err(|e| e.to_string()));
        }
    }
    for path in &a.crls {
        add("crls", path, &mut |bytes| out.add_crl(bytes).map_err(|e| e.to_string()));
    }
    wrong.extend(mixed(config, &out));
    out
}

/// Anchors of the two environments that were mixed by mistake.
fn mixed(config: &Config, anchors: &Anchors) -> Vec<ConfigError> {
    let mut wrong = Vec::new();
    let production = config.operator.environment == EnvironmentName::Production;
    for purpose in Purpose::ALL {
        for certificate in anchors.of(purpose) {
            let Some(told) = sceau_trust::peer::describe(certificate) else { continue };
            let args = [("what", purpose.as_str()), ("dn", told.dn.as_str())];
            if anchors.others.get(&purpose).is_some_and(|others| others.contains(certificate)) {
                wrong.push(ConfigError::of("config.anchor_both", &args));
            }
            // Words of the name, whatever separates them: a domain or a person called Testud is no test.
            let named = |word: &String| {
                told.dn.as_str().split(|c: char| !c.is_alphanumeric()).any(|w| w.eq_ignore_ascii_case(word))
            };
            if production && config.anchors.test_words.iter().any(named) {
                wrong.push(ConfigError::of("config.anchor_test", &args));
            }
        }
    }
    wrong
}

/// Everything that would keep `serve` from working, told at once; opens no database and binds nothing.
pub fn problems(config: &Config) -> Vec<ConfigError> {
    let mut wrong = Vec::new();
    let trusted = anchors(config, &mut wrong);
    let empty = |what: &str, consequence: &str| {
        let consequence = |lang| sceau_domain::text::text(lang, &format!("config.{consequence}"), &[]);
        let of = |lang| {
            let consequence = consequence(lang);
            sceau_domain::text::text(lang, "config.no_anchors", &[("what", what), ("consequence", &consequence)])
        };
        ConfigError { fr: of(sceau_domain::Lang::Fr), en: of(sceau_domain::Lang::En) }
    };
    let in_force = config.anchors.in_force(config.operator.environment);
    if in_force.peers.is_empty() {
        wrong.push(empty("peers", "no_peers"));
    }
    if config.white_list.is_some() && in_force.list_signer.is_empty() {
        wrong.push(empty("list_signer", "no_list_signer"));
    }
    if config.listen.card.is_some() && in_force.cps.is_empty() {
        wrong.push(empty("cps", "no_cps"));
    }
    let own = identity("certificate", &config.certificate).and_then(|i| at_home(config, &trusted, &i));
    wrong.extend(own.err());
    wrong.extend(config.client_certificate.as_ref().and_then(|pair| identity("client_certificate", pair).err()));
    wrong.extend(config.certificates.iter().filter_map(|pair| identity("certificates", pair).err()));
    wrong.extend(super::relay::of(config).err());
    wrong.extend(super::identity::settings(config).err());
    wrong.extend(super::push::settings(config).err());
    wrong.extend(config.abuse.positions.read().err());
    let place = blobs_place(config).err();
    let told = place.as_ref().map(|e| e.en.clone());
    wrong.extend(place);
    // What was just said is not said twice.
    wrong.extend(store_config(config).err().filter(|e| told.as_ref() != Some(&e.en)));
    let settings = operator_config(config);
    for refusal in [settings.limits.check().err(), settings.retry.check().err()].into_iter().flatten() {
        let of = |lang| {
            let error = refusal.sentence(lang);
            sceau_domain::text::text(lang, "config.limits", &[("error", &error)])
        };
        wrong.push(ConfigError { fr: of(sceau_domain::Lang::Fr), en: of(sceau_domain::Lang::En) });
    }
    if config.administrators.is_empty() {
        wrong.push(ConfigError::of("config.no_administrator", &[("section", "[[administrators]]")]));
    }
    let l = &config.listen;
    if [l.mx, l.submission, l.submissions, l.imap, l.imaps, l.https].iter().all(Option::is_none) {
        wrong.push(ConfigError::of("config.no_door", &[]));
    }
    wrong
}

/// Where data and keys live; reads the master key.
pub fn store_config(config: &Config) -> Result<StoreConfig, ConfigError> {
    store_config_with(config, master_key(config)?)
}

/// The master key, wherever it is: a token is asked, with its PIN.
pub fn master_key(config: &Config) -> Result<MasterKey, ConfigError> {
    let place = Place::parse(&config.keys.master).map_err(StoreError::Keeper);
    place.and_then(|place| MasterKey::open(&place)).map_err(|e| {
        let of = |lang| {
            let error = match &e {
                StoreError::Keeper(e) => e.sentence(lang),
                other => other.to_string(),
            };
            sceau_domain::text::text(lang, "config.master_key", &[("error", &error)])
        };
        ConfigError { fr: of(sceau_domain::Lang::Fr), en: of(sceau_domain::Lang::En) }
    })
}

/// Where rows live, from what the configuration says.
pub fn engine_url(text: &str) -> EngineUrl {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        EngineUrl::Postgres(text.to_owned())
    } else {
        EngineUrl::Sqlite(PathBuf::from(text))
    }
}

/// Where data and keys live, under this master key.
pub fn store_config_with(config: &Config, master: MasterKey) -> Result<StoreConfig, ConfigError> {
    let url = engine_url;
    Ok(StoreConfig {
        data: url(&config.store.url),
        keyring: url(&config.keys.keyring),
        blobs: blobs_place(config)?,
        spools: config.store.spools.clone(),
        master,
        inline_max: INLINE_MAX,
        node: config.operator.node,
        name: config.operator.hostname.clone(),
        visitor: false,
        connections: config.store.connections,
        clock: Arc::new(SystemClock),
    })
}

fn blobs_place(config: &Config) -> Result<BlobPlace, ConfigError> {
    super::blobs::place(&config.blobs, &|name| std::env::var(name).ok())
}

/// What reads the messages.
pub fn antivirus(config: &Config) -> sceau_operator::antivirus::Setting {
    let absent = || sceau_operator::antivirus::Setting::Absent;
    config.antivirus.as_ref().map_or_else(absent, crate::config::AntivirusSection::setting)
}

/// Settings of the notary.
pub fn notary_settings(config: &Config) -> NotarySettings {
    let n = &config.notary;
    let every = Duration::from_secs(n.every_seconds.max(1));
    NotarySettings { checkpoints: n.checkpoints.clone(), every, hold: n.legal_hold.clone() }
}

/// Settings of the use cases.
pub fn operator_config(config: &Config) -> OperatorConfig {
    let (o, t) = (&config.operator, &config.transfer);
    let limits = Limits::default().with(&config.limits);
    let mut retry = RetrySchedule {
        warn_after: t.warn_hours.saturating_mul(3600),
        expire_after: t.expire_hours.saturating_mul(3600),
        ..RetrySchedule::default()
    };
    if !t.retry_seconds.is_empty() {
        retry.delays.clone_from(&t.retry_seconds);
    }
    // A short expiry (a test, a drill) warns half-way.
    retry.warn_after = retry.warn_after.min(retry.expire_after / 2);
    let public_url = o.public_url.clone().unwrap_or_else(|| format!("https://{}", o.hostname));
    OperatorConfig {
        name: o.name.clone(),
        hostname: o.hostname.clone(),
        mail_setup: config.autoconfig.settings(&config.listen, &public_url),
        public_url,
        terms: config.terms.values(),
        limits,
        retry,
        postmaster: o.postmaster.clone(),
        test_domains: o.test_domains.clone(),
        patient_domains: o.patient_domains.clone(),
        check_header_from: o.check_header_from,
        sent_copy: o.sent_copy,
        setting_up: o.setting_up,
        notification_address: config.openings.notification_address,
        environment: o.environment.value(),
        revocation: config.revocation.settings(),
        white_list: config.white_list.as_ref().map(|w| WhiteListSource {
            url: w.url.clone(),
            signer_cn: w.signer_cn.clone(),
            issuer_cn: w.issuer_cn.clone(),
            max_bytes: w.max_bytes,
            timeout: Duration::from_secs(w.timeout_seconds),
            skew: CLOCK_SKEW,
        }),
        white_list_every: Duration::from_secs(config.white_list.as_ref().map_or(3600, |w| w.every_seconds)),
        white_list_old: Duration::from_secs(3600 * config.white_list.as_ref().map_or(168, |w| w.old_hours)),
        dedupe: DEDUPE,
        login_failures_per_minute: limits.login_failures_per_minute,
        abuse: config.abuse.settings(),
        connectors: config.connectors.settings(config.listen.connectors),
        notices: config.notice_settings(),
        search: config.search.settings(std::env::current_exe().ok()),
        identity: config.identity.clone(),
        desk: config.desk.clone(),
        push: config.push.clone(),
    }
}
