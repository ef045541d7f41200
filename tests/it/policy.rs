//! Policies of people's own: checked before they count, only ever tightening, and the last good ones where a file is broken.

use crate::support::Home;

pub(crate) const OWN: &str = r#"about = "Another team's namespaces."
[[rule]]
id = "own.payments"
decision = "deny"
when = { effects = ["cluster-write"], namespaces = ["payments*"] }
reason = "{target} of {subject} is the payments team's."
instead = "Ask them."
[[rule.example]]
command = "kubectl -n payments scale deploy web --replicas 2"
matches = true
rwenv = "writable"
[[rule.example]]
command = "kubectl -n shop scale deploy web --replicas 2"
matches = false
rwenv = "writable"
"#;

fn own(home: &Home, text: &str) {
    home.write(".claude/rwenv/policies/own.toml", text);
    home.mode(".claude/rwenv/policies", 0o700);
}

#[test]
fn a_policy_of_ones_own_counts_at_once_and_so_does_its_change() {
    let home = Home::new();
    let line = "kubectl -n payments delete pod p";
    assert_eq!(home.hook("rw", line).decision(), "allow");
    own(&home, OWN);
    let answer = home.hook("rw", line);
    assert_eq!(answer.decision(), "deny");
    assert!(
        answer
            .stderr
            .contains("pod/p in namespace payments of rwenv 'rw' is the payments team's. [own.payments]"),
        "{}",
        answer.stderr
    );
    assert_eq!(home.hook("rw", "kubectl -n shop delete pod p").decision(), "allow");
    own(&home, &OWN.replace("decision = \"deny\"", "decision = \"ask\""));
    assert_eq!(home.hook("rw", line).decision(), "ask");
    std::fs::remove_file(home.path(".claude/rwenv/policies/own.toml")).unwrap();
    assert_eq!(home.hook("rw", line).decision(), "allow");
}

#[test]
fn a_rule_for_rwenvs_of_some_names_has_examples_in_them() {
    let home = Home::new();
    let envs = home.read(".claude/rwenv/envs.json").replace("\"rw\": {", "\"rw-eu\": {");
    home.write(".claude/rwenv/envs.json", &envs);
    home.write("rw/.claude/rwenv", "rw-eu\n");
    let named = OWN
        .replace("when = { ", "when = { rwenvs = [\"rw-*\"], ")
        .replace("rwenv = \"writable\"", "rwenv = \"writable\"\nname = \"rw-us\"");
    own(&home, &named);
    let lint = home.rwenv("rw", &["policy", "lint"]);
    assert_eq!(lint.code, 0, "{}{}", lint.stdout, lint.stderr);
    let line = "kubectl -n payments delete pod p";
    assert_eq!(home.hook("rw", line).decision(), "deny");
    own(&home, &named.replace("rw-us", "other"));
    assert_eq!(home.rwenv("rw", &["policy", "lint"]).code, 1, "the example is in no rwenv of such a name");
}

#[test]
fn a_project_s_policy_counts_there_and_an_optional_one_where_it_is_named() {
    let home = Home::new();
    home.write("rw/.claude/rwenv-policies/own.toml", OWN);
    home.mode("rw/.claude/rwenv-policies", 0o700);
    let line = "kubectl -n payments delete pod p";
    std::fs::create_dir_all(home.path("rw/src")).unwrap();
    assert_eq!(home.hook("rw/src", line).decision(), "deny");
    let elsewhere = format!("kubectl --context rw-ctx {}", line.trim_start_matches("kubectl "));
    assert_eq!(home.hook("none", &elsewhere).decision(), "allow");
    std::fs::remove_file(home.path("rw/.claude/rwenv-policies/own.toml")).unwrap();
    own(&home, &OWN.replace("[[rule]]", "optional = true\n[[rule]]"));
    assert_eq!(home.hook("rw", line).decision(), "allow");
    let envs =
        home.read(".claude/rwenv/envs.json").replace("\"rw-ctx\"", "\"rw-ctx\", \"policies\": [\"own\"]");
    home.write(".claude/rwenv/envs.json", &envs);
    assert_eq!(home.hook("rw", line).decision(), "deny");
}

