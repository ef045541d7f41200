//! A remote whose HEAD names a branch that is not there, as a bare repository has it that was made with another default.

use crate::real_flux::world::{APPLIES, World};
use crate::support::Home;

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, namespace: app}\n";

/// A repository with the branches `main` and `other`, whose HEAD names `trunk`.
fn repository(home: &Home) -> String {
    home.git("", &["init", "-q", "--bare", "flux.git"]);
    home.git("flux.git", &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    home.git("", &["init", "-q", "made"]);
    home.write("made/apps/one.yaml", CONFIG_MAP);
    home.git("made", &["add", "-A"]);
    home.git("made", &["commit", "-qm", "one"]);
    home.git("made", &["push", "-q", "../flux.git", "HEAD:main", "HEAD:other"]);
    home.path("flux.git").display().to_string()
}

#[test]
fn it_is_said_which_branch_is_missing_and_which_there_are() {
    let home = Home::new();
    let url = repository(&home);
    let envs = crate::support::ENVS.replace("https://git.example.com/ro/flux.git", &url);
    home.write(".claude/rwenv/envs.json", &envs);
    let synced = home.rwenv("ro", &["repo", "sync"]);
    let what =
        "the remote's HEAD names the branch 'trunk', which the remote does not have; it has main, other";
    assert!(synced.code == 1 && synced.stdout.contains(what), "{}{}", synced.stdout, synced.stderr);
    assert!(synced.stdout.contains("next: rwenv edit ro --flux-branch BRANCH"), "{}", synced.stdout);
    assert!(synced.stderr.contains("the cluster was asked which branch it follows: "), "{}", synced.stderr);
    for line in [
        &["services", "list"][..],
        &["guide", "show", "flux"],
        &["deploy", "papi", "--image-tag", "v1", "--cluster", "ro"],
    ] {
        let told = home.rwenv("ro", line);
        assert!(told.code != 0 && !told.stderr.contains("Flux repo not found"), "{line:?}: {}", told.stderr);
    }
    let list = home.rwenv("ro", &["services", "list"]);
    assert!(list.stderr.contains(what), "{}", list.stderr);
    // What a person sets is taken, and said where it is missing too.
    assert_eq!(home.rwenv("ro", &["edit", "ro", "--flux-branch", "gone"]).code, 0);
    let gone = home.rwenv("ro", &["repo", "sync"]);
    assert!(
        gone.stdout.contains("fluxBranch names the branch 'gone', which the remote does not have"),
        "{}",
        gone.stdout
    );
    assert_eq!(home.rwenv("ro", &["edit", "ro", "--flux-branch", "other"]).code, 0);
    let there = home.rwenv("ro", &["repo", "sync"]);
    assert!(
        there.code == 0 && there.stdout.contains("up to date (other"),
        "{}{}",
        there.stdout,
        there.stderr
    );
    assert!(home.path(".claude/rwenv/flux-repos/ro/flux/apps/one.yaml").is_file());
}

#[test]
fn the_branch_that_the_cluster_follows_is_taken() {
    let Some(world) = World::new(&APPLIES, &[("clusters/one/one.yaml", CONFIG_MAP)]) else { return };
    world.home.git("remotes/flux.git", &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    world.home.git("work", &["push", "-q", "origin", "HEAD:other"]);
    let synced = world.home.rwenv("rw", &["repo", "sync"]);
    assert!(
        synced.code == 0 && synced.stdout.contains("up to date (main"),
        "{}{}",
        synced.stdout,
        synced.stderr
    );
    let revision = world.push(&[("clusters/one/two.yaml", &CONFIG_MAP.replace("one", "two"))], "more");
    let again = world.home.rwenv("rw", &["repo", "sync"]);
    let commit = revision.rsplit(':').next().unwrap();
    assert!(again.code == 0 && again.stdout.contains(&commit[..8]), "{}{}", again.stdout, again.stderr);
    assert_eq!(world.flux("rw", "diff flux-system").code, 1, "the clone has files to compare");
}
