//! `eventwright explain`: the page behind a rule.

use eventwright_schema::compat::rule::ALL;

use crate::exit::{Exit, Failure};
use crate::output;

/// Prints the page of a rule, or the list of all.
pub(crate) fn run(rule: Option<&str>) -> anyhow::Result<Exit> {
    let text = match rule {
        None => ALL.iter().map(|rule| format!("{}: {}\n", rule.id, rule.summary)).collect(),
        Some(name) => page(name)?.to_owned(),
    };
    output::print(&text)?;
    Ok(Exit::Done)
}

fn page(name: &str) -> anyhow::Result<&'static str> {
    let found = ALL.iter().find(|rule| rule.id.eq_ignore_ascii_case(name));
    found.map(|rule| rule.page).ok_or_else(|| {
        let wanted = name.to_ascii_uppercase();
        let close = ALL.iter().filter(|rule| rule.id.contains(&wanted) && !wanted.is_empty()).map(|rule| rule.id);
        let close: Vec<_> = close.take(5).collect();
        let help = match close.as_slice() {
            [] => "`eventwright explain` lists all".to_owned(),
            close => format!("did you mean {}?", close.join(", ")),
        };
        Failure::usage(format!("there is no rule `{name}`; help: {help}"))
    })
}
