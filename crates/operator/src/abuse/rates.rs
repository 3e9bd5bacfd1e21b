//! How many of something one subject did in a sliding window, over all nodes, without a row that everybody writes.
//!
//! Each node counts in memory and judges at once. What it counted it tells the others every few seconds when it has a hundredth of the limit that they do
//! not know, and within a moment when it has a tenth, in rows of its own; then it hears what they told. Promises: on one node a limit is exact; on n nodes
//! at most n tenths more pass, and what passes in a moment; whoever does little is never written down; memory is bounded (what is beyond is not counted:
//! doors, logins and certificates bound who can ask, and strangers fill half of it at most). What strangers do is heard every few seconds whether a node
//! counted anything itself or not: who guesses goes from node to node.
use sceau_store::rates::Told;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// An hour, milliseconds.
pub(crate) const HOUR: i64 = 3_600_000;
/// A day, milliseconds.
pub(crate) const DAY: i64 = 24 * HOUR;
/// Subjects counted at most.
const MOST: usize = 200_000;
/// Counts whose subjects anybody makes up: they leave the other half to those who are known.
const STRANGERS: [&str; 5] = ["guess", "guess_pair", "stuffing", "stuffing_told", "attempts"];
/// A node tells the others, when it next does, when it has this part of the limit that they do not know.
const SHARE: i64 = 100;
/// This part of the limit cannot wait.
const HURRY: i64 = 10;

/// What is counted, and of whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    /// What.
    pub what: &'static str,
    /// Of whom.
    pub subject: String,
    /// The length of its window, milliseconds.
    pub window: i64,
}

impl Key {
    pub fn new(what: &'static str, subject: impl ToString, window: i64) -> Self {
        Self { what, subject: subject.to_string(), window }
    }
}

/// A limit is passed; it will not be after so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over(pub i64);

/// Counts of the present window and of the one before.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    bucket: i64,
    mine: [i64; 2],
    told: [i64; 2],
    others: [i64; 2],
    /// How much is worth telling.
    step: i64,
}

impl Count {
    fn turn(&mut self, window: i64, now: i64) {
        let bucket = now.div_euclid(window);
        match bucket - self.bucket {
            // A clock that goes back a little changes nothing.
            0 | -1 => {}
            1 => {
                let shift = |pair: [i64; 2]| [0, pair[0]];
                (self.mine, self.told, self.others) = (shift(self.mine), shift(self.told), shift(self.others));
                self.bucket = bucket;
            }
            _ => *self = Self { bucket, step: self.step, ..Self::default() },
        }
    }
    /// The window slides: the part of the one before that is still in sight counts in proportion, a part of one as one.
    fn seen(&self, window: i64, now: i64) -> i64 {
        let left = window - (now - self.bucket * window).clamp(0, window);
        let before = i128::from(self.mine[1] + self.others[1]) * i128::from(left);
        let before = (before + i128::from(window) - 1) / i128::from(window);
        self.mine[0] + self.others[0] + i64::try_from(before).unwrap_or(i64::MAX)
    }
    /// How long until `more` fit under `limit`.
    fn wait(&self, window: i64, (more, limit): (i64, i64), now: i64) -> i64 {
        let (present, before) = (self.mine[0] + self.others[0], self.mine[1] + self.others[1]);
        let passed = (now - self.bucket * window).clamp(0, window);
        let room = limit - more - present;
        if room >= 0 && before > 0 {
            // What is left of the window before must shrink to the room.
            let left = i128::from(room) * i128::from(window) / i128::from(before);
            return (window - i64::try_from(left).unwrap_or(window).min(window) - passed).max(1);
        }
        // The present window must become the one before, and shrink.
        let room = (limit - more).max(0);
        let left = i128::from(room) * i128::from(window) / i128::from(present.max(1));
        (window - passed) + (window - i64::try_from(left).unwrap_or(window).min(window))
    }
}

