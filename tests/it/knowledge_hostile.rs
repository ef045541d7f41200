//! Repositories that mean harm, or are merely broken: what is wrong is told, the rest is known, and it ends.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use rwenv_flux::catalog::Reading;
use rwenv_flux::catalog::definitions::entries;
use rwenv_flux::catalog::document::{Origin, documents};
use rwenv_flux::catalog::graph::graph;
use rwenv_gate::base::environment::Environment;
use tempfile::TempDir;

const ROOT: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n\
                    spec: {interval: 1m, path: ./clusters/x, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n";
const GOOD: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: good, namespace: shop}\n\
                    spec: {template: {spec: {containers: [{name: good, image: good:1}]}}}\n";

struct Repo {
    dir: TempDir,
}

/// What came of a repository.
struct Told {
    findings: Vec<String>,
    services: Vec<String>,
}

impl Repo {
    /// A root that applies `clusters/x`, and one service that is all right.
    fn new() -> Self {
        let repo = Self { dir: TempDir::new().unwrap() };
        repo.write("clusters/x/flux-system/gotk-sync.yaml", ROOT);
        repo.write("clusters/x/good.yaml", GOOD);
        repo
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Everything that is made of it.
    fn told(&self) -> Told {
        let reading = Reading::of(self.dir.path(), &Environment::read()).unwrap();
        let known = reading.knowledge();
        let origin = Origin {
            cluster: String::new(),
            flux_repo: String::new(),
            path: String::new(),
            commit: None,
            generated_at: String::new(),
        };
        let made = documents(&known, &origin);
        let _ = (entries(&known, None).len(), graph(&known).mermaid());
        let findings = made.flux.findings.iter();
        Told {
            findings: findings.map(|f| format!("{}:{}: {}", f.file, f.line, f.message)).collect(),
            services: made.services.services.keys().cloned().collect(),
        }
    }

    /// The good service is known, and a finding has these words.
    fn tells(&self, words: &str) {
        let told = self.told();
        assert!(told.services.iter().any(|name| name == "good"), "{:?} {:?}", told.services, told.findings);
        assert!(told.findings.iter().any(|finding| finding.contains(words)), "{words}: {:#?}", told.findings);
    }
}

fn kustomization(resources: &str) -> String {
    format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{resources}")
}

#[test]
fn links_and_paths_that_lead_out_are_not_followed() {
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("secret.yaml"), GOOD.replace("good", "outside")).unwrap();
    let repo = Repo::new();
    symlink(outside.path(), repo.dir.path().join("clusters/x/linked")).unwrap();
    symlink(outside.path().join("secret.yaml"), repo.dir.path().join("clusters/x/file.yaml")).unwrap();
    symlink("/dev/zero", repo.dir.path().join("clusters/x/zero.yaml")).unwrap();
    let up = "../".repeat(30);
    let outside = outside.path().display();
    repo.write(
        "clusters/x/sub/kustomization.yaml",
        &kustomization(&format!(
            "  - {up}{outside}/secret.yaml\n  - {outside}/secret.yaml\n  - ../file.yaml\n"
        )),
    );
    repo.write("clusters/x/gen/kustomization.yaml", "configMapGenerator:\n  - name: stolen\n    files:\n      - ../file.yaml\n      - ../../../../../../../../../etc/passwd\n");
    let told = repo.told();
    assert_eq!(told.services, ["good"]);
    let all = told.findings.join("\n");
    assert!(all.contains("leads out of the repository"), "{all}");
    assert!(all.contains("is a symbolic link"), "{all}");
    assert!(all.contains("cannot be read"), "{all}");
}

