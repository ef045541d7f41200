//! `rwenv lint`: the content checks by hand, for CI, and for a server.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::acceptance::{self, Wish};
use super::out;
use super::shared::{Output, directory};
use rwenv_core::manifest::{AcceptedFinding, Finding, Level, LintReport, RULES};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::doors::push;
use rwenv_gate::facts::content::{self, ContentChange};
use rwenv_gate::facts::objects::{Budget, ObjectRepository};
use rwenv_gate::ledger::accepted::{self, SearchedPlace};

/// Exit status where something is wrong.
const FOUND: u8 = 1;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of a command line")]
pub(super) struct Lint {
    /// Folder to check [default: the current one]; with --accept the file, and the line behind ':'
    dir: Option<PathBuf>,
    /// Check only staged changes
    #[arg(long, conflicts_with = "range")]
    staged: bool,
    /// Check what a range of commits adds: A..B, or A (short for A..HEAD)
    #[arg(long, value_name = "A..B")]
    range: Option<String>,
    #[command(flatten)]
    output: Output,
    /// Print SARIF 2.1.0, for code scanning
    #[arg(long, conflicts_with_all = ["json", "printed"])]
    sarif: bool,
    /// Print GitHub workflow commands, shown as annotations on the lines
    #[arg(long, conflicts_with_all = ["json", "printed", "sarif"])]
    github: bool,
    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,
    // Last: what comes behind it would be under its heading.
    #[command(flatten)]
    accepting: Accepting,
}

/// What a person accepts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accepted findings")]
struct Accepting {
    /// Accept what a rule finds in a file
    #[arg(long, value_name = "RULE", requires_all = ["dir", "reason"], conflicts_with_all = ["staged", "range", "json", "printed", "sarif", "github", "strict"])]
    accept: Option<String>,
    /// Reason, kept with what is accepted
    #[arg(long, value_name = "TEXT", requires = "accept")]
    reason: Option<String>,
    /// Last day on which it is accepted, such as 2026-12-31
    #[arg(long, value_name = "DATE", requires = "accept")]
    until: Option<String>,
    /// List what is accepted, by whom, and until when
    #[arg(long, conflicts_with_all = ["dir", "accept", "staged", "range"])]
    accepted: bool,
}

pub(super) fn lint(args: &Lint, environment: &Environment) -> anyhow::Result<u8> {
    if args.accepting.accepted {
        return acceptance::list(args.output.json, environment);
    }
    let Accepting { accept, reason, until, .. } = &args.accepting;
    if let (Some(rule), Some(place), Some(reason)) = (accept, &args.dir, reason) {
        let wish = Wish { rule, place, reason, until: until.as_deref() };
        return acceptance::accept(&wish, environment);
    }
    let dir = directory(args.dir.as_deref());
    if !dir.is_dir() {
        bail!("{}: there is no such folder", dir.display());
    }
    let (mut report, place) = match &args.range {
        Some(range) => (range_of(range, &dir, environment)?.report, SearchedPlace::of(&dir, environment)),
        None if args.staged => {
            (content::staged(&dir, environment)?.report, SearchedPlace::of(&dir, environment))
        }
        None => (content::folder(&dir, environment)?, SearchedPlace::below(&dir, environment)),
    };
    accepted::sift(&mut report, &place, environment).iter().for_each(|said| out::note(said));
    if args.output.json {
        out::json(&report)?;
    } else if args.sarif {
        out::json(&sarif(&report))?;
    } else {
        print(&report, args.github);
    }
    let least = if args.strict { Level::Warning } else { Level::Error };
    let wrong = |finding: &Finding| finding.level >= least;
    Ok(if report.findings.iter().any(wrong) { FOUND } else { 0 })
}

fn range_of(range: &str, dir: &std::path::Path, environment: &Environment) -> anyhow::Result<ContentChange> {
    let (from, to) = range.split_once("..").unwrap_or((range, "HEAD"));
    let to = if to.is_empty() { "HEAD" } else { to.trim_start_matches('.') };
    let repository = ObjectRepository::at(dir, environment, Budget::ample())?;
    let commit = |name: &str| {
        repository.text(&["rev-parse", "--verify", "--end-of-options", &format!("{name}^{{commit}}")])
    };
    let (from, to) = (commit(from)?, commit(to)?);
    let base = repository.text(&["merge-base", &from, &to]).unwrap_or_else(|_| from.clone());
    Ok(content::sent(&repository, &to, &[from], Some(&base), None)?)
}

fn print(report: &LintReport, github: bool) {
    for finding in &report.findings {
        let Finding { path, line, column, rule, message, instead, .. } = finding;
        let level = finding.level.as_str();
        if github {
            let command = if finding.level == Level::Note { "notice" } else { level };
            out::line(&format!(
                "::{command} file={},line={line},col={column},title={rule}::{}",
                escaped(path, true),
                escaped(&format!("{message}. {instead}"), false)
            ));
        } else {
            out::line(&format!("{path}:{line}:{column}: {level}: {message} [{rule}]"));
            out::line(&format!("  instead: {instead}"));
        }
    }
    if !github {
        for AcceptedFinding { finding: Finding { path, line, rule, .. }, reason, .. } in &report.accepted {
            out::note(&format!("{path}:{line}: accepted [{rule}]: {reason}"));
        }
        for (path, why) in &report.skipped {
            out::note(&format!("{path}: not read ({})", json!(why).as_str().unwrap_or_default()));
        }
        let findings = out::count(report.findings.len(), "finding");
        out::note(&format!("{findings} in {}", out::count(report.files, "YAML file")));
    }
}

/// Text in a workflow command (actions/toolkit, command.ts).
fn escaped(text: &str, property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}

/// The report as a log of the OASIS format SARIF 2.1.0.
fn sarif(report: &LintReport) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.about },
                "help": { "text": rule.instead },
                "defaultConfiguration": { "level": rule.level },
            })
        })
        .collect();
    let result = |finding: &Finding| {
        json!({
            "ruleId": finding.rule,
            "level": finding.level,
            "message": { "text": format!("{}. {}", finding.message, finding.instead) },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": finding.path, "uriBaseId": "%SRCROOT%" },
                "region": { "startLine": finding.line, "startColumn": finding.column },
            } }],
        })
    };
    let mut results: Vec<Value> = report.findings.iter().map(result).collect();
    results.extend(report.accepted.iter().map(|accepted| {
        let mut result = result(&accepted.finding);
        let kind = if accepted.by.is_none() { "inSource" } else { "external" };
        let why = json!([{ "kind": kind, "justification": accepted.reason }]);
        if let Some(result) = result.as_object_mut() {
            result.insert("suppressions".to_owned(), why);
        }
        result
    }));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "rwenv", "version": env!("CARGO_PKG_VERSION"), "rules": rules,
            } },
            "results": results,
        }],
    })
}

#[derive(Debug, Args)]
pub(super) struct PreReceive {
    /// Seconds until content counts as too large
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Most objects that are looked at
    #[arg(long, default_value_t = 1_000_000)]
    objects: usize,
}

pub(super) fn pre_receive(args: &PreReceive, environment: &Environment) -> anyhow::Result<u8> {
    let mut stdin = String::new();
    std::io::stdin().read_to_string(&mut stdin)?;
    let budget = Budget::of(args.objects, Duration::from_secs(args.seconds));
    Ok(push::before_receive(&stdin, budget, environment))
}
