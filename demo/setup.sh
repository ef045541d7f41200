#!/usr/bin/env bash
# Makes a HOME with two rwenvs, their Flux clones and a project for each. Usage: demo/setup.sh EMPTY-FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${1:?say which folder}
config=$home/.claude/rwenv
export HOME=$home GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=demo GIT_AUTHOR_EMAIL=demo@example.com GIT_COMMITTER_NAME=demo GIT_COMMITTER_EMAIL=demo@example.com
umask 077

# A repository with one commit on main, whose origin is the URL of its real home.
repository() {
  mkdir -p "$1"
  git -C "$1" init -q -b main
  git -C "$1" remote add origin "$2"
}

commit() {
  git -C "$1" add -A
  git -C "$1" commit -q -m "$2"
}

mkdir -p "$config" "$home/.kube"
cp "$here/envs.json" "$config/envs.json"
printf 'apiVersion: v1\nkind: Config\ncurrent-context: shop-staging\n' >"$home/.kube/config"
for name in prod staging; do
  clone=$config/flux-repos/shop-$name/flux
  url=https://git.example.com/shop/flux.git
  [ "$name" = prod ] || url=https://git.example.com/shop-staging/flux.git
  repository "$clone" "$url"
  cp -R "$here/flux/." "$clone/"
  commit "$clone" "The shop on Flux"
  project=$home/code/$name
  repository "$project" "https://git.example.com/shop/web.git"
  mkdir -p "$project/.claude"
  echo "shop-$name" >"$project/.claude/rwenv"
  printf '.claude/rwenv\n' >"$project/.gitignore"
  commit "$project" "A project"
  git -C "$project" switch -q -c feature/cart
done