#[test]
fn circles_end() {
    let repo = Repo::new();
    repo.write("clusters/x/a/kustomization.yaml", &kustomization("  - ../b\n"));
    repo.write("clusters/x/b/kustomization.yaml", &kustomization("  - ../a\n"));
    repo.write("clusters/x/self/kustomization.yaml", &kustomization("  - .\n"));
    repo.write("clusters/x/up/kustomization.yaml", &kustomization("  - ../..\n"));
    repo.tells("leads back to a folder it is built for");

    // Kustomizations that apply each other, and one that waits for itself.
    let repo = Repo::new();
    for (name, other) in [("one", "two"), ("two", "one")] {
        let text = ROOT
            .replace("flux-system, namespace", &format!("{name}, namespace"))
            .replace("clusters/x", &format!("apps/{other}"));
        repo.write(
            &format!("apps/{name}/ks.yaml"),
            &text.replace("{interval", &format!("{{dependsOn: [{{name: {name}}}], interval")),
        );
    }
    let entry = ROOT.replace("flux-system, namespace", "entry, namespace").replace("clusters/x", "apps/one");
    repo.write("clusters/x/entry.yaml", &entry);
    assert_eq!(repo.told().services, ["good"]);
}

#[test]
fn bombs_are_bounded() {
    let repo = Repo::new();
    // Aliases that double twenty-five times.
    let mut text = "a0: &a0 [x, x]\n".to_owned();
    for n in 1..25 {
        text.push_str(&format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1));
    }
    repo.write(
        "clusters/x/bomb.yaml",
        &format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: bomb}}\n{text}"),
    );
    repo.write("clusters/x/patched/kustomization.yaml", &format!("{}patches:\n  - target: {{kind: ConfigMap}}\n    patch: '{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"b\"}}, \"x\": 1}}'\n", kustomization("  - bomb.yaml\n")));
    let doubled = fs::read_to_string(repo.dir.path().join("clusters/x/bomb.yaml")).unwrap();
    repo.write("clusters/x/patched/bomb.yaml", &doubled);
    // A chain of kustomizations, each built on the next.
    for n in 0..2000 {
        repo.write(&format!("long/k{n}/kustomization.yaml"), &kustomization(&format!("  - ../k{}\n", n + 1)));
    }
    repo.write("clusters/x/long/kustomization.yaml", &kustomization("  - ../../../long/k0\n"));
    // Brackets without end, and lines without end.
    repo.write("clusters/x/brackets.yaml", &"[".repeat(200_000));
    repo.write("clusters/x/keys.yaml", &"? ".repeat(100_000));
    repo.tells("nested more than");
    repo.tells("is too large");

    let repo = Repo::new();
    for n in 0..30 {
        repo.write(
            &format!("clusters/x/deep/k{n}/kustomization.yaml"),
            &format!("{}namePrefix: a-\n", kustomization(&format!("  - ../k{}\n", n + 1))),
        );
    }
    repo.write("clusters/x/deep/k30/kustomization.yaml", &kustomization("  - x.yaml\n"));
    repo.write("clusters/x/deep/k30/x.yaml", &GOOD.replace("good", "leaf"));
    assert!(repo.told().services.len() > 1);
}

#[test]
fn doubling_kustomizations_run_out_of_budget() {
    let repo = Repo::new();
    for n in 0..24 {
        repo.write(&format!("deep/k{n}/kustomization.yaml"), &kustomization("  - left\n  - right\n"));
        repo.write(
            &format!("deep/k{n}/left/kustomization.yaml"),
            &kustomization(&format!("  - ../../k{}\n", n + 1)),
        );
        repo.write(
            &format!("deep/k{n}/right/kustomization.yaml"),
            &format!("{}namePrefix: r{n}-\n", kustomization(&format!("  - ../../k{}\n", n + 1))),
        );
    }
    repo.write("deep/k24/kustomization.yaml", &kustomization("  - x.yaml\n"));
    repo.write("deep/k24/x.yaml", &GOOD.replace("good", "leaf"));
    let entry = ROOT.replace("flux-system, namespace", "entry, namespace").replace("clusters/x", "deep/k0");
    repo.write("clusters/x/entry.yaml", &entry);
    repo.tells("it comes to more than");
}

