//! A question to the person at this terminal: on the terminal itself, because standard input may be anything.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};

use crate::base::environment::Environment;
use crate::facts::agent::{self, Asker};
use crate::judge::{Permit, PersonQuestion};
use crate::ledger::{asked, audit};
use crate::net;
use rwenv_core::decide::text;
use rwenv_core::model::{Verdict, Word};

/// Times that the question is put before no answer counts as none.
const TIMES: usize = 3;

/// What a person is told beside the reasons.
const YOURS: &str = "You are at your own terminal, so it is yours to decide; the answer is put on record.";

/// Asks about a call; what they answer is on record. A permit, or what they are told.
pub(super) fn answered(question: PersonQuestion, environment: &Environment) -> Result<Permit, String> {
    let yes = asks(&format!("rwenv: {}{YOURS} Run it?", question.reasons)).unwrap_or(false);
    question.answered(yes, environment)
}

/// True where the person at this terminal says yes to a push that would be denied, or has just said so to git's shim; what they answer
/// is on record.
pub(super) fn decides(
    verdict: &Verdict,
    argv: &[Word],
    about: audit::Answer<'_>,
    environment: &Environment,
) -> bool {
    if !argv.is_empty() && asked::has_said(argv, environment) {
        return true;
    }
    if agent::asker(&agent::ancestors()) != Asker::Person {
        return false;
    }
    let yes = asks(&format!("rwenv: {}{YOURS} Push it?", text::reasons_for_person(verdict))).unwrap_or(false);
    let event = if yes { "answered-yes" } else { "answered-no" };
    audit::answered(audit::Answer { event, ..about }, environment).is_ok() && yes
}

/// Asks for a yes or a no; none where nobody answers.
fn asks(question: &str) -> Option<bool> {
    // A person takes longer to answer than a verdict to be made, and may end it with Ctrl-C.
    net::wait_for_person();
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    let mut answers = BufReader::new(terminal.try_clone().ok()?);
    for _ in 0..TIMES {
        write!(terminal, "{} (y/N) ", question.trim_end()).ok()?;
        terminal.flush().ok()?;
        let mut answer = String::new();
        if answers.read_line(&mut answer).ok()? == 0 {
            return None;
        }
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => return Some(true),
            "" | "n" | "no" => return Some(false),
            _ => {}
        }
    }
    None
}
