//! What the tests share: a HOME of their own, and the programs run in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use assert_cmd::Command;
use tempfile::TempDir;

/// The checkout.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap())
}

/// The hook program. It belongs to another crate than these tests, so cargo does not build it for them alone: one that is older than
/// what it is made of would pass or fail for nothing.
pub(crate) fn hook() -> &'static str {
    static HOOK: OnceLock<String> = OnceLock::new();
    HOOK.get_or_init(|| {
        let path = Path::new(env!("CARGO_BIN_EXE_rwenv")).with_file_name("rwenv-hook");
        let changed = ["src/core", "src/gate", "policies"].map(|folder| newest(&root().join(folder)));
        let is_fresh = fs::metadata(&path)
            .and_then(|m| m.modified())
            .is_ok_and(|built| changed.iter().all(|changed| *changed <= built));
        assert!(is_fresh, "{} is missing or old: run cargo test --test hook --no-run", path.display());
        path.display().to_string()
    })
}

/// When a file of a folder was last changed.
fn newest(folder: &Path) -> SystemTime {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let changed = |path: PathBuf| {
        if path.is_dir() { newest(&path) } else { fs::metadata(path).unwrap().modified().unwrap() }
    };
    entries.map(changed).max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// What a program answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// The decision a hook's answer comes to.
    pub(crate) fn decision(&self) -> &'static str {
        match (self.code, self.stdout.is_empty(), self.stdout.contains("\"permissionDecision\":\"ask\"")) {
            (0, true, _) => "allow",
            // What is shown to the person, and decides nothing.
            (0, false, _) if self.stdout.starts_with("{\"systemMessage\":") => "allow",
            (0, false, true) => "ask",
            (2, true, _) => "deny",
            _ => "nothing a host understands",
        }
    }
}

/// A HOME with a read-only, a GitOps-only and a writable rwenv, and a project folder for each, named after it.
pub(crate) struct Home {
    dir: TempDir,
}

pub(crate) const ENVS: &str = r#"{
  "version": "1.0",
  "rwenvs": {
    "ro": { "type": "k3s", "readOnly": true, "kubernetesContext": "ro-ctx", "fluxGitRepo": "https://git.example.com/ro/flux.git" },
    "go": { "type": "gke", "gitOpsOnly": true, "kubernetesContext": "go-ctx", "fluxGitRepo": "https://git.example.com/go/flux.git" },
    "rw": { "type": "k3s", "kubernetesContext": "rw-ctx" }
  }
}
"#;

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self { dir: TempDir::new().unwrap() };
        home.write(".claude/rwenv/envs.json", ENVS);
        for name in ["ro", "go", "rw"] {
            home.write(&format!("{name}/.claude/rwenv"), &format!("{name}\n"));
        }
        fs::create_dir_all(home.path("none")).unwrap();
        home
    }

    /// A HOME with nothing in it.
    pub(crate) fn empty() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.dir.path()).unwrap().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        self.mode(name, 0o600);
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A program with nothing of the caller's environment.
    pub(crate) fn command(&self, program: &str, cwd: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.path(""))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .current_dir(cwd);
        command.env("GIT_CONFIG_NOSYSTEM", "1").timeout(std::time::Duration::from_secs(60));
        command
    }

    /// Gives the hook these bytes.
    pub(crate) fn hook_bytes(&self, bytes: impl Into<Vec<u8>>) -> Answer {
        let mut command = self.command(crate::support::hook(), &self.path(""));
        answer(command.arg("claude").write_stdin(bytes.into()))
    }

    /// Has the hook judge a command line that starts in a folder of this HOME.
    pub(crate) fn hook(&self, folder: &str, line: &str) -> Answer {
        self.hook_bytes(self.payload(folder, line).to_string())
    }

    /// A call as the agent sends it.
    pub(crate) fn payload(&self, folder: &str, line: &str) -> serde_json::Value {
        serde_json::json!({
            "session_id": "5b0c3f2a-0b7a-4f0e-9a55-3c8c3a2d7a11",
            "transcript_path": self.path(".claude/projects/p/5b0c3f2a.jsonl"),
            "cwd": self.path(folder),
            "prompt_id": "9d1f6f3e-7f3f-4c2e-8a59-0d2a5ad0c001",
            "permission_mode": "default",
            "effort": { "level": "medium" },
            "hook_event_name": "PreToolUse",
            "tool_name": "Bash",
            "tool_input": { "command": line, "description": "Run it", "timeout": 120_000, "run_in_background": false },
            "tool_use_id": "toolu_01A09q90qw90lq917835lq9",
        })
    }

    /// Runs `rwenv` in a folder of this HOME.
    pub(crate) fn rwenv(&self, folder: &str, arguments: &[&str]) -> Answer {
        self.rwenv_with(folder, arguments, "")
    }

    /// The same with something on standard input.
    pub(crate) fn rwenv_with(&self, folder: &str, arguments: &[&str], stdin: &str) -> Answer {
        let mut command = self.command(env!("CARGO_BIN_EXE_rwenv"), &self.path(folder));
        answer(command.args(arguments).write_stdin(stdin))
    }

    /// Runs git here and expects it to work.
    pub(crate) fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let mut command = self.command("git", &self.path(folder));
        command.args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "init.defaultBranch=main",
        ]);
        let answer = answer(command.args(arguments));
        assert_eq!(answer.code, 0, "git {arguments:?}: {}", answer.stderr);
        answer.stdout
    }
}

/// Runs a command to its end. One that a signal ends has the code shells give it.
pub(crate) fn answer(command: &mut Command) -> Answer {
    use std::os::unix::process::ExitStatusExt as _;
    let output = command.output().unwrap();
    let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Answer { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A variable of this process's own environment that says something.
#[expect(clippy::disallowed_methods, reason = "the tests' own environment, not the program's")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says that a test, or a part of it, is skipped, and why: on standard error, and in the file that `RWENV_SKIPPED` names, which `test.sh`
/// shows at its end.
pub(crate) fn skip(why: &str) {
    let thread = std::thread::current();
    let line = format!("{}: {why}\n", thread.name().unwrap_or("?"));
    eprint!("skipped {line}");
    if let Some(path) = variable("RWENV_SKIPPED") {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        std::io::Write::write_all(&mut file, line.as_bytes()).unwrap();
    }
}

/// Where a program lies on this process's own `PATH`.
#[expect(clippy::disallowed_methods, reason = "a test looks for the programs of the machine it runs on")]
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// The same for a program that every machine has.
pub(crate) fn which(program: &str) -> PathBuf {
    find(program).ok_or(program).unwrap()
}
