//! CBOR as authenticators write it (RFC 8949, narrowed as CTAP2 §8 does): integers, octets, text, arrays, maps, `true`, `false`, `null`.
//!
//! Nothing is copied: octets and text are slices of what was read. Refused: tags, floats, indefinite lengths, map keys that are neither integer nor
//! text, the same key twice, more than [`MAX_BYTES`], [`MAX_ITEMS`] or [`MAX_DEPTH`]. Accepted although CTAP2 forbids it: lengths written longer than
//! needed and keys in another order, which encoders of browser extensions produce; what is signed is never encoded anew here, so nothing can differ.
use thiserror::Error;

/// Most octets of one document.
pub const MAX_BYTES: usize = 16 * 1024;
/// Most items of one document, keys counted.
pub const MAX_ITEMS: usize = 256;
/// Most arrays and maps inside each other.
pub const MAX_DEPTH: usize = 8;

/// Why octets are no CBOR that is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CborError {
    /// More octets, items or depth than the budget.
    #[error("over the budget")]
    Budget,
    /// It ends too early.
    #[error("cut short")]
    Truncated,
    /// A tag, a float, an indefinite length, a reserved value, an integer beyond 64 bits, or a key of another type.
    #[error("an item that is not accepted")]
    Forbidden,
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    Text,
    /// A map holds a key twice.
    #[error("a key stands twice")]
    Duplicate,
    /// Octets after the item.
    #[error("octets after the end")]
    Trailing,
}

/// One item. Its octets and texts are parts of what was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Major types 0 and 1.
    Int(i64),
    /// Major type 2.
    Bytes(&'a [u8]),
    /// Major type 3.
    Text(&'a str),
    /// Major type 4.
    Array(Vec<Value<'a>>),
    /// Major type 5, in the order found; keys are integers or texts, each once.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// Simple values 20 and 21.
    Bool(bool),
    /// Simple value 22.
    Null,
}

impl<'a> Value<'a> {
    /// The value of an integer key of a map.
    pub fn at(&self, label: i64) -> Option<&Value<'a>> {
        self.pairs()?.iter().find(|(k, _)| *k == Value::Int(label)).map(|(_, v)| v)
    }
    /// The value of a text key of a map.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.pairs()?.iter().find(|(k, _)| *k == Value::Text(name)).map(|(_, v)| v)
    }
    /// The pairs of a map.
    pub fn pairs(&self) -> Option<&[(Value<'a>, Value<'a>)]> {
        if let Value::Map(pairs) = self { Some(pairs) } else { None }
    }
    /// An integer.
    pub fn int(&self) -> Option<i64> {
        if let Value::Int(n) = self { Some(*n) } else { None }
    }
    /// Octets.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        if let Value::Bytes(b) = self { Some(b) } else { None }
    }
    /// A text.
    pub fn text(&self) -> Option<&'a str> {
        if let Value::Text(t) = self { Some(t) } else { None }
    }
}

/// Reads one item, and says how many octets it took.
pub fn first(bytes: &[u8]) -> Result<(Value<'_>, usize), CborError> {
    let mut reader = Reader { rest: bytes, items: MAX_ITEMS };
    let value = reader.item(MAX_DEPTH)?;
    let taken = bytes.len() - reader.rest.len();
    // What follows the item is not ours to judge: only what was read counts.
    if taken > MAX_BYTES { Err(CborError::Budget) } else { Ok((value, taken)) }
}

