//! `rwenv statusline` and `rwenv prompt`: the line that is always in sight. The hook program prints it, because it starts faster; these
//! commands print the same, and what puts it in place.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::out;
use crate::ops::install;
use rwenv_core::decide::quoted;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::standing;

/// Longest event that is read, in bytes.
const LONGEST: u64 = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct PromptArgs {
    /// Write the colours as this shell's prompt needs them
    #[arg(long, value_enum, value_name = "SHELL", conflicts_with = "init")]
    shell: Option<PromptShell>,
    /// Print the code that puts the segment into this shell's prompt
    #[arg(long, value_enum, value_name = "SHELL")]
    init: Option<PromptShell>,
}

/// What shows a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PromptShell {
    Bash,
    Zsh,
    Fish,
    Starship,
}

impl PromptShell {
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Starship => "starship",
        }
    }

    /// The code that has it show the segment. What `$?` was before stays what it is.
    fn code(self, hook: &Path) -> anyhow::Result<String> {
        let hook = hook.to_str().context("the path of the hook is not valid UTF-8")?;
        let hook = quoted(hook);
        Ok(match self {
            Self::Bash => format!(
                "__rwenv_prompt() {{ local code=$?; {hook} prompt bash; return $code; }}\n\
                 case \"$PS1\" in *__rwenv_prompt*) ;; *) PS1='$(__rwenv_prompt)'\"$PS1\" ;; esac"
            ),
            Self::Zsh => format!(
                "setopt prompt_subst\n\
                 __rwenv_prompt() {{ local code=$?; {hook} prompt zsh; return $code; }}\n\
                 case \"$PROMPT\" in *__rwenv_prompt*) ;; *) PROMPT='$(__rwenv_prompt)'\"$PROMPT\" ;; esac"
            ),
            Self::Fish => format!(
                "functions -q __rwenv_fish_prompt; or functions -c fish_prompt __rwenv_fish_prompt\n\
                 function __rwenv_status; return $argv[1]; end\n\
                 function fish_prompt\n    set -l code $status\n    {hook} prompt fish\n    __rwenv_status $code\n    __rwenv_fish_prompt\nend"
            ),
            Self::Starship => format!(
                "# In ~/.config/starship.toml\n[custom.rwenv]\ncommand = {on}\nwhen = true\nshell = [\"sh\"]\nstyle = \"cyan\"\n\n\
                 [custom.rwenv_off]\ncommand = {off}\nwhen = true\nshell = [\"sh\"]\nstyle = \"bold red\"",
                on = toml::Value::from(format!("{hook} prompt starship")),
                off = toml::Value::from(format!("{hook} prompt off")),
            ),
        })
    }
}

pub(super) fn statusline(environment: &Environment) -> anyhow::Result<u8> {
    let mut event = Vec::new();
    if !std::io::stdin().is_terminal() {
        std::io::stdin().lock().take(LONGEST).read_to_end(&mut event)?;
    }
    out::line(&standing::statusline(&event, environment));
    Ok(0)
}

pub(super) fn prompt(args: &PromptArgs, environment: &Environment) -> anyhow::Result<u8> {
    if let Some(shell) = args.init {
        let hook: PathBuf = install::hook_program(None)?;
        out::line(&shell.code(&hook)?);
        return Ok(0);
    }
    let shell = args.shell.map_or("terminal", PromptShell::name);
    let segment = standing::prompt(shell, environment);
    if !segment.is_empty() {
        out::line(segment.trim_end());
    }
    Ok(0)
}
