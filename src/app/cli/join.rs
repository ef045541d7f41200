//! `rwenv audit join`: the cluster's own audit log beside ours.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use comfy_table::Cell;

use super::out;
use super::shared::{Output, known};
use crate::ops::joined::{self, JoinedLogs, JoinedRequest};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;

/// Requests of one kind that are listed.
const MOST: usize = 50;

#[derive(Debug, Args)]
pub(super) struct JoinArgs {
    /// The server's audit log, one event per line; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only what the guard let through in this rwenv
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Look for this identity as well, such as system:serviceaccount:agents:reader; may be repeated
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<String>,
    #[command(flatten)]
    output: Output,
}

pub(super) fn join(args: &JoinArgs, environment: &Environment) -> anyhow::Result<u8> {
    if let Some(name) = &args.env {
        known(&config::rwenvs(&environment.config_dir), name)?;
    }
    let server: Box<dyn BufRead> = if args.file == Path::new("-") {
        Box::new(stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(&args.file).with_context(|| args.file.display().to_string())?))
    };
    let joined =
        joined::join(server, args.env.as_deref(), &args.users, environment).map_err(anyhow::Error::msg)?;
    if args.output.json {
        out::json(&joined)?;
    } else {
        show(&joined);
    }
    Ok(u8::from(!joined.is_clean()))
}

fn show(joined: &JoinedLogs) {
    let identities: Vec<&str> = joined.identities.iter().map(String::as_str).collect();
    let JoinedLogs { requests, from, to, unread, .. } = joined;
    out::line(&format!("{requests} requests at the server, {from} to {to}"));
    if *unread > 0 {
        out::line(&format!("{unread} lines are not an audit event (audit.k8s.io/v1)"));
    }
    let identities = if identities.is_empty() { "nobody".to_owned() } else { identities.join(", ") };
    out::line(&format!("through the API guard, as {identities}:"));
    out::line(&format!("  {} changes are in both logs", joined.joined));
    out::line(&format!("  {} reads, by their IDs", joined.read_through_guard));
    list(
        "differ: the server has another request under the ID, or one of which we have no record",
        &joined.differing,
    );
    list("were let through, and are not in the server's log", &joined.missing);
    out::line("by the same identities, not through the guard:");
    out::line(&format!("  {} reads", joined.read_beside));
    list("changes", &joined.beside);
    if joined.identities.is_empty() {
        out::note(
            "No request of the guard's is in the file. Name identities with --user, or look at the server's audit policy.",
        );
    }
}

fn list(what: &str, requests: &[JoinedRequest]) {
    out::line(&format!("  {} {what}", requests.len()));
    if requests.is_empty() {
        return;
    }
    let mut table = out::table(&["TIME (UTC)", "VERB", "STATUS", "USER", "CLIENT", "REQUEST"]);
    for one in requests.iter().take(MOST) {
        let status = one.status.map(|status| status.to_string()).unwrap_or_default();
        let time = one.time.get(..19).unwrap_or(&one.time).to_owned();
        let client = one.client.split(' ').next().unwrap_or_default().to_owned();
        let row = [time, one.verb.clone(), status, one.user.clone(), client, one.target.clone()];
        table.add_row(row.map(|text| Cell::new(text.escape_debug())));
    }
    out::print(&table);
    if requests.len() > MOST {
        out::line(&format!("  and {} more: --json", requests.len() - MOST));
    }
}
