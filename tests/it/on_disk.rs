//! Files that lie on the disk, or that the line makes, as data: what runs them is judged by what they hold.

use std::collections::BTreeSet;

use crate::lines::{Group, load};
use crate::support::Home;

/// The first rule that an answer names.
fn rule(said: &str) -> Option<String> {
    let mut names = said.split('[').skip(1).filter_map(|rest| rest.split(']').next());
    let is_rule = |name: &&str| {
        name.contains('.') && name.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '.'))
    };
    names.find(is_rule).map(str::to_owned)
}

fn home(group: &Group) -> Home {
    let home = Home::new();
    for (name, text) in &group.files {
        let place = name.strip_prefix("~/").map_or_else(|| format!("ro/{name}"), str::to_owned);
        home.write(&place, text);
        home.mode(&place, 0o700);
    }
    home
}

#[test]
fn what_runs_a_file_is_judged_by_what_it_holds() {
    let (mut wrong, mut ran) = (Vec::new(), 0);
    for group in load("on_disk.toml") {
        let home = home(&group);
        let mut rules = BTreeSet::new();
        for line in &group.lines {
            ran += 1;
            let answer = home.hook("ro", line);
            let said = format!("{}{}", answer.stderr, answer.stdout);
            rules.extend(rule(&said));
            if answer.decision() != group.want {
                wrong.push(format!(
                    "{}: want {}, got {}\n    {line}\n    {said}",
                    group.about,
                    group.want,
                    answer.decision()
                ));
            }
        }
        if !rules.iter().eq(&group.rules) {
            wrong.push(format!("{}: rules = {rules:?}", group.about));
        }
    }
    assert!(wrong.is_empty(), "{} of {ran} lines:\n{}", wrong.len(), wrong.join("\n"));
    assert!(ran > 100);
}
