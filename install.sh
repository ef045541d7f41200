#!/usr/bin/env bash
# Builds rwenv and puts it in place. See --help.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
  cat <<'EOF'
Usage: ./install.sh [--prefix DIR]    build, place rwenv, rwenvd and rwenv-hook into DIR/bin (~/.local), register the hook,
                                      start the daemon, look whether all is well
       ./install.sh --uninstall [--prefix DIR]    stop the daemon, take the hooks out of agents' settings and git, remove the programs and
                                      all copies of credentials
       ./install.sh --uninstall --purge           the same, and all but what you wrote: the audit log, clones, catalogs
       ./install.sh --try             show it at work in a scratch HOME; nothing outside is touched

  --with DIR    use the programs rwenv, rwenvd and rwenv-hook in DIR instead of building them

What you wrote in ~/.claude/rwenv (envs.json, policies, selections) is never removed.
EOF
}

# Says everything that is missing at once, and how to get it.
need() {
  local missing=0
  command -v cargo >/dev/null || { echo "cargo is missing: install Rust with https://rustup.rs, or your system's package (1.95 or newer)" >&2; missing=1; }
  command -v cc >/dev/null || { echo "a C compiler (cc) is missing: apt install gcc, dnf install gcc, or xcode-select --install" >&2; missing=1; }
  command -v git >/dev/null || { echo "git is missing: apt install git, dnf install git, or xcode-select --install" >&2; missing=1; }
  [ "$missing" = 0 ] || exit 1
}

# The hook is a static program of its own where Rust can build one here; its path goes to standard output.
build_hook() {
  local target flags=()
  target=$(uname -m)-unknown-linux-musl
  if [ "$(uname -s)" = Linux ] && has_target "$target"; then
    flags=(--target "$target" --config "target.$target.rustflags=['-C', 'relocation-model=static']")
  else
    target=.
    echo "building the hook for this system as it is; with 'rustup target add' for musl it would start faster" >&2
  fi
  # Bash 3.2 takes an empty array for an unset variable.
  (cd "$root" && cargo build --locked --profile hook --package rwenv-gate --bin rwenv-hook ${flags[@]+"${flags[@]}"} >&2)
  (cd "$(target_dir)/$target/hook" && echo "$PWD/rwenv-hook")
}

has_target() {
  [ -d "$(rustc --print sysroot)/lib/rustlib/$1" ] || { command -v rustup >/dev/null && rustup --quiet target add "$1" >/dev/null 2>&1; }
}

target_dir() {
  echo "${CARGO_TARGET_DIR:-$root/target}"
}

# Says which step this is; how far it is, cargo says itself.
step() {
  echo "== $1" >&2
}

took() {
  echo "   done in $((SECONDS - $1)) s" >&2
}

# The programs as they are installed: small and fast.
build() {
  local start=$SECONDS
  if [ -n "$with" ]; then
    use "$with" rwenv rwenvd rwenv-hook
    return
  fi
  step "Building rwenv, rwenvd and rwenv-hook. The first time takes about ten minutes on two cores."
  (cd "$root" && cargo build --locked --release --bin rwenv --bin rwenvd >&2)
  rwenv=$(target_dir)/release/rwenv
  hook=$(build_hook)
  took "$start"
}

# The programs for a look: the build that the tests use as well.
build_to_try() {
  local start=$SECONDS
  if [ -n "$with" ]; then
    use "$with" rwenv rwenv-hook
    return
  fi
  step "Building rwenv and rwenv-hook. The first time takes about ten minutes on two cores; ./test.sh goes on from there."
  (cd "$root" && cargo build --locked --bin rwenv --bin rwenv-hook >&2)
  use "$(target_dir)/debug" rwenv rwenv-hook
  took "$start"
}

# Takes programs that are built already: use DIR NAME...
use() {
  local dir name
  [ -d "$1" ] || { echo "there is no folder $1" >&2; exit 64; }
  dir=$(cd "$1" && pwd)
  shift
  for name in "$@"; do
    [ -x "$dir/$name" ] || { echo "there is no program $name in $dir" >&2; exit 1; }
  done
  rwenv=$dir/rwenv
  hook=$dir/rwenv-hook
}

