//! The audit log: what is acknowledged stays, what is changed is seen.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use rwenv_gate::base::environment::Environment;
use rwenv_gate::ledger::audit::follow;

use crate::support::{Home, find, skip};

const LOG: &str = ".claude/rwenv/audit/audit.jsonl";

fn records(log: &str) -> Vec<serde_json::Value> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn records_are_chained_and_a_change_is_found_where_it_is() {
    let home = Home::new();
    for n in 0..5 {
        home.hook("ro", &format!("kubectl get pod p{n}"));
    }
    let verify = || home.rwenv("", &["audit", "verify"]);
    let fine = verify();
    assert!(fine.code == 0 && fine.stdout.contains("5 records, 1 to 5: intact"), "{}", fine.stdout);
    let log = home.read(LOG);
    let lines: Vec<&str> = log.lines().collect();
    let without = |n: usize| {
        lines.iter().enumerate().filter(|(at, _)| *at != n).map(|(_, l)| format!("{l}\n")).collect::<String>()
    };
    for (changed, place) in [
        (log.replace("pod p2", "pod p9"), ":3: record 3"),
        (log.replace("\"seq\":3", "\"seq\":7"), ":3: record 7"),
        (without(2), ":3: record 4"),
        (without(0), ""),
        (format!("{}{}\n{}\n", without(0).replace(lines[4], ""), lines[0], lines[4]), ":5: record 1"),
        (format!("{log}{}\n", lines[4]), ":6: record 5"),
    ] {
        home.write(LOG, &changed);
        let told = verify();
        assert_eq!(told.code, i32::from(!place.is_empty()), "{changed}{}", told.stdout);
        assert!(told.stdout.contains(place), "{place}: {}", told.stdout);
    }
    // What was kept aside shows that the end is gone.
    home.write(LOG, &log);
    let last: serde_json::Value = serde_json::from_str(lines[4]).unwrap();
    home.write(".claude/rwenv/audit/anchor.json", &format!("{{\"seq\":5,\"hash\":{}}}", last["hash"]));
    assert_eq!(verify().code, 0);
    home.write(LOG, &without(4));
    assert!(verify().stdout.contains("record 5 was on disk and is now missing"), "{}", verify().stdout);
    fs::remove_file(home.path(LOG)).unwrap();
    home.hook("ro", "kubectl get pods");
    assert_eq!(verify().code, 1, "a log that starts anew is no longer the one that was");
}

#[test]
fn full_files_are_put_aside_and_the_chain_goes_on() {
    let home = Home::new();
    home.hook("ro", "kubectl get pod first");
    let first = home.read(LOG);
    // A file grows full by many records; here by half a line that somebody left.
    home.write(LOG, &format!("{first}{}", "x".repeat(16 << 20)));
    for n in 0..3 {
        home.hook("ro", &format!("kubectl get pod p{n}"));
    }
    assert!(home.path(".claude/rwenv/audit/audit-000000000001.jsonl").exists());
    let log = records(&home.read(LOG));
    assert_eq!(log.iter().map(|r| r["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 3, 4]);
    let told = home.rwenv("", &["audit", "verify", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told.code, &found["records"], &found["torn"]), (0, &4.into(), &1.into()), "{}", told.stdout);
    let all = home.rwenv("", &["audit", "--json"]).stdout;
    assert_eq!(records(&all).len(), 4, "{all}");
}

/// Many writers at once while the file grows full: it is put aside once, and no record is lost or split.
#[test]
fn a_file_that_grows_full_under_many_writers_loses_nothing() {
    let home = Home::new();
    let home = &home;
    home.hook("ro", "kubectl get pod first");
    let first = home.read(LOG);
    home.write(LOG, &format!("{first}{}\n", "x".repeat((16 << 20) - 40_000)));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                (0..100).for_each(|n| drop(home.hook("ro", &format!("kubectl get pod p-{thread}-{n}"))))
            });
        }
    });
    let told = home.rwenv("", &["audit", "verify", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let all = found["records"].as_u64().unwrap() + found["unchained"].as_u64().unwrap();
    assert_eq!((told.code, all), (0, 401), "{}", told.stdout);
    let files = fs::read_dir(home.path(".claude/rwenv/audit")).unwrap().count();
    assert_eq!(files, 2, "one was put aside");
}

#[test]
fn a_lock_that_is_held_costs_the_place_but_not_the_record() {
    let home = Home::new();
    home.hook("ro", "kubectl get pods");
    let file = fs::OpenOptions::new().append(true).open(home.path(LOG)).unwrap();
    let held = nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusive).unwrap();
    assert_eq!(home.hook("rw", "kubectl delete pod web-0").decision(), "allow");
    drop(held);
    home.hook("ro", "kubectl get pods");
    let told = home.rwenv("", &["audit", "verify"]);
    assert!(told.code == 0 && told.stdout.contains("1 records were written while"), "{}", told.stdout);
    assert_eq!(records(&home.read(LOG)).len(), 3);
}

