//! The way to the API guard out of an agent's own sandbox. Loopback there is the sandbox's own, and only a proxy leads out, to the hosts that the
//! agent allows. Go programs use no proxy for loopback, unless their kubeconfig names one: so a tool is given the guard's kubeconfig with it.

use std::path::PathBuf;

use serde_json::Value;

use crate::base::environment::{Environment, var};
use crate::base::files;
use crate::facts::guarded;

/// Set by Claude Code's sandbox for the commands in it.
const SANDBOX: &str = "SANDBOX_RUNTIME";
/// Where it says which proxy leads out.
const PROXY: &str = "HTTP_PROXY";
/// How such a proxy begins: one on this machine, after the name and password that it may want.
const LOOPBACK: [&str; 2] = ["127.0.0.1:", "localhost:"];

/// The kubeconfig that leads through the guard from here; none outside of a sandbox, and where another kubeconfig holds than the guard's.
pub(super) fn kubeconfig(environment: &Environment) -> Option<PathBuf> {
    var(SANDBOX)?;
    let proxy = var(PROXY)?;
    let host = proxy.strip_prefix("http://")?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if !LOOPBACK.iter().any(|known| host.starts_with(known)) {
        return None;
    }
    let own = PathBuf::from(environment.kubeconfig.as_deref()?);
    if own.parent() != Some(&guarded::folder(environment)) {
        return None;
    }
    let mut config: Value = serde_json::from_str(&files::read_trusted(&own).ok()??).ok()?;
    let cluster = config.pointer_mut("/clusters/0/cluster")?.as_object_mut()?;
    cluster.insert("proxy-url".to_owned(), Value::String(proxy));
    let place = PathBuf::from(var("TMPDIR")?).join(format!("rwenv-guard-{}", own.file_name()?.to_str()?));
    files::replace(&place, &config.to_string(), 0o600).ok()?;
    Some(place)
}
