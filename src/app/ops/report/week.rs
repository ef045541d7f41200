//! What to do this week: each line a command, the most urgent first.

use super::shape::{Report, WeekTask};
use crate::ops::check::CheckState;

/// Most lines.
const MOST: usize = 12;
/// So often refused in a week, a rule is worth a look.
const OFTEN: u64 = 5;

/// Stands before the name of a machine.
const ON: &str = "on ";

fn task(why: String, fix: &str) -> WeekTask {
    match command(fix) {
        Some(command) => WeekTask { why, command: Some(command), by_hand: None },
        None => WeekTask { why, command: None, by_hand: Some(fix.to_owned()) },
    }
}

/// Programs with which what mends something begins.
const STARTS: [&str; 4] = ["rwenv ", "./", "codex ", "eval "];

/// The command in what mends something, without the words behind it.
fn command(fix: &str) -> Option<String> {
    if !STARTS.iter().any(|start| fix.starts_with(start)) {
        return None;
    }
    // Behind the command may stand another way, or when it is for.
    let ends = [", ", "; ", " in ", " to ", " shows ", " from "];
    let end = ends.iter().filter_map(|end| fix.find(end)).min().unwrap_or(fix.len());
    fix.get(..end).map(str::to_owned)
}

pub(super) fn tasks(report: &Report) -> Vec<WeekTask> {
    let mut all = Vec::new();
    let mut add = |why: String, fix: String| {
        let new = task(why, &fix);
        // On two machines the same command is done twice.
        let same = |known: &&WeekTask| known.what() == new.what() && place(&known.why) == place(&new.why);
        if all.iter().find(same).is_none() {
            all.push(new);
        }
    };
    let several = report.machines.len() > 1;
    for worst in [CheckState::Fail, CheckState::Warn] {
        for machine in &report.machines {
            for door in machine.doors.iter().filter(|door| door.state == worst) {
                let Some(fix) = &door.fix else { continue };
                let place = if several { format!("{ON}{}: ", machine.name) } else { String::new() };
                add(format!("{place}{}: {}", door.name, door.says), fix.clone());
            }
        }
        if worst == CheckState::Fail {
            exceptions(report, &mut add);
        }
    }
    for rwenv in &report.environments {
        for raise in &rwenv.raise {
            add(format!("{} is {}: {}", rwenv.name, rwenv.mode, rwenv.custody), raise.clone());
        }
        if let Some(why) = rwenv.unknown.as_ref().filter(|why| why.starts_with("no clone")) {
            let why = why.split(':').next().unwrap_or_default();
            add(format!("{}: {why}", rwenv.name), format!("rwenv repo sync {}", rwenv.name));
        }
    }
    for group in report.refused.iter().filter(|group| group.times() >= OFTEN) {
        let name = group.rwenv.as_deref().unwrap_or("no rwenv");
        let why = format!("[{}] refused {} times in {name}: see whether it fits", group.rule, group.times());
        add(why, format!("rwenv policy show {}", group.rule));
    }
    all.truncate(MOST);
    all
}

/// The machine that a reason begins with.
fn place(why: &str) -> Option<&str> {
    why.strip_prefix(ON)?.split(": ").next()
}

fn exceptions(report: &Report, add: &mut impl FnMut(String, String)) {
    for exception in report.exceptions.iter().filter(|exception| exception.differs) {
        let name = exception.grant.rwenvs.first().map(String::as_str).unwrap_or_default();
        let why = format!("grant {}: what was changed by hand is not in Git", exception.grant.id);
        add(why, format!("rwenv grant review --since 7d --cluster {name} --propose"));
    }
    for wrong in &report.wrong {
        let why = format!("a false stop on {}: {}", wrong.machine, wrong.what);
        add(why, format!("rwenv audit --record {}", wrong.record));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_told_from_the_words_behind_it() {
        for (fix, expected) in [
            ("rwenv install", Some("rwenv install")),
            ("rwenv daemon start, or at every login: rwenv daemon install", Some("rwenv daemon start")),
            (
                "rwenv hooks install in a repository, or for all of them: rwenv hooks install --global",
                Some("rwenv hooks install"),
            ),
            ("./install.sh, or rwenv install --hook FILE", Some("./install.sh")),
            ("correct the file; until then the last valid configuration applies", None),
        ] {
            assert_eq!(command(fix).as_deref(), expected);
        }
    }
}
