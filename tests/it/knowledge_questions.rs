//! The commands that answer questions about a repository.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::knowledge::unpack;
use crate::knowledge_documents::{cloned, shown};
use crate::support::Home;

#[test]
fn questions_have_short_answers() {
    let home = cloned("monorepo");
    let ask = |args: &[&str]| home.rwenv("ro", args);
    assert_eq!(ask(&["services", "namespace", "papi"]).stdout, "papi runs in namespace backend-services\n");
    let place = ask(&["services", "where", "loki"]).stdout;
    assert_eq!(
        place,
        "infrastructure/observability/ (HelmRelease: loki)\n  infrastructure/observability/loki.yaml:9\n"
    );
    let unknown = ask(&["services", "show", "papy"]);
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.stderr.contains("Service 'papy' not found in services catalog. Did you mean papi?"),
        "{}",
        unknown.stderr
    );
    assert!(unknown.stderr.contains("kubectl get deploy -A | grep papy"), "{}", unknown.stderr);
    let list = ask(&["services", "list", "--namespace", "observability"]).stdout;
    assert_eq!(list.lines().count(), 2, "{list}");

    for (what, place) in [
        ("deployment/papi", "apps/backend-services/papi-deployment.yaml:1"),
        ("deploy/papi", "apps/backend-services/papi-deployment.yaml:1"),
        ("deployments.apps/papi", "apps/backend-services/papi-deployment.yaml:1"),
        ("hr/loki", "infrastructure/observability/loki.yaml:9"),
        ("cm/papi-files", "apps/backend-services/kustomization.yaml:18"),
        ("ks/vars", "clusters/prod/vars.yaml:1"),
        ("ServiceMonitor/all", "components/metrics/monitor.yaml:1"),
        ("job/migrate-backend", "apps/backend-services/migrate.yaml:1"),
        ("vault-papi", "apps/backend-services/papi-csi-secret-class.yaml:1"),
    ] {
        let answer = ask(&["where", what]);
        assert!(
            answer.stdout.starts_with(&format!("{place}  ")),
            "{what}: {}{}",
            answer.stdout,
            answer.stderr
        );
    }
    let retired = ask(&["where", "hr/old"]).stdout;
    assert_eq!(retired, "retired/old.yaml:1  HelmRelease old in retired  (nothing applies it)\n");
    let secret = ask(&["where", "secret/papi-secrets"]);
    assert!(
        secret.stdout.contains("SecretProviderClass vault-papi in backend-services"),
        "{}",
        secret.stdout
    );
    let made = ask(&["where", "statefulset/loki-backend"]);
    assert!(made.stdout.contains("HelmRelease loki"), "{}", made.stdout);
    assert!(made.stderr.contains("has no file of its own"), "{}", made.stderr);
    assert!(ask(&["where", "deploy/paip"]).stderr.contains("Did you mean papi?"));
    assert!(ask(&["where", "nothing-like-it"]).stderr.contains("neither a kind nor the name"));
    assert!(
        ask(&["where", "deploy/papi", "-n", "other"])
            .stderr
            .contains("in namespace other is defined nowhere")
    );
    let key = ask(&["where", "configmap/cluster-vars", "--key", "domain"]).stdout;
    assert!(key.starts_with("infrastructure/vars/cluster-vars.yaml:8  "), "{key}");
    let chain = shown(&home, &["where", "servicemonitor/all", "--json", "--rwenv", "ro"]);
    assert_eq!(chain[0]["chain"], json!(["flux-system/flux-system", "flux-system/backend-services"]));
    assert_eq!(chain[0]["folders"], json!(["apps/backend-services", "components/metrics"]));
}

