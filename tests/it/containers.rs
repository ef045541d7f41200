//! Programs in a container, which reach the API guard under another name: with the files that are handed out for them.

use std::process::Command;

use serde_json::Value;

use crate::api_guard::Guarded;
use crate::support::{Answer, answer, find, root, skip};

const HOST: &str = "host.docker.internal";

/// True where a program can be given a list of hosts of its own, as a container has.
fn has_own_hosts() -> bool {
    let tried = Command::new("unshare").args(["-rm", "mount", "--bind", "/etc/hosts", "/etc/hosts"]).output();
    let works = tried.is_ok_and(|tried| tried.status.success());
    if !works {
        skip("unshare(1) cannot make a mount namespace here");
    }
    works
}

/// kubectl where the host has this name, with this kubeconfig.
fn inside(guarded: &Guarded, config: &str, arguments: &[&str]) -> Answer {
    let home = &guarded.setting.home;
    home.write("hosts", &format!("127.0.0.1 localhost {HOST} host.containers.internal\n"));
    let line = "mount --bind \"$HOME/hosts\" /etc/hosts && exec \"$@\"";
    let kubectl = find("kubectl").unwrap();
    let mut command = home.command("unshare", &home.path(""));
    command.args(["-rm", "sh", "-c", line, "sh"]).arg(kubectl).args(arguments);
    answer(command.env("KUBECONFIG", config))
}

#[test]
fn a_container_reaches_the_guard_under_the_host_s_name() {
    let Some(guarded) = Guarded::new().filter(|_| has_own_hosts()) else { return };
    let home = &guarded.setting.home;
    for (option, host) in
        [("--container", HOST), ("--container=host.containers.internal", "host.containers.internal")]
    {
        let made = home.rwenv("", &["kubeconfig", "ro", option]);
        let path = made.stdout.trim();
        assert_eq!(
            (made.code, path.ends_with("guard/container/ro/kubeconfig")),
            (0, true),
            "{}",
            made.stderr
        );
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&format!("https://{host}:")), "{text}");
        let read = inside(&guarded, path, &["get", "pods", "-n", "app", "-o", "name"]);
        assert_eq!((read.code, read.stdout.contains("pod/running")), (0, true), "{host}: {}", read.stderr);
        let refused = inside(&guarded, path, &["delete", "pod", "running", "-n", "app"]);
        assert!(refused.stderr.contains("read-only.cluster-write"), "{}", refused.stderr);
    }
    // What the daemon writes anew stays for a container.
    let path = home.path(".claude/rwenv/guard/container/ro/kubeconfig");
    std::fs::write(&path, "{\"server\":\"https://host.docker.internal:1\"}").unwrap();
    assert_eq!(home.rwenv("", &["daemon", "stop"]).code, 0);
    guarded.setting.start();
    let path = path.display().to_string();
    let read = inside(&guarded, &path, &["get", "pods", "-n", "app", "-o", "name"]);
    assert_eq!(read.code, 0, "{}", read.stderr);
}

#[test]
fn other_names_of_the_host_are_refused() {
    let Some(guarded) = Guarded::new().filter(|_| has_own_hosts()) else { return };
    let home = &guarded.setting.home;
    let wrong = home.rwenv("", &["kubeconfig", "ro", "--container=evil.example.com"]);
    assert!(wrong.code == 64 && wrong.stderr.contains("host.containers.internal"), "{}", wrong.stderr);
    let text = home.rwenv("", &["kubeconfig", "ro", "--container", "--output", "-"]).stdout;
    home.write("other.yaml", &text.replace(HOST, "rebound.example.com"));
    home.write("hosts", "");
    let line = "printf '127.0.0.1 rebound.example.com\\n' > \"$HOME/hosts\"; mount --bind \"$HOME/hosts\" /etc/hosts; exec \"$@\"";
    let mut command = home.command("unshare", &home.path(""));
    command
        .args(["-rm", "sh", "-c", line, "sh"])
        .arg(find("kubectl").unwrap())
        .args(["get", "pods", "-n", "app"]);
    let refused = answer(command.env("KUBECONFIG", home.path("other.yaml")));
    assert!(refused.code == 1 && refused.stderr.contains("Forbidden"), "{}", refused.stderr);
}

#[test]
fn the_files_for_containers_fit_the_kubeconfig() {
    let read = |path: &str| std::fs::read_to_string(root().join("integrations").join(path)).unwrap();
    let feature: Value = serde_json::from_str(&read("devcontainer/rwenv/devcontainer-feature.json")).unwrap();
    let target = feature["containerEnv"]["KUBECONFIG"].as_str().unwrap();
    let folder = target.strip_suffix("/kubeconfig").unwrap();
    let text = read("devcontainer/devcontainer.json");
    let plain: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let container: Value = serde_json::from_str(&plain).unwrap();
    let mount = container["mounts"][0].as_str().unwrap();
    assert!(
        mount.contains(".claude/rwenv/guard/container/prod") && mount.contains(&format!("target={folder},"))
    );
    assert!(container["runArgs"][0].as_str().unwrap().contains(HOST));
    let compose = read("compose/compose.yaml");
    let mounted = format!("/.claude/rwenv/guard/container/prod:{folder}:ro");
    assert!(compose.contains(&mounted) && compose.contains(target) && compose.contains(HOST), "{compose}");
}
