//! From the configuration to the parts: anchors, certificates, store and operator settings. Says all that is wrong at once.
use crate::config::{Config, ConfigError, KeyPair};
use sceau_domain::{Limits, RetrySchedule, SystemClock};
use sceau_net::HotTls;
use sceau_operator::OperatorConfig;
use sceau_operator::notary::NotarySettings;
use sceau_store::vault::Place;
use sceau_store::{BlobPlace, EngineUrl, MasterKey, StoreConfig, StoreError};
use sceau_trust::whitelist::WhiteListSource;
use sceau_trust::{Anchors, Identity, Purpose, Trust, tls};
use std::path::{Path, PathBuf};
use std::sync::Arc;
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
    /// Our doors for mail clients.
    pub clients: HotTls,
    /// Our side when we connect to operators.
    pub transfer: Arc<arc_swap::ArcSwap<rustls::ClientConfig>>,
}

/// The three TLS configurations of a set of certificates.
struct TlsSet {
    mx: Arc<rustls::ServerConfig>,
    clients: Arc<rustls::ServerConfig>,
    transfer: Arc<rustls::ClientConfig>,
}

impl Parts {
    /// Loads everything the configuration names; the first thing that is wrong.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let mut wrong = Vec::new();
        let anchors = anchors(config, &mut wrong);
        if let Some(first) = wrong.into_iter().next() {
            return Err(first);
        }
        let set = tls_set(config)?;
        Ok(Self {
            trust: Trust::new(anchors),
            mx: Arc::new(arc_swap::ArcSwap::new(set.mx)),
            clients: Arc::new(arc_swap::ArcSwap::new(set.clients)),
            transfer: Arc::new(arc_swap::ArcSwap::new(set.transfer)),
        })
    }

    /// Reads certificates, anchors and revocation lists again; when anything is wrong, everything in force stays.
    pub fn reload(&self, config: &Config, trust: &Trust) -> Result<(), ConfigError> {
        let next = Self::load(config)?;
        trust.set_anchors((*next.trust.anchors()).clone());
        self.mx.store(next.mx.load_full());
        self.clients.store(next.clients.load_full());
        self.transfer.store(next.transfer.load_full());
        Ok(())
    }
}

fn tls_set(config: &Config) -> Result<TlsSet, ConfigError> {
    let operator = identity("certificate", &config.certificate)?;
    let clients = match &config.client_certificate {
        Some(pair) => identity("client_certificate", pair)?,
        None => operator.clone(),
    };
    let wrong = |what: &str, e: rustls::Error| {
        ConfigError::of("config.certificate", &[("what", what), ("error", &e.to_string())])
    };
    Ok(TlsSet {
        mx: tls::mx_server(&operator).map_err(|e| wrong("certificate", e))?,
        clients: tls::client_server(&clients).map_err(|e| wrong("client_certificate", e))?,
        transfer: tls::transfer_client(&operator).map_err(|e| wrong("certificate", e))?,
    })
}

pub(super) fn read(what: &str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|e| {
        let args = [("what", what), ("path", &path.display().to_string()), ("error", &e.to_string())];
        ConfigError::of("config.file_missing", &args)
    })
}

fn identity(what: &str, pair: &KeyPair) -> Result<Identity, ConfigError> {
    let (cert, key) = (read(&format!("{what}.cert"), &pair.cert)?, read(&format!("{what}.key"), &pair.key)?);
    Identity::from_pem(&cert, &key)
        .map_err(|e| ConfigError::of("config.certificate", &[("what", what), ("error", &e.to_string())]))
}

/// Every anchor that can be read; the rest is told in `wrong`.
fn anchors(config: &Config, wrong: &mut Vec<ConfigError>) -> Anchors {
    let a = &config.anchors;
    let sets: [(&str, Purpose, &Vec<PathBuf>); 6] = [
        ("peers", Purpose::Peers, &a.peers),
        ("list_signer", Purpose::ListSigner, &a.list_signer),
        ("list_server", Purpose::ListServer, &a.list_server),
        ("cps", Purpose::Cps, &a.cps),
        ("clients", Purpose::Clients, &a.clients),
        ("connectors", Purpose::Connectors, &a.connectors),
    ];
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
    for (what, purpose, paths) in sets {
        for path in paths {
            add(what, path, &mut |bytes| out.add_pem(purpose, bytes).map_err(|e| e.to_string()));
        }
    }
    for path in &a.crls {
        add("crls", path, &mut |bytes| out.add_crl(bytes).map_err(|e| e.to_string()));
    }
    out
}

/// Everything that would keep `serve` from working, told at once; opens no database and binds nothing.
pub fn problems(config: &Config) -> Vec<ConfigError> {
    let mut wrong = Vec::new();
    anchors(config, &mut wrong);
    let empty = |what: &str, consequence: &str| {
        let consequence = |lang| sceau_domain::text::text(lang, &format!("config.{consequence}"), &[]);
        let of = |lang| {
            let consequence = consequence(lang);
            sceau_domain::text::text(lang, "config.no_anchors", &[("what", what), ("consequence", &consequence)])
        };
        ConfigError { fr: of(sceau_domain::Lang::Fr), en: of(sceau_domain::Lang::En) }
    };
    if config.anchors.peers.is_empty() {
        wrong.push(empty("peers", "no_peers"));
    }
    if config.white_list.is_some() && config.anchors.list_signer.is_empty() {
        wrong.push(empty("list_signer", "no_list_signer"));
    }
    wrong.extend(identity("certificate", &config.certificate).err());
    wrong.extend(config.client_certificate.as_ref().and_then(|pair| identity("client_certificate", pair).err()));
    wrong.extend(super::relay::of(config).err());
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
    let mut retry = RetrySchedule { expire_after: t.expire_hours * 3600, ..RetrySchedule::default() };
    if !t.retry_seconds.is_empty() {
        retry.delays.clone_from(&t.retry_seconds);
    }
    // A short expiry (a test, a drill) warns half-way.
    retry.warn_after = retry.warn_after.min(retry.expire_after / 2);
    OperatorConfig {
        name: o.name.clone(),
        hostname: o.hostname.clone(),
        public_url: o.public_url.clone().unwrap_or_else(|| format!("https://{}", o.hostname)),
        terms: config.terms.values(),
        limits,
        retry,
        postmaster: o.postmaster.clone(),
        test_domains: o.test_domains.clone(),
        patient_domains: o.patient_domains.clone(),
        check_header_from: o.check_header_from,
        sent_copy: o.sent_copy,
        setting_up: o.setting_up,
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
        search: config.search.settings(std::env::current_exe().ok()),
    }
}
