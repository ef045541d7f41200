//! Starting a confined program, from outside, and waiting for it.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::SigSet;

use super::broker::BrokerDesk;
use super::means::{Means, MeansFound};
use super::plan::ConfinementPlan;
use super::session::SessionFolder;
use super::{bubblewrap, seatbelt, wait};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::ledger::audit::Confinement;

/// Runs a program by a plan, and gives back its exit status.
///
/// # Errors
/// Where it could not be started.
pub fn run(
    plan: &ConfinementPlan,
    found: &MeansFound,
    (session, broker): (&SessionFolder, Option<BrokerDesk>),
    program: &[OsString],
    environment: &Environment,
) -> anyhow::Result<u8> {
    let before = SigSet::thread_get_mask()?;
    // Threads that come now leave these signals to the one that waits for them.
    wait::set().thread_block()?;
    session.listen(environment)?;
    broker.map_or(Ok(()), |desk| session.broker(desk))?;
    let file = session.path.join("plan.json");
    files::replace(&file, &serde_json::to_string(plan)?, 0o600)?;
    files::replace(&Confinement::file(&session.path), found.means.as_str(), 0o600)?;
    let (inner, outer) = nix::unistd::pipe()?;
    // The reading end alone goes on to the session; it ends with this process.
    fcntl(&outer, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    let number = std::os::fd::AsRawFd::as_raw_fd(&inner).to_string();
    let mut command = command(plan, found, &file, &number, program)?;
    for name in &plan.removed {
        command.env_remove(name);
    }
    command.envs(&plan.set).current_dir(&plan.cwd);
    before.thread_set_mask()?;
    let child = command.spawn();
    wait::set().thread_block()?;
    let mut child = child.with_context(|| format!("starting {}", found.means.as_str()))?;
    drop(inner);
    wait::hand_on(File::from(outer));
    Ok(wait::status(child.wait()?))
}

fn command(
    plan: &ConfinementPlan,
    found: &MeansFound,
    file: &Path,
    number: &str,
    program: &[OsString],
) -> anyhow::Result<Command> {
    let own = std::env::current_exe()?;
    let inner = |command: &mut Command, mode: &str| {
        command.args(["confined", mode]).arg(file).arg(number).args(program);
    };
    let by = found.program.as_deref();
    let command = match found.means {
        Means::Bubblewrap => {
            let mut command = Command::new(by.unwrap_or(Path::new("bwrap")));
            command.args(bubblewrap::arguments(plan, nix::unistd::getuid().is_root())).arg(own);
            inner(&mut command, "bubblewrap");
            command
        }
        Means::Namespaces | Means::Landlock => {
            let mut command = Command::new(own);
            inner(&mut command, found.means.as_str());
            command
        }
        Means::Seatbelt => {
            let mut command = Command::new(by.unwrap_or(Path::new("/usr/bin/sandbox-exec")));
            command.arg("-p").arg(seatbelt::profile(plan)).args(program);
            command
        }
    };
    Ok(command)
}