#[test]
fn people_find_what_they_look_for() {
    let home = Home::new();
    home.hook("ro", "kubectl get pods");
    home.hook("ro", "kubectl delete pod web-0");
    home.hook("rw", "kubectl --context rw-ctx delete pod 'a\nb'");
    let show = |more: &[&str]| home.rwenv("", &[&["audit"], more].concat());
    let denied = show(&["--denied", "--since", "1h"]).stdout;
    assert!(
        denied.contains("read-only.cluster-write")
            && denied.contains("web-0")
            && !denied.contains("get pods"),
        "{denied}"
    );
    assert_eq!(show(&["--env", "rw", "--json"]).stdout.lines().count(), 1);
    assert_eq!(show(&["-n", "1"]).stdout.lines().count(), 2, "a heading and the last");
    assert_eq!(show(&["--since", "2999-01-01"]).stderr, "no records\n");
    let wrong = show(&["--since", "yesterday"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("'yesterday' is not a time"), "{}", wrong.stderr);
    let stats: serde_json::Value = serde_json::from_str(&show(&["stats", "--json"]).stdout).unwrap();
    assert_eq!(
        (&stats["records"], &stats["decisions"]["deny"], &stats["doors"]["claude"]),
        (&3.into(), &1.into(), &3.into()),
        "{stats}"
    );
    assert_eq!(show(&["stats"]).code, 0);
    assert_eq!(Home::empty().rwenv("", &["audit", "verify"]).code, 0, "nothing there, nothing wrong");
}

#[test]
fn a_followed_log_tells_what_comes() {
    let home = Home::new();
    home.hook("ro", "kubectl get pod before");
    let mut child = Command::new(env!("CARGO_BIN_EXE_rwenv"))
        .args(["audit", "--follow", "-n", "0"])
        .env("HOME", home.path(""))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (told, followed) = std::sync::mpsc::channel();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| told.send(line)));
    // It may still be starting: what is asked before it looks is not told, and what is asked then is.
    let output = (0..200).find_map(|_| {
        home.hook("ro", "kubectl delete pod after");
        followed.recv_timeout(Duration::from_millis(300)).ok()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let output = output.expect("nothing is told in a minute");
    assert!(output.contains("delete pod after") && !output.contains("before"), "{output}");
}

/// The last records of a file that has become full lie under another name when the follower looks.
#[test]
fn a_followed_log_tells_the_end_of_a_file_that_became_full() {
    let home = Home::new();
    let environment =
        Environment { home: home.path(""), config_dir: home.path(".claude/rwenv"), ..Environment::read() };
    home.hook("ro", "kubectl get pod p0");
    let mut place = None;
    let mut commands = Vec::new();
    let mut look = || follow(&environment, &mut place, |entry| commands.push(entry.command)).unwrap();
    look();
    home.hook("ro", "kubectl get pod p1");
    look();
    home.hook("ro", "kubectl get pod p2");
    fs::rename(home.path(LOG), home.path(".claude/rwenv/audit/audit-000000000003.jsonl")).unwrap();
    home.hook("ro", "kubectl get pod p3");
    fs::rename(home.path(LOG), home.path(".claude/rwenv/audit/audit-000000000004.jsonl")).unwrap();
    home.hook("ro", "kubectl get pod p4");
    look();
    look();
    assert_eq!(commands, ["p1", "p2", "p3", "p4"].map(|pod| format!("kubectl get pod {pod}")));
}

/// Hooks that are killed at any moment: what was answered is in the log, whole, and nothing that was is lost or glued.
#[test]
fn what_was_acknowledged_survives_ten_thousand_kills() {
    let home = Home::new();
    let home = &home;
    let answered: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|t| scope.spawn(move || kills(home, t))).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    let log = home.read(LOG);
    let found: BTreeSet<String> =
        records(&log).iter().map(|r| r["command"].as_str().unwrap().to_owned()).collect();
    let lost: Vec<&String> = answered.iter().filter(|line| !found.contains(*line)).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), answered.len());
    assert!((100..9_900).contains(&answered.len()), "{} were answered: the kills miss", answered.len());
    let told = home.rwenv("", &["audit", "verify"]);
    assert_eq!(told.code, 0, "{}", told.stdout);
}

