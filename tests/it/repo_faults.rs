//! Syncs that are killed, that find the disk full, and that run beside a person at work.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::repo::{CLONE, Setting};

/// Syncs that are killed at any moment, alone or with the git they started, while the other side goes on: what is
/// published is never half, the user's file is what it was, and the next run ends where it should.
#[test]
fn killed_runs_leave_what_the_next_run_understands() {
    let kills = 1000;
    let threads = 4;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || killed(thread, kills / threads));
        }
    });
}

fn killed(seed: u64, kills: u64) {
    let it = Setting::new();
    for n in 0..200 {
        it.home.write(&format!("origin/d/{n}.yaml"), &format!("kind: {n}\n").repeat(50));
    }
    it.commit("a.yaml", "start\n");
    let config = it.home.path(".claude/rwenv");
    let mut random = seed + 1;
    for round in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if round % 10 == 0 {
            it.commit("b.yaml", &format!("{round}\n"));
        }
        if round % 7 == 0 {
            let _ = fs::remove_dir_all(config.join("mirrors"));
        }
        if round % 11 == 0 {
            let _ = fs::remove_dir_all(config.join("flux-repos"));
        }
        let wait = Duration::from_micros((random >> 33) % 60_000);
        kill_a_sync(&it, wait, random & (1 << 20) == 0 && round % 11 == 0);
        let clone = it.home.path(CLONE);
        if clone.exists() {
            it.clone_git(&["rev-parse", "--verify", "-q", "HEAD^{tree}"]);
        }
        if round % 25 == 24 {
            let now = settled(&it);
            assert_eq!(now["state"], "up-to-date", "{now}");
            it.clone_git(&["fsck", "--connectivity-only"]);
        }
    }
    let left = |folder: &str| {
        fs::read_dir(config.join(folder)).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>()
    };
    settled(&it);
    let mut mirrors = left("mirrors");
    mirrors.sort();
    assert_eq!(mirrors, ["dev.git", "dev.json"]);
    assert_eq!(left("flux-repos/dev"), ["origin"]);
}

