//! What mail programs are told about a domain, and what the DNS must hold for them and for other operators (F223).
//!
//! Sources: MX RFC 5321 §5.1; SRV RFC 2782, RFC 6186, RFC 8314 §5.1; SPF RFC 7208; the host names that Thunderbird and Outlook ask for their own files.
use crate::DomainName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The port at which programs ask `autoconfig.` and `autodiscover.` for their files; they know no other.
const HTTPS: u16 = 443;

/// How a connection becomes TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first octet.
    Tls,
    /// STARTTLS, which these doors demand.
    StartTls,
}

/// A host, and the ports by which mail programs reach it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Servers {
    /// Name, as its certificate has it.
    pub host: String,
    /// IMAP over TLS.
    pub imaps: Option<u16>,
    /// IMAP with STARTTLS.
    pub imap: Option<u16>,
    /// Submission over TLS.
    pub submissions: Option<u16>,
    /// Submission with STARTTLS.
    pub submission: Option<u16>,
}

impl Servers {
    /// IMAP, the preferred way first (RFC 8314 §3.3).
    pub fn reading(&self) -> Vec<(u16, Protection)> {
        ways(self.imaps, self.imap)
    }
    /// Submission, the preferred way first.
    pub fn sending(&self) -> Vec<(u16, Protection)> {
        ways(self.submissions, self.submission)
    }
    /// Can a program read and send?
    pub fn is_whole(&self) -> bool {
        !self.host.is_empty() && !self.reading().is_empty() && !self.sending().is_empty()
    }
}

fn ways(tls: Option<u16>, starttls: Option<u16>) -> Vec<(u16, Protection)> {
    let all = [(tls, Protection::Tls), (starttls, Protection::StartTls)];
    all.into_iter().filter_map(|(port, way)| Some((port?, way))).collect()
}

/// Where people and programs find us over HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Host name, or an address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Web {
    /// Of an `https:` address. `None` for any other.
    pub fn of(url: &str) -> Option<Self> {
        let authority = url.strip_prefix("https://")?.split(['/', '?', '#']).next()?;
        let (host, port) = match authority.rsplit_once(':') {
            // The colons of an IPv6 address stand within its brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, HTTPS),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty() && !host.contains('@')).then(|| Self { host: host.to_ascii_lowercase(), port })
    }
}

/// Kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordKind {
    /// Where mail goes.
    Mx,
    /// Where a service is.
    Srv,
    /// Another name for a host.
    Cname,
    /// Text.
    Txt,
}

impl RecordKind {
    /// As zone files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mx => "MX",
            Self::Srv => "SRV",
            Self::Cname => "CNAME",
            Self::Txt => "TXT",
        }
    }
}

/// What records are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordUse {
    /// Other operators find our servers.
    Transfer,
    /// Mail programs find servers and ports.
    Programs,
    /// Thunderbird and others find their file.
    Autoconfig,
    /// Outlook finds its file.
    Autodiscover,
    /// Nobody else sends mail in the domain's name.
    Spf,
}

impl RecordUse {
    /// Stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Programs => "programs",
            Self::Autoconfig => "autoconfig",
            Self::Autodiscover => "autodiscover",
            Self::Spf => "spf",
        }
    }
}

/// The records of one name and kind, as they are to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whole name, without the final dot.
    pub name: String,
    /// Kind.
    pub kind: RecordKind,
    /// What for.
    pub used: RecordUse,
    /// Values as zone files write them, names with their final dot; texts without quotes.
    pub values: Vec<String>,
}

/// How what is published compares with what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Published {
    /// As wanted.
    Good,
    /// There is nothing of this name and kind.
    Absent,
    /// There is something else.
    Other,
}

