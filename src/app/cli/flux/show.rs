//! The verbs that look.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail};
use comfy_table::{Cell, Color, Table};

use super::args::{Alerts, Events, FluxCheckArgs, Logs, ObjectArgs, StatusArgs, Type};
use super::session::FluxSession;
use crate::cli::out;
use crate::cli::shared::period;
use rwenv_flux::operate::{self, ClusterEvent, KINDS, LiveObject, LogLine, LogWish, SOURCES, kind_of};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::wire::daemon::{Ask, FluxRow, ask};

/// Time between two looks of what is watched.
const LOOK: Duration = Duration::from_secs(2);
/// Longest wait for the daemon, which has the answer or has not.
const ANSWER: Duration = Duration::from_millis(500);

/// A revision as people read it: branch or tag, and the beginning of the commit.
fn short(revision: &str) -> String {
    match revision.split_once("@sha1:").or_else(|| revision.split_once("@sha256:")) {
        Some((name, digest)) => format!("{name}@{}", digest.get(..8).unwrap_or(digest)),
        None => revision.to_owned(),
    }
}

pub(super) fn row(table: &mut Table, row: &FluxRow) {
    let colour = match (row.ready.as_str(), row.suspended) {
        (_, true) => Color::DarkYellow,
        ("True", _) => Color::DarkGreen,
        ("False", _) => Color::DarkRed,
        _ => Color::DarkYellow,
    };
    let ready = if row.suspended { format!("{} (suspended)", row.ready) } else { row.ready.clone() };
    let cells = [&row.kind, &row.namespace, &row.name].map(Cell::new).into_iter();
    let cells =
        cells.chain([Cell::new(ready).fg(colour), Cell::new(short(&row.revision)), Cell::new(&row.message)]);
    table.add_row(cells);
}

impl FluxSession {
    fn rows(&self, args: &StatusArgs) -> anyhow::Result<Vec<FluxRow>> {
        let mut rows = Vec::new();
        for kind in KINDS.iter().filter(|kind| args.wants_kind(kind.name)) {
            let all = self.run(self.flux.list(kind, args.namespace.as_deref(), None))?;
            rows.extend(all.iter().map(LiveObject::row).filter(|row| args.wants(row)));
        }
        Ok(rows)
    }
}

impl StatusArgs {
    fn wants_kind(&self, kind: &str) -> bool {
        match self.r#type {
            Type::All => true,
            Type::Ks => kind == "Kustomization",
            Type::Hr => kind == "HelmRelease",
            Type::Source => SOURCES.contains(&kind),
            Type::Image => kind.starts_with("Image"),
            Type::Notification => ["Alert", "Provider", "Receiver"].contains(&kind),
            Type::Operator => ["FluxInstance", "ResourceSet"].contains(&kind),
        }
    }

    fn wants(&self, row: &FluxRow) -> bool {
        self.wants_kind(&row.kind)
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == row.namespace)
            && (!self.failing || row.fails())
    }

    /// What the daemon knows, where it knows all of it.
    fn known(&self, environment: &Environment) -> anyhow::Result<Option<Vec<FluxRow>>> {
        let rwenv = self.cluster.rwenv(environment)?.name.to_string();
        let asked = ask(&environment.config_dir, Ask::Flux { rwenv }, ANSWER);
        let health = asked.ok().and_then(|reply| reply.flux).filter(|health| health.complete);
        Ok(health.map(|health| health.objects.into_iter().filter(|row| self.wants(row)).collect()))
    }
}

pub(super) const HEADINGS: [&str; 6] = ["KIND", "NAMESPACE", "NAME", "READY", "REVISION", "MESSAGE"];

/// The objects of Flux, as the daemon knows them or the cluster has them.
pub(super) fn rows(args: &StatusArgs, environment: &Environment) -> anyhow::Result<Vec<FluxRow>> {
    match if args.live { None } else { args.known(environment)? } {
        Some(rows) => Ok(rows),
        None => FluxSession::open(&args.cluster, environment)?.rows(args),
    }
}

