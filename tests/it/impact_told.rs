//! What is said of a change: whose the roots are, what is lost for good, what cannot be told, and in which form.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::impact::{Edits, Fleet, told, touched};

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Makes a change on top of the fixture and says what it touches.
fn after(fleet: &Fleet, edits: Edits<'_>) -> Value {
    fleet.reset();
    fleet.edit(edits);
    fleet.commit("a change");
    fleet.impact(&["--range", "base..HEAD"])
}

fn root<'v>(impact: &'v Value, cluster: &str) -> &'v Value {
    let folder = format!("clusters/{cluster}");
    impact["roots"].as_array().unwrap().iter().find(|root| root["folder"] == folder.as_str()).unwrap()
}

#[test]
fn files_the_index_and_ranges_are_compared() {
    let fleet = Fleet::new();
    assert_eq!(fleet.impact(&[]), fleet.impact(&["--worktree"]));
    assert_eq!(touched(&fleet.impact(&[])), set(&[]));
    fleet.edit(&[("apps/dev/kustomization.yaml", "2.0.0-rc1", "2.0.0-rc2")]);
    assert_eq!(touched(&fleet.impact(&[])), set(&["dev"]));
    assert_eq!(touched(&fleet.impact(&["--staged"])), set(&[]));
    fleet.git(&["add", "-A"]);
    assert_eq!(touched(&fleet.impact(&["--staged"])), set(&["dev"]));
    fleet.edit(&[("apps/base/web/app.properties", "4", "9")]);
    assert_eq!(touched(&fleet.impact(&["--staged"])), set(&["dev"]));
    assert_eq!(touched(&fleet.impact(&[])), set(&["dev", "staging", "prod"]));
    // What git leaves out is left out, and what it does not know yet counts.
    fleet.reset();
    fleet.home.write("fleet/.git/info/exclude", "ignored.yaml\n");
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    fleet.home.write("fleet/clusters/prod/ignored.yaml", &map("ignored"));
    assert_eq!(touched(&fleet.impact(&[])), set(&[]));
    fleet.home.write("fleet/clusters/prod/new.yaml", &map("new"));
    let impact = fleet.impact(&[]);
    assert_eq!(
        (impact["after"].as_str(), told(&impact, "prod")),
        (Some("worktree"), set(&["added ConfigMap /new"]))
    );
    // Only what the second commit changes counts, not what the first has since.
    fleet.git(&["checkout", "-qb", "side"]);
    fleet.commit("prod");
    fleet.git(&["checkout", "-q", "-"]);
    fleet.edit(&[("apps/dev/kustomization.yaml", "2.0.0-rc1", "2.0.0-rc2")]);
    fleet.commit("dev");
    assert_eq!(touched(&fleet.impact(&["--range", "HEAD..side"])), set(&["prod"]));
    let answer = fleet.home.rwenv("fleet", &["impact", "--range", "nowhere..HEAD"]);
    assert!(answer.code == 1 && answer.stderr.contains("nowhere"), "{answer:?}");
    assert_eq!(fleet.home.rwenv("none", &["impact"]).code, 1);
}

