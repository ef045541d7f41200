//! `rwenv kubeconfig`: the kubeconfig of a rwenv that leads through the API guard.

use std::path::PathBuf;

use clap::Args;

use super::out;
use super::shared::known;
use crate::guard::{Identity, Listening};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::guarded::CONTAINER_HOSTS;
use rwenv_gate::facts::{config, guarded};

#[derive(Debug, Args)]
pub(super) struct Kubeconfig {
    /// Name of the rwenv
    name: String,
    /// File to write; - prints to standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// For programs in a container, which reach this machine under another name. The file lies alone in a folder that can be mounted
    #[arg(long, value_name = "HOST", num_args = 0..=1, require_equals = true, default_missing_value = CONTAINER_HOSTS[0],
        value_parser = CONTAINER_HOSTS)]
    container: Option<String>,
}

pub(super) fn kubeconfig(args: &Kubeconfig, environment: &Environment) -> anyhow::Result<u8> {
    let rwenvs = config::load(&environment.config_dir)?.rwenvs;
    let rwenv = known(&rwenvs, &args.name)?;
    let mut identity = Identity::of(&rwenvs, environment)?;
    if identity.port() == 0 {
        // Found free and kept, for the daemon to take.
        drop(Listening::at(&mut identity)?);
    }
    let text = identity.kubeconfig(rwenv, args.container.as_deref(), environment)? + "\n";
    match &args.output {
        Some(path) if path.as_os_str() == "-" => out::line(text.trim_end()),
        path => {
            let own = match args.container {
                Some(_) => guarded::container_kubeconfig(&args.name, environment),
                None => guarded::kubeconfig(&args.name, environment),
            };
            let path = path.clone().unwrap_or(own);
            if let Some(folder) = path.parent().filter(|_| args.container.is_some()) {
                files::make_private_dir(folder)?;
            }
            files::write(&path, &text, 0o600)?;
            out::line(&path.display().to_string());
        }
    }
    if guarded::listener(identity.port()).is_none() {
        out::note("the API guard is not running yet: rwenv daemon start");
    }
    Ok(0)
}
