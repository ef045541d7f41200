//! A denial says what to do instead. An agent that does it as it is written is not sent round in a circle: its next call runs, or a person is asked.

use crate::support::{Answer, Home};

const RO_CLONE: &str = ".claude/rwenv/flux-repos/ro/flux";
const GO_CLONE: &str = ".claude/rwenv/flux-repos/go/flux";

/// A folder, a call that is held back there, what its remedy names, and that as an agent runs it (`@` is the first call).
const REMEDIES: &[(&str, &str, &str, &str)] = &[
    ("ro", "flux suspend kustomization apps", "flux get", "flux get kustomizations"),
    ("ro", "flux delete helmrelease web --silent", "flux events", "flux events"),
    ("ro", "rwenv flux suspend-all --yes", "flux logs", "flux logs"),
    ("ro", "flux resume kustomization apps", "flux diff", "flux diff kustomization apps --path ."),
    ("ro", "rwenv deploy papi --image-tag v2", "rwenv deploy --dry-run", "@ --dry-run"),
    (
        "ro",
        "flux reconcile kustomization apps",
        "flux get kustomizations --watch",
        "flux get kustomizations --watch",
    ),
    ("ro", "argocd app sync web", "argocd app get", "argocd app get web"),
    ("ro", "kubectl delete pod p", "kubectl get", "kubectl get pods"),
    ("ro", "kubectl delete pod p", "logs", "kubectl logs p"),
    ("ro", "kubectl edit deploy web", "describe", "kubectl describe deploy web"),
    ("ro", "kubectl apply -f x.yaml", "diff", "kubectl diff -f x.yaml"),
    ("ro", "kubectl scale deploy web --replicas 0", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "kubectl apply -f x.yaml", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "kubectl label pod p a=b", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "kubectl annotate pod p a=b", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "kubectl create ns x", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "kubectl patch deploy web -p '{}'", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "kubectl set image deploy web a=b", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "kubectl drain n", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "kubectl cordon n", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "kubectl rollout undo deploy/web", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "kubectl rollout restart deploy/web", "kubectl get", "kubectl get deploy web"),
    ("ro", "for p in a b; do kubectl delete pod $p; done", "kubectl get", "kubectl get pod a b"),
    ("ro", "echo p | xargs kubectl delete pod", "kubectl get", "echo p | xargs kubectl get pod"),
    ("ro", "helm uninstall web", "kubectl get", "kubectl get all"),
    ("ro", "helm upgrade web ./chart", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "helm install web ./chart", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "helm rollback web 1", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "helm push web-1.tgz oci://r.example.com/c", "helm template", "helm template ."),
    ("ro", "helm push web-1.tgz oci://r.example.com/c", "helm package", "helm package ."),
    ("ro", "kubectl exec web -- rm -rf /data", "kubectl describe", "kubectl describe pod web"),
    ("ro", "kubectl attach web", "kubectl logs -f", "kubectl logs -f web"),
    ("ro", "kubectl port-forward svc/web 8080:80", "kubectl get", "kubectl get svc web"),
    ("ro", "kubectl proxy", "kubectl get --raw PATH", "kubectl get --raw /healthz"),
    ("ro", "kubectl cp web:/data .", "kubectl exec POD -- cat FILE", "kubectl exec web -- cat /data"),
    ("ro", "kubectl run x --image=y", "--dry-run=server", "@ --dry-run=server"),
    ("ro", "kubectl $VERB pod p", "kubectl --help", "kubectl --help"),
    ("ro", "kubectl get secret x -o yaml", "kubectl get secret", "kubectl get secret x"),
    ("ro", "kubectl get secret x -o yaml", "kubectl describe secret", "kubectl describe secret x"),
    ("ro", "kubectl config view --raw", "kubectl config view", "kubectl config view"),
    ("ro", "argocd app delete web", "list", "argocd app list"),
    ("ro", "argocd app get web --refresh", "argocd app diff", "argocd app diff web"),
    ("ro", "talosctl reboot", "get", "talosctl get members"),
    ("ro", "terraform apply", "plan", "terraform plan"),
    ("ro", "terraform destroy", "show", "terraform show"),
    ("ro", "psql -h db -c 'DROP TABLE x'", "SELECT", "psql -h db -c 'SELECT 1'"),
    ("ro", "rm ~/.claude/rwenv/envs.json", "rwenv list", "rwenv list"),
    (
        "ro",
        "sed -i s/true/false/ ~/.claude/rwenv/envs.json",
        "rwenv check",
        "rwenv check -- kubectl get pods",
    ),
    ("ro", "rm -rf ~/.claude/rwenv/flux-repos/ro", "rwenv repo clean NAME", "rwenv repo clean ro"),
    ("ro", "rm -rf ~/.claude/rwenv/flux-repos/ro", "rwenv repo sync NAME", "rwenv repo sync ro"),
    ("ro", "kubectl exec web -- sh -c 'rm -rf /data'", "kubectl exec POD -- env", "kubectl exec web -- env"),
    (
        "ro",
        "kubectl exec -it web -- bash",
        "kubectl exec POD -- cat FILE",
        "kubectl exec web -- cat /etc/hosts",
    ),
    ("ro", "gcloud compute instances delete x", "kubectl", "kubectl get nodes"),
    (RO_CLONE, "git push origin HEAD:a", "git log", "git log"),
    (RO_CLONE, "git push origin HEAD:a", "git show", "git show"),
    (RO_CLONE, "git commit -am x", "git diff", "git diff"),
    (RO_CLONE, "git reset --hard HEAD~1", "git log", "git log -3"),
    ("go", "kubectl apply -f x.yaml", "--dry-run=server", "@ --dry-run=server"),
    ("go", "kubectl scale deploy web --replicas 0", "--dry-run=server", "@ --dry-run=server"),
    ("go", "kubectl rollout restart deploy web", "kubectl describe", "kubectl describe deploy web"),
    ("go", "helm upgrade web ./chart", "--dry-run=server", "@ --dry-run=server"),
    ("go", "flux suspend kustomization apps", "flux resume", "flux resume kustomization apps"),
    ("go", "flux create source git x --url=https://u.example.com", "flux create … --export", "@ --export"),
    ("go", "kubectl exec web -- rm -rf /x", "kubectl logs", "kubectl logs web"),
    ("go", "terraform apply", "terraform plan", "terraform plan"),
    ("go", "kubectl $VERB pod p", "kubectl --help", "kubectl --help"),
    ("go", "kubectl delete pod p", "kubectl describe", "kubectl describe pod p"),
    ("go", "gcloud compute instances delete x", "list", "gcloud compute instances list --project p"),
    (
        "go",
        "gcloud container clusters delete x",
        "describe",
        "gcloud container clusters describe x --project p",
    ),
    (
        GO_CLONE,
        "git push origin main",
        "git push -u origin HEAD:deploy/<what>",
        "git push -u origin HEAD:deploy/x",
    ),
    (
        GO_CLONE,
        "git push --force origin HEAD:main",
        "git push -u origin HEAD:deploy/<what>",
        "git push -u origin HEAD:deploy/x",
    ),
    (
        GO_CLONE,
        "git push origin :main",
        "git push -u origin HEAD:deploy/<what>",
        "git push -u origin HEAD:deploy/x",
    ),
    ("none", "kubectl delete pod p", "rwenv set <name>", "rwenv set ro"),
    ("rw", "kubectl --context ro-ctx delete pod p", "kubectl get", "kubectl --context ro-ctx get pods"),
    ("rw", "kubectl --context ro-ctx delete pod p", "--dry-run=server", "@ --dry-run=server"),
];

