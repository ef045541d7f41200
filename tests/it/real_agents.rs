//! The real programs of the agents we guard, each with its own hook, tools and wire, against a model that asks for what a script says.
//!
//! A session runs with everything allowed that an agent can allow. What ran is what the tools wrote down; what the model reads is in its next request.
//! `docs/agents.md` shows the result; `RWENV_WRITE_DOCS=1` writes it.

mod handed;
mod inside;
mod model;
mod programs;
mod resumed;
mod sandboxed;
mod scenario;
mod shells;
mod trust;
mod wires;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use model::{Model, Script};
use programs::{Program, sub_script};
use scenario::{Place, Scenario, Wanted};
use world::World;

use crate::fetched;
use crate::support::{Answer, answer, root, skip, variable};

/// Says that this process is alone with its loopback.
const ALONE: &str = "RWENV_TESTS_ALONE";

/// Runs this test again in a network of its own, where such can be made; true where that has been done.
fn elsewhere() -> bool {
    if variable(ALONE).is_some() {
        return false;
    }
    let alone = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["-rn", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]).args(words);
        command.env(ALONE, "1");
        command
    };
    let can = alone(&["true"]).output().is_ok_and(|output| output.status.success());
    if !can {
        return false;
    }
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let own = std::env::current_exe().unwrap().display().to_string();
    let status = alone(&[&own, "--exact", &name, "--nocapture"]).status().unwrap();
    assert!(status.success(), "{name} fails in a network of its own");
    true
}

/// A scenario, and the step of the script that is its own.
struct Asked {
    scenario: Scenario,
    script: String,
    step: usize,
}

/// What an agent's model asks for: all these scenarios in one script, and a script for each sub-agent.
fn scripts(program: &Program, scenarios: Vec<Scenario>) -> (BTreeMap<String, Script>, Vec<Asked>) {
    let mut scripts = BTreeMap::from([("main".to_owned(), Script::new())]);
    let mut asked = Vec::new();
    for scenario in scenarios {
        let steps = program.steps(&scenario);
        let sub = sub_script(&scenario);
        if scenario.by_subagent {
            scripts.insert(sub.clone(), vec![program.lines(&scenario)]);
        }
        let main = scripts.get_mut("main").unwrap();
        main.extend(steps);
        let (script, step) =
            if scenario.by_subagent { (sub, 0) } else { ("main".to_owned(), main.len() - 1) };
        asked.push(Asked { scenario, script, step });
    }
    (scripts, asked)
}

/// What is wrong with what became of a call.
fn wrong(program: &Program, asked: &Asked, model: &Model, world: &World) -> Option<String> {
    let scenario = &asked.scenario;
    let mark = scenario.mark();
    let written =
        scenario.write.as_ref().map(|written| fs::read_to_string(&written.path).unwrap_or_default());
    let told = model.results(&asked.script, asked.step).join("\n");
    let answered = scenario.answers.as_ref().is_some_and(|text| told.contains(text));
    let happened =
        answered || world.ran().contains(&mark) || written.is_some_and(|text| text.contains(&mark));
    let own = scenario.own_refusal.iter().any(|agent| agent == program.key);
    let fault = match (scenario.want, happened) {
        (Wanted::Runs, false) => "did not run",
        (Wanted::Refused, true) => "RAN",
        (Wanted::Refused, false) if !own && !told.contains("instead:") => "is refused without a reason",
        _ => return None,
    };
    Some(format!("{}: {} {fault}; the model read: {told:?}\n", program.key, scenario.name))
}

/// One session of an agent, after its end.
struct Session {
    world: World,
    model: Model,
    asked: Vec<Asked>,
    said: Answer,
    version: String,
}

/// The words that start an agent; none where it is not to be had here.
fn found(program: &Program) -> Option<Vec<String>> {
    let Some(file) = world::program(&fetched::agents()?, program.places) else {
        skip(&format!("{} has no program for this machine", program.title));
        return None;
    };
    let file = file.display().to_string();
    Some(if file.ends_with(".js") { vec!["node".to_owned(), file] } else { vec![file] })
}

