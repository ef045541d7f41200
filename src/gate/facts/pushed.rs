//! Whether Git has what is applied: committed, on the branch that is deployed from, and what was made of it.

use std::fs;
use std::path::Path;

use crate::base::environment::Environment;
use crate::facts::git::{MOST_FILES, age, run};
use crate::facts::terraform;
use rwenv_core::model::{Pushed, Rwenv};

/// Whether what a file or folder holds is committed, and the commit on a remote. `status` is asked without the monitor a
/// repository may name, and writes nothing.
pub(super) fn pushed(path: &str, environment: &Environment) -> Pushed {
    let no = |why: &str| Pushed::No(why.to_owned());
    let place = Path::new(path);
    let (dir, name) = if place.is_dir() {
        (path, ".")
    } else {
        let parent = place.parent().and_then(Path::to_str);
        let name = place.file_name().and_then(|name| name.to_str());
        let Some((parent, name)) = parent.zip(name) else { return no("its files are not known") };
        (parent, name)
    };
    let ask =
        |arguments: &[&str]| run(dir, &[&["-c", "core.fsmonitor=false"], arguments].concat(), environment);
    if ask(&["ls-files", "--error-unmatch", "--", name]).is_none_or(|files| files.is_empty()) {
        let made_in = (place.is_file() && name != ".").then(|| generated_in(place, environment)).flatten();
        let Some(made_in) = made_in else { return no(&format!("{name} of {dir} is in no commit")) };
        let made_of = terraform::folder_of(place).filter(|folder| made_in.starts_with(folder));
        return match made_of.unwrap_or(made_in).to_str().map(|folder| pushed(folder, environment)) {
            Some(Pushed::Yes) => {
                made_of.map_or(Pushed::Generated, |folder| terraform::made(place, folder, environment))
            }
            Some(found) => found,
            None => no("its folder has no name that is text"),
        };
    }
    let status =
        ask(&["status", "--porcelain", "--untracked-files=all", "--ignore-submodules=all", "--", name]);
    match status {
        Some(changes) if changes.lines().all(is_new_output) => {}
        Some(_) => return no(&format!("{name} of {dir} has changes that are in no commit")),
        None => return no("git cannot say what is committed"),
    }
    match ask(&["for-each-ref", "--contains", "HEAD", REMOTE_BRANCH, "refs/remotes"]) {
        Some(refs) if refs.trim().is_empty() => no("its last commit is on no remote"),
        Some(refs) => {
            followed(&refs, &ask(&["for-each-ref", REMOTE_BRANCH, "refs/remotes"]).unwrap_or_default())
        }
        None => no("git cannot say what is pushed"),
    }
}

/// A branch of a remote, and the one it stands for: `origin/HEAD` stands for the branch that a clone starts on.
const REMOTE_BRANCH: &str = "--format=%(refname:lstrip=3) %(symref:lstrip=3)";

/// Whether one of the branches that have a commit is deployed from: the remote's default branch, else those that are protected
/// unless somebody says otherwise. Where a remote has none of these, each of its branches may be.
fn followed(having: &str, all: &str) -> Pushed {
    let named: Vec<&str> =
        all.lines().filter_map(|line| line.split_once(' ').map(|(name, _)| name)).collect();
    let default = all.lines().filter_map(|line| line.strip_prefix("HEAD ").filter(|name| !name.is_empty()));
    let mut followed: Vec<&str> = default.collect();
    if followed.is_empty() {
        followed.extend(Rwenv::PROTECTED.into_iter().filter(|name| named.contains(name)));
    }
    let on = having.lines().filter_map(|line| line.split_once(' ').map(|(name, _)| name));
    let mut on: Vec<&str> = on.filter(|name| *name != "HEAD").collect();
    on.dedup();
    if followed.is_empty() || on.iter().any(|name| followed.contains(name)) {
        return Pushed::Yes;
    }
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    Pushed::Aside { on: owned(on), followed: owned(followed) }
}

/// True for a line of `git status` about a file that git has not, and that output is written to.
fn is_new_output(line: &str) -> bool {
    line.strip_prefix("?? ").is_some_and(|name| is_output(name.trim_matches('"')))
}

/// True for names of files that output is written to, and that no configuration is read from.
pub(super) fn is_output(name: &str) -> bool {
    [".log", ".txt", ".out", ".err", ".plan", ".tfplan"].iter().any(|end| name.ends_with(end))
}

/// The folder a file is made in that git is told to ignore: the one that holds the ignored file or, where a folder is ignored
/// whole, that folder.
fn generated_in<'p>(file: &'p Path, environment: &Environment) -> Option<&'p Path> {
    let ignored = |path: &Path| {
        let (dir, name) = (path.parent()?.to_str()?, path.file_name()?.to_str()?);
        run(dir, &["check-ignore", "-q", "--", name], environment)
    };
    ignored(file)?;
    let outermost = file.ancestors().take_while(|path| ignored(path).is_some()).last()?;
    outermost.parent()
}

/// Whether a plan was made in this repository, of the commit there is now: a plan outside may be of anything, and one that is older
/// than the last move of HEAD, or than a file of the folder, is of something else. One that is not there does nothing.
pub(super) fn plan(file: &str, dir: &str, environment: &Environment) -> Pushed {
    let no = |why: &str| Pushed::No(format!("the plan {file} {why}"));
    let ask = |arguments: &[&str]| run(dir, arguments, environment).map(|text| text.trim_end().to_owned());
    let real = match fs::canonicalize(file) {
        Ok(real) => real,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Pushed::Yes,
        Err(_) => return no("cannot be looked at"),
    };
    let Some(root) = ask(&["rev-parse", "--show-toplevel"]).and_then(|root| fs::canonicalize(root).ok())
    else {
        return no("is in no repository");
    };
    if !real.starts_with(&root) {
        return no("lies outside the repository");
    }
    if real.is_dir() {
        return pushed(file, environment);
    }
    let moved = ask(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]);
    let Some((made, moved)) = age(&real).zip(moved.and_then(|log| age(Path::new(&log)))) else {
        return no("may be older than the commit there is now");
    };
    if made < moved {
        return no("is older than the commit there is now; plan again");
    }
    let files = run(dir, &["ls-files", "-z"], environment).unwrap_or_default();
    let newer = |name: &str| age(&Path::new(dir).join(name)).is_some_and(|changed| made < changed);
    match files.split('\0').filter(|name| !name.is_empty()).take(MOST_FILES).find(|name| newer(name)) {
        Some(name) => no(&format!("is older than {name}; plan again")),
        None => Pushed::Yes,
    }
}
