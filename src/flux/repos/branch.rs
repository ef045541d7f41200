//! Branches that are made beside the user's clone: in a worktree of their own, so that its files, its index and the branch it
//! is on stay as they are.

use std::fs;
use std::path::Path;

use super::mirror;
use super::network::{git_to, run};
use super::record::{missing_branch, record};
use super::work::{LOCAL, local, lock};
use super::{FluxRepository, RepoError};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::FileError;

/// What the other side has of the branch that Flux follows, as of the last sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The branch.
    pub branch: String,
    /// Its commit.
    pub commit: String,
}

/// A branch that is worked on.
#[derive(Clone, Copy, Debug)]
pub struct Work<'w> {
    /// The repository.
    pub flux: &'w FluxRepository,
    /// The folder its files are in.
    pub dir: &'w Path,
    /// Its name.
    pub branch: &'w str,
    /// For finding git.
    pub environment: &'w Environment,
}

/// The branch Flux follows.
///
/// # Errors
/// Where the other side has no such branch, or there is no clone.
pub fn base(flux: &FluxRepository) -> Result<Base, RepoError> {
    let branch = record(flux).followed(flux);
    let missing = |why: String| RepoError::InTheWay { path: flux.clone_dir(), why };
    if let Some(none) = missing_branch(flux) {
        return Err(missing(none.to_string()));
    }
    let branch = branch.ok_or_else(|| missing("the remote has no branch yet".to_owned()))?;
    let tip = |path: &Path| -> Result<String, git2::Error> {
        let repository = git2::Repository::open(path)?;
        let reference = repository.find_reference(&format!("refs/remotes/origin/{branch}"))?;
        Ok(reference.peel_to_commit()?.id().to_string())
    };
    let commit =
        tip(&flux.clone_dir()).map_err(|_| missing(format!("the remote has no branch '{branch}'")))?;
    Ok(Base { branch, commit })
}

/// True where a commit is another one, or comes after it. False where one of them is not known here.
#[must_use]
pub fn holds(flux: &FluxRepository, later: &str, commit: &str) -> bool {
    let check = || -> Result<bool, git2::Error> {
        let repository = git2::Repository::open_bare(flux.mirror())?;
        let (later, commit) = (git2::Oid::from_str(later)?, git2::Oid::from_str(commit)?);
        repository.find_commit(later)?;
        Ok(later == commit || repository.graph_descendant_of(later, commit)?)
    };
    check().unwrap_or(false)
}

/// The commit a branch is at on the other side; asks it.
///
/// # Errors
/// Where it does not answer.
pub fn tip(
    flux: &FluxRepository,
    branch: &str,
    environment: &Environment,
) -> Result<Option<String>, RepoError> {
    Ok(mirror::ask(flux, environment)?.all.remove(&format!("refs/heads/{branch}")))
}

impl Work<'_> {
    fn local(&self, arguments: &[&str]) -> Result<String, RepoError> {
        local(arguments, self.dir, self.environment)
    }

    /// Makes the branch at a commit, and checks it out into the folder. What an earlier run left of it is thrown away.
    ///
    /// # Errors
    /// Where git cannot.
    pub fn start(&self, commit: &str) -> Result<(), RepoError> {
        self.discard()?;
        let _lock = lock(self.flux)?;
        let dir = self.dir.display().to_string();
        let arguments = ["worktree", "add", "-q", "--no-track", "-b", self.branch, &dir, commit];
        local(&arguments, &self.flux.clone_dir(), self.environment).map(drop)
    }

    /// Writes files and stages them.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn stage<'t>(&self, files: impl Iterator<Item = (&'t str, &'t str)>) -> Result<(), RepoError> {
        for (path, text) in files {
            let full = self.dir.join(path);
            let meta = fs::symlink_metadata(&full).map_err(|e| FileError::io(&full, e))?;
            if !meta.is_file() {
                return Err(RepoError::InTheWay { path: full, why: "is not a regular file".to_owned() });
            }
            fs::write(&full, text).map_err(|e| FileError::io(&full, e))?;
            self.local(&["--literal-pathspecs", "add", "--", path])?;
        }
        Ok(())
    }

    /// Takes a patch back, and stages what comes of it.
    ///
    /// # Errors
    /// Where what it changed was changed again since.
    pub fn take_back(&self, patch: &str) -> Result<(), RepoError> {
        let file = self.dir.with_extension("patch");
        fs::write(&file, patch).map_err(|e| FileError::io(&file, e))?;
        let path = file.display().to_string();
        let applied = self.local(&["apply", "-R", "--index", "--3way", "--", &path]);
        let _ = fs::remove_file(&file);
        applied.map(drop)
    }

    /// Commits what is staged; gives the commit and its patch.
    ///
    /// # Errors
    /// Where git cannot, for want of a name and address most often.
    pub fn commit(&self, message: &str) -> Result<(String, String), RepoError> {
        self.local(&["commit", "-q", "--no-verify", "--cleanup=verbatim", "-m", message])?;
        let commit = self.local(&["rev-parse", "HEAD"])?;
        let diff = [
            "diff",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--full-index",
            "--binary",
            "HEAD^",
            "HEAD",
        ];
        Ok((commit.trim().to_owned(), self.local(&diff)?))
    }

    /// Sends a commit to a branch of the other side, which it moves forward or makes.
    ///
    /// # Errors
    /// Where the other side does not take it.
    pub fn push(&self, commit: &str, to: &str) -> Result<(), RepoError> {
        let refspec = format!("{commit}:refs/heads/{to}");
        let arguments = ["push", "-q", "--porcelain", "--", &self.flux.url, &refspec];
        let dir = self.flux.clone_dir();
        run(git_to(self.flux, &arguments, &dir, self.environment)?, LOCAL, &mut |_| {}).map(drop)
    }

    /// Takes the branch off the other side, as long as it is at this commit.
    ///
    /// # Errors
    /// Where it has moved on, or the other side says no.
    pub fn delete(&self, commit: &str) -> Result<(), RepoError> {
        let lease = format!("--force-with-lease=refs/heads/{}:{commit}", self.branch);
        let refspec = format!(":refs/heads/{}", self.branch);
        let arguments = ["push", "-q", "--porcelain", &lease, "--", &self.flux.url, &refspec];
        let dir = self.flux.clone_dir();
        run(git_to(self.flux, &arguments, &dir, self.environment)?, LOCAL, &mut |_| {}).map(drop)
    }

    /// Removes the folder and the branch on this machine; what is not there is no error.
    ///
    /// # Errors
    /// Where the folder cannot be removed.
    pub fn discard(&self) -> Result<(), RepoError> {
        let clone = self.flux.clone_dir();
        let reference = format!("refs/heads/{}", self.branch);
        let is_there = || git2::Repository::open(&clone).is_ok_and(|r| r.find_reference(&reference).is_ok());
        if !self.dir.exists() && !is_there() {
            return Ok(());
        }
        let _lock = lock(self.flux)?;
        if self.dir.exists() {
            fs::remove_dir_all(self.dir).map_err(|e| FileError::io(self.dir, e))?;
        }
        local(&["worktree", "prune"], &clone, self.environment)?;
        if is_there() {
            local(&["branch", "-q", "-D", "--", self.branch], &clone, self.environment)?;
        }
        Ok(())
    }
}
