//! Repositories that try to have something run outside when a session pushes or fetches through the git broker.

use std::fs;

use crate::broker::{OPEN, Person, confines};

/// What a repository may hold: what it is, what sets it up, and what git is then asked.
const TRAPS: [(&str, &str, &str); 19] = [
    (
        "hooks",
        "for h in pre-push reference-transaction pre-receive update post-checkout; do cp $TRAP .git/hooks/$h; done",
        "push",
    ),
    (
        "hooksPath",
        "mkdir -p h && cp $TRAP h/pre-push && cp $TRAP h/pre-receive && git config core.hooksPath $PWD/h",
        "push",
    ),
    ("fsmonitor", "git config core.fsmonitor $TRAP", "status; git push"),
    (
        "filter",
        "echo '* filter=x' > .gitattributes; git config filter.x.clean \"$TRAP filter\"; git config filter.x.smudge \"$TRAP filter\"",
        "add -A; git commit -qm filtered; git push",
    ),
    ("sshCommand", "git config core.sshCommand $TRAP", "fetch; git push"),
    (
        "packObjectsHook",
        "git config uploadpack.packObjectsHook $TRAP; git config pack.packSizeLimit 1",
        "push",
    ),
    (
        "programs of the remote",
        "git config remote.origin.uploadpack $TRAP; git config remote.origin.receivepack $TRAP",
        "fetch; git push",
    ),
    ("credential helper", "git config credential.helper \"!$TRAP\"", "push"),
    ("proxy", "git config core.gitProxy $TRAP; git config remote.origin.proxy http://127.0.0.1:1", "push"),
    (
        "helper",
        "git config remote.origin.vcs ext; git config protocol.ext.allow always; git config remote.origin.url \"ext::$TRAP\"",
        "push",
    ),
    (
        "signing",
        "git config gpg.program $TRAP; git config push.gpgSign if-asked; git config commit.gpgSign true",
        "push",
    ),
    ("alternates", "echo \"$URLS/other.git/objects\" > .git/objects/info/alternates", "push"),
    ("alternate refs", "git config core.alternateRefsCommand $TRAP", "push"),
    ("linked .git", "mv .git ../real-git && ln -s ../real-git .git", "push"),
    (".git is a file", "mv .git ../real-git && echo 'gitdir: ../real-git' > .git", "push"),
    (
        "included configuration",
        "printf \"[core]\\nfsmonitor = $TRAP\\nsshCommand = $TRAP\\n\" > ../evil && git config include.path ../../evil",
        "push",
    ),
    (
        "repositories around the mirrors",
        "for d in ~ ~/.claude; do git init -q $d; git -C $d config core.sshCommand $TRAP; git -C $d config core.fsmonitor $TRAP; done",
        "ls-remote origin; git fetch origin; git push",
    ),
    (
        "grafts and shallow",
        "git rev-parse HEAD > .git/shallow; git rev-parse HEAD > .git/info/grafts",
        "push",
    ),
    (
        "exported to the daemon",
        "touch .git/git-daemon-export-ok; git config daemon.uploadpackhook $TRAP",
        "push",
    ),
];

/// What runs because of the repository runs inside: each trap notes the namespace that it is sprung in.
#[test]
fn hostile_repositories_run_nothing_outside() {
    if !confines() {
        return;
    }
    let person = Person::new(OPEN);
    person.home.write(
        "app/trap",
        "#!/bin/sh\nreadlink /proc/self/ns/mnt >> \"$OUT\"\n[ \"$1\" = filter ] && exec cat\nexit 0\n",
    );
    person.home.mode("app/trap", 0o755);
    let (outside, away) = (person.sh("readlink /proc/self/ns/mnt"), person.home.path("remotes/other.git"));
    let mut sprung = 0;
    for (about, before, line) in TRAPS {
        person.sh("rm -f $OUT && rm -rf ../copy ../real-git ../.git ../.claude/.git && cp -a . ../copy");
        let git =
            format!("git commit -q --allow-empty -m '{about}'; git {line} origin HEAD:refs/heads/trapped");
        let said = person.inside(&[], &format!("cd ../copy && {before}; {git}; true"));
        assert_eq!(said.code, 0, "{about}: {said:?}");
        let seen = fs::read_to_string(person.home.path("out")).unwrap_or_default();
        sprung += usize::from(!seen.is_empty());
        assert!(!seen.lines().any(|namespace| namespace == outside.trim()), "{about}: runs outside: {seen}");
    }
    assert!(sprung >= 5, "only {sprung} traps work at all");
    assert_eq!(person.refs("remotes/other.git"), "", "{}", away.display());
    // The person's own configuration and mirrors are as they were.
    assert!(!person.home.read(".gitconfig").contains("trap"));
}
