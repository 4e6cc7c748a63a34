//! References between schemas: URI references, resolved against a base (RFC 3986, 5.2), and JSON pointers (RFC 6901).

/// Resolves a reference; a base without authority, such as a plain file name, is a path.
pub(super) fn join(base: &str, reference: &str) -> String {
    let base = without_fragment(base);
    if has_scheme(reference) {
        return reference.to_owned();
    }
    if reference.is_empty() || reference.starts_with('#') {
        return format!("{base}{reference}");
    }
    let (root, path) = base.split_at(path_start(base));
    if reference.starts_with("//") {
        let scheme = root.split_inclusive(':').next().unwrap_or("");
        return format!("{scheme}{reference}");
    }
    let (reference, fragment) = reference.split_at(without_fragment(reference).len());
    let directory = if reference.starts_with('/') { "" } else { directory_of(root, path) };
    format!("{root}{}{fragment}", without_dots(&format!("{directory}{reference}")))
}

/// Returns the path up to its last `/`; an authority without a path has the root.
fn directory_of<'a>(root: &str, path: &'a str) -> &'a str {
    match path.rfind('/') {
        Some(slash) => path.get(..=slash).unwrap_or(path),
        None if root.is_empty() => "",
        None => "/",
    }
}

/// Returns the part before `#`.
pub(super) fn without_fragment(uri: &str) -> &str {
    uri.split('#').next().unwrap_or("")
}

/// Returns the steps of a JSON pointer that stands in a fragment, without its escapes.
pub(super) fn pointer_steps(fragment: &str) -> impl Iterator<Item = String> {
    fragment.split('/').skip(1).map(|step| percent_decoded(step).replace("~1", "/").replace("~0", "~"))
}

fn has_scheme(uri: &str) -> bool {
    let is_scheme = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.chars().all(|one| one.is_ascii_alphanumeric() || "+-.".contains(one))
    };
    uri.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Returns where the path begins, behind `scheme://authority`.
fn path_start(uri: &str) -> usize {
    match uri.find("://") {
        Some(colon) => {
            let authority = colon + "://".len();
            uri.get(authority..).and_then(|rest| rest.find('/')).map_or(uri.len(), |slash| authority + slash)
        }
        None => 0,
    }
}

fn without_dots(path: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    for step in path.split('/') {
        match step {
            "." => {}
            ".." if steps.len() > 1 || steps.first().is_some_and(|first| !first.is_empty()) => {
                steps.pop();
            }
            ".." => {}
            step => steps.push(step),
        }
    }
    steps.join("/")
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_as_rfc_3986_says() {
        let check = |base: &str, reference: &str, expected: &str| assert_eq!(join(base, reference), expected);
        check("http://a.b/c/d.json", "e.json", "http://a.b/c/e.json");
        check("http://a.b/c/d.json#x", "#/y", "http://a.b/c/d.json#/y");
        check("http://a.b/c/d.json", "../e.json#f", "http://a.b/e.json#f");
        check("http://a.b/c/d.json", "./e/./f.json", "http://a.b/c/e/f.json");
        check("http://a.b/c", "/../e", "http://a.b/e");
        check("http://a.b", "e", "http://a.b/e");
        check("https://a.b/c", "//x/y", "https://x/y");
        check("http://a.b/c", "urn:x:y", "urn:x:y");
        check("urn:x:y", "#z", "urn:x:y#z");
        check("", "e.json", "e.json");
        check("d/c.json", "e.json#/f", "d/e.json#/f");
        check("d.json", "", "d.json");
    }

    #[test]
    fn a_pointer_is_split_before_its_escapes_are_read() {
        let steps: Vec<_> = pointer_steps("/a~1b/%25c%2Fd/~01/%zz/é").collect();
        assert_eq!(steps, ["a/b", "%c/d", "~1", "%zz", "é"]);
        assert_eq!(pointer_steps("").count(), 0);
    }
}