#[test]
fn files_that_are_none_are_told_and_left_out() {
    let repo = Repo::new();
    let huge = File::create(repo.dir.path().join("clusters/x/huge.yaml")).unwrap();
    huge.set_len(1 << 30).unwrap();
    fs::write(
        repo.dir.path().join("clusters/x/latin.yaml"),
        b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \xff\xfe}\n",
    )
    .unwrap();
    fs::write(repo.dir.path().join("clusters/x/binary.yaml"), b"\x7fELF\0\0\0").unwrap();
    repo.write("clusters/x/values.yaml", "replicas: 3\n");
    repo.write("clusters/x/list.yaml", "- a\n- b\n");
    repo.write("clusters/x/number.yaml", "3\n");
    repo.write("clusters/x/twice.yaml", &format!("{GOOD}---\n{GOOD}"));
    repo.tells("huge.yaml:1: is too large to check");
    repo.tells("binary.yaml:1: it is not a text file");
    repo.tells("values.yaml:1: it is not a Kubernetes object");
    repo.tells("is already defined in");
}

#[test]
fn a_million_documents_are_too_many_for_one_file() {
    let repo = Repo::new();
    repo.write("clusters/x/many.yaml", &"a:\n---\n".repeat(1_000_000));
    repo.tells("many.yaml:");
}

/// Anything at all in the fields that are followed.
#[test]
fn fields_of_the_wrong_shape_are_no_trouble() {
    let repo = Repo::new();
    for (number, field) in [
        "resources: {a: b}",
        "resources: [[a], {b: c}, ~]",
        "namespace: [a]",
        "namePrefix: {}",
        "patches: x",
        "patches: [{patch: 3}, {path: [a]}, 7]",
        "configMapGenerator: [{name: ~}, 3, {name: x, literals: {a: b}}, {name: y, literals: [nothing]}]",
        "images: [3, {name: 4}, {newTag: x}]",
        "components: 3",
        "replacements: [{source: 3, targets: x}]",
        "labels: [3, {pairs: [a]}]",
        "generatorOptions: [x]",
        "helmCharts: [{name: x}]",
        "vars: [{name: x, objref: 3}]",
    ]
    .iter()
    .enumerate()
    {
        repo.write(&format!("clusters/x/w{number}/kustomization.yaml"), &format!("{field}\n"));
    }
    let odd = [
        "spec: ~",
        "spec: []",
        "spec: {path: [a], sourceRef: x}",
        "spec: {postBuild: {substitute: [a], substituteFrom: {a: b}}}",
        "spec: {path: '${a:-${b', sourceRef: {kind: GitRepository, name: flux-system}}",
        "spec: {chart: 3, valuesFrom: x, dependsOn: 7}",
        "spec: {parameters: {objects: '- [', secrets: 3}, secretObjects: x}",
        "spec: {template: {spec: {containers: {a: b}, volumes: 3}}}",
        "spec: {generators: 3, template: x}",
        "spec: {inputs: 3, resources: x}",
        "spec: {sources: [{path: ../../..}]}",
        "data: [x]",
        "data: {a: {b: c}}",
    ];
    let kinds = [
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
        ("v1", "ConfigMap"),
        ("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass"),
        ("apps/v1", "Deployment"),
        ("argoproj.io/v1alpha1", "ApplicationSet"),
        ("argoproj.io/v1alpha1", "Application"),
        ("fluxcd.controlplane.io/v1", "ResourceSet"),
        ("external-secrets.io/v1", "ExternalSecret"),
        ("v1", "Secret"),
    ];
    let mut text = String::new();
    for (at, (version, kind)) in kinds.iter().enumerate() {
        for (number, spec) in odd.iter().enumerate() {
            text.push_str(&format!(
                "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: o{at}-{number}}}\n{spec}\n"
            ));
        }
    }
    repo.write("clusters/x/odd.yaml", &text);
    let told = repo.told();
    assert!(told.services.contains(&"good".to_owned()), "{:?}", told.findings);
    assert!(!told.findings.is_empty());
}