/// What the zone of a domain must hold. `mx`: our hosts that take mail from other operators; `programs`: where mail programs go, and where their files are,
/// none where they have nothing to ask from us.
pub fn wanted(domain: &DomainName, mx: &[String], programs: Option<(&Servers, Option<&Web>)>) -> Vec<Wanted> {
    let mut all = Vec::new();
    let mut add = |name: String, kind, used, values: Vec<String>| {
        if !values.is_empty() {
            all.push(Wanted { name, kind, used, values });
        }
    };
    let hosts = mx.iter().map(|host| format!("10 {}", dotted(host))).collect();
    add(domain.to_string(), RecordKind::Mx, RecordUse::Transfer, hosts);
    // Mail in the domain's name leaves by the same hosts, and by no other.
    let spf = if mx.is_empty() { "v=spf1 -all" } else { "v=spf1 mx -all" };
    add(domain.to_string(), RecordKind::Txt, RecordUse::Spf, vec![spf.into()]);
    let Some((servers, web)) = programs else { return all };
    let services = [
        ("_imaps", servers.imaps),
        ("_imap", servers.imap),
        ("_submissions", servers.submissions),
        ("_submission", servers.submission),
    ];
    for (service, port) in services {
        // Of two ways to the same service, TLS from the first octet comes first (RFC 8314 §5.1).
        let priority = if service.ends_with('s') { 0 } else { 10 };
        let value = port.map(|port| format!("{priority} 1 {port} {}", dotted(&servers.host)));
        let name = format!("{service}._tcp.{domain}");
        add(name, RecordKind::Srv, RecordUse::Programs, value.into_iter().collect());
    }
    let Some(web) = web else { return all };
    if web.port == HTTPS && web.host.parse::<std::net::IpAddr>().is_err() {
        for (label, used) in [("autoconfig", RecordUse::Autoconfig), ("autodiscover", RecordUse::Autodiscover)] {
            add(format!("{label}.{domain}"), RecordKind::Cname, used, vec![dotted(&web.host)]);
        }
    }
    let value = format!("0 1 {} {}", web.port, dotted(&web.host));
    add(format!("_autodiscover._tcp.{domain}"), RecordKind::Srv, RecordUse::Autodiscover, vec![value]);
    all
}

/// Host names that our certificate for mail programs must have, for a domain.
pub fn names(domain: &DomainName, servers: &Servers, web: Option<&Web>) -> Vec<String> {
    let mut all = BTreeSet::from([servers.host.clone()]);
    if let Some(web) = web {
        all.insert(web.host.clone());
        if web.port == HTTPS {
            all.extend(["autoconfig", "autodiscover"].map(|label| format!("{label}.{domain}")));
        }
    }
    all.into_iter().collect()
}

/// Compares what was found with what is wanted. `shared`: another operator serves the domain beside us, so that its servers stand beside ours.
pub fn published(wanted: &Wanted, found: &[String], shared: bool) -> Published {
    let keys = |values: &[String]| values.iter().filter_map(|v| key(wanted.kind, v)).collect::<BTreeSet<_>>();
    let (mut want, have) = (keys(&wanted.values), keys(found));
    if have.is_empty() {
        return Published::Absent;
    }
    if shared && wanted.kind == RecordKind::Txt {
        // What both operators say together is theirs to agree.
        want.clone_from(&have);
    }
    let beside = shared && wanted.kind == RecordKind::Mx;
    if want == have || beside && have.is_superset(&want) { Published::Good } else { Published::Other }
}

/// What a value is compared by: preferences and weights are the domain's own choice. `None`: it says nothing about what is compared.
fn key(kind: RecordKind, value: &str) -> Option<String> {
    let folded = value.trim().to_ascii_lowercase();
    let words: Vec<&str> = folded.split_whitespace().collect();
    match (kind, words.as_slice()) {
        (RecordKind::Mx, [_, host]) => Some(host.trim_end_matches('.').to_owned()),
        (RecordKind::Srv, [_, _, port, host]) => Some(format!("{port} {}", host.trim_end_matches('.'))),
        (RecordKind::Cname, [host]) => Some(host.trim_end_matches('.').to_owned()),
        (RecordKind::Txt, ["v=spf1", ..]) => Some(words.join(" ")),
        // Other texts stand at the same name; anything else cannot be read, and counts as another value.
        (RecordKind::Txt, _) => None,
        _ => Some(folded),
    }
}