/// 2,500 hooks, each killed at some moment; the lines that were answered. How late a kill may come follows how fast the
/// machine is at the time: every answer brings the next kills forward, every kill before one puts them off, so that
/// about half of them come before the answer on an idle machine and on a busy one.
fn kills(home: &Home, thread: u64) -> Vec<String> {
    let mut latest = 3_000;
    let mut answered = Vec::new();
    for n in 0..2_500 {
        let line = killed(home, thread, n, latest);
        let step = latest / 128 + 1;
        latest = if line.is_some() { (latest - step).max(1) } else { latest + step };
        answered.extend(line);
    }
    answered
}

/// Starts a hook and kills it within `latest` microseconds; the line where it had answered before.
fn killed(home: &Home, thread: u64, n: u64, latest: u64) -> Option<String> {
    let line = format!("kubectl get pod p-{thread}-{n}");
    let mut child = Command::new(crate::support::hook())
        .arg("claude")
        .env_clear()
        .env("HOME", home.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(home.payload("ro", &line).to_string().as_bytes());
    let random = (n * 4 + thread + 1).wrapping_mul(6_364_136_223_846_793_005) >> 40;
    std::thread::sleep(Duration::from_micros(random % latest));
    let _ = child.kill();
    child.wait().unwrap().success().then_some(line)
}

/// A disk that is full: reads go on, changes do not, and all goes on by itself once there is room.
#[test]
fn a_full_disk_stops_changes_and_nothing_else() {
    let home = Home::new();
    let hook = crate::support::hook();
    let config = home.path(".claude/rwenv");
    fs::create_dir_all(config.join("audit")).unwrap();
    fs::create_dir_all(config.join("run")).unwrap();
    let (read, change) =
        (home.payload("rw", "kubectl get pods"), home.payload("rw", "kubectl delete pod web-0"));
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs {audit} && cd {home} && \
         ask() {{ printf %s \"$1\" | HOME={home} {hook} claude >/dev/null 2>err; echo $?; }}; \
         ask '{change}'; dd if=/dev/zero of={audit}/fill bs=1k count=64 2>/dev/null; \
         i=0; while [ $i -lt 12 ]; do ask '{read}' >/dev/null; i=$((i+1)); done; \
         ask '{read}'; ask '{change}'; cat err; rm {audit}/fill; ask '{change}'",
        audit = config.join("audit").display(),
        home = home.path("").display(),
    );
    let output = Command::new("unshare").args(["-Urm", "sh", "-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    if !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("unshare") {
        skip("no user namespaces here");
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..3], ["0", "0", "2"], "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("[audit.unwritable]") && text.contains("No space left"), "{text}");
    assert_eq!(lines.last(), Some(&"0"), "{text}");
}

/// A home that cannot be written: records go to the runtime directory, and verdicts are what they were.
#[test]
fn a_read_only_home_spools() {
    let home = Home::new();
    let run = home.path("run-user");
    fs::create_dir_all(&run).unwrap();
    home.mode("run-user", 0o700);
    let change = home.payload("rw", "kubectl delete pod web-0");
    let ask = |runtime: &str| {
        let script = format!(
            "mount --bind {run} {run} && mount --bind {config} {config} && mount -o remount,ro,bind {config} {config} && \
             printf %s '{change}' | HOME={home} {runtime} {hook} claude; echo $?",
            run = run.display(),
            config = home.path(".claude").display(),
            home = home.path("").display(),
            hook = crate::support::hook(),
        );
        let output = Command::new("unshare").args(["-Urm", "sh", "-c", &script]).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    if find("unshare").is_none() || ask("").1.contains("unshare") {
        skip("no user namespaces here");
        return;
    }
    assert_eq!(ask("").0.trim(), "2", "nowhere to write, nothing is changed");
    let (code, said) = ask(&format!("XDG_RUNTIME_DIR={}", run.display()));
    assert_eq!(code.trim(), "0", "{said}");
    assert_eq!(records(&home.read("run-user/rwenv/audit/audit.jsonl")).len(), 1);
    home.mode("run-user", 0o777);
    assert_eq!(
        ask(&format!("XDG_RUNTIME_DIR={}", run.display())).0.trim(),
        "2",
        "a folder that others can write to"
    );
}

/// No home, a configuration that is nowhere, little memory: what changes something is denied, and what concerns nobody goes on.
#[test]
fn a_hook_without_means_denies() {
    let home = Home::new();
    let ask = |before: &str, line: &str| {
        let script = format!("{before}; exec {} claude", crate::support::hook());
        let mut command = home.command("sh", &home.path(""));
        let payload = home.payload("rw", line).to_string();
        crate::support::answer(command.args(["-c", &script]).write_stdin(payload)).decision()
    };
    assert_eq!(ask(":", "kubectl delete pod web-0"), "allow");
    let nowhere = format!("unset HOME; export RWENV_CONFIG_DIR={}", home.path("nowhere").display());
    assert_eq!(ask(&nowhere, "kubectl delete pod web-0"), "deny");
    assert_eq!(ask(&nowhere, "ls"), "allow");
    assert_eq!(ask("ulimit -v 60000", "kubectl delete pod web-0"), "allow", "little memory is enough");
}

#[test]
fn what_ran_before_is_judged_again_without_a_record() {
    let home = Home::new();
    let ro = home.path("ro").display().to_string();
    let call = |command: &str| {
        let content =
            serde_json::json!([{ "type": "tool_use", "name": "Bash", "input": { "command": command } }]);
        serde_json::json!({ "type": "assistant", "cwd": ro, "message": { "content": content } }).to_string()
    };
    let lines =
        ["ls", "kubectl get pods", "kubectl delete pod a", "kubectl delete pod b", "kubectl exec p -- sh"]
            .map(call);
    home.write("transcripts/project/session.jsonl", &format!("{}\n", lines.join("\n")));
    let told = home.rwenv("", &["audit", "replay", "transcripts", "--json"]);
    assert_eq!(told.code, 0, "{told:?}");
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(
        (&told["calls"], &told["asked"], &told["denied"]),
        (&5.into(), &1.into(), &2.into()),
        "{told}"
    );
    let first = &told["rules"][0];
    assert_eq!(
        (first["count"].as_u64(), first["example"].as_str()),
        (Some(2), Some("kubectl delete pod a")),
        "{told}"
    );
    // A history says no directory: the one that is named, or here.
    home.write("history", "git status\nkubectl delete pod a\n");
    let told = home.rwenv("ro", &["audit", "replay", "../history"]);
    assert!(told.stdout.contains("2 calls: you would have been asked 0 times, 1 denied"), "{told:?}");
    let told = home.rwenv("", &["audit", "replay", "--dir", "ro", "history"]);
    assert!(told.stdout.contains("1 denied"), "{told:?}");
    assert!(home.rwenv("", &["audit", "replay", "missing"]).code != 0);
    assert!(!home.path(LOG).exists(), "nothing was decided");
}
