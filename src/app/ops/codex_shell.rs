//! The variables by which Codex' shells get what their session is given, in its own settings: `BASH_ENV` for bash, `ZDOTDIR` for zsh. Where a
//! person's shell is fish, Codex takes bash.
//!
//! The settings are TOML that a person writes, so nothing but one table of ours is put at their end, and taken out again.

use std::path::PathBuf;

use anyhow::Context as _;
use rwenv_core::decide::quoted;
use toml::Table;

use super::registration::place;
use rwenv_gate::base::environment::{Environment, under_home, var};
use rwenv_gate::base::files;
use rwenv_gate::doors::session::shell_start;

/// Codex' settings, from the home directory.
const SETTINGS: &str = ".codex/config.toml";
/// The table that its shells' variables are in.
const TABLE: &str = "[shell_environment_policy.set]";
/// What begins our part of the settings.
const MARK: &str = "# Made by rwenv install: a session's shims and kubeconfig, read by ";
/// The folder of zsh's start files, in ours.
const ZSH: &str = "zsh";
/// Zsh's start files, and what says that another one comes after it: none where one always does.
const START_FILES: [(&str, Option<&str>); 4] = [
    (".zshenv", Some("[[ -o rcs && ( -o login || -o interactive ) ]]")),
    (".zprofile", None),
    (".zshrc", Some("[[ -o login ]]")),
    (".zlogin", Some("false")),
];

/// Puts the variables there, or takes them away. Says what a person has to do, where the settings have such a table already.
///
/// # Errors
/// If the settings cannot be read or written, or are not TOML.
pub(super) fn set(wanted: bool, environment: &Environment) -> anyhow::Result<Option<String>> {
    let start = environment.config_dir.join("session.sh");
    let zsh = environment.config_dir.join(ZSH);
    let path = environment.home.join(SETTINGS);
    let named = |path: &PathBuf| path.to_str().map(str::to_owned);
    let paths = named(&start).zip(named(&zsh)).context("the path of rwenv's settings is not valid UTF-8")?;
    let variables = [("BASH_ENV", paths.0), ("ZDOTDIR", paths.1)];
    let line = |(name, value): &(&str, String)| format!("{name} = {}", toml::Value::from(value.as_str()));
    let lines = variables.each_ref().map(line);
    let ours = format!("{MARK}bash and zsh before each command.\n{TABLE}\n{}\n", lines.join("\n"));
    let before = files::read(&path)?.unwrap_or_default();
    let others = without_ours(&before);
    let shown = under_home(&path);
    let table: Table = toml::from_str(&others).with_context(|| format!("{shown}: nothing was changed"))?;
    let taken = table.get("shell_environment_policy").and_then(|policy| policy.get("set"));
    let is_set = |(name, value): &(&str, String)| {
        taken.and_then(|set| set.get(name)).and_then(toml::Value::as_str) == Some(value)
    };
    let of_ours = |set: bool| {
        let all = variables.iter().zip(&lines).filter(|(variable, _)| is_set(variable) == set);
        all.map(|(_, line)| line.as_str()).collect::<Vec<_>>().join(" and ")
    };
    let then = match (wanted, taken) {
        (true, None) if others.is_empty() => ours,
        (true, None) => format!("{}\n\n{ours}", others.trim_end()),
        _ => others.clone(),
    };
    if then != before {
        place(&path, (!then.is_empty()).then_some(then.as_str()))?;
    }
    place(&start, wanted.then(|| shell_start(environment)).as_deref())?;
    zsh_files(wanted, environment)?;
    Ok(match (wanted, taken.is_some(), of_ours(false), of_ours(true)) {
        (true, true, missing, _) if !missing.is_empty() => Some(format!(
            "{shown} has a table shell_environment_policy.set of its own: add {missing} there, and commands get the session's shims and kubeconfig"
        )),
        (false, _, _, left) if !left.is_empty() => {
            Some(format!("{shown} still sets variables for rwenv: take {left} out"))
        }
        _ => None,
    })
}

/// Settings without our table, however an older version wrote it.
fn without_ours(text: &str) -> String {
    let Some(start) = text.find(MARK) else { return text.to_owned() };
    let (before, rest) = text.split_at(start);
    let is_ours =
        |line: &str| [MARK, TABLE, "BASH_ENV = ", "ZDOTDIR = "].iter().any(|own| line.starts_with(own));
    let after: String = rest.split_inclusive('\n').skip_while(|line| is_ours(line)).collect();
    // The empty line before it was ours as well.
    format!("{}{after}", before.strip_suffix('\n').filter(|rest| rest.ends_with('\n')).unwrap_or(before))
}

/// Zsh reads the start files of the folder that `ZDOTDIR` names. Ours read the person's own, and after the last of them give the session what it has:
/// a start file of the person's may put another folder first on `PATH`.
fn zsh_files(wanted: bool, environment: &Environment) -> anyhow::Result<()> {
    let folder = environment.config_dir.join(ZSH);
    let text = |path: &PathBuf| quoted(&path.display().to_string());
    let theirs = var("ZDOTDIR").map(PathBuf::from).filter(|own| *own != folder);
    let theirs = theirs.unwrap_or_else(|| environment.home.clone());
    let (own, start) = (text(&folder), text(&environment.config_dir.join("session.sh")));
    for (name, goes_on) in START_FILES {
        let before =
            if name == ".zshenv" { format!("RWENV_ZDOTDIR={}\n", text(&theirs)) } else { String::new() };
        // Only the first file may say where the others are.
        let after = if name == ".zshenv" { "RWENV_ZDOTDIR=${ZDOTDIR:-$HOME}\n" } else { "" };
        let gives = goes_on.map(|goes_on| format!("{goes_on} || . {start}\n")).unwrap_or_default();
        let all = format!(
            "# Made by rwenv install: zsh reads it at the start of an agent's call, in the place of your own, which it reads.\n{before}\
             ZDOTDIR=$RWENV_ZDOTDIR\n[[ ! -r \"$ZDOTDIR/{name}\" ]] || . \"$ZDOTDIR/{name}\"\n{after}export ZDOTDIR={own}\n{gives}"
        );
        place(&folder.join(name), wanted.then_some(all.as_str()))?;
    }
    if !wanted {
        // Only an empty one goes.
        let _ = std::fs::remove_dir(&folder);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_version_wrote_is_ours() {
        let older = "a = 1\n\n# Made by rwenv install: a session's shims and kubeconfig, read by bash before each command.\n[shell_environment_policy.set]\nBASH_ENV = \"/x\"\n";
        assert_eq!(without_ours(older), "a = 1\n");
        let trusted = format!("{older}[hooks.state.x]\ny = 1\n");
        assert_eq!(without_ours(&trusted), "a = 1\n[hooks.state.x]\ny = 1\n");
        assert_eq!(without_ours("a = 1\n"), "a = 1\n");
        assert_eq!(without_ours(older.strip_prefix("a = 1\n\n").unwrap()), "");
    }
}
