//! The files of `deploy/ci`, as their users run them: a hook of a real git, the commands of a workflow.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::check::{DEFAULT, NO_DEFAULT, Project, record};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/ci");

/// A repository with a committed event in `schemas`.
fn repository() -> Project {
    let project = Project::new();
    let manifest = std::fs::read_to_string(project.path().join("events.toml")).unwrap();
    std::fs::remove_file(project.path().join("events.toml")).unwrap();
    std::fs::remove_dir_all(project.path().join("sold")).unwrap();
    project.write("schemas/events.toml", &manifest);
    project.write("schemas/sold/v1.avsc", &laid_out(""));
    project.git(&["init", "--quiet", "--initial-branch=main"]);
    project
}

fn laid_out(more: &str) -> String {
    eventwright_schema::format_json(&record(more)).unwrap()
}

/// Runs a command that finds `eventwright` on its path.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    let tool = PathBuf::from(env!("CARGO_BIN_EXE_eventwright"));
    let path = format!("{}:{}", tool.parent().unwrap().display(), std::env::var("PATH").unwrap());
    Command::new(program).current_dir(folder).args(arguments).env("PATH", path).output().unwrap()
}

fn commit(project: &Project) -> Output {
    project.git(&["add", "--all"]);
    run(project.path(), "git", &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "a change"])
}

#[test]
fn the_hook_refuses_a_commit_that_breaks_a_reader() {
    let project = repository();
    let hook = project.path().join(".git/hooks/pre-commit");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::copy(Path::new(FOLDER).join("pre-commit"), &hook).unwrap();
    let passes = |output: Output| assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    passes(commit(&project));

    // The newest version may be edited, and yet not break what the last commit has.
    project.write("schemas/sold/v1.avsc", &laid_out(NO_DEFAULT));
    let output = commit(&project);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    assert!(stderr.contains("--> schemas/sold/v1.avsc"), "{stderr}");
    assert!(stderr.contains("READER_FIELD_MISSING_DEFAULT_VALUE"), "{stderr}");

    // What is staged counts, not what the file says by now.
    project.write("schemas/sold/v1.avsc", &laid_out(DEFAULT));
    let arguments = ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "staged"];
    assert!(!run(project.path(), "git", &arguments).status.success());
    passes(commit(&project));

    project.write("schemas/sold/v1.avsc", &record(DEFAULT));
    let output = commit(&project);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("not laid out"), "{output:?}");
}

#[test]
fn the_commands_of_the_workflow_annotate_what_breaks() {
    let project = repository();
    assert!(commit(&project).status.success());
    project.write("schemas/sold/v2.avsc", &laid_out(NO_DEFAULT));
    let workflow = std::fs::read_to_string(Path::new(FOLDER).join("schemas.yml")).unwrap();
    let commands = workflow.lines().filter_map(|line| line.trim().strip_prefix("run: "));
    let commands: Vec<_> = commands.filter(|command| command.starts_with("eventwright ")).collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    let outcomes = commands.iter().map(|command| {
        let output = run(project.path(), "sh", &["-c", &format!("BASE=HEAD; {command}")]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    });
    let outcomes: Vec<_> = outcomes.collect();
    assert_eq!(outcomes.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [Some(0), Some(0), Some(100)]);
    assert!(
        outcomes[1].1.contains("::warning file=schemas/sold/v2.avsc,line=6,col=5,title=DOC_MISSING::"),
        "{outcomes:?}"
    );
    assert!(
        outcomes[2].1.contains("::error file=schemas/sold/v2.avsc,line=6,col=5,title=READER_FIELD"),
        "{outcomes:?}"
    );
}