fn dotted(host: &str) -> String {
    format!("{}.", host.trim_end_matches('.').to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers() -> Servers {
        let [imaps, imap, submissions, submission] = [993, 143, 465, 587].map(Some);
        Servers { host: "mail.exemple.fr".into(), imaps, imap, submissions, submission }
    }
    fn domain() -> DomainName {
        "chu.mssante.fr".parse().unwrap()
    }
    fn all(servers: &Servers, web: &str) -> Vec<(String, &'static str, String)> {
        let mx = ["MX1.exemple.fr".to_owned(), "mx2.exemple.fr.".to_owned()];
        let web = Web::of(web);
        let wanted = wanted(&domain(), &mx, Some((servers, web.as_ref())));
        wanted.into_iter().map(|w| (w.name, w.kind.as_str(), w.values.join(", "))).collect()
    }

    #[test]
    fn every_record_of_a_domain() {
        let line = |name: &str, kind, value: &str| (name.to_owned(), kind, value.to_owned());
        assert_eq!(
            all(&servers(), "https://mss.exemple.fr"),
            [
                line("chu.mssante.fr", "MX", "10 mx1.exemple.fr., 10 mx2.exemple.fr."),
                line("chu.mssante.fr", "TXT", "v=spf1 mx -all"),
                line("_imaps._tcp.chu.mssante.fr", "SRV", "0 1 993 mail.exemple.fr."),
                line("_imap._tcp.chu.mssante.fr", "SRV", "10 1 143 mail.exemple.fr."),
                line("_submissions._tcp.chu.mssante.fr", "SRV", "0 1 465 mail.exemple.fr."),
                line("_submission._tcp.chu.mssante.fr", "SRV", "10 1 587 mail.exemple.fr."),
                line("autoconfig.chu.mssante.fr", "CNAME", "mss.exemple.fr."),
                line("autodiscover.chu.mssante.fr", "CNAME", "mss.exemple.fr."),
                line("_autodiscover._tcp.chu.mssante.fr", "SRV", "0 1 443 mss.exemple.fr."),
            ]
        );
        // A door that is shut is not announced; files are asked for at 443 only, and a record leads to another port.
        let few = Servers { imap: None, submission: None, ..servers() };
        let said = all(&few, "https://mss.exemple.fr:8443/");
        assert!(said.iter().all(|(name, kind, _)| *kind != "CNAME" && !name.starts_with("_imap.")), "{said:?}");
        assert_eq!(said.last().unwrap().2, "0 1 8443 mss.exemple.fr.");
        assert_eq!(names(&domain(), &few, Web::of("https://mss.exemple.fr:8443").as_ref()).len(), 2);
        let names = names(&domain(), &few, Web::of("https://mail.exemple.fr").as_ref());
        assert_eq!(names, ["autoconfig.chu.mssante.fr", "autodiscover.chu.mssante.fr", "mail.exemple.fr"]);
        // A domain whose programs ask somebody else.
        assert_eq!(wanted(&domain(), &[], None)[0].values, ["v=spf1 -all"]);
    }

    #[test]
    fn programs_need_to_read_and_to_send() {
        assert!(servers().is_whole());
        assert_eq!(servers().reading(), [(993, Protection::Tls), (143, Protection::StartTls)]);
        assert!(!Servers { submissions: None, submission: None, ..servers() }.is_whole());
        assert!(!Servers { imaps: None, imap: None, ..servers() }.is_whole());
        assert!(!Servers { host: String::new(), ..servers() }.is_whole());
    }

    #[test]
    fn addresses_of_ours() {
        let of = |url| Web::of(url).map(|w| (w.host, w.port));
        assert_eq!(of("https://MSS.exemple.fr"), Some(("mss.exemple.fr".into(), 443)));
        assert_eq!(of("https://127.0.0.1:8443/x:1"), Some(("127.0.0.1".into(), 8443)));
        assert_eq!(of("https://[::1]:8443"), Some(("::1".into(), 8443)));
        assert_eq!(of("https://[::1]/"), Some(("::1".into(), 443)));
        for none in ["http://a.fr", "https://", "https://a:b@c.fr", "https://a.fr:x", "ftp"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_published_is_compared_by_what_counts() {
        let of = |kind, values: &[&str]| Wanted {
            name: "x".into(),
            kind,
            used: RecordUse::Transfer,
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        };
        let judged = |wanted: &Wanted, found: &[&str], shared| {
            published(wanted, &found.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>(), shared)
        };
        let mx = of(RecordKind::Mx, &["10 a.fr.", "10 b.fr."]);
        assert_eq!(judged(&mx, &["5 B.fr.", "0 a.fr"], false), Published::Good);
        assert_eq!(judged(&mx, &["5 b.fr."], false), Published::Other);
        assert_eq!(judged(&mx, &["5 b.fr.", "5 a.fr.", "5 autre.fr."], false), Published::Other);
        assert_eq!(judged(&mx, &["5 b.fr.", "5 a.fr.", "5 autre.fr."], true), Published::Good);
        assert_eq!(judged(&mx, &["5 autre.fr."], true), Published::Other);
        assert_eq!(judged(&mx, &[], true), Published::Absent);
        let srv = of(RecordKind::Srv, &["0 1 993 a.fr."]);
        assert_eq!(judged(&srv, &["7 5 993 A.fr."], false), Published::Good);
        assert_eq!(judged(&srv, &["0 1 143 a.fr."], false), Published::Other);
        assert_eq!(judged(&srv, &["0 0 0 ."], false), Published::Other);
        let spf = of(RecordKind::Txt, &["v=spf1 mx -all"]);
        assert_eq!(judged(&spf, &["V=SPF1  mx  -all", "site-verification=1"], false), Published::Good);
        assert_eq!(judged(&spf, &["site-verification=1"], false), Published::Absent);
        assert_eq!(judged(&spf, &["v=spf1 mx -all", "v=spf1 -all"], false), Published::Other);
        assert_eq!(judged(&spf, &["v=spf1 a:autre.fr mx -all"], true), Published::Good);
        let cname = of(RecordKind::Cname, &["w.fr."]);
        assert_eq!(
            (judged(&cname, &["W.fr"], false), judged(&cname, &["v.fr."], false)),
            (Published::Good, Published::Other)
        );
    }
}
