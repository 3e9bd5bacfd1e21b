//! To whom each BAL wrote a moment ago, on this node. A limit that is reached is said at RCPT; but whoever never heard our answer sends the same message to
//! the same recipient again, and would be refused what was sent already: he is let through to the content, by which it is known (`mail::once`), and what
//! is another message is refused then. Hashes under a key of this process, never written; bounded.
use sceau_domain::Address;
use sceau_store::Id;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Recipients remembered at most; when full, those who are over are forgotten, then everybody.
const MOST: usize = 50_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Lately {
    hasher: RandomState,
    at: HashMap<u64, i64>,
}

impl Lately {
    fn key(&self, bal: Id, to: &Address) -> u64 {
        self.hasher.hash_one((bal, to.key()))
    }
    /// The BAL wrote to these at `now`; remembered for `keep` milliseconds.
    pub fn wrote(&mut self, bal: Id, to: &[Address], now: i64, keep: i64) {
        if self.at.len().saturating_add(to.len()) > MOST {
            self.at.retain(|_, at| (now - *at).abs() < keep);
            if self.at.len().saturating_add(to.len()) > MOST {
                self.at.clear();
            }
        }
        for to in to.iter().take(MOST) {
            let key = self.key(bal, to);
            self.at.insert(key, now);
        }
    }
    /// Did it write to this one in the last `keep` milliseconds?
    pub fn knows(&self, bal: Id, to: &Address, now: i64, keep: i64) -> bool {
        self.at.get(&self.key(bal, to)).is_some_and(|at| (now - *at).abs() < keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_remembered_and_memory_is_bounded() {
        let (mut lately, keep) = (Lately::default(), 1_000);
        let to = |n: usize| format!("p{n}@beta.test").parse::<Address>().unwrap();
        lately.wrote(1, &[to(1), to(2)], 5_000, keep);
        assert!(lately.knows(1, &to(1), 5_999, keep) && lately.knows(1, &to(2), 5_000, keep));
        assert!(!lately.knows(2, &to(1), 5_000, keep) && !lately.knows(1, &to(3), 5_000, keep));
        assert!(!lately.knows(1, &to(1), 6_000, keep), "over");
        for n in 0..MOST {
            lately.wrote(3, &[to(n)], 7_000, keep);
        }
        assert!(lately.at.len() <= MOST && lately.knows(3, &to(MOST - 1), 7_000, keep));
    }
}
