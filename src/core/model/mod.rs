//! The words of the project: what a command line is, what it would do, and what is decided about it.
//!
//! Nothing here reads a file, the environment, the network or the clock.

mod code;
mod command;
mod decision;
mod facts;
mod forge;
mod glob;
mod object;
mod operation;
mod rule;
mod rwenv;
mod tool;
mod url;

pub use code::{Client, CodeFiles, CodePlace, Language, Mcp, McpServer, McpVerb, Runner};
pub use command::{
    Asked, Assigned, Context, Dir, Invocation, Opaque, OpaqueKind, Part, Span, Stdin, Word, normalize,
};
pub use decision::{Decision, Reason, Verdict};
pub use facts::{Bound, Change, Facts, GitRepository, Lead, Pushed, Question, Script};
pub use forge::ForgeRequest;
pub use glob::glob;
pub use object::Object;
pub use operation::{ClusterTarget, Effect, HeadMove, Operation, Reach, RefUpdate, RepositoryTarget, Target};
pub use rule::{FlagName, List, PathClass, Refs, Repository, Rule, Text, When};
pub use rwenv::{
    Autonomy, Database, ExecReads, Misspelt, Pin, Place, Rwenv, RwenvName, RwenvNameError, Rwenvs, SslMode,
};
pub use tool::{
    Carry, CarryKind, Command, Endpoint, Env, Flags, Grammar, KeyRule, Mode, Name, Names, Tool, Tools,
    Wrapper, WrapperStyle,
};
pub use url::{percent_decoded, same_repository};
