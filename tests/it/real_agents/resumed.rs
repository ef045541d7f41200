//! A session of Claude Code that goes on: started again, cleared, compacted, forked. It keeps its shims and its kubeconfig, and is told of its rwenv anew.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::model::{Model, Script};
use super::programs::CLAUDE;
use super::world::World;
use super::{elsewhere, found};
use crate::support::{Answer, answer};

/// What shows a session's environment, and a call that must not run.
fn script(name: &str) -> Script {
    let call = |line: String| vec![CLAUDE.line(&line)];
    vec![
        call(format!("echo \"{name}: $(command -v kubectl) $KUBECONFIG\" >> ~/ran")),
        call(format!("kubectl delete pod in-{name}")),
    ]
}

/// What the user says, one after another, in one session.
fn said(world: &World, port: u16, words: &[&str], prompts: &[&str]) -> Answer {
    let stream = ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose"];
    let all = [&["claude", "-p", "--dangerously-skip-permissions"], &stream[..], words].concat();
    let message = |text: &&str| json!({ "type": "user", "message": { "role": "user", "content": text } });
    let lines: String = prompts.iter().map(|text| format!("{}\n", message(text))).collect();
    answer(world.command(&all, &(CLAUDE.variables)(world, port)).write_stdin(lines))
}

#[test]
fn a_session_that_goes_on_keeps_what_it_was_given() {
    let Some(starts) = found(&CLAUDE) else { return };
    if elsewhere() {
        return;
    }
    let world = World::new(CLAUDE.agent, &starts);
    // It notes each start of a session, beside our own hook.
    let note = json!([{ "hooks": [{ "type": "command", "command": "cat >> ~/starts; echo >> ~/starts" }] }]);
    world.home.write(".claude/settings.json", &json!({ "hooks": { "SessionStart": note } }).to_string());
    let names = ["first", "resumed", "forked", "compacted", "cleared"];
    let model = Model::new(names.iter().map(|name| ((*name).to_owned(), script(name))).collect::<BTreeMap<_, _>>());
    let installed = world.install(CLAUDE.agent);
    assert_eq!(installed.code, 0, "{}", installed.stderr);

    let mut all = said(&world, model.port, &[], &["RUN first"]).stdout;
    all += &said(&world, model.port, &["--continue"], &["RUN resumed", "/compact", "RUN compacted", "/clear", "RUN cleared"]).stdout;
    all += &said(&world, model.port, &["--continue", "--fork-session"], &["RUN forked"]).stdout;

    let starts = world.home.read("starts");
    let starts: Vec<Value> = starts.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let sources: Vec<&str> = starts.iter().filter_map(|start| start["source"].as_str()).collect();
    eprintln!("{sources:?}\n{}", world.ran());
    let shim = world.home.path(".claude/rwenv/shims/kubectl").display().to_string();
    let own = world.home.path(".claude/rwenv/kube/prod.yaml").display().to_string();
    for name in names {
        assert!(world.ran().contains(&format!("{name}: {shim} {own}\n")), "{name}: {}\n{all}", world.ran());
        let told = model.results(name, 1).join("\n");
        assert!(told.contains("instead:") && !world.ran().contains(&format!("in-{name}")), "{name}: {told}");
        let heard = model.heard.lock().unwrap();
        let first = &heard.first[name];
        assert!(first.contains("rwenv 'prod' is selected here"), "{name} is not told of its rwenv: {first}");
    }
}
