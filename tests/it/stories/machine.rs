//! What a story runs on: a HOME of its own, bash, and stand-ins that write down what they are asked for.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::rows::{Call, Row};
use crate::support::{Answer, Home, root};

/// Programs that write down what they are asked for: `recorded` under each of these names.
const RECORDED: [&str; 7] = ["kubectl", "helm", "flux", "terraform", "argocd", "talosctl", "k9s"];
/// Verbs by which these programs change a cluster.
const CHANGES: &[(&str, &[&str])] = &[
    (
        "kubectl",
        &[
            "delete",
            "apply",
            "scale",
            "patch",
            "create",
            "drain",
            "cordon",
            "annotate",
            "label",
            "set",
            "replace",
            "rollout restart",
            "edit",
            "taint",
        ],
    ),
    ("helm", &["uninstall", "install", "upgrade", "rollback"]),
    ("flux", &["suspend", "resume", "reconcile", "delete", "create"]),
    ("terraform", &["apply", "destroy"]),
    ("argocd", &["app delete", "app sync"]),
    ("talosctl", &["reset", "reboot"]),
    ("git", &["push"]),
    // Whatever a person does in it then.
    ("k9s", &[""]),
];
/// The guard's files, below the home folder.
const GUARDED: [&str; 6] = [
    ".claude/settings.json",
    ".claude/rwenv/envs.json",
    ".local/bin/rwenv",
    ".local/bin/rwenv-hook",
    ".local/bin/rwenvd",
    ".claude/rwenv/audit/keep",
];
const SETTINGS: &str = r#"{"hooks":{"PreToolUse":[{"matcher":"*","hooks":[{"type":"command","command":"~/.local/bin/rwenv-hook claude"}]}]}}"#;

/// The folder of stand-ins, made once.
pub(super) struct Stubs {
    dir: TempDir,
}

impl Stubs {
    pub(super) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let bin = dir.path();
        for entry in fs::read_dir(root().join("tests/fixtures/stand_ins")).unwrap() {
            let entry = entry.unwrap();
            let path = bin.join(entry.file_name());
            fs::copy(entry.path(), &path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for program in RECORDED {
            symlink("recorded", bin.join(program)).unwrap();
        }
        symlink("docker", bin.join("docker-compose")).unwrap();
        for name in ["yarn", "pnpm"] {
            symlink("npm", bin.join(name)).unwrap();
        }
        Self { dir }
    }
}

/// One story's machine.
pub(super) struct Machine<'a> {
    home: Home,
    stubs: &'a Stubs,
    rwenv: &'a str,
    /// Where the agent's shell is.
    folder: RefCell<PathBuf>,
    guarded: Vec<Option<String>>,
}

fn kubeconfig(current: &str) -> String {
    let all = ["ro", "go", "rw"];
    let clusters =
        all.map(|c| format!("- {{name: {c}, cluster: {{server: \"https://{c}.example.com:6443\"}}}}\n"));
    let contexts = all.map(|c| format!("- {{name: {c}-ctx, context: {{cluster: {c}, user: u}}}}\n"));
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n{}users:\n- {{name: u, user: {{token: t}}}}\ncontexts:\n{}current-context: {current}-ctx\n",
        clusters.concat(),
        contexts.concat()
    )
}

/// What the contexts led to when a person added the rwenvs.
fn confirmed() -> String {
    let one = |name: &str| {
        let led = serde_json::json!({ "context": format!("{name}-ctx"), "server": format!("https://{name}.example.com:6443") });
        (name.to_owned(), serde_json::json!([led]))
    };
    let all: serde_json::Map<_, _> = ["ro", "go", "rw"].into_iter().map(one).collect();
    serde_json::json!({ "rwenvs": all }).to_string()
}

impl<'a> Machine<'a> {
    /// A home with a guard in it, and what the row says is there.
    pub(super) fn new(row: &'a Row, stubs: &'a Stubs) -> Self {
        let home = Home::new();
        let current = if row.rwenv == "none" { "ro" } else { &row.rwenv };
        home.write(".kube/config", &kubeconfig(current));
        home.write("kubeconfigs/ro", &kubeconfig("ro"));
        home.write("kubeconfigs/rw", &kubeconfig("rw"));
        home.write(".claude/rwenv/clusters.json", &confirmed());
        home.write(".claude/settings.json", SETTINGS);
        home.write(".claude/rwenv/audit/keep", "");
        home.write(
            ".gitconfig",
            "[user]\n\tname = t\n\temail = t@example.com\n[init]\n\tdefaultBranch = main\n",
        );
        for program in ["rwenv", "rwenv-hook", "rwenvd"] {
            home.write(&format!(".local/bin/{program}"), "#!/bin/sh\n");
            home.mode(&format!(".local/bin/{program}"), 0o755);
        }
        for (name, text) in &row.files {
            let place =
                name.strip_prefix("~/").map_or_else(|| format!("{}/{name}", row.rwenv), str::to_owned);
            home.write(&place, text);
        }
        let folder = RefCell::new(home.path(&row.rwenv));
        let mut machine = Self { home, stubs, rwenv: &row.rwenv, folder, guarded: Vec::new() };
        if !row.before.trim().is_empty() {
            machine.bash(&row.before);
            *machine.folder.borrow_mut() = machine.home.path(&row.rwenv);
            let _ = fs::remove_file(machine.home.path("log"));
        }
        machine.guarded = machine.guard();
        machine
    }

