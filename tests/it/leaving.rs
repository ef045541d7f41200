//! Leaving, by install.sh's own paths: what goes, what stays, and that an upgrade keeps everything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::daemon::Setting;
use crate::support::{Answer, Home, answer, root};

/// Runs `install.sh` in this HOME with the programs of the tests.
fn script(home: &Home, arguments: &[&str]) -> Answer {
    let mut command = home.command(root().join("install.sh").to_str().unwrap(), &home.path(""));
    command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", home.path(".local/bin").display()));
    answer(command.args(arguments))
}

fn install(home: &Home) {
    let programs = Path::new(env!("CARGO_BIN_EXE_rwenv")).parent().unwrap();
    let installed = script(home, &["--with", programs.to_str().unwrap()]);
    assert_eq!(installed.code, 0, "{}{}", installed.stdout, installed.stderr);
}

/// Every file below the HOME, but for what the tests make.
fn files(home: &Home) -> BTreeSet<String> {
    let mut open = vec![home.path("")];
    let mut all = BTreeSet::new();
    while let Some(dir) = open.pop() {
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(home.path("")).unwrap().display().to_string();
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else {
                all.insert(name);
            }
        }
    }
    all
}

/// A HOME in which everything that rwenv keeps is there: the daemon runs, a session has begun, a repository is hooked.
fn used(it: &Setting) -> Vec<&'static str> {
    let home = &it.home;
    home.write(
        ".kube/config",
        "apiVersion: v1\nkind: Config\ncurrent-context: ro-ctx\ncontexts: [{name: ro-ctx, context: {cluster: c, user: u}}]\n\
         clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: hunter2}}]\n",
    );
    home.write(
        ".claude/settings.json",
        "{\n    \"model\": \"opus\",\n\n    \"big\": 12345678901234567890123\n}\n",
    );
    home.write("bin/kubectl", "#!/bin/sh\ncat \"$HOME/.kube/config\"\n");
    home.mode("bin/kubectl", 0o755);
    install(home);
    let written = ["env-consumers.json", "accepted.json", "policies/own.toml"];
    home.write(".claude/rwenv/env-consumers.json", "{}");
    home.write(".claude/rwenv/accepted.json", "{}");
    home.write(".claude/rwenv/policies/own.toml", "# mine\n");
    for agent in ["codex", "gemini", "cursor", "copilot", "opencode"] {
        let hook = home.path(".local/bin/rwenv-hook").display().to_string();
        assert_eq!(home.rwenv("", &["install", "--agent", agent, "--hook", &hook]).code, 0);
    }
    home.git("ro", &["init", "-q"]);
    assert_eq!(home.rwenv("ro", &["hooks", "install"]).code, 0);
    let mut payload = home.payload("ro", "");
    payload["hook_event_name"] = "SessionStart".into();
    let mut session = home.command(crate::support::hook(), &home.path("ro"));
    let path = format!("{}:/usr/bin:/bin", home.path("bin").display());
    session.arg("claude").env("CLAUDE_ENV_FILE", home.path("session.env")).env("PATH", path);
    assert_eq!(answer(session.write_stdin(payload.to_string())).code, 0);
    it.until("the guard's kubeconfig is there", || home.path(".claude/rwenv/guard/ro.yaml").exists());
    assert!(home.read(".claude/rwenv/kube/ro.yaml").contains("hunter2"), "a copy of the credentials");
    assert!(home.path(".claude/rwenv/guard/identity.json").exists());
    written.to_vec()
}

#[test]
fn uninstalling_leaves_no_copy_of_credentials_no_hook_and_no_daemon() {
    let it = Setting::new();
    let home = &it.home;
    used(&it);
    let before = home.read(".claude/rwenv/envs.json");
    let gone = script(home, &["--uninstall"]);
    assert_eq!(gone.code, 0, "{}{}", gone.stdout, gone.stderr);
    assert!(
        gone.stdout.contains("rwenvd has ended") && gone.stdout.contains("removed: ~/.claude/rwenv/guard"),
        "{}",
        gone.stdout
    );
    for name in ["kube", "guard", "shims"] {
        assert!(!home.path(".claude/rwenv").join(name).exists(), "{name}");
    }
    assert!(!home.path(".local/bin/rwenv").exists() && !home.path(".local/share/man/man1/rwenv.1").exists());
    assert!(!home.path(".local/share/bash-completion/completions/rwenv").exists());
    assert!(!home.path("ro/.git/hooks/pre-push").exists());
    for name in files(home)
        .iter()
        .filter(|name| !name.starts_with(".claude/rwenv/audit") && !name.starts_with(".kube"))
    {
        let text = fs::read_to_string(home.path(name)).unwrap_or_default();
        assert!(!text.contains("hunter2"), "{name} holds the credentials");
        let tells =
            name.starts_with(".claude/rwenv/") || name.contains("before-rwenv") || name == "session.env";
        assert!(tells || !text.contains("rwenv-hook"), "{name} still starts the hook");
    }
    assert_eq!(
        home.read(".claude/settings.json"),
        "{\n    \"model\": \"opus\",\n\n    \"big\": 12345678901234567890123\n}\n"
    );
    assert_eq!(home.read(".claude/rwenv/envs.json"), before);
    assert!(home.path(".claude/rwenv/audit/audit.jsonl").exists(), "the log stays");
}

