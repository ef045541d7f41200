//! Flux operations on a cluster, without the flux program: what it annotates, patches and waits for is the reference.

mod act;
mod argo;
mod cascade;
mod debug;
mod diff;
mod difference;
mod dry_run;
mod error;
mod events;
mod export;
mod flux;
mod followed;
mod kinds;
mod logs;
mod object;
mod release;
mod render;
mod told;
mod tree;
mod view;

pub use act::{WaitProgress, Waiting, reconcile, resume, suspend};
pub use argo::{ApplicationResource, ArgoCd, LiveApplication};
pub use debug::{SourcedValue, debug};
pub use diff::{diff, diff_below, diff_release};
pub use difference::{Compared, Difference, Field, ObjectFate};
pub use error::FluxError;
pub use events::{events, events_of};
pub use export::export;
pub use flux::Flux;
pub use followed::{FollowError, follow_the_cluster};
pub use kinds::{KINDS, Kind, SOURCES, kind_of};
pub use logs::{LogLine, LogWish, logs};
pub use object::{Condition, LiveObject, ObjectReference};
pub use told::ClusterEvent;
pub use tree::{Branch, Dependencies, dependencies, tree};
pub use view::{FluxCheck, Trace, check, trace};
