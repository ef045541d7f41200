//! What a change of a repository changes in clusters, held against what kubectl renders of both trees.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::impact_changes::MORE;
use crate::impact_oracle::{Applied, Known, applied};
use crate::support::{Home, skip};

const FIXTURE: &str = include_str!("../fixtures/flux/impact.txt");
pub(crate) const CLUSTERS: [&str; 3] = ["dev", "staging", "prod"];

/// A change: its name, the roots it touches, and path, text and new text of what it does. No text: the file is new; no new text
/// either: it goes.
pub(crate) type Edits<'e> = &'e [(&'e str, &'e str, &'e str)];

const ALL: &[&str] = &CLUSTERS;

/// Changes that kubectl can render on both sides.
const CHANGES: &[(&str, &[&str], Edits<'static>)] = &[
    ("a page of documentation", &[], &[("docs/README.md", "works", "really works")]),
    ("a workflow", &[], &[(".github/workflows/lint.yaml", "push", "pull_request")]),
    (
        "a comment in a base",
        &[],
        &[("apps/base/web/service.yaml", "kind: Service", "kind: Service # the front")],
    ),
    (
        "a file nothing names",
        &[],
        &[("apps/base/web/unused.yaml", "", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: unused}\n")],
    ),
    (
        "keys in another order",
        &[],
        &[(
            "apps/base/web/service.yaml",
            "  selector: {app: web}\n  ports: [{port: 80}]\n",
            "  ports: [{port: 80}]\n  selector: {app: web}\n",
        )],
    ),
    ("the image of one overlay", &["dev"], &[("apps/dev/kustomization.yaml", "2.0.0-rc1", "2.0.0-rc2")]),
    ("the replicas of one overlay", &["prod"], &[("apps/prod/kustomization.yaml", "count: 3", "count: 5")]),
    ("a label of one overlay", &["prod"], &[("apps/prod/kustomization.yaml", "tier: gold", "tier: silver")]),
    (
        "a label of pods",
        &["prod"],
        &[(
            "apps/prod/kustomization.yaml",
            "pairs: {tier: gold}",
            "pairs: {tier: gold}\n    includeTemplates: true",
        )],
    ),
    ("a field of a shared base", ALL, &[("apps/base/web/service.yaml", "port: 80", "port: 8080")]),
    (
        "the pods of a shared base",
        ALL,
        &[("apps/base/web/deployment.yaml", "- name: web\n", "- name: web\n          workingDir: /srv\n")],
    ),
    ("a literal of a generator", ALL, &[("apps/base/web/kustomization.yaml", "LEVEL=info", "LEVEL=debug")]),
    ("a file of a generator", ALL, &[("apps/base/web/app.properties", "threads=4", "threads=8")]),
    ("a component", &["staging", "prod"], &[("components/metrics/kustomization.yaml", "9090", "9100")]),
    (
        "the patch of a component",
        &["staging", "prod"],
        &[("components/metrics/kustomization.yaml", "scrape: \"true\"", "scrape: \"false\"")],
    ),
    (
        "an object of a component",
        &["staging", "prod"],
        &[("components/metrics/monitor.yaml", "app: web", "app: api")],
    ),
    (
        "a component more",
        &["dev"],
        &[("apps/dev/kustomization.yaml", "images:", "components: [../../components/metrics]\nimages:")],
    ),
    (
        "a variable of one cluster",
        &["staging"],
        &[("infrastructure/staging/vars.yaml", "domain: \"staging.example.com\"", "domain: shop.test")],
    ),
    (
        "a variable nothing uses",
        &["staging"],
        &[("infrastructure/staging/vars.yaml", "region: north", "region: south")],
    ),
    (
        "an inline variable nothing uses",
        &["prod"],
        &[("clusters/prod/apps.yaml", "cluster: \"prod\"", "cluster: \"main\"")],
    ),
    (
        "the values of a release",
        ALL,
        &[("infrastructure/base/ingress-values.yaml", "replicas: 2", "replicas: 3")],
    ),
    ("the version of a chart", ALL, &[("infrastructure/base/release.yaml", "4.11.0", "4.12.0")]),
    ("a patch of one cluster", &["dev"], &[("infrastructure/dev/patch.yaml", "dev.example.com", "dev.test")]),
    ("a namespace goes", ALL, &[("apps/base/web/kustomization.yaml", "namespace.yaml, ", "")]),
    (
        "a kind goes",
        ALL,
        &[
            ("infrastructure/base/kustomization.yaml", "crd.yaml, ", ""),
            ("infrastructure/base/crd.yaml", "", ""),
        ],
    ),
    ("a volume goes", ALL, &[("infrastructure/base/kustomization.yaml", "cache.yaml, ", "")]),
    ("a database goes", &["prod"], &[("apps/prod/kustomization.yaml", ", ../base/db", "")]),
    (
        "pods that are replaced by hand",
        &["staging", "prod"],
        &[("apps/base/db/agent.yaml", "agent:1\"}]\n---", "agent:2\"}]\n---")],
    ),
    (
        "a tenant more",
        &["dev"],
        &[("tenants/dev/kustomization.yaml", "[../base/team-a]", "[../base/team-a, ../base/team-b]")],
    ),
    ("a tenant less", &["prod"], &[("tenants/prod/kustomization.yaml", ", ../base/team-b", "")]),
    (
        "a tenant's own work",
        &["staging", "prod"],
        &[("tenants/jobs/team-b/settings.yaml", "a: \"1\"", "a: \"2\"")],
    ),
    ("a tenant's work goes", &["staging", "prod"], &[("tenants/jobs/team-b/settings.yaml", "", "")]),
    (
        "an image set by Flux",
        &["staging", "prod"],
        &[("tenants/base/team-b/team.yaml", "newTag: \"3\"", "newTag: \"4\"")],
    ),
    ("an image Flux overrides", &[], &[("tenants/jobs/team-b/queue.yaml", "queue:1", "queue:2")]),
    (
        "another namespace for a tenant",
        &["staging", "prod"],
        &[("tenants/base/team-b/team.yaml", "targetNamespace: team-b", "targetNamespace: team-c")],
    ),
    (
        "labels on everything of a cluster",
        &["dev"],
        &[("clusters/dev/tenants.yaml", "layer: tenants", "layer: teams")],
    ),
    (
        "a preview more",
        &["dev"],
        &[(
            "clusters/dev/previews.yaml",
            "    - {name: two",
            "    - {name: three, tag: \"1.2\"}\n    - {name: two",
        )],
    ),
    ("a preview's image", &["dev"], &[("clusters/dev/previews.yaml", "tag: \"1.0\"", "tag: \"1.3\"")]),
    ("a Kustomization goes", &["staging"], &[("clusters/staging/tenants.yaml", "", "")]),
    (
        "a Kustomization's interval",
        &["prod"],
        &[("clusters/prod/apps.yaml", "interval: 10m", "interval: 5m")],
    ),
    (
        "a base is moved",
        &[],
        &[
            ("apps/base/web/service.yaml", "", ""),
            (
                "apps/base/web/front.yaml",
                "",
                "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  ports: [{port: 80}]\n",
            ),
            ("apps/base/web/kustomization.yaml", "service.yaml", "front.yaml"),
        ],
    ),
    ("a name prefix", &["dev"], &[("apps/dev/kustomization.yaml", "images:", "namePrefix: x-\nimages:")]),
];

/// A repository with the fixture in it, committed.
pub(crate) struct Fleet {
    pub(crate) home: Home,
}

impl Fleet {
    pub(crate) fn new() -> Self {
        let home = Home::new();
        let rwenv =
            |name: &str| format!("\"{name}\": {{ \"fluxGitRepo\": \"https://git.example.com/acme/fleet\" }}");
        let names = ["dev", "prod"].map(rwenv).join(", ");
        home.write(
            ".claude/rwenv/envs.json",
            &format!("{{ \"version\": \"1.0\", \"rwenvs\": {{ {names} }} }}"),
        );
        let fleet = Self { home };
        let mut file: Option<(String, String)> = None;
        for line in FIXTURE.lines().chain(["-- end --"]) {
            match line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --")) {
                Some(path) => {
                    if let Some((path, text)) = file.replace((path.to_owned(), String::new())) {
                        fleet.write_all(&path, &text);
                    }
                }
                None => {
                    if let Some((_, text)) = &mut file {
                        text.push_str(line);
                        text.push('\n');
                    }
                }
            }
        }
        fleet.git(&["init", "--quiet"]);
        fleet.git(&["remote", "add", "origin", "ssh://git@git.example.com/acme/fleet.git"]);
        fleet.git(&["add", "-A"]);
        fleet.git(&["commit", "--quiet", "-m", "the fleet"]);
        fleet.git(&["tag", "base"]);
        fleet
    }

    fn write_all(&self, path: &str, text: &str) {
        if !path.contains('@') {
            self.home.write(&format!("fleet/{path}"), text);
            return;
        }
        for cluster in CLUSTERS {
            // An at sign in the address of a repository is none of ours.
            let text = text.replace("git@", "git\0").replace('@', cluster).replace('\0', "@");
            self.home.write(&format!("fleet/{}", path.replace('@', cluster)), &text);
        }
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        fs::create_dir_all(self.home.path("fleet")).unwrap();
        self.home.git("fleet", arguments)
    }

    /// Takes everything back.
    pub(crate) fn reset(&self) {
        self.git(&["reset", "--quiet", "--hard", "base"]);
        self.git(&["clean", "-fdq"]);
    }

    pub(crate) fn edit(&self, edits: Edits<'_>) {
        for (path, from, to) in edits {
            let full = self.home.path("fleet").join(path);
            match (from.is_empty(), to.is_empty()) {
                (true, true) => fs::remove_file(full).unwrap(),
                (true, false) => {
                    self.home.write(&format!("fleet/{path}"), to);
                }
                _ => {
                    let text = fs::read_to_string(&full).unwrap();
                    assert!(text.contains(from), "{path} has no '{from}'");
                    fs::write(&full, text.replacen(from, to, 1)).unwrap();
                }
            }
        }
    }

    pub(crate) fn commit(&self, name: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", name]);
    }

    pub(crate) fn impact(&self, arguments: &[&str]) -> Value {
        let answer = self.home.rwenv("fleet", &[&["impact", "--json"], arguments].concat());
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        serde_json::from_str(&answer.stdout).unwrap()
    }
}

/// The roots that are touched, without the folder they lie in.
pub(crate) fn touched(impact: &Value) -> BTreeSet<String> {
    let roots = impact["roots"].as_array().unwrap().iter();
    roots.map(|root| root["folder"].as_str().unwrap().trim_start_matches("clusters/").to_owned()).collect()
}

/// The objects of a root as they are told: `changed Deployment shop/web`, with `restarts` behind it.
pub(crate) fn told(impact: &Value, cluster: &str) -> BTreeSet<String> {
    let folder = format!("clusters/{cluster}");
    let roots = impact["roots"].as_array().unwrap().iter().filter(|root| root["folder"] == folder.as_str());
    let objects = roots.flat_map(|root| root["objects"].as_array().unwrap());
    let text = |object: &Value, key: &str| object[key].as_str().unwrap_or_default().to_owned();
    objects
        .map(|o| {
            let restarts = if o["restarts"] == true { " restarts" } else { "" };
            let [change, kind, namespace, name] =
                ["change", "kind", "namespace", "name"].map(|key| text(o, key));
            format!("{change} {kind} {namespace}/{name}{restarts}")
        })
        .collect()
}

/// The same by what kubectl renders.
fn expected(before: &Applied, after: &Applied) -> BTreeSet<String> {
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let one = |key: &(String, String, String)| {
        let (kind, namespace, name) = key;
        let (word, restarts) = match (before.get(key), after.get(key)) {
            (Some(was), Some(is)) if was == is => return None,
            (Some(was), Some(is)) => {
                let pods = |value: &Value| value.pointer("/spec/template").cloned();
                let by_hand = is.pointer("/spec/updateStrategy/type").is_some_and(|kind| kind == "OnDelete");
                let runs = ["Deployment", "StatefulSet", "DaemonSet"].contains(&kind.as_str());
                ("changed", runs && !by_hand && pods(was) != pods(is))
            }
            (None, _) => ("added", false),
            (_, None) => ("removed", false),
        };
        Some(format!("{word} {kind} {namespace}/{name}{}", if restarts { " restarts" } else { "" }))
    };
    keys.into_iter().filter_map(one).collect()
}

fn rendered(root: &Path, known: &mut Known) -> BTreeMap<&'static str, Applied> {
    let folder = |cluster: &str| format!("clusters/{cluster}");
    CLUSTERS.iter().map(|cluster| (*cluster, applied(root, &folder(cluster), known))).collect()
}

#[test]
fn what_a_change_touches_is_what_kubectl_renders() {
    if crate::support::find("kubectl").is_none() {
        skip("there is no kubectl to hold it against");
        return;
    }
    let fleet = Fleet::new();
    let root = fleet.home.path("fleet");
    let mut known = Known::new();
    let before = rendered(&root, &mut known);
    let mut wrong = Vec::new();
    let all: Vec<_> = CHANGES.iter().chain(MORE).collect();
    for (name, roots, edits) in &all {
        fleet.reset();
        fleet.edit(edits);
        fleet.commit(name);
        let impact = fleet.impact(&["--range", "base..HEAD"]);
        let after = rendered(&root, &mut known);
        let truth: BTreeMap<&str, BTreeSet<String>> =
            CLUSTERS.iter().map(|cluster| (*cluster, expected(&before[cluster], &after[cluster]))).collect();
        let wanted: BTreeSet<String> = roots.iter().map(|root| (*root).to_owned()).collect();
        let by_kubectl: BTreeSet<String> = truth
            .iter()
            .filter(|(_, objects)| !objects.is_empty())
            .map(|(cluster, _)| (*cluster).to_owned())
            .collect();
        assert_eq!(by_kubectl, wanted, "{name}: what kubectl says is not what the test says");
        if touched(&impact) != wanted {
            wrong.push(format!("{name}: touches {:?}, not {wanted:?}", touched(&impact)));
        }
        for (cluster, objects) in truth {
            let told = told(&impact, cluster);
            if told != objects {
                wrong.push(format!("{name}: {cluster}: told {told:#?}, not {objects:#?}"));
            }
        }
        assert_eq!(impact["causes"], Value::Array(Vec::new()), "{name}");
    }
    assert!(all.len() >= 60, "{}", all.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
