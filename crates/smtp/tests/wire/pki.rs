//! A played IGC-Santé: certificates of operators, and a revocation list.
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use sceau_store::testing::START;
use sceau_trust::{Anchors, Identity, Purpose};
use std::sync::Arc;
use time::OffsetDateTime;

const DAY: i64 = 86_400_000;
/// Serial number of the certificate that the list revokes.
const REVOKED: u64 = 666;

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

pub struct Pki(CertifiedIssuer<'static, KeyPair>);

impl Pki {
    pub fn new() -> Self {
        let mut p = CertificateParams::default();
        p.distinguished_name = name("AC JOUEE ORGANISATIONS");
        p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        p.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (p.not_before, p.not_after) = (day(-9000), day(9000));
        Self(CertifiedIssuer::self_signed(p, KeyPair::generate().unwrap()).unwrap())
    }
    /// Anchors of peers, with a CRL.
    pub fn anchors(&self) -> Anchors {
        let mut anchors = Anchors::default();
        anchors.add_pem(Purpose::Peers, self.0.pem().as_bytes()).unwrap();
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
    pub fn identity(&self, cn: &str) -> Identity {
        self.with(cn, |_| {})
    }
    pub fn expired(&self, cn: &str) -> Identity {
        self.with(cn, |p| (p.not_before, p.not_after) = (day(-30), day(-2)))
    }
    pub fn not_yet(&self, cn: &str) -> Identity {
        self.with(cn, |p| (p.not_before, p.not_after) = (day(2), day(30)))
    }
    pub fn revoked(&self, cn: &str) -> Identity {
        self.with(cn, |p| p.serial_number = Some(SerialNumber::from(REVOKED)))
    }
    fn with(&self, cn: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut p = CertificateParams::new(vec![cn.to_owned(), "localhost".to_owned()]).unwrap();
        p.distinguished_name = name(cn);
        p.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (p.not_before, p.not_after) = (day(-100), day(300));
        change(&mut p);
        let key = KeyPair::generate().unwrap();
        let leaf = p.signed_by(&key, &self.0).unwrap();
        Identity::from_pem(leaf.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
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
