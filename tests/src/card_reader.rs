//! A reader with a professional's card in it, for browsers without a screen ([`Visit`]): the card is a PKCS#12 file of the sandbox's.
use crate::Sandbox;
use crate::sandbox::{Card, CardPair, Operator};
use crate::visit::{Seen, Visit};

impl Visit<'_> {
    /// Asks for a page with this card in the reader.
    pub fn show(&self, url: &str, pair: &CardPair) -> Seen {
        let card = format!("{}:{}", pair.p12.display(), pair.password);
        self.ask(url, &["--cert-type", "P12", "--cert", &card])
    }
    /// Chooses the card on an operator's page of the sign-in: the address of the door for cards.
    pub fn to_the_card(&self, a: &Operator) -> String {
        let page = self.get(&format!("{}/connexion", a.public_url));
        assert_eq!(page.status, 200, "{page:?}");
        let led = self.send(&page, "/connexion/carte", &[]);
        led.to.clone().unwrap_or_else(|| panic!("led nowhere: {led:?}"))
    }
    /// Signs in with a card, up to the answer of our own page.
    pub fn sign_in_by_card(&self, a: &Operator, pair: &CardPair) -> Seen {
        let read = self.show(&self.to_the_card(a), pair);
        self.get(read.to.as_deref().unwrap_or_else(|| panic!("refused: {read:?}")))
    }
}

impl Sandbox {
    /// The card of this name.
    pub fn card(&self, name: &str) -> &Card {
        self.ready.cards.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no card {name}"))
    }
    /// A card of this state.
    pub fn card_that_is(&self, state: &str) -> &Card {
        self.ready.cards.iter().find(|c| c.state == state).unwrap_or_else(|| panic!("no card is {state}"))
    }
    /// The card of a professional whom no operator knows, and whom the register does.
    pub fn newcomer(&self, nth: usize) -> &Card {
        let mut all = self.ready.cards.iter().filter(|c| c.login.is_empty() && c.name == c.rpps);
        all.nth(nth).expect("a card of a newcomer")
    }
}
