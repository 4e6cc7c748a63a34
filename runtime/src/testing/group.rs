//! How far a consumer group has come, and assertions on it.

use crate::broker::Progress;

/// What a group has committed at one moment. Assertions return it again, so that one can follow the other.
#[derive(Debug, Clone)]
#[must_use = "assert something of it"]
pub struct GroupProgress {
    group: String,
    partitions: Vec<Progress>,
}

impl GroupProgress {
    pub(super) fn new(group: &str, partitions: Vec<Progress>) -> Self {
        Self { group: group.to_owned(), partitions }
    }

    /// Returns how many records the group has not committed yet, of all topics that it reads.
    #[must_use]
    pub fn lag(&self) -> i64 {
        self.partitions.iter().map(Progress::lag).sum()
    }

    /// Asserts that the group has committed every record of every topic that it reads.
    ///
    /// # Panics
    /// If it has not; the text lists the partitions.
    #[track_caller]
    pub fn assert_committed_all(&self) -> &Self {
        self.assert_lag(0)
    }

    /// Asserts how many records the group has not committed.
    ///
    /// # Panics
    /// If there are more or fewer; the text lists the partitions.
    #[track_caller]
    pub fn assert_lag(&self, expected: i64) -> &Self {
        let (group, lag) = (&self.group, self.lag());
        assert!(
            lag == expected,
            "the group `{group}` has {lag} records uncommitted, expected {expected}{}",
            self.shown()
        );
        self
    }

    /// Returns a line for each partition that is not done.
    pub(super) fn open(&self) -> impl Iterator<Item = String> {
        let open = self.partitions.iter().filter(|progress| progress.lag() > 0);
        open.map(|progress| format!("group `{}`: {}", self.group, line(progress)))
    }

    fn shown(&self) -> String {
        self.partitions.iter().map(|progress| format!("\n  {}", line(progress))).collect()
    }
}

impl Progress {
    fn lag(&self) -> i64 {
        (self.end - self.next).max(0)
    }
}

fn line(progress: &Progress) -> String {
    let Progress { partition, next, end } = progress;
    format!("`{}` partition {}: {next} of {end} committed", partition.topic, partition.number)
}
