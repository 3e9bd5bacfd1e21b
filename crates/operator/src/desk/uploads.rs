//! Files on their way into a draft: sealed pieces, taken by whichever node is asked, taken up again where they stopped.
//!
//! Promises: a piece is kept only where it continues what is held (`upload.gap` says where that ends); a draft's files together are never larger
//! than its message may be, nor those of all of one's drafts than the room that the BAL has left, and no file is of more pieces than a program that means
//! well makes; what belongs to no draft any more goes.
use super::letters::{DraftState, own};
use crate::boxed;
use crate::mail::keep::{Kept, keep};
use crate::mailbox::seal::BalSeal;
use crate::refuse::{self, Fail};
use crate::{Actor, Operator};
use sceau_domain::{Refusal, RefusalCode};
use sceau_store::blob::{self, BlobReader};
use sceau_store::desk::drafts;
use sceau_store::desk::uploads::{self as rows, Piece, Upload};
use sceau_store::{Id, StoreError, Tx, accounts};
use serde::{Deserialize, Serialize};

/// What name and type are sealed with.
const SEALED: &str = "upload";
/// Most files of a draft.
const MOST: usize = 100;
/// Most pieces of a file: each is a blob of its own. At [`PIECE`] each, far beyond any message; byte by byte they would be millions.
const PIECES: i64 = 1_024;
/// How much makes a piece where we cut a file ourselves, bytes; the page's script cuts alike.
pub(super) const PIECE: usize = 1 << 20;
/// Longest name, characters.
const NAME: usize = 200;
/// Rows forgotten in one go.
const FORGOTTEN: i64 = 500;

/// A file of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadView {
    /// Its id.
    pub id: Id,
    /// What names it in an address.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its media type, as its browser told it.
    pub kind: String,
    /// Bytes it is to have.
    pub size: u64,
    /// Bytes that are held.
    pub held: u64,
}

impl UploadView {
    /// Is all of it here?
    pub fn is_whole(&self) -> bool {
        self.held >= self.size
    }
}

#[derive(Serialize, Deserialize)]
struct Named {
    name: String,
    kind: String,
}

/// A file's name in one line, without the folders that some browsers tell and without what turns its letters round.
fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let name: String = last.chars().filter(|c| !c.is_control() && !turns(*c)).take(NAME).collect();
    match name.trim() {
        "" => "piece".to_owned(),
        name => name.to_owned(),
    }
}

/// The field that a piece's key is bound to.
fn key_field(first: i64) -> String {
    format!("upload.key.{first}")
}

impl Operator {
    /// Begins a file of a draft of one's own. `size`: none while nobody knows it ([`Operator::end_upload`] says it then).
    /// `message.too_big`, `quota.exceeded`, `admin.invalid` beyond a hundred files, `draft.leaving`, `admin.not_found`.
    #[boxed]
    pub async fn begin_upload(
        &self,
        actor: &Actor,
        draft: Id,
        name: &str,
        kind: &str,
        size: Option<u64>,
    ) -> Result<UploadView, Refusal> {
        let (seat, person) = (self.seat(actor)?.sending(), actor.person());
        let most = self.limits_of_actor(actor).await?.announced_bytes();
        let too_big = || Refusal::new(RefusalCode::MessageTooBig).with("limit", crate::mail::megabytes(most));
        if size.is_some_and(|size| size > most) {
            return Err(too_big());
        }
        let (id, seal) = (self.0.store.new_id(), self.bal_seal(seat.bal).await?);
        let named = Named { name: plain_name(name), kind: kind.chars().take(NAME).collect() };
        let bytes = serde_json::to_vec(&named).map_err(|_| RefusalCode::Defect)?;
        let sealed = seal.seal(id, SEALED, &bytes).map_err(|e| refuse::store(&e))?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let size = size.map(|size| i64::try_from(size).unwrap_or(i64::MAX));
        let new = Upload { id, bal: seat.bal, draft, sealed, size: 0, held: 0, created: self.now().0 };
        let refused = too_big();
        let write = move |tx: &mut dyn Tx| -> Result<Upload, Fail> {
            seat.check(tx)?;
            let draft = own(drafts::lock(tx, draft)?, &seat, person)?;
            if !DraftState::of(&draft).is_open() {
                return Err(RefusalCode::DraftLeaving.into());
            }
            let others = rows::of_draft(tx, draft.id)?;
            if others.len() >= MOST {
                return Err(Refusal::new(RefusalCode::Invalid).with("name", "piece").into());
            }
            // What waits without a size takes what is left, of the message and of the BAL.
            let left = others.iter().fold(most, |left, other| left.saturating_sub(other.size));
            let bal = accounts::bal_by_id(tx, new.bal)?.ok_or(RefusalCode::RightMissing)?;
            let room = bal.quota_bytes - bal.used_bytes - rows::room_taken(tx, new.bal, person)?;
            let row = Upload { size: size.unwrap_or(left.min(room).max(0)), ..new.clone() };
            if row.size > left {
                return Err(refused.clone().into());
            }
            if row.size > room {
                return Err(Refusal::new(RefusalCode::QuotaExceeded).with("limit", bal.quota_bytes).into());
            }
            rows::insert(tx, &row)?;
            Ok(row)
        };
        let row = self.0.store.write(write).await?;
        self.upload_view(&seal, &row)
    }