/// Two rwenvs that have a clone of their Flux repository.
fn home() -> Home {
    let home = Home::new();
    for (name, clone) in [("ro", RO_CLONE), ("go", GO_CLONE)] {
        home.write(&format!("{clone}/a.yaml"), "a: 1\n");
        home.git(clone, &["init", "-q"]);
        home.git(clone, &["add", "-A"]);
        home.git(clone, &["commit", "-qm", "all"]);
        home.git(clone, &["remote", "add", "origin", &format!("https://git.example.com/{name}/flux.git")]);
        home.git(clone, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    }
    home
}

/// What an answer says to do instead.
fn remedy(answer: &Answer) -> String {
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
    let asked = json["hookSpecificOutput"]["permissionDecisionReason"].as_str().unwrap_or_default();
    let text = format!("{}\n{asked}", answer.stderr);
    text.lines().filter_map(|line| line.trim().strip_prefix("instead: ")).collect::<Vec<_>>().join("\n")
}

/// True where a line has the words that are named, in their order; a placeholder is any word.
fn does(line: &str, named: &str) -> bool {
    let is_free = |word: &str| {
        word.contains('<')
            || word == "…"
            || (named.contains(' ') && word.chars().all(|c| c.is_ascii_uppercase()))
    };
    let mut words = line.split(|c: char| c.is_whitespace() || c == '\'');
    named.split_whitespace().filter(|word| !is_free(word)).all(|wanted| words.any(|word| word == wanted))
}

#[test]
fn what_a_denial_says_to_do_instead_can_be_done() {
    let home = home();
    let mut faults = String::new();
    let mut denied = 0;
    for (folder, line, named, then) in REMEDIES {
        let answer = home.hook(folder, line);
        let decision = answer.decision();
        let remedy = remedy(&answer);
        let then = then.replace('@', line);
        if decision == "allow" || !remedy.contains(named) || !does(&then, named) {
            faults.push_str(&format!(
                "{folder}: {line}: {decision}, {named:?} is not what is said: {remedy}\n"
            ));
        }
        denied += usize::from(decision == "deny");
        let tried = home.hook(folder, &then);
        if tried.decision() == "deny" {
            faults.push_str(&format!(
                "{folder}: {line}: says {named:?}, and {then:?} is denied: {}\n",
                tried.stderr
            ));
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(denied >= 40, "{denied} of these are denials");
}
