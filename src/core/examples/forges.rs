//! The examples of requests to forges: several programs send them, so that what counts is any call that publishes something.

use super::report::{ExamplesReport, context};
use crate::decide;
use crate::model::{Effect, Operation, Trait};
use crate::table::ForgeFile;

pub(super) fn run(file: &str, forges: &ForgeFile, report: &mut ExamplesReport) {
    let calls = |line: &str| {
        decide::plan(line, &context()).planned.into_iter().map(|p| p.operation).collect::<Vec<_>>()
    };
    let published = |o: &&Operation| o.effect == Effect::GitPublish;
    for row in forges.requests {
        let at = format!("{file}: {} {}", row.verb, row.paths.join(" "));
        for example in row.examples {
            let all = calls(example);
            let found = all.iter().find(published).map(|o| &o.traits);
            let as_told = found.is_some_and(|own| row.traits.iter().all(|t| own.contains(t)));
            report.check(
                &at,
                example,
                (!as_told).then(|| format!("is {found:?}, should be {:?}", row.traits)),
            );
        }
        for example in row.harmless {
            let found = calls(example)
                .into_iter()
                .find(|o| o.effect > Effect::Read && !o.traits.contains(&Trait::Talk));
            report.check(
                &at,
                example,
                found.map(|o| {
                    format!("its effect is {}, the table says that it changes nothing", o.effect.as_str())
                }),
            );
        }
    }
}
