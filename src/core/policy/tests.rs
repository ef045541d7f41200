//! In whose name is judged, and what is wrong with a policy of the user's.

use super::Subject;
use super::layer::{Checked, PolicyProblem, check, load};
use crate::model::{Autonomy, RefUpdate, Rwenv, RwenvName};
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
        (rule("own.a", "ask", "tools = [\"kubectx\", \"kubectll\"]", "Ask.", &both), "'kubectll'"),
        (
            rule("own.a", "ask", "tools = [\"kubectl\"], verbs = [\"delet\"]", "Ask.", &both),
            "'delet' is no verb of the tools of this rule; did you mean 'delete'?",
        ),
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
