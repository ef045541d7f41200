//! The shims: this program under a tool's name, first on `PATH`. It sees the exact argv at the moment it runs, whoever
//! wrote it: a script, a Makefile, a program. What is allowed is put in this process's place, so that everything from
//! signals to the exit status is the tool's own.

use std::ffi::{CStr, CString};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix::errno::Errno;

use crate::base::environment::{self, Environment, set, var};
use crate::base::program;
use crate::doors::{sandboxed, terminal};
use crate::facts::agent::{self, Asker};
use crate::facts::{self, guarded};
use crate::judge::{self, Case, KnownPlan, Lift, Outcome, Permit, Person, Recording};
use crate::ledger::asked;
use crate::ledger::audit::Caller;
use crate::net::Inherited;
use crate::start;
use rwenv_core::classify;
use rwenv_core::decide;
use rwenv_core::model::{Assigned, Grammar, Tool, Word};

/// Exit status of a denial (sysexits.h, EX_NOPERM): no tool of ours ends with it by itself.
pub(super) const DENIED: u8 = 77;
/// Exit status where there is no such tool, as a shell has it.
const NOT_FOUND: u8 = 127;
/// Exit status where it cannot be started, as a shell has it.
const CANNOT_RUN: u8 = 126;
/// What a person can do about a question that reaches a shim.
const NOBODY: &str = "This needs a person's approval, and nobody can be asked here. Run this command by itself, so that the agent's hook can ask. \
                      Or a person runs the tool by its full path.";

/// Judges the call and becomes the tool. Comes back only where that is not to be, with the exit status.
pub(super) fn main(name: &str, arguments: &[CString], inherited: Inherited) -> u8 {
    let environment = Environment::of_shim(start::started_as().as_deref());
    let permit = match judge(name, arguments, &environment) {
        Ok(permit) => permit,
        Err((why, status)) => {
            let _ = std::io::stderr().write_all(why.as_bytes());
            return status;
        }
    };
    let Some(real) = program::find(name, &environment) else {
        let _ = writeln!(std::io::stderr(), "{name}: not found on PATH (this is rwenv's shim for it)");
        return NOT_FOUND;
    };
    let kubeconfig = reads_kubeconfig(name).then(|| sandboxed::kubeconfig(&environment)).flatten();
    if kubeconfig.is_none() {
        tell_cut_off(name, &environment);
    }
    become_tool(permit, &real, arguments, kubeconfig.as_deref(), inherited)
}

/// True for a tool that takes its cluster from `KUBECONFIG`.
fn reads_kubeconfig(name: &str) -> bool {
    classify::tools().tool(name).is_some_and(|tool| tool.env.kubeconfig.contains(&"KUBECONFIG"))
}

/// A tool that speaks to the guard where nobody listens says nothing but that it was refused: this says why, before it.
fn tell_cut_off(name: &str, environment: &Environment) {
    if let Some(rwenv) = reads_kubeconfig(name).then(|| guarded::cut_off(environment)).flatten() {
        let _ = writeln!(
            std::io::stderr(),
            "rwenv: the API guard of rwenv '{rwenv}' is not running, so {name} reaches no cluster; start it: rwenv daemon start"
        );
    }
}