pub(super) fn status(args: &StatusArgs, environment: &Environment) -> anyhow::Result<u8> {
    if !args.watch {
        let rows = rows(args, environment)?;
        show(&rows, args)?;
        return Ok(u8::from(rows.iter().any(FluxRow::fails)));
    }
    let session = FluxSession::open(&args.cluster, environment)?;
    let mut rows = session.rows(args)?;
    show(&rows, args)?;
    loop {
        std::thread::sleep(LOOK);
        let now = session.rows(args)?;
        let changed: Vec<FluxRow> = now.iter().filter(|row| !rows.contains(row)).cloned().collect();
        if !changed.is_empty() {
            show(&changed, args)?;
        }
        rows = now;
    }
}

fn show(rows: &[FluxRow], args: &StatusArgs) -> anyhow::Result<()> {
    if args.output.json {
        return out::json(&rows);
    }
    let mut table = out::table(&HEADINGS);
    rows.iter().for_each(|one| row(&mut table, one));
    out::print(&table);
    if rows.is_empty() {
        out::note(if args.failing { "nothing fails" } else { "no objects" });
    }
    Ok(())
}

impl FluxSession {
    /// The events that are asked for.
    fn events(&self, args: &Events) -> anyhow::Result<Vec<ClusterEvent>> {
        let of = args.r#for.as_deref().map(|object| {
            let (kind, name) =
                object.split_once('/').map_or((object, None), |(kind, name)| (kind, Some(name)));
            kind_of(kind)
                .map(|kind| (kind, name))
                .with_context(|| format!("'{kind}' is not a Flux kind; write ks/NAME or hr/NAME"))
        });
        let of = of.transpose()?;
        let mut all = self.run(operate::events(&self.flux, args.namespace.as_deref()))?;
        if let Some((kind, name)) = of {
            all.retain(|event| event.object_kind == kind.name && name.is_none_or(|name| event.name == name));
        }
        Ok(all)
    }
}

/// The events of Flux objects, oldest first.
pub(super) fn happened(args: &Events, environment: &Environment) -> anyhow::Result<Vec<ClusterEvent>> {
    FluxSession::open(&args.cluster, environment)?.events(args)
}

pub(super) fn events(args: &Events, environment: &Environment) -> anyhow::Result<u8> {
    let session = FluxSession::open(&args.cluster, environment)?;
    let all = session.events(args)?;
    told(&all, args.output.json)?;
    let mut known: BTreeSet<ClusterEvent> = all.into_iter().collect();
    if !args.watch {
        return Ok(0);
    }
    loop {
        std::thread::sleep(LOOK);
        let new: Vec<ClusterEvent> =
            session.events(args)?.into_iter().filter(|event| known.insert(event.clone())).collect();
        if !new.is_empty() {
            told(&new, args.output.json)?;
        }
    }
}

