//! The files that are made of a repository, and the commands that show them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::knowledge::{LAYOUTS, unpack};
use crate::support::{Answer, Home};

const FILES: [&str; 5] = ["services-catalog", "services", "flux-resources", "secrets-map", "configmaps"];

pub(crate) fn shown(home: &Home, args: &[&str]) -> Value {
    let answer = home.rwenv("", args);
    assert_eq!(answer.code, 0, "{args:?}: {}", answer.stderr);
    serde_json::from_str(&answer.stdout).unwrap()
}

/// A file as it would be made of a folder.
fn made(home: &Home, dir: &Path, file: &str) -> Value {
    let dir = dir.to_str().unwrap();
    let args: &[&str] = match file {
        "services-catalog" => &["services", "list"],
        "services" => &["guide", "show", "services"],
        "flux-resources" => &["guide", "show", "flux"],
        "secrets-map" => &["guide", "show", "secrets"],
        _ => &["guide", "show", "configmaps"],
    };
    shown(home, &[args, &["--json", "--dir", dir]].concat())
}

#[test]
fn every_file_is_as_its_schema_says() {
    let home = Home::empty();
    let demo = crate::support::root().join("demo/flux");
    let layouts: Vec<_> = LAYOUTS.iter().map(|(name, _)| unpack(name)).collect();
    let dirs = layouts.iter().map(tempfile::TempDir::path).chain([demo.as_path()]);
    for dir in dirs {
        for file in FILES {
            let schema = shown(&home, &["guide", "schema", file]);
            let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
            let value = made(&home, dir, file);
            let wrong: Vec<String> =
                validator.iter_errors(&value).map(|e| format!("{} {e}", e.instance_path())).collect();
            assert_eq!(wrong, Vec::<String>::new(), "{file} of {}", dir.display());
            assert!(!validator.is_valid(&json!({ "other": 1 })), "{file}");
        }
    }
}

/// What has to be in a file: the place in it, and the value there.
fn holds(home: &Home, dir: &Path, file: &str, facts: &[(&str, Value)]) {
    let value = made(home, dir, file);
    for (place, expected) in facts {
        let found = value.pointer(place).unwrap_or(&Value::Null);
        assert_eq!(found, expected, "{file}: {place}");
    }
}

#[test]
fn a_monorepo_with_components_variables_and_vault() {
    let (home, dir) = (Home::empty(), unpack("monorepo"));
    holds(
        &home,
        dir.path(),
        "services",
        &[
            ("/services/papi/namespace", json!("backend-services")),
            ("/services/papi/deployment", json!("papi")),
            ("/services/papi/fluxPath", json!("apps/backend-services/")),
            ("/services/papi/kustomization", json!("backend-services")),
            ("/services/papi/description", json!("Platform API - core backend service")),
            ("/services/papi/file", json!("apps/backend-services/papi-deployment.yaml")),
            ("/services/papi/line", json!(1)),
            ("/services/papi/image", json!("registry.example.com/papi:v2.2.0")),
            ("/services/papi/chain", json!(["flux-system/flux-system", "flux-system/backend-services"])),
            ("/services/loki/namespace", json!("observability")),
            ("/services/loki/helmRelease", json!("loki")),
            ("/services/old", Value::Null),
            ("/imageGroups/backend-services/file", json!("apps/backend-services/kustomization.yaml")),
            ("/imageGroups/backend-services/line", json!(26)),
            ("/imageGroups/backend-services/type", json!("kustomize-images")),
            ("/imageGroups/backend-services/services", json!(["celery-worker", "papi"])),
        ],
    );
    holds(
        &home,
        dir.path(),
        "flux-resources",
        &[
            ("/kustomizations/backend-services/path", json!("./apps/backend-services")),
            ("/kustomizations/backend-services/dependsOn", json!(["vars"])),
            ("/kustomizations/backend-services/substituteFrom", json!("cluster-vars")),
            ("/kustomizations/backend-services/unresolvedVars", json!(["not_there"])),
            ("/kustomizations/backend-services/manages", json!(["celery-worker", "papi"])),
            ("/kustomizations/observability/prune", json!(false)),
            ("/kustomizations/observability/path", json!("infrastructure/observability/")),
            ("/kustomizations/policies/manages", json!([])),
            ("/kustomizations/policies/folder", Value::Null),
            ("/helmReleases/loki/chartSource", json!("grafana")),
            ("/helmReleases/loki/valuesFrom", json!(["ConfigMap/loki-values"])),
            ("/helmReleases/old", Value::Null),
            ("/orphans/0/name", json!("old")),
            ("/findings", json!([])),
        ],
    );
}

