//! The daemon as a service of the user's: a systemd unit, or a launchd agent on macOS. What the daemon does is in `daemon`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::files;
use rwenv_gate::setup::shims;

const UNIT_FILE: &str = include_str!("../../../hooks/service/rwenvd.service");
const PLIST: &str = include_str!("../../../hooks/service/io.rwenv.rwenvd.plist");
/// The service's name for launchd, as its file has it.
const LABEL: &str = "io.rwenv.rwenvd";
const UNIT: &str = "rwenvd.service";

fn is_mac() -> bool {
    cfg!(target_os = "macos")
}

/// Where the service's file belongs.
fn path(environment: &Environment) -> PathBuf {
    if is_mac() {
        return environment.home.join("Library/LaunchAgents").join(format!("{LABEL}.plist"));
    }
    let config = environment::var("XDG_CONFIG_HOME").filter(|dir| dir.starts_with('/')).map(PathBuf::from);
    config.unwrap_or_else(|| environment.home.join(".config")).join("systemd/user").join(UNIT)
}

/// What is in the service's file.
///
/// # Errors
/// If a path has characters that do not fit there.
pub fn text(rwenvd: &Path, environment: &Environment) -> anyhow::Result<String> {
    let program = rwenvd.to_str().context("the path of rwenvd is not valid UTF-8")?;
    let config =
        environment.config_dir.to_str().context("the path of the configuration is not valid UTF-8")?;
    let is_odd = |path: &str| path.contains(['\n', '"', '\\']);
    for path in [program, config] {
        if is_odd(path) {
            bail!("'{}' holds characters that a service's file cannot", path.escape_debug());
        }
    }
    // Programs that hand out credentials are found as in the terminal this is run in; the shims would judge them.
    let own = shims::folder(environment);
    let fits = |folder: &&str| !folder.is_empty() && !is_odd(folder) && Path::new(folder) != own;
    let folders = environment.path.split(':').filter(fits);
    let path = folders.collect::<Vec<_>>().join(":");
    Ok(if is_mac() { plist(program, config, &path) } else { unit(program, config, &path) })
}

fn unit(program: &str, config: &str, path: &str) -> String {
    // systemd expands % and $ in paths (systemd.unit(5), systemd.service(5)).
    let escaped = |text: &str| text.replace('%', "%%").replace('$', "$$");
    let set = |text: &str| text.replace('%', "%%");
    let unit = UNIT_FILE.replace("@CONFIG_DIR@", &set(config)).replace("@PATH@", &set(path));
    unit.replace("@RWENVD@", &escaped(program))
}

fn plist(program: &str, config: &str, path: &str) -> String {
    let xml = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    PLIST
        .replace("@CONFIG_DIR@", &xml(config))
        .replace("@PATH@", &xml(path))
        .replace("@RWENVD@", &xml(program))
}

/// Runs the system's own tool for services; true where it did what it should.
fn tell(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What became of the service.
#[derive(Debug)]
pub struct ServiceChange {
    /// Its file.
    pub file: PathBuf,
    /// Installed: the system has started it. Removed: it was there.
    pub done: bool,
}

/// Has the system start the daemon, now and at each login.
///
/// # Errors
/// If the file cannot be written.
pub fn install(rwenvd: &Path, environment: &Environment) -> anyhow::Result<ServiceChange> {
    let path = path(environment);
    std::fs::create_dir_all(path.parent().unwrap_or(&path)).with_context(|| path.display().to_string())?;
    files::write(&path, &text(rwenvd, environment)?, 0o644)?;
    let file = path.display().to_string();
    let running = if is_mac() {
        let domain = format!("gui/{}", nix::unistd::getuid());
        tell("launchctl", &["bootout", &domain, &file]);
        tell("launchctl", &["bootstrap", &domain, &file])
    } else {
        tell("systemctl", &["--user", "daemon-reload"])
            && tell("systemctl", &["--user", "enable", "--now", UNIT])
    };
    Ok(ServiceChange { file: path, done: running })
}

/// Takes the service out again.
///
/// # Errors
/// If the file cannot be removed.
pub fn uninstall(environment: &Environment) -> anyhow::Result<ServiceChange> {
    let path = path(environment);
    if !path.exists() {
        return Ok(ServiceChange { file: path, done: false });
    }
    if is_mac() {
        tell(
            "launchctl",
            &["bootout", &format!("gui/{}", nix::unistd::getuid()), &path.display().to_string()],
        );
    } else {
        tell("systemctl", &["--user", "disable", "--now", UNIT]);
    }
    std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
    if !is_mac() {
        tell("systemctl", &["--user", "daemon-reload"]);
    }
    Ok(ServiceChange { file: path, done: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_stay_what_they_are() {
        let unit = unit("/opt/a b/100%/$x/rwenvd", "/home/me/100%", "/home/me/bin:/usr/bin");
        assert!(unit.contains("Environment=\"PATH=/home/me/bin:/usr/bin\"\n"), "{unit}");
        assert!(unit.contains("ExecStart=\"/opt/a b/100%%/$$x/rwenvd\"\n"), "{unit}");
        assert!(unit.contains("RWENV_CONFIG_DIR=/home/me/100%%\"\n"));
        assert!(plist("/a&b/<x>", "/c", "/bin").contains("<string>/a&amp;b/&lt;x&gt;</string>"));
    }
}
