//! Professionals' cards, played: an authority of people with two certificates for each card, one to authenticate and one to sign, of the same name; and
//! cards that must be refused. What a reader holds stands in files: PEM, and PKCS#12 with its password for browsers.
//!
//! Names are those of known cards: `CN` is `8` and the RPPS beside `SN`, `GN` and `title`, of which real cards make one RDN of several values. No library
//! here writes such a name: one card has it, by our own hand.
use crate::psc::people::professionals;
use crate::rpps::strangers;
use crate::world::World;
use crate::{SandboxError, io, make_private, write_private};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CustomExtension,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber, SigningKey,
};
use sceau_trust::der::write::{element, oid, sequence, set};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};

/// Serial of the revoked card.
const REVOKED_SERIAL: u64 = 0x5CEA_0CA2;
/// Cards of professionals whom no operator knows.
const STRANGERS: usize = 20;
/// Attribute types: surname, given name, title (X.520).
const SURNAME: &[u64] = &[2, 5, 4, 4];
const GIVEN_NAME: &[u64] = &[2, 5, 4, 42];
const TITLE: &[u64] = &[2, 5, 4, 12];
/// `ecdsa-with-SHA256`, as DER contents.
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// A certificate of a card with its key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pair {
    /// Chain: leaf, intermediate.
    pub cert: PathBuf,
    /// PKCS#8 key.
    pub key: PathBuf,
    /// Both as PKCS#12.
    pub p12: PathBuf,
    /// What opens that.
    pub password: String,
}

/// A card.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Card {
    /// Its name here.
    pub name: String,
    /// Login of whom it names; empty when no operator knows him.
    pub login: String,
    /// RPPS on it.
    pub rpps: String,
    /// Given and family name on it.
    pub holder: String,
    /// `good`, `grouped` (good, its name in one RDN), or why it must be refused: `expired`, `revoked`, `elsewhere`, `other_name`, `no_number`.
    pub condition: String,
    /// To authenticate.
    #[serde(flatten)]
    pub pair: Pair,
    /// To sign documents: it must sign nobody in.
    pub signature: Option<Pair>,
}

/// The files of all cards.
#[derive(Debug, Clone)]
pub struct Cards {
    folder: PathBuf,
}

/// Whose name a certificate has.
#[derive(Debug, Clone)]
struct Holder {
    number: String,
    family: String,
    given: String,
    title: &'static str,
}

/// An authority that issues them.
type Authority = CertifiedIssuer<'static, KeyPair>;

impl Cards {
    /// Opens the folder, making everything that is not there yet. The revocation list is made anew at each start.
    pub fn open(folder: &Path, world: &World) -> Result<Self, SandboxError> {
        make_private(folder)?;
        let cards = Self { folder: folder.to_path_buf() };
        if !cards.index().exists() {
            cards.make(world)?;
        }
        cards.write_crl()?;
        Ok(cards)
    }

    /// Root and intermediate of people's cards, PEM.
    pub fn anchors(&self) -> PathBuf {
        self.folder.join("anchors.pem")
    }
    /// The root of the other environment's cards, PEM.
    pub fn elsewhere(&self) -> PathBuf {
        self.folder.join("elsewhere.pem")
    }
    /// Revocation list, PEM.
    pub fn crl(&self) -> PathBuf {
        self.folder.join("crl.pem")
    }
    /// Every card.
    pub fn all(&self) -> Result<Vec<Card>, SandboxError> {
        let file = self.index();
        let bytes = std::fs::read(&file).map_err(io(file.display().to_string()))?;
        let mut all: Vec<Card> = serde_json::from_slice(&bytes).map_err(|e| SandboxError::Pki(e.to_string()))?;
        for pair in all.iter_mut().flat_map(|card| std::iter::once(&mut card.pair).chain(&mut card.signature)) {
            for path in [&mut pair.cert, &mut pair.key, &mut pair.p12] {
                *path = self.folder.join(&*path);
            }
        }
        Ok(all)
    }
    fn index(&self) -> PathBuf {
        self.folder.join("cards.json")
    }

