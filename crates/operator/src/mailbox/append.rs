//! Adding a message to a folder (APPEND): durable when it returns.
use crate::antivirus::{About, Whose};
use crate::mail::keep::{Kept, keep};
use crate::mailbox::deliver::{self, Target};
use crate::mailbox::entries::FlagSet;
use crate::record::By;
use crate::{Actor, Operator, Received, refuse};
use sceau_domain::{Refusal, RefusalCode, Timestamp};
use sceau_store::blob;
use serde_json::json;

impl Operator {
    /// Adds a message (APPEND). Durable when it returns. (UIDVALIDITY, uid).
    /// `folder.unknown`, `quota.exceeded`, `keyword.limit`, `syntax.error`, `message.infected`, `antivirus.unavailable`.
    pub async fn append(
        &self,
        actor: &Actor,
        folder: &str,
        flags: FlagSet,
        date: Option<Timestamp>,
        message: Received,
    ) -> Result<(u32, u32), Refusal> {
        let seat = self.seat(actor)?.filing();
        let record = self.record(actor, seat.bal, "mail.filed");
        let folder = self.folder(actor, folder).await?;
        let date = date.unwrap_or(Timestamp(record.at()));
        if self.scans_filed() {
            // What somebody files is nobody else's: documents under a password are no matter, and it stays as it was brought.
            let shown = actor.bal.as_ref().map(|b| self.shown(&b.address)).unwrap_or_default();
            let (by, log) = (By::actor(actor), Some((seat.bal, shown)));
            let (whose, to, bals) = (Whose::Session(actor), Vec::new(), Vec::new());
            let about = About { way: "filed", id: "", by, whose, from: None, to, bals, log };
            self.pass_antivirus(&message, about).await?;
        }
        let prepared = self.prepare_delivery(seat.bal, Target::Folder(folder.id), &message, &[], flags, date).await?;
        let operator = self.clone();
        // Once begun it is not the session's any more: see `act`.
        let task = tokio::spawn(async move {
            let placed = keep(&operator.0.store, message.spool, move |tx, row| {
                // The BAL's row is locked first, as in every act.
                let placed = deliver::insert(tx, &prepared, RefusalCode::QuotaExceeded)?;
                let bal = seat.check(tx)?;
                blob::insert(tx, row)?;
                let data = json!({"folder": placed.folder, "message": placed.message, "uid": placed.uid});
                record.write(tx, &bal, &data)?;
                Ok(Kept::Yes(placed))
            })
            .await?;
            operator.0.watch.notify(seat.bal);
            Ok((placed.uidvalidity, placed.uid))
        });
        task.await.unwrap_or_else(|e| Err(refuse::abnormal("filing a message", &e)))
    }
}
