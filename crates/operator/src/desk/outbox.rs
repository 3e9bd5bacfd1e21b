//! What leaves in seconds or later: sending always passes here, so that it can be held back.
//!
//! Promises: a draft leaves once, whatever dies and whichever node works: its Message-ID and Date are fixed when it is asked for, a worker claims it
//! before it is sent (from then on it cannot be held back), and what is sent twice is known as the same ([`crate::mail`]'s memory). It leaves by the
//! rights that its writer has then. What cannot leave stays, with why; it is traced, and told to who manages a shared BAL.
use super::beside::{manages, names};
use super::letters::{DraftState, DraftView, How, Kept, Leaving, own};
use super::recipients::{parties, readable};
use crate::boxed;
use crate::jobs::Kind;
use crate::mail::{Body, Envelope, Rcpt};
use crate::mailbox::entries::{FlagChange, FlagSet, Flags};
use crate::record::{By, Fact};
use crate::refuse::{self, Fail};
use crate::{Actor, Door, Operator, Origin, Received};
use sceau_domain::dsn::MailRequest;
use sceau_domain::{Lang, Refusal, RefusalCode, Timestamp};
use sceau_message::letter::{Letter, Piece};
use sceau_store::desk::drafts::{self as rows, Draft as Row};
use sceau_store::desk::uploads;
use sceau_store::jobs::NewJob;
use sceau_store::{Id, StoreError, Tx, accounts, jobs};
use serde_json::json;
use std::time::Duration;

/// Keyword of what was sent on (RFC 5788).
const FORWARDED: &str = "$Forwarded";
/// Bytes read of a file at a time.
const PIECE: usize = 64 << 10;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// Most that is told to who manages a BAL of what did not leave.
const SHOWN: i64 = 200;

/// What became of "send".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// When it leaves; until then it can be held back.
    pub at: Timestamp,
    /// A time was asked for; else it leaves at once, but for the seconds in which it can be held back.
    pub scheduled: bool,
}

/// What a colleague wanted to send, and could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// Who: the name to show.
    pub name: String,
    /// When it was changed last.
    pub changed: Timestamp,
    /// Why.
    pub why: Option<RefusalCode>,
}

impl Operator {
    /// Sends a draft of one's own as it stands at the version `from`, now or at a time. Judged here by the rules of submission, again when it leaves.
    /// `rcpt.*` and whatever else a rule says of a recipient, `rcpt.none`, `upload.gap` for a file that has not arrived, `message.too_big`,
    /// `admin.invalid` for a time that is over or too far, `edit.conflict`, `draft.leaving`, `admin.not_found`.
    #[boxed]
    pub async fn send_draft(
        &self,
        actor: &Actor,
        id: Id,
        from: i64,
        at: Option<Timestamp>,
    ) -> Result<Sending, Refusal> {
        let (row, mut kept) = self.own_draft(actor, id).await?;
        let view = self.whole_draft(&row, kept.clone()).await?;
        if let Some(upload) = view.uploads.iter().find(|u| !u.is_whole()) {
            return Err(Refusal::new(RefusalCode::UploadGap).with("limit", upload.held));
        }
        let fields = [&view.draft.to, &view.draft.cc, &view.draft.bcc].map(String::as_str);
        let verdicts = self.look_at_recipients(actor, &fields, view.bytes(), true).await?;
        if verdicts.is_empty() {
            return Err(RefusalCode::RcptNone.into());
        }
        if let Some(refusal) = verdicts.into_iter().find_map(|v| v.why) {
            return Err(refusal);
        }
        let now = self.now();
        let settings = &self.0.config.desk;
        let far = now.plus_ms(i64::from(settings.schedule_days) * DAY);
        let leaves = match at {
            Some(at) if at <= now || at > far => return Err(Refusal::new(RefusalCode::Invalid).with("name", "at")),
            Some(at) => at,
            None => {
                let held = self.desk_choices(actor).await?.undo_seconds.unwrap_or(settings.undo_seconds);
                now.plus_ms(i64::from(held) * 1_000)
            }
        };
        kept.leaving = Some(Leaving { session: actor.origin.session.clone(), at: leaves.0 });
        kept.told = None;
        let leaving = move |row: &mut Row| {
            row.state = DraftState::Leaving.as_str().into();
            row.send_at = Some(leaves.0);
        };
        let scheduled = at.is_some();
        let fact = scheduled.then(|| {
            let record = self.record(actor, row.bal, "mail.scheduled");
            (record, json!({ "draft": id, "at": leaves.0 }))
        });
        let job = self.outbox_job(id, leaves);
        let after = move |tx: &mut dyn Tx, shown: &str| {
            if let Some((record, data)) = &fact {
                record.write(tx, shown, data)?;
            }
            jobs::enqueue(tx, &job)
        };
        self.change_draft_with(actor, &row, from, &kept, leaving, after).await?;
        self.wake_jobs();
        Ok(Sending { at: leaves, scheduled })
    }

