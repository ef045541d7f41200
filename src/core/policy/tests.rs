//! In whose name is judged, and what is wrong with a policy of the user's.

use super::layer::{Checked, PolicyProblem, check, load};
use super::{ROOM, RULES, Subject, evaluate, fill, impact, mismatch, some_of, target, touches};
use crate::model::{
    Autonomy, Effect, Invocation, Operation, Reach, RefUpdate, Refs, Rule, Rwenv, RwenvName, Word,
};
use crate::table::PolicyFile;

#[test]
fn who_stands_in_for_a_rwenv_has_its_name_and_mode() {
    let known = Subject::read_only("prod");
    assert_eq!((known.name.as_str(), known.title.as_str(), known.read_only), ("prod", "rwenv 'prod'", true));
    let nobody = Subject::nobody();
    assert_eq!(
        (nobody.name.as_str(), nobody.title.as_str(), nobody.read_only),
        ("", "this directory", false)
    );
}

#[test]
fn a_folder_of_infrastructure_has_the_level_that_is_given_to_it() {
    let mut rwenv = Rwenv::named(RwenvName::new("dev").unwrap());
    rwenv.terraform_paths = vec![
        ("lab/".to_owned(), Autonomy::Standard),
        ("./net".to_owned(), Autonomy::Manual),
        ("dns".to_owned(), Autonomy::Prompted),
    ];
    let subject = Subject::of(&rwenv);
    let is = |class: &str, path: &str| subject.is_of(class, path, &[]);
    assert!(is("infrastructure", "net/a.hcl") && !is("prompted", "net/a.hcl"));
    assert!(!is("infrastructure", "dns/main.tf") && is("prompted", "dns/main.tf"));
    assert!(!is("infrastructure", "lab/main.tf") && !is("prompted", "lab/main.tf"));
    assert!(is("infrastructure", "other/main.tf") && !is("infrastructure", "nets/a.hcl"));
}

#[test]
fn a_ref_is_protected_or_followed_by_its_branch_and_where_it_is_not_known() {
    let mut rwenv = Rwenv::named(RwenvName::new("dev").unwrap());
    rwenv.flux_branch = Some("live".to_owned());
    let subject = Subject::of(&rwenv);
    let to =
        |name: Option<&str>| RefUpdate { destination: name.map(str::to_owned), force: false, delete: false };
    for (name, protected, followed) in [
        (Some("main"), true, false),
        (Some("refs/heads/live"), true, true),
        (Some("feature"), false, false),
        (Some("refs/tags/main"), false, false),
        (None, true, true),
    ] {
        let update = to(name);
        assert_eq!((subject.protects(&update), subject.follows(&update)), (protected, followed), "{name:?}");
    }
}

fn policy(rules: &str) -> Result<Checked, Vec<PolicyProblem>> {
    let file: PolicyFile = toml::from_str(&format!("about = \"x\"\n{rules}")).unwrap();
    check(&file, "own", "/p/own.toml", &["read-only.exec".to_owned()])
}

/// A rule of this id and decision; `when` and `examples` as they are written.
fn rule(id: &str, decision: &str, when: &str, instead: &str, examples: &[bool]) -> String {
    let examples: String = (examples.iter())
        .map(|matches| format!("[[rule.example]]\ncommand = \"kubectl get pods\"\nmatches = {matches}\n"))
        .collect();
    format!(
        "[[rule]]\nid = \"{id}\"\ndecision = \"{decision}\"\nwhen = {{ {when} }}\nreason = \"No.\"\ninstead = \"{instead}\"\n{examples}"
    )
}

