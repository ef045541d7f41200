//! What an agent's session is given when it starts: the shims first on its `PATH`, and the name of its rwenv.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::Reply;
use super::text::shown;
use crate::decide::quoted;
use crate::host::environment::{Environment, var};
use crate::host::{self, binding, config, guarded, pinned, shims};
use crate::model::{Bound, Rwenv};
use crate::wire::claude::Event;
use crate::wire::daemon::{Ask, FluxRow, ask};

/// Longest wait for the daemon, which has the answer or has not.
const ANSWER: Duration = Duration::from_millis(300);
/// Objects that are told one by one.
const MOST: usize = 5;
/// Longest part of a message that is told, in characters.
const LONGEST: usize = 120;

/// Writes the session's environment file, which the agent reads before every later command, and says which rwenv holds.
pub(super) fn start(event: &Event<'_>, environment: &Environment) -> Reply {
    let context = host::context(event.cwd.as_deref(), environment);
    let mut told = selected(&context.cwd, environment);
    let folder = shims::folder(environment);
    // A tool that came since has its shim from now on.
    if let (true, Ok(hook)) = (folder.is_dir(), std::env::current_exe())
        && hook.file_name().is_some_and(|name| name == "rwenv-hook")
        && let Err(error) = shims::install(&hook, environment)
    {
        told.push_str(&format!("rwenv: its shims are not complete: {error}\n"));
    }
    if let (Some(file), true) = (var("CLAUDE_ENV_FILE"), folder.is_dir())
        && let Err(error) = add_path(Path::new(&file), &folder)
    {
        told.push_str(&format!("rwenv: its shims are not on PATH in this session: {file}: {error}\n"));
    }
    told.push_str(&unhealthy(&context.cwd, environment));
    if let Some(file) = var("CLAUDE_ENV_FILE") {
        let session = event.session_id.as_deref().unwrap_or_default();
        told.push_str(&pin(Path::new(&file), session, &context.cwd, environment));
    }
    // What other events print is shown to nobody.
    let heard = event.hook_event_name.as_deref() == Some("SessionStart");
    Reply { stdout: if heard { told } else { String::new() }, ..Reply::silent() }
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

/// Gives the session the rwenv's own kubeconfig, or the person's back where the directory has none. Says what went wrong.
fn pin(file: &Path, session: &str, cwd: &str, environment: &Environment) -> String {
    let rwenvs = config::rwenvs(&environment.config_dir);
    let rwenv = match binding::of(cwd, environment).first() {
        Some(Bound::Rwenv(name)) => rwenvs.get(name),
        _ => None,
    };
    let made = rwenv.map_or(Ok(None), |rwenv| pinned::make(rwenv, environment));
    let (mut own, mut problem) = match made {
        Ok(own) => (own, String::new()),
        Err(why) => (None, format!("rwenv: this session keeps your own kubeconfig: {why}\n")),
    };
    if let Some(rwenv) = rwenv.filter(|rwenv| own.is_some() && guarded::is_guarded(rwenv)) {
        match guarded::session(rwenv, environment) {
            Ok(path) => own = Some(path),
            Err(why) => {
                problem =
                    format!("rwenv: {why}: this session's commands are judged by hook and shims alone.\n");
            }
        }
    }
    let set = |path: &str| format!("export KUBECONFIG={}", quoted(path));
    let line = match (&own, &environment.kubeconfig) {
        (Some(own), _) => set(&own.display().to_string()),
        (None, Some(before)) => set(before),
        (None, None) => "unset KUBECONFIG".to_owned(),
    };
    // The last line counts; nothing is written where nothing would change.
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let last = text.lines().rev().find(|line| line.contains("KUBECONFIG"));
    let changes = last.map_or(own.is_some(), |last| last != line);
    match if changes { append(file, &line) } else { Ok(()) } {
        Ok(()) => pinned::remember(session, own.as_deref(), environment),
        Err(error) => {
            return format!("rwenv: this session keeps your own kubeconfig: {}: {error}\n", file.display());
        }
    }
    problem
}

/// Shell code that puts a folder first on `PATH`, however often it runs.
pub(crate) fn path_line(dir: &str) -> String {
    let dir = quoted(dir);
    format!("case \"$PATH:\" in {dir}:*) ;; *) export PATH={dir}\"${{PATH:+:$PATH}}\" ;; esac")
}

/// One line on the rwenv of a directory; nothing where none is selected and none is configured.
fn selected(cwd: &str, environment: &Environment) -> String {
    let rwenvs = config::rwenvs(&environment.config_dir);
    match binding::of(cwd, environment).first() {
        Some(Bound::Rwenv(name)) => match rwenvs.get(name) {
            Some(rwenv) => format!("rwenv '{name}' is selected here: {}.\n", flags(rwenv)),
            None => format!("rwenv '{name}' is selected here, but not configured: rwenv set <name>.\n"),
        },
        Some(Bound::Invalid(why)) => format!("The rwenv selected here cannot be followed: {why}\n"),
        _ if rwenvs.all.is_empty() => String::new(),
        _ => "No rwenv is selected here; commands on clusters are refused until one is: rwenv set <name>.\n"
            .to_owned(),
    }
}

/// What of Flux is not ready in the cluster of a directory's rwenv, as far as the daemon knows; it watches it from then on.
fn unhealthy(cwd: &str, environment: &Environment) -> String {
    let Some(Bound::Rwenv(name)) = binding::of(cwd, environment).into_iter().next() else {
        return String::new();
    };
    let asked = ask(&environment.config_dir, Ask::Flux { rwenv: name }, ANSWER);
    let Some(health) = asked.ok().and_then(|reply| reply.flux).filter(|health| health.complete) else {
        return String::new();
    };
    let failing: Vec<&FluxRow> = health.objects.iter().filter(|row| row.fails()).collect();
    if failing.is_empty() {
        return format!("Flux: all {} objects are ready.\n", health.objects.len());
    }
    let line = |row: &&FluxRow| {
        let message = shown(&row.message, LONGEST);
        format!("  {} {}/{}: {message}\n", row.kind, row.namespace, row.name)
    };
    let listed: String = failing.iter().take(MOST).map(line).collect();
    let more = failing.len().saturating_sub(MOST);
    let more =
        if more > 0 { format!("  and {more} more: rwenv flux status --failing\n") } else { String::new() };
    format!("Flux: {} of {} objects are not ready.\n{listed}{more}", failing.len(), health.objects.len())
}

fn flags(rwenv: &Rwenv) -> &'static str {
    match (rwenv.read_only, rwenv.git_ops_only) {
        (true, _) => "read-only, nothing of its cluster or Flux repository may be changed",
        (false, true) => "GitOps only, its cluster is changed through its Flux repository",
        (false, false) => "it may be changed",
    }
}
