//! Which files a word names, told from where a command may run.

use super::{Asked, Dir, Part, Word, normalize};

/// Folders above the one a line runs in that may be the top of its repository.
const ABOVE: usize = 4;

/// The files that a word names: with a pattern (`/w/lib/*.sh`), or by the top of the repository, those it may be.
/// None where its name is computed.
#[must_use]
pub fn files_named(word: &Word, cwd: &[Dir]) -> Vec<String> {
    if let [Part::Asked(Asked::TopLevel), Part::Text(rest)] = word.parts() {
        let above = |path: &str| {
            let mut folder = path.to_owned();
            let mut all = Vec::new();
            for _ in 0..=ABOVE {
                all.push(normalize(&format!("{folder}/{rest}")));
                let Some((up, _)) = folder.rsplit_once('/') else { break };
                folder = up.to_owned();
            }
            all
        };
        return cwd.iter().filter_map(Dir::path).flat_map(above).collect();
    }
    if let Some((folder, head, tail)) = wild(word) {
        let folder = Word::literal(folder);
        let folders = cwd.iter().filter_map(|dir| dir.enter(&folder).path().map(str::to_owned));
        return folders.map(|folder| format!("{folder}/{head}*{tail}")).collect();
    }
    if word.as_literal().is_none() {
        return Vec::new();
    }
    cwd.iter().filter_map(|dir| dir.enter(word).path().map(str::to_owned)).collect()
}

/// A wild word taken apart: the folder, and what of a name stands before and behind what is wild.
#[must_use]
pub fn wild(word: &Word) -> Option<(&str, String, String)> {
    if !word.is_wild() {
        return None;
    }
    let (folder, head) = word.prefix().rsplit_once('/').unwrap_or((".", word.prefix()));
    let folder = if folder.is_empty() { "/" } else { folder };
    let unknown = word.parts().iter().filter(|part| !matches!(part, Part::Text(_))).count();
    let tail = word.suffix();
    // A computed folder, or a pattern for one: of the names in it nothing is known.
    (unknown == 1 && !tail.contains('/')).then(|| (folder, head.to_owned(), tail.to_owned()))
}
