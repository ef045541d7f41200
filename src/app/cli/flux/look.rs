//! The verbs that look at single objects: what they have applied, what they are, which values they have.

use anyhow::bail;
use rwenv_flux::operate::{self, Branch, KINDS, Kind, LiveObject, kind_of};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::wire::daemon::FluxRow;
use serde_json::Value;

use super::args::{Export, Get, ObjectArgs, TreeArgs};
use super::session::{FluxSession, known};
use super::show::{HEADINGS, row};
use crate::cli::{format, out};

pub(super) fn tree(args: &TreeArgs, environment: &Environment) -> anyhow::Result<u8> {
    let named = &args.named;
    let session = FluxSession::open(&named.cluster, environment)?;
    let object = session.one(named, &["ks", "hr", "rset", "fluxinstance"])?;
    if args.dependencies {
        let found = session.run(operate::dependencies(&session.flux, &object))?;
        if named.output.json {
            out::json(&found)?;
            return Ok(0);
        }
        for (words, tree) in [("waits for", &found.waits_for), ("is waited for by", &found.needed_by)] {
            let none = if tree.applied.is_empty() { " nothing" } else { "" };
            out::line(&format!("{} {words}{none}", label(tree)));
            grow(&tree.applied, "");
        }
        return Ok(0);
    }
    if !object.kind.applies() {
        bail!(
            "{} applies nothing by itself; name a Kustomization, a HelmRelease, a ResourceSet or a FluxInstance",
            object.label()
        );
    }
    let tree = session.run(operate::tree(&session.flux, &object))?;
    if named.output.json {
        out::json(&tree)?;
    } else {
        show_tree(&tree);
    }
    if object.kind.name == "HelmRelease" && object.inventory.is_empty() {
        out::note(&format!(
            "{} has no inventory: nothing is installed, or its controller keeps none (helm-controller before 1.5, Flux before 2.8)",
            object.label()
        ));
    }
    Ok(0)
}

/// Prints a tree.
pub(in crate::cli) fn show_tree(tree: &Branch) {
    out::line(&label(tree));
    grow(&tree.applied, "");
}

fn label(branch: &Branch) -> String {
    let place = if branch.namespace.is_empty() { String::new() } else { format!("{}/", branch.namespace) };
    format!("{}/{place}{}", branch.kind, branch.name)
}

fn grow(branches: &[Branch], before: &str) {
    for (number, branch) in branches.iter().enumerate() {
        let last = number + 1 == branches.len();
        out::line(&format!("{before}{} {}", if last { "└──" } else { "├──" }, label(branch)));
        grow(&branch.applied, &format!("{before}{}", if last { "    " } else { "│   " }));
    }
}

/// The kinds that words stand for, and the name behind them.
fn meant(words: &[String]) -> anyhow::Result<(Vec<&'static Kind>, Option<&str>)> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(match words.as_slice() {
        ["all"] => (KINDS.iter().collect(), None),
        [one] => match one.split_once('/') {
            Some((kind, name)) => (vec![known(kind)?], Some(name)),
            None => (vec![known(one)?], None),
        },
        [first, second] => match kind_of(&format!("{} {second}", first.trim_end_matches('s'))) {
            Some(kind) => (vec![kind], None),
            None => (vec![known(first)?], Some(second)),
        },
        [first, second, name] => {
            (vec![known(&format!("{} {second}", first.trim_end_matches('s')))?], Some(name))
        }
        _ => bail!("name a kind, as in: rwenv flux get ks"),
    })
}

pub(super) fn get(args: &Get, environment: &Environment) -> anyhow::Result<u8> {
    let (kinds, name) = meant(&args.what)?;
    let session = FluxSession::open(&args.cluster, environment)?;
    let namespace = args.namespace.as_deref();
    let found = match name {
        Some(name) => session.run(session.flux.find(&kinds, name, namespace))?,
        None => {
            let mut all = Vec::new();
            for kind in &kinds {
                all.extend(session.run(session.flux.list(kind, namespace, None))?);
            }
            all
        }
    };
    let rows: Vec<FluxRow> = found.iter().map(LiveObject::row).collect();
    if args.output.json {
        out::json(&rows)?;
        return Ok(0);
    }
    let mut table = out::table(&HEADINGS);
    rows.iter().for_each(|one| row(&mut table, one));
    out::print(&table);
    if rows.is_empty() {
        out::note("no objects");
    }
    Ok(0)
}

pub(super) fn export(args: &Export, environment: &Environment) -> anyhow::Result<u8> {
    let named = &args.named;
    let session = FluxSession::open(&named.cluster, environment)?;
    let objects = if args.all {
        let (kinds, name) = meant(&named.object)?;
        if name.is_some() {
            bail!("--all takes a kind and no name");
        }
        let mut all = Vec::new();
        for kind in kinds {
            all.extend(session.run(session.flux.list(kind, named.namespace.as_deref(), None))?);
        }
        all
    } else {
        vec![session.meant(named)?]
    };
    let mut manifests = Vec::new();
    for object in &objects {
        manifests.push(session.run(operate::export(&session.flux, object))?);
    }
    match (named.output.json, manifests.as_slice()) {
        (true, [one]) if !args.all => out::json(one)?,
        (true, all) => out::json(&all)?,
        (false, all) => {
            all.iter().for_each(|one| out::line(&format!("---\n{}", format::yaml(one).trim_end())))
        }
    }
    if objects.is_empty() {
        bail!("there is no such object");
    }
    Ok(0)
}

pub(super) fn debug(named: &ObjectArgs, environment: &Environment) -> anyhow::Result<u8> {
    let session = FluxSession::open(&named.cluster, environment)?;
    let object = session.one(named, &["hr", "ks"])?;
    if !["HelmRelease", "Kustomization"].contains(&object.kind.name) {
        bail!("{} has no values; name a HelmRelease or a Kustomization", object.label());
    }
    let all = session.run(operate::debug(&session.flux, &object))?;
    if named.output.json {
        out::json(&all)?;
        return Ok(0);
    }
    let mut table = out::table(&["NAME", "VALUE", "FROM"]);
    for one in &all {
        let value = match &one.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        table.add_row([&one.name, &value, &one.from]);
    }
    out::print(&table);
    if all.is_empty() {
        out::note(&format!("{} sets no values of its own", object.label()));
    }
    Ok(0)
}
