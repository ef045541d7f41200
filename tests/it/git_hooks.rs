//! Our git hooks beside those of others, as the others' own programs write them: git-lfs, husky, pre-commit, prek, lefthook.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::beside::Beside;
use crate::fetched;

#[test]
fn what_git_lfs_keeps_is_uploaded_where_our_hook_was_there_first() {
    let Some(lfs) = fetched::lfs() else { return };
    let mut it = Beside::new(&[&lfs]);
    it.ok("", "git lfs install --skip-repo");
    it.installs("app");
    // A repository without it has nothing to do with it.
    assert!(!it.pushes("app", "none").contains("lfs"));
    let traced = it.ok("app", "git commit -q --allow-empty -m x && GIT_TRACE=1 git push -q origin HEAD:none");
    assert!(!traced.contains("lfs pre-push"), "{traced}");
    // It leaves a hook alone that is not its own.
    assert!(it.sh("app", "git lfs install --local").code != 0);
    it.ok(
        "app",
        "git lfs track '*.bin' && head -c 5000 /dev/urandom > a.bin && git add -A && git commit -qm lfs",
    );
    let path = std::mem::replace(&mut it.path, "/usr/bin:/bin".to_owned());
    let told = it.stopped("app", "git push -q origin HEAD:main");
    assert!(told.contains("git-lfs is not on PATH") && told.contains("instead: install git-lfs"), "{told}");
    // Taking a branch away needs nothing of it.
    it.ok("app", "git push -q origin :none");
    it.path = path;
    it.ok("app", "git push -q origin HEAD:main");
    assert_eq!(it.uploaded(), 1);
    it.ok("", "git clone -q remotes/app.git other && cmp app/a.bin other/a.bin");
    // Where a hook starts it, it is not started twice.
    it.ok("", "git init -q --bare remotes/two.git && git clone -q remotes/app.git two && cp app/.git/hooks/pre-push ours");
    it.ok("two", "git lfs install --local && git remote add next ../remotes/two.git");
    it.installs("two");
    let traced = it.ok("two", "GIT_TRACE=1 git push -q next HEAD:main");
    assert_eq!(traced.matches("exec: git-lfs pre-push").count(), 1, "{traced}");
    assert_eq!(it.ok("", "find remotes/two.git/lfs/objects -type f | wc -l").trim(), "1");
}

#[test]
fn what_git_lfs_keeps_is_uploaded_with_hooks_for_all_repositories() {
    let Some(lfs) = fetched::lfs() else { return };
    let it = Beside::new(&[&lfs]);
    it.ok("", "git lfs install --skip-repo && rwenv hooks install --global");
    // It leaves our hook alone, and then puts in none of its others, which keep files read-only that want a lock.
    it.sh("app", "git lfs install --local --force && rwenv hooks install");
    it.ok("app", "git lfs track --lockable '*.bin' && head -c 5000 /dev/urandom > a.bin && git add -A && git commit -qm lfs");
    assert_eq!(
        fs::metadata(it.file("app/a.bin")).unwrap().permissions().mode() & 0o222,
        0,
        "post-commit of git-lfs ran"
    );
    it.ok("app", "git push -q origin HEAD:main");
    assert_eq!(it.uploaded(), 1);
    it.ok("", "git -C remotes/app.git symbolic-ref HEAD refs/heads/main && git clone -q remotes/app.git w");
    it.ok("w", "rm -f a.bin; head -c 5000 /dev/urandom > a.bin && git commit -qam more && git push -q origin HEAD:main");
    assert_eq!(it.uploaded(), 2);
    it.ok("", "git clone -q remotes/app.git v && cmp w/a.bin v/a.bin");
}

