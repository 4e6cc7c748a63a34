//! `eventwright register`: does what `eventwright plan` shows.
//!
//! In: a plan in which everything is compatible. Out: levels that are set, then versions that are registered, each after what
//! it refers to. What is done stays done: whatever fails on the way, the next run goes on from there.

use eventwright_schema::load;

use crate::args::{PlanFormat, RegisterArguments};
use crate::exit::Exit;
use crate::plan::{self, Plan, State};
use crate::registry::Registry;
use crate::{screen, settings};

pub(crate) async fn run(arguments: &RegisterArguments) -> anyhow::Result<Exit> {
    if arguments.dry_run {
        return plan::run(&arguments.plan).await;
    }
    let format = arguments.plan.format;
    let loaded = load::load(&arguments.plan.manifest);
    let Some(mut plan) = plan::checked(&loaded, &arguments.plan).await? else { return Ok(Exit::Findings) };
    if !plan::refuse(&plan, format)? {
        print(&plan, format)?;
        return Ok(Exit::Findings);
    }
    for step in plan.steps.iter().filter(|step| step.state == State::Behind) {
        let label = step.candidate.label();
        screen::warning(format!("{label} is older than what is registered, and stays out; help: --include-older"));
    }
    if !plan.has_changes() {
        print(&plan, format)?;
        let count = plan.steps.iter().filter(|step| step.state != State::Behind).count();
        screen::summary(format!("nothing to do: {count} versions are registered"));
        return Ok(Exit::Done);
    }
    let registry = Registry::reach(&settings::of_registry(&arguments.plan.registry)?).await?;
    let mut done = Done::default();
    if let Err(error) = carry_out(&registry, &mut plan, &mut done).await {
        screen::note(format!("before it failed, {done}; run the command again to go on from there"));
        return Err(error);
    }
    print(&plan, format)?;
    screen::summary(&done);
    if !done.drafts.is_empty() {
        let drafts = done.drafts.join(", ");
        screen::warning(format!("not released: {drafts}; help: `eventwright lock` keeps their files from changing"));
    }
    Ok(Exit::Done)
}

/// For people, each change was printed as it was made.
fn print(plan: &Plan<'_>, format: PlanFormat) -> anyhow::Result<()> {
    if format == PlanFormat::Json { plan::print(plan, format) } else { Ok(()) }
}

/// How much was done.
#[derive(Debug, Default)]
struct Done {
    levels: usize,
    versions: usize,
    /// What is registered now and not in the lock.
    drafts: Vec<String>,
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self { levels, versions, drafts: _ }, plural) = (self, |count| if count == 1 { "" } else { "s" });
        write!(f, "{levels} level{} set, {versions} version{} registered", plural(*levels), plural(*versions))
    }
}

async fn carry_out(registry: &Registry, plan: &mut Plan<'_>, done: &mut Done) -> anyhow::Result<()> {
    for subject in &mut plan.subjects {
        let Some(level) = subject.level_to_set() else { continue };
        let name = &subject.name;
        registry.ask(async |client| client.set_level(Some(name), level.name()).await).await??;
        screen::note(format!("set the level of `{name}` to {level}"));
        subject.level_now = Some(level.name().to_owned());
        done.levels += 1;
    }
    for index in 0..plan.steps.len() {
        let Some(step) = plan.steps.get(index).filter(|step| step.state == State::New) else { continue };
        let (label, subject) = (step.candidate.label(), &step.candidate.subject);
        let text = plan.text(step).ok_or_else(|| {
            anyhow::anyhow!(
                "{label} refers to a type that needs {label} in turn to be registered; help: split the type"
            )
        })?;
        let found = registry.submit(&label, subject, &text).await?;
        screen::note(format!(
            "registered {label} as version {} of `{subject}` with the id {}",
            found.version, found.id
        ));
        done.drafts.extend((!step.is_released).then_some(label));
        if let Some(step) = plan.steps.get_mut(index) {
            step.state = State::Registered(found);
        }
        done.versions += 1;
    }
    Ok(())
}
