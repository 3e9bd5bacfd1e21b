//! Signing in by a professional's card in a browser (F041). The card is asked for at a door of its own: a browser that is asked for a certificate shows a
//! dialog to everybody, so the door that everybody uses asks nobody.
//!
//! The way: the main door begins an attempt and sends the browser to the other one with a ticket, which names the attempt and opens nothing. There the
//! handshake shows the card, which is judged and read; the attempt keeps whom it named, and a word of 256 bits leads the browser back. Word and cookie
//! together enter, once, within a minute: whoever has somebody else come with his ticket has the cookie, and never sees the word.
use super::attempts::{Attempt, secret};
use super::bind::{Bound, Kind};
use super::sessions::Entered;
use crate::boxed;
use crate::record::By;
use crate::{Operator, Origin, PersonRef};
use aws_lc_rs::constant_time;
use rustls_pki_types::CertificateDer;
use sceau_domain::{Refusal, RefusalCode};
use sceau_identity::card::{self, Profile};
use sceau_identity::factor::Factor;
use sceau_identity::national::Said;
use sceau_store::Id;
use sceau_trust::{Purpose, peer};
use serde::{Deserialize, Serialize};

/// How long the browser has for its way back, milliseconds.
const GOOD: i64 = 60_000;
/// What the attempt keeps under this name.
const NOTE: &str = "card";
/// Where the browser comes back.
const RETURN: &str = "/connexion/carte/retour";
/// Under what bindings by cards are kept: a number is one person's, whichever authority made the card.
const ISSUER: &str = "cps";

/// Whom the card named.
#[derive(Serialize, Deserialize)]
struct Shown {
    /// Keyed digest of the word.
    word: [u8; 32],
    person: Id,
    at: i64,
}

impl Operator {
    /// Where the browser of an attempt shows its card. `admin.not_found`: there is no such door.
    pub fn card_door(&self, attempt: &Attempt) -> Result<String, Refusal> {
        let card = self.config().identity.card.as_ref().ok_or(RefusalCode::NotFound)?;
        Ok(format!("{}/carte?t={}", card.url, self.ticket(attempt)))
    }

    /// A card was shown at its own door (leaf first) by the browser with this ticket: where it goes back to.
    ///
    /// # Errors
    /// `form.old`: no attempt waits for it; `peer.*`, `card.unreadable`, `identity.*`.
    #[boxed]
    pub async fn sign_in_card(
        &self,
        chain: &[CertificateDer<'_>],
        ticket: &str,
        origin: &Origin,
    ) -> Result<String, Refusal> {
        let mut attempt = self.attempt_of_ticket(ticket).await?;
        let judged = self.judge_chain(Purpose::Cps, chain, true).await;
        let read = match judged {
            Ok(_) => self.read_card(chain),
            Err(refusal) => Err(refusal),
        };
        let said = match read {
            Ok(said) => said,
            Err(refusal) => return Err(self.refused(By::stranger(origin), None, None, refusal).await),
        };
        let person = self.person_of_card(&said, origin).await?;
        let word = secret()?;
        attempt.put(NOTE, &Shown { word: self.handoff(&word), person: person.id, at: self.now().0 });
        self.keep_attempt(&mut attempt).await?;
        Ok(format!("{}{RETURN}?c={}", self.config().public_url, word.as_str()))
    }

    /// The browser comes back from the door for cards, with the word that it was given there.
    ///
    /// # Errors
    /// `form.old`: this browser has no such attempt, or took too long; as [`Operator::enter_session`].
    #[boxed]
    pub async fn return_card(&self, cookie: &str, word: &str, origin: &Origin) -> Result<Entered, Refusal> {
        let mut attempt = self.attempt(cookie).await?;
        let old = || Refusal::new(RefusalCode::FormOld);
        let shown: Shown = attempt.get(NOTE).ok_or_else(old)?;
        constant_time::verify_slices_are_equal(&self.handoff(word), &shown.word).map_err(|_| old())?;
        let now = self.now().0;
        if now < shown.at || shown.at + GOOD < now {
            return Err(old());
        }
        attempt.drop_note(NOTE);
        self.enter_session(attempt, shown.person, Factor::Card, None, origin).await
    }

    fn handoff(&self, word: &str) -> [u8; 32] {
        self.0.store.vault().tag("handoff", word.as_bytes())
    }

    /// What a card says of its holder. The chain was judged; nothing is believed of a certificate that was not. `card.unreadable`, with the cause.
    pub(crate) fn read_card(&self, chain: &[CertificateDer<'_>]) -> Result<Said, Refusal> {
        let leaf = chain.first().ok_or(RefusalCode::CardUnreadable)?;
        let profiles = match &self.config().identity.card {
            Some(card) => card.profiles(),
            None => Profile::known(),
        };
        card::read(leaf, &peer::subject(leaf), &profiles)
            .map_err(|e| Refusal::new(RefusalCode::CardUnreadable).with("cause", e.code()))
    }

    /// Who of us has this card. `identity.*`.
    pub(crate) async fn person_of_card(&self, said: &Said, origin: &Origin) -> Result<PersonRef, Refusal> {
        match self.bind(said, Kind::Card, ISSUER, origin).await? {
            Bound::Known(person) => Ok(person),
            Bound::Unknown => {
                let refusal = RefusalCode::IdentityUnknown.into();
                Err(self.refused(By::stranger(origin), None, None, refusal).await)
            }
        }
    }
}
