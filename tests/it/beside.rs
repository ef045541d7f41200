//! Repositories beside the real programs that write git hooks, and what their hooks and ours do when one pushes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::push::World;
use crate::support::{Answer, answer};

/// A world whose repositories have no hook yet, and further programs on `PATH`.
pub(crate) struct Beside {
    pub(crate) world: World,
    pub(crate) path: String,
}

impl Beside {
    pub(crate) fn new(programs: &[&Path]) -> Self {
        let world = World::new(r#","readOnly":true"#);
        for name in ["flux", "app"] {
            assert_eq!(world.home.rwenv(name, &["hooks", "uninstall"]).code, 0);
        }
        for (key, value) in
            [("user.name", "t"), ("user.email", "t@example.com"), ("init.defaultBranch", "main")]
        {
            world.home.git("", &["config", "--global", key, value]);
        }
        let folders = programs.iter().copied().chain([Path::new(env!("CARGO_BIN_EXE_rwenv"))]);
        let folders = folders.map(|program| program.parent().unwrap().display().to_string());
        let path = folders.chain(["/usr/local/bin:/usr/bin:/bin".to_owned()]).collect::<Vec<_>>().join(":");
        Self { world, path }
    }

    /// Runs shell code with the programs.
    pub(crate) fn sh(&self, folder: &str, code: &str) -> Answer {
        let mut command = self.world.home.command("bash", &self.file(folder));
        answer(command.env("PATH", &self.path).args(["-c", code]))
    }

    pub(crate) fn ok(&self, folder: &str, code: &str) -> String {
        let answer = self.sh(folder, code);
        assert_eq!(answer.code, 0, "{code}: {answer:?}");
        answer.stdout + &answer.stderr
    }

    /// Pushes a new commit to a branch of this name, which nobody refuses.
    pub(crate) fn pushes(&self, folder: &str, branch: &str) -> String {
        self.ok(folder, &format!("git commit -q --allow-empty -m x && git push -q origin HEAD:{branch}"))
    }

    /// Pushes and is stopped.
    pub(crate) fn stopped(&self, folder: &str, code: &str) -> String {
        let before = self.world.refs(folder);
        let answer = self.sh(folder, code);
        assert!(answer.code != 0, "{code}: {answer:?}");
        assert_eq!(self.world.refs(folder), before, "{code}");
        answer.stdout + &answer.stderr
    }

    pub(crate) fn installs(&self, folder: &str) -> String {
        self.ok(folder, "rwenv hooks install")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.world.home.path(name)
    }

    pub(crate) fn script(&self, name: &str, text: &str) {
        self.world.home.write(name, text);
        self.world.home.mode(name, 0o755);
    }

    /// What hooks have said to this file since the last time.
    pub(crate) fn ran(&self) -> String {
        let path = self.file("ran");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        text
    }

    /// What lies in a repository's own folder of git that says it is ours.
    pub(crate) fn left(&self, folder: &str) -> String {
        self.ok(folder, "find . -name '*before-rwenv*'; grep -rl 'rwenv git-hook' .git/hooks || true")
    }

    /// How many objects of git-lfs the other side of `app` has.
    pub(crate) fn uploaded(&self) -> usize {
        self.ok("", "find remotes/app.git/lfs/objects -type f 2>/dev/null | wc -l").trim().parse().unwrap()
    }
}
