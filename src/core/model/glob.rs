//! Patterns with `*`.

/// Shell-like pattern with `*` only. Paths are held against hundreds of patterns, of which nearly all differ at an end: those come first.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let differs =
        |pattern: Option<&u8>, text| pattern.is_some_and(|byte| *byte != b'*' && text != Some(byte));
    if differs(pattern.first(), text.first()) || differs(pattern.last(), text.last()) {
        return false;
    }
    let Some(first) = pattern.iter().position(|byte| *byte == b'*') else { return pattern == text };
    let (head, rest) =
        (pattern.get(..first).unwrap_or_default(), pattern.get(first + 1..).unwrap_or_default());
    let last = rest.iter().rposition(|byte| *byte == b'*');
    let (middle, tail) = match last {
        Some(last) => (rest.get(..last).unwrap_or_default(), rest.get(last + 1..).unwrap_or_default()),
        None => ([].as_slice(), rest),
    };
    // The head and the tail have bytes of their own.
    let Some(mut inside) = text.strip_suffix(tail).and_then(|rest| rest.strip_prefix(head)) else {
        return false;
    };
    for part in middle.split(|byte| *byte == b'*').filter(|part| !part.is_empty()) {
        let found = inside.windows(part.len()).position(|window| window == part);
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
