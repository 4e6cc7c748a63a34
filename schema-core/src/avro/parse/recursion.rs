//! Finds the named types whose values may hold another of their own type: only those can nest without end.
//!
//! A schema from outside may have many thousand types, so this goes along each edge twice (Kosaraju's strongly connected
//! components), without recursion.

use super::super::model::{NamedId, Schema};

/// Returns for each named type whether it is recursive.
pub(super) fn recursive(schema: &Schema) -> Vec<bool> {
    let edges: Vec<Vec<NamedId>> = schema.all_named().map(|(id, _)| schema.directly_within(id)).collect();
    let mut backwards: Vec<Vec<NamedId>> = edges.iter().map(|_| Vec::new()).collect();
    for (from, (id, _)) in edges.iter().zip(schema.all_named()) {
        for to in from {
            backwards.get_mut(to.0).into_iter().for_each(|back| back.push(id));
        }
    }
    let mut recursive = vec![false; edges.len()];
    let mut seen = vec![false; edges.len()];
    for start in finished(&edges).into_iter().rev() {
        let component = reach(start, &backwards, &mut seen);
        let is_own = |id: &NamedId| component.len() > 1 || edges.get(id.0).is_some_and(|inner| inner.contains(id));
        for id in component.iter().filter(|id| is_own(id)) {
            recursive.get_mut(id.0).into_iter().for_each(|slot| *slot = true);
        }
    }
    recursive
}

/// Returns all types, each after those that it holds, but for circles.
pub(super) fn finished(edges: &[Vec<NamedId>]) -> Vec<NamedId> {
    let mut seen = vec![false; edges.len()];
    let mut order = Vec::with_capacity(edges.len());
    for root in (0..edges.len()).map(NamedId) {
        let mut open = vec![(root, false)];
        while let Some((id, is_done)) = open.pop() {
            if is_done {
                order.push(id);
            } else if seen.get_mut(id.0).is_some_and(|seen| !std::mem::replace(seen, true)) {
                open.push((id, true));
                open.extend(edges.get(id.0).into_iter().flatten().map(|inner| (*inner, false)));
            }
        }
    }
    order
}

/// Returns what is reached from a type and was not seen before.
fn reach(start: NamedId, edges: &[Vec<NamedId>], seen: &mut [bool]) -> Vec<NamedId> {
    let mut open = vec![start];
    let mut found = Vec::new();
    while let Some(id) = open.pop() {
        if seen.get_mut(id.0).is_some_and(|seen| !std::mem::replace(seen, true)) {
            found.push(id);
            open.extend(edges.get(id.0).into_iter().flatten());
        }
    }
    found
}
