//! The answer of an absence (F069, RFC 3834), written by a job after the delivery.
//!
//! Promises: once a correspondent and absence, in the transaction that posts it, whatever dies and whichever node works; a null reverse path and
//! `Auto-Submitted`, so that nobody answers it; only what the way delivered is answered, not what a mail program put there; what cannot be answered is
//! passed over, so that one message never holds up the others. A program recognises the answer by `X-Sceau-Absence` and its two days (EX_PBA_5080).
use super::{TEXT, days};
use crate::Operator;
use crate::mail::post::{Letter, Speaker, To};
use crate::mailbox::names::INBOX;
use crate::mailbox::seal::{BalSeal, MESSAGE_PREFIX, MESSAGE_SUMMARY};
use crate::refuse::{Fail, store};
use sceau_domain::calendar::Calendar;
use sceau_domain::{Address, Lang, Refusal, RefusalCode, Timestamp, text::text};
use sceau_message::automatic::{may_answer, message_id, return_path};
use sceau_message::compose::Compose;
use sceau_message::summary::Summary;
use sceau_store::absences::{self as rows, Absence, Arrival};
use sceau_store::{Id, StoreError, Tx, accounts, folders};

/// Messages looked at in one go.
const SLICE: i64 = 100;
/// Correspondents answered in one absence: more are not remembered, so more are not answered.
const MOST: i64 = 20_000;
/// Message-IDs kept of a thread.
const THREAD: usize = 10;

/// An absence that is answered now.
struct Now {
    bal: accounts::Bal,
    own: Address,
    absence: Absence,
    calendar: Calendar,
    seal: BalSeal,
    text: String,
}

impl Operator {
    /// Answers what came to a BAL since it was last looked at. An error: to be tried again.
    pub(crate) async fn answer_for_absent(&self, id: Id) -> Result<(), Refusal> {
        let tag = self.folder_tag(id, INBOX);
        // Where the last page ended; kept in the row by whole modseqs only, since one act may change more than a page with one.
        let mut from: Option<(Id, i64, i64)> = None;
        loop {
            let (tag, page) = (tag.clone(), from);
            let look = move |tx: &mut dyn Tx| {
                let Some(absence) = rows::of_bal(tx, id)? else { return Ok(None) };
                let bal = accounts::bal_by_id(tx, id)?.filter(|b| matches!(b.state.as_str(), "active" | "suspended"));
                let (Some(bal), Some(inbox)) = (bal, folders::by_tag(tx, id, &tag)?) else { return Ok(None) };
                let calendar = crate::calendar::of_structure(tx, bal.structure_id)?;
                let after = match page {
                    Some((period, modseq, uid)) if period == absence.period && modseq > absence.seen => (modseq, uid),
                    _ => (absence.seen, i64::MAX),
                };
                let came = rows::arrivals(tx, inbox.id, after, SLICE)?;
                Ok(Some((bal, absence, calendar, came)))
            };
            let found = self.0.store.read(look).await.map_err(|e: StoreError| store(&e))?;
            let Some((bal, absence, calendar, came)) = found else { return Ok(()) };
            let Ok(own) = bal.address.parse::<Address>() else { return Ok(()) };
            let Some(last) = came.last().map(|a| (a.modseq, a.uid)) else {
                // The last page was full, and it was the last.
                let Some((period, seen, _)) = from else { return Ok(()) };
                let looked = move |tx: &mut dyn Tx| rows::looked(tx, id, period, seen);
                return self.0.store.write(looked).await.map_err(|e: StoreError| store(&e));
            };
            let whole = i64::try_from(came.len()).is_ok_and(|n| n < SLICE);
            let due = |a: &&Arrival| {
                a.prefix.is_some() && a.created >= absence.starts.max(absence.set_at) && a.created < absence.ends
            };
            let due: Vec<Arrival> = came.iter().filter(due).cloned().collect();
            let period = absence.period;
            if !due.is_empty() && self.now().0 < absence.ends {
                let seal = self.bal_seal(id).await?;
                let said = seal.open(period, TEXT, &absence.said).map_err(|e| store(&e))?;
                let text = String::from_utf8_lossy(&said).into_owned();
                let now = Now { bal, own, absence, calendar, seal, text };
                for arrival in &due {
                    self.answer_one(&now, arrival).await?;
                }
            }
            from = Some((period, last.0, last.1));
            let seen = if whole { last.0 } else { last.0 - 1 };
            let looked = move |tx: &mut dyn Tx| rows::looked(tx, id, period, seen);
            self.0.store.write(looked).await.map_err(|e: StoreError| store(&e))?;
        }
    }

