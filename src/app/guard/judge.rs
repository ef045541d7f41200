//! What is decided about a request, and what is put on record of it.

use std::sync::{Arc, Mutex, PoisonError};

use super::meaning::{Asking, Mask, Meaning, meaning, not_dry};
use super::request::{Refusal, Request};
use rwenv_core::decide::{self, Plan, Planned, Sending, kind_named, text};
use rwenv_core::model::{
    Context, Decision, Effect, Facts, Operation, Reason, Repository, Rwenv, Rwenvs, Span, Verdict,
};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts;
use rwenv_gate::facts::policies::{self, Loaded};
use rwenv_gate::judge::Permit;
use rwenv_gate::judge::{self, Case, KnownPlan, Lift, Outcome, Person, PersonQuestion, Recording};
use rwenv_gate::ledger::audit::Caller;
use rwenv_gate::ledger::grants::Grant;
use rwenv_gate::ledger::{audit, grants};

/// Name of this enforcement point in the log.
const DOOR: &str = "guard";
/// What patches are that are judged without being sent.
const MERGE_PATCH: &str = "application/merge-patch+json";
/// What a person can do about a question that reaches the guard.
const NOBODY: &str = "An approval given elsewhere does not count at the API guard. A person can open it for a while with rwenv grant.";

/// Decides about requests. It reads files, and for a grant may start git: it is not for a thread that others wait for.
pub struct Judge {
    environment: Environment,
    context: Context,
    opened: Mutex<Vec<OpenedGrant>>,
}

/// What a grant opens the guard for, as it was when a request first needed it: what its line stands for is looked up once, however
/// often a client tries.
struct OpenedGrant {
    grant: Grant,
    /// The rwenvs it was looked up with.
    rwenvs: Rwenvs,
    means: Arc<GrantedMeaning>,
}

/// A request as it would be sent; its body is a merge patch.
#[derive(Clone, Copy, Debug)]
pub struct SentRequest<'r> {
    /// Method of HTTP.
    pub method: &'r str,
    /// Path and query.
    pub target: &'r str,
    /// Body.
    pub body: &'r str,
}

/// What a policy says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyAnswer {
    /// Nothing against it.
    Allowed,
    /// Nothing against it, as long as values of Secrets are left out of the answer.
    Masked,
    /// The strictest reason against it; a question is one too.
    Refused(Reason),
}

/// A request, as both logs have it.
pub(super) struct RequestLine {
    /// Its line in ours.
    pub(super) line: String,
    /// Its ID in the cluster's.
    pub(super) audit_id: String,
}

/// What a request asks for, and what is known about it.
struct AskedRequest {
    plan: Plan,
    facts: Facts,
}

/// What a granted line would do, and in whose name.
struct GrantedMeaning {
    grant: String,
    operations: Vec<Operation>,
    concerned: Vec<String>,
}

