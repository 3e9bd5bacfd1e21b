//! Where a domain's mail goes: a static route, or its MX records (RFC 5321 §5.1), with null MX (RFC 7505) and a missing
//! domain told apart from a DNS that does not answer.
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::RData;
use sceau_domain::{DomainName, Refusal, RefusalCode};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;

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
    port: u16,
}

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
        let resolver = match resolver {
            Some(address) => Ok(server(address).map_err(|e| e.to_string())?),
            None => TokioResolver::builder_tokio().and_then(|b| b.build()).map_err(|e| e.to_string()),
        };
        if let Err(e) = &resolver {
            tracing::warn!(error = %e, "no DNS on this system: only domains with a static route are reached");
        }
        Ok(Self { fixed, resolver, port })
    }

    /// Servers of a domain, the preferred first.
    ///
    /// # Errors
    /// `transfer.no_route` (for good: no such domain, no mail there), `transfer.dns` (no answer this time).
    pub async fn servers(&self, domain: &DomainName) -> Result<Vec<Server>, Refusal> {
        let servers = match self.fixed.get(domain.as_str()).or_else(|| self.fixed.get("*")) {
            Some(hosts) => fixed(hosts).await,
            None => self.by_mx(domain).await?,
        };
        if servers.is_empty() {
            return Err(Refusal::new(RefusalCode::TransferDns).with("domain", domain));
        }
        Ok(servers)
    }

    async fn by_mx(&self, domain: &DomainName) -> Result<Vec<Server>, Refusal> {
        let no_route = || Refusal::new(RefusalCode::TransferNoRoute).with("domain", domain);
        let no_answer =
            |cause: String| Refusal::new(RefusalCode::TransferDns).with("domain", domain).with("cause", cause);
        let resolver = self.resolver.as_ref().map_err(|e| no_answer(e.clone()))?;
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
            Err(e) if is_absent(&e) => vec![(0, format!("{domain}."))],
            Err(e) => return Err(no_answer(e.to_string())),
        };
        // RFC 7505: `.` takes no mail. Beside other records it is a mistake, and says nothing.
        exchanges.retain(|(_, host)| host != ".");
        if exchanges.is_empty() {
            return Err(no_route());
        }
        order(&mut exchanges);
        let (mut servers, mut failure) = (Vec::new(), None);
        for (_, host) in exchanges.into_iter().take(MAX_SERVERS) {
            match resolver.lookup_ip(host.as_str()).await {
                Ok(found) => servers.push(Server {
                    name: host.trim_end_matches('.').to_owned(),
                    addresses: found.iter().map(|ip| SocketAddr::new(ip, self.port)).collect(),
                }),
                Err(e) if is_absent(&e) => {}
                Err(e) => failure = Some(e.to_string()),
            }
        }
        match failure {
            _ if !servers.is_empty() => Ok(servers),
            Some(cause) => Err(no_answer(cause)),
            None => Err(no_route()),
        }
    }
}

/// By preference; those of one preference in a random order (RFC 5321 §5.1).
fn order(exchanges: &mut [(u16, String)]) {
    let random = RandomState::new();
    exchanges.sort_by_cached_key(|(preference, host)| (*preference, random.hash_one(host)));
}

/// A resolver that asks this server.
fn server(address: SocketAddr) -> Result<TokioResolver, NetError> {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut c| {
        c.port = address.port();
        c
    });
    let server = NameServerConfig::new(address.ip(), true, connections.into());
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build()
}

/// The DNS says that there is no such record (for good), rather than nothing.
fn is_absent(e: &NetError) -> bool {
    matches!(e, NetError::Dns(DnsError::NoRecordsFound(_)))
}

/// Addresses of statically given hosts; one that does not resolve is left out.
async fn fixed(hosts: &[String]) -> Vec<Server> {
    let mut servers = Vec::new();
    for host in hosts {
        if let Ok(found) = tokio::net::lookup_host(host.as_str()).await {
            let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).trim_matches(['[', ']']);
            servers.push(Server { name: name.to_owned(), addresses: found.collect() });
        }
    }
    servers
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
