//! The Flux repositories on this machine: every state they can be in, with real git and real remotes.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::support::{Answer, Home, answer, skip};

/// A HOME with a rwenv `dev` whose repository is a folder beside it with one commit.
pub(crate) struct Setting {
    pub(crate) home: Home,
}

impl Setting {
    pub(crate) fn new() -> Self {
        let home = Home::empty();
        fs::create_dir_all(home.path("origin")).unwrap();
        home.git("origin", &["init", "-q"]);
        let setting = Self { home };
        setting.configure("dev", &setting.url(), "");
        setting.commit("a.yaml", "one\n");
        setting
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.home.path("origin").display())
    }

    pub(crate) fn configure(&self, name: &str, url: &str, more: &str) {
        let text = format!(
            r#"{{"version":"1.0","rwenvs":{{"{name}":{{"type":"k3s","fluxGitRepo":"{url}"{more}}}}}}}"#
        );
        self.home.write(".claude/rwenv/envs.json", &text);
    }

    pub(crate) fn commit(&self, file: &str, text: &str) {
        self.home.write(&format!("origin/{file}"), text);
        self.home.git("origin", &["add", "-A"]);
        self.home.git("origin", &["commit", "-q", "-m", file]);
    }

    pub(crate) fn repo(&self, arguments: &[&str]) -> Answer {
        self.home.rwenv("", &[&["repo"], arguments].concat())
    }

    /// Syncs, and gives the state as JSON.
    pub(crate) fn sync(&self, more: &[&str]) -> serde_json::Value {
        let answer = self.repo(&[&["sync", "dev", "--json"], more].concat());
        serde_json::from_str(&answer.stdout).unwrap_or_else(|_| answer.stderr.into())
    }

    pub(crate) fn clone_git(&self, arguments: &[&str]) -> String {
        self.home.git(CLONE, arguments)
    }
}

pub(crate) const CLONE: &str = ".claude/rwenv/flux-repos/dev/origin";

