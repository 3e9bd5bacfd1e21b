//! Authorities of our own, for structures' mail servers and for people's devices: made here, they issue certificates for TLS and nothing else.
//!
//! Promises: an authority issues no authority (path length 0), only for TLS clients and servers (for devices: clients alone), only under its own names or
//! never under ours (name constraints); what a request asks for beside its public key is never taken over; a request proves that whoever asks has the key; RSA under
//! 2048 bits and other weak keys are refused. Private keys leave as zeroized bytes, to be sealed by the caller; none comes in.
use crate::{Identity, chain, peer};
use base64::Engine;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints,
    PublicKeyData, SanType, SerialNumber, SubjectPublicKeyInfo,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, PrivatePkcs8KeyDer};
use sceau_domain::Timestamp;
use time::OffsetDateTime;
use x509_parser::prelude::FromDer as _;
use zeroize::Zeroizing;

/// Certificates begin so long before now: clocks differ. Milliseconds.
const EARLY: i64 = 3_600_000;
/// A day, milliseconds.
const DAY: i64 = 86_400_000;
/// How long an authority is valid, days.
pub const AUTHORITY_DAYS: i64 = 15 * 365;
/// Largest request, bytes of PEM or DER.
pub const MAX_REQUEST: usize = 32 << 10;

/// Why a certificate could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// This is no request (PKCS#10), or it is too large.
    #[error("this is no certificate request (PKCS#10)")]
    Unreadable,
    /// The request is not signed by its own key.
    #[error("the request is not signed by its own key")]
    Unsigned,
    /// A key that proves nothing any more, or of a kind that mail servers do not share.
    #[error("a weak or unusual key")]
    Weak,
    /// Anything else, told by the library.
    #[error("{0}")]
    Other(String),
}

impl From<rcgen::Error> for AuthorityError {
    fn from(e: rcgen::Error) -> Self {
        Self::Other(e.to_string())
    }
}

/// For whom an authority issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issues {
    /// Structures' servers: never under the operator's name.
    Structures,
    /// Our own nodes, under the operator's name only.
    Operator,
    /// People's own devices: clients, with no server's name.
    Devices,
}

/// A new authority.
pub struct NewAuthority {
    /// Its certificate, PEM.
    pub certificate: String,
    /// Its private key, PKCS#8.
    pub key: Zeroizing<Vec<u8>>,
    /// SHA-256 of the certificate.
    pub fingerprint: String,
    /// End of validity.
    pub not_after: Timestamp,
}

impl std::fmt::Debug for NewAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAuthority").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Who a certificate is for.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// Common name.
    pub name: &'a str,
    /// Organisation.
    pub organisation: &'a str,
    /// What within it.
    pub unit: &'a str,
    /// Names that a server has.
    pub hosts: &'a [String],
}

/// An issued certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// PEM, the leaf alone.
    pub certificate: String,
    /// What it says of itself.
    pub facts: peer::Peer,
    /// Beginning of validity.
    pub not_before: Timestamp,
}

/// A public key that somebody proved to have the private half of.
#[derive(Debug, Clone)]
pub struct Requested(SubjectPublicKeyInfo);

fn date(at: Timestamp) -> Result<OffsetDateTime, AuthorityError> {
    OffsetDateTime::from_unix_timestamp(at.seconds()).map_err(|e| AuthorityError::Other(e.to_string()))
}

fn dn(subject: &Subject<'_>) -> DistinguishedName {
    let mut dn = DistinguishedName::new();
    dn.push(DnType::CountryName, "FR");
    for (kind, value) in [
        (DnType::OrganizationName, subject.organisation),
        (DnType::OrganizationalUnitName, subject.unit),
        (DnType::CommonName, subject.name),
    ] {
        // X.520 bounds: 64 characters each.
        let value: String = value.chars().take(64).collect();
        if !value.is_empty() {
            dn.push(kind, value);
        }
    }
    dn
}