#[test]
fn what_is_wrong_with_a_policy_is_said_once_each() {
    let good = rule(
        "own.a",
        "deny",
        "tools = [\"kubectl\"], verbs = [\"delete\", \"rollout\"]",
        "Ask.",
        &[true, false],
    );
    let checked = policy(&good).unwrap();
    assert!(checked.name == "own" && checked.path == "/p/own.toml" && !checked.optional);
    assert!(checked.rules.iter().all(|rule| rule.examples.0.is_empty()));
    let both = [true, false];
    let cases = [
        (
            rule("other.a", "deny", "tools = [\"kubectl\"]", "Ask.", &both),
            "does not start with its policy's name, 'own.'",
        ),
        (format!("{good}{good}"), "duplicate rule id"),
        (rule("own.a", "deny", "", "  ", &both), "does not say what to do instead"),
        (rule("own.a", "allow", "", "Ask.", &both), "cannot allow what another forbids"),
        (rule("own.a", "ask", "", "Ask.", &[false]), "no example that matches"),
        (rule("own.a", "ask", "", "Ask.", &[true]), "no example that does not match"),
        (
            rule("own.a", "ask", "tools = [\"kubectx\", \"kubectll\"]", "Ask.", &both),
            "known words; did you mean 'kubectl'?",
        ),
        (
            rule("own.a", "ask", "tools = [\"kubectl\"], verbs = [\"delet\"]", "Ask.", &both),
            "'delet' is not a verb of this rule's tools; did you mean 'delete'?",
        ),
        (rule("own.a", "ask", "", "Ask {note} of {targt}.", &both), "'targt' is not one of: subject, "),
        (rule("own.a", "ask", "verbs = [\"reconcil\"]", "Ask.", &both), "did you mean 'reconcile'?"),
    ];
    for (rules, wanted) in cases {
        let wrong = policy(&rules).unwrap_err();
        let [only] = wrong.as_slice() else { panic!("{rules}: {wrong:?}") };
        assert!(only.what.contains(wanted) && !only.help.is_empty(), "{rules}: {only:?}");
    }
    // A verb of another tool's, of a plugin, or of a group is none that is misspelt.
    for verbs in ["frobnicate", "rollout restart", "get"] {
        let when = format!("tools = [\"kubectl\"], verbs = [\"{verbs}\"]");
        assert!(policy(&rule("own.a", "ask", &when, "Ask.", &both)).is_ok(), "{verbs}");
    }
    let taken = rule("read-only.exec", "deny", "", "Ask.", &both);
    assert!(policy(&taken).unwrap_err().iter().any(|problem| problem.what == "duplicate rule id"));
}

#[test]
fn an_optional_policy_counts_for_those_who_name_it_and_brings_its_classes() {
    let text = format!(
        "optional = true\n[[class]]\nname = \"money\"\npatterns = [\"pay/*\"]\n{}",
        rule("own.a", "deny", "", "Ask.", &[true, false])
    );
    let optional = policy(&text).unwrap();
    let always = policy(&rule("own.b", "deny", "", "Ask.", &[true, false])).unwrap();
    let rules = load(&[optional, always]);
    let [first, second] = rules.as_slice() else { panic!("{}", rules.len()) };
    assert_eq!(first.only.as_deref(), Some("own"));
    assert!(second.only.is_none() && second.classes.iter().next().is_none());
    assert_eq!(first.classes.iter().map(|class| class.name.to_string()).collect::<Vec<_>>(), ["money"]);
}

