//! The key and the headers of a record, which are copied when somebody asks for them, or when the record goes away first.
//!
//! In: a record that is lent. Out: its key and headers, for as long as anybody wants them. librdkafka takes headers apart when it
//! is asked for them, and that costs as much as to decode an event; most handlers never ask. So a handler begins with a record
//! that is lent to it, and only one that is not done by its first step has the copy made.
//!
//! This is the only file of the crate with unsafe code, and `make miri` runs its tests under Miri.
#![expect(unsafe_code, reason = "measured: with headers that nobody asks for, consuming takes a third more CPU")]

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rdkafka::message::{Header, Message};

use crate::message::headers;

/// What is in place of a header's length where it has no value.
const NO_VALUE: usize = usize::MAX;

/// How many bytes a length takes.
const LENGTH: usize = size_of::<usize>();

/// What can be lent.
pub(crate) trait Source: Sync {
    /// Returns the key, then for each header how long its name and its value are, the name, and the value.
    fn copy(&self) -> Vec<u8>;
}

impl<M: Message + Sync> Source for M {
    fn copy(&self) -> Vec<u8> {
        let key = self.key().unwrap_or_default();
        // Room for our own headers, so that few records need more.
        let mut bytes = Vec::with_capacity(key.len() + 320);
        bytes.extend_from_slice(key);
        for Header { key: name, value } in headers(self) {
            bytes.extend_from_slice(&name.len().to_ne_bytes());
            bytes.extend_from_slice(&value.map_or(NO_VALUE, <[u8]>::len).to_ne_bytes());
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(value.unwrap_or_default());
        }
        bytes
    }
}

/// Returns the headers of what [`Source::copy`] returned, but for the key.
pub(super) fn unpack(mut rest: &[u8]) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
    std::iter::from_fn(move || next_header(&mut rest))
}

/// Takes the first header off what is left of them.
fn next_header<'a>(rest: &mut &'a [u8]) -> Option<(&'a str, Option<&'a [u8]>)> {
    let mut length = || rest.split_off(..LENGTH)?.try_into().ok().map(usize::from_ne_bytes);
    let (name, value) = (length()?, length()?);
    let name = std::str::from_utf8(rest.split_off(..name)?).ok()?;
    Some((name, if value == NO_VALUE { None } else { Some(rest.split_off(..value)?) }))
}

/// What is known of a record, with its key and headers: a copy, or the record to make one of.
pub(super) struct Content<K> {
    pub(super) facts: K,
    copy: OnceLock<Vec<u8>>,
    /// The record while it is lent; it is looked at only behind the lock.
    lent: Mutex<Option<NonNull<dyn Source>>>,
}

// SAFETY: the pointer is followed behind the lock only, and gives no more than a shared reference to what is `Sync`.
unsafe impl<K: Send> Send for Content<K> {}
// SAFETY: as above.
unsafe impl<K: Sync> Sync for Content<K> {}

impl<K> Content<K> {
    /// Returns the content of a record, copied.
    pub(super) fn copied(facts: K, record: &impl Source) -> Arc<Self> {
        Arc::new(Self { facts, copy: OnceLock::from(record.copy()), lent: Mutex::new(None) })
    }

    /// Returns the bytes, which are copied at the first call.
    pub(super) fn bytes(&self) -> &[u8] {
        self.copy.get_or_init(|| {
            let lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: the record is there as long as the pointer is, and the pointer stays while we have the lock.
            lent.map_or_else(Vec::new, |lent| unsafe { lent.as_ref() }.copy())
        })
    }

    /// Ends the loan; the bytes are there as before.
    fn keep(&self) {
        let _over = Over(&self.lent);
        self.bytes();
    }
}

/// Takes the record away when it is dropped: also where the copy panics, for nobody may look at a record that is gone.
struct Over<'a>(&'a Mutex<Option<NonNull<dyn Source>>>);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Lends a record for as long as a piece of work takes; what somebody has of it after that is copied.
pub(crate) fn lend<K, T>(record: &dyn Source, work: impl FnOnce(&Lender<'_, K>) -> T) -> T {
    // Nobody but this function owns the lender, so that it is dropped before the record is gone, also where the work panics.
    work(&Lender { record, borrower: Cell::new(None) })
}

/// Lends a record to one after the other.
pub(crate) struct Lender<'a, K> {
    record: &'a dyn Source,
    /// Who has it.
    borrower: Cell<Option<Arc<Content<K>>>>,
}

