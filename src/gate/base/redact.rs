//! Secret values taken out of a command line before it is written down.

/// What stands in a value's place.
const MASK: &str = "***";
/// A name with one of these in it holds a secret.
const SENSITIVE: [&str; 12] = [
    "pass",
    "secret",
    "token",
    "credential",
    "apikey",
    "api-key",
    "api_key",
    "private",
    "authorization",
    "bearer",
    "literal",
    "pwd",
];

/// Names of what is told something: an address that takes messages is a secret as a whole.
const HOOKS: [&str; 2] = ["notify", "--notify"];

/// Words in which programs say which part of them has failed; they stand where a value might.
const PARTS: [&str; 1] = ["exec:"];

/// The text with the values of secret-looking flags, variables, fields, headers and URLs masked. It errs on the
/// side of masking: what is written down is for finding out what happened, not for running it again.
#[must_use]
pub fn redact(text: &str) -> String {
    let text = without_userinfo(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find(is_name) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let (name, after) = from.split_at(from.find(|c| !is_name(c)).unwrap_or(from.len()));
        out.push_str(name);
        let value = sensitive(name).then(|| value_at(name, after)).flatten();
        rest = match value {
            Some((start, end)) => {
                out.push_str(after.get(..start).unwrap_or_default());
                out.push_str(MASK);
                after.get(end..).unwrap_or_default()
            }
            None => after,
        };
    }
    out.push_str(rest);
    out
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn sensitive(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    // A repository is no secret, whatever it is called.
    !lower.ends_with(".git")
        && (SENSITIVE.iter().any(|s| lower.contains(s)) || HOOKS.contains(&lower.as_str()))
}

/// Where the value of a name stands in the text behind it.
fn value_at(name: &str, after: &str) -> Option<(usize, usize)> {
    let bearer = matches!(name.to_ascii_lowercase().as_str(), "bearer" | "basic");
    let closed = after.trim_start_matches(['"', '\'']);
    let start = after.len() - closed.len();
    let gap = match closed.chars().next()? {
        '=' | ':' => closed.len() - closed.get(1..)?.trim_start_matches([' ', '\t']).len(),
        ' ' if name.starts_with("--") || bearer => closed.len() - closed.trim_start_matches(' ').len(),
        _ => return None,
    };
    let value = closed.get(gap..)?;
    let scheme = value.split(' ').next().filter(|w| {
        matches!(w.to_ascii_lowercase().trim_start_matches(['"', '\'']), "bearer" | "basic" | "token")
    });
    let skipped = scheme.map_or(0, |w| w.len() + 1);
    let value = value.get(skipped..)?;
    let from = start + gap + skipped;
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let length = match quote {
        Some(q) => value.get(1..)?.find(q).map_or(value.len(), |end| end + 2),
        None => value
            .find(|c: char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '"' | '\'' | ')' | ','))
            .unwrap_or(value.len()),
    };
    let part = quote.is_none() && value.get(..length).is_some_and(|value| PARTS.contains(&value));
    (length > 0 && !part).then_some((from, from + length))
}

/// `scheme://user:password@host` without the password.
fn without_userinfo(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, from) = rest.split_at(at + 3);
        out.push_str(before);
        let authority = from
            .split(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\''))
            .next()
            .unwrap_or_default();
        match authority.rsplit_once('@') {
            Some((user, host)) => {
                out.push_str(user.split(':').next().filter(|_| user.contains(':')).unwrap_or_default());
                out.push_str(if user.contains(':') { ":***@" } else { "***@" });
                out.push_str(host);
            }
            None => out.push_str(authority),
        }
        rest = from.get(authority.len()..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_masked_and_nothing_else() {
        for (text, masked) in [
            ("kubectl get secret db -o yaml", "kubectl get secret db -o yaml"),
            ("kubectl --token=abc get pods", "kubectl --token=*** get pods"),
            ("kubectl --token abc get pods", "kubectl --token *** get pods"),
            ("PGPASSWORD='a b' psql -h x", "PGPASSWORD=*** psql -h x"),
            ("curl -H 'Authorization: Bearer abc.def' u", "curl -H 'Authorization: Bearer ***' u"),
            ("git clone https://me:pw@h/x.git && ls", "git clone https://me:***@h/x.git && ls"),
            ("git push https://ghp_abc@h/x.git", "git push https://***@h/x.git"),
            ("k create secret generic x --from-literal=a=b", "k create secret generic x --from-literal=***"),
            ("echo '{\"password\": \"p w\", \"a\": 1}'", "echo '{\"password\": ***, \"a\": 1}'"),
            ("echo password: hunter2 > f; ls", "echo password: *** > f; ls"),
            ("a=1 b=2 # passwords", "a=1 b=2 # passwords"),
            ("Bearer abc", "Bearer ***"),
            ("pass=", "pass="),
            ("getting credentials: exec: no plugin", "getting credentials: exec: no plugin"),
            ("h/tokenfile.git: fatal: no", "h/tokenfile.git: fatal: no"),
            ("token.git.x: abc", "token.git.x: ***"),
            ("é token=ü", "é token=***"),
            ("rwenv edit lab --notify https://h/T0K3N", "rwenv edit lab --notify ***"),
            ("{\"notify\": \"https://h/T0K3N\"}", "{\"notify\": ***}"),
            ("notify-send 'done: all'", "notify-send 'done: all'"),
        ] {
            assert_eq!(redact(text), masked, "{text}");
        }
    }
}