fn serial() -> Result<SerialNumber, AuthorityError> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| AuthorityError::Other("no random bytes".into()))?;
    // Positive, and never zero (RFC 5280 §4.1.2.2).
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// Makes an authority of `operator` for `issues`; `host` is the name under which structures reach us.
pub fn create(issues: Issues, operator: &str, host: &str, now: Timestamp) -> Result<NewAuthority, AuthorityError> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let name = match issues {
        Issues::Structures => "Raccordements : serveurs des structures",
        Issues::Operator => "Raccordements : serveurs de l'opérateur",
        Issues::Devices => "Appareils des professionnels",
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = dn(&Subject { name, organisation: operator, unit: "", hosts: &[] });
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = match issues {
        Issues::Devices => vec![ExtendedKeyUsagePurpose::ClientAuth],
        _ => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
    };
    let below = |host: &str| vec![GeneralSubtree::DnsName(host.to_owned())];
    params.name_constraints = Some(match issues {
        Issues::Structures => NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees: below(host) },
        Issues::Operator => NameConstraints { permitted_subtrees: below(host), excluded_subtrees: Vec::new() },
        // Every name is below the empty one (RFC 5280 §4.2.1.10).
        Issues::Devices => NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees: below("") },
    });
    params.serial_number = Some(serial()?);
    let not_after = now.plus_ms(AUTHORITY_DAYS * DAY);
    (params.not_before, params.not_after) = (date(now.plus_ms(-EARLY))?, date(not_after)?);
    let certificate = params.self_signed(&key)?;
    let facts = peer::describe(certificate.der()).ok_or(AuthorityError::Unreadable)?;
    Ok(NewAuthority {
        certificate: certificate.pem(),
        key: Zeroizing::new(key.serialize_der()),
        fingerprint: facts.fingerprint,
        not_after: facts.not_after,
    })
}

/// Reads a request, PEM or DER. Of what it says only the public key counts.
pub fn requested(request: &[u8]) -> Result<Requested, AuthorityError> {
    if request.len() > MAX_REQUEST {
        return Err(AuthorityError::Unreadable);
    }
    let der = match CertificateSigningRequestDer::from_pem_slice(&renamed(request)) {
        Ok(der) => der.to_vec(),
        Err(_) => request.to_vec(),
    };
    let read = x509_parser::certification_request::X509CertificationRequest::from_der(&der);
    let (rest, read) = read.map_err(|_| AuthorityError::Unreadable)?;
    if !rest.is_empty() {
        return Err(AuthorityError::Unreadable);
    }
    let info = &read.certification_request_info.subject_pki;
    // Exchange 2016 signs its requests with SHA-1. Of the request nothing is taken over but this key, and a digest that can be made to collide does not
    // help anybody to sign without it.
    if chain::weak_key(info) {
        return Err(AuthorityError::Weak);
    }
    read.verify_signature().map_err(|_| AuthorityError::Unsigned)?;
    SubjectPublicKeyInfo::from_der(info.raw).map(Requested).map_err(|_| AuthorityError::Weak)
}

/// Exchange writes `NEW CERTIFICATE REQUEST` on the lines around.
fn renamed(request: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(request).replace("NEW CERTIFICATE REQUEST", "CERTIFICATE REQUEST").into_bytes()
}

/// An authority opened to issue.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// What its own certificate lets it issue for.
    usages: Vec<ExtendedKeyUsagePurpose>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(…)")
    }
}

