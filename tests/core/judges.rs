//! In whose name a line is judged, and what is said where nobody, nothing readable or no context is selected.

use rwenv_core::decide;
use rwenv_core::examples::alone;
use rwenv_core::model::{
    Bound, Context, Decision, Dir, Facts, Misspelt, Place, Rwenv, RwenvName, Rwenvs, Unselected, Verdict,
};

const HERE: &str = "/home/me/project";

/// Three rwenvs: one that is read-only, one that is changed through Git, and one that names no context.
fn rwenvs() -> Rwenvs {
    let rwenv = |name: &str| Rwenv::named(RwenvName::new(name).unwrap());
    let with = |name: &str| {
        let places = vec![Place { kubernetes_context: Some(name.to_owned()), ..Place::default() }];
        Rwenv { places, ..rwenv(name) }
    };
    Rwenvs {
        all: vec![
            Rwenv { read_only: true, ..with("ro") },
            Rwenv { git_ops_only: true, ..with("go") },
            with("rw"),
            rwenv("bare"),
        ],
        config_dir: "/home/me/.claude/rwenv".to_owned(),
        ..Rwenvs::default()
    }
}

fn selected(bound: Bound) -> Facts {
    Facts { bindings: vec![(Dir::Known(HERE.to_owned()), bound)], ..Facts::default() }
}

fn rwenv(name: &str) -> Facts {
    selected(Bound::Rwenv(name.to_owned()))
}

fn verdict(line: &str, facts: &Facts, rwenvs: &Rwenvs) -> Verdict {
    let context = Context {
        cwd: HERE.to_owned(),
        home: "/home/me".to_owned(),
        config_dir: "/home/me/.claude/rwenv".to_owned(),
        ..Context::default()
    };
    decide::conclude(&alone(decide::plan(line, &context)), facts, rwenvs)
}

/// The decision, and the rule that decides first.
fn said(line: &str, facts: &Facts, rwenvs: &Rwenvs) -> (Decision, String) {
    let verdict = verdict(line, facts, rwenvs);
    let rule = verdict.first().map(|reason| reason.rule.to_string());
    (verdict.decision(), rule.unwrap_or_default())
}

fn told(line: &str, facts: &Facts, rwenvs: &Rwenvs) -> String {
    let verdict = verdict(line, facts, rwenvs);
    verdict.first().map(|reason| format!("{} {}", reason.text, reason.instead)).unwrap_or_default()
}

#[test]
fn where_nothing_is_selected_one_may_look() {
    let (nothing, mut all) = (selected(Bound::None), rwenvs());
    assert_eq!(said("kubectl get pods", &nothing, &all).0, Decision::Allow);
    let secret = said("kubectl get secret db -o yaml", &nothing, &all);
    assert_eq!(secret, (Decision::Ask, "secrets.values".to_owned()));
    let none = (Decision::Deny, "rwenv.none-selected".to_owned());
    for change in
        ["kubectl delete pod web", "helm upgrade web .", "helmfile apply", "kubectl exec web -- rm x"]
    {
        assert_eq!(said(change, &nothing, &all), none, "{change}");
    }
    let list = told("kubectl delete pod web", &nothing, &all);
    assert!(list.contains("Configured: ro (read-only), go (gitops-only), rw, bare."), "{list}");
    all.unselected = Unselected::Deny;
    for read in ["kubectl get pods", "kubectl get secret db -o yaml"] {
        assert_eq!(said(read, &nothing, &all), none, "{read}");
    }
    all.all.clear();
    assert!(told("kubectl get pods", &nothing, &all).contains("rwenv add <name>"));
}

#[test]
fn what_stays_on_this_machine_is_the_selected_rwenvs_alone() {
    let (nothing, all) = (selected(Bound::None), rwenvs());
    // Nobody's secrets; but the guard is guarded everywhere.
    assert_eq!(said("cat /home/me/.kube/config", &nothing, &all).0, Decision::Allow);
    assert_eq!(said("cat /home/me/.kube/config", &rwenv("rw"), &all).0, Decision::Ask);
    assert!(said("rwenv edit ro --read-only=false", &nothing, &all).0 > Decision::Allow);
    assert!(said("rm -r /home/me/.claude/rwenv", &nothing, &all).0 > Decision::Allow);
    assert_eq!(said("rm -r build; touch x", &rwenv("ro"), &all).0, Decision::Allow);
    assert_eq!(said("kubectl config use-context x", &rwenv("rw"), &all).0, Decision::Allow);
}

#[test]
fn a_policy_that_cannot_be_read_is_told_with_each_change() {
    let facts =
        Facts { rules_unknown: Some("policies/own.toml:3:1: expected a value".to_owned()), ..rwenv("rw") };
    let all = rwenvs();
    assert_eq!(
        said("kubectl delete pod web", &facts, &all),
        (Decision::Allow, "policy.unreadable".to_owned())
    );
    assert_eq!(said("kubectl get pods", &facts, &all), (Decision::Allow, String::new()));
    let secret = said("kubectl get secret db -o yaml", &facts, &all);
    assert_eq!(secret, (Decision::Ask, "secrets.values".to_owned()));
    assert!(told("kubectl delete pod web", &facts, &all).contains("own.toml:3:1"));
}

