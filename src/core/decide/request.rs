//! Requests to the API of a cluster: one operation, judged in the name of the rwenv whose cluster it goes to.

use super::{Plan, Planned};
use crate::model::{Bound, Context, Dir, Facts, Invocation, Operation, Rule, Rwenv, Span, Verdict};
use crate::policy::{self, On, RULES, Subject};

/// The folder requests are said to come from: none of a project's.
const NOWHERE: &str = "/";

/// Where requests start.
#[must_use]
pub fn request_context(config_dir: &str) -> Context {
    Context {
        cwd: NOWHERE.to_owned(),
        home: NOWHERE.to_owned(),
        config_dir: config_dir.to_owned(),
        ..Context::default()
    }
}

/// Plans what a request would do; `line` is how logs call it.
#[must_use]
pub fn plan_request(operation: Operation, line: &str, context: &Context) -> Plan {
    let span = Span { start: 0, end: line.len() };
    let operation = Operation { span, cwd: vec![Dir::Known(context.cwd.clone())], ..operation };
    let planned = vec![Planned::alone(operation, Invocation::default())];
    let mut plan = Plan::of_operations(planned, context);
    line.clone_into(&mut plan.line);
    plan
}

/// What is known of a request: the rwenv its token stands for.
#[must_use]
pub fn request_facts(rwenv: &str) -> Facts {
    let bound = (Dir::Known(NOWHERE.to_owned()), Bound::Rwenv(rwenv.to_owned()));
    Facts { bindings: vec![bound], ..Facts::default() }
}

/// What the policy of a rwenv says of a request, or of a push to a repository, whatever is known of its cluster here: for who writes the policy down where the cluster
/// itself enforces it. `own` are the rules beside the built-in ones.
pub fn policy_of(plan: &Plan, on: On, own: &[Rule], rwenv: &Rwenv) -> Verdict {
    let subject = Subject::of(rwenv);
    let operations = plan.planned.iter().map(|planned| &planned.operation);
    let reasons = operations.flat_map(|operation| {
        let built_in = policy::evaluate(operation, on, &subject, RULES);
        built_in.into_iter().chain(policy::evaluate(operation, on, &subject, own))
    });
    Verdict::from_reasons(reasons.collect())
}
