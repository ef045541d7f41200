//! Runner of the examples in the policy files: every verb, form, wrapper and rule is shown by a command line, and
//! each of these is judged here, by the code that judges an agent's.

use crate::decide::{self, Plan};
use crate::manifest::{self, tree::Tree};
use crate::model::{
    Autonomy, Bound, Dir, Effect, Facts, GitRepository, Operation, Place, PullRequest, Pushed, Question,
    Rule, Rwenv, RwenvName, Rwenvs, Script, Verdict,
};
use crate::table::{
    Command, Example, LanguageFile, LintFile, Mcp, McpExample, Mode, PolicyFile, RuleExample, RunnerFile,
    Tool, Trait, WrapperFile,
};

mod custody;
mod forges;
mod report;
mod services;
#[cfg(test)]
mod texts;
mod world;

use report::context;
pub use report::{ExamplesReport, Failure};

mod sources {
    include!(concat!(env!("OUT_DIR"), "/sources.rs"));
}

pub use sources::SOURCES;

/// Runs the examples of the built-in policies.
///
/// # Errors
/// Where a file cannot be read as what it should be; which, and where in it.
pub fn run() -> Result<ExamplesReport, String> {
    let mut report = ExamplesReport::default();
    for (name, text) in SOURCES {
        let broken = |e: toml::de::Error| format!("policies/{name}: {e}");
        match *name {
            // What comes of its rows depends on a rwenv: `tests/it/policy_export.rs`.
            "programs/shared.toml" | "programs/api.toml" => {}
            "programs/custody.toml" => {
                custody::run(name, &toml::from_str(text).map_err(broken)?, &mut report)
            }
            "programs/programs.toml" => {
                services::makers(name, &toml::from_str(text).map_err(broken)?, &mut report)
            }
            "programs/wrappers.toml" => wrappers(name, &toml::from_str(text).map_err(broken)?, &mut report),
            "programs/forges.toml" => forges::run(name, &toml::from_str(text).map_err(broken)?, &mut report),
            "programs/mcp.toml" => mcp(name, &toml::from_str(text).map_err(broken)?, &mut report),
            "programs/runners.toml" => runners(name, &toml::from_str(text).map_err(broken)?, &mut report),
            "programs/languages.toml" => languages(name, &toml::from_str(text).map_err(broken)?, &mut report),
            tools if tools.starts_with("tools/") || tools.starts_with("programs/") => {
                tool(name, &toml::from_str(text).map_err(broken)?, &mut report)
            }
            lint if lint.starts_with("lint/") => {
                content(name, &toml::from_str(text).map_err(broken)?, &mut report);
            }
            _ => rules(name, &toml::from_str(text).map_err(broken)?, &[], &mut report),
        }
    }
    Ok(report)
}

/// Values of `--dry-run` and whether nothing is changed with them.
const DRY_RUN: [(&str, bool); 8] = [
    ("--dry-run", true),
    ("--dry-run=client", true),
    ("--dry-run=server", true),
    ("--dry-run=none --dry-run=server", true),
    ("--dry-run=none", false),
    ("--dry-run=false", false),
    ("--dry-run=server --dry-run=none", false),
    ("-- --dry-run=server", false),
];

fn tool(file: &str, tool: &Tool, report: &mut ExamplesReport) {
    for row in tool.commands {
        let at = format!("{file}: {}", row.verbs().first().map_or("", |verb| verb));
        shown(&at, tool, row, report);
        for example in row.examples {
            effect(&at, &tool.name, example, (row.effect, &row.traits), report);
            for (flag, dry) in DRY_RUN.into_iter().filter(|(f, _)| {
                row.dry_run && !example.contains(" -- ") && !(row.group && f.starts_with("-- "))
            }) {
                let wanted = if dry { Effect::Read } else { row.effect };
                effect(&at, &tool.name, &format!("{example} {flag}"), (wanted, &[]), report);
            }
        }
        for Mode { effect: wanted, examples, traits, .. } in row.modes {
            examples.iter().for_each(|example| effect(&at, &tool.name, example, (*wanted, traits), report));
        }
    }
    services::targets(file, tool, report);
    for row in tool.endpoints {
        let at = format!("{file}: {}", row.verb);
        row.examples.iter().for_each(|e| effect(&at, &tool.name, e, (row.effect, &row.traits), report));
        for example in row.harmless {
            let found = greatest(example, &tool.name).filter(|o| o.effect > Effect::Read);
            report.check(
                &at,
                example,
                found.map(|o| {
                    format!("its effect is {}, the table says that it changes nothing", o.effect.as_str())
                }),
            );
        }
    }
    for Example { command, effect: wanted, reach, traits } in tool.examples {
        effect(file, &tool.name, command, (*wanted, traits), report);
        if let (Some(reach), Some(found)) = (reach, greatest(command, &tool.name)) {
            let wrong =
                (found.reach != *reach).then(|| format!("reach is {}, should be {reach}", found.reach));
            report.check(file, command, wrong);
        }
    }
}