#[test]
fn a_rwenv_without_a_context_says_what_is_missing() {
    let (mut facts, all) = (rwenv("bare"), rwenvs());
    assert_eq!(said("kubectl delete pod web", &facts, &all).0, Decision::Deny);
    assert_eq!(said("kubectl get pods", &facts, &all).0, Decision::Ask);
    let change = told("kubectl delete pod web", &facts, &all);
    assert!(change.contains("which cluster kubectl delete would change."), "{change}");
    assert!(!change.contains("The kubeconfig has"), "{change}");
    let read = told("kubectl get pods", &facts, &all);
    assert!(read.contains("which cluster kubectl get would look at."), "{read}");
    facts.contexts = vec!["dev".to_owned(), "prod".to_owned()];
    let change = told("kubectl delete pod web", &facts, &all);
    assert!(change.contains("The kubeconfig has: dev, prod."), "{change}");
    let mut misspelt = all.clone();
    for rwenv in &mut misspelt.all {
        rwenv.misspelt = [("readOnyl", "readOnly"), ("kubernetsContext", "kubernetesContext")]
            .map(|(name, meant)| Misspelt { name: name.to_owned(), line: 3, meant })
            .to_vec();
    }
    let change = told("kubectl delete pod web", &facts, &misspelt);
    assert!(change.contains("envs.json says \"kubernetsContext\" there."), "{change}");
    // Of a program that may go somewhere else nobody is sure.
    assert!(said("k9s --command pods", &facts, &all).0 < Decision::Deny);
}

#[test]
fn what_is_not_known_is_as_strict_as_what_can_be_reached() {
    let all = rwenvs();
    let invalid = selected(Bound::Invalid("its selection cannot be read".to_owned()));
    let program = "$(pick) delete pod web";
    assert_eq!(said(program, &rwenv("ro"), &all).0, Decision::Deny);
    assert_eq!(said(program, &invalid, &all).0, Decision::Deny);
    assert_eq!(said(program, &rwenv("rw"), &all).0, Decision::Ask);
    assert_eq!(said(program, &selected(Bound::None), &all).0, Decision::Allow);
    // A guess is asked about only where something is guarded.
    let guess = "acme-runner 'kubectl delete pod web'";
    assert_eq!(said(guess, &rwenv("go"), &all).0, Decision::Ask);
    assert_eq!(said(guess, &rwenv("rw"), &all).0, Decision::Allow);
}

#[test]
fn text_that_is_no_bash_is_asked_about_and_denied_where_it_names_a_tool() {
    let all = rwenvs();
    for (line, read_only, writable) in [
        ("echo (", Decision::Ask, Decision::Allow),
        ("kubectl get pods (", Decision::Deny, Decision::Ask),
        ("eval x (", Decision::Deny, Decision::Allow),
        ("ls | base64 -d (", Decision::Deny, Decision::Allow),
    ] {
        assert_eq!(said(line, &rwenv("ro"), &all).0, read_only, "{line}");
        assert_eq!(said(line, &rwenv("rw"), &all).0, writable, "{line}");
    }
}

#[test]
fn a_part_that_is_shown_is_cut_at_its_end() {
    let long = format!("kubectl delete pod {}", "x".repeat(400));
    let verdict = verdict(&format!("echo a; {long}; echo b"), &rwenv("ro"), &rwenvs());
    let part = verdict.first().unwrap().part.clone();
    assert!(part.starts_with("kubectl delete pod xxx") && part.ends_with('…'), "{part}");
    let verdict = self::verdict("echo a; kubectl delete pod web; echo b", &rwenv("ro"), &rwenvs());
    assert_eq!(verdict.first().unwrap().part, "kubectl delete pod web");
}

#[test]
fn history_is_rewritten_by_force_as_well_as_by_deletion() {
    let flux = "~/.claude/rwenv/flux-repos/rw/flux";
    let mut all = rwenvs();
    for rwenv in all.all.iter_mut().filter(|rwenv| rwenv.name.to_string() == "rw") {
        rwenv.flux_git_repo = Some("https://git.example.com/o/flux.git".to_owned());
    }
    let rewrites = |push: &str| {
        let verdict = verdict(&format!("git -C {flux} {push}"), &rwenv("rw"), &all);
        verdict.reasons().iter().any(|reason| reason.rule == "branches.flux-history")
    };
    for push in ["push --force origin HEAD:main", "push origin :main", "push origin +HEAD:main"] {
        assert!(rewrites(push), "{push}");
    }
    assert!(!rewrites("push origin HEAD:main"), "a push that adds to a branch keeps its history");
}
