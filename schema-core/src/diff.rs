//! What two schemas differ in, element by element: not whether that breaks anybody, which is `compat`'s matter.
//!
//! In: two schemas of one language. Out: every [`Change`], in the order of the newer one, each with its place.

use std::fmt;

use crate::Position;
use crate::compat::AnySchema;

/// One difference between two schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// What it happened to, such as `field`, `symbol` or `default`.
    pub element: &'static str,
    /// Where: the type's name and the field's, such as `Order.amount`; for JSON Schema a JSON pointer.
    pub path: String,
    /// What it was; empty where there was nothing.
    pub old: String,
    /// What it is; empty where there is nothing any more.
    pub new: String,
    /// The name of the text that `position` is in: the newer schema's, or the older one's for what was removed.
    pub source: String,
    /// Where in that text.
    pub position: Position,
}

/// What happened to an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Only the newer schema has it.
    Added,
    /// Only the older schema has it.
    Removed,
    /// It has another name: an alias or, in Protobuf, the number says that it is the same.
    Renamed,
    /// It has another type.
    Retyped,
    /// It stands elsewhere among its neighbours.
    Moved,
    /// It says something else.
    Changed,
}

impl ChangeKind {
    /// Returns the word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::Retyped => "retyped",
            Self::Moved => "moved",
            Self::Changed => "changed",
        }
    }
}

/// One line: `changed default of Order.amount: 0 -> 1`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, element, path, old, new, .. } = self;
        write!(f, "{} {element} {path}", kind.name())?;
        match (old.as_str(), new.as_str()) {
            ("", "") => Ok(()),
            ("", only) | (only, "") if matches!(kind, ChangeKind::Added | ChangeKind::Removed) => write!(f, ": {only}"),
            (old, new) => write!(f, ": {} -> {}", or_nothing(old), or_nothing(new)),
        }
    }
}

fn or_nothing(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}

/// Returns everything that differs. Two schemas of different languages differ in that alone.
#[must_use]
pub fn diff(old: &AnySchema, new: &AnySchema) -> Vec<Change> {
    match (old, new) {
        (AnySchema::Avro(old), AnySchema::Avro(new)) => crate::avro::diff::diff(old, new),
        #[cfg(feature = "proto")]
        (AnySchema::Protobuf(old), AnySchema::Protobuf(new)) => crate::proto::diff::diff(old, new),
        #[cfg(feature = "json")]
        (AnySchema::Json(old), AnySchema::Json(new)) => crate::json_schema::diff::diff(old, new),
        #[cfg(any(feature = "proto", feature = "json"))]
        _ => vec![Change {
            kind: ChangeKind::Changed,
            element: "schema language",
            path: "/".into(),
            old: old.format().schema_type().into(),
            new: new.format().schema_type().into(),
            source: String::new(),
            position: Position::START,
        }],
    }
}

/// Pairs the items of two lists that have equal keys; what has no partner stands alone. In the order of the newer list, with
/// what only the older one has behind.
pub(crate) fn paired<'a, T, K: Eq + std::hash::Hash>(
    old: &'a [T],
    new: &'a [T],
    key: impl Fn(&'a T) -> K,
) -> Vec<(Option<&'a T>, Option<&'a T>)> {
    let mut olds: std::collections::HashMap<K, &T> = old.iter().map(|one| (key(one), one)).collect();
    let mut pairs: Vec<_> = new.iter().map(|one| (olds.remove(&key(one)), Some(one))).collect();
    pairs.extend(old.iter().filter(|one| olds.contains_key(&key(one))).map(|one| (Some(one), None)));
    pairs
}

#[cfg(test)]
mod tests;
