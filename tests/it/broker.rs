//! The git broker of `rwenv run`: a session without a credential of git's pushes and fetches through the process outside, with real git on both sides.

use std::fs;
use std::time::Duration;

use crate::confined::works;
use crate::support::{Answer, Home, answer, find};

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: hunter2-of-the-test\n";

/// A person with a key, remotes behind `git@host` that open for it alone, and a project.
pub(crate) struct Person {
    pub(crate) home: Home,
}

impl Person {
    /// The rwenv `env` has these further fields.
    pub(crate) fn new(fields: &str) -> Self {
        let person = Self { home: Home::empty() };
        let home = &person.home;
        home.write(".ssh/key", "K33P0UT\n");
        home.write(".config/gh/hosts.yml", "K33P0UT\n");
        home.write(".git-credentials", "https://K33P0UT@host\n");
        let ssh = home.write(
            "own/ssh",
            "#!/bin/sh\n[ \"$(cat \"$HOME/.ssh/key\")\" = K33P0UT ] || { echo 'Permission denied (publickey).' >&2; exit 255; }\n\
             echo \"$*\" >> \"$HOME/asked\"\nwhile [ \"$1\" != git@host ]; do shift; done\nshift\nexec sh -c \"$*\"\n",
        );
        home.mode("own/ssh", 0o755);
        let config = format!(
            "[user]\nname = t\nemail = t@example.com\n[init]\ndefaultBranch = main\n[protocol \"file\"]\nallow = always\n[core]\nsshCommand = {}\n",
            ssh.display()
        );
        home.write(".gitconfig", &config);
        for name in ["app", "flux", "other"] {
            home.git("", &["init", "-q", "--bare", &format!("remotes/{name}.git")]);
            home.git(
                "",
                &["-C", &format!("remotes/{name}.git"), "config", "receive.advertisePushOptions", "true"],
            );
        }
        person.envs(fields);
        home.git("", &["init", "-q", "app"]);
        home.write("app/.claude/rwenv", "env\n");
        home.write("app/a", "1\n");
        person.sh("git add -A && git commit -qm start && git tag -a v0 -m zero");
        person.sh(&format!("git remote add origin {} && git push -q -u origin main v0", person.url("app")));
        person
    }

    pub(crate) fn envs(&self, fields: &str) {
        let text = format!(
            r#"{{"version":"1.0","rwenvs":{{"env":{{"kubernetesContext":"c","fluxGitRepo":"{}","custody":{{"git":"broker","remotes":["{}"]}}{fields}}}}}}}"#,
            self.url("flux"),
            self.url("app"),
        );
        self.home.write(".claude/rwenv/envs.json", &text);
    }

    /// A remote as the person writes it.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("git@host:{}", self.home.path(&format!("remotes/{name}.git")).display())
    }

    fn command(&self, program: &str) -> assert_cmd::Command {
        let mut command = self.home.command(program, &self.home.path("app"));
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_DATE"), "2026-01-01T00:00:00Z");
        }
        command
            .env("TRAP", self.home.path("app/trap"))
            .env("URLS", self.home.path("remotes"))
            .env("OUT", self.home.path("out"));
        command
    }

    /// A line outside, by the person, which works.
    pub(crate) fn sh(&self, line: &str) -> String {
        let said = answer(self.command("bash").args(["-c", line]));
        assert_eq!(said.code, 0, "{line}: {}", said.stderr);
        said.stdout
    }

    /// A line outside, by the person.
    fn tried(&self, line: &str) -> Answer {
        answer(self.command("bash").args(["-c", line]))
    }

    /// The same line in a session.
    pub(crate) fn inside(&self, options: &[&str], line: &str) -> Answer {
        let mut command = self.command(env!("CARGO_BIN_EXE_rwenv"));
        command.env("CLAUDECODE", "1").timeout(Duration::from_secs(90));
        answer(command.arg("run").args(options).args(["--", "bash", "-c", line]))
    }

    pub(crate) fn refs(&self, of: &str) -> String {
        self.sh(&format!(
            "git -C \"$HOME/{of}\" for-each-ref --format='%(objectname) %(refname) %(upstream)'"
        ))
    }

    /// Pushes in a session; refused with this rule, and nothing has changed on the remote.
    fn refused(&self, line: &str, why: &str) -> String {
        let before = ["app", "flux", "other"].map(|name| self.refs(&format!("remotes/{name}.git")));
        let said = self.inside(&[], line);
        assert!(said.code != 0 && said.stderr.contains(why), "{line}: {said:?}");
        let after = ["app", "flux", "other"].map(|name| self.refs(&format!("remotes/{name}.git")));
        assert_eq!(before, after, "{line}");
        said.stderr
    }
}

