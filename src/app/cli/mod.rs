//! The administration point: what people type, and the only place that prints for them.

mod acceptance;
mod argo;
mod args;
mod audit;
mod candidates;
mod check;
mod confirm;
mod context;
mod daemon;
mod db;
mod demo;
mod deploy;
mod doctor;
mod edit;
mod envs;
mod exported;
mod exported_forge;
mod fields;
mod fitted;
mod flux;
mod format;
mod grant;
mod groups;
mod hooks;
mod identity;
mod impact;
mod init;
mod install;
mod join;
mod knowledge;
mod kubeconfig;
mod layers;
mod line;
mod lines;
mod lint;
mod mcp;
mod out;
mod pages;
mod permit;
mod policy;
mod policy_diff;
mod prompt;
mod propose;
mod replay;
mod repo;
mod report;
mod review;
mod rollout;
mod run;
mod shared;
mod summary;
mod taskfiles;
mod top;
mod trace;
mod verified;
mod views;
mod wrong;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::standing;
use args::{Cli, CliCommand};
use rwenv_gate::base::environment::Environment;

/// Exit status of a command that could not do its work.
const FAILED: u8 = 1;
/// Exit status of a command line that is wrong (sysexits.h, EX_USAGE): `check` gives 2 another meaning.
const USAGE: u8 = 64;
/// Exit status of `check` where there is no verdict (sysexits.h, EX_SOFTWARE).
const NO_VERDICT: u8 = 70;

/// Exit status of `run` where the program was not started (as `env` and `timeout` have it).
const NOT_CONFINED: u8 = 125;

/// The command line as clap sees it, for what is generated from it.
#[must_use]
pub fn command() -> clap::Command {
    // What graph writes into a file has that option; its formats are its own.
    let command = Cli::command().mut_subcommand("graph", |graph| {
        graph.mut_arg("printed", |printed| printed.short(None).long("printed").hide(true))
    });
    groups::grouped(lines::shown(command))
}

/// The `rwenv` program.
#[must_use]
pub fn main() -> ExitCode {
    match pages::completed(command) {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(FAILED);
        }
    }
    let given = command().try_get_matches();
    if let Ok(given) = &given {
        format::ask_for(format_of(given));
    }
    let cli = match given.and_then(|given| Cli::from_arg_matches(&given)) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let environment = Environment::read();
    let failed = match cli.command {
        CliCommand::Check(_) => NO_VERDICT,
        CliCommand::Run(_) | CliCommand::Confined(_) => NOT_CONFINED,
        _ => FAILED,
    };
    if matches!(
        cli.command,
        CliCommand::Repo(_) | CliCommand::Deploy(_) | CliCommand::Rollout(_) | CliCommand::Mcp
    ) {
        // Where the system has no word for it, a git that runs is only ended by its limit.
        let _ = rwenv_flux::repos::end_with_this_process();
    }
    match perform(cli.command, &environment) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            out::error(&error);
            ExitCode::from(failed)
        }
    }
}

/// The format that is asked for, by whichever command it is.
fn format_of(given: &clap::ArgMatches) -> Option<format::Format> {
    match given.subcommand() {
        Some((_, below)) => format_of(below).or_else(|| own_format(given)),
        None => own_format(given),
    }
}

fn own_format(given: &clap::ArgMatches) -> Option<format::Format> {
    given.try_get_one::<format::Format>("printed").ok().flatten().copied()
}

fn perform(command: CliCommand, environment: &Environment) -> anyhow::Result<u8> {
    let watched = watched(&command);
    let ended = dispatch(command, environment);
    if let Some((dir, json)) = watched {
        if let Ok(config) = rwenv_gate::facts::config::load(&environment.config_dir) {
            config.slips().iter().for_each(|slip| out::note(slip));
        }
        if !json {
            out::off(&standing::lapses(&dir, environment));
        }
    }
    ended
}

