//! The daemon when things go wrong: floods, kills, no watches, no file descriptors; and verdicts that do not care.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::daemon::{CLONE, FINDINGS, Setting, commit, findings, framed, rwenvd, with_repository};
use crate::support::find;

/// Ten thousand connections that say nothing, garbage or half a frame, many of them held open.
#[test]
fn ten_thousand_hostile_connections_leave_it_answering() {
    let it = Setting::new();
    let pid = it.start();
    let memory = || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = memory();
    let mut held = Vec::new();
    for n in 0..10_000_u32 {
        let Ok(mut stream) = UnixStream::connect(it.socket()) else { continue };
        stream.set_nonblocking(true).unwrap();
        let _ = stream.write(match n % 4 {
            0 => b"".as_slice(),
            1 => b"\xff\xff\xff\xff",
            2 => b"\0\0\0\x10{\"ver",
            _ => b"\0\0\0\x02{}",
        });
        held.push(stream);
        if held.len() > 200 {
            held.remove(0);
        }
        if n % 1000 == 0 {
            assert_eq!(it.daemon(&["status"]).code, 0, "after {n}");
        }
    }
    drop(held);
    let health = it.health();
    let count = |what: &str| health["connections"][what].as_u64().unwrap();
    assert!(count("refused") > 0 && count("accepted") + count("refused") >= 9_000, "{health}");
    assert!(memory() < before + 32_768, "{before} kB became {} kB", memory());
    assert_eq!(it.home.hook("ro", "kubectl get pods").decision(), "allow");
}

/// Killed again and again while commits come: what it writes is never half, and the user's file is what it was.
#[test]
fn kills_leave_whole_files() {
    let it = Setting::new();
    with_repository(&it);
    let notes = it.home.write(".claude/rwenv/notes", "mine\n");
    for round in 0..60 {
        commit(&it, &format!("r{round}"));
        let mut child = rwenvd(&it.home);
        it.until("it answers or not", || it.socket().exists());
        if let Ok(mut stream) = UnixStream::connect(it.socket()) {
            let _ = stream.write_all(&framed("{\"version\":1,\"ask\":\"sync\"}"));
        }
        std::thread::sleep(Duration::from_millis(round * 3 % 120));
        child.kill().unwrap();
        child.wait().unwrap();
        if it.home.path(FINDINGS).exists() {
            assert!(findings(&it).is_some(), "{}", it.home.read(FINDINGS));
        }
        if it.home.path(CLONE).exists() {
            assert!(it.home.read(CLONE).starts_with("kind: "));
        }
    }
    it.start();
    let head = it.home.git("origin", &["rev-parse", "HEAD"]).trim().to_owned();
    it.frame(&framed("{\"version\":1,\"ask\":\"sync\"}"));
    it.until("all is well", || findings(&it).is_some_and(|f| f["commit"] == *head));
    assert_eq!(fs::read_to_string(notes).unwrap(), "mine\n");
    assert_eq!(it.home.rwenv("", &["audit", "verify"]).code, 0);
}

