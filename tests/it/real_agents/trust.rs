//! Codex runs a hook once a person trusts it. A person does that in its window; here its own server says which hash is meant.

use std::fs;

use serde_json::{Value, json};

use super::world::World;
use crate::support::answer;

/// Trusts every hook that Codex knows of.
pub(crate) fn give(world: &World) {
    let mut text = fs::read_to_string(world.home.path(".codex/config.toml")).unwrap();
    for hook in known(world) {
        text.push_str(&format!("[hooks.state.{}]\ntrusted_hash = {}\n", hook["key"], hook["currentHash"]));
    }
    world.home.write(".codex/config.toml", &text);
}

/// The hooks Codex has found for the project.
pub(crate) fn known(world: &World) -> Vec<Value> {
    let client = json!({ "clientInfo": { "name": "tests", "version": "1" }, "capabilities": { "experimentalApi": true } });
    let asked = [
        json!({ "id": 1, "method": "initialize", "params": client }),
        json!({ "method": "initialized" }),
        json!({ "id": 2, "method": "hooks/list", "params": { "cwds": [format!("{}/app", world.at())] } }),
    ];
    let lines: String = asked.iter().map(|message| format!("{message}\n")).collect();
    // It answers what it has heard while somebody is there to listen.
    let script = "{ cat; n=0; until grep -q '\"id\":2' ~/answered || [ $n = 100 ]; do sleep 0.2; n=$((n+1)); done; } | codex app-server > ~/answered";
    world.home.write("answered", "");
    answer(world.command(&["sh", "-c", script], &[("LOCAL_KEY", "k".to_owned())]).write_stdin(lines));
    let said = world.home.read("answered");
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let list = messages
        .filter(|message| message["id"] == 2)
        .find_map(|m| m["result"]["data"][0]["hooks"].as_array().cloned());
    list.unwrap_or_default()
}