/// The directory that is asked about with a command that says what of the guard is off, and whether a program asks; none for other
/// commands.
fn watched(command: &CliCommand) -> Option<(PathBuf, bool)> {
    let (json, dir) = match command {
        CliCommand::Cur(args) => (args.output.json, args.dir.as_deref()),
        CliCommand::Set(args) => (args.at.output.json, args.at.dir.as_deref()),
        CliCommand::Check(args) => (args.at.output.json, args.at.dir.as_deref()),
        CliCommand::List(args) => (args.json, None),
        CliCommand::Add(_)
        | CliCommand::Edit(_)
        | CliCommand::Remove(_)
        | CliCommand::Import(_)
        | CliCommand::LocalMode(_)
        | CliCommand::Grant(_)
        | CliCommand::Deploy(_) => (false, None),
        _ => return None,
    };
    Some((shared::directory(dir), json))
}

fn dispatch(command: CliCommand, environment: &Environment) -> anyhow::Result<u8> {
    match command {
        CliCommand::List(args) => envs::list(&args, environment),
        CliCommand::Cur(args) => envs::cur(&args, environment),
        CliCommand::Set(args) => envs::set(&args, environment),
        CliCommand::Add(args) => edit::add(&args, environment),
        CliCommand::Edit(args) => edit::edit(&args, environment),
        CliCommand::Remove(args) => edit::remove(&args, environment),
        CliCommand::Export(args) => edit::export(&args, environment),
        CliCommand::Import(args) => edit::import(&args, environment),
        CliCommand::LocalMode(args) => edit::local_mode(&args, environment),
        CliCommand::Check(args) => check::check(&args, environment),
        CliCommand::Daemon(args) => daemon::daemon(&args, environment),
        CliCommand::Doctor(args) => doctor::doctor(&args, environment),
        CliCommand::Audit(args) => audit::audit(&args, environment),
        CliCommand::Report(args) => summary::report(&args, environment),
        CliCommand::Top(args) => top::top(&args, environment),
        CliCommand::Repo(args) => repo::repo(&args, environment),
        CliCommand::Services(args) => knowledge::services(&args, environment),
        CliCommand::Guide(args) => knowledge::guide(&args, environment),
        CliCommand::Where(args) => knowledge::find(&args, environment),
        CliCommand::Graph(args) => knowledge::graph(&args, environment),
        CliCommand::Context(args) => context::context(&args, environment),
        CliCommand::Db(args) => db::db(&args, environment),
        CliCommand::Deploy(args) => deploy::deploy(&args, environment),
        CliCommand::Init(args) => init::init(&args, environment),
        CliCommand::Propose(args) => propose::propose(&args, environment),
        CliCommand::Rollout(args) => rollout::rollout(&args, environment),
        CliCommand::Flux(args) => flux::flux(&args, environment),
        CliCommand::Argo(args) => argo::argo(&args, environment),
        CliCommand::Compare(args) => knowledge::compare(&args, environment),
        CliCommand::Kubeconfig(args) => kubeconfig::kubeconfig(&args, environment),
        CliCommand::Identity(args) => identity::identity(&args, environment),
        CliCommand::Impact(args) => impact::impact(&args, environment),
        CliCommand::Lint(args) => lint::lint(&args, environment),
        CliCommand::Hooks(args) => hooks::hooks(&args.command, environment),
        CliCommand::GitHook(args) => hooks::git_hook(&args, environment),
        CliCommand::PreReceive(args) => lint::pre_receive(&args, environment),
        CliCommand::Taskfiles(args) => taskfiles::taskfiles(&args),
        CliCommand::Policy(args) => policy::policy(&args.command, environment),
        CliCommand::Grant(args) => grant::grant(&args, environment),
        CliCommand::Confirm(args) => confirm::confirm(&args, environment),
        CliCommand::Install(args) => install::install(&args, environment),
        CliCommand::Shellenv { shell } => install::shellenv(shell, environment),
        CliCommand::Prompt(args) => line::prompt(&args, environment),
        CliCommand::Statusline => line::statusline(environment),
        CliCommand::Mcp => mcp::serve(environment),
        CliCommand::Completions { shell } => pages::completions(shell),
        CliCommand::Man { dir } => pages::man(dir.as_deref(), self::command()),
        CliCommand::Run(args) => run::run(&args, environment),
        CliCommand::Confined(args) => run::confined(&args, environment),
        CliCommand::Demo(args) => demo::demo(&args),
    }
}
