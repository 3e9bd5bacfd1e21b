//! Where a domain's mail goes: a static route, or its MX records (RFC 5321 §5.1), with null MX (RFC 7505), a missing domain, our own name among the
//! records, a DNS that does not answer and one that withholds what is signed wrongly told apart. Answers are kept for as long as the DNS says, within bounds.
use super::dnssec;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};
use sceau_domain::mail_setup::RecordKind;
use sceau_domain::{DomainName, Refusal, RefusalCode};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Most servers tried for one destination.
const MAX_SERVERS: usize = 10;

/// A server to try: its name and its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Host name, or an address as a text.
    pub name: String,
    /// Addresses, IPv6 and IPv4.
    pub addresses: Vec<SocketAddr>,
}

/// Static routes and the resolver.
#[derive(Debug, Clone)]
pub struct Routes {
    fixed: BTreeMap<String, Vec<String>>,
    /// Or why there is none: static routes work where there is no DNS at all.
    resolver: Result<TokioResolver, String>,
    /// Where the resolver asks; none when that is not known.
    asked: Option<SocketAddr>,
    port: u16,
    /// Is a domain without MX its own server (RFC 5321 §5.1)?
    implicit: bool,
    /// Names of ours: a server of this name, and those after it, are not tried (RFC 5321 §5.1).
    own: Vec<String>,
}

/// Shortest and longest time for which an answer of the DNS is kept: no storm of questions, no address that is long gone.
const KEPT: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3600));
/// Longest for which the absence of an answer is kept.
const ABSENT: Duration = Duration::from_secs(300);
/// A question to the DNS, and how often it is asked.
const QUESTION: (Duration, usize) = (Duration::from_secs(5), 2);
/// Resolving a statically given host, as the system does.
const LOOKUP: Duration = Duration::from_secs(10);
/// Answers kept.
const ANSWERS: u64 = 4_096;

impl Routes {
    /// `fixed`: domain → `host:port` list, in order of preference; `*` for every other domain. `resolver`: a DNS server, the
    /// system's when absent (a system without one only serves the fixed routes). `port`: of servers found by MX.
    ///
    /// # Errors
    /// A given resolver that cannot be set up, a domain that is none, as a text.
    pub fn new(fixed: BTreeMap<String, Vec<String>>, resolver: Option<SocketAddr>, port: u16) -> Result<Self, String> {
        let canonical = |(name, hosts): (String, Vec<String>)| match name.as_str() {
            "*" => Ok((name, hosts)),
            other => other.parse().map(|d: DomainName| (d.into(), hosts)).map_err(|e| format!("{name}: {e}")),
        };
        let fixed = fixed.into_iter().map(canonical).collect::<Result<_, String>>()?;
        let asked = resolver.or_else(of_system);
        let resolver = match resolver {
            Some(address) => Ok(server(address).map_err(|e| e.to_string())?),
            None => TokioResolver::builder_tokio()
                .and_then(|mut b| {
                    bounded(b.options_mut());
                    b.build()
                })
                .map_err(|e| e.to_string()),
        };
        if let Err(e) = &resolver {
            tracing::warn!(error = %e, "no DNS on this system: only domains with a static route are reached");
        }
        Ok(Self { fixed, resolver, asked, port, implicit: true, own: Vec::new() })
    }

    /// Whether a domain without MX is its own server (it is unless this is said), and which names are ours.
    #[must_use]
    pub fn with(mut self, implicit: bool, own: &[String]) -> Self {
        self.implicit = implicit;
        self.own = own.iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect();
        self
    }

    /// Servers of a domain, the preferred first.
    ///
    /// # Errors
    /// `transfer.no_route` (for good: no such domain, no mail there), `transfer.dns` (no answer this time), `transfer.dnssec` (an answer that is signed
    /// wrongly).
    pub async fn servers(&self, domain: &DomainName) -> Result<Vec<Server>, Refusal> {
        self.find(domain).await.map(|(_, servers)| servers)
    }

    /// As [`Routes::servers`], and how they were found: `fixed`, `mx`, `address`.
    ///
    /// # Errors
    /// As [`Routes::servers`]; `transfer.null_mx` (for good: it takes no mail), `transfer.own_mx` (its mail is said to be ours).
    pub async fn find(&self, domain: &DomainName) -> Result<(&'static str, Vec<Server>), Refusal> {
        self.look(domain, false).await
    }

