//! What producer and consumer are meant to reach, and whether they did.

use crate::measure::{Figures, Turn};
use crate::{KEYED, OURS, RAW, SERIAL, WORKERS, work};

/// What a partition may hold at most, by the settings' default, and what else a consumer may take.
const BYTE_BOUND_MIB: f64 = 16.0;
const BESIDE_MIB: f64 = 64.0;

/// A goal: a figure of ours that is at least, or at most, so much.
struct Goal {
    what: &'static str,
    work: &'static str,
    figure: fn(&[&Figures]) -> Option<f64>,
    is: Is,
}

enum Is {
    AtLeast(f64),
    AtMost(f64),
}

const GOALS: &[Goal] = &[
    Goal { what: "records/s beside rdkafka", work: work::PRODUCE, figure: rate_beside_raw, is: Is::AtLeast(0.9) },
    Goal { what: "CPU us a record", work: work::PRODUCE, figure: cpu, is: Is::AtMost(2.5) },
    Goal { what: "records/s beside rdkafka", work: work::CONSUME, figure: rate_beside_raw, is: Is::AtLeast(0.6) },
    Goal { what: "CPU us a record", work: work::CONSUME, figure: cpu, is: Is::AtMost(1.5) },
    Goal { what: "CPU us a record more by key", work: work::CONSUME, figure: cpu_of_keys, is: Is::AtMost(1.0) },
    Goal { what: "times one after the other", work: work::PARALLEL, figure: speed_up, is: Is::AtLeast(50.0) },
    Goal { what: "MiB taken", work: work::BLOCKED, figure: grown, is: Is::AtMost(BYTE_BOUND_MIB + BESIDE_MIB) },
];

/// Returns a line for each goal whose work was measured.
pub(crate) fn lines(figures: &[Figures]) -> Vec<String> {
    GOALS.iter().filter_map(|goal| line(goal, figures)).collect()
}

fn line(goal: &Goal, figures: &[Figures]) -> Option<String> {
    let of_work: Vec<_> = figures.iter().filter(|one| one.work == goal.work).collect();
    let measured = (goal.figure)(&of_work)?;
    let (aim, is_met) = match goal.is {
        Is::AtLeast(least) => (format!(">= {least}"), measured >= least),
        Is::AtMost(most) => (format!("<= {most}"), measured <= most),
    };
    let verdict = if is_met { "met" } else { "NOT MET" };
    Some(format!("{:<38} {:<28} {aim:<8} {measured:>7.2}  {verdict}", goal.work, goal.what))
}

fn find<'a>(figures: &[&'a Figures], who: &str) -> Option<&'a Figures> {
    figures.iter().find(|one| one.who == who).copied()
}

fn rate_beside_raw(figures: &[&Figures]) -> Option<f64> {
    Some(find(figures, OURS)?.ratio(find(figures, RAW)?, Turn::rate))
}

fn cpu(figures: &[&Figures]) -> Option<f64> {
    Some(find(figures, OURS)?.median(Turn::cpu_micros))
}

fn cpu_of_keys(figures: &[&Figures]) -> Option<f64> {
    Some(find(figures, KEYED)?.median(Turn::cpu_micros) - cpu(figures)?)
}

fn speed_up(figures: &[&Figures]) -> Option<f64> {
    Some(find(figures, WORKERS)?.ratio(find(figures, SERIAL)?, Turn::rate))
}

fn grown(figures: &[&Figures]) -> Option<f64> {
    Some(find(figures, OURS)?.median(|turn| turn.grown_mib))
}
