#!/usr/bin/env bash
# Everything that has to hold before a change lands: format, lints, policies, tests, documentation, licences, scripts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

missing=0
command -v cargo >/dev/null || { echo "cargo is missing: install Rust with https://rustup.rs, or your system's package (1.95 or newer)" >&2; missing=1; }
command -v cc >/dev/null || { echo "a C compiler (cc) is missing: apt install gcc, dnf install gcc, or xcode-select --install" >&2; missing=1; }
command -v git >/dev/null || { echo "git is missing: apt install git, dnf install git, or xcode-select --install" >&2; missing=1; }
[ "$missing" = 0 ] || exit 1

step() {
  printf '\n== %s\n' "$1"
}

optional() {
  step "$*"
  if command -v "$1" >/dev/null; then "$@"; else echo "skipped: $1 is not installed"; fi
}

# A stock macOS has no timeout.
limited() {
  if command -v timeout >/dev/null; then timeout 20 "$@"; else "$@"; fi
}

scripts() {
  git ls-files '*.sh' .ci/run 'hooks/git/*' 2>/dev/null ||
    find . \( -name '*.sh' -o -path './hooks/git/*' \) -type f -not -path './target/*'
}

step "cargo fmt --all --check"
if cargo fmt --version >/dev/null 2>&1; then cargo fmt --all --check; else echo "skipped: rustfmt is not installed"; fi
step "cargo clippy"
if cargo clippy --version >/dev/null 2>&1; then
  cargo clippy --locked --quiet --all-targets -- -D warnings
  # The hook as it is built: alone, without what the others ask of its dependencies.
  cargo clippy --locked --quiet --package rwenv-gate --no-default-features -- -D warnings
else
  echo "skipped: clippy is not installed"
fi
# Names without blanks, all of them; Bash 3.2 has no mapfile.
# shellcheck disable=SC2046
optional shellcheck $(scripts)
optional cargo-deny --log-level error check licenses bans sources
if command -v cargo-deny >/dev/null; then
  step "cargo-deny check advisories"
  if GIT_TERMINAL_PROMPT=0 limited git ls-remote -q https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then
    cargo-deny --log-level error check advisories
  else
    echo "skipped: the advisory database cannot be reached"
  fi
fi
step "cargo doc"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps
step "cargo test, a minute of it for lines that are made up, one for mutations"
# What the tests skip goes there, a line each: a test that passes shows nothing of what it prints.
skipped=${RWENV_SKIPPED:-$(mktemp)}
: >"$skipped"
RWENV_SKIPPED=$skipped RWENV_ORACLE_SECONDS="${RWENV_ORACLE_SECONDS:-60}" RWENV_FUZZ_SECONDS="${RWENV_FUZZ_SECONDS:-60}" cargo test --locked
if [ -s "$skipped" ]; then
  step "skipped, because something is missing here"
  sort -u "$skipped"
else
  step "no test was skipped"
fi
[ -n "${RWENV_SKIPPED:-}" ] || rm -f "$skipped"
