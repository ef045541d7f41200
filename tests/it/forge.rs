//! What is done to a repository on the server, by whatever program: a read-only Flux repository stays as it is, wherever the call comes
//! from, and talk is free.

use crate::support::Home;

/// In every folder, because the repository is named.
const NAMED: [&str; 24] = [
    "gh api repos/ro/flux -X DELETE --hostname git.example.com",
    "gh api https://git.example.com/api/v3/repos/ro/flux -X PATCH -f default_branch=x",
    "GH_HOST=git.example.com gh api -X PUT repos/ro/flux/collaborators/x",
    "GH_HOST=git.example.com gh api repos/ro/x/../flux/pulls -f title=x",
    "GH_HOST=git.example.com gh api repos/ro/flux/git/refs --input ref.json",
    "GH_HOST=git.example.com gh api repos/ro/flux/releases/1 -X DELETE",
    "GH_HOST=git.example.com gh api repos/ro/flux/pulls/1/reviews -f event=APPROVE",
    "GH_HOST=git.example.com gh repo delete ro/flux --yes",
    "gh repo archive git.example.com/ro/flux",
    "gh repo edit https://git.example.com/ro/flux --default-branch x",
    "GH_HOST=git.example.com gh repo sync ro/flux --force",
    "GH_HOST=git.example.com gh pr review -R ro/flux 1 --approve",
    "GH_HOST=git.example.com gh release upload v1 x -R ro/flux",
    "curl -X DELETE https://git.example.com/api/v1/repos/ro/flux",
    "curl -X PATCH https://git.example.com/api/v1/repos/ro/flux -d '{\"archived\": true}'",
    "curl -X PUT \"$API/repos/ro/flux/collaborators/x\"",
    "curl -d @ref.json https://git.example.com/api/v1/repos/ro/flux/git/refs",
    "tea pr create -r ro/flux",
    "tea releases delete -r ro/flux v1",
    "git remote add x https://git.example.com/ro/flux.git && git push x HEAD:feature",
    "git remote set-url --push origin git@git.example.com:ro/flux.git; git push origin HEAD:feature",
    "git config remote.origin.pushurl https://git.example.com/ro/flux && git push origin HEAD:feature",
    "git config set remote.origin.url https://git.example.com/ro/flux; git push origin HEAD:feature",
    "git -c remote.x.url=https://git.example.com/ro/flux.git push x HEAD:feature",
];

/// Where a read-only rwenv is selected: what repository they are about is not to be told, or they deploy.
const HERE: [&str; 13] = [
    "gh api repositories/123/pulls -f title=x",
    "gh api graphql -f query='mutation { createPullRequest(input: {}) { x } }'",
    "gh api graphql -f query='mutation { addComment(input: {}) { x } mergePullRequest(input: {}) { x } }'",
    "curl -d '{\"query\": \"mutation { deleteRef(input: {}) { x } }\"}' https://api.github.com/graphql",
    "glab api projects/7/merge_requests -f source_branch=x",
    "gh run cancel 1",
    "git remote add x \"$URL\" && git push x HEAD:feature",
    "git config url.https://git.example.com/ro/.pushInsteadOf x: && git push x:flux HEAD:feature",
    "git --exec-path=/tmp/git push origin HEAD:feature",
    "git send-pack https://git.example.com/ro/x.git HEAD:main",
    "jj git push -b main",
    "sl push --to main",
    "tea pr merge 1",
];

const FREE: [&str; 18] = [
    "gh api repos/ro/flux/pulls",
    "gh api repos/ro/flux/pulls/1/comments -f body=x",
    "gh api 'repos/{owner}/{repo}/pulls' -f title=x",
    "gh api \"repos/$O/$R/issues/3/comments\" -f body=x",
    "gh api repos/o/app/pulls/1/reviews -f event=APPROVE",
    "gh api graphql -f query='mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { x } }' -f id=T",
    "gh api graphql -F owner=o -f query='query($owner: String!) { repository(owner: $owner) { id } }'",
    "gh api -X POST user/repos -f name=x",
    "gh api -X PUT user/starred/ro/flux",
    "gh pr review 1 --comment -b x",
    "gh repo sync",
    "curl -X POST http://localhost:8000/projects/5/items -d '{}'",
    "curl -d '{\"query\": \"mutation { login }\"}' http://localhost:4000/graphql",
    "git remote add upstream https://github.com/o/r && git fetch upstream && git push origin HEAD:feature",
    "git remote add up \"$URL\" && git fetch up",
    "git config user.name x && git push origin HEAD:feature",
    "jj git push --dry-run; jj new main; jj git fetch",
    "tea pr create",
];

