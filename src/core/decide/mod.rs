//! The decision point: `plan` says what a command line would do and what has to be known, `conclude` decides.

mod applied;
mod area;
mod begin;
mod brought;
mod chosen;
mod clone;
mod conclude;
mod connection;
mod content;
mod contexts;
mod definition;
mod drift;
mod env_files;
mod follow;
mod given;
mod guard;
mod head;
mod judged;
mod keys;
mod kinds;
mod learnt;
mod nested;
mod patched;
mod perhaps;
mod pin;
mod place;
mod plan;
mod planned;
mod planted;
mod program;
mod push;
mod reached;
mod request;
mod resolve;
mod script;
mod services;
mod subject;
mod taken;
pub mod text;
mod touch;
mod trace;
mod unpacked;
mod wanted;
mod written;

pub use area::{GrantedArea, GrantedObject};
pub use begin::{WrittenFile, plan, plan_argv, plan_files, plan_mcp, plan_unread};
pub use conclude::{JudgedPart, conclude, explain};
pub use content::{Sending, against_content, concerned, hook_lost, is_protected, plan_push, unread};
pub use definition::{Definition, NamedObject, SharedDefinition, with_definitions};
pub use kinds::kind_named;
pub use pin::{approved, pinned};
pub use place::is_planted;
pub use plan::Plan;
pub use planned::Planned;
pub use request::{plan_request, policy_of, request_context, request_facts};
pub use text::quoted;
pub use trace::{Traced, trace};
pub use wanted::{wanted, wanted_by};

/// Rule ids of what is decided before any policy is asked: there is no rwenv to ask in the name of, or no
/// operation to ask about.
pub mod ids {
    /// No rwenv is selected and a cluster is about to be reached.
    pub const NONE_SELECTED: &str = "rwenv.none-selected";
    /// What is selected cannot be followed.
    pub const INVALID: &str = "rwenv.invalid-selection";
    /// The target is in no rwenv.
    pub const FOREIGN: &str = "rwenv.foreign-target";
    /// The rwenv names no context, and a cluster is about to be changed.
    pub const NO_CONTEXT: &str = "rwenv.no-context";
    /// The context no longer leads to the cluster that a person confirmed.
    pub const OTHER_CLUSTER: &str = "rwenv.other-cluster";
    /// The kubeconfig has no such context.
    pub const MISSING_CONTEXT: &str = "rwenv.missing-context";
    /// A policy beside the built-in ones cannot be read.
    pub const POLICY: &str = "policy.unreadable";
    /// The line cannot be read.
    pub const SYNTAX: &str = "line.not-understood";
    /// The line is longer or deeper than is analysed.
    pub const LIMIT: &str = "line.too-complex";
    /// What is sent could not be looked at.
    pub const UNREAD: &str = "content.not-checked";
    /// The agent's settings would no longer run the hook.
    pub const HOOK_LOST: &str = "settings.hook-lost";
    /// A request to the API can be read in more than one way, or as somebody else's.
    pub const REQUEST: &str = "request.not-understood";
    /// The program or the code to run is computed.
    pub const OPAQUE: &str = "line.computed";
}
