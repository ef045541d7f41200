//! The line that is always in sight: Claude Code's status line and a shell's prompt.

use serde_json::{Value, json};

use crate::support::{Answer, Home, answer};

fn settings(home: &Home) -> Value {
    serde_json::from_str(&home.read(".claude/settings.json")).unwrap()
}

fn install(home: &Home, more: &[&str]) -> Answer {
    home.rwenv("", &[&["install", "--hook", crate::support::hook()], more].concat())
}

#[test]
fn a_status_line_is_registered_where_there_is_none() {
    let home = Home::new();
    assert_eq!(install(&home, &[]).code, 0);
    let ours = format!("{} statusline", crate::support::hook());
    assert_eq!(settings(&home)["statusLine"], json!({ "type": "command", "command": ours }));
    assert_eq!(install(&home, &["--statusline", "never"]).code, 0);
    assert_eq!(settings(&home).get("statusLine"), None);
    let own = json!({ "type": "command", "command": "~/bin/mine", "padding": 1 });
    home.write(".claude/settings.json", &json!({ "statusLine": own }).to_string());
    assert_eq!(install(&home, &[]).code, 0);
    assert_eq!(settings(&home)["statusLine"], own, "a person's own stays");
    assert_eq!(home.rwenv("", &["install", "--uninstall"]).code, 0);
    assert_eq!(settings(&home), json!({ "statusLine": own }));
    assert_eq!(install(&home, &["--statusline", "always"]).code, 0);
    assert_eq!(settings(&home)["statusLine"]["command"], ours);
    assert_eq!(home.rwenv("", &["install", "--uninstall"]).code, 0);
    assert_eq!(settings(&home), json!({}));
}

/// What the registered line shows for a directory, through the shell that Claude Code starts it with.
fn shown(home: &Home, folder: &str, colours: bool) -> String {
    let command = settings(home)["statusLine"]["command"].as_str().unwrap().to_owned();
    let mut shell = home.command("sh", &home.path(""));
    if !colours {
        shell.env("NO_COLOR", "1");
    }
    let event = json!({
        "session_id": "s", "cwd": "/", "model": { "id": "m", "display_name": "M" },
        "workspace": { "current_dir": home.path(folder), "project_dir": "/" },
    });
    let answer = answer(shell.args(["-c", &command]).write_stdin(event.to_string()));
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    answer.stdout
}

#[test]
fn the_status_line_names_the_rwenv_its_mode_and_a_grant() {
    let home = Home::new();
    assert_eq!(install(&home, &[]).code, 0);
    for (folder, line) in [
        ("ro", "ro read-only\n"),
        ("go", "go gitops-only\n"),
        ("rw", "rw writable\n"),
        ("none", "no rwenv: changes of clusters are denied\n"),
    ] {
        assert_eq!(shown(&home, folder, false), line);
    }
    assert_eq!(shown(&home, "ro", true), "ro \x1b[32mread-only\x1b[0m\n");
    let now = rwenv_gate::base::clock::now().as_secs();
    let grant = json!({
        "id": "a", "command": "kubectl delete pod p", "cwd": home.path("ro"), "digest": "d", "runs": [], "area": null, "rwenvs": ["ro"],
        "rules": [], "person": "me", "made": now, "until": now + 600, "reason": null,
    });
    home.write(".claude/rwenv/run/grants/a.json", &grant.to_string());
    let line = shown(&home, "ro", false);
    assert!(line == "ro read-only · grant 10 min\n" || line == "ro read-only · grant 9 min\n", "{line}");
    home.write("ro/.claude/rwenv", "gone\n");
    assert!(shown(&home, "ro", false).starts_with("gone not configured"));
    // Whatever comes in, a line goes out.
    for event in ["", "{", "[]", "{\"cwd\": 1}"] {
        let mut hook = home.command(crate::support::hook(), &home.path("go"));
        let answer = answer(hook.arg("statusline").env("NO_COLOR", "1").write_stdin(event));
        assert!(answer.code == 0 && answer.stdout.starts_with("go gitops-only"), "{event}: {answer:?}");
        let same = home.rwenv_with("go", &["statusline"], event);
        assert!(same.code == 0 && same.stdout.starts_with("go "), "{event}: {same:?}");
    }
}

#[test]
fn a_real_bash_shows_the_segment_and_keeps_its_status() {
    let home = Home::new();
    let code = home.rwenv("ro", &["prompt", "--init", "bash"]);
    assert_eq!(code.code, 0, "{}", code.stderr);
    home.write(
        "rc",
        &format!("PS1='$? \\$ '\n{0}\n{0}\nfalse\nprintf '%s' \"${{PS1@P}}\"\ncd ../none\nprintf '|%s' \"${{PS1@P}}\"\n", code.stdout),
    );
    let mut bash = home.command("bash", &home.path("ro"));
    let shown = answer(bash.args(["--norc", "--noprofile", "-i", "../rc"]));
    let mode = "\x01\x1b[32m\x02read-only\x01\x1b[0m\x02";
    let root = if nix::unistd::getuid().is_root() { '#' } else { '$' };
    assert_eq!(shown.stdout, format!("(ro {mode}) 1 {root} |0 {root} "), "{}", shown.stderr);
    let starship: toml::Table = home.rwenv("ro", &["prompt", "--init", "starship"]).stdout.parse().unwrap();
    let command = starship["custom"]["rwenv"]["command"].as_str().unwrap().to_owned();
    let mut sh = home.command("sh", &home.path("ro"));
    assert_eq!(answer(sh.args(["-c", &command])).stdout, "(ro read-only) ");
    let zsh = answer(home.command(crate::support::hook(), &home.path("ro")).args(["prompt", "zsh"])).stdout;
    assert_eq!(zsh, "(ro %{\x1b[32m%}read-only%{\x1b[0m%}) ");
    assert!(home.rwenv("ro", &["prompt", "--init", "fish"]).stdout.contains("function fish_prompt"));
    assert_eq!(home.rwenv("none", &["prompt"]).stdout, "");
    assert_eq!(home.rwenv("ro", &["prompt"]).stdout, "(ro \x1b[32mread-only\x1b[0m)\n");
}