    /// As [`Routes::find`], for a domain whose mail goes to us and to another operator at once (F216): all servers but ours, whatever their preference.
    ///
    /// # Errors
    /// As [`Routes::find`].
    pub async fn find_beside(&self, domain: &DomainName) -> Result<(&'static str, Vec<Server>), Refusal> {
        self.look(domain, true).await
    }

    async fn look(&self, domain: &DomainName, beside: bool) -> Result<(&'static str, Vec<Server>), Refusal> {
        let (kind, servers) = match self.fixed.get(domain.as_str()).or_else(|| self.fixed.get("*")) {
            Some(hosts) => ("fixed", fixed(hosts).await),
            None => self.by_mx(domain, beside).await?,
        };
        if servers.is_empty() {
            return Err(Refusal::new(RefusalCode::TransferDns).with("domain", domain));
        }
        Ok((kind, servers))
    }

    async fn by_mx(&self, domain: &DomainName, beside: bool) -> Result<(&'static str, Vec<Server>), Refusal> {
        let mut kind = "mx";
        let no_route = || Refusal::new(RefusalCode::TransferNoRoute).with("domain", domain);
        let resolver = self.resolver(domain.as_str())?;
        let mut exchanges: Vec<(u16, String)> = match resolver.mx_lookup(format!("{domain}.")).await {
            Ok(found) => found
                .answers()
                .iter()
                .filter_map(|r| match &r.data {
                    RData::MX(mx) => Some((mx.preference, mx.exchange.to_ascii().to_ascii_lowercase())),
                    _ => None,
                })
                .collect(),
            // No MX: the domain itself is the server (RFC 5321 §5.1), if it exists.
            Err(e) if is_absent(&e) && self.implicit => {
                kind = "address";
                vec![(0, format!("{domain}."))]
            }
            Err(e) if is_absent(&e) => return Err(no_route()),
            Err(e) => return Err(self.unanswered(domain, &format!("{domain}."), RecordType::MX, &e).await),
        };
        // RFC 7505: `.` takes no mail. Beside other records it is a mistake, and says nothing.
        let said = exchanges.len();
        exchanges.retain(|(_, host)| host != ".");
        if exchanges.is_empty() {
            return Err(match said {
                0 => no_route(),
                _ => Refusal::new(RefusalCode::TransferNullMx).with("domain", domain),
            });
        }
        order(&mut exchanges);
        // Ourselves, and whoever is not preferred to us: mail would come back to us, or go in a circle.
        if let Some((own, _)) = exchanges.iter().find(|(_, host)| self.is_own(host)) {
            let own = *own;
            match beside {
                true => exchanges.retain(|(_, host)| !self.is_own(host)),
                false => exchanges.retain(|(preference, _)| *preference < own),
            }
            if exchanges.is_empty() {
                return Err(Refusal::new(RefusalCode::TransferOwnMx).with("domain", domain));
            }
        }
        let (mut servers, mut failure) = (Vec::new(), None);
        for (_, host) in exchanges.into_iter().take(MAX_SERVERS) {
            match resolver.lookup_ip(host.as_str()).await {
                Ok(found) => servers.push(Server {
                    name: host.trim_end_matches('.').to_owned(),
                    addresses: found.iter().map(|ip| SocketAddr::new(ip, self.port)).collect(),
                }),
                Err(e) if is_absent(&e) => {}
                Err(e) => failure = Some((host, e)),
            }
        }
        match failure {
            _ if !servers.is_empty() => Ok((kind, servers)),
            Some((host, e)) => Err(self.unanswered(domain, &host, RecordType::A, &e).await),
            None => Err(no_route()),
        }
    }

    /// What the DNS has of a name, as zone files write it (texts without quotes), asked anew: who has just published something looks now.
    ///
    /// # Errors
    /// `transfer.dns`.
    pub async fn records(&self, name: &str, kind: RecordKind) -> Result<Vec<String>, Refusal> {
        let wanted = match kind {
            RecordKind::Mx => RecordType::MX,
            RecordKind::Srv => RecordType::SRV,
            RecordKind::Cname => RecordType::CNAME,
            RecordKind::Txt => RecordType::TXT,
        };
        let (resolver, whole) = (self.resolver(name)?, format!("{name}."));
        resolver.clear_lookup_cache(whole.as_str(), wanted);
        match resolver.lookup(whole, wanted).await {
            Ok(found) => Ok(found.answers().iter().filter_map(|r| written(&r.data, wanted)).collect()),
            Err(e) if is_absent(&e) => Ok(Vec::new()),
            Err(e) => Err(Refusal::new(RefusalCode::TransferDns).with("domain", name).with("cause", e)),
        }
    }

