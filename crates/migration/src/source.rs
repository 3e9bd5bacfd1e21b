//! Where mail comes from: folders, and messages that can be read again.
use crate::Error;
use crate::client::{Auth, Client, Entry, Mailbox, Outcome, Secret, Taker};
use crate::content::{Measure, Measured};
use crate::door::Door;
use crate::flags::Flags;
use crate::folders::Role;
use std::path::Path;

/// A folder of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Levels of its name.
    pub levels: Vec<String>,
    /// What it is for.
    pub role: Option<Role>,
    /// It shows messages that lie in other folders: it is brought when it is named, not with everything.
    pub is_view: bool,
    /// Which one it is to its source.
    pub number: usize,
}

/// A message of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What names it in its folder for a person: a UID, a file, a place in a file.
    pub id: String,
    /// Its id, when that stays its own whatever is done to other messages.
    pub lasting: bool,
    /// Octets with CRLF, where they are known before it is read.
    pub size: Option<u64>,
    /// When it came, seconds since 1970.
    pub date: Option<i64>,
    /// Its flags.
    pub flags: Flags,
    /// Which one it is to its source.
    pub number: usize,
}

/// A source.
pub trait Source {
    /// Its folders, in an order that stays.
    fn folders(&mut self) -> Result<Vec<Folder>, Error>;
    /// Opens a folder: its messages, in an order that stays.
    fn open(&mut self, folder: &Folder) -> Result<Vec<Item>, Error>;
    /// Gives a message of the folder that is open, with CRLF.
    fn give(&mut self, item: &Item, taker: &mut dyn Taker) -> Result<Outcome, Error>;
    /// Makes a connection that broke anew, and opens the folder that was open: its messages are still those that were told, or it is
    /// [`Error::Changed`]. Where there is no connection, nothing.
    fn again(&mut self) -> Result<(), Error> {
        Ok(())
    }
    /// Where a folder lies, when that is here.
    fn path(&self, _: &Folder) -> Option<&Path> {
        None
    }
    /// Is a connection broken?
    fn is_broken(&self) -> bool {
        false
    }
    /// Octets and digest of a message; `None` when it is gone.
    fn measure(&mut self, item: &Item) -> Result<Option<Measured>, Error> {
        let mut measuring = Measuring::default();
        match self.give(item, &mut measuring)? {
            Outcome::Taken(_) => Ok(Some(measuring.0.end())),
            Outcome::Gone => Ok(None),
            Outcome::Stopped(e) => Err(e),
        }
    }
}

/// Takes a message to measure it.
#[derive(Debug, Default)]
pub struct Measuring(pub Measure);

impl Taker for Measuring {
    fn piece(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.push(bytes);
        Ok(())
    }
}

/// A login at a server.
#[derive(Debug, Clone)]
pub struct Login {
    /// Where.
    pub door: Door,
    /// Who.
    pub user: String,
    /// Password or token.
    pub secret: Secret,
    /// How.
    pub auth: Auth,
}

impl Login {
    /// Connects and logs in.
    pub fn open(&self) -> Result<Client, Error> {
        let mut client = Client::connect(&self.door)?;
        client.login(&self.user, &self.secret, self.auth)?;
        Ok(client)
    }
}

/// Waits before a connection is made anew.
pub(crate) const WAITS: [u64; 5] = [1, 2, 5, 15, 30];
/// A message that ends the connection so many times is left.
pub(crate) const TRIES: usize = 3;
/// Code of a refusal: the connection ended at it each time.
pub const CUT: &str = "CUT";
/// So many such messages one after the other are a server that cannot be worked with.
pub(crate) const IN_A_ROW: usize = 3;

/// Another server.
#[derive(Debug)]
pub struct Server {
    login: Login,
    client: Client,
    mailboxes: Vec<Mailbox>,
    /// The mailbox that is open, and its UIDVALIDITY.
    open: Option<(Vec<u8>, u32)>,
}

impl Server {
    /// Connects and logs in.
    pub fn open(login: Login) -> Result<Self, Error> {
        let client = login.open()?;
        Ok(Self { login, client, mailboxes: Vec::new(), open: None })
    }
    /// Ends the session.
    pub fn close(self) {
        self.client.logout();
    }
}

impl Source for Server {
    fn folders(&mut self) -> Result<Vec<Folder>, Error> {
        self.mailboxes = self.client.mailboxes()?;
        let there = self.mailboxes.iter().enumerate().filter(|(_, m)| m.selectable);
        let folder = |(number, m): (usize, &Mailbox)| Folder {
            levels: m.levels.clone(),
            role: m.role,
            is_view: m.is_view,
            number,
        };
        Ok(there.map(folder).collect())
    }
    fn open(&mut self, folder: &Folder) -> Result<Vec<Item>, Error> {
        let mailbox = self.mailboxes.get(folder.number).ok_or(Error::Protocol("no such folder"))?;
        self.open = None;
        let opened = self.client.examine(&mailbox.wire)?;
        self.open = Some((mailbox.wire.clone(), opened.validity));
        let entries = self.client.entries(opened)?;
        let item = |(uid, e): (u32, Entry)| Item {
            // Where UIDs begin anew they are other messages'.
            id: if opened.validity == 0 { uid.to_string() } else { format!("{}.{uid}", opened.validity) },
            lasting: opened.validity != 0,
            size: Some(e.size),
            date: e.date,
            flags: e.flags,
            number: uid as usize,
        };
        Ok(entries.into_iter().map(item).collect())
    }
    fn give(&mut self, item: &Item, taker: &mut dyn Taker) -> Result<Outcome, Error> {
        let uid = u32::try_from(item.number).map_err(|_| Error::Protocol("no such message"))?;
        if self.open.is_none() {
            return Err(Error::Changed);
        }
        self.client.content(uid, item.size.unwrap_or(0), taker)
    }
    fn again(&mut self) -> Result<(), Error> {
        self.client = self.login.open()?;
        let Some((wire, validity)) = &self.open else { return Ok(()) };
        // It is gone, or its UIDs are other messages' now.
        let same = match self.client.examine(wire) {
            Ok(opened) => opened.validity == *validity,
            Err(Error::No(_)) => false,
            Err(e) => return Err(e),
        };
        if !same {
            self.open = None;
            return Err(Error::Changed);
        }
        Ok(())
    }
    fn is_broken(&self) -> bool {
        self.client.is_broken()
    }
}
