//! What came to the branch Flux follows, and when: read from the mirror, which nobody works in.

use git2::{Repository, Sort};

use super::FluxRepository;
use super::inspect::followed_commit;

/// Most commits that are read.
const MOST: usize = 1000;

/// A commit of the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClonedCommit {
    /// Its name.
    pub id: String,
    /// When it was committed, in seconds since 1970.
    pub time: u64,
    /// Who wrote it.
    pub author: String,
    /// Its first line.
    pub subject: String,
}

/// The commits of the branch since a second since 1970, the newest first and at most 1000; none where there is no mirror yet.
#[must_use]
pub fn commits_since(flux: &FluxRepository, since: u64) -> Option<Vec<ClonedCommit>> {
    let tip = git2::Oid::from_str(&followed_commit(flux)?).ok()?;
    let mirror = Repository::open_bare(flux.mirror()).ok()?;
    let mut walk = mirror.revwalk().ok()?;
    walk.set_sorting(Sort::TIME).ok()?;
    walk.push(tip).ok()?;
    let commits = walk.filter_map(|id| mirror.find_commit(id.ok()?).ok());
    let commits = commits.map(|commit| ClonedCommit {
        id: commit.id().to_string(),
        time: u64::try_from(commit.time().seconds()).unwrap_or_default(),
        author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
        subject: String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned(),
    });
    Some(commits.take_while(|commit| commit.time >= since).take(MOST).collect())
}
