//! Who takes a message on its way: one who looks at it, one who files it.
use super::HOLD;
use crate::Error;
use crate::client::{Client, Taker};
use crate::content::Measure;
use crate::flags::Flags;
use crate::stock::Stock;

/// Holds what is small, measures what is not; what is larger than may be filed is not listened to.
#[derive(Debug, Default)]
pub(super) struct Holding {
    pub(super) measure: Measure,
    pub(super) held: Option<Vec<u8>>,
    /// Most octets that may be filed.
    pub(super) most: u64,
    /// So many octets come: too many.
    pub(super) too_big: Option<u64>,
}

impl Taker for Holding {
    fn begin(&mut self, size: u64) -> Result<(), Error> {
        if size > self.most {
            self.too_big = Some(size);
            return Err(Error::Protocol("a message that is too large"));
        }
        self.held = (size <= HOLD).then(Vec::new);
        Ok(())
    }
    fn piece(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.measure.push(bytes);
        if let Some(held) = &mut self.held {
            held.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// Files what is given.
pub(super) struct Filing<'a> {
    client: &'a mut Client,
    stock: &'a Stock,
    flags: &'a Flags,
    date: Option<i64>,
    /// Nothing is known of it but a size that may be wrong.
    unknown: bool,
    /// There is one of its true size: it has to be looked at first.
    pub(super) again: bool,
    pub(super) tag: Option<String>,
    pub(super) size: u64,
}

impl<'a> Filing<'a> {
    pub(super) fn new(
        client: &'a mut Client,
        stock: &'a Stock,
        flags: &'a Flags,
        date: Option<i64>,
        unknown: bool,
    ) -> Self {
        Self { client, stock, flags, date, unknown, again: false, tag: None, size: 0 }
    }
}

impl Taker for Filing<'_> {
    fn begin(&mut self, size: u64) -> Result<(), Error> {
        self.size = size;
        if self.unknown && self.stock.may_have(size) {
            self.again = true;
            return Err(Error::Protocol("to be looked at first"));
        }
        self.tag = Some(self.client.append_begin(&self.stock.wire, self.flags, self.date, size)?);
        Ok(())
    }
    fn piece(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.client.append_piece(bytes)
    }
}
