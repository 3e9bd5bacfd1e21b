//! A played IGC-Santé: root, intermediate, operators' certificates in the real profile (RSA 2048, subject
//! `CN, OU=1+FINESS, O, ST, C`), the signer of the white list, a revocation list, and certificates that must be refused.
use crate::cards::Cards;
use crate::world::{ISSUER_CN, SIGNER_CN, World};
use crate::{SandboxError, io, make_private, write_private};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams,
    SanType, SerialNumber,
};
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};

/// A certificate and its key, PEM files.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Chain: leaf, intermediate.
    pub cert: PathBuf,
    /// PKCS#8 key.
    pub key: PathBuf,
}

/// The played authority's files.
#[derive(Debug, Clone)]
pub struct Pki {
    folder: PathBuf,
    cards: Cards,
}

/// Serial of the revoked certificate.
const REVOKED_SERIAL: u64 = 0x5CEA_0666;
/// Names of the certificates that are not an operator's or the outsider's.
const OTHERS: [&str; 6] = ["authority", "signer", "rogue", "expired", "revoked", "unlisted"];

impl Pki {
    /// Opens the folder, making everything that is not there yet. The revocation list is made anew at each start.
    pub fn open(folder: &Path, world: &World) -> Result<Self, SandboxError> {
        make_private(folder)?;
        let pki = Self { folder: folder.to_path_buf(), cards: Cards::open(&folder.join("cartes"), world)? };
        if !pki.anchors().exists() {
            pki.make(world)?;
        }
        pki.make_more_nodes(world)?;
        pki.write_crl()?;
        Ok(pki)
    }

    /// Professionals' cards.
    pub fn cards(&self) -> &Cards {
        &self.cards
    }
    /// Root and intermediate, PEM.
    pub fn anchors(&self) -> PathBuf {
        self.folder.join("anchors.pem")
    }
    /// Revocation list, PEM.
    pub fn crl(&self) -> PathBuf {
        self.folder.join("crl.pem")
    }
    /// A named pair: an operator's or the outsider's short name, or one of `authority`, `signer`, `rogue`, `expired`, `revoked`, `unlisted`.
    pub fn pair(&self, name: &str) -> Pair {
        Pair { cert: self.folder.join(format!("{name}.pem")), key: self.folder.join(format!("{name}.key")) }
    }

