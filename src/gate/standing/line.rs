//! The line that a prompt or an agent's status line shows: the rwenv, what may be changed in it, a grant's time left, and in red what is
//! off.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::lapse::Lapse;
use super::lapses;
use crate::base::clock;
use crate::base::environment::{self, Environment};
use crate::facts::{binding, config};
use crate::ledger::grants;
use rwenv_core::decide::text::escape_and_cut;
use rwenv_core::model::{Bound, Rwenv};

/// Characters of what is off, in a status line.
const LONGEST: usize = 120;

/// How colours are written. They are of the eight that every terminal's scheme sets, so they can be read on light and on dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Styled {
    /// Not at all.
    Plain,
    /// For a terminal: fish, a status line.
    Terminal,
    /// For bash's `PS1`, which counts what it does not know to be colour.
    Bash,
    /// For zsh's `PROMPT`, in which `%` says something.
    Zsh,
}

/// A colour, by its number in an escape sequence.
#[derive(Clone, Copy)]
enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Cyan = 36,
}

impl Styled {
    /// The style of a shell by its name.
    fn of(shell: &str) -> Self {
        match shell {
            "bash" => Self::Bash,
            "zsh" => Self::Zsh,
            "starship" | "off" | "plain" => Self::Plain,
            _ => Self::Terminal,
        }
    }

    /// The same without colours where `NO_COLOR` is set (no-color.org).
    fn as_wanted(self) -> Self {
        if environment::var("NO_COLOR").is_some() && self != Self::Zsh { Self::Plain } else { self }
    }

    fn paint(self, colour: Colour, text: &str) -> String {
        let number = colour as u8;
        match self {
            Self::Plain => text.to_owned(),
            Self::Terminal => format!("\x1b[{number}m{text}\x1b[0m"),
            // Readline's marks of what takes no room.
            Self::Bash => format!("\x01\x1b[{number}m\x02{text}\x01\x1b[0m\x02"),
            Self::Zsh => format!("%{{\x1b[{number}m%}}{}%{{\x1b[0m%}}", text.replace('%', "%%")),
        }
    }
}

/// What is shown of a directory.
struct ShownLine {
    /// The rwenv's name, or what is in its place.
    name: String,
    /// What may be changed, and its colour.
    mode: Option<(&'static str, Colour)>,
    /// Time until the last of a person's exceptions ends.
    grant: Option<String>,
    off: Vec<Lapse>,
}

fn shown(dir: &Path, environment: &Environment) -> ShownLine {
    let off = lapses(dir, environment);
    let (name, mode) = match binding::selection(dir, environment).map(|selection| selection.bound) {
        Some(Bound::Rwenv(name)) => {
            let rwenvs = config::rwenvs(&environment.config_dir);
            let mode = rwenvs.get(&name).map_or(("not configured", Colour::Red), mode);
            (name, Some(mode))
        }
        Some(_) => ("invalid selection".to_owned(), None),
        None => (String::new(), None),
    };
    ShownLine { name, mode, grant: granted(environment), off }
}

/// What may be changed, in a word.
fn mode(rwenv: &Rwenv) -> (&'static str, Colour) {
    match (rwenv.read_only, rwenv.git_ops_only) {
        (true, _) => ("read-only", Colour::Green),
        (false, true) => ("gitops-only", Colour::Cyan),
        (false, false) => ("writable", Colour::Yellow),
    }
}

/// How long a person's exceptions still count.
fn granted(environment: &Environment) -> Option<String> {
    let until = grants::live(environment).iter().map(|grant| grant.until).max()?;
    let left = until.saturating_sub(clock::now().as_secs());
    Some(if left < 60 { format!("{left} s") } else { format!("{} min", left.div_ceil(60)) })
}

/// The status line of an agent's session; `event` is what Claude Code sends (code.claude.com/docs/en/statusline).
#[must_use]
pub fn statusline(event: &[u8], environment: &Environment) -> String {
    let style = Styled::Terminal.as_wanted();
    let event: Value = serde_json::from_slice(event).unwrap_or_default();
    let dir = event.pointer("/workspace/current_dir").or_else(|| event.get("cwd")).and_then(Value::as_str);
    let dir = dir.map_or_else(environment::current_dir, PathBuf::from);
    let shown = shown(&dir, environment);
    let mut parts = Vec::new();
    if let Some(first) = shown.off.first() {
        let more = match shown.off.len() - 1 {
            0 => String::new(),
            n => format!(" (and {n} more: rwenv doctor)"),
        };
        let says = escape_and_cut(&first.says, LONGEST);
        parts.push(style.paint(Colour::Red, &format!("rwenv: {says} → {}{more}", first.fix)));
    }
    parts.push(match (shown.name.as_str(), shown.mode) {
        ("", _) => style.paint(Colour::Yellow, "no rwenv: changes of clusters are denied"),
        (name, Some((mode, colour))) => format!("{name} {}", style.paint(colour, mode)),
        (name, None) => style.paint(Colour::Red, name),
    });
    parts.extend(shown.grant.map(|left| style.paint(Colour::Yellow, &format!("grant {left}"))));
    parts.join(" · ")
}

/// The segment of a shell's prompt, with a blank at its end; empty where no rwenv is selected. Starship colours by itself, and has what
/// is off in a segment of its own: `off`.
#[must_use]
pub fn prompt(shell: &str, environment: &Environment) -> String {
    let style = Styled::of(shell).as_wanted();
    let shown = shown(&environment::current_dir(), environment);
    if shown.name.is_empty() {
        return String::new();
    }
    let off = (!shown.off.is_empty()).then(|| style.paint(Colour::Red, "guard off"));
    if shell == "off" {
        return off.map(|off| format!("{off} ")).unwrap_or_default();
    }
    let name = if style == Styled::Zsh { shown.name.replace('%', "%%") } else { shown.name };
    let mut parts = vec![name];
    parts.extend(shown.mode.map(|(mode, colour)| style.paint(colour, mode)));
    parts.extend(shown.grant.map(|left| style.paint(Colour::Yellow, &format!("grant {left}"))));
    parts.extend(off.filter(|_| shell != "starship"));
    format!("({}) ", parts.join(" "))
}
