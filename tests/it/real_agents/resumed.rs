//! A session of Claude Code that goes on: started again, cleared, compacted, forked. It keeps its shims and its kubeconfig, and is told of its rwenv anew.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::model::{Model, Script};
use super::programs::CLAUDE;
use super::world::World;
use super::{elsewhere, found};
use crate::support::answer;

/// What shows a session's environment, and a call that must not run.
fn script(name: &str) -> Script {
    let call = |line: String| vec![CLAUDE.line(&line)];
    vec![
        call(format!("echo \"{name}: $(command -v kubectl) $KUBECONFIG\" >> ~/ran")),
        call(format!("kubectl delete pod in-{name}")),
    ]
}

/// What the user says in one session, each after the answer to the one before.
const TALK: &str = r#"
words=$1; shift
: > ~/said
{
    n=0
    for message; do
        printf '%s\n' "$message"
        n=$((n+1)); tries=0
        until [ "$(grep -c '"type":"result"' ~/said)" -ge $n ] || [ $tries = 300 ]; do sleep 0.2; tries=$((tries+1)); done
    done
} | claude -p --dangerously-skip-permissions --input-format stream-json --output-format stream-json --verbose $words > ~/said
cat ~/said
"#;

fn said(world: &World, port: u16, words: &str, prompts: &[&str]) -> String {
    let message =
        |text: &&str| json!({ "type": "user", "message": { "role": "user", "content": text } }).to_string();
    let messages: Vec<String> = prompts.iter().map(message).collect();
    let mut all = vec!["sh", "-c", TALK, "sh", words];
    all.extend(messages.iter().map(String::as_str));
    answer(&mut world.command(&all, &(CLAUDE.variables)(world, port))).stdout
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
    let model =
        Model::new(names.iter().map(|name| ((*name).to_owned(), script(name))).collect::<BTreeMap<_, _>>());
    let installed = world.install(CLAUDE.agent);
    assert_eq!(installed.code, 0, "{}", installed.stderr);

    let mut all = said(&world, model.port, "", &["RUN first"]);
    let prompts = ["RUN resumed", "/compact", "RUN compacted", "/clear", "RUN cleared"];
    all += &said(&world, model.port, "--continue", &prompts);
    all += &said(&world, model.port, "--continue --fork-session", &["RUN forked"]);

    let starts = world.home.read("starts");
    let starts: Vec<Value> = starts.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let sources: Vec<&str> = starts.iter().filter_map(|start| start["source"].as_str()).collect();
    assert_eq!(sources, ["startup", "resume", "compact", "clear", "fork"], "{all}");
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
