//! `rwenv compare`: two environments side by side, by their repositories.

use clap::Args;
use serde::Serialize;

use super::args::SourceArgs;
use crate::cli::out;
use crate::cli::shared::Output;
use rwenv_flux::catalog::beside::{Beside, beside};
use rwenv_gate::base::environment::Environment;

#[derive(Debug, Args)]
pub(in crate::cli) struct CompareArgs {
    /// The first rwenv
    first: String,
    /// The second rwenv
    second: String,
    /// Only services whose name contains this
    #[arg(long, value_name = "TEXT")]
    service: Option<String>,
    /// Leave values out: versions and missing services only
    #[arg(long)]
    no_values: bool,
    #[command(flatten)]
    output: Output,
}

/// The comparison, with the names of the two.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NamedComparison<'c> {
    first: &'c str,
    second: &'c str,
    #[serde(flatten)]
    compared: &'c Beside,
}

pub(in crate::cli) fn compare(args: &CompareArgs, environment: &Environment) -> anyhow::Result<u8> {
    let open = |name: &str| SourceArgs::of(name).open(environment);
    let (first, second) = (open(&args.first)?, open(&args.second)?);
    let mut compared = beside(&first.knowledge()?, &second.knowledge()?);
    if args.no_values {
        compared.differences.retain(|one| !one.what.starts_with("values"));
    }
    if let Some(text) = &args.service {
        let has = |service: &String| service.contains(text.as_str());
        compared.only_first.retain(has);
        compared.only_second.retain(has);
        compared.differences.retain(|one| has(&one.service));
    }
    let same =
        compared.only_first.is_empty() && compared.only_second.is_empty() && compared.differences.is_empty();
    if args.output.json {
        out::json(&NamedComparison { first: &args.first, second: &args.second, compared: &compared })?;
    } else {
        show(args, &compared);
    }
    Ok(u8::from(!same))
}

fn show(args: &CompareArgs, compared: &Beside) {
    let headings = ["SERVICE", "WHAT", args.first.as_str(), args.second.as_str()];
    let mut table = out::table(&headings);
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    for service in &compared.only_first {
        table.add_row([service, "", "there", "missing"]);
    }
    for service in &compared.only_second {
        table.add_row([service, "", "missing", "there"]);
    }
    for one in &compared.differences {
        table.add_row([&one.service, &one.what, &shown(&one.first), &shown(&one.second)]);
    }
    out::print(&table);
    out::note(&format!("{} alike", out::count(compared.same, "service")));
}
