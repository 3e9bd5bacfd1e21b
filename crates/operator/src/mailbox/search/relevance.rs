//! How well messages found by words match (RFC 6203 §4): where the words stand counts, the subject most, an attachment least.
use crate::boxed;
use crate::mailbox::entries::Entry;
use crate::mailbox::search::{Field, Query};
use crate::refuse::Fail;
use crate::{Actor, Operator};
use sceau_domain::Refusal;
use std::collections::HashMap;

/// What it is worth that the words stand there, best first.
const WORTH: [(sceau_search::Field, u32); 5] = [
    (sceau_search::Field::Subject, 100),
    (sceau_search::Field::From, 85),
    (sceau_search::Field::To, 70),
    (sceau_search::Field::Body, 60),
    (sceau_search::Field::Attachment, 40),
];
/// Words that stand in several fields together, or in none (they are looked for in what does not match).
const SCATTERED: u32 = 20;

impl Operator {
    /// A score from 1 to 100 for each of these entries, in their order: the mean over the words that were looked for.
    #[boxed]
    pub async fn relevance(&self, actor: &Actor, entries: &[&Entry], query: &Query) -> Result<Vec<u32>, Refusal> {
        let seat = self.seat(actor)?;
        self.0.store.read::<_, Fail, _>(move |tx| seat.check(tx)).await?;
        let seal = self.bal_seal(seat.bal).await?;
        let mut words = Vec::new();
        collect(query, &mut words);
        let (mut totals, deadline) = (vec![0; entries.len()], self.search_deadline());
        for (field, text) in &words {
            let mut best: HashMap<_, u32> = HashMap::new();
            for (one, worth) in WORTH {
                if !covers(*field, one) {
                    continue;
                }
                let asked = sceau_search::Query::field(one, text).map_err(|e| crate::search::unreadable(&e))?;
                for message in self.matching(&seal, asked, deadline).await? {
                    best.entry(message).or_insert(worth);
                }
            }
            for (total, entry) in totals.iter_mut().zip(entries) {
                *total += best.get(&entry.message).copied().unwrap_or(SCATTERED);
            }
        }
        let count = u32::try_from(words.len()).unwrap_or(u32::MAX).max(1);
        Ok(totals.into_iter().map(|total| (total / count).clamp(1, 100)).collect())
    }
}

/// The words that a query looks for.
fn collect<'q>(query: &'q Query, words: &mut Vec<(Field, &'q str)>) {
    match query {
        Query::And(all) => all.iter().for_each(|q| collect(q, words)),
        Query::Or(a, b) => {
            collect(a, words);
            collect(b, words);
        }
        Query::Not(q) => collect(q, words),
        Query::Words(field, text) => words.push((*field, text)),
        _ => {}
    }
}

fn covers(field: Field, one: sceau_search::Field) -> bool {
    use sceau_search::Field as F;
    match field {
        Field::Anywhere => true,
        Field::Subject => one == F::Subject,
        Field::From => one == F::From,
        Field::To => one == F::To,
        Field::Body => matches!(one, F::Body | F::Attachment),
    }
}
