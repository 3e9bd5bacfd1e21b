//! A played IGC-Santé and a played authority of the white list.
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, RsaKeySize, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use sceau_domain::Timestamp;
use sceau_store::testing::START;
use sceau_trust::whitelist::{Entry, WhiteListSource};
use sceau_trust::{Anchors, Identity, Purpose};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use time::OffsetDateTime;

/// A day, milliseconds.
pub const DAY: i64 = 86_400_000;
/// Serial number of the certificate that the list revokes.
pub const REVOKED: u64 = 666;
const SIGNER_CN: &str = "liste.exemple.fr";
const ISSUER_CN: &str = "AC JOUEE ORGANISATIONS";

fn day(offset: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(START.plus_ms(offset * DAY).seconds()).unwrap()
}

fn name(cn: &str) -> DistinguishedName {
    let mut dn = DistinguishedName::new();
    dn.push(DnType::CountryName, "FR");
    dn.push(DnType::OrganizationName, "EXEMPLE");
    dn.push(DnType::CommonName, cn);
    dn
}

/// The name of a leaf as the white list writes it.
pub fn dn(cn: &str) -> String {
    format!("CN={cn},O=EXEMPLE,C=FR")
}

/// What a card is like.
#[derive(Debug, Clone, Copy)]
pub enum Card {
    /// As it must be.
    Good,
    /// Ended two days ago.
    Expired,
    /// Begins in two days.
    NotYet,
    /// The revocation list names it ([`REVOKED`]).
    Revoked,
    /// For signing documents.
    Signs,
}

