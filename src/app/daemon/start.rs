//! The program `rwenvd`: its arguments, its logs, its signals.

use std::io::Write as _;
use std::process::ExitCode;

use nix::sys::stat::{Mode, umask};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;

use super::{DaemonLock, LockError};
use rwenv_gate::base::environment::{Environment, var};
use rwenv_gate::base::files;

const USAGE: &str = "\
Watches the configuration, fetches Flux repositories and flushes the audit log to disk.

Usage: rwenvd [--detached]

  --detached   detach from the terminal and log only to the file
  --version, --help

Start it with rwenv daemon start; see its status with rwenv daemon status. RWENV_LOG=debug logs more.
";
/// Days of logs that are kept.
const KEPT: usize = 7;
/// Exit status of a wrong command line (sysexits.h, EX_USAGE).
const WRONG: u8 = 64;

/// Runs the daemon until it is told to stop.
#[must_use]
pub fn main(arguments: &[String]) -> ExitCode {
    let say = |text: &str| writeln!(std::io::stderr(), "{}", text.trim_end());
    let detached = match arguments.iter().skip(1).map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => false,
        ["--detached"] => true,
        ["--version" | "-V"] => {
            let _ = writeln!(std::io::stdout(), "rwenvd {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        ["--help" | "-h"] => {
            let _ = write!(std::io::stdout(), "{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            let _ = say(USAGE);
            return ExitCode::from(WRONG);
        }
    };
    match start(detached) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = say(&format!("rwenvd: {error}"));
            // One that runs already is what was wanted.
            let running = matches!(error.downcast_ref(), Some(LockError::Running { .. }));
            if running { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

fn start(detached: bool) -> anyhow::Result<()> {
    umask(Mode::from_bits_truncate(0o077));
    let environment = Environment::read();
    let lock = DaemonLock::take(&environment.config_dir)?;
    if detached {
        // Fails for the leader of a process group, which has left its terminal's already.
        let _ = nix::unistd::setsid();
        std::env::set_current_dir("/")?;
    }
    log(&environment)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = lock.listen(&environment.config_dir)?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        super::run(listener, environment, shutdown).await;
        Ok(())
    })
}

/// Where the logs are.
#[must_use]
pub fn logs(environment: &Environment) -> std::path::PathBuf {
    environment.config_dir.join("logs")
}

fn log(environment: &Environment) -> anyhow::Result<()> {
    let dir = logs(environment);
    files::make_private_dir(&dir)?;
    let file = tracing_appender::rolling::Builder::new()
        .rotation(tracing_appender::rolling::Rotation::DAILY)
        .filename_prefix("rwenvd")
        .filename_suffix("log")
        .max_log_files(KEPT)
        .build(dir)?;
    let level =
        var("RWENV_LOG").and_then(|level| level.parse::<LevelFilter>().ok()).unwrap_or(LevelFilter::INFO);
    // Detached, standard error leads nowhere.
    let writer = file.and(std::io::stderr);
    let made = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_target(false)
        .with_max_level(level)
        .with_writer(writer);
    made.try_init().map_err(|error| anyhow::anyhow!("{error}"))?;
    // Detached, nobody would see where a panic was.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::warn!(place, "panicked: {}", panic.payload_as_str().unwrap_or_default());
    }));
    Ok(())
}