/// Reads one item that is all there is.
pub fn whole(bytes: &[u8]) -> Result<Value<'_>, CborError> {
    if bytes.len() > MAX_BYTES {
        return Err(CborError::Budget);
    }
    match first(bytes)? {
        (value, taken) if taken == bytes.len() => Ok(value),
        _ => Err(CborError::Trailing),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    items: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: u64) -> Result<&'a [u8], CborError> {
        let n = usize::try_from(n).map_err(|_| CborError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Major type and argument of the next item (RFC 8949 §3).
    fn head(&mut self) -> Result<(u8, u64), CborError> {
        let first = self.take(1)?.first().copied().ok_or(CborError::Truncated)?;
        let (major, info) = (first >> 5, first & 0x1f);
        let more = match info {
            0..=23 => return Ok((major, u64::from(info))),
            24..=27 => 1u64 << (info - 24),
            _ => return Err(CborError::Forbidden),
        };
        // 24 to 27 of major type 7 are floats and one-octet simple values: none is used.
        if major == 7 {
            return Err(CborError::Forbidden);
        }
        Ok((major, self.take(more)?.iter().fold(0, |n, b| n << 8 | u64::from(*b))))
    }

    fn item(&mut self, depth: usize) -> Result<Value<'a>, CborError> {
        self.items = self.items.checked_sub(1).ok_or(CborError::Budget)?;
        let (major, n) = self.head()?;
        let signed = || i64::try_from(n).map_err(|_| CborError::Forbidden);
        Ok(match major {
            0 => Value::Int(signed()?),
            // −1 − n cannot overflow: n is at most i64::MAX.
            1 => Value::Int(-1 - signed()?),
            2 => Value::Bytes(self.take(n)?),
            3 => Value::Text(std::str::from_utf8(self.take(n)?).map_err(|_| CborError::Text)?),
            4 => {
                let below = depth.checked_sub(1).ok_or(CborError::Budget)?;
                // The count is a claim: nothing is allocated for it, and each item counts against the budget.
                let mut array = Vec::new();
                for _ in 0..n {
                    array.push(self.item(below)?);
                }
                Value::Array(array)
            }
            5 => {
                let below = depth.checked_sub(1).ok_or(CborError::Budget)?;
                let mut map: Vec<(Value<'a>, Value<'a>)> = Vec::new();
                for _ in 0..n {
                    let key = self.item(below)?;
                    if !matches!(key, Value::Int(_) | Value::Text(_)) {
                        return Err(CborError::Forbidden);
                    }
                    if map.iter().any(|(k, _)| *k == key) {
                        return Err(CborError::Duplicate);
                    }
                    map.push((key, self.item(below)?));
                }
                Value::Map(map)
            }
            7 if n == 20 || n == 21 => Value::Bool(n == 21),
            7 if n == 22 => Value::Null,
            _ => return Err(CborError::Forbidden),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(digits: &str) -> Result<String, CborError> {
        whole(&hex::decode(digits).expect("hex")).map(|v| format!("{v:?}"))
    }

    /// RFC 8949 appendix A, the rows that are of the types accepted, and those that are not.
    #[test]
    fn rfc8949_appendix_a() {
        for (digits, shown) in [
            ("00", "Int(0)"),
            ("17", "Int(23)"),
            ("1818", "Int(24)"),
            ("1903e8", "Int(1000)"),
            ("1a000f4240", "Int(1000000)"),
            ("1b000000e8d4a51000", "Int(1000000000000)"),
            ("20", "Int(-1)"),
            ("3863", "Int(-100)"),
            ("3903e7", "Int(-1000)"),
            ("f4", "Bool(false)"),
            ("f5", "Bool(true)"),
            ("f6", "Null"),
            ("4401020304", "Bytes([1, 2, 3, 4])"),
            ("62c3bc", "Text(\"ü\")"),
            ("8301820203820405", "Array([Int(1), Array([Int(2), Int(3)]), Array([Int(4), Int(5)])])"),
            ("a201020304", "Map([(Int(1), Int(2)), (Int(3), Int(4))])"),
            ("a26161016162820203", "Map([(Text(\"a\"), Int(1)), (Text(\"b\"), Array([Int(2), Int(3)]))])"),
            ("3b7fffffffffffffff", "Int(-9223372036854775808)"),
        ] {
            assert_eq!(read(digits).as_deref(), Ok(shown), "{digits}");
        }
        for (digits, why) in [
            ("1bffffffffffffffff", CborError::Forbidden), // beyond 64 bits with a sign
            ("3bffffffffffffffff", CborError::Forbidden), // the same, negative
            ("c249010000000000000000", CborError::Forbidden), // tag
            ("f90000", CborError::Forbidden),             // float
            ("f7", CborError::Forbidden),                 // undefined
            ("f0", CborError::Forbidden),                 // simple(16)
            ("f8ff", CborError::Forbidden),               // simple(255)
            ("5f42010243030405ff", CborError::Forbidden), // indefinite octets
            ("9fff", CborError::Forbidden),               // indefinite array
            ("bf61610161629f0203ffff", CborError::Forbidden), // indefinite map
            ("ff", CborError::Forbidden),                 // a break alone
            ("1c", CborError::Forbidden),                 // reserved argument
        ] {
            assert_eq!(read(digits), Err(why), "{digits}");
        }
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        assert_eq!(read("a201020103"), Err(CborError::Duplicate));
        // One key, its second writing longer than needed.
        assert_eq!(read("a20102180103"), Err(CborError::Duplicate));
        assert_eq!(read("a2616101616102"), Err(CborError::Duplicate));
        assert_eq!(read("a1f501"), Err(CborError::Forbidden));
        assert_eq!(read("a1410101"), Err(CborError::Forbidden));
        assert_eq!(read("0000"), Err(CborError::Trailing));
        assert_eq!(read("61ff"), Err(CborError::Text));
    }

    #[test]
    fn budgets_hold() {
        assert_eq!(whole(&[]), Err(CborError::Truncated));
        assert_eq!(whole(&vec![0; MAX_BYTES + 1]), Err(CborError::Budget));
        assert!(whole(&[vec![0x81; MAX_DEPTH], vec![0]].concat()).is_ok());
        assert_eq!(whole(&[vec![0x81; MAX_DEPTH + 1], vec![0]].concat()), Err(CborError::Budget));
        assert_eq!(whole(&[0x81; MAX_BYTES]), Err(CborError::Budget));
        let of = |n: u16| [vec![0x99], n.to_be_bytes().to_vec(), vec![0; usize::from(n)]].concat();
        assert!(whole(&of(255)).is_ok());
        assert_eq!(whole(&of(256)), Err(CborError::Budget));
        // Claims of more than there is cost nothing.
        for digits in
            ["9bffffffffffffffff", "bbffffffffffffffff", "5bffffffffffffffff", "7b7fffffffffffffff", "9a7fffffff00"]
        {
            assert_eq!(read(digits), Err(CborError::Truncated), "{digits}");
        }
    }

    #[test]
    fn says_where_the_first_item_ends() {
        assert_eq!(first(&[0xa1, 1, 2, 9, 9]).map(|(_, n)| n), Ok(3));
    }

    proptest! {
        /// Whatever comes: an answer, and one that does not depend on what follows.
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), more in any::<u8>()) {
            if let Ok((value, n)) = first(&bytes) {
                prop_assert!(n <= bytes.len());
                let mut longer = bytes[..n].to_vec();
                prop_assert_eq!(whole(&longer), Ok(value.clone()));
                longer.push(more);
                prop_assert_eq!(whole(&longer), Err(CborError::Trailing));
                for cut in 0..n {
                    prop_assert_eq!(whole(&bytes[..cut]), Err(CborError::Truncated));
                }
            }
        }
    }
}