/// Every verb of a row is shown by one of its examples.
fn shown(at: &str, tool: &Tool, row: &Command, report: &mut ExamplesReport) {
    let examples = row.modes.iter().flat_map(|mode| mode.examples).chain(row.examples);
    let verbs: Vec<String> = examples.filter_map(|e| greatest(e, &tool.name)).map(|o| o.verb).collect();
    for path in row.verbs().iter().filter(|p| !verbs.contains(p)) {
        report.check(
            at,
            path,
            Some("no example runs this verb with the tool: add one to the row's `examples`".to_owned()),
        );
    }
}

/// The operation of a tool with the greatest effect.
fn greatest(command: &str, tool: &str) -> Option<Operation> {
    let plan = decide::plan(command, &context());
    plan.planned.into_iter().map(|p| p.operation).filter(|o| o.tool == tool).max_by_key(|o| o.effect)
}

fn effect(
    at: &str,
    tool: &str,
    command: &str,
    (wanted, traits): (Effect, &[Trait]),
    report: &mut ExamplesReport,
) {
    let problem = match greatest(command, tool) {
        None => Some(format!("no call of {tool} was found")),
        Some(found) if found.effect != wanted => {
            let note = found.note.map(|n| format!(" ({n})")).unwrap_or_default();
            Some(format!("its effect is {}{note}, the table says {wanted}", found.effect))
        }
        Some(found) => (traits.iter())
            .find(|t| !found.traits.contains(t))
            .map(|t| format!("the trait '{t}' is missing; it has {:?}", found.traits)),
    };
    report.check(at, command, problem);
}

fn wrappers(file: &str, all: &WrapperFile, report: &mut ExamplesReport) {
    for row in all.wrappers {
        for example in row.examples {
            report.check(&format!("{file}: {}", row.programs.join(", ")), example, deletes_the_pod(example));
        }
    }
}

/// What is wrong with an example that should run `kubectl delete pod p`.
fn deletes_the_pod(example: &str) -> Option<String> {
    let found = greatest(example, "kubectl");
    let deletes = |o: &Operation| {
        o.verb == "delete"
            && o.effect == Effect::ClusterWrite
            && o.target.kinds == ["pod"]
            && o.target.names.first().is_some_and(|n| n == "p")
    };
    match &found {
        Some(operation) if deletes(operation) => None,
        other => {
            Some(format!("should run kubectl delete pod p; found {:?}", other.as_ref().map(|o| &o.verb)))
        }
    }
}

/// What is wrong with an example that should write a file of the guard's.
fn tampers(example: &str) -> Option<String> {
    let found = greatest(example, "guard").filter(|operation| operation.effect == Effect::Tamper);
    found.is_none().then(|| "should write a file of the guard's".to_owned())
}

/// What is wrong with an example that should change nothing.
fn harmless(example: &str) -> Option<String> {
    let plan = decide::plan(example, &context());
    let changes = plan.planned.iter().find(|p| p.operation.effect > Effect::ReadSecret);
    let opaque = plan.opaque.first().map(|o| o.what.clone());
    changes
        .map(|p| format!("found {} {}, which changes something", p.operation.tool, p.operation.verb))
        .or(opaque)
}

