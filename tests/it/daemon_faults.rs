//! The daemon when things go wrong: floods, kills, no watches, no file descriptors; and verdicts that do not care.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::daemon::{CLONE, FINDINGS, Setting, commit, findings, framed, rwenvd, with_repository};
use crate::support::{find, skip};

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
    // What other tests' threads have open is closed first: it counts.
    let script = format!(
        "for n in $(seq 3 250); do eval \"exec $n>&-\"; done; export HOME={home}; ( {before}; exec {rwenvd} 2>/dev/null ) & for i in $(seq 200); do [ -S {socket} ] && break; sleep 0.05; done; {after}; kill %1 2>/dev/null; wait",
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
        skip("no user namespaces here");
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
    // Each holds as many as one process may have; together they are more than there are descriptors.
    let flood = format!(
        "ulimit -Sn 256; /usr/bin/python3 -c 'import socket,time\nall=[]\nfor i in range(40):\n s=socket.socket(socket.AF_UNIX); s.settimeout(1)\n try: s.connect(\"{socket}\"); all.append(s)\n except OSError: pass\ntime.sleep(1)'"
    );
    let after = format!(
        "({flood}) & ({flood}) & ({flood}) & sleep 2; for i in $(seq 100); do {rwenv} daemon status | grep 'configuration  good' && break; sleep 0.2; done; {rwenv} daemon status; cat /proc/$(cat {home}/.claude/rwenv/run/rwenvd.lock)/stat | cut -d' ' -f14,15",
        home = it.home.path("").display()
    );
    // The daemon raises the limit as far as it may.
    let Some(said) = confined(&it, "ulimit -n 24", &after) else {
        skip("no user namespaces here");
        return;
    };
    assert!(said.contains("runs since") && said.contains("configuration  good"), "{said}{}", it.log());
    let warned = it.log().matches("cannot accept connections").count();
    assert_eq!(warned, 1, "{said}{}", it.log());
    let ticks: u64 = said.lines().last().unwrap().split(' ').filter_map(|n| n.parse::<u64>().ok()).sum();
    assert!(ticks < 100, "{ticks} ticks of processor time: it spun");
}

/// Ten thousand renames over the configuration, the last of them different: put together, and the end is what counts.
#[test]
fn a_storm_of_changes_is_put_together() {
    let it = Setting::new();
    let pid = it.start();
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.split(' ').skip(13).take(2).map(|n| n.parse::<u64>().unwrap()).sum::<u64>()
    };
    let before = ticks();
    let path = it.home.path(".claude/rwenv/envs.json");
    let new = it.home.path(".claude/rwenv/.envs.json.swp");
    for _ in 0..10_000 {
        fs::write(&new, crate::support::ENVS).unwrap();
        fs::rename(&new, &path).unwrap();
    }
    it.home.write(".claude/rwenv/envs.json", "{");
    it.until("the end is known", || it.health()["configError"].is_string());
    assert!(ticks() - before < 300, "{} ticks of processor time", ticks() - before);
    let told = it.log().matches("the last good one counts").count();
    assert_eq!(told, 1, "said once");
}

/// More changes than the system keeps for one that does not listen: it looks at everything again.
#[test]
fn lost_notifications_are_made_up_for() {
    let it = Setting::new();
    it.start();
    it.until("it watches", || it.home.path(".claude/rwenv/run/last-good.json").exists());
    it.signal(Signal::SIGSTOP);
    for n in 0..20_000 {
        let path = it.home.path(&format!(".claude/rwenv/x{}", n % 2));
        fs::write(&path, "x").unwrap();
        fs::remove_file(&path).unwrap();
    }
    it.home.write(".claude/rwenv/envs.json", "{");
    it.signal(Signal::SIGCONT);
    it.until("the change is known", || it.health()["configError"].is_string());
}

/// The watched folder is moved away and another one put in its place.
#[test]
fn a_folder_that_is_replaced_is_watched_again() {
    let it = Setting::new();
    fs::create_dir_all(it.home.path(".claude/rwenv/policies")).unwrap();
    it.start();
    it.home.write(".claude/rwenv/envs.json", "{");
    it.until("it watches", || it.health()["configError"].is_string());
    let audit = it.home.path(".claude/rwenv/audit");
    fs::rename(&audit, it.home.path("old-audit")).unwrap();
    it.home.hook("ro", "kubectl get pods");
    it.until("the new log is brought to the disk", || audit.join("anchor.json").exists());
    fs::remove_file(it.home.path(".claude/rwenv/envs.json")).unwrap();
    it.home.write("elsewhere.json", crate::support::ENVS);
    std::os::unix::fs::symlink(it.home.path("elsewhere.json"), it.home.path(".claude/rwenv/envs.json"))
        .unwrap();
    it.until("a link is followed", || it.health()["configError"].is_null());
    std::thread::sleep(Duration::from_millis(500));
    it.home.write("elsewhere.json", "{");
    it.until("what it leads to is watched", || it.health()["configError"].is_string());
}

/// Another user who could reach the socket is turned away by who they are.
#[test]
fn another_user_is_turned_away() {
    let it = Setting::new();
    // One that every user may run.
    let python = std::path::Path::new("/usr/bin/python3");
    if !nix::unistd::getuid().is_root() || find("setpriv").is_none() || !python.is_file() {
        skip("it takes root, setpriv and the system's python3");
        return;
    }
    it.start();
    for folder in ["", ".claude", ".claude/rwenv", ".claude/rwenv/run"] {
        it.home.mode(folder, 0o755);
    }
    it.home.mode(".claude/rwenv/run/rwenvd.sock", 0o777);
    let ask = |user: &str| {
        let code = format!(
            "import socket,struct\ns=socket.socket(socket.AF_UNIX)\ns.settimeout(5)\ns.connect('{}')\nt=b'{{\"version\":1,\"ask\":\"status\"}}'\ntry:\n s.sendall(struct.pack('>I',len(t))+t)\n print(len(s.recv(4)))\nexcept OSError: print(0)",
            it.socket().display()
        );
        let output = Command::new("setpriv")
            .args(["--reuid", user, "--clear-groups", "/usr/bin/python3", "-c", &code])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    assert_eq!(ask("0"), "4", "its own user is answered");
    assert_eq!(ask("12345"), "0");
    assert!(it.health()["connections"]["refused"].as_u64().unwrap() >= 1);
}