/// A rwenv in which everything may be pushed.
pub(crate) const OPEN: &str = r#","directPush":true,"protectedBranches":["nothing"]"#;

pub(crate) fn confines() -> bool {
    works(&Home::new(), "bubblewrap") || works(&Home::new(), "namespaces")
}

/// Lines with git, each on what those before it left.
const LINES: [&str; 34] = [
    "git commit -q --allow-empty -m one && git push",
    "git push",
    "git push -u origin HEAD:refs/heads/topic",
    "git switch -q -c feature && git commit -q --allow-empty -m two && git push --set-upstream origin feature",
    "git commit -q --allow-empty -m three && git push origin HEAD",
    "git commit -q --amend --allow-empty -m three-amended && git push origin feature",
    "git push --force origin feature",
    "git commit -q --amend --allow-empty -m again && git push --force-with-lease origin feature",
    "git push origin +HEAD~1:topic",
    "git tag light && git push origin light",
    "git tag -a v1 -m one && git push origin tag v1",
    "git tag -f light HEAD~1 2>&1 && git push origin light",
    "git push -f origin light",
    "git tag -a v2 -m two && git push --follow-tags origin feature",
    "git push --tags origin",
    "git push origin :topic",
    "git push --delete origin light v1",
    "git push origin --delete nowhere",
    "git push origin HEAD:one HEAD~1:two +HEAD:three :two",
    "git push --atomic origin HEAD:four main~1:main",
    "git push origin HEAD:five main~1:main",
    "git switch -q --detach HEAD && git commit -q --allow-empty -m detached && git push origin HEAD:refs/heads/detached",
    "git push origin HEAD",
    "git switch -q main && git push -o ci.skip -o a=b origin HEAD:options",
    "git push --dry-run origin HEAD:dry",
    "git push --porcelain origin HEAD:porcelain",
    "git push origin 'refs/heads/*:refs/heads/copies/*'",
    "git push --prune origin 'refs/heads/*:refs/heads/copies/*'",
    "git push --all origin",
    "git push origin HEAD:refs/notes/commits HEAD:refs/odd/place",
    "git push --mirror origin",
    "git fetch --prune origin && git ls-remote origin",
    "git pull --rebase origin main && git remote show origin",
    "rm -rf ../clone && git clone -q -o up $(git remote get-url origin) ../clone && git -C ../clone push -q up HEAD:from-clone && git -C ../clone branch -avv",
];

/// What it comes to is what git does by itself: exit status, the remote's refs, the clone's own with their upstreams, and what is said of refs.
#[test]
fn a_push_by_the_broker_is_what_git_does_by_itself() {
    if !confines() {
        return;
    }
    let (own, other) = (Person::new(OPEN), Person::new(OPEN));
    // In no rwenv, so that nothing is denied.
    own.sh("rm .claude/rwenv && git commit -qam nobody && git push -q");
    other.sh("rm .claude/rwenv && git commit -qam nobody && git push -q");
    let url = other.url("app");
    let options = ["--git", "broker", "--remote", url.as_str()];
    let said_of_refs = |said: &Answer, person: &Person| -> Vec<String> {
        let home = person.home.path("").display().to_string();
        let lines = said.stderr.lines().chain(said.stdout.lines());
        let lines = lines.filter(|line| {
            line.contains(" -> ") || line.contains("set up to track") || line.contains("refs/")
        });
        lines.map(|line| line.replace(&home, "HOME/")).collect()
    };
    for line in LINES {
        let by_itself = own.tried(line);
        let brokered = other.inside(&options, line);
        assert_eq!(brokered.code, by_itself.code, "{line}: {by_itself:?}\n{brokered:?}");
        assert_eq!(other.refs("remotes/app.git"), own.refs("remotes/app.git"), "{line}: {brokered:?}");
        assert_eq!(other.refs("app"), own.refs("app"), "{line}: {brokered:?}");
        assert_eq!(said_of_refs(&brokered, &other), said_of_refs(&by_itself, &own), "{line}: {brokered:?}");
    }
    let broker = other.home.path(".claude/rwenv/broker");
    let left = fs::read_dir(broker)
        .unwrap()
        .flatten()
        .flat_map(|mirror| fs::read_dir(mirror.path()).unwrap().flatten());
    assert_eq!(left.filter(|entry| entry.file_name().to_string_lossy().starts_with("waiting")).count(), 0);
}

