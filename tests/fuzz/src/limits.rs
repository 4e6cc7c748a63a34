//! How much memory an input justifies.

use eventwright_codegen_tests::allocation::allocated;

/// What may be asked for in all, whether given back or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Without any input: defaults, the text of an error.
    pub(crate) at_least: usize,
    /// For each byte of the input.
    pub(crate) per_byte: usize,
}

/// Events: the widest golden record takes 400 bytes, and its shortest encoding 7; an item of one byte has a default of 71 in
/// another one. Lists that grow cost twice, and so do the bytes that a transcoder writes.
pub(crate) const BYTES: Limit = Limit { at_least: 64 << 10, per_byte: 512 };

/// JSON values: an object of one field takes 700 bytes and may stand for two bytes of Avro.
pub(crate) const VALUES: Limit = Limit { at_least: 256 << 10, per_byte: 2048 };

/// Schema texts: a byte may begin a node of the model, and a name stands in several tables.
pub(crate) const TEXTS: Limit = Limit { at_least: 4 << 20, per_byte: 4096 };

impl Limit {
    /// Runs and returns what `run` returns, after a look at what it asked for.
    pub(crate) fn check<T>(self, length: usize, run: impl FnOnce() -> T) -> T {
        let (result, allocated) = allocated(run);
        let most = self.at_least + self.per_byte * length;
        assert!(allocated <= most, "{allocated} bytes were allocated for an input of {length}, more than {most}");
        result
    }
}
