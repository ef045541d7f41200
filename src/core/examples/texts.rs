//! What rules say, word for word.

use super::judged;

/// The texts of a verdict: reasons and what to do instead.
fn said(command: &str, selected: &str) -> String {
    let verdict = judged(command, selected).unwrap();
    verdict.reasons().iter().map(|r| format!("{} {}\n", r.text, r.instead)).collect()
}

#[test]
fn places_in_the_texts_of_rules_are_filled_in() {
    let cases = [
        ("kubectl scale deploy web --replicas 0", "read-only", "kubectl scale would change deploy/web."),
        ("kubectl -n shop delete pods -l a=b", "read-only", "would change pods in namespace shop."),
        ("kubectl apply -f x.yaml", "read-only", "would change its objects."),
        ("helm uninstall web", "read-only", "would change release web."),
        ("flux suspend kustomization apps", "gitops-only", "to kustomization apps of rwenv 'go'"),
        (
            "kubectl delete pod p",
            "read-only",
            "tell a person what to change in https://git.example.com/ro/flux.git.",
        ),
        ("rm -rf ~/.claude/rwenv", "writable", "/home/me/.claude/rwenv belongs to the guard."),
        ("docker push registry.example.com/web", "read-only", "rwenv 'ro' is read-only, and a pushed image"),
        ("git push origin HEAD:main", "writable", "This pushes to main of this project"),
        (
            "git push origin HEAD:main",
            "manual",
            "have a person run: git -C /home/me/project push origin HEAD:main",
        ),
        ("git push origin HEAD:main HEAD:master", "writable", "This pushes to main, master of this project"),
        ("git push origin \"HEAD:$X\"", "writable", "This pushes to an unknown branch of this project"),
        ("helm nonsense", "gitops-only", "what this helm call does ('nonsense' is not a known helm command"),
        ("terraform apply tf.plan", "gitops-only", "that Git does not have (it is in no commit)."),
        ("kubectl exec web-0 -- rm x", "read-only", "rwenv 'ro' is read-only: this would run a command"),
    ];
    for (command, selected, wanted) in cases {
        let found = said(command, selected);
        assert!(found.contains(wanted), "{command}:\n{found}does not say: {wanted}");
        assert!(!found.contains(['{', '}']), "{command}: {found}");
    }
}

/// A floor says nothing where a rule of the same weight has said it better.
#[test]
fn a_floor_is_silent_beside_a_rule_that_decides_the_same() {
    let rules = |command: &str| -> Vec<String> {
        let verdict = judged(command, "read-only").unwrap();
        verdict.reasons().iter().map(|r| r.rule.to_string()).collect()
    };
    assert_eq!(rules("kubectl delete pod p"), ["read-only.cluster-write"]);
    assert_eq!(rules("argocd app delete web"), ["read-only.services"]);
}
