//! Drafts: saved as they are typed, filed into the Drafts folder so that mail programs see them.
//!
//! Promises: what is typed is sealed under the BAL's key; a change says from which version it starts, so that two windows do not undo each other
//! (`edit.conflict`); a draft is its writer's, at the BAL where it is written; looking at a page makes none. Saving leaves no trace, filing does: on
//! purpose, and by itself once nothing is typed for a while.
use super::filing::QUIET;
use super::recipients::FIELD;
use super::sources::{Carried, Quoted, quoted};
use super::uploads::{PIECE, UploadView};
use super::writings::Kind;
use crate::access::Seat;
use crate::boxed;
use crate::mailbox::folders::SpecialUse;
use crate::mailbox::seal::BalSeal;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Lang, Refusal, RefusalCode, Timestamp};
use sceau_message::letter;
use sceau_message::safe_html::{Written, written};
use sceau_store::desk::drafts::{self as rows, Draft as Row};
use sceau_store::desk::uploads;
use sceau_store::{Id, StoreError, Tx, jobs};
use serde::{Deserialize, Serialize};

/// What a draft's content is sealed with.
const SEALED: &str = "draft";
/// Longest subject, characters.
const SUBJECT: usize = 1_000;
/// Longest text, bytes.
const TEXT: usize = 512 << 10;
/// Most drafts of a person at a BAL.
const MOST: i64 = 1_000;
/// Most drafts that are shown.
const SHOWN: i64 = 200;

/// What somebody typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// To whom, as typed.
    pub to: String,
    /// To whom a copy.
    pub cc: String,
    /// To whom a copy unseen.
    pub bcc: String,
    /// Subject.
    pub subject: String,
    /// Text.
    pub text: String,
    /// The same with its form, as HTML; empty: it has none.
    pub html: String,
}

impl Draft {
    /// With its form as it is kept: of HTML what an editor makes, and its plain twin for a text. `admin.invalid` for what would cost too much to read.
    pub fn settled(self) -> Result<Self, Refusal> {
        if self.html.is_empty() {
            return Ok(self);
        }
        let Written { html, text } =
            written(&self.html).map_err(|_| Refusal::new(RefusalCode::Invalid).with("name", "text"))?;
        Ok(Self { html, text, ..self })
    }
    /// `admin.invalid`, naming the field, for what is longer than a letter may be.
    fn check(&self) -> Result<(), Refusal> {
        let lists = [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc)];
        let long = lists.iter().find(|(_, list)| list.len() > FIELD).map(|(name, _)| *name);
        let long = long.or((self.subject.chars().count() > SUBJECT).then_some("subject"));
        match long.or((self.text.len() > TEXT).then_some("text")) {
            Some(name) => Err(Refusal::new(RefusalCode::Invalid).with("name", name)),
            None => Ok(()),
        }
    }
}

/// From what a letter starts. Messages are named by their EMAILID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Nothing; to whom, where that is known.
    Blank {
        /// As it would be typed.
        to: String,
    },
    /// A template.
    Template {
        /// This one.
        id: Id,
    },
    /// An answer.
    Answer {
        /// To this message.
        email: String,
        /// To everybody whom it names.
        all: bool,
    },
    /// A draft that a mail program left: its place is taken by what is written of it here.
    Edit {
        /// This one.
        email: String,
    },
    /// A message sent on, with its pieces.
    Forward {
        /// This one.
        email: String,
    },
}

/// What a letter does with the message that it goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Answers it.
    Answer,
    /// Sends it on.
    Forward,
}

/// Where a draft stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftState {
    /// It is being written.
    Open,
    /// It leaves at its time; until then it can be held back.
    Leaving,
    /// It is on its way out.
    Going,
    /// It could not leave.
    Failed,
}

impl DraftState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Leaving => "leaving",
            Self::Going => "going",
            Self::Failed => "failed",
        }
    }
    pub(super) fn of(row: &Row) -> Self {
        let all = [Self::Open, Self::Leaving, Self::Going, Self::Failed];
        all.into_iter().find(|s| s.as_str() == row.state).unwrap_or(Self::Open)
    }
    /// May it be changed?
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Failed)
    }
}

