//! Writing DER (X.690 §8 and §10): what no library here writes. Lengths and numbers are minimal.
use super::tag;

/// NULL, as algorithms without values have it.
pub const NULL: &[u8] = &[0x05, 0x00];

/// One element.
pub fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(contents.len()) {
        Ok(short @ 0..=0x7f) => out.push(short),
        _ => {
            let length: Vec<u8> = contents.len().to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
            // Eight at most.
            out.push(0x80 | length.len() as u8);
            out.extend(length);
        }
    }
    out.extend_from_slice(contents);
    out
}

/// SEQUENCE of these elements.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(tag::SEQUENCE, &parts.concat())
}

/// SET OF: its elements in the order of their bytes (X.690 §11.6).
pub fn set(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    element(tag::SET, &parts.concat())
}

/// OBJECT IDENTIFIER, from its contents.
pub fn oid(contents: &[u8]) -> Vec<u8> {
    element(tag::OID, contents)
}

/// OCTET STRING.
pub fn octets(contents: &[u8]) -> Vec<u8> {
    element(tag::OCTET_STRING, contents)
}

/// INTEGER.
pub fn integer(n: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> = n.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
    // Positive, and one byte at least.
    if bytes.first().is_none_or(|b| b & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    element(tag::INTEGER, &bytes)
}

/// `[n] EXPLICIT`.
pub fn explicit(n: u8, contents: &[u8]) -> Vec<u8> {
    element(tag::constructed(n), contents)
}

/// An attribute of one value (RFC 5652 §5.3, RFC 7292 §4.2).
pub fn attribute(name: &[u8], value: Vec<u8>) -> Vec<u8> {
    sequence(&[&oid(name), &set(vec![value])])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_numbers_are_minimal() {
        assert_eq!(element(4, &[7; 127])[..3], [4, 127, 7]);
        assert_eq!(element(4, &[7; 128])[..4], [4, 0x81, 128, 7]);
        assert_eq!(element(4, &[7; 300])[..5], [4, 0x82, 1, 44, 7]);
        assert_eq!((integer(0), integer(127), integer(128)), (vec![2, 1, 0], vec![2, 1, 127], vec![2, 2, 0, 128]));
        assert_eq!(integer(10_000), [2, 2, 0x27, 0x10]);
        assert_eq!(set(vec![vec![2, 1, 9], vec![2, 1, 3]]), [0x31, 6, 2, 1, 3, 2, 1, 9]);
    }
}
