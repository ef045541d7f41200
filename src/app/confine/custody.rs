//! What is hidden from a confined program: the table's paths as they are on this machine, the kubeconfigs that are named anywhere with the
//! keys they name, and variables.

use std::fs;
use std::path::{Path, PathBuf};

use rwenv_core::manifest::yaml::{self, Node};
use rwenv_core::model::{GitReach, Rwenv, Rwenvs};
use rwenv_core::policy::CUSTODY;
use rwenv_core::table::fits;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::files;
use rwenv_gate::facts::kubeconfig;

/// Files of a folder that are looked at, at most.
const MOST: usize = 200;
/// The longest kubeconfig that is looked at, in bytes.
const LARGEST: u64 = 1 << 20;

/// What a person wants beside the table.
#[derive(Clone, Debug, Default)]
pub struct CustodyWish {
    /// Paths that stay although the table hides them.
    pub allow: Vec<PathBuf>,
    /// Further paths that are hidden.
    pub hide: Vec<PathBuf>,
    /// By what git's remotes are reached; where that is the broker, what opens git hosts is hidden too.
    pub git: GitReach,
}

/// A path that is hidden, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenPath {
    /// Where it really lies.
    pub path: PathBuf,
    /// What it holds.
    pub about: String,
}

/// Everything that is hidden, or may only be read.
#[derive(Clone, Debug, Default)]
pub struct Concealment {
    /// What is not there.
    pub hidden: Vec<HiddenPath>,
    /// Where the guard's kubeconfig stands: as it is written, and where that really lies.
    pub replaced: Vec<PathBuf>,
    /// What may only be read.
    pub read_only: Vec<HiddenPath>,
    /// Variables that are taken away.
    pub removed: Vec<String>,
}

impl Concealment {
    /// Gathers it for a session in a rwenv, or in none.
    #[must_use]
    pub fn gather(
        rwenv: Option<&Rwenv>,
        rwenvs: &Rwenvs,
        wish: &CustodyWish,
        environment: &Environment,
    ) -> Self {
        let mut all = Self::default();
        let counts = |of_git: bool| !of_git || wish.git == GitReach::Broker;
        for row in CUSTODY.hidden.iter().filter(|row| counts(row.of_git)) {
            for path in paths(row.paths.iter().copied(), row.named_by.iter().copied(), environment) {
                all.hide(&path, row.about.as_str());
            }
        }
        all.kubeconfigs(rwenv, rwenvs, environment);
        for path in &wish.hide {
            all.hide(path, "named with --hide, or in envs.json");
        }
        for row in CUSTODY.read_only {
            for path in paths(row.paths.iter().copied(), row.named_by.iter().copied(), environment) {
                if let Ok(path) = fs::canonicalize(&path) {
                    all.read_only.push(HiddenPath { path, about: row.about.to_string() });
                }
            }
        }
        let allowed = |path: &Path| wish.allow.iter().any(|allowed| path.starts_with(allowed));
        all.hidden.retain(|hidden| !allowed(&hidden.path));
        all.replaced.retain(|path| !allowed(path));
        all.removed = environment::names()
            .into_iter()
            .filter(|name| CUSTODY.removed.iter().any(|row| counts(row.of_git) && row.has(name)))
            .collect();
        all
    }

    /// Hides what is there, where it really lies.
    fn hide(&mut self, path: &Path, about: &str) {
        let Ok(path) = fs::canonicalize(path) else { return };
        // A variable that names a whole tree is no reason to hide all of it.
        if path.components().count() > 2 && !self.hidden.iter().any(|hidden| hidden.path == path) {
            self.hidden.push(HiddenPath { path, about: about.to_owned() });
        }
    }

