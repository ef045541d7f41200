//! `rwenv install` and `rwenv shellenv`: the hook among an agent's settings, and the shims on PATH.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::shared::Output;
use super::{out, prompt};
use crate::ops::agents::{self, Agent};
use crate::ops::claude::WantedLine;
use crate::ops::handout::Handout;
use crate::ops::install::{self, Installed};
use crate::ops::setup;
use rwenv_core::decide::quoted;
use rwenv_gate::base::environment::{Environment, under_home};
use rwenv_gate::doors::session::path_line;
use rwenv_gate::setup::shims;

/// The agents the hook program speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AgentName {
    Claude,
    Codex,
    Gemini,
    Cursor,
    Copilot,
    Opencode,
    // Each of these that is on PATH.
    All,
}

#[derive(Debug, Args)]
pub(super) struct InstallArgs {
    /// Agent to install for; all: each one that is on PATH
    #[arg(long, value_enum, default_value_t = AgentName::Claude, value_name = "NAME")]
    pub(super) agent: AgentName,
    /// Remove the hook from the settings; without --agent also shims, git hooks, daemon and copies of credentials
    #[arg(long)]
    pub(super) uninstall: bool,
    /// With --uninstall: remove all but what you wrote (envs.json, policies, selections)
    #[arg(long, requires = "uninstall", conflicts_with = "agent")]
    pub(super) purge: bool,
    /// Do not ask
    #[arg(long, short, requires = "purge")]
    pub(super) yes: bool,
    /// Path of the hook program [default: rwenv-hook beside rwenv]
    #[arg(long, value_name = "FILE")]
    pub(super) hook: Option<PathBuf>,
    #[command(flatten)]
    claude: ClaudeChoices,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What is set in Claude Code's settings beside the hook.
#[derive(Clone, Copy, Debug, Default, Args)]
struct ClaudeChoices {
    /// Set Claude Code's own sandbox: credentials denied, the API guard reached
    #[arg(long, conflicts_with = "uninstall", help_heading = "Claude Code's settings")]
    sandbox: bool,
    /// Show rwenv's status line in Claude Code [default: where you have none]
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        conflicts_with = "uninstall",
        help_heading = "Claude Code's settings"
    )]
    statusline: Option<LineChoice>,
}

impl InstallArgs {
    /// Registers the hook with an agent.
    pub(super) fn of(agent: AgentName, hook: Option<PathBuf>) -> Self {
        let output = Output::default();
        let claude = ClaudeChoices::default();
        Self { agent, uninstall: false, purge: false, yes: false, hook, claude, output }
    }
}

/// Whether Claude Code shows our status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LineChoice {
    /// In the place of another
    Always,
    /// Not
    Never,
}

impl LineChoice {
    fn wanted(choice: Option<Self>) -> WantedLine {
        match choice {
            None => WantedLine::IfNone,
            Some(Self::Always) => WantedLine::Always,
            Some(Self::Never) => WantedLine::Never,
        }
    }
}

/// How a shell writes things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ShellDialect {
    /// sh, bash, zsh
    #[value(aliases = ["sh", "bash", "zsh"])]
    Posix,
    /// fish
    Fish,
}

impl AgentName {
    /// The agent, where it is not Claude Code.
    fn other(self) -> Option<&'static Agent> {
        match self {
            Self::Claude | Self::All => None,
            Self::Codex => Some(&agents::CODEX),
            Self::Gemini => Some(&agents::GEMINI),
            Self::Cursor => Some(&agents::CURSOR),
            Self::Copilot => Some(&agents::COPILOT),
            Self::Opencode => Some(&agents::OPENCODE),
        }
    }
}

/// Registers the hook with every agent that is here.
fn with_all(args: &InstallArgs, environment: &Environment) -> anyhow::Result<u8> {
    if args.uninstall {
        bail!("rwenv install --uninstall takes the hook out of every agent");
    }
    let here = setup::agents_here(environment);
    if here.is_empty() {
        bail!("no agent is on PATH; name one: rwenv install --agent NAME");
    }
    for name in here.iter().filter_map(|name| AgentName::from_str(name, true).ok()) {
        let own = InstallArgs::of(name, args.hook.clone());
        let claude = if name == AgentName::Claude { args.claude } else { ClaudeChoices::default() };
        let own = InstallArgs { claude, ..own };
        if !args.output.json {
            install(&own, environment)?;
            continue;
        }
        // What registering says is for people.
        quietly(name, &install::hook_program(args.hook.as_deref())?, environment)?;
    }
    if args.output.json {
        out::json(&serde_json::json!({ "agents": here }))?;
    }
    Ok(0)
}

