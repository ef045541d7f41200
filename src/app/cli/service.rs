//! The daemon as a service of the user's: a systemd unit, or a launchd agent on macOS.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use super::out;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::files;

/// The service's name for launchd.
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

/// The service's file.
pub(super) fn text(rwenvd: &Path, environment: &Environment) -> anyhow::Result<String> {
    let program = rwenvd.to_str().context("the path of rwenvd is not valid UTF-8")?;
    let config =
        environment.config_dir.to_str().context("the path of the configuration is not valid UTF-8")?;
    for path in [program, config] {
        if path.contains(['\n', '"', '\\']) {
            bail!("'{}' holds characters that a service's file cannot", path.escape_debug());
        }
    }
    Ok(if is_mac() { plist(program, config) } else { unit(program, config) })
}

fn unit(program: &str, config: &str) -> String {
    // systemd expands % and $ in paths (systemd.unit(5), systemd.service(5)).
    let escaped = |text: &str| text.replace('%', "%%").replace('$', "$$");
    format!(
        "\
[Unit]
Description=rwenv: keeps Flux repositories and the audit log fresh
Documentation=man:rwenv-daemon(1)

[Service]
Type=notify
ExecStart=\"{}\"
ExecReload=/bin/kill -HUP $MAINPID
Environment=\"RWENV_CONFIG_DIR={}\"
Restart=on-failure
RestartSec=5
UMask=0077
NoNewPrivileges=true
MemoryMax=512M

[Install]
WantedBy=default.target
",
        escaped(program),
        config.replace('%', "%%")
    )
}

fn plist(program: &str, config: &str) -> String {
    let xml = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>{LABEL}</string>
  <key>ProgramArguments</key><array><string>{}</string></array>
  <key>EnvironmentVariables</key><dict><key>RWENV_CONFIG_DIR</key><string>{}</string></dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ProcessType</key><string>Background</string>
</dict>
</plist>
"#,
        xml(program),
        xml(config)
    )
}

/// Runs the system's own tool for services; true where it did what it should.
fn tell(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

pub(super) fn install(rwenvd: &Path, environment: &Environment) -> anyhow::Result<()> {
    let path = path(environment);
    std::fs::create_dir_all(path.parent().unwrap_or(&path)).with_context(|| path.display().to_string())?;
    files::write(&path, &text(rwenvd, environment)?, 0o644)?;
    out::line(&format!("{} is written", path.display()));
    let file = path.display().to_string();
    let running = if is_mac() {
        let domain = format!("gui/{}", nix::unistd::getuid());
        tell("launchctl", &["bootout", &domain, &file]);
        tell("launchctl", &["bootstrap", &domain, &file])
    } else {
        tell("systemctl", &["--user", "daemon-reload"])
            && tell("systemctl", &["--user", "enable", "--now", UNIT])
    };
    if running {
        out::line("the system starts rwenvd when you log in, and has started it now");
    } else {
        out::note(
            "the system's service manager does not answer here; rwenv daemon start starts rwenvd without it",
        );
    }
    Ok(())
}

pub(super) fn uninstall(environment: &Environment) -> anyhow::Result<()> {
    let path = path(environment);
    if !path.exists() {
        out::line(&format!("{} is not there", path.display()));
        return Ok(());
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
    out::line(&format!("{} is removed", path.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_stay_what_they_are() {
        let unit = unit("/opt/a b/100%/$x/rwenvd", "/home/me/100%");
        assert!(unit.contains("ExecStart=\"/opt/a b/100%%/$$x/rwenvd\"\n"), "{unit}");
        assert!(unit.contains("RWENV_CONFIG_DIR=/home/me/100%%\"\n"));
        assert!(plist("/a&b/<x>", "/c").contains("<string>/a&amp;b/&lt;x&gt;</string>"));
    }
}