#[test]
fn purging_leaves_what_a_person_wrote() {
    let it = Setting::new();
    let home = &it.home;
    let written = used(&it);
    // A clone with work that is nowhere else.
    home.git("", &["init", "-q", ".claude/rwenv/flux-repos/ro/flux"]);
    home.write(".claude/rwenv/flux-repos/ro/flux/mine.yaml", "a: b\n");
    let asked = home.rwenv("", &["install", "--uninstall", "--purge"]);
    assert!(asked.code == 1 && asked.stderr.contains("--yes"), "{}", asked.stderr);
    assert!(home.path(".claude/rwenv/audit").exists(), "nothing was changed");
    let gone = script(home, &["--uninstall", "--purge"]);
    assert_eq!(gone.code, 0, "{}{}", gone.stdout, gone.stderr);
    assert!(gone.stderr.contains("kept: ") && gone.stderr.contains("flux-repos/ro/flux"), "{}", gone.stderr);
    let ours = |name: &&String| name.starts_with(".claude/") && !name.contains("flux-repos/ro/flux");
    let left: Vec<String> = files(home).iter().filter(ours).cloned().collect();
    let mut wanted: Vec<String> = written.iter().map(|name| format!(".claude/rwenv/{name}")).collect();
    wanted.extend([".claude/rwenv/envs.json", ".claude/settings.json"].map(str::to_owned));
    wanted.sort();
    let confirmed = ".claude/rwenv/clusters.json".to_owned();
    assert_eq!(left.into_iter().filter(|name| *name != confirmed).collect::<Vec<_>>(), wanted);
    assert!(
        home.path(".claude/rwenv/flux-repos/ro/flux/mine.yaml").exists(),
        "work that is nowhere else stays"
    );
}

#[test]
fn an_upgrade_keeps_everything() {
    let it = Setting::new();
    let home = &it.home;
    used(&it);
    let kept = |home: &Home| {
        let volatile = [
            "run/rwenvd",
            "run/watched.json",
            "logs/",
            "audit/",
            "guard/",
            ".lock",
            "policies.json",
            ".local/",
            "envs.schema.json",
            // Files that the daemon is writing at this moment.
            ".new",
        ];
        let all = files(home).into_iter().filter(|name| !volatile.iter().any(|part| name.contains(part)));
        all.map(|name| (fs::read(home.path(&name)).unwrap_or_default(), name))
            .map(|(a, b)| (b, a))
            .collect::<Vec<_>>()
    };
    let (before, records) = (kept(home), home.read(".claude/rwenv/audit/audit.jsonl"));
    let identity = home.read(".claude/rwenv/guard/identity.json");
    install(home);
    let after = kept(home);
    for (name, text) in &before {
        let same = after.iter().any(|(other, now)| other == name && now == text);
        assert!(same, "{name} is not as it was");
    }
    assert!(home.read(".claude/rwenv/audit/audit.jsonl").starts_with(&records), "the log goes on");
    assert_eq!(home.read(".claude/rwenv/guard/identity.json"), identity, "sessions keep their way");
    assert_eq!(home.rwenv("ro", &["cur"]).stderr, "");
}

#[test]
fn completions_and_manual_pages_are_where_shells_and_man_look() {
    let home = Home::new();
    install(&home);
    let code = home.read(".local/share/bash-completion/completions/rwenv");
    home.write(
        "complete.sh",
        &format!(
            "{code}\ncompopt() {{ :; }}\nask() {{ COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9; _clap_complete_rwenv rwenv \"${{@: -1}}\" x; printf '%s ' \"${{COMPREPLY[@]}}\"; echo; }}\n\
             ask rwenv set r\nask rwenv audit --env ''\nask rwenv policy show read-only.exec-\nask rwenv flux rec\nask rwenv grant --revoke ''\n"
        ),
    );
    let mut bash = home.command("bash", &home.path("ro"));
    bash.env("PATH", format!("{}:/usr/bin:/bin", home.path(".local/bin").display()));
    let told = answer(bash.arg("../complete.sh"));
    let lines: Vec<&str> = told.stdout.lines().map(str::trim).collect();
    assert_eq!(lines[0], "ro rw", "{told:?}");
    assert_eq!(lines[1], "ro go rw", "{told:?}");
    assert!(lines[2].starts_with("read-only.exec-"), "{told:?}");
    assert_eq!(lines[3], "reconcile reconcile-source", "{told:?}");
    assert!(lines[4].starts_with("all "), "{told:?}");
    for file in ["share/fish/vendor_completions.d/rwenv.fish", "share/zsh/site-functions/_rwenv"] {
        assert!(home.read(&format!(".local/{file}")).contains("RWENV_COMPLETE"), "{file}");
    }
    let page = home.read(".local/share/man/man1/rwenv-flux-reconcile.1");
    assert!(
        page.contains("rwenv\\-flux\\-reconcile \\- Reconcile") && page.contains("rwenv flux reconcile"),
        "{page}"
    );
    let above = home.read(".local/share/man/man1/rwenv-flux.1");
    assert!(
        above.contains("rwenv\\-flux\\-reconcile(1)") && !above.contains(" flux\\-reconcile(1)"),
        "{above}"
    );
    let first = home.read(".local/share/man/man1/rwenv.1");
    assert!(first.contains("rwenv\\-check(1)") && !first.contains("EXTRA"), "{first}");
}
