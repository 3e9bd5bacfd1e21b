//! The answer (RFC 6960 §4.2.1) read and judged.
use super::request::{NONCE, NONCE_OID};
use super::{Answer, MAX_ANSWERS, MAX_BYTES, MAX_CERTIFICATES, OcspError, SKEW, Status, UNPROMISED, issuer_key_bits};
use crate::chain::{validity, weak};
use crate::crl::{trim, weak_algorithm};
use crate::der::{Broken, Reader, tag};
use crate::path::Link;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use sceau_domain::Timestamp;
use x509_parser::asn1_rs::BitString;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// `id-pkix-ocsp-basic`.
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
/// `id-sha1`, `id-sha256`: what responders name issuers by.
const SHA1_OID: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA256_OID: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

impl From<Broken> for OcspError {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

/// Who a responder says that it is.
enum ResponderId<'a> {
    /// DER of its Name.
    Name(&'a [u8]),
    /// SHA-1 of its public key's bits.
    Key(&'a [u8]),
}

/// `ResponseData`, as far as it is needed.
struct Data<'a> {
    responder: ResponderId<'a>,
    produced: Timestamp,
    single: Single,
    nonce: Option<&'a [u8]>,
}

/// One answer about our certificate.
#[derive(Clone, Copy)]
struct Single {
    status: Status,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
}

/// Judges a response about `link` at `now`. `nonce` is ours, when one was sent; `must_repeat` refuses an answer without it. `revoked` tells
/// whether a serial number of the issuer is known to be revoked (for the responder's own certificate).
pub fn judge(
    response: &[u8],
    link: &Link,
    nonce: Option<&[u8; NONCE]>,
    must_repeat: bool,
    now: Timestamp,
    revoked: &dyn Fn(&[u8]) -> bool,
) -> Result<Answer, OcspError> {
    if response.len() > MAX_BYTES {
        return Err(OcspError::Broken);
    }
    let basic = basic(response)?;
    let mut basic = Reader::new(basic).within(tag::SEQUENCE)?;
    let signed = basic.of(tag::SEQUENCE)?;
    let algorithm = basic.of(tag::SEQUENCE)?;
    let signature = basic.of(tag::BIT_STRING)?.contents;
    let certificates = match basic.optional(tag::constructed(0))? {
        Some(list) => certificates(list.contents)?,
        None => Vec::new(),
    };
    basic.end()?;
    let data = data(signed.contents, link)?;
    let nonced = match (nonce, data.nonce) {
        (Some(ours), Some(theirs)) if theirs == ours => true,
        (_, None) if !must_repeat => false,
        // Without a question of ours (a stapled answer) whoever asked first chose the nonce.
        (None, Some(_)) if !must_repeat => false,
        _ => return Err(OcspError::Nonce),
    };

    let signature = Signature { algorithm: algorithm.whole, value: signature, over: signed.whole };
    signature.by(&data.responder, link, &certificates, now, revoked)?;

    let until = data.single.next_update.unwrap_or_else(|| data.single.this_update.plus_ms(UNPROMISED));
    if data.single.this_update > now.plus_ms(SKEW) || data.produced > now.plus_ms(SKEW) {
        return Err(OcspError::Future);
    }
    if until.plus_ms(SKEW) < now {
        return Err(OcspError::Stale);
    }
    Ok(Answer { status: data.single.status, this_update: data.single.this_update, until, nonced })
}

/// `OCSPResponse` down to the DER of `BasicOCSPResponse`.
fn basic(response: &[u8]) -> Result<&[u8], OcspError> {
    let mut outer = Reader::new(response);
    let mut response = outer.within(tag::SEQUENCE)?;
    outer.end()?;
    match response.of(tag::ENUMERATED)?.contents {
        [0] => {}
        [status] => return Err(OcspError::Refused(*status)),
        _ => return Err(OcspError::Broken),
    }
    let mut bytes = response.within(tag::constructed(0))?;
    response.end()?;
    let mut typed = bytes.within(tag::SEQUENCE)?;
    bytes.end()?;
    if typed.of(tag::OID)?.contents != BASIC {
        return Err(OcspError::Broken);
    }
    let basic = typed.of(tag::OCTET_STRING)?.contents;
    typed.end()?;
    Ok(basic)
}

fn certificates(list: &[u8]) -> Result<Vec<&[u8]>, OcspError> {
    let mut outer = Reader::new(list);
    let mut list = outer.within(tag::SEQUENCE)?;
    outer.end()?;
    let mut out = Vec::new();
    while !list.is_empty() {
        if out.len() == MAX_CERTIFICATES {
            return Err(OcspError::Broken);
        }
        out.push(list.of(tag::SEQUENCE)?.whole);
    }
    Ok(out)
}

fn data<'a>(contents: &'a [u8], link: &Link) -> Result<Data<'a>, OcspError> {
    let mut data = Reader::new(contents);
    // Version 1 is the default, and the only one.
    if let Some(version) = data.optional(tag::constructed(0))?
        && version.contents != [tag::INTEGER, 1, 0]
    {
        return Err(OcspError::Broken);
    }
    let id = data.any()?;
    let mut named = Reader::new(id.contents);
    let responder = match id.tag {
        t if t == tag::constructed(1) => ResponderId::Name(named.of(tag::SEQUENCE)?.whole),
        t if t == tag::constructed(2) => ResponderId::Key(named.of(tag::OCTET_STRING)?.contents),
        _ => return Err(OcspError::Broken),
    };
    named.end()?;
    let produced = data.time()?;
    let mut list = data.within(tag::SEQUENCE)?;
    let mut found: Option<Single> = None;
    let mut count = 0;
    while !list.is_empty() {
        count += 1;
        if count > MAX_ANSWERS {
            return Err(OcspError::Broken);
        }
        let (ours, single) = single(list.within(tag::SEQUENCE)?, link)?;
        // Of several words about one certificate the worst counts, and of like ones the newest.
        let rank = |s: &Single| (matches!(s.status, Status::Revoked(_)), s.status == Status::Unknown, s.this_update);
        if ours && found.is_none_or(|f| rank(&single) > rank(&f)) {
            found = Some(single);
        }
    }
    let mut nonce = None;
    if let Some(extensions) = data.optional(tag::constructed(1))? {
        each_extension(extensions.contents, |oid, critical, value| {
            if oid == NONCE_OID {
                // RFC 8954: an OCTET STRING within; older responders wrote it bare.
                nonce = Some(Reader::new(value).of(tag::OCTET_STRING).map_or(value, |e| e.contents));
            } else if critical {
                return Err(OcspError::Broken);
            }
            Ok(())
        })?;
    }
    data.end()?;
    Ok(Data { responder, produced, single: found.ok_or(OcspError::OtherCertificate)?, nonce })
}

