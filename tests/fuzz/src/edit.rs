//! Valid bytes and texts with mistakes in them: so inputs get past the first check, and deep code is reached.

use bolero::bolero_engine::driver::{ByteSliceDriver, Options};
use bolero::{TypeGenerator, ValueGenerator, produce};
use eventwright_wire::avro::Writer;

/// Lengths and counts that nobody means.
const HOSTILE: [i64; 12] =
    [i64::MAX, i64::MIN, -1, -2, -3, 1 << 40, 1_000_000_000_000, 60_000_000, 1 << 31, 65_536, 1024, 1 << 62];

/// What an edited input may grow to.
const MAX_LEN: usize = 64 << 10;

/// Which sample is taken, and what is done to it.
#[derive(Debug, Clone, TypeGenerator)]
pub(crate) struct Edited {
    target: u16,
    sample: u16,
    #[generator(produce::<Vec<Edit>>().with().len(1_usize..4))]
    edits: Vec<Edit>,
}

/// One mistake. Places are taken modulo the length.
#[derive(Debug, Clone, TypeGenerator)]
enum Edit {
    Truncate {
        at: u16,
    },
    Flip {
        at: u16,
        bit: u8,
    },
    Insert {
        at: u16,
        byte: u8,
    },
    Remove {
        at: u16,
        count: u8,
    },
    /// A variable-length integer takes the place of some bytes.
    Hostile {
        at: u16,
        which: u8,
        removed: u8,
    },
    /// A piece stands there so many times more.
    Repeat {
        at: u16,
        length: u8,
        times: u16,
    },
    /// A piece of another sample.
    Splice {
        at: u16,
        sample: u16,
        from: u16,
        length: u8,
    },
    /// A word of the language.
    Word {
        at: u16,
        which: u8,
        removed: u8,
    },
}

/// Returns a value that the input means; bytes that it does not have are zero.
pub(crate) fn from_input<T: TypeGenerator>(input: &[u8]) -> T {
    let mut driver = ByteSliceDriver::new(input, &Options::default());
    produce::<T>().generate(&mut driver).expect("every input has a meaning")
}

impl Edited {
    /// Returns one of the things that are fuzzed together.
    pub(crate) fn pick<'t, T>(&self, things: &'t [T]) -> &'t T {
        pick(self.target, things)
    }

    /// Returns one of the samples with the mistakes in it.
    pub(crate) fn apply<S: AsRef<[u8]>>(&self, samples: &[S], words: &[&str]) -> Vec<u8> {
        let mut bytes = pick(self.sample, samples).as_ref().to_vec();
        for edit in &self.edits {
            edit.apply(&mut bytes, samples, words);
            bytes.truncate(MAX_LEN);
        }
        bytes
    }

    /// As [`Edited::apply`], for texts: what is not UTF-8 is replaced.
    pub(crate) fn apply_to_text(&self, samples: &[String], words: &[&str]) -> String {
        String::from_utf8_lossy(&self.apply(samples, words)).into_owned()
    }
}

impl Edit {
    fn apply<S: AsRef<[u8]>>(&self, bytes: &mut Vec<u8>, samples: &[S], words: &[&str]) {
        let place = |at: u16| usize::from(at) % (bytes.len() + 1);
        let range = |at: u16, length: u8| place(at)..(place(at) + usize::from(length)).min(bytes.len());
        match *self {
            Self::Truncate { at } => bytes.truncate(place(at)),
            Self::Flip { at, bit } => {
                let at = place(at);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << (bit % 8));
            }
            Self::Insert { at, byte } => bytes.insert(place(at), byte),
            Self::Remove { at, count } => drop(bytes.drain(range(at, count))),
            Self::Hostile { at, which, removed } => {
                drop(bytes.splice(range(at, removed % 4), long(*pick(which.into(), &HOSTILE))));
            }
            Self::Repeat { at, length, times } => {
                let range = range(at, length);
                let piece = bytes.get(range.clone()).unwrap_or_default().repeat(usize::from(times % 1024));
                drop(bytes.splice(range.start..range.start, piece));
            }
            Self::Splice { at, sample, from, length } => {
                let other = pick(sample, samples).as_ref();
                let from = usize::from(from) % (other.len() + 1);
                let piece = other.get(from..(from + usize::from(length)).min(other.len())).unwrap_or_default();
                let at = place(at);
                drop(bytes.splice(at..at, piece.iter().copied()));
            }
            Self::Word { at, which, removed } => {
                let word = if words.is_empty() { "" } else { pick(which.into(), words) };
                drop(bytes.splice(range(at, removed % 16), word.bytes()));
            }
        }
    }
}

/// Returns the item of that number, counted around.
pub(crate) fn pick<T>(number: u16, items: &[T]) -> &T {
    items.get(usize::from(number) % items.len().max(1)).expect("there are samples")
}

fn long(value: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Writer::new(&mut bytes).long(value);
    bytes
}
