//! `rwenv taskfiles`: tasks for everyday operations of Flux, for repositories that use Task (taskfile.dev).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::out;
use rwenv_gate::base::files;

/// The entry point of a repository.
const ROOT: &str = include_str!("../../../templates/taskfiles/Taskfile.yaml");
/// The tasks.
const FLUX: &str = include_str!("../../../templates/taskfiles/.taskfiles/flux/Taskfile.yaml");
/// Where the tasks are, from the repository's root.
const PLACE: &str = ".taskfiles/flux/Taskfile.yaml";
/// Names Task looks for, in its order (taskfile.dev, "Supported file names").
const NAMES: [&str; 8] = [
    "Taskfile.yml",
    "taskfile.yml",
    "Taskfile.yaml",
    "taskfile.yaml",
    "Taskfile.dist.yml",
    "taskfile.dist.yml",
    "Taskfile.dist.yaml",
    "taskfile.dist.yaml",
];
/// The cluster and the source that are meant where none is named.
const CLUSTER: &str = "infra";
const SOURCE: &str = "k8s-ops";

#[derive(Debug, Args)]
pub(super) struct Taskfiles {
    #[command(subcommand)]
    command: TaskfilesCommand,
}

#[derive(Debug, Subcommand)]
enum TaskfilesCommand {
    /// Write Taskfile.yaml and .taskfiles/flux/Taskfile.yaml into a repository
    #[command(
        after_help = "The tasks call flux and kubectl or, with ENGINE=rwenv, rwenv flux. An existing Taskfile is not changed.\n\n\
                      Examples:\n  rwenv taskfiles install\n  rwenv taskfiles install ~/code/k8s-ops --cluster prod --source flux-system\n  \
                      task --list\n  task flux:reconcile APP=web CLUSTER=prod ENGINE=rwenv"
    )]
    Install(TaskfilesInstallArgs),
}

#[derive(Debug, Args)]
struct TaskfilesInstallArgs {
    /// Repository
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Default cluster
    #[arg(long, default_value = CLUSTER, value_name = "CONTEXT", value_parser = plain)]
    cluster: String,
    /// Default GitRepository
    #[arg(long, default_value = SOURCE, value_name = "NAME", value_parser = plain)]
    source: String,
    /// Overwrite tasks that were changed
    #[arg(long)]
    force: bool,
}

/// A name that stands in YAML, in a template and in a shell as it is.
fn plain(name: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.@:/".contains(c);
    if !name.is_empty() && name.chars().all(good) {
        Ok(name.to_owned())
    } else {
        Err("letters, digits and -_.@:/ make a name".to_owned())
    }
}

pub(super) fn taskfiles(args: &Taskfiles) -> anyhow::Result<u8> {
    let TaskfilesCommand::Install(args) = &args.command;
    if !args.dir.is_dir() {
        bail!("{} is not a folder", args.dir.display());
    }
    let filled = |text: &str| {
        text.replace(&format!("default \"{CLUSTER}\""), &format!("default \"{}\"", args.cluster))
            .replace(&format!("(default: {CLUSTER})"), &format!("(default: {})", args.cluster))
            .replace(&format!("default \"{SOURCE}\""), &format!("default \"{}\"", args.source))
            .replace(&format!("(default: {SOURCE})"), &format!("(default: {})", args.source))
    };
    let path = args.dir.join(PLACE);
    let tasks = filled(FLUX);
    match files::read(&path)? {
        Some(there) if there == tasks => out::line(&format!("{} is current", path.display())),
        Some(_) if !args.force => {
            bail!("{} exists and differs; overwrite it with --force", path.display())
        }
        _ => write(&path, &tasks)?,
    }
    let root = NAMES.iter().map(|name| args.dir.join(name)).find(|path| path.exists());
    match root {
        None => write(&args.dir.join("Taskfile.yaml"), &filled(ROOT))?,
        Some(root) if files::read(&root)?.unwrap_or_default().contains(PLACE) => {
            out::line(&format!("{} includes them", root.display()));
        }
        Some(root) => out::note(&format!(
            "{} is yours and stays as it is; add to it:\n\nincludes:\n  flux:\n    taskfile: {PLACE}\n    aliases: [\"f\"]",
            root.display()
        )),
    }
    Ok(0)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    files::write(path, text, 0o644)?;
    out::line(&format!("{} is written", path.display()));
    Ok(())
}
