//! Every manager of git hooks beside ours, in each order, through each step of their common life: whose check runs when one
//! pushes. `docs/git.md` shows the table; `RWENV_WRITE_DOCS=1` writes it.

use std::fs;
use std::path::Path;

use crate::beside::Beside;
use crate::fetched::{self, Managers};
use crate::support::{find, root, skip};

/// What the manager's check does, by whatever it is started.
const CHECK: &str = "echo theirs >> ~/ran";
/// What every one of them finds in the repository; each reads its own.
const FILES: [(&str, &str); 7] = [
    (
        "package.json",
        r#"{"name": "app", "simple-git-hooks": {"pre-push": "echo theirs >> ~/ran"}, "gitHooks": {"pre-push": "echo theirs >> ~/ran"}}"#,
    ),
    ("lefthook.yml", "pre-push:\n  commands:\n    x:\n      run: echo theirs >> ~/ran\n"),
    (
        ".pre-commit-config.yaml",
        "repos:\n- repo: local\n  hooks:\n  - id: x\n    name: x\n    language: system\n    entry: sh -c 'echo theirs >> ~/ran'\n    \
         stages: [pre-push]\n    always_run: true\n    pass_filenames: false\n",
    ),
    (
        ".overcommit.yml",
        "verify_signatures: false\nCommitMsg:\n  ALL:\n    enabled: false\nPreCommit:\n  ALL:\n    enabled: false\nPrePush:\n  \
         Theirs:\n    enabled: true\n    command: [\"sh\", \"-c\", \"echo theirs >> ~/ran\"]\n",
    ),
    (
        "captainhook.json",
        r#"{"pre-push": {"enabled": true, "actions": [{"action": "echo theirs >> ~/ran"}]}}"#,
    ),
    ("vendor/autoload.php", ""),
    (".gitignore", "node_modules\nvendor\n"),
];

/// How one of them is put in and taken out, as its own documentation says.
struct Manager {
    name: &'static str,
    install: &'static str,
    uninstall: &'static str,
    /// Its folder of hooks is committed.
    committed: bool,
    /// Where git looks for its hook.
    hook: &'static str,
}

const HOOK: &str = ".git/hooks/pre-push";

const MANAGERS: [Manager; 10] = [
    Manager {
        name: "husky 9.1.7",
        install: "husky",
        uninstall: "git config --unset core.hooksPath",
        committed: false,
        hook: ".husky/_/pre-push",
    },
    Manager {
        name: "husky 8.0.3",
        install: "node \"$MODULES/husky8/lib/bin.js\" install",
        uninstall: "node \"$MODULES/husky8/lib/bin.js\" uninstall",
        committed: true,
        hook: ".husky/pre-push",
    },
    Manager {
        name: "lefthook 2.2.2",
        install: "lefthook install",
        uninstall: "lefthook uninstall --keep-config",
        committed: false,
        hook: HOOK,
    },
    Manager {
        name: "pre-commit 4.7.0",
        install: "pre-commit install -t pre-push",
        uninstall: "pre-commit uninstall -t pre-push",
        committed: false,
        hook: HOOK,
    },
    Manager {
        name: "prek 0.5.10",
        install: "prek install -t pre-push",
        uninstall: "prek uninstall -t pre-push",
        committed: false,
        hook: HOOK,
    },
    Manager {
        name: "simple-git-hooks 2.14.0",
        install: "simple-git-hooks",
        uninstall: "node \"$MODULES/simple-git-hooks/uninstall.js\"",
        committed: false,
        hook: HOOK,
    },
    Manager {
        name: "yorkie 2.0.0",
        install: "node node_modules/yorkie/bin/install.js",
        uninstall: "node node_modules/yorkie/bin/uninstall.js",
        committed: false,
        hook: HOOK,
    },
    Manager {
        name: "overcommit 0.72.0",
        install: "overcommit --install",
        uninstall: "overcommit --uninstall",
        committed: false,
        hook: HOOK,
    },
    Manager {
        name: "captainhook 5.25.1",
        install: "captainhook install --only-enabled -n -f -p \"$(command -v captainhook)\"",
        uninstall: "captainhook uninstall -n -f",
        committed: false,
        hook: HOOK,
    },
    Manager {
        name: "git-lfs 3.6.1",
        install: "git lfs install --local",
        uninstall: "git lfs uninstall --local",
        committed: false,
        hook: HOOK,
    },
];

/// Those that neither npm nor PyPI has: Ruby's and PHP's, tried where somebody has installed them.
const BY_HAND: [&str; 2] = ["captainhook", "overcommit"];

/// Who was there first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Theirs,
    Ours,
    Everywhere,
}

/// One repository, its manager, and rwenv in a place from which it can be taken away.
struct Row<'m> {
    it: Beside,
    manager: &'m Manager,
    order: Order,
    pushes: std::cell::Cell<usize>,
    /// Our lines stand in a hook that is committed.
    lines: std::cell::Cell<bool>,
    /// git starts hooks that are configured.
    is_new: bool,
}