#[test]
fn a_list_shows_its_first_few_and_how_many_more_there_are() {
    let list = |names: &[&str]| some_of(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(list(&[]), "");
    assert_eq!(list(&["a", "b", "c"]), "a, b, c");
    assert_eq!(list(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    // A name with its comma takes 2 characters more than it has; the first one is shown however long it is.
    let (long, fits) = ("x".repeat(ROOM), "y".repeat(ROOM - 4));
    assert_eq!(list(&[&long, "b"]), format!("{long} and 1 more"));
    assert_eq!(list(&[&fits, "b"]), format!("{fits} and 1 more"));
    let shorter = "y".repeat(ROOM - 6);
    assert_eq!(list(&[&shorter, "b"]), format!("{shorter}, b"));
    assert_eq!(list(&[&shorter, "b", "c"]), format!("{shorter}, b and 1 more"));
}

fn operation(tool: &'static str, verb: &str, effect: Effect) -> Operation {
    let by = Invocation { argv: vec![Word::literal(tool)], ..Invocation::default() };
    Operation::new(&by, tool, verb, effect, Reach::Cluster)
}

fn subject() -> Subject {
    Subject::of(&Rwenv::named(RwenvName::new("dev").unwrap()))
}

/// The rules of a policy of one's own, as they count.
fn rules(text: &str) -> Vec<Rule> {
    policy(text).unwrap_or_else(|problems| panic!("{problems:?}")).rules
}

#[test]
fn a_floor_speaks_where_no_other_rule_is_as_strict_and_an_option_where_it_is_chosen() {
    let both = [true, false];
    let of = |id: &str, decision: &str| {
        rules(&rule(id, decision, "tools = [\"kubectl\"]", "Ask.", &both)).remove(0)
    };
    let floor = |decision: &str| Rule { floor: true, ..of("own.floor", decision) };
    let operation = operation("kubectl", "delete", Effect::ClusterWrite);
    let said = |rules: &[Rule], subject: &Subject| -> Vec<String> {
        evaluate(&operation, None, subject, rules).iter().map(|reason| reason.rule.to_string()).collect()
    };
    for (foreseen, floor_says, speaks) in
        [("ask", "deny", true), ("deny", "deny", false), ("deny", "ask", false)]
    {
        let all = [of("own.a", foreseen), floor(floor_says)];
        let spoke = said(&all, &subject()).contains(&"own.floor".to_owned());
        assert_eq!(spoke, speaks, "{foreseen}, {floor_says}");
    }
    assert_eq!(said(&[floor("ask")], &subject()), ["own.floor"]);
    let option = [Rule { only: Some("extra".into()), ..of("own.a", "ask") }];
    let chosen = Subject { policies: vec!["other".to_owned(), "extra".to_owned()], ..subject() };
    let not_chosen = Subject { policies: vec!["other".to_owned()], ..subject() };
    assert_eq!((said(&option, &chosen).len(), said(&option, &not_chosen).len()), (1, 0));
}

#[test]
fn a_rule_for_namespaces_counts_in_these_only() {
    let when = "effects = [\"cluster-write\"], namespaces = [\"shop*\"]";
    let rules = rules(&rule("own.shop", "deny", when, "Ask.", &[true, false]));
    let mut operation = operation("kubectl", "delete", Effect::ClusterWrite);
    let unmet = |operation: &Operation| mismatch(&rules[0], operation, None, &subject());
    assert_eq!(unmet(&operation), Some("namespaces"), "none is named");
    operation.target.namespace = Some("shop-eu".to_owned());
    assert_eq!(unmet(&operation), None);
    operation.target.namespace = Some("web".to_owned());
    assert_eq!(unmet(&operation), Some("namespaces"));
}

#[test]
fn a_tag_or_a_protected_branch_is_rewritten_where_it_is_moved_or_taken_away() {
    let mut operation = operation("git", "push", Effect::GitPublish);
    let mut rewritten = |destination: &str, force, delete| {
        let destination = Some(destination.to_owned());
        operation.target.repository.updates = vec![RefUpdate { destination, force, delete }];
        touches(Refs::Rewritten, &operation, &subject())
    };
    for name in ["refs/tags/v1", "refs/heads/main", "refs/heads/production"] {
        assert!(
            !rewritten(name, false, false) && rewritten(name, true, false) && rewritten(name, false, true)
        );
    }
    assert!(!rewritten("refs/heads/feature", true, false));
}

#[test]
fn a_message_names_the_command_that_lists_what_goes() {
    let mut push = operation("git", "push", Effect::GitPublish);
    let mut told = |tip: &str| {
        push.target.repository.tips = vec![tip.to_owned()];
        impact(&push)
    };
    assert_eq!(told("pull/12"), "rwenv impact --pr 12");
    assert_eq!(told("refs/remotes/origin/web"), "rwenv impact --range origin/main..origin/web");
    assert_eq!(told("HEAD"), "rwenv impact --range origin/main..HEAD");
}

#[test]
fn what_a_message_says_of_an_object_and_of_files() {
    let mut flux = operation("flux", "suspend kustomization", Effect::ClusterWrite);
    flux.target.names = vec!["apps".to_owned()];
    assert_eq!(target(&flux), "kustomization apps");
    let mut other = operation("velero", "backup delete", Effect::ClusterWrite);
    other.target.names = vec!["daily".to_owned()];
    assert_eq!(target(&other), "its objects");
    let mut push = operation("git", "push", Effect::GitPublish);
    let rules = RULES.iter().find(|rule| !rule.when.paths.is_empty()).unwrap();
    let told = |push: &Operation| fill("{paths}", rules, push, &subject());
    push.target.repository.changed = (0..3).map(|n| format!("terraform/{n}.tf")).collect();
    let three = told(&push);
    push.target.repository.changed.push("terraform/3.tf".to_owned());
    let four = told(&push);
    assert!(!three.contains("more") && four.ends_with(" and 1 more"), "{three} | {four}");
}