pub(super) fn install(args: &InstallArgs, environment: &Environment) -> anyhow::Result<u8> {
    if args.agent == AgentName::All {
        return with_all(args, environment);
    }
    let hook = if args.uninstall { None } else { Some(install::hook_program(args.hook.as_deref())?) };
    if let Some(agent) = args.agent.other() {
        if args.claude.sandbox {
            bail!(
                "--sandbox is for Claude Code alone; confine {} by rwenv run -- {}",
                agent.name,
                agent.name
            );
        }
        return with(agent, hook.as_deref(), args.output.json, environment);
    }
    let done = match &hook {
        Some(hook) => install::install(
            hook,
            LineChoice::wanted(args.claude.statusline),
            args.claude.sandbox,
            environment,
        )?,
        None => {
            let question =
                "This removes the audit log, clones, catalogs and everything else but what you wrote. Go on?";
            if args.purge && !prompt::confirm(question, args.yes)? {
                bail!("nothing was changed");
            }
            install::uninstall(args.purge, environment)?
        }
    };
    for settings in &done.other_settings {
        out::note(&format!("the hook is removed from {}", settings.display()));
    }
    for folder in &done.git_hooks {
        out::note(&format!("the Git hook is removed from {}", folder.display()));
    }
    if args.output.json {
        out::json(&InstallView {
            settings: &done.settings,
            changed: done.changed,
            backup: done.backup.as_deref(),
            hook: hook.as_deref(),
            shims_dir: &done.shims_dir,
            shims: &done.shims,
            removed: &done.leaving.removed,
        })?;
    } else {
        tell(&done, hook.as_deref());
    }
    Ok(0)
}

/// Registers the hook with an agent, and says nothing.
pub(super) fn quietly(agent: AgentName, hook: &Path, environment: &Environment) -> anyhow::Result<()> {
    match agent.other() {
        Some(agent) => {
            agent.register(Some(hook), environment)?;
            shims::install(hook, environment)?;
        }
        None => drop(install::install(hook, WantedLine::IfNone, false, environment)?),
    }
    Ok(())
}

#[derive(Serialize)]
struct InstallView<'a> {
    settings: &'a Path,
    changed: bool,
    backup: Option<&'a Path>,
    hook: Option<&'a Path>,
    shims_dir: &'a Path,
    /// Those that were made now.
    shims: &'a [&'static str],
    /// What was removed beside the hooks.
    removed: &'a [PathBuf],
}

fn tell_handout(handout: &Handout) {
    if !handout.removed.is_empty() {
        out::line(&format!("{} skills and agents of rwenv's are removed", handout.removed.len()));
    }
    if handout.skills + handout.agents > 0 {
        out::line(&format!("it has {} skills and {} agents of rwenv's now", handout.skills, handout.agents));
    }
}

fn tell(done: &Installed, hook: Option<&Path>) {
    let settings = done.settings.display();
    match (done.changed, hook) {
        (true, Some(hook)) => out::line(&format!("{} is registered in {settings}", hook.display())),
        (false, Some(hook)) => out::line(&format!("{} is registered in {settings} already", hook.display())),
        (true, None) => out::line(&format!("the hook is removed from {settings}")),
        (false, None) => out::line(&format!("the hook is not in {settings}")),
    }
    if !done.shims.is_empty() {
        out::line(&format!("shims for {} are in {}", done.shims.join(", "), done.shims_dir.display()));
    }
    tell_handout(&done.handout);
    done.handout.kept.iter().chain(&done.kept).for_each(|kept| out::note(kept));
    if done.leaving.daemon {
        out::line("rwenvd has ended");
    }
    for gone in done.leaving.service.iter().chain(&done.leaving.removed) {
        out::line(&format!("removed: {}", under_home(gone)));
    }
    for kept in &done.leaving.kept {
        out::note(&format!("kept: {kept}"));
    }
    if let Some(backup) = done.backup.as_ref().filter(|backup| backup.exists()) {
        out::line(&format!("the old settings are in {}", backup.display()));
    }
}

/// Registers the hook with another agent, or takes it out there.
fn with(agent: &Agent, hook: Option<&Path>, json: bool, environment: &Environment) -> anyhow::Result<u8> {
    #[derive(Serialize)]
    struct AgentView<'a> {
        agent: &'a str,
        settings: &'a Path,
        changed: bool,
        skills: usize,
        agents: usize,
    }
    let agents::ChangedSettings { settings, changed, left, handout } = agent.register(hook, environment)?;
    if let Some(hook) = hook {
        shims::install(hook, environment)?;
    }
    left.iter().chain(&handout.kept).for_each(|note| out::note(note));
    if json {
        let Handout { skills, agents, .. } = handout;
        out::json(&AgentView { agent: agent.name, settings: &settings, changed, skills, agents })?;
        return Ok(0);
    }
    let (name, shown) = (agent.name, settings.display());
    out::line(&match (hook, changed) {
        (Some(_), true) => format!("the hook is now registered with {name}: {shown}"),
        (Some(_), false) => format!("the hook is already registered with {name}: {shown}"),
        (None, true) => format!("the hook is removed from {shown}"),
        (None, false) => format!("the hook is not in {shown}"),
    });
    tell_handout(&handout);
    if hook.is_some() && !agent.then.is_empty() {
        out::line(agent.then);
    }
    Ok(0)
}

pub(super) fn shellenv(shell: ShellDialect, environment: &Environment) -> anyhow::Result<u8> {
    let folder = shims::folder(environment);
    if !folder.is_dir() {
        bail!("{}: there are no shims; rwenv install makes them", folder.display());
    }
    let dir = folder.to_str().context("the path of the shims is not valid UTF-8")?;
    out::line(&match shell {
        ShellDialect::Posix => path_line(dir),
        ShellDialect::Fish => format!("fish_add_path --path --move --prepend {}", quoted(dir)),
    });
    Ok(0)
}