/// A draft as its writer sees it.
#[derive(Debug, Clone)]
pub struct DraftView {
    /// Its id.
    pub id: Id,
    /// What names it in an address.
    pub code: String,
    /// What was typed.
    pub draft: Draft,
    /// Its version: a change says from which one it starts.
    pub version: i64,
    /// Where it stands.
    pub state: DraftState,
    /// When it leaves.
    pub send_at: Option<Timestamp>,
    /// When it was changed.
    pub changed: Timestamp,
    /// Names and sizes (bytes) of the pieces that go along from another message.
    pub carried: Vec<(String, u64)>,
    /// Its own files.
    pub uploads: Vec<UploadView>,
    /// What it goes on from: EMAILID, and how.
    pub source: Option<(String, How)>,
    told: Option<[String; 2]>,
}

impl DraftView {
    /// Why it did not leave.
    pub fn why(&self, lang: Lang) -> Option<&str> {
        let [fr, en] = self.told.as_ref()?;
        Some(if lang == Lang::Fr { fr } else { en })
    }
    /// About how many bytes its message will have.
    pub fn bytes(&self) -> u64 {
        let pieces = self.carried.iter().map(|(_, size)| *size).chain(self.uploads.iter().map(|u| u.size));
        // base64 takes four bytes for three, and an end for each line.
        let encoded: u64 = pieces.map(|size| size / 3 * 4 + size / 57 * 2 + 600).sum();
        encoded + (self.draft.text.len() + self.draft.html.len()) as u64 + 2_000
    }
}

/// What a draft's row holds, sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub draft: Draft,
    /// The unique part of its Message-ID: the same however often it is sent.
    pub id: String,
    #[serde(default)]
    pub references: Vec<String>,
    #[serde(default)]
    pub source: Option<(Id, How)>,
    #[serde(default)]
    pub carried: Vec<Carried>,
    #[serde(default)]
    pub leaving: Option<Leaving>,
    /// Why it did not leave, French and English.
    #[serde(default)]
    pub told: Option<[String; 2]>,
}

/// A draft that leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Leaving {
    /// The session in which that was asked.
    pub session: String,
    /// Its Date, milliseconds: the same however often it is sent.
    pub at: i64,
}

impl Kept {
    /// Sealed for a draft.
    pub fn seal(&self, seal: &BalSeal, id: Id) -> Result<Vec<u8>, Refusal> {
        let bytes = serde_json::to_vec(self).map_err(|_| RefusalCode::Defect)?;
        seal.seal(id, SEALED, &bytes).map_err(|e| refuse::store(&e))
    }
    /// Out of a draft's row.
    pub fn open(seal: &BalSeal, row: &Row) -> Result<Self, Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let bytes = seal.open(row.id, SEALED, &row.sealed).map_err(failed)?;
        serde_json::from_slice(&bytes).map_err(|_| failed(StoreError::Corrupt(row.id.to_string())))
    }
}

/// A draft that is this person's, at this BAL. Others are told like those that do not exist.
pub(super) fn own(row: Option<Row>, seat: &Seat, person: Id) -> Result<Row, Refusal> {
    row.filter(|r| r.bal == seat.bal && r.person == person).ok_or_else(|| RefusalCode::NotFound.into())
}

impl Operator {
    /// What a letter starts with. Nothing is kept; `head` writes what stands above a quoted text. `entry.unknown`.
    #[boxed]
    pub async fn begin_letter(
        &self,
        actor: &Actor,
        start: &Start,
        head: &(dyn Fn(&Quoted) -> String + Send + Sync),
    ) -> Result<Draft, Refusal> {
        self.may_write_here(actor).await?;
        let own = &actor.bal.as_ref().ok_or(RefusalCode::RightMissing)?.address;
        let signature = self.signature(actor).await?;
        match start {
            Start::Blank { to } => Ok(Draft { to: to.clone(), text: signature, ..Draft::default() }),
            Start::Template { id } => {
                let found = self.writings(actor).await?.into_iter().find(|w| w.id == *id && w.kind == Kind::Template);
                let template = found.ok_or(RefusalCode::NotFound)?;
                let text = format!("{}\n{signature}", template.text.trim_end());
                Ok(Draft { subject: template.name, text, ..Draft::default() })
            }
            Start::Answer { email, all } => {
                let source = self.source(actor, email).await?;
                let (to, cc) = source.answered(own, *all);
                let (to, cc, subject) = (letter::written(&to), letter::written(&cc), source.marked_subject("Re:"));
                let text = format!("{signature}\n\n{}\n{}", head(&source.told()), quoted(&source.text));
                Ok(Draft { to, cc, subject, text, ..Draft::default() })
            }
            Start::Edit { email } => Ok(self.source(actor, email).await?.draft()),
            Start::Forward { email } => {
                let source = self.source(actor, email).await?;
                let text = format!("{signature}\n\n{}\n\n{}", head(&source.told()), source.text.trim_end());
                Ok(Draft { subject: source.marked_subject("Fwd:"), text, ..Draft::default() })
            }
        }
    }