#[test]
fn a_broken_policy_is_named_and_its_last_good_form_counts_on() {
    let home = Home::new();
    own(&home, "about = \"x\"\n[[rule]]\nid = \n");
    let answer = home.hook("rw", "kubectl -n shop delete pod p");
    assert_eq!(answer.decision(), "allow", "it costs the policy, and no change");
    assert!(
        answer.stdout.contains("cannot be read") && answer.stdout.contains("own.toml:3:6: "),
        "{}",
        answer.stdout
    );
    assert_eq!(home.hook("ro", "kubectl -n shop delete pod p").decision(), "deny");
    assert_eq!(home.hook("rw", "kubectl get pods").stdout, "");
    own(&home, OWN);
    assert_eq!(home.hook("rw", "kubectl -n payments delete pod p").decision(), "deny");
    own(&home, "about = 7");
    assert_eq!(home.hook("rw", "kubectl -n payments delete pod p").decision(), "deny", "as it was before");
    assert_eq!(home.hook("rw", "kubectl -n shop delete pod p").decision(), "allow");
    // Nobody would know otherwise.
    let told = |words: &[&str]| home.rwenv("rw", words);
    for words in [&["check", "--", "kubectl", "get", "pods"][..], &["policy", "list"]] {
        let said = told(words).stderr;
        assert!(said.contains("own.toml:1:") && said.contains("rwenv policy lint"), "{words:?}: {said}");
    }
    let doctor = told(&["doctor", "--offline"]).stdout;
    assert!(doctor.contains("counts as it was before"), "{doctor}");
    own(&home, OWN);
    assert_eq!(told(&["check", "--", "kubectl", "get", "pods"]).stderr, "");
    home.mode(".claude/rwenv/policies/own.toml", 0o666);
    let lint = home.rwenv("rw", &["policy", "lint"]);
    assert_eq!(lint.code, 1);
    assert!(lint.stdout.contains("own.toml:1:1: ") && lint.stdout.contains("others"), "{}", lint.stdout);
}

#[test]
fn lint_shows_where_and_what_to_do() {
    let home = Home::new();
    for (written, wrong, said) in [
        ("cluster-write", "cluster-wrote", "own.toml:5:20: 'cluster-wrote' is not one of: read, "),
        ("cluster-write", "cluster-wrote", "; did you mean 'cluster-write'?"),
        ("namespaces = [", "traits = [\"tag\", \"webhok\"], namespaces = [", "did you mean 'webhook'?"),
        ("namespaces = [", "namespace = [", "did you mean 'namespaces'?"),
        ("namespaces = [", "verbs = [\"rollot\"], namespaces = [", "did you mean 'rollout'?"),
        ("\"deny\"", "\"dney\"", "'dney' is not one of: allow, ask, deny; did you mean 'deny'?"),
    ] {
        own(&home, &OWN.replacen(written, wrong, 1));
        let lint = home.rwenv("rw", &["policy", "lint"]);
        assert_eq!(lint.code, 1);
        assert!(lint.stdout.contains(said), "{said}: {}", lint.stdout);
    }
    let wrong = OWN
        .replace("own.payments", "mine.payments")
        .replace("decision = \"deny\"", "decision = \"deny\"\nfloor = false")
        .replace("instead = \"Ask them.\"\n", "");
    own(&home, &wrong);
    let lint = home.rwenv("rw", &["policy", "lint"]);
    assert_eq!(lint.code, 1);
    for said in [
        "own.toml:3:6: ",
        "'own.'",
        "does not say what to do instead",
        "help:",
        "1 file, 0 rules, 2 problems",
    ] {
        assert!(lint.stdout.contains(said), "{said}: {}", lint.stdout);
    }
    let json = home.rwenv("rw", &["policy", "lint", "--json"]);
    let all: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(all[1]["line"], 3, "{all}");
    own(&home, &OWN.replace("-n shop", "-n payments"));
    let lint = home.rwenv("rw", &["policy", "lint"]);
    assert!(lint.stdout.contains("this example does not hold"), "{}", lint.stdout);
    assert_eq!(home.rwenv("rw", &["policy", "lint", "missing.toml"]).code, 1);
}

#[test]
fn a_new_policy_is_one_that_holds() {
    let home = Home::new();
    let new = home.rwenv("rw", &["policy", "new", "payments"]);
    assert_eq!(new.code, 0, "{}", new.stderr);
    let lint = home.rwenv("rw", &["policy", "lint"]);
    assert_eq!(lint.code, 0, "{}", lint.stdout);
    let list = home.rwenv("rw", &["policy", "list"]);
    assert!(list.stdout.contains("payments.other-team"), "{}", list.stdout);
    assert!(
        home.rwenv("rw", &["policy", "show", "payments.other-team"]).stdout.contains("namespace payments*")
    );
    assert_eq!(home.rwenv("rw", &["policy", "test"]).code, 0);
    assert_eq!(home.hook("rw", "kubectl -n payments-eu delete pod p").decision(), "ask");
    assert_eq!(home.rwenv("rw", &["policy", "new", "payments"]).code, 1, "it is there already");
    assert_eq!(home.rwenv("rw", &["policy", "new", "../x"]).code, 1);
}
