//! `rwenv services`, `guide`, `where` and `graph`: what is known of a Flux repository.

mod find;
mod graph;
mod guide;
mod live;
mod services;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};

use super::args::Output;
use super::envs::selected;
use super::{out, repo};
use rwenv_core::model::Rwenv;
use rwenv_flux::catalog::document::{Documents, Origin, documents};
use rwenv_flux::catalog::generate::{self, Report};
use rwenv_flux::catalog::{Reading, lookup};
use rwenv_flux::repos::{Flux, RepoError};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;
use rwenv_gate::facts::content::ContentError;

pub(super) use find::find;
pub(super) use graph::graph;
pub(super) use guide::guide;
pub(super) use services::services;

#[derive(Debug, Args)]
pub(super) struct Services {
    #[command(subcommand)]
    command: ServicesCommand,
}

#[derive(Debug, Subcommand)]
enum ServicesCommand {
    /// List all services, where each runs and what defines it
    List {
        /// Only services in this namespace
        #[arg(long, short)]
        namespace: Option<String>,
        #[command(flatten)]
        source: Source,
    },
    /// Show the details of a service
    Show(Named),
    /// Show the folder and file that define a service
    Where(Named),
    /// Show the namespace a service runs in
    Namespace(Named),
    /// Compare Git with the cluster: services that exist on one side only
    #[command(after_help = "Exit status: 0 no difference, 1 they differ or the cluster cannot be reached.")]
    Drift(Source),
    /// Rebuild the catalog files from the clone
    Regenerate(Regenerate),
}

#[derive(Debug, Args)]
struct Named {
    /// Name of the service
    name: String,
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Args)]
pub(super) struct Guide {
    #[command(subcommand)]
    command: GuideCommand,
}

#[derive(Debug, Subcommand)]
enum GuideCommand {
    /// Rebuild services.json, flux-resources.json, secrets-map.json and configmaps.json from the clone
    Regenerate(Regenerate),
    /// Print the JSON Schema of one of the files
    Schema {
        /// File
        file: Document,
    },
    /// Show the guide on one topic
    Show {
        /// Topic
        topic: Topic,
        #[command(flatten)]
        source: Source,
    },
}

/// A file of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Document {
    /// services-catalog.json
    ServicesCatalog,
    /// services.json
    Services,
    /// flux-resources.json
    FluxResources,
    /// secrets-map.json
    SecretsMap,
    /// configmaps.json
    Configmaps,
}

/// What the guide tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Topic {
    /// Services and where they run
    Services,
    /// Kustomizations, HelmReleases and their sources
    Flux,
    /// Where credentials come from and what reads them
    Secrets,
    /// ConfigMaps, their keys and what uses them
    Configmaps,
    /// Variables that Flux substitutes
    Variables,
    /// Dependencies between Flux objects
    Dependencies,
    /// Where image tags are set
    Images,
    /// Problems that leave the guide incomplete
    Findings,
}

#[derive(Debug, Args)]
struct Regenerate {
    /// Name of the rwenv [default: the selected one]
    name: Option<String>,
    /// Do not contact the cluster
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Where {
    /// Kind, kind and name (deployment/web, hr/podinfo), or a name of any kind
    #[arg(value_name = "KIND[/NAME]")]
    what: String,
    /// Name, when it does not follow the kind after a slash
    name: Option<String>,
    /// Only objects in this namespace
    #[arg(long, short)]
    namespace: Option<String>,
    /// Show the line of this key of a ConfigMap
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Args)]
pub(super) struct GraphArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Image
    Svg,
    /// Graphviz source
    Dot,
    /// Mermaid, for Markdown
    Mermaid,
    /// JSON
    Json,
}