/// `SingleResponse`, and whether it is about our certificate.
fn single(mut r: Reader<'_>, link: &Link) -> Result<(bool, Single), OcspError> {
    let ours = is_ours(r.within(tag::SEQUENCE)?, link)?;
    let status = r.any()?;
    let status = match status.tag {
        t if t == tag::primitive(0) && status.contents.is_empty() => Status::Good,
        t if t == tag::constructed(1) => {
            let mut info = Reader::new(status.contents);
            let since = info.time()?;
            info.optional(tag::constructed(0))?;
            info.end()?;
            Status::Revoked(since)
        }
        t if t == tag::primitive(2) && status.contents.is_empty() => Status::Unknown,
        _ => return Err(OcspError::Broken),
    };
    let this_update = r.time()?;
    let next_update = match r.optional(tag::constructed(0))? {
        Some(next) => {
            let mut next = Reader::new(next.contents);
            let time = next.time()?;
            next.end()?;
            Some(time)
        }
        None => None,
    };
    if let Some(extensions) = r.optional(tag::constructed(1))? {
        each_extension(extensions.contents, |_, critical, _| if critical { Err(OcspError::Broken) } else { Ok(()) })?;
    }
    r.end()?;
    Ok((ours, Single { status, this_update, next_update }))
}

/// Is this `CertID` our certificate's?
fn is_ours(mut id: Reader<'_>, link: &Link) -> Result<bool, OcspError> {
    let mut algorithm = id.within(tag::SEQUENCE)?;
    let oid = algorithm.of(tag::OID)?.contents;
    let name = id.of(tag::OCTET_STRING)?.contents;
    let key = id.of(tag::OCTET_STRING)?.contents;
    let serial = id.of(tag::INTEGER)?.contents;
    id.end()?;
    let algorithm = match oid {
        o if o == SHA1_OID => &SHA1_FOR_LEGACY_USE_ONLY,
        o if o == SHA256_OID => &SHA256,
        _ => return Ok(false),
    };
    let bits = issuer_key_bits(link).ok_or(OcspError::Broken)?;
    Ok(trim(serial) == trim(&link.serial)
        && digest(algorithm, &link.issuer_name).as_ref() == name
        && digest(algorithm, bits).as_ref() == key)
}

