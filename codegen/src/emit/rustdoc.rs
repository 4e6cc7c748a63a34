//! Emits the documentation of schemas as rustdoc: text that people wrote for no compiler, in which an indented line or a
//! block between fences would be a doctest of the crate that includes the code.
//!
//! In: the text of a schema. Out: the same Markdown without code that rustdoc takes for Rust.

use crate::rust::TokenStream;

/// Returns a doc comment; each line of it begins with a space, as rustfmt writes it.
pub(super) fn doc(text: &str) -> TokenStream {
    let mut tokens = TokenStream::new();
    for line in tidy(text).lines() {
        tokens.doc(&format!(" {line}"));
    }
    tokens
}

/// Returns the text with lines that end in `\n` only, are indented by two spaces at most, and with fences that name a
/// language other than Rust. What stands between fences stays as it is.
pub(super) fn tidy(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut open: Option<&str> = None;
    let lines = text.lines().map(|line| match (open, fence(line)) {
        (Some(opening), Some((marks, ""))) if marks.starts_with(opening) => {
            open = None;
            dedented(line)
        }
        (Some(_), _) => line.to_owned(),
        (None, Some((marks, info))) => {
            open = Some(marks);
            let line = dedented(line);
            // Without a name the block is Rust.
            let is_rust = info.is_empty() || info.starts_with("rust");
            line.strip_suffix(info).filter(|_| is_rust).map(|line| format!("{line}text")).unwrap_or(line)
        }
        (None, None) => dedented(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Four spaces make a block of code, behind the mark of a list or a quote as well; two are enough for a list in a list.
fn dedented(line: &str) -> String {
    let indent = if line.starts_with("  ") || line.starts_with('\t') { "  " } else { "" };
    let words: Vec<_> = line.split_whitespace().collect();
    if words.is_empty() { String::new() } else { format!("{indent}{}", words.join(" ")) }
}

/// Returns the marks of a line that opens or closes a block of code, and the info string behind them (CommonMark,
/// "Fenced code blocks"); the block may stand in a list or a quote.
fn fence(line: &str) -> Option<(&str, &str)> {
    let is_container = |mark: char| mark.is_whitespace() || mark.is_ascii_digit() || ">-*+.)".contains(mark);
    let line = line.trim_start_matches(is_container);
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let info = line.trim_start_matches(mark);
    let marks = line.strip_suffix(info)?;
    let is_inline = mark == '`' && info.contains('`');
    (marks.len() >= 3 && !is_inline).then_some((marks, info.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_a_doctest() {
        let check = |text: &str, expected: &str| assert_eq!(tidy(text), expected, "{text:?}");
        check("one\rtwo\r\nthree\n\nfour", "one\ntwo\nthree\n\nfour");
        check("For example:\n\n    a = b;\n\tc", "For example:\n\n  a = b;\n  c");
        check("- a\n  - b\n-     c\n>     d", "- a\n  - b\n- c\n> d");
        check("```\n    a\n```\n    b\n```", "```text\n    a\n```\n  b\n```text");
        check("```rust,ignore\na\n```", "```text\na\n```");
        check("```json\n{}\n```", "```json\n{}\n```");
        check("~~~~\n~~~\n```\n~~~~\n    b", "~~~~text\n~~~\n```\n~~~~\n  b");
        check("> ```\n> a\n> ```", "> ```text\n> a\n> ```");
        check("```a``` b\n    c", "```a``` b\n  c");
    }
}
