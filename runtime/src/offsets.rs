//! Which offsets may be committed: for each partition the highest one below which every record is finished.
//!
//! In: assignments, records that begin, records that are finished, in any order. Out: the offsets to commit. No I/O, no
//! clock.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;

/// A partition of one of the consumer's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Partition {
    /// The index into the consumer's topics.
    pub(crate) topic: usize,
    pub(crate) number: i32,
}

/// The turn of a partition with us: a partition that was taken away and came back has another one, so that what is
/// still running from before cannot be mistaken.
pub(crate) type Epoch = u64;

/// What is to be committed of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) partition: Partition,
    /// The offset after the last record below which all are finished.
    pub(crate) offset: i64,
    /// What Kafka keeps beside it: how often records behind it were handled already.
    pub(crate) metadata: String,
}

/// What attempts beside an offset begin with: the number of the format.
const ATTEMPTS: &str = "ew1";

/// How long the text beside an offset may be; Kafka's default is 4096.
const MAX_METADATA: usize = 3500;

/// The progress of all partitions that are ours.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    last_epoch: Epoch,
    partitions: BTreeMap<Partition, Progress>,
    n_uncommitted: usize,
}

#[derive(Debug)]
struct Progress {
    epoch: Epoch,
    /// Records that began, in the order of their offsets.
    begun: VecDeque<Begun>,
    /// The offset to commit: the one after the last record below which all are finished.
    next: Option<i64>,
    committed: Option<i64>,
    /// How often records that began were handled so far, where that must outlive the process.
    attempts: BTreeMap<i64, u32>,
    /// The attempts were committed as they are.
    attempts_committed: bool,
}

impl Progress {
    /// Returns the offset that may be committed and what stands beside it, if that is not committed already.
    fn commit(&self, partition: Partition) -> Option<Commit> {
        let is_new = self.next.is_some() && self.next != self.committed;
        if !is_new && self.attempts_committed {
            return None;
        }
        let offset = self.next.or_else(|| self.begun.front().map(|begun| begun.offset))?;
        let mut metadata = String::new();
        for (offset, attempts) in &self.attempts {
            let entry = format!(" {offset}:{attempts}");
            if metadata.is_empty() {
                metadata.push_str(ATTEMPTS);
            }
            if metadata.len() + entry.len() > MAX_METADATA {
                break;
            }
            metadata.push_str(&entry);
        }
        Some(Commit { partition, offset, metadata })
    }
}

/// Returns how often records were handled, by their offsets, from what was committed beside an offset.
pub(crate) fn attempts(metadata: &str) -> BTreeMap<i64, u32> {
    let Some(entries) = metadata.strip_prefix(ATTEMPTS) else { return BTreeMap::new() };
    let entry = |entry: &str| {
        let (offset, attempts) = entry.split_once(':')?;
        Some((offset.parse().ok()?, attempts.parse().ok()?))
    };
    entries.split(' ').filter_map(entry).collect()
}

/// A record that was taken in hand.
#[derive(Debug)]
struct Begun {
    offset: i64,
    finished: bool,
    arrival: Option<Arrival>,
}

/// How a record came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// When it was taken in hand.
    pub(crate) at: Instant,
    /// Its timestamp, in milliseconds since the Unix epoch.
    pub(crate) timestamp: Option<i64>,
}

/// How far a partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: Partition,
    /// The first record that is not finished, or would be the next one; `None` where there was none yet.
    pub(crate) next: Option<i64>,
    /// The timestamp of the oldest record in hand that is not finished.
    pub(crate) oldest: Option<i64>,
}

impl Offsets {
    /// Takes a partition that is ours from now on.
    pub(crate) fn assign(&mut self, partition: Partition) -> Epoch {
        self.last_epoch += 1;
        self.assign_as(partition, self.last_epoch);
        self.last_epoch
    }

    /// Takes a partition that comes and goes with another one, whose turn it shares.
    pub(crate) fn assign_as(&mut self, partition: Partition, epoch: Epoch) {
        let progress = Progress {
            epoch,
            begun: VecDeque::new(),
            next: None,
            committed: None,
            attempts: BTreeMap::new(),
            attempts_committed: true,
        };
        self.partitions.insert(partition, progress);
    }

    /// Notes that a partition is read from an offset on, which is what was committed of it.
    pub(crate) fn begin_at(&mut self, partition: Partition, offset: i64) {
        if let Some(progress) = self.partitions.get_mut(&partition) {
            (progress.next, progress.committed) = (Some(offset), Some(offset));
        }
    }

    /// Gives up a partition and returns what is still to be committed.
    pub(crate) fn revoke(&mut self, partition: Partition) -> Option<Commit> {
        self.partitions.remove(&partition)?.commit(partition)
    }

    /// Notes how often a record was handled that is not finished, to be committed beside the offset.
    pub(crate) fn note_attempts(&mut self, partition: Partition, epoch: Epoch, offset: i64, attempts: u32) {
        let progress = self.partitions.get_mut(&partition).filter(|progress| progress.epoch == epoch);
        if let Some(progress) = progress {
            progress.attempts.insert(offset, attempts);
            progress.attempts_committed = false;
            self.n_uncommitted += 1;
        }
    }

