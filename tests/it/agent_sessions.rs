//! Agents beside Claude Code when a session starts: what the model is told, and what the session's commands are given.

use serde_json::{Value, json};

use crate::support::{Answer, Home, answer};

const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
current-context: CURRENT
clusters:
- {name: a, cluster: {server: \"https://a.example.com:6443\"}}
- {name: b, cluster: {server: \"https://b.example.com:6443\"}}
users:
- {name: u, user: {token: t}}
contexts:
- {name: ro-ctx, context: {cluster: a, user: u}}
- {name: rw-ctx, context: {cluster: b, user: u}}
";

const SESSION: &str = "01a22760-7ed7-7702-ba12-fcd5a4eb5168";

fn home(current: &str) -> Home {
    let home = Home::new();
    home.write(".kube/config", &KUBECONFIG.replace("CURRENT", current));
    home
}

fn install(home: &Home, agent: &str, more: &[&str]) -> Answer {
    let mut arguments = vec!["install", "--agent", agent, "--hook", crate::support::hook()];
    arguments.extend(more);
    home.rwenv("", &arguments)
}

/// What an agent hears when a session of it starts in a folder.
fn start(home: &Home, agent: &str, event: &Value) -> Answer {
    let mut command = home.command(crate::support::hook(), &home.path(""));
    answer(command.args([agent, "session"]).write_stdin(event.to_string()))
}

fn codex_starts(home: &Home, folder: &str) -> Answer {
    let event = json!({ "session_id": SESSION, "cwd": home.path(folder), "hook_event_name": "SessionStart", "source": "startup",
        "model": "m", "permission_mode": "default", "transcript_path": null });
    start(home, "codex", &event)
}

fn codex_judges(home: &Home, folder: &str, line: &str) -> i32 {
    let event = json!({ "session_id": SESSION, "cwd": home.path(folder), "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": { "command": line } });
    let mut command = home.command(crate::support::hook(), &home.path(""));
    answer(command.arg("codex").write_stdin(event.to_string())).code
}

#[test]
fn each_model_is_told_of_its_rwenv_in_its_agents_own_form() {
    let home = home("ro-ctx");
    let cwd = home.path("ro");
    let words = "rwenv 'ro' is selected here: read-only";
    let form =
        json!({ "session_id": SESSION, "cwd": cwd, "hook_event_name": "SessionStart", "source": "startup" });
    for agent in ["codex", "gemini"] {
        let said: Value = serde_json::from_str(&start(&home, agent, &form).stdout).unwrap();
        let own = &said["hookSpecificOutput"];
        assert_eq!(own["hookEventName"], "SessionStart", "{agent}: {said}");
        assert!(own["additionalContext"].as_str().unwrap().starts_with(words), "{agent}: {said}");
        // A field Codex does not know would spoil the answer.
        assert_eq!(said.as_object().unwrap().len() + own.as_object().unwrap().len(), 3, "{agent}: {said}");
    }
    let form = json!({ "sessionId": SESSION, "timestamp": 1_760_000_000_000u64, "cwd": cwd, "source": "new", "initialPrompt": "x" });
    let said: Value = serde_json::from_str(&start(&home, "copilot", &form).stdout).unwrap();
    assert!(said["additionalContext"].as_str().unwrap().starts_with(words), "{said}");
    // Nothing to say is nothing said.
    let none = Home::empty();
    let elsewhere = json!({ "sessionId": SESSION, "cwd": none.path("") });
    assert_eq!(start(&none, "copilot", &elsewhere).stdout, "");
    // An event that is not understood costs the words, and stops nothing.
    let mut command = home.command(crate::support::hook(), &home.path(""));
    let broken = answer(command.args(["codex", "session"]).write_stdin("{"));
    assert_eq!((broken.code, broken.stdout.as_str()), (1, ""), "{}", broken.stderr);
    assert!(broken.stderr.contains("is not told of its rwenv"), "{}", broken.stderr);
}

#[test]
fn opencodes_plugin_gets_the_variables_of_a_session() {
    let home = home("rw-ctx");
    assert_eq!(install(&home, "opencode", &[]).code, 0);
    let event = json!({ "sessionID": "ses_1", "cwd": home.path("ro") });
    let said: Value = serde_json::from_str(&start(&home, "opencode", &event).stdout).unwrap();
    assert!(said["context"].as_str().unwrap().contains("rwenv 'ro' is selected here"), "{said}");
    let shims = format!("{}:", home.path(".claude/rwenv/shims").display());
    assert!(said["env"]["PATH"].as_str().unwrap().starts_with(&shims), "{said}");
    let own = home.path(".claude/rwenv/kube/ro.yaml").display().to_string();
    assert_eq!(said["env"]["KUBECONFIG"], own.as_str(), "{said}");
    assert!(home.read(".claude/rwenv/run/sessions/ses_1.json").contains(&own));
    // Where no rwenv is selected, the person's own holds.
    let event = json!({ "sessionID": "ses_1", "cwd": home.path("none") });
    let said: Value = serde_json::from_str(&start(&home, "opencode", &event).stdout).unwrap();
    assert_eq!(said["env"].get("KUBECONFIG"), None, "{said}");
}

/// What a shell, started as Codex starts it, has in it.
fn in_shell(home: &Home, shell: &str, words: &[&str], line: &str) -> String {
    let mut command = home.command(shell, &home.path("ro"));
    command.env("BASH_ENV", home.path(".claude/rwenv/session.sh")).env("CODEX_SESSION_ID", SESSION);
    command.env("ZDOTDIR", home.path(".claude/rwenv/zsh"));
    answer(command.args(words).arg(line)).stdout
}

fn in_bash(home: &Home, words: &[&str], line: &str) -> String {
    in_shell(home, "bash", words, line)
}

#[test]
fn zsh_reads_the_persons_own_files_and_gives_the_session_after_the_last() {
    let Some(zsh) = crate::fetched::zsh() else { return };
    let zsh = zsh.display().to_string();
    let home = home("rw-ctx");
    assert_eq!(install(&home, "codex", &[]).code, 0);
    assert_eq!(codex_starts(&home, "ro").code, 0);
    let shims = home.path(".claude/rwenv/shims").display().to_string();
    let own = home.path(".claude/rwenv/kube/ro.yaml").display().to_string();
    let show = "echo \"$read ${PATH%%:*} ${KUBECONFIG-none}\"";
    let first = "export PATH=/opt/first:$PATH KUBECONFIG=/mine\n";
    for folder in ["", ".config/zsh/"] {
        let before = if folder.is_empty() { "" } else { "export ZDOTDIR=$HOME/.config/zsh\n" };
        home.write(".zshenv", &format!("{before}read=${{read}}e\n{first}"));
        for (file, letter) in [(".zprofile", 'p'), (".zshrc", 'r'), (".zlogin", 'l')] {
            home.write(&format!("{folder}{file}"), &format!("read=${{read}}{letter}\n{first}"));
        }
        for (words, read) in
            [(&["-c"][..], "e"), (&["-lc"][..], "epl"), (&["-ic"][..], "er"), (&["-lic"][..], "eprl")]
        {
            assert_eq!(
                in_shell(&home, &zsh, words, show),
                format!("{read} {shims} {own}\n"),
                "{folder:?} {words:?}"
            );
        }
        // A zsh inside gets the shims again, and keeps what the line set.
        let inner = format!("PATH=/usr/bin:/bin KUBECONFIG=/own {zsh} -c 'echo \"${{PATH%%:*}}\"'");
        assert_eq!(in_shell(&home, &zsh, &["-c"], &inner), format!("{shims}\n"), "{folder:?}");
    }
    home.write(".zshenv", "setopt no_rcs\n");
    assert_eq!(in_shell(&home, &zsh, &["-lc"], "echo ${PATH%%:*}"), format!("{shims}\n"));
    assert_eq!(install(&home, "codex", &["--uninstall"]).code, 0);
    assert!(!home.path(".claude/rwenv/zsh").exists());
}

#[test]
fn codexs_commands_get_shims_and_kubeconfig_once() {
    let home = home("rw-ctx");
    assert_eq!(install(&home, "codex", &[]).code, 0);
    assert_eq!(codex_starts(&home, "ro").code, 0);
    let shims = home.path(".claude/rwenv/shims").display().to_string();
    let own = home.path(".claude/rwenv/kube/ro.yaml").display().to_string();
    let show = "echo \"${PATH%%:*} ${KUBECONFIG-none}\"";
    for words in [&["-c"][..], &["-lc"][..]] {
        assert_eq!(in_bash(&home, words, show), format!("{shims} {own}\n"), "{words:?}");
    }
    // What a line sets itself, shells inside keep; the shims come back where PATH was set anew.
    let inner = format!("PATH=/usr/bin:/bin KUBECONFIG=/mine bash -c '{show}'");
    assert_eq!(in_bash(&home, &["-c"], &inner), format!("{shims} /mine\n"));
    // Another session's is not taken.
    let other = format!("CODEX_SESSION_ID=other RWENV_GIVEN= KUBECONFIG= bash -c '{show}'");
    assert_eq!(in_bash(&home, &["-c"], &other), format!("{shims} \n"));
    assert_eq!(install(&home, "codex", &["--uninstall"]).code, 0);
    assert!(!home.path(".claude/rwenv/session.sh").exists());
}

#[test]
fn codexs_settings_keep_what_a_person_wrote() {
    let home = home("rw-ctx");
    let path = ".codex/config.toml";
    let old = "# mine\nmodel = \"m\" # yes\n\n[analytics]\nenabled = false\n";
    home.write(path, old);
    assert_eq!(install(&home, "codex", &[]).code, 0);
    let text = home.read(path);
    assert!(text.starts_with(old), "{text}");
    let start = home.path(".claude/rwenv/session.sh").display().to_string();
    let table: toml::Table = toml::from_str(&text).unwrap();
    assert_eq!(table["shell_environment_policy"]["set"]["BASH_ENV"].as_str(), Some(start.as_str()));
    assert_eq!(install(&home, "codex", &[]).code, 0);
    assert_eq!(home.read(path), text, "twice is as good as once");
    // Codex writes behind it: that stays, too.
    let behind = "[projects.\"/x\"]\ntrust_level = \"trusted\"\n";
    home.write(path, &format!("{text}{behind}"));
    assert_eq!(install(&home, "codex", &["--uninstall"]).code, 0);
    assert_eq!(home.read(path), format!("{old}{behind}"));
    // A table of the person's own is theirs to change.
    let own = "[shell_environment_policy.set]\nA = \"1\"\n";
    home.write(path, own);
    let told = install(&home, "codex", &[]);
    assert_eq!((told.code, home.read(path).as_str()), (0, own));
    let zsh = home.path(".claude/rwenv/zsh").display().to_string();
    let lines = [format!("BASH_ENV = \"{start}\""), format!("ZDOTDIR = \"{zsh}\"")];
    assert!(told.stderr.contains(&format!("add {} there", lines.join(" and "))), "{}", told.stderr);
    home.write(path, &format!("{own}{}\n", lines[0]));
    let told = install(&home, "codex", &[]);
    assert!(told.stderr.contains(&format!("add {} there", lines[1])), "{}", told.stderr);
    home.write(path, &format!("{own}{}\n", lines.join("\n")));
    let silent = install(&home, "codex", &[]);
    assert!(!silent.stderr.contains("BASH_ENV"), "{}", silent.stderr);
    let told = install(&home, "codex", &["--uninstall"]);
    assert!(told.stderr.contains("take BASH_ENV") && told.stderr.contains("ZDOTDIR"), "{}", told.stderr);
    // What is no TOML is not touched.
    home.write(path, "model = [\n");
    let broken = install(&home, "codex", &[]);
    assert_eq!((broken.code, home.read(path).as_str()), (1, "model = [\n"), "{}", broken.stderr);
}

/// A person's shell may be another than bash, which reads no such file: then a call sees the person's own kubeconfig.
#[test]
fn a_call_of_codex_is_judged_by_both_kubeconfigs_it_may_see() {
    let line = "kubectl delete pod p";
    let home = home("ro-ctx");
    assert_eq!(codex_starts(&home, "rw").code, 0);
    assert_eq!(codex_judges(&home, "rw", line), 2, "the person's own context is the read-only rwenv's");
    home.write(".kube/config", &KUBECONFIG.replace("CURRENT", "rw-ctx"));
    assert_eq!(codex_judges(&home, "rw", line), 0);
    assert_eq!(codex_starts(&home, "ro").code, 0);
    assert_eq!(codex_judges(&home, "rw", line), 2, "the session's context is the read-only rwenv's");
}