#[test]
fn the_team_s_husky_hook_runs() {
    let Some(programs) = fetched::managers() else { return };
    let it = Beside::new(&[&programs.modules.join(".bin/husky")]);
    it.script("app/.husky/pre-push", "echo \"team $1 $(wc -l)\" >> ../ran\nexit ${TEAM:-0}\n");
    it.ok("app", "husky && git add -A && git commit -qm husky && cp .husky/_/pre-push ../before");
    assert!(it.installs("app").contains("then runs"));
    assert_eq!(it.ok("app", "git status --porcelain"), "", "nothing to commit");
    it.stopped("app", "TEAM=3 git push -q origin HEAD:a");
    it.ok("app", "git push -q origin HEAD:a HEAD:b");
    assert_eq!(it.ran(), "team origin 1\nteam origin 2\n");
    // It writes its hooks again with every npm install.
    for round in 0..2 {
        it.ok("app", "husky");
        it.installs("app");
        it.pushes("app", &format!("again{round}"));
        assert_eq!(it.ran(), "team origin 1\n");
    }
    it.ok("app", "rwenv hooks uninstall && cmp .husky/_/pre-push ../before");
    assert_eq!(it.left("app"), "");
    it.pushes("app", "without");
    assert_eq!(it.ran(), "team origin 1\n");
}

#[test]
fn a_hook_that_goes_by_its_own_name_and_place_finds_them() {
    let it = Beside::new(&[]);
    let said = "pre-push origin ../remotes/app.git 1 here\n";
    let rest = "\"$@\" $(wc -l) $X >> ../ran";
    let hooks = [
        format!("#!/bin/sh\necho $(basename \"$0\") {rest}\n"),
        format!("#!/usr/bin/env bash\necho $(basename \"$(readlink -f \"${{BASH_SOURCE[0]}}\")\") {rest}\n"),
        format!("#!/bin/sh\n. \"$(dirname \"$0\")/lib.sh\"\nsay {rest}\n"),
        "#!/bin/sh\nexec \"$0.d/one\" \"$@\"\n".to_owned(),
        "#!/bin/sh\nexec \"$(git rev-parse --show-toplevel)/$(basename \"$0\").sh\" \"$@\"\n".to_owned(),
        "#!/bin/sh\nexec \"$(dirname \"$0\")/../../pre-push.sh\" \"$@\"\n".to_owned(),
        "#!/bin/sh\nif [ -z \"$TWICE\" ]; then TWICE=1 exec \"$0\" \"$@\"; fi\nexec ./pre-push.sh \"$@\"\n".to_owned(),
        "#!/usr/bin/env python3\nimport sys, os, pathlib\nopen('../ran', 'a').write(' '.join([pathlib.Path(__file__).resolve().name, \
         *sys.argv[1:], str(len(sys.stdin.readlines())), os.environ['X']]) + '\\n')\n"
            .to_owned(),
    ];
    it.script("app/pre-push.sh", &format!("#!/bin/sh\necho pre-push {rest}\n"));
    it.world.home.write("app/.git/hooks/lib.sh", "say() { echo \"$(basename \"$0\")\" \"$@\"; }\n");
    it.script("app/.git/hooks/pre-push.d/one", &format!("#!/bin/sh\necho pre-push {rest}\n"));
    let check = |what: &str, number: usize| {
        for _ in 0..2 {
            it.installs("app");
        }
        it.ok(
            "app",
            &format!("git commit -q --allow-empty -m x && X=here git push -q origin HEAD:b{number}"),
        );
        assert_eq!(it.ran(), said, "{what}");
        it.ok("app", "rwenv hooks uninstall");
    };
    for (number, text) in hooks.iter().enumerate() {
        it.script("app/.git/hooks/pre-push", text);
        check(text, number);
        assert_eq!(it.world.home.read("app/.git/hooks/pre-push"), *text);
    }
    // A link that is said from where it lies.
    let hook = it.file("app/.git/hooks/pre-push");
    fs::remove_file(&hook).unwrap();
    symlink("../../pre-push.sh", &hook).unwrap();
    check("a link", 20);
    assert_eq!(fs::read_link(&hook).unwrap(), Path::new("../../pre-push.sh"));
    // A neighbour that comes later.
    fs::remove_file(&hook).unwrap();
    it.script("app/.git/hooks/pre-push", "#!/bin/sh\nexec \"$(dirname \"$0\")/later\" \"$@\"\n");
    it.installs("app");
    it.script("app/.git/hooks/later", &format!("#!/bin/sh\necho pre-push {rest}\n"));
    check("later", 21);
    // One that is kept as earlier versions did.
    it.installs("app");
    let kept = it.file("app/.git/hooks.before-rwenv");
    fs::rename(kept.join("pre-push"), it.file("app/.git/hooks/pre-push.before-rwenv")).unwrap();
    fs::remove_dir_all(kept).unwrap();
    it.ok("app", "git commit -q --allow-empty -m x && X=here git push -q origin HEAD:old");
    assert_eq!(it.ran(), said);
    check("from before", 22);
    assert_eq!(it.left("app"), "");
}

