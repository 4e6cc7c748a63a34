//! A finding about a file of the user's: where, what, and what to do.
//!
//! Diagnostics are data: they are collected, all of them, and rendered once by whoever shows them.

use std::fmt;

/// A text with the name that messages call it by: a path, or `<subject> version 3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What messages call the text.
    pub name: String,
    /// The text.
    pub text: String,
}

/// A place in a text, both counted from 1; a column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, counted from 1.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
}

/// What is wrong with a schema or a manifest, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The name of the text, as in [`Source::name`].
    pub source: String,
    /// Where in the text.
    pub position: Position,
    /// What was expected and what was found: lowercase, without a final period.
    pub message: String,
    /// The next action, in the same style; empty where there is none to give.
    pub help: String,
}

impl Position {
    /// The first character of a text: for what is wrong with a file as a whole.
    pub const START: Self = Self { line: 1, column: 1 };

    /// Returns the position of a byte of `text`; an offset past the end is the end.
    #[must_use]
    pub fn of_offset(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let in_line = before.get(line_start..).unwrap_or("");
        Self { line: before.matches('\n').count() + 1, column: in_line.chars().count() + 1 }
    }
}

/// Marks in a text, so that many positions of a long one are found without going through all of it for each.
#[derive(Debug, Clone)]
pub(crate) struct Marks(Vec<(usize, Position)>);

impl Marks {
    /// How far marks are from each other, in bytes.
    const DISTANCE: usize = 4096;

    pub(crate) fn new(text: &str) -> Self {
        let (mut marks, mut at) = (vec![(0, Position::START)], Position::START);
        for (offset, letter) in text.char_indices() {
            if offset >= marks.len() * Self::DISTANCE {
                marks.push((offset, at));
            }
            at = match letter {
                '\n' => Position { line: at.line + 1, column: 1 },
                _ => Position { column: at.column + 1, ..at },
            };
        }
        Self(marks)
    }

    /// As [`Position::of_offset`] of the text that the marks were made of.
    pub(crate) fn position(&self, text: &str, offset: usize) -> Position {
        let before = self.0.partition_point(|(mark, _)| *mark <= offset).saturating_sub(1);
        let (mark, start) = self.0.get(before).copied().unwrap_or((0, Position::START));
        let rest = text.get(mark..).unwrap_or("");
        let after = Position::of_offset(rest, offset.saturating_sub(mark));
        let column = if after.line == 1 { start.column + after.column - 1 } else { after.column };
        Position { line: start.line + after.line - 1, column }
    }
}

impl Diagnostic {
    /// Returns a diagnostic about a file as a whole.
    pub fn of_file(source: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { source: source.into(), position: Position::START, message: message.into(), help: help.into() }
    }
}

/// One line: `file:line:column: what; help`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, position, message, help } = self;
        write!(f, "{source}:{}:{}: {message}", position.line, position.column)?;
        if help.is_empty() { Ok(()) } else { write!(f, "; {help}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_characters_and_not_bytes() {
        let check = |offset, line, column| {
            assert_eq!(Position::of_offset("aé\nüx\n", offset), Position { line, column });
        };
        check(0, 1, 1);
        check(3, 1, 3);
        check(4, 2, 1);
        check(6, 2, 2);
        check(99, 3, 1);
    }

    #[test]
    fn marks_lead_to_the_same_positions() {
        let text = "aéü\n".repeat(3000) + &"é".repeat(9000) + "\nx";
        let marks = Marks::new(&text);
        assert!(marks.0.len() > 5, "{}", marks.0.len());
        let offsets = (0..text.len() + 2).step_by(37).chain([4095, 4096, 4097, 8192]);
        for offset in offsets.filter(|offset| text.is_char_boundary((*offset).min(text.len()))) {
            assert_eq!(marks.position(&text, offset), Position::of_offset(&text, offset), "{offset}");
        }
    }
}
