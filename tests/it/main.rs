//! Integration tests: the programs as people and agents meet them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on fails"
)]

mod accepted;
mod agent_doors;
mod agent_sessions;
mod agents;
mod api_fuzz;
mod api_guard;
mod api_memory;
mod api_protocol;
mod api_secrets;
mod apiserver;
mod audit;
mod beside;
mod blast;
mod branch_rules;
mod broken;
mod broker;
mod broker_hostile;
mod circles;
mod cli;
mod clients;
mod clusters;
mod commands;
mod config;
mod confined;
mod confined_cluster;
mod confined_inside;
mod context;
mod daemon;
mod daemon_faults;
mod daemon_parts;
mod db;
mod deploy;
mod deploy_faults;
mod deploy_story;
mod deploy_values;
mod doctor;
mod explain;
mod fetched;
mod fleet;
mod flux;
mod flux_diff;
mod flux_health;
mod forge;
mod formats;
mod fuzz;
mod git_hooks;
mod gitops;
mod gitops_line;
mod gitops_matrix;
pub(crate) mod grant;
mod guard;
mod hook;
mod http;
mod impact;
mod impact_changes;
mod impact_oracle;
mod impact_told;
mod install_script;
mod knowledge;
mod knowledge_cluster;
mod knowledge_documents;
mod knowledge_hostile;
mod knowledge_questions;
mod knowledge_roots;
mod lapses;
mod leaving;
mod lfs;
mod line;
#[path = "../core/lines.rs"]
mod lines;
mod lint;
mod malformed;
mod managers;
mod mcp;
mod night;
mod no_context;
mod notices;
mod old_certificates;
mod on_disk;
mod oracle;
mod pin;
mod planted;
mod plugin;
mod policy;
mod propose;
mod push;
mod push_refs;
mod pushes;
mod real_agents;
mod remedies;
mod repo;
mod repo_faults;
mod script;
mod service_targets;
mod shim;
mod support;
mod tamper;
mod targets;
mod taskfiles;
mod tidy;
