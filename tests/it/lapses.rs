//! Ways in which the guard goes off: the next command says so, and the daemon puts it on record. Each is broken in a HOME in which
//! nothing is off, and mended again.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::daemon::Setting;
use crate::support::{Answer, Home, answer};

/// A way to break it: what is done, what the line has to say, and what is done to the HOME.
type Way = (&'static str, &'static str, fn(&Home));

/// What of the HOME the ways touch, to be put back as it was.
const TOUCHED: [&str; 9] = [
    ".claude/settings.json",
    ".claude/rwenv/shims",
    ".codex",
    ".gemini",
    ".cursor",
    ".copilot",
    ".config",
    "ro",
    "bin",
];

const SETTINGS: &str = ".claude/settings.json";
const HOOK_OF_GIT: &str = "ro/.git/hooks/pre-push";

/// Changes Claude Code's settings.
fn settings(home: &Home, change: impl Fn(&mut Value)) {
    let mut value: Value = serde_json::from_str(&home.read(SETTINGS)).unwrap();
    change(&mut value);
    home.write(SETTINGS, &value.to_string());
}

/// Changes the handler of calls in them.
fn handler(home: &Home, key: &str, to: &Value) {
    settings(home, |all| all["hooks"]["PreToolUse"][0]["hooks"][0][key] = to.clone());
}

fn remove(home: &Home, name: &str) {
    let path = home.path(name);
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
}

fn link(home: &Home, name: &str, to: &str) {
    let _ = fs::remove_file(home.path(name));
    symlink(to, home.path(name)).unwrap();
}

/// Claude Code's own settings.
const CLAUDE: [Way; 18] = [
    ("empty settings", "does not register the hook", |home| drop(home.write(SETTINGS, "{}"))),
    ("no settings", "does not register the hook", |home| remove(home, SETTINGS)),
    ("broken settings", "cannot read its settings", |home| drop(home.write(SETTINGS, "{"))),
    ("a folder for settings", "cannot read its settings", |home| {
        remove(home, SETTINGS);
        fs::create_dir(home.path(SETTINGS)).unwrap();
    }),
    ("disableAllHooks", "switches all hooks off", |home| {
        settings(home, |all| all["disableAllHooks"] = true.into());
    }),
    ("no PreToolUse", "does not register the hook", |home| {
        settings(home, |all| drop(all["hooks"].as_object_mut().unwrap().remove("PreToolUse")));
    }),
    ("no SessionStart", "no longer registers the hook for SessionStart", |home| {
        settings(home, |all| drop(all["hooks"].as_object_mut().unwrap().remove("SessionStart")));
    }),
    ("a narrower matcher", "does not register the hook", |home| {
        settings(home, |all| all["hooks"]["PreToolUse"][0]["matcher"] = "^Edit$".into());
    }),
    ("async", "runs beside the call", |home| handler(home, "async", &true.into())),
    ("if", "only judges Bash(git *)", |home| handler(home, "if", &"Bash(git *)".into())),
    ("a short time", "too few", |home| handler(home, "timeout", &1.into())),
    ("a prompt", "not of the type", |home| handler(home, "type", &"prompt".into())),
    ("no agent's name", "not started as", |home| handler(home, "args", &json!([]))),
    ("another program", "does not register the hook", |home| handler(home, "command", &"/bin/true".into())),
    ("no hook program", "is not there, or cannot be started", |home| remove(home, "bin/rwenv-hook")),
    ("one that may not be started", "is not there, or cannot be started", |home| {
        remove(home, "bin/rwenv-hook");
        home.write("bin/rwenv-hook", "#!/bin/sh\n");
    }),
    ("a variable that skips hooks", "sets CLAUDE_CODE_SIMPLE", |home| {
        settings(home, |all| all["env"] = json!({ "CLAUDE_CODE_SIMPLE": "1" }));
    }),
    ("a variable that leads the hook elsewhere", "sets RWENV_CONFIG_DIR", |home| {
        settings(home, |all| all["env"] = json!({ "RWENV_CONFIG_DIR": "/elsewhere" }));
    }),
];

