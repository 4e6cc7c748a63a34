//! What is done to the consumers, and which records fail.

use clap::Parser;

/// Kills consumers, brokers and the registry while events flow, and checks that nothing is lost and keys stay in order.
#[derive(Debug, Clone, Parser)]
#[command(name = "chaos")]
pub struct Plan {
    /// How many events are sent.
    #[arg(long, default_value_t = 500_000)]
    pub events: u32,
    /// How many keys they have.
    #[arg(long, default_value_t = 1_000)]
    pub keys: u32,
    /// How many processes consume them.
    #[arg(long, default_value_t = 4)]
    pub consumers: usize,
    /// How many handlers each of them runs at once.
    #[arg(long, default_value_t = 3)]
    pub workers: usize,
    /// How many brokers there are: 1 or 3.
    #[arg(long, default_value_t = 3)]
    pub brokers: u32,
    /// How many events are sent a second at most; 0 is as many as possible.
    #[arg(long, default_value_t = 4_000)]
    pub rate: u32,
    /// How many retry topics there are.
    #[arg(long, default_value_t = 1)]
    pub retry_topics: u32,
    /// How many milliseconds lie between two faults.
    #[arg(long, default_value_t = 3_000)]
    pub pause: u64,
    /// What chance begins with: the same number, the same faults.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// What a handler does with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Succeeds,
    /// It fails the first two times.
    Recovers,
    /// It is rejected.
    Dies,
}

impl Plan {
    /// Returns what becomes of the record of that number of a key.
    pub(crate) fn fate(key: u32, number: u32) -> Fate {
        let mixed = (u64::from(key) << 32 | u64::from(number) | 1 << 63).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        match mixed % 1000 {
            0 => Fate::Dies,
            1..=10 => Fate::Recovers,
            _ => Fate::Succeeds,
        }
    }

    /// Returns how many records a key has.
    pub(crate) fn records_of(&self, key: u32) -> u32 {
        self.events / self.keys + u32::from(key < self.events % self.keys)
    }
}
