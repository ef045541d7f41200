//! What people type.

fn main() -> std::process::ExitCode {
    rwenv::cli::main()
}