#[test]
fn secrets_and_configuration_of_a_monorepo_are_traced() {
    let (home, dir) = (Home::empty(), unpack("monorepo"));
    holds(
        &home,
        dir.path(),
        "secrets-map",
        &[
            ("/secretProviderClasses/vault-papi/namespace", json!("backend-services")),
            ("/secretProviderClasses/vault-papi/vaultRole", json!("shared_secrets")),
            ("/secretProviderClasses/vault-papi/vaultMountPath", json!("kubernetes-${cluster_name}")),
            ("/secretProviderClasses/vault-papi/k8sSecretName", json!("papi-secrets")),
            ("/secretProviderClasses/vault-papi/secrets/0/vaultPath", json!("shared/data/secrets")),
            ("/secretProviderClasses/vault-papi/secrets/0/vaultKey", json!("secrets.py")),
            ("/secretProviderClasses/vault-papi/secrets/0/mountPath", json!("/secrets/secrets.py")),
            ("/secretProviderClasses/vault-papi/secrets/1/objectName", json!("oauth_client_id")),
            ("/secretProviderClasses/vault-papi/usedBy", json!(["celery-worker", "papi"])),
        ],
    );
    holds(
        &home,
        dir.path(),
        "configmaps",
        &[
            ("/configMaps/papi-env-vars-cm/namespace", json!("backend-services")),
            ("/configMaps/papi-env-vars-cm/generatedBy", json!("kustomization")),
            ("/configMaps/papi-env-vars-cm/sourceFile", json!("apps/backend-services/kustomization.yaml")),
            ("/configMaps/papi-env-vars-cm/keys/CLUSTER", json!("${cluster_name}")),
            ("/configMaps/papi-env-vars-cm/keys/METRICS_PORT", json!("9090")),
            ("/configMaps/papi-env-vars-cm/usedBy", json!(["celery-worker", "papi"])),
            ("/configMaps/papi-files/keys/settings.py", json!("DEBUG = False\n")),
            (
                "/configMaps/cluster-vars/usedBy",
                json!(["kustomization backend-services via postBuild.substituteFrom"]),
            ),
            ("/configMaps/loki-values/usedBy", json!(["loki"])),
            ("/variableSubstitution/sourceConfigMap", json!("cluster-vars")),
            ("/variableSubstitution/commonVariables/${domain}", json!("example.com")),
        ],
    );
}

#[test]
fn clusters_over_one_base_are_told_apart() {
    let (home, dir) = (Home::empty(), unpack("overlays"));
    holds(
        &home,
        dir.path(),
        "services",
        &[
            ("/services/shop-web/namespace", json!("shop-staging")),
            ("/services/shop-web/cluster", json!("staging")),
            ("/services/shop-web-prod/namespace", json!("shop")),
            ("/services/shop-web-prod/image", json!("mirror.example.com/web:1.4.2")),
            ("/services/shop-web-prod/cluster", json!("production")),
            ("/imageGroups/production/tag", json!("1.4.2")),
            ("/imageGroups/production/imagePolicy", json!("flux-system:web")),
            ("/imageGroups/production/imageName", json!("registry.example.com/web")),
            ("/imageGroups/tenants/type", json!("flux-images")),
            ("/imageGroups/tenants/services", json!(["shop-web", "shop-web-prod"])),
        ],
    );
    holds(
        &home,
        dir.path(),
        "flux-resources",
        &[
            ("/kustomizations/staging~1shop/path", json!("./apps/staging")),
            ("/kustomizations/production~1shop/path", json!("./apps/production")),
            ("/kustomizations/production~1shop/name", json!("shop")),
            ("/kustomizations/production~1tenants/manages", json!(["shop"])),
        ],
    );
    holds(
        &home,
        dir.path(),
        "secrets-map",
        &[
            ("/secrets/web-credentials/protection", json!("generator")),
            ("/secrets/web-credentials/keys", json!(["user"])),
            ("/secrets/web-credentials/usedBy", json!(["shop-web"])),
            ("/secrets/web-credentials-prod/usedBy", json!(["shop-web-prod"])),
        ],
    );
}