fn mcp(file: &str, all: &Mcp, report: &mut ExamplesReport) {
    for McpExample { call, effect } in all.examples {
        let plan = mcp_plan(call);
        let found = plan.planned.iter().map(|p| p.operation.effect).max();
        let found = found.map_or("none", Effect::as_str);
        report.check(
            file,
            call,
            (*effect != found).then(|| format!("its effect is {found}, the table says {effect}")),
        );
    }
}

/// The plan of a call written as `SERVER TOOL JSON`.
fn mcp_plan(call: &str) -> Plan {
    let mut words = call.splitn(3, ' ');
    let (server, tool) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let input = serde_json::from_str(words.next().unwrap_or("{}")).unwrap_or_default();
    decide::plan_mcp(server, tool, &input, &context())
}

fn runners(file: &str, all: &RunnerFile, report: &mut ExamplesReport) {
    for row in all.runners {
        let at = format!("{file}: {}", row.format);
        row.examples.iter().for_each(|example| report.check(&at, example, deletes_the_pod(example)));
        row.harmless.iter().for_each(|example| report.check(&at, example, harmless(example)));
    }
}

/// What a language's programs run is found, and what they only mention is not.
fn languages(file: &str, all: &LanguageFile, report: &mut ExamplesReport) {
    for row in all.languages {
        let at = format!("{file}: {}", row.programs.first().copied().unwrap_or_default());
        row.examples.iter().for_each(|example| report.check(&at, example, deletes_the_pod(example)));
        row.tampers.iter().for_each(|example| report.check(&at, example, tampers(example)));
        row.harmless.iter().for_each(|example| report.check(&at, example, harmless(example)));
    }
    for row in all.clients {
        let at = format!("{file}: {}", row.about);
        for example in row.examples {
            let found = decide::plan(example, &context()).opaque;
            let seen = found.iter().any(|o| o.what.ends_with(&*row.about));
            report.check(&at, example, (!seen).then(|| format!("is not seen; only {found:?}")));
        }
        row.harmless.iter().for_each(|example| report.check(&at, example, harmless(example)));
    }
}

/// Runs the examples of a policy beside the built-in ones, whose rules these are.
#[must_use]
pub fn of_policy(policy: &PolicyFile, own: &[Rule]) -> ExamplesReport {
    let mut report = ExamplesReport::default();
    rules("", policy, own, &mut report);
    report
}

fn rules(file: &str, policy: &PolicyFile, own: &[Rule], report: &mut ExamplesReport) {
    for rule in &policy.rules {
        for example @ RuleExample { command, mcp, matches, rwenv, changes, removes, .. } in &rule.examples.0 {
            let at = format!("{file}: {}", rule.id);
            let selected = rwenv.as_deref().unwrap_or("read-only");
            let (plan, command) = match mcp.as_str() {
                "" => (decide::plan(command, &context()), command),
                _ => (mcp_plan(mcp), mcp),
            };
            let pushed = match example.git.as_deref() {
                Some("pushed") => Pushed::Yes,
                Some("aside") => {
                    Pushed::Aside { on: vec!["feature".to_owned()], followed: vec!["main".to_owned()] }
                }
                Some("generated") => Pushed::Generated,
                _ => Pushed::No("it is in no commit".to_owned()),
            };
            let given = GivenWorld { called: example.name.as_deref(), changes, removes, pushed };
            let Some(verdict) = judged_plan(plan, selected, &given, own) else {
                report.check(
                    &at,
                    command,
                    Some(format!(
                        "'{selected}' is not one of read-only, gitops-only, writable, manual, prompted, k3s"
                    )),
                );
                continue;
            };
            let said: Vec<&str> = verdict.reasons().iter().map(|r| r.rule.as_str()).collect();
            let problem = (said.contains(&&*rule.id) != *matches).then(|| {
                format!("should{} match; rules that do: {said:?}", if *matches { "" } else { " not" })
            });
            report.check(&at, command, problem);
        }
    }
}