    /// Notes that a record was taken in hand, and how it came; records of a partition begin in the order of their offsets.
    pub(crate) fn begin(&mut self, partition: Partition, offset: i64, arrival: Option<Arrival>) {
        if let Some(progress) = self.partitions.get_mut(&partition) {
            progress.begun.push_back(Begun { offset, finished: false, arrival });
        }
    }

    /// Notes that a record was taken in hand and finished at once: [`begin`](Self::begin) and [`finish`](Self::finish) in one.
    pub(crate) fn pass(&mut self, partition: Partition, epoch: Epoch, offset: i64) {
        let progress = self.partitions.get_mut(&partition).filter(|progress| progress.epoch == epoch);
        match progress {
            Some(progress) if progress.begun.is_empty() && progress.attempts.is_empty() => {
                progress.next = Some(offset + 1);
                self.n_uncommitted += 1;
            }
            Some(_) => {
                self.begin(partition, offset, None);
                self.finish(partition, epoch, offset);
            }
            None => {}
        }
    }

    /// Notes that a record is finished, and returns how it came; what belongs to an earlier turn is ignored, for the record
    /// is somebody else's.
    pub(crate) fn finish(&mut self, partition: Partition, epoch: Epoch, offset: i64) -> Option<Arrival> {
        let progress = self.partitions.get_mut(&partition).filter(|progress| progress.epoch == epoch)?;
        let found = progress.begun.binary_search_by_key(&offset, |begun| begun.offset).ok();
        let begun = found.and_then(|index| progress.begun.get_mut(index))?;
        begun.finished = true;
        let arrival = begun.arrival;
        if progress.attempts.remove(&offset).is_some() {
            progress.attempts_committed = false;
        }
        while progress.begun.front().is_some_and(|first| first.finished)
            && let Some(first) = progress.begun.pop_front()
        {
            progress.next = Some(first.offset + 1);
            self.n_uncommitted += 1;
        }
        arrival
    }

    /// Returns how far each partition is.
    pub(crate) fn progress(&self) -> impl Iterator<Item = Place> {
        self.partitions.iter().map(|(partition, progress)| {
            let first = progress.begun.front();
            let next = first.map(|first| first.offset).or(progress.next);
            Place { partition: *partition, next, oldest: first.and_then(|first| first.arrival?.timestamp) }
        })
    }

    /// Returns how many records were finished since the last commit.
    pub(crate) fn n_uncommitted(&self) -> usize {
        self.n_uncommitted
    }

    /// Returns what is to be committed now, and takes it for committed; see [`Offsets::commit_failed`].
    pub(crate) fn take_commit(&mut self) -> Vec<Commit> {
        self.n_uncommitted = 0;
        let changed = |(partition, progress): (&Partition, &mut Progress)| {
            let commit = progress.commit(*partition)?;
            progress.committed = Some(commit.offset);
            progress.attempts_committed = true;
            Some(commit)
        };
        self.partitions.iter_mut().filter_map(changed).collect()
    }

