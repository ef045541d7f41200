//! `rwenv check`: what would be decided about a command, and why, part by part.

use clap::Args;
use comfy_table::Cell;
use schemars::JsonSchema;
use serde::Serialize;

use super::shared::{InDir, directory, known};
use super::{out, policy, trace};
use rwenv_core::decide::{self, JudgedPart};
use rwenv_core::model::{Decision, Effect, Reason, Verdict};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::{self, Observed, config};
use rwenv_gate::judge::{self, KnownPlan, Lift};
use rwenv_gate::ledger::audit;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) at: InDir,
    /// Check as if this rwenv were selected
    #[arg(long, value_name = "NAME")]
    pub(super) rwenv: Option<String>,
    /// Explain the verdict: programs, facts and, for each rule, why it did not match
    #[arg(long)]
    pub(super) trace: bool,
    /// Command line
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub(super) command: Vec<String>,
}

/// What would be decided about a command line, and why.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Explained {
    /// The decision: `allow`, `ask` or `deny`.
    decision: &'static str,
    /// The command line.
    command: String,
    /// The directory it would run in.
    cwd: String,
    /// Programs that were found in it.
    programs: usize,
    /// The parts that are judged.
    parts: Vec<PartView>,
    /// All reasons, the strictest first.
    reasons: Vec<ReasonView>,
}

/// A part of a command line.
#[derive(Debug, Serialize, JsonSchema)]
struct PartView {
    /// Its text.
    part: String,
    /// Where it begins in the line, in bytes.
    start: usize,
    /// Where it ends.
    end: usize,
    /// The tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'static str>,
    /// What the tool is asked to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    verb: Option<String>,
    /// What it does to the world.
    effect: &'static str,
    /// What is decided about it: `allow`, `ask` or `deny`.
    decision: &'static str,
    /// Why.
    reasons: Vec<ReasonView>,
}

/// One rule's answer.
#[derive(Debug, Serialize, JsonSchema)]
struct ReasonView {
    /// What the rule decides: `allow`, `ask` or `deny`.
    decision: &'static str,
    /// The rule.
    rule: String,
    /// Why, in one sentence.
    text: String,
    /// What to do instead.
    instead: String,
    /// The part of the command it is about.
    part: String,
    /// The rwenv in whose name it was decided.
    rwenv: Option<String>,
}

impl ReasonView {
    fn all(reasons: &[Reason]) -> Vec<Self> {
        let view = |reason: &Reason| Self {
            decision: reason.decision.as_str(),
            rule: reason.rule.clone(),
            text: reason.text.clone(),
            instead: reason.instead.clone(),
            part: reason.part.clone(),
            rwenv: reason.rwenv.clone(),
        };
        reasons.iter().map(view).collect()
    }
}

/// A command line as it was judged.
struct CheckedLine {
    line: String,
    cwd: String,
    observed: Observed,
    parts: Vec<JudgedPart>,
    verdict: Verdict,
}

impl CheckedLine {
    fn explained(&self) -> Explained {
        Explained {
            decision: self.verdict.decision().as_str(),
            command: self.line.clone(),
            cwd: self.cwd.clone(),
            programs: self.observed.plan.programs,
            parts: self.parts.iter().map(view).collect(),
            reasons: ReasonView::all(self.verdict.reasons()),
        }
    }
}

/// What would be decided about a command line, and why.
pub(super) fn explained(args: &CheckArgs, environment: &Environment) -> Explained {
    judged(args, environment).explained()
}

fn judged(args: &CheckArgs, environment: &Environment) -> CheckedLine {
    let line = match args.command.as_slice() {
        [line] => line.clone(),
        words => words.iter().map(|w| decide::quoted(w)).collect::<Vec<_>>().join(" "),
    };
    let mut environment = environment.clone();
    if let Some(name) = &args.rwenv {
        environment.rwenv = Some(name.clone());
    }
    let dir = directory(args.at.dir.as_deref());
    let context = facts::context(dir.to_str(), &environment);
    let plan = decide::plan(&line, &context);
    let observed = facts::observe(plan, &environment);
    let Observed { plan, facts, rwenvs } = &observed;
    let mut parts = decide::explain(plan, facts, rwenvs);
    let mut verdict = judge::weigh(KnownPlan::of(&observed), Vec::new(), &Lift::Line, &environment);
    for reason in parts.iter_mut().flat_map(|part| &mut part.reasons) {
        with_grant(reason, &verdict);
    }
    let changes = !plan.is_nothing_of_ours() && plan.changes_something();
    if let (true, Err(why)) = (changes && verdict.decision() < Decision::Deny, audit::writable(&environment))
    {
        let text =
            format!("the audit record of this change cannot be written ({why}), so the change does not run.");
        let instead = "Free some disk space or correct the permissions. Reads still run.";
        let unwritable = Reason::new(Decision::Deny, audit::UNWRITABLE, text, instead);
        verdict = Verdict::from_reasons([verdict.reasons(), &[unwritable]].concat());
    }
    CheckedLine { line, cwd: context.cwd.clone(), observed, parts, verdict }
}

