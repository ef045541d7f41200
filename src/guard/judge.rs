//! What is decided about a request, and what is put on record of it.

use std::sync::{Mutex, PoisonError};

use super::meaning::{Asking, Meaning, meaning, not_dry};
use super::request::{Refusal, Request};
use crate::decide::{self, kind_named, text};
use crate::host::environment::Environment;
use crate::host::policies::{self, Loaded, Mark};
use crate::host::{self, audit, grants, index};
use crate::model::{Context, Decision, Effect, Facts, Operation, Reason, Rwenvs, Span, Verdict};

/// Name of this enforcement point in the log.
const DOOR: &str = "guard";

/// Decides about requests.
pub struct Judge {
    environment: Environment,
    context: Context,
    rules: Mutex<Option<(Vec<Mark>, Loaded)>>,
}

/// What was decided.
pub(super) struct Ruling {
    pub(super) verdict: Verdict,
    /// It is more than a read: it goes on record.
    pub(super) notable: bool,
}

impl Ruling {
    /// A request that cannot be judged is refused.
    pub(super) fn unread(why: &str, rwenv: &str) -> Self {
        let reason = Reason {
            decision: Decision::Deny,
            rule: decide::ids::REQUEST.to_owned(),
            text: why.to_owned(),
            instead: "Use kubectl, or a client library, with its own paths and headers.".to_owned(),
            part: String::new(),
            span: Span::default(),
            rwenv: Some(rwenv.to_owned()),
        };
        Self { verdict: Verdict::from_reasons(vec![reason]), notable: true }
    }
}

impl Judge {
    /// For requests of this user.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        let context = decide::request_context(&environment.config_dir.display().to_string());
        Self { environment, context, rules: Mutex::default() }
    }

    /// The rules beside the built-in ones, read again where a file of them has changed.
    fn rules(&self) -> Loaded {
        let marks = policies::marks(&policies::folders(&self.context.cwd, &self.environment));
        let mut known = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((of, loaded)) if *of == marks => loaded.clone(),
            _ => {
                let loaded = policies::load(&self.context.cwd, &self.environment);
                *known = Some((marks, loaded.clone()));
                loaded
            }
        }
    }

    /// Decides about a request of which nothing but its first line is known, and gives the target as it is sent on. Groups that
    /// are not the API server's own count as another program's.
    ///
    /// # Errors
    /// Where it is not even looked at.
    pub fn of_line(
        &self,
        method: &str,
        target: &str,
        rwenv: &str,
        rwenvs: &Rwenvs,
    ) -> Result<(Decision, String), Refusal> {
        let request = Request::read(method, target)?;
        let mut meaning = meaning(&request, Asking::default(), b"");
        if meaning.own.is_some() {
            meaning.operation = not_dry(meaning.operation);
        }
        let ruling = self.decide(&meaning, &line(method, &request), rwenv, rwenvs);
        Ok((ruling.verdict.decision(), request.target()))
    }

    /// Decides about a request in the name of a rwenv.
    pub(super) fn decide(&self, meaning: &Meaning, line: &str, rwenv: &str, rwenvs: &Rwenvs) -> Ruling {
        let plan = match &meaning.run {
            Some(words) => decide::plan_argv(words.clone(), Vec::new(), &self.context),
            None => decide::plan_request(meaning.operation.clone(), line, &self.context),
        };
        let Loaded { rules, problem } = self.rules();
        let facts = Facts { rules, rules_unknown: problem, ..decide::request_facts(rwenv) };
        let mut verdict = decide::conclude(&plan, &facts, rwenvs);
        let operations = || plan.planned.iter().map(|planned| &planned.operation);
        if verdict.decision() > Decision::Allow && self.granted(&verdict, operations(), rwenv) {
            verdict = verdict.granted();
        }
        let verdict = decide::with_definitions(&verdict, &plan, |rwenv, object| {
            index::find(rwenv, object, &self.environment)
        });
        let notable = verdict.decision() > Decision::Allow || operations().any(|o| o.effect > Effect::Read);
        Ruling { verdict, notable }
    }

    /// True where a person has opened the guard for what is asked.
    fn granted<'o>(
        &self,
        verdict: &Verdict,
        operations: impl Iterator<Item = &'o Operation> + Clone,
        rwenv: &str,
    ) -> bool {
        grants::not_lifted(verdict).is_none()
            && grants::live(&self.environment).iter().any(|grant| {
                let context =
                    Context { cwd: grant.cwd.clone(), ..host::context(Some(&grant.cwd), &self.environment) };
                let observed = host::observe(decide::plan(&grant.command, &context), &self.environment);
                let concerned = decide::concerned(&observed.plan, &observed.facts, &observed.rwenvs);
                let granted: Vec<&Operation> =
                    observed.plan.planned.iter().map(|planned| &planned.operation).collect();
                concerned.iter().any(|name| name == rwenv)
                    && operations.clone().all(|asked| granted.iter().any(|granted| covers(granted, asked)))
            })
    }

    /// Puts a request on record; says why it cannot be.
    pub(super) fn record(&self, ruling: &Ruling, line: &str, rwenv: &str) -> Option<String> {
        let rwenvs = [rwenv.to_owned()];
        let call =
            audit::Call { door: DOOR, session: None, cwd: &self.context.cwd, command: line, rwenvs: &rwenvs };
        audit::append(call, &ruling.verdict, &self.environment).err().map(|error| error.to_string())
    }
}

/// True where a request is part of what was granted: it does the same sort of thing, and the object is the one that was named, where
/// one was. Of a workload's pods, of a chart's objects and of a node's pods the names are not known beforehand.
fn covers(granted: &Operation, asked: &Operation) -> bool {
    let (of, kinds) = (&granted.target, &asked.target.kinds);
    let known = |word: &String| kind_named(word).map_or_else(|| word.clone(), str::to_owned);
    let same_kind = of.kinds.iter().any(|kind| kinds.iter().any(|asked| known(asked) == known(kind)));
    let runs = matches!(asked.effect, Effect::Exec | Effect::Tunnel);
    let of_many = granted.tool == "helm"
        || (granted.verb == "drain" && asked.verb == "drain")
        || (runs && !of.kinds.is_empty() && !same_kind);
    asked.effect == granted.effect
        && (of.namespace.is_none() || of.namespace == asked.target.namespace)
        && (of.kinds.is_empty() || same_kind || of_many)
        && (of.names.is_empty() || of_many || asked.target.names.iter().all(|name| of.names.contains(name)))
        && (of.names.is_empty() || of_many || !asked.target.names.is_empty())
}

/// The line a request has in the log.
pub(super) fn line(method: &str, request: &Request) -> String {
    format!("{method} {}", request.target())
}

/// What a client is told of a request that is refused.
pub(super) fn told(verdict: &Verdict) -> String {
    let mut text = text::of(verdict).trim_end().to_owned();
    if verdict.decision() == Decision::Ask {
        text.push_str(
            "\n  A yes that was given elsewhere does not reach the API guard: a person opens it for a while with rwenv grant.",
        );
    }
    text
}
