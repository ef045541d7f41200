//! What this program does in a rwenv is under the rwenv's policy like what other programs do.

use super::{out, prompt};
use rwenv_core::model::Word;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::doors::shim;
use rwenv_gate::facts::agent;
use rwenv_gate::judge::{Outcome, Permit, Person, PersonQuestion};

/// Exit status of what the policy does not allow.
pub(super) const DENIED: u8 = 2;

/// What a person can do where nobody can be asked.
const NOBODY: &str = "This needs a person's approval, and nobody can be asked here. A person can run it, or allow it for a while with rwenv grant.";

/// A permit for a call that stands for this command line, where nobody can be asked; else why there is none.
pub(super) fn unasked(door: &str, argv: &[Word], environment: &Environment) -> Result<Permit, String> {
    match shim::run(door, argv, Vec::new(), &|| Person::Nobody(NOBODY), environment) {
        Outcome::Run(permit) => Ok(permit),
        Outcome::Ask(PersonQuestion { text: why, .. }) | Outcome::Refuse(why) | Outcome::Unrecorded(why) => {
            Err(why.trim_end().to_owned())
        }
    }
}

/// Does what this very call asks for, where the policy allows it; a person at a terminal is asked where it wants to be.
pub(super) fn under(
    environment: &Environment,
    act: impl FnOnce(Permit) -> anyhow::Result<u8>,
) -> anyhow::Result<u8> {
    let own = std::env::args().skip(1);
    let argv: Vec<Word> = std::iter::once("rwenv".to_owned()).chain(own).map(Word::literal).collect();
    let who = || match agent::at_work(&agent::ancestors()) {
        None if prompt::is_possible() => Person::AtTerminal,
        _ => Person::Nobody(NOBODY),
    };
    let refused = match shim::run("cli", &argv, Vec::new(), &who, environment) {
        Outcome::Run(permit) => {
            permit.told().iter().for_each(|line| out::note(line));
            return act(permit);
        }
        Outcome::Ask(question) => {
            let yes = prompt::yes(&format!("{}Go on?", question.reasons), false)?;
            match question.answered(yes, environment) {
                Ok(permit) => return act(permit),
                Err(why) => format!("nothing was changed. {why}"),
            }
        }
        Outcome::Refuse(why) | Outcome::Unrecorded(why) => why,
    };
    out::note(refused.trim_end());
    Ok(DENIED)
}
