//! What `rwenv services`, `guide`, `where` and `graph` take.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::shared::Output;

#[derive(Debug, Args)]
pub(in crate::cli) struct ServicesArgs {
    #[command(subcommand)]
    pub(super) command: ServicesCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ServicesCommand {
    /// List all services, where each runs and what defines it
    List {
        /// Only services in this namespace
        #[arg(long, short)]
        namespace: Option<String>,
        #[command(flatten)]
        source: SourceArgs,
    },
    /// Show the details of a service
    Show(EntryArgs),
    /// Show the folder and file that define a service
    Where(EntryArgs),
    /// Show the namespace a service runs in
    Namespace(EntryArgs),
    /// Compare Git with the cluster: services that exist on one side only
    #[command(after_help = "Exit status: 0 no difference, 1 they differ or the cluster cannot be reached.")]
    Drift(SourceArgs),
    /// Rebuild the catalog files from the clone
    Regenerate(Regenerate),
}

#[derive(Debug, Args)]
pub(super) struct EntryArgs {
    /// Name of the service
    pub(super) name: String,
    #[command(flatten)]
    pub(super) source: SourceArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Guide {
    #[command(subcommand)]
    pub(super) command: GuideCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum GuideCommand {
    /// Rebuild services.json, flux-resources.json, secrets-map.json and configmaps.json from the clone
    Regenerate(Regenerate),
    /// Print the JSON Schema of one of the files
    Schema {
        /// File
        file: CatalogDocument,
    },
    /// Show the guide on one topic
    Show {
        /// Topic
        topic: GuideTopic,
        #[command(flatten)]
        source: SourceArgs,
    },
}

/// A file of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CatalogDocument {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum GuideTopic {
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
pub(super) struct Regenerate {
    /// Name of the rwenv [default: the selected one]
    pub(super) name: Option<String>,
    /// Do not contact the cluster
    #[arg(long)]
    pub(super) offline: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WhereArgs {
    /// Kind, kind and name (deployment/web, hr/podinfo), or a name of any kind
    #[arg(value_name = "KIND[/NAME]")]
    pub(super) what: String,
    /// Name, when it does not follow the kind after a slash
    pub(super) name: Option<String>,
    /// Only objects in this namespace
    #[arg(long, short)]
    pub(super) namespace: Option<String>,
    /// Show the line of this key of a ConfigMap
    #[arg(long)]
    pub(super) key: Option<String>,
    #[command(flatten)]
    pub(super) source: SourceArgs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct GraphArgs {
    /// Draw only what this has to do with: a service, ks/NAME, hr/NAME
    pub(super) name: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = GraphFormat::Mermaid)]
    pub(super) format: GraphFormat,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) source: SourceArgs,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphFormat {
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
pub(super) struct SourceArgs {
    /// Name of the rwenv [default: the selected one]
    #[arg(long, value_name = "NAME")]
    pub(super) rwenv: Option<String>,
    /// Read this folder instead of the rwenv's clone
    #[arg(long, value_name = "DIR", conflicts_with = "rwenv")]
    pub(super) dir: Option<PathBuf>,
    /// Read this commit instead of the working tree
    #[arg(long = "ref", value_name = "REVISION")]
    pub(super) revision: Option<String>,
    /// Include the other clusters of the repository
    #[arg(long)]
    pub(super) all_clusters: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

impl SourceArgs {
    /// The repository of a rwenv, as its clone lies there.
    pub(super) fn of(rwenv: &str) -> Self {
        Self {
            rwenv: Some(rwenv.to_owned()),
            dir: None,
            revision: None,
            all_clusters: false,
            output: Output::default(),
        }
    }
}
