//! git's doors with real repositories and real pushes: what is refused leaves the other side as it was.

use std::path::Path;

use crate::support::{Answer, Home, answer, which};

const CLEAN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  colour: blue\n";
const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: hunter2-of-the-test\n";

/// Repositories: `flux` and `app` with bare remotes, the hook installed in both. `flux` belongs to the rwenv of that name.
pub(crate) struct World {
    pub(crate) home: Home,
}

impl World {
    /// The rwenv has these further fields.
    pub(crate) fn new(fields: &str) -> Self {
        let home = Home::empty();
        let world = Self { home };
        let url = world.home.path("remotes/flux.git").display().to_string();
        let envs = format!(
            r#"{{"version":"1.0","rwenvs":{{"env":{{"kubernetesContext":"c","fluxGitRepo":"file://{url}"{fields}}}}}}}"#
        );
        world.home.write(".claude/rwenv/envs.json", &envs);
        for name in ["flux", "app"] {
            world.home.git("", &["init", "-q", "--bare", &format!("remotes/{name}.git")]);
            world.home.git("", &["init", "-q", name]);
            world.home.write(&format!("{name}/apps/web.yaml"), CLEAN);
            world.commit(name, "start");
            world.home.git(name, &["remote", "add", "origin", &format!("../remotes/{name}.git")]);
            world.home.git(name, &["push", "-q", "origin", "main"]);
            assert_eq!(world.home.rwenv(name, &["hooks", "install"]).code, 0);
        }
        world
    }

    pub(crate) fn commit(&self, repository: &str, message: &str) {
        self.home.git(repository, &["add", "-A"]);
        self.home.git(repository, &["commit", "-q", "--allow-empty", "-m", message]);
    }

    pub(crate) fn refs(&self, repository: &str) -> String {
        self.home.git("", &["-C", &format!("remotes/{repository}.git"), "for-each-ref"])
    }

    /// Pushes by an agent.
    pub(crate) fn push(&self, repository: &str, arguments: &str) -> Answer {
        self.sh(repository, &format!("git push -q {arguments}"), true)
    }

    pub(crate) fn sh(&self, repository: &str, code: &str, agent: bool) -> Answer {
        let mut command = self.home.command("bash", &self.home.path(repository));
        if agent {
            command.env("CLAUDECODE", "1");
        }
        answer(command.args(["-c", code]))
    }

    /// Refused with this rule, and nothing has changed on the other side.
    pub(crate) fn refused(&self, repository: &str, arguments: &str, rule: &str) -> String {
        let before = self.refs(repository);
        let answer = self.push(repository, arguments);
        assert!(answer.code != 0, "git push {arguments} went through");
        assert!(answer.stderr.contains(&format!("[{rule}]")), "git push {arguments}: {}", answer.stderr);
        assert_eq!(self.refs(repository), before, "git push {arguments}");
        answer.stderr
    }

    pub(crate) fn sent(&self, repository: &str, arguments: &str) {
        let before = self.refs(repository);
        let answer = self.push(repository, arguments);
        assert_eq!(answer.code, 0, "git push {arguments}: {}", answer.stderr);
        assert_ne!(self.refs(repository), before, "git push {arguments}");
    }
}

