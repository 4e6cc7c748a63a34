//! The gate: no build passes that would break a reader.
//!
//! In: what was loaded. Out: the findings of `eventwright check`, which fail the build, or warn where `EVENTWRIGHT_GATE=warn` says
//! so.

use eventwright_schema::Diagnostic;
use eventwright_schema::compat::history::check_all;
use eventwright_schema::compat::{Finding, Report};
use eventwright_schema::load::Loaded;

use crate::Generated;

/// The variable that turns findings of the gate into warnings.
pub(crate) const VARIABLE: &str = "EVENTWRIGHT_GATE";

/// What the gate has found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What breaks a reader.
    pub(crate) errors: Vec<Diagnostic>,
    /// What may be misread.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Checks all histories of a manifest.
pub(crate) fn check(loaded: &Loaded) -> Verdict {
    let mut verdict = Verdict::default();
    for checked in check_all(loaded) {
        let Report { findings, warnings, omitted, .. } = checked.report;
        verdict.errors.extend(findings.iter().map(diagnostic));
        verdict.warnings.extend(warnings.iter().map(diagnostic));
        if omitted > 0 {
            let message = format!("`{}` has {omitted} more findings", checked.name);
            verdict.errors.push(Diagnostic::of_file(manifest_name(loaded), message, "mend those that are shown first"));
        }
    }
    verdict
}

/// The line of a finding, as `eventwright check --format short` prints it.
fn diagnostic(finding: &Finding) -> Diagnostic {
    Diagnostic {
        source: finding.source.clone(),
        position: finding.position,
        message: format!("{}: {}", finding.rule.id, finding.message),
        help: finding.help.clone(),
    }
}

fn manifest_name(loaded: &Loaded) -> String {
    loaded.manifest.as_ref().map(|manifest| manifest.source.name.clone()).unwrap_or_default()
}

/// Applies what the variable says: nothing, `deny`, or `warn`.
pub(crate) fn apply(setting: Option<&str>, manifest: &str, generated: &mut Generated) {
    match setting {
        None | Some("" | "deny") => {}
        Some("warn") => {
            let count = generated.breaks.len();
            generated.warnings.append(&mut generated.breaks);
            if count > 0 {
                let message = format!("{VARIABLE}=warn lets {count} findings pass that break readers");
                generated.warnings.push(Diagnostic::of_file(manifest, message, "mend them before this is deployed"));
            }
        }
        Some(other) => {
            let message = format!("{VARIABLE} is `{other}`, expected `deny` or `warn`");
            generated.diagnostics.push(Diagnostic::of_file(manifest, message, "unset it, and findings fail the build"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(setting: Option<&str>) -> (usize, usize, Vec<String>) {
        let broken = Diagnostic::of_file("v2.avsc", "RULE: it breaks", "mend it");
        let mut generated = Generated { breaks: vec![broken], ..Generated::default() };
        apply(setting, "events.toml", &mut generated);
        let said = generated.diagnostics.iter().chain(&generated.warnings).map(ToString::to_string).collect();
        (generated.breaks.len(), generated.diagnostics.len(), said)
    }

    #[test]
    fn findings_fail_the_build_unless_the_variable_says_warn() {
        for setting in [None, Some(""), Some("deny")] {
            assert_eq!(applied(setting), (1, 0, vec![]), "{setting:?}");
        }
        let (breaks, errors, said) = applied(Some("warn"));
        assert_eq!((breaks, errors), (0, 0));
        assert_eq!(
            said,
            [
                "v2.avsc:1:1: RULE: it breaks; mend it",
                "events.toml:1:1: EVENTWRIGHT_GATE=warn lets 1 findings pass that break readers; mend them before this is \
                 deployed",
            ]
        );
        let (breaks, errors, said) = applied(Some("off"));
        assert_eq!((breaks, errors), (1, 1));
        assert_eq!(
            said,
            [
                "events.toml:1:1: EVENTWRIGHT_GATE is `off`, expected `deny` or `warn`; unset it, and findings fail the build"
            ]
        );
    }
}
