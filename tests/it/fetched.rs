//! Real programs out of package registries, in the tests' cache: fetched once, in a version that is pinned where it is used.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

use crate::support::{find, root, skip, variable};

/// A folder of the tests' cache, `$XDG_CACHE_HOME/rwenv-tests/NAME`, filled by one run at a time; errors as text.
///
/// `there` says whether the folder has what is wanted; where it has not, `fill` gets the folder.
pub(crate) fn cached(
    name: &str,
    there: impl Fn(&Path) -> bool,
    fill: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")));
    let folder = cache.ok_or("there is no HOME to keep it in")?.join("rwenv-tests").join(name);
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let lock = File::create(folder.join("lock")).map_err(|e| e.to_string())?;
    let _held = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, e)| e.to_string())?;
    if !there(&folder) {
        fill(&folder)?;
    }
    if there(&folder) { Ok(folder) } else { Err(format!("{} lacks what was wanted", folder.display())) }
}

/// The programs that write git hooks, in the versions that `tests/fixtures/managers` pins.
pub(crate) struct Managers {
    /// What npm installs.
    pub(crate) modules: PathBuf,
    /// An environment of Python.
    pub(crate) python: PathBuf,
    /// git-lfs; none where it is not to be had.
    pub(crate) lfs: Option<PathBuf>,
}

/// All of them. None as for [`npm`].
pub(crate) fn managers() -> Option<Managers> {
    let npm = "npm install --no-audit --no-fund --ignore-scripts --loglevel=error && touch done";
    let pip = "python3 -m venv . && bin/pip install --quiet --disable-pip-version-check -r requirements.txt && touch done";
    let filled = |client: &str, files: &[&str], code: &str| {
        let folder = listed("managers", "tests/fixtures/managers", client, files, code);
        folder.inspect_err(|why| skip(&format!("managers of git hooks are not to be had: {why}"))).ok()
    };
    let modules = filled("npm", &NPM, npm)?.join("node_modules");
    Some(Managers { modules, python: filled("python3", &["requirements.txt"], pip)?, lfs: lfs() })
}

/// The `node_modules` of the agents, in the versions that `tests/agents` pins. None as for [`npm`].
pub(crate) fn agents() -> Option<PathBuf> {
    // Their programs are in packages of their own: no install script has to run.
    let code = "npm install --no-audit --no-fund --ignore-scripts --loglevel=error && touch done";
    let folder = match find("node") {
        Some(_) if newest() => newest_agents(),
        Some(_) => listed("agents", "tests/agents", "npm", &NPM, code),
        None => Err("there is no node".to_owned()),
    };
    folder
        .inspect_err(|why| skip(&format!("the agents are not to be had: {why}")))
        .ok()
        .map(|folder| folder.join("node_modules"))
}

/// True where the newest versions of the agents are tried in place of the pinned ones.
pub(crate) fn newest() -> bool {
    variable("RWENV_AGENTS_NEWEST").is_some()
}

/// How long versions count as the newest.
const FRESH: Duration = Duration::from_secs(3600);

/// The same packages as they are today.
fn newest_agents() -> Result<PathBuf, String> {
    let list = fs::read_to_string(root().join("tests/agents/package.json")).unwrap();
    let mut list: serde_json::Value = serde_json::from_str(&list).unwrap();
    for version in list["dependencies"].as_object_mut().unwrap().values_mut() {
        *version = "latest".into();
    }
    let is_fresh = |folder: &Path| {
        let written = fs::metadata(folder.join("done")).and_then(|done| done.modified());
        written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age < FRESH))
    };
    cached("agents-npm-newest", is_fresh, |folder| {
        fs::write(folder.join("package.json"), list.to_string()).map_err(|e| e.to_string())?;
        let code = "rm -rf node_modules package-lock.json && npm install --no-audit --no-fund --ignore-scripts --loglevel=error && touch done";
        let output =
            Command::new("sh").args(["-c", code]).current_dir(folder).output().map_err(|e| e.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        output.status.success().then_some(()).ok_or(said)
    })
}

/// What says what npm is to install.
const NPM: [&str; 2] = ["package.json", "package-lock.json"];

/// A folder of the cache that shell code fills by lists of ours, which lie in a folder of the checkout.
fn listed(name: &str, lists: &str, client: &str, files: &[&str], code: &str) -> Result<PathBuf, String> {
    let texts: Vec<Vec<u8>> =
        files.iter().map(|name| fs::read(root().join(lists).join(name)).unwrap()).collect();
    let mut hasher = DefaultHasher::new();
    texts.hash(&mut hasher);
    let name = format!("{name}-{client}-{:x}", hasher.finish());
    cached(
        &name,
        |folder| folder.join("done").is_file(),
        |folder| {
            find(client).ok_or(format!("there is no {client}"))?;
            for (name, text) in files.iter().zip(&texts) {
                fs::write(folder.join(name), text).map_err(|e| e.to_string())?;
            }
            let output = Command::new("sh")
                .args(["-c", code])
                .current_dir(folder)
                .output()
                .map_err(|e| e.to_string())?;
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            output.status.success().then_some(()).ok_or(said)
        },
    )
}

