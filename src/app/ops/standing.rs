//! Whether the hook stands with each agent beside Claude Code, asked through the very line that is registered; and whether a project switches hooks off.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::agents::{self, Agent};
use super::check::Check;
use crate::standing::switched_off;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::{clock, process, program};

/// Longest wait for a hook, or for an agent's own list of hooks.
const PATIENCE: Duration = Duration::from_secs(20);
/// A call that no hook of ours lets run: it names no tool.
const CANARY: &str = "{}";

pub(super) fn examine(environment: &Environment) -> Vec<Check> {
    let mut all: Vec<Check> =
        agents::ALL.into_iter().filter_map(|agent| stands(agent, environment)).collect();
    all.extend(switched_off(&environment::current_dir(), environment).into_iter().map(|off| {
        Check::fail("project", off.says(), "remove that line, or trust no agent in this project")
    }));
    all
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
    if !said.is_some_and(|said| !said.success && said.stderr.contains("does not run: ")) {
        let says = format!("{name}: a call sent through the line in {settings} was not refused");
        return Some(Check::fail("agent", says, install));
    }
    if name == agents::CODEX.name && is_trusted(&agent.settings(environment), environment) == Some(false) {
        let says = format!("codex does not trust the hook in {settings}, so it runs none and says nothing");
        return Some(Check::fail("agent", says, "start codex, and trust the hook when it asks"));
    }
    Some(Check::ok("agent", format!("{name}: the line in {settings} refuses what it should")))
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
