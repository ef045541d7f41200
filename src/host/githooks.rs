//! Our hook among git's own: a script of three lines that hands on to `rwenv git-hook`, beside what was there before.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::files::{self, FileError};
use super::program::HOOK_MARK;
use crate::decide::quoted;

/// What a hook is called that was there before.
const BEFORE: &str = "before-rwenv";

/// The list of the repositories that have our hook, so that uninstalling can take it out of them.
#[must_use]
pub fn list(environment: &Environment) -> PathBuf {
    environment.config_dir.join("run/hooked")
}

/// Adds a folder of hooks to the list.
///
/// # Errors
/// Where the system says no.
pub fn remember(hooks: &Path, environment: &Environment) -> Result<(), FileError> {
    let unfit = || FileError::Unfit { path: hooks.to_owned(), why: "its path is no text".to_owned() };
    let line = hooks.to_str().ok_or_else(unfit)?;
    let _lock = files::lock(&environment.config_dir)?;
    let path = list(environment);
    let before = files::read(&path)?.unwrap_or_default();
    if !before.lines().any(|known| known == line) {
        files::write(&path, &format!("{before}{line}\n"), 0o600)?;
    }
    Ok(())
}

/// Where the hook is kept that ours took the place of.
#[must_use]
pub fn before(hook: &Path) -> PathBuf {
    let name = hook.file_name().unwrap_or_default().to_string_lossy();
    hook.with_file_name(format!("{name}.{BEFORE}"))
}

/// True where the file is a hook of ours.
#[must_use]
pub fn is_ours(hook: &Path) -> bool {
    fs::read_to_string(hook).is_ok_and(|text| text.contains(HOOK_MARK))
}

/// Puts a hook of git's there that starts this `rwenv`.
///
/// # Errors
/// Where the system says no.
pub fn put(hook: &Path, rwenv: &Path) -> Result<(), FileError> {
    let unfit = |why: &str| FileError::Unfit { path: rwenv.to_owned(), why: why.to_owned() };
    let rwenv = rwenv.to_str().ok_or_else(|| unfit("its path is no text"))?;
    let name = hook.file_name().unwrap_or_default().to_string_lossy();
    let text = format!(
        "#!/bin/sh\n# {HOOK_MARK}: rwenv hooks uninstall takes it out again\nexec {} git-hook --script \"$0\" {name} \"$@\"\n",
        quoted(rwenv)
    );
    files::write(hook, &text, 0o755)?;
    fs::set_permissions(hook, fs::Permissions::from_mode(0o755)).map_err(|e| FileError::io(hook, e))
}

/// Has git ask before it pushes. A hook that is there keeps running, after ours.
///
/// # Errors
/// Where a hook is there and one from before as well, or the system says no.
pub fn install(folder: &Path, rwenv: &Path) -> Result<(), FileError> {
    fs::create_dir_all(folder).map_err(|e| FileError::io(folder, e))?;
    let hook = folder.join("pre-push");
    if hook.symlink_metadata().is_ok() && !is_ours(&hook) {
        let kept = before(&hook);
        if kept.symlink_metadata().is_ok() {
            let why = "is there from before; put it back or remove it, nothing was changed".to_owned();
            return Err(FileError::Unfit { path: kept, why });
        }
        fs::rename(&hook, &kept).map_err(|e| FileError::io(&hook, e))?;
    }
    put(&hook, rwenv)
}

/// Takes our hook out, and puts back what was there before.
///
/// # Errors
/// Where the system says no.
pub fn uninstall(folder: &Path) -> Result<(), FileError> {
    let hook = folder.join("pre-push");
    if is_ours(&hook) {
        fs::remove_file(&hook).map_err(|e| FileError::io(&hook, e))?;
        let kept = before(&hook);
        if kept.symlink_metadata().is_ok() {
            fs::rename(&kept, &hook).map_err(|e| FileError::io(&kept, e))?;
        }
    }
    Ok(())
}