/// The played authority.
pub struct Pki(CertifiedIssuer<'static, KeyPair>);

impl Pki {
    /// With a key of its own.
    #[allow(clippy::new_without_default)] // an authority is made, not assumed
    pub fn new() -> Self {
        let mut p = CertificateParams::default();
        p.distinguished_name = name(ISSUER_CN);
        p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        p.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (p.not_before, p.not_after) = (day(-9000), day(9000));
        Self(CertifiedIssuer::self_signed(p, KeyPair::generate().unwrap()).unwrap())
    }
    /// Trusted for peers, for the white list and for applications; no revocation list.
    pub fn anchors(&self) -> Anchors {
        let mut a = Anchors::default();
        for purpose in [Purpose::Peers, Purpose::ListSigner, Purpose::ListServer, Purpose::Clients] {
            a.add_pem(purpose, self.0.pem().as_bytes()).unwrap();
        }
        a
    }
    /// The same with a revocation list of thirty days.
    pub fn anchors_with_crl(&self) -> Anchors {
        let mut anchors = self.anchors();
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(REVOKED),
            revocation_time: day(-1),
            reason_code: None,
            invalidity_date: None,
        };
        let crl = CertificateRevocationListParams {
            this_update: day(-1),
            next_update: day(30),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        anchors.add_crl(crl.signed_by(&self.0).unwrap().der()).unwrap();
        anchors
    }
    /// The authority's certificate and key, PEM.
    pub fn pem_pair(&self) -> (String, String) {
        (self.0.pem(), self.0.key().serialize_pem())
    }
    /// A revocation list of these serial numbers, made and ending so many hours around the start.
    pub fn crl(&self, serials: &[u64], from: i64, to: i64) -> Vec<u8> {
        let hour =
            |offset: i64| OffsetDateTime::from_unix_timestamp(START.plus_ms(offset * 3_600_000).seconds()).unwrap();
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: hour(from),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: hour(from),
            next_update: hour(to),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().der().to_vec()
    }
    /// The chain of an operator, with the addresses of its authority's list and responder.
    pub fn pointing(
        &self,
        cn: &str,
        serial: u64,
        crl: Option<&str>,
        ocsp: Option<&str>,
    ) -> Vec<CertificateDer<'static>> {
        let key = KeyPair::generate().unwrap();
        let leaf = self.leaf(cn, &key, |p| {
            p.serial_number = Some(SerialNumber::from(serial));
            p.crl_distribution_points =
                crl.into_iter().map(|uri| rcgen::CrlDistributionPoint { uris: vec![uri.to_owned()] }).collect();
            // AuthorityInfoAccess (RFC 5280 §4.2.2.1) with one responder.
            p.custom_extensions.extend(ocsp.map(|uri| {
                let mut access = vec![0x30, 0, 0x30, 0, 0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 0x86, 0];
                access.extend(uri.as_bytes());
                let length = |less: usize| u8::try_from(access.len() - less).expect("a short address");
                let (outer, inner, uri) = (length(2), length(4), length(16));
                (access[1], access[3], access[15]) = (outer, inner, uri);
                rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access)
            }));
        });
        vec![leaf.der().clone()]
    }
    /// The chain of an operator, valid from and to so many days around the start.
    pub fn operator(&self, cn: &str, from: i64, to: i64) -> Vec<CertificateDer<'static>> {
        let key = KeyPair::generate().unwrap();
        vec![self.leaf(cn, &key, |p| (p.not_before, p.not_after) = (day(from), day(to))).der().clone()]
    }
    /// A good certificate with its key.
    pub fn identity(&self, cn: &str) -> Identity {
        self.with(cn, |_| {})
    }
    /// A server at `localhost`, valid whenever the tests are run: its clients ask the machine for the time.
    pub fn server(&self) -> Identity {
        self.with("serveur.exemple.fr", |p| (p.not_before, p.not_after) = (day(-8000), day(8000)))
    }
    /// One that ended two days ago.
    pub fn expired(&self, cn: &str) -> Identity {
        self.with(cn, |p| (p.not_before, p.not_after) = (day(-30), day(-2)))
    }
    /// One that begins in two days.
    pub fn not_yet(&self, cn: &str) -> Identity {
        self.with(cn, |p| (p.not_before, p.not_after) = (day(2), day(30)))
    }
    /// One that the revocation list names.
    pub fn revoked(&self, cn: &str) -> Identity {
        self.with(cn, |p| p.serial_number = Some(SerialNumber::from(REVOKED)))
    }
    /// The chain of a professional's card: `8` and the RPPS as common name.
    pub fn card(&self, number: &str, family: &str, given: &str, is: Card) -> Vec<CertificateDer<'static>> {
        let key = KeyPair::generate().unwrap();
        let leaf = self.leaf(number, &key, |p| {
            p.subject_alt_names = Vec::new();
            // Surname and given name (X.520).
            p.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 4]), family);
            p.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 42]), given);
            p.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            match is {
                Card::Good => {}
                Card::Expired => (p.not_before, p.not_after) = (day(-30), day(-2)),
                Card::NotYet => (p.not_before, p.not_after) = (day(2), day(30)),
                Card::Revoked => p.serial_number = Some(SerialNumber::from(REVOKED)),
                Card::Signs => p.key_usages.push(KeyUsagePurpose::ContentCommitment),
            }
        });
        vec![leaf.der().clone()]
    }
    /// A request for a certificate (PKCS#10), PEM, with a key of its own.
    pub fn request() -> String {
        let key = KeyPair::generate().unwrap();
        CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap()
    }
    /// A good certificate alone, PEM.
    pub fn pem(&self, cn: &str) -> String {
        self.leaf(cn, &KeyPair::generate().unwrap(), |_| {}).pem()
    }
    fn with(&self, cn: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let leaf = self.leaf(cn, &key, change);
        Identity::from_pem(leaf.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }
    fn leaf(&self, cn: &str, key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> rcgen::Certificate {
        let mut p = CertificateParams::new(vec![cn.to_owned(), "localhost".to_owned()]).unwrap();
        p.distinguished_name = name(cn);
        p.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (p.not_before, p.not_after) = (day(-100), day(300));
        change(&mut p);
        p.signed_by(key, &self.0).unwrap()
    }
    /// A list signed by the played authority.
    pub fn list(&self, entries: &[(&str, &str)], generated: Timestamp) -> Vec<u8> {
        let key = rsa_key();
        let mut p = CertificateParams::default();
        p.distinguished_name = name(SIGNER_CN);
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
        p.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        (p.not_before, p.not_after) = (day(-100), day(300));
        let leaf = p.signed_by(&key, &self.0).unwrap().der().clone();
        let entries: Vec<Entry> = entries.iter().map(|(domain, dn)| entry(domain, dn)).collect();
        sceau_trust::whitelist::sign(&entries, generated, &[leaf], &key.serialize_der()).unwrap()
    }
}

fn entry(domain: &str, dn: &str) -> Entry {
    Entry { domain: domain.into(), dn: dn.into(), updated: START, ..Entry::default() }
}

/// One RSA key for all tests: making one takes a while.
fn rsa_key() -> KeyPair {
    static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
        KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap().serialize_der()
    });
    let der = rustls_pki_types::PrivatePkcs8KeyDer::from(KEY.clone());
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_RSA_SHA256).unwrap()
}

/// A port of this machine where nothing listens: fetching fails at once.
pub fn source() -> WhiteListSource {
    WhiteListSource {
        url: "https://127.0.0.1:9/liste.xml".into(),
        signer_cn: SIGNER_CN.into(),
        issuer_cn: ISSUER_CN.into(),
        max_bytes: 1 << 20,
        timeout: Duration::from_secs(5),
        skew: Duration::from_secs(300),
    }
}

/// A client that shows this certificate.
pub fn client(identity: &Identity) -> Arc<rustls::ClientConfig> {
    sceau_trust::tls::transfer_client(identity).unwrap()
}

/// A client that shows none.
pub fn anonymous() -> Arc<rustls::ClientConfig> {
    let config = rustls::ClientConfig::builder_with_provider(sceau_trust::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(sceau_trust::tls::judged_later())
        .with_no_client_auth();
    Arc::new(config)
}
