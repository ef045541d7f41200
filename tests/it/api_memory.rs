//! The API guard holds nothing of requests that are over.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::time::Instant;

use crate::api_protocol::{Access, Connection};
use crate::daemon::Setting;
use crate::grant::at_terminal;
use crate::support::{skip, variable};

/// Rules of the user's own.
const RULES: usize = 60;
/// Connections at the same time, each of which stays.
const CONNECTIONS: usize = 4;
/// Requests until the memory counts, and all of them where `RWENV_LEAK_REQUESTS` does not say more.
const FIRST: usize = 10_000;
const ALL: usize = 20_000;
/// How much more the guard may have at the end, in kB.
const MORE: u64 = 2048;

/// Sends a request that is refused, and reads all of the answer.
pub(crate) fn refused(access: &Access, stream: &mut Connection) {
    let head = access.head("DELETE /api/v1/namespaces/shop/pods/web-0", 0);
    stream.write_all(head.as_bytes()).unwrap();
    let (mut text, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut bytes).unwrap();
        assert_ne!(count, 0, "it ended: {}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&bytes[..count]);
        let said = String::from_utf8_lossy(&text);
        let Some((head, body)) = said.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("HTTP/1.1 403 "), "{said}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() >= length.parse().unwrap() {
            assert!(body.contains("read-only.cluster-delete") || body.contains("[read-only."), "{said}");
            return;
        }
    }
}

fn rules() -> String {
    let mut text = "about = \"Teams' namespaces.\"\n".to_owned();
    for n in 0..RULES {
        let _ = write!(
            text,
            "[[rule]]\nid = \"own.team-{n}\"\ndecision = \"deny\"\nwhen = {{ effects = [\"cluster-write\", \"cluster-delete\"], namespaces = [\"team-{n}-*\"] }}\nreason = \"{{target}} is team {n}'s.\"\ninstead = \"Ask them.\"\n\
             [[rule.example]]\ncommand = \"kubectl -n team-{n}-a scale deploy web --replicas 2\"\nmatches = true\nrwenv = \"writable\"\n\
             [[rule.example]]\ncommand = \"kubectl -n shop scale deploy web --replicas 2\"\nmatches = false\nrwenv = \"writable\"\n"
        );
    }
    text
}

/// Requests that are refused, over connections that stay, with rules of the user's own and a grant for something else.
#[test]
fn refused_requests_leave_nothing_in_memory() {
    let it = Setting::new();
    it.home.write(".claude/rwenv/policies/own.toml", &rules());
    it.home.mode(".claude/rwenv/policies", 0o700);
    let config = it.home.path(".claude/rwenv").display().to_string();
    let kept = it.home.rwenv("", &["policy", "keep", "--dir", &config]);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    let line = "kubectl delete pod web-1 -n shop";
    let Some(made) = at_terminal(&it.home, "ro", &format!("grant --for 60m -- {line}"), "y\n", false) else {
        skip("there is no script(1) here to make a terminal");
        return;
    };
    assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
    let pid = it.start();
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let access = Access::of(&it.home, "ro");
    let mut streams: Vec<Connection> = (0..CONNECTIONS).map(|_| access.connect()).collect();
    let mut send = |count: usize| {
        std::thread::scope(|scope| {
            for stream in &mut streams {
                scope.spawn(|| (0..count / CONNECTIONS).for_each(|_| refused(&access, stream)));
            }
        });
    };
    let all = variable("RWENV_LEAK_REQUESTS").map_or(ALL, |count| count.parse().unwrap());
    #[expect(clippy::disallowed_methods, reason = "a test reads the clock itself")]
    let start = Instant::now();
    let idle = memory();
    send(FIRST);
    let first = memory();
    send(all - FIRST);
    let last = memory();
    let took = start.elapsed().as_secs_f64();
    eprintln!(
        "{all} requests in {took:.1} s: {idle} kB idle, {first} kB after {FIRST}, {last} kB at the end"
    );
    assert!(it.health()["guard"]["refused"].as_u64() >= Some(all as u64), "{}", it.health());
    assert!(last < first + MORE, "{first} kB became {last} kB");
}