fn content(file: &str, lint: &LintFile, report: &mut ExamplesReport) {
    for rule in lint.rules {
        for (at, example) in rule.examples.iter().enumerate() {
            let paths = example.files.keys().cloned().collect();
            let all = example.files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes()));
            let (yaml, others) = all.partition(|(path, _)| Tree::is_yaml(path));
            let tree = Tree::new(paths, yaml, example.remotes.clone()).with_named(others);
            let found = manifest::lint(&tree).findings;
            let said: Vec<&str> = found.iter().map(|f| f.rule).collect();
            // Each is found once, and nothing else is wrong with it.
            let wanted: &[&str] = if example.matches { &[rule.id.as_str()] } else { &[] };
            let problem = (said != wanted).then(|| format!("finds {said:?}, should find {wanted:?}"));
            report.check(&format!("{file}: {}", rule.id), &format!("example {}", at + 1), problem);
        }
    }
}

/// The verdict on a command line in the examples' world: a directory where a `read-only`, `gitops-only`, `writable`,
/// `manual` or `prompted` rwenv is selected, in a repository on branch `feature`. None for another word.
#[must_use]
pub fn judged(command: &str, selected: &str) -> Option<Verdict> {
    let pushed = Pushed::No("it is in no commit".to_owned());
    let given = GivenWorld { called: None, changes: &[], removes: &[], pushed };
    judged_plan(decide::plan(command, &context()), selected, &given, &[])
}

/// What is known of the outside beside the examples' world.
struct GivenWorld<'g> {
    /// What the rwenv is called that is selected, where that matters.
    called: Option<&'g str>,
    /// Files that the pushes change.
    changes: &'g [String],
    /// Objects that they remove from the cluster.
    removes: &'g [String],
    /// What git says of the files that are applied.
    pushed: Pushed,
}

/// A plan where nothing lies on the disk: every program that is named by a path is its own, and no script is there.
#[must_use]
pub fn alone(mut plan: Plan) -> Plan {
    while plan.is_waiting() {
        let mut facts = Facts::default();
        for question in &plan.questions {
            match question {
                Question::Program(program) => facts.programs.push((program.clone(), None)),
                Question::Script(path) => facts.scripts.push((path.clone(), Script::Absent)),
                Question::Defined(name) => facts.defined.push((name.clone(), None)),
                Question::Leads(path) => facts.leads.push((path.clone(), world::lead(path))),
                Question::Brings(change) => facts.brought.push((change.clone(), world::brought(change))),
                _ => {}
            }
        }
        plan = plan.resume(&facts);
    }
    plan
}

/// The same where more is known.
fn judged_plan(mut plan: Plan, selected: &str, given: &GivenWorld<'_>, own: &[Rule]) -> Option<Verdict> {
    let sort = match selected {
        "read-only" => "ro",
        "gitops-only" => "go",
        "writable" => "rw",
        "manual" => "ma",
        "prompted" => "pr",
        "k3s" => "k3",
        _ => return None,
    };
    plan = alone(plan);
    for planned in &mut plan.planned {
        planned.operation.target.repository.changed.extend_from_slice(given.changes);
    }
    let name = given.called.unwrap_or(sort);
    let facts = Facts { rules: own.into(), ..facts(&plan, name, given) };
    let mut rwenvs = rwenvs(sort, name)?;
    let named: Vec<String> =
        own.iter().filter_map(|rule| rule.only.as_ref().map(ToString::to_string)).collect();
    rwenvs.all.iter_mut().for_each(|rwenv| rwenv.policies.clone_from(&named));
    Some(decide::conclude(&plan, &facts, &rwenvs))
}

/// One rwenv of each sort, each with a context and a Flux repository of its own; that of one sort has this name.
fn rwenvs(renamed: &str, called: &str) -> Option<Rwenvs> {
    let mut all = Vec::new();
    for sort in ["ro", "go", "rw", "ma", "pr", "k3"] {
        let name = if sort == renamed { called } else { sort };
        let mut rwenv = Rwenv::named(RwenvName::new(name).ok()?);
        rwenv.read_only = sort == "ro";
        rwenv.git_ops_only = sort == "go";
        rwenv.kind = Some(if sort == "k3" { "k3s" } else { "gke" }.to_owned());
        rwenv.autonomy = match sort {
            "ma" => Autonomy::Manual,
            "pr" => Autonomy::Prompted,
            _ => Autonomy::Standard,
        };
        rwenv.protect_commits = sort == "ma";
        rwenv.terraform_paths.extend((sort == "pr").then(|| ("machines".to_owned(), Autonomy::Prompted)));
        rwenv.flux_git_repo = Some(format!("https://git.example.com/{name}/flux.git"));
        rwenv.places.push(Place { kubeconfig_path: None, kubernetes_context: Some(format!("{name}-ctx")) });
        all.push(rwenv);
    }
    Some(Rwenvs {
        all,
        config_dir: "/home/me/.claude/rwenv".to_owned(),
        dev_container: Some("devbox".to_owned()),
        ..Rwenvs::default()
    })
}

