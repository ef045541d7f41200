//! What an agent is about to do, whichever agent it is, and what is decided about it. One way from here for all of them.

use std::mem::ManuallyDrop;
use std::path::Path;

use serde_json::Value;

use crate::base::{environment::Environment, files};
use crate::facts::{self, Observed, agent, binding};
use crate::judge::{self, Case, KnownPlan, Lift, Outcome, Permit, Person, PersonQuestion, Recording};
use crate::ledger::audit::Caller;
use crate::ledger::{asked, pinned};
use rwenv_core::decide::{self, WrittenFile};
use rwenv_core::manifest::{self, Finding, tree::Tree};
use rwenv_core::model::{Bound, Context, Decision, Verdict};

/// What a person can do where the agent asks nobody.
const NOBODY: &str = "This needs a person's approval, and nobody can be asked here. A person can run it, or allow it for a while with rwenv grant.";

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Call {
    /// The agent's name in the log.
    pub(super) door: &'static str,
    pub(super) session: Option<String>,
    /// The sub-agent it comes from.
    pub(super) subagent: Option<String>,
    /// The directory the agent's shell is in.
    pub(super) cwd: Option<String>,
    /// The agent's own name for the tool.
    pub(super) tool: String,
    pub(super) asked: CallContent,
    /// A person can be asked about it.
    pub(super) asks: bool,
    /// The agent can type into what runs, and nobody is asked about that.
    pub(super) typed_into: bool,
    /// It may run in a shell that does not have what its session was given: another kind of shell, or a sub-agent's.
    pub(super) may_see_other: bool,
}

/// What a call is about to do.
#[derive(Debug)]
pub(super) enum CallContent {
    /// Run a command line.
    Line(String),
    /// Run a text in a language of which only the names of tools are looked at.
    Unanalysed(String),
    /// Write files.
    Writes(Vec<Writing>),
    /// Call a tool behind an MCP server.
    Mcp { server: String, input: Value },
}

/// A file that is about to be written.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) path: String,
    pub(super) content: Content,
}

/// What is written into a file.
#[derive(Debug)]
pub(super) enum Content {
    /// All of it.
    Whole(String),
    /// Texts in it are replaced by others.
    Replaced(Vec<(String, String)>),
    /// Not known, or of no interest.
    Unknown,
}

impl Content {
    /// What is new in the file, as far as that is known.
    fn text(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Replaced(pairs) => pairs.iter().map(|(_, new)| new.as_str()).collect::<Vec<_>>().join("\n"),
            Self::Unknown => String::new(),
        }
    }

    /// What the file holds afterwards, if that is known.
    fn after(&self, before: &str) -> Option<String> {
        match self {
            Self::Whole(text) => Some(text.clone()),
            Self::Replaced(pairs) => {
                let replaced = |text: String, (old, new): &(String, String)| text.replace(old.as_str(), new);
                Some(pairs.iter().fold(before.to_owned(), replaced))
            }
            Self::Unknown => None,
        }
    }
}

impl Writing {
    /// Its path, from the root.
    fn full(&self, context: &Context) -> String {
        match self.path.strip_prefix("~/") {
            Some(rest) => format!("{}/{rest}", context.home),
            None if self.path.starts_with('/') => self.path.clone(),
            None => format!("{}/{}", context.cwd, self.path),
        }
    }

    /// What a plan is made of. Of a file that something runs unasked, the lines that go count as well.
    fn written(&self, context: &Context) -> WrittenFile {
        let (full, text) = (self.full(context), self.content.text());
        let mut changed = text.clone();
        if decide::is_planted(&full) {
            let before = files::read(Path::new(&full)).ok().flatten().unwrap_or_default();
            let after = self.content.after(&before).unwrap_or_default();
            let other = |one: &str, all: &str| !all.lines().any(|line| line == one);
            let new = after.lines().filter(|line| other(line, &before));
            let gone = before.lines().filter(|line| other(line, &after));
            changed = new.chain(gone).collect::<Vec<_>>().join("\n");
        }
        WrittenFile { path: self.path.clone(), text, changed }
    }
}

/// What is decided about a call.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) decision: Decision,
    /// Why, and what to do instead; of what runs, the grants that let it.
    pub(super) text: String,
    /// The line as it should run in the place of what was asked.
    pub(super) pinned: Option<String>,
    /// Every part is harmless, and the person wants no question about such lines.
    pub(super) approved: bool,
}

impl Judged {
    fn new(decision: Decision, text: String) -> Self {
        Self { decision, text, pinned: None, approved: false }
    }

    /// It does not run.
    pub(super) fn denied(why: &str) -> Self {
        Self::new(Decision::Deny, why.to_owned())
    }

    /// It is nothing that is judged.
    pub(super) fn is_free() -> Self {
        Self::new(Decision::Allow, String::new())
    }

    fn asks(question: PersonQuestion) -> Self {
        Self::new(Decision::Ask, question.text)
    }

    fn runs(permit: &Permit) -> Self {
        Self::new(Decision::Allow, permit.told().join("\n"))
    }
}

/// A call as it was looked into.
struct SeenCall {
    observed: Observed,
    /// What it runs, for the log.
    command: String,
    /// Secrets that it brings into manifests.
    found: Vec<Finding>,
}

