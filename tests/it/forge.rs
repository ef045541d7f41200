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
