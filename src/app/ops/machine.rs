//! What holds for the whole machine: configuration, registration, shims, git's hooks, daemon, clones, log and clock.
//! It contacts nothing outside the machine: that is in `custody`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::check::{Check, CheckState};
use super::{agents, githooks, standing};
use rwenv_core::model::Rwenv;
use rwenv_flux::repos::{self, CloneState, FluxRepository};
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::{clock, files, process, program};
use rwenv_gate::doors::session::PLUGIN_STATE;
use rwenv_gate::facts::agent::{self, Ancestor, Asker};
use rwenv_gate::facts::config;
use rwenv_gate::ledger::audit::{self, Confinement};
use rwenv_gate::setup::shims;
use rwenv_gate::standing::registered;
use rwenv_gate::wire::daemon::{Ask, GuardHealth, Health, NoticeHealth, PartHealth, Watching, ask};

/// Longest wait for one of our own programs.
const PATIENCE: Duration = Duration::from_secs(5);
/// Space below which the log is in danger, in bytes.
const ROOM: u64 = 64 << 20;
/// Most programs above this one that are named.
const MOST_ABOVE: usize = 6;
/// Age at which a clone counts as stale.
const STALE: Duration = Duration::from_secs(86_400);

pub(super) fn examine(whole_log: bool, environment: &Environment) -> Vec<Check> {
    let mut all = vec![configuration(environment), policies(environment)];
    all.extend(registration(environment));
    all.extend(standing::examine(environment));
    all.push(shims(environment));
    all.push(git_hooks(environment));
    all.push(who());
    all.extend(daemon(environment));
    all.extend(clones(environment));
    all.push(log(whole_log, environment));
    all.push(room(environment));
    all.push(clocks(environment));
    told_already(&mut all, environment);
    all
}

/// Adds what each command of a person's is told to be off, where no check has said it.
fn told_already(all: &mut Vec<Check>, environment: &Environment) {
    for lapse in crate::standing::lapses(&environment::current_dir(), environment) {
        if all.iter().any(|check| check.id == lapse.id && check.state != CheckState::Ok) {
            continue;
        }
        all.retain(|check| check.id != lapse.id || check.state != CheckState::Ok);
        all.push(Check::fail(lapse.id, lapse.says, lapse.fix));
    }
}

fn configuration(environment: &Environment) -> Check {
    let path = environment::under_home(&config::path(&environment.config_dir));
    match config::load(&environment.config_dir) {
        Ok(config) if config.rwenvs.all.is_empty() => {
            Check::warn("config", format!("{path} names no rwenv"), "rwenv add")
        }
        Ok(config) if !config.slips().is_empty() => Check::warn(
            "config",
            config.slips().join("\n"),
            "correct the name in the file or with rwenv edit; ignore this for custom fields",
        ),
        Ok(config) => {
            let count = config.rwenvs.all.len();
            Check::ok("config", format!("{path}: {count} {}", if count == 1 { "rwenv" } else { "rwenvs" }))
        }
        Err(error) => Check::fail(
            "config",
            error.to_string(),
            "correct the file; until then the last valid configuration applies, or every rwenv is read-only",
        ),
    }
}

/// Policies of the user's, and of the machine's: files that others could write are not used.
fn policies(environment: &Environment) -> Check {
    let mut count = 0;
    for folder in [Path::new("/etc/rwenv/policies"), &environment.config_dir.join("policies")] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            count += 1;
            if let Err(error) = files::read_trusted(&entry.path()) {
                return Check::fail("policies", error.to_string(), "correct its owner and mode, as it says");
            }
        }
    }
    let here = std::env::current_dir().unwrap_or_default();
    let wrong = rwenv_gate::facts::policies::problems(&here.display().to_string(), environment);
    if let Some(first) = wrong.first() {
        let says = format!("{first}; the file counts as it was before, if it ever did");
        return Check::warn("policies", says, "correct it: rwenv policy lint");
    }
    let built_in = rwenv_core::policy::RULES.len();
    Check::ok("policies", format!("{built_in} built-in rules, {count} policy files"))
}