#[test]
fn every_form_of_a_push_to_a_read_only_flux_repository_is_refused() {
    let world = World::new(r#","readOnly":true"#);
    world.home.git("flux", &["switch", "-q", "-c", "feature"]);
    world.commit("flux", "more");
    world.home.git("flux", &["tag", "v1"]);
    let url = world.home.path("remotes/flux.git").display().to_string();
    let rule = "read-only.flux-repository";
    for arguments in [
        "origin HEAD:main",
        "origin +HEAD:main",
        "origin HEAD:refs/heads/main",
        "origin feature",
        "origin HEAD:new",
        "origin v1",
        "origin --tags",
        "origin :main",
        "origin --delete main",
        "--all origin",
        "--mirror origin",
        "origin 'refs/heads/*:refs/heads/*'",
        "origin feature HEAD:main",
        "--force origin HEAD:main",
        "../remotes/flux.git HEAD:x",
        "--follow-tags origin HEAD:x",
    ] {
        world.refused("flux", arguments, rule);
    }
    for code in [
        format!("git push -q {url} HEAD:x"),
        format!("git push -q file://{url} HEAD:x"),
        "git -c url.../remotes/.insteadOf=gh: push -q gh:flux.git HEAD:x".to_owned(),
        "git config url.../remotes/.pushInsteadOf x: && git push -q x:flux.git HEAD:x".to_owned(),
        "git -c remote.origin.push=HEAD:refs/heads/main push -q origin".to_owned(),
        "git -c push.default=current push -q".to_owned(),
        "cd / && git -C \"$OLDPWD\" push -q origin HEAD:x".to_owned(),
        "git worktree add -q ../linked && cd ../linked && git push -q origin HEAD:y".to_owned(),
        "git --git-dir=.git --work-tree=. push -q origin HEAD:z".to_owned(),
    ] {
        let before = world.refs("flux");
        let answer = world.sh("flux", &code, true);
        assert!(answer.code != 0 && answer.stderr.contains(rule), "{code}: {answer:?}");
        assert_eq!(world.refs("flux"), before, "{code}");
    }
    let first = world.push("flux", "origin HEAD:main").stderr;
    assert!(
        first.contains("rwenv 'env' is read-only. Cannot modify Flux repo or trigger reconciliation."),
        "{first}"
    );
    // A person is held to it as well; what only tries is not held at all; another repository is none of its business.
    assert!(world.sh("flux", "git push -q origin HEAD:x", false).code != 0);
    assert_eq!(world.push("flux", "--dry-run origin HEAD:main").code, 0);
    world.commit("app", "more");
    world.home.git("app", &["tag", "v2"]);
    world.sent("app", "origin HEAD:main v2");
}

#[test]
fn the_branch_that_deploys_is_pushed_to_where_direct_push_says_so() {
    let world = World::new("");
    world.commit("flux", "more");
    world.refused("flux", "origin HEAD:main", "branches.flux-branch");
    world.refused("flux", "origin HEAD:refs/tags/v1", "branches.flux-tag");
    world.refused("flux", "origin :main", "branches.flux-history");
    world.sent("flux", "-u origin HEAD:deploy/web");
    world.sent("flux", "origin :deploy/web");
    let world = World::new(r#","directPush":true"#);
    world.commit("flux", "more");
    world.sent("flux", "origin HEAD:main");
    world.home.git("flux", &["commit", "-q", "--amend", "--allow-empty", "-m", "other"]);
    world.refused("flux", "--force origin HEAD:main", "branches.flux-history");
}

/// Something done to a repository before it is pushed.
type Change<'a> = Box<dyn Fn() + 'a>;

#[test]
fn secrets_are_found_in_everything_that_is_sent() {
    let world = World::new(r#","directPush":true"#);
    let flux = |name: &str, text: &str| world.home.write(&format!("flux/{name}"), text);
    // Added, then taken out again: it is sent all the same.
    flux("apps/db.yaml", SECRET);
    world.commit("flux", "add");
    std::fs::remove_file(world.home.path("flux/apps/db.yaml")).unwrap();
    world.commit("flux", "remove");
    let told = world.refused("flux", "origin HEAD:main", "secret.unencrypted");
    assert!(
        told.contains("apps/db.yaml:6:3: Secret db contains the value of 'password' in plaintext"),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
    let reset = |to: &str| world.home.git("flux", &["reset", "-q", "--hard", to]);
    // Hidden from diffs, in another encoding, in a commit's message, in a name, in a script.
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(SECRET.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let token = ["ghp_9fK2mQ7xW4tR8vB3nL6", "pZ1cD5gH0jS2aYeUi"].concat();
    let cases: [(&str, Change<'_>); 7] = [
        (
            "secret.unencrypted",
            Box::new(|| {
                flux(".gitattributes", "*.yaml -diff binary\n");
                flux("apps/db.yaml", SECRET);
            }),
        ),
        (
            "secret.unencrypted",
            Box::new(|| std::fs::write(world.home.path("flux/apps/db.yaml"), &wide).unwrap()),
        ),
        ("secret.unencrypted", Box::new(|| drop(flux("apps/db.yaml", &SECRET.replace('\n', "\r\n"))))),
        ("secret.github-token", Box::new(|| drop(flux("run.sh", &format!("curl -H 'token {token}'\n"))))),
        ("secret.github-token", Box::new(|| drop(flux(&format!("apps/{token}.txt"), "x\n")))),
        (
            "secret.hard-coded",
            Box::new(|| {
                drop(flux(
                    "apps/kustomization.yaml",
                    "resources: [web.yaml]\nsecretGenerator:\n- name: x\n  literals:\n  - password=hunter2of\n",
                ))
            }),
        ),
        (
            "content.large-file",
            Box::new(|| {
                drop(flux(
                    "apps/big.yaml",
                    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
                ))
            }),
        ),
    ];
    for (rule, change) in &cases {
        reset("origin/main");
        change();
        world.commit("flux", "change");
        let told = world.refused("flux", "origin HEAD:main", rule);
        assert!(!told.contains("hunter2") && !told.contains(&token) || told.contains(".txt"), "{told}");
    }
    reset("origin/main");
    world.commit("flux", &format!("uses {token}"));
    world.refused("flux", "origin HEAD:main", "secret.github-token");
    // Tracking branches that say the other side has it already are not believed.
    reset("origin/main");
    flux("apps/db.yaml", SECRET);
    world.commit("flux", "add");
    world.home.git("flux", &["update-ref", "refs/remotes/origin/other", "HEAD"]);
    world.refused("flux", "origin HEAD:new-branch", "secret.unencrypted");
    // Nor is a replacement.
    world.home.git("flux", &["replace", "HEAD", "HEAD~1"]);
    world.refused("flux", "origin HEAD:another", "secret.unencrypted");
}

#[test]
fn what_the_other_side_has_already_is_no_reason() {
    let world = World::new(r#","directPush":true"#);
    world.home.write("flux/apps/db.yaml", SECRET);
    world.home.write("flux/apps/kustomization.yaml", "resources: [web.yaml, gone.yaml]\n");
    world.commit("flux", "legacy");
    world.home.git("flux", &["push", "-q", "--no-verify", "origin", "main"]);
    world.home.write("flux/apps/db.yaml", &SECRET.replace("name: db", "name: db\n  labels: {a: b}"));
    world.commit("flux", "label");
    world.sent("flux", "origin HEAD:main");
    world.home.write("flux/apps/db.yaml", &SECRET.replace("of-the-test", "anew"));
    world.commit("flux", "another");
    world.refused("flux", "origin HEAD:main", "secret.unencrypted");
    world.home.git("flux", &["reset", "-q", "--hard", "origin/main"]);
    world.home.write("flux/apps/kustomization.yaml", "resources: [web.yaml, gone.yaml, lost.yaml]\n");
    world.commit("flux", "more");
    let told = world.refused("flux", "origin HEAD:main", "kustomize.missing");
    assert!(told.contains("apps/kustomization.yaml:1:34: 'lost.yaml' does not exist"), "{told}");
    assert!(!told.contains("gone.yaml"), "{told}");
    // A new branch is compared with what it comes from.
    world.home.git("flux", &["reset", "-q", "--hard", "origin/main"]);
    world.commit("flux", "nothing");
    world.sent("flux", "origin HEAD:feature");
}

#[test]
fn what_makes_machines_is_a_person_s_to_push() {
    let world = World::new(r#","directPush":true,"terraformPaths":["./infra/net"]"#);
    for path in ["terraform/main.tf", "clusters/prod/flux-system/gotk-sync.yaml", "infra/net/a.hcl"] {
        world.home.git("flux", &["reset", "-q", "--hard", "origin/main"]);
        world.home.write(&format!("flux/{path}"), "a: 1\n");
        world.commit("flux", "change");
        let told = world.refused("flux", "origin HEAD:main", "autonomy.infrastructure");
        let command = format!("git -C {} push", world.home.path("flux").display());
        assert!(told.contains(path) && told.contains(&command), "{told}");
    }
    world.sent("flux", "origin HEAD:proposal");
    let person = world.sh("flux", "git push -q origin HEAD:main", false);
    assert_eq!(person.code, 0, "{}", person.stderr);
    let each = World::new(r#","directPush":true,"terraformPaths":{"terraform":"standard","net":"prompted"}"#);
    each.home.write("flux/terraform/main.tf", "a\n");
    each.commit("flux", "change");
    each.sent("flux", "origin HEAD:main");
    each.home.write("flux/net/main.tf", "a\n");
    each.commit("flux", "change");
    each.refused("flux", "origin HEAD:main", "autonomy.infrastructure-prompted");
    let manual = World::new(r#","autonomy":"manual""#);
    manual.commit("flux", "more");
    manual.refused("flux", "origin HEAD:feature", "autonomy.manual");
    assert_eq!(manual.sh("flux", "git push -q origin HEAD:feature", false).code, 0);
}

#[test]
fn hooks_that_were_there_keep_running() {
    let world = World::new(r#","readOnly":true"#);
    world.commit("app", "more");
    let other = "#!/bin/sh\necho \"other $1 $(wc -l)\" >> ../ran\nexit ${OTHER:-0}\n";
    let hook = world.home.path("app/.git/hooks/pre-push");
    assert_eq!(world.home.rwenv("app", &["hooks", "uninstall"]).code, 0);
    assert!(!hook.exists());
    world.home.write("app/.git/hooks/pre-push", other);
    world.home.mode("app/.git/hooks/pre-push", 0o755);
    for _ in 0..2 {
        let installed = world.home.rwenv("app", &["hooks", "install"]);
        assert!(installed.stdout.contains("then runs"), "{installed:?}");
    }
    assert!(world.sh("app", "OTHER=3 git push -q origin HEAD:a", true).code != 0);
    assert_eq!(world.sh("app", "git push -q origin HEAD:a HEAD:b", true).code, 0);
    assert_eq!(world.home.read("ran"), "other origin 1\nother origin 2\n");
    assert_eq!(world.home.rwenv("app", &["hooks", "uninstall"]).code, 0);
    assert_eq!(std::fs::read_to_string(&hook).unwrap(), other);
    // Uninstalling everything leaves no hook that would look for a program that is gone.
    assert_eq!(world.home.rwenv("app", &["hooks", "install"]).code, 0);
    assert_eq!(world.home.rwenv("", &["install", "--uninstall"]).code, 0);
    assert_eq!(std::fs::read_to_string(&hook).unwrap(), other);
    assert!(!world.home.path("flux/.git/hooks/pre-push").exists());
    // husky: a folder of the project's own.
    world.home.write("app/.husky/_/.gitignore", "*");
    world.home.write("app/.husky/_/pre-push", other);
    world.home.mode("app/.husky/_/pre-push", 0o755);
    world.home.git("app", &["config", "core.hooksPath", ".husky/_"]);
    assert_eq!(world.home.rwenv("app", &["hooks", "install"]).code, 0);
    world.sent("app", "origin HEAD:c");
    assert_eq!(world.home.read("ran").lines().count(), 3);
}

#[test]
fn a_folder_of_hooks_for_all_repositories_runs_as_before_and_asks() {
    let world = World::new(r#","readOnly":true"#);
    for name in ["flux", "app"] {
        world.home.rwenv(name, &["hooks", "uninstall"]);
    }
    let log = "#!/bin/sh\necho \"$(basename $0)\" >> \"$HOME/ran\"\n";
    world.home.git("", &["config", "--global", "core.hooksPath", "~/mine"]);
    for name in ["post-commit", "pre-push"] {
        world.home.write(&format!("mine/{name}"), log);
        world.home.mode(&format!("mine/{name}"), 0o755);
    }
    let installed = world.home.rwenv("", &["hooks", "install", "--global", "--json"]);
    assert_eq!(installed.code, 0, "{installed:?}");
    world.commit("app", "more");
    world.sent("app", "origin HEAD:main");
    assert_eq!(world.home.read("ran"), "post-commit\npre-push\n");
    world.commit("flux", "more");
    world.refused("flux", "origin HEAD:main", "read-only.flux-repository");
    // Going around it is seen by the shim's question.
    let around = world.home.hook("flux", "git -c core.hooksPath=/nowhere push origin HEAD:x");
    assert_eq!(around.decision(), "deny");
    assert_eq!(world.home.rwenv("", &["hooks", "uninstall", "--global"]).code, 0);
    assert_eq!(world.home.read("mine/pre-push"), log);
    assert_eq!(world.home.git("", &["config", "--global", "core.hooksPath"]).trim(), "~/mine");
}

#[test]
fn a_server_refuses_what_it_is_sent() {
    let world = World::new("");
    let rwenv = Path::new(env!("CARGO_BIN_EXE_rwenv")).display().to_string();
    world.home.write("remotes/app.git/hooks/pre-receive", &format!("#!/bin/sh\nexec {rwenv} pre-receive\n"));
    world.home.mode("remotes/app.git/hooks/pre-receive", 0o755);
    world.home.write("app/db.yaml", SECRET);
    world.commit("app", "add");
    let told = world.refused("app", "--no-verify origin HEAD:main", "secret.unencrypted");
    assert!(told.contains("this push is not taken"), "{told}");
    world.refused("app", "--no-verify origin HEAD:new", "secret.unencrypted");
    world.home.git("app", &["reset", "-q", "--hard", "HEAD~1"]);
    world.commit("app", "fine");
    world.sent("app", "--no-verify origin HEAD:main HEAD:new");
    world.sent("app", "--no-verify origin :new");
}

#[test]
fn more_than_is_looked_at_is_refused_for_protected_branches_only() {
    let world = World::new(r#","directPush":true"#);
    let mut import =
        String::from("commit refs/heads/large\ncommitter t <t@example.com> 1700000000 +0000\ndata 1\nx\n");
    for i in 0..100_100 {
        let text = format!("{i}\n");
        import.push_str(&format!("M 644 inline f/{}/{i}.txt\ndata {}\n{text}\n", i / 1000, text.len()));
    }
    let mut command = world.home.command("git", &world.home.path("flux"));
    assert_eq!(answer(command.args(["fast-import", "--quiet"]).write_stdin(import)).code, 0);
    let told = world.refused("flux", "--force origin large:production", "content.not-checked");
    assert!(told.contains("more than 100000 objects"), "{told}");
    let answer = world.push("flux", "origin large:feature");
    assert!(
        answer.code == 0 && answer.stderr.contains("warning: what this push sends was not checked"),
        "{answer:?}"
    );
    assert!(which("git").is_file());
}

#[test]
fn over_http_a_url_belongs_to_its_rwenv_however_it_is_written() {
    let world = World::new(r#","readOnly":true"#);
    let port = crate::http::serve(world.home.path("remotes"));
    let envs = format!(
        r#"{{"version":"1.0","rwenvs":{{"env":{{"readOnly":true,"fluxGitRepo":"http://127.0.0.1:{port}/Flux"}}}}}}"#
    );
    world.home.write(".claude/rwenv/envs.json", &envs);
    world.commit("flux", "more");
    for url in [
        "http://127.0.0.1:PORT/flux.git",
        "http://me:pw@127.0.0.1:PORT/flux.git/",
        "http://127.0.0.1:PORT/./flux.git",
    ] {
        let url = url.replace("PORT", &port.to_string());
        world.refused("flux", &format!("{url} HEAD:x"), "read-only.flux-repository");
    }
    world.commit("app", "more");
    world.sent("app", &format!("http://127.0.0.1:{port}/app.git HEAD:main"));
    // Nothing is pushed to a branch that shares no history here: what is there is asked over HTTP.
    let open = envs.replace("\"readOnly\":true,", "\"directPush\":true,");
    world.home.write(".claude/rwenv/envs.json", &open);
    world.sent("flux", &format!("http://127.0.0.1:{port}/flux.git HEAD:feature"));
    world.home.write("flux/db.yaml", SECRET);
    world.commit("flux", "add");
    world.refused("flux", &format!("http://127.0.0.1:{port}/flux.git HEAD:other"), "secret.unencrypted");
}

/// Very many objects are read from the packs themselves: what is in them is found as in a few, however they are stored.
#[test]
fn a_secret_among_very_many_objects_is_found() {
    let world = World::new("");
    world.sh(
        "flux",
        "mkdir many && for i in $(seq 3000); do printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c%s\n' $i > many/$i.txt; done",
        false,
    );
    world.commit("flux", "many");
    world.home.write(
        "flux/many/777.txt",
        &format!("{CLEAN}---\ntoken: ghp_9fK2mQ7xW4tR8vB3nL6pZ1cD5gH0jS2aYeUi\n"),
    );
    world.home.write("flux/many/778.txt", SECRET);
    world.commit("flux", "secrets");
    world.home.git("flux", &["mv", "many/778.txt", "many/778.yaml"]);
    world.home.git("flux", &["rm", "-q", "many/777.txt"]);
    world.commit("flux", "gone");
    for repack in [
        "true",
        "git repack -q -adf --depth=50",
        "git repack -q -adf && git rm -q --cached many/1.txt && git commit -q -m loose",
    ] {
        world.sh("flux", repack, false);
        let said = world.refused("flux", "origin HEAD:many", "secret.github-token");
        assert!(said.contains("many/777.txt") && said.contains("many/778.yaml"), "{repack}: {said}");
    }
}

/// What the other side has is asked for as git itself reaches it: with the ssh that the person's configuration names.
#[test]
fn the_remote_is_asked_by_the_ssh_that_is_configured() {
    let world = World::new("");
    let ssh = world.home.write("own/ssh", "#!/bin/sh\necho \"$*\" >> \"$HOME/asked\"\nwhile [ \"$1\" != host ]; do shift; done\nshift\nexec sh -c \"$*\"\n");
    world.home.mode("own/ssh", 0o755);
    let url = format!("ssh://host{}", world.home.path("remotes/app.git").display());
    world.home.git("app", &["remote", "set-url", "origin", &url]);
    world.home.git("app", &["config", "core.sshCommand", &format!("{} -i key", ssh.display())]);
    world.home.write("app/.claude/rwenv", "env\n");
    world.commit("app", "more");
    let answer = world.push("app", "origin HEAD:new");
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let asked = world.home.read("asked");
    let asked: Vec<&str> = asked.lines().filter(|line| line.contains("upload-pack")).collect();
    assert!(
        asked.len() == 1 && asked[0].contains("-i key") && asked[0].contains("-oBatchMode=yes"),
        "{asked:?}"
    );
}
