//! The hook that agents start before they run a command.

/// The hook lives for a millisecond and must not outgrow its room.
#[global_allocator]
static ALLOCATOR: rwenv::enforce::net::Arena = rwenv::enforce::net::Arena::new();

fn main() -> std::process::ExitCode {
    rwenv::enforce::main()
}
