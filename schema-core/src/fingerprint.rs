//! Fingerprints of a canonical form: CRC-64-AVRO (Avro 1.12, "Schema Fingerprints") and SHA-256.

use sha2::{Digest, Sha256};

/// Two fingerprints of one canonical form: a short one to look up by, a long one to be sure by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// CRC-64-AVRO, as in single-object encoding.
    pub crc64: u64,
    /// SHA-256.
    pub sha256: [u8; 32],
}

impl Fingerprint {
    /// Returns the fingerprints of a canonical form.
    #[must_use]
    pub fn of(canonical: &[u8]) -> Self {
        Self { crc64: crc64(canonical), sha256: Sha256::digest(canonical).into() }
    }
}

const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

/// Returns the CRC-64-AVRO of `bytes`: the 64-bit Rabin fingerprint of the specification.
#[must_use]
pub fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |fingerprint, &byte| {
        let [low, ..] = fingerprint.to_le_bytes();
        (fingerprint >> 8) ^ TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default()
    })
}

/// What each byte does to a fingerprint.
static TABLE: [u64; 256] = table();

#[expect(clippy::indexing_slicing, reason = "in a constant, where an index outside does not compile")]
const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let (mut entry, mut bit) = (index as u64, 0);
        while bit < 8 {
            entry = (entry >> 1) ^ (EMPTY & (entry & 1).wrapping_neg());
            bit += 1;
        }
        table[index] = entry;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc64_equals_the_values_of_the_avro_project() {
        // share/test/data/schema-tests.txt of apache/avro: "null", "boolean", "int".
        assert_eq!(crc64(br#""null""#), 7_195_948_357_588_979_594);
        assert_eq!(crc64(br#""boolean""#).cast_signed(), -6_970_731_678_124_411_036);
        assert_eq!(crc64(br#""int""#), 8_247_732_601_305_521_295);
    }
}
