//! In which line of a YAML file a key stands, for messages: figment's values know their file, and not the line.
//!
//! Keys are found by their indentation. Of what stands in braces, the line of the nearest key outside is close enough.

/// Returns the line, counted from 1, of the key that a path leads to, or else of the last key on the way that was found.
pub(super) fn of(text: &str, path: &[String]) -> Option<usize> {
    let (mut found, mut rest) = (None, path);
    // How far the key that was found last is indented: what belongs to it is indented further.
    let mut outer: Option<usize> = None;
    // How far its own keys are indented, known from the first one.
    let mut inner: Option<usize> = None;
    for (index, line) in text.lines().enumerate() {
        let Some((wanted, below)) = rest.split_first() else { break };
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') || content == "---" {
            continue;
        }
        let indent = line.len() - content.len();
        if outer.is_some_and(|outer| indent <= outer) {
            break;
        }
        if *inner.get_or_insert(indent) == indent && key(content) == Some(wanted) {
            (found, rest, outer, inner) = (Some(index + 1), below, Some(indent), None);
        }
    }
    found
}

/// Returns the key that a line begins with.
fn key(content: &str) -> Option<&str> {
    let end = content.match_indices(':').map(|(at, _)| at).find(|&at| {
        let behind = content.get(at + 1..).unwrap_or_default();
        behind.is_empty() || behind.starts_with([' ', '\t'])
    })?;
    let name = content.get(..end)?.trim_end();
    let quoted = |quote| name.strip_prefix(quote).and_then(|name| name.strip_suffix(quote));
    Some(quoted('"').or_else(|| quoted('\'')).unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# broker
bootstrap: b:1

registry:
    # where
    url: http://r
    'password': '7'
kafka:
  security.protocol: ssl
  \"sasl.username\": u:v
  note: |
    url: no key
consumer: {group: g}
url: last
";

    #[test]
    fn keys_are_found_by_their_indentation() {
        let check = |path: &str, expected: Option<usize>| {
            let path: Vec<_> = path.split('/').map(str::to_owned).collect();
            assert_eq!(of(FILE, &path), expected, "{path:?}");
        };
        check("bootstrap", Some(2));
        check("registry", Some(4));
        check("registry/url", Some(6));
        check("registry/password", Some(7));
        check("kafka/security.protocol", Some(9));
        check("kafka/sasl.username", Some(10));
        check("kafka/url", Some(8));
        check("consumer/group", Some(13));
        check("url", Some(14));
        check("nothing", None);
        check("bootstrap/x", Some(2));
    }
}
