//! How the command line is linked.

#![expect(clippy::disallowed_methods, reason = "cargo talks to a build script through the environment")]

fn main() {
    println!("cargo::rerun-if-changed=build");
    // Its tables hold 60,000 addresses, which a program that may lie anywhere has to mend one by one at each start, most of what a
    // short command costs. The daemon, which others can connect to, stays one that may lie anywhere.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-link-arg-bin=rwenv=-no-pie");
    }
}
