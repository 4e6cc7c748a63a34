//! The arguments of the commands that work on schema files.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use eventwright_schema::compat::Level;

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  eventwright check                                        every history of schemas/events.toml, as the build does
  eventwright check --against git:main                     and whether it breaks what is on the branch main
  eventwright check --level BACKWARD v1.avsc v2.avsc       loose files, oldest first
  eventwright check --format sarif > findings.sarif

Formats: text, with the source, is for people and goes to standard error; short is one line a finding, as the build prints
them; json, github (annotations of a workflow), sarif and junit are for machines. All but text go to standard output.";

pub(super) const LOCK_EXAMPLES: &str = "\
Examples:
  eventwright lock                     release the newest versions: from now on their files may not change
  eventwright lock --check             fail if there are versions that are not released

Only what passes the check is released. Commit schemas.lock with the schemas.";

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Versions of one schema, oldest first (.avsc, .proto, .json), in place of the manifest; the last one is checked
    #[arg(value_name = "FILE", requires = "level")]
    pub(crate) files: Vec<PathBuf>,
    /// The level of loose files: NONE, BACKWARD, FORWARD, FULL, or one of the latter three with _TRANSITIVE
    #[arg(long, value_name = "LEVEL", requires = "files")]
    pub(crate) level: Option<Level>,
    /// What loose files refer to, under the name that they use; may repeat
    #[arg(long = "ref", value_name = "NAME=PATH", requires = "files")]
    pub(crate) references: Vec<NamedFile>,
    /// Compare with the manifest of another commit as well
    #[arg(long, value_name = "git:REV", conflicts_with = "files")]
    pub(crate) against: Option<Commit>,
    /// Report breaks as well that Confluent's rules miss, such as a Protobuf field whose number changed; warnings become errors
    #[arg(long)]
    pub(crate) strict: bool,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Rendering::Text)]
    pub(crate) format: Rendering,
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct LockArguments {
    /// Change nothing, and fail if there is something to release
    #[arg(long)]
    pub(crate) check: bool,
    /// The manifest
    #[arg(long, value_name = "FILE", default_value = crate::manifest::DEFAULT)]
    pub(crate) manifest: PathBuf,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rendering {
    /// With the source, for people
    Text,
    /// A line each
    Short,
    /// One JSON object
    Json,
    /// Annotations of a GitHub workflow
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit's XML, a test case a history
    Junit,
}

/// A file under a name of its own.
#[derive(Debug, Clone)]
pub(crate) struct NamedFile {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl FromStr for NamedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or("expected NAME=PATH, such as com.example.Money=money/v1.avsc")?;
        Ok(Self { name: name.to_owned(), path: path.into() })
    }
}

/// A commit of git.
#[derive(Debug, Clone)]
pub(crate) struct Commit(pub(crate) String);

impl FromStr for Commit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("git:") {
            // A revision that begins with a dash would be an option of git's.
            Some(revision) if !revision.is_empty() && !revision.starts_with('-') => Ok(Self(revision.to_owned())),
            _ => Err("expected git:REV, such as git:main".into()),
        }
    }
}