    /// Holds back what has not left: it is a draft again. `outbox.gone` once it is on its way, `admin.not_found`.
    #[boxed]
    pub async fn cancel_sending(&self, actor: &Actor, id: Id) -> Result<DraftView, Refusal> {
        let gone = |refusal: Refusal| match refusal.code {
            // Its row went when it left.
            RefusalCode::NotFound => RefusalCode::OutboxGone.into(),
            _ => refusal,
        };
        let (row, mut kept) = self.own_draft(actor, id).await.map_err(gone)?;
        if DraftState::of(&row).is_open() {
            return self.whole_draft(&row, kept).await;
        }
        kept.leaving = None;
        let (seat, person, now) = (self.seat(actor)?.sending(), actor.person(), self.now().0);
        let sealed = kept.seal(&self.bal_seal(seat.bal).await?, id)?;
        let record = self.record(actor, seat.bal, "mail.held_back");
        let hold = move |tx: &mut dyn Tx| -> Result<Row, Fail> {
            let shown = seat.check(tx)?;
            let mut row = own(rows::lock(tx, id)?, &seat, person).map_err(|_| RefusalCode::OutboxGone)?;
            if DraftState::of(&row) != DraftState::Leaving {
                return Err(RefusalCode::OutboxGone.into());
            }
            (row.sealed, row.state, row.send_at) = (sealed.clone(), DraftState::Open.as_str().into(), None);
            (row.version, row.changed) = (row.version + 1, now);
            rows::write(tx, &row)?;
            record.write(tx, &shown, &json!({ "draft": id }))?;
            Ok(row)
        };
        let row = self.0.store.write(hold).await?;
        self.whole_draft(&row, kept).await
    }

    /// Sends a draft whose time has come. An error: to be tried again.
    pub(crate) async fn send_due(&self, draft: Id) -> Result<(), Refusal> {
        let Some(row) = self.claim_draft(draft).await? else { return Ok(()) };
        let kept = Kept::open(&self.bal_seal(row.bal).await?, &row)?;
        let Some(leaving) = kept.leaving.clone() else { return Ok(()) };
        match Box::pin(self.send_claimed(&row, &kept, &leaving)).await {
            Ok(()) => Ok(()),
            // Nobody knows whether it left: it is tried again, and is known as the same if it did.
            Err(refusal) if matches!(refusal.code, RefusalCode::Unavailable | RefusalCode::StorageFull) => Err(refusal),
            Err(refusal) if refusal.is_temporary() => {
                self.put_back(&row, DraftState::Leaving, &kept, None).await?;
                Err(refusal)
            }
            Err(refusal) => {
                let told = [refusal.sentence(Lang::Fr), refusal.sentence(Lang::En)];
                let kept = Kept { leaving: None, told: Some(told), ..kept };
                let fact = self.unsent_fact(&row, leaving.session, refusal.code).await?;
                self.put_back(&row, DraftState::Failed, &kept, Some((refusal.code.as_str(), fact))).await
            }
        }
    }

    /// Takes a draft whose time has come: from now on it is not held back. None when there is nothing to send now.
    async fn claim_draft(&self, id: Id) -> Result<Option<Row>, Refusal> {
        let (now, seen) = (self.now().0, self.0.store.read(move |tx| rows::by_id(tx, id)).await);
        let Some(seen) = seen.map_err(|e: StoreError| refuse::store(&e))? else { return Ok(None) };
        let later = self.outbox_job(id, Timestamp(seen.send_at.unwrap_or(now)));
        let claim = move |tx: &mut dyn Tx| -> Result<Option<Row>, StoreError> {
            let Some(mut row) = rows::lock(tx, id)? else { return Ok(None) };
            match DraftState::of(&row) {
                DraftState::Going => Ok(Some(row)),
                DraftState::Leaving if row.send_at.is_none_or(|at| at <= now) => {
                    row.state = DraftState::Going.as_str().into();
                    rows::write(tx, &row)?;
                    Ok(Some(row))
                }
                // An earlier time was asked for before: it is looked at again when this one comes.
                DraftState::Leaving => jobs::enqueue(tx, &later).map(|()| None),
                DraftState::Open | DraftState::Failed => Ok(None),
            }
        };
        self.0.store.write(claim).await.map_err(|e| refuse::store(&e))
    }