/// What is otherwise about a session.
#[derive(Debug, Default)]
struct Setting {
    /// Shell code that runs in the folder of the hook program before.
    hook: Option<&'static str>,
    /// Files in the home directory.
    written: Vec<(&'static str, String)>,
    /// It runs inside `rwenv run`.
    confined: bool,
}

impl Session {
    /// Asks for the scenarios that are wanted.
    fn new(
        program: &Program,
        starts: &[String],
        wanted: impl Fn(&Scenario) -> bool,
        setting: &Setting,
    ) -> Self {
        let world = World::new(program.agent, starts);
        for (file, text) in &setting.written {
            world.home.write(file, text);
        }
        let scenarios = scenario::all(program.key, &world.at()).into_iter().filter(wanted).collect();
        let (scripts, asked) = scripts(program, scenarios);
        let model = Model::new(scripts);
        (program.settings)(&world, model.port);
        let installed = world.install(program.agent);
        assert_eq!(installed.code, 0, "{}", installed.stderr);
        let variables = (program.variables)(&world, model.port);
        let doctor = |says: &str| {
            let doctor =
                answer(&mut world.command(&["rwenv", "doctor", "--offline", "--all"], &variables)).stdout;
            assert!(doctor.contains(says), "{doctor}");
        };
        if program.agent == "codex" {
            doctor("codex does not trust the hook");
            trust::give(&world);
            doctor("codex: the line in");
        }
        if let Some(code) = setting.hook {
            let done = answer(&mut world.command(&["sh", "-c", &format!("cd ~/.local/bin && {code}")], &[]));
            assert_eq!(done.code, 0, "{}", done.stderr);
        }
        let before: &[&str] = if setting.confined { &["rwenv", "run", "--"] } else { &[] };
        let said = answer(&mut world.command(&[before, program.words].concat(), &variables));
        let version = answer(&mut world.command(&[program.agent, "--version"], &variables)).stdout;
        Self { world, model, asked, said, version }
    }
}

/// A session with everything; gives the agent's row of the page.
fn whole(program: &Program) -> Option<String> {
    let starts = found(program)?;
    if elsewhere() {
        return None;
    }
    let session = Session::new(program, &starts, |one| one.is_for(Place::Outside), &Setting::default());
    let Session { world, model, asked, said, version } = &session;
    let faults: String = asked.iter().filter_map(|one| wrong(program, one, model, world)).collect();
    let heard = model.heard.lock().unwrap();
    assert!(
        faults.is_empty() && said.code == 0,
        "{faults}\n{} {:?}\n{}\n{}",
        said.code,
        heard.strange,
        said.stdout,
        said.stderr
    );
    let first = &heard.first["main"];
    let greeted = first.matches("rwenv 'prod' is selected here").count();
    assert_eq!(greeted, 1, "{} is told of its rwenv: {first}", program.key);
    let unread = handed::missing(first);
    assert!(unread.is_empty(), "{}: its model does not read of {unread:?}: {first}", program.key);
    if let Some(first) = heard.first.get("sub-looks-only") {
        let beyond = handed::beyond_its_page(program.key, first);
        assert!(beyond.is_empty(), "{}: db-ops has, or lacks, {beyond:?}: {first}", program.key);
    }
    let unknown = scenario::unknown_tools(program.key, &heard.tools);
    assert!(
        unknown.is_empty(),
        "{} {}: its model is offered {unknown:?}: say in tests/agents/tools.toml what they are, after a look whether they run or write",
        program.key,
        version.trim()
    );
    Some(row(program, version.trim(), asked))
}

/// Kinds of scenarios, in the order of the page's columns.
const KINDS: [&str; 7] =
    ["shell", "at once", "sub-agent", "long and odd", "files", "the guard's files", "MCP"];

/// What a session came to. What is wrong has been told before.
fn row(program: &Program, version: &str, asked: &[Asked]) -> String {
    let number = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let number = number.unwrap_or(version).trim_end_matches('.');
    let mut row = format!("| {} | {number} |", program.title);
    for kind in KINDS {
        let count =
            |want| asked.iter().filter(|a| a.scenario.kind == kind && a.scenario.want == want).count();
        let (runs, refused) = (count(Wanted::Runs), count(Wanted::Refused));
        let cell = match (runs, refused) {
            (0, 0) => "–".to_owned(),
            (0, refused) => format!("{refused} refused"),
            (runs, 0) => format!("{runs} run"),
            (runs, refused) => format!("{runs} run, {refused} refused"),
        };
        let _ = write!(row, " {cell} |");
    }
    row + "\n"
}

const BEGIN: &str =
    "<!-- Made by a test: RWENV_WRITE_DOCS=1 cargo test real_agents -- --test-threads 1 -->\n";
const END: &str = "<!-- end -->\n";
/// Says when a row was last written.
const WRITTEN: &str = "Last written on ";

/// The page has the agent's row.
fn is_told(program: &Program) {
    let Some(row) = whole(program) else { return };
    if fetched::newest() {
        println!("{row}");
        return;
    }
    write_row("docs/agents.md", BEGIN, program, &row);
}

/// Puts an agent's row on a page, or holds that it is there.
fn write_row(page: &str, begin: &str, program: &Program, row: &str) {
    let path = root().join(page);
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(begin).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    if variable("RWENV_WRITE_DOCS").is_some() {
        let start = format!("| {} |", program.title);
        let old = |line: &&str| line.starts_with(&start) || line.starts_with(WRITTEN);
        let kept: String = table.split_inclusive('\n').filter(|line| !old(line)).collect();
        let day = Command::new("date").arg("+%F").output().unwrap().stdout;
        let day = String::from_utf8(day).unwrap();
        let table = format!("{}\n{row}\n{WRITTEN}{}.\n\n", kept.trim_end(), day.trim());
        fs::write(&path, format!("{before}{begin}{table}{END}{after}")).unwrap();
    } else {
        assert!(
            table.contains(row),
            "RWENV_WRITE_DOCS=1 cargo test real_agents writes it; this is new: {row}"
        );
    }
}

#[test]
fn claude_code() {
    is_told(&programs::CLAUDE);
}

#[test]
fn codex() {
    is_told(&programs::CODEX);
}

#[test]
fn codex_in_code_mode() {
    is_told(&programs::CODEX_CODE);
}

#[test]
fn gemini_cli() {
    is_told(&programs::GEMINI);
}

#[test]
fn opencode() {
    is_told(&programs::OPENCODE);
}

#[test]
fn copilot_cli() {
    is_told(&programs::COPILOT);
}

#[test]
fn copilot_cli_with_patches() {
    is_told(&programs::COPILOT_GPT);
}

/// What becomes of the hook program before a session, as shell code in its folder.
const FAILURES: [(&str, &str); 4] = [
    ("missing", "rm rwenv-hook"),
    // It may be a link to the program that all tests use.
    ("not executable", "cp rwenv-hook copy; mv copy rwenv-hook; chmod -x rwenv-hook"),
    ("killed", "rm rwenv-hook; printf '#!/bin/sh\\nkill -KILL $$\\n' > rwenv-hook; chmod +x rwenv-hook"),
    (
        "slow",
        "mkdir real; mv rwenv-hook real; printf '#!/bin/sh\\nsleep 7\\nexec ~/.local/bin/real/rwenv-hook \"$@\"\\n' > rwenv-hook; chmod +x rwenv-hook",
    ),
];

/// By its path the shims are passed by: it is the hook that stops it, or nothing does.
#[test]
fn a_hook_that_fails_lets_nothing_run() {
    let all = [programs::CLAUDE, programs::CODEX, programs::GEMINI, programs::COPILOT, programs::OPENCODE];
    let found: Option<Vec<_>> = all.iter().map(|program| Some((program, found(program)?))).collect();
    let Some(found) = found else { return };
    if elsewhere() {
        return;
    }
    for (program, starts) in found {
        for (failure, code) in FAILURES {
            let setting = Setting { hook: Some(code), ..Setting::default() };
            let session = Session::new(program, &starts, |one| one.name == "absolute", &setting);
            assert_eq!(session.asked.len(), 1);
            let told = session.model.results("main", session.asked[0].step).join("\n");
            let said = format!("{}, {failure}; the model read: {told}\n{}", program.key, session.said.stderr);
            assert!(!told.is_empty(), "{said}{}", session.said.stdout);
            assert!(!session.world.ran().contains("kubectl delete"), "RAN: {said}");
            assert!(failure != "slow" || told.contains("instead:"), "{said}");
        }
    }
}
