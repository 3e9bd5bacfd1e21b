//! A certificate with the authority that issued it, and where it says that its revocation can be learnt.
//!
//! A path exists only for a chain that led to an anchor: addresses come from authorities that are trusted, never from a stranger's
//! certificate. They are addresses all the same: whoever fetches asks [`crate::outgoing::Hosts`] first.
use crate::crl::address;
use rustls_pki_types::CertificateDer;
use sceau_domain::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};

/// Addresses of one kind that are looked at in a certificate.
const MOST: usize = 8;
/// Longest address.
const LONGEST: usize = 500;

/// A certificate below an anchor.
#[derive(Debug, Clone)]
pub struct Link {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// DER of its issuer's Name.
    pub issuer_name: Vec<u8>,
    /// DER of the SubjectPublicKeyInfo of the key that signed it.
    pub issuer_key: Vec<u8>,
    /// Serial number, the contents of its INTEGER.
    pub serial: Vec<u8>,
    /// It is an authority's.
    pub authority: bool,
    /// It stands in the configuration itself: whoever put it there vouches for it.
    pub configured: bool,
    /// End of validity.
    pub not_after: Timestamp,
    /// Where its revocation can be learnt.
    pub points: Points,
}

impl Link {
    /// Of a parsed certificate and the key (DER) of its issuer.
    pub(crate) fn of(certificate: &X509Certificate<'_>, der: &[u8], issuer_key: &[u8], authority: bool) -> Self {
        Self {
            certificate: CertificateDer::from(der.to_vec()),
            issuer_name: certificate.issuer().as_raw().to_vec(),
            issuer_key: issuer_key.to_vec(),
            serial: certificate.raw_serial().to_vec(),
            authority,
            configured: false,
            not_after: crate::chain::validity(certificate).1,
            points: Points::of(certificate),
        }
    }
    /// Which certificate of which key, for caches: SHA-256, lower-case hexadecimal.
    pub fn id(&self) -> String {
        let mut all = crate::sha256(&self.issuer_key).to_vec();
        all.extend(&self.serial);
        hex::encode(crate::sha256(&all))
    }
    /// Its issuer, as shown.
    pub fn issuer(&self) -> crate::Dn {
        crate::Dn::from_der(&self.issuer_name).unwrap_or_else(|| crate::Dn::opaque(&self.issuer_name))
    }
}

/// Addresses that a certificate names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Points {
    /// Complete CRLs over HTTP.
    pub crls: Vec<String>,
    /// OCSP responders over HTTP.
    pub ocsp: Vec<String>,
    /// Addresses of CRLs that are not asked (`ldap:`), kept because a list may name its own scope by them.
    pub elsewhere: Vec<String>,
}

impl Points {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let mut out = Self::default();
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::CRLDistributionPoints(points) => {
                    // Points for some reasons only, or of lists that somebody else signs, say less than a complete list.
                    let whole = points.points.iter().filter(|p| p.reasons.is_none() && p.crl_issuer.is_none());
                    let names = whole.filter_map(|p| match &p.distribution_point {
                        Some(DistributionPointName::FullName(names)) => Some(names),
                        _ => None,
                    });
                    names.flatten().filter_map(address).for_each(|a| out.add_list(a));
                }
                ParsedExtension::AuthorityInfoAccess(access) => {
                    let responders =
                        access.accessdescs.iter().filter(|d| d.access_method.to_id_string() == "1.3.6.1.5.5.7.48.1");
                    for name in responders.map(|d| &d.access_location) {
                        if let GeneralName::URI(uri) = name
                            && over_http(uri)
                            && out.ocsp.len() < MOST
                        {
                            out.ocsp.push((*uri).to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        out
    }
    fn add_list(&mut self, address: String) {
        let list = if over_http(&address) { &mut self.crls } else { &mut self.elsewhere };
        if list.len() < MOST && address.len() <= LONGEST {
            list.push(address);
        }
    }
    /// Every address of a list.
    pub(crate) fn every(&self) -> impl Iterator<Item = &str> {
        self.crls.iter().chain(&self.elsewhere).map(String::as_str)
    }
}

fn over_http(address: &str) -> bool {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    address.len() <= LONGEST && matches!(scheme.as_deref(), Some("http" | "https"))
}

/// A path to an anchor, leaf first, without the anchor.
#[derive(Debug, Clone)]
pub struct Path {
    /// Its certificates.
    pub links: Vec<Link>,
    /// The first end of validity among them and the anchor.
    pub ends: Timestamp,
}
