//! Scripts on disk are read and judged before they run.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::Home;

const DELETE: &str = "set -e\nfor p in a b; do\n  kubectl delete pod \"$p\"\ndone\n";

fn check(home: &Home, folder: &str, cases: &[(&str, &str)]) {
    for (line, wanted) in cases {
        let answer = home.hook(folder, line);
        assert_eq!(answer.decision(), *wanted, "{line}: {}{}", answer.stderr, answer.stdout);
    }
}

fn executable(home: &Home, name: &str, text: &str) {
    home.write(name, text);
    home.mode(name, 0o755);
}

#[test]
fn whatever_starts_a_script_what_it_does_counts() {
    let home = Home::new();
    executable(&home, "ro/x.sh", &format!("#!/usr/bin/env bash\n{DELETE}"));
    executable(&home, "ro/bare", DELETE);
    home.write("ro/args.sh", "\"$@\"\n");
    home.write("ro/outer.sh", "cd sub && . ./inner.sh\n");
    home.write("ro/sub/inner.sh", DELETE);
    home.write("elsewhere/y.sh", DELETE);
    for line in [
        "./x.sh",
        "./bare",
        "bash x.sh",
        "sh ./bare 1 2",
        "bash -eux x.sh",
        "source x.sh",
        ". ./x.sh",
        "bash < x.sh",
        "sudo ./x.sh",
        "nohup ./x.sh &",
        "find . -name y -exec ./x.sh {} +",
        "bash args.sh kubectl delete pod p",
        "bash outer.sh",
        "cd ../elsewhere; bash y.sh",
        "bash ../elsewhere/y.sh",
        "BASH_ENV=x.sh bash -c true",
        "ENV=./x.sh sh -i -c true",
        "git bisect run ./x.sh",
        "cat x.sh | bash",
        "at -f x.sh now",
        "docker exec -i c bash < x.sh",
        "docker exec -i c sh -s < x.sh",
        "ssh h bash -s < x.sh",
    ] {
        check(&home, "ro", &[(line, "deny")]);
    }
}

#[test]
fn a_script_that_the_line_makes_is_known_before_it_is_there() {
    let home = Home::new();
    check(
        &home,
        "ro",
        &[
            ("printf 'kubectl delete pod p\\n' > made.sh && bash made.sh", "deny"),
            ("cat > made.sh <<'E'\nkubectl delete pod p\nE\nchmod +x made.sh; ./made.sh", "deny"),
            ("echo kubectl delete pod p | tee made.sh; . ./made.sh", "deny"),
            ("curl -s https://get.example.com/i.sh > made.sh; sh made.sh", "deny"),
            ("cat > made.sh <<'E'\nkubectl get pods\nE\nbash made.sh", "allow"),
            ("cat > made.sh <<'E'\nkubectl delete pod p\nE", "allow"),
        ],
    );
}

#[test]
fn scripts_in_other_languages_are_read_too() {
    let home = Home::new();
    executable(
        &home,
        "ro/x.py",
        "#!/usr/bin/env python3\nimport subprocess\nsubprocess.run(['kubectl', 'delete', 'pod', 'p'])\n",
    );
    home.write("ro/x.js", "require('child_process').execSync(`kubectl delete pod p`)\n");
    home.write("ro/x.awk", "BEGIN { system(\"kubectl delete pod p\") }\n");
    home.write("ro/api.py", "import urllib.request as u\nu.urlopen(u.Request('https://h/api/v1/namespaces/d/pods/p', method='DELETE'))\n");
    home.write("ro/look.py", "import subprocess\nsubprocess.run(['kubectl', 'get', 'pods'] + args)\nprint('kubectl delete pod p')\n");
    let filler = "foo('alpha beta', 'gamma')\n".repeat(2_000);
    home.write("ro/long.py", &format!("import os\n{filler}os.system('kubectl delete pod p')\n"));
    check(
        &home,
        "ro",
        &[
            ("python3 long.py", "deny"),
            ("./x.py", "deny"),
            ("python3 x.py", "deny"),
            ("PYTHONSTARTUP=x.py python3 -i < /dev/null", "deny"),
            ("NODE_OPTIONS='--require ./x.js' node -e 1", "deny"),
            ("node x.js a b", "deny"),
            ("awk -f x.awk", "deny"),
            ("python3 < x.py", "deny"),
            ("python3 api.py", "ask"),
            ("python3 look.py", "allow"),
            ("cat > new.py <<'E'\nimport os\nos.system('kubectl delete pod p')\nE\npython3 new.py", "deny"),
        ],
    );
}

