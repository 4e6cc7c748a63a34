//! Dead letters as tables for reading. Texts of records are escaped, so that none can steer a terminal.

use eventwright::replay::{Listed, PurgePlan, Stats, Summary};
use eventwright::wire::jiff::Timestamp;

/// How much of an error's text stands in a line.
const MAX_ERROR: usize = 80;

/// Returns a line for each letter.
pub(super) fn letters(letters: &[Listed], now: Timestamp) -> String {
    let head = ["LETTER", "AGE", "EVENT", "ID", "ORIGIN", "ATTEMPTS", "REPLAYED", "FAILURE"].map(str::to_owned);
    let row = |listed: &Listed| {
        let Listed { letter, replayed, .. } = listed;
        [
            format!("{}:{}", letter.partition, letter.offset),
            letter.timestamp.map_or_else(String::new, |died| age(died, now)),
            text(letter.event.as_deref()),
            text(letter.id.as_deref()),
            origin(letter),
            letter.attempts.map_or_else(|| "-".to_owned(), |attempts| attempts.to_string()),
            if *replayed { "yes" } else { "no" }.to_owned(),
            failure(letter),
        ]
    };
    if letters.is_empty() { String::new() } else { aligned(&head, letters.iter().map(row)) }
}

/// Returns the numbers, group by group.
pub(super) fn stats(stats: &Stats) -> String {
    let mut rows = vec![
        ["all".into(), "letters".into(), stats.total.to_string()],
        ["all".into(), "replayed".into(), stats.replayed.to_string()],
        ["all".into(), "foreign".into(), stats.foreign.to_string()],
    ];
    let time = |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    rows.push(["all".into(), "oldest".into(), time(stats.oldest)]);
    rows.push(["all".into(), "newest".into(), time(stats.newest)]);
    for (group, counts) in [("failure", &stats.by_reason), ("event", &stats.by_event), ("topic", &stats.by_topic)] {
        rows.extend(counts.iter().map(|(name, count)| [group.to_owned(), text(Some(name)), count.to_string()]));
    }
    rows.extend(stats.by_age.iter().map(|(class, count)| ["age".into(), (*class).to_owned(), count.to_string()]));
    aligned(&["GROUP", "NAME", "COUNT"].map(str::to_owned), rows.into_iter())
}

/// Returns what would be deleted, partition by partition.
pub(super) fn purge(plan: &PurgePlan) -> String {
    let head = ["PARTITION", "BEFORE", "LETTERS", "NEVER REPLAYED"].map(str::to_owned);
    let row = |purged: &eventwright::replay::PurgedPartition| {
        [
            purged.partition.to_string(),
            purged.before.to_string(),
            purged.letters.to_string(),
            purged.never_replayed.to_string(),
        ]
    };
    aligned(&head, plan.partitions.iter().map(row))
}

fn text(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text.escape_debug().to_string())
}

fn origin(letter: &Summary) -> String {
    match (&letter.original_topic, letter.original_partition, letter.original_offset) {
        (Some(topic), Some(partition), Some(offset)) => format!("{topic}/{partition}/{offset}"),
        _ => "-".into(),
    }
}

fn failure(letter: &Summary) -> String {
    if let Some(why) = &letter.foreign {
        return format!("foreign: {}", why.escape_debug());
    }
    let mut shown = text(letter.failure_reason.as_deref());
    if let Some(error) = &letter.error_message {
        let (short, is_cut) = match error.char_indices().nth(MAX_ERROR) {
            Some((end, _)) => (error.get(..end).unwrap_or_default(), "…"),
            None => (error.as_str(), ""),
        };
        shown.push_str(&format!(": {}{is_cut}", short.escape_debug()));
    }
    shown
}

/// Returns how long ago something was, in the largest unit that fits.
fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_second() - then.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Returns rows in columns of equal width; the last one is as wide as it is.
fn aligned<const N: usize>(head: &[String; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = std::iter::once(head.clone()).chain(rows).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["é".to_owned(), "1".to_owned()], ["long".to_owned(), "22".to_owned()]];
        let text = aligned(&["A".to_owned(), "B".to_owned()], rows.into_iter());
        assert_eq!(text, "A     B\né     1\nlong  22\n");
    }

    #[test]
    fn an_age_is_in_the_largest_unit_that_fits() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let ages = [100, 59, 0, -60, -3600, -90_000].map(|then| age(at(then), at(59)));
        assert_eq!(ages, ["0s", "0s", "59s", "1m", "1h", "1d"]);
    }
}
