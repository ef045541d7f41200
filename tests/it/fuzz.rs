//! The fuzz targets without a fuzzer: every seed and every input that once broke something, and mutations of them for a while.
//! `just fuzz` goes on with coverage where this stops.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

#[expect(unreachable_pub, reason = "the fuzz targets take them from outside")]
#[path = "../../fuzz/bodies.rs"]
mod bodies;

/// Mutations of each target that are always tried.
const FIRST: usize = 300;

/// Seconds that all targets together get beyond the first mutations; `test.sh` gives a minute.
#[expect(clippy::disallowed_methods, reason = "a test reads how long it is to run")]
fn seconds() -> u64 {
    std::env::var("RWENV_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The files of a folder, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = crate::support::root().join(folder);
    let mut all: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn contents(folder: &str) -> Vec<Vec<u8>> {
    files(folder).into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// One input with a few bytes dropped, doubled, replaced, or taken from another.
fn mutated(all: &[Vec<u8>], rng: &mut TestRng) -> Vec<u8> {
    let mut below = |most: usize| (rng.next_u64() % most.max(1) as u64) as usize;
    let mut out = all[below(all.len())].clone();
    for _ in 0..=below(6) {
        let at = below(out.len());
        let end = (at + 1 + below(8)).min(out.len());
        match below(5) {
            0 => drop(out.drain(at..end)),
            1 => {
                let piece = out[at..end].to_vec();
                out.splice(at..at, piece);
            }
            2 if !out.is_empty() => out[at] = below(256) as u8,
            3 => {
                let marks = b"'\"`$(){}[]<>|&;\\\n\r\t#*?!~=:,-";
                out.insert(at, marks[below(marks.len())]);
            }
            _ => {
                let other = &all[below(all.len())];
                let from = below(other.len());
                let to = (from + 1 + below(40)).min(other.len());
                out.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    out
}

/// Runs a target over its seeds, over what once broke it, and over mutations of both, for a part of the time.
#[expect(clippy::disallowed_methods, reason = "a test that runs for a time looks at the clock")]
fn run(target: &str, seeds: Vec<Vec<u8>>, share: u64, body: fn(&[u8])) {
    let mut all = seeds;
    all.extend(contents(&format!("fuzz/seeds/{target}")));
    all.extend(contents(&format!("fuzz/regressions/{target}")));
    assert!(all.len() > 3, "{target} has {} seeds: then this shows little", all.len());
    let try_one = |input: &[u8]| {
        let done = std::panic::catch_unwind(|| body(input));
        let kept = format!("fuzz/regressions/{target}");
        assert!(done.is_ok(), "keep this input in {kept}: \"{}\"", input.escape_ascii());
    };
    all.iter().for_each(|input| try_one(input));
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut bytes = [0_u8; 32];
    bytes[..8].copy_from_slice(&if seconds() == 0 { 1 } else { seed }.to_le_bytes());
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let (start, mut ran) = (std::time::Instant::now(), 0);
    while ran < FIRST || start.elapsed().as_millis() < u128::from(seconds() * 10 * share) {
        try_one(&mutated(&all, &mut rng));
        ran += 1;
    }
    println!("{target}: {} inputs, {ran} mutations", all.len());
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn any_command_line_is_judged() {
    let lines = crate::lines::all_lines().into_iter().map(|(line, _)| line.into_bytes()).collect();
    run("line", lines, 55, |input| bodies::line(&text(input)));
}

#[test]
fn any_event_of_an_agent_is_answered() {
    run("payload", Vec::new(), 15, bodies::payload);
}

#[test]
fn any_configuration_is_read_or_refused() {
    run("config", Vec::new(), 15, |input| bodies::config(&text(input)));
}

#[test]
fn any_policy_is_checked() {
    run("policy", contents("policies/rules"), 15, |input| bodies::policy(&text(input)));
}
