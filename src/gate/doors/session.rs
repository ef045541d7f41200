//! What an agent's session is given when it starts: the shims first on its `PATH`, and the name of its rwenv.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::base::environment::{Environment, var};
use crate::base::{clock, files};
use crate::doors::{Reply, greeting};
use crate::facts::{self, binding, config, credential, guarded, identity};
use crate::ledger::pinned;
use crate::setup::shims;
use crate::wire::claude::Event;
use rwenv_core::decide::quoted;
use rwenv_core::model::{Bound, SeenContext};

/// The variable by which Codex tells a command of its session; a sub-agent's commands have the one that started it.
const CODEX_SESSION: &str = "CODEX_SESSION_ID";
/// Says in a command's environment that it has been given its kubeconfig: what a line sets itself stays.
const GIVEN: &str = "RWENV_GIVEN";
/// The file in the plugin's folder that says when a session began with it.
pub const PLUGIN_STATE: &str = "session.json";

/// Where a session's commands get their variables from.
#[derive(Debug)]
pub(super) enum Variables {
    /// From a file of shell code, which the agent or its shell reads before every later command.
    File(PathBuf),
    /// From the answer: the agent sets them itself.
    Answer,
    /// From nowhere: the agent offers no way.
    Nowhere,
}

/// What a session is given.
#[derive(Debug, Default)]
pub(super) struct GivenSession {
    /// For the model: the rwenv, and what went wrong.
    pub(super) told: String,
    /// For a session that takes its variables from the answer: the shims' folder, and its kubeconfig.
    pub(super) shims: Option<PathBuf>,
    pub(super) kubeconfig: Option<PathBuf>,
}

/// Gives Claude Code's session its variables, and says which rwenv holds.
pub(super) fn start(event: &Event<'_>, environment: &Environment) -> Reply {
    let session = event.session_id.as_deref().unwrap_or_default();
    let file = var("CLAUDE_ENV_FILE").map(PathBuf::from);
    let variables = file.map_or(Variables::Nowhere, Variables::File);
    let given = begin(session, event.cwd.as_deref(), &variables, environment);
    // What other events print is shown to nobody.
    let heard = event.hook_event_name.as_deref() == Some("SessionStart");
    Reply { stdout: if heard { given.told } else { String::new() }, ..Reply::silent() }
}

/// Gives an agent's session the shims, the kubeconfig of its rwenv, and the words its model begins with.
pub(super) fn begin(
    session: &str,
    cwd: Option<&str>,
    variables: &Variables,
    environment: &Environment,
) -> GivenSession {
    let context = facts::context(cwd, environment);
    let mut told = String::new();
    let folder = shims::folder(environment);
    // A tool that came since has its shim from now on.
    if let (true, Ok(hook)) = (folder.is_dir(), std::env::current_exe())
        && hook.file_name().is_some_and(|name| name == "rwenv-hook")
        && let Err(error) = shims::install(&hook, environment)
    {
        told.push_str(&format!("rwenv: its shims are not complete: {error}\n"));
    }
    let mut kubeconfig = None;
    if !matches!(variables, Variables::Nowhere) {
        let (own, problem) = chosen(&context.cwd, environment);
        told.push_str(&problem);
        kubeconfig = own;
    }
    match variables {
        Variables::File(file) => {
            if folder.is_dir()
                && let Err(error) = add_path(file, &folder)
            {
                let file = file.display();
                told.push_str(&format!(
                    "rwenv: its shims are not on PATH in this session: {file}: {error}\n"
                ));
            }
            let at = SessionAt { session, cwd: &context.cwd };
            told.push_str(&pin(file, at, kubeconfig.as_deref(), environment));
        }
        Variables::Answer => {
            pinned::remember(session, &context.cwd, kubeconfig.as_deref(), environment);
        }
        Variables::Nowhere => {}
    }
    let told = greeting::told(&context.cwd, &told, environment);
    GivenSession { told, shims: folder.is_dir().then_some(folder), kubeconfig }
}

/// Notes in the plugin's own folder that a session began with it, and with which version: `rwenv doctor` tells.
pub(super) fn remember_plugin(event: &Event<'_>) {
    let Some(folder) = var("CLAUDE_PLUGIN_DATA").map(PathBuf::from).filter(|path| path.is_absolute()) else {
        return;
    };
    let session = event.session_id.as_deref().unwrap_or_default();
    let at = clock::rfc3339(clock::now());
    let state = serde_json::json!({ "session": session, "rwenv": env!("CARGO_PKG_VERSION"), "at": at });
    let written = files::make_private_dir(&folder)
        .and_then(|()| files::replace(&folder.join(PLUGIN_STATE), &format!("{state}\n"), 0o600));
    // A session without the note is as good as one with it.
    let _ = written;
}

