//! Texts that refer to a secret kept elsewhere, or that hold one encrypted.

/// What opens and closes a place that is filled in: by Flux, a template, a shell.
pub(super) const PLACES: [(&str, &str); 3] = [("${", "}"), ("{{", "}}"), ("$(", ")")];
/// Beginnings of names under which a vault, a manager of passwords or a renderer keeps a value.
const KEPT: [&str; 9] =
    ["vault:", "ref+", "op://", "$__", "secretref", "valueFrom", "urn:", "secret://", "os.environ/"];
/// The text without the places that are filled in.
pub(super) fn around(text: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    loop {
        let open =
            PLACES.iter().filter_map(|place| Some((rest.find(place.0)?, *place))).min_by_key(|(at, _)| *at);
        let closed = open.and_then(|(at, (begin, end))| {
            let (before, inside) = (rest.get(..at)?, rest.get(at + begin.len()..)?);
            let close = inside.find(end)?;
            Some((before, inside.get(close + end.len()..)?))
        });
        let Some((before, behind)) = closed else { return out + rest };
        out.push_str(before);
        rest = behind;
    }
}

/// True for what is nothing but a reference, or is encrypted.
pub(super) fn is_reference(text: &str) -> bool {
    if text.contains('\n') {
        return false;
    }
    let inside = |begin: &str, end: char| text.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end));
    let name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    KEPT.iter().any(|start| text.starts_with(start))
        || inside("ENC[", ']').is_some_and(|text| text.contains(',') && !text.contains(['[', ']']))
        || inside("<", '>').is_some_and(|text| !text.contains(['<', '>', '"', '=']))
        || (around(text).len() < text.len() && !around(text).contains(char::is_alphanumeric))
        || text.strip_prefix('$').is_some_and(|rest| rest.chars().all(name))
        || inside("%", '%').is_some()
        || inside("{", '}').is_some_and(|text| {
            text.starts_with("file:/") || text.strip_prefix("env:").unwrap_or(text).chars().all(name)
        })
        // An entity of XML; the line's end may have taken its sign.
        || text.strip_prefix('&').is_some_and(|rest| rest.trim_end_matches(';').chars().all(char::is_alphanumeric))
        // An alias of YAML in a comment.
        || text.strip_prefix('*').is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-'))
}

/// True for a reference as a Secret's `data` holds it: in base64.
pub(super) fn is_encoded_reference(text: &str) -> bool {
    let text = text.trim();
    text.len().is_multiple_of(4) && decoded(text).is_some_and(|text| is_reference(text.trim()))
}

/// What a text in base64 says; none where it is none, or no text.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (bits, count) = ((bits << 6) | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_in_base64() {
        // vault:secret/data/aws#KEY, <path:secret/data/x#y>, hunter2, hunter2 with a line break
        assert!(is_encoded_reference("dmF1bHQ6c2VjcmV0L2RhdGEvYXdzI0tFWQ=="));
        assert!(is_encoded_reference("PHBhdGg6c2VjcmV0L2RhdGEveCN5Pg=="));
        for text in ["aHVudGVyMg==", "aHVudGVyMgo=", "vault:secret/data/aws#KEY", "", "////"] {
            assert!(!is_encoded_reference(text), "{text}");
        }
    }

    #[test]
    fn what_is_read_from_elsewhere_is_a_reference() {
        for text in [
            "os.environ/OPENAI_KEY_1",
            "{env:API_KEY}",
            "{file:/run/key.txt}",
            "vault:a/b#c",
            "$PW",
            "*alias",
        ] {
            assert!(is_reference(text), "{text}");
        }
        for text in ["environ/hunter2", "{env:hunter2}", "hunter2", "{hunter2}"] {
            assert!(!is_reference(text), "{text}");
        }
    }
}
