//! The commands under headings, in `rwenv --help`: clap has headings for options alone. What a command does is said by clap.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use comfy_table::Table;

use super::fitted::wrapped;

/// Headings, and the commands under each. Every command that is shown stands under one.
const GROUPS: [(&str, &[&str]); 6] = [
    (
        "Environments",
        &["init", "list", "cur", "set", "add", "edit", "remove", "confirm", "export", "import", "local-mode"],
    ),
    ("Judging", &["check", "policy", "grant", "audit", "report", "top", "lint", "impact"]),
    ("Flux and deployments", &["flux", "argo", "deploy", "propose", "rollout", "repo", "db", "taskfiles"]),
    ("Knowledge", &["services", "where", "guide", "graph", "compare", "context"]),
    (
        "Guards and agents",
        &[
            "run",
            "install",
            "hooks",
            "pre-receive",
            "shellenv",
            "prompt",
            "statusline",
            "kubeconfig",
            "identity",
            "mcp",
        ],
    ),
    ("Maintenance", &["doctor", "daemon", "completions", "man"]),
];
/// Most columns of help, as clap has it.
const WIDEST: usize = 100;
/// Blanks before a name, and after the longest.
const GAP: usize = 2;

/// The command line, with its commands grouped in its help.
pub(super) fn grouped(command: clap::Command) -> clap::Command {
    let width = Table::new().width().map_or(WIDEST, |width| usize::from(width).min(WIDEST));
    let template = template(&command, width);
    command.help_template(template)
}

fn template(command: &clap::Command, width: usize) -> StyledStr {
    let (header, literal) = (command.get_styles().get_header(), command.get_styles().get_literal());
    let mut out = StyledStr::from("{before-help}{about-with-newline}\n{usage-heading} {usage}\n");
    let longest = GROUPS.iter().flat_map(|(_, names)| *names).map(|name| name.len()).max().unwrap_or(0);
    let column = GAP + longest + GAP;
    for (heading, names) in GROUPS {
        let _ = write!(out, "\n{header}{heading}:{header:#}\n");
        for found in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = found.get_about().map(ToString::to_string).unwrap_or_default();
            let about = wrapped(&about, width.saturating_sub(column)).join(&format!("\n{:column$}", ""));
            let (name, rest) = (found.get_name(), column - GAP - found.get_name().len());
            let _ = writeln!(out, "{:GAP$}{literal}{name}{literal:#}{:rest$}{about}", "", "");
        }
    }
    let _ = write!(
        out,
        "\n{header}Options:{header:#}\n{{options}}\n\nrwenv help COMMAND says more about one of them.{{after-help}}"
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_under_one_heading() {
        let command = crate::cli::command();
        let mut shown: Vec<&str> =
            command.get_subcommands().filter(|c| !c.is_hide_set()).map(clap::Command::get_name).collect();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        shown.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(grouped, shown);
    }

    #[test]
    fn help_is_as_wide_as_the_terminal() {
        let mut command = crate::cli::command();
        for width in [40, 72, WIDEST] {
            let template = template(&command, width);
            let text = command.clone().help_template(template).term_width(width).render_help().to_string();
            let long = |line: &&str| line.starts_with("  ") && line.chars().count() > width;
            let commands = text.split("Options:").next().unwrap();
            assert_eq!(commands.lines().find(long), None, "{width}: {text}");
        }
        let text = command.render_help().to_string();
        assert!(text.contains("\nKnowledge:\n  services"), "{text}");
        assert!(!text.contains('{') && !text.contains("Commands:"), "{text}");
    }

    /// With more than that, nobody finds one.
    #[test]
    fn many_options_are_under_headings() {
        fn look(command: &clap::Command) {
            let bare = command.get_opts().filter(|option| option.get_help_heading().is_none()).count();
            assert!(bare <= 8, "{}: {bare} options without a heading", command.get_name());
            command.get_subcommands().for_each(look);
        }
        let command = crate::cli::command();
        look(&command);
        let edit = command.find_subcommand("edit").unwrap();
        let json = edit.get_opts().find(|option| option.get_id() == "json").unwrap();
        assert_eq!(json.get_help_heading(), None, "a heading ends with what is under it");
    }
}
