//! Errors of handlers, with what they mean for the record: another attempt may help, or none will.

use std::error::Error as StdError;
use std::fmt;

use crate::Outcome;
use crate::handler::IntoOutcome;

/// Why a handler failed at a record. `?` makes one of any error, and lets the record be tried again; where no attempt can help,
/// say so with [`Terminal::terminal`].
///
/// ```
/// use eventwright::{Context, HandlerError, Terminal as _};
///
/// async fn handle(amount: &str, _: Context) -> Result<(), HandlerError> {
///     let amount: u32 = amount.parse().terminal()?;   // will never be a number: a dead letter at once
///     std::fs::write("/var/amount", amount.to_string())?;   // may work the next time
///     Ok(())
/// }
/// ```
pub struct HandlerError {
    source: Box<dyn StdError + Send + Sync>,
    is_terminal: bool,
}

impl HandlerError {
    /// Returns an error that another attempt may not have.
    pub fn retriable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: source.into(), is_terminal: false }
    }

    /// Returns an error that every attempt will have: the record is given up at once.
    pub fn terminal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: source.into(), is_terminal: true }
    }

    /// Returns whether every attempt will have it.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::retriable(error)
    }
}

/// Says of an error that every attempt will have it.
pub trait Terminal<T> {
    /// Returns the value, or an error that gives the record up at once.
    ///
    /// # Errors
    /// That of the result, as a terminal one.
    fn terminal(self) -> Result<T, HandlerError>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Terminal<T> for Result<T, E> {
    fn terminal(self) -> Result<T, HandlerError> {
        self.map_err(HandlerError::terminal)
    }
}

impl IntoOutcome for Result<Outcome, HandlerError> {
    fn into_outcome(self) -> Outcome {
        self.unwrap_or_else(|error| {
            let outcome = Outcome::retry(&*error.source);
            match outcome {
                Outcome::Retry(reason) if error.is_terminal => Outcome::Reject(reason),
                outcome => outcome,
            }
        })
    }
}

impl IntoOutcome for Result<(), HandlerError> {
    fn into_outcome(self) -> Outcome {
        self.map(|()| Outcome::Done).into_outcome()
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_terminal { "terminal" } else { "retriable" };
        write!(f, "{kind}: {:?}", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
        text.parse()
    }

    #[test]
    fn errors_are_tried_again_unless_they_are_terminal() {
        let retriable =
            || -> Result<Outcome, HandlerError> { Ok(if parse("x")? > 0 { Outcome::Done } else { panic!() }) };
        let terminal = || -> Result<Outcome, HandlerError> { parse("x").terminal().map(|_| Outcome::Done) };
        let reason = "invalid digit found in string";
        assert_eq!(retriable().into_outcome(), Outcome::Retry(reason.into()));
        assert_eq!(terminal().into_outcome(), Outcome::Reject(reason.into()));
        let text = Err::<(), _>("the order has no customer").terminal();
        assert_eq!(text.into_outcome(), Outcome::Reject("the order has no customer".into()));
        assert_eq!(Ok::<(), HandlerError>(()).into_outcome(), Outcome::Done);
    }
}
