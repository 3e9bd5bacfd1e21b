//! A played IGC-Santé.
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, RsaKeySize, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use sceau_domain::Timestamp;
use sceau_trust::whitelist::{Entry, WhiteListSource};
use sceau_trust::{Anchors, Identity, Purpose};
use std::sync::LazyLock;
use std::time::Duration;
use time::OffsetDateTime;

/// The day on which the tests play: 2026-12-15T12:00:00Z.
pub const NOW: Timestamp = Timestamp(1_797_336_000_000);
pub const DAY: i64 = 86_400_000;

pub const SIGNER_CN: &str = "alb.exemple.fr";
pub const ISSUER_CN: &str = "AC JOUEE ORGANISATIONS";

pub fn day(offset: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW.plus_ms(offset * DAY).seconds()).unwrap()
}

pub type Authority = CertifiedIssuer<'static, KeyPair>;

/// A root and an issuing authority under it.
pub struct Pki {
    pub root: Authority,
    pub issuing: Authority,
}

fn name(cn: &str, o: &str) -> DistinguishedName {
    let mut dn = DistinguishedName::new();
    dn.push(DnType::CountryName, "FR");
    dn.push(DnType::OrganizationName, o);
    dn.push(DnType::CommonName, cn);
    dn
}

pub fn authority_params(cn: &str, o: &str) -> CertificateParams {
    let mut p = CertificateParams::default();
    p.distinguished_name = name(cn, o);
    p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    p.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    p.not_before = day(-9000);
    p.not_after = day(9000);
    p
}

impl Pki {
    pub fn new(o: &str) -> Self {
        Self::with(o, |_| {})
    }
    pub fn with(o: &str, change: impl Fn(&mut CertificateParams)) -> Self {
        let root =
            CertifiedIssuer::self_signed(authority_params("AC RACINE JOUEE", o), KeyPair::generate().unwrap()).unwrap();
        let mut p = authority_params(ISSUER_CN, o);
        change(&mut p);
        let issuing = CertifiedIssuer::signed_by(p, KeyPair::generate().unwrap(), &root).unwrap();
        Self { root, issuing }
    }
    /// Anchors of a purpose: the root only.
    pub fn root_anchors(&self, purpose: Purpose) -> Anchors {
        let mut a = Anchors::default();
        a.add_pem(purpose, self.root.pem().as_bytes()).unwrap();
        a
    }
    /// Anchors of a purpose: root and intermediate.
    pub fn anchors(&self, purpose: Purpose) -> Anchors {
        let mut a = self.root_anchors(purpose);
        a.add_pem(purpose, self.issuing.pem().as_bytes()).unwrap();
        a
    }
    pub fn leaf(&self, change: impl Fn(&mut CertificateParams)) -> Leaf {
        self.leaf_with(KeyPair::generate().unwrap(), change)
    }
    pub fn leaf_with(&self, key: KeyPair, change: impl Fn(&mut CertificateParams)) -> Leaf {
        let mut p = leaf_params();
        change(&mut p);
        let certificate = p.signed_by(&key, &self.issuing).unwrap();
        Leaf { pem: certificate.pem() + &self.issuing.pem(), der: certificate.der().clone(), key }
    }
    pub fn chain(&self, leaf: &Leaf) -> Vec<CertificateDer<'static>> {
        vec![leaf.der.clone(), self.issuing.der().clone()]
    }
    pub fn crl(&self, serials: &[u64], this_update: i64) -> Vec<u8> {
        crl(&self.issuing, serials, this_update, 7)
    }
}

/// A CRL of days.
pub fn crl(issuer: &Authority, serials: &[u64], this_update: i64, lasts: i64) -> Vec<u8> {
    crl_of(issuer, serials, this_update, lasts, None)
}

/// A CRL for end entities' or authorities' certificates only, or for all.
pub fn crl_of(
    issuer: &Authority,
    serials: &[u64],
    this_update: i64,
    lasts: i64,
    scope: Option<rcgen::CrlScope>,
) -> Vec<u8> {
    let point = |scope| rcgen::CrlIssuingDistributionPoint {
        distribution_point: rcgen::CrlDistributionPoint { uris: vec!["http://crl.exemple.fr/ac.crl".into()] },
        scope: Some(scope),
    };
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: day(this_update),
        reason_code: None,
        invalidity_date: None,
    };
    CertificateRevocationListParams {
        this_update: day(this_update),
        next_update: day(this_update + lasts),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: scope.map(point),
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
    .signed_by(issuer)
    .unwrap()
    .der()
    .to_vec()
}

pub fn leaf_params() -> CertificateParams {
    let mut p = CertificateParams::new(vec!["mss.exemple.fr".to_owned(), "localhost".to_owned()]).unwrap();
    p.distinguished_name = name("mss.exemple.fr", "CLINIQUE DU PARC");
    p.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    p.serial_number = Some(SerialNumber::from(4242));
    p.not_before = day(-100);
    p.not_after = day(300);
    p
}

pub struct Leaf {
    /// Leaf and intermediate.
    pub pem: String,
    pub der: CertificateDer<'static>,
    pub key: KeyPair,
}

impl Leaf {
    pub fn identity(&self) -> Identity {
        Identity::from_pem(self.pem.as_bytes(), self.key.serialize_pem().as_bytes()).unwrap()
    }
}

/// One RSA key for all tests: making one takes a while.
pub fn rsa_key() -> KeyPair {
    static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
        KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap().serialize_der()
    });
    let der = rustls_pki_types::PrivatePkcs8KeyDer::from(KEY.clone());
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_RSA_SHA256).unwrap()
}

/// The certificate that signs white lists.
pub fn signer(pki: &Pki, change: impl Fn(&mut CertificateParams)) -> Leaf {
    pki.leaf_with(rsa_key(), |p| {
        p.distinguished_name = name(SIGNER_CN, "AUTORITE JOUEE");
        p.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
        p.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        change(p);
    })
}

pub fn source() -> WhiteListSource {
    WhiteListSource {
        url: "https://localhost/liste.xml".into(),
        signer_cn: SIGNER_CN.into(),
        issuer_cn: ISSUER_CN.into(),
        max_bytes: 1 << 20,
        timeout: Duration::from_secs(20),
        skew: Duration::from_secs(300),
    }
}

pub fn entry(domain: &str, dn: &str) -> Entry {
    Entry {
        domain: domain.into(),
        description: "Domaine réservé aux essais & aux démonstrations".into(),
        dn: dn.into(),
        responsible: "Camille Exemple".into(),
        support: "support@exemple.fr".into(),
        updated: NOW.plus_ms(-30 * DAY),
    }
}

pub const DN_A: &str = "CN=mss.a.fr,OU=1870000015,O=C H U DE LIMOGES,ST=Haute-Vienne (87),C=FR";
pub const DN_B: &str = "CN=mss.b.fr,OU=300000000000000,O=CRLCC \"PAUL STRAUSS\",ST=Bas-Rhin (67),C=FR";

/// A signed list of three domains.
pub fn list(pki: &Pki, generated: Timestamp) -> Vec<u8> {
    let entries = [entry("a.mssante.fr", DN_A), entry("a.mssante.fr", DN_B), entry("b.mssante.fr", DN_B)];
    signed(pki, &entries, generated)
}

pub fn signed(pki: &Pki, entries: &[Entry], generated: Timestamp) -> Vec<u8> {
    let signer = signer(pki, |_| {});
    sceau_trust::whitelist::sign(entries, generated, std::slice::from_ref(&signer.der), &signer.key.serialize_der())
        .unwrap()
}
