//! Remotes that are reached by ssh, and those that do not do what they offer.

use std::fs;

use crate::repo::Setting;

/// An ssh that runs here what it is told to run on `host`, as often as `most` says; a line for each call.
const SSH: &str = r#"#!/bin/sh
echo "$0 $*" >> ~/calls
case "$*" in *"-G "*) exit 0 ;; esac
[ "$(grep -vc -e '-G ' ~/calls)" -le "$(cat ~/most)" ] || { echo "no more" >&2; exit 255; }
while [ "$1" != host ]; do shift; done
shift
exec sh -c "$*"
"#;

/// A repository that is reached by the ssh of the person's configuration.
fn by_ssh(name: &str, most: u32) -> Setting {
    let it = Setting::new();
    it.home.write(&format!("own/{name}"), SSH);
    it.home.mode(&format!("own/{name}"), 0o755);
    it.home.write("most", &most.to_string());
    let config = format!("[core]\n\tsshCommand = {}/{name} -i key\n", it.home.path("own").display());
    it.home.write(".gitconfig", &config);
    it.configure("dev", &format!("ssh://host{}", it.home.path("origin").display()), "");
    it
}

#[test]
fn the_ssh_of_the_person_s_configuration_is_the_one() {
    for (name, quiet) in [("ssh", true), ("wrapped", false)] {
        let it = by_ssh(name, 100);
        assert_eq!(it.sync(&[])["state"], "up-to-date", "{name}: {}", it.sync(&[]));
        it.commit("b.yaml", "two\n");
        assert_eq!(it.sync(&[])["state"], "up-to-date", "{name}");
        let calls = it.home.read("calls");
        assert!(calls.lines().all(|call| call.contains(&format!("own/{name} -i key"))), "{calls}");
        assert_eq!(calls.contains("BatchMode=yes"), quiet, "{calls}");
    }
}

/// It offers to leave large files out, and then answers no more.
#[test]
fn a_partial_clone_that_is_answered_nothing_ends_in_time_and_says_so() {
    for most in 1..4 {
        let it = by_ssh("ssh", most);
        it.home.git("origin", &["config", "uploadpack.allowFilter", "true"]);
        let large: String =
            (0..1_300_000_u64).map(|n| format!("{:016x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        it.commit("large.txt", &large);
        let answer = it.repo(&["sync", "dev"]);
        let calls = it.home.read("calls").lines().count();
        assert!(calls < 12, "{most}: {calls} calls");
        if answer.code != 0 {
            assert!(
                ["repo sync dev", "run it again"].iter().any(|next| answer.stderr.contains(next)),
                "{}",
                answer.stderr
            );
        }
        // Once it answers again, the next run ends where it should.
        it.home.write("most", "1000");
        let state = it.sync(&[]);
        assert_eq!(state["state"], "up-to-date", "{most}: {state}");
        assert!(fs::metadata(it.home.path(".claude/rwenv/flux-repos/dev/origin/a.yaml")).is_ok());
    }
}