fn add_path(file: &Path, folder: &Path) -> std::io::Result<()> {
    let dir = folder.display().to_string();
    let line = path_line(&dir);
    if std::fs::read_to_string(file).is_ok_and(|text| text.contains(&line)) {
        return Ok(());
    }
    append(file, &line)
}

fn append(file: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(format!("\n{line}\n").as_bytes())
}

/// The kubeconfig of the rwenv that a directory has, and what went wrong; none where the person's own holds.
fn chosen(cwd: &str, environment: &Environment) -> (Option<PathBuf>, String) {
    let rwenvs = config::rwenvs(&environment.config_dir);
    let rwenv = match binding::bindings_for_dir(cwd, environment).first() {
        Some(Bound::Rwenv(name)) => rwenvs.get(name),
        _ => None,
    };
    let made = rwenv.map_or(Ok(None), |rwenv| pinned::make(rwenv, environment));
    let (mut own, mut problem) = match made {
        Ok(own) => (own, String::new()),
        Err(why) => (None, format!("rwenv: this session keeps your own kubeconfig: {why}\n")),
    };
    if let Some(rwenv) = rwenv.filter(|rwenv| own.is_some() && guarded::is_guarded(rwenv)) {
        match guarded::session(rwenv, environment).and_then(|path| unchanged(path, environment)) {
            Ok(path) => own = Some(path),
            Err(why) => {
                let agents = credential::session(rwenv.name.as_str(), environment);
                problem = told_without_guard(&why, agents.is_some());
                own = agents.or(own);
            }
        }
    }
    (own, problem)
}

/// What a session is told that does not go through the guard.
fn told_without_guard(why: &str, has_credential: bool) -> String {
    if has_credential {
        format!(
            "rwenv: {why}: this session has the agents' own credential (rwenv identity), and the cluster holds it to its rights.\n"
        )
    } else {
        format!("rwenv: {why}: this session's commands are judged by hook and shims alone.\n")
    }
}

/// A session, and where it works.
#[derive(Clone, Copy)]
struct SessionAt<'a> {
    session: &'a str,
    cwd: &'a str,
}

/// Gives the session the rwenv's own kubeconfig, or the person's back where the directory has none. Says what went wrong.
fn pin(file: &Path, at: SessionAt<'_>, own: Option<&Path>, environment: &Environment) -> String {
    let set = |path: &str| format!("export KUBECONFIG={}", quoted(path));
    let line = match (own, &environment.kubeconfig) {
        (Some(own), _) => set(&own.display().to_string()),
        (None, Some(before)) => set(before),
        (None, None) => "unset KUBECONFIG".to_owned(),
    };
    // The last line counts; nothing is written where nothing would change.
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let last = text.lines().rev().find(|line| line.contains("KUBECONFIG"));
    let changes = last.map_or(own.is_some(), |last| last != line);
    match if changes { append(file, &line) } else { Ok(()) } {
        Ok(()) => {
            pinned::remember(at.session, at.cwd, own, environment);
            String::new()
        }
        Err(error) => {
            format!("rwenv: this session keeps your own kubeconfig: {}: {error}\n", file.display())
        }
    }
}

/// The guard's kubeconfig, where it still leads through the guard: other programs write into what `$KUBECONFIG` names.
fn unchanged(path: PathBuf, environment: &Environment) -> Result<PathBuf, String> {
    match identity::seen(std::slice::from_ref(&path), None, environment) {
        SeenContext::Guarded(_) => Ok(path),
        _ => {
            Err(format!("another program has changed {}; rwenv daemon restart makes it anew", path.display()))
        }
    }
}

/// The shell code that bash reads at the start of an agent's call (`BASH_ENV`), where a variable is all an agent can be told to set, as Codex: it
/// reads what the session was given. Codex sets `PATH` anew between two shells, so the shims are put there in each; the kubeconfig once.
#[must_use]
pub fn shell_start(environment: &Environment) -> String {
    let path = path_line(&shims::folder(environment).display().to_string());
    let sessions = quoted(&pinned::sessions(environment).display().to_string());
    let id = CODEX_SESSION;
    format!(
        "# Made by rwenv install: bash reads it at the start of an agent's call.\n{path}\n\
         if [ -n \"${{{id}-}}\" ] && [ \"${{{GIVEN}-}}\" != \"${id}\" ] && [ -r {sessions}/\"${id}\".sh ]; then\n\
         \x20   export {GIVEN}=\"${id}\"\n    . {sessions}/\"${id}\".sh\nfi\n"
    )
}

/// Shell code that puts a folder first on `PATH`, however often it runs.
pub fn path_line(dir: &str) -> String {
    let dir = quoted(dir);
    format!("case \"$PATH:\" in {dir}:*) ;; *) export PATH={dir}\"${{PATH:+:$PATH}}\" ;; esac")
}
