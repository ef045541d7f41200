//! What `./install.sh --try` shows: recorded calls of an agent, judged by the real hook.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use comfy_table::{Cell, ContentArrangement};
use serde::{Deserialize, Serialize};

use super::args::Demo;
use super::out;
use crate::model::Decision;

/// Columns of the table where there is no terminal to ask.
const PIPE_WIDTH: u16 = 150;
/// Longest command line that is shown, in characters.
const LONGEST: usize = 120;

/// The part of a recorded call that is shown.
#[derive(Deserialize)]
struct Call {
    cwd: String,
    tool_name: String,
    #[serde(default)]
    tool_input: Input,
}

#[derive(Default, Deserialize)]
struct Input {
    #[serde(default)]
    command: String,
    #[serde(default)]
    file_path: String,
}

/// The hook's answer where it asks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    hook_specific_output: Specific,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Specific {
    permission_decision_reason: String,
}

#[derive(Serialize)]
struct Row {
    rwenv: String,
    command: String,
    decision: Decision,
    rule: String,
    reason: String,
    instead: String,
}

pub(super) fn demo(args: &Demo) -> anyhow::Result<u8> {
    let home = args.home.to_str().context("--home is no text")?;
    let text = fs::read_to_string(&args.calls).with_context(|| args.calls.display().to_string())?;
    let mut rows = Vec::new();
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        rows.push(row(&line.replace("@HOME@", home), args)?);
    }
    if args.output.json {
        out::json(&rows)?;
        return Ok(0);
    }
    let mut table = out::table(&["RWENV", "COMMAND", "VERDICT", "RULE", "WHY, AND WHAT INSTEAD"]);
    if !std::io::stdout().is_terminal() {
        table.set_width(PIPE_WIDTH).set_content_arrangement(ContentArrangement::Dynamic);
    }
    for row in &rows {
        let why = if row.instead.is_empty() {
            row.reason.clone()
        } else {
            format!("{}\n→ {}", row.reason, row.instead)
        };
        table.add_row([
            Cell::new(&row.rwenv),
            Cell::new(&row.command),
            out::decision(row.decision),
            Cell::new(&row.rule),
            Cell::new(why),
        ]);
    }
    out::print(&table);
    let count = |decision| rows.iter().filter(|r| r.decision == decision).count();
    let counts = [Decision::Allow, Decision::Ask, Decision::Deny].map(count);
    let [allowed, asked, denied] = counts;
    out::line(&format!(
        "\n{} calls: {allowed} passed in silence, {asked} asked, {denied} denied",
        rows.len()
    ));
    Ok(0)
}

fn row(payload: &str, args: &Demo) -> anyhow::Result<Row> {
    let call: Call = serde_json::from_str(payload).context("a recorded call")?;
    let mut child = Command::new(&args.hook)
        .arg("claude")
        .env("HOME", &args.home)
        .env_remove("RWENV")
        .env_remove("RWENV_CONFIG_DIR")
        .env_remove("KUBECONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| args.hook.display().to_string())?;
    if let Some(stdin) = child.stdin.as_mut() {
        stdin.write_all(payload.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let (decision, text) = match (output.status.code(), output.stdout.is_empty()) {
        (Some(0), true) => (Decision::Allow, String::new()),
        (Some(0), false) => {
            let answer: Answer = serde_json::from_slice(&output.stdout).context("the hook's answer")?;
            (Decision::Ask, answer.hook_specific_output.permission_decision_reason)
        }
        (Some(2), _) => (Decision::Deny, String::from_utf8_lossy(&output.stderr).into_owned()),
        _ => bail!("the hook ended with {}", output.status),
    };
    let (reason, rule) = text.lines().next().unwrap_or_default().rsplit_once(" [").unwrap_or_default();
    let instead = text.lines().find_map(|l| l.strip_prefix("  instead: ")).unwrap_or_default();
    let shown =
        if call.tool_input.command.is_empty() { call.tool_input.file_path } else { call.tool_input.command };
    let mut command = format!(
        "{}{shown}",
        if call.tool_name == "Bash" { String::new() } else { format!("{} ", call.tool_name) }
    );
    let lines = command.lines().count();
    if lines > 1 {
        command = format!("{} … ({lines} lines)", command.lines().next().unwrap_or_default());
    }
    if command.chars().count() > LONGEST {
        command = command.chars().take(LONGEST).chain(['…']).collect();
    }
    Ok(Row {
        rwenv: call.cwd.rsplit('/').next().unwrap_or_default().to_owned(),
        command,
        decision,
        rule: rule.trim_end_matches(']').to_owned(),
        reason: reason.to_owned(),
        instead: instead.to_owned(),
    })
}