    fn kubeconfigs(&mut self, rwenv: Option<&Rwenv>, rwenvs: &Rwenvs, environment: &Environment) {
        let of = |rwenv: &Rwenv| {
            let places = rwenv.places.iter();
            places
                .flat_map(|place| kubeconfig::of_place(place.kubeconfig_path.as_deref(), environment))
                .collect::<Vec<_>>()
        };
        let mut files: Vec<(PathBuf, bool)> =
            rwenv.into_iter().flat_map(of).map(|path| (path, true)).collect();
        files.extend(kubeconfig::usual(environment).into_iter().map(|path| (path, rwenv.is_some())));
        files.push((environment.home.join(".kube/config"), rwenv.is_some()));
        files.extend(rwenvs.all.iter().flat_map(of).map(|path| (path, false)));
        for (path, own) in files.into_iter().filter(|(path, _)| path.is_absolute()) {
            if own && !self.replaced.contains(&path) {
                self.replaced.push(path.clone());
            }
            self.hide(&path, "a kubeconfig");
            for key in named_keys(&path) {
                self.hide(&key, "a key that a kubeconfig names");
            }
        }
        // The folder is hidden whole; the keys that its files name may lie elsewhere.
        for key in kept(&environment.home.join(".kube")).iter().flat_map(|path| named_keys(path)) {
            self.hide(&key, "a key that a kubeconfig names");
        }
    }
}

/// The files of a folder with kubeconfigs and of the folders in it, without caches; as many as a person would keep.
fn kept(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let all = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        all.take(MOST).collect::<Vec<_>>()
    };
    let caches = |path: &Path| path.ends_with("cache") || path.ends_with("http-cache");
    let (folders, mut files): (Vec<_>, Vec<_>) =
        entries(folder).into_iter().filter(|path| !caches(path)).partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| entries(folder)));
    files.retain(|path| fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST));
    files
}

/// Every path that the table has sessions only read, whether it is there or not.
pub(super) fn read_only_places(environment: &Environment) -> Vec<PathBuf> {
    let rows = CUSTODY.read_only.iter();
    rows.flat_map(|row| paths(row.paths.iter().copied(), row.named_by.iter().copied(), environment)).collect()
}

/// The paths of a row that are on this machine, as they are written.
fn paths(
    written: impl Iterator<Item = &'static str>,
    named_by: impl Iterator<Item = &'static str>,
    environment: &Environment,
) -> Vec<PathBuf> {
    let config = environment::var("XDG_CONFIG_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let mut all = Vec::new();
    for path in written {
        expand(&kubeconfig::full(path, environment), &mut all);
        if let Some((config, rest)) = config.as_ref().zip(path.strip_prefix("~/.config/")) {
            expand(&config.join(rest), &mut all);
        }
    }
    for value in named_by.filter_map(environment::var) {
        all.extend(kubeconfig::listed(&value).into_iter().filter(|path| path.is_absolute()));
    }
    all
}

/// A path, or all that fit where its last part has a `*`.
fn expand(path: &Path, all: &mut Vec<PathBuf>) {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (true, Some(folder)) = (name.contains('*'), path.parent()) else {
        all.push(path.to_owned());
        return;
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    all.extend(
        entries
            .filter(|entry| entry.file_name().to_str().is_some_and(|own| fits(name, own)))
            .map(|entry| entry.path()),
    );
}

/// Files that a kubeconfig names: keys, certificates that come with them, tokens.
fn named_keys(path: &Path) -> Vec<PathBuf> {
    let Some(text) = files::read(path).ok().flatten() else { return Vec::new() };
    let keys = ["client-key", "client-certificate", "tokenFile"];
    if !keys.iter().any(|key| text.contains(key)) {
        return Vec::new();
    }
    let Some(root) = yaml::parse(&text).documents.into_iter().next() else { return Vec::new() };
    let users = root.get("users").map_or(&[][..], Node::items);
    let named = users.iter().flat_map(|user| keys.iter().filter_map(move |key| user.str(&["user", key])));
    named.filter(|name| !name.is_empty()).map(|name| path.parent().unwrap_or(path).join(name)).collect()
}