    /// Sends it, and forgets it.
    async fn send_claimed(&self, row: &Row, kept: &Kept, leaving: &Leaving) -> Result<(), Refusal> {
        let writer = self.sit_later(row.person, row.bal, &leaving.session).await?;
        let actor = writer.ok_or(RefusalCode::RightMissing)?;
        let own = &actor.bal.as_ref().ok_or(RefusalCode::RightMissing)?.address;
        let mut to: Vec<Rcpt> = Vec::new();
        for field in [&kept.draft.to, &kept.draft.cc, &kept.draft.bcc] {
            for (_, address) in parties(field)? {
                if to.iter().all(|known| known.address != address) {
                    to.push(address.into());
                }
            }
        }
        let envelope = Envelope {
            from: Some(own.clone()),
            smtputf8: own.is_international() || to.iter().any(|r| r.address.is_international()),
            to,
            dsn: MailRequest::default(),
            helo: self.0.config.hostname.to_string(),
            with: "HTTP",
            body: Body::SevenBit,
            requiretls: false,
        };
        self.all_arrived(row.id).await?;
        let message = self.written_draft(&actor, row, kept, Timestamp(leaving.at)).await?;
        self.submit(&actor, envelope, message).await?;
        // It is sent: what follows is no reason to send it again.
        if let Some((message, how)) = kept.source
            && let Err(refusal) = self.mark_source(&actor, message, how).await
        {
            tracing::info!(code = refusal.code.as_str(), "what was answered is not marked");
        }
        if let Err(refusal) = self.unfile_draft(&actor, row).await {
            tracing::info!(code = refusal.code.as_str(), "what was sent stays among the drafts");
        }
        let (id, now) = (row.id, self.now());
        let remove = move |tx: &mut dyn Tx| rows::remove(tx, id, now);
        self.0.store.write(remove).await.map_err(|e: StoreError| refuse::store(&e))
    }

    /// A file that somebody began to join as the letter was sent holds it back: nobody is sent a part of it. `upload.gap`.
    async fn all_arrived(&self, draft: Id) -> Result<(), Refusal> {
        let files = self.0.store.read(move |tx| uploads::of_draft(tx, draft)).await;
        let files = files.map_err(|e: StoreError| refuse::store(&e))?;
        match files.iter().find(|file| file.held < file.size) {
            Some(file) => Err(Refusal::new(RefusalCode::UploadGap).with("limit", file.held)),
            None => Ok(()),
        }
    }

    /// `\Answered`, `$Forwarded` on what was answered or sent on, wherever it shows.
    async fn mark_source(&self, actor: &Actor, message: Id, how: How) -> Result<(), Refusal> {
        let flags = match how {
            How::Answer => FlagSet::of(Flags::ANSWERED),
            How::Forward => FlagSet { keywords: [FORWARDED].into_iter().collect(), ..FlagSet::default() },
        };
        for place in self.places_of(actor, message).await? {
            self.change_flags(actor, place.folder, &[place.uid], FlagChange::Add, flags.clone(), None).await?;
        }
        Ok(())
    }

    /// The trace of what did not leave, as of the session in which it was asked for, whoever may still sit at the BAL.
    async fn unsent_fact(&self, row: &Row, session: String, code: RefusalCode) -> Result<Fact, Refusal> {
        let (bal, person) = (row.bal, row.person);
        let read = move |tx: &mut dyn Tx| Ok((accounts::bal_by_id(tx, bal)?, accounts::person_by_id(tx, person)?));
        let (bal, person) = self.0.store.read(read).await.map_err(|e: StoreError| refuse::store(&e))?;
        let origin = Origin { door: Door::Web, remote: None, session, tls: None, once: None };
        let name = person.map_or_else(|| By::system().name, |p| p.login);
        let by = By { name, person: Some(row.person), origin: Some(origin), seat: None };
        let at = bal.as_ref().map(|b| (b.id, b.address_key.as_str()));
        Ok(self.fact("mail.unsent", &by, at, code.as_str(), json!({ "draft": row.id })))
    }

    /// What colleagues wanted to send from a shared BAL and could not, the one changed last first, for who manages it: who and why, not what. Empty for
    /// the others, and at a BAL of one person.
    #[boxed]
    pub async fn unsent(&self, actor: &Actor) -> Result<Vec<Unsent>, Refusal> {
        let Ok(seat) = self.shared_seat(actor) else { return Ok(Vec::new()) };
        if !manages(actor) {
            return Ok(Vec::new());
        }
        let (seat, person) = (seat.managing(), actor.person());
        let look = move |tx: &mut dyn Tx| {
            seat.check(tx)?;
            let found = rows::failed_of_others(tx, seat.bal, person, SHOWN)?;
            let people: Vec<Id> = found.iter().map(|row| row.person).collect();
            Ok::<_, Fail>((found, names(tx, &people)?))
        };
        let (found, names) = self.0.store.read(look).await?;
        let view = |row: Row| Unsent {
            name: names.get(&row.person).cloned().unwrap_or_default(),
            changed: Timestamp(row.changed),
            why: RefusalCode::ALL.iter().find(|c| row.why.as_deref() == Some(c.as_str())).copied(),
        };
        Ok(found.into_iter().map(view).collect())
    }

