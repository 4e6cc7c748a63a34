//! Which faults there are, and in which order they come: dealt like cards from a pack that chance shuffles, and shuffled again
//! when it is empty.

use crate::plan::Store;

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    ConsumerKilled,
    ConsumerStopped,
    BrokerKilled,
    BrokerRestarted,
    ConnectionsCut,
    BrokerCutOff,
    Silence,
    RegistryAway,
    StoreKilled,
    StoreRestarted,
}

/// What is in every pack.
const ALWAYS: [Fault; 12] = [
    Fault::ConsumerKilled,
    Fault::ConsumerKilled,
    Fault::ConsumerKilled,
    Fault::ConsumerKilled,
    Fault::ConsumerStopped,
    Fault::BrokerKilled,
    Fault::BrokerRestarted,
    Fault::ConnectionsCut,
    Fault::ConnectionsCut,
    Fault::BrokerCutOff,
    Fault::Silence,
    Fault::RegistryAway,
];

impl Fault {
    /// Returns the words that a report has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ConsumerKilled => "consumer killed",
            Self::ConsumerStopped => "consumer stopped and continued",
            Self::BrokerKilled => "broker killed",
            Self::BrokerRestarted => "broker restarted",
            Self::ConnectionsCut => "all connections to Kafka cut",
            Self::BrokerCutOff => "broker cut off",
            Self::Silence => "Kafka silent",
            Self::RegistryAway => "registry away",
            Self::StoreKilled => "store killed",
            Self::StoreRestarted => "store restarted",
        }
    }
}

/// Faults in the order of chance.
pub(crate) struct Pack {
    all: Vec<Fault>,
    left: Vec<Fault>,
    chance: u64,
}

impl Pack {
    pub(crate) fn new(store: Store, seed: u64) -> Self {
        let own: &[Fault] = match store {
            Store::None | Store::Sqlite | Store::Transactions => &[],
            Store::Redis => &[Fault::StoreKilled, Fault::StoreRestarted],
            Store::Postgres => &[Fault::StoreKilled],
        };
        let all = [&ALWAYS, own].concat();
        // Small seeds are alike in almost all of their bits.
        Self { all, left: Vec::new(), chance: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    pub(crate) fn deal(&mut self) -> Fault {
        if self.left.is_empty() {
            self.left.clone_from(&self.all);
        }
        let index = self.below(self.left.len());
        self.left.swap_remove(index)
    }

    /// Returns a number below a limit: by Marsaglia's xorshift.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        usize::try_from(self.chance >> 33).unwrap_or(0) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_comes_in_every_pack_and_the_order_is_that_of_the_seed() {
        let dealt = |seed, count| {
            let mut pack = Pack::new(Store::Redis, seed);
            (0..count).map(|_| pack.deal()).collect::<Vec<_>>()
        };
        let two = dealt(1, 28);
        assert_eq!(two, dealt(1, 28));
        assert_ne!(two, dealt(2, 28));
        let sorted = |faults: &[Fault]| {
            let mut sorted = faults.to_vec();
            sorted.sort_unstable();
            sorted
        };
        let expected = sorted(&[&ALWAYS[..], &[Fault::StoreKilled, Fault::StoreRestarted]].concat());
        assert_eq!([sorted(&two[..14]), sorted(&two[14..])], [expected.clone(), expected]);
    }
}
