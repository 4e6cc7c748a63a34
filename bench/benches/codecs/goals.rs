//! What the codecs are meant to reach beside their peers, and whether they did.

use crate::measure::Figures;
use crate::work;
use crate::{APACHE, APACHE_VALUE, BUFFA_VIEW, CLONE, FAST, FAST_BORROWED, HAND, HAND_FAST, KNOWN, OURS, PLAN, PROST};

/// A goal: ours beside the fastest of some peers.
struct Goal {
    work: &'static str,
    ours: &'static str,
    peers: &'static [&'static str],
    is: Is,
}

/// What the goal says of the ratio.
#[derive(Clone, Copy)]
enum Is {
    /// Our time is at most so many times theirs.
    AtMost(f64),
    /// Their time is at least so many times ours.
    Faster(f64),
    /// As often as theirs, or so often: how many allocations one value takes.
    Allocating(Option<f64>),
}

const fn goal(work: &'static str, ours: &'static str, peers: &'static [&'static str], is: Is) -> Goal {
    Goal { work, ours, peers, is }
}

const GOALS: &[Goal] = &[
    goal(work::ENCODE, OURS, &[HAND, HAND_FAST], Is::AtMost(1.15)),
    goal(work::ENCODE, OURS, &[PROST], Is::Faster(2.5)),
    goal(work::ENCODE, OURS, &[FAST], Is::Faster(7.0)),
    goal(work::ENCODE, OURS, &[APACHE], Is::Faster(13.0)),
    goal(work::ENCODE, OURS, &[APACHE_VALUE], Is::Faster(50.0)),
    goal(work::ENCODE, OURS, &[], Is::Allocating(Some(0.0))),
    goal(work::DECODE, OURS, &[CLONE], Is::AtMost(1.8)),
    goal(work::DECODE, OURS, &[HAND, HAND_FAST], Is::AtMost(1.0)),
    goal(work::DECODE, OURS, &[PROST], Is::Faster(1.9)),
    goal(work::DECODE, OURS, &[FAST], Is::Faster(2.1)),
    goal(work::DECODE, OURS, &[APACHE], Is::Faster(2.4)),
    goal(work::DECODE, OURS, &[CLONE], Is::Allocating(None)),
    goal(work::BORROW, OURS, &[BUFFA_VIEW], Is::Faster(4.0)),
    goal(work::BORROW, OURS, &[FAST_BORROWED], Is::Faster(6.0)),
    goal(work::ADDED, KNOWN, &[APACHE_VALUE], Is::Faster(40.0)),
    goal(work::ADDED, KNOWN, &[PROST], Is::AtMost(1.0)),
    goal(work::ADDED, PLAN, &[KNOWN], Is::AtMost(1.4)),
    goal(work::SKIPPED, PLAN, &[KNOWN], Is::AtMost(2.0)),
];

/// Returns a line for each goal whose cases were measured.
pub(crate) fn lines(figures: &[Figures]) -> Vec<String> {
    GOALS.iter().filter_map(|goal| line(goal, figures)).collect()
}

fn line(goal: &Goal, figures: &[Figures]) -> Option<String> {
    let find = |who: &str| figures.iter().find(|one| one.work == goal.work && one.who == who);
    let ours = find(goal.ours)?;
    let theirs = goal.peers.iter().filter_map(|who| find(who)).min_by(|a, b| a.p10.total_cmp(&b.p10));
    let (aim, measured, is_met) = match (goal.is, theirs) {
        (Is::AtMost(most), Some(theirs)) => {
            let ratio = ours.p10 / theirs.p10;
            (format!("<= {most} x {}", theirs.who), format!("{ratio:.2} x"), ratio <= most)
        }
        (Is::Faster(least), Some(theirs)) => {
            let ratio = theirs.p10 / ours.p10;
            (format!(">= {least} x faster than {}", theirs.who), format!("{ratio:.2} x"), ratio >= least)
        }
        (Is::Allocating(most), theirs) => {
            let most = most.or(theirs.map(|theirs| theirs.allocations))?;
            (format!("<= {most} allocations"), format!("{}", ours.allocations), ours.allocations <= most)
        }
        (_, None) => return None,
    };
    let verdict = if is_met { "met" } else { "NOT MET" };
    Some(format!(
        "{:<36} {:<11} {aim:<45} {measured:>7}  {verdict}",
        goal.work,
        goal.ours.trim_start_matches(OURS).trim_start_matches(", ")
    ))
}
