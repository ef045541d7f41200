//! The information point: what is known of this machine, its configuration and its repositories, read on demand.

pub mod audit;
pub mod binding;
pub mod clock;
pub mod config;
pub mod environment;
mod fields;
pub mod files;
mod git;
pub mod kubeconfig;
pub mod redact;

use crate::model::{Context, Facts, Question, Rwenvs};
use environment::Environment;

/// Everything a decision reads of the outside, but for the answers to its questions.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The configured rwenvs, or why they could not be read.
    pub rwenvs: Rwenvs,
    environment: Environment,
}

/// Reads the configuration.
#[must_use]
pub fn snapshot(environment: &Environment) -> Snapshot {
    Snapshot { rwenvs: config::rwenvs(&environment.config_dir), environment: environment.clone() }
}

impl Snapshot {
    /// Answers exactly these questions.
    #[must_use]
    pub fn observe(&self, questions: &[Question]) -> Facts {
        let mut facts = Facts::default();
        for question in questions {
            match question {
                Question::Binding(dir) => {
                    let bound =
                        dir.path().map(|path| binding::of(path, &self.environment)).unwrap_or_default();
                    facts.bindings.push((dir.clone(), bound));
                }
                Question::CurrentContext => {
                    facts.current_context = kubeconfig::current_context(&self.environment);
                }
                Question::GitRepository(dir) => {
                    facts.repositories.push((dir.clone(), git::repository(dir, &self.environment)));
                }
            }
        }
        facts
    }
}

/// Where a command line starts: the directory the caller names, or this process's own.
#[must_use]
pub fn context(cwd: Option<&str>, environment: &Environment) -> Context {
    let cwd = match cwd {
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(path) => format!("{}/{path}", environment::current_dir().display()),
        None => environment::current_dir().display().to_string(),
    };
    Context { cwd: crate::model::normalize(&cwd), home: environment.home.display().to_string() }
}