#[test]
fn no_credential_of_git_s_is_inside() {
    if !confines() {
        return;
    }
    let person = Person::new(OPEN);
    let said = person.inside(&[], "cat ~/.ssh/* ~/.config/gh/* ~/.git-credentials; env | grep -c '^SSH_AUTH_SOCK\\|^GH_TOKEN'; ls ~/.claude/rwenv/broker");
    assert!(!format!("{said:?}").contains("K33P0UT") && said.stdout == "0\n", "{said:?}");
    // By any other way than the broker's, git has nothing to show.
    for line in [
        "GIT_SSH_COMMAND=$HOME/own/ssh git push origin HEAD:x",
        "env -u GIT_SSH_COMMAND git push origin HEAD:x",
        "git -c core.sshCommand=$HOME/own/ssh fetch origin; $HOME/own/ssh git@host git-receive-pack $URLS/app.git",
    ] {
        let line = line.replace("HEAD:x", "HEAD:refs/heads/x");
        let said = person.inside(&["--git", "broker"], &line);
        assert!(!person.refs("remotes/app.git").contains("refs/heads/x"), "{line}: {said:?}");
    }
    let said = person.inside(&["--git", "pass"], "cat ~/.ssh/key; git push -q origin HEAD:passed");
    assert!(
        said.stdout.contains("K33P0UT") && person.refs("remotes/app.git").contains("heads/passed"),
        "{said:?}"
    );
}