/// What a project brings.
const PROJECT: [Way; 6] = [
    ("a project's settings", "hooks of Claude Code and Copilot CLI off", |home| {
        home.write("ro/.claude/settings.json", r#"{"disableAllHooks": true}"#);
    }),
    ("its local settings", "hooks of Claude Code off", |home| {
        home.write("ro/.claude/settings.local.json", r#"{"disableAllHooks": true}"#);
    }),
    ("a variable in a project", "sets CLAUDE_CODE_SAFE_MODE", |home| {
        home.write("ro/.claude/settings.local.json", r#"{"env": {"CLAUDE_CODE_SAFE_MODE": "1"}}"#);
    }),
    ("Copilot's settings of a project", "hooks of Copilot CLI off", |home| {
        home.write("ro/.github/copilot/settings.json", r#"{"disableAllHooks": true}"#);
    }),
    ("Gemini's", "hooks of Gemini CLI off", |home| {
        home.write("ro/.gemini/settings.json", r#"{"hooksConfig": {"enabled": false}}"#);
    }),
    ("Codex'", "hooks of Codex off", |home| {
        home.write("ro/.codex/config.toml", "[features]\nhooks = false\n");
    }),
];

/// Other agents that were given the hook.
const AGENTS: [Way; 7] = [
    ("codex", "not register the hook with codex", |home| drop(home.write(".codex/hooks.json", "{}"))),
    ("codex' switch", "switches codex's hooks off", |home| {
        home.write(".codex/config.toml", "[features]\nhooks = false\n");
    }),
    ("gemini", "not register the hook with gemini", |home| drop(home.write(".gemini/settings.json", "{}"))),
    ("gemini's switch", "switches gemini's hooks off", |home| {
        let mut value: Value = serde_json::from_str(&home.read(".gemini/settings.json")).unwrap();
        value["tools"] = json!({ "enableHooks": false });
        home.write(".gemini/settings.json", &value.to_string());
    }),
    ("cursor", "not register the hook with cursor", |home| remove(home, ".cursor/hooks.json")),
    ("copilot", "not register the hook with copilot", |home| remove(home, ".copilot/hooks/rwenv.json")),
    ("opencode", "not register the hook with opencode", |home| remove(home, ".config/opencode")),
];

/// Shims and git's hooks.
const DOORS: [Way; 9] = [
    ("no shims", "the shims are gone", |home| remove(home, ".claude/rwenv/shims")),
    ("one shim less", "missing, or lead elsewhere: git", |home| remove(home, ".claude/rwenv/shims/git")),
    ("a shim that leads elsewhere", "missing, or lead elsewhere: git", |home| {
        link(home, ".claude/rwenv/shims/git", "/bin/true");
    }),
    ("a file for a shim", "missing, or lead elsewhere: git", |home| {
        remove(home, ".claude/rwenv/shims/git");
        home.write(".claude/rwenv/shims/git", "#!/bin/sh\nexec /usr/bin/git \"$@\"\n");
        home.mode(".claude/rwenv/shims/git", 0o755);
    }),
    ("no pre-push", "does not ask before a push", |home| remove(home, HOOK_OF_GIT)),
    ("another's pre-push", "does not ask before a push", |home| {
        home.write(HOOK_OF_GIT, "#!/bin/sh\nexit 0\n");
        home.mode(HOOK_OF_GIT, 0o755);
    }),
    ("one that may not be started", "does not ask before a push", |home| home.mode(HOOK_OF_GIT, 0o644)),
    ("no folder of hooks", "does not ask before a push", |home| remove(home, "ro/.git/hooks")),
    ("core.hooksPath", "git takes hooks from", |home| {
        home.git("ro", &["config", "core.hooksPath", "/nowhere/hooks"]);
    }),
];

fn ways() -> impl Iterator<Item = Way> {
    CLAUDE.into_iter().chain(PROJECT).chain(AGENTS).chain(DOORS)
}

/// A HOME in which every door is in place, with a session in `ro`.
fn guarded(home: &Home) {
    fs::create_dir_all(home.path("bin")).unwrap();
    link(home, "bin/rwenv-hook", crate::support::hook());
    let hook = home.path("bin/rwenv-hook").display().to_string();
    for agent in ["claude", "codex", "gemini", "cursor", "copilot", "opencode"] {
        let installed = home.rwenv("", &["install", "--agent", agent, "--hook", &hook]);
        assert_eq!(installed.code, 0, "{agent}: {}", installed.stderr);
    }
    home.git("ro", &["init", "-q"]);
    // As a git older than 2.54 has it, whichever is here.
    home.write(
        "old/git",
        "#!/bin/sh\n[ \"$1\" = version ] && echo git version 2.40.0 || exec /usr/bin/git \"$@\"\n",
    );
    home.mode("old/git", 0o755);
    let mut hooks = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path("ro"));
    hooks.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", home.path("old").display()));
    let installed = answer(hooks.args(["hooks", "install"]));
    assert_eq!(installed.code, 0, "{}", installed.stderr);
    let mut payload = home.payload("ro", "");
    payload["hook_event_name"] = "SessionStart".into();
    let mut session = home.command(crate::support::hook(), &home.path("ro"));
    session.arg("claude").env("CLAUDE_ENV_FILE", home.path("session.env"));
    assert_eq!(answer(session.write_stdin(payload.to_string())).code, 0);
}

fn kept(home: &Home, from: &Path, to: &Path) {
    for name in TOUCHED {
        let target = to.join(name);
        let _ = fs::remove_dir_all(&target).or_else(|_| fs::remove_file(&target));
        if from.join(name).symlink_metadata().is_err() {
            continue;
        }
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let mut copy = home.command("cp", from);
        assert_eq!(answer(copy.args(["-a", name]).arg(&target)).code, 0, "{name}");
    }
}

/// What `cur` says beside what it shows.
fn cur(home: &Home) -> Answer {
    home.rwenv("ro", &["cur"])
}

#[test]
fn the_next_command_says_which_of_the_ways_it_was() {
    let home = Home::new();
    guarded(&home);
    assert!(ways().count() >= 30);
    assert_eq!(cur(&home).stderr, "", "nothing is off");
    let (here, saved) = (home.path(""), home.path("saved"));
    kept(&home, &here, &saved);
    for (what, says, breaks) in ways() {
        breaks(&home);
        let told = cur(&home).stderr;
        assert!(told.contains(says) && told.contains(" → "), "{what}: {told}");
        assert_eq!(told.lines().count(), 1, "{what}: {told}");
        let doctor = home.rwenv("ro", &["doctor", "--offline", "--json"]);
        assert_eq!(doctor.code, 1, "{what}: {}", doctor.stdout);
        kept(&home, &saved, &here);
        assert_eq!(cur(&home).stderr, "", "{what} is mended");
    }
}

#[test]
fn every_command_that_a_person_reads_says_it_and_a_programs_does_not() {
    let home = Home::new();
    guarded(&home);
    home.write(SETTINGS, "{}");
    let off = "does not register the hook";
    for line in [&["list"][..], &["cur"], &["set", "ro"], &["check", "--", "kubectl get pods"]] {
        let told = home.rwenv("ro", line);
        assert!(told.code == 0 && told.stderr.contains(off), "{line:?}: {}", told.stderr);
        let json = [&line[..1], &["--json"], &line[1..]].concat();
        assert!(!home.rwenv("ro", &json).stderr.contains(off), "{json:?}");
    }
    let mut line = home.command(crate::support::hook(), &home.path("ro"));
    let event = json!({ "cwd": home.path("ro") }).to_string();
    let line = answer(line.arg("statusline").write_stdin(event)).stdout;
    assert!(line.starts_with("\x1b[31mrwenv: ") && line.contains(off), "{line}");
    let mut prompt = home.command(crate::support::hook(), &home.path("ro"));
    let prompt = answer(prompt.args(["prompt", "plain"])).stdout;
    assert_eq!(prompt, "(ro read-only guard off) ");
}

#[test]
fn what_is_before_the_shims_on_path_is_told() {
    let home = Home::new();
    guarded(&home);
    let shims = home.path(".claude/rwenv/shims").display().to_string();
    let told = |path: String| {
        let mut command = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path("ro"));
        answer(command.env("PATH", path).arg("cur")).stderr
    };
    assert_eq!(told(format!("{shims}:/usr/bin:/bin")), "");
    let wrong = told(format!("/usr/bin:{shims}:/bin"));
    assert!(
        wrong.contains("/usr/bin stands before the shims on PATH") && wrong.contains("shellenv"),
        "{wrong}"
    );
}

#[test]
fn a_broken_configuration_and_a_log_that_cannot_be_written_are_told() {
    let home = Home::new();
    guarded(&home);
    let folder = home.path(".claude/rwenv/audit");
    let _ = fs::remove_dir_all(&folder);
    fs::write(&folder, "").unwrap();
    let told = cur(&home).stderr;
    assert!(told.contains("the audit log cannot be written, so changes are denied"), "{told}");
    fs::remove_file(&folder).unwrap();
    home.write(".claude/rwenv/envs.json", "{");
    let told = home.rwenv("ro", &["check", "--", "kubectl get pods"]).stderr;
    assert!(told.contains("envs.json:1:1") && told.contains("→ correct that file"), "{told}");
}

#[test]
fn a_daemon_that_is_gone_or_hangs_is_told_by_commands_shims_and_sessions() {
    let it = Setting::new();
    guarded(&it.home);
    it.home.write(
        ".kube/config",
        "current-context: ro-ctx\ncontexts: [{name: ro-ctx, context: {cluster: c, user: u}}]\n\
         clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: t}}]\n",
    );
    it.start();
    it.until("the guard has a kubeconfig", || it.home.path(".claude/rwenv/guard/ro.yaml").exists());
    assert_eq!(cur(&it.home).stderr, "");
    it.signal(nix::sys::signal::Signal::SIGSTOP);
    let told = cur(&it.home).stderr;
    assert!(told.contains("the daemon does not answer → rwenv daemon restart"), "{told}");
    it.signal(nix::sys::signal::Signal::SIGCONT);
    // Another program's hand in the guard's own kubeconfig, which nobody takes back meanwhile.
    assert_eq!(it.daemon(&["stop"]).code, 0);
    let told = cur(&it.home).stderr;
    assert!(told.contains("the daemon does not run") && told.contains("→ rwenv daemon start"), "{told}");
    it.home.write("tools/kubectl", "#!/bin/sh\necho refused >&2; exit 1\n");
    it.home.mode("tools/kubectl", 0o755);
    let path = format!("{}:/usr/bin:/bin", it.home.path("tools").display());
    let mut shims = it.home.command(env!("CARGO_BIN_EXE_rwenv"), &it.home.path("ro"));
    let hook = it.home.path("bin/rwenv-hook").display().to_string();
    assert_eq!(answer(shims.env("PATH", &path).args(["install", "--hook", &hook])).code, 0);
    let mut shim =
        it.home.command(it.home.path(".claude/rwenv/shims/kubectl").to_str().unwrap(), &it.home.path("ro"));
    shim.env("KUBECONFIG", it.home.path(".claude/rwenv/guard/ro.yaml")).env("PATH", &path);
    let told = answer(shim.args(["get", "pods"])).stderr;
    assert!(told.contains("rwenv daemon start") && told.ends_with("refused\n"), "{told}");
}

#[test]
fn the_daemon_puts_each_way_on_record_and_its_end_too() {
    let it = Setting::new();
    let home = &it.home;
    guarded(home);
    let (here, saved) = (home.path(""), home.path("saved"));
    kept(home, &here, &saved);
    it.start();
    let log = || home.read(".claude/rwenv/audit/audit.jsonl");
    let count = |event: &str, says: &str| {
        let text = log();
        let is_of = |line: &&str| line.contains(event) && line.contains(says);
        text.lines().filter(is_of).count()
    };
    for (what, says, breaks) in ways() {
        let (off, on) = (count("\"guard-off\"", says), count("\"guard-on\"", says));
        breaks(home);
        it.until(&format!("{what} is on record"), || count("\"guard-off\"", says) > off);
        kept(home, &saved, &here);
        it.until(&format!("the end of {what} is on record"), || {
            count("\"guard-on\"", says) > on && it.health()["off"] == json!([])
        });
    }
}

#[test]
fn the_desktop_shows_what_goes_off() {
    let it = Setting::new();
    guarded(&it.home);
    it.home.write(
        "tools/notify-send",
        &format!("#!/bin/sh\necho \"$@\" >> {}\n", it.home.path("shown").display()),
    );
    it.home.mode("tools/notify-send", 0o755);
    let mut daemon = it.home.command(env!("CARGO_BIN_EXE_rwenv"), &it.home.path(""));
    let path = format!("{}:/usr/bin:/bin", it.home.path("tools").display());
    daemon.env("PATH", path).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    assert_eq!(answer(daemon.args(["daemon", "start"])).code, 0);
    it.home.write(SETTINGS, "{}");
    it.until("it is shown", || {
        it.home.path("shown").exists() && it.home.read("shown").contains("rwenv install")
    });
}