/// Puts the tool in this process's place, with another kubeconfig where one is given.
fn become_tool(
    permit: Permit,
    real: &Path,
    arguments: &[CString],
    kubeconfig: Option<&Path>,
    inherited: Inherited,
) -> u8 {
    let Ok(path) = CString::new(real.as_os_str().as_bytes()) else { return NOT_FOUND };
    for line in permit.told() {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    let variables = kubeconfig.map(|path| environment::with("KUBECONFIG", path));
    inherited.restore();
    let put = |program: &CStr, words: &[CString]| match &variables {
        Some(variables) => nix::unistd::execve(program, words, variables),
        None => nix::unistd::execv(program, words),
    };
    let error = put(&path, arguments);
    if error == Err(Errno::ENOEXEC) {
        // A script that does not say what runs it: shells run it themselves.
        let mut script = vec![c"sh".to_owned(), path];
        script.extend(arguments.iter().skip(1).cloned());
        let _ = put(c"/bin/sh", &script);
    }
    let why = error.err().map(Errno::desc).unwrap_or_default();
    let _ = writeln!(std::io::stderr(), "{}: {why}", real.display());
    CANNOT_RUN
}

/// A permit where the call may run; else what to say and the exit status.
fn judge(name: &str, arguments: &[CString], environment: &Environment) -> Result<Permit, (String, u8)> {
    let tool = classify::tools().tool(name);
    let mut argv = vec![Word::literal(name)];
    argv.extend(arguments.iter().skip(1).map(|word| Word::literal(word.to_string_lossy())));
    let assigned = tool.map(assigned).unwrap_or_default();
    let who = || match agent::asker(&agent::ancestors()) {
        Asker::Person => Person::AtTerminal,
        Asker::Agent(_) | Asker::Nobody => Person::Nobody(NOBODY),
    };
    let refused = |why: String| {
        let complaint = tool.map_or("error: ", |tool| tool.complaint.as_str());
        (format!("{complaint}{}\n", why.trim_end()), DENIED)
    };
    match run("shim", &argv, assigned, &who, environment) {
        Outcome::Run(permit) => Ok(permit),
        Outcome::Ask(question) => {
            let permit = terminal::answered(question, environment).map_err(refused)?;
            // Without it they are asked once more by git's hook.
            let _ = asked::said(&argv, environment);
            Ok(permit)
        }
        Outcome::Refuse(why) | Outcome::Unrecorded(why) => Err(refused(why)),
    }
}

/// Judges exactly one program run. Where it is a question, a person who was asked about it at the agent's hook has said yes; else
/// `otherwise` says who can be asked.
pub fn run(
    door: &str,
    argv: &[Word],
    assigned: Vec<Assigned>,
    otherwise: &dyn Fn() -> Person,
    environment: &Environment,
) -> Outcome {
    let context = facts::context(None, environment);
    let observed = facts::observe(decide::plan_argv(argv.to_vec(), assigned, &context), environment);
    let answered = || asked::answered(argv, &context.cwd, environment);
    let case = Case {
        door,
        caller: Caller::default(),
        command: &observed.plan.line,
        seen: KnownPlan::of(&observed),
        found: Vec::new(),
        lift: Lift::Run(argv),
        person: &|| otherwise_unless(answered(), otherwise),
        recorded: Recording::Always,
    };
    judge::judge(case, environment).outcome
}

/// Who answers: a yes given at the agent's hook counts for what asks. A denial is nothing that was asked there.
fn otherwise_unless(answered: bool, otherwise: &dyn Fn() -> Person) -> Person {
    if answered { Person::SaidYes } else { otherwise() }
}

/// The variables of this process that the tool reads as it reads flags. What is set on whole machines, and what `KUBECONFIG`
/// names, is found where a bare call is judged: by the current context it leads to.
fn assigned(tool: &'static Tool) -> Vec<Assigned> {
    let own = tool.env.kubeconfig.iter().filter(|name| **name != "KUBECONFIG");
    let named = tool.env.context.iter().chain(tool.env.redirect).chain(own);
    let mut names: Vec<String> =
        named.filter(|name| !tool.env.ambient.contains(name)).map(|name| (*name).to_owned()).collect();
    if tool.grammar == Grammar::Git {
        names.extend(
            ["GIT_DIR", "GIT_WORK_TREE", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"].map(str::to_owned),
        );
        let count = var("GIT_CONFIG_COUNT").and_then(|n| n.parse::<usize>().ok()).unwrap_or_default();
        let pairs = (0..count.min(64)).flat_map(|i| ["KEY", "VALUE"].map(|w| format!("GIT_CONFIG_{w}_{i}")));
        names.extend(pairs);
    }
    // git takes an empty value for one: agents empty what git would run.
    let text = |name: &str| if name.starts_with("GIT_CONFIG_VALUE_") { set(name) } else { var(name) };
    let value = |name: String| text(&name).map(|value| Assigned { name, value: Word::literal(value) });
    names.into_iter().filter_map(value).collect()
}