fn registration(environment: &Environment) -> Vec<Check> {
    let path = environment::under_home(&agent::claude_settings(environment));
    let found = match registered(environment) {
        Ok(found) => found,
        Err(error) => {
            return vec![Check::fail("hook", error, "correct the settings, then: rwenv install")];
        }
    };
    let plugin = found.plugin.then(|| plugin(environment));
    // Where only other agents are used, nothing is missing.
    let others = || agents::ALL.iter().any(|agent| !agent.registered(environment).is_empty());
    if found.hook.is_none() && !found.plugin && program::find("claude", environment).is_none() && others() {
        return Vec::new();
    }
    let Some(hook) = &found.hook else {
        if let Some(plugin) = plugin {
            return vec![plugin];
        }
        return vec![Check::fail("hook", format!("{path} does not register the hook"), "rwenv install")];
    };
    let mut all: Vec<Check> = plugin.into_iter().collect();
    let version = process::output(Command::new(hook).arg("--version"), b"", PATIENCE);
    let own = format!("rwenv-hook {}", env!("CARGO_PKG_VERSION"));
    all.push(match version.map(|said| said.stdout.trim().to_owned()) {
        None => Check::fail(
            "hook",
            format!("{} is registered and does not run", hook.display()),
            "./install.sh, or rwenv install --hook FILE",
        ),
        Some(version) if version != own => {
            Check::fail("hook", format!("{} is {version}, this is {own}", hook.display()), "./install.sh")
        }
        Some(_) if !found.missing.is_empty() => Check::fail(
            "hook",
            format!("{path} does not register it for {}", found.missing.join(", ")),
            "rwenv install",
        ),
        Some(version) => Check::ok("hook", format!("{version} is registered in {path}")),
    });
    if found.disabled {
        all.push(Check::fail(
            "hook",
            format!("{path} has \"disableAllHooks\": no hook runs"),
            "remove that line",
        ));
    }
    if !found.blocks_on_failure {
        let says = "if the hook is missing or too slow, the call runs";
        let fix = "update to Claude Code 2.1.295 or newer, then run rwenv install, to block instead";
        all.push(Check::warn("hook", says, fix));
    }
    all
}

/// The plugin, which starts the hook by its name.
fn plugin(environment: &Environment) -> Check {
    if !environment.path.split(':').any(|dir| Path::new(dir).join("rwenv-hook").is_file()) {
        return Check::fail(
            "plugin",
            "is on, and rwenv-hook is not on PATH: every call is blocked",
            "./install.sh",
        );
    }
    let data = environment.home.join(".claude/plugins/data");
    let folders = std::fs::read_dir(data).into_iter().flatten().flatten();
    let ours = folders.filter(|folder| folder.file_name().to_string_lossy().contains("rwenv"));
    let states = ours.filter_map(|folder| files::read(&folder.path().join(PLUGIN_STATE)).ok()?);
    let last =
        states.filter_map(|text| serde_json::from_str::<serde_json::Value>(&text).ok()).find_map(|state| {
            Some(format!("{} with rwenv {}", state.get("at")?.as_str()?, state.get("rwenv")?.as_str()?))
        });
    let last = last.unwrap_or_else(|| "none yet".to_owned());
    Check::ok("plugin", format!("registers the hook; last session: {last}"))
}

fn shims(environment: &Environment) -> Check {
    let folder = shims::folder(environment);
    let hook = registered(environment).ok().and_then(|found| found.hook);
    let leads = |name: &&str| {
        let target = std::fs::read_link(folder.join(name)).ok();
        target.is_some() && target.as_ref().is_some_and(|t| t.is_file()) && (hook.is_none() || target == hook)
    };
    let names = shims::wanted(environment);
    let lost: Vec<&str> = names.iter().filter(|name| !leads(name)).copied().collect();
    if !lost.is_empty() {
        return Check::fail(
            "shims",
            format!("missing or pointing elsewhere: {}", lost.join(", ")),
            "rwenv install",
        );
    }
    let first =
        environment.path.split(':').find(|dir| names.iter().any(|name| Path::new(dir).join(name).is_file()));
    let shown = environment::under_home(&folder);
    if first.map(Path::new) == Some(&folder) {
        Check::ok("shims", format!("{} in {shown}, first on PATH", names.len()))
    } else {
        // An agent's sessions get them from the hook.
        Check::warn(
            "shims",
            format!("{} in {shown}; your own shell does not use them", names.len()),
            "eval \"$(rwenv shellenv)\" in your shell's start-up file",
        )
    }
}

