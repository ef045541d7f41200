//! What an agent is about to do, whichever agent it is, and what is decided about it. One way from here for all of them.

use std::path::Path;

use serde_json::Value;

use crate::decide;
use crate::decide::text;
use crate::host::{
    self, Observed, asked, audit, binding, environment::Environment, files, grants, index, pinned,
};
use crate::manifest::{self, Finding, tree::Tree};
use crate::model::{Bound, Context, Decision, Verdict};

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Call {
    /// The agent's name in the log.
    pub(super) door: &'static str,
    pub(super) session: Option<String>,
    /// The directory the agent's shell is in.
    pub(super) cwd: Option<String>,
    /// The agent's own name for the tool.
    pub(super) tool: String,
    pub(super) asked: Asked,
    /// A person can be asked about it.
    pub(super) asks: bool,
}

/// What a call is about to do.
#[derive(Debug)]
pub(super) enum Asked {
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

/// What is decided about a call.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) decision: Decision,
    /// Why, and what to do instead.
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

    fn allowed() -> Self {
        Self::new(Decision::Allow, String::new())
    }
}

/// Decides about a call, and records what is decided.
pub(super) fn judge(call: &Call, environment: &Environment) -> Judged {
    let environment = &pinned::of_session(call.session.as_deref(), environment);
    let context = host::context(call.cwd.as_deref(), environment);
    let (plan, command) = match &call.asked {
        Asked::Unanalysed(line) => {
            (decide::plan_unread(line, &context, &format!("{} is not analysed", call.tool)), line.clone())
        }
        Asked::Line(line) => (decide::plan(line, &context), line.clone()),
        Asked::Writes(files) => {
            let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
            (decide::plan_files(&paths, &context), format!("{} {}", call.tool, paths.join(" ")))
        }
        Asked::Mcp { server, input } => {
            let said = serde_json::to_string(input).unwrap_or_default();
            let plan = decide::plan_mcp(server, &call.tool, input, &context);
            (plan, format!("{server} {} {said}", call.tool).trim_start().to_owned())
        }
    };
    let found = match &call.asked {
        Asked::Writes(files) => secrets(files, &context, environment),
        _ => Vec::new(),
    };
    let Observed { plan, facts, rwenvs: all } = host::observe(plan, environment);
    if plan.is_nothing_of_ours() && found.is_empty() {
        return Judged::allowed();
    }
    let judged = decide::with_content(&decide::conclude(&plan, &facts, &all), &found, None);
    let granted = grants::lifts(&judged, &plan.line, &context.cwd, environment);
    let verdict = if granted.is_some() { Verdict::granted(judged) } else { judged };
    let verdict =
        decide::with_definitions(&verdict, &plan, |rwenv, object| index::find(rwenv, object, environment));
    let concerned = decide::concerned(&plan, &facts, &all);
    let (session, rwenvs) = (call.session.as_deref(), &concerned);
    let record = audit::Call { door: call.door, session, cwd: &context.cwd, command: &command, rwenvs };
    let recorded = audit::append(record, &verdict, environment);
    if verdict.decision() == Decision::Ask && call.asks {
        // Without it the shim asks for a person's yes once more, which is no hole.
        let _ = asked::record(&plan, &verdict, session, environment);
    }
    // Without a record of it, nothing is changed.
    let unrecorded = recorded.err().filter(|_| plan.changes_something()).map(|e| e.to_string());
    let mut judged = concluded(&verdict, call, unrecorded);
    if matches!(call.asked, Asked::Line(_)) && judged.decision < Decision::Deny {
        judged.pinned = decide::pinned(&plan, &facts, &all);
        judged.approved = judged.decision == Decision::Allow && decide::approved(&plan, &facts, &all);
    }
    judged
}

fn concluded(verdict: &Verdict, call: &Call, unrecorded: Option<String>) -> Judged {
    if let (Decision::Allow | Decision::Ask, Some(why)) = (verdict.decision(), unrecorded) {
        return Judged::new(Decision::Deny, audit::unrecorded(&why));
    }
    let text = text::of(verdict);
    match verdict.decision() {
        Decision::Ask if !call.asks => Judged::new(
            Decision::Deny,
            format!(
                "{text}  A person would be asked, and here nobody can be: a person runs it, or allows it for a while with rwenv grant."
            ),
        ),
        decision => Judged::new(decision, text),
    }
}

/// Secrets that these writings bring into manifests of a rwenv: those that the files do not hold already.
fn secrets(files: &[Writing], context: &Context, environment: &Environment) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| Tree::is_yaml(&file.path)) {
        let home = environment.home.display().to_string();
        let full = match file.path.strip_prefix("~/") {
            Some(rest) => format!("{home}/{rest}"),
            None if file.path.starts_with('/') => file.path.clone(),
            None => format!("{}/{}", context.cwd, file.path),
        };
        let folder = Path::new(&full).parent().and_then(Path::to_str).unwrap_or(&context.cwd);
        let clones = environment.config_dir.join("flux-repos");
        let concerns = Path::new(&full).starts_with(clones)
            || [folder, &context.cwd].into_iter().any(|dir| {
                binding::of(dir, environment).iter().any(|bound| matches!(bound, Bound::Rwenv(_)))
            });
        if !concerns {
            continue;
        }
        let before = files::read(Path::new(&full)).ok().flatten().unwrap_or_default();
        let after = match &file.content {
            Content::Whole(text) => text.clone(),
            Content::Replaced(pairs) => {
                pairs.iter().fold(before.clone(), |text, (old, new)| text.replace(old.as_str(), new))
            }
            Content::Unknown => continue,
        };
        let known = manifest::secrets_of_file(&file.path, before.as_bytes());
        let new = manifest::secrets_of_file(&file.path, after.as_bytes());
        found.extend(new.into_iter().filter(|one| !known.iter().any(|old| old.same_as(one))));
    }
    found
}
