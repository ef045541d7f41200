//! What a session of `rwenv run` knows of itself: the greeting, the doctor's level, `rwenv run --probe`, and `custody` in `envs.json`.

use std::os::unix::net::UnixListener;

use serde_json::{Value, json};

use crate::confined::{Outside, works};
use crate::support::{Home, answer, hook};

const MEANS: [&str; 3] = ["bubblewrap", "namespaces", "landlock"];

const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: rw-ctx\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\n\
                          contexts: [{name: rw-ctx, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {token: x}}]\n";

fn start(home: &Home) -> String {
    json!({ "session_id": "s", "cwd": home.path("ro"), "hook_event_name": "SessionStart", "source": "startup" })
        .to_string()
}

/// Sets `custody` of the rwenv `ro`.
fn set_custody(home: &Home, custody: &Value) {
    let mut envs: Value = serde_json::from_str(&home.read(".claude/rwenv/envs.json")).unwrap();
    envs["rwenvs"]["ro"]["custody"] = custody.clone();
    home.write(".claude/rwenv/envs.json", &envs.to_string());
}

/// The doctor's line about who holds the credentials of `rw`.
fn custody_of_rw(text: &str) -> Value {
    let all: Vec<Value> = serde_json::from_str(text).unwrap();
    all.into_iter().find(|check| check["id"] == "custody" && check["rwenv"] == "rw").unwrap()
}

#[test]
fn a_confined_session_is_told_so() {
    let outside = Outside::new(None);
    for means in MEANS {
        if !works(&outside.home, means) {
            continue;
        }
        let said = outside.run(means, &format!("{} claude", hook()), &start(&outside.home));
        assert!(said.stdout.contains("rwenv 'ro' is selected here"), "{means}: {said:?}");
        assert!(
            said.stdout.contains(&format!("This session is confined (rwenv run, by {means})")),
            "{means}: {said:?}"
        );
    }
    // Outside, whatever the variable says.
    let home = &outside.home;
    let mut command = home.command(hook(), &home.path("ro"));
    command.env("RWENV_SESSION_SOCKET", home.path(".claude/rwenv/run/confined/1/records.sock"));
    let said = answer(command.arg("claude").write_stdin(start(home)));
    assert!(said.stdout.contains("'ro'") && !said.stdout.contains("confined"), "{said:?}");
}

#[test]
fn the_doctor_measures_the_level_inside() {
    let outside = Outside::new(None);
    let home = &outside.home;
    home.write("named.kubeconfig", KUBECONFIG);
    let own = env!("CARGO_BIN_EXE_rwenv");
    let doctor = format!("{own} doctor --offline --json");
    let outer = custody_of_rw(&home.rwenv("ro", &["doctor", "--offline", "--json"]).stdout);
    assert_eq!(outer["level"], "C0", "{outer}");
    for means in MEANS {
        if !works(home, means) {
            continue;
        }
        set_custody(home, &json!({}));
        let check = custody_of_rw(&outside.run(means, &doctor, "").stdout);
        let says = check["says"].as_str().unwrap();
        assert!(check["level"] == "C1" && check["state"] == "ok", "{means}: {check}");
        assert!(says.contains(&format!("rwenv run ({means})")) && says.contains("none opens"), "{says}");
        assert!(says.contains("~/named.kubeconfig ("), "{says}");
        // A person has allowed it.
        set_custody(home, &json!({ "allow": ["~/named.kubeconfig"] }));
        let check = custody_of_rw(&outside.run(means, &doctor, "").stdout);
        assert_eq!(check["level"], "C0", "{means}: {check}");
    }
}

#[test]
fn a_probe_shows_what_came_of_trying() {
    let outside = Outside::new(None);
    let home = &outside.home;
    home.write("named.kubeconfig", KUBECONFIG);
    std::fs::create_dir_all(home.path(".docker/run")).unwrap();
    let socket = home.path(".docker/run/docker.sock");
    let _listens = UnixListener::bind(&socket).unwrap();
    for means in MEANS {
        if !works(home, means) {
            continue;
        }
        set_custody(home, &json!({}));
        let said = home.rwenv("ro", &["run", "--probe", "--json", "--means", means]);
        let report: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
        assert_eq!(report["means"], means);
        let credentials = report["credentials"].as_array().unwrap();
        let came = |name: &str| {
            let path = home.path(name).display().to_string();
            credentials.iter().find(|one| one["path"] == path).unwrap_or_else(|| panic!("{name}: {report}"))["came"].clone()
        };
        assert!(credentials.len() > 10 && credentials.iter().all(|one| one["came"] != "opens"), "{report}");
        let expected = if means == "landlock" { "refused" } else { "empty" };
        assert_eq!((came(".aws"), came("named.kubeconfig")), (json!(expected), json!(expected)));
        let servers = report["servers"].as_array().unwrap();
        assert_eq!(
            (&servers[0]["rwenv"], &servers[0]["connects"]),
            (&json!("rw"), &json!(false)),
            "{report}"
        );
        let sockets = report["sockets"].as_array().unwrap();
        let found = sockets.iter().find(|one| one["path"] == json!(socket));
        let came = found.map(|one| (one["connects"] == true, one["meant"] == true));
        assert_eq!(came, Some((means == "landlock", false)), "{report}");
        if means != "landlock" {
            let out = |one: &&Value| one["connects"] == true && one["meant"] == false;
            assert_eq!((sockets.iter().find(out), said.code), (None, 0), "{}", report["custody"]);
            let level = |check: &Value| check["level"] == "C1";
            assert!(report["custody"].as_array().unwrap().iter().all(level), "{}", report["custody"]);
        }
        set_custody(home, &json!({ "allow": ["~/named.kubeconfig"] }));
        let said = home.rwenv("ro", &["run", "--probe", "--means", means]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.stdout.contains("~/.aws") && said.stderr.contains("rw: C0"), "{said:?}");
    }
    let said = home.rwenv("ro", &["run", "--probe", "--", "true"]);
    assert!(said.code != 0 && said.stderr.contains("cannot be used with"), "{said:?}");
}

