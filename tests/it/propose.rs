//! A command of kubectl's as the change of the Flux repository that stands for it.

use crate::deploy::{Shop, changed_lines};
use crate::support::Answer;

fn propose(shop: &Shop, how: &[&str], line: &str) -> Answer {
    shop.run(&[&["propose"], how, &["--", line]].concat())
}

/// The lines that a proposal would change, or what it says instead.
fn dry(shop: &Shop, line: &str) -> String {
    changed_lines(propose(shop, &["--dry-run"], line))
}

#[test]
fn fields_are_changed_where_they_are_written() {
    let shop = Shop::new("");
    for (line, change) in [
        ("kubectl -n shop scale deploy/papi --replicas 5", "-  replicas: 2\n+  replicas: 5\n"),
        ("kubectl scale deploy web --replicas=3", "+  replicas: 3\n"),
        // The tag stands in the kustomization, and counts for the worker as well.
        (
            "kubectl -n shop set image deploy/papi papi=registry.example.com/shop/backend:v3",
            "-    newTag: v2.2.0\n+    newTag: v3\n",
        ),
        (
            "kubectl set image deploy/web '*=registry.example.com/shop/web:v2'",
            "-          image: \"registry.example.com/shop/web:v1.0.0\"  # quoted\n+          image: \"registry.example.com/shop/web:v2\"  # quoted\n",
        ),
        (
            "kubectl set image deploy/web web=ghcr.io/acme/web:v2",
            "-          image: \"registry.example.com/shop/web:v1.0.0\"  # quoted\n+          image: \"ghcr.io/acme/web:v2\"  # quoted\n",
        ),
        ("kubectl annotate deploy/web example.com/a=true", "+  annotations:\n+    example.com/a: \"true\"\n"),
        ("kubectl label hr/shop tier=1 -n shop", "+  labels:\n+    tier: \"1\"\n"),
        (
            r#"kubectl patch deploy web -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","imagePullPolicy":"Always"}]}}}}'"#,
            "+          imagePullPolicy: Always\n",
        ),
        (
            r#"kubectl patch deploy papi --type json -p '[{"op":"replace","path":"/spec/replicas","value":4}]'"#,
            "-  replicas: 2\n+  replicas: 4\n",
        ),
        ("kubectl scale deploy/papi --replicas 2", ""),
    ] {
        assert_eq!(dry(&shop, line), change, "{line}");
    }
    let restart = dry(&shop, "kubectl -n shop rollout restart deploy/web");
    assert!(restart.contains("+        kubectl.kubernetes.io/restartedAt: \"2"), "{restart}");
    let shared = propose(
        &shop,
        &["--dry-run"],
        "kubectl set image deploy/papi papi=registry.example.com/shop/backend:v3",
    );
    assert!(shared.stderr.contains("the same place counts for: Deployment shop/worker"), "{}", shared.stderr);
    assert_eq!(shop.branches(), ["main"]);
}

