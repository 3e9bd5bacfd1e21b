//! A played IGC-Santé and a played authority of the white list.
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, RsaKeySize,
};
use rustls_pki_types::CertificateDer;
use sceau_domain::Timestamp;
use sceau_store::testing::START;
use sceau_trust::whitelist::{Entry, WhiteListSource};
use sceau_trust::{Anchors, Purpose};
use std::sync::LazyLock;
use std::time::Duration;
use time::OffsetDateTime;

pub const DAY: i64 = 86_400_000;
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

pub struct Pki(CertifiedIssuer<'static, KeyPair>);

impl Pki {
    pub fn new() -> Self {
        let mut p = CertificateParams::default();
        p.distinguished_name = name(ISSUER_CN);
        p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        p.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        p.not_before = day(-9000);
        p.not_after = day(9000);
        Self(CertifiedIssuer::self_signed(p, KeyPair::generate().unwrap()).unwrap())
    }
    pub fn anchors(&self) -> Anchors {
        let mut a = Anchors::default();
        for purpose in [Purpose::Peers, Purpose::ListSigner, Purpose::ListServer] {
            a.add_pem(purpose, self.0.pem().as_bytes()).unwrap();
        }
        a
    }
    /// The chain of an operator, valid for some days around the start.
    pub fn operator(&self, cn: &str, from: i64, to: i64) -> Vec<CertificateDer<'static>> {
        let mut p = CertificateParams::new(vec![cn.to_owned()]).unwrap();
        p.distinguished_name = name(cn);
        p.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (p.not_before, p.not_after) = (day(from), day(to));
        vec![p.signed_by(&KeyPair::generate().unwrap(), &self.0).unwrap().der().clone()]
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