fn git_hooks(environment: &Environment) -> Check {
    let (known, lost) = githooks::count_hooked(environment);
    if let Some(lost) = lost.first() {
        let fix =
            format!("rwenv hooks install {}", lost.parent().and_then(Path::parent).unwrap_or(lost).display());
        return Check::fail(
            "git-hooks",
            format!("git does not ask rwenv before it pushes: no hook of ours is {}", lost.display()),
            fix,
        );
    }
    if known == 0 {
        return Check::warn(
            "git-hooks",
            "no pre-push hook is installed",
            "rwenv hooks install in a repository, or for all of them: rwenv hooks install --global",
        );
    }
    Check::ok(
        "git-hooks",
        format!("the pre-push hook is installed in {known} {}", if known == 1 { "place" } else { "places" }),
    )
}

fn daemon(environment: &Environment) -> Vec<Check> {
    let health =
        ask(&environment.config_dir, Ask::Status, PATIENCE).map(|reply| reply.health.unwrap_or_default());
    let parts = health.as_ref().map_or(&[][..], |health| &health.parts);
    let trouble = |part: &PartHealth| {
        let fix = "rwenv daemon logs shows why; update rwenv, then rwenv daemon restart";
        Some(Check::warn("daemon", format!("its part {}", part.trouble()?), fix))
    };
    let mut all: Vec<Check> = parts.iter().filter_map(trouble).collect();
    all.extend(notices(health.as_ref().ok(), environment));
    all.push(match health {
        Err(error) => Check::warn(
            "daemon",
            format!("{error}; verdicts do not need it"),
            "rwenv daemon start, or at every login: rwenv daemon install",
        ),
        Ok(health) if health.program != env!("CARGO_PKG_VERSION") => Check::warn(
            "daemon",
            format!("it is {}, this is {}", health.program, env!("CARGO_PKG_VERSION")),
            "rwenv daemon restart",
        ),
        Ok(health) if health.watching == Watching::Polling => Check::warn(
            "daemon",
            "the system has no watches left, so files are polled every 2 s",
            "raise fs.inotify.max_user_watches",
        ),
        Ok(Health { guard: GuardHealth { address: None, error, .. }, .. }) => Check::warn(
            "daemon",
            format!("its API guard does not listen: {}", error.unwrap_or_default()),
            "rwenv daemon restart; rwenv daemon logs shows why",
        ),
        Ok(health) => {
            let guard = health.guard.address.unwrap_or_default();
            Check::ok("daemon", format!("runs since {}, API guard at {guard}", health.started))
        }
    });
    all
}

/// Whom a shim or pre-push that is started here would ask, and how that was decided.
fn who() -> Check {
    let ancestors = agent::ancestors();
    let above: Vec<&str> = ancestors.iter().map(Ancestor::name).take(MOST_ABOVE).collect();
    let above = above.join(" < ");
    Check::ok(
        "who",
        match agent::asker(&ancestors) {
            Asker::Agent(mark) => {
                format!("an agent is at work here ({mark}): it is denied, never asked; above: {above}")
            }
            Asker::Person => format!(
                "a person is at this terminal: they are asked where an agent is denied; above: {above}"
            ),
            Asker::Nobody => format!("no terminal here: nobody can be asked; above: {above}"),
        },
    )
}

/// Who is told what an agent changed without a question.
fn notices(health: Option<&Health>, environment: &Environment) -> Vec<Check> {
    let Ok(config) = config::load(&environment.config_dir) else { return Vec::new() };
    let wanted = config.rwenvs.all.iter().filter(|rwenv| rwenv.notify.is_some());
    let check = |rwenv: &Rwenv| match health {
        None => Check::warn(
            "notices",
            "notify is set, and the daemon that sends is not running",
            "rwenv daemon start",
        ),
        Some(health) => {
            let own = health.notices.iter().find(|notices| notices.rwenv == rwenv.name.as_str());
            match own.and_then(NoticeHealth::trouble) {
                Some(trouble) => {
                    Check::warn("notices", trouble, "correct notify: rwenv edit NAME --notify …")
                }
                None => Check::ok("notices", format!("{} sent", own.map_or(0, |own| own.sent))),
            }
        }
    };
    wanted.map(|rwenv| check(rwenv).about(rwenv.name.as_str())).collect()
}