impl Authority {
    /// From what [`create`] made.
    pub fn open(certificate: &str, key: &[u8]) -> Result<Self, AuthorityError> {
        let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(key))?;
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| AuthorityError::Unreadable)?;
        let (_, own) = x509_parser::parse_x509_certificate(&der).map_err(|_| AuthorityError::Unreadable)?;
        let for_servers = own.extended_key_usage().ok().flatten().is_none_or(|usage| usage.value.server_auth);
        let server = for_servers.then_some(ExtendedKeyUsagePurpose::ServerAuth);
        let usages = server.into_iter().chain([ExtendedKeyUsagePurpose::ClientAuth]).collect();
        Ok(Self { issuer: Issuer::from_ca_cert_der(&der, key)?, usages })
    }

    fn issue(
        &self,
        key: &impl PublicKeyData,
        subject: &Subject<'_>,
        days: i64,
        now: Timestamp,
    ) -> Result<Issued, AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = dn(subject);
        for host in subject.hosts {
            params.subject_alt_names.push(match host.parse::<std::net::IpAddr>() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) => SanType::DnsName(host.as_str().try_into()?),
            });
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = self.usages.clone();
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(serial()?);
        let not_before = now.plus_ms(-EARLY);
        (params.not_before, params.not_after) = (date(not_before)?, date(now.plus_ms(days * DAY))?);
        let certificate = params.signed_by(key, &self.issuer)?;
        let facts = peer::describe(certificate.der()).ok_or(AuthorityError::Unreadable)?;
        Ok(Issued { certificate: certificate.pem(), facts, not_before: Timestamp::from_seconds(not_before.seconds()) })
    }

    /// A certificate for the key of a request.
    pub fn issue_to(
        &self,
        requested: &Requested,
        subject: &Subject<'_>,
        days: i64,
        now: Timestamp,
    ) -> Result<Issued, AuthorityError> {
        self.issue(&requested.0, subject, days, now)
    }

    /// A certificate with a new key (PKCS#8, PEM).
    pub fn issue_with_key(
        &self,
        subject: &Subject<'_>,
        days: i64,
        now: Timestamp,
    ) -> Result<(Issued, Zeroizing<String>), AuthorityError> {
        // RSA: what every Exchange and every Postfix takes.
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_3072)?;
        let issued = self.issue(&key, subject, days, now)?;
        Ok((issued, Zeroizing::new(key.serialize_pem())))
    }

    /// A list of this authority's that revokes nothing (RFC 5280 §5), DER: for programs that refuse a certificate of which no list speaks. True of an
    /// authority whose certificates live for weeks, with keys that no file holds.
    pub fn nothing_revoked(&self, now: Timestamp, until: Timestamp) -> Result<Vec<u8>, AuthorityError> {
        let params = CertificateRevocationListParams {
            this_update: date(now.plus_ms(-EARLY))?,
            next_update: date(until)?,
            crl_number: SerialNumber::from(now.seconds().unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.der().to_vec())
    }

    /// A certificate of ours, with a key that stays in memory.
    pub fn identity(
        &self,
        subject: &Subject<'_>,
        days: i64,
        now: Timestamp,
    ) -> Result<(Identity, Timestamp), AuthorityError> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let issued = self.issue(&key, subject, days, now)?;
        let pem = Zeroizing::new(key.serialize_pem());
        let identity = Identity::from_pem(issued.certificate.as_bytes(), pem.as_bytes());
        Ok((identity.map_err(|e| AuthorityError::Other(e.to_string()))?, issued.facts.not_after))
    }
}

/// A certificate that somebody declares: PEM or DER, of which the first counts.
pub fn declared(certificate: &[u8]) -> Option<(CertificateDer<'static>, peer::Peer, Timestamp)> {
    if certificate.len() > MAX_REQUEST {
        return None;
    }
    let der = match CertificateDer::from_pem_slice(certificate) {
        Ok(der) => der,
        Err(_) => CertificateDer::from(certificate.to_vec()),
    };
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).ok()?;
    let not_before = chain::validity(&parsed).0;
    let facts = peer::describe(&der)?;
    Some((der, facts, not_before))
}

/// A certificate as PEM: itself, and nothing of what stood around it.
pub fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        out.extend(line.iter().map(|b| char::from(*b)));
        out.push('\n');
    }
    out + "-----END CERTIFICATE-----\n"
}

/// Does a private key stand in this text, whatever else does? Whoever shows one has lost it.
pub fn holds_key(text: &str) -> bool {
    text.contains("PRIVATE KEY-----")
}

/// Is a certificate that is known by itself (pinned) good for TLS now? No path is looked for: who knows the certificate knows whose it is. So it may
/// state one side of TLS only: what public authorities issue today, and what Exchange makes, is for servers, and structures' servers are both.
pub fn pinned(certificate: &CertificateDer<'_>, now: Timestamp) -> Result<peer::Peer, crate::PeerCause> {
    match chain::check_alone(certificate, chain::Usage::Client, now) {
        Err(crate::PeerCause::WrongUsage) => chain::check_alone(certificate, chain::Usage::Server, now)?,
        judged => judged?,
    }
    peer::describe(certificate).ok_or(crate::PeerCause::Invalid)
}

