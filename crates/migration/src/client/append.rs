//! Filing (RFC 9051 §6.3.12): a message goes to the server by pieces; its UID comes back where the server says it (RFC 4315).
use super::{Client, Part, own_no, patience};
use crate::Error;
use crate::flags::Flags;
use crate::time;

/// A message that is sent without asking first (RFC 7888), octets.
const UNASKED: u64 = 1 << 20;
/// The same where the server takes small ones only.
const UNASKED_SMALL: u64 = 4096;
/// Octets sent at a time.
const FLUSH: usize = 64 * 1024;

/// Where a message was filed, as far as the server says: UIDVALIDITY and UID.
pub type Appended = Option<(u32, u32)>;

impl Client {
    /// Begins to file a message of `size` octets; [`Client::append_piece`] gives them, [`Client::append_end`] ends. The tag is for the end.
    pub fn append_begin(&mut self, wire: &str, flags: &Flags, date: Option<i64>, size: u64) -> Result<String, Error> {
        if self.value("APPENDLIMIT").is_some_and(|most| size > most) {
            return Err(own_no("TOOBIG", ""));
        }
        self.stream.within(patience(size));
        let unasked = (self.can("LITERAL+") && size <= UNASKED) || (self.can("LITERAL-") && size <= UNASKED_SMALL);
        let flags = format!("({})", flags.imap().join(" "));
        // A date that cannot be said has the server refuse the message.
        let date = date.filter(|at| time::INTERNAL.contains(at)).map(|at| format!("\"{}\"", time::internal(at)));
        let literal = format!("{{{size}{}}}", if unasked { "+" } else { "" });
        let mut parts = vec![Part::Text("APPEND"), Part::String(wire.as_bytes()), Part::Text(&flags)];
        parts.extend(date.as_deref().map(Part::Text));
        parts.push(Part::Text(&literal));
        if self.is_broken() {
            return Err(Error::Cut(std::io::ErrorKind::NotConnected.into()));
        }
        let tag = self.write(&parts)?;
        self.out.extend_from_slice(b"\r\n");
        if !unasked {
            self.flush()?;
            self.wait_to_go(&tag)?;
        }
        self.left = size;
        Ok(tag)
    }

    /// Gives the next octets.
    pub fn append_piece(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            return Err(self.fail(Error::Protocol("a message longer than it was said to be")));
        };
        self.left = left;
        self.out.extend_from_slice(bytes);
        if self.out.len() >= FLUSH { self.flush() } else { Ok(()) }
    }

    /// Ends the message: it is kept when this returns. A message that was not given whole is not kept, and the connection is over.
    pub fn append_end(&mut self, tag: &str) -> Result<Appended, Error> {
        if self.left > 0 {
            return Err(self.fail(Error::Protocol("a message shorter than it was said to be")));
        }
        self.out.extend_from_slice(b"\r\n");
        self.flush()?;
        let code = self.end(tag, &mut drop)?;
        Ok(match code.as_slice() {
            [name, validity, uid, ..] if name == "APPENDUID" => validity.parse().ok().zip(uid.parse().ok()),
            _ => None,
        })
    }

    /// Gives up a message that was begun: nothing of it is kept, and the connection is over.
    pub fn append_abandon(&mut self) {
        self.broken = true;
    }
}
