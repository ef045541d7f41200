//! Kubeconfigs: the files that count, and the one thing of them that decides where a bare call goes, the current context.

use std::path::{Path, PathBuf};

use crate::base::environment::Environment;
use crate::base::files;

/// The current context as kubectl finds it: the first of the files that names one.
#[must_use]
pub fn current_context(files: &[PathBuf]) -> Option<String> {
    files.iter().filter_map(|path| files::read(path).ok().flatten()).find_map(|text| scan(&text))
}

/// The kubeconfigs of a bare call: the files of `$KUBECONFIG`, or `~/.kube/config`. A session's own counts where nothing takes it
/// away (`keeps`).
#[must_use]
pub fn of_bare_call(environment: &Environment, keeps: bool) -> Vec<PathBuf> {
    let session = environment.session_kubeconfig.as_ref().filter(|_| keeps);
    session.map_or_else(|| usual(environment), |list| listed(list))
}

/// The files of a list as `$KUBECONFIG` has them.
#[must_use]
pub fn listed(list: &str) -> Vec<PathBuf> {
    list.split(':').filter(|p| !p.is_empty()).map(PathBuf::from).collect()
}

/// The person's own: the files of `$KUBECONFIG`, or `~/.kube/config`.
#[must_use]
pub fn usual(environment: &Environment) -> Vec<PathBuf> {
    match &environment.kubeconfig {
        Some(list) => listed(list),
        None => vec![environment.home.join(".kube/config")],
    }
}

/// A path of the configuration, seen from this home.
#[must_use]
pub fn full(written: &str, environment: &Environment) -> PathBuf {
    written.strip_prefix("~/").map_or_else(|| PathBuf::from(written), |rest| environment.home.join(rest))
}

/// The files in which a rwenv's context may be: those that are written down, or the person's own. The default file of another home is
/// that of the dev container; where it is not here, the person's own stands for it.
#[must_use]
pub fn of_place(written: Option<&str>, environment: &Environment) -> Vec<PathBuf> {
    let Some(written) = written else { return usual(environment) };
    let path = full(written, environment);
    if written.contains(':') && !path.exists() {
        let each = written.split(':').filter(|part| !part.is_empty());
        return each.map(|part| full(part, environment)).collect();
    }
    if path.exists() || !path.ends_with(Path::new(".kube/config")) {
        return vec![path];
    }
    let mut all = vec![path];
    all.extend(usual(environment).into_iter().filter(|own| own.exists()));
    all.dedup();
    all
}

/// `current-context` of one file, YAML or JSON. It is a key of the top level, so that a line that starts with it
/// is it.
fn scan(text: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Json {
        #[serde(rename = "current-context")]
        current: Option<String>,
    }
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        let json: Json = serde_json::from_str(text).ok()?;
        return json.current.filter(|c| !c.is_empty());
    }
    let value = text.lines().filter_map(|line| {
        let bare = line.strip_prefix(['"', '\'']).unwrap_or(line);
        let rest = bare.strip_prefix("current-context")?;
        rest.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')
    });
    value.map(scalar).find(|name| !name.is_empty())
}

/// A plain or quoted YAML scalar on one line, its comment gone.
fn scalar(text: &str) -> String {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default().to_owned();
        }
    }
    text.split(" #").next().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_context_is_found_in_every_way_it_is_written() {
        for (text, context) in [
            ("apiVersion: v1\ncurrent-context: prod\nkind: Config\n", Some("prod")),
            ("current-context: \"a b\"  # note\n", Some("a b")),
            ("current-context: 'gke_p_r_c'\r\n", Some("gke_p_r_c")),
            ("\"current-context\": prod # mine\r\n", Some("prod")),
            ("{\"kind\":\"Config\",\"current-context\":\"k3s\"}", Some("k3s")),
            ("current-context: \"\"\n", None),
            ("contexts:\n- name: x\n  current-context: no\n", None),
            ("", None),
        ] {
            assert_eq!(scan(text).as_deref(), context, "{text}");
        }
    }
}
