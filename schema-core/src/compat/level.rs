//! Confluent's seven compatibility levels: which older versions a candidate is compared with, and in which directions.

use std::fmt;
use std::str::FromStr;

/// What versions of one subject promise each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Nothing is promised.
    None,
    /// The candidate reads what the last version wrote.
    Backward,
    /// The candidate reads what every version wrote.
    BackwardTransitive,
    /// The last version reads what the candidate writes.
    Forward,
    /// Every version reads what the candidate writes.
    ForwardTransitive,
    /// Backward and forward, with the last version.
    Full,
    /// Backward and forward, with every version.
    FullTransitive,
}

/// Which of two versions reads what the other one wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The new version reads what the old one wrote.
    Backward,
    /// The old version reads what the new one writes.
    Forward,
}

/// A text that names no level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLevel(String);

impl Level {
    /// All levels, in Confluent's order.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// Returns Confluent's name, such as `BACKWARD_TRANSITIVE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// Returns the directions that the level promises.
    #[must_use]
    pub const fn directions(self) -> &'static [Direction] {
        match self {
            Self::None => &[],
            Self::Backward | Self::BackwardTransitive => &[Direction::Backward],
            Self::Forward | Self::ForwardTransitive => &[Direction::Forward],
            Self::Full | Self::FullTransitive => &[Direction::Backward, Direction::Forward],
        }
    }

    /// Returns whether every older version counts, not only the last one.
    #[must_use]
    pub const fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Takes the names in any case, as Confluent does.
impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let known = Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(text));
        known.ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}

impl Direction {
    /// Returns `backward` or `forward`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backward => "backward",
            Self::Forward => "forward",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for UnknownLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no compatibility level, expected one of", self.0)?;
        let mut separator = ' ';
        for level in Level::ALL {
            write!(f, "{separator}{level}")?;
            separator = '|';
        }
        Ok(())
    }
}

impl std::error::Error for UnknownLevel {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_found_by_its_own_name_in_any_case() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
            assert_eq!(level.to_string().to_lowercase().parse(), Ok(level));
        }
    }

    #[test]
    fn an_unknown_level_is_answered_with_the_known_ones() {
        assert_eq!(
            "BACKWARDS".parse::<Level>().unwrap_err().to_string(),
            "`BACKWARDS` is no compatibility level, expected one of NONE|BACKWARD|BACKWARD_TRANSITIVE|FORWARD\
             |FORWARD_TRANSITIVE|FULL|FULL_TRANSITIVE"
        );
    }
}