#[test]
fn a_root_is_the_rwenvs_of_its_name_or_context() {
    let fleet = Fleet::new();
    let edits: Edits<'_> = &[("apps/base/web/app.properties", "4", "8")];
    let impact = after(&fleet, edits);
    let rwenvs = |cluster| root(&impact, cluster)["rwenvs"].clone();
    assert_eq!(
        [rwenvs("dev"), rwenvs("staging"), rwenvs("prod")],
        ["[\"dev\"]", "[]", "[\"prod\"]"].map(|text| serde_json::from_str::<Value>(text).unwrap())
    );
    let envs = |url: &str, context: &str| {
        let text = format!(
            "{{ \"version\": \"1.0\", \"rwenvs\": {{ \"shop\": {{ \"kubernetesContext\": \"{context}\", \"fluxGitRepo\": \"{url}\" }} }} }}"
        );
        fleet.home.write(".claude/rwenv/envs.json", &text);
        let impact = fleet.impact(&["--range", "base..HEAD"]);
        impact["roots"].as_array().unwrap().iter().map(|root| root["rwenvs"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(envs("https://git.example.com/acme/fleet.git", "staging"), ["[]", "[]", "[\"shop\"]"]);
    assert_eq!(envs("https://git.example.com/acme/fleet.git", "other"), ["[]", "[]", "[]"]);
    assert_eq!(envs("https://git.example.com/acme/other.git", "staging"), ["[]", "[]", "[]"]);
    // Where there is one root alone, it is everybody's.
    fleet.reset();
    fleet.git(&["rm", "-rq", "clusters/dev", "clusters/staging"]);
    fleet.commit("one cluster");
    fleet.git(&["tag", "-f", "base"]);
    after(&fleet, edits);
    assert_eq!(envs("https://git.example.com/acme/fleet.git", "other"), ["[\"shop\"]"]);
}

#[test]
fn what_cannot_be_undone_stands_out() {
    let fleet = Fleet::new();
    let losses = |edits: Edits<'_>| {
        fleet.reset();
        fleet.edit(edits);
        let answer = fleet.home.rwenv("fleet", &["impact"]);
        let lines = answer.stdout.lines().filter_map(|line| line.strip_prefix("  ! "));
        lines.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert_eq!(
        losses(&[("apps/base/web/kustomization.yaml", "namespace.yaml, ", "")]),
        set(&["namespace shop goes, with everything in it"])
    );
    assert_eq!(
        losses(&[("infrastructure/base/kustomization.yaml", "crd.yaml, cache.yaml, ", "")]),
        set(&[
            "the kind widgets.example.com goes, with all of its objects",
            "the volume of ingress/cache goes"
        ])
    );
    assert_eq!(
        losses(&[("apps/prod/kustomization.yaml", ", ../base/db", "")]),
        set(&["the volumes shop/data-db-* stay when StatefulSet db goes, and nothing owns them"])
    );
    let retained = "serviceName: db\n  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}";
    fleet.reset();
    fleet.edit(&[("apps/base/db/db.yaml", "serviceName: db", retained)]);
    fleet.commit("claims go with their owner");
    fleet.git(&["tag", "-f", "base"]);
    assert_eq!(
        losses(&[("apps/prod/kustomization.yaml", ", ../base/db", "")]),
        set(&["the volume of shop/data-db-* goes"])
    );
    assert_eq!(
        losses(&[("tenants/dev/kustomization.yaml", "../base/team-a", "../base/team-b")]),
        set(&[
            "namespace team-a goes, with everything in it",
            "HelmRelease team-a/portal is uninstalled, with everything that its chart made",
            "volumes that HelmRelease team-a/portal made may go with it"
        ])
    );
    // What is not pruned stays.
    let kept = |impact: &Value, kind: &str| {
        let objects = root(impact, "staging")["objects"].as_array().unwrap().iter();
        objects.filter(|o| o["kind"] == kind).map(|o| o["kept"] == true).collect::<Vec<_>>()
    };
    let impact = after(&fleet, &[("tenants/jobs/team-b/settings.yaml", "", "")]);
    assert_eq!(kept(&impact, "ConfigMap"), [true]);
    let impact = after(&fleet, &[("clusters/staging/tenants.yaml", "", "")]);
    assert_eq!((kept(&impact, "Deployment"), kept(&impact, "RoleBinding")), (vec![true], vec![false]));
    assert_eq!(kept(&impact, "Namespace"), [false, false]);
}

#[test]
fn a_chart_of_the_repository_counts_by_its_version() {
    let fleet = Fleet::new();
    let template = ("charts/portal/templates/deployment.yaml", "Release.Name", "Chart.Name");
    assert_eq!(
        touched(&after(&fleet, &[("charts/portal/templates/deployment.yaml", "Release.Name", "Chart.Name")])),
        set(&[])
    );
    let impact = after(&fleet, &[template, ("charts/portal/Chart.yaml", "0.1.0", "0.1.1")]);
    assert_eq!(touched(&impact), set(&["dev", "staging", "prod"]));
    assert_eq!(told(&impact, "prod"), set(&["changed HelmRelease team-a/portal"]));
    fleet.reset();
    fleet.edit(&[(
        "tenants/base/team-a/release.yaml",
        "chart: ./charts/portal",
        "chart: charts/portal\n      reconcileStrategy: Revision",
    )]);
    fleet.commit("every revision");
    fleet.git(&["tag", "-f", "base"]);
    assert_eq!(touched(&after(&fleet, &[template])), set(&["dev", "staging", "prod"]));
}

/// Why parts of a change cannot be determined, and for how many roots.
fn causes(impact: &Value) -> Vec<(String, usize)> {
    let causes = impact["causes"].as_array().unwrap().iter();
    causes
        .map(|c| (c["message"].as_str().unwrap().to_owned(), c["roots"].as_array().unwrap().len()))
        .collect()
}

#[test]
fn what_cannot_be_told_is_said_once_and_counts() {
    let fleet = Fleet::new();
    let remote = "https://github.com/acme/base//web?ref=v1";
    let edits: Edits<'_> = &[(
        "apps/base/web/kustomization.yaml",
        "service.yaml]",
        "service.yaml, \"https://github.com/acme/base//web?ref=v1\"]",
    )];
    let impact = after(&fleet, edits);
    assert_eq!(touched(&impact), set(&["dev", "staging", "prod"]));
    assert_eq!(causes(&impact), [(format!("'{remote}' lies elsewhere and is not read"), 3)]);
    // Once it is there, it counts where a file that it may change with does.
    fleet.git(&["tag", "-f", "base"]);
    let impact = after(
        &fleet,
        &[("components/metrics/monitor.yaml", "kind: ServiceMonitor", "kind: ServiceMonitor # as it was")],
    );
    assert_eq!((touched(&impact), causes(&impact).len()), (set(&["staging", "prod"]), 1), "{impact}");
    assert!(root(&impact, "prod")["incomplete"] == true && told(&impact, "prod").is_empty(), "{impact}");
    assert_eq!(touched(&after(&fleet, &[("docs/README.md", "works", "runs")])), set(&[]));
    assert_eq!(
        touched(&after(&fleet, &[("tenants/jobs/team-b/settings.yaml", "1", "2")])),
        set(&["staging", "prod"])
    );
}

#[test]
fn what_no_longer_builds_is_said_and_removes_nothing() {
    let fleet = Fleet::new();
    let impact = after(&fleet, &[("apps/base/web/service.yaml", "", "")]);
    assert_eq!(touched(&impact), set(&["dev", "staging", "prod"]));
    assert!(causes(&impact)[0].0.contains("'service.yaml' does not exist"), "{impact}");
    let impact = after(
        &fleet,
        &[
            ("apps/prod/kustomization.yaml", "images:", "transformers: [plugin.yaml]\nimages:"),
            ("apps/prod/plugin.yaml", "", "kind: Plugin\n"),
        ],
    );
    assert_eq!(
        (touched(&impact), causes(&impact)),
        (set(&["prod"]), vec![("the plugin 'plugin.yaml' is not run".to_owned(), 1)])
    );
    fleet.git(&["tag", "-f", "plugin"]);
    fleet.edit(&[("apps/prod/plugin.yaml", "Plugin", "Other")]);
    fleet.commit("the plugin");
    assert_eq!(touched(&fleet.impact(&["--range", "plugin..HEAD"])), set(&["prod"]));
    // A file that says how kustomize builds counts too.
    let impact = after(
        &fleet,
        &[("infrastructure/base/kustomizeconfig.yaml", "version: v1", "version: v1 # as it was")],
    );
    assert_eq!(touched(&impact), set(&["dev", "staging", "prod"]));
    assert_eq!(
        causes(&impact),
        [(
            "how 'infrastructure/base/kustomizeconfig.yaml' has kustomize build is not followed".to_owned(),
            3
        )]
    );
    // What a set makes of unknown inputs depends on the set alone.
    fleet.reset();
    fleet.edit(&[(
        "clusters/dev/previews.yaml",
        "  resources:",
        "  inputsFrom: [{kind: ResourceSetInputProvider, name: elsewhere}]\n  resources:",
    )]);
    fleet.commit("inputs from elsewhere");
    assert_eq!(causes(&fleet.impact(&["--range", "base..HEAD"])).len(), 1);
    fleet.git(&["tag", "-f", "base"]);
    let impact = after(&fleet, &[("clusters/dev/apps.yaml", "interval: 10m", "interval: 5m")]);
    assert_eq!((touched(&impact), causes(&impact).len()), (set(&["dev"]), 0));
    // Flux stops at a folder that is not there, and removes nothing.
    let impact = after(&fleet, &[("apps/dev/kustomization.yaml", "", "")]);
    assert_eq!((touched(&impact), told(&impact, "dev")), (set(&["dev"]), set(&[])));
    assert_eq!(causes(&impact), [("applies './apps/dev', which does not exist".to_owned(), 1)]);
    // So it does where a document is no longer YAML, or one that is named is gone.
    let broken: [(Edits<'_>, &[&str]); 3] = [
        (&[("apps/base/db/db.yaml", "spec:", "spec: [")], &["staging", "prod"]),
        (&[("apps/base/web/deployment.yaml", "", "")], &["dev", "staging", "prod"]),
        (&[("clusters/prod/apps.yaml", "spec:", "spec: [")], &["prod"]),
    ];
    for (edits, roots) in broken {
        let impact = after(&fleet, edits);
        assert_eq!(touched(&impact), set(roots), "{edits:?}");
        let is_removed = |object: &String| object.starts_with("removed");
        assert!(!told(&impact, "prod").iter().any(is_removed) && !causes(&impact).is_empty(), "{impact}");
    }
}

#[test]
fn roots_come_go_and_are_found_without_bootstrap() {
    let fleet = Fleet::new();
    fleet.git(&["rm", "-rq", "clusters/prod"]);
    let impact = fleet.impact(&["--staged"]);
    assert_eq!(
        (touched(&impact), root(&impact, "prod")["change"].as_str()),
        (set(&["prod"]), Some("removed"))
    );
    fleet.reset();
    for cluster in ["dev", "staging", "prod"] {
        fleet.git(&["rm", "-rq", &format!("clusters/{cluster}/flux-system")]);
    }
    fleet.commit("without bootstrap");
    fleet.git(&["tag", "-f", "base"]);
    let impact = after(&fleet, &[("apps/prod/kustomization.yaml", "count: 3", "count: 5")]);
    assert_eq!(
        (touched(&impact), told(&impact, "prod")),
        (set(&["prod"]), set(&["changed Deployment shop/web"]))
    );
    assert_eq!(impact["untouched"].as_array().unwrap().len(), 2);
}

#[test]
fn it_is_told_to_people_and_in_pull_requests() {
    let fleet = Fleet::new();
    fleet.edit(&[
        ("apps/prod/kustomization.yaml", "../base/web, ../base/db", "../base/web"),
        ("apps/dev/kustomization.yaml", "rc1", "rc2"),
    ]);
    let text = fleet.home.rwenv("fleet", &["impact"]);
    assert!(text.stdout.contains("clusters/dev (rwenv dev): 1 changed, 1 restarted\n"), "{}", text.stdout);
    assert!(text.stdout.contains("clusters/prod (rwenv prod): 3 pruned\n"), "{}", text.stdout);
    assert!(
        text.stdout.contains("restarted  Deployment/web  shop  apps/base/web/deployment.yaml:1"),
        "{}",
        text.stdout
    );
    assert!(
        text.stderr.contains("2 paths changed; 2 of 3 roots would apply something else"),
        "{}",
        text.stderr
    );
    let text = fleet.home.rwenv("fleet", &["impact", "--md"]).stdout;
    assert!(text.contains("| `clusters/dev` | dev | 0 | 1 | 0 | 0 | 1 |\n| `clusters/prod` | prod | 0 | 0 | 0 | 3 | 0 |\n\n- `clusters/prod`: the volumes"), "{text}");
    assert!(text.contains("| pruned | StatefulSet/db | shop | apps/base/db/db.yaml:1 |"), "{text}");
    fleet.reset();
    assert!(fleet.home.rwenv("fleet", &["impact", "--md"]).stdout.ends_with("Nothing.\n"));
    let answer = fleet.home.rwenv("fleet", &["impact"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (0, ""));
}

/// What another branch of the same repository holds is not in this tree.
#[test]
fn a_source_that_follows_another_branch_is_another_repository() {
    let fleet = Fleet::new();
    for (branch, roots) in [("next", set(&["prod", "staging"])), ("main", set(&["dev", "prod", "staging"]))] {
        let source = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: jobs, namespace: flux-system}}\n\
             spec: {{url: \"ssh://git@git.example.com/acme/fleet.git\", ref: {{branch: {branch}}}}}\n---\n\
             apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: jobs, namespace: flux-system}}\n\
             spec: {{path: ./tenants/jobs/team-b, prune: true, sourceRef: {{kind: GitRepository, name: jobs}}}}\n"
        );
        fleet.edit(&[("clusters/dev/jobs.yaml", "", &source)]);
        fleet.commit("jobs");
        fleet.git(&["tag", "-f", "base"]);
        let impact = after(&fleet, &[("tenants/jobs/team-b/settings.yaml", "1", "2")]);
        assert_eq!(touched(&impact), roots, "{branch}: {impact}");
        fleet.reset();
    }
}

/// A tenant's Kustomization and its source in one file look like what bootstrap writes.
#[test]
fn a_tenant_that_applies_a_whole_branch_is_no_root() {
    let fleet = Fleet::new();
    let tenant = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: team-c, namespace: team-c}\n\
                  spec: {url: \"https://git.example.com/acme/fleet\", ref: {branch: team-c}}\n---\n\
                  apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: team-c, namespace: team-c}\n\
                  spec: {prune: true, sourceRef: {kind: GitRepository, name: team-c}}\n";
    fleet.edit(&[("tenants/base/team-a/sync.yaml", "", tenant)]);
    fleet.edit(&[("tenants/base/team-a/kustomization.yaml", "team.yaml, ", "team.yaml, sync.yaml, ")]);
    fleet.commit("a tenant's own branch");
    fleet.git(&["tag", "-f", "base"]);
    let impact = after(&fleet, &[("apps/dev/kustomization.yaml", "2.0.0-rc1", "2.0.0-rc2")]);
    assert_eq!(touched(&impact), set(&["dev"]), "{impact}");
    assert_eq!(impact["untouched"].as_array().unwrap().len(), 2, "{impact}");
}

/// Where the repository says nowhere what is applied, a folder is held against itself: what else comes to name it changes nothing in it.
#[test]
fn folders_that_are_only_taken_for_roots_are_held_against_themselves() {
    let fleet = Fleet::new();
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let roots = |impact: &Value| -> BTreeSet<String> {
        let all = impact["roots"].as_array().unwrap().iter();
        all.map(|root| format!("{} {}", root["change"].as_str().unwrap(), root["folder"].as_str().unwrap()))
            .collect()
    };
    let impact = |message: &str| {
        fleet.commit(message);
        roots(&fleet.impact(&["--range", "HEAD~1..HEAD"]))
    };
    fleet.git(&["rm", "-rqf", "."]);
    for folder in ["redis", "web"] {
        fleet.home.write(&format!("fleet/{folder}/kustomization.yaml"), "resources: [map.yaml]\n");
        fleet.home.write(&format!("fleet/{folder}/map.yaml"), &map(folder));
    }
    fleet.commit("folders");
    fleet.home.write("fleet/all/kustomization.yaml", "resources: [../redis, ../web]\n");
    assert_eq!(impact("one that names them"), set(&["added all"]));
    let sync = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n\
                spec: {interval: 1h, path: ./clusters/dev, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n";
    fleet.home.write("fleet/clusters/dev/flux-system/gotk-sync.yaml", sync);
    fleet.home.write(
        "fleet/clusters/dev/web.yaml",
        &sync.replace("name: flux-system, namespace", "name: web, namespace").replace("clusters/dev", "web"),
    );
    assert_eq!(impact("bootstrap"), set(&["added clusters/dev"]));
    // What changes in such a folder is told, whoever names it.
    fleet.git(&["reset", "-q", "--hard", "HEAD~2"]);
    fleet.home.write("fleet/all/kustomization.yaml", "resources: [../redis, ../web]\n");
    fleet.home.write("fleet/web/map.yaml", &map("other"));
    assert_eq!(impact("named and changed"), set(&["added all", "changed web"]));
    fleet.git(&["rm", "-rqf", "redis"]);
    assert!(impact("gone").contains("removed redis") || !fleet.home.path("fleet/redis").exists());
}
