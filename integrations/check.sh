#!/usr/bin/env bash
# Checks a pull request of a Flux repository with rwenv: what lint finds, as SARIF, and what the change does to clusters, as one comment that
# is updated. Needs rwenv, git, jq and curl. Run in a clone that has both commits. It reads only these variables:
#   RWENV_BASE          commit that the change is compared with
#   RWENV_HEAD          commit of the change [HEAD]
#   RWENV_OUT           folder for rwenv.sarif and comment.md [rwenv-check]
#   RWENV_FORGE         github, gitlab, gitea, or none: then nothing is posted [none]
#   RWENV_API           root of the API (https://api.github.com, https://HOST/api/v4, https://HOST/api/v1)
#   RWENV_REPOSITORY    owner/name; of GitLab the project's number
#   RWENV_PULL          number of the pull or merge request
#   RWENV_TOKEN         token that may comment
# Exit status: 0 nothing wrong, 1 lint found an error, 2 a step failed.
set -u

base=${RWENV_BASE:?the commit that the change is compared with}
head=${RWENV_HEAD:-HEAD}
out=${RWENV_OUT:-rwenv-check}
forge=${RWENV_FORGE:-none}
marker='<!-- rwenv: impact of this change -->'

fail() {
    echo "rwenv check: $1" >&2
    exit 2
}

# A request to the API; the token is in no argument.
api() {
    local method=$1 path=$2
    shift 2
    case $forge in
        gitlab) printf 'header = "PRIVATE-TOKEN: %s"\n' "${RWENV_TOKEN:-}" ;;
        gitea) printf 'header = "Authorization: token %s"\n' "${RWENV_TOKEN:-}" ;;
        *) printf 'header = "Authorization: Bearer %s"\n' "${RWENV_TOKEN:-}" ;;
    esac | curl --silent --show-error --fail --max-time 60 --config - -X "$method" -H 'Content-Type: application/json' \
        "$@" "${RWENV_API:?the root of the API}/$path"
}

# Where comments are listed and made, and where one is changed.
case $forge in
    github | gitea)
        list="repos/${RWENV_REPOSITORY:?}/issues/${RWENV_PULL:?}/comments"
        one="repos/$RWENV_REPOSITORY/issues/comments"
        change=PATCH
        ;;
    gitlab)
        list="projects/${RWENV_REPOSITORY:?}/merge_requests/${RWENV_PULL:?}/notes"
        one=$list
        change=PUT
        ;;
    none) ;;
    *) fail "RWENV_FORGE is '$forge'; write github, gitlab, gitea or none" ;;
esac

# The comment of an earlier run, with its text; of several the first.
earlier() {
    local page=1 all found
    while :; do
        all=$(api GET "$list?per_page=50&limit=50&page=$page") || return 1
        found=$(printf '%s' "$all" | jq -c --arg marker "$marker" '[.[] | select(.body | startswith($marker))][0] // empty') || return 1
        if [ -n "$found" ]; then
            printf '%s' "$found"
            return 0
        fi
        [ "$(printf '%s' "$all" | jq length)" -ge 50 ] || return 0
        page=$((page + 1))
    done
}

mkdir -p "$out" || fail "cannot make $out"
rwenv lint --range "$base..$head" --sarif > "$out/rwenv.sarif"
found=$?
[ "$found" -le 1 ] || fail "rwenv lint ended with $found"
# For people who read the log.
rwenv lint --range "$base..$head" >&2 || true
rwenv impact --range "$base..$head" --md > "$out/impact.md" || fail "rwenv impact failed"
{
    printf '%s\n' "$marker"
    cat "$out/impact.md"
} > "$out/comment.md"

if [ "$forge" != none ]; then
    text=$(cat "$out/comment.md")
    before=$(earlier) || fail "the comments cannot be read"
    body=$(jq -n --arg body "$text" '{body: $body}') || fail "jq failed"
    if [ -z "$before" ]; then
        printf '%s' "$body" > "$out/request.json"
        api POST "$list" --data "@$out/request.json" > /dev/null || fail "the comment cannot be made"
    elif [ "$(printf '%s' "$before" | jq -r .body)" != "$text" ]; then
        printf '%s' "$body" > "$out/request.json"
        id=$(printf '%s' "$before" | jq -r .id)
        api "$change" "$one/$id" --data "@$out/request.json" > /dev/null || fail "the comment cannot be changed"
    fi
    rm -f "$out/request.json"
fi
exit "$found"