fn told(events: &[ClusterEvent], json: bool) -> anyhow::Result<()> {
    if json {
        return out::json(&events);
    }
    let mut table = out::table(&["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]);
    for event in events {
        let object = format!("{}/{}/{}", event.object_kind, event.namespace, event.name);
        table.add_row([&event.time, &event.kind, &event.reason, &object, &event.message]);
    }
    out::print(&table);
    if events.is_empty() {
        out::note("no events of Flux objects");
    }
    Ok(())
}

pub(super) fn logs(args: &Logs, environment: &Environment) -> anyhow::Result<u8> {
    let session = FluxSession::open(&args.cluster, environment)?;
    let since = args.since.as_deref().map(period).transpose()?;
    let wish = LogWish {
        namespace: args.flux_namespace.clone(),
        controller: args.controller.clone(),
        level: args.level.clone(),
        kind: args.kind.clone(),
        name: args.name.clone(),
        of: args.namespace.clone(),
        follow: args.follow,
        since: since.map(|since| since.as_secs()),
        tail: args.tail,
    };
    let give = |line: LogLine| {
        if args.output.json { out::json_line(&line) } else { out::try_line(&written(&line)) }
    };
    session.run(operate::logs(&session.flux, &wish, give))?;
    Ok(0)
}

/// A line as the flux program writes it.
fn written(line: &LogLine) -> String {
    let object = if line.name.is_empty() {
        line.controller_kind.clone()
    } else {
        format!("{}/{}.{}", line.controller_kind, line.name, line.namespace)
    };
    let object = if object.is_empty() { line.controller.clone() } else { object };
    format!("{} {} {object} - {} {}", line.ts, line.level, line.msg, line.error).trim_end().to_owned()
}

pub(super) fn check(args: &FluxCheckArgs, environment: &Environment) -> anyhow::Result<u8> {
    let session = FluxSession::open(&args.cluster, environment)?;
    let all = session.run(operate::check(&session.flux, &args.flux_namespace))?;
    let good = all.iter().all(|check| check.good);
    if args.output.json {
        out::json(&all)?;
    } else {
        for check in &all {
            out::line(&format!("{} {}: {}", if check.good { "ok  " } else { "FAIL" }, check.what, check.how));
        }
        out::note(if good { "all checks passed" } else { "check failed" });
    }
    Ok(u8::from(!good))
}

pub(super) fn trace(named: &ObjectArgs, environment: &Environment) -> anyhow::Result<u8> {
    let words: Vec<&str> = named.object.iter().map(String::as_str).collect();
    let (kind, name) = match words.as_slice() {
        [one] => one.split_once('/').context("name it as KIND/NAME, as in deploy/web")?,
        [kind, name] => (*kind, *name),
        _ => bail!("name one object, as in deploy/web"),
    };
    let session = FluxSession::open(&named.cluster, environment)?;
    let own = session.flux.cluster().namespace().to_owned();
    let namespace = named.namespace.as_deref().unwrap_or(&own);
    let trace = session.run(operate::trace(&session.flux, kind, name, namespace))?;
    let rows: Vec<FluxRow> = trace.chain.iter().map(LiveObject::row).collect();
    if named.output.json {
        out::json(&serde_json::json!({ "object": trace.object, "managedBy": rows }))?;
        return Ok(0);
    }
    out::line(&format!("{:16} {}", "Object:", trace.object));
    for (object, shown) in trace.chain.iter().zip(&rows) {
        out::line("---");
        let detail = |name: &str, value: &str| {
            if !value.is_empty() {
                out::line(&format!("{:16} {value}", format!("{name}:")));
            }
        };
        detail(object.kind.name, &object.name);
        detail("Namespace", &object.namespace);
        detail("Path", &object.path);
        detail("URL", &object.url);
        detail("Revision", &object.revision);
        detail("Ready", &shown.ready);
        detail("Message", &shown.message);
    }
    Ok(0)
}

pub(super) fn alerts(args: &Alerts, environment: &Environment) -> anyhow::Result<u8> {
    let session = FluxSession::open(&args.cluster, environment)?;
    let mut rows = Vec::new();
    for kind in ["alert", "provider"].into_iter().filter_map(kind_of) {
        let all = session.run(session.flux.list(kind, args.namespace.as_deref(), None))?;
        rows.extend(all.iter().map(LiveObject::row));
    }
    let mut warnings = session.run(operate::events(&session.flux, args.namespace.as_deref()))?;
    warnings.retain(|event| event.kind == "Warning");
    if args.output.json {
        out::json(&serde_json::json!({ "alerts": rows, "warnings": warnings }))?;
        return Ok(0);
    }
    let mut table = out::table(&HEADINGS);
    rows.iter().for_each(|one| row(&mut table, one));
    out::print(&table);
    out::line("");
    told(&warnings, false)?;
    Ok(0)
}
