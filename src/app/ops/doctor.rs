//! Whether the guard stands: every check of the doctor's, in order. How they are shown does not belong here.

use super::check::Check;
use super::{clusters, custody, machine};
use rwenv_gate::base::environment::Environment;

/// Who holds the credentials of each rwenv, without asking clusters.
#[must_use]
pub fn custody(environment: &Environment) -> Vec<Check> {
    let all = custody::examine(true, environment).into_iter();
    all.filter(|check| check.id == "custody").collect()
}

/// How much of the audit log is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPart {
    /// Its newest file, which is quick.
    Newest,
    /// All of it.
    Whole,
}

/// Everything that is looked at.
#[must_use]
pub fn examine(offline: bool, log: LogPart, environment: &Environment) -> Vec<Check> {
    let mut all = machine::examine(log == LogPart::Whole, environment);
    all.extend(clusters::examine(environment));
    all.extend(custody::examine(offline, environment));
    all
}
