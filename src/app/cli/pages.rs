//! What is made from the command line as clap sees it: completions and man pages.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Command;
use clap_complete::Shell;
use clap_complete::env::{CompleteEnv, Shells};

use super::{candidates, out};
use rwenv_gate::base::{environment, files};

/// The variable by which a shell asks what could come next; its value is the shell's name.
const VARIABLE: &str = "RWENV_COMPLETE";
/// The program, as a shell finds it.
const PROGRAM: &str = "rwenv";

/// Answers a shell that asks what could come next; says whether one has asked.
pub(super) fn completed(command: impl Fn() -> Command) -> clap::error::Result<bool> {
    let asked = CompleteEnv::with_factory(|| candidates::offered(command()));
    asked
        .var(VARIABLE)
        .bin(PROGRAM)
        .completer(PROGRAM)
        .try_complete(std::env::args_os(), Some(&environment::current_dir()))
}

/// Prints the code by which a shell asks.
pub(super) fn completions(shell: Shell) -> anyhow::Result<u8> {
    let shells = Shells::builtins();
    let code = shells.completer(&shell.to_string()).context("no completions are known for this shell")?;
    code.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut std::io::stdout())?;
    Ok(0)
}

pub(super) fn man(dir: Option<&Path>, command: Command) -> anyhow::Result<u8> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let Some(dir) = dir else {
        std::io::stdout().write_all(page(&command)?.as_bytes())?;
        return Ok(0);
    };
    std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    let mut written = Vec::new();
    pages(dir, &command, &mut written)?;
    written.iter().for_each(|path| out::line(&path.display().to_string()));
    Ok(0)
}

/// Writes the page of a command, and those of the commands below it: `rwenv-flux-reconcile(1)`.
fn pages(dir: &Path, command: &Command, written: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = dir.join(format!("{name}.1"));
    files::write(&path, &page(command)?, 0o644)?;
    written.push(path);
    command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
        .try_for_each(|inner| pages(dir, inner, written))
}

fn page(command: &Command) -> anyhow::Result<String> {
    let mut text = Vec::new();
    let man = clap_mangen::Man::new(command.clone()).source(format!("rwenv {}", env!("CARGO_PKG_VERSION")));
    man.manual("rwenv").render(&mut text)?;
    // What stands at the end of help is notes and examples.
    Ok(String::from_utf8(text)?
        .replace(".SH EXTRA\n", ".SH NOTES\n")
        .replace(".SH SUBCOMMANDS\n", ".SH COMMANDS\n"))
}
