//! What a run costs: processor time of the generator, memory and processor time of a server on the same machine.
use serde::Serialize;
use std::time::Duration;

/// What the server's processes held and had used at one instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory (`VmRSS`), KiB.
    pub resident_kib: u64,
    /// Highest resident memory so far (`VmHWM`), KiB.
    pub highest_kib: u64,
    /// Processor time since the start of the processes, user and system.
    pub processor: Duration,
}

/// A server's use of the machine during a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerCost {
    /// Resident memory before, KiB.
    pub resident_kib_before: u64,
    /// Resident memory after, KiB.
    pub resident_kib_after: u64,
    /// Highest resident memory since the server started, KiB.
    pub resident_kib_highest: u64,
    /// Processor time used during the measured window, seconds.
    pub processor_seconds: f64,
}

impl ServerCost {
    /// From two looks.
    pub fn between(before: Usage, after: Usage) -> Self {
        Self {
            resident_kib_before: before.resident_kib,
            resident_kib_after: after.resident_kib,
            resident_kib_highest: after.highest_kib,
            processor_seconds: after.processor.saturating_sub(before.processor).as_secs_f64(),
        }
    }
}

/// Looks at processes; nothing when none is given or one is gone.
pub fn usage(pids: &[u32]) -> Option<Usage> {
    let mut all = Usage::default();
    for pid in pids {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        all.resident_kib += kib(&status, "VmRSS:")?;
        all.highest_kib += kib(&status, "VmHWM:")?;
        all.processor += processor(&stat, rustix::param::clock_ticks_per_second())?;
    }
    (!pids.is_empty()).then_some(all)
}

/// A line `NAME:   123 kB` of `/proc/PID/status`.
fn kib(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|l| l.strip_prefix(name))?;
    rest.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// `utime` and `stime`, fields 14 and 15 of `/proc/PID/stat`. The name (field 2) may hold blanks and parentheses.
fn processor(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / ticks_per_second.max(1) as f64))
}

/// Processor time of this process.
pub fn own_processor() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
}

/// Lets this process hold as many connections as the system grants; a refusal shows later as failed connections.
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let status = "Name:\tsceau\nVmHWM:\t   22000 kB\nVmRSS:\t   20480 kB\nThreads:\t4\n";
        assert_eq!(kib(status, "VmRSS:"), Some(20480));
        assert_eq!(kib(status, "VmSwap:"), None);
        let stat = "77 (odd) name) S 1 77 77 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 4 0 100 1000 500 1";
        assert_eq!(processor(stat, 100), Some(Duration::from_secs(3)));
        assert_eq!(processor("77 (short) S 1", 100), None);
    }

    #[test]
    fn sees_itself_and_not_who_is_gone() {
        let me = usage(&[std::process::id()]).unwrap();
        assert!(me.resident_kib > 100 && me.highest_kib >= me.resident_kib);
        assert_eq!(usage(&[]), None);
        assert_eq!(usage(&[std::process::id(), u32::MAX]), None);
        assert!(own_processor() > Duration::ZERO);
    }
}
