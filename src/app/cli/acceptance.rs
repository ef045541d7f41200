//! `rwenv lint --accept`: a person accepts a finding, with a reason, for good or until a day.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use comfy_table::Cell;

use super::shared::directory;
use super::{out, prompt};
use rwenv_core::manifest::{Finding, RULES};
use rwenv_core::table::is_none_of;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::facts::{agent, content};
use rwenv_gate::ledger::accepted::{self, Acceptance, SearchedPlace};
use rwenv_gate::ledger::audit;

/// What is to be accepted.
pub(super) struct Wish<'a> {
    pub(super) rule: &'a str,
    /// The file, and perhaps a line behind a colon.
    pub(super) place: &'a Path,
    pub(super) reason: &'a str,
    pub(super) until: Option<&'a str>,
}

pub(super) fn accept(wish: &Wish<'_>, environment: &Environment) -> anyhow::Result<u8> {
    if let Some(by) = agent::at_work(&agent::ancestors()) {
        bail!(
            "an agent is at work here ({by}); findings are accepted by a person, in a terminal of their own"
        );
    }
    if !prompt::is_possible() {
        bail!("findings are accepted at a terminal, by a person who reads what they accept");
    }
    if !RULES.iter().any(|rule| rule.id.as_str() == wish.rule) {
        bail!("--accept: {}", is_none_of(wish.rule, RULES.iter().map(|rule| rule.id.as_str())));
    }
    if wish.reason.trim().is_empty() {
        bail!("--reason: say why this is not a problem");
    }
    if let Some(until) = wish.until.filter(|until| !is_day(until) || *until < accepted::today().as_str()) {
        bail!("--until '{}' is not a day to come; write one such as 2026-12-31", until.escape_debug());
    }
    let (file, line) = parted(wish.place);
    let full = directory(None).join(file);
    let full = full.canonicalize().with_context(|| full.display().to_string())?;
    let folder = full.parent().context("name a file")?;
    let place = SearchedPlace::of(folder, environment);
    let root = place.root().map_or_else(|| folder.to_owned(), PathBuf::from);
    let path = full.strip_prefix(&root).unwrap_or(&full).display().to_string();
    let report = content::folder(&root, environment)?;
    let meant = |finding: &&Finding| {
        finding.rule == wish.rule && finding.path == path && line.is_none_or(|line| finding.line == line)
    };
    let found: Vec<&Finding> = report.findings.iter().filter(meant).collect();
    if found.is_empty() {
        bail!("{} finds nothing there; rwenv lint shows what is found", wish.rule);
    }
    for Finding { path, line, message, rule, .. } in &found {
        out::note(&format!("{path}:{line}: {message} [{rule}]"));
    }
    let until = wish.until.map_or_else(|| "for good".to_owned(), |until| format!("until {until}"));
    let question = format!("Accept {} in {} {until}?", out::count(found.len(), "finding"), place.name());
    if !prompt::yes(&question, false)? {
        out::line("nothing was accepted");
        return Ok(1);
    }
    let by = environment::user();
    let new: Vec<Acceptance> =
        found.iter().map(|finding| place.accept(finding, wish.reason.trim(), &by, wish.until)).collect();
    let what = format!("{} {path} {until} by {by}: {}", wish.rule, wish.reason.trim());
    audit::happened("lint", "accepted", &what, environment)?;
    accepted::add(new, environment)?;
    out::line(&format!("accepted {until}; rwenv lint --accepted lists it"));
    Ok(0)
}

/// A path, and the line behind its last colon.
fn parted(place: &Path) -> (PathBuf, Option<u32>) {
    let text = place.display().to_string();
    let parted =
        text.rsplit_once(':').and_then(|(file, line)| Some((PathBuf::from(file), line.parse().ok()?)));
    parted.map_or_else(|| (place.to_owned(), None), |(file, line)| (file, Some(line)))
}

fn is_day(text: &str) -> bool {
    let shape = "0000-00-00";
    text.len() == shape.len()
        && text.chars().zip(shape.chars()).all(|(c, s)| if s == '0' { c.is_ascii_digit() } else { c == s })
}

pub(super) fn list(json: bool, environment: &Environment) -> anyhow::Result<u8> {
    let all = accepted::all(environment)?;
    if json {
        out::json(&all)?;
        return Ok(0);
    }
    let mut table = out::table(&["RULE", "FILE", "REPOSITORY", "BY", "UNTIL", "REASON"]);
    for one in &all {
        let over = if one.is_over() { " (over)" } else { "" };
        let until = one.until.as_ref().map_or_else(|| "-".to_owned(), |until| format!("{until}{over}"));
        table.add_row([&one.rule, &one.path, &one.repository, &one.by, &until, &one.reason].map(Cell::new));
    }
    out::print(&table);
    Ok(0)
}
