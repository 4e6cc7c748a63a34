//! One turn of one contender in figures, and what several turns come to.

use std::fmt;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What one turn took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) records: u64,
    pub(crate) seconds: f64,
    /// Of the whole process: the contender's threads and those of librdkafka.
    pub(crate) cpu_seconds: f64,
    /// How much memory the process took at most beside what it had before, in MiB.
    pub(crate) grown_mib: f64,
}

impl Turn {
    pub(crate) fn rate(&self) -> f64 {
        self.records as f64 / self.seconds
    }

    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.records as f64
    }

    /// Reads what [`Turn`]'s `Display` writes.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split_whitespace();
        let records = numbers.next()?.parse().ok()?;
        let mut next = || numbers.next()?.parse().ok();
        Some(Self { records, seconds: next()?, cpu_seconds: next()?, grown_mib: next()? })
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.records, self.seconds, self.cpu_seconds, self.grown_mib)
    }
}

/// Begins where the warm-up ends.
#[derive(Debug)]
pub(crate) struct Meter {
    at: Instant,
    cpu: Duration,
    resident_mib: f64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { at: Instant::now(), cpu: cpu(), resident_mib: status_mib("VmRSS:") }
    }

    pub(crate) fn stop(&self, records: u64) -> Turn {
        let seconds = self.at.elapsed().as_secs_f64();
        let cpu_seconds = (cpu() - self.cpu).as_secs_f64();
        Turn { records, seconds, cpu_seconds, grown_mib: status_mib("VmHWM:") - self.resident_mib }
    }
}

fn cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("CPU time is not negative")
}

/// Returns a line of the kernel's account of this process; 0 where the kernel is not Linux.
fn status_mib(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.unwrap_or(0.0) / 1024.0
}

/// The turns of one contender.
pub(crate) struct Figures {
    pub(crate) work: &'static str,
    pub(crate) who: &'static str,
    pub(crate) turns: Vec<Turn>,
}

impl Figures {
    pub(crate) fn median(&self, of: impl Fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().map(of).collect())
    }

    /// Returns the median of the ratios to another contender's turns, round by round.
    pub(crate) fn ratio(&self, other: &Self, of: impl Fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().zip(&other.turns).map(|(ours, theirs)| of(ours) / of(theirs)).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        Some(upper) if values.len().is_multiple_of(2) => (upper + values.get(middle - 1).unwrap_or(upper)) / 2.0,
        Some(middle) => *middle,
        None => f64::NAN,
    }
}
