//! Keys of a document's maps: the object's name where that tells it apart, and no more around it than is needed to.

use std::collections::HashMap;

/// What an entry is called, from its name outwards.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct EntryNames {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) cluster: String,
    /// `kind` and place, where everything else is the same.
    pub(super) rest: String,
}

/// One key for each entry, no two the same.
pub(super) fn keys(entries: &[EntryNames]) -> Vec<String> {
    let mut same: HashMap<&str, Vec<&EntryNames>> = HashMap::new();
    for entry in entries {
        same.entry(&entry.name).or_default().push(entry);
    }
    let key = |entry: &EntryNames| {
        let all = same.get(entry.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        if all.len() < 2 {
            return entry.name.clone();
        }
        let forms = [
            entry.name.clone(),
            format!("{}/{}", entry.namespace, entry.name),
            format!("{}/{}", entry.cluster, entry.name),
            format!("{}/{}/{}", entry.cluster, entry.namespace, entry.name),
        ];
        let parts = [
            |_: &EntryNames| (String::new(), String::new()),
            |n: &EntryNames| (n.namespace.clone(), String::new()),
            |n: &EntryNames| (n.cluster.clone(), String::new()),
            |n: &EntryNames| (n.cluster.clone(), n.namespace.clone()),
        ];
        let apart = parts.iter().position(|part| {
            let mut seen: Vec<_> = all.iter().map(|n| part(n)).collect();
            seen.sort();
            seen.windows(2).all(|pair| pair.first() != pair.last())
        });
        let form = apart.and_then(|at| forms.get(at).cloned());
        // Without a cluster or a namespace there is no place for their names.
        let form = form.unwrap_or_else(|| {
            format!("{}/{}/{} ({})", entry.cluster, entry.namespace, entry.name, entry.rest)
        });
        let (path, rest) = form
            .split_once(" (")
            .map_or((form.as_str(), ""), |(path, _)| (path, form.get(path.len()..).unwrap_or_default()));
        format!("{}{rest}", path.replace("//", "/").trim_start_matches('/'))
    };
    entries.iter().map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_begin_with_a_slash() {
        let same = |rest: &str| EntryNames {
            name: "web".into(),
            namespace: "shop".into(),
            cluster: String::new(),
            rest: rest.into(),
        };
        assert_eq!(keys(&[same("a:1"), same("b//c:1")]), ["shop/web (a:1)", "shop/web (b//c:1)"]);
    }

    #[test]
    fn a_key_says_no_more_than_is_needed() {
        let names = |cluster: &str, namespace: &str, name: &str| EntryNames {
            name: name.into(),
            namespace: namespace.into(),
            cluster: cluster.into(),
            rest: "x".into(),
        };
        let all = [
            names("a", "n", "web"),
            names("a", "n", "api"),
            names("a", "m", "api"),
            names("a", "n", "db"),
            names("b", "n", "db"),
            names("a", "n", "q"),
            names("b", "n", "q"),
            names("a", "m", "q"),
        ];
        assert_eq!(keys(&all), ["web", "n/api", "m/api", "a/db", "b/db", "a/n/q", "b/n/q", "a/m/q"]);
    }
}
