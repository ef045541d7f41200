//! `rwenv kubeconfig`: the kubeconfig of a rwenv that leads through the API guard.

use std::path::PathBuf;

use clap::Args;

use super::out;
use super::shared::known;
use crate::guard::{Identity, Listening};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::{config, guarded};

#[derive(Debug, Args)]
pub(super) struct Kubeconfig {
    /// Name of the rwenv
    name: String,
    /// File to write; - prints to standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn kubeconfig(args: &Kubeconfig, environment: &Environment) -> anyhow::Result<u8> {
    let rwenvs = config::load(&environment.config_dir)?.rwenvs;
    let rwenv = known(&rwenvs, &args.name)?;
    let mut identity = Identity::of(&rwenvs, environment)?;
    if identity.port() == 0 {
        // Found free and kept, for the daemon to take.
        drop(Listening::at(&mut identity)?);
    }
    let text = identity.kubeconfig(rwenv, environment)? + "\n";
    match &args.output {
        Some(path) if path.as_os_str() == "-" => out::line(text.trim_end()),
        path => {
            let path = path.clone().unwrap_or_else(|| guarded::kubeconfig(&args.name, environment));
            files::write(&path, &text, 0o600)?;
            out::line(&path.display().to_string());
        }
    }
    if guarded::listener(identity.port()).is_none() {
        out::note("the API guard is not running yet: rwenv daemon start");
    }
    Ok(0)
}
