//! Where the API guard's side of a rwenv is: the kubeconfig that leads through it.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use crate::base::environment::Environment;
use crate::base::files;
use rwenv_core::model::Rwenv;

/// Longest wait for the guard to take a connection.
const CONNECT: Duration = Duration::from_millis(100);

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

/// True for rwenvs whose sessions go through the guard.
#[must_use]
pub fn is_guarded(rwenv: &Rwenv) -> bool {
    rwenv.read_only || rwenv.git_ops_only
}

/// The kubeconfig of a session: the guard's, where it listens. Says why there is none.
///
/// # Errors
/// Where nobody listens.
pub fn session(rwenv: &Rwenv, environment: &Environment) -> Result<PathBuf, String> {
    let path = kubeconfig(rwenv.name.as_str(), environment);
    let not_there = || "the API guard is not running (rwenv daemon start)".to_owned();
    let text = files::read_trusted(&path).map_err(|error| error.to_string())?.ok_or_else(not_there)?;
    port(&text).and_then(listener).map(|()| path).ok_or_else(not_there)
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