fn clones(environment: &Environment) -> Vec<Check> {
    let Ok(config) = config::load(&environment.config_dir) else { return Vec::new() };
    let repositories =
        config.rwenvs.all.iter().filter_map(|rwenv| FluxRepository::of(rwenv, environment).ok());
    repositories.map(|flux| clone(&flux).about(flux.name.as_str())).collect()
}

fn clone(flux: &FluxRepository) -> Check {
    let sync = format!("rwenv repo sync {}", flux.name);
    let status = match repos::status(flux) {
        Ok(status) => status,
        Err(error) => {
            return Check::warn(
                "clone",
                error.to_string(),
                format!("rwenv repo clean {}, then {sync}", flux.name),
            );
        }
    };
    if let Some(error) = &status.error {
        return Check::warn("clone", format!("the last sync failed: {error}"), sync);
    }
    let age = clock::now().saturating_sub(Duration::from_secs(status.synced.unwrap_or_default()));
    match status.state {
        CloneState::Absent => Check::warn("clone", "not cloned yet", sync),
        CloneState::Empty | CloneState::UpToDate | CloneState::Ahead if age < STALE => {
            Check::ok("clone", "up to date")
        }
        CloneState::Empty | CloneState::UpToDate | CloneState::Ahead => {
            Check::warn("clone", "not synced for more than a day", sync)
        }
        _ => {
            Check::warn("clone", "not at the commit Flux follows", format!("rwenv repo status {}", flux.name))
        }
    }
}

/// Whether the log can be written, and is as it was written: all of it, or its newest file.
fn log(whole: bool, environment: &Environment) -> Check {
    if Confinement::of(environment).is_some() {
        return Check::ok("audit", "the records of this session go to the log outside".to_owned());
    }
    let folder = audit::folder(environment);
    if folder.exists() && nix::unistd::access(&folder, nix::unistd::AccessFlags::W_OK).is_err() {
        return Check::fail(
            "audit",
            format!("{} cannot be written, so changes are denied", folder.display()),
            "correct its owner and mode",
        );
    }
    let verified = if whole { audit::verify(environment) } else { audit::verify_newest(environment) };
    match verified {
        Err(error) => Check::fail("audit", error.to_string(), "correct its owner and mode"),
        Ok(found) => match found.findings.first() {
            Some(first) => {
                Check::fail("audit", format!("not intact: {}", first.problem), "rwenv audit verify")
            }
            None if whole => Check::ok("audit", format!("{} records, intact", found.records)),
            None => Check::ok("audit", format!("{} records in its newest file, intact", found.records)),
        },
    }
}

fn room(environment: &Environment) -> Check {
    let dir = if environment.config_dir.is_dir() { &environment.config_dir } else { &environment.home };
    match nix::sys::statvfs::statvfs(dir) {
        Ok(stat) => {
            // Of different widths on different systems.
            #[expect(clippy::useless_conversion, reason = "no conversion on Linux, one on macOS")]
            let room = u64::from(stat.blocks_available()).saturating_mul(u64::from(stat.fragment_size()));
            let says = format!("{} MiB are free for the log and the clones", room >> 20);
            if room < ROOM {
                Check::warn("disk", says, "free some space: without it changes are denied")
            } else {
                Check::ok("disk", says)
            }
        }
        Err(error) => Check::warn("disk", format!("{}: {error}", dir.display()), "look at that folder"),
    }
}

/// A clock that went back makes times in the log and ages of clones wrong.
fn clocks(environment: &Environment) -> Check {
    let last = audit::latest(environment).unwrap_or_default();
    let now = clock::rfc3339(clock::now());
    if last > now {
        let says = format!("the clock says {now}, but the audit log has a record from {last}");
        return Check::warn("clock", says, "synchronise the clock (timedatectl set-ntp true)");
    }
    Check::ok("clock", now)
}
