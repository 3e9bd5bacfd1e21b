//! What a folder of the BAL holds already, so that nothing is brought twice.
//!
//! Two messages are the same when they have the same octets. Copies count: what the source holds twice is there twice. So each message of the BAL is
//! *taken* once, by the message of the source that it is.
use crate::Error;
use crate::client::{Client, Outcome};
use crate::content::Measured;
use crate::source::Measuring;
use std::collections::{HashMap, HashSet};

/// A folder of the BAL.
#[derive(Debug)]
pub struct Stock {
    /// Its name on the wire.
    pub wire: String,
    /// UIDVALIDITY.
    pub validity: u32,
    /// UIDs of each size that no message of the source is.
    free: HashMap<u64, Vec<u32>>,
    digests: HashMap<u32, [u8; 32]>,
    taken: HashSet<u32>,
}

impl Stock {
    /// Opens the folder; [`Error::No`] when there is no such folder, or not for this person.
    pub fn open(client: &mut Client, wire: String) -> Result<Self, Error> {
        let mut stock =
            Self { wire, validity: 0, free: HashMap::new(), digests: HashMap::new(), taken: HashSet::new() };
        stock.look(client)?;
        Ok(stock)
    }

    /// Looks again: what was taken stays so. For a connection that is another one.
    pub fn look(&mut self, client: &mut Client) -> Result<(), Error> {
        let opened = client.examine(self.wire.as_bytes())?;
        if opened.validity != self.validity {
            self.digests.clear();
            self.taken.clear();
        }
        self.validity = opened.validity;
        self.free.clear();
        for (uid, entry) in client.entries(opened)?.into_iter().rev() {
            if !self.taken.contains(&uid) {
                self.free.entry(entry.size).or_default().push(uid);
            }
        }
        Ok(())
    }

    /// A message of the source is this one.
    pub fn take(&mut self, uid: u32) {
        self.taken.insert(uid);
        self.digests.remove(&uid);
    }

    /// Is there one of this size that may be it?
    pub fn may_have(&self, size: u64) -> bool {
        self.free.get(&size).is_some_and(|uids| uids.iter().any(|u| !self.taken.contains(u)))
    }

    /// The message that has these octets and is not taken; it is then. Reads those of the same size until it is found, each once.
    pub fn find(&mut self, client: &mut Client, wanted: &Measured) -> Result<Option<u32>, Error> {
        let Some(uids) = self.free.get_mut(&wanted.size) else { return Ok(None) };
        // The oldest stands last, and is most often the one that is looked for.
        for at in (0..uids.len()).rev() {
            let uid = uids[at];
            if self.taken.contains(&uid) {
                continue;
            }
            let digest = match self.digests.get(&uid) {
                Some(digest) => *digest,
                None => {
                    let mut measuring = Measuring::default();
                    match client.content(uid, wanted.size, &mut measuring) {
                        Ok(Outcome::Taken(_)) => {}
                        // What cannot be read is no reason not to bring another one.
                        Ok(Outcome::Gone) | Err(Error::No(_)) => continue,
                        Ok(Outcome::Stopped(e)) | Err(e) => return Err(e),
                    }
                    let digest = measuring.0.end().digest;
                    self.digests.insert(uid, digest);
                    digest
                }
            };
            if digest == wanted.digest {
                let _ = uids.remove(at);
                self.taken.insert(uid);
                self.digests.remove(&uid);
                return Ok(Some(uid));
            }
        }
        Ok(None)
    }
}