#[test]
fn pushes_are_judged_outside_by_the_code_of_pre_push() {
    if !confines() {
        return;
    }
    let person = Person::new(r#","readOnly":true"#);
    person.sh("git switch -q -c work && git commit -q --allow-empty -m more");
    let flux = person.url("flux");
    for line in [
        "git push origin work:main".to_owned(),
        "git push origin +work:main".to_owned(),
        "git push --force origin $(git commit-tree -m other HEAD^{tree}):refs/heads/main".to_owned(),
        "git push origin :main".to_owned(),
        format!("git push {flux} HEAD:x"),
        format!("git push {flux} HEAD:main"),
        format!("git push ssh://git@host{} HEAD:x", person.home.path("remotes/flux.git").display()),
        // Whatever stands in the repository, and whatever hook is left out.
        format!("git config url.{flux}.insteadOf harmless: && git push --no-verify harmless: HEAD:x"),
        format!("git config remote.origin.pushurl {flux} && git -c core.hooksPath=/dev/null push origin HEAD:x; s=$?; git config --unset remote.origin.pushurl; exit $s"),
        format!("cd / && RWENV=nothing git -C $OLDPWD push {flux} HEAD:x"),
        "rm -f .claude/rwenv; unset RWENV; git push origin work:main; s=$?; echo env > .claude/rwenv; exit $s".to_owned(),
    ] {
        person.refused(&line, "denied by rwenv");
    }
    let said = person.refused("git push origin work:main", "read-only.protected-branch");
    assert!(
        said.contains("remote: rwenv: this push is not sent: ")
            && said.contains("! [remote rejected] work -> main (denied by rwenv)"),
        "{said}"
    );
    // One that is denied takes none of the others with it.
    person.refused("git push origin work:fine work:main", "denied by rwenv");
    person.home.write("app/db.yaml", SECRET);
    person.sh("git add -A && git commit -qm secret && git rm -q db.yaml && git commit -qm gone");
    person.refused("git push origin HEAD:feature", "secret.unencrypted");
    person.refused("git replace HEAD~1 HEAD~2 && git push origin HEAD:feature", "secret.unencrypted");
    person.refused(
        "git update-ref refs/remotes/origin/seen HEAD && git push origin HEAD:feature",
        "secret.unencrypted",
    );
    person.sh("git replace -d HEAD~1 && git reset -q --hard HEAD~2");
    // A question is nobody's to answer: what was asked inside is the session's own claim.
    person.envs(r#","autonomy":"prompted","directPush":true"#);
    person.sh(&format!("git push -q {flux} main"));
    let said = person.refused(&format!("git push {flux} work:main"), "denied by rwenv");
    assert!(said.contains("a person pushes this outside of the session"), "{said}");
    let said = person.inside(&[], "git push origin work:fine");
    assert_eq!(said.code, 0, "{said:?}");
    // Each is on record, as the broker's.
    let log = person.home.read(".claude/rwenv/audit/audit.jsonl");
    let records = log.lines().filter(|line| line.contains("\"door\":\"broker\""));
    let (denied, allowed): (Vec<&str>, Vec<&str>) =
        records.partition(|line| !line.contains("\"decision\":\"allow\""));
    assert!(denied.len() >= 15 && allowed.len() == 1, "{log}");
    assert!(denied.iter().all(|line| line.contains("\"rwenvs\":[\"env\"]")), "{log}");
}

/// Objects that a session has not sent are not taken from elsewhere, and damaged ones are refused.
#[test]
fn what_is_not_sent_is_not_pushed() {
    if !confines() {
        return;
    }
    let person = Person::new(OPEN);
    // A commit whose tree is missing: git inside would not send it, so it is sent by hand.
    let line = "c=$(printf 'tree %s\\nauthor t <t@e> 1 +0000\\ncommitter t <t@e> 1 +0000\\n\\nx\\n' 1111111111111111111111111111111111111111 | git hash-object -t commit -w --stdin)\n\
                { printf '%s' \"$(printf '%s %s refs/heads/broken\\0 report-status side-band-64k' 0000000000000000000000000000000000000000 $c | wc -c)\"; } >/dev/null\n\
                python3 - $c <<'P'\nimport subprocess, sys, os\n\
                c = sys.argv[1].encode()\n\
                pack = subprocess.run(['git', 'pack-objects', '--stdout', '-q'], input=c + b'\\n', capture_output=True).stdout\n\
                cmd = b'0' * 40 + b' ' + c + b' refs/heads/broken\\0 report-status'\n\
                msg = b'%04x' % (len(cmd) + 4) + cmd + b'0000' + pack\n\
                p = subprocess.run([os.environ['GIT_EXEC_PATH'] + '/rwenv-ssh', 'git@host', \"git-receive-pack '\" + os.environ['URLS'] + \"/app.git'\"], input=msg, capture_output=True)\n\
                print(p.stdout[-200:], p.stderr[-400:])\nP\n";
    if find("python3").is_some() {
        let said = person.inside(&[], line);
        assert!(said.stdout.contains("ng refs/heads/broken"), "{said:?}");
        assert!(!person.refs("remotes/app.git").contains("broken"));
    }
    // Bytes that are no call, and calls for what is not brokered.
    for (words, why) in [
        ("git@host \"git-receive-pack '$URLS/other.git'\"", "a person confirmed"),
        ("git@host \"git-upload-archive '$URLS/app.git'\"", "not brokered"),
        ("git@host \"git-lfs-authenticate '$URLS/app.git' upload\"", "Git LFS"),
        ("git@host id", "Git LFS"),
        ("-oProxyCommand=id git@host \"git-upload-pack '-x'\"", "a person confirmed"),
    ] {
        let said = person.inside(&[], &format!("$GIT_EXEC_PATH/rwenv-ssh {words} </dev/null"));
        assert!(said.code == 128 && said.stderr.contains(why), "{words}: {said:?}");
    }
}

/// Remotes over HTTP, which are confirmed under a URL of the person's: both ways, and shallow. One that is not confirmed is git's own affair.
#[test]
fn remotes_over_http_are_reached() {
    if !confines() {
        return;
    }
    let person = Person::new(OPEN);
    let port = crate::http::serve(person.home.path("remotes"));
    let url = |name: &str| format!("http://127.0.0.1:{port}/{name}.git");
    let app = url("app");
    person.sh(&format!("git remote set-url origin {app}"));
    let options = ["--git", "broker", "--remote", app.as_str()];
    for line in [
        "git commit -q --allow-empty -m more && git push -q origin HEAD:web && git fetch -q origin && git rev-parse origin/web",
        "git ls-remote origin | grep -q refs/heads/web",
        "git clone -q --depth 1 $(git remote get-url origin) ../shallow && cd ../shallow && git commit -q --allow-empty -m x && git push -q origin HEAD:from-shallow",
        "git clone -q --filter=blob:none $(git remote get-url origin) ../partial && cat ../partial/a",
        "for i in $(seq 300); do echo $i > f$i; git add -A; git commit -qm $i; done; git push -q origin HEAD:many && git fetch -q --prune origin 'refs/heads/*:refs/here/*'",
        "git -c protocol.version=0 fetch -q origin && git -c protocol.version=1 push -q origin HEAD:old-protocol",
    ] {
        let said = person.inside(&options, line);
        assert_eq!(said.code, 0, "{line}: {said:?}");
    }
    let refs = person.refs("remotes/app.git");
    assert!(
        ["web", "from-shallow", "many", "old-protocol"]
            .iter()
            .all(|name| refs.contains(&format!("refs/heads/{name}"))),
        "{refs}"
    );
    let said = person.inside(
        &options,
        &format!("git push {} HEAD:refs/heads/seen; git ls-remote {} | wc -l", url("other"), url("other")),
    );
    assert!(
        said.stdout == "1\n" && !person.home.path("asked-for").exists(),
        "an open remote is git's own: {said:?}"
    );
    let said =
        person.inside(&options, "git push origin HEAD~1:many; git push http://127.0.0.1:1/x.git HEAD:x");
    assert!(said.code != 0 && said.stderr.contains("non-fast-forward"), "{said:?}");
}

/// Large files are refused with what to do; a submodule is a repository of its own.
#[test]
fn what_is_not_brokered_is_refused() {
    if !confines() {
        return;
    }
    let person = Person::new(OPEN);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    person.home.write("app/big.bin", pointer);
    person.sh("git switch -q -c big && git add -A && git commit -qm big");
    let said = person.refused("git push origin big", "Git LFS");
    assert!(said.contains("big.bin") && said.contains("a person pushes it outside"), "{said}");
    person.sh("git switch -q main && rm -rf ../sub && git init -q ../sub && git -C ../sub commit -q --allow-empty -m sub");
    let other = person.url("other");
    person.sh(&format!("git -C ../sub remote add origin {other} && git -C ../sub push -q origin main && git submodule add -q {other} sub && git commit -qm sub"));
    person.sh("git -C sub commit -q --allow-empty -m more");
    person.refused(
        "git add sub && git commit -qm moved && git push --recurse-submodules=on-demand origin HEAD:with-sub",
        "a person confirmed",
    );
    let said = person.inside(
        &["--remote", other.as_str()],
        "git -C sub push -q origin HEAD:more && git push -q --recurse-submodules=check origin HEAD:with-sub",
    );
    assert_eq!(said.code, 0, "{said:?}");
    for (options, why) in [
        (&["--git", "broker", "--remote", "ext::sh -c id"][..], "not a remote that the git broker reaches"),
        (&["--git", "broker", "--remote", "/srv/x"][..], "not a remote that the git broker reaches"),
        (&["--git", "pass", "--remote", "git@host:x"][..], "--git broker"),
    ] {
        let said = person.inside(options, "true");
        assert!(said.code != 0 && said.stderr.contains(why), "{options:?}: {said:?}");
    }
    // A remote that somebody has written into the repository is named when the session starts.
    person.sh("git remote add fork git@host:somebody/else.git");
    let said = person.inside(&[], "true");
    assert!(
        said.stderr.contains("does not reach git@host:somebody/else.git")
            && said.stderr.contains("rwenv edit env --custody-remote"),
        "{said:?}"
    );
}

/// Hook, shims and git's own hook are there as ever: the first to refuse says so, and pre-push asks the remote through the broker.
#[test]
fn the_doors_inside_go_on_explaining() {
    if !confines() {
        return;
    }
    let person = Person::new(r#","readOnly":true"#);
    crate::support::hook();
    for words in [&["install"][..], &["hooks", "install"]] {
        assert_eq!(person.home.rwenv("app", words).code, 0);
    }
    let said = person.inside(&[], "git push origin HEAD:refs/heads/main --force; /usr/bin/git push --no-verify origin HEAD:refs/heads/x; git push origin :main");
    assert!(
        said.stderr.contains("fatal: ") && said.stderr.contains("read-only.protected-branch"),
        "the shim: {said:?}"
    );
    person.sh("git switch -q -c work && git commit -q --allow-empty -m more");
    let said = person.inside(&[], "/usr/bin/git push origin work:main");
    assert!(
        said.stderr.contains("rwenv: this push is not sent") && !said.stderr.contains("remote: "),
        "pre-push: {said:?}"
    );
    let said = person.inside(&[], "git push origin work:fine");
    assert!(said.code == 0 && !said.stderr.contains("warning"), "{said:?}");
    assert!(person.home.read("asked").contains("git-upload-pack"), "pre-push asks what the remote has");
    let start = serde_json::json!({ "session_id": "s", "transcript_path": "/t", "cwd": person.home.path("app"), "hook_event_name": "SessionStart", "source": "startup" });
    let said = person.inside(
        &[],
        &format!(
            "echo '{start}' | {} claude; {} doctor --offline",
            crate::support::hook(),
            env!("CARGO_BIN_EXE_rwenv")
        ),
    );
    assert!(said.stdout.contains("through a broker that judges each push"), "{said:?}");
    assert!(said.stdout.contains(" daemon ") && !said.stdout.contains("cannot be written"), "{said:?}");
}

/// Sessions side by side do not reach each other's remotes; one that is killed in a push leaves nothing that stays.
#[test]
fn sessions_do_not_meet_and_leave_nothing() {
    if !confines() {
        return;
    }
    let person = Person::new(OPEN);
    let push = |number: usize| {
        let line = format!(
            "git clone -q $(git remote get-url origin) ../c{number} && cd ../c{number} && for i in 1 2 3; do git commit -q --allow-empty -m $i && git push -q origin HEAD:b{number} || exit 1; done"
        );
        person.inside(&[], &line)
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|number| scope.spawn(move || push(number))).collect();
        for one in all {
            let said = one.join().unwrap();
            assert_eq!(said.code, 0, "{said:?}");
        }
    });
    assert_eq!(person.refs("remotes/app.git").matches("refs/heads/b").count(), 4);
    let url = person.url("other");
    let line = format!(
        "(rwenv=$(ls -d ~/.claude/rwenv/run/confined/*); ls $rwenv | tr '\\n' ' '); git ls-remote {url}"
    );
    let said = person.inside(&[], &line);
    assert!(
        said.code != 0
            && said.stderr.contains("a person confirmed")
            && said.stdout.split_whitespace().count() < 10,
        "{said:?}"
    );
    // The session ends in the middle of a push: what waits is swept by the next.
    let line = "git commit -q --allow-empty -m late; mkdir -p hold; (sleep 0.4; kill -9 $PPID) & git push origin HEAD:late";
    let _ = person.inside(&[], line);
    let said = person.inside(&[], "git commit -q --allow-empty -m later && git push -q origin HEAD:later");
    assert_eq!(said.code, 0, "{said:?}");
    let mirrors = fs::read_dir(person.home.path(".claude/rwenv/broker")).unwrap().flatten();
    let left = mirrors.flat_map(|mirror| fs::read_dir(mirror.path()).unwrap().flatten());
    assert_eq!(left.filter(|entry| entry.file_name().to_string_lossy().starts_with("waiting")).count(), 0);
}
