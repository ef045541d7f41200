//! Every command as people type it: its help, two right uses and two wrong ones. The table is `tests/fixtures/commands.toml`; the commands
//! are clap's own tree, so one without rows fails.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::support::{Home, answer, root};

/// The rows of a command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandRows {
    right: [String; 2],
    wrong: [String; 2],
}

const TABLE: &str = include_str!("../fixtures/commands.toml");

/// The words of every command that does something, joined by a dash.
fn commands(command: &clap::Command, words: &str, all: &mut BTreeSet<String>) {
    for inner in command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        let words = format!("{words}{}{}", if words.is_empty() { "" } else { "-" }, inner.get_name());
        // A group of commands does nothing by itself, but for the log and grants.
        if inner.get_subcommands().next().is_none() || matches!(words.as_str(), "audit" | "grant") {
            all.insert(words.clone());
        }
        commands(inner, &words, all);
    }
}

/// A HOME of the demonstration, with what the lines name.
fn home() -> Home {
    let home = Home::empty();
    let mut setup = home.command(root().join("demo/setup.sh").to_str().unwrap(), &home.path(""));
    assert_eq!(answer(setup.arg(home.path(""))).code, 0);
    assert_eq!(home.rwenv("code/staging", &["services", "regenerate", "--offline"]).code, 0);
    home.write("code/lab.json", r#"{"rwenvs": {"lab": {"kubernetesContext": "lab"}}}"#);
    home.write("code/own.toml", include_str!("../fixtures/own_policy.toml"));
    let call = serde_json::json!({ "type": "assistant", "cwd": "/", "sessionId": "s", "timestamp": "2026-11-01T00:00:00Z",
        "message": { "role": "assistant", "content": [{ "type": "tool_use", "id": "1", "name": "Bash", "input": { "command": "kubectl get pods" } }] } });
    home.write("code/session.jsonl", &format!("{call}\n"));
    std::os::unix::fs::symlink(
        home.path(".claude/rwenv/flux-repos/shop-staging/flux"),
        home.path("code/flux"),
    )
    .unwrap();
    home
}

/// The words of a line, in which what is quoted is one.
fn words(line: &str) -> Vec<&str> {
    let pieces = line.split('\'').enumerate();
    pieces
        .flat_map(|(at, piece)| if at % 2 == 0 { piece.split_whitespace().collect() } else { vec![piece] })
        .collect()
}

/// What is not as the row says.
fn tried(home: &Home, row: &str) -> Option<String> {
    let mut fields = row.splitn(3, " | ");
    let (code, line, says) =
        (fields.next()?.parse::<i32>().unwrap(), fields.next()?, fields.next().unwrap_or_default());
    let told = home.rwenv("code/staging", &words(line));
    let all = format!("{}{}", told.stdout, told.stderr);
    let told_why = told.code == 0 || !told.stderr.is_empty() || !told.stdout.is_empty();
    let is_right = told.code == code && all.contains(says.trim()) && told_why && !all.contains("panicked");
    (!is_right)
        .then(|| format!("{row}\n  exits with {}: {}", told.code, all.chars().take(600).collect::<String>()))
}

fn end_daemon(home: &Home) {
    assert_eq!(home.rwenv("code/staging", &["daemon", "stop"]).code, 0);
}

#[test]
fn every_command_is_used_rightly_and_wrongly() {
    let table: BTreeMap<String, CommandRows> = toml::from_str(TABLE).unwrap();
    let mut all = BTreeSet::new();
    commands(&rwenv::cli::command(), "", &mut all);
    let named: BTreeSet<String> = table.keys().cloned().collect();
    assert_eq!(all, named, "a command without rows, or rows without a command");
    let names: Vec<(&String, &CommandRows)> = table.iter().collect();
    let halves = names.split_at(names.len() / 2);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let other = scope.spawn(|| tried_all(halves.1));
        let mut wrong = tried_all(halves.0);
        wrong.extend(other.join().unwrap());
        wrong
    });
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is not as the rows of these commands say.
fn tried_all(rows: &[(&String, &CommandRows)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, rows) in rows {
        let home = home();
        let help = path(name);
        let told = home.rwenv("code/staging", &[&help[..], &["--help"]].concat());
        if told.code != 0 || !told.stdout.contains(&format!("Usage: rwenv {}", help.join(" "))) {
            wrong.push(format!("{name} --help: {}", told.stdout));
        }
        for row in rows.right.iter().chain(&rows.wrong) {
            wrong.extend(tried(&home, row));
        }
        if name.starts_with("daemon") {
            end_daemon(&home);
        }
    }
    wrong
}

/// The words of a command of the table.
fn path(name: &str) -> Vec<&str> {
    let line = rwenv::cli::command();
    if line.find_subcommand(name).is_some() {
        return vec![name];
    }
    let (group, rest) = name.split_once('-').unwrap();
    vec![group, rest]
}
