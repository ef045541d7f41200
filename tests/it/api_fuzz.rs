//! A million request lines: what the guard lets through is no change to the API server's own parser.

use std::fmt::Write as _;

use rwenv::guard::Judge;
use rwenv_core::model::Decision;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;

use crate::apiserver::requestinfo;
use crate::support::Home;

/// Lines that are made up.
const LINES: usize = 1_000_000;
const METHODS: [&str; 14] = [
    "GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "get", "OPTIONS", "CONNECT", "TRACE",
    "PROPFIND", "POST ",
];
const SEGMENTS: [&str; 58] = [
    "api",
    "apis",
    "v1",
    "v1beta1",
    "apps",
    "batch",
    "authorization.k8s.io",
    "authentication.k8s.io",
    "kustomize.toolkit.fluxcd.io",
    "metrics.k8s.io",
    "namespaces",
    "namespaces",
    "pods",
    "deployments",
    "secrets",
    "services",
    "nodes",
    "serviceaccounts",
    "kustomizations",
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "selfsubjectreviews",
    "watch",
    "proxy",
    "app",
    "web-0",
    "status",
    "scale",
    "log",
    "exec",
    "attach",
    "portforward",
    "token",
    "eviction",
    "binding",
    "approval",
    "finalize",
    "ephemeralcontainers",
    "resize",
    "healthz",
    "version",
    "openapi",
    "metrics",
    "logs",
    "",
    ".",
    "..",
    "%2e%2e",
    "%2f",
    "%61pp",
    "a%00",
    "%zz",
    "pods;x=1",
    "system:x",
    "a%3Ab",
    "..%2f",
    "PODS",
    "\u{e9}",
];
const QUERIES: [&str; 20] = [
    "dryRun=All",
    "dryRun=All",
    "dryRun=",
    "dryRun",
    "dryRun=all",
    "dryRun=All&dryRun=All",
    "dryRun=None&dryRun=All",
    "dry%52un=All",
    "dryRun=%41ll",
    "dryRun=All;x=1",
    "x=1;dryRun=All",
    "DRYRUN=All",
    "watch=1",
    "watch=false",
    "fieldSelector=metadata.name%3Dx",
    "command=sh",
    "%zz=1",
    "dryRun=All%00",
    "dryRun+=All",
    "labelSelector=owner%3Dhelm",
];
/// Paths as they are sent every day, of which one piece is changed at most.
const USUAL: [&str; 12] = [
    "/api/v1/namespaces/app/pods",
    "/api/v1/namespaces/app/pods/web-0",
    "/api/v1/namespaces/app/pods/web-0/log",
    "/apis/apps/v1/namespaces/app/deployments/web",
    "/apis/apps/v1/namespaces/app/deployments/web/scale",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    "/api/v1/namespaces/app/status",
    "/api/v1/watch/namespaces/app/pods",
    "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps",
    "/api/v1/nodes/n1",
    "/openapi/v3",
    "/api/v1/namespaces/app/finalize",
];

/// Numbers that are the same in every run (xorshift64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }

    fn of<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[self.roll(all.len())]
    }
}

fn made(dice: &mut Dice) -> (&'static str, String) {
    let method = dice.of(&METHODS);
    let mut target = if dice.roll(2) == 0 {
        let usual = dice.of(&USUAL);
        let mut parts: Vec<&str> = usual.split('/').skip(1).collect();
        if dice.roll(3) == 0 {
            let at = dice.roll(parts.len());
            parts[at] = dice.of(&SEGMENTS);
        }
        if dice.roll(4) == 0 {
            parts.push(dice.of(&SEGMENTS));
        }
        format!("/{}", parts.join("/"))
    } else {
        (0..1 + dice.roll(8)).fold(String::new(), |mut path, _| {
            let _ = write!(path, "/{}", dice.of(&SEGMENTS));
            path
        })
    };
    for number in 0..dice.roll(3) {
        target.push(if number == 0 { '?' } else { '&' });
        target.push_str(dice.of(&QUERIES));
    }
    (method, target)
}

/// True where the API server takes this for something that changes nothing.
fn harmless(said: &str) -> bool {
    let parts: Vec<&str> = said.split('|').collect();
    let [resource, verb, group, _, _, name, subresource, _, dry] = parts.as_slice() else { return false };
    let plain = ["", "status", "scale"].contains(subresource);
    match *verb {
        "get" | "head" if *resource == "false" => true,
        "get" | "list" | "watch" => plain || (*subresource == "log" && *name == "pods" && group.is_empty()),
        "create"
            if name.starts_with("selfsubject") && group.starts_with("auth") && subresource.is_empty() =>
        {
            true
        }
        "create" | "update" | "patch" => *dry == "All" && plain,
        _ => false,
    }
}

#[test]
fn of_a_million_request_lines_none_that_changes_something_is_let_through() {
    let Some(oracle) = requestinfo() else { return };
    let home = Home::new();
    let environment =
        Environment { config_dir: home.path(".claude/rwenv"), home: home.path(""), ..Environment::read() };
    let rwenvs = config::rwenvs(&environment.config_dir);
    let threads: Vec<_> = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03]
        .into_iter()
        .map(|seed| {
            let (environment, rwenvs) = (environment.clone(), rwenvs.clone());
            std::thread::spawn(move || {
                let (judge, mut dice) = (Judge::new(environment), Dice(seed));
                let mut passed = String::new();
                for _ in 0..LINES / 2 {
                    let (method, target) = made(&mut dice);
                    if let Ok((Decision::Allow, sent)) = judge.of_line(method, &target, "ro", &rwenvs) {
                        let _ = writeln!(passed, "{method} {sent}");
                    }
                }
                passed
            })
        })
        .collect();
    let passed: String = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let output = assert_cmd::Command::new(oracle).write_stdin(passed.as_str()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().count(), passed.lines().count());
    let through: Vec<String> = passed
        .lines()
        .zip(said.lines())
        .filter(|(_, said)| !harmless(said))
        .map(|(line, said)| format!("{line}: {said}"))
        .collect();
    assert!(
        through.is_empty(),
        "{} of {}: {:#?}",
        through.len(),
        passed.lines().count(),
        &through[..through.len().min(20)]
    );
    let writes = passed.lines().filter(|line| !line.starts_with("GET") && !line.starts_with("HEAD")).count();
    assert!(
        passed.lines().count() > 50_000 && writes > 1_000,
        "{} passed, {writes} of them no GET",
        passed.lines().count()
    );
    for (line, wanted) in [
        ("true|delete||v1|a|pods||/|All", false),
        ("true|get||v1|a|pods|exec|/|", false),
        ("true|get||v1|a|pods||/|", true),
    ] {
        assert_eq!(harmless(line), wanted, "{line}");
    }
}
