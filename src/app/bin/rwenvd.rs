//! `rwenvd`, the daemon.

fn main() -> std::process::ExitCode {
    rwenv::daemon::main(&std::env::args().collect::<Vec<_>>())
}
