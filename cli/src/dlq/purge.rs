//! `eventwright dlq purge`: shows what would be deleted, asks, and deletes it.

use std::io::IsTerminal as _;

use eventwright::replay::{self, Format, PurgePlan, Purgeable};

use super::{explained, table};
use crate::args::{PurgeArguments, PurgeWhich};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::screen;

/// Deletes letters that may go, once somebody has said yes.
pub(super) async fn run(arguments: PurgeArguments) -> anyhow::Result<Exit> {
    let PurgeArguments { dlq, which, dry_run, yes, format, connection } = arguments;
    let settings = crate::settings::load(&connection)?;
    let plan = replay::plan_purge(&settings, &dlq, &purgeable(which)?).await.map_err(explained)?;
    let (letters, never_replayed) = plan.totals();
    show(&plan, format)?;
    if letters == 0 {
        screen::summary("nothing to delete");
        return Ok(Exit::Done);
    }
    let what = format!("{letters} letters of `{dlq}`, of which {never_replayed} were never replayed");
    if dry_run {
        screen::summary(format!("would delete {what}"));
        return Ok(Exit::Done);
    }
    if !yes && !confirmed(&what).await? {
        screen::summary("nothing was deleted");
        return Ok(Exit::Done);
    }
    plan.carry_out(&settings).await.map_err(explained)?;
    screen::summary(format!("deleted {what}"));
    Ok(Exit::Done)
}

fn purgeable(which: PurgeWhich) -> anyhow::Result<Purgeable> {
    match which {
        PurgeWhich { older_than: Some(time), .. } => Ok(Purgeable::DiedBefore(time)),
        PurgeWhich { before: Some(cursor), .. } => Ok(Purgeable::Before(cursor)),
        PurgeWhich { replayed: true, .. } => Ok(Purgeable::Replayed),
        PurgeWhich { .. } => Err(Failure::usage("say what may go: --replayed, --older-than or --before")),
    }
}

fn show(plan: &PurgePlan, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::print(&serde_json::to_string(plan)?),
        _ if plan.partitions.is_empty() => Ok(()),
        _ => output::print(&table::purge(plan)),
    }
}

/// Asks on the terminal.
///
/// # Errors
/// No terminal to ask on.
async fn confirmed(what: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "would delete {what}, for ever; help: add --yes, or --dry-run to only look"
        )));
    }
    screen::note(format!("delete {what}, for ever? [y/N]"));
    let mut answer = String::new();
    let read = tokio::task::spawn_blocking(move || std::io::stdin().read_line(&mut answer).map(|_| answer)).await??;
    Ok(matches!(read.trim(), "y" | "Y" | "yes"))
}
