//! Patterns with `*`.

/// Shell-like pattern with `*` only. Paths are held against hundreds of patterns, of which nearly all differ at an end: those come first.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    // The head and the tail have bytes of their own.
    let Some(mut inside) =
        text.strip_suffix(tail).and_then(|rest| rest.strip_prefix(head)).map(str::as_bytes)
    else {
        return false;
    };
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        let found = inside.windows(part.len()).position(|window| window == part.as_bytes());
        let Some(at) = found else { return false };
        inside = inside.get(at + part.len()..).unwrap_or_default();
    }
    true
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
        assert!(glob("a*b*b", "abb") && glob("**", "x") && glob("é*é", "éxé"));
        assert!(!glob("a*c", "abd") && !glob("a", "ab") && !glob("*/secrets", "/secret"));
        assert!(!glob("ab*ba", "aba") && !glob("a*b*b", "ab") && !glob("*/x/*", "a/x"));
    }
}
