//! Where the API guard's side of a rwenv is: the kubeconfig that leads through it.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use crate::base::clock;
use crate::base::environment::Environment;
use crate::base::files;
use rwenv_core::model::Rwenv;

/// Longest wait for the guard to take a connection.
const CONNECT: Duration = Duration::from_millis(100);
/// How long it counts that the guard could not reach a cluster.
const RECENT: Duration = Duration::from_mins(10);

/// Where all of it is.
#[must_use]
pub fn folder(environment: &Environment) -> PathBuf {
    environment.config_dir.join("guard")
}

/// The kubeconfig of a rwenv that leads through the guard.
#[must_use]
pub fn kubeconfig(rwenv: &str, environment: &Environment) -> PathBuf {
    folder(environment).join(format!("{rwenv}.yaml"))
}

/// The names by which programs in containers reach this machine: Docker's and Podman's.
pub const CONTAINER_HOSTS: [&str; 2] = ["host.docker.internal", "host.containers.internal"];

/// The kubeconfig of a rwenv for containers, alone in a folder that can be mounted: the file is replaced when the port changes.
#[must_use]
pub fn container_kubeconfig(rwenv: &str, environment: &Environment) -> PathBuf {
    folder(environment).join("container").join(rwenv).join("kubeconfig")
}

/// Where the guard notes why it cannot reach the cluster of a rwenv.
#[must_use]
pub fn problem(rwenv: &str, environment: &Environment) -> PathBuf {
    folder(environment).join(format!("{rwenv}.problem"))
}

/// Why the guard could not reach the cluster of a rwenv a moment ago.
fn last_problem(rwenv: &str, environment: &Environment) -> Option<String> {
    let path = problem(rwenv, environment);
    let noted = std::fs::metadata(&path).ok()?.modified().ok()?;
    let ago = clock::now().saturating_sub(noted.duration_since(UNIX_EPOCH).ok()?);
    let text = files::read_trusted(&path).ok()??;
    (ago < RECENT).then(|| text.trim().to_owned())
}

/// True for rwenvs whose sessions go through the guard.
#[must_use]
pub fn is_guarded(rwenv: &Rwenv) -> bool {
    rwenv.read_only || rwenv.git_ops_only
}

/// The kubeconfig of a session: the guard's, where it listens. Says why there is none.
///
/// # Errors
/// Where nobody listens, or the guard could not reach the cluster a moment ago: sessions are not sent where nothing comes back.
pub fn session(rwenv: &Rwenv, environment: &Environment) -> Result<PathBuf, String> {
    let path = kubeconfig(rwenv.name.as_str(), environment);
    let not_there = || "the API guard is not running (rwenv daemon start)".to_owned();
    let text = files::read_trusted(&path).map_err(|error| error.to_string())?.ok_or_else(not_there)?;
    port(&text).and_then(listener).ok_or_else(not_there)?;
    match last_problem(rwenv.name.as_str(), environment) {
        Some(why) => Err(format!("the API guard has no way to the cluster ({why})")),
        None => Ok(path),
    }
}

/// The rwenv whose way to its cluster is cut: the kubeconfig that holds is the guard's, and nobody listens there. None where another
/// kubeconfig holds, or the guard listens.
#[must_use]
pub fn cut_off(environment: &Environment) -> Option<String> {
    let path = PathBuf::from(environment.kubeconfig.as_deref()?);
    if path.parent() != Some(&folder(environment)) {
        return None;
    }
    let text = files::read_trusted(&path).ok()??;
    if listener(port(&text)?).is_some() {
        return None;
    }
    Some(path.file_stem()?.to_str()?.to_owned())
}

/// Something where somebody listens at a port.
#[must_use]
pub fn listener(port: u16) -> Option<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, CONNECT).ok().map(drop)
}

/// The port in the server's URL.
fn port(kubeconfig: &str) -> Option<u16> {
    let (_, rest) = kubeconfig.split_once("https://127.0.0.1:")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
