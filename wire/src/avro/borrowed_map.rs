//! A map whose keys borrow from the bytes: entries in the order of their keys, in one allocation.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::{Serialize, Serializer};

/// The entries of a map in the order of their keys, each key once: what a `BTreeMap` is in the owned form. It is a slice
/// of pairs to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct BorrowedMap<'a, T>(Vec<(&'a str, T)>);

impl<'a, T> BorrowedMap<'a, T> {
    /// Returns the value of that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        let at = self.0.binary_search_by_key(&key, |(key, _)| key).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Returns the owned form; `own` returns that of a value.
    #[must_use]
    pub fn into_owned<O>(self, mut own: impl FnMut(T) -> O) -> BTreeMap<String, O> {
        self.0.into_iter().map(|(key, value)| (key.to_owned(), own(value))).collect()
    }
}

/// From entries in any order; of two equal keys the later one holds.
impl<'a, T> From<Vec<(&'a str, T)>> for BorrowedMap<'a, T> {
    #[inline]
    fn from(mut entries: Vec<(&'a str, T)>) -> Self {
        if !entries.is_sorted_by(|a, b| is_before(a.0, b.0)) {
            sort(&mut entries);
        }
        Self(entries)
    }
}

#[inline(never)]
fn sort<T>(entries: &mut Vec<(&str, T)>) {
    // The sort is stable, so that the first of equal keys, in reverse, is the last that was written.
    entries.reverse();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    entries.dedup_by(|a, b| a.0 == b.0);
}

/// Whether one key is before another. Most keys differ in their first bytes, which are compared without a call.
#[inline]
fn is_before(a: &str, b: &str) -> bool {
    match (a.as_bytes(), b.as_bytes()) {
        ([a, ..], [b, ..]) if a != b => a < b,
        _ => a < b,
    }
}

impl<'a, T> Deref for BorrowedMap<'a, T> {
    type Target = [(&'a str, T)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T: Serialize> Serialize for BorrowedMap<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_those_that_a_tree_would_hold() {
        let check = |entries: &[(&'static str, u8)]| {
            let tree: BTreeMap<_, _> = entries.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
            let map = BorrowedMap::from(entries.to_vec());
            assert_eq!(map.clone().into_owned(|value| value), tree, "{entries:?}");
            assert!(map.iter().map(|(key, _)| *key).eq(tree.keys().map(String::as_str)), "{entries:?}");
            for key in ["", "a", "b", "c"] {
                assert_eq!(map.get(key), tree.get(key), "{entries:?}");
            }
        };
        check(&[]);
        check(&[("a", 1), ("b", 2)]);
        check(&[("b", 1), ("a", 2)]);
        check(&[("a", 1), ("a", 2)]);
        check(&[("ab", 1), ("a", 2), ("ac", 3), ("aa", 4)]);
        check(&[("", 1), ("a", 2), ("aa", 3), ("ab", 4), ("b", 5)]);
        check(&[("a", 1), ("b", 2), ("a", 3), ("", 4), ("b", 5), ("a", 6)]);
    }
}
