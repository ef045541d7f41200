//! Deployments with real git, a real remote, and a stand-in for the forge: every place a tag can be in, every way to go on.

use std::fs;

use crate::knowledge::unpack_into;
use crate::support::{Answer, Home, answer};

/// A stand-in for gh: remembers what it opens, and whose branch it was.
pub(crate) const GH: &str = r#"#!/bin/sh
echo "gh $*" >> "$HOME/gh.log"
head=; for word; do [ "$last" = --head ] && head=$word; last=$word; done
file="$HOME/pulls/$(echo "$head" | tr / _)"
case "$1 $2" in
  "pr list") if [ -f "$file" ]; then cat "$file"; else echo '[]'; fi ;;
  "pr create") cat > "$HOME/body"; mkdir -p "$HOME/pulls"
    echo '[{"url":"https://github.com/acme/flux/pull/7"}]' > "$file"; echo "https://github.com/acme/flux/pull/7" ;;
  "pr view") echo '{"number":17,"headRefOid":"'"$(git rev-parse HEAD)"'"}' ;;
esac
"#;
pub(crate) const CLONE: &str = ".claude/rwenv/flux-repos/dev/flux";

/// The lines that a dry run would change, or what it says instead.
pub(crate) fn changed_lines(answer: Answer) -> String {
    if answer.code != 0 {
        return answer.stderr;
    }
    let changed =
        |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---");
    answer.stdout.lines().filter(changed).map(|line| format!("{line}\n")).collect()
}

/// A HOME with a rwenv `dev`, whose repository is a bare remote with the shop in it.
pub(crate) struct Shop {
    pub(crate) home: Home,
}

impl Shop {
    pub(crate) fn new(more: &str) -> Self {
        let home = Home::empty();
        home.write(
            ".gitconfig",
            "[user]\n\tname = t\n\temail = t@example.com\n[init]\n\tdefaultBranch = main\n",
        );
        home.write("project/.claude/rwenv", "dev\n");
        let shop = Self { home };
        shop.script("gh", GH);
        shop.configure(more);
        fs::create_dir_all(shop.home.path("work")).unwrap();
        unpack_into("deploy", &shop.home.path("work"));
        shop.home.git("", &["init", "-q", "--bare", "flux.git"]);
        shop.home.git("work", &["init", "-q"]);
        shop.home
            .git("work", &["remote", "add", "origin", &shop.home.path("flux.git").display().to_string()]);
        shop.push("the shop");
        shop
    }

    /// Puts a program on the PATH.
    pub(crate) fn script(&self, name: &str, text: &str) {
        let name = format!("bin/{name}");
        self.home.write(&name, text);
        self.home.mode(&name, 0o755);
    }

    pub(crate) fn configure(&self, more: &str) {
        let url = self.home.path("flux.git").display().to_string();
        let text =
            format!(r#"{{"version":"1.0","rwenvs":{{"dev":{{"type":"k3s","fluxGitRepo":"{url}"{more}}}}}}}"#);
        self.home.write(".claude/rwenv/envs.json", &text);
    }

    /// Commits what lies in the working folder, and pushes it.
    pub(crate) fn push(&self, message: &str) {
        self.home.git("work", &["add", "-A"]);
        self.home.git("work", &["commit", "-q", "-m", message]);
        self.home.git("work", &["push", "-q", "origin", "HEAD:main"]);
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        let mut command = self.home.command(env!("CARGO_BIN_EXE_rwenv"), &self.home.path("project"));
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.home.path("bin").display());
        answer(command.env("PATH", path).args(arguments))
    }

    pub(crate) fn deploy(&self, arguments: &[&str]) -> Answer {
        self.run(&[&["deploy"], arguments].concat())
    }

    /// What the remote has.
    pub(crate) fn remote(&self, arguments: &[&str]) -> String {
        self.home.git("flux.git", arguments)
    }

