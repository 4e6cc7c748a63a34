//! What people read: everything on standard error, with colour on a terminal only and NO_COLOR respected.
//!
//! A closed standard error is no reason to fail, so that results of writing are ignored here.

use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use eventwright::RegistryError;

const BAD: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// Prints why the command failed: the error, what caused it, and what to do.
pub(crate) fn error(error: &anyhow::Error) {
    let mut text = String::new();
    let mut causes = error.chain().peekable();
    let mut is_of_http = false;
    while let Some(cause) = causes.next() {
        // Of the layers of an HTTP client, only the innermost says what happened.
        let is_layer = is_of_http && causes.peek().is_some();
        is_of_http = is_of_http || cause.is::<RegistryError>();
        let cause = cause.to_string();
        // Some errors repeat their cause in their own text.
        if is_layer || text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str("\n  because: ");
        }
        text.push_str(&cause);
    }
    say(BAD, "error", text);
}

/// Prints what is wrong with one line of the input.
pub(crate) fn line_error(line: u64, what: impl Display) {
    say(BAD, "error", format!("line {line}: {what}"));
}

/// Prints what goes wrong but does not stop the command.
pub(crate) fn warning(what: impl Display) {
    say(WARNING, "warning", what.to_string());
}

/// Prints what is worth knowing.
pub(crate) fn note(what: impl Display) {
    let _ = writeln!(anstream::stderr(), "{FAINT}{what}{FAINT:#}");
}

/// Prints what came of the command.
pub(crate) fn summary(what: impl Display) {
    let _ = writeln!(anstream::stderr(), "{what}");
}

/// Prints a text of several lines, with an empty one behind it.
pub(crate) fn block(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}\n");
}

/// Returns whether standard error is for eyes: a terminal, and nobody said NO_COLOR.
pub(crate) fn is_coloured() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

/// Overwrites the line of progress; an empty text removes it.
pub(crate) fn progress(what: &str) {
    let mut stderr = anstream::stderr();
    let _ = write!(stderr, "\r\x1b[2K{FAINT}{what}{FAINT:#}");
    let _ = stderr.flush();
}

/// Prints that this program has a bug.
pub(crate) fn bug(message: &str, place: &str) {
    let version = env!("CARGO_PKG_VERSION");
    let issues = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");
    let _ = writeln!(anstream::stderr(), "{BAD}bug:{BAD:#} {message}\n  at {place}, eventwright {version}");
    let _ = writeln!(anstream::stderr(), "  help: please report it with the command that you ran, at {issues}");
}

fn say(style: Style, word: &str, text: String) {
    let text = text.replace("; help: ", "\n  help: ");
    let _ = writeln!(anstream::stderr(), "{style}{word}:{style:#} {text}");
}
