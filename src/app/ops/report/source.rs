//! Where records come from: this machine's log, or a folder that holds several machines'.

use std::fs;
use std::path::{Path, PathBuf};

use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::FileError;
use rwenv_gate::ledger::audit::{self, AuditEntry, CURRENT};

/// One machine's log.
#[derive(Debug)]
pub(super) struct LogSource {
    /// The machine's name: its own, or that of the folder or file its log lies in.
    pub(super) machine: String,
    /// It is this machine's own.
    pub(super) is_here: bool,
    at: LogPlace,
}

#[derive(Debug)]
enum LogPlace {
    Own,
    Folder(PathBuf),
    File(PathBuf),
}

impl LogSource {
    /// Hands every record on, oldest first.
    pub(super) fn entries(
        &self,
        environment: &Environment,
        take: impl FnMut(AuditEntry),
    ) -> Result<(), FileError> {
        match &self.at {
            LogPlace::Own => audit::entries(environment, take),
            LogPlace::Folder(dir) => audit::entries_in(dir, take),
            LogPlace::File(file) => audit::entries_of(file, take),
        }
    }
}

/// The logs of a folder: in each folder of it, or each file `NAME.jsonl`, one machine's. Without a folder this machine's.
pub(super) fn sources(of: Option<&Path>, environment: &Environment) -> Result<Vec<LogSource>, String> {
    let Some(dir) = of else {
        return Ok(vec![LogSource { machine: audit::machine(), is_here: true, at: LogPlace::Own }]);
    };
    let io = |error: std::io::Error| format!("{}: {error}", dir.display());
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir).map_err(io)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let own = fs::canonicalize(audit::folder(environment)).ok();
    let mut all: Vec<LogSource> = paths.into_iter().filter_map(|path| source(path, own.as_deref())).collect();
    if dir.join(CURRENT).is_file() {
        // The folder is itself one machine's log.
        all.retain(|source| matches!(source.at, LogPlace::Folder(_)));
        all.extend(named(dir.to_owned(), own.as_deref()));
    }
    if all.is_empty() {
        return Err(format!(
            "{} holds no log; put each machine's audit folder into it as a folder of the machine's name",
            dir.display()
        ));
    }
    Ok(all)
}

fn source(path: PathBuf, own: Option<&Path>) -> Option<LogSource> {
    if path.is_dir() {
        let inner = path.join("audit");
        let log = if inner.is_dir() { inner } else { path.clone() };
        let has = fs::read_dir(&log).ok()?.flatten().any(|entry| is_log(&entry.path()));
        let machine = name(&path);
        return has.then(|| LogSource { machine, is_here: is(&log, own), at: LogPlace::Folder(log) });
    }
    is_log(&path).then(|| LogSource {
        machine: path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
        is_here: false,
        at: LogPlace::File(path),
    })
}

fn named(dir: PathBuf, own: Option<&Path>) -> Option<LogSource> {
    let machine = match dir.parent().filter(|_| dir.ends_with("audit")) {
        Some(parent) => name(parent),
        None => name(&dir),
    };
    Some(LogSource { machine, is_here: is(&dir, own), at: LogPlace::Folder(dir) })
}

fn is(dir: &Path, own: Option<&Path>) -> bool {
    own.is_some() && fs::canonicalize(dir).ok().as_deref() == own
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn is_log(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension == "jsonl")
}
