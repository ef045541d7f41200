//! What a push sends: every object that the other side has not, looked at by several threads.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io::Read as _;

use crate::base::parts::in_parts;
use crate::facts::objects::{
    LARGEST, ObjectRepository, ObjectsError, failed, feed, finish, revisions, within,
};
use crate::facts::packs::{self, PackPlace, Packs};
use rwenv_core::manifest::tree::Tree;

/// Fewest objects for which packs are read here: git's plumbing reads fewer in the time it takes to open a pack.
const MANY: usize = 2048;

/// Content that would be sent.
#[derive(Clone, Debug)]
pub(super) struct Sent<T> {
    /// Commits and annotated tags: their name and whole text.
    pub(super) messages: Vec<(String, String)>,
    /// What was seen in files.
    pub(super) seen: Vec<T>,
    /// Paths of files too large to be read.
    pub(super) large: Vec<String>,
}

/// An object of the list: its name, and the path it is found under.
type Listed<'a> = (&'a str, &'a str);

/// What there is to say about an object.
enum LookedObject<T> {
    Message {
        name: String,
        text: String,
        is_commit: bool,
    },
    Seen(Vec<T>),
    Large(String),
    /// Its text could be a manifest, under a name that is none's.
    Hidden {
        name: String,
        bytes: Vec<u8>,
    },
}

/// Everything that is reachable from these commits and not from those: what a push really sends. `look` sees each file's bytes,
/// by the path it is found under first, and by every path at which it would be a manifest.
///
/// # Errors
/// Where git fails, or there is too much of it.
pub(super) fn sent<T: Send>(
    repository: &ObjectRepository,
    (tips, known): (&[String], &[String]),
    look: impl Fn(&str, &[u8]) -> Vec<T> + Sync,
) -> Result<Sent<T>, ObjectsError> {
    let list = reachable(repository, tips, known)?;
    let lines = list.split('\n').filter(|line| !line.is_empty());
    let objects: Vec<Listed<'_>> = lines.map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
    let packs = packs(repository, &objects);
    let looked = in_parts(&objects, |part| looked(repository, &packs, part, &look))?;
    let mut sent = Sent { messages: Vec::new(), seen: Vec::new(), large: Vec::new() };
    let (mut commits, mut hidden) = (Vec::new(), HashMap::new());
    for one in looked {
        match one {
            LookedObject::Message { name, text, is_commit } => {
                commits.extend(is_commit.then(|| name.clone()));
                sent.messages.push((name, text));
            }
            LookedObject::Seen(seen) => sent.seen.extend(seen),
            LookedObject::Large(path) => sent.large.push(path),
            LookedObject::Hidden { name, bytes } => drop(hidden.insert(name, bytes)),
        }
    }
    if !hidden.is_empty() {
        for (name, path) in other_paths(repository, &commits, &hidden)? {
            sent.seen.extend(hidden.get(&name).into_iter().flat_map(|bytes| look(&path, bytes)));
        }
    }
    Ok(sent)
}