/// The folder of a git that starts hooks which are configured. None as for [`npm`].
pub(crate) fn newer_git() -> Option<PathBuf> {
    let script = root().join("tests/fixtures/managers/newer-git.sh");
    let folder = cached(
        "git-newer",
        |folder| folder.join("done").is_file(),
        |folder| {
            find("apt-get").ok_or("there is no apt-get")?;
            let output =
                Command::new("sh").arg(&script).current_dir(folder).output().map_err(|e| e.to_string())?;
            let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
            output.status.success().then_some(()).ok_or_else(said)
        },
    );
    folder
        .inspect_err(|why| skip(&format!("git 2.54 is not to be had: {why}")))
        .ok()
        .map(|folder| folder.join("bin"))
}

/// Zsh: the machine's, or that of its Debian. None as for [`npm`].
pub(crate) fn zsh() -> Option<PathBuf> {
    if let Some(zsh) = find("zsh") {
        return Some(zsh);
    }
    let folder = cached(
        "zsh",
        |folder| folder.join("bin/zsh").is_file(),
        |folder| {
            find("apt-get").ok_or("there is no apt-get")?;
            let code = "rm -rf deb && mkdir deb && cd deb && apt-get -qq -o APT::Sandbox::User=root download zsh && dpkg-deb -x zsh_*.deb .. && cd .. && rm -rf deb";
            let output = Command::new("sh").args(["-c", code]).current_dir(folder).output();
            let output = output.map_err(|e| e.to_string())?;
            let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
            output.status.success().then_some(()).ok_or_else(said)
        },
    );
    let folder = folder.inspect_err(|why| skip(&format!("zsh is not to be had: {why}"))).ok()?;
    Some(folder.join("bin/zsh"))
}

/// git-lfs.
pub(crate) fn lfs() -> Option<PathBuf> {
    go("github.com/git-lfs/git-lfs/v3", "v3.6.1", "git-lfs")
}

/// A program of an npm package: `program` is its name in `node_modules/.bin`, or a path below `node_modules`. Install scripts do not run.
/// None where there is no npm or the package cannot be had, which is said.
pub(crate) fn npm(package: &str, version: &str, program: &str) -> Option<PathBuf> {
    let below = if program.contains('/') { program.into() } else { format!(".bin/{program}") };
    let wanted = format!("node_modules/{below}");
    fetched(Client::Npm, &format!("{package}@{version}"), &wanted, |folder, what| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"]);
        npm.arg(folder).arg(what);
        npm
    })
}

/// A program of a Python package, in an environment of its own. None as for [`npm`].
pub(crate) fn pip(package: &str, version: &str, program: &str) -> Option<PathBuf> {
    fetched(Client::Pip, &format!("{package}=={version}"), &format!("bin/{program}"), |folder, what| {
        let mut sh = Command::new("sh");
        sh.args([
            "-c",
            "python3 -m venv \"$1\" && \"$1/bin/pip\" install --quiet --disable-pip-version-check \"$2\"",
            "sh",
        ]);
        sh.arg(folder).arg(what);
        sh
    })
}

/// A program built of a Go module, `module` being the path of its package. None as for [`npm`].
pub(crate) fn go(module: &str, version: &str, program: &str) -> Option<PathBuf> {
    fetched(Client::Go, &format!("{module}@{version}"), &format!("bin/{program}"), |folder, what| {
        let mut go = Command::new("go");
        go.args(["install", "-trimpath"]).arg(what);
        go.env("GOBIN", folder.join("bin")).env("CGO_ENABLED", "0");
        go
    })
}

/// Whose package it is.
#[derive(Clone, Copy)]
enum Client {
    Npm,
    Pip,
    Go,
}

fn fetched(
    client: Client,
    what: &str,
    wanted: &str,
    install: impl FnOnce(&Path, &str) -> Command,
) -> Option<PathBuf> {
    let needs = match client {
        Client::Npm => "npm",
        Client::Pip => "python3",
        Client::Go => "go",
    };
    let name = format!("{needs}-{}", what.replace(['/', '@', '='], "-"));
    let there = |folder: &Path| folder.join(wanted).is_file();
    let folder = cached(&name, there, |folder| {
        find(needs).ok_or(format!("there is no {needs}"))?;
        let output = install(folder, what).output().map_err(|e| e.to_string())?;
        let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
        output.status.success().then_some(()).ok_or_else(said)
    });
    match folder {
        Ok(folder) => Some(folder.join(wanted)),
        Err(why) => {
            skip(&format!("{what} is not to be had: {why}"));
            None
        }
    }
}
