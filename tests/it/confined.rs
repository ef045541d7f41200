//! `rwenv run`: ways out of a session that lead nowhere, and a day's work that goes on in it, by every means that this machine has.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::support::{Answer, Home, answer, find, skip};

const TABLE: &str = include_str!("../fixtures/confined.toml");
/// A user that is nobody else's.
const USER: &str = "54321";

#[derive(Deserialize)]
struct Table {
    out: Vec<WayOut>,
    work: Vec<Work>,
}

#[derive(Deserialize)]
struct WayOut {
    about: String,
    lines: Vec<String>,
}

#[derive(Deserialize)]
struct Work {
    line: String,
    #[serde(default)]
    code: i32,
    #[serde(default)]
    prints: String,
    #[serde(default)]
    stdin: String,
    #[serde(default)]
    needs: Option<String>,
    #[serde(default)]
    unprivileged: bool,
}

/// What stands in everything that is hidden.
const SECRETS: [&str; 26] = [
    ".kube/config",
    ".kube/prod.yaml",
    ".kube/cache/oidc-login/x",
    "named.kubeconfig",
    ".aws/credentials",
    ".aws/sso/cache/x.json",
    ".config/gcloud/application_default_credentials.json",
    ".azure/msal_token_cache.json",
    ".talos/config",
    ".config/argocd/config",
    ".vault-token",
    ".docker/config.json",
    ".pgpass",
    ".config/sops/age/keys.txt",
    ".terraform.d/credentials.tfrc.json",
    ".config/doctl/config.yaml",
    ".netrc",
    ".config/helm/registry/config.json",
    "keys/client.key",
    "service-account.json",
    ".bash_history",
    ".claude/rwenv/guard/old.json",
    ".claude/rwenv/kube/other.yaml",
    ".claude/rwenv/audit/audit-000000000001.jsonl",
    ".claude/rwenv/run/grants/x",
    ".claude/rwenv/logs/rwenvd.log",
];

/// A person's home, a process of theirs, and sockets.
pub(crate) struct Outside {
    pub(crate) home: Home,
    process: Child,
    user: Option<&'static str>,
}

impl Outside {
    pub(crate) fn new(user: Option<&'static str>) -> Self {
        let home = Home::new();
        for name in SECRETS {
            home.write(name, "K33P0UT\n");
        }
        let kubeconfig =
            "# K33P0UT\nusers:\n- name: u\n  user: {client-key: ../keys/client.key, token: K33P0UT}\n";
        home.write(".kube/config", kubeconfig);
        let envs = home.read(".claude/rwenv/envs.json");
        let named =
            format!("\"rw-ctx\", \"kubeconfigPath\": \"{}\"", home.path("named.kubeconfig").display());
        home.write(".claude/rwenv/envs.json", &envs.replace("\"rw-ctx\"", &named));
        for name in [".bashrc", ".profile", ".gitconfig", ".ssh/config", ".ssh/authorized_keys"] {
            home.write(name, "# the person's\n");
        }
        home.write(".claude/settings.json", "{}\n");
        home.write(".claude/rwenv/policies/own.toml", "");
        home.write(".claude/rwenv/shims/kubectl", "");
        home.write("ro/README", "x\n");
        symlink(home.path(".kube/config"), home.path("link-to-config")).unwrap();
        symlink(home.path(".kube"), home.path("link-to-kube")).unwrap();
        fs::hard_link(home.path(".kube/config"), home.path("second-name")).unwrap();
        for socket in ["/tmp/canary.sock", "/run/canary.sock"] {
            let _ = fs::remove_file(socket);
            if let Ok(listener) = UnixListener::bind(socket) {
                tell(listener);
            }
        }
        tell_without_file();
        if user.is_some() {
            let all =
                Command::new("chown").args(["-R", &format!("{USER}:{USER}")]).arg(home.path("")).status();
            assert!(all.unwrap().success());
        }
        let mut process = Command::new("bash");
        process
            .args(["-c", "exec -a outside-canary sleep 1000"])
            .env("CREDENTIAL", "K33P0UT")
            .stdin(Stdio::null());
        let process = Self::as_user(user, process).spawn().unwrap();
        Self { home, process, user }
    }

    /// The same command as another user.
    fn as_user(user: Option<&str>, command: Command) -> Command {
        let Some(user) = user else { return command };
        let mut other = Command::new("setpriv");
        other
            .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
            .arg(command.get_program())
            .args(command.get_args());
        other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        other
    }