/// What the next run makes of it. A git that outlived the killed run may be at work for another moment.
fn settled(it: &Setting) -> serde_json::Value {
    for _ in 0..50 {
        let now = it.sync(&[]);
        if now["state"] == "up-to-date" {
            return now;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    it.sync(&[])
}

fn kill_a_sync(it: &Setting, wait: Duration, whole_group: bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rwenv"));
    command.env_clear().env("HOME", it.home.path("")).env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.args(["repo", "sync", "dev"]).current_dir(it.home.path("")).process_group(0);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(wait);
    if whole_group {
        kill_children(child.id());
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Kills what a process has started, each with its group.
fn kill_children(parent: u32) {
    use nix::sys::signal::{Signal, killpg};
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        let _ = killpg(nix::unistd::Pid::from_raw(child), Signal::SIGKILL);
    }
}

/// A person works in the clone, in every way git has, while it is synced: files, index, commits and stash stay what they
/// were, unless the clone had nothing of its own and moved forward.
#[test]
fn a_person_at_work_is_never_disturbed() {
    let it = Setting::new();
    for n in 0..5 {
        it.commit(&format!("f{n}.yaml"), "start\n");
    }
    it.sync(&[]);
    let mut random: u64 = 7;
    let mut next = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut moved = 0;
    for round in 0..150 {
        let file = format!("{CLONE}/f{}.yaml", next(6));
        let try_git = |arguments: &[&str]| {
            let author = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
            let _ = it.home.command("git", &it.home.path(CLONE)).args(author).args(arguments).output();
        };
        match next(11) {
            0 => drop(it.home.write(&file, &format!("mine {round}\n"))),
            1 => try_git(&["commit", "-q", "-a", "-m", "mine"]),
            2 => try_git(&["stash", "-q", "-u"]),
            3 => try_git(&["checkout", "-q", "--detach"]),
            4 => try_git(&["checkout", "-q", "main"]),
            5 => try_git(&["rebase", "-q", "origin/main"]),
            6 => try_git(&["rebase", "--abort"]),
            7 => try_git(&["reset", "-q", "--hard", "origin/main"]),
            8 => try_git(&["checkout", "-q", "-B", "topic"]),
            9 => try_git(&["add", "-A"]),
            _ => it.commit(&format!("f{}.yaml", next(5)), &format!("theirs {round}\n")),
        }
        let before = picture(&it);
        let now = it.sync(&[]);
        let after = picture(&it);
        if before != after {
            moved += 1;
            assert_eq!(now["state"], "up-to-date", "round {round}: {before:?} {after:?} {now}");
            assert_eq!(
                before.iter().skip(2).collect::<Vec<_>>(),
                after.iter().skip(2).collect::<Vec<_>>(),
                "round {round}"
            );
            assert_eq!(before[2], "", "round {round}: it was not clean");
        }
    }
    assert!(moved > 2, "the clone never moved");
    it.clone_git(&["fsck", "--strict"]);
}

/// Commit and files, then what a sync must never change: changes, stash, own branches, what git is in the middle of.
fn picture(it: &Setting) -> Vec<String> {
    let state = ["rebase-merge", "rebase-apply", "MERGE_HEAD"]
        .map(|f| it.home.path(&format!("{CLONE}/.git/{f}")).exists());
    vec![
        it.clone_git(&["rev-parse", "HEAD"]),
        it.clone_git(&["ls-files", "-s"]),
        it.clone_git(&["status", "--porcelain"]) + &it.clone_git(&["diff", "HEAD"]),
        it.clone_git(&["stash", "list"]),
        it.clone_git(&["for-each-ref", "refs/heads/topic", "refs/rwenv"]),
        format!("{state:?}"),
    ]
}

/// A disk that is full in the middle of a clone: said so, nothing half is left, and it goes on once there is room.
#[test]
fn a_full_disk_ends_a_sync_and_leaves_what_was_there() {
    let it = Setting::new();
    let noise: String =
        (0..40_000_u64).map(|n| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    it.commit("large.yaml", &noise);
    let config = it.home.path(".claude/rwenv");
    let envs = it.home.read(".claude/rwenv/envs.json");
    let script = format!(
        "mount -t tmpfs -o size=256k tmpfs {config} && cd {config} && printf '%s' '{envs}' > envs.json && export HOME={home} \
         GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'; \
         {rwenv} repo sync dev; echo \"code $?\"; ls -A mirrors flux-repos 2>/dev/null; cat envs.json | tail -c 20; \
         {rwenv} add new --context {long}; echo \"code $?\"; \
         mount -o remount,size=64m {config}; {rwenv} repo sync dev; echo \"code $?\"",
        config = config.display(),
        home = it.home.path("").display(),
        rwenv = env!("CARGO_BIN_EXE_rwenv"),
        long = "x".repeat(100),
    );
    let output = Command::new("unshare").args(["-Urm", "bash", "-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("unshare") {
        crate::support::skip("no user namespaces here");
        return;
    }
    let codes: Vec<&str> = text.lines().filter(|line| line.starts_with("code ")).collect();
    assert_eq!((codes.first(), codes.last()), (Some(&"code 1"), Some(&"code 0")), "{text}{said}");
    assert!(said.contains("No space left") || said.contains("Failed to clone"), "{said}");
    assert!(!text.contains(".new"), "nothing half is left: {text}");
    assert!(text.contains("up to date"), "{text}");
}

/// A git that never ends is gone with the rwenv that started it, and so is what it started.
#[test]
fn a_signal_ends_every_git() {
    let it = Setting::new();
    let slow = "#!/bin/sh\ncase \"$*\" in *clone*) sleep 97.531 & echo started > \"$HOME/started\"; wait ;; *) exec /usr/bin/git \"$@\" ;; esac\n";
    it.home.write("bin/git", slow);
    it.home.mode("bin/git", 0o755);
    let mut rwenv = Command::new(env!("CARGO_BIN_EXE_rwenv"));
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", it.home.path("bin").display());
    rwenv.args(["repo", "sync", "dev"]).env_clear().env("HOME", it.home.path("")).env("PATH", path);
    let mut rwenv = rwenv.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
    while !it.home.path("started").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(rwenv.id()).unwrap()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(rwenv.wait().unwrap().code(), Some(143));
    let left = Command::new("pgrep").args(["-f", "sleep 97.531"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

/// What a person has in a clone outlives `--reset` and `--force`, and a line says where it is.
#[test]
fn what_is_given_up_by_force_is_kept_and_a_line_says_where() {
    let it = Setting::new();
    it.sync(&[]);
    it.home.write(&format!("{CLONE}/mine.yaml"), "mine\n");
    it.clone_git(&["add", "-A"]);
    it.clone_git(&["commit", "-q", "-m", "mine"]);
    it.commit("a.yaml", "two\n");
    let told = it.repo(&["sync", "dev", "--reset"]);
    let command = told.stderr.split_once("kept: git -C ").unwrap().1.trim();
    let (dir, log) = command.split_once(' ').unwrap();
    assert!(log.starts_with("log refs/rwenv/backup/"), "{told:?}");
    assert_eq!(std::path::Path::new(dir), it.home.path(CLONE));
    assert!(it.clone_git(&log.split(' ').chain(["--format=%s"]).collect::<Vec<_>>()).starts_with("mine\n"));
    // Nothing was reset: nothing is said.
    assert!(!it.repo(&["sync", "dev"]).stderr.contains("kept"));
    it.home.write(&format!("{CLONE}/open.yaml"), "open\n");
    let told = it.repo(&["clean", "dev", "--force"]);
    let kept = told.stderr.split_once("what was only there lies in ").unwrap().1.split(';').next().unwrap();
    assert_eq!(fs::read_to_string(format!("{kept}/open.yaml")).unwrap(), "open\n", "{told:?}");
    assert!(!it.home.path(CLONE).exists());
    // The next clone takes its place; one that holds nothing is removed without a trace.
    assert_eq!(it.sync(&[])["state"], "up-to-date");
    let told = it.repo(&["clean", "dev", "--force"]);
    assert!(told.code == 0 && !told.stderr.contains("lies in"), "{told:?}");
    assert!(!it.home.path(CLONE).exists());
}

/// Thousands of refs cost one question, one fetch and one look.
#[test]
fn thousands_of_refs_are_followed_in_one_run() {
    let it = Setting::new();
    let tip = it.home.git("origin", &["rev-parse", "HEAD"]).trim().to_owned();
    let refs = |from: usize| {
        let lines = (from..from + 4000).flat_map(|n| {
            [format!("create refs/heads/many/{n} {tip}\n"), format!("create refs/tags/v{n} {tip}\n")]
        });
        let mut command = it.home.command("git", &it.home.path("origin"));
        let made = crate::support::answer(
            command.args(["update-ref", "--stdin"]).write_stdin(lines.collect::<String>()),
        );
        assert_eq!(made.code, 0, "{made:?}");
    };
    refs(0);
    assert_eq!(it.sync(&[])["state"], "up-to-date");
    refs(4000);
    assert_eq!(it.sync(&[])["state"], "up-to-date");
    let count = it.home.git(
        ".claude/rwenv/mirrors/dev.git",
        &["for-each-ref", "--format=x", "refs/heads/many", "refs/tags"],
    );
    assert_eq!(count.lines().count(), 16_000);
}
