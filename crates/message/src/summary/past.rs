//! What stands before the header in the bytes of a summary, passed over: nothing is allocated for it.
//!
//! The fields are those of [`crate::envelope::Envelope`] and [`crate::scan::Part`], in their order; a test compares.
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A list, passed over.
pub(super) struct Each<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Each<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Over<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Over<T> {
            type Value = Each<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Each<T>, A::Error> {
                while list.next_element::<T>()?.is_some() {}
                Ok(Each(PhantomData))
            }
        }
        from.deserialize_seq(Over(PhantomData))
    }
}

type Text<'a> = &'a str;
/// Name, mailbox, host.
type Address<'a> = (Option<Text<'a>>, Option<Text<'a>>, Option<Text<'a>>);
type Addresses<'a> = Each<Address<'a>>;
type Pairs<'a> = Each<(Text<'a>, Text<'a>)>;
type Extent = (u64, u64);

/// Date and subject; from, sender, reply-to, to, cc, bcc; in-reply-to and message-id.
pub(super) type Envelope<'a> =
    ((Option<Text<'a>>, Option<Text<'a>>), [Addresses<'a>; 6], (Option<Text<'a>>, Option<Text<'a>>));

/// Kind, subtype, parameters; id, description, encoding, md5; disposition, language, location.
type Mime<'a> = (
    (Text<'a>, Text<'a>, Pairs<'a>),
    (Option<Text<'a>>, Option<Text<'a>>, Text<'a>, Option<Text<'a>>),
    (Option<(Text<'a>, Pairs<'a>)>, Each<Text<'a>>, Option<Text<'a>>),
);

/// A part, passed over with all that is below it.
pub(super) struct Part;

/// Content fields; header, body, lines; children, envelope.
type Body<'a> = (Mime<'a>, (Extent, Extent, u64), Each<Part>, Option<Envelope<'a>>);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Body::deserialize(from).map(|_| Self)
    }
}
