//! The hook as it is installed, for the benches that start it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Builds the hook as `install.sh` does.
pub(crate) fn built_hook() -> Result<PathBuf, Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(root.join("install.sh"))
        .arg("--build-hook")
        .current_dir(&root)
        .stderr(Stdio::inherit())
        .output()?;
    let path = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    if output.status.success() { Ok(path) } else { Err("install.sh --build-hook failed".into()) }
}
