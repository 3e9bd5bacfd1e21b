//! Codes by ordinary mail: the second means behind a right password, where an operator, a domain or a structure admits them (F043).
//!
//! Promises: only behind a right password, so that no stranger makes mail; never for whoever administers; five an hour and three open; eight digits, good
//! once, for ten minutes and five tries, on whichever node.
use super::attempts::{Attempt, Browser};
use super::sessions::Entered;
use super::slow::Guess;
use crate::boxed;
use crate::notices::Template;
use crate::record::By;
use crate::refuse::Fail;
use crate::{Operator, Origin};
use aws_lc_rs::rand;
use sceau_domain::{Refusal, RefusalCode, Role};
use sceau_identity::code;
use sceau_identity::factor::Factor as Means;
use sceau_store::one_time_codes::{self as rows, Code};
use sceau_store::{Id, Tx, access, accounts, roles};
use serde_json::json;
use zeroize::Zeroizing;

/// Codes sent to one person within an hour, and open at once.
const AN_HOUR: i64 = 5;
const OPEN: i64 = 3;

/// Whose right password was given in a sign-in under way. `form.old`: nobody's. Somebody may be named in it who proved nothing: nothing is shown of him.
pub(super) fn behind_password(attempt: &Attempt) -> Result<Id, Refusal> {
    let right = attempt.proof.proven().iter().any(|p| p.factor == Means::Password);
    attempt.person.filter(|_| right).ok_or_else(|| RefusalCode::FormOld.into())
}

