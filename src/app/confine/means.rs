//! By what a program can be confined on this machine, and what each way holds.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::program;

/// A way to confine, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// bubblewrap (`bwrap`).
    Bubblewrap,
    /// Namespaces that rwenv makes itself.
    Namespaces,
    /// Landlock: files alone.
    Landlock,
    /// Seatbelt, of macOS.
    Seatbelt,
}

impl Means {
    /// All of them, in the order they are tried in.
    pub const ALL: [Self; 4] = [Self::Bubblewrap, Self::Namespaces, Self::Landlock, Self::Seatbelt];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bubblewrap => "bubblewrap",
            Self::Namespaces => "namespaces",
            Self::Landlock => "landlock",
            Self::Seatbelt => "seatbelt",
        }
    }

    /// What it does not hold of what the strongest does.
    #[must_use]
    pub fn lacks(self) -> &'static [&'static str] {
        match self {
            Self::Bubblewrap | Self::Namespaces => &[],
            Self::Landlock => &[
                "sockets that are files (docker, podman, D-Bus, ssh agents) can be connected to: the system has no rule for them",
                "the processes outside are listed in /proc, although their memory, environment and files are closed",
                "modes, times and attributes of files that may only be read can be changed",
                "before Linux 6.12, processes outside can be sent signals",
                "/tmp is shared with programs outside",
                "your home and other folders with something hidden in them cannot be listed, and no new file can be made at their top",
                "a hidden file is refused (EACCES) rather than gone; no guard's kubeconfig stands in its place, $KUBECONFIG alone names it",
                "programs that the session leaves behind in the background go on after it, confined",
            ],
            Self::Seatbelt => &[
                "processes outside are listed",
                "/tmp is shared with programs outside",
                "a hidden file is refused (EPERM) rather than gone; $KUBECONFIG alone names the guard's kubeconfig",
            ],
        }
    }
}

/// A way that works here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeansFound {
    /// Which.
    pub means: Means,
    /// Its program, where it is one.
    pub program: Option<PathBuf>,
}

/// The strongest that works here, or the one that is wanted. Says of each that does not why.
///
/// # Errors
/// Why none does, a line for each.
pub fn find(wanted: Option<Means>, environment: &Environment) -> Result<MeansFound, Vec<String>> {
    let mut why = Vec::new();
    for means in Means::ALL.into_iter().filter(|means| wanted.is_none_or(|wanted| wanted == *means)) {
        match works(means, environment) {
            Ok(program) => return Ok(MeansFound { means, program }),
            Err(reason) => why.push(format!("{}: {reason}", means.as_str())),
        }
    }
    Err(why)
}

fn works(means: Means, environment: &Environment) -> Result<Option<PathBuf>, String> {
    match means {
        Means::Bubblewrap => {
            let bwrap = program::find("bwrap", environment).ok_or("bwrap is not on PATH")?;
            let mut command = Command::new(&bwrap);
            command.args([
                "--bind",
                "/",
                "/",
                "--unshare-pid",
                "--unshare-ipc",
                "--dev",
                "/dev",
                "--proc",
                "/proc",
                "true",
            ]);
            tried(command).map(|()| Some(bwrap))
        }
        Means::Namespaces if cfg!(target_os = "linux") => {
            let own = std::env::current_exe().map_err(|error| error.to_string())?;
            let mut command = Command::new(own);
            command.args(["confined", "try"]);
            tried(command).map(|()| None)
        }
        Means::Landlock => landlock(),
        Means::Seatbelt => {
            let path = PathBuf::from("/usr/bin/sandbox-exec");
            if path.is_file() { Ok(Some(path)) } else { Err("this is not macOS".to_owned()) }
        }
        Means::Namespaces => Err("this is not Linux".to_owned()),
    }
}

/// Whether a command ends well; its last line where it does not.
fn tried(mut command: Command) -> Result<(), String> {
    let said = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if said.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&said.stderr);
    Err(text.trim().lines().next_back().unwrap_or("it fails, and does not say why").to_owned())
}

#[cfg(target_os = "linux")]
fn landlock() -> Result<Option<PathBuf>, String> {
    super::landlock::is_there().map(|()| None)
}

#[cfg(not(target_os = "linux"))]
fn landlock() -> Result<Option<PathBuf>, String> {
    Err("this is not Linux".to_owned())
}
