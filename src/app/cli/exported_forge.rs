//! The policy for a Git host: requests that its API takes, and what it says when it is asked again.

use std::path::Path;

use comfy_table::Cell;
use serde_json::json;

use super::out;
use crate::ops::export::forge::{self, ForgeChange, ForgeTarget};
use crate::ops::forge_rules::{self, ForgeRow};
use crate::ops::verify::Enforced;
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;

/// The command that sends a request whose body is in a file.
fn command(target: ForgeTarget, change: &ForgeChange, file: &str) -> String {
    let ForgeChange { method, path, .. } = change;
    match target {
        ForgeTarget::GithubRuleset => format!("gh api --method {method} {path} --input {file}"),
        ForgeTarget::Gitlab => {
            format!("glab api --method {method} {path} --input {file} -H 'Content-Type: application/json'")
        }
        ForgeTarget::Gitea => format!(
            "curl -X {method} -H \"Authorization: token $GITEA_TOKEN\" -H 'Content-Type: application/json' --data @{file} https://HOST/api/v1/{path}"
        ),
    }
}

fn prefix(target: ForgeTarget) -> &'static str {
    match target {
        ForgeTarget::GithubRuleset => "github",
        ForgeTarget::Gitlab => "gitlab",
        ForgeTarget::Gitea => "gitea",
    }
}

/// Prints the requests, or writes each body into a file with the command that sends it.
pub(super) fn export(
    targets: &[ForgeTarget],
    (rwenv, checks): (&Rwenv, &[String]),
    output: Option<&Path>,
    environment: &Environment,
) -> anyhow::Result<()> {
    let repository = forge_rules::repository(rwenv).map_err(anyhow::Error::msg)?;
    let refs = forge::protected(rwenv, checks, environment).map_err(anyhow::Error::msg)?;
    let mut printed = Vec::new();
    for target in targets {
        forge::unsaid(*target, &refs).iter().for_each(|said| out::note(&format!("not in it: {said}")));
        for change in forge::requests(*target, rwenv.name.as_str(), &repository, &refs) {
            let Some(dir) = output else {
                printed.push(json!({ "method": change.method, "path": change.path, "body": change.body }));
                continue;
            };
            std::fs::create_dir_all(dir)?;
            let path = dir.join(format!("{}-{}.json", prefix(*target), change.name));
            files::write(&path, &(serde_json::to_string_pretty(&change.body)? + "\n"), 0o644)?;
            out::line(&path.display().to_string());
            out::note(&format!("  {}", command(*target, &change, &path.display().to_string())));
        }
    }
    if output.is_none() {
        out::json(&printed)?;
    }
    Ok(())
}

/// Shows what the host has of it; exit status 1 where something is missing.
pub(super) fn verify(
    target: ForgeTarget,
    (rwenv, checks): (&Rwenv, &[String]),
    (json, all): (bool, bool),
    environment: &Environment,
) -> anyhow::Result<u8> {
    let refs = forge::protected(rwenv, checks, environment).map_err(anyhow::Error::msg)?;
    let rows = forge_rules::read_back(target, rwenv, &refs, environment).map_err(anyhow::Error::msg)?;
    let looser = rows.iter().filter(|row| row.enforced == Enforced::Looser).count();
    if json {
        out::json(&rows)?;
        return Ok(u8::from(looser > 0));
    }
    let shown: Vec<&ForgeRow> = rows.iter().filter(|row| all || row.enforced == Enforced::Looser).collect();
    if !shown.is_empty() {
        let mut table = out::table(&["REF", "POLICY WANTS", "HOST"]);
        for row in shown {
            table.add_row([&row.name, &row.wanted, &row.host].map(Cell::new));
        }
        out::print(&table);
    }
    out::line(&format!("{} as the policy says, {looser} missing", rows.len() - looser));
    Ok(u8::from(looser > 0))
}
