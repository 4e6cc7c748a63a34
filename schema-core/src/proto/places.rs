//! Where the elements of a `.proto` file stand in its text.
//!
//! In: the source info that protox leaves in a descriptor. Out: byte ranges by the paths of `descriptor.proto`.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use prost_types::FileDescriptorProto;

use crate::{Position, Source};

/// The number of `name` in the messages of `descriptor.proto` that have one.
const NAME: i32 = 1;

/// A text, and where each element stands in it.
#[derive(Debug, Clone)]
pub(super) struct Places {
    source: Source,
    line_starts: Vec<usize>,
    ranges: HashMap<Vec<i32>, Range<usize>>,
    /// The elements with a comment before them or behind them.
    commented: HashSet<Vec<i32>>,
}

impl Places {
    pub(super) fn new(name: &str, text: &str, file: &FileDescriptorProto) -> Self {
        let line_starts: Vec<usize> =
            std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        let mut ranges = HashMap::new();
        let mut commented = HashSet::new();
        for location in file.source_code_info.iter().flat_map(|info| &info.location) {
            if location.leading_comments.is_some() || location.trailing_comments.is_some() {
                commented.insert(location.path.clone());
            }
            if let Some(range) = range_of(&location.span, &line_starts) {
                // An `extend` block may have the same path as the next one: the first stays.
                ranges.entry(location.path.clone()).or_insert(range);
            }
        }
        Self { source: Source { name: name.to_owned(), text: text.to_owned() }, line_starts, ranges, commented }
    }

    pub(super) fn name(&self) -> &str {
        &self.source.name
    }

    /// Returns the position of the element's name, or of the element, or of what is around it.
    pub(super) fn position_of(&self, path: &[i32]) -> Position {
        let mut of_name = path.to_vec();
        of_name.push(NAME);
        let around = (0..=path.len()).rev().filter_map(|len| path.get(..len)).filter(|path| !path.is_empty());
        let range = self.ranges.get(&of_name).or_else(|| around.into_iter().find_map(|path| self.ranges.get(path)));
        range.map_or(Position::START, |range| self.position_at(range.start))
    }

    pub(super) fn has_comment(&self, path: &[i32]) -> bool {
        self.commented.contains(path)
    }

    fn position_at(&self, offset: usize) -> Position {
        let line = self.line_starts.partition_point(|&start| start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.line_starts.get(index));
        let before = start.and_then(|&start| self.source.text.get(start..offset)).unwrap_or("");
        Position { line, column: before.chars().count() + 1 }
    }

    pub(super) fn text_of(&self, path: &[i32]) -> &str {
        self.ranges.get(path).and_then(|range| self.source.text.get(range.clone())).unwrap_or("")
    }
}

/// A span is line, column, line, column, or, within one line, line, column, column: counted from 0, columns in bytes.
fn range_of(span: &[i32], line_starts: &[usize]) -> Option<Range<usize>> {
    let offset =
        |line: i32, column: i32| Some(line_starts.get(usize::try_from(line).ok()?)? + usize::try_from(column).ok()?);
    match *span {
        [line, start, end] => Some(offset(line, start)?..offset(line, end)?),
        [line, start, last_line, end] => Some(offset(line, start)?..offset(last_line, end)?),
        _ => None,
    }
}
