//! Questions to a person at a terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::bail;

use rwenv_gate::facts::agent;

/// True where someone can be asked.
pub(super) fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !agent::is_unattended()
}

/// Asks for a line; an empty one is the default.
pub(super) fn line(question: &str, default: &str) -> anyhow::Result<String> {
    let mut err = std::io::stderr();
    if default.is_empty() {
        write!(err, "{question}: ")?;
    } else {
        write!(err, "{question} [{default}]: ")?;
    }
    err.flush()?;
    let mut answer = String::new();
    if std::io::stdin().lock().read_line(&mut answer)? == 0 {
        bail!("the answer ended; nothing was changed");
    }
    let answer = answer.trim();
    Ok(if answer.is_empty() { default } else { answer }.to_owned())
}

/// Asks for yes or no until it is one of the two.
pub(super) fn yes(question: &str, default: bool) -> anyhow::Result<bool> {
    loop {
        let answer = line(&format!("{question} ({})", if default { "Y/n" } else { "y/N" }), "")?;
        match answer.to_lowercase().as_str() {
            "" => return Ok(default),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => {}
        }
    }
}

/// Asks before something is replaced or removed; where no one can be asked, `--yes` has to be there.
pub(super) fn confirm(question: &str, yes_given: bool) -> anyhow::Result<bool> {
    if yes_given {
        return Ok(true);
    }
    if !is_possible() {
        bail!("{question} No one can be asked here; say --yes");
    }
    yes(question, false)
}