impl Judge {
    /// For requests of this user.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        let context = decide::request_context(&environment.config_dir.display().to_string());
        Self { environment, context, opened: Mutex::default() }
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
        let AskedRequest { plan, facts } = self.asked(&meaning, &line(method, &request), (rwenv, rwenvs));
        let seen = KnownPlan { plan: &plan, facts: &facts, rwenvs };
        let granted = |verdict: &Verdict| self.granted(verdict, &plan, (rwenv, rwenvs));
        let verdict = judge::weigh(seen, Vec::new(), &Lift::Request(&granted), &self.environment);
        Ok((verdict.decision(), request.target()))
    }

    /// What the policy of a rwenv says of a request, whoever sends it and whatever was granted.
    ///
    /// # Errors
    /// Where it is not even looked at, or a policy cannot be read.
    pub fn policy(&self, sent: SentRequest<'_>, rwenv: &Rwenv) -> Result<PolicyAnswer, Refusal> {
        let request = Request::read(sent.method, sent.target)?;
        let asking = Asking { content_type: MERGE_PATCH, ..Asking::default() };
        let meaning = meaning(&request, asking, sent.body.as_bytes());
        let plan = self.planned(&meaning, &line(sent.method, &request));
        let answer = self.answered(&plan, None, rwenv)?;
        let masked = answer == PolicyAnswer::Allowed && meaning.mask == Mask::Secrets;
        Ok(if masked { PolicyAnswer::Masked } else { answer })
    }

    /// What the policy of a rwenv says of a push to its Flux repository by an agent, whatever is in it.
    ///
    /// # Errors
    /// Where a policy cannot be read.
    pub fn push_policy(&self, sending: &Sending, rwenv: &Rwenv) -> Result<PolicyAnswer, Refusal> {
        let url = rwenv.flux_git_repo.as_deref().unwrap_or_default();
        let plan = decide::plan_push(std::slice::from_ref(sending), url, false, &self.context);
        self.answered(&plan, Some(Repository::Flux), rwenv)
    }

    fn answered(&self, plan: &Plan, on: Option<Repository>, rwenv: &Rwenv) -> Result<PolicyAnswer, Refusal> {
        let Loaded { rules, problem } = policies::load(&self.context.cwd, &self.environment);
        if let Some(why) = problem {
            return Err(Refusal { code: 500, why });
        }
        let verdict = decide::policy_of(plan, on, &rules, rwenv);
        Ok(verdict.first().map_or(PolicyAnswer::Allowed, |reason| PolicyAnswer::Refused(reason.clone())))
    }

    /// Decides about a request in the name of a rwenv, and puts it on record.
    pub(super) fn rule(
        &self,
        meaning: &Meaning,
        RequestLine { line, audit_id }: &RequestLine,
        rwenv: &str,
        rwenvs: &Rwenvs,
    ) -> Result<Permit, Refusal> {
        let AskedRequest { plan, facts } = self.asked(meaning, line, (rwenv, rwenvs));
        let granted = |verdict: &Verdict| self.granted(verdict, &plan, (rwenv, rwenvs));
        let case = Case {
            door: DOOR,
            caller: Caller { audit_id: Some(audit_id), remote: true, ..Caller::default() },
            command: line,
            seen: KnownPlan { plan: &plan, facts: &facts, rwenvs },
            found: Vec::new(),
            lift: Lift::Request(&granted),
            person: &|| Person::Nobody(NOBODY),
            recorded: Recording::ButReads,
        };
        match judge::judge(case, &self.environment).outcome {
            Outcome::Run(permit) => Ok(permit),
            Outcome::Ask(PersonQuestion { text: why, .. })
            | Outcome::Refuse(why)
            | Outcome::Unrecorded(why) => Err(Refusal { code: 403, why: why.trim_end().to_owned() }),
        }
    }

    /// What a request asks for.
    fn planned(&self, meaning: &Meaning, line: &str) -> Plan {
        match &meaning.run {
            Some(words) => decide::plan_argv(words.clone(), Vec::new(), &self.context),
            None => decide::plan_request(meaning.operation.clone(), line, &self.context),
        }
    }

    /// What a request asks for, and what is known about it.
    fn asked(&self, meaning: &Meaning, line: &str, (rwenv, rwenvs): (&str, &Rwenvs)) -> AskedRequest {
        let plan = self.planned(meaning, line);
        let Loaded { rules, problem } = policies::load(&self.context.cwd, &self.environment);
        let mut facts = Facts { rules, rules_unknown: problem, ..decide::request_facts(rwenv) };
        if let Some(rwenv) = rwenvs.get(rwenv) {
            facts::own_cluster(rwenv, &plan, &mut facts, &self.environment);
        }
        AskedRequest { plan, facts }
    }

    /// The line of a person's that opens the guard for what is asked.
    fn granted(&self, verdict: &Verdict, plan: &Plan, (rwenv, rwenvs): (&str, &Rwenvs)) -> Option<String> {
        let covered = |means: &GrantedMeaning, asked: &Planned| {
            means.operations.iter().any(|granted| covers(granted, &asked.operation))
        };
        if grants::not_lifted(verdict).is_some() {
            return None;
        }
        let opens = |means: &Arc<GrantedMeaning>| {
            means.concerned.iter().any(|name| name == rwenv)
                && plan.planned.iter().all(|asked| covered(means, asked))
        };
        self.means(rwenvs).into_iter().find(opens).map(|means| means.grant.clone())
    }

    /// What the grants that count now open the guard for.
    fn means(&self, rwenvs: &Rwenvs) -> Vec<Arc<GrantedMeaning>> {
        let live = grants::live(&self.environment);
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|known| known.rwenvs == *rwenvs && live.contains(&known.grant));
        for grant in live.into_iter().filter(|grant| grant.area.is_none()) {
            if !opened.iter().any(|known| known.grant == grant) {
                let means = Arc::new(self.look_up(&grant));
                opened.push(OpenedGrant { grant, rwenvs: rwenvs.clone(), means });
            }
        }
        opened.iter().map(|known| Arc::clone(&known.means)).collect()
    }

    fn look_up(&self, grant: &Grant) -> GrantedMeaning {
        let context =
            Context { cwd: grant.cwd.clone(), ..facts::context(Some(&grant.cwd), &self.environment) };
        let observed = facts::observe(decide::plan(&grant.command, &context), &self.environment);
        let concerned = decide::concerned(&observed.plan, &observed.facts, &observed.rwenvs);
        let operations = observed.plan.planned.into_iter().map(|planned| planned.operation).collect();
        GrantedMeaning { grant: grant.id.clone(), operations, concerned }
    }

    /// Puts on record that a request was not even looked at; gives what the client is told.
    pub(super) fn not_read(&self, refusal: Refusal, line: &str, rwenv: &str) -> Refusal {
        let verdict = unread(&refusal, rwenv);
        let rwenvs = &[rwenv.to_owned()];
        let cwd = &self.context.cwd;
        let call = {
            let caller = Caller { remote: true, ..Caller::default() };
            audit::AuditedCall { door: DOOR, caller, cwd, command: line, rwenvs, effects: &[] }
        };
        // It is refused all the same.
        let _ = audit::append(call, &verdict, &self.environment);
        Refusal { why: text::reasons_text(&verdict).trim_end().to_owned(), ..refusal }
    }
}

