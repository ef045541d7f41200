//! The API guard: an enforcement point that speaks the Kubernetes API. Every client that uses its kubeconfig is held to the policy of
//! the rwenv its token stands for, by HTTP verb and path; the cluster's own credentials stay here.
//!
//! protocol (`request`) → operation (`meaning`) → decide (`judge`) → protocol (`reply`, `forward`).

mod body;
mod error;
mod forward;
mod identity;
mod judge;
mod meaning;
mod reply;
mod request;
mod room;
mod secrets;
mod serve;
mod stream;
mod upstream;

pub use error::GuardError;
pub use forward::AUDIT_PREFIX;
pub use identity::Identity;
pub use judge::{Judge, PolicyAnswer, SentRequest};
pub use request::{Legacy, Method, Refusal, Request, RequestedResource};
pub use serve::{Guard, GuardCounters, Listening};