    /// Addresses of a host.
    ///
    /// # Errors
    /// `transfer.dns`.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Refusal> {
        match self.resolver(host)?.lookup_ip(format!("{host}.")).await {
            Ok(found) => Ok(found.iter().collect()),
            Err(e) if is_absent(&e) => Ok(Vec::new()),
            Err(e) => Err(Refusal::new(RefusalCode::TransferDns).with("domain", host).with("cause", e)),
        }
    }

    fn resolver(&self, name: &str) -> Result<&TokioResolver, Refusal> {
        self.resolver.as_ref().map_err(|e| Refusal::new(RefusalCode::TransferDns).with("domain", name).with("cause", e))
    }

    /// Why the DNS gave no answer about a name on the way to a domain.
    async fn unanswered(&self, domain: &DomainName, name: &str, kind: RecordType, e: &NetError) -> Refusal {
        let failed = matches!(e, NetError::Dns(DnsError::ResponseCode(ResponseCode::ServFail)));
        if let Some(asked) = self.asked.filter(|_| failed)
            && dnssec::is_withheld(asked, name, kind).await
        {
            return Refusal::new(RefusalCode::TransferDnssec)
                .with("domain", domain)
                .with("name", name.trim_end_matches('.'));
        }
        Refusal::new(RefusalCode::TransferDns).with("domain", domain).with("cause", e)
    }

    fn is_own(&self, host: &str) -> bool {
        self.own.iter().any(|own| own == host.trim_end_matches('.'))
    }
}

/// By preference; those of one preference in a random order (RFC 5321 §5.1).
fn order(exchanges: &mut [(u16, String)]) {
    let random = RandomState::new();
    exchanges.sort_by_cached_key(|(preference, host)| (*preference, random.hash_one(host)));
}

/// The system's first resolver.
fn of_system() -> Option<SocketAddr> {
    let (config, _) = hickory_resolver::system_conf::read_system_conf().ok()?;
    let first = config.name_servers().first()?;
    Some(SocketAddr::new(first.ip, first.connections.first()?.port))
}

/// A resolver that asks this server.
fn server(address: SocketAddr) -> Result<TokioResolver, NetError> {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut c| {
        c.port = address.port();
        c
    });
    let server = NameServerConfig::new(address.ip(), true, connections.into());
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    bounded(builder.options_mut());
    builder.build()
}

/// What is kept of answers, and how long is waited for them.
fn bounded(options: &mut ResolverOpts) {
    options.cache_size = ANSWERS;
    (options.positive_min_ttl, options.positive_max_ttl) = (Some(KEPT.0), Some(KEPT.1));
    (options.negative_min_ttl, options.negative_max_ttl) = (Some(KEPT.0), Some(ABSENT));
    (options.timeout, options.attempts) = QUESTION;
    // IPv6 and IPv4 alike: who connects tries them by turns.
    options.ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
}

/// The value of a record of this kind, as zone files write it, a text without quotes.
fn written(data: &RData, kind: RecordType) -> Option<String> {
    match (data, kind) {
        (RData::MX(mx), RecordType::MX) => Some(format!("{} {}", mx.preference, mx.exchange.to_ascii())),
        (RData::SRV(s), RecordType::SRV) => {
            Some(format!("{} {} {} {}", s.priority, s.weight, s.port, s.target.to_ascii()))
        }
        (RData::CNAME(name), RecordType::CNAME) => Some(name.0.to_ascii()),
        (RData::TXT(text), RecordType::TXT) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
        _ => None,
    }
}

/// The DNS says that there is no such record (for good), rather than nothing.
fn is_absent(e: &NetError) -> bool {
    matches!(e, NetError::Dns(DnsError::NoRecordsFound(_)))
}

/// Addresses of statically given hosts; one that does not resolve in time is left out.
async fn fixed(hosts: &[String]) -> Vec<Server> {
    let mut servers = Vec::new();
    for host in hosts {
        if let Ok(Ok(found)) = tokio::time::timeout(LOOKUP, tokio::net::lookup_host(host.as_str())).await {
            let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).trim_matches(['[', ']']);
            servers.push(Server { name: name.to_owned(), addresses: found.collect() });
        }
    }
    servers
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
