//! Pushes judged by what they remove from clusters: `tests/fixtures/blast.toml` says what is done and what should come of it. The agent's
//! hook is asked, and the push is made between real repositories.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::json;

use crate::impact::Fleet;
use crate::support::{Answer, Home, answer, root};

#[derive(Deserialize)]
struct Table {
    push: Vec<Row>,
}

/// One push.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    about: String,
    /// The rwenv that is selected.
    #[serde(default = "dev")]
    rwenv: String,
    /// Further fields of the rwenv `dev`.
    #[serde(default)]
    fields: String,
    /// How the rwenvs and the clone name the repository, where that is not its folder.
    #[serde(default)]
    url: String,
    /// What comes to `main` first.
    #[serde(default)]
    before: String,
    /// What is committed on the branch.
    #[serde(default)]
    change: String,
    /// What is done last.
    #[serde(default)]
    after: String,
    /// Where the line runs.
    #[serde(default = "fleet")]
    folder: String,
    #[serde(default = "line")]
    line: String,
    /// `allow`, `ask` or `deny`.
    want: String,
    /// The rules that say so.
    #[serde(default)]
    rules: Vec<String>,
    /// What is said.
    #[serde(default)]
    says: Vec<String>,
    /// What is not said.
    #[serde(default)]
    silent: Vec<String>,
    /// It is only asked for (`hook`), only pushed (`door`), or pushed by a person (`person`).
    #[serde(default)]
    only: String,
}

fn dev() -> String {
    "dev".to_owned()
}

fn fleet() -> String {
    "fleet".to_owned()
}

fn line() -> String {
    "git push -q origin HEAD:f".to_owned()
}

const PRELUDE: &str = r#"
object() { printf -- '---\napiVersion: %s\nkind: %s\nmetadata: {name: %s, namespace: default}\n' "$1" "$2" "$3"; }
maps() { for i in $(seq 1 "$1"); do object v1 ConfigMap "m$i"; done; }
"#;
const START: &str = "
for cluster in dev staging; do maps 12 > clusters/$cluster/maps.yaml; done
git add -A; git commit -qm maps; git branch -M main
git init -q --bare ../fleet.git; git remote set-url origin ../fleet.git
git push -q origin main; git fetch -q origin; mkdir -p ../elsewhere
";
/// Longest sentence about a removal.
const LONGEST: usize = 300;

/// The HOME that all are copies of.
fn start() -> &'static Home {
    static START_HOME: OnceLock<Home> = OnceLock::new();
    START_HOME.get_or_init(|| {
        let fleet = Fleet::new();
        let home = fleet.home;
        home.write(
            ".gitconfig",
            "[user]\n\tname = t\n\temail = t@example.com\n[init]\n\tdefaultBranch = main\n",
        );
        ok(&home, START);
        assert_eq!(home.rwenv("fleet", &["hooks", "install"]).code, 0);
        home
    })
}

fn sh(home: &Home, folder: &str, code: &str, agent: bool) -> Answer {
    let mut command = home.command("bash", &home.path(folder));
    let rwenv = PathBuf::from(env!("CARGO_BIN_EXE_rwenv"));
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", rwenv.parent().unwrap().display());
    command.env("PATH", path);
    if agent {
        command.env("CLAUDECODE", "1");
    }
    answer(command.args(["-c", &format!("{PRELUDE}\n{code}")]))
}

fn ok(home: &Home, code: &str) {
    let told = sh(home, "fleet", &format!("set -e\n{code}"), false);
    assert_eq!(told.code, 0, "{code}: {told:?}");
}

fn prepared(row: &Row) -> Home {
    let home = Home::empty();
    let copied =
        Command::new("cp").args(["-a", "."]).arg(home.path("")).current_dir(start().path("")).status();
    assert!(copied.unwrap().success());
    let folder = home.path("fleet.git").display().to_string();
    let url = if row.url.is_empty() { folder.clone() } else { row.url.clone() };
    if !row.url.is_empty() {
        let known = home.read(".gitconfig");
        home.write(".gitconfig", &format!("{known}[url \"{folder}\"]\n\tinsteadOf = {url}\n"));
    }
    let rwenv = |name: &str, fields: &str| {
        let path = format!("clusters/{name}");
        format!("{}: {{\"fluxGitRepo\": {}, \"fluxPath\": {}{fields}}}", json!(name), json!(url), json!(path))
    };
    let own = if row.fields.is_empty() { String::new() } else { format!(", {}", row.fields) };
    let all = [
        rwenv("dev", &own),
        rwenv("staging", ", \"gitOpsOnly\": true"),
        rwenv("prod", ", \"readOnly\": true"),
    ];
    home.write(
        ".claude/rwenv/envs.json",
        &format!("{{\"version\": \"1.0\", \"rwenvs\": {{{}}}}}", all.join(", ")),
    );
    for folder in ["fleet", "elsewhere"] {
        home.write(&format!("{folder}/.claude/rwenv"), &format!("{}\n", row.rwenv));
    }
    home.write("fleet/.git/info/exclude", ".claude/\n");
    let quiet = "-c core.hooksPath=/dev/null";
    let commit = |code: &str, rest: &str| {
        if !code.is_empty() {
            ok(&home, &format!("{code}\ngit add -A; git commit -qm change; {rest}"));
        }
    };
    ok(&home, &format!("git remote set-url origin {url}"));
    commit(&row.before, &format!("git {quiet} push -q origin main; git fetch -q"));
    ok(&home, "git switch -qc f");
    commit(&row.change, "");
    ok(&home, &row.after);
    home
}

