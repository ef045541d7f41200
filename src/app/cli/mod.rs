//! The administration point: what people type, and the only place that prints for them.

mod args;
mod audit;
mod check;
mod context;
mod daemon;
mod db;
mod demo;
mod deploy;
mod doctor;
mod edit;
mod envs;
mod fields;
mod flux;
mod grant;
mod groups;
mod hooks;
mod install;
mod knowledge;
mod kubeconfig;
mod layers;
mod lint;
mod out;
mod pages;
mod permit;
mod policy;
mod prompt;
mod repo;
mod rollout;
mod shared;
mod taskfiles;
mod trace;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Cli, Command};
use rwenv_gate::base::environment::Environment;

/// Exit status of a command that could not do its work.
const FAILED: u8 = 1;
/// Exit status of a command line that is wrong (sysexits.h, EX_USAGE): `check` gives 2 another meaning.
const USAGE: u8 = 64;
/// Exit status of `check` where there is no verdict (sysexits.h, EX_SOFTWARE).
const NO_VERDICT: u8 = 70;

/// The command line as clap sees it, for what is generated from it.
#[must_use]
pub fn command() -> clap::Command {
    groups::grouped(Cli::command())
}

/// The `rwenv` program.
#[must_use]
pub fn main() -> ExitCode {
    let given = command().try_get_matches();
    let cli = match given.and_then(|given| Cli::from_arg_matches(&given)) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let environment = Environment::read();
    let failed = if matches!(cli.command, Command::Check(_)) { NO_VERDICT } else { FAILED };
    if matches!(cli.command, Command::Repo(_) | Command::Deploy(_) | Command::Rollout(_)) {
        // Where the system has no word for it, a git that runs is only ended by its limit.
        let _ = rwenv_flux::repos::end_with_this_process();
    }
    match run(cli.command, &environment) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            out::error(&error);
            ExitCode::from(failed)
        }
    }
}

fn run(command: Command, environment: &Environment) -> anyhow::Result<u8> {
    let about_rwenvs = matches!(
        command,
        Command::List(_)
            | Command::Cur(_)
            | Command::Set(_)
            | Command::Add(_)
            | Command::Edit(_)
            | Command::Remove(_)
            | Command::Import(_)
            | Command::LocalMode(_)
            | Command::Check(_)
    );
    let ended = dispatch(command, environment);
    if about_rwenvs && let Ok(config) = rwenv_gate::facts::config::load(&environment.config_dir) {
        config.slips().iter().for_each(|slip| out::note(slip));
    }
    ended
}

fn dispatch(command: Command, environment: &Environment) -> anyhow::Result<u8> {
    match command {
        Command::List(args) => envs::list(&args, environment),
        Command::Cur(args) => envs::cur(&args, environment),
        Command::Set(args) => envs::set(&args, environment),
        Command::Add(args) => edit::add(&args, environment),
        Command::Edit(args) => edit::edit(&args, environment),
        Command::Remove(args) => edit::remove(&args, environment),
        Command::Export(args) => edit::export(&args, environment),
        Command::Import(args) => edit::import(&args, environment),
        Command::LocalMode(args) => edit::local_mode(&args, environment),
        Command::Check(args) => check::check(&args, environment),
        Command::Daemon(args) => daemon::daemon(&args, environment),
        Command::Doctor(args) => doctor::doctor(&args, environment),
        Command::Audit(args) => audit::audit(&args, environment),
        Command::Repo(args) => repo::repo(&args, environment),
        Command::Services(args) => knowledge::services(&args, environment),
        Command::Guide(args) => knowledge::guide(&args, environment),
        Command::Where(args) => knowledge::find(&args, environment),
        Command::Graph(args) => knowledge::graph(&args, environment),
        Command::Context(args) => context::context(&args, environment),
        Command::Db(args) => db::db(&args, environment),
        Command::Deploy(args) => deploy::deploy(&args, environment),
        Command::Rollout(args) => rollout::rollout(&args, environment),
        Command::Flux(args) => flux::flux(&args, environment),
        Command::Kubeconfig(args) => kubeconfig::kubeconfig(&args, environment),
        Command::Lint(args) => lint::lint(&args, environment),
        Command::Hooks(args) => hooks::hooks(&args.command, environment),
        Command::GitHook(args) => hooks::git_hook(&args, environment),
        Command::PreReceive(args) => lint::pre_receive(&args, environment),
        Command::Taskfiles(args) => taskfiles::taskfiles(&args),
        Command::Policy(args) => policy::policy(&args.command, environment),
        Command::Grant(args) => grant::grant(&args, environment),
        Command::Install(args) => install::install(&args, environment),
        Command::Shellenv { shell } => install::shellenv(shell, environment),
        Command::Completions { shell } => Ok(pages::completions(shell, self::command())),
        Command::Man { dir } => pages::man(dir.as_deref(), &self::command()),
        Command::Demo(args) => demo::demo(&args),
    }
}
