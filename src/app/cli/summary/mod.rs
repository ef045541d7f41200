//! `rwenv report`: what agents wanted and did not get, as a page, as Markdown, or in short for the terminal.

mod page;
mod text;
mod told;

pub(super) use told::shown;

use std::path::PathBuf;

use clap::Args;

use super::audit::since;
use super::out;
use super::shared::{Output, known};
use crate::ops::report::{self, ReportWish};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::config;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Only what came since 30m, 2h or 7d ago, or since a time such as 2026-11-20T14:00
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    since: String,
    /// Write one HTML page into this file; - for standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["md", "json"])]
    html: Option<PathBuf>,
    /// Print Markdown
    #[arg(long, conflicts_with = "json")]
    md: bool,
    /// Only this rwenv
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Read the logs in this folder: one folder, or one file NAME.jsonl, for each machine
    #[arg(long, value_name = "DIR")]
    of: Option<PathBuf>,
    /// Do not contact clusters or Git hosts
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    output: Output,
}

pub(super) fn report(args: &ReportArgs, environment: &Environment) -> anyhow::Result<u8> {
    let since = since(&args.since)?;
    if let Some(name) = args.env.as_deref().filter(|_| args.of.is_none()) {
        known(&config::rwenvs(&environment.config_dir), name)?;
    }
    let wish = ReportWish {
        since: &since,
        rwenv: args.env.as_deref(),
        of: args.of.as_deref(),
        offline: args.offline,
    };
    let report = report::read(wish, environment).map_err(anyhow::Error::msg)?;
    match &args.html {
        Some(file) if file.as_os_str() == "-" => out::line(&page::page(&report)),
        Some(file) => {
            files::write(file, &page::page(&report), 0o600)?;
            out::line(&file.display().to_string());
        }
        None if args.output.json => out::json(&report)?,
        None if args.md => out::line(text::markdown(&report).trim_end()),
        None => text::brief(&report),
    }
    Ok(0)
}