/// The packs, where so many objects are wanted that it pays to read them here.
fn packs(repository: &ObjectRepository, objects: &[Listed<'_>]) -> Packs {
    if objects.len() < MANY {
        return Packs::default();
    }
    let folder = repository.text(&["rev-parse", "--path-format=absolute", "--git-path", "objects"]);
    folder.map(|folder| Packs::open(folder.as_ref(), objects.len())).unwrap_or_default()
}

/// What there is to say about some objects; nothing about most of them.
fn looked<T>(
    repository: &ObjectRepository,
    packs: &Packs,
    objects: &[Listed<'_>],
    look: &(impl Fn(&str, &[u8]) -> Vec<T> + Sync),
) -> Result<Vec<LookedObject<T>>, ObjectsError> {
    let mut all = Vec::new();
    let mut take =
        |object: &Listed<'_>, kind: &str, bytes: Option<&[u8]>| of(object, kind, bytes, look, &mut all);
    let (mut packed, mut left) = (Vec::new(), Vec::new());
    for object in objects {
        let name = packs::name_of(object.0).and_then(|name| Some((packs.find(&name)?, name, object)));
        name.map_or_else(|| left.push(object), |found| packed.push(found));
    }
    packed.sort_unstable_by_key(|(place, ..): &(PackPlace, _, _)| *place);
    let mut reader = packs.reader(LARGEST);
    let mut total = 0;
    for (done, (place, name, object)) in packed.into_iter().enumerate() {
        let Some(read) = reader.read(&name, place) else {
            left.push(object);
            continue;
        };
        total += read.bytes.len();
        within(total)?;
        if done % 256 == 0 {
            repository.budget.check(done)?;
        }
        take(object, read.kind, Some(&read.bytes));
    }
    if !left.is_empty() {
        let names: Vec<&str> = left.iter().map(|(name, _)| *name).collect();
        repository.batch(&names, |at, kind, bytes| {
            if let Some(object) = left.get(at) {
                take(object, kind, bytes);
            }
        })?;
    }
    Ok(all)
}

fn of<T>(
    (name, path): &Listed<'_>,
    kind: &str,
    bytes: Option<&[u8]>,
    look: impl Fn(&str, &[u8]) -> Vec<T>,
    all: &mut Vec<LookedObject<T>>,
) {
    match (kind, bytes) {
        ("commit" | "tag", Some(bytes)) => all.push(LookedObject::Message {
            name: (*name).to_owned(),
            text: String::from_utf8_lossy(bytes).into_owned(),
            is_commit: kind == "commit",
        }),
        ("blob", Some(bytes)) => {
            let seen = look(path, bytes);
            if !seen.is_empty() {
                all.push(LookedObject::Seen(seen));
            }
            if has_secret(bytes) && !Tree::may_be_manifest(path) {
                all.push(LookedObject::Hidden { name: (*name).to_owned(), bytes: bytes.to_vec() });
            }
        }
        ("blob", None) => all.push(LookedObject::Large((*path).to_owned())),
        _ => {}
    }
}

/// True for a text that may define a Secret.
fn has_secret(bytes: &[u8]) -> bool {
    // Looking for one byte is much faster than looking for a word, and few files have this one.
    let has = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    bytes.contains(&b'S') && has(b"Secret") && has(b"kind")
}

/// The objects by name, each with the path it is found under, one a line.
fn reachable(
    repository: &ObjectRepository,
    tips: &[String],
    known: &[String],
) -> Result<String, ObjectsError> {
    let arguments = ["rev-list", "--objects", "--stdin"];
    let mut child = repository.spawn(&arguments)?;
    let stdout = feed(&mut child, revisions(tips, known));
    let (mut text, mut count) = (Vec::new(), 0);
    let mut part = vec![0; 1 << 16];
    if let Some(mut stdout) = stdout {
        loop {
            let read = stdout.read(&mut part).map_err(|e| failed(&arguments, &e.to_string()))?;
            let Some(new) = part.get(..read).filter(|new| !new.is_empty()) else { break };
            count += new.iter().filter(|byte| **byte == b'\n').count();
            repository.budget.check(count).inspect_err(|_| drop(child.kill()))?;
            text.extend_from_slice(new);
        }
    }
    finish(child, &arguments)?;
    Ok(match String::from_utf8_lossy(&text) {
        Cow::Borrowed(_) => String::from_utf8(text).unwrap_or_default(),
        Cow::Owned(text) => text,
    })
}

/// The paths that manifests may have of these objects in these commits: the list of objects names one path of each, and that
/// up to a line break. An object that a ref names has none; it counts as a manifest.
fn other_paths(
    repository: &ObjectRepository,
    commits: &[String],
    objects: &HashMap<String, Vec<u8>>,
) -> Result<BTreeSet<(String, String)>, ObjectsError> {
    let arguments = [
        "diff-tree",
        "--stdin",
        "-r",
        "-m",
        "--root",
        "-z",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--no-commit-id",
    ];
    let mut child = repository.spawn(&arguments)?;
    let input = commits.iter().map(|name| format!("{name}\n")).collect::<String>().into_bytes();
    let mut bytes = Vec::new();
    if let Some(mut stdout) = feed(&mut child, input) {
        stdout.read_to_end(&mut bytes).map_err(|e| failed(&arguments, &e.to_string()))?;
    }
    finish(child, &arguments)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut words = text.split('\0');
    let mut found: BTreeSet<(String, String)> = BTreeSet::new();
    let mut named: BTreeSet<&str> = BTreeSet::new();
    // `:MODE MODE OLD NEW STATUS`, then the path.
    while let Some(head) = words.next() {
        let Some(name) = head.split(' ').nth(3).filter(|_| head.starts_with(':')) else { continue };
        let path = words.next().unwrap_or_default();
        if objects.contains_key(name) {
            named.insert(name);
            if Tree::may_be_manifest(path) {
                found.insert((name.to_owned(), path.to_owned()));
            }
        }
    }
    let nameless = objects.keys().filter(|name| !named.contains(name.as_str()));
    found.extend(nameless.map(|name| (name.clone(), format!("{}.yaml", name.get(..12).unwrap_or(name)))));
    Ok(found)
}