    /// Notes that a commit failed: what it held is to be committed again with the next one.
    pub(crate) fn commit_failed(&mut self) {
        for progress in self.partitions.values_mut().filter(|progress| progress.committed.is_some()) {
            progress.committed = None;
            progress.attempts_committed = false;
            self.n_uncommitted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: Partition = Partition { topic: 0, number: 3 };

    /// A record's timestamp is ten times its offset.
    fn begin(offsets: &mut Offsets, offset: i64) {
        offsets.begin(P, offset, Some(Arrival { at: Instant::now(), timestamp: Some(offset * 10) }));
    }

    #[test]
    fn progress_is_where_the_first_unfinished_record_is() {
        let mut offsets = Offsets::default();
        let epoch = offsets.assign(P);
        let place = |offsets: &Offsets| offsets.progress().map(|place| (place.next, place.oldest)).next().unwrap();
        assert_eq!(place(&offsets), (None, None));
        begin(&mut offsets, 4);
        begin(&mut offsets, 6);
        assert_eq!(place(&offsets), (Some(4), Some(40)));
        assert_eq!(offsets.finish(P, epoch, 6).map(|arrival| arrival.timestamp), Some(Some(60)));
        assert_eq!(place(&offsets), (Some(4), Some(40)));
        assert!(offsets.finish(P, epoch, 4).is_some() && offsets.finish(P, epoch, 4).is_none());
        assert_eq!(place(&offsets), (Some(7), None));
        assert_eq!(offsets.finish(P, epoch + 1, 6), None);
    }

    #[test]
    fn what_was_committed_before_is_the_place_until_a_record_comes_and_is_not_committed_again() {
        let mut offsets = Offsets::default();
        let epoch = offsets.assign(P);
        offsets.begin_at(P, 5);
        assert_eq!(offsets.progress().next().unwrap().next, Some(5));
        assert_eq!(taken(&mut offsets), []);
        begin(&mut offsets, 7);
        assert_eq!(offsets.progress().next().unwrap().next, Some(7));
        offsets.finish(P, epoch, 7);
        assert_eq!(taken(&mut offsets), [(P, 8)]);
    }

    fn taken(offsets: &mut Offsets) -> Vec<(Partition, i64)> {
        offsets.take_commit().into_iter().map(|commit| (commit.partition, commit.offset)).collect()
    }

    #[test]
    fn only_what_is_finished_without_a_gap_is_committed() {
        let mut offsets = Offsets::default();
        let epoch = offsets.assign(P);
        for offset in [10, 11, 14, 15] {
            begin(&mut offsets, offset);
        }
        offsets.finish(P, epoch, 11);
        offsets.finish(P, epoch, 15);
        assert_eq!(taken(&mut offsets), []);
        offsets.finish(P, epoch, 10);
        assert_eq!(offsets.n_uncommitted(), 2);
        assert_eq!(taken(&mut offsets), [(P, 12)]);
        assert_eq!(taken(&mut offsets), []);
        offsets.finish(P, epoch, 14);
        assert_eq!(taken(&mut offsets), [(P, 16)]);
    }

    #[test]
    fn what_is_finished_at_once_waits_for_what_began_before() {
        let mut offsets = Offsets::default();
        let epoch = offsets.assign(P);
        offsets.pass(P, epoch, 10);
        assert_eq!((offsets.n_uncommitted(), taken(&mut offsets)), (1, vec![(P, 11)]));
        begin(&mut offsets, 11);
        offsets.pass(P, epoch, 12);
        offsets.pass(P, epoch - 1, 13);
        assert_eq!(taken(&mut offsets), []);
        offsets.note_attempts(P, epoch, 11, 2);
        offsets.finish(P, epoch, 11);
        assert_eq!(taken(&mut offsets), [(P, 13)]);
        assert_eq!(offsets.progress().next().unwrap().next, Some(13));
    }

    #[test]
    fn what_ran_on_while_the_partition_went_away_is_not_committed() {
        let mut offsets = Offsets::default();
        let before = offsets.assign(P);
        begin(&mut offsets, 1);
        assert_eq!(offsets.revoke(P), None);
        let after = offsets.assign(P);
        assert_ne!(before, after);
        begin(&mut offsets, 1);
        offsets.finish(P, before, 1);
        assert_eq!(taken(&mut offsets), []);
        offsets.finish(P, after, 1);
        assert_eq!(taken(&mut offsets), [(P, 2)]);
    }

    #[test]
    fn a_revoked_partition_gives_its_last_offset_unless_that_was_committed() {
        let mut offsets = Offsets::default();
        let epoch = offsets.assign(P);
        begin(&mut offsets, 1);
        offsets.finish(P, epoch, 1);
        assert_eq!(offsets.revoke(P).unwrap().offset, 2);
        let epoch = offsets.assign(P);
        begin(&mut offsets, 2);
        offsets.finish(P, epoch, 2);
        assert_eq!(taken(&mut offsets), [(P, 3)]);
        assert_eq!(offsets.revoke(P), None);
        assert_eq!(offsets.revoke(P), None);
    }

    #[test]
    fn a_failed_commit_is_repeated() {
        let mut offsets = Offsets::default();
        let epoch = offsets.assign(P);
        begin(&mut offsets, 1);
        offsets.finish(P, epoch, 1);
        assert_eq!(taken(&mut offsets), [(P, 2)]);
        offsets.commit_failed();
        assert_eq!(offsets.n_uncommitted(), 1);
        assert_eq!(taken(&mut offsets), [(P, 2)]);
    }

    #[test]
    fn attempts_of_unfinished_records_stand_beside_the_offset() {
        let mut offsets = Offsets::default();
        let epoch = offsets.assign(P);
        for offset in [10, 11, 12] {
            offsets.begin(P, offset, None);
        }
        offsets.note_attempts(P, epoch, 11, 2);
        offsets.note_attempts(P, epoch - 1, 12, 9);
        let commit = offsets.take_commit().remove(0);
        assert_eq!((commit.offset, &*commit.metadata), (10, "ew1 11:2"), "though none is finished");
        assert_eq!(offsets.take_commit(), []);
        offsets.finish(P, epoch, 10);
        offsets.finish(P, epoch, 11);
        let commit = offsets.revoke(P).unwrap();
        assert_eq!((commit.offset, &*commit.metadata), (12, ""));
        assert_eq!(attempts("ew1 11:2 12:3 x 13: :4"), BTreeMap::from([(11, 2), (12, 3)]));
        assert_eq!(attempts("somebody else's"), BTreeMap::new());
    }

    #[test]
    fn the_text_beside_an_offset_is_no_longer_than_kafka_takes() {
        let mut offsets = Offsets::default();
        let epoch = offsets.assign(P);
        for offset in 0..1000 {
            offsets.begin(P, offset, None);
            offsets.note_attempts(P, epoch, offset, 1);
        }
        let metadata = offsets.take_commit().remove(0).metadata;
        assert!(metadata.len() <= MAX_METADATA && attempts(&metadata).len() > 400, "{metadata}");
    }
}
