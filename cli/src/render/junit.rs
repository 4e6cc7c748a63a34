//! JUnit's XML: a test case a history, which fails with its findings.

use super::Outcome;

pub(super) fn render(outcome: &Outcome) -> String {
    let broken = outcome.results.iter().filter(|one| !one.report.is_compatible()).count();
    let (cases, errors) = (outcome.results.len() + outcome.errors.len(), outcome.errors.len());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out += &format!(
        "<testsuites><testsuite name=\"eventwright check\" tests=\"{cases}\" failures=\"{broken}\" errors=\"{errors}\">\n"
    );
    for error in &outcome.errors {
        let text = escaped(&error.to_string());
        out += &format!(
            "  <testcase classname=\"schema\" name=\"{}\"><error message=\"{}\">{text}</error></testcase>\n",
            escaped(&error.source),
            escaped(&error.message)
        );
    }
    for result in &outcome.results {
        let (class, name) = (result.kind.name(), escaped(&result.name));
        let head = format!("  <testcase classname=\"{class}\" name=\"{name}\"");
        let findings = &result.report.findings;
        out += &match findings.first() {
            None => format!("{head}/>\n"),
            Some(first) => {
                let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
                let (kind, message) = (first.rule.id, escaped(&first.message));
                let text = escaped(&all.join("\n"));
                format!("{head}><failure type=\"{kind}\" message=\"{message}\">{text}</failure></testcase>\n")
            }
        };
    }
    out + "</testsuite></testsuites>\n"
}

/// Escapes text for an element or an attribute; characters that XML cannot hold become question marks.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' => out += "&#10;",
            '\t' | '\r' => out.push(' '),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_an_element() {
        assert_eq!(escaped("<a b=\"c\">&\n\u{1}"), "&lt;a b=&quot;c&quot;&gt;&amp;&#10;?");
    }
}