    pub(crate) fn run(&self, means: &str, line: &str, stdin: &str) -> Answer {
        let project = self.home.path("ro");
        let own = Path::new(env!("CARGO_BIN_EXE_rwenv"));
        let path =
            format!("{}:{}", own.parent().unwrap().display(), crate::support::variable("PATH").unwrap());
        let wrapper = if self.user.is_some() { "setpriv" } else { "env" };
        let mut command = assert_cmd::Command::new(wrapper);
        if let Some(user) = self.user {
            command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]);
        }
        command.arg("bash").arg("-c").arg(format!(
            "exec 9<{h}/.kube/config 8<{h}/.aws/credentials 7<{h}; exec {} run --means {means} -- bash -c \"$LINE\"",
            own.display(),
            h = self.home.path("").display(),
        ));
        command.env_clear().current_dir(&project).timeout(Duration::from_secs(60)).write_stdin(stdin);
        command
            .env("HOME", self.home.path("").display().to_string().trim_end_matches('/'))
            .env("PATH", path)
            .env("LINE", line);
        command.env("H", self.home.path("").display().to_string().trim_end_matches('/')).env("P", &project);
        command.env("OUT", self.process.id().to_string()).env("XYZZY", "kept");
        command
            .env("AWS_SECRET_ACCESS_KEY", "K33P0UT")
            .env("VAULT_TOKEN", "K33P0UT")
            .env("TF_VAR_x", "K33P0UT");
        command.env("GOOGLE_APPLICATION_CREDENTIALS", self.home.path("service-account.json"));
        for name in ["CARGO_HOME", "RUSTUP_HOME"] {
            let own = crate::support::variable(name);
            let usual = crate::support::variable("HOME")
                .map(|home| format!("{home}/.{}", name.split('_').next().unwrap().to_lowercase()));
            own.or(usual).map(|dir| command.env(name, dir));
        }
        answer(&mut command)
    }

    /// The person's files outside of the project, by name: what is in them and who may do what.
    fn files(&self) -> BTreeMap<PathBuf, (Vec<u8>, u32)> {
        let mut all = BTreeMap::new();
        let mut open = vec![self.home.path("")];
        let project = self.home.path("ro");
        let run = self.home.path(".claude/rwenv/run/confined");
        let log = self.home.path(".claude/rwenv/audit/audit.jsonl");
        while let Some(path) = open.pop() {
            let meta = fs::symlink_metadata(&path).unwrap();
            if path == project || path == run || path == log || path.to_string_lossy().contains(".lock") {
                continue;
            }
            if meta.is_dir() {
                open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else if meta.is_file() {
                all.insert(path.clone(), (fs::read(&path).unwrap(), meta.mode()));
            }
        }
        all
    }

    /// Holds every way out against a means; says which led somewhere.
    fn hold(&mut self, means: &str, except: &[&str]) -> Vec<String> {
        let table: Table = toml::from_str(TABLE).unwrap();
        // The guard's kubeconfigs come with the first session.
        self.run(means, "true", "");
        let before = self.files();
        let mut wrong = Vec::new();
        for group in table.out.iter().filter(|group| !except.contains(&group.about.as_str())) {
            // Landlock has no word for modes, and `rwenv run` says so.
            let modes = |line: &&String| means == "landlock" && line.starts_with("chmod");
            for line in group.lines.iter().filter(|line| !modes(line)) {
                let said = self.run(means, &format!("echo inside; cd $P; {{ {line}\n}} </dev/null"), "");
                let text = format!("{}{}", said.stdout, said.stderr);
                if text.replace("grep K33P0UT", "").contains("K33P0UT") {
                    wrong.push(format!("{means}: {}: {line}\n    prints {text}", group.about));
                }
                if !said.stdout.starts_with("inside\n") {
                    wrong.push(format!("{means}: {line}\n    was not run: {}", said.stderr));
                }
                let after = self.files();
                for (path, was) in &before {
                    if after.get(path) != Some(was) {
                        wrong.push(format!(
                            "{means}: {}: {line}\n    changes {}",
                            group.about,
                            path.display()
                        ));
                    }
                }
                if self.process.try_wait().unwrap().is_some() {
                    wrong.push(format!("{means}: {}: {line}\n    ends a process outside", group.about));
                    return wrong;
                }
                if !wrong.is_empty() && wrong.len() > 12 {
                    return wrong;
                }
            }
        }
        wrong
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        for socket in ["/tmp/canary.sock", "/run/canary.sock"] {
            let _ = fs::remove_file(socket);
        }
    }
}

/// Says the secret to whoever connects.
fn tell(listener: UnixListener) {
    let mode = fs::Permissions::from_mode(0o777);
    if let Some(path) =
        listener.local_addr().ok().and_then(|address| address.as_pathname().map(Path::to_owned))
    {
        fs::set_permissions(path, mode).unwrap();
    }
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"K33P0UT");
        }
    });
}

