//! `rwenv mcp`: what an agent otherwise asks the command line for, as tools of the Model Context Protocol over standard input and output.
//! Each tool stands for a command line of this program: that line is judged and recorded, and its `--json` is the answer.

mod given;
mod schema;
mod server;
mod told;
mod tools;

use std::fs::File;
use std::io::IsTerminal as _;

use anyhow::Context as _;
use nix::unistd;
use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;

use super::out;
use rwenv_flux::repos;
use rwenv_gate::base::environment::Environment;
use server::ToolServer;

/// Serves one client until it goes away.
pub(super) fn serve(environment: &Environment) -> anyhow::Result<u8> {
    if std::io::stdin().is_terminal() {
        out::note("This speaks the Model Context Protocol to an agent; docs/mcp.md says how to register it.");
    }
    let (input, output) = own_streams().context("standard input and output")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let streams = (tokio::fs::File::from_std(input), tokio::fs::File::from_std(output));
        match ToolServer::new(environment).serve(streams).await {
            Ok(running) => drop(running.waiting().await?),
            // It went away before it said anything.
            Err(ServerInitializeError::ConnectionClosed(_)) => {}
            Err(error) => {
                return Err(anyhow::Error::new(error).context("the client began with something else"));
            }
        }
        Ok(0)
    });
    // Nobody waits for what calls are still at.
    repos::cancel();
    runtime.shutdown_background();
    served
}

/// The streams of the protocol, for this server alone: a program that a call starts reads nothing of it, and whatever is printed goes to
/// standard error.
fn own_streams() -> anyhow::Result<(File, File)> {
    let input = unistd::dup(std::io::stdin())?;
    let output = unistd::dup(std::io::stdout())?;
    unistd::dup2_stdin(File::open("/dev/null")?)?;
    unistd::dup2_stdout(std::io::stderr())?;
    Ok((input.into(), output.into()))
}