fn refs(home: &Home) -> String {
    home.git("fleet.git", &["for-each-ref"])
}

/// What is wrong with a push, if anything is.
fn tried(row: &Row) -> Option<String> {
    let fault = |what: &str, text: &str| Some(format!("{}: {what}: {text}", row.about));
    let home = prepared(row);
    let push = |agent| {
        let before = refs(&home);
        let told = sh(&home, &row.folder, &row.line, agent);
        (told.code == 0 && refs(&home) != before, told.stderr)
    };
    if row.only == "person" {
        let (sent, told) = push(false);
        return if sent { None } else { fault("a person's push is refused", &told) };
    }
    let mut said = String::new();
    if row.only != "hook" {
        let (sent, told) = push(true);
        if sent != (row.want == "allow") {
            return fault(if sent { "it is sent" } else { "it is refused" }, &told);
        }
        said.push_str(&told);
    }
    if row.only != "door" {
        let hook = home.hook(&row.folder, &row.line);
        let told = format!("{}{}", hook.stdout, hook.stderr);
        if hook.decision() != row.want {
            return fault(&format!("the hook says {}", hook.decision()), &told);
        }
        if let Some(rule) = row.rules.iter().find(|rule| !told.contains(rule.as_str())) {
            return fault(&format!("the hook names no {rule}"), &told);
        }
        said.push_str(&told);
    }
    if let Some(text) = row.says.iter().chain(&row.rules).find(|text| !said.contains(text.as_str())) {
        return fault(&format!("does not say {text:?}"), &said);
    }
    if let Some(text) = row.silent.iter().find(|text| said.contains(text.as_str())) {
        return fault(&format!("says {text:?}"), &said);
    }
    let sentences = said.split("This removes").skip(1).map(|rest| rest.split('[').next().unwrap_or(rest));
    if let Some(long) = sentences.into_iter().find(|sentence| sentence.chars().count() > LONGEST) {
        return fault("is long", long);
    }
    // A person has said yes at the hook.
    if row.want == "ask" && row.only.is_empty() {
        let (sent, told) = push(true);
        if !sent {
            return fault("it is refused after a yes", &told);
        }
    }
    None
}

#[test]
fn pushes_are_judged_by_what_they_remove() {
    let text = fs::read_to_string(root().join("tests/fixtures/blast.toml")).unwrap();
    let table: Table = toml::from_str(&text).unwrap();
    let only = crate::support::variable("RWENV_PUSH");
    let rows: Vec<&Row> =
        table.push.iter().filter(|row| only.as_ref().is_none_or(|only| row.about.contains(only))).collect();
    assert!(only.is_some() || rows.len() >= 45, "{}", rows.len());
    start();
    let faults = rwenv_core::manifest::tree::side_by_side(&rows, |row| tried(row));
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), rows.len(), faults.join("\n"));
}

/// A pull request lies on the other side only: it is fetched into the mirror, and the clone stays as it is.
#[test]
fn a_pull_request_is_compared_with_the_branch_that_is_followed() {
    let row = |change: &str| Row {
        about: String::new(),
        rwenv: dev(),
        fields: String::new(),
        url: String::new(),
        before: String::new(),
        change: change.to_owned(),
        after: String::new(),
        folder: fleet(),
        line: line(),
        want: String::new(),
        rules: Vec::new(),
        says: Vec::new(),
        silent: Vec::new(),
        only: String::new(),
    };
    let home =
        prepared(&row("git rm -q clusters/dev/apps.yaml; sed -i s/rc1/rc2/ apps/staging/kustomization.yaml"));
    for place in ["refs/pull/7/head", "refs/merge-requests/8/head"] {
        ok(&home, &format!("git -c core.hooksPath=/dev/null push -q origin HEAD:{place}"));
    }
    ok(&home, "git switch -q main; git branch -qD f");
    let before = home.git("fleet", &["for-each-ref"]);
    for number in ["7", "8"] {
        let told = home.rwenv("fleet", &["impact", "--pr", number]);
        assert_eq!(told.code, 0, "{number}: {}", told.stderr);
        for text in [
            "clusters/dev (rwenv dev): ",
            "clusters/staging (rwenv staging): 1 changed, 1 restarted",
            "! namespace shop goes, with everything in it",
            "! Kustomization flux-system/apps goes, with 4 objects that it applies",
        ] {
            assert!(told.stdout.contains(text), "{text}: {}", told.stdout);
        }
    }
    let json = home.rwenv("fleet", &["impact", "--pr", "7", "--json"]).stdout;
    let all: serde_json::Value = serde_json::from_str(&json).unwrap();
    let dev = all["roots"].as_array().unwrap().iter().find(|root| root["folder"] == "clusters/dev").unwrap();
    let with: Vec<_> = dev["objects"].as_array().unwrap().iter().filter_map(|o| o["with"].as_str()).collect();
    assert_eq!(with, ["flux-system/apps"; 4]);
    let cascades = dev["cascades"].as_array().unwrap();
    assert!(cascades.iter().any(|one| one["kind"] == "Namespace" && one["more"] == true), "{cascades:?}");
    let told = home.rwenv("fleet", &["impact", "--pr", "99"]);
    assert!(told.code == 1 && told.stderr.contains("99"), "{}", told.stderr);
    assert_eq!(home.git("fleet", &["for-each-ref"]), before);
    let told = home.rwenv("elsewhere", &["impact", "--pr", "7", "--md"]);
    assert!(
        told.stdout.contains("| `clusters/dev` | dev | 0 | 0 | 4 | 1 | 0 |"),
        "{}{}",
        told.stdout,
        told.stderr
    );
}
