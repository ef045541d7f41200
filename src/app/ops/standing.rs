//! Whether the hook stands with each agent, asked through the very line that is registered; what a hook means that is killed; and whether a project
//! switches hooks off.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::agents::{self, Agent, OnFailure};
use super::check::Check;
use crate::standing::switched_off;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::process::ProcessOutput;
use rwenv_gate::base::{clock, process, program};
use rwenv_gate::standing::registered;

/// Longest wait for a hook, or for an agent's own list of hooks.
const PATIENCE: Duration = Duration::from_secs(20);
/// A call that no hook of ours lets run: it names no tool.
const CANARY: &str = "{}";

pub(super) fn examine(environment: &Environment) -> Vec<Check> {
    let mut all: Vec<Check> = claude(environment);
    all.extend(agents::ALL.into_iter().filter_map(|agent| stands(agent, environment)));
    all.extend(switched_off(&environment::current_dir(), environment).into_iter().map(|off| {
        Check::fail("project", off.says(), "remove that line, or trust no agent in this project")
    }));
    all
}

/// Whether the hook stands with Claude Code, by its settings and by the plugin.
fn claude(environment: &Environment) -> Vec<Check> {
    let Ok(found) = registered(environment) else { return Vec::new() };
    let own =
        found.hook.iter().map(|hook| (hook.clone(), &["claude"][..], "the line in ~/.claude/settings.json"));
    let plugin = found.plugin.then(|| ("rwenv-hook".into(), &["claude", "plugin"][..], "the plugin's line"));
    let check = |(hook, words, line): (PathBuf, &[&str], &str)| {
        let said = process::output(Command::new(hook).args(words), CANARY.as_bytes(), PATIENCE);
        if !refuses(said.as_ref()) {
            let says = format!("claude: a call sent through {line} was not refused");
            return Check::fail("agent", says, "rwenv install");
        }
        let fails = match words {
            ["claude"] if !found.blocks_on_failure => "one that fails lets it run",
            _ => "Claude Code 2.1.295 and newer refuses one whose hook is missing, killed or late",
        };
        Check::ok("agent", format!("claude: {line} refuses what it should; {fails}"))
    };
    own.chain(plugin).map(check).collect()
}

/// True where a hook has refused the canary.
fn refuses(said: Option<&ProcessOutput>) -> bool {
    said.is_some_and(|said| !said.success && said.stderr.contains("does not run: "))
}

/// What becomes of a call whose hook is missing, killed or late; an error where a line lets it run that should not. A line that refuses is tried
/// with a program in the hook's place that kills itself.
fn failing(agent: &Agent, line: &str) -> Result<String, String> {
    let late = |limit: &str| {
        format!("one whose hook is missing or killed is refused; after {limit} of a late one it runs")
    };
    match agent.on_failure {
        OnFailure::Refused => Ok("one whose hook is missing, killed or late is refused".to_owned()),
        OnFailure::AgentRefuses(limit) => Ok(late(limit)),
        OnFailure::LineRefuses(limit) => {
            let rest = line.split_once(&format!(" {}", agent.name)).map_or("", |(_, rest)| rest);
            let killed = format!("( sh -c 'kill -KILL $$'{rest} ); echo $?");
            let said = process::output(Command::new("sh").args(["-c", &killed]), CANARY.as_bytes(), PATIENCE);
            match said {
                Some(said) if said.stdout.lines().last() == Some("2") => Ok(late(limit)),
                _ => Err("a call whose hook is killed runs".to_owned()),
            }
        }
    }
}

/// Whether the hook stands with an agent; none where the agent is not here.
fn stands(agent: &Agent, environment: &Environment) -> Option<Check> {
    let lines = agent.registered(environment);
    let name = agent.name;
    let settings = environment::under_home(&agent.settings(environment));
    let install = format!("rwenv install --agent {name}");
    let Some(line) = lines.first() else {
        program::find(agent.program, environment)?;
        let says = format!("{name} is here, and its hook is not registered in {settings}");
        return Some(Check::warn("agent", says, install));
    };
    let said = process::output(Command::new("sh").args(["-c", line]), CANARY.as_bytes(), PATIENCE);
    if !refuses(said.as_ref()) {
        let says = format!("{name}: a call sent through the line in {settings} was not refused");
        return Some(Check::fail("agent", says, install));
    }
    if name == agents::CODEX.name && is_trusted(&agent.settings(environment), environment) == Some(false) {
        let says = format!("codex does not trust the hook in {settings}, so it runs none and says nothing");
        return Some(Check::fail("agent", says, "start codex, and trust the hook when it asks"));
    }
    Some(match failing(agent, line) {
        Ok(fails) => {
            Check::ok("agent", format!("{name}: the line in {settings} refuses what it should; {fails}"))
        }
        Err(fails) => Check::warn("agent", format!("{name}: by the line in {settings}, {fails}"), install),
    })
}

/// Whether Codex trusts the hooks of a file, as its own server says; none where that cannot be had.
fn is_trusted(settings: &Path, environment: &Environment) -> Option<bool> {
    let hooks = known_to_codex(&program::find("codex", environment)?)?;
    let field = |hook: &Value, name: &str| hook.get(name).and_then(Value::as_str).map(str::to_owned);
    let ours = |hook: &&Value| field(hook, "sourcePath").is_some_and(|path| Path::new(&path) == settings);
    Some(hooks.iter().filter(ours).all(|hook| field(hook, "trustStatus").as_deref() == Some("trusted")))
}

/// The hooks that count for Codex in the directory this runs in.
fn known_to_codex(codex: &Path) -> Option<Vec<Value>> {
    let client = json!({ "name": "rwenv", "version": env!("CARGO_PKG_VERSION") });
    let asked = [
        json!({ "id": 1, "method": "initialize", "params": { "clientInfo": client, "capabilities": { "experimentalApi": true } } }),
        json!({ "method": "initialized" }),
        json!({ "id": 2, "method": "hooks/list", "params": { "cwds": [environment::current_dir()] } }),
    ];
    let mut command = Command::new(codex);
    command
        .arg("app-server")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    // It ends when nobody is there to ask any more: its input stays open until it has answered.
    let input = child.stdin.take();
    let output = child.stdout.take();
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
        lines.map_while(Result::ok).try_for_each(|line| send.send(line))
    });
    let lines: String = asked.iter().map(|message| format!("{message}\n")).collect();
    let told = input.as_ref().map(|mut input| input.write_all(lines.as_bytes()));
    let until = clock::monotonic() + PATIENCE;
    let mut found = None;
    while let (Some(Ok(())), None) = (&told, &found) {
        let Ok(line) = receive.recv_timeout(until.saturating_sub(clock::monotonic())) else {
            break;
        };
        let message: Value = serde_json::from_str(&line).unwrap_or_default();
        if message.get("id") == Some(&json!(2)) {
            found = Some(message.pointer("/result/data/0/hooks").and_then(Value::as_array).cloned());
        }
    }
    process::kill(&mut child);
    found.flatten()
}