    async fn answer_one(&self, now: &Now, arrival: &Arrival) -> Result<(), Refusal> {
        let (bal, period) = (now.bal.id, now.absence.period);
        // What cannot be opened is no correspondent's fault, and is not asked for again and again.
        let open = |field, sealed: &[u8]| now.seal.open(arrival.message, field, sealed).ok();
        let prefix = arrival.prefix.as_deref().and_then(|p| open(MESSAGE_PREFIX, p));
        let summary = open(MESSAGE_SUMMARY, &arrival.summary).and_then(|s| Summary::from_bytes(&s));
        let (Some(prefix), Some(summary)) = (prefix, summary) else { return Ok(()) };
        let sender = return_path(&prefix);
        let to = match may_answer(&summary.header, &summary.envelope, sender.as_ref(), &now.own) {
            Ok(to) if self.0.config.notices.absence_to_patients || !self.is_patients(to.domain()) => to.clone(),
            _ => return Ok(()),
        };
        let mut data = bal.to_be_bytes().to_vec();
        data.extend_from_slice(to.key().as_bytes());
        let who = self.0.store.vault().tag("absence", &data).to_vec();
        let asked = who.clone();
        let known = self.0.store.read(move |tx| rows::answered(tx, bal, period, &asked)).await;
        if known.map_err(|e: StoreError| store(&e))? {
            return Ok(());
        }
        let letter = Letter {
            speaker: Speaker::Bal(now.own.clone()),
            to: To::Address(to.clone()),
            content: self.absence_letter(now, &to, &summary),
            kind: "absence",
            pressing: false,
            about: Some((bal, now.bal.address_key.clone())),
        };
        let at = self.now().0;
        let answer = move |tx: &mut dyn Tx| Ok::<_, Fail>(rows::answer(tx, (bal, period), &who, at, MOST)?);
        match self.post_with(letter, answer).await.map_err(Refusal::from) {
            Ok(_) => Ok(()),
            // Ours to try again; all else is said of the correspondent.
            Err(refusal) if refusal.code == RefusalCode::Unavailable => Err(refusal),
            Err(refusal) => {
                tracing::info!(code = refusal.code.as_str(), "an absence is not answered");
                Ok(())
            }
        }
    }

    fn absence_letter(&self, now: &Now, to: &Address, summary: &Summary) -> Vec<u8> {
        let (from, until) = days(&now.absence, &now.calendar);
        let values = [("address", now.bal.address.as_str()), ("from", from.as_str()), ("until", until.as_str())];
        let say = |lang, key: &str| text(lang, key, &values);
        let body = format!(
            "{}\n\n{}\n\n-- English --\n\n{}\n",
            say(Lang::Fr, "absence.head"),
            now.text,
            say(Lang::En, "absence.head")
        );
        let subject = format!("{} / {}", say(Lang::Fr, "absence.subject"), say(Lang::En, "absence.subject"));
        let id = format!("absence-{:x}", self.0.store.new_id());
        let mut letter = Compose::new(&now.bal.label, &now.own, Timestamp(self.now().0), &id)
            .to("", to)
            .subject(&subject)
            .field("Auto-Submitted", "auto-replied")
            .field("X-Auto-Response-Suppress", "All")
            .field("X-Sceau-Absence", &format!("from={from}; until={until}"))
            .text(&body);
        if let Some(answered) = message_id(summary.envelope.message_id.as_deref()) {
            let thread = summary.references.iter().filter_map(|r| message_id(Some(r)));
            let mut thread: Vec<&str> = thread.filter(|r| *r != answered).collect();
            thread.drain(..thread.len().saturating_sub(THREAD));
            thread.push(answered);
            letter = letter.field("In-Reply-To", answered).field("References", &thread.join(" "));
        }
        letter.write()
    }

    /// What happens after mail came to a BAL: its absence is answered, those who want to hear of it do, a BAL that fills up is told.
    pub(crate) async fn look_after_arrivals(&self, bal: Id) -> Result<(), Refusal> {
        let follows = self.0.store.read(move |tx| rows::follows(tx, bal)).await;
        let follows = follows.map_err(|e: StoreError| store(&e))?;
        // First of all: what a rule files is filed when anybody hears of it.
        if follows & rows::RULES != 0 {
            self.run_rules(bal).await?;
        }
        if follows & rows::NOTICES != 0 {
            self.plan_mail_notices(bal).await?;
        }
        if follows & rows::PUSH != 0 {
            self.plan_pushes(bal).await?;
        }
        self.tell_of_filling(bal).await?;
        if follows & rows::ABSENCE != 0 {
            self.answer_for_absent(bal).await?;
        }
        Ok(())
    }
}