    pub(crate) fn branches(&self) -> Vec<String> {
        let all = self.remote(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
        all.lines().map(str::to_owned).collect()
    }

    /// The change that a branch of a deployment brings: lines that go, and lines that come.
    fn change(&self) -> String {
        let branch = self.branches().into_iter().find(|name| name.starts_with("deploy/")).unwrap();
        let diff = self.remote(&["diff", "-U0", "main", &branch]);
        let lines = diff.lines().filter(|line| {
            (line.starts_with('-') || line.starts_with('+'))
                && !line.starts_with("---")
                && !line.starts_with("+++")
        });
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// How the deployments stand.
    pub(crate) fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.deploy(&["--status", "--json"]).stdout).unwrap()
    }

    /// Nothing of a deployment is left on this machine but its record, and the clone is as a sync leaves it.
    pub(crate) fn is_tidy(&self) {
        assert_eq!(self.home.git(CLONE, &["status", "--porcelain"]), "");
        assert_eq!(self.home.git(CLONE, &["branch", "--format=%(refname:short)"]), "main\n");
        assert_eq!(self.home.git(CLONE, &["worktree", "list"]).lines().count(), 1);
        let folder = self.home.path(".claude/rwenv/deploys/dev");
        let left = fs::read_dir(folder).into_iter().flatten().flatten();
        assert!(left.map(|e| e.path()).all(|path| path.extension().is_some_and(|e| e == "json")));
    }
}

#[test]
fn a_tag_is_changed_wherever_it_stands_and_nothing_else_is() {
    for (service, change) in [
        ("papi", "-    newTag: v2.2.0\n+    newTag: v2.3.0\n"),
        (
            "web",
            "-          image: \"registry.example.com/shop/web:v1.0.0\"  # quoted\n+          image: \"registry.example.com/shop/web:v2.3.0\"  # quoted\n",
        ),
        (
            "shop",
            "-      tag: v1.0.0 # {\"$imagepolicy\": \"flux-system:shop:tag\"}\n+      tag: v2.3.0 # {\"$imagepolicy\": \"flux-system:shop:tag\"}\n",
        ),
        ("cart", "-    tag:   'v1.0.0'\n+    tag:   'v2.3.0'\n"),
        ("mart", "-      newTag: v1.0.0  # Flux's own\n+      newTag: v2.3.0  # Flux's own\n"),
        (
            "inner",
            "-                image: registry.example.com/shop/inner:v1.0.0  # patched\n+                image: registry.example.com/shop/inner:v2.3.0  # patched\n",
        ),
        (
            "outer",
            "-          image: 'registry.example.com/shop/outer:v1.0.0'\n+          image: 'registry.example.com/shop/outer:v2.3.0'\n",
        ),
        (
            "json",
            "-        value: registry.example.com/shop/json:v1.0.0\n+        value: registry.example.com/shop/json:v2.3.0\n",
        ),
        (
            "shelf",
            "-        - shelf=registry.example.com/shop/shelf:v1.0.0\n+        - shelf=registry.example.com/shop/shelf:v2.3.0\n",
        ),
        ("mail", "-      tag: v1.0.0\n+      tag: v2.3.0\n"),
        ("api", "-      api_tag: v1.0.0   # set by hand\n+      api_tag: v2.3.0   # set by hand\n"),
    ] {
        let shop = Shop::new("");
        let answer = shop.deploy(&[service, "--image-tag", "v2.3.0"]);
        assert_eq!(answer.code, 0, "{service}: {}", answer.stderr);
        assert!(answer.stdout.contains("https://github.com/acme/flux/pull/7"), "{}", answer.stdout);
        assert_eq!(shop.change(), change, "{service}");
        shop.is_tidy();
        let shows_others = answer.stderr.contains("Deployment shop/worker");
        assert_eq!(shows_others, service == "papi", "{}", answer.stderr);
        let told = answer.stderr.contains("ImagePolicy flux-system:shop");
        assert_eq!(told, service == "shop", "{}", answer.stderr);
    }
}