/// The count of this window; none: there is no room for one more subject.
fn counted<'a>(all: &'a mut HashMap<Key, Count>, key: &Key, now: i64) -> Option<&'a mut Count> {
    let most = if STRANGERS.contains(&key.what) { MOST / 2 } else { MOST };
    if all.len() >= most && !all.contains_key(key) {
        all.retain(|k, c| now.div_euclid(k.window) - c.bucket < 2);
        if all.len() >= most {
            return None;
        }
    }
    let bucket = now.div_euclid(key.window);
    let count = all.entry(key.clone()).or_insert_with(|| Count { bucket, ..Count::default() });
    count.turn(key.window, now);
    Some(count)
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    counts: Mutex<HashMap<Key, Count>>,
    /// The other nodes should know more at once.
    pub hurry: Notify,
}

impl Rates {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Count>> {
        // Sums only: nothing in them is ever half-written.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is there room for `more` under `limit`? 0 is no limit.
    pub fn fits(&self, key: &Key, more: i64, limit: i64, now: i64) -> Result<(), Over> {
        if limit == 0 {
            return Ok(());
        }
        let mut all = self.lock();
        let Some(count) = all.get_mut(key) else {
            return if more > limit { Err(Over(key.window)) } else { Ok(()) };
        };
        count.turn(key.window, now);
        match count.seen(key.window, now) + more > limit {
            true => Err(Over(count.wait(key.window, (more, limit), now))),
            false => Ok(()),
        }
    }

    /// Adds `more`; what is counted then, over all nodes as far as they told. `limit` says what is worth telling.
    pub fn add(&self, key: &Key, more: i64, limit: i64, now: i64) -> i64 {
        let mut all = self.lock();
        let Some(count) = counted(&mut all, key, now) else { return 0 };
        count.step = (limit / SHARE).max(1);
        count.mine[0] += more;
        if (count.mine[0] - count.told[0]).saturating_mul(HURRY) >= limit.max(1) {
            self.hurry.notify_one();
        }
        count.seen(key.window, now)
    }

    /// Takes `more` when there is room; in one step, so that two sessions cannot both take the last.
    pub fn take(&self, key: &Key, more: i64, limit: i64, now: i64) -> Result<(), Over> {
        if limit == 0 {
            return Ok(());
        }
        let seen = self.add(key, more, limit, now);
        if seen > limit {
            self.give_back(key, more);
            self.fits(key, more, limit, now)?;
        }
        Ok(())
    }

    /// Takes one place of what is begun, when there is room beside what was finished: that gives its place back, whichever nodes were asked. Both counts
    /// only grow, as nodes tell them.
    pub fn take_open(&self, begun: &Key, finished: &Key, limit: i64, now: i64) -> Result<(), Over> {
        let room = limit.saturating_add(self.seen(finished, now));
        self.take(begun, 1, room, now)
    }

    /// What was taken was not used.
    pub fn give_back(&self, key: &Key, more: i64) {
        if let Some(count) = self.lock().get_mut(key) {
            count.mine[0] = (count.mine[0] - more).max(0);
        }
    }

    /// What is counted.
    pub fn seen(&self, key: &Key, now: i64) -> i64 {
        let mut all = self.lock();
        let Some(count) = all.get_mut(key) else { return 0 };
        count.turn(key.window, now);
        count.seen(key.window, now)
    }

    /// What all nodes told of a window (`bucket`) and of the one before, whether this one counted anything or not.
    pub fn overheard(&self, key: &Key, bucket: i64, (present, before): (i64, i64), now: i64) {
        let mut all = self.lock();
        let Some(count) = counted(&mut all, key, now) else { return };
        // The window may have turned meanwhile. What was heard of others never becomes less.
        let (told, others) = (count.told, &mut count.others);
        match count.bucket - bucket {
            0 => *others = [others[0].max(present - told[0]), others[1].max(before - told[1])],
            1 => others[1] = others[1].max(present - told[1]),
            _ => {}
        }
    }