/// Finds out what a call is about to do, and what is known about that.
fn look(call: &Call, environment: &Environment) -> SeenCall {
    let context = Context { typed_into: call.typed_into, ..facts::context(call.cwd.as_deref(), environment) };
    let (plan, command) = match &call.asked {
        CallContent::Unanalysed(line) => {
            (decide::plan_unread(line, &context, &format!("{} is not analysed", call.tool)), line.clone())
        }
        CallContent::Line(line) => (decide::plan(line, &context), line.clone()),
        CallContent::Writes(files) => {
            let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
            let written: Vec<WrittenFile> = files.iter().map(|file| file.written(&context)).collect();
            (decide::plan_files(&written, &context), format!("{} {}", call.tool, paths.join(" ")))
        }
        CallContent::Mcp { server, input } => {
            let said = serde_json::to_string(input).unwrap_or_default();
            let plan = decide::plan_mcp(server, &call.tool, input, &context);
            (plan, format!("{server} {} {said}", call.tool).trim_start().to_owned())
        }
    };
    let observed = facts::observe(plan, environment);
    let found = match &call.asked {
        CallContent::Writes(files) => secrets(files, &context, environment),
        _ => secrets(&added(&observed.plan), &context, environment),
    };
    SeenCall { observed, command, found }
}

/// What would be decided about a call, and what it runs. Nothing is recorded.
pub(super) fn weigh(call: &Call, environment: &Environment) -> (Verdict, String) {
    let SeenCall { observed, command, found } = look(call, environment);
    let against = decide::against_content(&found, None);
    (judge::weigh(KnownPlan::of(&observed), against, &Lift::Line, environment), command)
}

/// The environment as a call sees it. Where it is not certain that it sees what its session was given, the stricter of both.
fn judged_in(call: &Call, environment: &Environment) -> Environment {
    let given = pinned::of_session(call.session.as_deref(), environment);
    let differs = given.session_kubeconfig.is_some() && given.session_kubeconfig != environment.kubeconfig;
    if !(call.may_see_other && differs) {
        return given;
    }
    let decided = |environment: &Environment| weigh(call, environment).0.decision();
    if decided(environment) > decided(&given) { environment.clone() } else { given }
}

/// Decides about a call, and records what is decided.
pub(super) fn judge(call: &Call, environment: &Environment) -> Judged {
    let environment = &judged_in(call, environment);
    let SeenCall { observed, command, found } = look(call, environment);
    // The process ends here, and what was seen is thousands of small pieces: they go with it.
    let observed = ManuallyDrop::new(observed);
    let session = call.session.as_deref();
    let ruling = judge::judge(
        Case {
            door: call.door,
            caller: Caller { session, subagent: call.subagent.as_deref(), ..Caller::default() },
            command: &command,
            seen: KnownPlan::of(&observed),
            found: decide::against_content(&found, None),
            lift: Lift::Line,
            person: &|| match call.asks && !agent::is_unattended() {
                true => Person::CanBeAsked,
                false => Person::Nobody(NOBODY),
            },
            recorded: Recording::Always,
        },
        environment,
    );
    let Observed { plan, facts, rwenvs } = &*observed;
    let mut judged = match ruling.outcome {
        Outcome::Refuse(why) | Outcome::Unrecorded(why) => return Judged::denied(&why),
        Outcome::Ask(question) => {
            // Without it the shim asks for a person's yes once more, which is no hole.
            let _ = asked::record(plan, &ruling.verdict, session, environment);
            Judged::asks(question)
        }
        Outcome::Run(permit) => Judged::runs(&permit),
    };
    if matches!(call.asked, CallContent::Line(_)) && !plan.is_nothing_of_ours() {
        judged.pinned = decide::pinned(plan, facts, rwenvs);
        judged.approved = judged.decision == Decision::Allow && decide::approved(plan, facts, rwenvs);
    }
    judged
}

/// Files that patches in a line add.
fn added(plan: &decide::Plan) -> Vec<Writing> {
    let files = plan.added.iter();
    files.map(|(path, text)| Writing { path: path.clone(), content: Content::Whole(text.clone()) }).collect()
}

/// Secrets that these writings bring into manifests of a rwenv: those that the files do not hold already.
fn secrets(files: &[Writing], context: &Context, environment: &Environment) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| Tree::is_yaml(&file.path)) {
        let full = file.full(context);
        let folder = Path::new(&full).parent().and_then(Path::to_str).unwrap_or(&context.cwd);
        let clones = environment.config_dir.join("flux-repos");
        let concerns = Path::new(&full).starts_with(clones)
            || [folder, &context.cwd].into_iter().any(|dir| {
                binding::bindings_for_dir(dir, environment)
                    .iter()
                    .any(|bound| matches!(bound, Bound::Rwenv(_)))
            });
        if !concerns {
            continue;
        }
        let before = files::read(Path::new(&full)).ok().flatten().unwrap_or_default();
        let Some(after) = file.content.after(&before) else { continue };
        let known = manifest::secrets_of_file(&file.path, before.as_bytes());
        let new = manifest::secrets_of_file(&file.path, after.as_bytes());
        found.extend(new.into_iter().filter(|one| !known.iter().any(|old| old.same_as(one))));
    }
    found
}
