//! Paths from a certificate to an anchor, and precisely why there is none.
//!
//! webpki builds and checks the path (signatures with SHA-256 or better, RSA ≥ 2048, validity, basic constraints, name
//! constraints, budgets); this module adds what it leaves out (the anchor's own validity, key usage, weak leaf keys,
//! revocation facts held) and tells causes apart: a certificate that nobody we trust issued is [`PeerCause::UnknownIssuer`]
//! even when it is also expired.
use crate::der::write::sequence;
use crate::path::{Link, Path};
use crate::{Anchors, PeerCause, Purpose};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use sceau_domain::Timestamp;
use std::cell::RefCell;
use std::time::Duration;
use webpki::{EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};
use x509_parser::certificate::X509Certificate;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Longest chain looked at; IGC-Santé's have 3 certificates.
const MAX_CHAIN: usize = 10;

/// What the leaf must be good for, if it restricts its usages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    /// TLS client.
    Client,
    /// TLS server.
    Server,
    /// Signing documents: any extended key usage.
    Signature,
}

/// Checks the path of `chain` (leaf first) to an anchor of `purpose` at `at`; the path.
pub(crate) fn check(
    anchors: &Anchors,
    purpose: Purpose,
    chain: &[CertificateDer<'_>],
    usage: Usage,
    at: Timestamp,
) -> Result<Path, PeerCause> {
    let judged = judge(anchors, purpose, chain, usage, at);
    if judged.as_ref().err() == Some(&PeerCause::UnknownIssuer) && !anchors.others.is_empty() {
        let others = Anchors { certificates: anchors.others.clone(), ..Anchors::default() };
        let there = judge(&others, purpose, chain, usage, at);
        if !matches!(there, Err(PeerCause::UnknownIssuer | PeerCause::Invalid | PeerCause::Absent)) {
            return Err(PeerCause::OtherEnvironment);
        }
    }
    judged
}

fn judge(
    anchors: &Anchors,
    purpose: Purpose,
    chain: &[CertificateDer<'_>],
    usage: Usage,
    at: Timestamp,
) -> Result<Path, PeerCause> {
    let leaf = chain.first().ok_or(PeerCause::Absent)?;
    if chain.len() > MAX_CHAIN {
        return Err(PeerCause::Invalid);
    }
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf).map_err(|_| PeerCause::Invalid)?;
    let end_entity = EndEntityCert::try_from(leaf).map_err(|_| PeerCause::Invalid)?;
    let configured = Configured::new(anchors.of(purpose));
    let helpers: Vec<CertificateDer<'_>> = chain[1..]
        .iter()
        .map(|c| c.as_ref())
        .chain(configured.helpers.iter().map(|c| c.as_ref()))
        .map(CertificateDer::from_slice)
        .collect();
    let attempt = Attempt { configured: &configured, helpers: &helpers, end_entity: &end_entity };

    let path = match attempt.path(at, anchors, anchors.of(purpose)) {
        Ok(path) => path,
        Err(Error::CertExpired { .. }) => return Err(attempt.ours_but(&parsed, PeerCause::Expired)),
        Err(Error::CertNotValidYet { .. }) => return Err(attempt.ours_but(&parsed, PeerCause::NotYetValid)),
        Err(Error::CertRevoked) => return Err(PeerCause::Revoked),
        // A self-signed certificate mostly says that it is an authority; that it is a stranger's counts.
        Err(Error::CaUsedAsEndEntity) => return Err(attempt.ours_but(&parsed, PeerCause::WrongUsage)),
        Err(Error::InvalidSignatureForPublicKey)
            if helpers.iter().any(weak_der) || configured.roots.iter().any(|c| weak_der(c)) =>
        {
            return Err(PeerCause::Weak);
        }
        Err(Error::UnknownIssuer | Error::InvalidSignatureForPublicKey) => return Err(PeerCause::UnknownIssuer),
        Err(_) if weak_der(leaf) || helpers.iter().any(weak_der) => return Err(PeerCause::Weak),
        Err(_) => return Err(PeerCause::Invalid),
    };
    if weak(&parsed) {
        return Err(PeerCause::Weak);
    }
    usable(&parsed, usage).map(|()| path)
}

/// The certificates configured for a purpose, told apart.
struct Configured<'a> {
    roots: Vec<&'a CertificateDer<'static>>,
    helpers: Vec<&'a CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'a>>,
}

