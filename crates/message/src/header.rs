//! Header fields (RFC 5322 §2.2): iteration, unfolding, decoding of encoded words (RFC 2047), and the origin check.
use sceau_domain::{Address, RefusalCode};

/// One field of a header section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Name as written, without the colon.
    pub name: &'a str,
    /// Value as written, folded, without the final line end.
    pub value: &'a [u8],
    /// The whole field as written, with its line ends (for `BODY[HEADER.FIELDS]`).
    pub raw: &'a [u8],
}

/// The fields of a header section, in order. Lines that are no field are skipped.
pub fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let _ = header;
    std::iter::empty()
}

/// The value unfolded and decoded (RFC 2047, charsets) to UTF-8, for search and display.
pub fn decoded(value: &[u8]) -> String {
    let _ = value;
    todo!()
}

/// Who a message says it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The one address of the one From field.
    pub from: Address,
    /// The address of Sender, when there is one.
    pub sender: Option<Address>,
}

/// The one From (one field, one address), at most one Date and one Sender, no NUL, no malformed From
/// (design §6; F150; espoofer's ambiguities). Errors are the `header.*` refusals.
pub fn origin(header: &[u8]) -> Result<Origin, RefusalCode> {
    let _ = header;
    todo!()
}