    /// What the hook says to this call, as the agent's program would ask it.
    pub(super) fn ask(&self, call: &Call) -> Answer {
        let folder = self.folder.borrow().clone();
        let mut payload = self.home.payload(self.rwenv, "");
        payload["cwd"] = serde_json::json!(folder);
        let (tool, input) = match call {
            Call::Line(line) => ("Bash", serde_json::json!({ "command": line, "description": "Run it" })),
            Call::Write { file, text } => {
                ("Write", serde_json::json!({ "file_path": self.place(file), "content": text }))
            }
            Call::Edit { file, old, new } => (
                "Edit",
                serde_json::json!({ "file_path": self.place(file), "old_string": old, "new_string": new }),
            ),
        };
        payload["tool_name"] = serde_json::json!(tool);
        payload["tool_input"] = input;
        let mut command = self.home.command(crate::support::hook(), &folder);
        command.env("PATH", self.path(None));
        crate::support::answer(command.arg("claude").write_stdin(payload.to_string()))
    }

    /// Does it, whatever was said to it.
    pub(super) fn run(&self, call: &Call) {
        match call {
            Call::Line(line) => self.bash(line),
            Call::Write { file, text } => {
                let place = self.place(file);
                let _ = fs::create_dir_all(place.parent().unwrap());
                let _ = fs::write(place, text);
            }
            Call::Edit { file, old, new } => {
                let place = self.place(file);
                if let Ok(text) = fs::read_to_string(&place) {
                    let _ = fs::write(place, text.replace(old, new));
                }
            }
        }
    }

    /// Runs a line as Claude Code does: the shell's snapshot first, in the folder where the last line ended.
    fn bash(&self, line: &str) {
        let script = "shopt -s expand_aliases; for f in ~/.claude/shell-snapshots/*.sh; do [ -f \"$f\" ] && . \"$f\"; done; eval \"$LINE\"\npwd -P > \"$ENDED\"";
        let folder = self.folder.borrow().clone();
        let mut command = self.home.command("/bin/bash", &folder);
        command
            .args(["-c", script])
            .env("LINE", line)
            .env("ENDED", self.home.path("ended"))
            .env("ORACLE", self.home.path("log"))
            .env("PATH", self.path(Some(self.stubs.dir.path())))
            .env("TERM", "dumb")
            .timeout(std::time::Duration::from_secs(20))
            .write_stdin("");
        let _ = command.output().unwrap();
        let ended = fs::read_to_string(self.home.path("ended")).unwrap_or_default();
        if Path::new(ended.trim()).is_dir() {
            *self.folder.borrow_mut() = PathBuf::from(ended.trim());
        }
    }

    /// What was asked of the stand-ins: program, server, arguments.
    fn calls(&self) -> Vec<Vec<String>> {
        let text = String::from_utf8_lossy(&fs::read(self.home.path("log")).unwrap_or_default()).into_owned();
        let calls = text.split('\u{1e}').filter(|c| !c.is_empty());
        calls.map(|c| c.split('\u{1f}').map(str::to_owned).collect()).collect()
    }

    /// The same, to be read.
    pub(super) fn log(&self) -> Vec<String> {
        self.calls().iter().map(|call| call.join(" ")).collect()
    }

    /// True where a cluster that is not to be changed was, or the guard was.
    pub(super) fn harmed(&self) -> bool {
        self.guard() != self.guarded || self.calls().iter().any(|call| self.changes(call))
    }

    fn changes(&self, call: &[String]) -> bool {
        let [program, server, arguments @ ..] = call else { return false };
        let is_flag = |a: &&String| a.starts_with('-');
        if arguments.iter().any(|a| a.starts_with("--dry-run") || a == "--export" || a == "--help") {
            return false;
        }
        // A writable rwenv's own cluster may be changed.
        if self.rwenv == "rw" && server == "https://rw.example.com:6443" {
            return false;
        }
        let mut words = Vec::new();
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            if ["-n", "--namespace", "--context", "--kube-context", "--kubeconfig"].contains(&word.as_str()) {
                rest.next();
            } else if !is_flag(&word) {
                words.push(word.as_str());
            }
        }
        let verbs = CHANGES.iter().find(|(name, _)| name == program).map_or(&[][..], |(_, verbs)| verbs);
        let said = format!("{} ", words.join(" "));
        verbs.iter().any(|verb| verb.is_empty() || said.starts_with(&format!("{verb} ")))
    }

    /// The guard's files as they are: whether each is there, may run, and what it holds.
    fn guard(&self) -> Vec<Option<String>> {
        let binding = format!("{}/.claude/rwenv", self.rwenv);
        let places = GUARDED.iter().copied().chain([binding.as_str()]);
        let read = |name: &str| {
            let path = self.home.path(name);
            let meta = fs::metadata(&path).ok()?;
            Some(format!("{:o} {}", meta.permissions().mode(), fs::read_to_string(path).unwrap_or_default()))
        };
        places.map(read).collect()
    }

    fn place(&self, file: &str) -> PathBuf {
        file.strip_prefix("~/").map_or_else(|| self.folder.borrow().join(file), |rest| self.home.path(rest))
    }

    fn path(&self, first: Option<&Path>) -> String {
        let own = [".local/bin", ".krew/bin"].map(|folder| self.home.path(folder).display().to_string());
        let first = first.map(|folder| format!("{}:", folder.display())).unwrap_or_default();
        format!("{}:{first}{}:/usr/local/bin:/usr/bin:/bin", own[0], own[1])
    }
}
