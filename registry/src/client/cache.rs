//! A cache of what never changes: read once, kept for ever, with one reader at a time a key.
//!
//! An error is not kept: the next caller asks again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

pub(super) struct Cache<K, V>(Mutex<HashMap<K, Arc<OnceCell<Arc<V>>>>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Copy + Eq + Hash, V> Cache<K, V> {
    /// Returns the value of `key`; where there is none yet, one caller reads it and the others wait.
    pub(super) async fn get_or_read<E, F>(&self, key: K, read: impl FnOnce() -> F) -> Result<Arc<V>, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        let cell = Arc::clone(self.cells().entry(key).or_default());
        let value = cell.get_or_try_init(|| async { read().await.map(Arc::new) }).await.cloned();
        if value.is_err() {
            self.forget_if_empty(key);
        }
        value
    }

    /// Drops the cell of a key that could not be read, so that made-up ids in hostile records take no memory.
    fn forget_if_empty(&self, key: K) {
        let mut cells = self.cells();
        if cells.get(&key).is_some_and(|cell| !cell.initialized()) {
            cells.remove(&key);
        }
    }

    fn cells(&self) -> MutexGuard<'_, HashMap<K, Arc<OnceCell<Arc<V>>>>> {
        // No code that can panic runs under the lock, and a map of cells has no half-done state.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn callers_at_the_same_time_share_one_read() {
        let (cache, reads) = (Cache::<u32, u32>::default(), AtomicU32::new(0));
        let read = || async {
            reads.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok::<_, ()>(7)
        };
        let (a, b) = tokio::join!(cache.get_or_read(1, read), cache.get_or_read(1, read));
        assert_eq!((a, b), (Ok(Arc::new(7)), Ok(Arc::new(7))));
        assert_eq!(reads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_error_is_not_kept_and_takes_no_memory() {
        let cache = Cache::<u32, u32>::default();
        assert_eq!(cache.get_or_read(1, || async { Err("down") }).await, Err("down"));
        assert!(cache.cells().is_empty());
        assert_eq!(cache.get_or_read(1, || async { Ok::<_, &str>(7) }).await, Ok(Arc::new(7)));
    }
}