impl<'m> Row<'m> {
    fn new(manager: &'m Manager, order: Order, programs: &Managers, git: Option<&Path>) -> Self {
        let mut it = Beside::new(&[]);
        let home = it.file("");
        let own = home.join("bin/rwenv");
        fs::create_dir(home.join("bin")).unwrap();
        if fs::hard_link(env!("CARGO_BIN_EXE_rwenv"), &own).is_err() {
            fs::copy(env!("CARGO_BIN_EXE_rwenv"), &own).unwrap();
        }
        // It says nothing of its own that could be counted; others start it where it is there.
        if let Some(lfs) = programs.lfs.as_ref().filter(|_| manager.name.starts_with("git-lfs")) {
            let lfs = lfs.display();
            it.script(
                "bin/git-lfs",
                &format!("#!/bin/sh\n[ \"$1\" != pre-push ] || {CHECK}\nexec {lfs} \"$@\"\n"),
            );
            it.world.home.write("app/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
        }
        let folders = [Some(home.join("bin")), git.map(Path::to_owned), Some(programs.modules.join(".bin"))];
        let folders = folders.into_iter().flatten().chain([programs.python.join("bin")]);
        let node = find("node").and_then(|node| Some(node.parent()?.to_owned()));
        let folders: Vec<String> = folders.chain(node).map(|folder| folder.display().to_string()).collect();
        it.path = format!("{}:/usr/local/bin:/usr/bin:/bin", folders.join(":"));
        for (name, text) in FILES {
            it.world.home.write(&format!("app/{name}"), text);
        }
        let husky = ["#!/usr/bin/env sh\n. \"$(dirname -- \"$0\")/_/husky.sh\"\n\n", ""];
        it.script("app/.husky/pre-push", &format!("{}{CHECK}\n", husky[usize::from(!manager.committed)]));
        it.world.home.write("app/.claude/rwenv", "env\n");
        it.ok("app", "echo .claude > .git/info/exclude && git add -A && git commit -qm files");
        let modules = programs.modules.display();
        it.ok(
            "app",
            &format!(
                "mkdir node_modules && cp -r {modules}/yorkie node_modules/yorkie && ln -s {modules}/* node_modules/ 2>/dev/null; true"
            ),
        );
        Self {
            it,
            manager,
            order,
            pushes: std::cell::Cell::new(0),
            lines: std::cell::Cell::new(false),
            is_new: git.is_some(),
        }
    }

    /// Runs shell code of the manager; it may refuse, which the table shows by what runs afterwards.
    fn theirs(&self, code: &str) {
        self.it.sh("app", &format!("export MODULES=\"$PWD/node_modules\"; {code}"));
    }

    /// Has rwenv put its hook in, or what it says is done instead.
    fn ours(&self) {
        if self.order == Order::Everywhere {
            self.it.ok("", "rwenv hooks install --global");
            return;
        }
        let answer = self.it.sh("app", "rwenv hooks install");
        assert_eq!(self.it.ok("app", "git status --porcelain"), "", "{}: {answer:?}", self.manager.name);
        if answer.code == 0 {
            return;
        }
        assert!(self.manager.committed && !self.is_new, "{}: {answer:?}", self.manager.name);
        self.lines.set(true);
        let (told, lines) = answer.stderr.split_once("\n\n").unwrap();
        let below = told.split_once("below line ").unwrap().1.split(';').next().unwrap();
        let hook = format!("app/{}", self.manager.hook);
        let mut text: Vec<String> = self.it.world.home.read(&hook).lines().map(str::to_owned).collect();
        text.insert(below.parse().unwrap(), lines.trim_end().to_owned());
        self.it.script(&hook, &format!("{}\n", text.join("\n")));
        self.it.ok("app", "git commit -qam lines");
    }

    fn ours_out(&self) {
        match self.order {
            Order::Everywhere => drop(self.it.ok("", "rwenv hooks uninstall --global")),
            _ if self.lines.get() => {
                drop(self.it.ok(
                    "app",
                    "git revert --no-edit \"$(git log -1 --format=%H --grep '^lines$')\" >/dev/null",
                ))
            }
            _ => {
                let told = self.it.ok("app", "rwenv hooks uninstall");
                if told.contains("git lfs install --local") {
                    self.theirs("git lfs install --local");
                }
            }
        }
    }

    /// Pushes, and says whose checks have run.
    fn cell(&self) -> String {
        let number = self.pushes.get();
        self.pushes.set(number + 1);
        let before = self.records();
        let answer = self.it.sh(
            "app",
            &format!("git commit -q --allow-empty -m x; git push -q origin HEAD:refs/heads/b{number}"),
        );
        let theirs = self.it.ran().lines().count();
        let ours = self.records() - before;
        assert_eq!(self.it.ok("app", "git status --porcelain"), "", "{}", self.manager.name);
        let sent = self.it.world.refs("app").contains(&format!("refs/heads/b{number}\n"));
        assert_eq!(sent, answer.code == 0, "{answer:?}");
        match (theirs, ours, sent) {
            (1, 1, true) => "both".to_owned(),
            (1, 0, true) => "theirs".to_owned(),
            (0, 1, true) => "ours".to_owned(),
            (0, 0, true) => "neither".to_owned(),
            // overcommit's hook looks for files that its uninstaller has removed.
            (0, 1, false) if answer.stdout.contains("overcommit/installer.rb") => {
                "theirs fails, so nothing is pushed".to_owned()
            }
            (_, 0, false) if theirs < 2 && answer.stderr.contains("is gone, so nothing is pushed") => {
                "nothing is pushed".to_owned()
            }
            // No row of the page: this fails.
            _ => {
                assert_eq!((theirs, ours, sent), (1, 1, true), "{}: {answer:?}", self.manager.name);
                String::new()
            }
        }
    }

    /// How often rwenv has judged a push.
    fn records(&self) -> usize {
        let log =
            self.it.ok("", "cat .claude/rwenv/audit/*.jsonl 2>/dev/null | grep -c '\"pre-push\"' || true");
        log.trim().parse().unwrap()
    }

    /// The steps of their common life, and whose checks run after each.
    fn cells(&self) -> Vec<String> {
        let name = self.manager.name;
        if self.order != Order::Theirs {
            self.ours();
        }
        self.theirs(self.manager.install);
        let written = self.it.sh("app", &format!("cat {}", self.manager.hook)).stdout;
        if self.order == Order::Theirs {
            self.ours();
        }
        let mut cells = vec![self.cell()];
        self.theirs(self.manager.install);
        cells.push(self.cell());
        self.ours();
        cells.push(self.cell());
        let own = self.it.file("bin/rwenv");
        fs::rename(&own, self.it.file("rwenv")).unwrap();
        cells.push(self.cell());
        fs::rename(self.it.file("rwenv"), &own).unwrap();
        self.ours_out();
        cells.push(self.cell());
        assert_eq!(self.it.left("app"), "", "{name}: nothing of ours is left");
        if self.order == Order::Theirs && !self.manager.committed {
            let now = self.it.sh("app", &format!("cat {}", self.manager.hook)).stdout;
            assert_eq!(now, written, "{name}: back to what it wrote");
        }
        self.ours();
        self.theirs(self.manager.uninstall);
        cells.push(self.cell());
        self.ours();
        cells.push(self.cell());
        cells
    }
}

const HEAD: &str = "\
| manager | first in | both in | theirs in again | ours in again | rwenv is gone | ours out | ours in again, theirs out | ours in again |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
";
const BEGIN: &str = "<!-- Made by a test: RWENV_WRITE_DOCS=1 cargo test managers -->\n";
const END: &str = "<!-- end -->\n";

fn rows(programs: &Managers, git: Option<&Path>) -> Vec<String> {
    let orders = [Order::Theirs, Order::Ours, Order::Everywhere];
    let all: Vec<(&Manager, Order)> = MANAGERS
        .iter()
        .filter(|manager| programs.lfs.is_some() || !manager.name.starts_with("git-lfs"))
        .filter(|manager| BY_HAND.iter().all(|name| !manager.name.starts_with(name) || find(name).is_some()))
        .flat_map(|manager| orders.map(|order| (manager, order)))
        .filter(|(manager, order)| git.is_some() || !(manager.committed && *order == Order::Ours))
        // The hook in each repository is the same whoever put it there: one manager of each kind will do.
        .filter(|(manager, order)| {
            let one = ["husky 9", "lefthook"].iter().any(|name| manager.name.starts_with(name));
            one || *order != Order::Everywhere
        })
        .collect();
    rwenv_core::manifest::tree::side_by_side(&all, |(manager, order)| {
        let cells = Row::new(manager, *order, programs, git).cells();
        let first = match order {
            Order::Theirs if manager.committed && git.is_none() => "they, our lines in their hook",
            Order::Theirs => "they",
            Order::Ours => "rwenv",
            Order::Everywhere => "rwenv, `--global`",
        };
        format!("| {} | {first} | {} |\n", manager.name, cells.join(" | "))
    })
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test that writes a page asks whether it should")]
fn each_check_runs_once_whoever_came_first() {
    for name in BY_HAND {
        if find(name).is_none() {
            skip(&format!("there is no {name}"));
        }
    }
    let Some(programs) = fetched::managers() else { return };
    let made = rows(&programs, None);
    let path = root().join("docs/git.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let git = fetched::newer_git();
    let newer = git.map(|git| rows(&programs, Some(&git))).unwrap_or_default();
    let new = format!(
        "{before}{BEGIN}\nWith git before 2.54:\n\n{HEAD}{}\nWith git 2.54 and newer:\n\n{HEAD}{}\n{END}{after}",
        made.concat(),
        newer.concat()
    );
    if std::env::var("RWENV_WRITE_DOCS").is_ok() {
        fs::write(&path, &new).unwrap();
    }
    let now = fs::read_to_string(&path).unwrap();
    for row in made.into_iter().chain(newer) {
        assert!(now.contains(&row), "RWENV_WRITE_DOCS=1 cargo test managers writes it; this is new: {row}");
    }
}