/// Everything is where one rwenv is selected, on a branch of a repository that is no Flux repository.
fn facts(plan: &Plan, name: &str, given: &GivenWorld<'_>) -> Facts {
    let mut facts = Facts::default();
    for question in &plan.questions {
        match question {
            Question::Binding(Dir::Unknown) => {}
            Question::Binding(dir) => facts.bindings.push((dir.clone(), Bound::Rwenv(name.to_owned()))),
            Question::CurrentContext => facts.current_context = Some(format!("{name}-ctx")),
            Question::Program(_)
            | Question::Script(_)
            | Question::Defined(_)
            | Question::Leads(_)
            | Question::Brings(_)
            | Question::Application(_)
            | Question::Cluster { .. }
            | Question::Target(_)
            | Question::Drift { .. } => {}
            Question::Pushed(path) => {
                facts.pushed.push((path.clone(), given.pushed.clone()));
            }
            Question::Reached { dir, tip }
                if !given.removes.is_empty() || PullRequest::from_revision(tip).is_some() =>
            {
                let reached = world::reached(name, given.removes);
                facts.reached.push(((dir.clone(), tip.clone()), reached));
            }
            Question::Reached { .. } => {}
            Question::Plan { file, dir } => facts.plans.push(((file.clone(), dir.clone()), Pushed::Yes)),
            Question::GitRepository(dir) => {
                let config = vec![(
                    "remote.origin.url".to_owned(),
                    "https://git.example.com/me/project.git".to_owned(),
                )];
                facts.repositories.push((
                    dir.clone(),
                    Some(GitRepository {
                        branch: Some("feature".to_owned()),
                        tags: vec!["v9".to_owned()],
                        config,
                        ..GitRepository::default()
                    }),
                ));
            }
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_of_the_policies_comes_to_what_it_says() {
        let report = run().unwrap();
        let lines: Vec<String> = report
            .failures
            .iter()
            .map(|f| format!("{}\n    {}\n    {}", f.at, f.command, f.problem))
            .collect();
        assert!(lines.is_empty(), "{} of {} examples:\n{}", lines.len(), report.ran, lines.join("\n"));
        assert!(report.ran > 1300, "only {} examples ran", report.ran);
    }

    #[test]
    fn an_example_that_does_not_hold_is_reported() {
        let mut report = ExamplesReport::default();
        effect("here", "kubectl", "kubectl delete pod p", (Effect::Read, &[]), &mut report);
        effect(
            "here",
            "kubectl",
            "kubectl delete pod p",
            (Effect::ClusterWrite, &[Trait::DryRun]),
            &mut report,
        );
        effect("here", "kubectl", "ls", (Effect::Read, &[]), &mut report);
        let text = "name = 'kubectl'\nprograms = []\ncomplaint = ''\ngrammar = 'pflag'\nreach = 'cluster'\n\
                    [[command]]\npath = 'get'\neffect = 'read'\n";
        let kubectl: Tool = toml::from_str(text).unwrap();
        shown("here", &kubectl, &kubectl.commands[0], &mut report);
        assert_eq!(report.failures.len(), 4);
        let text = "about = 'x'\n[[rule]]\nid = 'x.y'\ndecision = 'ask'\nwhen = {}\nreason = 'r'\ninstead = 'i'\n\
                    [[rule.example]]\ncommand = 'ls'\nmatches = true\n[[rule.example]]\ncommand = 'ls'\nmatches = true\nrwenv = 'x'\n";
        rules("here", &toml::from_str(text).unwrap(), &[], &mut report);
        assert_eq!(report.failures.len(), 6);
    }
}