    /// Makes everything; the index comes last, so that a start cut short begins again.
    fn make(&self, world: &World) -> Result<(), SandboxError> {
        let now = OffsetDateTime::now_utc();
        let above = CertifiedIssuer::self_signed(authority("AC RACINE BAC A SABLE FORT", now), key()?).map_err(pki)?;
        let issuer =
            CertifiedIssuer::signed_by(authority("AC BAC A SABLE FORT PERSONNES", now), key()?, &above).map_err(pki)?;
        let other = CertifiedIssuer::self_signed(authority("AC PERSONNES PRODUCTION JOUEE", now), key()?);
        let other = other.map_err(pki)?;
        write_private(&self.folder.join("issuer.key"), issuer.key().serialize_pem().as_bytes())?;
        write_private(&self.folder.join("issuer.pem"), issuer.pem().as_bytes())?;
        write_private(&self.elsewhere(), other.pem().as_bytes())?;
        write_private(&self.anchors(), format!("{}{}", above.pem(), issuer.pem()).as_bytes())?;

        let (valid, past) = ((-1, 3 * 365), (-1200, -30));
        let mut all = Vec::new();
        let mut of_people = Vec::new();
        for p in professionals(world) {
            let known = world.operators.iter().any(|o| o.people.iter().any(|(login, ..)| *login == p.login));
            let holder = Holder {
                number: p.national.clone().unwrap_or_default(),
                family: p.family.clone(),
                given: p.given.clone(),
                title: title(p.profession),
            };
            // The professional with another one's number is there to be refused.
            let state = if p.login == "faux.martin" { "other_name" } else { "good" };
            let kind = Kind { rsa: known, ..Kind::of(state, valid) };
            let mut card = self.card(&p.login, &holder, &kind, &issuer, now)?;
            card.login = if known { p.login.clone() } else { String::new() };
            if known {
                let signs = Kind { signs: true, ..Kind::of(state, valid) };
                card.signature = Some(self.pair(&format!("{}-signature", p.login), &holder, &signs, &issuer, now)?);
                of_people.push((p.login, holder));
            }
            all.push(card);
        }
        for p in strangers().take(STRANGERS) {
            let holder =
                Holder { number: format!("8{}", p.rpps), family: p.family, given: p.given, title: title(p.profession) };
            all.push(self.card(&p.rpps, &holder, &Kind::of("good", valid), &issuer, now)?);
        }
        let Some((login, holder)) = of_people.first().cloned() else {
            return Err(SandboxError::Pki("nobody has a card".into()));
        };
        let numberless = Holder { number: "SANS NUMERO".into(), ..holder.clone() };
        for (state, of, dates, issuer) in [
            ("grouped", &holder, valid, &issuer),
            ("expired", &holder, past, &issuer),
            ("revoked", &holder, valid, &issuer),
            ("elsewhere", &holder, valid, &other),
            ("no_number", &numberless, valid, &issuer),
        ] {
            let mut card = self.card(&format!("{login}-{state}"), of, &Kind::of(state, dates), issuer, now)?;
            card.login.clone_from(&login);
            all.push(card);
        }
        write_private(&self.index(), &serde_json::to_vec_pretty(&all).unwrap_or_default())
    }

    fn card(
        &self,
        name: &str,
        holder: &Holder,
        kind: &Kind,
        issuer: &Authority,
        now: OffsetDateTime,
    ) -> Result<Card, SandboxError> {
        Ok(Card {
            name: name.to_owned(),
            login: String::new(),
            rpps: holder.number.strip_prefix('8').unwrap_or_default().to_owned(),
            holder: format!("{} {}", holder.given, holder.family),
            condition: kind.state.to_owned(),
            pair: self.pair(name, holder, kind, issuer, now)?,
            signature: None,
        })
    }

