//! `rwenv policy`: the rules as people read them, and their examples as tests.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use comfy_table::Cell;
use serde::Serialize;

use super::exported::{self, PolicyExport};
use super::policy_diff::{self, PolicyDiff};
use super::shared::{InDir, Output, directory};
use super::verified::{self, PolicyVerify};
use super::{layers, out};
use rwenv_core::examples::{self, ExamplesReport, SOURCES};
use rwenv_core::manifest::{self, Level, LintRule};
use rwenv_core::table::{Effect, FlagName, PolicyFile, Reach, Rule, RuleExample, RuleText, Trait};
use rwenv_flux::catalog::lookup;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::policies;

#[derive(Debug, Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    pub(super) command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// List the rules
    List {
        #[command(flatten)]
        output: Output,
        /// Print the Markdown of policies/README.md
        #[arg(long, conflicts_with = "json", hide = true)]
        markdown: bool,
    },
    /// Show one rule, or all rules of a policy, with examples
    Show {
        /// Rule or policy (read-only.exec, read-only)
        id: String,
        #[command(flatten)]
        output: Output,
    },
    /// Run the examples of all policies and tool tables
    Test(Output),
    /// Check custom policies and report the file and line of each problem
    #[command(
        after_help = "Without a file, checks the policies of the organisation (/etc/rwenv/policies), the user (~/.claude/rwenv/policies) and \
                            the project (.claude/rwenv-policies).\n\nExample: rwenv policy lint ~/.claude/rwenv/policies/payments.toml"
    )]
    Lint {
        /// Files to check
        files: Vec<PathBuf>,
        #[command(flatten)]
        at: InDir,
    },
    /// Create a custom policy from a template
    #[command(after_help = "Example: rwenv policy new payments")]
    New {
        /// Name of the policy
        name: String,
    },
    /// Write the policy of a rwenv for engines that enforce it in the cluster
    #[command(
        after_help = "Judges every request that a table knows by the rwenv's policy, and writes down what comes of it: the requests that are \
                      denied here are denied there, to the agents' service account and groups alone. What an engine cannot be told stands in \
                      the output as a comment.\n\nExamples:\n  rwenv policy export --env prod --to rbac\n  \
                      rwenv policy export --to rbac,validating-admission-policy --output clusters/prod/agents"
    )]
    Export(Box<PolicyExport>),
    /// List the recorded commands that other policies would decide otherwise
    #[command(
        after_help = "Judges the command lines of the audit log by both policies; runs none of them.\n\nExamples:\n  rwenv policy diff now \
                      ~/drafts/policies\n  rwenv policy diff none now --since 7d\n  rwenv policy diff old.toml new.toml -o json"
    )]
    Diff(PolicyDiff),
    /// Compare what the cluster lets agents do with what the policy says
    #[command(
        after_help = "Asks the cluster with the agents' own credential (rwenv identity) for its rights (SelfSubjectRulesReview), sends a dry \
                      run, and reads the admission policy back with yours. Changes nothing.\n\nExamples:\n  rwenv policy verify --env prod\n  \
                      rwenv policy verify --env prod --all -o json\n\nExit status: 0 the cluster denies what the policy denies, 1 it lets more \
                      pass, or cannot be asked."
    )]
    Verify(Box<PolicyVerify>),
    /// Check the policies and store the compiled result for the hook
    #[command(hide = true)]
    Keep(InDir),
}

pub(super) fn policy(command: &PolicyCommand, environment: &Environment) -> anyhow::Result<u8> {
    match command {
        PolicyCommand::List { markdown: true, .. } => {
            out::line(markdown(&built_in()?).trim_end());
            Ok(0)
        }
        PolicyCommand::List { output, .. } => list(output.json, environment),
        PolicyCommand::Show { id, output } => show(id, output.json, environment),
        PolicyCommand::Test(output) => test(output.json, environment),
        PolicyCommand::Lint { files, at } => layers::lint(files, at, environment),
        PolicyCommand::New { name } => layers::new(name, environment),
        PolicyCommand::Export(args) => exported::export(args, environment),
        PolicyCommand::Verify(args) => verified::verify(args, environment),
        PolicyCommand::Diff(args) => policy_diff::diff(args, environment),
        PolicyCommand::Keep(at) => layers::keep(at, environment),
    }
}

/// The built-in policies by name.
fn built_in() -> anyhow::Result<Vec<(String, PolicyFile)>> {
    let rules = SOURCES
        .iter()
        .filter_map(|(name, text)| Some((name.strip_prefix("rules/")?.strip_suffix(".toml")?, text)));
    rules.map(|(name, text)| Ok((name.to_owned(), toml::from_str(text)?))).collect()
}