/// A request that cannot be judged is denied.
fn unread(refusal: &Refusal, rwenv: &str) -> Verdict {
    let instead = match refusal.code {
        408 | 429 => "Try again in a moment, when other requests have finished.",
        _ => "Use kubectl or a client library, with its usual paths and headers.",
    };
    let text = format!("The API guard refuses this request: {}.", refusal.why);
    let reason = Reason::new(Decision::Deny, decide::ids::REQUEST, text, instead);
    Verdict::from_reasons(vec![reason.about(Span::default(), Some(rwenv))])
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

#[cfg(test)]
mod tests {
    use super::*;
    use rwenv_core::model::RwenvName;
    use rwenv_gate::base::files;
    use rwenv_gate::ledger::grants::GrantTerms;

    #[test]
    fn what_a_grant_opens_is_looked_up_once() {
        let home = tempfile::TempDir::new().unwrap();
        let environment = Environment::at(home.path());
        let cwd = home.path().display().to_string();
        files::make_private_dir(&home.path().join(".claude/rwenv")).unwrap();
        files::write(
            &home.path().join(".claude/rwenv/envs.json"),
            r#"{"rwenvs":{"dev":{"readOnly":true,"kubernetesContext":"c"}}}"#,
            0o600,
        )
        .unwrap();
        let context = facts::context(Some(&cwd), &environment);
        let plan = decide::plan("kubectl --context c delete pod web-0 -n app", &context);
        let denied = unread(&Refusal { code: 403, why: "no".to_owned() }, "dev");
        let terms = GrantTerms { seconds: 60, reason: None, person: "ada" };
        grants::make(&plan, &denied, vec!["dev".to_owned()], terms, &environment).unwrap();
        let judge = Judge::new(environment);
        let rwenvs = facts::config::rwenvs(&home.path().join(".claude/rwenv"));
        let decided = |target: &str| judge.of_line("DELETE", target, "dev", &rwenvs).unwrap().0;
        let first = judge.means(&rwenvs);
        for _ in 0..100 {
            assert_eq!(decided("/api/v1/namespaces/app/pods/web-0"), Decision::Allow);
            assert_eq!(decided("/api/v1/namespaces/app/pods/web-1"), Decision::Deny);
        }
        let last = judge.means(&rwenvs);
        assert!(first.len() == 1 && last.len() == 1 && Arc::ptr_eq(&first[0], &last[0]));
        // Other rwenvs, another meaning.
        let mut others = rwenvs.clone();
        others.all.push(Rwenv::named(RwenvName::new("new").unwrap()));
        assert!(!Arc::ptr_eq(&first[0], &judge.means(&others)[0]));
    }
}
