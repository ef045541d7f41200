//! How Flux is, watched by the daemon.

use serde_json::{Value, json};

use crate::api_guard::Guarded;
use crate::support::answer;

fn ready(it: &Guarded, name: &str, status: &str, message: &str) {
    let status = json!({ "status": { "observedGeneration": 1, "conditions": [{ "type": "Ready", "status": status, "message": message }] } });
    let done = it.server.kubectl(
        &[
            "patch",
            "ks",
            name,
            "-n",
            "flux-system",
            "--subresource=status",
            "--type=merge",
            "-p",
            &status.to_string(),
        ],
        "",
    );
    assert!(!done.is_empty());
}

impl Guarded {
    /// What the daemon knows of a rwenv's Flux.
    fn known(&self, rwenv: &str) -> Value {
        let text = json!({ "version": 1, "ask": "flux", "rwenv": rwenv }).to_string();
        self.setting.frame(&crate::daemon::framed(&text)).unwrap()["flux"].clone()
    }

    fn message(&self, rwenv: &str, name: &str) -> String {
        let known = self.known(rwenv);
        let mut all = known["objects"].as_array().unwrap().iter();
        let object = all.find(|object| object["kind"] == "Kustomization" && object["name"] == name);
        object.map_or_else(String::new, |object| object["message"].as_str().unwrap().to_owned())
    }
}

#[test]
fn the_daemon_knows_how_flux_is_and_tells_it_at_once() {
    let Some(mut it) = Guarded::new() else { return };
    ready(&it, "apps", "False", "no such folder");
    assert_eq!(it.known("ro")["complete"], false, "the first question has it watched");
    it.setting.until("all is known", || it.known("ro")["complete"] == true);
    assert_eq!(it.message("ro", "apps"), "no such folder");
    let status = it.setting.home.rwenv("ro", &["flux", "status", "--json"]);
    let live = it.setting.home.rwenv("ro", &["flux", "status", "--json", "--live"]);
    let [known, live]: [Vec<Value>; 2] = [status, live].map(|told| {
        let mut all: Vec<Value> = serde_json::from_str(&told.stdout).unwrap();
        all.sort_by_key(ToString::to_string);
        all
    });
    assert_eq!(known, live);

    let home = &it.setting.home;
    let start = || {
        let event = json!({ "session_id": "s", "cwd": home.path("ro"), "hook_event_name": "SessionStart", "source": "startup" });
        let mut hook = home.command(crate::support::hook(), &home.path("ro"));
        answer(hook.arg("claude").write_stdin(event.to_string())).stdout
    };
    let said = start();
    assert!(
        said.starts_with("rwenv 'ro' is selected here: read-only") && said.contains("Reads are allowed"),
        "{said}"
    );
    assert!(said.contains("Its Flux repository is not cloned yet: rwenv repo sync ro"), "{said}");
    assert!(said.contains("Kustomization flux-system/apps: no such folder"), "{said}");
    let more: String = (0..12).map(|number| format!("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: one-of-many-{number}, namespace: flux-system}}\nspec: {{path: ./x}}\n---\n")).collect();
    it.server.apply(&more);
    for number in 0..12 {
        ready(&it, &format!("one-of-many-{number}"), "False", &"a long message ".repeat(40));
    }
    it.setting.until("all of them", || !it.message("ro", "one-of-many-11").is_empty());
    let said = start();
    assert!(
        said.len() <= 1200 && said.contains("more: rwenv flux status --failing"),
        "{} {said}",
        said.len()
    );

    ready(&it, "apps", "True", "Applied revision");
    it.setting.until("a change comes in", || it.message("ro", "apps") == "Applied revision");
    it.server.kubectl(&["delete", "ks", "apps", "-n", "flux-system"], "");
    it.setting.until("what is gone is gone", || it.message("ro", "apps").is_empty());

    it.server.stop();
    it.setting.until("a server that is gone is told", || it.known("ro")["complete"] == false);
    assert!(!it.known("ro")["error"].as_str().unwrap().is_empty());
    it.server.again();
    it.setting.until("it is back", || it.known("ro")["complete"] == true);

    it.setting.daemon(&["restart"]);
    it.setting.until("the next run goes on with it", || {
        let known = it.setting.home.read(".claude/rwenv/run/watched.json");
        known.contains("ro") && it.known("ro")["complete"] == true
    });
    let none =
        it.setting.frame(&crate::daemon::framed(r#"{"version":1,"ask":"flux","rwenv":"nothing"}"#)).unwrap();
    assert!(none["error"].as_str().unwrap().contains("no rwenv 'nothing'"));
}

#[test]
fn a_kubeconfig_of_the_dev_container_is_found_where_it_is_mounted_from() {
    let Some(server) = crate::apiserver::ApiServer::start() else { return };
    server.flux_kinds();
    let home = crate::support::Home::empty();
    home.write("data/kube/config", &server.kubeconfig("dev-ctx"));
    home.write(
        ".claude/rwenv/envs.json",
        r#"{"useDevContainer":true,"devContainer":"box","rwenvs":{"dev":{"kubeconfigPath":"/root-of-box/.kube/config","kubernetesContext":"dev-ctx","readOnly":true}}}"#,
    );
    home.write("dev/.claude/rwenv", "dev\n");
    let mounts = json!([
        { "Type": "bind", "Source": home.path("nothing"), "Destination": "/root-of-box" },
        { "Type": "bind", "Source": home.path("data/kube"), "Destination": "/root-of-box/.kube" },
    ]);
    let docker =
        home.write("bin/docker", &format!("#!/bin/sh\n[ \"$1 $4\" = 'inspect box' ] && echo '{mounts}'\n"));
    home.mode("bin/docker", 0o700);
    let status = |path: &str| {
        let mut command = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path("dev"));
        answer(command.env("PATH", path).args(["flux", "status"]))
    };
    let found = status(&format!("{}:/usr/bin:/bin", docker.parent().unwrap().display()));
    assert_eq!(found.code, 0, "{}", found.stderr);
    let none = status("/usr/bin:/bin");
    assert!(none.code == 1 && none.stderr.contains("/root-of-box/.kube/config"), "{}", none.stderr);
}