pub(super) fn check(args: &CheckArgs, environment: &Environment) -> anyhow::Result<u8> {
    if let Some(name) = &args.rwenv {
        known(&config::rwenvs(&environment.config_dir), name)?;
    }
    let checked = judged(args, environment);
    if args.trace {
        trace::show(&checked.observed, args.at.output.json)?;
    } else if args.at.output.json {
        out::json(&checked.explained())?;
    } else {
        print(&checked.parts, &checked.verdict, checked.observed.plan.programs);
        policy::tell_problems(&checked.observed.plan.context.cwd, environment);
    }
    Ok(match checked.verdict.decision() {
        Decision::Allow => 0,
        Decision::Ask => 1,
        Decision::Deny => 2,
    })
}

fn decision(part: &JudgedPart) -> Decision {
    part.reasons.iter().map(|r| r.decision).max().unwrap_or_default()
}

fn effect(part: &JudgedPart) -> &'static str {
    part.operation.as_ref().map_or("unknown", |o| o.effect.as_str())
}

fn view(part: &JudgedPart) -> PartView {
    PartView {
        part: part.text.clone(),
        start: part.span.start,
        end: part.span.end,
        tool: part.operation.as_ref().map(|o| o.tool),
        verb: part.operation.as_ref().map(|o| o.verb.clone()),
        effect: effect(part),
        decision: decision(part).as_str(),
        reasons: ReasonView::all(&part.reasons),
    }
}

/// What a part would do, for somebody who meets the word for the first time.
fn in_words(part: &JudgedPart) -> String {
    let what = match part.operation.as_ref().map(|operation| operation.effect) {
        Some(Effect::Read) => "only reads",
        Some(Effect::ReadSecret) => "prints secret values or issues a credential",
        Some(Effect::LocalWrite) => "changes files on this machine",
        Some(Effect::SessionChange) => "changes what later commands act on",
        Some(Effect::GitWrite) => "changes a repository on this machine",
        Some(Effect::GitPublish) => "changes a repository on a server",
        Some(Effect::Reconcile) => "makes a controller reconcile right away",
        Some(Effect::Tunnel) => "opens a connection into the cluster for other programs",
        Some(Effect::Exec) => "runs a program that rwenv does not look into",
        Some(Effect::ClusterWrite) => "changes objects in a cluster",
        Some(Effect::Provision) => "creates or changes machines",
        Some(Effect::CloudWrite) => "changes a cloud account, a registry or a hosted service",
        Some(Effect::DataWrite) => "changes data",
        Some(Effect::Tamper) => "targets the guard itself",
        Some(Effect::Unknown) | None => "has an effect that rwenv does not know",
    };
    format!("{} {what}, and no rule objects", part.text.replace('\n', " "))
}

/// A part's reason as it counts: lifted, where a person's grant lifts it.
fn with_grant(reason: &mut Reason, verdict: &Verdict) {
    let same = |lifted: &&Reason| {
        (lifted.span, &lifted.rwenv, &lifted.text) == (reason.span, &reason.rwenv, &reason.text)
    };
    let granted = verdict.reasons().iter().filter(same).find_map(|lifted| lifted.granted.clone());
    if let Some(grant) = granted {
        reason.lift(&grant);
    }
}

fn print(parts: &[JudgedPart], verdict: &Verdict, programs: usize) {
    if parts.is_empty() {
        out::line(&format!("allow: nothing in it is judged (programs found: {programs})"));
        return;
    }
    let mut table = out::table(&["DECISION", "EFFECT", "PART", "RULE"]);
    for part in parts {
        let mut rules: Vec<&str> = part.reasons.iter().map(|r| r.rule.as_str()).collect();
        rules.dedup();
        table.add_row([
            out::decision(decision(part)),
            Cell::new(effect(part)),
            Cell::new(part.text.replace('\n', " ")),
            Cell::new(rules.join(", ")),
        ]);
    }
    out::print(&table);
    for part in parts.iter().filter(|part| part.reasons.is_empty()) {
        out::prose(&format!("\nallow: {}", in_words(part)));
    }
    let mut told: Vec<(&str, &str)> = Vec::new();
    for reason in verdict.reasons() {
        if told.contains(&(&reason.rule, &reason.text)) {
            continue;
        }
        told.push((&reason.rule, &reason.text));
        out::prose(&format!("\n{}: {} [{}]", reason.decision.as_str(), reason.text, reason.rule));
        out::prose(&format!("  in: {}", reason.part.replace('\n', " ")));
        match &reason.granted {
            Some(grant) => {
                out::prose(&format!(
                    "  by grant {grant}: rwenv grant --list shows it, and how long it counts"
                ));
            }
            None => out::prose(&format!("  instead: {}", reason.instead)),
        }
    }
}
