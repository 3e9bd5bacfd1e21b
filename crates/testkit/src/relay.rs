//! A relay for ordinary mail that leads nowhere.
//!
//! Promises: what it takes is kept as it came, oldest first; it answers as told, and keeps nothing of what it does not take.
use crate::addr;
use sceau_domain::Address;
use sceau_operator::Operator;
use sceau_operator::notices::{NotTaken, Relay};
use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

/// The relay.
#[derive(Debug)]
pub struct Played {
    from: Address,
    taken: Mutex<Vec<(String, String)>>,
    back: Mutex<Vec<String>>,
    answer: Mutex<Result<(), NotTaken>>,
}

impl Relay for Played {
    fn from(&self) -> &Address {
        &self.from
    }
    fn send<'a>(
        &'a self,
        back: &'a Address,
        to: &'a Address,
        message: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<(), NotTaken>> + Send + 'a>> {
        let answer = self.answer.lock().unwrap().clone();
        if answer.is_ok() {
            let message = String::from_utf8(message.to_vec()).unwrap();
            self.taken.lock().unwrap().push((to.to_string(), message));
            self.back.lock().unwrap().push(back.to_string());
        }
        Box::pin(ready(answer))
    }
}

impl Played {
    /// The relay of this operator from now on. It takes everything.
    pub fn of(op: &Operator) -> Arc<Self> {
        let from = addr("avis@exemple.fr");
        let relay =
            Arc::new(Self { from, taken: Mutex::default(), back: Mutex::default(), answer: Mutex::new(Ok(())) });
        op.set_relay(relay.clone());
        relay
    }
    /// What it answers from now on.
    pub fn answers(&self, answer: Result<(), NotTaken>) {
        *self.answer.lock().unwrap() = answer;
    }
    /// Reverse paths of everything that it ever took.
    pub fn reverse_paths(&self) -> Vec<String> {
        self.back.lock().unwrap().clone()
    }
    /// What it took: to whom, and the message.
    pub fn taken(&self) -> Vec<(String, String)> {
        self.taken.lock().unwrap().clone()
    }
    /// [`Self::taken`], and nothing of it is kept.
    pub fn drain(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.taken.lock().unwrap())
    }
    /// How many messages came to an address.
    pub fn count(&self, to: &str) -> usize {
        self.taken().iter().filter(|(at, _)| at == to).count()
    }
    /// Secrets of the links to a page (`/lien/`, `/jeton/`) that came to an address.
    pub fn secrets(&self, to: &str, page: &str) -> Vec<String> {
        let taken = self.taken().into_iter().filter(|(at, _)| at == to);
        taken.filter_map(|(_, message)| Some(path(&message, page)?[page.len()..].to_owned())).collect()
    }
    /// The path of the link to a page in the last message.
    pub fn link(&self, page: &str) -> String {
        self.taken().last().and_then(|(_, message)| path(message, page)).expect("a link")
    }
}

/// A message with its quoted-printable lines put together; beyond ASCII it stays as it is.
pub fn unfolded(message: &str) -> String {
    let joined = message.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // A letter too may be written so, where it stands first in a line.
        let written = part.get(..2).and_then(|two| u8::from_str_radix(two, 16).ok()).filter(u8::is_ascii);
        match written {
            Some(byte) => (out.push(char::from(byte)), out.push_str(&part[2..])),
            None => (out.push('='), out.push_str(part)),
        };
    }
    out
}

/// The path of the first link to a page.
fn path(message: &str, page: &str) -> Option<String> {
    let text = unfolded(message);
    text[text.find(page)?..].split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #[test]
    fn links_are_read_wherever_their_lines_end() {
        assert_eq!(super::unfolded("a =3D b /lien/x=\r\n=46y t=C3=A9"), "a = b /lien/xFy t=C3=A9");
    }
}
