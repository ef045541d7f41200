//! `rwenv-hook`: what an agent calls before it runs a command.

fn main() {}
