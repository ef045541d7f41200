//! Who is at work: an agent, or a person.

use std::path::{Path, PathBuf};
#[cfg(not(target_os = "linux"))]
use std::process::Command;

use crate::base::environment::{Environment, var};
use rwenv_core::classify;

/// Most processes that are looked at above this one.
const MOST: usize = 24;

/// A process above this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Its arguments, the program first.
    pub argv: Vec<String>,
}

impl Ancestor {
    /// The file name of its program.
    #[must_use]
    pub fn name(&self) -> &str {
        self.argv.first().and_then(|program| program.rsplit('/').next()).unwrap_or_default()
    }
}

/// The agent that is at work here, by the variables it sets or by the processes above; none where a person is.
#[must_use]
pub fn at_work(ancestors: &[Ancestor]) -> Option<String> {
    let tools = classify::tools();
    let marked = tools.programs.agent_markers.iter().find(|name| var(name).is_some());
    marked.map(|name| format!("${name}")).or_else(|| {
        let is_agent =
            |word: &str| tools.programs.agents.contains(&word.rsplit('/').next().unwrap_or_default());
        // Many are scripts, which stand behind their interpreter.
        let found = ancestors.iter().flat_map(|a| a.argv.iter().take(2)).find(|word| is_agent(word));
        found.cloned()
    })
}

/// True in a job of a CI system, by `RWENV_CI`: nobody can be asked there, though there may be a terminal.
#[must_use]
pub fn is_unattended() -> bool {
    var("RWENV_CI").is_some()
}

/// Who can answer a question here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
    /// An agent is at work, by this mark.
    Agent(String),
    /// A person, at the terminal of this process.
    Person,
    /// Nobody: there is no terminal.
    Nobody,
}

/// Who can answer a question, by the processes above. A terminal alone is none: an agent may have one.
#[must_use]
pub fn asker(ancestors: &[Ancestor]) -> Asker {
    use std::io::IsTerminal as _;
    if let Some(mark) = at_work(ancestors) {
        return Asker::Agent(mark);
    }
    if is_unattended() {
        return Asker::Nobody;
    }
    let terminal = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty");
    if terminal.is_ok() && std::io::stderr().is_terminal() { Asker::Person } else { Asker::Nobody }
}

/// Claude Code's settings of this user.
#[must_use]
pub fn claude_settings(environment: &Environment) -> PathBuf {
    let dir = var("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    dir.unwrap_or_else(|| environment.home.join(".claude")).join("settings.json")
}

/// True for the command of a handler that starts our hook.
#[must_use]
pub fn starts_hook(command: &str) -> bool {
    let program = command.split(' ').next().unwrap_or_default();
    Path::new(program).file_name().is_some_and(|name| name == "rwenv-hook")
}

/// The processes above this one, the nearest first.
#[must_use]
pub fn ancestors() -> Vec<Ancestor> {
    let mut out = Vec::new();
    let mut pid = nix::unistd::getppid().as_raw();
    while pid > 1 && out.len() < MOST {
        let Some((parent, argv)) = process(pid) else { break };
        out.push(Ancestor { argv });
        pid = parent;
    }
    out
}

/// The parent and the arguments of a process.
#[cfg(target_os = "linux")]
fn process(pid: i32) -> Option<(i32, Vec<String>)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, but for what stands behind its last parenthesis: state, parent.
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let argv = line.split(|b| *b == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let mut argv: Vec<String> = argv.collect();
    argv.pop();
    Some((parent, argv))
}

/// The parent and the arguments of a process, as ps(1) tells them: words with spaces are not told apart.
#[cfg(not(target_os = "linux"))]
fn process(pid: i32) -> Option<(i32, Vec<String>)> {
    let output =
        Command::new("ps").args(["-ww", "-o", "ppid=,args=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut words = text.split_whitespace().map(str::to_owned);
    Some((words.next()?.parse().ok()?, words.collect()))
}
