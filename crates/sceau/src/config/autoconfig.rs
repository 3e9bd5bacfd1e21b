//! `[autoconfig]`: what mail programs, and the zones of our domains, are told of our doors.
use super::ListenSection;
use sceau_domain::mail_setup::{Servers, Web};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// `[autoconfig]`: names and ports as the outside sees them, where a balancer or a translation of addresses stands before the doors.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoconfigSection {
    /// Host of mail programs; that of `operator.public_url` when absent.
    pub host: Option<String>,
    /// Port of IMAP over TLS, here and below: that of `[listen]` when absent, 0 where it is not to be told.
    pub imaps: Option<u16>,
    /// Port of IMAP with STARTTLS.
    pub imap: Option<u16>,
    /// Port of submission over TLS.
    pub submissions: Option<u16>,
    /// Port of submission with STARTTLS.
    pub submission: Option<u16>,
    /// Hosts of the MX records of our domains; the host names of the nodes when empty.
    pub mx: Vec<String>,
}

impl AutoconfigSection {
    /// As the use cases take it.
    pub fn settings(&self, listen: &ListenSection, public_url: &str) -> sceau_operator::mail_setup::Settings {
        let port = |said: Option<u16>, door: Option<SocketAddr>| said.or(door.map(|a| a.port())).filter(|p| *p != 0);
        let host = || Web::of(public_url).map(|web| web.host).unwrap_or_default();
        let servers = Servers {
            host: self.host.clone().unwrap_or_else(host),
            imaps: port(self.imaps, listen.imaps),
            imap: port(self.imap, listen.imap),
            submissions: port(self.submissions, listen.submissions),
            submission: port(self.submission, listen.submission),
        };
        sceau_operator::mail_setup::Settings { servers, mx: self.mx.clone() }
    }

    /// The first name that is none.
    pub fn wrong(&self) -> Option<&str> {
        let names = self.host.iter().chain(&self.mx).map(String::as_str);
        names
            .into_iter()
            .find(|n| n.parse::<sceau_domain::DomainName>().is_err() && n.parse::<std::net::IpAddr>().is_err())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_are_told_as_the_outside_sees_them() {
        let listen: ListenSection = toml::from_str(
            "admin = \"a.sock\"\nimaps = \"0.0.0.0:1993\"\nsubmissions = \"0.0.0.0:1465\"\nimap = \"0.0.0.0:1143\"",
        )
        .unwrap();
        let plain = AutoconfigSection::default().settings(&listen, "https://mss.exemple.fr:8443").servers;
        assert_eq!((plain.host.as_str(), plain.imaps, plain.submissions), ("mss.exemple.fr", Some(1993), Some(1465)));
        assert_eq!((plain.imap, plain.submission), (Some(1143), None));
        let said: AutoconfigSection =
            toml::from_str("host = \"mail.exemple.fr\"\nimaps = 993\nimap = 0\nsubmission = 587").unwrap();
        let told = said.settings(&listen, "https://mss.exemple.fr").servers;
        assert_eq!((told.host.as_str(), told.imaps, told.imap), ("mail.exemple.fr", Some(993), None));
        assert_eq!((told.submissions, told.submission), (Some(1465), Some(587)));
        assert_eq!(said.wrong(), None);
        let wrong: AutoconfigSection = toml::from_str("mx = [\"mx1.exemple.fr\", \"pas un nom\"]").unwrap();
        assert_eq!(wrong.wrong(), Some("pas un nom"));
    }
}