/// A policy and where it is from.
struct FoundPolicy {
    layer: &'static str,
    name: String,
    file: PolicyFile,
}

/// The policies of all layers.
fn policies(environment: &Environment) -> anyhow::Result<Vec<FoundPolicy>> {
    let built_in = built_in()?.into_iter().map(|(name, file)| FoundPolicy { layer: "built in", name, file });
    let own = layers::all(None, environment).into_iter().map(|(layer, name, file)| FoundPolicy {
        layer,
        name,
        file,
    });
    Ok(built_in.chain(own).collect())
}

#[derive(Serialize)]
struct RuleRow<'a> {
    id: &'a str,
    policy: &'a str,
    layer: &'a str,
    decision: &'a str,
    when: String,
    reason: &'a str,
    instead: &'a str,
    examples: Vec<ExampleRow<'a>>,
}

#[derive(Serialize)]
struct ExampleRow<'a> {
    command: &'a str,
    matches: bool,
    rwenv: &'a str,
}

fn view<'a>(policy: &'a FoundPolicy, rule: &'a Rule) -> RuleRow<'a> {
    let example = |e: &'a RuleExample| ExampleRow {
        command: if e.mcp.is_empty() { &e.command } else { &e.mcp },
        matches: e.matches,
        rwenv: e.rwenv.as_deref().unwrap_or("read-only"),
    };
    RuleRow {
        id: &rule.id,
        policy: &policy.name,
        layer: policy.layer,
        decision: rule.decision.as_str(),
        when: when(rule),
        reason: &rule.reason,
        instead: &rule.instead,
        examples: rule.examples.0.iter().map(example).collect(),
    }
}

fn texts(list: &[RuleText]) -> Vec<&str> {
    list.iter().map(|text| &**text).collect()
}

/// When a rule matches, in words.
fn when(rule: &Rule) -> String {
    let when = &rule.when;
    let mut out = Vec::new();
    let mut say = |label: &str, values: Vec<&str>| {
        if !values.is_empty() {
            out.push(format!("{label} {}", values.join(", ")));
        }
    };

    say("rwenv", when.flags.iter().map(|word| word.as_str()).collect());
    say("effect", when.effects.iter().map(|word| word.as_str()).collect());
    say("reach", when.reach.iter().map(|word| word.as_str()).collect());
    say("tool", texts(&when.tools));
    say("verb", texts(&when.verbs));
    say("with", when.traits.iter().map(|word| word.as_str()).collect());
    say("without", when.without.iter().map(|word| word.as_str()).collect());
    say("repository", when.repository.iter().map(|word| word.as_str()).collect());
    say("refs", when.refs.iter().map(|word| word.as_str()).collect());
    say("files", texts(&when.paths));
    say("namespace", texts(&when.namespaces));
    say("in rwenv", texts(&when.rwenvs));
    out.extend(rule.floor.then(|| "where no other rule says as much".to_owned()));
    out.join("; ")
}

fn list(json: bool, environment: &Environment) -> anyhow::Result<u8> {
    let all = policies(environment)?;
    if json {
        let rules: Vec<RuleRow<'_>> =
            all.iter().flat_map(|p| p.file.rules.iter().map(|r| view(p, r))).collect();
        out::json(&rules)?;
        return Ok(0);
    }
    let mut table = out::table(&["RULE", "DECISION", "LAYER", "WHEN"]);
    for (layer, rule) in all.iter().flat_map(|p| p.file.rules.iter().map(|rule| (p.layer, rule))) {
        let decision = out::decision(rule.decision);
        table.add_row([Cell::new(&rule.id), decision, Cell::new(layer), Cell::new(when(rule))]);
    }
    out::print(&table);
    tell_problems(&directory(None).display().to_string(), environment);
    Ok(0)
}

/// Says which files of policies count as they were before, or not at all.
pub(super) fn tell_problems(dir: &str, environment: &Environment) {
    for problem in policies::problems(dir, environment) {
        out::note(&format!("{problem}; the file counts as it was before, if it ever did: rwenv policy lint"));
    }
}