    fn pair(
        &self,
        name: &str,
        holder: &Holder,
        kind: &Kind,
        issuer: &Authority,
        now: OffsetDateTime,
    ) -> Result<Pair, SandboxError> {
        let own = if kind.rsa { KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).map_err(pki)? } else { key()? };
        let mut params = CertificateParams::default();
        params.distinguished_name = holder.name();
        params.key_usages = vec![match kind.signs {
            true => KeyUsagePurpose::ContentCommitment,
            false => KeyUsagePurpose::DigitalSignature,
        }];
        params.extended_key_usages = vec![match kind.signs {
            true => ExtendedKeyUsagePurpose::EmailProtection,
            false => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        // Netscape's kind of certificate, which real ones have: clients of TLS.
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[2, 16, 840, 1, 113_730, 1, 1], vec![3, 2, 7, 0x80])];
        (params.not_before, params.not_after) = (now + Duration::days(kind.days.0), now + Duration::days(kind.days.1));
        if kind.state == "revoked" {
            params.serial_number = Some(SerialNumber::from(REVOKED_SERIAL));
        }
        let made = params.signed_by(&own, issuer).map_err(pki)?;
        let leaf = match kind.state {
            "grouped" => rustls_pki_types::CertificateDer::from(grouped(made.der(), holder, issuer.key())?),
            _ => made.der().clone(),
        };
        let (leaf, own) = (sceau_trust::authority::pem(&leaf), own.serialize_pem());
        let packed = sceau_trust::pkcs12::pack(&leaf, &own, &format!("{} {}", holder.given, holder.family));
        let packed = packed.map_err(|e| SandboxError::Pki(e.to_string()))?;
        // By name: the folder may be copied.
        let file = |end: &str| PathBuf::from(format!("{name}.{end}"));
        let pair =
            Pair { cert: file("pem"), key: file("key"), p12: file("p12"), password: packed.password.to_string() };
        let files = [(&pair.cert, (leaf + &issuer.pem()).into_bytes()), (&pair.key, own.into_bytes())];
        for (path, bytes) in files.into_iter().chain([(&pair.p12, packed.file)]) {
            written(&self.folder.join(path), &bytes)?;
        }
        Ok(pair)
    }

    /// The revocation list, valid for a week.
    fn write_crl(&self) -> Result<(), SandboxError> {
        let read = |name: &str| std::fs::read_to_string(self.folder.join(name)).map_err(io(name.to_owned()));
        let key = KeyPair::from_pem(&read("issuer.key")?).map_err(pki)?;
        let issuer = rcgen::Issuer::from_ca_cert_pem(&read("issuer.pem")?, key).map_err(pki)?;
        let now = OffsetDateTime::now_utc();
        let params = CertificateRevocationListParams {
            this_update: now - Duration::hours(1),
            next_update: now + Duration::days(7),
            crl_number: SerialNumber::from(now.unix_timestamp().unsigned_abs()),
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

/// What kind of certificate.
#[derive(Debug, Clone)]
struct Kind {
    state: &'static str,
    /// Valid from and until, days from now.
    days: (i64, i64),
    /// To sign documents.
    signs: bool,
    /// With an RSA key, as real cards; others are made faster.
    rsa: bool,
}

impl Kind {
    fn of(state: &'static str, days: (i64, i64)) -> Self {
        Self { state, days, signs: false, rsa: false }
    }
}

impl Holder {
    fn name(&self) -> DistinguishedName {
        let mut name = DistinguishedName::new();
        name.push(DnType::CountryName, "FR");
        name.push(DnType::OrganizationName, "CARTES BAC A SABLE");
        for (kind, value) in self.own() {
            name.push(kind, value);
        }
        name
    }
    /// What is the holder's own.
    fn own(&self) -> [(DnType, &str); 4] {
        [
            (DnType::CustomDnType(TITLE.to_vec()), self.title),
            (DnType::CommonName, &self.number),
            (DnType::CustomDnType(SURNAME.to_vec()), &self.family),
            (DnType::CustomDnType(GIVEN_NAME.to_vec()), &self.given),
        ]
    }
}

/// The certificate with the holder's own attributes in one RDN, signed again (RFC 5280 §4.1).
fn grouped(der: &[u8], holder: &Holder, issuer: &KeyPair) -> Result<Vec<u8>, SandboxError> {
    let broken = || SandboxError::Pki("a certificate that was just made cannot be read".into());
    let (_, parsed) = x509_parser::parse_x509_certificate(der).map_err(|_| broken())?;
    let (tbs, subject) = (parsed.tbs_certificate.as_ref(), parsed.subject().as_raw());
    let at = tbs.windows(subject.len()).position(|part| part == subject).ok_or_else(broken)?;
    // 2.5.4.x, and a text.
    let attribute = |x: u8, value: &str| sequence(&[&oid(&[0x55, 4, x]), &element(0x0c, value.as_bytes())]);
    let one = |attribute| set(vec![attribute]);
    let several = set(vec![
        attribute(3, &holder.number),
        attribute(4, &holder.family),
        attribute(42, &holder.given),
        attribute(12, holder.title),
    ]);
    let name = sequence(&[&one(attribute(6, "FR")), &one(attribute(10, "CARTES BAC A SABLE")), &several]);
    // Behind the four octets that begin a sequence of 256 octets and more.
    let whole = tbs.get(4..at).filter(|_| tbs.starts_with(&[0x30, 0x82])).ok_or_else(broken)?;
    let tbs = sequence(&[whole, &name, &tbs[at + subject.len()..]]);
    let signature = issuer.sign(&tbs).map_err(pki)?;
    let bits = element(3, &[&[0][..], &signature].concat());
    Ok(sequence(&[&tbs, &sequence(&[&oid(ECDSA_SHA256)]), &bits]))
}

/// The card's word for a profession.
fn title(profession: &str) -> &'static str {
    match profession {
        "21" => "Pharmacien",
        "40" => "Chirurgien-Dentiste",
        "50" => "Sage-Femme",
        "60" => "Infirmier",
        "70" => "Masseur-Kinésithérapeute",
        _ => "Médecin",
    }
}

fn key() -> Result<KeyPair, SandboxError> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(pki)
}