#[test]
fn a_commit_is_read_without_its_files() {
    let home = cloned("monorepo");
    let clone = ".claude/rwenv/flux-repos/ro/flux";
    home.git(clone, &["init", "-q"]);
    std::os::unix::fs::symlink(
        "settings.py",
        home.path(&format!("{clone}/apps/backend-services/files/link.py")),
    )
    .unwrap();
    home.git(clone, &["add", "-A"]);
    home.git(clone, &["commit", "-q", "-m", "one"]);
    let whole = shown(&home, &["guide", "show", "configmaps", "--json", "--rwenv", "ro"]);
    fs::remove_dir_all(home.path(&format!("{clone}/apps"))).unwrap();
    let ask = |args: &[&str]| home.rwenv("ro", args);
    assert!(ask(&["services", "namespace", "papi"]).stderr.contains("not found in services catalog"));
    let there = ask(&["services", "namespace", "papi", "--ref", "HEAD"]);
    assert_eq!(there.stdout, "papi runs in namespace backend-services\n", "{}", there.stderr);
    let at = shown(&home, &["guide", "show", "configmaps", "--json", "--rwenv", "ro", "--ref", "HEAD"]);
    assert_eq!(at["configMaps"], whole["configMaps"]);
    assert_eq!(at["metadata"]["commit"], home.git(clone, &["rev-parse", "HEAD"]).trim());
    for nothing in ["nothing", "--output=x", "HEAD:apps"] {
        let answer = ask(&["services", "list", &format!("--ref={nothing}")]);
        assert_eq!(answer.code, 1, "{nothing}: {}", answer.stdout);
    }
}

#[test]
fn a_graph_is_drawn_in_every_format() {
    let (home, dir) = (Home::empty(), unpack("helm"));
    let dir = dir.path().to_str().unwrap();
    let graph = |format: &str| {
        let answer = home.rwenv("", &["graph", "--format", format, "--dir", dir]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        answer.stdout
    };
    let value: Value = serde_json::from_str(&graph("json")).unwrap();
    let depends = json!({ "from": "Kustomization/media/plex", "to": "Kustomization/games/arcade", "relation": "dependsOn" });
    let manages =
        json!({ "from": "Kustomization/media/plex", "to": "HelmRelease/media/plex", "relation": "manages" });
    let edges = value["edges"].as_array().unwrap();
    assert!(edges.contains(&depends) && edges.contains(&manages), "{edges:?}");
    assert!(
        graph("dot").contains(r#""Kustomization/media/plex" -> "Kustomization/games/arcade" [style=dashed"#)
    );
    assert!(graph("mermaid").starts_with("flowchart LR\n"));
    let svg = graph("svg");
    assert!(svg.starts_with("<?xml") && svg.trim_end().ends_with("</svg>"));
    let names = value["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap());
    for name in names {
        assert!(svg.contains(name), "{name}");
    }
    assert_eq!(svg, graph("svg"), "the same graph is the same picture");
    let part = home.rwenv("", &["graph", "arcade", "--format", "json", "--dir", dir]);
    let part: Value = serde_json::from_str(&part.stdout).map_err(|_| &part).unwrap();
    let ids: Vec<&str> =
        part["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert!(
        ids.contains(&"Kustomization/games/arcade") && ids.contains(&"Kustomization/media/plex"),
        "{ids:?}"
    );
    assert!(ids.len() < value["nodes"].as_array().unwrap().len(), "{ids:?}");
    let unknown = home.rwenv("", &["graph", "arcad", "--dir", dir]);
    assert!(unknown.code == 1 && unknown.stderr.contains("did you mean 'arcade'?"), "{unknown:?}");
    let file = home.path("flux.svg");
    let answer =
        home.rwenv("", &["graph", "--format", "svg", "--output", file.to_str().unwrap(), "--dir", dir]);
    assert!(answer.stdout.is_empty(), "{}", answer.stdout);
    assert_eq!(fs::read_to_string(file).unwrap().trim_end(), svg.trim_end());
}

#[test]
fn a_graph_frames_each_cluster() {
    let (home, dir) = (Home::empty(), unpack("fleet"));
    let dir = dir.path().to_str().unwrap();
    let graph =
        |format: &str| home.rwenv("", &["graph", "--all-clusters", "--format", format, "--dir", dir]).stdout;
    let value: Value = serde_json::from_str(&graph("json")).unwrap();
    let clusters: BTreeSet<&str> =
        value["nodes"].as_array().unwrap().iter().map(|node| node["cluster"].as_str().unwrap()).collect();
    assert!(clusters.len() > 1, "{clusters:?}");
    let (dot, mermaid, svg) = (graph("dot"), graph("mermaid"), graph("svg"));
    for cluster in &clusters {
        assert!(dot.contains(&format!("label=\"{cluster}\";")), "{dot}");
        assert!(mermaid.contains(&format!("[\"{cluster}\"]")), "{mermaid}");
        assert!(svg.contains(&format!("· {cluster}")), "{svg}");
    }
    assert_eq!(dot.matches("subgraph").count(), clusters.len());
    assert_eq!(mermaid.matches("  end\n").count(), clusters.len());
}
