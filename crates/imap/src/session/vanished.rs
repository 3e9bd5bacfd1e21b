//! VANISHED (RFC 7162 §3.2.10), and what a client that comes back to a mailbox hears (§3.2.5.1).
use super::{Code, Done, End, Reply, Session, Stop, write_fetch};
use crate::codec::command::Qresync;
use crate::codec::sequence::write_runs;
use crate::resync::{Runs, common, matched, without};
use crate::view::View;
use sceau_domain::Refusal;
use sceau_operator::Operator;

/// Ranges in one response: long enough for any client that comes back, short enough for any line.
const RANGES: usize = 500;

impl Session {
    /// `* VANISHED 1:3,5`, or `* VANISHED (EARLIER) …`. Nothing when nothing vanished.
    pub(crate) async fn vanished(&mut self, runs: &[(u32, u32)], earlier: bool) -> Result<(), End> {
        for some in runs.chunks(RANGES) {
            self.out.raw(if earlier { "* VANISHED (EARLIER) " } else { "* VANISHED " }).set(&write_runs(some)).end();
            self.relieve().await?;
        }
        Ok(())
    }

    /// VANISHED (EARLIER), then FETCH of what changed, of the mailbox just selected.
    pub(crate) async fn tell_missed(&mut self, client: &Qresync, gone: &[(u32, u32)]) -> Result<(), End> {
        self.vanished(gone, true).await?;
        let Some(view) = &self.view else { return Ok(()) };
        // A modseq that was never said of this mailbox says nothing.
        let since = if client.modseq > view.modseq() { 0 } else { client.modseq };
        let mut changed = Vec::new();
        for (first, last) in known(view, client) {
            let from = view.entries().partition_point(|e| e.uid < first);
            let there = view.entries()[from..].iter().take_while(|e| e.uid <= last).enumerate();
            changed.extend(there.filter(|(_, e)| e.modseq > since).map(|(i, _)| from + i));
        }
        for index in changed {
            let Some(view) = &self.view else { return Ok(()) };
            write_fetch(&mut self.out, view, index, true, true);
            self.relieve().await?;
        }
        Ok(())
    }

    /// The session removed messages and told it: a client that counts modseqs learns the mailbox's state (RFC 7162 §3.2.7, §3.2.9; RFC 6851 §4.4). What else
    /// changed meanwhile is told first, so that the number is true.
    pub(crate) async fn after_removal(&mut self) -> Done {
        if !self.enabled.condstore {
            return Ok(Reply::Ok);
        }
        // Once NOTIFY was used, only who asked for it hears what else happens (RFC 5465 §3.1); the state is then that of before.
        if self.wishes.as_ref().is_none_or(|w| w.selected.is_some()) {
            self.sync(true).await?;
        }
        Ok(Reply::With(Code::HighestModSeq(self.view()?.highest_modseq())))
    }

    /// VANISHED (EARLIER) of `UID FETCH … (CHANGEDSINCE n VANISHED)` (RFC 7162 §3.2.6).
    pub(crate) async fn tell_gone(&mut self, uids: &crate::codec::SequenceSet, since: u64) -> Result<(), Stop> {
        let operator = self.operator.clone();
        let Some(view) = &self.view else { return Ok(()) };
        // `*` is the largest UID that was given, whether it is still there or not.
        let known = uids.resolve(view.uidnext().saturating_sub(1)).unwrap_or_default();
        let gone = gone(&operator, view, &known, since, 0).await?;
        Ok(self.vanished(&gone, true).await?)
    }
}

/// UIDs among `known` that left this mailbox after a modseq, and which the view does not show: what it shows is told as vanished when it leaves. UIDs up
/// to `told` are left out when the journal does not reach back to that modseq.
async fn gone(operator: &Operator, view: &View, known: &[(u32, u32)], since: u64, told: u32) -> Result<Runs, Refusal> {
    let gone = operator.gone_since(&view.actor, view.folder.id, since).await?;
    let mut runs = common(&gone.runs, known);
    if !gone.exact && told > 0 {
        runs = told.checked_add(1).map(|from| common(&runs, &[(from, u32::MAX)])).unwrap_or_default();
    }
    Ok(without(&runs, view.entries()))
}

/// What a client that comes back must hear of removals, before anything is said of the mailbox. None when it knows another mailbox of this name.
pub(crate) async fn missed(operator: &Operator, view: &View, client: &Qresync) -> Result<Option<Runs>, Refusal> {
    if client.uidvalidity != view.folder.uidvalidity {
        return Ok(None);
    }
    let told = client.matches.as_ref().map_or(0, |(numbers, uids)| matched(view.entries(), numbers, uids));
    gone(operator, view, &known(view, client), client.modseq, told).await.map(Some)
}

/// The UIDs that the client knows: all that were ever given when it does not say.
fn known(view: &View, client: &Qresync) -> Runs {
    match &client.known {
        Some(set) => set.resolve(0).unwrap_or_default(),
        None if view.uidnext() > 1 => vec![(1, view.uidnext() - 1)],
        None => Vec::new(),
    }
}