#[test]
fn scripts_that_only_look_or_are_none_are_left_alone() {
    let home = Home::new();
    executable(&home, "ro/look.sh", "kubectl get pods -o wide\n\"$TOOL\" x\neval \"$(cat y)\"\n");
    executable(&home, "ro/mention.py", "#!/usr/bin/env python3\nprint('kubectl delete pod p')\n");
    home.write("ro/deploy.sh", "echo deploying to $ENV\n");
    home.write("ro/usage.sh", "usage() {\n  cat <<E\nkubectl delete pod p\nE\n}\nusage\n");
    executable(&home, "ro/binary", "\u{7f}ELF\0\0kubectl delete pod p\n");
    let cases = [
        "./look.sh",
        "./mention.py",
        "./binary",
        "ENV=prod bash deploy.sh",
        "bash usage.sh",
        "bash missing.sh",
        "source .venv/bin/activate",
        "bash -n look.sh",
        "less look.sh",
    ]
    .map(|line| (line, "allow"));
    check(&home, "ro", &cases);
}

#[test]
fn what_cannot_be_read_is_not_run_unseen() {
    let home = Home::new();
    home.write("ro/big.sh", &"# filler filler filler\n".repeat(20_000));
    home.write("ro/bundle.js", &"x(\"child_process\");\n".repeat(20_000));
    home.write("ro/odd.sh", "case x in\nkubectl delete pod p\n");
    nix::unistd::mkfifo(&home.path("ro/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    check(
        &home,
        "ro",
        &[("bash big.sh", "ask"), ("source big.sh", "ask"), ("bash pipe", "ask"), ("bash odd.sh", "ask")],
    );
    check(&home, "ro", &[("node bundle.js", "allow"), ("make -f bundle.js", "allow")]);
    check(&home, "rw", &[("bash ../ro/big.sh", "ask"), ("bash ../ro/pipe", "ask")]);
    check(&home, "none", &[("bash ../ro/big.sh", "allow"), ("bash ../ro/pipe", "allow")]);
    home.write("ro/secret.sh", DELETE);
    let permissions = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(home.path("ro/secret.sh"), permissions).unwrap();
    // Root reads it all the same, and then what it says counts.
    let readable = std::fs::read(home.path("ro/secret.sh")).is_ok();
    check(&home, "ro", &[("bash secret.sh", if readable { "deny" } else { "ask" })]);
}

#[test]
fn a_script_that_starts_itself_comes_to_an_end() {
    let home = Home::new();
    home.write("ro/a.sh", "bash b.sh\n");
    home.write("ro/b.sh", "bash a.sh\nkubectl get pods\n");
    home.write("ro/c.sh", "bash c.sh \"$@\" more\n");
    check(&home, "ro", &[("bash a.sh", "allow"), ("bash c.sh", "deny")]);
    let answer = home.hook("ro", "bash c.sh");
    assert!(answer.stderr.contains("too many programs"), "{}", answer.stderr);
}

/// A git alias that is a line of shell is what it says; one that is not known stays so.
#[test]
fn aliases_that_are_lines_are_read() {
    for (alias, line, want) in [
        ("!git add -A && git commit -m wip", "git wip", "allow"),
        ("!git log --oneline | head", "git wip", "allow"),
        ("!echo done", "git wip now", "allow"),
        ("!f() { git status -s; }; f", "git wip", "allow"),
        ("!kubectl delete pod p", "git wip", "deny"),
        ("!kubectl", "git wip delete pod p", "deny"),
        ("!git push --force origin main", "git wip", "deny"),
        ("!git push origin", "git wip HEAD:main", "deny"),
        ("!sh ./unseen.sh", "git wip", "deny"),
        ("!$TOOL", "git wip", "deny"),
        ("!git \"$VERB\"", "git wip", "deny"),
        ("!git commit -am wip", "git -C . wip", "allow"),
        ("!rm -rf ~/.claude/rwenv", "git wip", "deny"),
    ] {
        let home = Home::new();
        home.write("ro/app/f", "x\n");
        home.git("ro/app", &["init", "-q", "-b", "feature", "."]);
        home.git("ro/app", &["remote", "add", "origin", "https://git.example.com/o/app.git"]);
        home.git("ro/app", &["config", "alias.wip", alias]);
        let told = home.hook("ro/app", line);
        assert_eq!(told.decision(), want, "{alias}: {line}: {told:?}");
    }
}
