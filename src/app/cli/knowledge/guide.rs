//! `rwenv guide`.

use std::collections::BTreeMap;

use anyhow::bail;
use schemars::JsonSchema;
use serde::Serialize;

use super::args::{CatalogDocument, Guide, GuideCommand, GuideTopic, SourceArgs};
use super::regenerate::regenerate;
use super::source::joined;
use crate::cli::out;
use rwenv_flux::catalog::document::{
    ConfigMaps, Documents, FluxFinding, FluxResources, ImageGroup, SecretsMap, Services, Substitution,
};
use rwenv_gate::base::environment::Environment;

pub(in crate::cli) fn guide(args: &Guide, environment: &Environment) -> anyhow::Result<u8> {
    match &args.command {
        GuideCommand::Regenerate(args) => regenerate(args, environment),
        GuideCommand::Schema { file } => {
            out::line(schema(*file).trim_end());
            Ok(0)
        }
        GuideCommand::Show { topic, source } => show(*topic, source, environment),
    }
}

/// The JSON Schema of a file.
fn schema(file: CatalogDocument) -> &'static str {
    match file {
        CatalogDocument::ServicesCatalog => include_str!("../../../../schemas/services-catalog.schema.json"),
        CatalogDocument::Services => include_str!("../../../../schemas/services.schema.json"),
        CatalogDocument::FluxResources => include_str!("../../../../schemas/flux-resources.schema.json"),
        CatalogDocument::SecretsMap => include_str!("../../../../schemas/secrets-map.schema.json"),
        CatalogDocument::Configmaps => include_str!("../../../../schemas/configmaps.schema.json"),
    }
}

/// One topic of the guide.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::cli) enum GuidePart {
    /// Services and where they run.
    Services(Services),
    /// Kustomizations, HelmReleases and their sources.
    Flux(FluxResources),
    /// Where credentials come from and what reads them.
    Secrets(SecretsMap),
    /// ConfigMaps, their keys and what uses them.
    ConfigMaps(ConfigMaps),
    /// Variables that Flux substitutes; null where there are none.
    Variables(Option<Substitution>),
    /// Where image tags are set.
    Images(BTreeMap<String, ImageGroup>),
    /// Problems that leave the guide incomplete.
    Findings(Vec<FluxFinding>),
    /// Dependencies between Flux objects.
    Dependencies(NamedDependencies),
}

/// What depends on what, by name.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct NamedDependencies {
    /// Of each Kustomization.
    kustomizations: BTreeMap<String, Vec<String>>,
    /// Of each HelmRelease that depends on others.
    helm_releases: BTreeMap<String, Vec<String>>,
}

/// What the guide says on a topic.
pub(in crate::cli) fn part(args: &Guide, environment: &Environment) -> anyhow::Result<GuidePart> {
    match &args.command {
        GuideCommand::Show { topic, source } => Ok(of(*topic, source.open(environment)?.documents()?)),
        _ => bail!("only rwenv guide show gives a topic"),
    }
}

fn show(topic: GuideTopic, source: &SourceArgs, environment: &Environment) -> anyhow::Result<u8> {
    let made = source.open(environment)?.documents()?;
    if source.output.json {
        out::json(&of(topic, made))?;
    } else {
        text(topic, &made);
    }
    Ok(0)
}

fn of(topic: GuideTopic, made: Documents) -> GuidePart {
    match topic {
        GuideTopic::Services => GuidePart::Services(made.services),
        GuideTopic::Flux => GuidePart::Flux(made.flux),
        GuideTopic::Secrets => GuidePart::Secrets(made.secrets),
        GuideTopic::Configmaps => GuidePart::ConfigMaps(made.configmaps),
        GuideTopic::Variables => GuidePart::Variables(made.configmaps.variable_substitution),
        GuideTopic::Images => GuidePart::Images(made.services.image_groups),
        GuideTopic::Findings => GuidePart::Findings(made.flux.findings),
        GuideTopic::Dependencies => {
            let all = made.flux.kustomizations.into_iter();
            let releases = made.flux.helm_releases.into_iter();
            let releases = releases.map(|(key, release)| (key, release.what.depends_on));
            GuidePart::Dependencies(NamedDependencies {
                kustomizations: all.map(|(key, entry)| (key, entry.what.depends_on)).collect(),
                helm_releases: releases.filter(|(_, on)| !on.is_empty()).collect(),
            })
        }
    }
}

