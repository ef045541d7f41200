//! The content engine: YAML of a repository → objects, and findings about them. Pure: what is read is handed in.

mod accepted;
mod argo;
mod built;
mod duplicate;
mod finding;
mod flux;
mod kustomization;
pub mod kustomize;
mod lint;
mod removed;
mod secret;
pub mod text;
pub mod tree;
pub mod yaml;

pub use accepted::AcceptedFinding;
pub use finding::{Finding, Level, LintRule, REMOVED, RULES};
pub use kustomization::{is_kustomization, is_remote, named_files, patches};
pub use lint::{LintReport, lint, secrets_in, secrets_of_file, secrets_within, too_large};
