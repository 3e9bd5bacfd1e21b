//! Retention of traces (F121, F122), and what a purge says of itself.
//!
//! A purge is a functional trace with the act [`ACT`] and its own leaf. Its `data` is one JSON object: `count`, `first`, `last`, and `leaves`,
//! the numbers that went, ascending, as `12-19,25,27-30`. The rows and salts go in the transaction of that trace; leaf hashes and leaf
//! inputs stay. Traces of purges are never purged: they are what makes the gaps legitimate.
use crate::trace::Kind;
use serde::{Deserialize, Serialize};

/// Act of a purge's trace.
pub const ACT: &str = "trace.purged";
/// Leaves of one purge at most.
pub const MOST: usize = 1_000;
/// Longest statement read, bytes: [`MOST`] ranges of 20 digits and more.
const LONGEST: usize = 48 * 1024;

const DAY: i64 = 86_400_000;

/// How long a trace is kept at least, milliseconds: ten years, one year, leap days included.
pub const fn retention(kind: Kind) -> i64 {
    match kind {
        Kind::Functional => 3_653 * DAY,
        Kind::Technical => 366 * DAY,
    }
}

#[derive(Serialize, Deserialize)]
struct Statement {
    count: u64,
    first: u64,
    last: u64,
    leaves: String,
}

/// The `data` of a purge's trace. `leaves` ascend.
pub fn state(leaves: &[u64]) -> String {
    let mut text = String::new();
    for run in leaves.chunk_by(|a, b| a + 1 == *b) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&run[0].to_string());
        if let [_, .., last] = run {
            text.push('-');
            text.push_str(&last.to_string());
        }
    }
    let (first, last) = (leaves.first().copied().unwrap_or(0), leaves.last().copied().unwrap_or(0));
    let statement = Statement { count: leaves.len() as u64, first, last, leaves: text };
    serde_json::to_string(&statement).unwrap_or_default()
}

/// The numbers that a purge's `data` state, ascending; none when it is not such a statement.
pub fn stated(data: &str) -> Option<Vec<u64>> {
    if data.len() > LONGEST {
        return None;
    }
    let s: Statement = serde_json::from_str(data).ok()?;
    let mut out: Vec<u64> = Vec::new();
    for run in s.leaves.split(',') {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        let ascends = out.last().is_none_or(|before| *before < first);
        if !ascends || last < first || last - first >= (MOST - out.len()) as u64 {
            return None;
        }
        out.extend(first..=last);
    }
    let told = (s.count, Some(&s.first), Some(&s.last));
    (told == (out.len() as u64, out.first(), out.last())).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_read_back() {
        for leaves in [vec![0], vec![3, 4, 5], vec![1, 3, 4, 9], (0..1000).map(|i| i * 2).collect()] {
            assert_eq!(stated(&state(&leaves)), Some(leaves));
        }
        assert_eq!(state(&[12, 13, 14, 25]), r#"{"count":4,"first":12,"last":25,"leaves":"12-14,25"}"#);
    }

    #[test]
    fn what_is_no_statement_is_refused_before_it_costs_anything() {
        for bad in [
            "",
            "{}",
            r#"{"count":0,"first":0,"last":0,"leaves":""}"#,
            r#"{"count":2,"first":1,"last":3,"leaves":"3,1"}"#,
            r#"{"count":2,"first":1,"last":1,"leaves":"1,1"}"#,
            r#"{"count":3,"first":1,"last":2,"leaves":"1-2"}"#,
            r#"{"count":2,"first":2,"last":1,"leaves":"2-1"}"#,
            r#"{"count":9,"first":0,"last":9,"leaves":"0-18446744073709551615"}"#,
            r#"{"count":1001,"first":0,"last":1000,"leaves":"0-1000"}"#,
        ] {
            assert_eq!(stated(bad), None, "{bad}");
        }
    }
}
