//! The guard's files where git has them: in a repository of dotfiles that links lead into, in a home directory that is a working tree,
//! and in one whose repository lies elsewhere.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::Home;

const HOOKED: &str =
    r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"rwenv-hook claude"}]}]}}"#;
const SHIMS: &str = "eval \"$(rwenv shellenv)\"\n";

/// Every line comes to this.
fn all(home: &Home, wanted: &str, lines: &[&str]) {
    let others = lines.iter().filter_map(|line| {
        let answer = home.hook("rw", line);
        let is = answer.decision();
        (is != wanted).then(|| format!("{line}: {is}, not {wanted}\n{}{}", answer.stderr, answer.stdout))
    });
    let others: Vec<String> = others.collect();
    assert!(others.is_empty(), "{}", others.join("\n"));
}

/// A home directory with settings that register the hook, and a start file with the shims.
fn installed() -> Home {
    let home = Home::new();
    home.write(".gitconfig", "[user]\n\tname = t\n\temail = t@example.com\n[init]\n\tdefaultBranch = main\n");
    home.write(".claude/settings.json", "{}");
    home.write(".bashrc", "alias ll=ls\n");
    home
}

/// What an installation changes of what was committed before it.
fn install(home: &Home, settings: &str, start: &str) {
    home.write(settings, HOOKED);
    home.write(start, &format!("{SHIMS}alias ll=ls\n"));
}

/// A repository of dotfiles, whose settings and start file links lead to; what an installation made of them is not committed.
fn dotfiles() -> Home {
    let home = installed();
    for (name, place) in [(".claude/settings.json", "settings.json"), (".bashrc", "bashrc")] {
        fs::create_dir_all(home.path("dotfiles")).unwrap();
        fs::rename(home.path(name), home.path(&format!("dotfiles/{place}"))).unwrap();
        symlink(home.path(&format!("dotfiles/{place}")), home.path(name)).unwrap();
    }
    home.write("dotfiles/vimrc", "one\n");
    home.git("dotfiles", &["init", "-q"]);
    home.git("dotfiles", &["add", "-A"]);
    home.git("dotfiles", &["commit", "-qm", "one"]);
    home.git("dotfiles", &["branch", "same"]);
    home.git("dotfiles", &["switch", "-q", "-c", "other"]);
    home.write("dotfiles/settings.json", "{\"model\": \"x\"}");
    home.git("dotfiles", &["commit", "-qam", "two"]);
    home.git("dotfiles", &["switch", "-q", "main"]);
    install(&home, "dotfiles/settings.json", "dotfiles/bashrc");
    home.write("dotfiles/vimrc", "two\n");
    home
}

#[test]
fn dotfiles_that_are_not_committed_do_not_come_back() {
    let home = dotfiles();
    all(
        &home,
        "deny",
        &[
            "cd ~/dotfiles && git checkout .",
            "cd ~/dotfiles && git checkout -- .",
            "cd ~/dotfiles && git checkout -- settings.json",
            "cd ~/dotfiles && git checkout vimrc settings.json",
            "cd ~/dotfiles && git checkout settings.json",
            "cd ~/dotfiles && git checkout '*.json'",
            "cd ~/dotfiles && git checkout HEAD -- .",
            "cd ~/dotfiles && git checkout -f",
            "cd ~/dotfiles && git checkout :/",
            "git -C ~/dotfiles restore .",
            "git -C ~/dotfiles restore --source=HEAD :/",
            "git -C ~/dotfiles restore -s HEAD settings.json",
            "git -C ~/dotfiles restore -SW .",
            "git -C ~/dotfiles reset --hard",
            "git -C ~/dotfiles reset --hard HEAD~0",
            "git -C ~/dotfiles reset --har",
            "git -C ~/dotfiles stash",
            "git -C ~/dotfiles stash push -m wip",
            "git -C ~/dotfiles stash && git -C ~/dotfiles pull",
            "git -C ~/dotfiles checkout other",
            "git -C ~/dotfiles switch other",
            "git -C ~/dotfiles switch -f main",
            "git -C ~/dotfiles merge other",
            "git -C ~/dotfiles rebase other",
            "git -C ~/dotfiles cherry-pick other",
            "git --git-dir ~/dotfiles/.git --work-tree ~/dotfiles checkout .",
            "GIT_DIR=~/dotfiles/.git GIT_WORK_TREE=~/dotfiles git reset --hard",
            "sudo git -C ~/dotfiles reset --hard",
            "bash -c 'cd ~/dotfiles; git stash'",
        ],
    );
}

