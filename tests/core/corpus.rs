//! Command lines as data, judged with frozen facts; and properties that hold for all of them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rwenv_core::decide;
use rwenv_core::examples::judged;
use rwenv_core::model::{Context, Decision};

use crate::lines::{all_lines, load};

fn decision(line: &str, rwenv: &str) -> Decision {
    judged(line, rwenv).unwrap().decision()
}

/// Judges every line of a file; says how many there were.
fn run(name: &str) -> usize {
    let mut wrong = Vec::new();
    let mut ran = 0;
    for group in load(name) {
        assert!(group.files.is_empty(), "{}: there is no disk here", group.about);
        let mut rules = BTreeSet::new();
        for line in &group.lines {
            ran += 1;
            let verdict = judged(line, &group.rwenv).unwrap();
            let got = verdict.decision();
            rules.extend(verdict.first().filter(|_| got > Decision::Allow).map(|r| r.rule.to_string()));
            let right = match group.want.as_str() {
                "stop" => got > Decision::Allow,
                want => got.as_str() == want,
            };
            if !right {
                let rule = verdict.first().map(|r| r.rule.as_str()).unwrap_or_default();
                wrong.push(format!(
                    "{} ({}): want {}, got {} {rule}\n    {line}",
                    group.about,
                    group.rwenv,
                    group.want,
                    got.as_str()
                ));
            }
        }
        if !rules.iter().eq(&group.rules) {
            wrong.push(format!(
                "{} ({}): the rules that decide have changed. Was: rules = {:?}. If this is right, write:\n    rules = {:?}",
                group.about,
                group.rwenv,
                group.rules,
                rules.iter().collect::<Vec<_>>()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {ran} lines of {name}:\n{}", wrong.len(), wrong.join("\n"));
    ran
}

#[test]
fn what_has_to_be_stopped_is_stopped() {
    assert!(run("bypass.toml") >= 400);
}

#[test]
fn what_is_harmless_passes_in_silence() {
    assert!(run("benign.toml") >= 200);
}

#[test]
fn what_is_on_the_edge_is_judged_for_the_right_reason() {
    assert!(run("edge.toml") >= 20);
}

/// Lines of one simple command, which can stand anywhere.
fn simple_lines() -> Vec<(String, String)> {
    let plain =
        |l: &str| l.chars().all(|c| c.is_ascii_alphanumeric() || " -_./=:,".contains(c)) && !l.contains("  ");
    let starts = |l: &str| ["kubectl ", "helm ", "flux ", "git "].iter().any(|t| l.starts_with(t));
    all_lines().into_iter().filter(|(l, _)| plain(l) && starts(l)).collect()
}

#[test]
fn a_wrapper_never_weakens_a_verdict() {
    let lines = simple_lines();
    assert!(lines.len() > 150);
    for (line, rwenv) in lines {
        let bare = decision(&line, &rwenv);
        for wrapped in [
            format!("sudo {line}"),
            format!("env A=1 {line}"),
            format!("timeout -k 5 30 {line}"),
            format!("nice -n 5 nohup {line}"),
            format!("command {line}"),
            format!("bash -c '{line}'"),
            format!("eval '{line}'"),
            format!("( {line} )"),
            format!("{{ {line}; }} 2>&1 | tail -5"),
            format!("if true; then {line}; fi"),
            format!("for i in 1 2; do {line}; done"),
            format!("f() {{ {line}; }}; f"),
            format!("x=\"$({line})\""),
            format!("A=1 {line} > /tmp/out < /dev/null"),
            format!("ls; {line} || true"),
        ] {
            assert!(
                decision(&wrapped, &rwenv) >= bare,
                "{wrapped} is judged more mildly than {line} ({rwenv})"
            );
        }
    }
}

#[test]
fn more_that_is_unknown_never_weakens_a_verdict() {
    for (line, rwenv) in simple_lines() {
        // Outside read-only rwenvs what is not known asks.
        let most = if rwenv == "gitops-only" { Decision::Ask } else { Decision::Deny };
        let bare = decision(&line, &rwenv).min(most);
        let words: Vec<&str> = line.split(' ').collect();
        for at in 1..words.len() {
            // What is said about a help text or a dry run rests on the word that is taken away here.
            let hidden: Vec<&str> =
                words.iter().enumerate().map(|(i, w)| if i == at { "\"$X\"" } else { w }).collect();
            let line_hidden = hidden.join(" ");
            let names_target =
                words.get(at - 1).is_some_and(|w| w.starts_with("--") || *w == "-C" || *w == "-c");
            if !names_target && !words[at].starts_with('-') {
                assert!(
                    decision(&line_hidden, &rwenv) >= bare,
                    "{line_hidden} is judged more mildly than {line} ({rwenv})"
                );
            }
        }
    }
}

/// The hook reads no configuration where nothing has to be known of it: then nothing may depend on it.
#[test]
fn a_line_that_asks_nothing_is_allowed_whatever_is_configured() {
    let context = Context {
        cwd: "/home/me/project".to_owned(),
        home: "/home/me".to_owned(),
        config_dir: "/home/me/.claude/rwenv".to_owned(),
        ..Context::default()
    };
    let mut without = 0;
    for (line, _) in all_lines() {
        if decide::plan(&line, &context).questions.is_empty() {
            without += 1;
            assert_eq!(decision(&line, "read-only"), Decision::Allow, "{line}");
        }
    }
    assert!(without > 50, "{without}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// A line of two is judged as the stricter of the two.
    #[test]
    fn a_list_is_judged_by_its_strictest_part(a in 0..1000usize, b in 0..1000usize, operator in "; |&& |\n") {
        let lines = simple_lines();
        let pick = |i: usize| lines.iter().filter(|(_, r)| r == "read-only").map(|(l, _)| l).cycle().nth(i).unwrap();
        let (a, b) = (pick(a), pick(b));
        let both = decision(&format!("{a}{operator}{b}"), "read-only");
        let parts = decision(a, "read-only").max(decision(b, "read-only"));
        // What stands behind a checkout, or a remote that was made, may be judged more strictly than alone.
        if a.starts_with("git") {
            prop_assert!(both >= parts, "{a}{operator}{b}");
        } else {
            prop_assert_eq!(both, parts, "{}{}{}", a, operator, b);
        }
    }

    /// Any text is analysed to its end: no panic, no hang.
    #[test]
    fn any_text_is_analysed(text in "[ -~\n]{0,120}") {
        let context = Context { cwd: "/w".to_owned(), home: "/home/me".to_owned(), ..Context::default() };
        let _ = decide::plan(&text, &context);
    }

    #[test]
    fn any_shell_like_text_is_analysed(parts in proptest::collection::vec(
        prop_oneof![
            Just("kubectl "), Just("delete "), Just("$("), Just(")"), Just("`"), Just("\""), Just("'"), Just("$'"), Just("\\"),
            Just("${x"), Just("}"), Just(":-"), Just("#"), Just("<<EOF\n"), Just("EOF\n"), Just("\n"), Just("; "), Just("&& "),
            Just("| "), Just("(( "), Just("))"), Just("[[ "), Just("]] "), Just("if "), Just("then "), Just("fi "), Just("for x in "),
            Just("do "), Just("done "), Just("case x in "), Just("esac "), Just("{ "), Just("} "), Just("f() "), Just("<("), Just("> "),
            Just("$[ "), Just("] "), Just("a=( "), Just("\r\n"), Just("é"), Just("\u{0}"), Just("*"), Just("{a,b}"), Just("~/"),
        ], 0..40)) {
        let context = Context { cwd: "/w".to_owned(), home: "/home/me".to_owned(), ..Context::default() };
        let _ = decide::plan(&parts.concat(), &context);
    }
}

/// Rules are a set: their order, and one that stands there twice, change nothing; another one only tightens.
#[test]
fn rules_are_a_set_and_one_more_only_tightens() {
    use rwenv_core::policy::{RULES, Subject, evaluate};
    let backwards: Vec<_> = RULES.iter().rev().cloned().collect();
    let twice: Vec<_> = RULES.iter().chain(RULES).cloned().collect();
    let own = rwenv_core::policy::layer::load(&[rwenv_core::policy::layer::check(
        &toml::from_str(
            "about = \"x\"\n[[rule]]\nid = \"own.all\"\ndecision = \"ask\"\nwhen = { effects = [\"read\"] }\nreason = \"x\"\ninstead = \"y\"\n\
             [[rule.example]]\ncommand = \"kubectl get pods\"\nmatches = true\n[[rule.example]]\ncommand = \"ls\"\nmatches = false\n",
        )
        .unwrap(),
        "own",
        "/own.toml",
        &[],
    )
    .unwrap()]);
    let more: Vec<_> = RULES.iter().cloned().chain(own).collect();
    let mut operations = 0;
    for (line, _) in simple_lines() {
        let context = rwenv_core::model::Context {
            cwd: "/p".into(),
            home: "/h".into(),
            config_dir: "/h/.claude/rwenv".into(),
            ..Default::default()
        };
        let plan = rwenv_core::examples::alone(rwenv_core::decide::plan(&line, &context));
        for planned in &plan.planned {
            operations += 1;
            for subject in [Subject::foreign("x"), Subject::nobody()] {
                let decision = |rules: &[rwenv_core::model::Rule]| {
                    let reasons = evaluate(&planned.operation, None, &subject, rules);
                    reasons.iter().map(|reason| reason.decision).max().unwrap_or_default()
                };
                let as_they_are = decision(RULES);
                assert_eq!(decision(&backwards), as_they_are, "{line}");
                assert_eq!(decision(&twice), as_they_are, "{line}");
                assert!(decision(&more) >= as_they_are, "{line}");
            }
        }
    }
    assert!(operations > 100, "{operations} operations show little");
}