#[test]
fn hooks_that_are_committed_are_not_written_to() {
    let it = Beside::new(&[]);
    let team = "#!/bin/sh\necho \"team $1 $(wc -l)\" >> ../ran\n";
    for name in ["app", "flux"] {
        it.script(&format!("{name}/.githooks/pre-push"), team);
        it.ok(name, "git config core.hooksPath .githooks && git add -A && git commit -qm hooks");
    }
    let refuses = |folder: &str, why: &str| {
        let answer = it.sh(folder, "rwenv hooks install");
        assert!(answer.code == 1 && answer.stderr.contains(why), "{answer:?}");
        assert_eq!(it.ok(folder, "git status --porcelain"), "");
        answer.stderr
    };
    let told = refuses("app", "git tracks files in this folder");
    assert!(it.sh("app", "rwenv hooks status").code == 1);
    // What it says to do instead works, with and without rwenv, and the team's hook gets its input.
    let lines = told.split_once("\n\n").unwrap().1;
    for name in ["app", "flux"] {
        it.script(&format!("{name}/.githooks/pre-push"), &team.replacen('\n', &format!("\n{lines}"), 1));
        it.ok(name, "git commit -qam lines");
        assert!(it.installs(name).contains("checks pushes"));
        assert_eq!(it.ok(name, "git status --porcelain"), "");
    }
    it.ok("app", "git push -q origin HEAD:a HEAD:b");
    it.ok("app", "PATH=/usr/bin:/bin git push -q origin HEAD:c");
    // Nothing is new: git gives no line, and neither do the lines.
    it.ok("app", "git push -q origin HEAD:a");
    assert_eq!(it.ran(), "team origin 2\nteam origin 1\nteam origin 0\n");
    assert!(it.stopped("flux", "git push -q origin HEAD:a").contains("[read-only.flux-repository]"));
    let kept = it.sh("app", "rwenv hooks uninstall");
    assert!(kept.code == 1 && kept.stdout.contains("by hand"), "{kept:?}");
    assert_eq!(it.ok("app", "git status --porcelain"), "");
    // Links to it, a file that would be committed, a folder that is not there, somebody else's repository.
    it.ok("app", "git checkout -q HEAD~1 && git config --unset core.hooksPath && rm -r .git/hooks && ln -s ../.githooks .git/hooks");
    refuses("app", "git tracks files in this folder");
    it.ok("app", "git config core.hooksPath shared/hooks");
    let told = refuses("app", "it is in the working tree");
    assert!(told.contains("make it, executable") && !it.file("app/shared").exists(), "{told}");
    it.ok("app", "git config core.hooksPath ../flux/.githooks && git -C ../flux reset -q --hard HEAD~1");
    refuses("app", "git tracks files in this folder");
    // What is ignored is this machine's own, and so is a folder outside.
    it.ok("app", "echo /mine > .git/info/exclude && mkdir mine && git config core.hooksPath mine");
    it.installs("app");
    assert_eq!(it.ok("app", "git status --porcelain"), "");
    it.ok("app", "rwenv hooks uninstall && mkdir ../outside && git config core.hooksPath ../outside");
    it.installs("app");
}