    /// A claimed draft waits again, or has failed.
    async fn put_back(
        &self,
        row: &Row,
        state: DraftState,
        kept: &Kept,
        why: Option<(&'static str, Fact)>,
    ) -> Result<(), Refusal> {
        let (id, sealed) = (row.id, kept.seal(&self.bal_seal(row.bal).await?, row.id)?);
        let write = move |tx: &mut dyn Tx| -> Result<(), StoreError> {
            let Some(mut row) = rows::lock(tx, id)?.filter(|r| DraftState::of(r) == DraftState::Going) else {
                return Ok(());
            };
            (row.sealed, row.state) = (sealed.clone(), state.as_str().into());
            row.why = why.as_ref().map(|(code, _)| (*code).to_owned());
            if let Some((_, fact)) = &why {
                (row.send_at, row.version) = (None, row.version + 1);
                fact.write(tx)?;
            }
            rows::write(tx, &row)
        };
        self.0.store.write(write).await.map_err(|e| refuse::store(&e))
    }

    fn outbox_job(&self, draft: Id, at: Timestamp) -> NewJob {
        let wait = u64::try_from(at.0.saturating_sub(self.now().0)).unwrap_or(0);
        self.job(Kind::Outbox, draft.to_string(), Vec::new(), Duration::from_millis(wait))
    }

    /// A draft as a message, dated `at`: its pieces stream into it. `rcpt.syntax`, `entry.unknown` when a message is gone whose pieces were to go
    /// along, `message.too_big`.
    pub(super) async fn written_draft(
        &self,
        actor: &Actor,
        row: &Row,
        kept: &Kept,
        at: Timestamp,
    ) -> Result<Received, Refusal> {
        let (bal, id) = (row.bal, row.id);
        let own = &actor.bal.as_ref().ok_or(RefusalCode::RightMissing)?.address;
        let read = move |tx: &mut dyn Tx| Ok((accounts::bal_by_id(tx, bal)?, uploads::of_draft(tx, id)?));
        let (found, files) = self.0.store.read(read).await.map_err(|e: StoreError| refuse::store(&e))?;
        let seal = self.bal_seal(bal).await?;
        let letter = Letter {
            from: (found.map(|b| b.label).unwrap_or_default(), own.clone()),
            to: readable(&kept.draft.to),
            cc: readable(&kept.draft.cc),
            bcc: readable(&kept.draft.bcc),
            subject: kept.draft.subject.clone(),
            text: kept.draft.text.clone(),
            html: kept.draft.html.clone(),
            at,
            id: kept.id.clone(),
            references: kept.references.clone(),
            answers: kept.source.is_some_and(|(_, how)| how == How::Answer),
        };
        let with_pieces = !kept.carried.is_empty() || !files.is_empty();
        let most = self.limits_of_actor(actor).await?.announced_bytes();
        let mut intake = self.intake(most);
        intake.push(&letter.begin(with_pieces))?;
        for carried in &kept.carried {
            let email = self.email_object(carried.message);
            let mut part = self.open_part(actor, &email, &carried.number).await?;
            let (mut piece, head) = Piece::begin(&letter, &carried.name, &carried.kind);
            intake.push(&head)?;
            while let Some(bytes) = part.next().await? {
                intake.push(&piece.push(&bytes))?;
            }
            intake.push(&piece.end())?;
        }
        for file in &files {
            let named = self.upload_view(&seal, file)?;
            let (mut piece, head) = Piece::begin(&letter, &named.name, &named.kind);
            intake.push(&head)?;
            for mut content in self.upload_contents(&seal, file.id).await? {
                let mut at = 0;
                while at < content.size() {
                    let bytes = content.read_at(at, PIECE).await.map_err(|e| refuse::store(&e))?;
                    if bytes.is_empty() {
                        return Err(RefusalCode::Unavailable.into());
                    }
                    at += bytes.len() as u64;
                    intake.push(&piece.push(&bytes))?;
                }
            }
            intake.push(&piece.end())?;
        }
        if with_pieces {
            intake.push(&letter.end())?;
        }
        intake.finish()
    }
}
