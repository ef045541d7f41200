//! What this program does in a rwenv is under the rwenv's policy like what other programs do.

use super::prompt;
use crate::decide::text;
use crate::enforce::shim::{self, Run};
use crate::host::environment::Environment;
use crate::host::{agent, audit};
use crate::model::{Decision, Word};

/// Exit status of what the policy does not allow.
pub(super) const DENIED: u8 = 2;

/// What is said where the policy does not allow this very call; a person at a terminal is asked where it wants to be.
pub(super) fn permitted(environment: &Environment) -> anyhow::Result<Option<String>> {
    let own = std::env::args().skip(1);
    let argv: Vec<Word> = std::iter::once("rwenv".to_owned()).chain(own).map(Word::literal).collect();
    let Some(Run { verdict, changes, answered, recorded }) =
        shim::judged("cli", &argv, Vec::new(), environment)
    else {
        return Ok(None);
    };
    if let (Err(why), true) = (&recorded, changes) {
        return Ok(Some(audit::unrecorded(why)));
    }
    match verdict.decision() {
        Decision::Allow => Ok(None),
        Decision::Ask if answered => Ok(None),
        Decision::Ask if prompt::is_possible() && agent::at_work(&agent::ancestors()).is_none() => {
            let question = format!("{}Go on?", text::of(&verdict));
            Ok((!prompt::yes(&question, false)?).then(|| "nothing was changed".to_owned()))
        }
        Decision::Ask => Ok(Some(format!(
            "{}  A person is asked about this, and nobody can be asked here: a person runs it, or allows it for a while with rwenv grant.",
            text::of(&verdict)
        ))),
        Decision::Deny => Ok(Some(text::of(&verdict))),
    }
}