fn show(id: &str, json: bool, environment: &Environment) -> anyhow::Result<u8> {
    let all = policies(environment)?;
    let chosen: Vec<RuleRow<'_>> = (all.iter())
        .flat_map(|policy| policy.file.rules.iter().map(move |rule| view(policy, rule)))
        .filter(|v| v.id == id || v.policy == id)
        .collect();
    if let Some(rule) = manifest::RULES.iter().find(|rule| rule.id == id) {
        return content(rule, json);
    }
    if chosen.is_empty() {
        let names: Vec<&str> = all.iter().map(|policy| policy.name.as_str()).collect();
        let rules = all.iter().flat_map(|policy| policy.file.rules.iter().map(|rule| rule.id.as_ref()));
        let near = lookup::proposal(&lookup::near(id, names.iter().copied().chain(rules)));
        bail!(
            "there is no rule and no policy '{}'.{near} Policies: {}; rules: rwenv policy list",
            id.escape_debug(),
            names.join(", ")
        );
    }
    if json {
        out::json(&chosen)?;
        return Ok(0);
    }
    for rule in &chosen {
        out::line(&format!(
            "{}: {}\n  when: {}\n  why: {}\n  instead: {}",
            rule.id, rule.decision, rule.when, rule.reason, rule.instead
        ));
        for example in &rule.examples {
            let matches = if example.matches { "matches" } else { "does not match" };
            out::line(&format!("  {matches} ({}): {}", example.rwenv, example.command));
        }
        out::line("");
    }
    Ok(0)
}

/// A rule about content.
fn content(rule: &LintRule, json: bool) -> anyhow::Result<u8> {
    if json {
        out::json(&serde_json::json!([{
            "id": rule.id, "policy": "content", "decision": if rule.level == Level::Error { "deny" } else { "allow" },
            "reason": rule.about, "instead": rule.instead,
        }]))?;
    } else {
        let level = rule.level.as_str();
        out::line(&format!("{}: {level}\n  finds: {}\n  instead: {}", rule.id, rule.about, rule.instead));
    }
    Ok(0)
}

fn test(json: bool, environment: &Environment) -> anyhow::Result<u8> {
    let mut report: ExamplesReport = examples::run().map_err(anyhow::Error::msg)?;
    layers::test(&mut report, environment);
    if json {
        out::json(&report)?;
    } else {
        for failure in &report.failures {
            out::line(&format!("FAILED {}\n  {}\n  {}", failure.at, failure.command, failure.problem));
        }
        out::line(&format!("{} examples, {} failed", report.ran, report.failures.len()));
    }
    Ok(u8::from(!report.failures.is_empty()))
}

/// The words that tables and rules are written in, with what they mean.
fn words(out: &mut String) {
    let mut section = |title: &str, rows: Vec<(&str, &str)>| {
        out.push_str(&format!("\n## {title}\n\n| word | meaning |\n| --- | --- |\n"));
        rows.iter().for_each(|(word, about)| out.push_str(&format!("| `{word}` | {about} |\n")));
    };
    section("Effects", Effect::ALL.iter().map(|one| (one.as_str(), one.about())).collect());
    section("Reach", Reach::ALL.iter().map(|one| (one.as_str(), one.about())).collect());
    section("Flags", FlagName::ALL.iter().map(|one| (one.as_str(), one.about())).collect());
    section("Traits", Trait::ALL.iter().map(|one| (one.as_str(), one.about())).collect());
}

/// `policies/README.md`.
fn markdown(all: &[(String, PolicyFile)]) -> String {
    let mut out = String::from(
        "# Policies\n\n`tools/` says what tools do: one file per tool, a row per verb, with its flags, its effect and examples. `programs/` says what\n\
         other programs do: wrappers, languages, runners of targets, MCP servers, forges; and holds what tools have alike (`shared.toml`).\n\
         `rules/` says what is decided about it: one file per policy. All of it is compiled into the binaries; `rwenv policy\n\
         test` runs every example. `lint/` says what is wrong in the content of a repository. This page is made by `just policies` from the files; a test keeps it current.\n",
    );
    for (name, policy) in all {
        out.push_str(&format!(
            "\n## {name}\n\n{}\n\n| rule | decision | when | why |\n| --- | --- | --- | --- |\n",
            policy.about
        ));
        for rule in &policy.rules {
            let cell = |text: &str| text.replace('|', "\\|");
            out.push_str(&format!(
                "| `{}` | {} | {} | {} |\n",
                rule.id,
                rule.decision,
                cell(&when(rule)),
                cell(&rule.reason)
            ));
        }
    }
    words(&mut out);
    out.push_str("\n## Content\n\nWhat `rwenv lint`, pre-push and pre-receive find.\n\n| rule | level | what it finds | instead |\n| --- | --- | --- | --- |\n");
    for rule in manifest::RULES {
        let level = rule.level.as_str();
        out.push_str(&format!("| `{}` | {level} | {} | {} |\n", rule.id, rule.about, rule.instead));
    }
    out
}