#[test]
fn other_dotfiles_and_what_only_looks_are_free() {
    let home = dotfiles();
    all(
        &home,
        "ask",
        &[
            "git -C ~/dotfiles pull",
            "git -C ~/dotfiles checkout $BRANCH",
            "git -C ~/dotfiles apply x.patch",
            "cd ~/dotfiles && git restore bashrc",
        ],
    );
    all(
        &home,
        "allow",
        &[
            "git -C ~/dotfiles checkout vimrc",
            "git -C ~/dotfiles checkout -- vimrc",
            "git -C ~/dotfiles restore vimrc",
            "git -C ~/dotfiles restore --staged .",
            "git -C ~/dotfiles stash push -- vimrc",
            "git -C ~/dotfiles stash list && git -C ~/dotfiles status",
            "git -C ~/dotfiles switch same",
            "git -C ~/dotfiles checkout -b new",
            "git -C ~/dotfiles reset HEAD",
            "git -C ~/dotfiles merge same",
            "git -C ~/dotfiles clean -fdx",
            "git -C ~/dotfiles apply --check x.patch",
            "git -C ~/dotfiles fetch && git -C ~/dotfiles log -1",
            "git -C ~/dotfiles add -A && git -C ~/dotfiles commit -m x",
        ],
    );
    // What is committed as it is goes nowhere.
    home.git("dotfiles", &["commit", "-qam", "rwenv"]);
    home.write("dotfiles/vimrc", "three\n");
    all(
        &home,
        "allow",
        &[
            "git -C ~/dotfiles reset --hard",
            "git -C ~/dotfiles stash",
            "cd ~/dotfiles && git checkout .",
            "git -C ~/dotfiles stash -u",
        ],
    );
    all(
        &home,
        "deny",
        &[
            "git -C ~/dotfiles reset --hard HEAD~1",
            "git -C ~/dotfiles revert HEAD",
            "git -C ~/dotfiles checkout HEAD~1",
        ],
    );
}

#[test]
fn a_home_directory_that_is_a_working_tree_is_judged_by_its_files() {
    let home = installed();
    home.write(".vimrc", "one\n");
    home.write("w/app/f", "one\n");
    home.git("", &["init", "-q"]);
    home.write(".git/info/exclude", "*\n");
    home.git("", &["add", "-f", ".claude/settings.json", ".bashrc", ".vimrc", "w/app/f"]);
    home.git("", &["commit", "-qm", "one"]);
    install(&home, ".claude/settings.json", ".bashrc");
    home.write(".vimrc", "two\n");
    all(
        &home,
        "deny",
        &[
            "cd ~ && git checkout .",
            "cd ~ && git reset --hard",
            "cd ~ && git stash",
            "cd ~/w/app && git reset --hard",
            "cd ~/w/app && git checkout :/",
            "git -C ~ restore .claude",
            "cd ~ && git clean -fdx",
            "cd ~ && git checkout -- .claude/settings.json",
        ],
    );
    all(&home, "ask", &["cd ~ && git checkout .bashrc", "cd ~ && git pull", "cd ~/w/app && git pull"]);
    all(
        &home,
        "allow",
        &[
            "cd ~ && git checkout .vimrc",
            "cd ~/w/app && git checkout .",
            "cd ~/w/app && git restore .",
            "cd ~ && git clean -fd",
            "cd ~ && git stash push .vimrc",
            "cd ~ && git commit -am x",
        ],
    );
    // What git does not have, and is not told to ignore, goes with a plain clean.
    home.write(".git/info/exclude", "");
    home.git("", &["rm", "-q", "--cached", ".claude/settings.json"]);
    all(&home, "deny", &["cd ~ && git clean -fd", "cd ~ && git stash -u", "git -C ~ clean -f .claude"]);
    all(&home, "allow", &["cd ~/w/app && git clean -fd .", "cd ~ && git clean -fd w"]);
}

#[test]
fn a_repository_elsewhere_of_a_home_directory_counts_as_one_there() {
    let home = installed();
    home.write(".vimrc", "one\n");
    let own = home.path(".cfg").display().to_string();
    let tree = home.path("").display().to_string();
    home.git("", &["init", "-q", "--bare", ".cfg"]);
    let git = |words: &[&str]| {
        let mut all = vec!["--git-dir", &own, "--work-tree", &tree];
        all.extend_from_slice(words);
        home.git("", &all);
    };
    git(&["add", "-f", ".claude/settings.json", ".vimrc"]);
    git(&["commit", "-qm", "one"]);
    install(&home, ".claude/settings.json", ".bashrc");
    all(
        &home,
        "deny",
        &[
            "cd / && git --git-dir=$HOME/.cfg --work-tree=$HOME checkout .",
            "cd ~ && git --git-dir=.cfg --work-tree=. reset --hard",
            "/usr/bin/git --git-dir=$HOME/.cfg/ --work-tree=$HOME stash",
            "export GIT_DIR=~/.cfg GIT_WORK_TREE=~; git checkout -f",
            "config() { git --git-dir=$HOME/.cfg --work-tree=$HOME \"$@\"; }; cd ~ && config checkout .",
            "alias config='git --git-dir=$HOME/.cfg --work-tree=$HOME'\nconfig reset --hard",
        ],
    );
    all(
        &home,
        "allow",
        &[
            "cd ~ && git --git-dir=.cfg --work-tree=. checkout .vimrc",
            // Below the home directory, this folder alone is meant.
            "git --git-dir=$HOME/.cfg --work-tree=$HOME checkout .",
            "git --git-dir=$HOME/.cfg --work-tree=$HOME status",
        ],
    );
    git(&["config", "core.worktree", &tree]);
    git(&["config", "core.bare", "false"]);
    all(&home, "deny", &["cd ~/.cfg && git --git-dir=. checkout -f", "GIT_DIR=$HOME/.cfg git reset --hard"]);
}
