//! Object ids of mailboxes, messages and threads (RFC 8474), the same for every door: what names them for as long as they live,
//! whatever they are called and wherever they are moved.
//!
//! Promises: an id tells nothing, neither when its object was made nor how many there are (row ids would), nor what a message
//! says; without the operator's keys none can be guessed or linked to a row. Ids of mailboxes and messages lead back to their
//! rows ([`Operator::mailbox_of_object`], [`Operator::message_of_object`]) without an index. Each begins with a letter, has no
//! character that differs by case alone, and fits into JMAP's `Id` (RFC 8620 §1.2).
//!
//! How: deterministic authenticated encryption of the row id (a keyed digest of it, then the id under a keyed digest of that);
//! a thread's id is a keyed digest of the identifier that its first message has, as the message itself tells it.
use crate::Operator;
use crate::mailbox::read::MessageSummary;
use sceau_store::Id;

const MAILBOX: &str = "object.mailbox";
const BAL: &str = "object.bal";
const ACT: &str = "object.act";
const DRAFT: &str = "object.draft";
const EMAIL: &str = "object.email";
const THREAD: &str = "object.thread";
const PUSH: &str = "object.push";
const UPLOAD: &str = "object.upload";
const WRITING: &str = "object.writing";

/// Digits of an id after its letter.
const DIGITS: usize = 26;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

impl Operator {
    /// MAILBOXID of a folder: the same after a renaming.
    pub fn mailbox_object(&self, folder: Id) -> String {
        self.object('F', MAILBOX, folder)
    }
    /// The folder that a MAILBOXID means.
    pub fn mailbox_of_object(&self, id: &str) -> Option<Id> {
        self.row_of('F', MAILBOX, id)
    }
    /// What names a BAL in an address: the same for as long as it is there.
    pub fn bal_object(&self, bal: Id) -> String {
        self.object('B', BAL, bal)
    }
    /// The BAL that such a name means.
    pub fn bal_of_object(&self, code: &str) -> Option<Id> {
        self.row_of('B', BAL, code)
    }
    /// What names an act that can be taken back.
    pub fn act_object(&self, act: Id) -> String {
        self.object('A', ACT, act)
    }
    /// The act that such a name means.
    pub fn act_of_object(&self, code: &str) -> Option<Id> {
        self.row_of('A', ACT, code)
    }
    /// What names a draft in an address.
    pub fn draft_object(&self, draft: Id) -> String {
        self.object('D', DRAFT, draft)
    }
    /// The draft that such a name means.
    pub fn draft_of_object(&self, code: &str) -> Option<Id> {
        self.row_of('D', DRAFT, code)
    }
    /// What names a file of a draft.
    pub fn upload_object(&self, upload: Id) -> String {
        self.object('U', UPLOAD, upload)
    }
    /// The file that such a name means.
    pub fn upload_of_object(&self, code: &str) -> Option<Id> {
        self.row_of('U', UPLOAD, code)
    }
    /// What names a signature or a template.
    pub fn writing_object(&self, writing: Id) -> String {
        self.object('W', WRITING, writing)
    }
    /// The one that such a name means.
    pub fn writing_of_object(&self, code: &str) -> Option<Id> {
        self.row_of('W', WRITING, code)
    }
    /// What names a browser that is woken.
    pub fn push_object(&self, subscription: Id) -> String {
        self.object('P', PUSH, subscription)
    }
    /// The one that such a name means.
    pub fn push_of_object(&self, code: &str) -> Option<Id> {
        self.row_of('P', PUSH, code)
    }
    /// EMAILID of a message: the same wherever it was copied or moved in its BAL.
    pub fn email_object(&self, message: Id) -> String {
        self.object('M', EMAIL, message)
    }
    /// The message that an EMAILID means.
    pub fn message_of_object(&self, id: &str) -> Option<Id> {
        self.row_of('M', EMAIL, id)
    }
    /// THREADID of a message: the same for all that answer the same first message of a BAL. A message that names none and has no
    /// identifier is a thread of its own.
    pub fn thread_object(&self, bal: Id, message: &MessageSummary) -> String {
        let tag = self.thread_tag(bal, message.summary.thread_root(), message.message);
        written('T', first(&tag))
    }

    /// The number of a message's conversation in lists: the same for all that have one THREADID; never 0. `root`: as its summary tells it.
    pub(crate) fn thread_number(&self, bal: Id, root: Option<&str>, message: Id) -> Id {
        let number = half(&self.thread_tag(bal, root, message)).cast_signed() & Id::MAX;
        number.max(1)
    }
    fn thread_tag(&self, bal: Id, root: Option<&str>, message: Id) -> [u8; 32] {
        let mut data = bal.to_be_bytes().to_vec();
        match root {
            Some(root) => data.extend_from_slice(root.as_bytes()),
            None => data.extend_from_slice(&message.to_be_bytes()),
        }
        self.0.store.vault().tag(THREAD, &data)
    }

    fn object(&self, letter: char, purpose: &str, id: Id) -> String {
        let tag = self.object_tag(purpose, id);
        let hidden = id.cast_unsigned() ^ self.object_pad(purpose, tag);
        written(letter, u128::from(tag) << 64 | u128::from(hidden))
    }
    fn row_of(&self, letter: char, purpose: &str, text: &str) -> Option<Id> {
        let number = read(letter, text)?;
        // The halves of 128 bits.
        let (tag, hidden) = ((number >> 64) as u64, number as u64);
        let id = (hidden ^ self.object_pad(purpose, tag)).cast_signed();
        (self.object_tag(purpose, id) == tag).then_some(id)
    }
    fn object_tag(&self, purpose: &str, id: Id) -> u64 {
        let data = [&[0][..], &id.to_be_bytes()].concat();
        half(&self.0.store.vault().tag(purpose, &data))
    }
    fn object_pad(&self, purpose: &str, tag: u64) -> u64 {
        let data = [&[1][..], &tag.to_be_bytes()].concat();
        half(&self.0.store.vault().tag(purpose, &data))
    }
}

fn first(digest: &[u8; 32]) -> u128 {
    digest[..16].iter().fold(0, |n, b| n << 8 | u128::from(*b))
}
fn half(digest: &[u8; 32]) -> u64 {
    digest[..8].iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

fn written(letter: char, number: u128) -> String {
    let digit = |i: usize| char::from(ALPHABET[(number >> (5 * (DIGITS - 1 - i)) & 31) as usize]);
    std::iter::once(letter).chain((0..DIGITS).map(digit)).collect()
}

fn read(letter: char, text: &str) -> Option<u128> {
    let digits = text.strip_prefix(letter).filter(|d| d.len() == DIGITS)?;
    let mut number: u128 = 0;
    for (i, b) in digits.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|a| *a == b)? as u128;
        // Three bits are left for the first digit of 128.
        if i == 0 && digit > 7 {
            return None;
        }
        number = number << 5 | digit;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(number: u128) {
            let text = written('M', number);
            prop_assert!(text.len() == 27 && text.bytes().all(|b| b.is_ascii_alphanumeric()));
            prop_assert_eq!(read('M', &text), Some(number));
            prop_assert_eq!(read('F', &text), None);
        }
    }

    #[test]
    fn what_is_no_id_is_not_read() {
        for bad in [
            "",
            "M",
            "M0",
            &format!("M{}", "w".repeat(26)),
            &format!("M{}", "8".to_owned() + &"0".repeat(25)),
            &"é".repeat(20),
        ] {
            assert_eq!(read('M', bad), None, "{bad}");
        }
    }
}