#[test]
fn custody_of_a_rwenv_hides_and_allows() {
    let outside = Outside::new(None);
    let home = &outside.home;
    home.write("kept/secret", "found\n");
    home.write(".vault-token", "found\n");
    let hidden = home.path("kept").display().to_string();
    for means in MEANS {
        if !works(home, means) {
            continue;
        }
        let line = "cat $H/kept/secret $H/.vault-token; true";
        set_custody(home, &json!({}));
        let count = |text: &str| text.matches("found").count();
        assert!(outside.run(means, "cat $H/kept/secret", "").stdout.contains("found"), "{means}");
        set_custody(home, &json!({ "hide": [hidden] }));
        assert_eq!(count(&outside.run(means, line, "").stdout), 0, "{means}");
        set_custody(home, &json!({ "hide": [hidden], "allow": ["~/.vault-token"] }));
        let said = outside.run(means, line, "");
        assert_eq!(count(&said.stdout), 1, "{means}: {said:?}");
    }
    // What one rwenv hides, every session misses; what it allows, only its own see.
    let plan = home.rwenv("rw", &["run", "--env", "rw", "--dry-run"]).stdout;
    assert!(plan.contains("~/kept ") && plan.contains("~/.vault-token"), "{plan}");
    set_custody(home, &json!({ "hide": ["kept"] }));
    let said = home.rwenv("ro", &["run", "--", "true"]);
    assert!(said.code == 125 && said.stderr.contains("neither absolute nor below ~/"), "{said:?}");
    set_custody(home, &json!({ "allow": ["~/.claude/rwenv/guard"] }));
    let said = home.rwenv("ro", &["run", "--", "true"]);
    assert!(said.code == 125 && said.stderr.contains("cannot be allowed"), "{said:?}");
    set_custody(home, &json!({ "hides": ["/srv"] }));
    let said = home.rwenv("ro", &["run", "--", "true"]);
    assert!(said.code == 125 && said.stderr.contains("write \"hide\""), "{said:?}");
}

#[test]
fn what_a_session_leaves_to_run_later_is_told() {
    let outside = Outside::new(None);
    let home = &outside.home;
    home.write(".local/bin/tool", "#!/bin/sh\n");
    let left = [
        ("echo evil > ~/.zshenv", "~/.zshenv"),
        ("ln -s $P/evil ~/.bash_profile", "~/.bash_profile"),
        ("mkdir -p ~/.config/systemd/user; echo x > ~/.config/systemd/user/x.service", "~/.config/systemd"),
        ("printf '#!/bin/sh\\n' > ~/.local/bin/kubectl", "~/.local/bin/kubectl"),
        ("echo evil >> ~/.local/bin/tool", "~/.local/bin/tool"),
        ("cp /bin/true t; mv t ~/.local/bin/tool", "~/.local/bin/tool"),
        ("mkdir -p ~/bin; ln -s /bin/true ~/bin/git", "~/bin/git"),
        ("(sleep 0.1; echo evil > ~/.zlogin) & disown; sleep 0.5", "~/.zlogin"),
    ];
    let nothing = [
        "true",
        "echo x > ~/.newtool",
        "mkdir -p ~/.cache/x",
        "wc -c ~/.local/bin/tool",
        "echo x >> ~/.bashrc",
    ];
    for means in MEANS {
        if !works(home, means) {
            continue;
        }
        for (line, path) in left {
            let said = outside.run(means, line, "");
            // At the top of the home, Landlock lets nothing new be made.
            if means == "landlock" && home.path(&path[2..]).symlink_metadata().is_err() {
                continue;
            }
            let told = format!("the session left what runs outside later: {path}; look at it");
            assert!(said.stderr.contains(&told), "{means}: {line}: {said:?}");
            let log = home.read(".claude/rwenv/audit/audit.jsonl");
            let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
            assert!(
                last["event"] == "left" && last["detail"].as_str().unwrap().ends_with(path),
                "{means}: {line}: {last}"
            );
        }
        for line in nothing {
            let said = outside.run(means, line, "");
            assert!(!said.stderr.contains("the session left"), "{means}: {line}: {said:?}");
        }
        for path in [".zshenv", ".bash_profile", ".zlogin", ".local/bin/kubectl", "bin/git"] {
            let _ = std::fs::remove_file(home.path(path));
        }
        let _ = std::fs::remove_dir_all(home.path(".config/systemd"));
    }
}
