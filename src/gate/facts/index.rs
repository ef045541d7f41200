//! The index of definitions: which file and line of a rwenv's Flux repository defines what. The catalog writes it; a door reads it,
//! and only where it has to say what to do instead. Sorted lines, so that finding one reads no more than it has to compare.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::base::environment::{Environment, under_home};
use crate::base::files::{self, FileError};
use rwenv_core::decide::{Definition, NamedObject, SharedDefinition};

/// Largest index that is read, in bytes.
const LARGEST: u64 = 64 << 20;
/// First line, up to the folder of the clone.
const HEAD: &str = "#rwenv-index-2";
/// Kinds a release brings in without a file of their own.
const MADE: [&str; 9] =
    ["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Service", "ConfigMap", "Secret", "Ingress"];

/// A line of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexEntry {
    /// Kind of an object; `image`, `image-of` (`Kind/name`) or `configmap-key` (`name/key`) for what is no object.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace; empty where it is in none.
    pub namespace: String,
    /// File from the root of the repository, and line.
    pub place: String,
    /// The file below it that other clusters apply too, where there is one.
    pub shared: Option<SharedFile>,
}

/// A file that several clusters apply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharedFile {
    /// File from the root of the repository, and line.
    pub place: String,
    /// The other clusters.
    pub by: String,
}

impl IndexEntry {
    /// Its line; none where a text would break it.
    fn line(&self) -> Option<String> {
        let mut parts = vec![&self.kind, &self.name, &self.namespace, &self.place];
        parts.extend(self.shared.iter().flat_map(|shared| [&shared.place, &shared.by]));
        let whole = !parts.iter().any(|text| text.contains(char::is_control));
        whole.then(|| parts.into_iter().map(String::as_str).collect::<Vec<_>>().join("\t") + "\n")
    }
}

/// Where the index of a rwenv lies.
#[must_use]
pub fn path(rwenv: &str, environment: &Environment) -> PathBuf {
    environment.config_dir.join("catalog").join(rwenv).join("definitions.index")
}

/// Writes an index.
///
/// # Errors
/// Where the system says no; the file is as it was then.
pub fn write(path: &Path, clone: &Path, entries: &[IndexEntry]) -> Result<(), FileError> {
    let mut lines: Vec<String> = entries.iter().filter_map(IndexEntry::line).collect();
    lines.sort_unstable();
    lines.dedup();
    let folder = clone.display().to_string();
    let head = format!("{HEAD}\t{}\n", if folder.contains(char::is_control) { "" } else { &folder });
    files::write(path, &(head + &lines.concat()), 0o600)
}

/// The file and line that define an object, as a person opens them; for what a release makes, those of the release.
#[must_use]
pub fn find(rwenv: &str, object: &NamedObject, environment: &Environment) -> Option<Definition> {
    let text = read(&path(rwenv, environment))?;
    let (head, body) = text.split_once('\n')?;
    let clone = head.strip_prefix(HEAD)?.trim_start_matches('\t');
    let place = |file: &str| {
        let (path, line) = file.rsplit_once(':').unwrap_or((file, "1"));
        format!("{}:{line}", under_home(&Path::new(clone).join(path)))
    };
    let definition = |found: &str, by: Option<String>| {
        let mut parts = found.split('\t');
        let own = place(parts.next().unwrap_or_default());
        let shared = parts.next().zip(parts.next());
        let shared = shared.map(|(base, by)| SharedDefinition { place: place(base), by: by.to_owned() });
        Definition { place: own, by, shared }
    };
    let namespace = object.namespace.as_deref();
    if let Some(found) = entry(body, &object.kind, &object.name, namespace) {
        return Some(definition(found, None));
    }
    releases(&object.kind, &object.name).find_map(|name| {
        let found = entry(body, "HelmRelease", name, namespace)?;
        Some(definition(found, Some(format!("HelmRelease {name}"))))
    })
}

/// An object that a repository defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DefinedObject {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty where it is in none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The objects that a rwenv's repository defines, as the catalog has them.
#[must_use]
pub fn objects(rwenv: &str, environment: &Environment) -> Vec<DefinedObject> {
    let text = read(&path(rwenv, environment)).unwrap_or_default();
    let lines = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let object = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        let (kind, name, namespace) = (fields.next()?, fields.next()?, fields.next()?);
        Some(DefinedObject { kind, namespace, name })
    };
    lines.filter_map(object).collect()
}

/// The names of releases that may make an object, the longest first: `kube-prometheus-stack-grafana` is of
/// kube-prometheus-stack.
pub fn releases<'n>(kind: &str, name: &'n str) -> impl Iterator<Item = &'n str> {
    let ends = name.match_indices('-').map(|(at, _)| at).chain([name.len()]);
    let made = MADE.contains(&kind);
    let names: Vec<&str> = ends.filter_map(|end| name.get(..end)).filter(|_| made).collect();
    names.into_iter().rev()
}

/// The place of an entry; one of the namespace that is asked for, or of the only one there is.
fn entry<'b>(body: &'b str, kind: &str, name: &str, namespace: Option<&str>) -> Option<&'b str> {
    let prefix = format!("{kind}\t{name}\t");
    let start = first(body, &prefix);
    let lines = body.get(start..)?.lines().take_while(|line| line.starts_with(&prefix));
    let mut all = lines.filter_map(|line| line.get(prefix.len()..)?.split_once('\t'));
    match namespace {
        None => all.next().map(|(_, place)| place),
        // A definition without one gets its namespace from elsewhere.
        Some(wanted) => all.find(|(own, _)| *own == wanted || own.is_empty()).map(|(_, place)| place),
    }
}

/// Where the lines that are not before a prefix begin.
fn first(body: &str, prefix: &str) -> usize {
    let (mut low, mut high) = (0, body.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let head = body.as_bytes().get(..middle).unwrap_or_default();
        let start = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1).max(low);
        let line = body.get(start..).unwrap_or_default().split('\n').next().unwrap_or_default();
        if line < prefix {
            low = (start + line.len() + 1).min(body.len());
        } else {
            high = start;
        }
    }
    low
}

fn read(path: &Path) -> Option<String> {
    let file = fs::File::open(path).ok()?;
    let small = file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
    let mut text = String::new();
    if small { file.take(LARGEST).read_to_string(&mut text).ok().map(|_| text) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found_and_nothing_else() {
        let mut lines: Vec<String> =
            (0..200).map(|n| format!("Service\tname-{}\tns\tf{n}:1\n", n * 7 % 200)).collect();
        lines.extend(["Deployment\tweb\ta\tx:1\n".to_owned(), "Deployment\tweb\tb\ty:2\n".to_owned()]);
        lines.sort();
        let body = lines.concat();
        for n in 0..200 {
            assert!(entry(&body, "Service", &format!("name-{n}"), Some("ns")).is_some(), "{n}");
        }
        assert_eq!(entry(&body, "Deployment", "web", Some("b")), Some("y:2"));
        assert_eq!(entry(&body, "Deployment", "web", None), Some("x:1"));
        assert_eq!(entry(&body, "Deployment", "web", Some("c")), None);
        assert_eq!(entry(&body, "Deployment", "we", None), None);
        assert_eq!(entry(&body, "Zebra", "web", None), None);
        assert_eq!(entry("", "Zebra", "web", None), None);
    }
}
