//! The hook program alone: what it is made of, and that it answers with nothing around it.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// What the hook must never be made of: runtimes, network, and what only people need.
const HEAVY: [&str; 12] = [
    "anyhow",
    "clap",
    "git2",
    "hyper",
    "kube",
    "k8s-openapi",
    "notify",
    "rustls",
    "tokio",
    "tokio-postgres",
    "tracing-subscriber",
    "rwenv-flux",
];

/// Cargo's own answer, so that a dependency of a dependency counts as well.
#[test]
fn nothing_heavy_is_linked() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "-p",
            "rwenv-gate",
            "-e",
            "normal",
            "--prefix",
            "none",
            "-f",
            "{p}",
        ])
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"rwenv-core"), "{text}");
    let heavy: Vec<&&str> = names.iter().filter(|name| HEAVY.contains(name)).collect();
    assert!(heavy.is_empty(), "the hook links {heavy:?}");
}

/// An environment without a single variable, and an agent that sends nothing sensible: denied, with a reason.
#[test]
fn what_is_not_understood_is_denied_with_nothing_around() {
    let mut hook = Command::new(env!("CARGO_BIN_EXE_rwenv-hook"))
        .arg("claude")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    hook.stdin.take().unwrap().write_all(b"{").unwrap();
    let answer = hook.wait_with_output().unwrap();
    let told = String::from_utf8(answer.stderr).unwrap();
    assert_eq!((answer.status.code(), answer.stdout.len()), (Some(2), 0), "{told}");
    assert!(told.contains("cannot be judged"), "{told}");
}
