//! `install.sh`, as the README has it, with the programs the tests are built with.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Answer, Home, answer};

fn root() -> PathBuf {
    crate::support::root().to_owned()
}

/// The folder of the programs.
fn programs() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rwenv")).parent().unwrap()
}

/// Runs `install.sh --try`; temporary files go to a folder of this HOME.
fn tried(home: &Home) -> Answer {
    fs::create_dir_all(home.path("tmp")).unwrap();
    let mut command = home.command(root().join("install.sh").to_str().unwrap(), &home.path(""));
    answer(command.env("TMPDIR", home.path("tmp")).arg("--try").arg("--with").arg(programs()))
}

/// The demonstration in a terminal of so many columns, without `--try`'s building.
fn on_a_terminal(home: &Home, columns: u16) -> String {
    let (root, rwenv) = (root().display().to_string(), env!("CARGO_BIN_EXE_rwenv"));
    let line = format!(
        "stty cols {columns}; {rwenv} demo --hook {} --calls {root}/demo/day.jsonl --home {}",
        crate::support::hook(),
        home.path("").display().to_string().trim_end_matches('/'),
    );
    let mut script = home.command("script", &home.path(""));
    let shown = answer(script.env("NO_COLOR", "1").args(["-qec", &line, "/dev/null"]));
    assert_eq!(shown.code, 0, "{}", shown.stdout);
    shown.stdout.replace('\r', "")
}

fn width(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

#[test]
fn the_first_command_of_the_readme_shows_the_verdicts_and_leaves_nothing() {
    let home = Home::empty();
    let shown = tried(&home);
    assert_eq!(shown.code, 0, "{}{}", shown.stdout, shown.stderr);
    for step in ["Setting up a scratch HOME", "Judging one day", "done in"] {
        assert!(shown.stderr.contains(step), "{}", shown.stderr);
    }
    let last = shown.stdout.lines().filter(|line| line.contains("./install.sh")).count();
    assert!(
        shown.stdout.contains("34 calls: 16 allowed silently, 6 asked, 12 denied") && last == 2,
        "{}",
        shown.stdout
    );
    assert!(!shown.stdout.contains(home.path("").to_str().unwrap()), "paths are short: {}", shown.stdout);
    assert!(width(&shown.stdout) <= 100, "{}", shown.stdout);
    let left: Vec<_> =
        fs::read_dir(home.path("")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["tmp"]);
    assert_eq!(fs::read_dir(home.path("tmp")).unwrap().count(), 0);
}

#[test]
fn the_verdicts_fill_a_terminal_and_do_not_break_paths() {
    let home = Home::empty();
    let mut setup = home.command(root().join("demo/setup.sh").to_str().unwrap(), &home.path(""));
    assert_eq!(answer(setup.arg(home.path(""))).code, 0);
    for name in ["shop-prod", "shop-staging"] {
        assert_eq!(home.rwenv("", &["services", "regenerate", name, "--offline"]).code, 0);
    }
    for columns in [80_u16, 120] {
        let shown = on_a_terminal(&home, columns);
        let wide = width(&shown);
        assert!(wide <= columns.into() && wide + 8 > columns.into(), "{wide} of {columns}:\n{shown}");
        assert!(shown.contains("…/shop-prod/flux/apps/base/web/deployment.yaml:1"), "{shown}");
    }
}

#[test]
fn a_verdict_that_is_not_the_recorded_one_is_a_failure() {
    let home = Home::empty();
    let mut setup = home.command(root().join("demo/setup.sh").to_str().unwrap(), &home.path(""));
    assert_eq!(answer(setup.arg(home.path(""))).code, 0);
    let day = fs::read_to_string(root().join("demo/day.jsonl")).unwrap();
    let first = day.lines().next().unwrap();
    home.write("day.jsonl", &first.replacen("\"verdict\": \"allow\"", "\"verdict\": \"deny\"", 1));
    let home_folder = home.path("").display().to_string();
    let arguments =
        ["demo", "--hook", crate::support::hook(), "--calls", "day.jsonl", "--home", &home_folder];
    let shown = home.rwenv("", &arguments);
    assert_eq!(shown.code, 1);
    assert!(
        shown.stderr.contains("differs from the recorded one") && shown.stderr.contains("kubectl get pods"),
        "{}",
        shown.stderr
    );
}

#[test]
fn it_installs_programs_that_are_built_already_and_removes_them() {
    let home = Home::empty();
    let run = |arguments: &[&str]| {
        let mut command = home.command(root().join("install.sh").to_str().unwrap(), &home.path(""));
        answer(command.args(arguments))
    };
    let nowhere = run(&["--with", home.path("nowhere").to_str().unwrap()]);
    assert_eq!(nowhere.code, 64, "{}", nowhere.stderr);
    for wrong in [&["--try", "--uninstall"][..], &["--with"], &["--prefix"], &["--nonsense"]] {
        let answer = run(wrong);
        assert!(answer.code == 64 && answer.stderr.contains("Usage:"), "{wrong:?}: {answer:?}");
    }
    let installed = run(&["--with", programs().to_str().unwrap()]);
    assert_eq!(installed.code, 0, "{}{}", installed.stdout, installed.stderr);
    assert!(home.read(".claude/settings.json").contains(".local/bin/rwenv-hook"));
    for program in ["rwenv", "rwenvd", "rwenv-hook"] {
        assert!(home.path(".local/bin").join(program).is_file(), "{program}");
    }
    let removed = run(&["--uninstall"]);
    assert_eq!(removed.code, 0, "{}{}", removed.stdout, removed.stderr);
    assert!(!home.path(".local/bin/rwenv").exists() && !home.read(".claude/settings.json").contains("rwenv"));
}

#[test]
fn scripts_need_no_newer_bash_than_macos_has() {
    for script in ["install.sh", "test.sh", "demo/setup.sh", ".ci/run"] {
        let text = fs::read_to_string(root().join(script)).unwrap();
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        for newer in
            ["mapfile", "readarray", "declare -A", "local -A", "local -n", "&>>", "|&", "EPOCHREALTIME"]
        {
            assert!(!code.contains(newer), "{script}: {newer}");
        }
    }
}
