//! Looking at search indexes: whether each can be read, goes as far as its BAL, and, when contents are looked at, has every byte it had.
use super::finding::{Finding, Kind};
use super::fsck::Run;
use crate::search::inspect::{Inspected, inspect};
use sceau_store::care::CareError;
use sceau_store::{Id, indexes};

impl Run<'_> {
    /// The index of every BAL that has one. A BAL without is no fault: a search asks for it.
    pub(super) async fn look_at_indexes(&mut self, content: bool) -> Result<(), CareError> {
        let mut bals: Vec<Id> = self.active.iter().copied().collect();
        bals.sort_unstable();
        for bal in bals {
            let Some(seal) = self.seal(bal).await? else { continue };
            let (row, modseq) =
                self.read(move |tx| Ok((indexes::state(tx, bal)?, indexes::modseq(tx, bal)?.unwrap_or(0)))).await?;
            // It would take what comes next for what it holds.
            let ahead = row.modseq.max(row.building_modseq) > modseq;
            let inspected = inspect(self.store, seal, row, content).await?;
            let detail = match inspected {
                Inspected::Broken(files) => files.join(", "),
                Inspected::Whole if ahead => format!("modseq > {modseq}"),
                Inspected::Whole => continue,
            };
            // Rows that lead nowhere were found before: one finding a BAL.
            if !self.has(Kind::SearchIndex, bal) {
                self.found(Finding::new(Kind::SearchIndex).on(bal).detail(detail));
            }
        }
        Ok(())
    }
}
