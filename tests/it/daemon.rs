//! The daemon: alone, robust, and never a part of a verdict.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Answer, ENVS, Home, answer, find};

/// A HOME whose daemon is gone when the test is.
pub(crate) struct Setting {
    pub(crate) home: Home,
}

impl Setting {
    pub(crate) fn new() -> Self {
        Self { home: Home::new() }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home.path(".claude/rwenv/run/rwenvd.sock")
    }

    pub(crate) fn daemon(&self, arguments: &[&str]) -> Answer {
        self.home.rwenv("", &[&["daemon"], arguments].concat())
    }

    pub(crate) fn start(&self) -> i32 {
        let started = self.daemon(&["start"]);
        assert_eq!(started.code, 0, "{} {}", started.stderr, self.log());
        self.pid()
    }

    pub(crate) fn pid(&self) -> i32 {
        self.home.read(".claude/rwenv/run/rwenvd.lock").trim().parse().unwrap()
    }

    pub(crate) fn health(&self) -> serde_json::Value {
        let told = self.daemon(&["status", "--json"]);
        serde_json::from_str::<serde_json::Value>(&told.stdout).unwrap()["health"].clone()
    }

    pub(crate) fn log(&self) -> String {
        self.daemon(&["logs", "-n", "1000"]).stdout
    }

    /// Waits until something is so. The test fails where it never is.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        for _ in 0..200 {
            if holds() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(what.is_empty(), "never: {what}\n{}", self.log());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// What is said to a frame of these bytes.
    pub(crate) fn frame(&self, bytes: &[u8]) -> Option<serde_json::Value> {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut text = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.home.path(".claude/rwenv/run/rwenvd.lock")).unwrap_or_default();
        if let Ok(pid) = pid.trim().parse() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

pub(crate) fn framed(text: &str) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

pub(crate) fn rwenvd(home: &Home) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rwenvd"));
    command.env_clear().env("HOME", home.path("")).env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn fifty_started_at_once_are_one() {
    let it = Setting::new();
    let all: Vec<Child> = (0..50).map(|_| rwenvd(&it.home)).collect();
    it.until("it answers", || it.daemon(&["status"]).code == 0);
    let pid = it.pid();
    let mut running = 0;
    for mut child in all {
        if i32::try_from(child.id()).unwrap() == pid {
            running += 1;
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            it.signal(Signal::SIGTERM);
        }
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("already running") || said.contains("stopped"), "{said}");
    }
    assert_eq!(running, 1);
}