#[test]
fn a_read_only_repository_stays_as_it_is_on_the_server() {
    let home = Home::new();
    for line in NAMED {
        for folder in ["ro", "go", "rw"] {
            let told = home.hook(folder, line);
            assert_eq!(told.decision(), "deny", "{folder}: {line}: {told:?}");
        }
    }
    for line in HERE {
        let told = home.hook("ro", line);
        assert_eq!(told.decision(), "deny", "{line}: {told:?}");
    }
}

#[test]
fn talk_and_other_repositories_are_free() {
    let home = Home::new();
    for line in FREE {
        for folder in ["ro", "go", "rw", "none"] {
            let told = home.hook(folder, line);
            assert_eq!(told.decision(), "allow", "{folder}: {line}: {told:?}");
        }
    }
}

/// Remotes of a repository by name and path on the host, those with what a program keeps beside them, a line, and what is said to it.
type Chosen = (
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

const APP: &[(&str, &str)] = &[("origin", "o/app")];
const BOTH: &[(&str, &str)] = &[("origin", "ro/flux"), ("app", "o/app")];
const TO_APP: &[(&str, &str)] = &[("remote.app.gh-resolved", "base")];

const CHOSEN: &[Chosen] = &[
    (APP, &[], "gh pr merge 1", "allow"),
    (APP, &[("remote.origin.gh-resolved", "ro/flux")], "gh pr merge 1", "deny"),
    (APP, &[("remote.origin.gh-resolved", "base")], "gh pr merge 1", "allow"),
    (APP, &[("remote.origin.gh-resolved", "ro/flux")], "gh pr merge 1 -R git.example.com/o/app", "allow"),
    (APP, &[("remote.origin.glab-resolved", "ro/flux")], "glab mr merge 1", "deny"),
    (APP, &[("remote.origin.glab-resolved", "ro/flux")], "gh pr merge 1", "allow"),
    (BOTH, &[], "gh pr create --fill", "deny"),
    (BOTH, TO_APP, "gh pr create --fill", "allow"),
    (BOTH, TO_APP, "gh pr merge 1 --squash", "allow"),
    (BOTH, TO_APP, "glab mr merge 1", "deny"),
    (BOTH, TO_APP, "git push origin HEAD:x", "deny"),
    (BOTH, TO_APP, "gh repo set-default git.example.com/ro/flux && gh pr merge 1", "deny"),
    (
        BOTH,
        &[("remote.origin.gh-resolved", "base")],
        "gh repo set-default git.example.com/o/app; gh pr merge 1",
        "allow",
    ),
    (APP, &[], "gh repo set-default git.example.com/ro/flux && gh pr merge 1", "deny"),
    (APP, &[], "git config remote.origin.gh-resolved ro/flux && gh pr merge 1", "deny"),
    (APP, &[], "GH_REPO=git.example.com/ro/flux gh pr merge 1", "deny"),
    (APP, &[], "export GH_REPO=git.example.com/ro/flux; gh pr merge 1", "deny"),
    (APP, &[], "gh repo set-default --view", "allow"),
    (BOTH, &[], "hub pull-request -m x", "deny"),
    (BOTH, &[], "hub -C . pull-request --no-edit", "deny"),
    (BOTH, &[], "hub pr merge 3", "deny"),
    (BOTH, &[], "hub pr list; hub ci-status; hub pr checkout 3", "allow"),
    (APP, &[], "hub pull-request -m x", "allow"),
];

#[test]
fn what_was_chosen_for_a_program_is_what_is_meant() {
    for (at, (remotes, kept, line, want)) in CHOSEN.iter().enumerate() {
        let home = Home::new();
        let folder = format!("none/{at}");
        home.write(&format!("{folder}/f"), "x\n");
        home.git(&folder, &["init", "-q", "-b", "main", "."]);
        for (name, path) in *remotes {
            home.git(&folder, &["remote", "add", name, &format!("https://git.example.com/{path}.git")]);
        }
        for (key, value) in *kept {
            home.git(&folder, &["config", key, value]);
        }
        let told = home.hook(&folder, line);
        assert_eq!(told.decision(), *want, "{remotes:?} {kept:?} {line}: {told:?}");
    }
}
