//! What running examples comes to, and the world they run in.

use crate::model::Context;

/// An example that did not come to what it says.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    /// The file and the row.
    pub at: String,
    /// The command line.
    pub command: String,
    /// What it should come to, and what it came to.
    pub problem: String,
}

/// What a run of examples came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ExamplesReport {
    /// How many examples ran.
    pub ran: usize,
    /// Those that did not come to what they say.
    pub failures: Vec<Failure>,
}

impl ExamplesReport {
    /// Adds what another run came to.
    pub fn add(&mut self, other: Self) {
        self.ran += other.ran;
        self.failures.extend(other.failures);
    }

    /// A run that did not come about: what was wrong, and what to do.
    #[must_use]
    pub fn broken(problems: impl Iterator<Item = (String, String)>) -> Self {
        let failures: Vec<Failure> =
            problems.map(|(at, problem)| Failure { at, command: String::new(), problem }).collect();
        Self { ran: failures.len(), failures }
    }

    pub(super) fn check(&mut self, at: &str, command: &str, problem: Option<String>) {
        self.ran += 1;
        if let Some(problem) = problem {
            self.failures.push(Failure { at: at.to_owned(), command: command.to_owned(), problem });
        }
    }
}

pub(super) fn context() -> Context {
    Context {
        cwd: "/home/me/project".to_owned(),
        home: "/home/me".to_owned(),
        config_dir: "/home/me/.claude/rwenv".to_owned(),
        ..Context::default()
    }
}
