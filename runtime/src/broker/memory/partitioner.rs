//! Where a record goes that names no partition: Kafka's own rule for keys (`org.apache.kafka.common.utils.Utils.murmur2`).

/// Returns the partition of a key among so many.
pub(super) fn of_key(key: &[u8], partitions: i32) -> i32 {
    i32::try_from(murmur2(key) & 0x7fff_ffff).unwrap_or_default() % partitions.max(1)
}

/// Returns MurmurHash2 with Kafka's seed.
fn murmur2(bytes: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const FACTOR: u32 = 0x5bd1_e995;
    // The hash takes the length modulo 2^32, as Java's `int` has it.
    #[expect(clippy::cast_possible_truncation, reason = "see above")]
    let mut hash = SEED ^ bytes.len() as u32;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let word = u32::from_le_bytes(*word).wrapping_mul(FACTOR);
        let word = (word ^ (word >> 24)).wrapping_mul(FACTOR);
        hash = hash.wrapping_mul(FACTOR) ^ word;
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| (tail << 8) | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(FACTOR);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(FACTOR);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of the tests of Kafka itself.
    #[test]
    fn hashes_are_those_of_kafka() {
        let check = |key: &[u8], expected: i32| assert_eq!(murmur2(key).cast_signed(), expected, "{key:?}");
        check(b"21", -973_932_308);
        check(b"foobar", -790_332_482);
        check(b"a-little-bit-long-string", -985_981_536);
        check(b"a-little-bit-longer-string", -1_486_304_829);
        check(b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971);
        check(b"abc", 479_470_107);
    }
}
