//! For people: the message, the source with what is meant underlined, and what to do.

use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use eventwright_schema::Position;
use eventwright_schema::compat::{Finding, Severity};

use super::fold::fold;
use super::{Outcome, Question, witness};
use crate::screen;

/// Prints everything on standard error.
pub(super) fn print(outcome: &Outcome) {
    let renderer = if screen::is_coloured() { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(DEFAULT_TERM_WIDTH);
    for error in &outcome.errors {
        let place = Place { source: &error.source, position: error.position };
        let title =
            Title { level: Level::ERROR, rule: None, message: &error.message, witness: None, help: &error.help };
        screen::block(&render(&renderer, outcome, place, &title));
    }
    for result in &outcome.results {
        for folded in fold(result.report.findings.iter().chain(&result.report.warnings)) {
            let (finding, message) = (folded.finding, folded.message());
            screen::block(&render(&renderer, outcome, place_of(finding), &title_of(finding, &message)));
        }
    }
    screen::summary(summary(outcome));
}

struct Place<'f> {
    source: &'f str,
    position: Position,
}

struct Title<'f> {
    level: Level<'f>,
    rule: Option<&'f str>,
    message: &'f str,
    witness: Option<String>,
    help: &'f str,
}

fn place_of(finding: &Finding) -> Place<'_> {
    Place { source: &finding.source, position: finding.position }
}

fn title_of<'f>(finding: &'f Finding, message: &'f str) -> Title<'f> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    Title { level, rule: Some(finding.rule.id), message, witness: witness::to_line(finding), help: &finding.help }
}

fn render(renderer: &Renderer, outcome: &Outcome, place: Place<'_>, title: &Title<'_>) -> String {
    let heading = title.level.clone().primary_title(title.message);
    let heading = match title.rule {
        Some(rule) => heading.id(rule),
        None => heading,
    };
    let text = outcome.text_of(place.source);
    let mut group = Group::with_title(heading);
    if let Some((text, span)) = text.as_deref().and_then(|text| Some((text, span_of(text, place.position)?))) {
        let annotation = AnnotationKind::Primary.span(span);
        group = group.element(Snippet::source(text).path(place.source).annotation(annotation));
    } else {
        group = group.element(annotate_snippets::Origin::path(place.source));
    }
    if let Some(witness) = &title.witness {
        group = group.element(Level::NOTE.with_name("witness").message(witness));
    }
    if !title.help.is_empty() {
        group = group.element(Level::HELP.message(title.help));
    }
    renderer.render(&[group])
}

/// Returns the bytes of what begins at a position: a string, a word, or else the rest of the line.
fn span_of(text: &str, position: Position) -> Option<std::ops::Range<usize>> {
    let line_start = match position.line {
        1 => 0,
        line => text.match_indices('\n').nth(line.checked_sub(2)?)?.0 + 1,
    };
    let line = text.get(line_start..)?.lines().next()?;
    let column = line.char_indices().nth(position.column.checked_sub(1)?).map_or(line.len(), |(at, _)| at);
    let rest = line.get(column..)?;
    let len = match rest.chars().next() {
        None => 0,
        Some('"') => rest.get(1..)?.find('"').map_or(rest.len(), |end| end + 2),
        Some('{' | '[') => rest.trim_end().trim_end_matches(',').len(),
        Some(_) => {
            rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|&end| end > 0).unwrap_or(1)
        }
    };
    let start = line_start + column;
    Some(start..(start + len).min(text.len()))
}

fn summary(outcome: &Outcome) -> String {
    let versions: usize = outcome.results.iter().map(|one| one.versions).sum();
    let broken = outcome.results.iter().filter(|one| !one.report.is_compatible()).count();
    let reports = || outcome.results.iter().map(|one| &one.report);
    let findings: usize = reports().map(|report| fold(report.findings.iter()).len() + report.omitted).sum();
    let warnings: usize = reports().map(|report| fold(report.warnings.iter()).len()).sum();
    let checked = format!("{} in {}", count(versions, "version"), count(outcome.results.len(), "history"));
    let verdict = match findings {
        0 if outcome.errors.is_empty() => match outcome.question {
            Question::Compatibility => "compatible".to_owned(),
            Question::Lint if warnings == 0 => "nothing to say".to_owned(),
            Question::Lint => "nothing that is denied".to_owned(),
        },
        0 => "nothing found so far".to_owned(),
        _ => format!("{} in {broken}", count(findings, "finding")),
    };
    let mut parts = vec![format!("{checked}: {verdict}")];
    parts.extend((warnings > 0).then(|| count(warnings, "warning")));
    parts.extend((!outcome.errors.is_empty()).then(|| format!("{} cannot be checked", outcome.errors.len())));
    parts.join(", ")
}

fn count(number: usize, word: &str) -> String {
    match (number, word.strip_suffix('y')) {
        (1, _) => format!("1 {word}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ => format!("{number} {word}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_underlined_is_what_begins_there() {
        let text = "{\n  \"näme\": \"a b\", \"x\": {\"y\": 1},\n  word_1;\n}";
        let check = |line, column, expected: &str| {
            let span = span_of(text, Position { line, column });
            assert_eq!(span.and_then(|span| text.get(span)), Some(expected), "{line}:{column}");
        };
        check(1, 1, "{");
        check(2, 3, "\"näme\"");
        check(2, 11, "\"a b\"");
        check(2, 23, "{\"y\": 1}");
        check(3, 3, "word_1");
        check(3, 9, ";");
        check(4, 2, "");
        assert_eq!(span_of(text, Position { line: 9, column: 1 }), None);
    }
}