#[test]
fn what_is_no_change_of_fields_is_refused_with_the_reason() {
    let shop = Shop::new("");
    for (line, why) in [
        ("kubectl delete pod p", "kubectl delete is not one of scale, set image"),
        ("kubectl scale deploy/nope --replicas 1", "no file of the Flux repository defines Deployment nope"),
        (
            "kubectl scale deploy/shop --replicas 1",
            "Deployment shop comes from HelmRelease shop: set a value of its chart instead",
        ),
        ("kubectl scale deploy/web --replicas $N", "a word of it is not known"),
        (
            "kubectl set env deploy/web LOG=debug",
            "has no spec.template.spec.containers[0].env with the name LOG; add it by hand",
        ),
        ("kubectl set image deploy/papi papi=ghcr.io/acme/other:v3", "sets another image for this container"),
        (r#"kubectl patch deploy web -p '{"spec":{"replcas":1}}'"#, "did you mean spec.replicas?"),
        ("kubectl --context nope scale deploy/web --replicas 1", "context 'nope' belongs to no rwenv"),
    ] {
        let answer = propose(&shop, &[], line);
        assert!(answer.code == 1 && answer.stderr.contains(why), "{line}: {}", answer.stderr);
    }
    assert_eq!(shop.branches(), ["main"]);
    assert!(shop.run(&["propose"]).code != 0);
}

/// The denial has the command, and the command makes the pull request.
#[test]
fn a_denial_offers_the_command_that_proposes_the_change() {
    let shop = Shop::new(r#","gitOpsOnly":true,"kubernetesContext":"dev""#);
    assert_eq!(shop.run(&["repo", "sync"]).code, 0);
    let made = shop.run(&["services", "regenerate", "--offline"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let denied = shop.home.hook("project", "kubectl -n shop scale deploy/papi --replicas 5");
    let offer = "rwenv propose --cluster dev -- kubectl -n shop scale deploy/papi --replicas 5";
    assert_eq!(denied.decision(), "deny");
    assert!(denied.stderr.contains(offer) && denied.stderr.contains("papi.yaml:"), "{}", denied.stderr);
    // Only the part that is denied, and nothing that a release makes.
    let part = shop.home.hook("project", "ls && kubectl -n shop scale deploy/papi --replicas 5 | cat").stderr;
    assert!(part.contains(offer), "{part}");
    for line in ["kubectl -n shop scale deploy/shop --replicas 5", "kubectl -n shop delete deploy papi"] {
        let said = shop.home.hook("project", line).stderr;
        assert!(said.contains("is defined in") && !said.contains("propose"), "{line}: {said}");
    }
    assert_eq!(shop.home.hook("project", offer).decision(), "allow");
    let words: Vec<&str> = offer.split(' ').skip(1).collect();
    let proposed = shop.run(&words);
    assert!(
        proposed.code == 0 && proposed.stdout.contains("https://github.com/acme/flux/pull/7"),
        "{}{}",
        proposed.stdout,
        proposed.stderr
    );
    let branch = shop.branches().into_iter().find(|name| name.starts_with("deploy/papi-")).unwrap();
    assert!(shop.remote(&["show", &format!("{branch}:apps/backend/papi.yaml")]).contains("replicas: 5"));
    assert!(shop.remote(&["log", "-1", "--format=%s", &branch]).contains("chore(papi): set spec.replicas"));
    shop.is_tidy();
    // Where nothing may be pushed, it is shown.
    shop.configure(r#","readOnly":true,"kubernetesContext":"dev""#);
    let denied = shop.home.hook("project", "kubectl -n shop scale deploy/papi --replicas 5");
    let offer = "rwenv propose --cluster dev --dry-run -- kubectl -n shop scale deploy/papi --replicas 5";
    assert!(denied.stderr.contains(offer), "{}", denied.stderr);
    assert_eq!(shop.home.hook("project", offer).decision(), "allow");
    assert!(shop.run(&offer.split(' ').skip(1).collect::<Vec<_>>()).stdout.contains("+  replicas: 5"));
    assert_eq!(shop.home.hook("project", &offer.replace("--dry-run ", "")).decision(), "deny");
}

/// What help shows works as it is written.
#[test]
fn the_examples_of_help_work() {
    let shop = Shop::new("");
    let mut count = 0;
    for command in ["deploy", "propose"] {
        let help = shop.run(&[command, "--help"]).stdout;
        let start = format!("rwenv {command} ");
        for line in help.lines().map(str::trim).filter(|line| line.starts_with(&start)) {
            // Those about earlier deployments need one, those about charts a chart.
            if ["--continue", "--revert", "--abort", "--chart-version"].iter().any(|flag| line.contains(flag))
            {
                continue;
            }
            let words: Vec<&str> = line.split(' ').skip(1).collect();
            let (first, rest) = words.split_first().unwrap();
            let dry =
                if rest.contains(&"--dry-run") { [first].to_vec() } else { [first, &"--dry-run"].to_vec() };
            let words: Vec<&str> = dry.into_iter().chain(rest).copied().collect();
            let answer = shop.run(&words);
            assert_eq!(answer.code, 0, "{line}: {}", answer.stderr);
            assert!(answer.stdout.contains("\n+"), "{line}: {}", answer.stdout);
            count += 1;
        }
    }
    assert!(count >= 5, "{count}");
}
