//! How argv is read: targets, verbs, what is handed on; the effects themselves are examples in the tables.

use super::*;
use crate::model::{Dir, Span};

fn invocation(line: &str) -> Invocation {
    let argv = line.split(' ').map(|w| if w == "?" { Word::unknown() } else { Word::literal(w) }).collect();
    Invocation {
        argv,
        cwd: vec![Dir::Known("/w".into())],
        span: Span { start: 0, end: line.len() },
        ..Invocation::default()
    }
}

fn one(line: &str) -> Operation {
    let mut found = classify(&invocation(line), tools()).operations;
    assert_eq!(found.len(), 1, "{line}");
    found.remove(0)
}

#[test]
fn kubectl_targets_are_read_wherever_they_stand() {
    for line in [
        "kubectl --context c --kubeconfig k -n n delete pod a b",
        "kubectl delete --context=c pod a b --kubeconfig=k --namespace n",
        "kubectl delete pod a --namespace=n b --context c --kubeconfig k",
        "/usr/bin/kubectl -nn --context c delete --kubeconfig k pod a b",
        "kubectl -v 5 --context wrong --context c delete -n=n pod a b --kubeconfig k",
    ] {
        let found = one(line);
        let cluster = &found.target.cluster;
        assert_eq!(cluster.context, Some(Word::literal("c")), "{line}");
        assert_eq!(cluster.kubeconfig, Some(Word::literal("k")), "{line}");
        assert_eq!(found.target.namespace.as_deref(), Some("n"), "{line}");
        assert_eq!(
            (found.target.kinds, found.target.names),
            (vec!["pod".into()], vec!["a".into(), "b".into()]),
            "{line}"
        );
    }
    let found = one("kubectl get deploy/a,svc/b");
    assert_eq!(found.target.kinds.first().map(String::as_str), Some("deploy"));
    let found = one("kubectl delete pods,svc -l a=b");
    assert_eq!(found.target.kinds, ["pods", "svc"]);
}

#[test]
fn a_context_in_the_environment_is_one() {
    let mut call = invocation("helm uninstall web");
    call.env.push(crate::model::Assigned { name: "HELM_KUBECONTEXT".into(), value: "c".into() });
    let found = classify(&call, tools()).operations.remove(0);
    assert_eq!(found.target.cluster.context, Some(Word::literal("c")));
    assert_eq!(found.target.names, ["web"]);
}

#[test]
fn an_unknown_word_never_lowers_an_effect() {
    for (line, hidden) in [
        ("kubectl apply -f x --dry-run=server", "kubectl apply -f x ?"),
        ("kubectl rollout status deploy/web", "kubectl rollout ? deploy/web"),
        ("kubectl set env deploy/web --list", "kubectl set env deploy/web ?"),
        ("helm upgrade web ./web --dry-run", "helm upgrade web ./web ?"),
        ("git push --dry-run origin main", "git push ? origin main"),
        ("kubectl get secret db", "kubectl get secret db ? ?"),
    ] {
        assert!(one(hidden).effect >= one(line).effect, "{hidden}");
    }
    assert_eq!(one("kubectl ? pod p").effect, Effect::Unknown);
    assert_eq!(one("kubectl -n ? delete pod p").effect, Effect::ClusterWrite);
}

#[test]
fn git_works_where_its_options_say() {
    for (line, dir) in [
        ("git -C /x push", "/x"),
        ("git -C sub push", "/w/sub"),
        ("git -C a -C b push", "/w/a/b"),
        ("git --git-dir /x/.git push", "/x"),
        ("git --git-dir=/x/.git --work-tree=/y push", "/y"),
        ("git --no-pager push", "/w"),
    ] {
        assert_eq!(one(line).target.repository.dirs, [Dir::Known(dir.into())], "{line}");
    }
}

#[test]
fn what_is_handed_on_is_handed_on() {
    let carried = |line: &str| classify(&invocation(line), tools()).carried;
    assert!(matches!(
        carried("sudo -u x kubectl get pods").as_slice(),
        [Carried::Invocation { remote: None, .. }]
    ));
    assert!(matches!(
        carried("ssh host kubectl get pods").as_slice(),
        [Carried::Shell { remote: Some(_), .. }]
    ));
    assert!(matches!(carried("bash -c ls").as_slice(), [Carried::Shell { remote: None, .. }]));
    assert!(matches!(carried("bash -c ?").as_slice(), [Carried::Opaque(_)]));
    assert!(carried("echo kubectl delete pod p").is_empty());
    assert!(carried("ls").is_empty());
}

proptest::proptest! {
    /// Any argv comes to something: no panic, no hang.
    #[test]
    fn any_argv_is_read(words in proptest::collection::vec("[ -~]{0,12}|kubectl|git|helm|flux|-[a-zA-Z]|--[a-z-]{1,12}(=[a-z]{0,4})?|push|delete|sudo|env|bash|-c", 1..9)) {
        let argv: Vec<Word> = words.iter().map(|w| Word::literal(w.as_str())).collect();
        let _ = classify(&Invocation { argv, cwd: vec![Dir::Known("/w".into())], ..Invocation::default() }, tools());
    }
}
