# Short names for what one does here; `just` lists them.

_default:
    @just --list

# everything that has to hold before a change lands
test:
    ./test.sh

# only the examples of the policies and tool tables
policy:
    cargo run --quiet --bin rwenv -- policy test

# make policies/README.md from the policies
policies:
    cargo run --quiet --bin rwenv -- policy list --markdown > policies/README.md

# make the JSON Schemas of the tables from their types
schemas:
    RWENV_WRITE_DOCS=1 cargo test --workspace --lib schema::

# make docs/decisions.md from the verdicts
decisions:
    RWENV_WRITE_DOCS=1 cargo test --workspace -- explain::

# one test, or all whose names begin so: just one push::
one name:
    cargo test --workspace -- {{name}}

# the tests of one crate alone: core (with its corpora), gate, flux or app
crate name:
    cargo test --manifest-path src/{{name}}/Cargo.toml --lib {{ if name == "core" { "--test core" } else { "" } }}

# the newest versions of the agents, from npm: their whole matrix, and whether they offer tools we do not know
agents-newest:
    RWENV_AGENTS_NEWEST=1 cargo test --workspace --test it -- real_agents:: --nocapture --test-threads 1

# the lints that the gate holds
lint:
    cargo clippy --locked --workspace --all-targets -- -D warnings

# bash runs generated lines for so many seconds
oracle seconds="600":
    RWENV_ORACLE_SECONDS={{seconds}} cargo test --workspace -- oracle::

# fuzz one target: line, payload, config, policy
fuzz target="line":
    mkdir -p fuzz/corpus/{{target}}
    cargo +nightly fuzz run -s none {{target}} fuzz/corpus/{{target}} $(ls -d fuzz/seeds/{{target}} fuzz/regressions/{{target}} 2>/dev/null)

# survivors of mutations in one file of the core: just mutants src/core/policy/mod.rs
mutants file:
    cargo mutants --package rwenv-core --file {{file}} --timeout 300

# what a hook process costs, in rounds
bench rounds="500":
    cargo bench --bench spawn -- {{rounds}}

# the day of an agent, judged
try:
    ./install.sh --try

# format the code
fmt:
    cargo fmt --all
