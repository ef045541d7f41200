//! The way to a service inside the cluster: kubectl's own port-forward, for as long as it is needed.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::DatabaseError;
use super::place::DatabaseEndpoint;
use crate::cluster::Cluster;
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::process;
use rwenv_gate::base::program;

/// Longest it may take to open.
const OPEN: Duration = Duration::from_secs(20);
/// Ports databases are served at, and their poolers.
const PORTS: [&str; 2] = ["5432", "6432"];

/// An open tunnel; it is closed where this is dropped.
pub(super) struct Tunnel {
    child: Child,
    /// Where it begins on this machine.
    pub(super) port: u16,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
}

impl Tunnel {
    /// Opens a tunnel to the service of a database, at the port it has.
    pub(super) async fn open(
        rwenv: &Rwenv,
        place: &DatabaseEndpoint<'_>,
        environment: &Environment,
    ) -> Result<Self, DatabaseError> {
        let (kubeconfig, context) = Cluster::place(rwenv, environment)?;
        let failed = |why: String| DatabaseError::Tunnel {
            service: place.service.to_owned(),
            namespace: place.namespace.to_owned(),
            why,
        };
        let kubectl = program::find("kubectl", environment)
            .ok_or_else(|| failed("kubectl is not on PATH, and the tunnel is its port-forward".to_owned()))?;
        let mut why = String::new();
        for port in PORTS {
            let mut command = Command::new(&kubectl);
            command
                .arg("--kubeconfig")
                .arg(&kubeconfig)
                .arg("--context")
                .arg(&context)
                .args(["-n", place.namespace]);
            command.args(["port-forward", "--address", "127.0.0.1"]);
            command.arg(format!("svc/{}", place.service)).arg(format!(":{port}"));
            // It waits for a line of another program's.
            let opened = tokio::task::spawn_blocking(move || start(command)).await;
            match opened.unwrap_or_else(|error| Err(error.to_string())) {
                Ok(tunnel) => return Ok(tunnel),
                // The service has another port: the next one is tried.
                Err(said) => why = said,
            }
        }
        Err(failed(why))
    }
}

/// Starts kubectl, and waits until it says where the tunnel begins.
fn start(mut command: Command) -> Result<Tunnel, String> {
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let stderr = process::gather(child.stderr.take());
    let (send, lines) = mpsc::channel();
    let stdout = child.stdout.take();
    std::thread::spawn(move || {
        let lines = stdout.map(|stdout| BufReader::new(stdout).lines());
        for line in lines.into_iter().flatten().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    let mut tunnel = Tunnel { child, port: 0 };
    while let Ok(line) = lines.recv_timeout(OPEN) {
        if let Some(port) = begins_at(&line) {
            tunnel.port = port;
            return Ok(tunnel);
        }
    }
    drop(tunnel);
    let said = stderr.recv_timeout(process::AFTERWARDS).unwrap_or_default();
    let said = said.trim().lines().next_back().unwrap_or("kubectl did not open it in time").to_owned();
    Err(said)
}

/// `Forwarding from 127.0.0.1:40123 -> 5432`.
fn begins_at(line: &str) -> Option<u16> {
    line.strip_prefix("Forwarding from 127.0.0.1:")?.split_whitespace().next()?.parse().ok()
}