    /// What the other nodes should know, at most `most`.
    pub fn untold(&self, now: i64, most: usize) -> Vec<(Key, Told)> {
        let mut all = self.lock();
        all.retain(|k, c| now.div_euclid(k.window) - c.bucket < 2);
        let due = all.iter_mut().filter(|(_, c)| c.mine[0] - c.told[0] >= c.step.max(1)).take(most);
        let tell = |(k, c): (&Key, &mut Count)| {
            let told = Told {
                what: k.what,
                subject: k.subject.clone(),
                bucket: c.bucket,
                more: c.mine[0] - c.told[0],
                ends: (c.bucket + 2) * k.window,
            };
            (k.clone(), told)
        };
        due.map(tell).collect()
    }

    /// It was told, and this is what all nodes told of that window and of the one before.
    pub fn heard(&self, key: &Key, told: &Told, (present, before): (i64, i64)) {
        let mut all = self.lock();
        let Some(count) = all.get_mut(key) else { return };
        // The window may have turned meanwhile.
        match count.bucket - told.bucket {
            0 => {
                count.told[0] += told.more;
                count.others = [(present - count.told[0]).max(0), (before - count.told[1]).max(0)];
            }
            1 => {
                count.told[1] += told.more;
                count.others[1] = (present - count.told[1]).max(0);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new("essai", "a", HOUR)
    }

    #[test]
    fn a_limit_holds_and_slides_and_says_when_to_come_back() {
        let (r, start) = (Rates::default(), 1000 * HOUR);
        for i in 0..10 {
            assert_eq!(r.take(&key(), 1, 10, start), Ok(()), "{i}");
        }
        let Err(Over(wait)) = r.take(&key(), 1, 10, start) else { panic!("taken beyond the limit") };
        assert!(r.fits(&key(), 1, 10, start + wait - HOUR / 100).is_err());
        assert_eq!(r.fits(&key(), 1, 10, start + wait), Ok(()), "after {wait}");
        // Half an hour into the next one, half of it is still in sight.
        assert_eq!(r.fits(&key(), 5, 10, start + HOUR + HOUR / 2), Ok(()));
        assert!(r.fits(&key(), 6, 10, start + HOUR + HOUR / 2).is_err());
        assert_eq!(r.fits(&key(), 10, 10, start + 2 * HOUR), Ok(()));
        assert!(r.fits(&Key::new("essai", "b", HOUR), 11, 10, start).is_err(), "more at once than ever");
        assert_eq!(r.take(&key(), 1_000_000, 0, start), Ok(()), "0 is no limit");
    }

    #[test]
    fn what_was_not_used_is_given_back_and_two_do_not_take_the_last() {
        let (r, now) = (Rates::default(), 5 * HOUR);
        r.take(&key(), 9, 10, now).unwrap();
        assert!(r.take(&key(), 2, 10, now).is_err());
        r.take(&key(), 1, 10, now).unwrap();
        assert!(r.take(&key(), 1, 10, now).is_err());
        r.give_back(&key(), 1);
        r.take(&key(), 1, 10, now).unwrap();
    }

    #[tokio::test]
    async fn a_tenth_that_others_do_not_know_cannot_wait() {
        let (r, now) = (Rates::default(), 9 * HOUR);
        let hurries = async || tokio::time::timeout(std::time::Duration::ZERO, r.hurry.notified()).await.is_ok();
        r.take(&key(), 9, 100, now).unwrap();
        assert!(!hurries().await);
        r.take(&key(), 1, 100, now).unwrap();
        assert!(hurries().await);
        let (key, told) = r.untold(now, 1).remove(0);
        r.heard(&key, &told, (10, 0));
        r.take(&key, 1, 100, now).unwrap();
        assert!(!hurries().await, "they know");
    }

    #[test]
    fn a_node_hears_without_anything_to_tell_and_counts_nothing_twice() {
        let (r, now) = (Rates::default(), 7 * HOUR);
        r.overheard(&key(), 7, (9, 4), now);
        assert_eq!(r.seen(&key(), now), 13);
        assert!(r.untold(now, 10).is_empty(), "what others told is not told again");
        assert!(r.fits(&key(), 1, 13, now).is_err());
        // It tells one of its own, and hears the sum of all: nothing is counted twice.
        assert_eq!(r.add(&key(), 1, 10, now), 14);
        let (key, told) = r.untold(now, 10).remove(0);
        r.heard(&key, &told, (10, 4));
        assert_eq!(r.seen(&key, now), 14);
        // What was asked before the window turned is of the one before.
        r.overheard(&key, 7, (21, 4), now + HOUR);
        assert_eq!((r.seen(&key, now + HOUR), r.seen(&key, now + 2 * HOUR)), (21, 0));
    }

    #[test]
    fn strangers_fill_half_of_the_memory() {
        let (r, now) = (Rates::default(), 3 * HOUR);
        for i in 0..=MOST / 2 {
            r.add(&Key::new("guess", i, HOUR), 1, 10, now);
        }
        assert_eq!(r.lock().len(), MOST / 2);
        assert_eq!(r.add(&Key::new("stuffing", "b", HOUR), 1, 10, now), 0, "what is beyond is not counted");
        assert_eq!(r.add(&key(), 1, 10, now), 1, "whoever is known is");
        assert_eq!(r.add(&Key::new("guess", 0, HOUR), 1, 10, now), 2, "and who was counted");
    }

    /// F267: 2,000 people behind one address sign in within minutes, each begun at one node and finished at one; a flood of what is never finished is
    /// bounded as on a quiet day.
    #[test]
    fn a_morning_passes_and_a_flood_does_not() {
        let (nodes, now, limit) = ([Rates::default(), Rates::default()], 7 * HOUR, 1_000);
        let (begun, finished) = (Key::new("attempts", "a", HOUR), Key::new("attempts_done", "a", HOUR));
        let mut rows: HashMap<(&str, usize), i64> = HashMap::new();
        let mut tell = || {
            for (n, node) in nodes.iter().enumerate() {
                for (key, told) in node.untold(now, 10) {
                    *rows.entry((key.what, n)).or_default() += told.more;
                    let sum = (0..nodes.len()).filter_map(|n| rows.get(&(key.what, n))).sum();
                    node.heard(&key, &told, (sum, 0));
                }
            }
            for (node, key) in nodes.iter().flat_map(|node| [(node, &begun), (node, &finished)]) {
                let sum = (0..nodes.len()).filter_map(|n| rows.get(&(key.what, n))).sum();
                node.overheard(key, 7, (sum, 0), now);
            }
        };
        for person in 0..2_000 {
            assert_eq!(nodes[person % 2].take_open(&begun, &finished, limit, now), Ok(()), "{person}");
            nodes[person / 2 % 2].add(&finished, 1, limit, now);
            tell();
        }
        let mut flood = 0;
        for round in 0..3_000 {
            flood += i64::from(nodes[round % 2].take_open(&begun, &finished, limit, now).is_ok());
            tell();
        }
        assert!((limit * 9 / 10..=limit * 11 / 10).contains(&flood), "{flood}");
    }

    /// Two nodes and what is between them: together they pass the limit by their untold hundredths at most, and nobody counts itself twice.
    #[test]
    fn nodes_hear_each_other() {
        let (nodes, now, limit) = ([Rates::default(), Rates::default()], 7 * HOUR, 1000);
        let (mut rows, mut taken) = ([0_i64; 2], 0);
        for round in 0..300 {
            for (n, node) in nodes.iter().enumerate() {
                for _ in 0..5 {
                    taken += i64::from(node.take(&key(), 1, limit, now).is_ok());
                }
                for (key, told) in node.untold(now, 10) {
                    rows[n] += told.more;
                    node.heard(&key, &told, (rows[0] + rows[1], 0));
                }
            }
            assert!(taken <= limit + 2 * (limit / SHARE) + 10, "round {round}: {taken}");
        }
        assert!(taken >= limit, "{taken}");
        // A clock that goes back an hour or stands still breaks nothing; one that leaps forgets.
        assert!(nodes[0].fits(&key(), 1, limit, now - 1).is_err());
        assert_eq!(nodes[0].fits(&key(), 1, limit, now + 3 * HOUR), Ok(()));
        assert!(nodes[0].untold(now + 3 * HOUR, 10).is_empty());
    }
}
