//! Lines that show how a command is used, for those whose options do not show it: clap puts them at the end of their help.

use clap::Command;

/// Commands by their words, and lines that call them.
const LINES: [(&str, &[&str]); 47] = [
    ("list", &["rwenv list", "rwenv list --json"]),
    ("cur", &["rwenv cur", "rwenv cur --dir ~/code/shop"]),
    ("remove", &["rwenv remove old", "rwenv remove old --yes"]),
    ("local-mode", &["rwenv local-mode", "rwenv local-mode on"]),
    ("flux", &["rwenv flux status", "rwenv flux reconcile ks apps --with-source", "rwenv flux tree ks apps"]),
    ("flux check", &["rwenv flux check", "rwenv flux check --json"]),
    ("flux alerts", &["rwenv flux alerts", "rwenv flux alerts -n flux-system"]),
    ("flux resume-all", &["rwenv flux resume-all -n apps", "rwenv flux resume-all --yes --wait"]),
    ("repo", &["rwenv repo list", "rwenv repo sync --all", "rwenv repo status prod"]),
    ("repo list", &["rwenv repo list", "rwenv repo list --json"]),
    ("repo status", &["rwenv repo status", "rwenv repo status --all"]),
    ("repo clean", &["rwenv repo clean prod", "rwenv repo clean --all"]),
    ("db", &["rwenv db list", "rwenv db query shop 'SELECT 1'"]),
    ("db list", &["rwenv db list", "rwenv db list --json"]),
    ("taskfiles", &["rwenv taskfiles install ~/code/k8s-ops"]),
    ("context", &["rwenv context load", "rwenv context list"]),
    ("context list", &["rwenv context list", "rwenv context list --json"]),
    ("context clean", &["rwenv context clean", "rwenv context clean --older-than 30d"]),
    ("services list", &["rwenv services list", "rwenv services list --namespace shop --json"]),
    ("services show", &["rwenv services show web", "rwenv services show web --json"]),
    ("services where", &["rwenv services where web"]),
    ("services namespace", &["rwenv services namespace shop"]),
    ("services drift", &["rwenv services drift", "rwenv services drift --json"]),
    ("services regenerate", &["rwenv services regenerate", "rwenv services regenerate prod --offline"]),
    ("guide show", &["rwenv guide show services", "rwenv guide show secrets --json"]),
    ("guide regenerate", &["rwenv guide regenerate", "rwenv guide regenerate prod --offline"]),
    ("guide schema", &["rwenv guide schema services"]),
    ("hooks", &["rwenv hooks install", "rwenv hooks status", "rwenv hooks uninstall"]),
    ("hooks status", &["rwenv hooks status", "rwenv hooks status --global"]),
    ("hooks uninstall", &["rwenv hooks uninstall", "rwenv hooks uninstall --global"]),
    ("pre-receive", &["exec rwenv pre-receive"]),
    ("daemon", &["rwenv daemon start", "rwenv daemon status", "rwenv daemon logs --follow"]),
    ("daemon start", &["rwenv daemon start"]),
    ("daemon stop", &["rwenv daemon stop"]),
    ("daemon restart", &["rwenv daemon restart"]),
    ("daemon status", &["rwenv daemon status", "rwenv daemon status --json"]),
    ("daemon logs", &["rwenv daemon logs --last 50", "rwenv daemon logs --follow"]),
    ("policy", &["rwenv policy list", "rwenv policy new own", "rwenv policy test"]),
    ("policy test", &["rwenv policy test"]),
    ("policy list", &["rwenv policy list", "rwenv policy list --json"]),
    ("policy lint", &["rwenv policy lint", "rwenv policy lint ~/.claude/rwenv/policies/own.toml"]),
    ("policy show", &["rwenv policy show read-only", "rwenv policy show read-only.cluster-write"]),
    ("policy new", &["rwenv policy new own"]),
    ("audit verify", &["rwenv audit verify"]),
    ("audit stats", &["rwenv audit stats --since 7d", "rwenv audit stats --env prod --json"]),
    ("completions", &["source <(rwenv completions bash)", "rwenv completions zsh > ~/.zfunc/_rwenv"]),
    ("man", &["rwenv man | man -l -", "rwenv man --dir ~/.local/share/man/man1"]),
];

/// The command line with these lines in its help.
pub(super) fn shown(command: Command) -> Command {
    LINES.iter().fold(command, |command, (words, lines)| {
        let path: Vec<&str> = words.split(' ').collect();
        under(command, &path, lines)
    })
}

fn under(command: Command, path: &[&str], lines: &[&str]) -> Command {
    let Some((name, rest)) = path.split_first() else {
        let before = command.get_after_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
        return command.after_help(format!("{before}Examples:\n  {}", lines.join("\n  ")));
    };
    let (name, rest, lines) = ((*name).to_owned(), rest.to_vec(), lines.to_vec());
    command.mut_subcommand(name, move |inner| under(inner, &rest, &lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command that is shown, by its words.
    fn commands(command: &Command, words: &str, all: &mut Vec<(String, Command)>) {
        for inner in command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
            let words = format!("{words} {}", inner.get_name());
            commands(inner, &words, all);
            all.push((words, inner.clone()));
        }
    }

    #[test]
    fn every_command_shows_how_it_is_used() {
        let mut all = Vec::new();
        commands(&crate::cli::command(), "rwenv", &mut all);
        assert!(all.len() > 80, "only {} commands", all.len());
        let shows = |command: &mut Command| command.render_long_help().to_string().contains("Examples:");
        let without =
            all.into_iter().filter_map(|(words, mut command)| (!shows(&mut command)).then_some(words));
        assert_eq!(without.collect::<Vec<_>>(), Vec::<String>::new(), "--help of these has no example");
    }

    /// The words of a line, in which what is quoted is one.
    fn words(line: &str) -> Vec<String> {
        let pieces = line.split('\'').enumerate();
        let words = pieces.flat_map(|(at, piece)| match at % 2 {
            0 => piece.split_whitespace().map(str::to_owned).collect(),
            _ => vec![piece.to_owned()],
        });
        words.collect()
    }

    #[test]
    fn the_lines_are_calls_that_this_program_takes() {
        let plain = |text: &str| text.split(['|', '>', ')']).next().unwrap_or_default().trim().to_owned();
        for line in LINES.iter().flat_map(|(_, lines)| *lines) {
            let call = plain(line.trim_start_matches("exec ").trim_start_matches("source <("));
            let taken = crate::cli::command().try_get_matches_from(words(&call));
            assert!(taken.is_ok(), "{line}: {}", taken.unwrap_err());
        }
    }
}