impl<'a> Configured<'a> {
    fn new(given: &'a [CertificateDer<'static>]) -> Self {
        let self_signed = |c: &CertificateDer<'_>| {
            x509_parser::parse_x509_certificate(c).is_ok_and(|(_, p)| p.subject().as_raw() == p.issuer().as_raw())
        };
        let (mut roots, mut helpers): (Vec<_>, Vec<_>) = given.iter().partition(|c| self_signed(c));
        if roots.is_empty() {
            std::mem::swap(&mut roots, &mut helpers);
        }
        let anchors = roots.iter().filter_map(|c| webpki::anchor_from_trusted_cert(c).ok()).collect();
        Self { roots, helpers, anchors }
    }
    /// The last end of validity among the certificates of an anchor's key.
    fn anchor_ends(&self, anchor: &TrustAnchor<'_>) -> Option<Timestamp> {
        let same = self.roots.iter().filter(|root| {
            webpki::anchor_from_trusted_cert(root).is_ok_and(|a| {
                a.subject == anchor.subject && a.subject_public_key_info == anchor.subject_public_key_info
            })
        });
        same.filter_map(|root| x509_parser::parse_x509_certificate(root).ok()).map(|(_, p)| validity(&p).1).max()
    }
    /// webpki trusts an anchor whatever its dates; we do not. One of several certificates of a key is enough.
    fn anchor_valid(&self, anchor: &TrustAnchor<'_>, at: UnixTime) -> Result<(), Error> {
        let mut error = Error::UnknownIssuer;
        for root in &self.roots {
            let same = webpki::anchor_from_trusted_cert(root).is_ok_and(|a| {
                a.subject == anchor.subject && a.subject_public_key_info == anchor.subject_public_key_info
            });
            let Some((_, parsed)) = same.then(|| x509_parser::parse_x509_certificate(root).ok()).flatten() else {
                continue;
            };
            let (not_before, not_after) = validity(&parsed);
            let (not_before, not_after) = (unix(not_before), unix(not_after));
            if at < not_before {
                error = Error::CertNotValidYet { time: at, not_before };
            } else if at > not_after {
                error = Error::CertExpired { time: at, not_after };
            } else {
                return Ok(());
            }
        }
        Err(error)
    }
}

/// One leaf against one configuration.
struct Attempt<'a> {
    configured: &'a Configured<'a>,
    helpers: &'a [CertificateDer<'a>],
    end_entity: &'a EndEntityCert<'a>,
}

impl Attempt<'_> {
    /// The path at `at`, none of whose certificates `revocation` says to be revoked by then; `given` stand in the configuration.
    fn path(&self, at: Timestamp, revocation: &Anchors, given: &[CertificateDer<'static>]) -> Result<Path, Error> {
        let time = unix(at);
        let found = RefCell::new(None);
        let acceptable = |path: &VerifiedPath<'_>| {
            self.configured.anchor_valid(path.anchor(), time)?;
            issuers_may_sign(path)?;
            let links = links(path, given);
            // A certificate that we hold ourselves has not been shown by anybody: what it is worth, lists tell too.
            if links.iter().any(|link| revoked(link, revocation, at)) {
                return Err(Error::CertRevoked);
            }
            let ends = links.iter().map(|l| l.not_after).chain(self.configured.anchor_ends(path.anchor())).min();
            found.replace(Some(Path { links, ends: ends.unwrap_or(at) }));
            Ok(())
        };
        self.end_entity
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &self.configured.anchors,
                self.helpers,
                time,
                AnyUsage,
                None,
                Some(&acceptable),
            )
            .map(|_| ())?;
        found.into_inner().ok_or(Error::UnknownIssuer)
    }

    /// `cause` when signatures lead from the leaf to an anchor, whatever the dates; else it is a stranger's certificate.
    fn ours_but(&self, leaf: &X509Certificate<'_>, cause: PeerCause) -> PeerCause {
        fn read<'a>(c: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
            x509_parser::parse_x509_certificate(c).ok().map(|(_, parsed)| parsed)
        }
        let roots: Vec<X509Certificate<'_>> = self.configured.roots.iter().filter_map(|c| read(c)).collect();
        let helpers: Vec<X509Certificate<'_>> = self.helpers.iter().filter_map(read).collect();
        let mut seen = vec![false; helpers.len()];
        let mut waiting = vec![leaf];
        // Each helper is looked at once.
        while let Some(certificate) = waiting.pop() {
            if roots.iter().any(|root| signed_by(certificate, root)) {
                return cause;
            }
            for (helper, seen) in helpers.iter().zip(&mut seen) {
                if !*seen && signed_by(certificate, helper) {
                    *seen = true;
                    waiting.push(helper);
                }
            }
        }
        PeerCause::UnknownIssuer
    }
}

/// Did the key of `issuer` sign `certificate`, by name and by signature?
fn signed_by(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == issuer.subject().as_raw()
        && !crate::crl::weak_algorithm(&certificate.signature_algorithm)
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

/// Usages are judged after the path, so that a stranger's certificate is told to be a stranger's.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, iter: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        for id in iter {
            id?;
        }
        Ok(())
    }
}

/// An issuer that states its key usages must have certificate signing among them (RFC 5280 §4.2.1.3).
fn issuers_may_sign(path: &VerifiedPath<'_>) -> Result<(), Error> {
    for issuer in path.intermediate_certificates() {
        let der = issuer.der();
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).map_err(|_| Error::BadDer)?;
        if parsed.key_usage().ok().flatten().is_some_and(|u| !u.value.key_cert_sign()) {
            return Err(Error::EndEntityUsedAsCa);
        }
    }
    Ok(())
}

