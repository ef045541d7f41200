//! Where a repository is, as it is written in remotes, manifests and configuration.

use super::normalize;

/// True where two URLs may name the same repository: scheme, user, port, `.git`, slashes and case are no difference.
#[must_use]
pub fn same_repository(a: &str, b: &str) -> bool {
    normal(a) == normal(b)
}

/// True where a forge's repository is the one at a URL; of a forge whose host is not told (`*`), by its path alone.
#[must_use]
pub fn names_repository(named: &str, url: &str) -> bool {
    match named.strip_prefix("https://*/") {
        Some(path) => {
            let host = url.split_once("://").map_or(url, |(_, rest)| rest);
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host).split(['/', ':']).next();
            host.is_some_and(|host| same_repository(&format!("https://{host}/{path}"), url))
        }
        None => same_repository(named, url),
    }
}

/// The text with `%41` as `A`.
#[must_use]
pub fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let hex = behind.get(..2).filter(|_| *byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(code) => {
                out.push(code);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn normal(url: &str) -> String {
    let lower = percent_decoded(url.trim()).to_ascii_lowercase();
    let (scheme, rest) = lower.split_once("://").unwrap_or(("", &lower));
    let end = |path: &str| normalize(path).trim_end_matches(".git").trim_matches('/').to_owned();
    if scheme == "file" || (scheme.is_empty() && rest.starts_with('/')) {
        // git looks on this machine, whatever host a file's URL names.
        let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(rest);
        return format!("/{}", end(path));
    }
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (host, path) = match rest.find(['/', ':']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    // `host:path` of scp, `host:2222/path` of ssh.
    let path = path.trim_start_matches([':', '/']);
    let path = match path.split_once('/') {
        Some((port, rest)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => path,
    };
    format!("{host}/{}", end(path))
}

/// The URL of a remote, where it is a path seen from a folder.
#[must_use]
pub fn from_root(folder: &str, url: &str) -> String {
    let relative = url.starts_with("./") || url.starts_with("../");
    if relative && !folder.is_empty() { normalize(&format!("{folder}/{url}")) } else { url.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_compared_by_what_they_name() {
        for url in [
            "git@github.com:o/r.git",
            "ssh://git@github.com:22/o/r",
            "https://GitHub.com/o/r/",
            "https://x:y@github.com/o/r.git",
            "ssh://git@github.com/o/r.git",
            "https://github.com:443/o/r",
            "git+ssh://github.com/o/r",
            "https://github.com//o/./x/../r.git/",
            "https://github.com/%6f/r",
        ] {
            assert!(same_repository(url, "https://github.com/o/r"), "{url}");
        }
        assert!(!same_repository("https://github.com/o/r2", "https://github.com/o/r"));
        assert!(same_repository("file:///srv/git/r.git", "/srv/git/r/"));
        assert!(same_repository("file://localhost/srv/git/r", "/srv/git/r"));
        assert!(!same_repository("/srv/git/r", "https://srv/git/r"));
    }
}
