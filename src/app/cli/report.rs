//! `rwenv run --probe`: what a confined program could open, told from inside.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use comfy_table::Cell;
use serde::Serialize;

use super::out;
use crate::confine::{CameOfIt, OutsideList, ReachedPlace, TriedPlace, TriedSession};
use crate::ops::check::Check;
use crate::ops::doctor;
use rwenv_gate::base::environment::{Environment, under_home};

/// The word by which `rwenv run --probe` starts the inner side.
pub(super) const WORD: &str = "report";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CustodyReport {
    means: String,
    credentials: Vec<TriedPlace>,
    sockets: Vec<ReachedPlace>,
    servers: Vec<ReachedPlace>,
    custody: Vec<Check>,
}

impl CustodyReport {
    /// True where nothing that was to be hidden was reached.
    fn holds(&self) -> bool {
        self.credentials.iter().all(|place| place.came != CameOfIt::Opens)
            && self.sockets.iter().all(|socket| !socket.connects || socket.meant)
            && self.custody.iter().all(|check| check.level != Some("C0"))
    }
}

/// Tries everything, and shows what came of it. The exit status is 1 where something was reached that was to be hidden.
pub(super) fn report(json: bool, environment: &Environment) -> anyhow::Result<u8> {
    let session = TriedSession::here(environment).map_err(|why| anyhow!(why))?;
    let session = session.context("this is not inside of a session; start it with rwenv run --probe")?;
    let outside = OutsideList::left(&session.confinement.folder).map_err(|why| anyhow!(why))?;
    let report = CustodyReport {
        means: session.confinement.means.clone(),
        sockets: outside.try_sockets(&session.plan),
        servers: outside.try_servers(),
        credentials: session.places,
        custody: doctor::custody(environment),
    };
    if json {
        out::json(&report)?;
    } else {
        show(&report);
    }
    Ok(u8::from(!report.holds()))
}

fn show(report: &CustodyReport) {
    let mut table = out::table(&["WHAT", "WHERE", "CAME OF IT"]);
    for TriedPlace { path, about, came } in &report.credentials {
        table.add_row([about.as_str(), &under_home(path), came.as_str()].map(Cell::new));
    }
    for socket in &report.sockets {
        let came = match (socket.connects, socket.meant) {
            (false, _) => format!("no connection: {}", socket.why),
            (true, true) => "connects, as it is meant to".to_owned(),
            (true, false) => "connects".to_owned(),
        };
        table.add_row(["a socket", &under_home(Path::new(&socket.path)), &came].map(Cell::new));
    }
    for server in &report.servers {
        let open = |check: &Check| check.rwenv == server.rwenv && check.level == Some("C0");
        let came = match (server.connects, report.custody.iter().any(open)) {
            (false, _) => format!("no connection: {}", server.why),
            (true, false) => "connects; no credentials for it are here".to_owned(),
            (true, true) => "connects; credentials for it are here".to_owned(),
        };
        let what = format!("API server of {}", server.rwenv.as_deref().unwrap_or_default());
        table.add_row([&what, &server.path, &came].map(Cell::new));
    }
    out::print(&table);
    out::note(&format!("confined by {}", report.means));
    for check in &report.custody {
        out::note(&format!("{}: {}", check.rwenv.as_deref().unwrap_or_default(), check.says));
    }
}