/// The certificates of a path with their issuers' keys, leaf first.
fn links(path: &VerifiedPath<'_>, given: &[CertificateDer<'static>]) -> Vec<Link> {
    // webpki gives names without their SEQUENCE header, anchors' keys too: take whole values from x509-parser.
    let certificates: Vec<CertificateDer<'_>> =
        std::iter::once(path.end_entity().der()).chain(path.intermediate_certificates().map(|c| c.der())).collect();
    let parsed: Vec<(X509Certificate<'_>, &CertificateDer<'_>)> = certificates
        .iter()
        .filter_map(|der| x509_parser::parse_x509_certificate(der).ok().map(|(_, p)| (p, der)))
        .collect();
    let anchor_key = sequence(&[&path.anchor().subject_public_key_info]);
    let link = |(i, (certificate, der)): (usize, &(X509Certificate<'_>, &CertificateDer<'_>))| {
        let key = parsed.get(i + 1).map_or(anchor_key.as_slice(), |(issuer, _)| issuer.public_key().raw);
        let mut link = Link::of(certificate, der, key, i > 0);
        link.configured = given.iter().any(|g| g.as_ref() == der.as_ref());
        link
    };
    parsed.iter().enumerate().map(link).collect()
}

/// Is it revoked at `at` by a CRL that its issuer signed? No CRL, no fact.
pub(crate) fn revoked(link: &Link, held: &Anchors, at: Timestamp) -> bool {
    held.crls
        .iter()
        .filter_map(|crl| crl.revocation(&link.issuer_name, &link.issuer_key, &link.serial))
        .any(|since| since <= at)
}

/// A certificate by itself, without any path: its dates, its key and its usages.
pub(crate) fn check_alone(leaf: &CertificateDer<'_>, usage: Usage, at: Timestamp) -> Result<(), PeerCause> {
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf).map_err(|_| PeerCause::Invalid)?;
    let (not_before, not_after) = validity(&parsed);
    if at < not_before {
        return Err(PeerCause::NotYetValid);
    }
    if at > not_after {
        return Err(PeerCause::Expired);
    }
    if weak(&parsed) {
        return Err(PeerCause::Invalid);
    }
    usable(&parsed, usage)
}

/// Usages that the leaf states must allow this one; a leaf that states none is good for all.
fn usable(leaf: &X509Certificate<'_>, usage: Usage) -> Result<(), PeerCause> {
    let key = leaf.key_usage().map_err(|_| PeerCause::Invalid)?;
    let extended = leaf.extended_key_usage().map_err(|_| PeerCause::Invalid)?;
    // TLS 1.3 and ECDHE prove possession by a signature (RFC 8446 §4.4.2.2).
    let signs =
        key.is_none_or(|k| k.value.digital_signature() || (usage == Usage::Signature && k.value.non_repudiation()));
    let purpose = extended.is_none_or(|e| {
        e.value.any
            || match usage {
                Usage::Client => e.value.client_auth,
                Usage::Server => e.value.server_auth,
                Usage::Signature => true,
            }
    });
    if signs && purpose { Ok(()) } else { Err(PeerCause::WrongUsage) }
}

/// Why a certificate proves nothing any more, in a few words: its key, or the digest under its signature.
pub(crate) fn weakness(certificate: &X509Certificate<'_>) -> Option<String> {
    if weak(certificate) {
        return Some(match certificate.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => format!("RSA {} < 2048", key.key_size()),
            Ok(PublicKey::EC(point)) => format!("EC {} < 256", point.key_size()),
            _ => "DSA / unknown key".to_owned(),
        });
    }
    // A root is trusted by itself, whatever it is signed with.
    let own = certificate.subject().as_raw() == certificate.issuer().as_raw();
    let algorithm = &certificate.signature_algorithm;
    (!own && crate::crl::weak_algorithm(algorithm)).then(|| format!("SHA-1 / MD5 ({})", algorithm.algorithm))
}

/// Keys that prove nothing any more: RSA under 2048 bits, DSA, unknown kinds, curves under 256 bits.
pub(crate) fn weak(certificate: &X509Certificate<'_>) -> bool {
    weak_key(certificate.public_key())
}

/// As [`weak`], of a public key by itself.
pub(crate) fn weak_key(key: &SubjectPublicKeyInfo<'_>) -> bool {
    match key.parsed() {
        Ok(PublicKey::RSA(key)) => key.key_size() < 2048,
        Ok(PublicKey::EC(point)) => point.key_size() < 256,
        // Ed25519 has no shape of its own in the parser.
        Ok(PublicKey::Unknown(_)) => {
            !matches!(key.algorithm.algorithm.to_id_string().as_str(), "1.3.101.112" | "1.3.101.113")
        }
        _ => true,
    }
}

fn weak_der(certificate: &CertificateDer<'_>) -> bool {
    x509_parser::parse_x509_certificate(certificate).is_ok_and(|(_, c)| weakness(&c).is_some())
}

/// `notBefore` and `notAfter`.
pub(crate) fn validity(certificate: &X509Certificate<'_>) -> (Timestamp, Timestamp) {
    let validity = certificate.validity();
    (Timestamp::from_seconds(validity.not_before.timestamp()), Timestamp::from_seconds(validity.not_after.timestamp()))
}

/// webpki's time; before the epoch is the epoch.
fn unix(t: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(t.seconds()).unwrap_or(0)))
}
