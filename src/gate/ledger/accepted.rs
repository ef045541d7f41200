//! Findings that a person accepts: which, where, who says so, why, and until when. The list is the person's own; an agent can
//! neither write the file nor have it written.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::clock;
use crate::base::environment::Environment;
use crate::base::files::{self, FileError};
use crate::base::redact::redact;
use crate::facts::content;
use crate::facts::objects::{Budget, ObjectRepository};
use rwenv_core::manifest::{AcceptedFinding, Finding, LintReport};
use rwenv_core::model::same_repository;

/// One finding that is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The rule.
    pub rule: String,
    /// The repository: the URL of a remote, or where it lies.
    pub repository: String,
    /// The file, from the root of the repository.
    pub path: String,
    /// What was found.
    pub message: String,
    /// Tells two secrets of the same name apart.
    mark: u64,
    /// Why, in the person's words.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// The last day on which it counts; none: it counts for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl Acceptance {
    /// True where its last day is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.until.as_deref().is_some_and(|until| until < today().as_str())
    }
}

/// The day it is, in UTC.
#[must_use]
pub fn today() -> String {
    clock::rfc3339(clock::now()).chars().take(10).collect()
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct AcceptedFile {
    accepted: Vec<Acceptance>,
}

/// Path of the list.
#[must_use]
pub fn path(environment: &Environment) -> PathBuf {
    environment.config_dir.join("accepted.json")
}

/// All that is accepted.
///
/// # Errors
/// Where the list cannot be read, or others could have written it.
pub fn all(environment: &Environment) -> Result<Vec<Acceptance>, FileError> {
    let path = path(environment);
    let Some(text) = files::read_trusted(&path)? else { return Ok(Vec::new()) };
    let file: AcceptedFile = serde_json::from_str(&text).map_err(|e| FileError::io(&path, e.into()))?;
    Ok(file.accepted)
}

/// Where findings were looked for: the names of the repository, and the folder in it that their paths start from.
#[derive(Clone, Debug, Default)]
pub struct SearchedPlace {
    names: Vec<String>,
    prefix: String,
}

impl SearchedPlace {
    /// The repository as a whole that holds a directory; the directory where there is none.
    #[must_use]
    pub fn of(dir: &Path, environment: &Environment) -> Self {
        let own = || dir.display().to_string();
        let Ok(repository) = ObjectRepository::at(dir, environment, Budget::ample()) else {
            return Self { names: vec![own()], prefix: String::new() };
        };
        let mut names = content::remotes(&repository);
        names.push(repository.text(&["rev-parse", "--show-toplevel"]).unwrap_or_else(|_| own()));
        Self { names, prefix: String::new() }
    }

    /// The repository at a URL, wherever its objects are.
    #[must_use]
    pub fn of_remote(url: &str) -> Self {
        Self { names: vec![url.to_owned()], prefix: String::new() }
    }

    /// The same, with paths that start from this directory.
    #[must_use]
    pub fn below(dir: &Path, environment: &Environment) -> Self {
        let repository = ObjectRepository::at(dir, environment, Budget::ample());
        let prefix = repository.ok().and_then(|r| r.text(&["rev-parse", "--show-prefix"]).ok());
        Self { prefix: prefix.unwrap_or_default(), ..Self::of(dir, environment) }
    }

    /// The folder of the repository.
    #[must_use]
    pub fn root(&self) -> Option<&str> {
        self.names.last().map(String::as_str)
    }

    /// The name to write down: of a remote, where there is one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    fn is(&self, repository: &str) -> bool {
        self.names.iter().any(|name| name == repository || same_repository(name, repository))
    }

    fn path(&self, finding: &Finding) -> String {
        format!("{}{}", self.prefix, finding.path)
    }

    /// Accepts a finding of this place.
    #[must_use]
    pub fn accept(&self, finding: &Finding, reason: &str, by: &str, until: Option<&str>) -> Acceptance {
        Acceptance {
            rule: finding.rule.to_owned(),
            repository: redact(self.name()),
            path: self.path(finding),
            message: finding.message.clone(),
            mark: finding.mark,
            reason: reason.to_owned(),
            by: by.to_owned(),
            at: clock::rfc3339(clock::now()),
            until: until.map(str::to_owned),
        }
    }
}

/// Takes the findings out of a report that the list accepts. Gives what is to be said of it: of those whose day is over, and of a list
/// that cannot be read.
pub fn sift(report: &mut LintReport, place: &SearchedPlace, environment: &Environment) -> Vec<String> {
    if report.findings.is_empty() {
        return Vec::new();
    }
    let list = match all(environment) {
        Ok(list) => list,
        Err(error) => return vec![format!("no finding is accepted: {error}")],
    };
    let mut said = Vec::new();
    for finding in std::mem::take(&mut report.findings) {
        let path = place.path(&finding);
        let is = |one: &&Acceptance| {
            (one.rule.as_str(), one.path.as_str(), one.mark) == (finding.rule, path.as_str(), finding.mark)
                && one.message == finding.message
                && place.is(&one.repository)
        };
        let (over, counts): (Vec<&Acceptance>, Vec<&Acceptance>) =
            list.iter().filter(is).partition(|one| one.is_over());
        let Some(one) = counts.first() else {
            said.extend(over.last().map(|one| {
                let until = one.until.as_deref().unwrap_or_default();
                format!("{path}: {} was accepted until {until} by {} ({})", one.rule, one.by, one.reason)
            }));
            report.findings.push(finding);
            continue;
        };
        let Acceptance { reason, by, until, .. } = (*one).clone();
        report.accepted.push(AcceptedFinding { finding, reason, by: Some(by), until });
    }
    said
}

/// Adds to the list; what accepted the same before is replaced.
///
/// # Errors
/// Where it cannot be read or written.
pub fn add(new: Vec<Acceptance>, environment: &Environment) -> Result<(), FileError> {
    files::make_private_dir(&environment.config_dir)?;
    let _lock = files::lock(&environment.config_dir)?;
    let mut accepted = all(environment)?;
    let same = |a: &Acceptance, b: &Acceptance| {
        (&a.rule, &a.repository, &a.path, &a.message, a.mark)
            == (&b.rule, &b.repository, &b.path, &b.message, b.mark)
    };
    accepted.retain(|old| !new.iter().any(|one| same(one, old)));
    accepted.extend(new);
    let path = path(environment);
    let text = serde_json::to_string_pretty(&AcceptedFile { accepted })
        .map_err(|error| FileError::io(&path, error.into()))?;
    files::write(&path, &(text + "\n"), 0o600)
}