fn text(topic: GuideTopic, made: &Documents) {
    match topic {
        GuideTopic::Services => {
            let rows = made.services.services.iter().map(|(key, service)| {
                [key.clone(), service.namespace.clone(), service.kind.clone(), service.description.clone()]
            });
            rows_of(["SERVICE", "NAMESPACE", "KIND", "DESCRIPTION"], rows);
        }
        GuideTopic::Flux => flux(made),
        GuideTopic::Secrets => secrets(made),
        GuideTopic::Configmaps => {
            let rows = made.configmaps.config_maps.iter().map(|(key, map)| {
                let names: Vec<String> = map.keys.keys().cloned().collect();
                [key.clone(), map.namespace.clone(), joined(&names), joined(&map.used_by)]
            });
            rows_of(["CONFIGMAP", "NAMESPACE", "KEYS", "USED BY"], rows);
        }
        GuideTopic::Variables => match &made.configmaps.variable_substitution {
            None => out::note("no Kustomization of this repository fills variables in"),
            Some(all) => {
                let from = if all.source.is_empty() {
                    "their own values".to_owned()
                } else {
                    format!("ConfigMap {} in {}", all.source, all.namespace)
                };
                out::note(&format!("{}: most Kustomizations take variables from {from}", all.mechanism));
                rows_of(
                    ["VARIABLE", "VALUE"],
                    all.common_variables.iter().map(|(name, value)| [name.clone(), value.clone()]),
                );
            }
        },
        GuideTopic::Dependencies => {
            let all =
                made.flux.kustomizations.iter().map(|(key, entry)| ("Kustomization", key, &entry.depends_on));
            let releases =
                made.flux.helm_releases.iter().map(|(key, entry)| ("HelmRelease", key, &entry.depends_on));
            let rows = all.chain(releases).filter(|(_, _, on)| !on.is_empty());
            rows_of(
                ["KIND", "NAME", "DEPENDS ON"],
                rows.map(|(kind, key, on)| [kind.to_owned(), key.clone(), joined(on)]),
            );
        }
        GuideTopic::Images => {
            let rows = made.services.image_groups.iter().map(|(key, group)| {
                let tag = group.tag.clone().unwrap_or_else(|| "-".to_owned());
                [
                    key.clone(),
                    group.image_name.clone(),
                    tag,
                    format!("{}:{}", group.file, group.line),
                    joined(&group.services),
                ]
            });
            rows_of(["GROUP", "IMAGE", "TAG", "SET IN", "SERVICES"], rows);
        }
        GuideTopic::Findings => {
            if made.flux.findings.is_empty() {
                out::note("nothing is wrong with what Flux applies of this repository");
            }
            for finding in &made.flux.findings {
                out::line(&format!("{}:{}: {}", finding.file, finding.line, finding.message));
            }
        }
    }
}

fn flux(made: &Documents) {
    let rows = made.flux.kustomizations.iter().map(|(key, entry)| {
        let manages = if entry.manages.len() > 6 {
            format!("{} things", entry.manages.len())
        } else {
            joined(&entry.manages)
        };
        [key.clone(), entry.namespace.clone(), entry.path.clone(), joined(&entry.depends_on), manages]
    });
    rows_of(["KUSTOMIZATION", "NAMESPACE", "PATH", "DEPENDS ON", "MANAGES"], rows);
    if !made.flux.helm_releases.is_empty() {
        out::line("");
        let rows = made.flux.helm_releases.iter().map(|(key, entry)| {
            let version = entry.version.clone().unwrap_or_else(|| "-".to_owned());
            [key.clone(), entry.namespace.clone(), entry.chart.clone(), version, entry.chart_source.clone()]
        });
        rows_of(["HELMRELEASE", "NAMESPACE", "CHART", "VERSION", "SOURCE"], rows);
    }
    if !made.flux.applications.is_empty() {
        out::line("");
        let rows = made.flux.applications.iter().map(|(key, entry)| {
            let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let what =
                entry.path.clone().or_else(|| entry.chart.as_ref().map(|chart| format!("chart {chart}")));
            [key.clone(), text(&entry.destination_namespace), text(&what), joined(&entry.manages)]
        });
        rows_of(["APPLICATION", "NAMESPACE", "PATH", "MANAGES"], rows);
    }
    if !made.flux.orphans.is_empty() {
        out::line("");
        let rows = made.flux.orphans.iter().map(|orphan| {
            [orphan.kind.clone(), orphan.name.clone(), format!("{}:{}", orphan.file, orphan.line)]
        });
        rows_of(["NOTHING APPLIES", "NAME", "DEFINED IN"], rows);
    }
}

fn secrets(made: &Documents) {
    let secrets = &made.secrets;
    let classes = secrets.secret_provider_classes.iter().map(|(key, class)| {
        let from: Vec<String> =
            class.secrets.iter().filter_map(|s| s.vault_path.clone().or(s.resource_name.clone())).collect();
        [
            "SecretProviderClass".to_owned(),
            key.clone(),
            class.namespace.clone(),
            format!("{}: {}", class.provider, joined(&from)),
            joined(&class.used_by),
        ]
    });
    let external = secrets.external_secrets.iter().map(|(key, secret)| {
        [
            "ExternalSecret".to_owned(),
            key.clone(),
            secret.namespace.clone(),
            format!("{}: {}", secret.store, joined(&secret.remote_keys)),
            joined(&secret.used_by),
        ]
    });
    let others = secrets.secrets.iter().map(|(key, secret)| {
        [
            secret.kind.clone(),
            key.clone(),
            secret.namespace.clone(),
            secret.protection.to_owned(),
            joined(&secret.used_by),
        ]
    });
    rows_of(["KIND", "NAME", "NAMESPACE", "FROM", "USED BY"], classes.chain(external).chain(others));
}

fn rows_of<const N: usize>(headings: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return out::note("none");
    }
    let mut table = out::table(&headings);
    for row in rows {
        table.add_row(row);
    }
    out::print(&table);
}