    /// Makes everything; the anchors file comes last, so that a start cut short begins again.
    fn make(&self, world: &World) -> Result<(), SandboxError> {
        let now = OffsetDateTime::now_utc();
        let root_key = new_key()?;
        let root_params = authority_params("AC RACINE BAC A SABLE ELEMENTAIRE", now);
        let root_cert = root_params.self_signed(&root_key).map_err(pki)?;
        let root = Issuer::new(root_params, root_key);
        let ca_key = new_key()?;
        let ca_params = authority_params(ISSUER_CN, now);
        let ca_cert = ca_params.signed_by(&ca_key, &root).map_err(pki)?;
        write_private(&self.folder.join("issuer.key"), ca_key.serialize_pem().as_bytes())?;
        write_private(&self.folder.join("issuer.pem"), ca_cert.pem().as_bytes())?;
        let ca = Issuer::new(ca_params, ca_key);

        let valid = span(now);
        let issue = |name: &str, subject, span, serial, issuer: &Issuer<'_, KeyPair>, above: &str| {
            self.issue(name, subject, span, serial, issuer, above)
        };
        let above = ca_cert.pem();
        for o in &world.operators {
            let (ou, name, state) = o.subject;
            issue(o.name, [o.hostname, ou, name, state], valid, None, &ca, &above)?;
        }
        let (cn, ou, name, state) = world.outsider.subject;
        issue(world.outsider.name, [cn, ou, name, state], valid, None, &ca, &above)?;
        let first = &world.operators[0];
        let (ou, name, state) = first.subject;
        for other in OTHERS {
            let subject = match other {
                "authority" => ["localhost", "1750000010", "ANS (BAC A SABLE)", "Paris (75)"],
                "signer" => [SIGNER_CN, "1750000010", "ANS (BAC A SABLE)", "Paris (75)"],
                "unlisted" => {
                    ["mx.non-liste.mssante.fr", "1750000028", "STRUCTURE NON LISTEE (BAC A SABLE)", "Paris (75)"]
                }
                // The same subject as a listed operator: only the chain, the dates or the revocation tell them apart.
                _ => [first.hostname, ou, name, state],
            };
            match other {
                "rogue" => {
                    let key = new_key()?;
                    let params = authority_params("AC INCONNUE", now);
                    let cert = params.self_signed(&key).map_err(pki)?;
                    issue(other, subject, valid, None, &Issuer::new(params, key), &cert.pem())?;
                }
                "expired" => {
                    let past = (now - Duration::days(800), now - Duration::days(30));
                    issue(other, subject, past, None, &ca, &above)?;
                }
                "revoked" => issue(other, subject, valid, Some(REVOKED_SERIAL), &ca, &above)?,
                _ => issue(other, subject, valid, None, &ca, &above)?,
            }
        }
        write_private(&self.anchors(), format!("{}{}", root_cert.pem(), above).as_bytes())
    }

    /// Certificates of nodes that a later start asks for.
    fn make_more_nodes(&self, world: &World) -> Result<(), SandboxError> {
        let now = OffsetDateTime::now_utc();
        let (ca, above) = self.issuer()?;
        for (o, n) in world.every_node() {
            if !self.pair(&n.certificate).cert.exists() {
                let (ou, name, state) = o.subject;
                self.issue(&n.certificate, [&n.hostname, ou, name, state], span(now), None, &ca, &above)?;
            }
        }
        Ok(())
    }

    /// Issues a certificate; the key is written first, so that a certificate that exists has one.
    fn issue(
        &self,
        name: &str,
        subject: [&str; 4],
        span: (OffsetDateTime, OffsetDateTime),
        serial: Option<u64>,
        issuer: &Issuer<'_, KeyPair>,
        above: &str,
    ) -> Result<(), SandboxError> {
        let key = new_key()?;
        let mut params = leaf_params(subject, span)?;
        // The name of an operator in browsers; its nodes are told apart by their ports.
        let host = format!("{}.localhost", name.split('-').next().unwrap_or(name));
        // And that of its door for cards: cookies of the one are nothing to the other.
        for host in [format!("{}{host}", crate::world::CARD_HOST), host] {
            params.subject_alt_names.push(SanType::DnsName(host.try_into().map_err(pki)?));
        }
        if let Some(serial) = serial {
            params.serial_number = Some(SerialNumber::from(serial));
        }
        if name == "signer" {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
        }
        let cert = params.signed_by(&key, issuer).map_err(pki)?;
        let pair = self.pair(name);
        write_private(&pair.key, key.serialize_pem().as_bytes())?;
        write_private(&pair.cert, format!("{}{above}", cert.pem()).as_bytes())
    }

    /// The issuing authority and its certificate, PEM.
    fn issuer(&self) -> Result<(Issuer<'static, KeyPair>, String), SandboxError> {
        let read = |name: &str| std::fs::read_to_string(self.folder.join(name)).map_err(io(name.to_owned()));
        let key = KeyPair::from_pem(&read("issuer.key")?).map_err(pki)?;
        let pem = read("issuer.pem")?;
        Ok((Issuer::from_ca_cert_pem(&pem, key).map_err(pki)?, pem))
    }

    /// The revocation list, valid for a week.
    fn write_crl(&self) -> Result<(), SandboxError> {
        let (issuer, _) = self.issuer()?;
        let now = OffsetDateTime::now_utc();
        let params = CertificateRevocationListParams {
            this_update: now - Duration::hours(1),
            next_update: now + Duration::days(7),
            crl_number: SerialNumber::from(u64::try_from(now.unix_timestamp()).unwrap_or(1)),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(REVOKED_SERIAL),
                revocation_time: now - Duration::days(1),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let crl = params.signed_by(&issuer).and_then(|c| c.pem()).map_err(pki)?;
        write_private(&self.crl(), crl.as_bytes())
    }
}

/// How long an ordinary certificate is valid.
fn span(now: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
    (now - Duration::days(1), now + Duration::days(3 * 365))
}

fn new_key() -> Result<KeyPair, SandboxError> {
    KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).map_err(pki)
}

#[allow(clippy::needless_pass_by_value)] // the shape `map_err` wants
fn pki(e: rcgen::Error) -> SandboxError {
    SandboxError::Pki(e.to_string())
}

fn authority_params(cn: &str, now: OffsetDateTime) -> CertificateParams {
    let mut dn = DistinguishedName::new();
    dn.push(DnType::CountryName, "FR");
    dn.push(DnType::OrganizationName, "BAC A SABLE");
    dn.push(DnType::CommonName, cn);
    let mut p = CertificateParams::default();
    p.distinguished_name = dn;
    p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    p.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    p.not_before = now - Duration::days(1000);
    p.not_after = now + Duration::days(10 * 365);
    p
}

fn leaf_params(
    [cn, ou, o, st]: [&str; 4],
    span: (OffsetDateTime, OffsetDateTime),
) -> Result<CertificateParams, SandboxError> {
    let mut dn = DistinguishedName::new();
    dn.push(DnType::CountryName, "FR");
    dn.push(DnType::StateOrProvinceName, st);
    dn.push(DnType::OrganizationName, o);
    dn.push(DnType::OrganizationalUnitName, ou);
    dn.push(DnType::CommonName, cn);
    let mut p = CertificateParams::new(vec!["localhost".to_owned(), cn.to_owned()]).map_err(pki)?;
    p.subject_alt_names.push(SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
    // Names by which mail programs look for their settings.
    for label in ["autoconfig", "autodiscover"] {
        if let Some(domain) = cn.strip_prefix("mx.") {
            let name = format!("{label}.{domain}").try_into().map_err(pki)?;
            p.subject_alt_names.push(SanType::DnsName(name));
        }
    }
    p.distinguished_name = dn;
    p.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    p.use_authority_key_identifier_extension = true;
    (p.not_before, p.not_after) = span;
    Ok(p)
}