/// Which repository is read.
#[derive(Debug, Args)]
struct Source {
    /// Name of the rwenv [default: the selected one]
    #[arg(long, value_name = "NAME")]
    rwenv: Option<String>,
    /// Read this folder instead of the rwenv's clone
    #[arg(long, value_name = "DIR", conflicts_with = "rwenv")]
    dir: Option<PathBuf>,
    /// Read this commit instead of the working tree
    #[arg(long = "ref", value_name = "REVISION")]
    revision: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// A repository that was read.
struct Opened {
    reading: Reading,
    origin: Origin,
}

impl Source {
    fn open(&self, environment: &Environment) -> anyhow::Result<Opened> {
        if let Some(dir) = &self.dir {
            let dir = dir.canonicalize().with_context(|| dir.display().to_string())?;
            let reading = self.read(&dir, environment)?;
            let path = dir.display().to_string();
            let flux_repo = reading.tree().remotes.first().map(|url| rwenv_gate::base::redact::redact(url));
            let generated_at = clock::rfc3339(clock::now());
            let origin = Origin {
                cluster: String::new(),
                flux_repo: flux_repo.unwrap_or_else(|| path.clone()),
                path,
                commit: reading.commit.as_ref().map(|commit| commit.name.clone()),
                generated_at,
            };
            return Ok(Opened { reading, origin });
        }
        let flux = flux_of(self.rwenv.as_deref(), environment)?.1?;
        let mut origin = generate::origin(&flux);
        let reading = match &self.revision {
            Some(_) => self.read(&flux.clone_dir(), environment)?,
            None => generate::read(&flux, environment)?,
        };
        if let Some(commit) = &reading.commit {
            origin.commit = Some(commit.name.clone());
        }
        Ok(Opened { reading, origin })
    }

    fn read(&self, dir: &Path, environment: &Environment) -> Result<Reading, ContentError> {
        match &self.revision {
            Some(revision) => Reading::at(dir, revision, environment),
            None => Reading::of(dir, environment),
        }
    }
}

impl Opened {
    fn documents(&self) -> Documents {
        documents(&self.reading.knowledge(), &self.origin)
    }
}

/// A rwenv and its repository.
fn flux_of(
    name: Option<&str>,
    environment: &Environment,
) -> anyhow::Result<(Rwenv, Result<Flux, RepoError>)> {
    let rwenvs = config::load(&environment.config_dir)?.rwenvs;
    let name = match name {
        Some(name) => name.to_owned(),
        None => {
            selected(environment).context("No rwenv configured. Use /rwenv-set to select an environment.")?
        }
    };
    let rwenv = repo::known(&rwenvs, &name)?.clone();
    let flux = Flux::of(&rwenv, environment);
    Ok((rwenv, flux))
}

/// Makes the files anew and says what they hold.
fn regenerate(args: &Regenerate, environment: &Environment) -> anyhow::Result<u8> {
    let (rwenv, flux) = flux_of(args.name.as_deref(), environment)?;
    let flux = flux?;
    let reading = generate::read(&flux, environment)?;
    let report = generate::make(&flux, &reading, environment)?;
    let compared = if args.offline { None } else { live::beside(&reading.knowledge(), &rwenv, environment)? };
    if args.output.json {
        out::json(&report)?;
    } else {
        tell(&report);
        compared.iter().for_each(|compared| out::line(&live::summary(compared)));
    }
    for failed in &report.failed {
        out::note(&format!("Failed to parse {failed}. Check YAML syntax."));
    }
    if !report.findings.is_empty() && !args.output.json {
        let what = if report.findings.len() == 1 { "thing is" } else { "things are" };
        out::note(&format!(
            "{} {what} wrong in the repository: rwenv guide show findings",
            report.findings.len()
        ));
    }
    Ok(0)
}

fn tell(report: &Report) {
    out::line("Regenerated flux-infra-guide data files:\n");
    let line = |file: &str, what: String| out::line(&format!("  {file:<22}{what}"));
    line("services.json:", format!("{} services mapped", report.services));
    line("", format!("{} imageGroups configured", report.image_groups));
    let argo = if report.applications > 0 {
        format!(", {} Applications", report.applications)
    } else {
        String::new()
    };
    line(
        "flux-resources.json:",
        format!("{} Kustomizations, {} HelmReleases{argo}", report.kustomizations, report.helm_releases),
    );
    let others =
        if report.secrets > 0 { format!(", {} other secrets", report.secrets) } else { String::new() };
    line("secrets-map.json:", format!("{} SecretProviderClasses{others}", report.secret_provider_classes));
    line("configmaps.json:", format!("{} ConfigMaps, {} variables", report.config_maps, report.variables));
    line("services-catalog.json:", format!(" {} services", report.services));
    out::line(&format!("\nSource: {}\nGenerated at: {}", report.source, report.generated_at));
}

/// What is said where no service has a name, with names that are nearly it.
fn unknown_service(name: &str, near: &[String]) -> anyhow::Error {
    let what = lookup::unknown_service(name, near);
    anyhow::anyhow!("{what} It may be in the cluster all the same: kubectl get deploy -A | grep {name}")
}

/// Refuses a name that is none: it would be matched with everything.
fn named(name: &str) -> anyhow::Result<&str> {
    if name.trim().is_empty() { bail!("the name is empty") } else { Ok(name) }
}

/// A list for people: one word for nothing.
fn joined(all: &[String]) -> String {
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}
