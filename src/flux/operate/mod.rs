//! Flux operations on a cluster, without the flux program: what it annotates, patches and waits for is the reference.

mod act;
mod diff;
mod error;
mod events;
mod flux;
mod followed;
mod kinds;
mod logs;
mod object;
mod render;
mod told;
mod view;

pub use act::{WaitProgress, Waiting, reconcile, resume, suspend};
pub use diff::{Compared, Difference, Field, ObjectFate, diff};
pub use error::FluxError;
pub use events::{events, events_of};
pub use flux::Flux;
pub use followed::{FollowError, follow_the_cluster};
pub use kinds::{KINDS, Kind, SOURCES, kind_of};
pub use logs::{LogLine, LogWish, logs};
pub use object::{Condition, LiveObject, ObjectReference};
pub use told::ClusterEvent;
pub use view::{Branch, FluxCheck, Trace, check, trace, tree};
