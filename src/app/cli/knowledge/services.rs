//! `rwenv services`.

use std::collections::BTreeSet;

use anyhow::bail;
use schemars::JsonSchema;
use serde::Serialize;

use super::args::{EntryArgs, ServicesArgs, ServicesCommand, SourceArgs};
use super::live::drift;
use super::regenerate::regenerate;
use super::source::{named, unknown_service};
use crate::cli::out;
use rwenv_flux::catalog::document::{Catalog, Documents, Entry, Service};
use rwenv_flux::catalog::lookup::{self, near, services as find};
use rwenv_gate::base::environment::Environment;

pub(in crate::cli) fn services(args: &ServicesArgs, environment: &Environment) -> anyhow::Result<u8> {
    match &args.command {
        ServicesCommand::List { namespace, source } => list(namespace.as_deref(), source, environment),
        ServicesCommand::Show(args) => show(args, environment),
        ServicesCommand::Where(args) => place(args, environment),
        ServicesCommand::Namespace(args) => namespace(args, environment),
        ServicesCommand::Drift(source) => drift(source, environment),
        ServicesCommand::Regenerate(args) => regenerate(args, environment),
    }
}

/// The documents of a repository, with the services of one namespace.
fn within(
    namespace: Option<&str>,
    source: &SourceArgs,
    environment: &Environment,
) -> anyhow::Result<Documents> {
    let mut made = source.open(environment)?.documents()?;
    let wanted = |service: &Service| namespace.is_none_or(|wanted| service.namespace == wanted);
    made.services.services.retain(|_, service| wanted(service));
    let keys = &made.services.services;
    made.catalog.services.retain(|key, _| keys.contains_key(key));
    Ok(made)
}

/// All services, or those of a namespace.
pub(in crate::cli) fn catalog(args: &ServicesArgs, environment: &Environment) -> anyhow::Result<Catalog> {
    match &args.command {
        ServicesCommand::List { namespace, source } => {
            Ok(within(namespace.as_deref(), source, environment)?.catalog)
        }
        _ => bail!("only rwenv services list gives the catalog"),
    }
}

/// All that is known of the services of a name.
pub(in crate::cli) fn details(
    args: &ServicesArgs,
    environment: &Environment,
) -> anyhow::Result<Vec<KeyedService>> {
    match &args.command {
        ServicesCommand::Show(args) => entries(args, environment),
        _ => bail!("only rwenv services show gives details"),
    }
}

fn list(namespace: Option<&str>, source: &SourceArgs, environment: &Environment) -> anyhow::Result<u8> {
    let made = within(namespace, source, environment)?;
    if source.output.json {
        out::json(&made.catalog)?;
        return Ok(0);
    }
    if made.services.services.is_empty() {
        out::note(&match namespace {
            Some(namespace) => {
                let all = within(None, source, environment)?.services.services;
                let there: BTreeSet<&str> = all.values().map(|service| service.namespace.as_str()).collect();
                let near = lookup::proposal(&lookup::near(namespace, there.into_iter()));
                format!("no service is in namespace '{}'.{near}", namespace.escape_debug())
            }
            None => "no service is defined in this repository; rwenv guide show flux says what is".to_owned(),
        });
        return Ok(0);
    }
    let mut table = out::table(&["SERVICE", "NAMESPACE", "FLUX PATH", "HELM RELEASE", "KUSTOMIZATION"]);
    for (key, service) in &made.services.services {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let by = service.kustomization.clone().or_else(|| service.application.clone());
        let namespace = Some(service.namespace.clone()).filter(|namespace| !namespace.is_empty());
        table.add_row([key, &text(&namespace), &service.flux_path, &text(&service.helm_release), &text(&by)]);
    }
    out::print(&table);
    Ok(0)
}

/// A service under its key.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct KeyedService {
    /// Its key in the catalog.
    key: String,
    /// What is known of it.
    #[serde(flatten)]
    service: Entry<Service>,
}

/// The services of a name: all of them where the name is not enough to tell.
fn entries(args: &EntryArgs, environment: &Environment) -> anyhow::Result<Vec<KeyedService>> {
    let name = named(&args.name)?;
    let made = args.source.open(environment)?.documents()?;
    let all = find(&made.services.services, name);
    if all.is_empty() {
        let names =
            made.services.services.iter().map(|(key, service)| service.place.name.as_deref().unwrap_or(key));
        return Err(unknown_service(name, &near(name, names)));
    }
    Ok(all
        .into_iter()
        .map(|(key, service)| KeyedService { key: key.to_owned(), service: service.clone() })
        .collect())
}

/// Does something with the services of a name.
fn with(
    args: &EntryArgs,
    environment: &Environment,
    show: impl Fn(&str, &Entry<Service>),
) -> anyhow::Result<u8> {
    let all = entries(args, environment)?;
    if args.source.output.json {
        out::json(&all)?;
        return Ok(0);
    }
    for KeyedService { key, service } in &all {
        show(key, service);
    }
    Ok(0)
}

fn show(args: &EntryArgs, environment: &Environment) -> anyhow::Result<u8> {
    with(args, environment, |key, service| {
        let mut lines = vec![("service", key.to_owned()), ("description", service.description.clone())];
        lines.push(("namespace", service.namespace.clone()));
        let optional = [
            ("deployment", &service.deployment),
            ("helm release", &service.helm_release),
            ("kustomization", &service.kustomization),
            ("application", &service.application),
            ("image", &service.image),
            ("image group", &service.image_group),
            ("cluster", &service.place.cluster),
        ];
        lines.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        lines.push(("flux path", service.flux_path.clone()));
        lines.push(("defined in", format!("{}:{}", service.place.file, service.place.line)));
        if service.chain.len() > 1 {
            lines.push(("applied by", service.chain.join(" > ")));
        }
        for (name, value) in lines {
            out::line(&format!("{name:<15}{value}"));
        }
    })
}

fn place(args: &EntryArgs, environment: &Environment) -> anyhow::Result<u8> {
    with(args, environment, |key, service| {
        let what = match (&service.helm_release, &service.deployment, &service.application) {
            (Some(release), ..) => format!("HelmRelease: {release}"),
            (_, Some(name), _) => format!("{}: {name}", service.kind),
            (.., Some(name)) => format!("Application: {name}"),
            _ => key.to_owned(),
        };
        let cluster = service
            .place
            .cluster
            .as_ref()
            .map(|cluster| format!(" in cluster {cluster}"))
            .unwrap_or_default();
        out::line(&format!("{} ({what}){cluster}", service.flux_path));
        out::line(&format!("  {}:{}", service.place.file, service.place.line));
    })
}

fn namespace(args: &EntryArgs, environment: &Environment) -> anyhow::Result<u8> {
    with(args, environment, |key, service| {
        if service.namespace.is_empty() {
            out::line(&format!("{key} has no namespace in this repository; what applies it says which"));
        } else {
            out::line(&format!("{key} runs in namespace {}", service.namespace));
        }
    })
}
