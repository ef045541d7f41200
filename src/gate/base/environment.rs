//! The one door to environment variables, the user and the current directory.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What is read of the process's environment, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The user's home directory.
    pub home: PathBuf,
    /// `$RWENV_CONFIG_DIR`, or `~/.claude/rwenv`.
    pub config_dir: PathBuf,
    /// `$RWENV`: the selection for everything this process judges.
    pub rwenv: Option<String>,
    /// `$KUBECONFIG`: files separated by `:`.
    pub kubeconfig: Option<String>,
    /// The kubeconfig a session was given, where there is one: its shell has it in `$KUBECONFIG`, this process has not.
    pub session_kubeconfig: Option<String>,
    /// `$XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `$PATH`.
    pub path: String,
    /// Where `$RWENV` and the directory each select a rwenv, both count.
    pub both_selections: bool,
}

impl Environment {
    /// Reads the process's environment.
    #[must_use]
    pub fn read() -> Self {
        let home = home();
        let config_dir = var("RWENV_CONFIG_DIR").filter(|d| d.starts_with('/')).map(PathBuf::from);
        Self {
            config_dir: config_dir.unwrap_or_else(|| home.join(".claude/rwenv")),
            home,
            rwenv: var("RWENV"),
            kubeconfig: var("KUBECONFIG"),
            session_kubeconfig: None,
            runtime_dir: var("XDG_RUNTIME_DIR").filter(|d| d.starts_with('/')).map(PathBuf::from),
            path: var("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned()),
            both_selections: false,
        }
    }

    /// Nothing but a home directory: what tests and benches start from.
    #[must_use]
    pub fn at(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            config_dir: home.join(".claude/rwenv"),
            rwenv: None,
            kubeconfig: None,
            session_kubeconfig: None,
            runtime_dir: None,
            path: "/usr/bin:/bin".to_owned(),
            both_selections: false,
        }
    }

    /// The same for a shim. It was started by its path in the folder of shims, and the configuration is the one that
    /// folder belongs to: variables are the caller's, and `$RWENV` may add a rwenv but not hide the directory's.
    #[must_use]
    pub fn of_shim(started_as: Option<&str>) -> Self {
        let mut environment = Self { both_selections: true, ..Self::read() };
        let path = started_as.map(|path| current_dir().join(path));
        let folder = path.as_deref().and_then(Path::parent).filter(|folder| folder.ends_with("shims"));
        if let Some(config_dir) = folder.and_then(Path::parent).filter(|dir| dir.join("envs.json").exists()) {
            environment.config_dir = config_dir.to_owned();
        }
        environment
    }
}

/// A variable that is set, not empty, and text.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that is set, also to nothing, and text.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn set(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The names of all variables that are text.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn names() -> Vec<String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
}

/// All variables as a program is started with them, one of them with this value.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn with(name: &str, value: &Path) -> Vec<CString> {
    let own = std::env::vars_os().filter(|(other, _)| other != name);
    let given = [(OsString::from(name), value.as_os_str().to_owned())];
    let line = |(name, value): (OsString, OsString)| {
        CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
    };
    own.chain(given).filter_map(line).collect()
}

/// `$HOME`, or what the user database says.
fn home() -> PathBuf {
    if let Some(home) = var("HOME").filter(|h| h.starts_with('/')) {
        return PathBuf::from(home);
    }
    let user = nix::unistd::User::from_uid(nix::unistd::getuid());
    user.ok().flatten().map_or_else(|| PathBuf::from("/"), |u| u.dir)
}

/// The name of the user whose process this is; the number where it has none.
#[must_use]
pub fn user() -> String {
    let id = nix::unistd::getuid();
    nix::unistd::User::from_uid(id).ok().flatten().map_or_else(|| id.to_string(), |user| user.name)
}

/// The directory this process was started in; `/` where that is gone.
#[must_use]
pub fn current_dir() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}

/// A path as people write it: `~/` for their home.
#[must_use]
pub fn under_home(path: &Path) -> String {
    match path.strip_prefix(home()) {
        Ok(rest) => format!("~/{}", rest.display()),
        Err(_) => path.display().to_string(),
    }
}