#[test]
fn the_first_access_clones_and_later_ones_move_forward() {
    let it = Setting::new();
    let path = it.repo(&["path", "dev"]);
    assert_eq!(
        (path.code, path.stdout.trim()),
        (0, it.home.path(CLONE).to_str().unwrap()),
        "{}",
        path.stderr
    );
    assert_eq!(path.stderr, "", "nothing is drawn where nobody looks");
    assert_eq!(it.home.read(&format!("{CLONE}/a.yaml")), "one\n");
    assert!(
        it.home.read(&format!("{CLONE}/.git/hooks/pre-push")).contains("rwenv"),
        "pushes from it are judged"
    );
    let clone = it.home.path(CLONE).join(".git/hooks").display().to_string();
    assert!(it.home.read(".claude/rwenv/run/hooked").contains(&clone), "and uninstalling ends that");
    it.commit("a.yaml", "two\n");
    it.home.git("origin", &["tag", "v1"]);
    let now = it.sync(&[]);
    assert_eq!((&now["state"], &now["branch"]), (&"up-to-date".into(), &"main".into()), "{now}");
    assert_eq!(it.home.read(&format!("{CLONE}/a.yaml")), "two\n");
    assert_eq!(it.clone_git(&["tag"]).trim(), "v1");
    assert_eq!(it.sync(&[])["state"], "up-to-date");
    it.clone_git(&["fsck", "--strict"]);
    let list = it.repo(&["list", "--json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&list.stdout).unwrap()[0]["rwenv"], "dev");
}

#[test]
fn what_is_the_user_s_stays() {
    let it = Setting::new();
    it.sync(&[]);
    it.home.write(&format!("{CLONE}/mine.yaml"), "mine\n");
    it.commit("a.yaml", "two\n");
    let refused = it.repo(&["sync", "dev"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("Flux repo has uncommitted changes"), "{}", refused.stderr);
    assert_eq!(it.home.read(&format!("{CLONE}/a.yaml")), "one\n");
    assert_eq!(it.sync(&["--yes"])["behind"], 0, "git moves what does not touch the changes");
    assert_eq!(it.home.read(&format!("{CLONE}/mine.yaml")), "mine\n");
    it.home.write(&format!("{CLONE}/a.yaml"), "mine too\n");
    it.commit("a.yaml", "three\n");
    let refused = it.repo(&["sync", "dev", "--yes"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("a.yaml") || refused.stderr.contains("overwritten"),
        "{}",
        refused.stderr
    );
    assert_eq!(it.home.read(&format!("{CLONE}/a.yaml")), "mine too\n");
    assert!(it.repo(&["sync", "dev", "--reset"]).stderr.contains("commit or stash"));
    let kept = it.repo(&["clean", "dev"]);
    assert!(kept.code == 1 && kept.stderr.contains("uncommitted changes"), "{}", kept.stderr);
    assert!(it.home.path(CLONE).exists());
}

#[test]
fn own_commits_are_seen_and_kept_under_a_backup() {
    let it = Setting::new();
    it.sync(&[]);
    it.home.write(&format!("{CLONE}/mine.yaml"), "mine\n");
    it.clone_git(&["add", "-A"]);
    it.clone_git(&["commit", "-q", "-m", "mine"]);
    let own = it.clone_git(&["rev-parse", "HEAD"]);
    assert_eq!(it.sync(&[])["state"], "ahead");
    assert!(it.repo(&["clean", "dev"]).stderr.contains("1 commits that the remote does not have"));
    it.commit("a.yaml", "two\n");
    let diverged = it.repo(&["sync", "dev"]);
    assert!(diverged.code == 1 && diverged.stdout.contains("diverged"), "{}", diverged.stdout);
    assert_eq!(it.clone_git(&["rev-parse", "HEAD"]), own);
    assert_eq!(it.sync(&["--reset"])["state"], "up-to-date");
    let backup = it.clone_git(&["for-each-ref", "--format=%(objectname)", "refs/rwenv/backup"]);
    assert_eq!(backup, own);
    assert!(it.repo(&["clean", "dev"]).code == 1, "the backup is nowhere else");
    assert_eq!(it.repo(&["clean", "dev", "--force"]).code, 0);
    assert!(!it.home.path(CLONE).exists());
}

#[test]
fn a_rewritten_history_is_told_and_followed_on_request_only() {
    let it = Setting::new();
    it.commit("a.yaml", "two\n");
    it.sync(&[]);
    it.home.git("origin", &["reset", "-q", "--hard", "HEAD~1"]);
    it.commit("b.yaml", "other\n");
    let now = it.sync(&[]);
    assert_eq!(now["state"], "rewritten", "{now}");
    assert_eq!(it.home.read(&format!("{CLONE}/a.yaml")), "two\n");
    assert_eq!(it.sync(&["--reset"])["state"], "up-to-date");
    assert_eq!(it.home.read(&format!("{CLONE}/a.yaml")), "one\n");
    // Nothing in common at all.
    fs::remove_dir_all(it.home.path("origin/.git")).unwrap();
    it.home.git("origin", &["init", "-q"]);
    it.commit("c.yaml", "new\n");
    assert_eq!(it.sync(&[])["state"], "rewritten");
}

#[test]
fn branches_that_go_or_get_another_name_are_told() {
    let it = Setting::new();
    it.sync(&[]);
    it.home.git("origin", &["branch", "-m", "main", "trunk"]);
    let now = it.sync(&[]);
    assert_eq!(
        (&now["state"], &now["from"], &now["to"]),
        (&"default-branch-renamed".into(), &"main".into(), &"trunk".into()),
        "{now}"
    );
    it.configure("dev", &it.url(), r#","fluxBranch":"main""#);
    let now = it.sync(&[]);
    assert_eq!((&now["state"], &now["branch"]), (&"branch-gone".into(), &"main".into()), "{now}");
    assert_eq!(it.home.read(&format!("{CLONE}/a.yaml")), "one\n", "the last commit stays");
    it.clone_git(&["checkout", "-q", "--detach"]);
    assert_eq!(it.sync(&[])["state"], "detached");
}

#[test]
fn an_empty_repository_is_one_and_fills_later() {
    let it = Setting::new();
    fs::remove_dir_all(it.home.path("origin")).unwrap();
    fs::create_dir_all(it.home.path("origin")).unwrap();
    it.home.git("origin", &["init", "-q"]);
    let now = it.repo(&["sync", "dev"]);
    assert!(now.code == 0 && now.stdout.contains("empty on the remote"), "{}{}", now.stdout, now.stderr);
    it.commit("a.yaml", "one\n");
    assert_eq!(it.sync(&[])["state"], "up-to-date");
    assert_eq!(it.home.read(&format!("{CLONE}/a.yaml")), "one\n");
}

#[test]
fn a_clone_git_is_at_work_in_is_left_alone() {
    let it = Setting::new();
    it.sync(&[]);
    it.commit("a.yaml", "two\n");
    it.home.write(&format!("{CLONE}/.git/index.lock"), "");
    let now = it.sync(&[]);
    assert_eq!((&now["state"], &now["what"]), (&"busy".into(), &"another git command".into()), "{now}");
    assert!(it.home.path(&format!("{CLONE}/.git/index.lock")).exists());
    fs::remove_file(it.home.path(&format!("{CLONE}/.git/index.lock"))).unwrap();
    it.clone_git(&["checkout", "-q", "-b", "topic"]);
    it.home.write(&format!("{CLONE}/a.yaml"), "clash\n");
    it.clone_git(&["commit", "-q", "-a", "-m", "clash"]);
    let rebase =
        it.home.command("git", &it.home.path(CLONE)).args(["rebase", "-q", "origin/main"]).output().unwrap();
    assert!(!rebase.status.success(), "it stops at the clash");
    let now = it.sync(&[]);
    assert_eq!(now["state"], "busy", "{now}");
    assert!(now["what"].as_str().unwrap().starts_with("rebase"), "{now}");
}

#[test]
fn errors_name_the_key_the_file_and_the_way_on() {
    let it = Setting::new();
    it.configure("dev", "", "");
    let none = it.repo(&["sync", "dev"]).stderr;
    let file = it.home.path(".claude/rwenv/envs.json");
    assert!(
        none.contains("No fluxGitRepo configured for rwenv 'dev'") && none.contains(file.to_str().unwrap()),
        "{none}"
    );
    it.configure("dev", "file:///nowhere/at/all", "");
    let gone = it.repo(&["sync", "dev"]);
    assert!(gone.stderr.contains("Failed to clone file:///nowhere/at/all"), "{}", gone.stderr);
    let left: Vec<_> = fs::read_dir(it.home.path(".claude/rwenv/mirrors"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["dev.json"]);
    for bad in ["ext::sh -c date", "--upload-pack=date", "fd::3"] {
        it.configure("dev", bad, "");
        assert!(it.repo(&["sync", "dev"]).stderr.contains("is not a supported repository URL"), "{bad}");
    }
    it.configure("dev", &it.url(), "");
    it.home.write(&format!("{CLONE}/notes"), "mine");
    assert!(it.repo(&["sync", "dev"]).stderr.contains("exists and is not a clone"));
    fs::remove_dir_all(it.home.path(CLONE)).unwrap();
    it.sync(&[]);
    fs::rename(it.home.path("origin"), it.home.path("away")).unwrap();
    let away = it.repo(&["status", "dev"]);
    assert_eq!(away.code, 0);
    let failed = it.repo(&["sync", "dev"]);
    assert!(failed.code == 1 && failed.stderr.contains("git:"), "{}", failed.stderr);
    let told = it.repo(&["status", "dev"]).stdout;
    assert!(
        told.contains("last sync failed") && told.contains("up to date"),
        "old data is served with the error: {told}"
    );
    fs::create_dir_all(it.home.path("else/origin")).unwrap();
    it.home.git("else/origin", &["init", "-q"]);
    it.configure("dev", it.home.path("else/origin").to_str().unwrap(), "");
    it.home.git("else/origin", &["commit", "-q", "--allow-empty", "-m", "x"]);
    assert!(it.repo(&["sync", "dev"]).stderr.contains("is a clone of file://"));
}

#[test]
fn passwords_in_urls_are_not_shown() {
    let it = Setting::new();
    it.configure("dev", "https://me:hunter2@127.0.0.1:1/x.git", "");
    let failed = it.repo(&["sync", "dev"]);
    let list = it.repo(&["list"]);
    let record = it.home.read(".claude/rwenv/mirrors/dev.json");
    assert!(!format!("{}{}{}", failed.stderr, list.stdout, list.stderr).contains("hunter2"));
    assert!(!record.contains("hunter2"), "{record}");
}

/// Everything git would run of what a repository or its configuration says leaves a mark; none may be there.
#[test]
fn nothing_a_repository_brings_is_run() {
    let it = Setting::new();
    let mark = it.home.path("ran");
    let program = it.home.write("evil.sh", &format!("#!/bin/sh\ntouch {}\ncat\n", mark.display()));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    it.commit(".gitattributes", "*.yaml filter=lfs diff=evil merge=evil\n");
    it.commit(".gitmodules", "[submodule \"s\"]\n\tpath = s\n\turl = ext::touch ran\n");
    it.home.write(
        ".gitconfig",
        &format!("[filter \"lfs\"]\n\tsmudge = {0}\n\tclean = {0}\n\trequired = true\n", program.display()),
    );
    it.sync(&[]);
    let hooks = [
        ".git/hooks/post-checkout",
        ".git/hooks/post-merge",
        ".git/hooks/reference-transaction",
        ".git/hooks/pre-auto-gc",
    ];
    for hook in hooks {
        fs::copy(&program, it.home.path(&format!("{CLONE}/{hook}"))).unwrap();
    }
    let program = program.to_str().unwrap();
    for (key, value) in [("core.fsmonitor", program), ("core.sshCommand", program), ("core.pager", program)] {
        let path = it.home.path(&format!("{CLONE}/.git/config"));
        let mut command = it.home.command("git", &it.home.path(""));
        assert_eq!(answer(command.args(["config", "-f", path.to_str().unwrap(), key, value])).code, 0);
    }
    it.commit("a.yaml", "two\n");
    fs::remove_file(&mark).unwrap();
    assert_eq!(it.sync(&[])["branch"], "main");
    it.repo(&["status", "dev"]);
    assert_eq!(it.home.read(&format!("{CLONE}/a.yaml")), "two\n");
    assert!(!mark.exists(), "something ran");
}

#[test]
fn odd_names_and_paths_are_no_trouble() {
    for folder in ["or igin", "o'r\"ig\nin", "-origin", "ünï", "$(touch x)"] {
        let it = Setting::new();
        fs::rename(it.home.path("origin"), it.home.path(folder)).unwrap();
        let url = serde_json::to_string(it.home.path(folder).to_str().unwrap()).unwrap();
        it.configure("dev", url.trim_matches('"'), "");
        let answer = it.repo(&["path", "dev"]);
        if folder.contains('\n') {
            assert!(answer.stderr.contains("is not a supported repository URL"), "{}", answer.stderr);
        } else {
            assert_eq!(answer.code, 0, "{folder}: {}", answer.stderr);
            assert_eq!(
                fs::read_to_string(PathBuf::from(answer.stdout.trim()).join("a.yaml")).unwrap(),
                "one\n"
            );
        }
    }
}

/// A server that takes the connection and never answers: git's own floor under the speed ends it.
#[test]
fn a_server_that_says_nothing_is_given_up() {
    let it = Setting::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let (send, prompts) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let mut bytes = [0; 1];
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut bytes);
            let _ = send.send(stream);
        }
    });
    it.configure("dev", &format!("http://127.0.0.1:{port}/x.git"), "");
    let mut command = it.home.command(env!("CARGO_BIN_EXE_rwenv"), &it.home.path(""));
    let told = answer(command.env("GIT_HTTP_LOW_SPEED_TIME", "1").args(["repo", "sync", "dev"]));
    assert!(told.code == 1 && told.stderr.contains("Failed to clone"), "{}", told.stderr);
    drop(prompts);
}

/// A server that wants a name and a password gets none, and nobody is asked.
#[test]
fn a_server_that_wants_a_password_asks_nobody() {
    use std::io::Write as _;
    let it = Setting::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 401 no\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    it.configure("dev", &format!("http://127.0.0.1:{port}/x.git"), "");
    let told = it.repo(&["sync", "dev"]);
    assert!(
        told.code == 1 && told.stderr.contains("Authentication failed")
            || told.stderr.contains("could not read"),
        "{}",
        told.stderr
    );
}

/// A server that can leave large files out, and a repository that once had one.
#[test]
fn large_files_of_the_past_are_not_fetched() {
    let it = Setting::new();
    it.home.git("origin", &["config", "uploadpack.allowFilter", "true"]);
    let noise: String =
        (0..1_200_000_u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    it.commit("old.bin", &noise);
    it.commit("old.bin", "small\n");
    it.commit("new.bin", &noise[16..]);
    assert_eq!(it.sync(&[])["state"], "up-to-date");
    assert_eq!(
        it.home.read(&format!("{CLONE}/new.bin")).len(),
        noise.len() - 16,
        "what is checked out is there"
    );
    let mirror =
        it.home.git(".claude/rwenv/mirrors/dev.git", &["rev-list", "--all", "--objects", "--missing=print"]);
    assert_eq!(
        mirror.lines().filter(|line| line.starts_with('?')).count(),
        2,
        "and neither is in the mirror"
    );
    it.commit("new.bin", "small\n");
    it.commit("next.bin", &noise[32..]);
    assert_eq!(it.sync(&[])["state"], "up-to-date");
    assert_eq!(it.home.read(&format!("{CLONE}/next.bin")).len(), noise.len() - 32);
    it.clone_git(&["fsck", "--connectivity-only"]);
}

/// A mirror somebody made with `--depth`: its history is cut off, and it knows no filters. What would go on without an end is bounded here.
#[test]
fn a_shallow_remote_is_cloned_and_followed() {
    let it = Setting::new();
    it.commit("b.yaml", "two\n");
    let again = |depth: &str| {
        let _ = fs::remove_dir_all(it.home.path("shallow"));
        let mut arguments = vec!["clone", "-q", "--bare"];
        arguments.extend((!depth.is_empty()).then_some(depth));
        let url = it.url();
        arguments.extend([url.as_str(), "shallow"]);
        it.home.git("", &arguments);
        it.home.git("shallow", &["config", "uploadpack.allowFilter", "true"]);
    };
    let read = |file: &str| it.home.read(&format!(".claude/rwenv/flux-repos/dev/shallow/{file}"));
    let sync = |more: &[&str], state: &str| {
        // 2,000 processes are more than a sync needs, and few enough for a machine.
        let mut command = it.home.command("prlimit", &it.home.path(""));
        command
            .args(["--nproc=2000", env!("CARGO_BIN_EXE_rwenv"), "repo", "sync", "dev", "--json"])
            .args(more);
        let said = answer(command.timeout(std::time::Duration::from_secs(30)));
        assert!(said.stdout.contains(&format!("\"{state}\"")), "{}{}", said.stdout, said.stderr);
    };
    it.configure("dev", &format!("file://{}", it.home.path("shallow").display()), "");
    again("--depth=1");
    sync(&[], "up-to-date");
    assert_eq!(read("b.yaml"), "two\n");
    it.commit("b.yaml", "three\n");
    it.home.git("shallow", &["fetch", "-q", "origin", "main:main"]);
    sync(&[], "up-to-date");
    assert_eq!(read("b.yaml"), "three\n");
    // Cut off anew it has nothing in common with what was here.
    it.commit("c.yaml", "four\n");
    again("--depth=1");
    sync(&[], "rewritten");
    sync(&["--reset"], "up-to-date");
    assert_eq!((read("b.yaml"), read("c.yaml")), ("three\n".into(), "four\n".into()));
    // It becomes whole, and is cut off again.
    it.commit("c.yaml", "five\n");
    again("");
    sync(&["--reset"], "up-to-date");
    assert_eq!(read("c.yaml"), "five\n");
    assert!(!it.home.path(".claude/rwenv/mirrors/dev.git/shallow").exists());
    it.commit("c.yaml", "six\n");
    it.commit("c.yaml", "seven\n");
    again("--depth=1");
    sync(&["--reset"], "up-to-date");
    assert_eq!(read("c.yaml"), "seven\n");
}

/// A Gitea with a certificate of its own: taken for that host where the type says so, and for nobody else.
#[test]
fn a_gitea_s_own_certificate_is_taken_for_it_alone() {
    use std::process::{Command, Stdio};
    let python = std::path::Path::new("/usr/bin/python3");
    if crate::support::find("openssl").is_none() || !python.is_file() {
        skip("it takes openssl and the system's python3");
        return;
    }
    let it = Setting::new();
    it.home.git("origin", &["update-server-info"]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let certificate = it.home.path("certificate.pem");
    let mut command = it.home.command("openssl", &it.home.path(""));
    let subject = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=gitea"];
    let made = answer(command.args(subject).args(["-keyout", "key.pem", "-out"]).arg(&certificate));
    assert_eq!(made.code, 0, "{}", made.stderr);
    let code = format!(
        "import http.server,ssl\ns=http.server.ThreadingHTTPServer(('127.0.0.1',{port}),http.server.SimpleHTTPRequestHandler)\nc=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\nc.load_cert_chain('../certificate.pem','../key.pem')\ns.socket=c.wrap_socket(s.socket,server_side=True)\ns.serve_forever()"
    );
    let mut server = Command::new(python);
    server
        .args(["-c", &code])
        .current_dir(it.home.path("origin"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    for _ in 0..100 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let url = format!("https://127.0.0.1:{port}/.git");
    it.configure("dev", &url, "");
    let refused = it.repo(&["sync", "dev"]);
    it.configure("dev", &url, r#","fluxGitRepoType":"gitea""#);
    let taken = it.repo(&["sync", "dev"]);
    let again = it.repo(&["sync", "dev"]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(refused.code == 1 && refused.stderr.contains("certificate"), "{}", refused.stderr);
    assert_eq!(taken.code, 0, "{}", taken.stderr);
    let said = format!("https://127.0.0.1:{port}: its certificate is accepted as it is");
    assert_eq!(taken.stderr.matches(&said).count(), 1, "{}", taken.stderr);
    assert_eq!(again.code, 0, "{}", again.stderr);
}
