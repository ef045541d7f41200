//! Patterns with `*`.

/// Shell-like pattern with `*` only.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|head| text.strip_prefix(head)) else { return false };
    let mut rest = rest;
    let mut last: Option<&str> = None;
    for part in parts {
        if let Some(previous) = last.filter(|p| !p.is_empty()) {
            match rest.find(previous) {
                Some(at) => rest = rest.get(at + previous.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        last = Some(part);
    }
    match last {
        None => rest.is_empty(),
        Some(tail) => rest.ends_with(tail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        assert!(
            glob("a*c", "abc")
                && glob("*", "")
                && glob("json*", "jsonpath=x")
                && glob("*/proxy/*", "/a/proxy/b")
        );
        assert!(!glob("a*c", "abd") && !glob("a", "ab") && !glob("*/secrets", "/secret"));
    }
}
