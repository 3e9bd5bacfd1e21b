//! Attribute types: every name and OID by which the same type is written, and its canonical form.

/// Canonical name, OID, and the aliases by which texts write it (upper case).
const TYPES: &[(&str, &str, &[&str])] = &[
    ("CN", "2.5.4.3", &["COMMONNAME"]),
    ("SURNAME", "2.5.4.4", &["SN"]),
    ("SERIALNUMBER", "2.5.4.5", &[]),
    ("C", "2.5.4.6", &["COUNTRY", "COUNTRYNAME"]),
    ("L", "2.5.4.7", &["LOCALITY", "LOCALITYNAME"]),
    ("ST", "2.5.4.8", &["S", "SP", "STATE", "STATEORPROVINCENAME"]),
    ("STREET", "2.5.4.9", &["STREETADDRESS"]),
    ("O", "2.5.4.10", &["ORGANIZATION", "ORGANIZATIONNAME"]),
    ("OU", "2.5.4.11", &["ORGANIZATIONALUNIT", "ORGANIZATIONALUNITNAME"]),
    ("TITLE", "2.5.4.12", &["T"]),
    ("DESCRIPTION", "2.5.4.13", &[]),
    ("BUSINESSCATEGORY", "2.5.4.15", &[]),
    ("POSTALADDRESS", "2.5.4.16", &[]),
    ("POSTALCODE", "2.5.4.17", &["PC"]),
    ("TELEPHONENUMBER", "2.5.4.20", &["PHONE"]),
    ("NAME", "2.5.4.41", &[]),
    ("GIVENNAME", "2.5.4.42", &["GN", "G"]),
    ("INITIALS", "2.5.4.43", &[]),
    ("GENERATIONQUALIFIER", "2.5.4.44", &["GENERATION"]),
    ("DNQUALIFIER", "2.5.4.46", &["DNQ"]),
    ("PSEUDONYM", "2.5.4.65", &[]),
    ("ORGANIZATIONIDENTIFIER", "2.5.4.97", &["OI"]),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1", &["E", "EMAIL"]),
    ("UNSTRUCTUREDNAME", "1.2.840.113549.1.9.2", &[]),
    ("UID", "0.9.2342.19200300.100.1.1", &["USERID"]),
    ("DC", "0.9.2342.19200300.100.1.25", &["DOMAINCOMPONENT"]),
];

/// Longest attribute type worth reading, bytes (a dotted OID).
pub(super) const MAX_TYPE: usize = 64;

/// Canonical form of a type that this table or the dotted OID syntax knows; `None` for anything else.
pub(super) fn known(name: &str) -> Option<String> {
    if name.is_empty() || name.len() > MAX_TYPE {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let oid = upper.strip_prefix("OID.").unwrap_or(&upper);
    if let Some((canonical, ..)) =
        TYPES.iter().find(|(c, o, aliases)| *c == upper || *o == oid || aliases.contains(&upper.as_str()))
    {
        return Some((*canonical).to_owned());
    }
    let dotted = oid.contains('.')
        && oid.split('.').all(|arc| {
            !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'))
        });
    dotted.then(|| oid.to_owned())
}

/// Canonical form of the first type of a name: a known one, or any keyword (RFC 4512 `descr`).
pub(super) fn keyword(name: &str) -> Option<String> {
    known(name).or_else(|| {
        let ok = name.len() <= MAX_TYPE
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        ok.then(|| name.to_ascii_uppercase())
    })
}
