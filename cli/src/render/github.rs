//! Annotations of a GitHub workflow: `::error file=...,line=...::message`.

use eventwright_schema::Position;

use super::Outcome;

pub(super) fn render(outcome: &Outcome) -> String {
    let mut out = String::new();
    for error in &outcome.errors {
        out += &command("error", &error.source, error.position, "", &with_help(&error.message, &error.help));
    }
    for result in &outcome.results {
        for finding in result.report.findings.iter().chain(&result.report.warnings) {
            let message = with_help(&finding.message, &finding.help);
            out += &command(finding.severity.name(), &finding.source, finding.position, finding.rule.id, &message);
        }
    }
    out
}

fn with_help(message: &str, help: &str) -> String {
    if help.is_empty() { message.to_owned() } else { format!("{message}; {help}") }
}

fn command(severity: &str, file: &str, position: Position, title: &str, message: &str) -> String {
    let Position { line, column } = position;
    let title = if title.is_empty() { String::new() } else { format!(",title={}", property(title)) };
    format!("::{severity} file={},line={line},col={column}{title}::{}\n", property(file), data(message))
}

/// Escapes a message as the runner expects it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property, which colons and commas would end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(
            command("error", "a:b,c.avsc", Position { line: 3, column: 7 }, "RULE", "100 %:\nno"),
            "::error file=a%3Ab%2Cc.avsc,line=3,col=7,title=RULE::100 %25:%0Ano\n"
        );
    }
}
