//! The one thing of a kubeconfig that decides where a bare call goes: its current context.

use std::path::PathBuf;

use super::environment::Environment;
use super::files;

/// The current context as kubectl finds it: the first file of `$KUBECONFIG` that names one, or `~/.kube/config`. A session's own
/// kubeconfig counts where nothing takes it away (`keeps`).
#[must_use]
pub fn current_context(environment: &Environment, keeps: bool) -> Option<String> {
    let session = environment.session_kubeconfig.as_ref().filter(|_| keeps);
    let paths: Vec<PathBuf> = match session.or(environment.kubeconfig.as_ref()) {
        Some(list) => list.split(':').filter(|p| !p.is_empty()).map(PathBuf::from).collect(),
        None => vec![environment.home.join(".kube/config")],
    };
    paths.iter().filter_map(|path| files::read(path).ok().flatten()).find_map(|text| scan(&text))
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
