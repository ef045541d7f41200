//! What is written down: verdicts, questions, a person's grants, a session's kubeconfig. Facts that are only read belong to `facts`.

pub mod accepted;
pub mod asked;
pub mod audit;
pub mod envs;
pub mod grants;
pub mod noted;
pub mod pinned;
