//! Remotes that the broker reaches: those a person has confirmed, and how they are spoken to.

use rwenv_core::model::{Rwenv, same_repository};

/// How a URL is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// By ssh: user and host, port, path.
    Ssh { host: String, port: Option<String>, path: String },
    /// By git's helper of this name (`https`).
    Http(&'static str),
}

/// By what a URL is reached; none where that is not ssh or HTTP.
pub(super) fn carrier(url: &str) -> Option<Carrier> {
    let plain = |text: &str| !text.is_empty() && !text.starts_with('-') && !text.contains(char::is_control);
    if !plain(url) {
        return None;
    }
    if let Some((scheme, rest)) = url.split_once("://") {
        return match scheme {
            "https" => Some(Carrier::Http("https")),
            "http" => Some(Carrier::Http("http")),
            "ssh" | "git+ssh" | "ssh+git" => {
                let (host, path) = rest.split_once('/')?;
                let bare = |port: &&str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                let (host, port) = match host.rsplit_once(':').filter(|(_, port)| bare(port)) {
                    Some((host, port)) => (host, Some(port.to_owned())),
                    None => (host, None),
                };
                let path = if path.starts_with('~') { path.to_owned() } else { format!("/{path}") };
                plain(host).then(|| Carrier::Ssh { host: host.to_owned(), port, path })
            }
            _ => None,
        };
    }
    // `host:path`, but `helper::address` is neither.
    let (host, path) = url.split_once(':')?;
    let fits = plain(host) && !host.contains('/') && !path.starts_with(':') && !path.is_empty();
    fits.then(|| Carrier::Ssh { host: host.to_owned(), port: None, path: path.to_owned() })
}

/// The remotes of a session: its rwenv's Flux repository, and what a person names.
///
/// # Errors
/// A named one that is not reached by ssh or HTTP.
pub(super) fn confirmed(rwenv: Option<&Rwenv>, named: &[String]) -> Result<Vec<String>, String> {
    let listed = rwenv.iter().flat_map(|rwenv| &rwenv.custody.remotes).chain(named);
    let mut all = Vec::new();
    for url in listed {
        if carrier(url).is_none() {
            return Err(format!(
                "'{}' is not a remote that the git broker reaches; write an https:// or ssh:// URL, or USER@HOST:PATH",
                url.escape_debug()
            ));
        }
        all.push(url.clone());
    }
    let flux = rwenv.and_then(|rwenv| rwenv.flux_git_repo.as_ref());
    all.extend(flux.filter(|url| carrier(url).is_some()).cloned());
    Ok(all)
}

/// The remote that a session means, as the person wrote it.
pub(super) fn meant<'a>(confirmed: &'a [String], url: &str) -> Option<&'a str> {
    confirmed.iter().find(|one| same_repository(one, url)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_reached_by_ssh_or_http_alone() {
        let ssh = |host: &str, port: Option<&str>, path: &str| {
            Some(Carrier::Ssh { host: host.into(), port: port.map(str::to_owned), path: path.into() })
        };
        assert_eq!(carrier("https://host/r"), Some(Carrier::Http("https")));
        assert_eq!(carrier("git@host:o/r.git"), ssh("git@host", None, "o/r.git"));
        assert_eq!(carrier("ssh://git@host:22/o/r"), ssh("git@host", Some("22"), "/o/r"));
        assert_eq!(carrier("ssh://host/~me/r"), ssh("host", None, "~me/r"));
        for other in [
            "ext::sh -c id",
            "ext::sh",
            "fd::3",
            "file:///srv/r",
            "/srv/r",
            "../r",
            "git://host/r",
            "-oProxyCommand=id:x",
            "ssh://-oProxyCommand=id/r",
            "host:",
            "",
            "https://h\nx",
        ] {
            assert_eq!(carrier(other), None, "{other}");
        }
    }

    #[test]
    fn a_remote_is_meant_however_it_is_spelt() {
        let all = ["git@host:o/r.git".to_owned()];
        assert_eq!(meant(&all, "ssh://git@host/o/r"), Some("git@host:o/r.git"));
        assert_eq!(meant(&all, "https://host/o/r.git"), Some("git@host:o/r.git"));
        assert_eq!(meant(&all, "git@host:o/other.git"), None);
    }
}
