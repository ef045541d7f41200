//! Who is asking: a person at their own terminal is asked where an agent is denied, and the answer is on record.

use crate::push::World;
use crate::support::{Answer, Home, answer, find, hook, skip};

/// Runs a line in a shell at a terminal of its own, where somebody types; none where this machine has no script(1) to make one.
fn at_terminal(home: &Home, folder: &str, line: &str, typed: &str, mark: Option<&str>) -> Option<Answer> {
    let Some(script) = find("script") else {
        skip("there is no script(1) here to make a terminal");
        return None;
    };
    let mut command = home.command(script.to_str().unwrap(), &home.path(folder));
    let path = format!(
        "{}:{}:/usr/local/bin:/usr/bin:/bin",
        home.path(".claude/rwenv/shims").display(),
        home.path("bin").display()
    );
    command.env("PATH", path);
    if let Some(mark) = mark {
        command.env(mark, "1");
    }
    Some(answer(command.args(["-qec", line, "/dev/null"]).write_stdin(typed.to_owned())))
}

/// A HOME with shims, before a kubectl that says what it was given.
fn shims() -> Home {
    let home = Home::new();
    home.write("bin/kubectl", "#!/bin/sh\necho ran \"$@\"\n");
    home.mode("bin/kubectl", 0o755);
    let mut install = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path(""));
    install.env("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
    let installed = answer(install.args(["install", "--hook", hook()]));
    assert_eq!(installed.code, 0, "{}", installed.stderr);
    home
}

fn log(home: &Home) -> String {
    home.read(".claude/rwenv/audit/audit.jsonl")
}

#[test]
fn a_person_decides_at_a_shim_and_an_agent_is_denied() {
    let home = shims();
    let line = "kubectl delete pod web-0";
    let Some(yes) = at_terminal(&home, "ro", line, "y\n", None) else { return };
    assert!(
        yes.stdout.contains("[read-only.cluster-write]") && yes.stdout.contains("yours to decide"),
        "{}",
        yes.stdout
    );
    assert!(yes.code == 0 && yes.stdout.contains("ran delete pod web-0"), "{}", yes.stdout);
    // What an agent is told comes only after a no.
    assert!(!yes.stdout.contains("instead:"), "{}", yes.stdout);
    let no = at_terminal(&home, "ro", line, "n\n", None).unwrap();
    assert!(no.code == 77 && no.stdout.contains("instead:") && !no.stdout.contains("ran "), "{}", no.stdout);
    for typed in ["\n", "what\nwhat\nwhat\n", ""] {
        let none = at_terminal(&home, "ro", line, typed, None).unwrap();
        assert!(none.code == 77 && !none.stdout.contains("ran "), "{typed}: {}", none.stdout);
    }
    let log = log(&home);
    assert!(
        log.contains(
            "\"event\":\"answered-yes\",\"detail\":\"kubectl delete pod web-0\",\"rwenvs\":[\"ro\"]"
        ),
        "{log}"
    );
    assert!(log.contains("\"event\":\"answered-no\"") && log.contains("\"person\":\""), "{log}");
    // A terminal is not enough: the marks of agents, and an agent among the programs above, count.
    for mark in ["CLAUDECODE", "CODEX_SANDBOX", "GEMINI_CLI"] {
        let agent = at_terminal(&home, "ro", line, "y\n", Some(mark)).unwrap();
        assert!(agent.code == 77 && !agent.stdout.contains("yours to decide"), "{mark}: {}", agent.stdout);
    }
    home.write("bin/claude", "#!/bin/bash\nkubectl delete pod web-0\n");
    home.mode("bin/claude", 0o755);
    let above = at_terminal(&home, "ro", "claude", "y\n", None).unwrap();
    assert!(!above.stdout.contains("yours to decide") && !above.stdout.contains("ran "), "{}", above.stdout);
    // What passes is not asked about.
    assert!(at_terminal(&home, "ro", "kubectl get pods", "", None).unwrap().stdout.contains("ran get pods"));
    // Without a terminal nobody is asked.
    let mut piped = home.command("bash", &home.path("ro"));
    piped.env("PATH", format!("{}:/usr/bin:/bin", home.path(".claude/rwenv/shims").display()));
    assert_eq!(answer(piped.args(["-c", line])).code, 77);
}

#[test]
fn a_person_decides_about_their_push_but_not_about_secrets_in_it() {
    let world = World::new(r#","readOnly":true"#);
    let home = &world.home;
    let line = "git push -q origin HEAD:topic";
    let Some(no) = at_terminal(home, "flux", line, "n\n", None) else { return };
    assert!(
        no.code != 0 && no.stdout.contains("[read-only.flux-repository]") && no.stdout.contains("Push it?"),
        "{}",
        no.stdout
    );
    assert!(!world.refs("flux").contains("topic"));
    let yes = at_terminal(home, "flux", line, "y\n", None).unwrap();
    assert!(yes.code == 0 && world.refs("flux").contains("topic"), "{}", yes.stdout);
    let log = log(home);
    assert!(
        log.contains("\"event\":\"answered-yes\",\"detail\":\"git push ")
            && log.contains("\"grant\":\"person\""),
        "{log}"
    );
    world.refused("flux", "origin HEAD:other", "read-only.flux-repository");
    home.write(
        "flux/apps/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: Xk29fLq81mZw}\n",
    );
    world.commit("flux", "secret");
    let secret = at_terminal(home, "flux", line, "y\n", None).unwrap();
    assert!(secret.code != 0 && secret.stdout.contains("[secret.unencrypted]"), "{}", secret.stdout);
}

#[test]
fn the_doctor_says_who_would_be_asked() {
    let home = shims();
    let says = |mark: Option<&str>| {
        let line = format!("{} doctor --all --json", env!("CARGO_BIN_EXE_rwenv"));
        let said = at_terminal(&home, "ro", &line, "", mark)?.stdout;
        let start = said.find('[').or_else(|| said.find('{'))?;
        Some(said.get(start..)?.to_owned())
    };
    let Some(person) = says(None) else { return };
    assert!(person.contains("a person is at this terminal") && person.contains("above: "), "{person}");
    assert!(says(Some("CLAUDECODE")).unwrap().contains("an agent is at work here ($CLAUDECODE)"));
    assert!(
        home.rwenv("ro", &["doctor", "--all", "--json"])
            .stdout
            .contains("no terminal here: nobody can be asked")
    );
}
