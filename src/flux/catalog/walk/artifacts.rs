//! OCI artifacts that are made of a folder of the repository: what `flux push artifact --path` names in its workflows, Makefiles and
//! scripts.

use rwenv_core::manifest::kustomize::ReadBytes;
use rwenv_core::manifest::tree::{Tree, join};

/// The command that makes one (`flux push artifact`).
const COMMAND: &str = "flux push artifact";
/// Most files that are read for it.
const MOST_FILES: usize = 400;
/// Most bytes of one.
const LONGEST: usize = 256 << 10;

/// A folder that is pushed as an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PushedFolder {
    /// The folder, from the root of the repository.
    pub(super) folder: String,
    /// Where it is pushed to, without a tag; as it is written, with its variables.
    pub(super) url: String,
}

/// Every folder that some file says is pushed. `read` gives a file's bytes.
pub(super) fn pushed(tree: &Tree, read: &ReadBytes<'_>) -> Vec<PushedFolder> {
    let mut all = Vec::new();
    for path in tree.below("").filter(|path| may_push(path)).take(MOST_FILES) {
        let Some(bytes) = read(path).filter(|bytes| bytes.len() <= LONGEST) else { continue };
        let Ok(text) = String::from_utf8(bytes) else { continue };
        all.extend(in_text(&text).into_iter().filter(|one| tree.has_folder(&one.folder)));
    }
    all.dedup();
    all
}

/// The folder that is the root of an artifact, where the files leave no doubt: by the artifact's URL, else the only one in which the
/// path is there.
pub(super) fn root_of<'p>(
    all: &'p [PushedFolder],
    tree: &Tree,
    url: Option<&str>,
    path: &str,
) -> Option<&'p str> {
    let fits = |one: &&PushedFolder| join(&one.folder, path).is_some_and(|folder| tree.has_folder(&folder));
    let same = |one: &&PushedFolder| url.is_some_and(|url| url.trim_end_matches('/') == one.url);
    if let Some(one) = all.iter().filter(fits).find(same) {
        return Some(&one.folder);
    }
    let mut folders: Vec<&str> = all.iter().filter(fits).map(|one| one.folder.as_str()).collect();
    folders.dedup();
    match folders.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// The folder of exactly this artifact.
pub(super) fn of_url<'p>(all: &'p [PushedFolder], url: &str) -> Option<&'p str> {
    all.iter().find(|one| url.trim_end_matches('/') == one.url).map(|one| one.folder.as_str())
}

/// True for files in which people write such commands.
fn may_push(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    let workflows = [".github/", ".gitea/", ".forgejo/"].iter().any(|folder| path.starts_with(folder));
    let pipeline = workflows || !path.contains('/') || lower.starts_with("taskfile");
    (pipeline && Tree::is_yaml(path))
        || ["makefile", "gnumakefile", "justfile", ".justfile", "mise.toml", ".mise.toml", "jenkinsfile"]
            .contains(&lower.as_str())
        || [".sh", ".mk", ".just"].iter().any(|end| lower.ends_with(end))
}

fn in_text(text: &str) -> Vec<PushedFolder> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let calls = joined.match_indices(COMMAND).filter_map(|(at, _)| {
        let rest = joined.get(at + COMMAND.len()..)?;
        let line = rest.lines().next().unwrap_or_default();
        let line = line.split(" #").next().unwrap_or_default();
        // Folded by YAML (`>`), the options stand on the lines below.
        let more = rest
            .lines()
            .skip(1)
            .map(str::trim)
            .take_while(|line| line.starts_with('-') && !line.starts_with("- "));
        let all: Vec<&str> = std::iter::once(line).chain(more).collect();
        call(&all.join(" "))
    });
    calls.collect()
}

fn call(line: &str) -> Option<PushedFolder> {
    let line = line.split("&&").next().unwrap_or_default();
    let bare = |word: &str| word.trim_matches(['"', '\'']).to_owned();
    let words: Vec<&str> = line.split_whitespace().collect();
    let url = words.iter().map(|word| bare(word)).find(|word| !word.starts_with('-'))?;
    let name = url.rfind('/').map_or(0, |at| at + 1);
    let colon = url.get(name..).and_then(|end| end.find(':')).map(|at| name + at);
    let url = colon.and_then(|at| url.get(..at)).unwrap_or(&url).to_owned();
    let mut path = None;
    for (number, word) in words.iter().enumerate() {
        let joined = ["--path=", "-f="].iter().find_map(|flag| word.strip_prefix(flag));
        let apart = ["--path", "-f"].contains(word).then(|| words.get(number + 1).copied()).flatten();
        path = path.or(joined.or(apart).map(bare));
    }
    let folder = path.filter(|path| !path.contains(['$', '`', '{'])).and_then(|path| join("", &path))?;
    Some(PushedFolder { folder, url })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_name_a_folder_and_where_it_goes() {
        let one = |text: &str| in_text(text).into_iter().next().map(|one| (one.folder, one.url));
        let wanted = Some(("deploy".to_owned(), "oci://ghcr.io/me/manifests".to_owned()));
        for text in [
            "flux push artifact oci://ghcr.io/me/manifests:$(git rev-parse HEAD) --path=\"./deploy\" --source=x",
            "\tflux push artifact oci://ghcr.io/me/manifests:latest \\\n\t\t--path deploy \\\n\t\t--source=x\n",
            "run: >\n  flux push artifact \"oci://ghcr.io/me/manifests:v1\"\n  --source=x\n  --path='./deploy/'\n",
            "@flux push artifact oci://ghcr.io/me/manifests -f ./deploy && flux tag artifact x",
        ] {
            assert_eq!(one(text), wanted, "{text}");
        }
        assert_eq!(one("flux push artifact $REPO:v1 --path=."), Some((String::new(), "$REPO".to_owned())));
        for text in [
            "flux push artifact oci://x --path=$DIR",
            "flux push artifact oci://x",
            "flux pull artifact oci://x --path=a",
        ] {
            assert_eq!(one(text), None, "{text}");
        }
    }
}