impl Operator {
    /// May codes be sent to this person?
    pub(super) async fn mail_codes_for(&self, person: Id) -> Result<bool, Refusal> {
        if !self.has_relay() {
            return Ok(false);
        }
        let look = move |tx: &mut dyn Tx| {
            let found = accounts::person_by_id(tx, person)?;
            let reached = found.is_some_and(|p| p.email.is_some() && p.email_verified.is_some());
            let administers = |r: &roles::Given| !matches!(r.role.parse(), Ok(Role::User | Role::Machine));
            let administrator = roles::in_force(tx, person)?.iter().any(administers);
            let bals: Vec<Id> = access::of_person(tx, person)?.iter().map(|a| a.bal_id).collect();
            Ok::<_, Fail>((reached && !administrator).then_some(bals))
        };
        let Some(bals) = self.0.store.read(look).await? else { return Ok(false) };
        if bals.is_empty() {
            return Ok(self.config().limits.mail_codes > 0);
        }
        // The strictest of the places where the person has a BAL.
        for bal in bals {
            if self.limits_of(bal).await?.mail_codes == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn code_digest(&self, attempt: &Attempt, code: &str) -> Vec<u8> {
        self.0.store.vault().tag("code", &[&attempt.id.to_be_bytes(), code.as_bytes()].concat()).to_vec()
    }

    /// Sends a code to the person whose right password was given in this browser. Not admitted is not said: the page is the same. `form.old`,
    /// `notice.too_many`.
    #[boxed]
    pub async fn send_code(&self, browser: &Browser<'_>, origin: &Origin) -> Result<(), Refusal> {
        let attempt = self.attempt(browser.attempt).await?;
        let person = behind_password(&attempt)?;
        if !self.mail_codes_for(person).await? {
            return Ok(());
        }
        let mut failed = false;
        let mut fill = |out: &mut [u8]| failed |= rand::fill(out).is_err();
        let code = code::one_time(&mut fill);
        if failed {
            return Err(RefusalCode::Unavailable.into());
        }
        let minutes = self.config().identity.codes.minutes;
        let shown = minutes.to_string();
        let values = [("code", code.as_str()), ("minutes", shown.as_str())];
        let Some(notice) = self.person_notice(person, Template::OneTimeCode, &values).await? else { return Ok(()) };
        let now = self.now();
        let row = Code {
            id: self.0.store.new_id(),
            person_id: person,
            attempt_id: attempt.id,
            digest: self.code_digest(&attempt, &code),
            at: now.0,
            expires: now.plus_ms(i64::from(minutes) * 60_000).0,
        };
        let by = By { name: "password".into(), person: Some(person), origin: Some(origin.clone()), seat: None };
        let fact = self.fact("code.sent", &by, None, "ok", json!({}));
        let send = move |tx: &mut dyn Tx| {
            // Two requests at once would each count without the other.
            roles::lock_person(tx, person)?;
            let (hour, open) = rows::sent(tx, person, now.0 - 3_600_000, now.0)?;
            if hour >= AN_HOUR || open >= OPEN {
                return Err(Fail::from(Refusal::new(RefusalCode::NoticeTooMany).with("limit", AN_HOUR)));
            }
            rows::insert(tx, &row)?;
            notice.write(tx)?;
            Ok(fact.write(tx)?)
        };
        self.0.store.write(send).await?;
        self.wake_jobs();
        Ok(())
    }

    /// The code that was sent, as the second means of the sign-in under way. `factor.refused`, `factor.spent`, `form.old`.
    #[boxed]
    pub async fn code_second(&self, browser: &Browser<'_>, given: &str, origin: &Origin) -> Result<Entered, Refusal> {
        let attempt = self.attempt(browser.attempt).await?;
        let (person, login) = self.may_show_second(&attempt, origin).await?;
        let given = code::one_time_read(given).unwrap_or_else(|| Zeroizing::new(String::new()));
        let (digest, id, now) = (self.code_digest(&attempt, &given), attempt.id, self.now().0);
        let spend = move |tx: &mut dyn Tx| {
            // A wrong one is counted in the same transaction, which is kept although the sign-in fails.
            match rows::spend(tx, id, &digest, now)? {
                Some(whose) => Ok(Ok(whose)),
                None => Ok::<_, Fail>(Err(rows::wrong(tx, id, now)?)),
            }
        };
        match self.0.store.write(spend).await? {
            Ok(whose) if whose == person => self.enter_session(attempt, person, Means::MailCode, None, origin).await,
            Err(0) => {
                self.second_refused(&attempt, Means::MailCode, &login, origin).await;
                Err(RefusalCode::FactorSpent.into())
            }
            _ => Err(self.second_refused(&attempt, Means::MailCode, &login, origin).await),
        }
    }

    /// Before a code is judged: whoever knows a password does not guess codes at will, however many sign-ins he begins. The login.
    pub(super) async fn may_show_second(&self, attempt: &Attempt, origin: &Origin) -> Result<(Id, String), Refusal> {
        let person = behind_password(attempt)?;
        let find = move |tx: &mut dyn Tx| Ok::<_, Fail>(accounts::person_by_id(tx, person)?);
        let login = self.0.store.read(find).await?.ok_or(RefusalCode::FormOld)?.login;
        let guess = Guess { login: &login, person: Some(person), known: attempt.known(), origin };
        self.may_try_code(guess, person).await?;
        Ok((person, login))
    }

    /// A second means that proves nothing: traced, counted against the sign-in under way and against whoever guesses.
    pub(super) async fn second_refused(
        &self,
        attempt: &Attempt,
        means: Means,
        login: &str,
        origin: &Origin,
    ) -> Refusal {
        let by = By { name: login.to_owned(), person: attempt.person, origin: Some(origin.clone()), seat: None };
        let said = json!({ "factor": means.as_str() });
        self.trace_alone(self.fact("login.failed", &by, None, "factor.refused", said)).await;
        let counted = self.wrong_try(attempt).await;
        if let Some(person) = attempt.person {
            self.note_wrong_code(person);
        }
        self.guess_failed(Guess { login, person: attempt.person, known: attempt.known(), origin }).await;
        counted.err().unwrap_or_else(|| RefusalCode::FactorRefused.into())
    }
}
