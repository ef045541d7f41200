#!/usr/bin/env bash
# Builds rwenv and puts it in place. See --help.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
  cat <<'EOF'
Usage: ./install.sh [--prefix DIR]    build, place rwenv, rwenvd and rwenv-hook into DIR/bin (~/.local), register the hook,
                                      start the daemon, look whether all is well
       ./install.sh --uninstall [--prefix DIR]    stop the daemon, take the hook out of the agent's settings, remove the programs
       ./install.sh --try             show it at work in a scratch HOME; nothing outside is touched

Your configuration, ~/.claude/rwenv, is never removed.
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
  (cd "$root" && cargo build --locked --quiet --profile hook --no-default-features --bin rwenv-hook "${flags[@]}" >&2)
  (cd "$(target_dir)/$target/hook" && echo "$PWD/rwenv-hook")
}

has_target() {
  [ -d "$(rustc --print sysroot)/lib/rustlib/$1" ] || { command -v rustup >/dev/null && rustup --quiet target add "$1" >/dev/null 2>&1; }
}

target_dir() {
  echo "${CARGO_TARGET_DIR:-$root/target}"
}

build() {
  echo "building rwenv (the first time takes a few minutes) …" >&2
  (cd "$root" && cargo build --locked --quiet --release --bin rwenv --bin rwenvd >&2)
  rwenv=$(target_dir)/release/rwenv
  hook=$(build_hook)
}

place() {
  build
  mkdir -p "$prefix/bin"
  # A new file under the old name: a hook that is running keeps the old one.
  for program in "$rwenv" "${rwenv}d" "$hook"; do
    cp "$program" "$prefix/bin/.${program##*/}.new"
    mv "$prefix/bin/.${program##*/}.new" "$prefix/bin/${program##*/}"
  done
  "$prefix/bin/rwenv" install --hook "$prefix/bin/rwenv-hook"
  "$prefix/bin/rwenv" daemon restart || echo "the daemon does not start; verdicts do not need it" >&2
  "$prefix/bin/rwenv" doctor || true
  case ":$PATH:" in *":$prefix/bin:"*) ;; *) echo "put $prefix/bin on your PATH" ;; esac
  echo "next: rwenv add, then rwenv set <name> in a project; rwenv daemon install has the system start the daemon"
}

remove() {
  if [ -x "$prefix/bin/rwenv" ]; then
    "$prefix/bin/rwenv" install --uninstall
    "$prefix/bin/rwenv" daemon install --uninstall
    "$prefix/bin/rwenv" daemon stop
  fi
  rm -f "$prefix/bin/rwenv" "$prefix/bin/rwenvd" "$prefix/bin/rwenv-hook"
  echo "removed from $prefix/bin; your configuration stays in ~/.claude/rwenv"
}

try() {
  build
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  "$root/demo/setup.sh" "$scratch" >&2
  for name in shop-prod shop-staging; do
    HOME=$scratch "$rwenv" services regenerate "$name" --offline >&2
    echo >&2
  done
  HOME=$scratch "$rwenv" demo --hook "$hook" --calls "$root/demo/day.jsonl" --home "$scratch"
  echo
  echo "This ran in a scratch HOME, which is gone again. For real: ./install.sh"
}

prefix=$HOME/.local
action=place
while [ $# -gt 0 ]; do
  case $1 in
    --try) action=try ;;
    --uninstall) action=remove ;;
    --build-hook) action=build_hook ;;
    --prefix) prefix=${2:?--prefix needs a folder}; shift ;;
    --prefix=*) prefix=${1#*=} ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 64 ;;
  esac
  shift
done
[ "$action" = remove ] || need
"$action"