const PRE_COMMIT: &str = "repos:\n- repo: local\n  hooks:\n  - id: x\n    name: x\n    language: system\n    \
    entry: sh -c 'echo tool >> ../ran'\n    stages: [pre-push]\n    always_run: true\n    pass_filenames: false\n";
const LEFTHOOK: &str = "pre-push:\n  commands:\n    x:\n      run: echo tool >> ../ran\n";

/// Tools that write a pre-push hook into `.git/hooks`: the command that does, and their configuration.
fn writers() -> Vec<(PathBuf, &'static str, &'static str, &'static str)> {
    let config = ".pre-commit-config.yaml";
    let Some(programs) = fetched::managers() else { return Vec::new() };
    let (python, modules) = (programs.python.join("bin"), programs.modules.join(".bin"));
    vec![
        (python.join("pre-commit"), "pre-commit install -t pre-push", config, PRE_COMMIT),
        (python.join("prek"), "prek install -t pre-push", config, PRE_COMMIT),
        (modules.join("lefthook"), "lefthook install", "lefthook.yml", LEFTHOOK),
    ]
}

#[test]
fn a_tool_that_writes_its_hook_again_is_taken_up_again() {
    for (program, writes, file, text) in writers() {
        let it = Beside::new(&[&program]);
        for name in ["app", "flux"] {
            it.world.home.write(&format!("{name}/{file}"), text);
            it.ok(name, &format!("git add -A && git commit -qm tool && {writes}"));
        }
        let branch = std::cell::Cell::new(0);
        let pushes = |ran: &str| {
            branch.set(branch.get() + 1);
            it.pushes("app", &format!("b{}", branch.get()));
            assert_eq!(it.ran(), ran, "{writes}");
        };
        for _ in 0..3 {
            it.installs("app");
            it.installs("app");
            pushes("tool\n");
            // Between its writing and ours nothing runs twice, and nothing is stopped.
            it.ok("app", writes);
            pushes("tool\n");
        }
        it.installs("app");
        it.installs("flux");
        assert!(it.stopped("flux", "git push -q origin HEAD:a").contains("[read-only.flux-repository]"));
        // Back to what the tool wrote.
        let out = it.ok("app", "rwenv hooks uninstall");
        assert!(!out.contains("is missing"), "{out}");
        assert_eq!(it.left("app"), "", "{writes}");
        pushes("tool\n");
        // With a hook of one's own below: neither is lost, whoever came first.
        it.ok("app", "rm .git/hooks/pre-push");
        it.script("app/.git/hooks/pre-push", "#!/bin/sh\necho mine >> ../ran\n");
        it.installs("app");
        it.ok("app", writes);
        it.installs("app");
        pushes("mine\ntool\n");
        it.ok("app", writes);
        it.installs("app");
        pushes("mine\ntool\n");
        let out = it.ok("app", "rwenv hooks uninstall");
        assert!(out.contains("is an earlier hook and stays there"), "{out}");
        pushes("tool\n");
        it.installs("app");
        pushes("mine\ntool\n");
    }
}

#[test]
fn a_hook_that_a_tool_put_aside_is_not_lost() {
    let Some(programs) = fetched::managers() else { return };
    let it = Beside::new(&[&programs.python.join("bin/pre-commit")]);
    it.world.home.write("app/.pre-commit-config.yaml", PRE_COMMIT);
    it.script("app/.git/hooks/pre-push", "#!/bin/sh\necho mine >> ../ran\n");
    let writes = "pre-commit install -t pre-push";
    it.ok("app", &format!("git add -A && git commit -qm tool && {writes}"));
    for round in 0..2 {
        it.installs("app");
        it.pushes("app", &format!("b{round}"));
        assert_eq!(it.ran(), "mine\ntool\n");
        // It puts ours aside under the name under which it had put the other.
        it.ok("app", writes);
    }
    for again in [":", writes] {
        it.installs("app");
        it.ok("app", &format!("{again} && rwenv hooks uninstall"));
        assert_eq!(it.left("app"), "");
        it.pushes("app", &format!("without-{}", again.len()));
        assert_eq!(it.ran(), "mine\ntool\n");
    }
}