    /// All of a file has come whose size nobody knew. `admin.not_found`.
    #[boxed]
    pub async fn end_upload(&self, actor: &Actor, upload: Id) -> Result<(), Refusal> {
        let (seat, person) = (self.seat(actor)?.sending(), actor.person());
        let end = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            seat.check(tx)?;
            let row = rows::lock(tx, upload)?.ok_or(RefusalCode::NotFound)?;
            own(drafts::by_id(tx, row.draft)?, &seat, person)?;
            Ok(rows::end(tx, upload)?)
        };
        Ok(self.0.store.write(end).await?)
    }

    /// Takes the next bytes of a file, from `at` on; how many are held then. `upload.gap`, with how many there are, when they continue nothing;
    /// `message.too_big` beyond its size; `admin.invalid` beyond so many pieces.
    #[boxed]
    pub async fn push_piece(&self, actor: &Actor, upload: Id, at: u64, bytes: &[u8]) -> Result<u64, Refusal> {
        let (seat, person) = (self.seat(actor)?.sending(), actor.person());
        let seal = self.bal_seal(seat.bal).await?;
        let mut spool = self.0.store.spool();
        spool.write(bytes).map_err(|e| refuse::store(&e))?;
        let spool = spool.finish().map_err(|e| refuse::store(&e))?;
        let gap = |held: i64| Refusal::new(RefusalCode::UploadGap).with("limit", held);
        let first = i64::try_from(at).map_err(|_| gap(0))?;
        let size = i64::try_from(bytes.len()).map_err(|_| gap(0))?;
        let blob_key = seal.wrap(upload, &key_field(first), &spool.key).map_err(|e| refuse::store(&e))?;
        let piece = Piece { upload, first, size, blob: spool.id, blob_key };
        keep(&self.0.store, spool, move |tx, blob| {
            seat.check(tx)?;
            let row = rows::lock(tx, upload)?.ok_or(RefusalCode::NotFound)?;
            let draft = own(drafts::by_id(tx, row.draft)?, &seat, person)?;
            if !DraftState::of(&draft).is_open() {
                return Err(RefusalCode::DraftLeaving.into());
            }
            if row.held != piece.first {
                return Err(gap(row.held).into());
            }
            if row.held.saturating_add(piece.size) > row.size {
                return Err(RefusalCode::MessageTooBig.into());
            }
            if piece.size == 0 {
                return Ok(Kept::No(row.held.unsigned_abs()));
            }
            if rows::count(tx, upload)? >= PIECES {
                return Err(Refusal::new(RefusalCode::Invalid).with("name", "piece").into());
            }
            blob::insert(tx, blob)?;
            rows::add(tx, row.bal, &piece)?;
            Ok(Kept::Yes((row.held + piece.size).unsigned_abs()))
        })
        .await
    }

    /// Takes a file out of a draft of one's own. `draft.leaving`, `admin.not_found`.
    #[boxed]
    pub async fn remove_upload(&self, actor: &Actor, draft: Id, upload: Id) -> Result<(), Refusal> {
        let (seat, person, now) = (self.seat(actor)?.sending(), actor.person(), self.now());
        let remove = move |tx: &mut dyn Tx| -> Result<(), Fail> {
            seat.check(tx)?;
            let row = own(drafts::lock(tx, draft)?, &seat, person)?;
            if !DraftState::of(&row).is_open() {
                return Err(RefusalCode::DraftLeaving.into());
            }
            rows::lock(tx, upload)?.filter(|u| u.draft == draft).ok_or(RefusalCode::NotFound)?;
            Ok(rows::remove(tx, upload, now)?)
        };
        Ok(self.0.store.write(remove).await?)
    }

    /// A file as pages show it.
    pub(super) fn upload_view(&self, seal: &BalSeal, row: &Upload) -> Result<UploadView, Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let bytes = seal.open(row.id, SEALED, &row.sealed).map_err(failed)?;
        let named: Named =
            serde_json::from_slice(&bytes).map_err(|_| failed(StoreError::Corrupt(row.id.to_string())))?;
        Ok(UploadView {
            id: row.id,
            code: self.upload_object(row.id),
            name: named.name,
            kind: named.kind,
            size: row.size.unsigned_abs(),
            held: row.held.unsigned_abs(),
        })
    }

    /// The contents of a file, in order.
    pub(super) async fn upload_contents(&self, seal: &BalSeal, upload: Id) -> Result<Vec<BlobReader>, Refusal> {
        let failed = |e: StoreError| refuse::store(&e);
        let pieces = self.0.store.read(move |tx| rows::pieces(tx, upload)).await.map_err(failed)?;
        let mut readers = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let key = seal.unwrap(upload, &key_field(piece.first), &piece.blob_key).map_err(failed)?;
            readers.push(self.0.store.open_blob(piece.blob, key).await.map_err(failed)?);
        }
        Ok(readers)
    }

    /// Forgets files whose draft is gone for longer than is configured. Part of housekeeping; how many.
    pub(crate) async fn forget_uploads(&self) -> Result<u64, Refusal> {
        let now = self.now();
        let before = now.0 - i64::from(self.0.config.desk.upload_hours) * 3_600_000;
        let forget = move |tx: &mut dyn Tx| {
            let left = rows::left_over(tx, before, FORGOTTEN)?;
            left.iter().try_for_each(|id| rows::remove(tx, *id, now))?;
            Ok(left.len() as u64)
        };
        self.0.store.write(forget).await.map_err(|e: StoreError| refuse::store(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::plain_name;

    #[test]
    fn names_are_one_line_without_folders() {
        let pairs = [
            ("C:\\Mes documents\\bilan.pdf", "bilan.pdf"),
            ("/tmp/a b.pdf", "a b.pdf"),
            ("exe\u{202e}fdp.pdf\r\nX: y", "exefdp.pdfX: y"),
            ("dossier/", "piece"),
            ("", "piece"),
        ];
        for (told, plain) in pairs {
            assert_eq!(plain_name(told), plain);
        }
        assert_eq!(plain_name(&"é".repeat(1_000)).chars().count(), 200);
    }
}
