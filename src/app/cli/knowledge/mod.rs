//! `rwenv services`, `guide`, `where`, `graph` and `compare`: what is known of a Flux repository.

mod args;
mod compare;
mod find;
mod graph;
mod guide;
mod live;
mod regenerate;
mod services;
mod source;

pub(super) use args::{GraphArgs, Guide, GuideTopic, ServicesArgs, WhereArgs};
pub(super) use compare::{CompareArgs, compare};
pub(super) use find::{find, found};
pub(super) use graph::graph;
pub(super) use guide::{GuidePart, guide, part};
pub(super) use services::{KeyedService, catalog, details, services};