#[test]
fn a_hook_for_all_repositories_is_in_each_and_in_those_to_come() {
    let it = Beside::new(&[]);
    it.script("app/.git/hooks/commit-msg", "#!/bin/sh\necho own >> ~/ran\n");
    it.script("flux/.git/hooks/pre-push", "#!/bin/sh\necho mine >> ~/ran\n");
    it.ok("", "mkdir -p .hidden deep/node_modules && git clone -q app deep/er && git clone -q app .hidden/x && git clone -q app deep/node_modules/x");
    it.ok("", "git clone -q app team && cd team && mkdir .githooks && echo 'exit 0' > .githooks/pre-push && git add -A && git commit -qm hooks && git config core.hooksPath .githooks");
    let told = it.ok("", "rwenv hooks install --global");
    assert!(
        told.contains("each repository gets a hook of its own") && told.contains("team/.githooks"),
        "{told}"
    );
    for name in ["app", "flux", "deep/er"] {
        assert!(told.contains(&format!("{name}/.git/hooks/pre-push checks pushes")), "{told}");
        assert!(it.ok(name, "rwenv hooks status").contains("checks pushes"), "{name}");
    }
    assert_eq!(it.ok("", "grep -rl 'rwenv git-hook' .hidden deep/node_modules team || true"), "");
    // Those to come have it, with all that git puts into a repository without us.
    it.ok("", "git init -q made && GIT_CONFIG_GLOBAL=/dev/null git init -q -b main plain");
    assert_eq!(it.ok("", "diff -rq made/.git plain/.git || true"), "Only in made/.git/hooks: pre-push\n");
    it.ok("", "git clone -q remotes/app.git next && cd next && rwenv hooks status");
    // The other hooks are git's affair alone: what they cost, and that they are there.
    it.ok("app", "git commit -q --allow-empty -m x && git push -q origin HEAD:a");
    assert_eq!(it.ran(), "own\n");
    assert!(it.stopped("flux", "git push -q origin HEAD:a").contains("[read-only.flux-repository]"));
    it.ok("next", "git push -q origin HEAD:next");
    // It knows of a clone since a push from there.
    it.ok("", "mv next .hidden/next");
    let told = it.ok("", "rwenv hooks uninstall --global");
    assert!(told.contains("is removed"), "{told}");
    assert_eq!(
        it.ok("", "grep -rl 'rwenv git-hook' . --include=pre-push || true"),
        "./.hidden/next/.git/hooks/pre-push\n"
    );
    assert_eq!(it.sh("", "git config --global init.templateDir").code, 1);
    assert_eq!(it.world.home.read("flux/.git/hooks/pre-push"), "#!/bin/sh\necho mine >> ~/ran\n");
}

#[test]
fn a_hook_for_all_repositories_is_a_guest_in_what_a_person_has_set() {
    let it = Beside::new(&[]);
    // A template of one's own, which stays, and whose hook goes on running in what is made from it.
    it.script("mine/hooks/pre-push", "#!/bin/sh\necho mine >> ~/ran\n");
    it.ok("", "echo x > mine/description && git config --global init.templateDir '~/mine' && rwenv hooks install --global app");
    assert!(it.ok("app", "rwenv hooks status").contains("checks pushes"));
    assert_eq!(it.sh("flux", "rwenv hooks status").code, 1, "it was to look below app alone");
    it.ok("", "git clone -q remotes/app.git next && cd next && cmp .git/description ../mine/description && git push -q origin HEAD:next");
    assert_eq!(it.ran(), "mine\n");
    it.ok("", "rwenv hooks uninstall --global");
    assert_eq!(it.world.home.read("mine/hooks/pre-push"), "#!/bin/sh\necho mine >> ~/ran\n");
    assert_eq!(it.ok("", "git config --global init.templateDir").trim(), "~/mine");
    // One that is committed, with a person's other settings, is not written to.
    it.ok("mine", "git init -q && git add -A && git commit -qm mine");
    let told = it.sh("", "rwenv hooks install --global");
    assert!(told.code == 1 && told.stderr.contains("git tracks files in this folder"), "{told:?}");
    assert_eq!(it.ok("mine", "git status --porcelain"), "");
    // A folder of hooks for all repositories: in there, and nowhere else.
    it.ok(
        "",
        "mkdir shared && git config --global core.hooksPath '~/shared' && rwenv hooks install --global",
    );
    assert!(it.stopped("flux", "git push -q origin HEAD:a").contains("[read-only.flux-repository]"));
    assert_eq!(it.left("flux"), "");
    it.ok("", "rwenv hooks uninstall --global");
    assert!(!it.file("shared/pre-push").exists());
    it.ok("", "git config --global core.hooksPath .hooks");
    let told = it.sh("", "rwenv hooks install --global");
    assert!(told.code == 1 && told.stderr.contains("relative to each repository"), "{told:?}");
}

