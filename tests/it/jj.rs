//! Jujutsu, the real program: its pushes run no hook of git's, so that they are judged where they are typed, and where it starts git.
//! It is taken from `PATH`, or from the tests' cache (`cargo install jj-cli --root ~/.cache/rwenv-tests/jj`).

use std::path::PathBuf;

use crate::push::World;
use crate::support::{Answer, answer, find, skip, variable};

/// Repositories of both programs, with shims on `PATH`.
struct Jujutsu {
    world: World,
    jj: PathBuf,
}

impl Jujutsu {
    /// None where there is no jj, which is said.
    fn new(fields: &str) -> Option<Self> {
        let cached = || {
            let path = PathBuf::from(variable("HOME")?).join(".cache/rwenv-tests/jj/bin/jj");
            path.is_file().then_some(path)
        };
        let Some(jj) = find("jj").or_else(cached) else {
            skip("there is no jj");
            return None;
        };
        let it = Self { world: World::new(fields), jj };
        let home = &it.world.home;
        let mut install = home.command(env!("CARGO_BIN_EXE_rwenv"), &home.path(""));
        let installed = answer(install.args(["install", "--hook", crate::support::hook()]));
        assert_eq!(installed.code, 0, "{}", installed.stderr);
        it.world.sh(
            "",
            "git config --global user.name t; git config --global user.email t@example.com",
            false,
        );
        for name in ["flux", "app"] {
            home.write(&format!("{name}/.claude/rwenv"), "env\n");
            home.write(&format!("{name}/.git/info/exclude"), ".claude\n");
            let made = it.sh(
                name,
                "jj config set --user user.name t; jj config set --user user.email t@example.com; jj git init --colocate",
                false,
            );
            assert_eq!(made.code, 0, "{}", made.stderr);
            let made = it.sh(
                name,
                "echo two > two && jj commit -m two && jj bookmark create feature -r @- && jj bookmark track main --remote origin; jj bookmark move main --to @-",
                false,
            );
            assert_eq!(made.code, 0, "{}", made.stderr);
        }
        Some(it)
    }

    /// Runs shell code with the shims first on `PATH`.
    fn sh(&self, folder: &str, code: &str, agent: bool) -> Answer {
        let home = &self.world.home;
        let mut command = home.command("bash", &home.path(folder));
        if agent {
            command.env("CLAUDECODE", "1");
        }
        let jj = self.jj.parent().unwrap();
        let shims = home.path(".claude/rwenv/shims");
        command.env("PATH", format!("{}:{}:/usr/local/bin:/usr/bin:/bin", shims.display(), jj.display()));
        answer(command.args(["-c", code]))
    }

    /// What the hook says of a line, and what becomes of it with the shims alone: hook and shim are of one mind.
    fn pushes(&self, folder: &str, line: &str, wanted: &str) {
        let said = self.world.home.hook(folder, line);
        assert_eq!(said.decision(), wanted, "hook, {folder}: {line}\n{}{}", said.stdout, said.stderr);
        let before = self.world.refs(folder);
        let answer = self.sh(folder, line, true);
        let is_sent = self.world.refs(folder) != before;
        assert_eq!(is_sent, wanted == "allow", "shim, {folder}: {line}\n{}{}", answer.stdout, answer.stderr);
    }
}

#[test]
fn no_hook_of_gits_runs_so_that_hook_and_shim_judge() {
    let Some(it) = Jujutsu::new("") else { return };
    it.pushes("app", "jj git push -b main", "deny");
    it.pushes("app", "jj git push --all", "deny");
    it.pushes("app", "jj git push --bookmark 'glob:ma*'", "deny");
    it.pushes("app", "jj git push --bookmark feature", "allow");
    it.pushes("app", "jj git push --named other=@-", "allow");
    it.pushes("app", "jj git push -c @-", "allow");
    for line in [
        "jj git push -b feature",
        "jj git push -b main",
        "jj git push --named x=@-",
        "jj git push --all",
        "jj git push -c @-",
    ] {
        it.pushes("flux", line, "deny");
    }
    // Its branches are git's, and git asks.
    it.pushes("flux", "git push -q origin feature", "allow");
    let dry = it.sh("flux", "jj git push --dry-run -b main", true);
    assert_eq!(dry.code, 0, "{}", dry.stderr);
}

/// A person's own terminal has no hook and no shims: nothing asks, as the page says.
#[test]
fn a_person_s_own_jj_asks_nobody() {
    let Some(it) = Jujutsu::new("") else { return };
    it.world.home.write(
        "flux/apps/db.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: hunter2-of-the-test\n",
    );
    let jj = it.jj.display();
    let code =
        format!("{jj} commit -m secret && {jj} bookmark move feature --to @- && {jj} git push -b feature");
    let pushed = it.world.sh("flux", &code, false);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    assert!(it.world.refs("flux").contains("refs/heads/feature"), "no hook of git's ran");
}

#[test]
fn a_read_only_rwenv_lets_nothing_out_past_the_hooks() {
    let Some(it) = Jujutsu::new(r#","readOnly":true"#) else { return };
    for folder in ["flux", "app"] {
        for line in ["jj git push -b feature", "jj git push -b main", "jj git push"] {
            it.pushes(folder, line, "deny");
        }
    }
    it.pushes("app", "git push -q origin feature", "allow");
    let free = [
        "jj log --no-graph",
        "jj new",
        "jj describe -m x",
        "jj git fetch",
        "jj git push --dry-run -b feature",
    ];
    for line in free {
        let said = it.world.home.hook("app", line);
        assert_eq!(said.decision(), "allow", "{line}: {}{}", said.stdout, said.stderr);
    }
}
