//! Knowledge of Flux repositories and clusters, and the hands that change them.
//!
//! Nothing here decides: whoever changes something takes a [`rwenv_gate::Permit`]. Nothing here prints.
#![forbid(unsafe_code)]

pub mod cluster;
pub mod edit;
pub mod repos;

pub mod catalog;
pub mod database;

pub mod impact;

pub mod operate;

pub mod context;
pub mod deploy;
