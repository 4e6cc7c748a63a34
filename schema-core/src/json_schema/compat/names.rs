//! Which names of properties a pattern covers.
//!
//! Patterns come from outside: they are run by an engine without backtracking, on short names, within a budget.

use std::collections::HashMap;

use regex_lite::{Regex, RegexBuilder};

/// How long a name may be, and how large a compiled pattern: matching takes time for their product.
const MAX_NAME_LEN: usize = 256;
const MAX_COMPILED_LEN: usize = 1 << 15;

/// How many bytes of names are matched in one comparison: a second's worth of the slowest patterns.
const BUDGET: usize = 200_000;

/// The patterns that were compiled, `None` where one cannot be.
#[derive(Default)]
pub(super) struct NamePatterns {
    compiled: HashMap<String, Option<Regex>>,
    spent: usize,
}

impl NamePatterns {
    /// Returns whether a pattern covers a name, or `None` when the budget is spent. Patterns that the engine does not
    /// know, such as those that look around, cover nothing.
    pub(super) fn covers(&mut self, pattern: &str, name: &str) -> Option<bool> {
        self.spent += name.len() + 1;
        if self.spent > BUDGET {
            return None;
        }
        if name.len() > MAX_NAME_LEN {
            return Some(false);
        }
        if !self.compiled.contains_key(pattern) {
            self.spent += pattern.len();
            let regex = RegexBuilder::new(pattern).size_limit(MAX_COMPILED_LEN).build().ok();
            self.compiled.insert(pattern.to_owned(), regex);
        }
        Some(self.compiled.get(pattern).and_then(Option::as_ref).is_some_and(|regex| regex.is_match(name)))
    }
}