#[allow(clippy::needless_pass_by_value)] // the shape `map_err` wants
fn pki(e: rcgen::Error) -> SandboxError {
    SandboxError::Pki(e.to_string())
}

fn authority(cn: &str, now: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "FR");
    params.distinguished_name.push(DnType::OrganizationName, "CARTES BAC A SABLE");
    params.distinguished_name.push(DnType::CommonName, cn);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (now - Duration::days(2000), now + Duration::days(10 * 365));
    params
}

/// Writes a file that only its owner reads. A hundred of them: none waits for the disk, the index does.
fn written(path: &Path, bytes: &[u8]) -> Result<(), SandboxError> {
    use std::io::Write;
    let file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    file.and_then(|mut f| f.write_all(bytes)).map_err(io(path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    use sceau_domain::Lang;
    use sceau_trust::{Anchors, Dn, PeerCause, Purpose, peer};

    fn world(data: &Path) -> World {
        World::new(&crate::Options {
            data: data.to_path_buf(),
            port_base: 20_000,
            ready: None,
            program: "sceau".into(),
            lang: Lang::Fr,
            store: None,
            blobs: None,
            nodes: 1,
            empty: false,
        })
    }

    #[test]
    fn each_card_is_what_it_says_to_whoever_judges_it() {
        let folder = tempfile::tempdir().unwrap();
        let cards = Cards::open(&folder.path().join("cartes"), &world(folder.path())).unwrap();
        let read = |path: &Path| std::fs::read(path).unwrap();
        let mut anchors = Anchors::default();
        anchors.add_pem(Purpose::Cps, &read(&cards.anchors())).unwrap();
        anchors.add_other_pem(Purpose::Cps, &read(&cards.elsewhere())).unwrap();
        anchors.add_crl(&read(&cards.crl())).unwrap();
        let now = sceau_domain::Clock::now(&sceau_domain::SystemClock);
        let judged = |pair: &Pair| {
            let chain: Vec<_> = CertificateDer::pem_file_iter(&pair.cert).unwrap().map(Result::unwrap).collect();
            let peer = peer::judge(&anchors, Purpose::Cps, &chain, true, now);
            (peer.map(drop), chain[0].clone().into_owned())
        };
        let profiles = sceau_identity::card::Profile::known();
        let all = cards.all().unwrap();
        assert_eq!(all.len(), 8 + 2 + STRANGERS + 5);
        for card in &all {
            let (judged, leaf) = judged(&card.pair);
            let (_, parsed) = x509_parser::parse_x509_certificate(&leaf).unwrap();
            let said = sceau_identity::card::read(&leaf, &Dn::attributes(parsed.subject().as_raw()), &profiles);
            let want = match card.condition.as_str() {
                "expired" => Err(PeerCause::Expired),
                "revoked" => Err(PeerCause::Revoked),
                "elsewhere" => Err(PeerCause::OtherEnvironment),
                _ => Ok(()),
            };
            assert_eq!(judged, want, "{}", card.name);
            match said {
                Err(e) => assert_eq!((e.code(), card.condition.as_str()), ("card.no_number", "no_number")),
                Ok(said) => {
                    assert_eq!(said.national.unwrap().to_string(), format!("8{}", card.rpps), "{}", card.name);
                    assert_eq!(format!("{} {}", said.given.unwrap(), said.family.unwrap()), card.holder);
                }
            }
            let rdns = parsed.subject().iter_rdn().count();
            assert_eq!(rdns, if card.condition == "grouped" { 3 } else { 6 }, "{}", card.name);
        }
        // With the same name, and for documents only.
        let doctor = all.iter().find(|c| c.name == "marie.martin").unwrap();
        let (refused, leaf) = judged(doctor.signature.as_ref().unwrap());
        assert_eq!(refused, Err(PeerCause::WrongUsage));
        let (_, parsed) = x509_parser::parse_x509_certificate(&leaf).unwrap();
        let said = sceau_identity::card::read(&leaf, &Dn::attributes(parsed.subject().as_raw()), &profiles);
        assert_eq!(said.unwrap_err().code(), "card.signature");
        // A second start makes nothing anew.
        let before = read(&doctor.pair.cert);
        Cards::open(&folder.path().join("cartes"), &world(folder.path())).unwrap();
        assert_eq!(read(&doctor.pair.cert), before);
    }
}