#[test]
fn a_configuration_that_cannot_be_written_leaves_no_hooks() {
    let it = Beside::new(&[]);
    // git writes a lock beside the file first.
    it.ok("", "touch .gitconfig.lock");
    assert!(it.sh("", "rwenv hooks install --global").code != 0);
    assert!(!it.file(".claude/rwenv/git-template").exists());
    assert_eq!(it.left("app"), "");
}

/// A repository whose hooks git tracks gets none of ours; where a rwenv is selected, the doctor says so.
#[test]
fn the_doctor_names_a_repository_whose_own_hooks_are_in_the_way() {
    let it = Beside::new(&[]);
    it.script("app/.githooks/pre-push", "#!/bin/sh\n");
    it.ok("app", "git config core.hooksPath .githooks && git add -A && git commit -qm hooks");
    let told = |it: &Beside| {
        it.ok("", "rwenv hooks install --global 2>&1");
        it.sh("", "rwenv doctor --offline").stdout
    };
    assert!(!told(&it).contains(".githooks"), "no rwenv is selected there");
    it.world.home.write("app/.claude/rwenv", "env\n");
    let said = told(&it);
    assert!(
        said.contains("git does not ask rwenv before it pushes") && said.contains("app/.githooks"),
        "{said}"
    );
    assert_eq!(it.ok("app", "git status --porcelain -- .githooks"), "");
}

/// A rwenv that crashes says nothing by itself: the hook does, and nothing is pushed, while other hooks go on.
#[test]
fn a_rwenv_that_is_broken_is_told_and_nothing_is_pushed() {
    let world = crate::push::World::new("");
    let hook = world.home.read("app/.git/hooks/pre-push");
    let line = hook.lines().find(|line| line.starts_with("rwenv=")).unwrap();
    let broken = world.home.path("broken");
    let changed = hook.replace(line, &format!("rwenv='{}'", broken.display()));
    world.home.write("app/.git/hooks/pre-push", &changed);
    world.home.mode("app/.git/hooks/pre-push", 0o755);
    world.home.write("app/.git/hooks/post-commit", "#!/bin/sh\necho theirs >> ../ran\n");
    world.home.mode("app/.git/hooks/post-commit", 0o755);
    for (number, end) in ["exit 139", "exit 127", "kill -SEGV $$"].iter().enumerate() {
        world.home.write("broken", &format!("#!/bin/sh\n{end}\n"));
        world.home.mode("broken", 0o755);
        world.commit("app", "more");
        assert_eq!(world.home.read("ran").lines().count(), number + 1, "{end}");
        let before = world.refs("app");
        let pushed = world.push("app", &format!("origin HEAD:refs/heads/b{number}"));
        assert_ne!(pushed.code, 0, "{end}");
        assert_eq!(world.refs("app"), before, "{end}");
        for part in ["so nothing is pushed", "instead: "] {
            assert!(pushed.stderr.contains(part), "{end}: {}", pushed.stderr);
        }
    }
}
