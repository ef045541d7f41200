#!/usr/bin/env bash
cd "$(dirname "$0")"
export RUSTFLAGS="-C relocation-model=static"
cargo build -q --profile hook --target x86_64-unknown-linux-musl --no-default-features --bin rwenv-hook >&2
echo "$PWD/target/x86_64-unknown-linux-musl/hook/rwenv-hook"
