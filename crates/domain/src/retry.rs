//! When queued outbound mail is tried again, warned about and given up: a pure function of what happened so far.
//!
//! Promises: a first attempt is always made, however old the entry; the last one is made when the entry expires, not
//! before; delays spread over a tenth on either side by `seed`, so that destinations which failed together do not come
//! back together; the same inputs always give the same instant.
use crate::{Refusal, RefusalCode, Timestamp};
use serde::{Deserialize, Serialize};

/// Delays between attempts and the ages that matter, in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrySchedule {
    /// Delay after the first failed attempt, the second…; the last one repeats.
    pub delays: Vec<u64>,
    /// Age from which the sender is told that the message still waits. RFC 3461 §5.2.2 leaves it open; four hours is usual.
    pub warn_after: u64,
    /// Age at which the message is given up (RFC 5321 §4.5.4.1: at least 4 to 5 days).
    pub expire_after: u64,
}

impl Default for RetrySchedule {
    /// Quick at first, because a peer that restarts is back within a minute; hourly in the end; five days in all.
    fn default() -> Self {
        Self {
            delays: vec![10, 30, 60, 120, 300, 600, 900, 1800, 3600],
            warn_after: 4 * 3600,
            expire_after: 5 * 24 * 3600,
        }
    }
}

impl RetrySchedule {
    /// Refuses a schedule that never retries, hammers, or gives up before it warns.
    ///
    /// # Errors
    /// `admin.invalid`, naming the value.
    pub fn check(&self) -> Result<(), Refusal> {
        let wrong =
            |name: &str, cause: &str| Err(Refusal::new(RefusalCode::Invalid).with("name", name).with("cause", cause));
        if self.delays.is_empty() {
            return wrong("retry delays", "empty");
        }
        if self.delays.contains(&0) {
            return wrong("retry delays", "0");
        }
        if self.expire_after == 0 {
            return wrong("expire_after", "0");
        }
        if self.warn_after >= self.expire_after {
            return wrong("warn_after", ">= expire_after");
        }
        Ok(())
    }

    /// When to try next, after `attempts` failed attempts on an entry queued at `queued`; `None` when it is given up now.
    /// `seed` identifies the destination (any stable number).
    pub fn next_attempt(&self, attempts: u32, queued: Timestamp, now: Timestamp, seed: u64) -> Option<Timestamp> {
        let Some(last) = attempts.checked_sub(1) else { return Some(now) };
        let expires = self.expires(queued);
        if now >= expires {
            return None;
        }
        let index = usize::try_from(last).unwrap_or(usize::MAX).min(self.delays.len().saturating_sub(1));
        // An empty schedule is refused by `check`; an hour keeps it harmless if it comes here all the same.
        let seconds = self.delays.get(index).copied().unwrap_or(3600).max(1);
        let delay = spread(millis(seconds), seed, attempts);
        Some(now.plus_ms(delay).min(expires))
    }

    /// The instant at which an entry queued at `queued` is given up.
    pub fn expires(&self, queued: Timestamp) -> Timestamp {
        queued.plus_ms(millis(self.expire_after))
    }

    /// The instant from which the sender of an entry queued at `queued` should be told that it still waits.
    pub fn warns(&self, queued: Timestamp) -> Timestamp {
        queued.plus_ms(millis(self.warn_after))
    }
}

fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
}

/// `delay` moved by up to a tenth either way. The mixing is SplitMix64's: it only has to be even, not secret.
fn spread(delay: i64, seed: u64, attempts: u32) -> i64 {
    let mut z = seed.wrapping_add(u64::from(attempts).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    let tenth = delay / 10;
    let width = u64::try_from(tenth.saturating_mul(2)).unwrap_or(0).saturating_add(1);
    // The remainder is below 2 × tenth + 1, itself below i64::MAX / 5 + 1.
    let shift = i64::try_from(z % width).unwrap_or(0);
    delay.saturating_sub(tenth).saturating_add(shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn built_in_schedule_tries_early_warns_after_four_hours_and_ends_after_five_days() {
        let s = RetrySchedule::default();
        assert_eq!(s.check(), Ok(()));
        let queued = Timestamp(1_000_000);
        let (mut now, mut attempts) = (queued, 0);
        let mut first_hour = 0;
        while let Some(next) = s.next_attempt(attempts, queued, now, 7) {
            assert!(attempts == 0 || next > now);
            now = next;
            attempts += 1;
            first_hour += u32::from(now < queued.plus_ms(HOUR));
        }
        // The last attempt is made at the very end.
        assert_eq!(now, s.expires(queued));
        assert_eq!(now, queued.plus_ms(120 * HOUR));
        assert_eq!(s.warns(queued), queued.plus_ms(4 * HOUR));
        assert!((8..=12).contains(&first_hour), "{first_hour}");
        assert!((100..160).contains(&attempts), "{attempts}");
    }

    #[test]
    fn an_entry_never_tried_is_tried_however_old() {
        let s = RetrySchedule::default();
        let now = Timestamp(i64::MAX);
        assert_eq!(s.next_attempt(0, Timestamp(0), now, 1), Some(now));
        assert_eq!(s.next_attempt(1, Timestamp(0), now, 1), None);
    }

    #[test]
    fn destinations_do_not_come_back_together() {
        let s = RetrySchedule::default();
        let at = |seed| s.next_attempt(9, Timestamp(0), Timestamp(HOUR), seed);
        let distinct: std::collections::HashSet<_> = (0..100).map(at).collect();
        assert!(distinct.len() > 90);
    }

    #[test]
    fn bad_schedules_are_refused() {
        let d = RetrySchedule::default();
        for s in [
            RetrySchedule { delays: vec![], ..d.clone() },
            RetrySchedule { delays: vec![5, 0], ..d.clone() },
            RetrySchedule { expire_after: 0, ..d.clone() },
            RetrySchedule { warn_after: d.expire_after, ..d.clone() },
        ] {
            assert_eq!(s.check().map_err(|r| r.code), Err(RefusalCode::Invalid));
        }
    }

    proptest! {
        #[test]
        fn next_is_after_now_within_a_tenth_of_the_delay_and_never_past_expiry(
            delays in prop::collection::vec(1u64..100_000, 1..10), attempts in 1u32..u32::MAX, age in 0i64..1_000_000_000, seed: u64,
        ) {
            let s = RetrySchedule { delays: delays.clone(), ..RetrySchedule::default() };
            let queued = Timestamp(5);
            let now = queued.plus_ms(age);
            match s.next_attempt(attempts, queued, now, seed) {
                None => prop_assert!(now >= s.expires(queued)),
                Some(next) => {
                    let delay = 1000 * delays[(attempts as usize - 1).min(delays.len() - 1)] as i64;
                    prop_assert!(next > now && next <= s.expires(queued));
                    prop_assert!(next.0 - now.0 <= delay + delay / 10);
                    prop_assert!(next == s.expires(queued) || next.0 - now.0 >= delay - delay / 10);
                }
            }
        }

        #[test]
        fn any_values_are_harmless(delays in prop::collection::vec(any::<u64>(), 0..4), warn_after: u64, expire_after: u64,
            attempts: u32, queued: i64, now: i64, seed: u64) {
            let s = RetrySchedule { delays, warn_after, expire_after };
            let _ = s.check();
            if let Some(next) = s.next_attempt(attempts, Timestamp(queued), Timestamp(now), seed) {
                prop_assert!(next >= Timestamp(now));
            }
        }
    }
}