fn each_extension<'a>(
    contents: &'a [u8],
    mut take: impl FnMut(&'a [u8], bool, &'a [u8]) -> Result<(), OcspError>,
) -> Result<(), OcspError> {
    let mut outer = Reader::new(contents);
    let mut list = outer.within(tag::SEQUENCE)?;
    outer.end()?;
    while !list.is_empty() {
        let mut extension = list.within(tag::SEQUENCE)?;
        let oid = extension.of(tag::OID)?.contents;
        let critical = extension.optional(tag::BOOLEAN)?.is_some_and(|b| b.contents != [0]);
        let value = extension.of(tag::OCTET_STRING)?.contents;
        extension.end()?;
        take(oid, critical, value)?;
    }
    Ok(())
}

/// A signature over `ResponseData`.
struct Signature<'a> {
    /// DER of the AlgorithmIdentifier.
    algorithm: &'a [u8],
    /// Contents of the BIT STRING.
    value: &'a [u8],
    /// What is signed, with its header.
    over: &'a [u8],
}

impl Signature<'_> {
    /// Is it the issuer's, or that of a responder whom the issuer charged (RFC 6960 §4.2.2.2)?
    fn by(
        &self,
        responder: &ResponderId<'_>,
        link: &Link,
        certificates: &[&[u8]],
        now: Timestamp,
        revoked: &dyn Fn(&[u8]) -> bool,
    ) -> Result<(), OcspError> {
        let is = |name: &[u8], bits: &[u8]| match responder {
            ResponderId::Name(n) => *n == name,
            ResponderId::Key(k) => digest(&SHA1_FOR_LEGACY_USE_ONLY, bits).as_ref() == *k,
        };
        let bits = issuer_key_bits(link).ok_or(OcspError::Broken)?;
        if is(&link.issuer_name, bits) {
            let (_, spki) = SubjectPublicKeyInfo::from_der(&link.issuer_key).map_err(|_| OcspError::Broken)?;
            return self.verifies(&spki);
        }
        let (_, issuer) = SubjectPublicKeyInfo::from_der(&link.issuer_key).map_err(|_| OcspError::Broken)?;
        for der in certificates {
            let Ok(([], delegate)) = x509_parser::parse_x509_certificate(der) else { continue };
            if !is(delegate.subject().as_raw(), &delegate.public_key().subject_public_key.data) {
                continue;
            }
            let (from, to) = validity(&delegate);
            let charged = delegate.issuer().as_raw() == link.issuer_name
                && delegate.extended_key_usage().ok().flatten().is_some_and(|e| e.value.ocsp_signing)
                && delegate.key_usage().is_ok_and(|k| k.is_none_or(|k| k.value.digital_signature()))
                && (from..=to).contains(&now)
                && !weak(&delegate)
                && !weak_algorithm(&delegate.signature_algorithm)
                && !revoked(delegate.raw_serial())
                && delegate.verify_signature(Some(&issuer)).is_ok();
            if charged {
                return self.verifies(delegate.public_key());
            }
        }
        Err(OcspError::Responder)
    }

    fn verifies(&self, key: &SubjectPublicKeyInfo<'_>) -> Result<(), OcspError> {
        let (_, algorithm) = AlgorithmIdentifier::from_der(self.algorithm).map_err(|_| OcspError::Broken)?;
        let (&unused, bits) = self.value.split_first().ok_or(OcspError::Broken)?;
        if unused != 0 || weak_algorithm(&algorithm) {
            return Err(OcspError::Signature);
        }
        let value = BitString::new(0, bits);
        x509_parser::verify::verify_signature(key, &algorithm, &value, self.over).map_err(|_| OcspError::Signature)
    }
}
