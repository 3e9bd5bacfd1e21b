//! Durations in log-linear buckets: constant memory, every value within 1/64 of what is reported, the maximum exact.
use serde::Serialize;
use std::time::Duration;

/// Bits of precision below the leading one.
const BITS: u32 = 6;
/// Longest duration told apart, microseconds (about 19 hours); longer ones count as this.
const LONGEST: u64 = (1 << 36) - 1;

/// Counts of durations, in microseconds.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: Duration,
    max: Duration,
}

/// What a histogram says, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Percentiles {
    /// Number of durations.
    pub count: u64,
    /// Mean.
    pub mean_ms: f64,
    /// Half of all are at most this long.
    pub p50_ms: f64,
    /// 95 of 100 are at most this long.
    pub p95_ms: f64,
    /// 99 of 100 are at most this long.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

fn bucket(micros: u64) -> usize {
    let v = micros.min(LONGEST);
    let shift = (u64::BITS - v.leading_zeros()).saturating_sub(BITS + 1);
    // At most 2^6·31 buckets: fits any usize.
    ((u64::from(shift) << BITS) + (v >> shift)) as usize
}

/// Largest duration that falls into the bucket, microseconds.
fn upper(bucket: usize) -> u64 {
    let b = bucket as u64;
    if b < 2 << BITS {
        return b;
    }
    let shift = (b >> BITS) - 1;
    let low = ((b & ((1 << BITS) - 1)) | (1 << BITS)) << shift;
    low + (1 << shift) - 1
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let b = bucket(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        if self.buckets.len() <= b {
            self.buckets.resize(b + 1, 0);
        }
        self.buckets[b] += 1;
        self.count += 1;
        self.sum += duration;
        self.max = self.max.max(duration);
    }
    /// Number of durations.
    pub fn count(&self) -> u64 {
        self.count
    }
    /// Sum of all durations.
    pub fn sum(&self) -> Duration {
        self.sum
    }
    /// The duration that `part` (0 to 1) of all do not exceed: nearest rank, rounded up to its bucket's end.
    pub fn quantile(&self, part: f64) -> Duration {
        let rank = ((part * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (b, n) in self.buckets.iter().enumerate() {
            seen += n;
            if seen >= rank {
                return Duration::from_micros(upper(b)).min(self.max);
            }
        }
        self.max
    }
    /// What it says; nothing when nothing was counted.
    pub fn percentiles(&self) -> Option<Percentiles> {
        let ms = |d: Duration| (d.as_secs_f64() * 1e6).round() / 1e3;
        (self.count > 0).then(|| Percentiles {
            count: self.count,
            mean_ms: ms(self.sum.div_f64(self.count as f64)),
            p50_ms: ms(self.quantile(0.50)),
            p95_ms: ms(self.quantile(0.95)),
            p99_ms: ms(self.quantile(0.99)),
            max_ms: ms(self.max),
        })
    }
}

impl std::fmt::Display for Percentiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "p50 {:.2} ms  p95 {:.2} ms  p99 {:.2} ms  max {:.2} ms  ({} samples)",
            self.p50_ms, self.p95_ms, self.p99_ms, self.max_ms, self.count
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_says_nothing() {
        assert_eq!(Histogram::default().percentiles(), None);
    }

    #[test]
    fn small_values_are_exact_and_ranks_are_nearest() {
        let mut h = Histogram::default();
        (1..=100).for_each(|i| h.record(Duration::from_micros(i)));
        assert_eq!(h.quantile(0.50), Duration::from_micros(50));
        assert_eq!(h.quantile(0.95), Duration::from_micros(95));
        assert_eq!(h.quantile(0.99), Duration::from_micros(99));
        assert_eq!(h.quantile(1.0), Duration::from_micros(100));
        assert_eq!(h.quantile(0.0), Duration::from_micros(1));
        assert_eq!(h.percentiles().unwrap().mean_ms, 0.051, "50.5 µs, rounded to the microsecond");
    }

    #[test]
    fn one_slow_answer_shows_in_the_maximum_only() {
        let mut h = Histogram::default();
        (0..999).for_each(|_| h.record(Duration::from_millis(1)));
        h.record(Duration::from_secs(7));
        let p = h.percentiles().unwrap();
        assert!(p.p99_ms < 1.02 && p.max_ms == 7000.0, "{p:?}");
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_value_within_a_64th(v in 0u64..=LONGEST) {
            let top = upper(bucket(v));
            prop_assert!(v <= top && top - v <= v >> BITS, "{v} {top}");
            prop_assert_eq!(bucket(top), bucket(v));
            prop_assert_eq!(bucket(top + 1).min(bucket(LONGEST)), (bucket(v) + 1).min(bucket(LONGEST)));
        }
        #[test]
        fn quantiles_never_understate(mut values in proptest::collection::vec(0u64..10_000_000, 1..200), part in 0.01f64..1.0) {
            let mut h = Histogram::default();
            values.iter().for_each(|v| h.record(Duration::from_micros(*v)));
            values.sort_unstable();
            let rank = ((part * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1];
            let told = h.quantile(part).as_micros() as u64;
            prop_assert!(told >= exact && told - exact <= exact >> BITS, "{told} {exact}");
        }
    }
}