#[test]
fn a_repository_of_helm_releases_gets_its_namespaces_from_above() {
    let (home, dir) = (Home::empty(), unpack("helm"));
    holds(
        &home,
        dir.path(),
        "flux-resources",
        &[
            ("/kustomizations/plex/namespace", json!("media")),
            ("/kustomizations/plex/dependsOn", json!(["games/arcade"])),
            ("/kustomizations/plex/sourceRef", json!("flux-system")),
            ("/kustomizations/plex/interval", json!("2h")),
            ("/kustomizations/flux-system/path", json!("./kubernetes/flux/cluster")),
            ("/helmReleases/plex/namespace", json!("media")),
            ("/helmReleases/plex/chart", json!("app-template")),
            ("/helmReleases/plex/chartSource", json!("plex")),
            ("/helmReleases/arcade/chart", json!("arcade")),
            ("/helmReleases/arcade/targetNamespace", Value::Null),
            ("/sources/plex/ref", json!("4.1.0")),
        ],
    );
    holds(
        &home,
        dir.path(),
        "secrets-map",
        &[
            ("/externalSecrets/media~1status-token/usedBy", json!(["plex"])),
            ("/externalSecrets/games~1status-token/usedBy", json!([])),
            ("/externalSecrets/media~1status-token/store", json!("ClusterSecretStore/vault")),
        ],
    );
    holds(
        &home,
        dir.path(),
        "configmaps",
        &[
            ("/configMaps/plex-config/keys/plex.yaml", json!("path: ${HOME}\n")),
            ("/configMaps/plex-config/usedBy", json!(["plex"])),
            ("/variableSubstitution/commonVariables/${HOME}", Value::Null),
        ],
    );
    let claim = shown(&home, &["where", "pvc/plex", "--json", "--dir", dir.path().to_str().unwrap()]);
    assert_eq!(claim[0]["file"], "kubernetes/components/backup/claim.yaml");
    assert_eq!(claim[0]["namespace"], "media");
}

#[test]
fn argo_applications_and_sets_of_them_are_followed() {
    let (home, dir) = (Home::empty(), unpack("argo"));
    holds(
        &home,
        dir.path(),
        "services",
        &[
            ("/services/prod-web/namespace", json!("shop")),
            ("/services/prod-web/application", json!("shop")),
            ("/services/prod-web/image", json!("registry.example.com/web:v3")),
            ("/services/plain/namespace", json!("plain")),
            ("/services/redis/description", json!("Helm chart redis, applied by Argo CD")),
            ("/services/redis/namespace", json!("shop")),
        ],
    );
    holds(
        &home,
        dir.path(),
        "flux-resources",
        &[
            ("/applications/root/manages", json!(["plain", "redis", "shop", "tool-grep"])),
            ("/applications/tool-grep/path", json!("tools/grep")),
            ("/applications/shop/destination", json!("https://10.0.0.1:6443")),
            ("/applications/retired", Value::Null),
            ("/applications/tool-old", Value::Null),
            ("/projects/shop/destinations", json!(["shop"])),
            ("/orphans/0/name", json!("retired")),
            ("/findings/0/line", json!(33)),
        ],
    );
    let dir = dir.path().to_str().unwrap();
    assert_eq!(home.rwenv("", &["where", "svc/ignored", "--dir", dir]).code, 1, "it lies below the folder");
    assert!(
        home.rwenv("", &["where", "svc/grep", "--dir", dir]).stdout.contains("tools/grep/service.yaml:1")
    );
}

#[test]
fn applications_without_a_root_are_live_unless_put_away() {
    let (home, dir) = (Home::empty(), unpack("argo"));
    fs::remove_dir_all(dir.path().join("bootstrap")).unwrap();
    let value = made(&home, dir.path(), "flux-resources");
    let live: Vec<&String> = value["applications"].as_object().unwrap().keys().collect();
    assert_eq!(live, ["plain", "redis", "shop", "tool-grep"]);
    assert_eq!(value["orphans"][0]["name"], "retired");
}

#[test]
fn a_namespace_that_is_given_elsewhere_is_not_made_up() {
    let (home, dir) = (Home::empty(), unpack("overlays"));
    fs::remove_dir_all(dir.path().join("clusters")).unwrap();
    fs::remove_dir_all(dir.path().join("tenants")).unwrap();
    fs::remove_dir_all(dir.path().join("apps/production")).unwrap();
    fs::write(dir.path().join("apps/staging/kustomization.yaml"), "resources: [../base]\n").unwrap();
    let services = made(&home, dir.path(), "services");
    assert_eq!(services["services"]["shop-web"]["namespace"], "");
    let said = home.rwenv("", &["services", "namespace", "shop-web", "--dir", dir.path().to_str().unwrap()]);
    assert!(said.stdout.contains("has no namespace in this repository"), "{}", said.stdout);
}

