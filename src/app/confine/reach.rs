//! What of this machine and network could be reached when a session began, and what of it the session reaches: sockets, and API servers.

use std::fs;
use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};
use serde::{Deserialize, Serialize};

use super::plan::ConfinementPlan;
use super::session::SessionFolder;
use rwenv_core::model::{Rwenv, SeenContext, host};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files::{self, FileError};
use rwenv_gate::facts::{identity, kubeconfig};

/// Longest wait for an API server.
const PATIENCE: Duration = Duration::from_secs(3);
/// Sockets that are tried, at most.
const MOST: usize = 200;
/// The flag of a socket that listens, in `/proc/net/unix` (`__SO_ACCEPTCON`).
const LISTENS: &str = "00010000";

/// An API server of a rwenv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideServer {
    /// The rwenv.
    pub rwenv: String,
    /// Its URL.
    pub server: String,
}

/// What was there outside when a session began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideList {
    /// Sockets that listen, and that this user may connect to. A name that begins with `@` is no file.
    pub sockets: Vec<String>,
    /// API servers that the person's kubeconfigs name.
    pub servers: Vec<OutsideServer>,
}

/// A socket or server, and what came of connecting to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReachedPlace {
    /// Where.
    pub path: String,
    /// The rwenv, of an API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rwenv: Option<String>,
    /// It took the connection.
    pub connects: bool,
    /// The session is meant to have it.
    pub meant: bool,
    /// Why it did not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl OutsideList {
    /// Gathers it, outside.
    #[must_use]
    pub fn gather(rwenvs: &[Rwenv], environment: &Environment) -> Self {
        let text = fs::read_to_string("/proc/net/unix").unwrap_or_default();
        let mut sockets: Vec<String> = text.lines().filter_map(listening).collect();
        sockets.sort();
        sockets.dedup();
        sockets.truncate(MOST);
        let mut servers = Vec::new();
        for rwenv in rwenvs {
            for place in &rwenv.places {
                let paths = kubeconfig::of_place(place.kubeconfig_path.as_deref(), environment);
                let Some(context) = place.kubernetes_context.as_deref() else { continue };
                if let SeenContext::Cluster(cluster) = identity::seen(&paths, Some(context), environment) {
                    let found = OutsideServer { rwenv: rwenv.name.to_string(), server: cluster.server };
                    if !servers.contains(&found) {
                        servers.push(found);
                    }
                }
            }
        }
        Self { sockets, servers }
    }

    /// Leaves it where the session finds it.
    ///
    /// # Errors
    /// Where the system says no.
    pub fn leave(&self, session: &SessionFolder) -> Result<(), FileError> {
        let text = serde_json::to_string(self).unwrap_or_default();
        files::replace(&file(&session.path), &text, 0o600)
    }

    /// What was left for this session.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn left(session: &Path) -> Result<Self, String> {
        let path = file(session);
        let text = files::read(&path).map_err(|error| error.to_string())?.unwrap_or_default();
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Connects to each socket.
    #[must_use]
    pub fn try_sockets(&self, plan: &ConfinementPlan) -> Vec<ReachedPlace> {
        let shown = |name: &str| !name.starts_with('@') && !plan.conceals(Path::new(name));
        let each = self.sockets.iter().map(|name| reached(name, None, shown(name), connect(name)));
        each.collect()
    }

    /// Connects to each API server. Nothing is asked of it.
    #[must_use]
    pub fn try_servers(&self) -> Vec<ReachedPlace> {
        let each = self.servers.iter().map(|OutsideServer { rwenv, server }| {
            reached(server, Some(rwenv.clone()), true, connect_to_server(server))
        });
        each.collect()
    }
}

fn file(session: &Path) -> PathBuf {
    session.join("outside.json")
}

fn reached(path: &str, rwenv: Option<String>, meant: bool, result: io::Result<()>) -> ReachedPlace {
    let why = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    ReachedPlace { path: path.to_owned(), rwenv, connects: result.is_ok(), meant, why }
}

/// The name of a socket that listens, where this user may connect to it; of a file, where it really lies.
fn listening(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (flags, name) = (words.get(3)?, words.get(7)?);
    if *flags != LISTENS {
        return None;
    }
    if name.starts_with('@') {
        return Some((*name).to_owned());
    }
    let path = fs::canonicalize(name).ok()?;
    let is_socket = fs::metadata(&path).is_ok_and(|meta| meta.file_type().is_socket());
    (is_socket && access(&path, AccessFlags::W_OK).is_ok()).then(|| path.display().to_string())
}

fn connect(name: &str) -> io::Result<()> {
    match name.strip_prefix('@') {
        None => UnixStream::connect(name).map(drop),
        Some(name) => connect_without_file(name),
    }
}

#[cfg(target_os = "linux")]
fn connect_without_file(name: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt as _;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    UnixStream::connect_addr(&address).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn connect_without_file(name: &str) -> io::Result<()> {
    Err(io::Error::other(format!("@{name}: only Linux has such sockets")))
}

fn connect_to_server(server: &str) -> io::Result<()> {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(443);
    let mut last = io::Error::other("it has no address");
    for address in (host(server), port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_that_listen_are_found() {
        let line = |flags: &str, name: &str| {
            format!("00000000b16b5a1f: 00000002 00000000 {flags} 0001 01 2176024 {name}")
        };
        assert_eq!(listening(&line(LISTENS, "@x")), Some("@x".to_owned()));
        assert_eq!(listening(&line("00000000", "@x")), None);
        assert_eq!(listening(&line(LISTENS, "/nowhere/x.sock")), None);
        assert_eq!(listening("000000001479a909: 00000003 00000000 00000000 0001 03  1145"), None);
    }

    #[test]
    fn servers_are_connected_to_and_asked_nothing() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(connect_to_server(&format!("https://127.0.0.1:{port}/clusters/x")).is_ok());
        drop(listener);
        assert!(connect_to_server(&format!("https://127.0.0.1:{port}")).is_err());
    }
}
