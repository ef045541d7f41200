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

# what a hook process costs, in rounds
bench rounds="500":
    cargo bench --bench spawn -- {{rounds}}

# the day of an agent, judged
try:
    ./install.sh --try

# format the code
fmt:
    cargo fmt