/// A sync that hangs is ended with the daemon, and so is the git it started.
#[test]
fn an_end_waits_for_nobody_who_hangs() {
    let it = Setting::new();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    it.home.write(
        ".claude/rwenv/envs.json",
        &format!(r#"{{"rwenvs":{{"dev":{{"fluxGitRepo":"http://127.0.0.1:{port}/hang.git"}}}}}}"#),
    );
    it.start();
    let (taken, _) = server.accept().unwrap();
    it.until("it is at it", || it.health()["repositories"][0]["running"] == true);
    let stopped = it.daemon(&["stop"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    let pattern = format!("127.0.0.1:{port}/hang.git");
    let ps = Command::new("ps").args(["-eo", "args"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&ps.stdout).contains(&pattern), "git goes on");
    drop(taken);
}

/// Verdicts are the same without a daemon, with one, with one that is stopped, and with something else in its place.
#[test]
fn no_verdict_depends_on_it() {
    let it = Setting::new();
    let lines = [
        "kubectl get pods",
        "kubectl delete pod web-0",
        "kubectl --context rw-ctx apply -f x.yaml",
        "helm upgrade web ./chart",
        "flux reconcile ks apps",
        "ls -la",
        "git push origin main",
        "kubectl $VERB pods",
        "echo \"kubectl delete\"",
        "$(curl x) | sh",
    ];
    let all = || -> Vec<(i32, String, String)> {
        let each = |folder: &'static str| lines.map(|line| it.home.hook(folder, line));
        ["ro", "go", "rw", "none"].into_iter().flat_map(each).map(|a| (a.code, a.stdout, a.stderr)).collect()
    };
    let alone = all();
    it.start();
    assert_eq!(all(), alone, "with it");
    it.signal(Signal::SIGSTOP);
    // Its queue is full as well.
    let mut queue = Vec::new();
    loop {
        use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
        use std::os::fd::AsRawFd as _;
        let fd = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_NONBLOCK, None).unwrap();
        if connect(fd.as_raw_fd(), &UnixAddr::new(&it.socket()).unwrap()).is_err() {
            break;
        }
        queue.push(fd);
    }
    assert_eq!(all(), alone, "while it is stopped");
    let told = it.daemon(&["status"]);
    assert!(told.code == 1 && told.stderr.contains("does not answer"), "{}", told.stderr);
    drop(queue);
    assert_eq!(it.daemon(&["stop"]).code, 0, "one that is stopped can be ended");
    let _ = fs::remove_file(it.socket());
    let lying = UnixListener::bind(it.socket()).unwrap();
    std::thread::spawn(move || {
        for stream in lying.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&framed("{\"permissionDecision\":\"allow\",\"version\":9}"));
        }
    });
    assert_eq!(all(), alone, "with a liar");
    let told = it.daemon(&["status"]);
    assert!(told.code == 1 && told.stderr.contains("not understood (version 9)"), "{}", told.stderr);
}

/// Runs a line in namespaces of its own where the system has no notifications left, or few file descriptors.
fn confined(it: &Setting, before: &str, after: &str) -> Option<String> {
    let (home, rwenvd) = (it.home.path(""), env!("CARGO_BIN_EXE_rwenvd"));
    let script = format!(
        "export HOME={home}; {before}; {rwenvd} 2>/dev/null & for i in $(seq 200); do [ -S {socket} ] && break; sleep 0.05; done; {after}; kill %1 2>/dev/null; wait",
        home = home.display(),
        socket = it.socket().display(),
    );
    find("unshare")?;
    let output = Command::new("unshare").args(["-Ur", "bash", "-c", &script]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    if said.contains("unshare") {
        return None;
    }
    Some(format!("{}{said}", String::from_utf8(output.stdout).unwrap()))
}

#[test]
fn without_notifications_files_are_looked_at() {
    let it = Setting::new();
    let rwenv = env!("CARGO_BIN_EXE_rwenv");
    let envs = it.home.path(".claude/rwenv/envs.json").display().to_string();
    let after =
        format!("sleep 0.5; {rwenv} daemon status; echo '{{' > {envs}; sleep 4; {rwenv} daemon status");
    let Some(said) = confined(&it, "echo 0 > /proc/sys/user/max_inotify_watches", &after) else {
        eprintln!("skipped without_notifications_files_are_looked_at: no user namespaces here");
        return;
    };
    assert!(said.contains("every 2 s"), "{said}{}", it.log());
    assert!(said.contains("configuration  good") && said.contains("envs.json:"), "{said}");
}

#[test]
fn without_file_descriptors_it_rests_and_goes_on() {
    let it = Setting::new();
    let rwenv = env!("CARGO_BIN_EXE_rwenv");
    let socket = it.socket().display().to_string();
    let flood = format!(
        "python3 -c 'import socket,time\nall=[]\nfor i in range(40):\n s=socket.socket(socket.AF_UNIX); s.settimeout(1)\n try: s.connect(\"{socket}\"); all.append(s)\n except OSError: pass\ntime.sleep(1)'"
    );
    let after = format!(
        "({flood}) & ({flood}) & ({flood}) & sleep 4; {rwenv} daemon status; cat /proc/$(cat {home}/.claude/rwenv/run/rwenvd.lock)/stat | cut -d' ' -f14,15",
        home = it.home.path("").display()
    );
    let Some(said) = confined(&it, "ulimit -n 20", &after) else {
        eprintln!("skipped without_file_descriptors_it_rests_and_goes_on: no user namespaces here");
        return;
    };
    assert!(said.contains("runs since"), "{said}");
    let ticks: u64 = said.lines().last().unwrap().split(' ').filter_map(|n| n.parse::<u64>().ok()).sum();
    assert!(ticks < 100, "{ticks} ticks of processor time: it spun");
}
