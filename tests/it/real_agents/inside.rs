//! The same agents inside `rwenv run`: what they are asked for, and what becomes of it.
//!
//! A few scenarios of each kind run in the gate; all of them with `RWENV_AGENTS_INSIDE=all`, which writes the table of `docs/custody.md` beside
//! `RWENV_WRITE_DOCS=1`.

use super::programs::{self, Program};
use super::scenario::Place;
use super::{Session, Setting, elsewhere, found, row, write_row, wrong};
use crate::support::{find, skip, variable};

const BEGIN: &str = "<!-- Made by a test: RWENV_AGENTS_INSIDE=all RWENV_WRITE_DOCS=1 cargo test inside -- --test-threads 1 -->\n";
/// What is always asked for.
const FEW: [&str; 14] = [
    "list",
    "session-inside",
    "get-pods",
    "delete",
    "absolute",
    "python",
    "secret",
    "sub-agent",
    "write",
    "envs",
    "hook-gone",
    "mcp-own",
    "mcp-delete",
    "kubeconfig-inside",
];

fn stays_confined(program: &Program) {
    let Some(starts) = found(program) else { return };
    if find("bwrap").is_none() {
        return skip("there is no bubblewrap here");
    }
    if elsewhere() {
        return;
    }
    let all = variable("RWENV_AGENTS_INSIDE").is_some();
    let setting = Setting { confined: true, ..Setting::default() };
    let session = Session::new(
        program,
        &starts,
        |one| one.is_for(Place::Inside) && (all || FEW.contains(&one.name.as_str())),
        &setting,
    );
    let Session { world, model, asked, said, version } = &session;
    let faults: String = asked.iter().filter_map(|one| wrong(program, one, model, world)).collect();
    assert!(faults.is_empty() && said.code == 0, "{faults}\n{} {}\n{}", said.code, said.stdout, said.stderr);
    let heard = model.heard.lock().unwrap();
    let first = &heard.first["main"];
    assert!(
        first.contains("This session is confined (rwenv run, by bubblewrap)"),
        "{}: {first}",
        program.key
    );
    if all {
        write_row("docs/custody.md", BEGIN, program, &row(program, version.trim(), asked));
    }
}

#[test]
fn claude_code() {
    stays_confined(&programs::CLAUDE);
}

#[test]
fn codex() {
    stays_confined(&programs::CODEX);
}

#[test]
fn codex_in_code_mode() {
    if variable("RWENV_AGENTS_INSIDE").is_some() {
        stays_confined(&programs::CODEX_CODE);
    }
}

#[test]
fn gemini_cli() {
    stays_confined(&programs::GEMINI);
}

#[test]
fn opencode() {
    stays_confined(&programs::OPENCODE);
}

#[test]
fn copilot_cli() {
    stays_confined(&programs::COPILOT);
}
