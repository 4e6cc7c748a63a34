//! Whether a text can be a regular expression at all (ECMA-262, which is also Java's for all that is looked at here).
//!
//! Patterns are not compiled: whoever validates values has an engine of its own. What no engine takes is said here.

/// Returns what is wrong with a pattern: brackets that do not match, or nothing to repeat.
pub(super) fn problem(pattern: &str) -> Option<&'static str> {
    let mut open_groups = 0_usize;
    let mut in_class = false;
    let mut is_repeatable = false;
    let mut chars = pattern.chars();
    while let Some(one) = chars.next() {
        match one {
            '\\' if chars.next().is_none() => return Some("`\\` escapes nothing"),
            ']' if in_class => in_class = false,
            _ if in_class => continue,
            '[' => in_class = true,
            '(' => open_groups += 1,
            ')' => match open_groups.checked_sub(1) {
                Some(open) => open_groups = open,
                None => return Some("`)` closes no group"),
            },
            '*' | '+' if !is_repeatable => return Some("there is nothing to repeat"),
            _ => {}
        }
        is_repeatable = !matches!(one, '(' | '|');
    }
    match (in_class, open_groups) {
        (true, _) => Some("`[` is not closed"),
        (false, 0) => None,
        (false, _) => Some("`(` is not closed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_engine_takes_is_a_problem() {
        let check = |pattern: &str, expected: Option<&str>| assert_eq!(problem(pattern), expected, "{pattern}");
        for fine in
            ["", "^a$", "(a|b)+", "[(*]", r"\(", r"[\]]", "(?=a)b", "(?<n>a)*", "a{2,3}?", "^*", "[]a]", "(a+)+$"]
        {
            check(fine, None);
        }
        check("(", Some("`(` is not closed"));
        check("a)", Some("`)` closes no group"));
        check("[a-z", Some("`[` is not closed"));
        check("*a", Some("there is nothing to repeat"));
        check("a|+", Some("there is nothing to repeat"));
        check("a\\", Some("`\\` escapes nothing"));
    }
}