impl<K> Lender<'_, K> {
    /// Returns the content of the record, which is lent and not copied.
    pub(super) fn content(&self, facts: K) -> Arc<Content<K>> {
        let lent: *const (dyn Source + '_) = self.record;
        // SAFETY: only the lifetime differs. The pointer is not followed after the loan, and that ends before the record does:
        // with the lender, or when it lends to the next one.
        let lent: *const (dyn Source + 'static) = unsafe { std::mem::transmute(lent) };
        let lent = Mutex::new(NonNull::new(lent.cast_mut()));
        let content = Arc::new(Content { facts, copy: OnceLock::new(), lent });
        end(self.borrower.replace(Some(Arc::clone(&content))));
        content
    }
}

impl<K> Drop for Lender<'_, K> {
    fn drop(&mut self) {
        end(self.borrower.take());
    }
}

/// Ends a loan; where nobody has the content any more, nothing is copied.
fn end<K>(borrower: Option<Arc<Content<K>>>) {
    if let Some(mut content) = borrower
        && Arc::get_mut(&mut content).is_none()
    {
        content.keep();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::*;

    /// A record on the heap, so that Miri sees what is read after its end.
    #[derive(Default)]
    struct Record {
        key: Box<str>,
        n_copies: AtomicU32,
    }

    impl Source for Record {
        fn copy(&self) -> Vec<u8> {
            self.n_copies.fetch_add(1, Ordering::Relaxed);
            self.key.as_bytes().to_vec()
        }
    }

    fn record(key: &str) -> Record {
        Record { key: key.into(), n_copies: AtomicU32::new(0) }
    }

    fn n_copies(record: &Record) -> u32 {
        record.n_copies.load(Ordering::Relaxed)
    }

    #[test]
    fn nothing_is_copied_that_nobody_asks_for() {
        let record = record("k1");
        assert_eq!(lend(&record, |lender| lender.content(7).facts), 7);
        assert_eq!(n_copies(&record), 0);
    }

    #[test]
    fn what_is_asked_for_is_copied_once() {
        let record = record("k1");
        let content = lend(&record, |lender| {
            let content = lender.content(());
            assert_eq!((content.bytes(), content.bytes(), n_copies(&record)), (&b"k1"[..], &b"k1"[..], 1));
            content
        });
        assert_eq!(n_copies(&record), 1);
        drop(record);
        assert_eq!(content.bytes(), b"k1");
    }

    #[test]
    fn whoever_has_the_content_after_the_loan_has_a_copy() {
        let record = record("k1");
        let (first, second) = lend(&record, |lender| (lender.content(1), lender.content(2)));
        assert_eq!(n_copies(&record), 2);
        drop(record);
        assert_eq!((first.bytes(), second.bytes()), (&b"k1"[..], &b"k1"[..]));
    }

    #[test]
    fn a_loan_ends_also_where_the_work_panics() {
        let record = record("k1");
        let mut kept = None;
        let worked = catch_unwind(AssertUnwindSafe(|| {
            lend(&record, |lender| {
                kept = Some(lender.content(()));
                panic!("in the work");
            })
        }));
        assert!(worked.is_err());
        drop(record);
        assert_eq!(kept.unwrap().bytes(), b"k1");
    }

    #[test]
    fn a_loan_ends_also_where_the_copy_panics() {
        struct Broken(Record);
        impl Source for Broken {
            fn copy(&self) -> Vec<u8> {
                panic!("no copy of {}", self.0.key);
            }
        }
        let record = Broken(record("k1"));
        let mut kept = None;
        assert!(catch_unwind(AssertUnwindSafe(|| lend(&record, |lender| kept = Some(lender.content(()))))).is_err());
        drop(record);
        assert_eq!(kept.unwrap().bytes(), b"");
    }

    #[test]
    fn other_threads_read_during_the_loan_and_after_it() {
        for _ in 0..20 {
            let record = record("k1");
            let reader = lend(&record, |lender| {
                let content = lender.content(());
                thread::spawn(move || content.bytes().to_vec())
            });
            drop(record);
            assert_eq!(reader.join().unwrap(), b"k1");
        }
    }
}
