//! The examples of calls that name a server, an account, a project or a host, and of those that make kubeconfigs.

use super::report::{ExamplesReport, context};
use crate::decide::{self, Plan};
use crate::model::{Effect, Operation, Trait};
use crate::table::{Programs, Tool};

/// Every example of a row names a target of its kind.
pub(super) fn targets(file: &str, tool: &Tool, report: &mut ExamplesReport) {
    for row in tool.targets {
        let at = format!("{file}: {}", row.kind);
        let names = |operation: &Operation| {
            let of_kind = operation.target.services.iter().filter(|target| target.kind == row.kind);
            of_kind.into_iter().any(|t| !(t.names.is_empty() && t.parts.is_empty() && t.hints.is_empty()))
        };
        for example in row.examples {
            let named = operations(&decide::plan(example, &context())).any(names);
            report.check(&at, example, (!named).then(|| "names no target of this kind".to_owned()));
        }
    }
}

/// Every maker writes into the kubeconfig in use, or into a file of its own.
pub(super) fn makers(file: &str, programs: &Programs, report: &mut ExamplesReport) {
    for row in programs.makers {
        let at = format!("{file}: {}", row.command);
        for example in row.examples {
            let plan = decide::plan(example, &context());
            let makes = operations(&plan).any(|operation| operation.traits.contains(&Trait::MakesKubeconfig));
            report.check(
                &at,
                example,
                (!makes).then(|| "should write into the kubeconfig in use".to_owned()),
            );
        }
        for example in row.own {
            let plan = decide::plan(example, &context());
            let greatest = operations(&plan).map(|operation| operation.effect).max();
            let wrong = greatest != Some(Effect::LocalWrite);
            let told = format!("its effect is {greatest:?}; it should write a file of its own");
            report.check(&at, example, wrong.then_some(told));
        }
    }
}

fn operations(plan: &Plan) -> impl Iterator<Item = &Operation> {
    plan.planned.iter().map(|planned| &planned.operation)
}
