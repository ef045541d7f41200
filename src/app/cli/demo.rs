//! What `./install.sh --try` shows: recorded calls of an agent, judged by the real hook.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use clap::Args;
use comfy_table::Cell;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::out;
use super::shared::Output;
use rwenv_core::model::Decision;

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The hook program
    #[arg(long)]
    pub(super) hook: PathBuf,
    /// Recorded calls, one JSON per line
    #[arg(long)]
    pub(super) calls: PathBuf,
    /// What `@PROJECT@` and `@HOME@` in them stand for
    #[arg(long)]
    pub(super) home: PathBuf,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Columns where there is no terminal to ask.
const PIPE_WIDTH: u16 = 100;
/// Columns that a row takes before the text: the margins and the verdict.
const BEFORE: u16 = 10;
/// Fewest columns of text.
const NARROWEST: u16 = 30;

/// A recorded call, and the verdict it should get.
#[derive(Deserialize)]
struct RecordedCall<'t> {
    verdict: Decision,
    rule: String,
    #[serde(borrow)]
    call: &'t RawValue,
}

/// The part of a call that is shown.
#[derive(Deserialize)]
struct DemoCall {
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
struct HookReply {
    hook_specific_output: AnswerReason,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerReason {
    permission_decision_reason: String,
}

#[derive(Serialize)]
struct DemoRow {
    directory: String,
    command: String,
    decision: Decision,
    rule: String,
    reason: String,
    instead: String,
    /// What the recording says of the verdict.
    expected: bool,
}

/// Judges every recorded call. Fails where a verdict is not the recorded one.
pub(super) fn demo(args: &Demo) -> anyhow::Result<u8> {
    let home = args.home.to_str().context("--home is not valid UTF-8")?;
    let text = fs::read_to_string(&args.calls).with_context(|| args.calls.display().to_string())?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let rows =
        lines.map(|line| row(&line.replace("@HOME@", home), args)).collect::<anyhow::Result<Vec<_>>>()?;
    if args.output.json {
        out::json(&rows)?;
    } else {
        show(&rows);
    }
    let wrong: Vec<&str> = rows.iter().filter(|row| !row.expected).map(|row| row.command.as_str()).collect();
    if !wrong.is_empty() {
        bail!("the verdict differs from the recorded one for:\n  {}", wrong.join("\n  "));
    }
    Ok(0)
}

/// Prints the rows, a heading for each directory.
fn show(rows: &[DemoRow]) {
    let mut table = out::plain_table();
    if !std::io::stdout().is_terminal() {
        table.set_width(PIPE_WIDTH);
    }
    let room = table.width().unwrap_or(PIPE_WIDTH).saturating_sub(BEFORE).max(NARROWEST);
    for group in rows.chunk_by(|one, next| one.directory == next.directory) {
        if let Some(first) = group.first() {
            out::line(&format!("\nIn {}", first.directory));
        }
        let mut table = table.clone();
        for row in group {
            table.add_row([out::verdict(row.decision), Cell::new(told(row, room.into()))]);
        }
        out::print(&table);
    }
    let count = |decision| rows.iter().filter(|row| row.decision == decision).count();
    let [allowed, asked, denied] = [Decision::Allow, Decision::Ask, Decision::Deny].map(count);
    out::line(&format!("\n{} calls: {allowed} allowed silently, {asked} asked, {denied} denied", rows.len()));
}

/// The command on one line; below it why, by which rule, and what to do instead.
fn told(row: &DemoRow, room: usize) -> String {
    let mut text: String = row.command.clone();
    if text.chars().count() > room {
        text = text.chars().take(room.saturating_sub(1)).chain(['…']).collect();
    }
    if !row.reason.is_empty() {
        text += &format!("\n{} [{}]", row.reason, row.rule);
    }
    if !row.instead.is_empty() {
        text += &format!("\n→ {}", row.instead);
    }
    text
}

fn row(line: &str, args: &Demo) -> anyhow::Result<DemoRow> {
    let recorded: RecordedCall = serde_json::from_str(line).context("a recorded call")?;
    let call: DemoCall = serde_json::from_str(recorded.call.get()).context("a recorded call")?;
    let (decision, text) = judged(recorded.call.get(), args)?;
    let (reason, rule) = text.lines().next().unwrap_or_default().rsplit_once(" [").unwrap_or_default();
    let rule = rule.trim_end_matches(']');
    let instead = text.lines().find_map(|line| line.strip_prefix("  instead: ")).unwrap_or_default();
    Ok(DemoRow {
        expected: (decision, rule) == (recorded.verdict, &recorded.rule),
        directory: shortened(&call.cwd, args),
        command: shortened(&command(&call), args),
        decision,
        rule: rule.to_owned(),
        reason: shortened(reason, args),
        instead: shortened(instead, args),
    })
}

/// The hook's decision, and what it says.
fn judged(payload: &str, args: &Demo) -> anyhow::Result<(Decision, String)> {
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
    Ok(match (output.status.code(), output.stdout.is_empty()) {
        (Some(0), true) => (Decision::Allow, String::new()),
        (Some(0), false) => {
            let answer: HookReply = serde_json::from_slice(&output.stdout).context("the hook's answer")?;
            (Decision::Ask, answer.hook_specific_output.permission_decision_reason)
        }
        (Some(2), _) => (Decision::Deny, String::from_utf8_lossy(&output.stderr).into_owned()),
        _ => bail!("the hook ended with {}", output.status),
    })
}

/// What the agent wants to do, on one line.
fn command(call: &DemoCall) -> String {
    if call.tool_input.command.is_empty() {
        return format!("{} {}", call.tool_name, call.tool_input.file_path);
    }
    let mut lines = call.tool_input.command.lines();
    let first = lines.next().unwrap_or_default();
    match lines.count() {
        0 => first.to_owned(),
        more => format!("{first} … ({} lines)", more + 1),
    }
}

/// Paths as people write them: from the home folder on, and from the clone's folder on.
fn shortened(text: &str, args: &Demo) -> String {
    let home = args.home.display().to_string();
    text.replace(&home, "~").replace("~/.claude/rwenv/flux-repos/", "…/")
}