/// A HOME whose rwenv `ro` has a clone of a layout.
pub(crate) fn cloned(layout: &str) -> Home {
    let home = Home::new();
    let from = unpack(layout);
    let clone = home.path(".claude/rwenv/flux-repos/ro/flux");
    fs::create_dir_all(clone.parent().unwrap()).unwrap();
    let copied = std::process::Command::new("cp").arg("-R").arg(from.path()).arg(&clone).status().unwrap();
    assert!(copied.success());
    home
}

fn regenerated(home: &Home) -> Answer {
    home.rwenv("ro", &["guide", "regenerate"])
}

#[test]
fn the_report_says_what_was_made_and_the_same_input_makes_the_same_bytes() {
    let home = cloned("monorepo");
    let answer = regenerated(&home);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let (report, time) = answer.stdout.trim_end().rsplit_once("Generated at: ").unwrap();
    insta::assert_snapshot!(report, @r"
    Regenerated flux-infra-guide data files:

      services.json:        3 services mapped
                            1 imageGroups configured
      flux-resources.json:  5 Kustomizations, 1 HelmReleases
      secrets-map.json:     1 SecretProviderClasses
      configmaps.json:      4 ConfigMaps, 5 variables
      services-catalog.json: 3 services

    Source: flux
    ");
    assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    let read = |file: &str| {
        let text = home.read(&format!(".claude/rwenv/catalog/ro/{file}.json"));
        let kept = text.lines().filter(|line| !line.contains("\"generatedAt\""));
        kept.map(|line| format!("{line}\n")).collect::<String>()
    };
    let before: Vec<String> = FILES.iter().map(|file| read(file)).collect();
    let index = home.read(".claude/rwenv/catalog/ro/definitions.index");
    assert_eq!(regenerated(&home).code, 0);
    assert_eq!(FILES.iter().map(|file| read(file)).collect::<Vec<_>>(), before);
    assert_eq!(home.read(".claude/rwenv/catalog/ro/definitions.index"), index);
    assert!(
        index
            .contains("\nDeployment\tpapi\tbackend-services\tapps/backend-services/papi-deployment.yaml:1\n")
    );
    assert!(
        index.contains("\nimage\tregistry.example.com/papi\t\tapps/backend-services/kustomization.yaml:26\n")
    );
    assert!(index.contains(
        "\nconfigmap-key\tcluster-vars/domain\tflux-system\tinfrastructure/vars/cluster-vars.yaml:8\n"
    ));
    let folder = home.path(".claude/rwenv/catalog/ro");
    assert_eq!(fs::metadata(folder.join("services.json")).unwrap().permissions().mode() & 0o777, 0o600);
    let left = fs::read_dir(&folder)
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().ends_with(".new"));
    assert_eq!(left.count(), 0);
}

#[test]
fn every_way_it_can_fail_has_its_words() {
    let home = Home::new();
    let nothing = home.rwenv("none", &["guide", "regenerate"]);
    assert_eq!(nothing.code, 1);
    assert!(
        nothing.stderr.contains("No rwenv configured. Use /rwenv-set to select an environment."),
        "{}",
        nothing.stderr
    );
    let nothing = home.rwenv("ro", &["guide", "regenerate"]);
    assert!(
        nothing.stderr.contains("Flux repo not found. Clone it first or check fluxGitRepo in envs.json."),
        "{}",
        nothing.stderr
    );
    assert!(nothing.stderr.contains("rwenv repo sync ro"), "{}", nothing.stderr);

    let home = cloned("monorepo");
    home.write(".claude/rwenv/flux-repos/ro/flux/infrastructure/observability/broken.yaml", "a: [1,\nb: }\n");
    let answer = regenerated(&home);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(answer.stdout.contains("3 services mapped"), "{}", answer.stdout);
    let said = answer.stderr.lines().find(|line| line.starts_with("Failed to parse ")).unwrap();
    assert!(said.starts_with("Failed to parse infrastructure/observability/broken.yaml:1: "), "{said}");
    assert!(said.ends_with(". Check YAML syntax."), "{said}");

    fs::remove_dir_all(home.path(".claude/rwenv/catalog/ro")).unwrap();
    home.write(".claude/rwenv/catalog/ro", "a file where the folder should be");
    let answer = regenerated(&home);
    assert_eq!(answer.code, 1);
    assert!(
        answer.stderr.contains("Cannot write to data directory. Check file permissions."),
        "{}",
        answer.stderr
    );
}
