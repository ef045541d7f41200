//! Pushes whose options and refs say something else than they seem to, seen by pre-push.

use crate::push::World;

/// Git takes the last of two options that take each other back.
#[test]
fn a_dry_run_that_is_taken_back_is_a_push() {
    let world = World::new(r#","readOnly":true"#);
    world.commit("flux", "more");
    for form in ["--dry-run --no-dry-run", "-n --no-dry-run", "--dry-run --no-dry"] {
        world.refused("flux", &format!("{form} origin HEAD:main"), "read-only.flux-repository");
    }
    for form in ["--no-dry-run --dry-run", "--no-dry-run -n"] {
        assert_eq!(world.push("flux", &format!("{form} origin HEAD:main")).code, 0, "{form}");
    }
}

/// Tags by their bare names, at the hook, which asks git what a name is.
#[test]
fn a_tag_is_seen_by_its_bare_name() {
    let world = World::new("");
    world.home.write("app/.claude/rwenv", "env\n");
    world.home.write("flux/.claude/rwenv", "env\n");
    for repository in ["app", "flux"] {
        world.home.git(repository, &["tag", "-a", "v9", "-m", "nine"]);
        world.home.git(repository, &["branch", "topic"]);
    }
    for field in [r#","readOnly":true"#, r#","gitOpsOnly":true"#, ""] {
        let url = world.home.path("remotes/flux.git").display().to_string();
        world.home.write(
            ".claude/rwenv/envs.json",
            &format!(r#"{{"version":"1.0","rwenvs":{{"env":{{"kubernetesContext":"c","fluxGitRepo":"file://{url}"{field}}}}}}}"#),
        );
        for repository in ["app", "flux"] {
            for line in [
                "git push origin v9",
                "git push origin --delete v9",
                "git push origin :v9",
                "git push origin tag v9",
                "git push --tags",
                "git push --follow-tags origin topic",
                "git -c push.followTags=true push origin topic",
                "git tag v10 && git push origin v10",
                "git push origin HEAD:refs/tags/v11",
            ] {
                let answer = world.home.hook(repository, line);
                assert_eq!(answer.decision(), "deny", "{repository} {field}: {line}: {}", answer.stderr);
            }
        }
        for line in ["git push origin topic", "git push origin v10", "git push --no-follow-tags origin topic"]
        {
            let answer = world.home.hook("app", line);
            assert_eq!(answer.decision(), "allow", "{field}: {line}: {}", answer.stderr);
        }
    }
}

/// With directPush the branch Flux follows may be pushed to; it is not rewritten or removed, whatever is protected.
#[test]
fn the_history_flux_follows_is_not_rewritten() {
    let world = World::new("");
    let url = world.home.path("remotes/flux.git").display().to_string();
    world.home.write("flux/.claude/rwenv", "env\n");
    for fields in
        [r#""directPush":true"#, r#""protectedBranches":[]"#, r#""directPush":true,"protectedBranches":[]"#]
    {
        world.home.write(
            ".claude/rwenv/envs.json",
            &format!(r#"{{"version":"1.0","rwenvs":{{"env":{{"kubernetesContext":"c","fluxGitRepo":"file://{url}",{fields}}}}}}}"#),
        );
        for line in [
            "git push --force",
            "git push -f origin",
            "git push --force origin main",
            "git push --force-with-lease origin HEAD",
            "git push origin +main",
            "git push origin :main",
            "git push -d origin main",
        ] {
            let answer = world.home.hook("flux", line);
            assert!(
                answer.decision() == "deny" && answer.stderr.contains("[branches.flux-history]"),
                "{fields}: {line}: {}",
                answer.stderr
            );
        }
        for line in [
            "git push --force --no-force origin main",
            "git push --force origin HEAD:deploy/web",
            "git push origin :/start:deploy/web",
        ] {
            let answer = world.home.hook("flux", line);
            assert!(
                !answer.stderr.contains("[branches.flux-history]"),
                "{fields}: {line}: {}",
                answer.stderr
            );
        }
    }
}