/// The same at a socket that is no file.
fn tell_without_file() {
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt as _;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(b"rwenv-canary").unwrap();
        if let Ok(listener) = UnixListener::bind_addr(&address) {
            tell(listener);
        }
    }
}

/// The means that work here, by what `--dry-run` says.
pub(crate) fn works(home: &Home, means: &str) -> bool {
    let said = home.rwenv("ro", &["run", "--dry-run", "--json", "--means", means]);
    let shown: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let works = shown["means"] == means;
    if !works {
        skip(&format!("{means} does not work here: {}", shown["unavailable"]));
    }
    works
}

/// As root where the tests run as root, and as a user that has nothing special.
fn users() -> Vec<Option<&'static str>> {
    let reaches = Path::new(env!("CARGO_BIN_EXE_rwenv"))
        .ancestors()
        .all(|dir| fs::metadata(dir).is_ok_and(|meta| meta.mode() & 0o001 != 0));
    match (nix::unistd::getuid().is_root(), find("setpriv").is_some() && reaches) {
        (true, true) => vec![Some(USER), None],
        (true, false) => {
            skip("no setpriv, or the program cannot be reached by others: not tried as another user");
            vec![None]
        }
        _ => vec![None],
    }
}

/// One after the other: the sockets have one name each.
#[test]
fn no_way_leads_out() {
    let home = Home::new();
    let lines: usize =
        toml::from_str::<Table>(TABLE).unwrap().out.iter().map(|group| group.lines.len()).sum();
    assert!(lines >= 80, "{lines}");
    let mut wrong = Vec::new();
    for means in ["bubblewrap", "namespaces", "landlock"] {
        if !works(&home, means) {
            continue;
        }
        for user in users() {
            // What Landlock has no word for, and root's devices, `rwenv run` says itself.
            let except: &[&str] = match (means, user) {
                ("landlock", None) if nix::unistd::getuid().is_root() => continue,
                ("landlock", _) => &["processes and services outside"],
                _ => &[],
            };
            wrong.extend(Outside::new(user).hold(means, except));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_day_s_work_goes_on() {
    let table: Table = toml::from_str(TABLE).unwrap();
    let mut wrong = Vec::new();
    for means in ["bubblewrap", "namespaces"] {
        if !works(&Home::new(), means) {
            continue;
        }
        for user in users() {
            let outside = Outside::new(user);
            let is_root = user.is_none() && nix::unistd::getuid().is_root();
            for work in &table.work {
                let missing = work.needs.as_deref().is_some_and(|program| find(program).is_none());
                // What lies in root's home, another user cannot run.
                let roots = user.is_some() && matches!(work.needs.as_deref(), Some("cargo" | "python3"));
                if missing || roots || (work.unprivileged && is_root) {
                    continue;
                }
                let said = outside.run(means, &work.line, &work.stdin);
                if said.code != work.code || !said.stdout.contains(&work.prints) {
                    wrong.push(format!("{means} {user:?}: {}\n    {said:?}", work.line));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn records_go_out_and_are_marked() {
    let outside = Outside::new(None);
    let home = &outside.home;
    let call = home.payload("ro", "kubectl delete pod web-0").to_string();
    for means in ["bubblewrap", "namespaces"] {
        if !works(home, means) {
            continue;
        }
        let hook = crate::support::hook();
        let said = outside.run(means, &format!("{hook} claude"), &call);
        assert_eq!(said.decision(), "deny", "{said:?}");
        assert!(said.stderr.contains("read-only.cluster-write"), "{}", said.stderr);
        let log = home.read(".claude/rwenv/audit/audit.jsonl");
        let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert!(last["confined"].is_string() && last["door"] == "claude", "{last}");
        let made_up = "python3 -c \"import socket,struct,os; s=socket.socket(1); s.connect(os.environ['RWENV_SESSION_SOCKET']); b=b'{\\\"time\\\":\\\"x\\\",\\\"door\\\":\\\"y\\\",\\\"seq\\\":1}'; s.send(struct.pack('>I',len(b))+b); print(s.recv(99))\"";
        if find("python3").is_some() {
            let said = outside.run(means, made_up, "");
            assert!(said.stdout.contains("not a record"), "{said:?}");
        }
    }
    let verified = home.rwenv("", &["audit", "verify"]);
    assert!(verified.code == 0 || verified.stdout.contains("000000000001"), "{}", verified.stdout);
}

#[test]
fn a_variable_alone_takes_no_record_away() {
    let home = Home::new();
    let call = home.payload("ro", "kubectl delete pod web-0").to_string();
    let socket = home.path(".claude/rwenv/run/confined/1/records.sock");
    let mut command = home.command(crate::support::hook(), &home.path(""));
    command.env("RWENV_SESSION_SOCKET", &socket);
    assert_eq!(answer(command.arg("claude").write_stdin(call)).decision(), "deny");
    assert!(home.read(".claude/rwenv/audit/audit.jsonl").contains("web-0"));
}

/// Waits until something is so, for at most ten seconds.
fn wait_for(so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_and_the_end_of_a_session() {
    let outside = Outside::new(None);
    for means in ["bubblewrap", "namespaces"] {
        if !works(&outside.home, means) {
            continue;
        }
        let start = |line: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_rwenv"));
            command
                .args(["run", "--means", means, "--", "bash", "-c", line])
                .env("HOME", outside.home.path(""));
            command.current_dir(outside.home.path("ro")).stdin(Stdio::null()).stdout(Stdio::piped());
            command.spawn().unwrap()
        };
        let signal = |child: &Child, signal| {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()), signal)
                .unwrap();
        };
        let ready = outside.home.path("ro/ready");
        let wait = || {
            wait_for(|| ready.exists());
            assert!(ready.exists());
            fs::remove_file(&ready).unwrap();
        };
        let child = start("trap 'echo trapped; exit 9' TERM; touch ready; while :; do sleep 0.05; done");
        wait();
        signal(&child, nix::sys::signal::Signal::SIGTERM);
        let said = child.wait_with_output().unwrap();
        assert_eq!(
            (said.status.code(), String::from_utf8_lossy(&said.stdout).trim()),
            (Some(9), "trapped"),
            "{means}"
        );
        // Killed at once: nothing of it goes on.
        let mut child = start(
            "(exec -a left-behind-by-run sleep 333) & touch ready; exec -a left-behind-by-run sleep 333",
        );
        wait();
        signal(&child, nix::sys::signal::Signal::SIGKILL);
        child.wait().unwrap();
        let left = || Command::new("pgrep").args(["-f", "^left-behind-by-run"]).output().unwrap().stdout;
        wait_for(|| left().is_empty());
        assert_eq!(String::from_utf8_lossy(&left()), "", "{means}");
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&outside.home.path("").display().to_string()), "{mounts}");
}

#[test]
fn a_terminal_is_the_program_s_own() {
    let outside = Outside::new(None);
    if find("script").is_none() {
        return skip("script(1) is not installed");
    }
    for means in ["bubblewrap", "namespaces"] {
        if !works(&outside.home, means) {
            continue;
        }
        let own = env!("CARGO_BIN_EXE_rwenv");
        let line = format!(
            "stty rows 33 cols 77; {own} run --means {means} -- bash -ic 'test -t 0 && test -t 1 && stty size; tty; sleep 3 & jobs; kill %1; exit 5'"
        );
        let mut command = outside.home.command("script", &outside.home.path("ro"));
        command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm-256color");
        let said = answer(&mut command);
        assert_eq!(said.code, 5, "{said:?}");
        assert!(said.stdout.contains("33 77") && said.stdout.contains("/dev/"), "{said:?}");
        assert!(said.stdout.contains("[1]+  Running") && !said.stdout.contains("no job control"), "{said:?}");
    }
}

#[test]
fn a_dry_run_shows_and_runs_nothing() {
    let outside = Outside::new(None);
    let said = outside.home.rwenv("ro", &["run", "--dry-run", "--hide", "../rw", "--", "touch", "made"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for shown in ["~/.aws ", "~/.kube ", "replaced", "read-only", "/rw ", "$KUBECONFIG"] {
        assert!(said.stdout.contains(shown), "{shown}: {}", said.stdout);
    }
    assert!(!outside.home.path("ro/made").exists());
    for (arguments, why) in [
        (vec!["run", "--hide", "..", "--", "true"], "cannot be hidden"),
        (vec!["run", "--allow", "../.claude/rwenv/guard", "--", "true"], "cannot be allowed"),
        (vec!["run", "--env", "nope", "--", "true"], "there is no rwenv 'nope'"),
        (vec!["run"], "name the program"),
    ] {
        let said = outside.home.rwenv("ro", &arguments);
        assert!(said.code == 125 && said.stderr.contains(why), "{arguments:?}: {said:?}");
    }
    let hidden = outside.home.rwenv(".aws", &["run", "--env", "ro", "--", "true"]);
    assert!(hidden.code == 125 && hidden.stderr.contains("a session cannot start in it"), "{hidden:?}");
}
