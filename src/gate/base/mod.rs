//! The ways to the machine: environment, clock, files, processes, what a program is. No word of policies or rwenvs belongs here.

pub mod clock;
pub mod environment;
pub mod files;
pub mod parts;
pub mod process;
pub mod program;
pub mod redact;