place() {
  build
  mkdir -p "$prefix/bin"
  # A new file under the old name: a hook that is running keeps the old one.
  for program in "$rwenv" "${rwenv}d" "$hook"; do
    cp "$program" "$prefix/bin/.${program##*/}.new"
    mv "$prefix/bin/.${program##*/}.new" "$prefix/bin/${program##*/}"
  done
  pages
  "$prefix/bin/rwenv" install --hook "$prefix/bin/rwenv-hook"
  "$prefix/bin/rwenv" daemon restart || echo "the daemon does not start; verdicts do not need it" >&2
  "$prefix/bin/rwenv" doctor || true
  case ":$PATH:" in *":$prefix/bin:"*) ;; *) echo "put $prefix/bin on your PATH" ;; esac
  echo "next: rwenv init (or rwenv add), then rwenv set <name> in a project; rwenv daemon install has the system start the daemon"
}

# Where bash, fish and zsh look for completions of programs below this prefix; zsh once its fpath has the folder.
completions() {
  echo "bash share/bash-completion/completions/rwenv"
  echo "fish share/fish/vendor_completions.d/rwenv.fish"
  echo "zsh share/zsh/site-functions/_rwenv"
}

# Completions and manual pages. Those of an older version that this one does not have go.
pages() {
  local shell file
  mkdir -p "$prefix/share/man/man1"
  rm -f "$prefix"/share/man/man1/rwenv.1 "$prefix"/share/man/man1/rwenv-*.1
  "$prefix/bin/rwenv" man --dir "$prefix/share/man/man1" >/dev/null
  completions | while read -r shell file; do
    mkdir -p "$prefix/${file%/*}"
    "$prefix/bin/rwenv" completions "$shell" >"$prefix/$file"
  done
}

remove() {
  local shell file
  if [ -x "$prefix/bin/rwenv" ]; then
    if [ "$purge" = yes ]; then
      "$prefix/bin/rwenv" install --uninstall --purge --yes
    else
      "$prefix/bin/rwenv" install --uninstall
    fi
  fi
  rm -f "$prefix/bin/rwenv" "$prefix/bin/rwenvd" "$prefix/bin/rwenv-hook"
  rm -f "$prefix"/share/man/man1/rwenv.1 "$prefix"/share/man/man1/rwenv-*.1
  completions | while read -r shell file; do
    rm -f "$prefix/$file"
  done
  echo "removed from $prefix; what you wrote stays in ~/.claude/rwenv. Take out of your shell's start-up file what mentions rwenv (shellenv, prompt)"
}

try() {
  local start name
  build_to_try
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  start=$SECONDS
  step "Setting up a scratch HOME: shop-prod is read-only, shop-staging GitOps-only."
  "$root/demo/setup.sh" "$scratch" >&2
  for name in shop-prod shop-staging; do
    HOME=$scratch "$rwenv" services regenerate "$name" --offline >"$scratch/said" 2>&1 || { cat "$scratch/said" >&2; exit 1; }
  done
  took "$start"
  step "Judging one day of an agent's calls with rwenv-hook."
  HOME=$scratch "$rwenv" demo --hook "$hook" --calls "$root/demo/day.jsonl" --home "$scratch"
  cat <<'EOF'

No call was run, and the scratch HOME is gone. Next:
  ./install.sh             install: programs in ~/.local/bin, hook for Claude Code, shims, daemon
  ./install.sh --help      another folder, and how to uninstall
  README.md, "Install"     name your environments and select one for a directory
EOF
}

# One thing at a time.
choose() {
  [ "$action" = place ] || wrong "$1 does not go with what stands before it"
  action=$2
}

wrong() {
  echo "$1" >&2
  usage >&2
  exit 64
}

prefix=$HOME/.local
with=
purge=
action=place
while [ $# -gt 0 ]; do
  case $1 in
    --try) choose "$1" try ;;
    --uninstall) choose "$1" remove ;;
    --purge) purge=yes ;;
    --build-hook) choose "$1" build_hook ;;
    --prefix) [ -n "${2:-}" ] || wrong "--prefix needs a folder"; prefix=$2; shift ;;
    --with) [ -n "${2:-}" ] || wrong "--with needs a folder"; with=$2; shift ;;
    --with=*) with=${1#*=} ;;
    --prefix=*) prefix=${1#*=} ;;
    -h | --help) usage; exit 0 ;;
    *) wrong "there is no option $1" ;;
  esac
  shift
done
[ -z "$purge" ] || [ "$action" = remove ] || wrong "--purge goes with --uninstall"
[ "$action" = remove ] || [ -n "$with" ] || need
"$action"