/// Does the certificate name this server?
pub fn names(certificate: &CertificateDer<'_>, name: &rustls_pki_types::ServerName<'_>) -> bool {
    webpki::EndEntityCert::try_from(certificate).is_ok_and(|c| c.verify_is_valid_for_subject_name(name).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Anchors, PeerCause, Purpose};

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn request(key: &KeyPair) -> String {
        CertificateParams::new(vec!["connecteurs.exemple.mssante.fr".into()])
            .unwrap()
            .serialize_request(key)
            .unwrap()
            .pem()
            .unwrap()
    }

    fn subject(hosts: &[String]) -> Subject<'_> {
        Subject { name: "mail.chu.example", organisation: "CHU de l'Exemple", unit: "chu", hosts }
    }

    fn judged(
        authority: &NewAuthority,
        certificate: &str,
        client: bool,
        at: Timestamp,
    ) -> Result<peer::Peer, PeerCause> {
        let mut anchors = Anchors::default();
        anchors.add_pem(Purpose::Connectors, authority.certificate.as_bytes()).unwrap();
        let chain: Vec<_> = crate::anchors::certificates(certificate.as_bytes()).unwrap();
        peer::judge(&anchors, Purpose::Connectors, &chain, client, at)
    }

    #[test]
    fn what_is_issued_is_good_both_ways_for_its_time_and_takes_nothing_but_the_key() {
        let made = create(Issues::Structures, "Opérateur", "connecteurs.exemple.mssante.fr", NOW).unwrap();
        let authority = Authority::open(&made.certificate, &made.key).unwrap();
        let key = KeyPair::generate().unwrap();
        let hosts = vec!["mail.chu.example".to_owned(), "192.0.2.7".to_owned()];
        let issued =
            authority.issue_to(&requested(request(&key).as_bytes()).unwrap(), &subject(&hosts), 730, NOW).unwrap();
        for client in [true, false] {
            let peer = judged(&made, &issued.certificate, client, NOW).unwrap();
            assert_eq!(crate::Peer { chain: crate::peer::Shown::default(), ..peer }, issued.facts);
        }
        assert_eq!(issued.facts.dn.common_name().as_deref(), Some("mail.chu.example"), "not what the request said");
        let later = |days: i64| NOW.plus_ms(days * DAY);
        assert_eq!(judged(&made, &issued.certificate, true, later(731)), Err(PeerCause::Expired));
        let other = create(Issues::Structures, "Autre", "autre.example", NOW).unwrap();
        assert!(matches!(judged(&other, &issued.certificate, true, NOW), Err(PeerCause::UnknownIssuer)));
        // Under our own name: the authority for structures cannot.
        let ours = vec!["connecteurs.exemple.mssante.fr".to_owned()];
        let (forged, _) = authority.issue_with_key(&subject(&ours), 10, NOW).unwrap();
        assert_eq!(judged(&made, &forged.certificate, false, NOW), Err(PeerCause::Invalid));
        let (pinned_one, der) = (&forged.facts, crate::anchors::certificates(forged.certificate.as_bytes()).unwrap());
        assert_eq!(&pinned(&der[0], NOW).unwrap(), pinned_one);
        assert_eq!(pinned(&der[0], later(11)), Err(PeerCause::Expired));
        assert_eq!(pinned(&der[0], later(-1)), Err(PeerCause::NotYetValid));
        assert_eq!(declared(pem(&der[0]).as_bytes()).unwrap().0, der[0]);
    }

    #[test]
    fn what_is_known_by_itself_may_be_for_one_side_of_tls_but_for_nothing_else() {
        let made = |usages: &[ExtendedKeyUsagePurpose]| {
            let mut params = CertificateParams::new(vec!["mail.chu.example".into()]).unwrap();
            params.extended_key_usages = usages.to_vec();
            (params.not_before, params.not_after) = (date(NOW).unwrap(), date(NOW.plus_ms(DAY)).unwrap());
            CertificateDer::from(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec())
        };
        use ExtendedKeyUsagePurpose::{ClientAuth, CodeSigning, ServerAuth};
        for good in [&[ServerAuth][..], &[ClientAuth], &[ServerAuth, ClientAuth], &[]] {
            assert!(pinned(&made(good), NOW).is_ok(), "{good:?}");
        }
        assert_eq!(pinned(&made(&[CodeSigning]), NOW), Err(PeerCause::WrongUsage));
    }

    #[test]
    fn our_own_are_under_our_name_only() {
        let made = create(Issues::Operator, "Opérateur", "connecteurs.exemple.mssante.fr", NOW).unwrap();
        let authority = Authority::open(&made.certificate, &made.key).unwrap();
        let pem = |hosts: &[String]| authority.issue_with_key(&subject(hosts), 10, NOW).unwrap().0.certificate;
        assert!(judged(&made, &pem(&["connecteurs.exemple.mssante.fr".into()]), false, NOW).is_ok());
        assert_eq!(judged(&made, &pem(&["mail.chu.example".into()]), false, NOW), Err(PeerCause::Invalid));
        let (identity, end) = authority.identity(&subject(&[]), 90, NOW).unwrap();
        assert_eq!((identity.chain.len(), end), (1, NOW.plus_ms(90 * DAY)));
        // Its list is its own, and until then.
        let list = authority.nothing_revoked(NOW, NOW.plus_ms(900 * DAY)).unwrap();
        let ca = CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap();
        let (_, ca) = x509_parser::parse_x509_certificate(&ca).unwrap();
        assert!(crate::crl::verify(&list, ca.public_key().raw));
        let (_, list) = x509_parser::parse_x509_crl(&list).unwrap();
        assert!(list.issuer() == ca.subject() && list.iter_revoked_certificates().next().is_none());
        assert_eq!(list.next_update().unwrap().timestamp(), NOW.plus_ms(900 * DAY).seconds());
    }

    #[test]
    fn a_device_is_a_client_and_never_a_server() {
        let made = create(Issues::Devices, "Opérateur", "", NOW).unwrap();
        let authority = Authority::open(&made.certificate, &made.key).unwrap();
        let judged = |hosts: &[String], client| {
            let (issued, _) = authority.issue_with_key(&subject(hosts), 10, NOW).unwrap();
            let mut anchors = Anchors::default();
            anchors.add_pem(Purpose::Devices, made.certificate.as_bytes()).unwrap();
            let chain = crate::anchors::certificates(issued.certificate.as_bytes()).unwrap();
            peer::judge(&anchors, Purpose::Devices, &chain, client, NOW).map(|peer| peer.serial == issued.facts.serial)
        };
        assert_eq!(judged(&[], true), Ok(true));
        assert_eq!(judged(&[], false), Err(PeerCause::WrongUsage));
        assert_eq!(judged(&["mail.chu.example".into()], true), Err(PeerCause::Invalid), "no name of any server");
    }

    #[test]
    fn bad_requests_are_told_apart() {
        let key = KeyPair::generate().unwrap();
        let good = request(&key);
        assert!(
            requested(good.replace("BEGIN CERT", "BEGIN NEW CERT").replace("END CERT", "END NEW CERT").as_bytes())
                .is_ok()
        );
        let der = CertificateSigningRequestDer::from_pem_slice(good.as_bytes()).unwrap();
        assert!(requested(&der).is_ok(), "DER is taken too");
        let mut altered = der.to_vec();
        // A bit of the public key: the signature is no longer its own.
        let at = altered.len() / 2;
        altered[at] ^= 1;
        assert!(requested(&altered).is_err());
        let mut trailing = der.to_vec();
        trailing.push(0);
        assert_eq!(requested(&trailing).unwrap_err(), AuthorityError::Unreadable);
        assert_eq!(requested(b"nonsense").unwrap_err(), AuthorityError::Unreadable);
        assert_eq!(requested(&vec![b'A'; MAX_REQUEST + 1]).unwrap_err(), AuthorityError::Unreadable);
    }
}
