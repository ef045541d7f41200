//! Pushes of every form between real repositories: `tests/fixtures/pushes.toml` says what is done and what should come of it. Each is
//! done twice, with rwenv's hook and without. Where nothing is against it, the other side must be the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

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

/// What every piece of shell here begins with.
const PRELUDE: &str = r#"
export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
commit() { printf '%s\n' "${2:-x}" >> "${3:-file}"; git add -A; git commit -q -m "$1"; }
secret() { mkdir -p "$(dirname "$1")"; printf 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: hunter2-of-the-test\n' > "$1"; git add -A; git commit -q -m secret; }
"#;
const CONFIG: &str = "[user]\n\tname = t\n\temail = t@example.com\n[init]\n\tdefaultBranch = main\n[protocol \"file\"]\n\tallow = always\n[advice]\n\tdetachedHead = false\n";
/// What every row finds, made once.
const START: &str = r#"
mkdir -p remotes w/.claude
git init -q start; cd start; commit one; commit two; cd ..
for name in app flux up sub; do
  git clone -q --bare start remotes/$name.git
  printf '[receive]\n\tadvertisePushOptions = true\n[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n' >> remotes/$name.git/config
done
echo env > w/.claude/rwenv; cd w
for name in app flux; do git clone -q ../remotes/$name.git; git -C $name remote set-url origin ../../remotes/$name.git; done
cd app; git switch -q -c f; commit three
"#;

struct Side {
    home: Home,
    base: String,
}

/// The HOME that all are copies of, with our hook for all repositories.
fn start() -> &'static Home {
    static START_HOME: OnceLock<Home> = OnceLock::new();
    START_HOME.get_or_init(|| {
        let it = Side { home: Home::empty(), base: String::new() };
        it.home.write(".gitconfig", CONFIG);
        // Starts what the other side is asked to run, here.
        it.home.write(
            "bin/ssh",
            "#!/bin/sh\n[ -z \"$ONCE\" ] || case \"$2\" in *upload-pack*) exit 255 ;; esac\nshift\nexec sh -c \"$*\"\n",
        );
        it.home.mode("bin/ssh", 0o755);
        it.ok("", START);
        it.ok("", "rwenv hooks install --global 2>/dev/null");
        it.home
    })
}

impl Side {
    fn new(row: &Row, over: &str, with_us: bool) -> Self {
        let home = Home::empty();
        let copied =
            Command::new("cp").args(["-a", "."]).arg(home.path("")).current_dir(start().path("")).status();
        assert!(copied.unwrap().success());
        let remotes = home.path("remotes");
        let base = match over {
            "http" => format!("http://127.0.0.1:{}", http::serve(remotes.clone())),
            "ssh" => format!("ssh://host{}", remotes.display()),
            _ => "../../remotes".to_owned(),
        };
        for name in ["app", "flux"] {
            let config = format!("w/{name}/.git/config");
            home.write(&config, &home.read(&config).replace("../../remotes", &base));
        }
        let template = home.path(".claude/rwenv/git-template").display().to_string();
        let config =
            if with_us { format!("{CONFIG}[init]\n\ttemplateDir = {template}\n") } else { CONFIG.to_owned() };
        home.write(".gitconfig", &config);
        let url = match over {
            "file" => format!("file://{}/flux.git", remotes.display()),
            _ => format!("{base}/flux.git"),
        };
        let fields = if row.fields.is_empty() { String::new() } else { format!(",{}", row.fields) };
        let envs = format!(
            r#"{{"version":"1.0","rwenvs":{{"env":{{"kubernetesContext":"c","fluxGitRepo":"{url}"{fields}}}}}}}"#
        );
        home.write(".claude/rwenv/envs.json", &envs);
        let it = Self { home, base };
        if !with_us {
            it.ok("", "find . -path '*/hooks/pre-push' -delete");
        }
        if !row.before.is_empty() {
            // Nothing is in the way of what is done before.
            it.ok("w/app", &format!("export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.hooksPath GIT_CONFIG_VALUE_0=/dev/null\n{}", row.before));
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

    /// The refs of all remotes, a line each, as their files say.
    fn refs(&self) -> Vec<String> {
        let mut all = BTreeMap::new();
        for remote in fs::read_dir(self.home.path("remotes")).unwrap().flatten() {
            let name = remote.file_name().into_string().unwrap().trim_end_matches(".git").to_owned();
            let packed = fs::read_to_string(remote.path().join("packed-refs")).unwrap_or_default();
            for (object, reference) in
                packed.lines().filter(|l| !l.starts_with(['#', '^'])).filter_map(|l| l.split_once(' '))
            {
                all.insert(format!("{name} {reference}"), object.to_owned());
            }
            let mut open = vec![remote.path().join("refs")];
            while let Some(folder) = open.pop() {
                for entry in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
                    if entry.is_dir() {
                        open.push(entry);
                    } else {
                        let reference = entry.strip_prefix(remote.path()).unwrap().display().to_string();
                        all.insert(
                            format!("{name} {reference}"),
                            fs::read_to_string(&entry).unwrap().trim().to_owned(),
                        );
                    }
                }
            }
        }
        all.into_iter().map(|(name, object)| format!("{name} {object}")).collect()
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
