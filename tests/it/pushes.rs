//! Pushes of every form between real repositories: `tests/fixtures/pushes.toml` says what is done and what should come of it. Each is
//! done twice, with rwenv's hook and without. Where nothing is against it, the other side must be the same.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

use crate::http;
use crate::support::{Answer, Home, answer, root};

#[derive(Deserialize)]
struct Table {
    push: Vec<Row>,
}

/// One push, or one line of several.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    about: String,
    /// What is done before, in the clone `app`.
    #[serde(default)]
    before: String,
    push: String,
    /// The refs of the other side that change, as git without a hook changes them: `app refs/heads/f`.
    #[serde(default)]
    to: Vec<String>,
    /// The rule that refuses it: nothing changes then.
    rule: Option<String>,
    /// What the refusal or warning has to say.
    #[serde(default)]
    says: String,
    /// How the other side is reached: `file`, `http` or `ssh`.
    #[serde(default)]
    over: Vec<String>,
    /// Further fields of the rwenv.
    #[serde(default)]
    fields: String,
    /// No agent is at work.
    #[serde(default)]
    person: bool,
    /// git itself refuses what is left over.
    #[serde(default)]
    fails: bool,
}

/// Two HOMEs that differ in the hook alone.
const PRELUDE: &str = r#"
export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
git config --global user.name t; git config --global user.email t@example.com; git config --global init.defaultBranch main
git config --global protocol.file.allow always; git config --global advice.detachedHead false
commit() { printf '%s\n' "${2:-x}" >> "${3:-file}"; git add -A; git commit -q -m "$1"; }
secret() { mkdir -p "$(dirname "$1")"; printf 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: hunter2-of-the-test\n' > "$1"; git add -A; git commit -q -m secret; }
"#;
const START: &str = r#"
mkdir remotes
for name in app flux up sub; do
  git init -q --bare remotes/$name.git
  git -C remotes/$name.git config receive.advertisePushOptions true
  git -C remotes/$name.git config uploadpack.allowFilter true
  git -C remotes/$name.git config uploadpack.allowAnySHA1InWant true
  git init -q start; cd start; commit one; commit two; git push -q ../remotes/$name.git main; cd ..; rm -rf start
done
mkdir -p w/.claude && echo env > w/.claude/rwenv && cd w
git clone -q "$BASE/app.git" app; git clone -q "$BASE/flux.git" flux
cd app; git switch -q -c f; commit three
"#;

struct Side {
    home: Home,
    base: String,
}

impl Side {
    fn new(row: &Row, over: &str, with_us: bool) -> Self {
        let home = Home::empty();
        let remotes = home.path("remotes");
        let base = match over {
            "http" => format!("http://127.0.0.1:{}", http::serve(remotes.clone())),
            "ssh" => format!("ssh://host{}", remotes.display()),
            _ => "../../remotes".to_owned(),
        };
        let url = match over {
            "file" => format!("file://{}/flux.git", remotes.display()),
            _ => format!("{base}/flux.git"),
        };
        let fields = if row.fields.is_empty() { String::new() } else { format!(",{}", row.fields) };
        let envs = format!(
            r#"{{"version":"1.0","rwenvs":{{"env":{{"kubernetesContext":"c","fluxGitRepo":"{url}"{fields}}}}}}}"#
        );
        home.write(".claude/rwenv/envs.json", &envs);
        // Starts what the other side is asked to run, here.
        home.write("bin/ssh", "#!/bin/sh\n[ -z \"$ONCE\" ] || case \"$2\" in *upload-pack*) exit 255 ;; esac\nshift\nexec sh -c \"$*\"\n");
        home.mode("bin/ssh", 0o755);
        let it = Self { home, base };
        it.ok("", START);
        it.ok("w/app", &row.before);
        if with_us {
            it.ok("", "rwenv hooks install --global 2>/dev/null");
        }
        it
    }

    fn sh(&self, folder: &str, code: &str, agent: bool) -> Answer {
        let mut command = self.home.command("bash", &self.home.path(folder));
        let rwenv = PathBuf::from(env!("CARGO_BIN_EXE_rwenv"));
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", rwenv.parent().unwrap().display());
        command.env("PATH", path).env("BASE", &self.base);
        command.env("GIT_SSH_COMMAND", self.home.path("bin/ssh")).env("GIT_SSH_VARIANT", "simple");
        if agent {
            command.env("CLAUDECODE", "1");
        }
        answer(command.args(["-c", &format!("{PRELUDE}\n{code}")]))
    }

    fn ok(&self, folder: &str, code: &str) {
        let answer = self.sh(folder, &format!("set -e\n{code}"), false);
        assert_eq!(answer.code, 0, "{code}: {answer:?}");
    }

    /// The refs of all remotes, a line each.
    fn refs(&self) -> Vec<String> {
        let code = "for r in remotes/*.git; do git -C $r for-each-ref --format=\"$(basename $r .git) %(refname) %(objectname)\"; done";
        self.sh("", code, false).stdout.lines().map(str::to_owned).collect()
    }
}

/// The refs that are in one list and not, or not so, in the other.
fn changed(before: &[String], after: &[String]) -> Vec<String> {
    let lines = before
        .iter()
        .filter(|line| !after.contains(line))
        .chain(after.iter().filter(|line| !before.contains(line)));
    let mut names: Vec<String> = lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

/// What is wrong with a push, if anything is.
fn tried(row: &Row, over: &str) -> Option<String> {
    let fault = |what: &str, answer: &Answer| Some(format!("{} ({over}): {what}: {answer:?}", row.about));
    let with = Side::new(row, over, true);
    let before = with.refs();
    let answer = with.sh("w/app", &row.push, !row.person);
    let after = with.refs();
    if !answer.stderr.contains(&row.says) {
        return fault(&format!("does not say {:?}", row.says), &answer);
    }
    let told = answer.stderr.lines().filter(|line| line.contains("rwenv:")).count();
    if told > 12 {
        return fault("says more than twelve lines", &answer);
    }
    if let Some(rule) = &row.rule {
        if answer.code == 0 || before != after {
            return fault(&format!("changes {:?}", changed(&before, &after)), &answer);
        }
        let first =
            answer.stderr.lines().find(|line| line.contains("rwenv: this push is not")).unwrap_or_default();
        return if first.contains(&format!("[{rule}]")) {
            None
        } else {
            fault(&format!("no [{rule}] in the first line"), &answer)
        };
    }
    if (answer.code != 0) != row.fails {
        return fault("fails", &answer);
    }
    let without = Side::new(row, over, false);
    let plain = without.sh("w/app", &row.push, !row.person);
    if without.refs() != after || plain.code != answer.code {
        return fault(
            &format!("without rwenv it is otherwise: {:?}", changed(&without.refs(), &after)),
            &plain,
        );
    }
    let changed = changed(&before, &after);
    let mut wanted = row.to.clone();
    wanted.sort();
    if changed != wanted { fault(&format!("changes {changed:?}"), &answer) } else { None }
}

#[test]
fn each_form_of_a_push_comes_to_what_the_table_says() {
    let text = fs::read_to_string(root().join("tests/fixtures/pushes.toml")).unwrap();
    let table: Table = toml::from_str(&text).unwrap();
    let only = crate::support::variable("RWENV_PUSH");
    let file = vec!["file".to_owned()];
    let all: Vec<(&Row, &String)> = table
        .push
        .iter()
        .filter(|row| only.as_ref().is_none_or(|only| row.about.contains(only)))
        .flat_map(|row| {
            (if row.over.is_empty() { &file } else { &row.over }).iter().map(move |over| (row, over))
        })
        .collect();
    assert!(only.is_some() || all.len() >= 120, "{}", all.len());
    let faults = rwenv_core::manifest::tree::side_by_side(&all, |(row, over)| tried(row, over));
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), all.len(), faults.join("\n"));
}