    /// What stands under a new letter: one's own signature, else everybody's of the BAL; two lines above it.
    async fn signature(&self, actor: &Actor) -> Result<String, Refusal> {
        let found = self.writings(actor).await?.into_iter().find(|w| w.kind == Kind::Signature);
        Ok(found.map(|w| format!("\n\n{}", w.text.trim_end())).unwrap_or_default())
    }

    /// Names and sizes (bytes) of the pieces that would go along.
    #[boxed]
    pub async fn pieces_to_carry(&self, actor: &Actor, start: &Start) -> Result<Vec<(String, u64)>, Refusal> {
        let (Start::Forward { email } | Start::Edit { email }) = start else { return Ok(Vec::new()) };
        let pieces = self.source(actor, email).await?.pieces();
        Ok(pieces.into_iter().map(|p| (p.name, p.size)).collect())
    }

    /// What names a draft that is not kept yet: a page begins with it, so that what is sent twice makes one.
    pub fn new_draft_object(&self) -> String {
        self.draft_object(self.0.store.new_id())
    }

    /// Keeps a new draft under its id ([`Operator::new_draft_object`]). `edit.conflict`, `draft.leaving` when it is kept already, `admin.invalid`,
    /// `entry.unknown`, `quota.exceeded` beyond a thousand drafts or without room for its pieces: then nothing is kept.
    #[boxed]
    pub async fn new_draft(&self, actor: &Actor, id: Id, start: &Start, draft: Draft) -> Result<DraftView, Refusal> {
        let draft = draft.settled()?;
        draft.check()?;
        self.may_write_here(actor).await?;
        let seat = self.seat(actor)?.sending();
        let mut kept = Kept {
            draft,
            id: format!("{id:013x}"),
            references: Vec::new(),
            source: None,
            carried: Vec::new(),
            leaving: None,
            told: None,
        };
        let (mut place, mut pieces) = ((0, 0, 0), Vec::new());
        if let Start::Edit { email } = start {
            let source = self.source(actor, email).await?;
            kept.references = source.earlier();
            pieces = source.pieces();
            place = self.draft_place(actor, source.message).await?;
        }
        if let Start::Answer { email, .. } | Start::Forward { email } = start {
            let source = self.source(actor, email).await?;
            let how = if matches!(start, Start::Forward { .. }) { How::Forward } else { How::Answer };
            kept.references = source.references();
            kept.source = Some((source.message, how));
            if how == How::Forward {
                kept.carried = source.pieces();
            }
        }
        let (now, person) = (self.now().0, actor.person());
        let sealed = kept.seal(&self.bal_seal(seat.bal).await?, id)?;
        let row = Row {
            id,
            bal: seat.bal,
            person,
            sealed,
            state: DraftState::Open.as_str().into(),
            send_at: None,
            why: None,
            // It takes the place of another once it has all of its pieces.
            message: 0,
            folder: 0,
            uid: 0,
            filed: 0,
            version: 1,
            created: now,
            changed: now,
        };
        let (new, later) = (row.clone(), self.draft_job(id, &actor.origin.session, QUIET));
        let write = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            seat.check(tx)?;
            if let Some(row) = rows::lock(tx, id)? {
                let row = own(Some(row), &seat, person)?;
                let open = DraftState::of(&row).is_open();
                return Err(if open { RefusalCode::EditConflict } else { RefusalCode::DraftLeaving }.into());
            }
            if rows::count(tx, seat.bal, person)? >= MOST {
                return Err(Refusal::new(RefusalCode::QuotaExceeded).with("limit", MOST).into());
            }
            rows::insert(tx, &new)?;
            Ok(jobs::enqueue(tx, &later)?)
        };
        self.0.store.write(write).await?;
        for piece in pieces {
            // It goes with the message that it is of: the draft has its own.
            if let Err(refusal) = self.take_piece(actor, id, &piece).await {
                self.take_back_draft(id).await?;
                return Err(refusal);
            }
        }
        if place.0 != 0 {
            let stands = self.0.store.write(move |tx| rows::filed(tx, id, place, 0, 0)).await;
            stands.map_err(|e: StoreError| refuse::store(&e))?;
        }
        self.whole_draft(&row, kept).await
    }

    /// Forgets a draft that was begun and cannot be whole: what it was to take the place of stays as it is.
    async fn take_back_draft(&self, id: Id) -> Result<(), Refusal> {
        let now = self.now();
        let forget = move |tx: &mut dyn Tx| match rows::lock(tx, id)? {
            Some(row) if row.version == 1 && row.uid == 0 => rows::remove(tx, id, now),
            _ => Ok(()),
        };
        self.0.store.write(forget).await.map_err(|e: StoreError| refuse::store(&e))
    }

    /// Where a message stands in Drafts: message, folder, UID. `entry.unknown`: elsewhere.
    async fn draft_place(&self, actor: &Actor, message: Id) -> Result<(Id, Id, i64), Refusal> {
        let drafts = self.folders(actor).await?.into_iter().find(|f| f.special_use == Some(SpecialUse::Drafts));
        let places = self.places_of(actor, message).await?;
        let place = places.into_iter().find(|place| drafts.as_ref().is_some_and(|d| d.id == place.folder));
        place.map(|p| (message, p.folder, i64::from(p.uid))).ok_or_else(|| RefusalCode::EntryUnknown.into())
    }

    /// A piece of another message becomes a file of a draft.
    async fn take_piece(&self, actor: &Actor, draft: Id, piece: &Carried) -> Result<(), Refusal> {
        let email = self.email_object(piece.message);
        let mut part = self.open_part(actor, &email, &piece.number).await?;
        let file = self.begin_upload(actor, draft, &piece.name, &piece.kind, None).await?;
        // Together as the page's script sends them: a file is of so many pieces at most.
        let (mut held, mut at) = (Vec::new(), 0);
        while let Some(bytes) = part.next().await? {
            held.extend_from_slice(&bytes);
            if held.len() >= PIECE {
                at = self.push_piece(actor, file.id, at, &held).await?;
                held.clear();
            }
        }
        if !held.is_empty() {
            self.push_piece(actor, file.id, at, &held).await?;
        }
        self.end_upload(actor, file.id).await
    }

    /// The draft of one's own whose copy in Drafts a message is: what names it.
    #[boxed]
    pub async fn draft_of_message(&self, actor: &Actor, email: &str) -> Result<Option<String>, Refusal> {
        let Some(message) = self.message_of_object(email) else { return Ok(None) };
        let (seat, person) = (self.seat(actor)?.sending(), actor.person());
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(rows::by_message(tx, seat.bal, message)?)
        });
        Ok(read.await?.filter(|row| row.person == person).map(|row| self.draft_object(row.id)))
    }

    /// A draft of one's own at the BAL of the session. `admin.not_found`.
    #[boxed]
    pub async fn read_draft(&self, actor: &Actor, id: Id) -> Result<DraftView, Refusal> {
        let (row, kept) = self.own_draft(actor, id).await?;
        self.whole_draft(&row, kept).await
    }

    /// One's drafts at the BAL, what leaves and what could not leave among them; the one changed last first.
    #[boxed]
    pub async fn drafts(&self, actor: &Actor) -> Result<Vec<DraftView>, Refusal> {
        let (seat, person) = (self.seat(actor)?.sending(), actor.person());
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(rows::of_person(tx, seat.bal, person, SHOWN)?)
        });
        let (found, seal) = (read.await?, self.bal_seal(seat.bal).await?);
        let view = |row: &Row| Kept::open(&seal, row).map(|kept| self.draft_view(row, kept, Vec::new()));
        found.iter().map(view).collect()
    }

    /// Keeps what was typed since the version `from`. `edit.conflict`, `draft.leaving`, `admin.invalid`, `admin.not_found`.
    #[boxed]
    pub async fn save_draft(&self, actor: &Actor, id: Id, from: i64, draft: Draft) -> Result<DraftView, Refusal> {
        let draft = draft.settled()?;
        draft.check()?;
        let (row, mut kept) = self.own_draft(actor, id).await?;
        if row.version == from && DraftState::of(&row).is_open() && kept.draft == draft {
            return self.whole_draft(&row, kept).await;
        }
        kept.draft = draft;
        kept.told = None;
        let later = self.draft_job(id, &actor.origin.session, QUIET);
        let open = |row: &mut Row| row.state = DraftState::Open.as_str().into();
        let after = move |tx: &mut dyn Tx, _: &str| jobs::enqueue(tx, &later);
        let row = self.change_draft_with(actor, &row, from, &kept, open, after).await?;
        self.whole_draft(&row, kept).await
    }

    /// Throws a draft away, with its files and its copy in Drafts. `draft.leaving`, `admin.not_found`.
    #[boxed]
    pub async fn drop_draft(&self, actor: &Actor, id: Id) -> Result<(), Refusal> {
        let (row, _) = self.own_draft(actor, id).await?;
        if !DraftState::of(&row).is_open() {
            return Err(RefusalCode::DraftLeaving.into());
        }
        self.unfile_draft(actor, &row).await?;
        let (seat, now, version) = (self.seat(actor)?.sending(), self.now(), row.version);
        let remove = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            seat.check(tx)?;
            match rows::lock(tx, id)? {
                Some(row) if row.version != version => Err(RefusalCode::EditConflict.into()),
                Some(_) => Ok(rows::remove(tx, id, now)?),
                None => Ok(()),
            }
        };
        Ok(self.0.store.write(remove).await?)
    }

    /// Writes a draft's new content, if it stands at `from` and may be changed. The row as it is then. `after` writes what belongs to it, given the BAL's
    /// address as traces write it.
    pub(super) async fn change_draft_with(
        &self,
        actor: &Actor,
        row: &Row,
        from: i64,
        kept: &Kept,
        change: impl Fn(&mut Row) + Send + 'static,
        after: impl Fn(&mut dyn Tx, &str) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Row, Refusal> {
        let seat = self.seat(actor)?.sending();
        let (id, now, person) = (row.id, self.now().0, row.person);
        let sealed = kept.seal(&self.bal_seal(seat.bal).await?, id)?;
        let write = move |tx: &mut dyn Tx| -> Result<Row, Fail> {
            let shown = seat.check(tx)?;
            let mut row = own(rows::lock(tx, id)?, &seat, person)?;
            if !DraftState::of(&row).is_open() {
                return Err(RefusalCode::DraftLeaving.into());
            }
            if row.version != from {
                return Err(RefusalCode::EditConflict.into());
            }
            (row.sealed, row.why, row.send_at) = (sealed.clone(), None, None);
            (row.version, row.changed) = (from + 1, now);
            change(&mut row);
            rows::write(tx, &row)?;
            after(tx, &shown)?;
            Ok(row)
        };
        Ok(self.0.store.write(write).await?)
    }

    /// A draft of one's own, opened.
    pub(super) async fn own_draft(&self, actor: &Actor, id: Id) -> Result<(Row, Kept), Refusal> {
        let (seat, person) = (self.seat(actor)?.sending(), actor.person());
        let read = self.0.store.read::<_, Fail, _>(move |tx| {
            seat.check(tx)?;
            Ok(own(rows::by_id(tx, id)?, &seat, person)?)
        });
        let row = read.await?;
        let kept = Kept::open(&self.bal_seal(seat.bal).await?, &row)?;
        Ok((row, kept))
    }

    /// With its files.
    pub(super) async fn whole_draft(&self, row: &Row, kept: Kept) -> Result<DraftView, Refusal> {
        let (id, seal) = (row.id, self.bal_seal(row.bal).await?);
        let found = self.0.store.read(move |tx| uploads::of_draft(tx, id)).await;
        let found = found.map_err(|e: StoreError| refuse::store(&e))?;
        let views = found.iter().map(|u| self.upload_view(&seal, u)).collect::<Result<_, _>>()?;
        Ok(self.draft_view(row, kept, views))
    }

    fn draft_view(&self, row: &Row, kept: Kept, uploads: Vec<UploadView>) -> DraftView {
        DraftView {
            id: row.id,
            code: self.draft_object(row.id),
            draft: kept.draft,
            version: row.version,
            state: DraftState::of(row),
            send_at: row.send_at.map(Timestamp),
            changed: Timestamp(row.changed),
            carried: kept.carried.into_iter().map(|c| (c.name, c.size)).collect(),
            uploads,
            source: kept.source.map(|(message, how)| (self.email_object(message), how)),
            told: kept.told,
        }
    }

    /// Only people write, and only with the right to send. `right.missing`.
    async fn may_write_here(&self, actor: &Actor) -> Result<(), Refusal> {
        let seat = self.seat(actor)?.sending();
        if actor.person() == 0 {
            return Err(RefusalCode::RightMissing.into());
        }
        self.0.store.read::<_, Fail, _>(move |tx| seat.check(tx)).await?;
        Ok(())
    }
}
