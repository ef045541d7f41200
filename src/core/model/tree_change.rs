//! What git does to the files of a working tree.

/// A command of git that writes files of a working tree, or takes them away, as far as its words say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeChange {
    /// A directory in the working tree.
    pub dir: String,
    /// Where git's own files are, if that is said.
    pub git_dir: Option<String>,
    /// The top of the working tree, if that is said.
    pub work_tree: Option<String>,
    /// What becomes of the files.
    pub source: TreeSource,
    /// Only what lies at these paths or below them; everything where there is none.
    pub paths: Vec<String>,
}

/// What becomes of the files of a working tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TreeSource {
    /// They are as the index has them.
    Index,
    /// They are as this revision has them, whatever was changed since.
    Revision(String),
    /// As a move to this revision; if it is none, the file at the path is as the index has it.
    Named(String, String),
    /// What differs between HEAD and this revision is as the revision has it.
    Moved(String),
    /// What this revision has changed since it parted from HEAD is changed.
    Merged(String),
    /// What this commit, or entry of the stash, has changed is changed.
    Commit(String),
    /// Files that git does not have are taken away; where `true`, those that it is told to ignore too.
    Untracked(bool),
    /// Any file may be changed.
    Anything,
}

/// Which of the guard's files git changes in a working tree, by the names under which the guard knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// These.
    pub certain: Vec<String>,
    /// Perhaps these.
    pub perhaps: Vec<String>,
}
