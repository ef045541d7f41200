//! Findings that somebody accepts: by a mark in the file, by a person's list, or for one push by a grant.

use crate::grant::at_terminal;
use crate::push::World;
use crate::support::skip;

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: demo\nstringData:\n  password: hunter2-of-the-test\n";
const LIST: &str = ".claude/rwenv/accepted.json";

fn world() -> World {
    World::new(r#","directPush":true"#)
}

fn marked(reason: &str) -> String {
    SECRET.replace("  password", &format!("  # rwenv: allow secret.unencrypted {reason}\n  password"))
}

#[test]
fn a_mark_counts_in_what_a_person_pushes() {
    let world = world();
    world.home.write("flux/apps/demo.yaml", &marked("login of the public demo"));
    world.commit("flux", "demo");
    let told = world.refused("flux", "origin HEAD:main", "secret.unencrypted");
    assert!(told.contains("its mark is new"), "{told}");
    let linted = world.home.rwenv("flux", &["lint", "--json"]);
    assert_eq!(linted.code, 0, "{}", linted.stdout);
    let report: serde_json::Value = serde_json::from_str(&linted.stdout).unwrap();
    assert_eq!(report["accepted"][0]["reason"], "login of the public demo");
    assert!(report["findings"].as_array().unwrap().is_empty());
    let sarif: serde_json::Value =
        serde_json::from_str(&world.home.rwenv("flux", &["lint", "--sarif"]).stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["suppressions"][0]["kind"], "inSource");
    let said = world.home.rwenv("flux", &["lint"]).stderr;
    assert!(said.contains("apps/demo.yaml:7: accepted [secret.unencrypted]: login of"), "{said}");
    let pushed = world.sh("flux", "git push -q origin HEAD:main", false);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    // What the other side has is no reason any more, for anybody.
    world.home.write("flux/apps/web.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n");
    world.commit("flux", "more");
    world.sent("flux", "origin HEAD:main");
    // A mark says why.
    world.home.write("flux/apps/other.yaml", &marked("").replace("name: demo", "name: other"));
    world.commit("flux", "no reason");
    let refused = world.sh("flux", "git push -q origin HEAD:main", false);
    assert!(refused.code != 0 && refused.stderr.contains("[secret.unencrypted]"), "{}", refused.stderr);
}

#[test]
fn a_persons_list_counts_until_its_day() {
    let world = world();
    world.home.write("flux/apps/demo.yaml", SECRET);
    world.commit("flux", "demo");
    world.refused("flux", "origin HEAD:main", "secret.unencrypted");
    let accept = |more: &str, agent: bool| {
        let line = format!("lint --accept secret.unencrypted demo.yaml:6 --reason 'a demo' {more}");
        at_terminal(&world.home, "flux/apps", &line, "y\n", agent)
    };
    let Some(by_agent) = accept("", true) else {
        skip("there is no script(1) here to make a terminal");
        return;
    };
    assert!(by_agent.code != 0 && by_agent.stdout.contains("by a person"), "{}", by_agent.stdout);
    for (more, why) in
        [("--until soon", "is not a day to come"), ("--until 2020-01-01", "is not a day to come")]
    {
        let told = accept(more, false).unwrap();
        assert!(told.code != 0 && told.stdout.contains(why), "{more}: {}", told.stdout);
    }
    let denied = world.home.hook("flux", "rwenv lint --accept secret.unencrypted apps/demo.yaml --reason x");
    assert_eq!(denied.decision(), "deny");
    assert_eq!(world.home.hook("flux", "rwenv lint --accepted; rwenv lint --staged").decision(), "allow");
    assert!(!world.home.path(LIST).exists());

    let made = accept("--until 2099-12-31", false).unwrap();
    assert_eq!(made.code, 0, "{}", made.stdout);
    assert!(made.stdout.contains("Secret demo contains the value of 'password'"), "{}", made.stdout);
    assert!(!world.home.read(LIST).contains("hunter2"));
    let list = world.home.rwenv("flux", &["lint", "--accepted", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!((&list[0]["path"], &list[0]["reason"]), (&"apps/demo.yaml".into(), &"a demo".into()));
    assert!(world.home.read(".claude/rwenv/audit/audit.jsonl").contains("\"event\":\"accepted\""));
    assert_eq!(world.home.rwenv("flux", &["lint"]).code, 0);
    assert_eq!(world.home.rwenv("flux/apps", &["lint"]).code, 0, "in a folder of it as well");
    let changed = SECRET.replace("hunter2", "hunter3");
    world.home.write("flux/apps/demo.yaml", &changed);
    assert_eq!(world.home.rwenv("flux", &["lint"]).code, 1, "another value is another finding");
    world.home.write("flux/apps/demo.yaml", SECRET);
    let good = world.home.read(LIST);
    world.home.write(LIST, &good.replace("2099-12-31", "2026-01-31"));
    let told = world.refused("flux", "origin HEAD:main", "secret.unencrypted");
    assert!(told.contains("apps/demo.yaml: secret.unencrypted was accepted until 2026-01-31 by "), "{told}");
    world.home.write(LIST, &good);
    world.sent("flux", "origin HEAD:main");
}

#[test]
fn a_grant_lifts_what_is_found_in_a_push() {
    let world = world();
    world.home.write("flux/.git/info/exclude", ".claude\n");
    world.home.write("flux/.claude/rwenv", "env\n");
    let url = world.home.path("remotes/flux.git").display().to_string();
    world.home.git("flux", &["remote", "set-url", "origin", &url]);
    world.home.write("flux/apps/demo.yaml", SECRET);
    world.commit("flux", "demo");
    let line = "git push -q origin HEAD:main";
    world.refused("flux", "origin HEAD:main", "secret.unencrypted");
    let granted = at_terminal(&world.home, "flux/apps", &format!("grant --for 5m -- {line}"), "y\n", false);
    let Some(granted) = granted else {
        skip("there is no script(1) here to make a terminal");
        return;
    };
    assert!(
        granted.code == 0 && granted.stdout.contains("what the check of its content finds"),
        "{}",
        granted.stdout
    );
    world.refused("flux", "origin HEAD:topic", "secret.unencrypted");
    world.sent("flux", "origin HEAD:main");
}

#[test]
fn what_others_may_make_refuses_no_push() {
    let world = world();
    let kustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\nspec:\n  path: ./apps\n  sourceRef: {kind: GitRepository, name: flux-system}\n  postBuild:\n    substituteFrom:\n    - {kind: ConfigMap, name: cluster-info}\n";
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\nspec:\n  dependsOn: [{name: cert-manager, namespace: cert-manager}]\n  chart:\n    spec:\n      chart: web\n      sourceRef: {kind: HelmRepository, name: charts, namespace: platform}\n";
    world.home.write("flux/clusters/apps.yaml", kustomization);
    world.home.write("flux/apps/release.yaml", release);
    world.commit("flux", "what others make");
    let pushed = world.push("flux", "origin HEAD:main");
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    for rule in ["flux.substitute-from", "flux.source-elsewhere", "flux.depends-elsewhere"] {
        assert!(pushed.stderr.contains(&format!("[{rule}]")), "{rule}: {}", pushed.stderr);
    }
    let told = world.home.rwenv("flux", &["lint"]);
    assert!(
        told.code == 0 && told.stdout.contains("Terraform, Crossplane or another repository"),
        "{}",
        told.stdout
    );
    // A name that this repository should have is an error all the same.
    world.home.write("flux/apps/release.yaml", &release.replace(", namespace: platform", ""));
    assert_eq!(world.home.rwenv("flux", &["lint"]).code, 1);
}
