//! Breaks up lines that are too long: what stands between brackets goes to lines of its own.

use super::literal_length;

/// What every level is indented by.
const INDENT: &str = "    ";

const MOST_COLUMNS: usize = 120;

/// Writes a line, or the lines that it is broken up into.
pub(super) fn write(line: &str, depth: usize, text: &mut String) {
    let broken = if is_too_long(line, depth) { widest_group(line) } else { None };
    let Some((start, end)) = broken else {
        push_line(line, depth, text);
        return;
    };
    let (head, rest) = line.split_at(start + 1);
    let (inside, tail) = rest.split_at(end - start - 1);
    push_line(head, depth, text);
    let items = items(inside);
    if head.ends_with('[') || head.starts_with("#[") {
        fill(&items, depth + 1, text);
    } else {
        // A comma behind a single one makes a tuple of it.
        let comma = if items.len() > 1 || inside.trim_end().ends_with(',') { "," } else { "" };
        items.iter().for_each(|item| write(&format!("{item}{comma}"), depth + 1, text));
    }
    write(tail, depth, text);
}

/// Writes what is between brackets, as many on a line as there is room for.
fn fill(items: &[&str], depth: usize, text: &mut String) {
    let mut line = String::new();
    for item in items {
        if !line.is_empty() && is_too_long(&format!("{line} {item},"), depth) {
            write(&std::mem::take(&mut line), depth, text);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(item);
        line.push(',');
    }
    write(&line, depth, text);
}

fn is_too_long(line: &str, depth: usize) -> bool {
    !line.starts_with("///") && depth * INDENT.len() + line.len() > MOST_COLUMNS
}

fn push_line(line: &str, depth: usize, text: &mut String) {
    for _ in 0..depth {
        text.push_str(INDENT);
    }
    text.push_str(line);
    text.push('\n');
}

/// Returns where the widest of the outermost groups in brackets begins and ends.
fn widest_group(line: &str) -> Option<(usize, usize)> {
    let mut open = Vec::new();
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for_each_sign(line, |at, sign| match sign {
        b'(' | b'[' if !line.get(..at).is_some_and(|before| before.ends_with('#')) => open.push(at),
        b')' | b']' => {
            if let Some(start) = open.pop() {
                groups.retain(|(inner, _)| *inner < start);
                groups.push((start, at));
            }
        }
        _ => {}
    });
    // What does not end on this line has nothing to be broken up: a block follows.
    if let Some(first) = open.first() {
        groups.retain(|(start, _)| start < first);
    }
    // The type of an array is no list.
    groups.retain(|(start, end)| {
        !line.get(*start..*end).is_some_and(|group| group.starts_with('[') && group.contains(';'))
    });
    groups.into_iter().filter(|(start, end)| end - start > 1).max_by_key(|(start, end)| (end - start, *start))
}

/// Returns what commas separate.
fn items(inside: &str) -> Vec<&str> {
    let (mut depth, mut in_bars, mut start) = (0_usize, false, 0);
    let mut items = Vec::new();
    for_each_sign(inside, |at, sign| match sign {
        b'(' | b'[' | b'<' => depth += 1,
        b'>' if inside.get(..at).is_some_and(|before| before.ends_with(['-', '='])) => {}
        b')' | b']' | b'>' => depth = depth.saturating_sub(1),
        b'|' => in_bars = !in_bars,
        b',' if depth == 0 && !in_bars => {
            items.extend(inside.get(start..at));
            start = at + 1;
        }
        _ => {}
    });
    items.extend(inside.get(start..));
    items.iter().map(|item| item.trim()).filter(|item| !item.is_empty()).collect()
}

/// Calls `see` for every byte that is in no literal.
fn for_each_sign(line: &str, mut see: impl FnMut(usize, u8)) {
    let mut end = 0;
    for (at, sign) in line.bytes().enumerate() {
        if at < end {
            continue;
        }
        if sign == b'"' {
            let (before, from) = line.split_at(at);
            end = at + literal_length(before, from);
        } else {
            see(at, sign);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_broken_up() {
        let check = |line: &str, expected: &[&str]| {
            let mut text = String::new();
            write(line, 1, &mut text);
            assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        };
        let (a, b) = ("a".repeat(60), "b".repeat(60));
        check("short(1, 2)", &["    short(1, 2)"]);
        check(
            &format!("fn new({a}: Map<K, V>, {b}: B) -> (C, D) {{"),
            &["    fn new(", &format!("        {a}: Map<K, V>,"), &format!("        {b}: B,"), "    ) -> (C, D) {"],
        );
        check(
            &format!("x: &[u8] = &[{}1];", "1, ".repeat(60)),
            &[
                "    x: &[u8] = &[",
                &format!("        {}", "1, ".repeat(37).trim_end()),
                &format!("        {}", "1, ".repeat(24).trim_end()),
                "    ];",
            ],
        );
        check(
            &format!("{a}(|x, y| {b}(\"a, (b\", x))"),
            &[&format!("    {a}("), &format!("        |x, y| {b}(\"a, (b\", x)"), "    )"],
        );
        check(&format!("{a}({b}, |x| {{"), &[&format!("    {a}({b}, |x| {{")]);
        check(&format!("let {a}: ({b},) = x;"), &[&format!("    let {a}: ("), &format!("        {b},"), "    ) = x;"]);
        check(&format!("{a}::<{b}, Vec<[u8; 1]>>"), &[&format!("    {a}::<{b}, Vec<[u8; 1]>>")]);
        check(&format!("/// {a} ({b}, c)"), &[&format!("    /// {a} ({b}, c)")]);
    }
}