#[test]
fn what_is_committed_and_proposed_is_said_in_the_field_s_words() {
    let shop = Shop::new("");
    assert_eq!(shop.deploy(&["papi", "--image-tag", "v2.3.0"]).code, 0);
    let branch = shop.branches().remove(0);
    let (_, time) = branch.split_once("deploy/papi-").unwrap();
    assert_eq!(time.len(), "20260101-020304".len(), "{branch}");
    let message = shop.remote(&["log", "-1", "--format=%B", &branch]);
    assert!(
        message.starts_with(
            "chore(backend): update image tag to v2.3.0\n\n- apps/backend/kustomization.yaml:9 "
        ),
        "{message}"
    );
    assert!(message.contains("v2.2.0 -> v2.3.0") && message.contains("Deployment shop/worker"), "{message}");
    let log = shop.home.read("gh.log");
    let create = format!("gh pr create --head {branch} --base main --title Deploy papi v2.3.0 --body-file -");
    assert!(log.lines().any(|line| line == create), "{log}");
    assert!(shop.home.read("body").contains("v2.2.0 -> v2.3.0"));
    let status = shop.status();
    assert_eq!((&status[0]["step"], &status[0]["service"]), (&"opened".into(), &"papi".into()), "{status}");
}

#[test]
fn values_are_set_where_they_count() {
    let shop = Shop::new("");
    let set = |service: &str, pairs: &[&str]| {
        let mut arguments = vec![service, "--dry-run", "--create"];
        pairs.iter().for_each(|pair| arguments.extend(["--set", *pair]));
        let answer = shop.deploy(&arguments);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let lines = answer
            .stdout
            .lines()
            .filter(|l| l.starts_with(['+', '-']) && !l.starts_with("+++") && !l.starts_with("---"));
        lines.map(|l| format!("{l}\n")).collect::<String>()
    };
    assert_eq!(set("shop", &["replicas=3"]), "-    replicas: 1\n+    replicas: 3\n");
    assert_eq!(set("shop", &["a.b=true", "a.c=x y"]), "+    a:\n+      b: true\n+      c: \"x y\"\n");
    assert_eq!(set("cart", &["resources.limits.cpu=2"]), "-resources: {}\n+resources: {limits: {cpu: 2}}\n");
    assert_eq!(set("mail", &["image.tag=1.10"]), "-      tag: v1.0.0\n+      tag: \"1.10\"\n");
    assert_eq!(set("mail", &["port=25"]), "+    port: 25\n");
    assert_eq!(set("papi", &["spec.replicas=5"]), "-  replicas: 2\n+  replicas: 5\n");
    assert_eq!(shop.branches(), ["main"], "a dry run changes nothing");
    shop.is_tidy();
    let answer = shop.deploy(&["shop", "--set", "replicas=3", "--set-string", "port=8", "--create"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(shop.change(), "-    replicas: 1\n+    replicas: 3\n+    port: \"8\"\n");
    let message = shop.remote(&["log", "-1", "--format=%s", &shop.branches()[0]]);
    assert_eq!(message.trim(), "chore(shop): set replicas, port");
}

#[test]
fn what_cannot_be_deployed_is_refused_with_the_reason_and_leaves_nothing() {
    let shop = Shop::new("");
    for (arguments, expected) in [
        (
            &["papy", "--image-tag", "v2"][..],
            "Service 'papy' not found in services catalog. Did you mean pay, papi",
        ),
        (&["papi"], "say what to deploy"),
        (&["papi", "--image-tag", "a b"], "is not an image tag"),
        (&["papi", "--image-tag", ":v2"], "is not an image tag"),
        (
            &["two", "--image-tag", "v2"],
            "runs several images: registry.example.com/shop/left, registry.example.com/shop/right; say which: --image NAME",
        ),
        (&["pay", "--image-tag", "v2"], "apps/pay/kustomization.yaml:8: pins pay by its digest"),
        (&["shop", "--set", "image=x"], "is a mapping or a list"),
        (&["shop", "--set", "x"], "is not key=value"),
        (
            &["shop", "--set", "replcas=3"],
            "HelmRelease shop sets no value replcas. Did you mean replicas? To write it as a new one, at apps/shop.yaml:",
        ),
        (&["shop", "--set", "web.replicas=3"], "Did you mean replicas?"),
        (&["mail", "--set", "tag=v2"], "Did you mean image.tag?"),
        (&["web", "--set", "spec.template.spec.containers[4].image=x"], "there is no item 4"),
        (&["--continue"], "there is no deployment of rwenv 'dev' to go on with"),
        (&["--abort", "x"], "there is no deployment 'x' of rwenv 'dev'"),
        (&["--revert"], "there is no deployment of rwenv 'dev' that was merged"),
    ] {
        let answer = shop.deploy(arguments);
        assert!(answer.code == 1 && answer.stderr.contains(expected), "{arguments:?}: {}", answer.stderr);
    }
    let secret = shop.deploy(&["shop", "--create", "--set", "password=hunter2hunter2hunter2"]);
    assert_eq!(secret.code, 1);
    assert!(
        secret.stderr.contains("the change is not committed because it would add these problems"),
        "{}",
        secret.stderr
    );
    assert!(!secret.stderr.contains("hunter2"), "{}", secret.stderr);
    assert_eq!(shop.status(), serde_json::json!([]), "nor is it kept");
    let odd = shop.deploy(&["shop", "--set", "a\nb=1"]);
    assert!(odd.code == 1 && odd.stderr.contains("control characters"), "{}", odd.stderr);
    assert_eq!(shop.branches(), ["main"]);
    shop.is_tidy();
    let same = shop.deploy(&["papi", "--image-tag", "v2.2.0"]);
    assert!(same.code == 0 && same.stdout.contains("nothing to deploy"), "{}", same.stdout);
    let right = shop.deploy(&["two", "--image-tag", "v2", "--image", "right"]);
    assert_eq!(right.code, 0, "{}", right.stderr);
    assert!(shop.change().contains("shop/right:v2"));
}

#[test]
fn what_an_alias_repeats_is_changed_where_its_anchor_is() {
    let shop = Shop::new("");
    let answer = shop.deploy(&["shop", "--image-tag", "v2", "--image", "sidecar"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(shop.change(), "-      version: &version v1.0.0\n+      version: &version v2\n");
}

#[test]
fn a_digest_takes_a_digest_s_place() {
    let shop = Shop::new("");
    let digest = format!("sha256:{}", "a".repeat(64));
    assert_eq!(shop.deploy(&["pay", "--image-tag", &digest]).code, 0);
    assert!(shop.change().contains(&format!("+    digest: {digest}")), "{}", shop.change());
}

#[test]
fn the_user_s_clone_is_not_disturbed() {
    let shop = Shop::new("");
    assert_eq!(shop.run(&["repo", "sync", "dev"]).code, 0);
    shop.home.write(&format!("{CLONE}/apps/web.yaml"), "half: done\n");
    shop.home.write(&format!("{CLONE}/new.yaml"), "mine: 1\n");
    shop.home.git(CLONE, &["switch", "-q", "-c", "mine"]);
    shop.home.git(CLONE, &["add", "new.yaml"]);
    let before = shop.home.git(CLONE, &["status", "--porcelain", "--branch"]);
    let answer = shop.deploy(&["web", "--image-tag", "v2.3.0"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(shop.home.git(CLONE, &["status", "--porcelain", "--branch"]), before);
    assert_eq!(shop.home.read(&format!("{CLONE}/apps/web.yaml")), "half: done\n");
    assert!(shop.change().contains("web:v2.3.0"));
}

#[test]
fn direct_pushes_go_to_the_branch_and_come_after_those_of_others() {
    let shop = Shop::new(r#","directPush":true"#);
    let refused = shop.deploy(&["papi", "--image-tag", "v2.3.0"]);
    assert!(
        refused.code == 1 && refused.stderr.contains("say --yes"),
        "others change with it: {}",
        refused.stderr
    );
    // Before the change is sent, somebody else pushes.
    let racing = format!(
        "#!/bin/sh\ncase \"$*\" in *push*) if [ ! -f $HOME/raced ]; then touch $HOME/raced; cd {}; echo x > x; /usr/bin/git add x; /usr/bin/git commit -qm other; /usr/bin/git push -q origin HEAD:main; fi ;; esac\nexec /usr/bin/git \"$@\"\n",
        shop.home.path("work").display()
    );
    shop.script("git", &racing);
    let answer = shop.deploy(&["papi", "--image-tag", "v2.3.0", "--yes"]);
    // There is no cluster here to watch, which is the one thing that is left.
    assert!(
        answer.code == 1 && answer.stderr.contains("stopped with the change on the branch Flux follows"),
        "{}",
        answer.stderr
    );
    let log = shop.remote(&["log", "--format=%s", "main"]);
    assert_eq!(log, "chore(backend): update image tag to v2.3.0\nother\nthe shop\n");
    assert_eq!(shop.status()[0]["step"], "merged");
    shop.is_tidy();
    assert!(shop.deploy(&["--abort"]).stderr.contains("no deployment of rwenv 'dev' to undo"));
}

#[test]
fn merged_changes_are_recognized_also_where_the_forge_squashes() {
    for squash in [false, true] {
        let shop = Shop::new("");
        assert_eq!(shop.deploy(&["web", "--image-tag", "v2.3.0"]).code, 0);
        let waits = shop.deploy(&["--continue"]);
        assert!(waits.code == 0 && waits.stdout.contains("Once it is merged"), "{}", waits.stdout);
        let branch = shop.branches().remove(0);
        shop.home.git("work", &["fetch", "-q", "origin"]);
        let how = if squash { "--squash" } else { "--no-ff" };
        shop.home.git("work", &["merge", "-q", how, "--no-commit", &format!("origin/{branch}")]);
        shop.push("merged by a person");
        let goes_on = shop.deploy(&["--continue"]);
        assert!(goes_on.stderr.contains("main has it, at "), "{}", goes_on.stderr);
        assert_eq!(shop.status()[0]["step"], "merged");
        // Taking it back is a change of its own.
        let back = shop.deploy(&["--revert"]);
        assert_eq!(back.code, 0, "{}", back.stderr);
        let revert = shop.status()[0]["branch"].as_str().unwrap().to_owned();
        let message = shop.remote(&["log", "-1", "--format=%s", &revert]);
        assert_eq!(message.trim(), "revert: chore(web): update image tag to v2.3.0");
        assert!(
            shop.remote(&["show", &format!("{revert}:apps/web.yaml")])
                .contains("shop/web:v1.0.0\"  # quoted")
        );
    }
}

#[test]
fn what_was_changed_since_is_not_taken_back() {
    let shop = Shop::new("");
    assert_eq!(shop.deploy(&["web", "--image-tag", "v2"]).code, 0);
    for tag in ["v2", "v3"] {
        let text = shop.home.read("work/apps/web.yaml");
        let start = text.find("web:v").unwrap();
        let end = start + text[start..].find('"').unwrap();
        shop.home.write("work/apps/web.yaml", &format!("{}web:{tag}{}", &text[..start], &text[end..]));
        shop.push(tag);
        shop.deploy(&["--continue"]);
    }
    let back = shop.deploy(&["--revert"]);
    assert!(back.code == 1 && back.stderr.contains("were changed again since"), "{}", back.stderr);
    assert_eq!(shop.status().as_array().unwrap().len(), 1, "nothing is left to go on with");
}

#[test]
fn aborting_takes_everything_off_again() {
    let shop = Shop::new("");
    assert_eq!(shop.deploy(&["web", "--image-tag", "v2"]).code, 0);
    let branch = shop.branches().remove(0);
    let done = shop.deploy(&["--abort"]);
    assert!(done.code == 0 && done.stdout.contains("is undone"), "{}", done.stderr);
    assert_eq!(shop.branches(), ["main"]);
    assert_eq!(shop.status()[0]["step"], "aborted");
    shop.is_tidy();
    // What others have done on the branch is theirs.
    assert_eq!(shop.deploy(&["web", "--image-tag", "v3"]).code, 0);
    let branch = shop.branches().into_iter().find(|b| *b != branch && *b != "main").unwrap();
    shop.home.git("work", &["fetch", "-q", "origin"]);
    shop.home.git("work", &["switch", "-q", "-c", "theirs", &format!("origin/{branch}")]);
    shop.home.git("work", &["commit", "-q", "--allow-empty", "-m", "more"]);
    shop.home.git("work", &["push", "-q", "origin", &format!("HEAD:{branch}")]);
    let kept = shop.deploy(&["--abort"]);
    assert!(kept.code == 1 && kept.stderr.contains("has other commits on the remote"), "{}", kept.stderr);
    assert!(shop.branches().contains(&branch));
}

#[test]
fn the_policy_decides_about_the_push_and_what_was_prepared_stays() {
    let shop = Shop::new(r#","autonomy":"manual""#);
    let mut command = shop.home.command(env!("CARGO_BIN_EXE_rwenv"), &shop.home.path("project"));
    let path = format!("{}:/usr/bin:/bin", shop.home.path("bin").display());
    command.env("PATH", path).env("CLAUDECODE", "1").args(["deploy", "web", "--image-tag", "v2"]);
    let refused = answer(&mut command);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("[autonomy.manual]")
            && refused.stderr.contains("a person sends it with rwenv deploy --continue"),
        "{}",
        refused.stderr
    );
    assert_eq!(shop.branches(), ["main"]);
    // The person does.
    let sent = shop.deploy(&["--continue"]);
    assert_eq!(sent.code, 0, "{}", sent.stderr);
    assert!(shop.change().contains("web:v2"));
}

#[test]
fn a_read_only_rwenv_gets_nothing() {
    let shop = Shop::new(r#","readOnly":true"#);
    let words = "rwenv 'dev' is read-only. Cannot modify Flux repo or trigger reconciliation.";
    for arguments in [
        &["deploy", "web", "--image-tag", "v2"][..],
        &["deploy", "--continue"],
        &["deploy", "--revert"],
        &["rollout", "web", "--tag", "v2"],
    ] {
        let refused = shop.run(arguments);
        assert!(refused.code == 2 && refused.stderr.contains(words), "{arguments:?}: {}", refused.stderr);
    }
    let shown = shop.deploy(&["web", "--image-tag", "v2", "--dry-run"]);
    assert!(
        shown.code == 0 && shown.stdout.contains("+          image: \"registry.example.com/shop/web:v2\""),
        "{}",
        shown.stderr
    );
    assert_eq!(shop.branches(), ["main"]);
    assert!(!shop.home.path(".claude/rwenv/deploys").exists());
}

#[test]
fn services_of_one_place_are_deployed_once() {
    let shop = Shop::new("");
    let both = shop.run(&["rollout", "papi", "worker", "--tag", "v3"]);
    assert_eq!(both.code, 0, "{}", both.stderr);
    assert!(both.stderr.contains("Deploy papi v3 is on its way already"), "{}", both.stderr);
    assert_eq!(shop.branches().len(), 2, "one branch beside main");
}

#[test]
fn rollouts_deploy_what_a_pull_request_s_pipeline_built() {
    let shop = Shop::new("");
    shop.home.git("project", &["init", "-q"]);
    shop.home.git("project", &["remote", "add", "origin", "https://git.example.com/shop/papi.git"]);
    shop.home.git("project", &["add", "-A"]);
    shop.home.git("project", &["commit", "-q", "-m", "one"]);
    let head = shop.home.git("project", &["rev-parse", "HEAD"]);
    let tag = format!("pr-17-{}", &head[..7]);
    let answer = shop.run(&["rollout", "--dry-run"]);
    assert!(answer.stdout.contains(&format!("+    newTag: {tag}")), "{}{}", answer.stdout, answer.stderr);
    // Nobody can have built what was never pushed.
    let early = shop.run(&["rollout", "web", "--pr", "9"]);
    assert!(
        early.code == 1
            && early.stderr.contains("is in no branch of the remote")
            && early.stderr.contains("push it first"),
        "{}",
        early.stderr
    );
    shop.home.git("project", &["update-ref", "refs/remotes/origin/feature", "HEAD"]);
    let answer = shop.run(&["rollout", "web", "--pr", "9"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(shop.change().contains(&format!("web:pr-9-{}", &head[..7])));
    // What is not pushed has no image.
    let stale = GH.replace("$(git rev-parse HEAD)", "0123456789012345678901234567890123456789");
    shop.script("gh", &stale);
    let refused = shop.run(&["rollout", "web"]);
    assert!(
        refused.code == 1 && refused.stderr.contains("pull request 17 is at 0123456"),
        "{}",
        refused.stderr
    );
}
