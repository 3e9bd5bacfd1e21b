//! The whole log, judged by whoever looks at it from a page: what is kept in the database, against itself and the notary's keys.
//!
//! Promises: the same judgment as `sceau trace verify` ([`sceau_notary::audit`]), page by page in bounded memory; beginning it is traced. The file of
//! checkpoints outside the database is not looked at: that a database was taken back as a whole, only a copy kept elsewhere can tell.
use super::LogReader;
use crate::boxed;
use crate::{Actor, Operator, refuse};
use sceau_domain::{Refusal, RefusalCode};
use sceau_notary::PublicKey;
use sceau_notary::audit::{Audit, Line, Options, Report};
use std::iter::Empty;

/// Leaves beyond which nobody waits before a page: the command does it then.
pub const MOST_LEAVES: u64 = 300_000;
/// A trace younger than this may be without a leaf, milliseconds: the notary's lease, and a round.
const GRACE: i64 = 90_000;

impl Operator {
    /// Verifies the whole log. `right.missing`; `state.wrong` for one of more than [`MOST_LEAVES`].
    #[boxed]
    pub async fn verify_log(&self, actor: &Actor) -> Result<Report, Refusal> {
        let overview = self.log_overview(actor).await?;
        if overview.size > MOST_LEAVES {
            return Err(Refusal::new(RefusalCode::StateWrong).with("cause", "sceau trace verify"));
        }
        let now = self.now().0;
        let options = Options {
            keys: overview.keys.iter().filter_map(|k| PublicKey::from_pem(&k.pem)).collect(),
            now,
            grace: GRACE,
            appending: now,
            keeper: None,
            statements: overview.statements,
        };
        let reader = LogReader::new(self.0.store.clone());
        let mut audit: Audit<Empty<Line>> = Audit::new(options, None);
        // From the lowest number, so that nothing hides before the first leaf.
        let mut from = i64::MIN;
        loop {
            let page = reader.page(from).await.map_err(|e| refuse::store(&e))?;
            let next = page.leaves.last().filter(|_| page.more).map(|l| l.number.saturating_add(1));
            audit.page(page);
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        let mut after = i64::MIN;
        loop {
            let some = reader.unsealed(after).await.map_err(|e| refuse::store(&e))?;
            some.traces.iter().for_each(|(trace, made, at)| audit.unsealed(*trace, *made, *at));
            match some.next {
                Some(next) => after = next,
                None => return Ok(audit.finish()),
            }
        }
    }
}