/// Units and services of a repository that has no root of Flux, and what is told of it.
fn argo(files: &[(&str, &str)]) -> (usize, Vec<String>, Vec<String>) {
    let repo = Repo { dir: TempDir::new().unwrap() };
    files.iter().for_each(|(path, text)| repo.write(path, text));
    let reading = Reading::of(repo.dir.path(), &Environment::read()).unwrap();
    let units = reading.knowledge().units.len();
    let told = repo.told();
    (units, told.services, told.findings)
}

fn set(name: &str, folders: &str, app: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: {name}, namespace: argocd}}\nspec:\n  generators:\n  - git:\n      repoURL: https://git.example.com/acme/all\n      \
         directories: [{folders}]\n  template:\n    metadata: {{name: '{app}'}}\n    spec:\n      project: default\n      source: {{repoURL: https://git.example.com/acme/all, targetRevision: main, path: '{{{{path}}}}'}}\n      \
         destination: {{server: https://kubernetes.default.svc, namespace: shop}}\n"
    )
}

fn application(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: argocd}}\nspec:\n  project: default\n  source: {{repoURL: https://git.example.com/acme/all, targetRevision: main, path: {path}{more}}}\n  \
         destination: {{server: https://kubernetes.default.svc, namespace: shop}}\n"
    )
}

#[test]
fn what_makes_itself_is_known_once() {
    let folders = "{path: 'bootstrap/*'}, {path: 'workloads/*'}";
    let web = GOOD.replace("name: good", "name: web");
    let (units, services, findings) = argo(&[
        ("bootstrap/apps/self.yaml", &set("all", folders, "{{path.basename}}")),
        ("workloads/good/good.yaml", GOOD),
        ("workloads/web/web.yaml", &web),
    ]);
    assert_eq!((services, findings), (vec!["good".to_owned(), "web".to_owned()], Vec::new()));
    assert!(units <= 5, "{units}");
    // A set may have the name of an Application it makes.
    let (_, services, findings) = argo(&[
        ("sets/web.yaml", &set("web", "{path: 'workloads/*'}", "{{path.basename}}")),
        ("workloads/web/web.yaml", &web),
    ]);
    assert_eq!((services, findings), (vec!["web".to_owned()], Vec::new()));
    // Two that make each other.
    let (units, services, findings) = argo(&[
        ("a/b.yaml", &application("b", "b", "")),
        ("b/a.yaml", &application("a", "a", "")),
        ("b/good.yaml", GOOD),
    ]);
    assert_eq!((services, findings), (vec!["good".to_owned()], Vec::new()));
    assert!(units <= 3, "{units}");
}

#[test]
fn what_makes_itself_under_other_names_ends_and_is_told() {
    let (units, services, findings) = argo(&[
        ("a/kustomization.yaml", "resources: [self.yaml, good.yaml]\n"),
        ("a/self.yaml", &application("self", "a", ", kustomize: {namePrefix: x-}")),
        ("a/good.yaml", GOOD),
    ]);
    assert!(units <= 3, "{units}");
    assert!(services.iter().any(|name| name.contains("good")), "{services:?}");
    assert!(
        findings.iter().any(|finding| finding.contains("makes itself again, as 'x-self'")),
        "{findings:?}"
    );
    let repo = Repo::new();
    let own = ROOT
        .replace("name: flux-system, namespace", "name: loop, namespace")
        .replace("./clusters/x, prune: true", "./loop, prune: true, namePrefix: x-");
    repo.write("clusters/x/loop.yaml", &own);
    repo.write("loop/loop.yaml", &own);
    let told = repo.told();
    assert_eq!((told.services, told.findings), (vec!["good".to_owned()], Vec::new()));
}
