//! The words of the project: what a command line is, what it would do, and what is decided about it.
//!
//! Nothing here reads a file, the environment, the network or the clock.

mod cluster;
mod command;
mod decision;
mod entry;
pub mod envs;
mod facts;
mod files;
mod glob;
mod object;
mod operation;
mod removal;
mod rwenv;
mod tree_change;
mod url;
mod wanted;

pub use cluster::{ClusterIdentity, SeenContext, UserIdentity, UserKind};
pub use command::{
    Asked, Assigned, Context, Dir, Invocation, Opaque, OpaqueKind, Part, Span, Stdin, Word, normalize,
};
pub use decision::{Reason, Verdict};
pub use entry::behind_program;
pub use facts::{
    AskedContext, AskedTarget, Bound, Change, Facts, GitRepository, Lead, Pushed, Question, Script,
};
pub use files::{files_named, wild};
pub use glob::glob;
pub use object::FromObject;
pub use operation::{
    COMPUTED, ClusterTarget, ContextChange, HeadMove, MergedRequest, Operation, RefUpdate, RepositoryTarget,
    ServiceTarget, Target,
};
pub use removal::{PullRequest, Reached, Reaching, RemovedObject};
pub use rwenv::{
    Autonomy, CustodyLists, Database, ExecReads, GitReach, Misspelt, Pin, Place, Rwenv, RwenvName,
    RwenvNameError, Rwenvs, SslMode, Throwaway, Unselected, host, is_loopback,
};
pub use tree_change::{Brought, TreeChange, TreeSource};
pub use url::{from_root, names_repository, percent_decoded, same_repository};
pub use wanted::{FieldStep, WantedField, WantedObject};

pub use crate::table::{
    Carry, CarryKind, Client, CodeFiles, CodePlace, Command, Decision, Effect, Endpoint, Env, FlagName,
    Flags, ForgeRequest, Grammar, KeyRule, KubeconfigMaker, Language, Mcp, McpServer, McpVerb, Mode, Names,
    PathClass, Reach, Refs, Repository, Rows, Rule, RuleList, RuleText, Runner, ServiceRow, TargetFormat,
    TargetKind, Text, Texts, Tool, Tools, Trait, When, Wrapper, WrapperStyle,
};