#[test]
fn a_killed_daemon_leaves_nothing_in_the_way() {
    let it = Setting::new();
    let first = it.start();
    it.signal(Signal::SIGKILL);
    it.until("it is gone", || it.daemon(&["status"]).code == 1);
    assert!(it.socket().exists(), "its socket is left");
    assert!(it.daemon(&["status"]).stderr.contains("rwenv daemon start"), "and nobody listens");
    let second = it.start();
    assert_ne!(first, second);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(it.socket()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(it.daemon(&["start"]).stdout.contains("already"));
    assert_eq!(it.daemon(&["restart"]).code, 0);
    assert_ne!(it.pid(), second);
    assert!(it.daemon(&["stop"]).stdout.contains("has ended"));
    assert!(it.daemon(&["stop"]).stdout.contains("is not running"));
    let log = it.log();
    assert!(log.contains("started") && log.contains("stopped"), "{log}");
    let audit = it.home.rwenv("", &["audit"]).stdout;
    assert!(audit.contains("daemon-started") && audit.contains("daemon-stopped"), "{audit}");
}

#[test]
fn what_is_no_question_ends_the_connection_and_nothing_else() {
    let it = Setting::new();
    it.start();
    let error =
        |text: &str| it.frame(&framed(text)).unwrap()["error"].as_str().unwrap_or_default().to_owned();
    assert!(
        error("{\"version\":2,\"ask\":\"status\"}").contains("protocol version 2 is not supported, only 1")
    );
    for text in [
        "",
        "null",
        "{}",
        "[1]",
        "{\"version\":1}",
        "{\"version\":1,\"ask\":\"allow\"}",
        "\u{feff}{",
        "{\"version\":1,\"ask\":\"status\",\"ask\":\"stop\"}",
    ] {
        assert!(error(text).contains("invalid request"), "{text}");
    }
    assert!(error("{\"version\":1,\"ask\":\"sync\",\"rwenv\":\"../x\"}").contains("has no repository"));
    for bytes in [
        b"\xff\xff\xff\xff".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        70_000_u32.to_be_bytes().to_vec(),
        vec![0, 0, 0, 9, b'x'],
        vec![0, 0],
    ] {
        assert_eq!(it.frame(&bytes), None, "{bytes:?}");
    }
    let health = it.health();
    assert!(health["connections"]["malformed"].as_u64().unwrap() >= 13, "{health}");
    // Two questions on one connection.
    let two =
        [framed("{\"version\":1,\"ask\":\"status\"}"), framed("{\"version\":1,\"ask\":\"status\"}")].concat();
    assert_eq!(it.frame(&two).unwrap()["version"], 1);
}

#[test]
fn a_broken_configuration_leaves_the_last_good_one_in_force() {
    let it = Setting::new();
    it.start();
    it.until("the good one is kept", || it.home.path(".claude/rwenv/run/last-good.json").exists());
    // As an editor does that writes in two parts.
    let (half, _) = ENVS.split_at(200);
    it.home.write(".claude/rwenv/envs.json", half);
    it.until("it is noticed", || it.health()["configError"].is_string());
    assert_eq!(it.home.hook("rw", "kubectl delete pod web-0").decision(), "allow", "as in the last good one");
    let denied = it.home.hook("ro", "kubectl delete pod web-0");
    assert!(
        denied.stderr.contains("the last good one counts") && denied.stderr.contains("envs.json:"),
        "{}",
        denied.stderr
    );
    let status = it.daemon(&["status"]).stdout;
    assert!(status.contains("envs.json:"), "{status}");
    // What only the broken one names is read-only.
    it.home
        .write(".claude/rwenv/envs.json", r#"{"rwenvs":{"new":{"kubernetesContext":"n","readOnly":"no"}}}"#);
    it.home.write("new/.claude/rwenv", "new\n");
    assert_eq!(it.home.hook("new", "kubectl delete pod web-0").decision(), "deny");
    it.home.write(".claude/rwenv/envs.json", &ENVS.replace("\"rw\": {", "\"rw\": { \"readOnly\": true,"));
    it.until("the new one counts", || it.health()["configError"].is_null());
    assert_eq!(it.home.hook("rw", "kubectl delete pod web-0").decision(), "deny");
    let log = it.log();
    assert!(log.contains("the last good one counts") && log.contains("the configuration is read"), "{log}");
    assert!(it.home.rwenv("", &["audit"]).stdout.contains("config-broken"));
    it.home.mode(".claude/rwenv/envs.json", 0o666);
    it.until("others could write it", || {
        it.health()["configError"].as_str().is_some_and(|e| e.contains("writable by others"))
    });
    it.home.mode(".claude/rwenv/envs.json", 0o600);
    it.signal(Signal::SIGHUP);
    it.until("it is read again", || it.health()["configError"].is_null());
}

/// A folder with a repository for a rwenv `dev`, beside it.
pub(crate) fn with_repository(it: &Setting) {
    fs::create_dir_all(it.home.path("origin")).unwrap();
    it.home.git("origin", &["init", "-q"]);
    commit(it, "one");
    let url = it.home.path("origin").display().to_string();
    it.home.write(
        ".claude/rwenv/envs.json",
        &format!(r#"{{"version":"1.0","rwenvs":{{"dev":{{"fluxGitRepo":"{url}","syncInterval":"10s"}}}}}}"#),
    );
}

pub(crate) fn commit(it: &Setting, text: &str) {
    it.home.write("origin/a.yaml", &format!("kind: {text}\n"));
    it.home.git("origin", &["add", "-A"]);
    it.home.git("origin", &["commit", "-q", "-m", text]);
}

pub(crate) const CLONE: &str = ".claude/rwenv/flux-repos/dev/origin/a.yaml";
pub(crate) const FINDINGS: &str = ".claude/rwenv/catalog/dev/findings.json";

pub(crate) fn findings(it: &Setting) -> Option<serde_json::Value> {
    serde_json::from_str(&fs::read_to_string(it.home.path(FINDINGS)).ok()?).ok()
}

#[test]
fn repositories_are_kept_fresh_and_what_is_known_of_them_too() {
    let it = Setting::new();
    with_repository(&it);
    it.start();
    let head = || it.home.git("origin", &["rev-parse", "HEAD"]).trim().to_owned();
    it.until("it is cloned", || it.home.path(CLONE).exists());
    it.until("it is looked through", || findings(&it).is_some_and(|f| f["commit"] == *head()));
    commit(&it, "two");
    let asked = it.frame(&framed("{\"version\":1,\"ask\":\"sync\"}")).unwrap();
    assert_eq!(asked["error"], serde_json::Value::Null);
    it.until("the new commit is there", || it.home.read(CLONE) == "kind: two\n");
    it.until("it is looked through again", || findings(&it).is_some_and(|f| f["commit"] == *head()));
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n";
    it.home.write("origin/web.yaml", web);
    commit(&it, "three");
    it.frame(&framed("{\"version\":1,\"ask\":\"sync\"}"));
    it.until("the catalog has it", || findings(&it).is_some_and(|f| f["commit"] == *head()));
    let services: serde_json::Value =
        serde_json::from_str(&it.home.read(".claude/rwenv/catalog/dev/services.json")).unwrap();
    assert_eq!(services["services"]["web"]["namespace"], "shop");
    assert_eq!(services["metadata"]["commit"], *head());
    let index = it.home.read(".claude/rwenv/catalog/dev/definitions.index");
    assert!(index.contains("\nDeployment\tweb\tshop\tweb.yaml:1\n"), "{index}");
    // Killed between the two: the next run makes up for it.
    it.signal(Signal::SIGKILL);
    fs::remove_file(it.home.path(FINDINGS)).unwrap();
    it.until("it is gone", || it.daemon(&["status"]).code == 1);
    it.start();
    it.until("it is looked through once more", || findings(&it).is_some_and(|f| f["commit"] == *head()));
    // The other side is away: said once, and old data stays.
    fs::rename(it.home.path("origin"), it.home.path("away")).unwrap();
    it.frame(&framed("{\"version\":1,\"ask\":\"sync\",\"rwenv\":\"dev\"}"));
    it.until("it fails", || it.health()["repositories"][0]["failures"] == 1);
    assert!(it.daemon(&["status"]).stdout.contains("failed 1 times, next try in "));
    assert_eq!(it.home.read(CLONE), "kind: three\n");
    fs::rename(it.home.path("away"), it.home.path("origin")).unwrap();
    it.frame(&framed("{\"version\":1,\"ask\":\"sync\",\"rwenv\":\"dev\"}"));
    it.until("it works again", || it.health()["repositories"][0]["failures"] == 0);
    // A clone that somebody removes is made again.
    fs::remove_dir_all(it.home.path(".claude/rwenv/flux-repos/dev/origin")).unwrap();
    it.until("it is cloned again", || it.home.path(CLONE).exists());
}

#[test]
fn records_are_brought_to_the_disk_for_all() {
    let it = Setting::new();
    it.start();
    for n in 0..20 {
        it.home.hook("ro", &format!("kubectl get pod p{n}"));
    }
    let anchor = || {
        serde_json::from_str::<serde_json::Value>(
            &fs::read_to_string(it.home.path(".claude/rwenv/audit/anchor.json")).ok()?,
        )
        .ok()
    };
    let last = it.home.rwenv("", &["audit", "verify", "--json"]).stdout;
    let last = serde_json::from_str::<serde_json::Value>(&last).unwrap()["hash"].clone();
    it.until("the last record is known", || anchor().is_some_and(|anchor| anchor["hash"] == last));
    // Removed under it: what follows is a log of its own, and that shows.
    fs::remove_file(it.home.path(".claude/rwenv/audit/audit.jsonl")).unwrap();
    it.home.hook("ro", "kubectl get pods");
    assert_eq!(it.home.rwenv("", &["audit", "verify"]).code, 1);
    assert_eq!(it.daemon(&["status"]).code, 0);
}

#[test]
fn the_service_file_is_one_the_system_takes() {
    let it = Setting::new();
    let text = it.daemon(&["install", "--print"]).stdout;
    assert!(text.contains("Type=notify") && text.contains("ExecStart="), "{text}");
    let told = it.daemon(&["install"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let unit = it.home.path(".config/systemd/user/rwenvd.service");
    assert_eq!(fs::read_to_string(&unit).unwrap().trim_end(), text.trim_end());
    if find("systemd-analyze").is_some() {
        let mut command = it.home.command("systemd-analyze", &it.home.path(""));
        let verified = answer(command.args(["--user", "verify", unit.to_str().unwrap()]));
        assert!(!verified.stderr.contains("rwenvd.service:"), "{}", verified.stderr);
    } else {
        eprintln!("not verified by systemd-analyze: it is not here");
    }
    assert_eq!(it.daemon(&["install", "--uninstall"]).code, 0);
    assert!(!unit.exists());
}

/// systemd is told once the socket is there, and once it ends.
#[test]
fn the_system_is_told_when_it_is_ready() {
    let it = Setting::new();
    let socket = it.home.path("notify.sock");
    let system = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    system.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rwenvd"));
    command.env_clear().env("HOME", it.home.path("")).env("NOTIFY_SOCKET", &socket).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let told = || {
        let mut bytes = [0; 256];
        let length = system.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    assert_eq!(told().trim(), "READY=1");
    assert_eq!(it.daemon(&["status"]).code, 0, "ready means that it answers");
    it.signal(Signal::SIGTERM);
    assert_eq!(told().trim(), "STOPPING=1");
    assert!(child.wait().unwrap().success());
}
