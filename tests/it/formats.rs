//! What commands print, for programs and on terminals of different widths.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::{Home, answer, find, root, skip};

/// A HOME of the demonstration with some records in its log.
pub(crate) fn home() -> Home {
    let home = Home::empty();
    let mut setup = home.command(root().join("demo/setup.sh").to_str().unwrap(), &home.path(""));
    assert_eq!(answer(setup.arg(home.path(""))).code, 0);
    for name in ["shop-prod", "shop-staging"] {
        assert_eq!(home.rwenv("", &["services", "regenerate", name, "--offline"]).code, 0);
    }
    for line in [
        "kubectl delete pod web-0",
        "kubectl -n shop scale deploy web --replicas 3",
        "git push origin HEAD:main",
    ] {
        home.hook("code/prod", line);
    }
    home
}

const LISTINGS: [&[&str]; 8] = [
    &["list"],
    &["services", "list"],
    &["policy", "list"],
    &["audit"],
    &["repo", "list"],
    &["guide", "show", "flux"],
    &["check", "--", "kubectl delete pod web-0; kubectl -n shop scale deploy web --replicas 3"],
    &["doctor", "--offline", "--all"],
];

fn run(home: &Home, line: &[&str], more: &[&str]) -> crate::support::Answer {
    let (before, command) = match line.iter().position(|word| *word == "--") {
        Some(at) => line.split_at(at),
        None => (line, &[][..]),
    };
    home.rwenv("code/prod", &[before, more, command].concat())
}

/// A document without the moment it was made.
fn timeless(mut value: Value) -> Value {
    for place in ["/generatedFrom", "/metadata"] {
        if let Some(from) = value.pointer_mut(place).and_then(Value::as_object_mut) {
            from.remove("generatedAt");
        }
    }
    value
}

#[test]
fn each_format_says_the_same() {
    let home = home();
    for line in LISTINGS.iter().filter(|line| !matches!(line[0], "audit" | "doctor")) {
        let json = run(&home, line, &["--json"]);
        let value = timeless(serde_json::from_str(&json.stdout).unwrap());
        let again = run(&home, line, &["-o", "json"]).stdout;
        assert_eq!(timeless(serde_json::from_str(&again).unwrap()), value, "{line:?}");
        let yaml = run(&home, line, &["-o", "yaml"]).stdout;
        let read = rwenv_core::manifest::yaml::parse(&yaml);
        assert!(read.problems.is_empty(), "{line:?}: {yaml}");
        let read = timeless(rwenv_core::manifest::kustomize::render::json(&read.documents[0]));
        assert_eq!(read, value, "{line:?}: {yaml}");
        let wide = run(&home, line, &["-o", "wide"]);
        assert!(wide.code < 64 && !wide.stdout.starts_with(['{', '[']), "{line:?}: {}", wide.stdout);
    }
    assert_eq!(run(&home, &["list"], &["-o", "name"]).stdout, "shop-prod\nshop-staging\n");
    assert_eq!(run(&home, &["services", "list"], &["-o", "name"]).stdout, "ingress\nshop\nweb\n");
    let nameless = run(&home, LISTINGS[6], &["-o", "name"]);
    assert!(nameless.code != 0 && nameless.stderr.contains("use -o json"), "{nameless:?}");
    let log = run(&home, &["audit"], &["-o", "yaml"]).stdout;
    let read = rwenv_core::manifest::yaml::parse(&log);
    assert!(read.problems.is_empty() && read.documents.len() == 3, "{log}");
}

/// True where script(1) is here to make a terminal.
pub(crate) fn makes_terminals() -> bool {
    let found = find("script").is_some();
    if !found {
        skip("there is no script(1) here to make a terminal");
    }
    found
}

/// What a command prints on a terminal of so many columns.
pub(crate) fn on_a_terminal(home: &Home, line: &[&str], columns: u16, colours: bool) -> String {
    let mut all = format!("stty cols {columns}; {}", env!("CARGO_BIN_EXE_rwenv"));
    for word in line {
        let _ = write!(all, " '{word}'");
    }
    let mut script = home.command("script", &home.path("code/prod"));
    if !colours {
        script.env("NO_COLOR", "1");
    }
    answer(script.args(["-qc", &all, "/dev/null"])).stdout.replace('\r', "")
}

#[test]
fn no_terminal_breaks_a_name_a_path_a_rule_or_a_time() {
    if !makes_terminals() {
        return;
    }
    let home = home();
    for line in LISTINGS {
        let whole = run(&home, line, &[]).stdout;
        // What the clock says is another each time, and headings are written small where each row has lines of its own.
        let stays = |word: &&str| word.len() > 3 && !word.contains("Z") && word.to_uppercase() != **word;
        // Who would be asked is another where there is a terminal.
        let rows = whole.lines().filter(|row| !row.contains("above: "));
        let words: Vec<&str> = rows.flat_map(str::split_whitespace).filter(stays).collect();
        for columns in [60, 80, 120] {
            let shown = on_a_terminal(&home, line, columns, false);
            for word in &words {
                assert!(shown.contains(word), "{line:?} at {columns}: {word}\n{shown}");
            }
            let unbroken = words.iter().map(|word| word.chars().count()).max().unwrap_or_default();
            let room = usize::from(columns).max(unbroken + 24);
            let wide = shown.lines().find(|row| row.trim_end().chars().count() > room);
            assert_eq!(wide, None, "{line:?} at {columns}\n{shown}");
        }
    }
}

#[test]
fn colours_can_be_read_on_light_and_on_dark() {
    if !makes_terminals() {
        return;
    }
    let home = home();
    for line in LISTINGS {
        let shown = on_a_terminal(&home, line, 120, true);
        for bright in (9..=15).map(|colour| format!("\x1b[38;5;{colour}m")) {
            assert!(!shown.contains(&bright), "{line:?}: {shown:?}");
        }
    }
    let check = on_a_terminal(&home, LISTINGS[6], 120, true);
    assert!(check.contains("\x1b[38;5;1m"), "{check:?}");
}
