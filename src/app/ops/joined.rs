//! The cluster's own audit log beside ours, joined by audit ID: what the guard let through is what the server recorded, and what came to the
//! server another way (`audit.k8s.io/v1`, kubernetes.io/docs/tasks/debug/debug-cluster/audit).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};

use crate::guard::AUDIT_PREFIX;
use rwenv_core::model::Decision;
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::ledger::audit;

/// The verbs that change nothing.
const READS: [&str; 3] = ["get", "list", "watch"];
/// Subresources of pods and nodes that are entered by a `get`.
const ENTERED: [&str; 4] = ["exec", "attach", "portforward", "proxy"];

/// A request, as the server has it. What is not named here is not read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServerEvent {
    #[serde(rename = "auditID")]
    audit_id: String,
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    user: ServerUser,
    user_agent: String,
    object_ref: Option<ServerObject>,
    response_status: Option<ServerStatus>,
    #[serde(rename = "sourceIPs")]
    source_ips: Vec<String>,
    request_received_timestamp: String,
    /// Of a list of events, as a webhook sends them.
    items: Option<Vec<ServerEvent>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ServerUser {
    username: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ServerStatus {
    code: u16,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ServerObject {
    subresource: String,
}

/// A request that is told.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinedRequest {
    /// When the server received it, RFC 3339 in UTC; of a record without an event when it was judged.
    pub time: String,
    /// Its ID in both logs.
    #[serde(rename = "auditID")]
    pub audit_id: String,
    /// The identity; empty where only our record is there.
    pub user: String,
    /// What it did, as the server calls it.
    pub verb: String,
    /// Its path and query.
    pub target: String,
    /// The status it was answered with.
    pub status: Option<u16>,
    /// The program that sent it.
    pub client: String,
    /// Where it came from.
    pub from: Vec<String>,
}

/// Both logs, joined.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinedLogs {
    /// Requests in the server's log.
    pub requests: u64,
    /// The first and the last time in it.
    pub from: String,
    /// The last.
    pub to: String,
    /// Lines that are no event.
    pub unread: u64,
    /// Changes that both logs have, as the same request.
    pub joined: u64,
    /// Reads that came through the guard. Of these we have no record: their ID says it.
    pub read_through_guard: u64,
    /// The identities that the guard's requests have at the server.
    pub identities: BTreeSet<String>,
    /// Requests whose ID is of a record of ours that is about another request, or of no record though they change something.
    pub differing: Vec<JoinedRequest>,
    /// Changes of the same identities that did not come through the guard.
    pub beside: Vec<JoinedRequest>,
    /// Reads of the same identities that did not come through the guard.
    pub read_beside: u64,
    /// Changes that the guard let through within the times of the file, and that the server's log does not have.
    pub missing: Vec<JoinedRequest>,
}

impl JoinedLogs {
    /// True where nothing changed another way, and nothing differs.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differing.is_empty() && self.beside.is_empty()
    }
}

/// A record of ours.
struct OwnRecord {
    line: String,
    time: String,
}

/// Joins the server's log with ours. `users` are identities to look for beside those that the guard's requests have.
///
/// # Errors
/// Where one of both cannot be read.
pub fn join(
    server: impl BufRead,
    rwenv: Option<&str>,
    users: &[String],
    environment: &Environment,
) -> Result<JoinedLogs, String> {
    let mut own: BTreeMap<String, OwnRecord> = BTreeMap::new();
    audit::entries(environment, |entry| {
        let passed = entry.decision != Decision::Deny.as_str();
        if let Some(id) =
            entry.audit_id.clone().filter(|_| passed && rwenv.is_none_or(|name| entry.concerns(name)))
        {
            own.insert(id, OwnRecord { line: entry.command, time: entry.time });
        }
    })
    .map_err(|error| error.to_string())?;
    let (events, unread) =
        events(server).map_err(|error| format!("the server's log cannot be read: {error}"))?;
    let mut out = JoinedLogs { requests: events.len() as u64, unread, ..JoinedLogs::default() };
    // Kubernetes writes microseconds; as times both compare.
    let time = |event: &ServerEvent| clock::of_rfc3339(&event.request_received_timestamp).map(clock::rfc3339);
    let times: Vec<String> = events.values().filter_map(time).collect();
    out.from = times.iter().min().cloned().unwrap_or_default();
    out.to = times.iter().max().cloned().unwrap_or_default();
    let is_ours = |event: &&ServerEvent| event.audit_id.starts_with(AUDIT_PREFIX);
    out.identities = events.values().filter(is_ours).map(|event| event.user.username.clone()).collect();
    out.identities.extend(users.iter().cloned());
    for event in events.values() {
        place(&mut out, event, own.remove(&event.audit_id));
    }
    let within = |record: &&OwnRecord| record.time >= out.from && record.time <= out.to;
    let missing = own.iter().filter(|(_, record)| within(record));
    out.missing = missing.map(|(id, record)| of_record(id, record)).collect();
    let by_time = |a: &JoinedRequest, b: &JoinedRequest| a.time.cmp(&b.time);
    out.beside.sort_by(by_time);
    out.differing.sort_by(by_time);
    out.missing.sort_by(by_time);
    Ok(out)
}

/// The requests of a log by their IDs: of the stages of one the last that says how it was answered.
fn events(server: impl BufRead) -> io::Result<(BTreeMap<String, ServerEvent>, u64)> {
    let (mut all, mut unread) = (BTreeMap::<String, ServerEvent>::new(), 0);
    for line in server.lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let Ok(event) = serde_json::from_str::<ServerEvent>(&line) else {
            unread += 1;
            continue;
        };
        for event in event.items.clone().unwrap_or_else(|| vec![event]) {
            if event.audit_id.is_empty() || event.verb.is_empty() {
                unread += 1;
                continue;
            }
            let known = all.entry(event.audit_id.clone()).or_insert_with(|| event.clone());
            if event.response_status.is_some()
                && (known.response_status.is_none() || event.stage == "ResponseComplete")
            {
                *known = event;
            }
        }
    }
    Ok((all, unread))
}

fn place(out: &mut JoinedLogs, event: &ServerEvent, record: Option<OwnRecord>) {
    match record {
        Some(record) if is_same(&record.line, event) => out.joined += 1,
        Some(_) => out.differing.push(of_event(event)),
        None if event.audit_id.starts_with(AUDIT_PREFIX) && is_read(event) => out.read_through_guard += 1,
        // A client that chose such an ID itself.
        None if event.audit_id.starts_with(AUDIT_PREFIX) => out.differing.push(of_event(event)),
        None if !out.identities.contains(&event.user.username) => {}
        None if is_read(event) => out.read_beside += 1,
        None => out.beside.push(of_event(event)),
    }
}

/// True for a request that only looks.
fn is_read(event: &ServerEvent) -> bool {
    let subresource = event.object_ref.as_ref().map(|object| object.subresource.as_str()).unwrap_or_default();
    // Nobody is changed by being told what they may do.
    let review = ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"];
    let asks = review.iter().any(|name| path(&event.request_uri).ends_with(name));
    let dry = event
        .request_uri
        .split_once('?')
        .is_some_and(|(_, query)| query.split('&').any(|pair| pair == "dryRun=All"));
    asks || dry || (READS.contains(&event.verb.as_str()) && !ENTERED.contains(&subresource))
}

/// True where a record's line is the server's request.
fn is_same(line: &str, event: &ServerEvent) -> bool {
    let Some((method, target)) = line.split_once(' ') else { return false };
    let methods: &[&str] = match event.verb.as_str() {
        "create" => &["POST"],
        "update" => &["PUT"],
        "patch" => &["PATCH"],
        "delete" | "deletecollection" => &["DELETE"],
        "connect" => &["GET", "POST", "PUT", "PATCH", "DELETE"],
        // Programs in pods are entered by either.
        _ => &["GET", "POST", "HEAD"],
    };
    let entered =
        event.object_ref.as_ref().is_some_and(|object| ENTERED.contains(&object.subresource.as_str()));
    path(target) == path(&event.request_uri) && (entered || methods.contains(&method))
}

fn path(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

fn of_event(event: &ServerEvent) -> JoinedRequest {
    JoinedRequest {
        time: event.request_received_timestamp.clone(),
        audit_id: event.audit_id.clone(),
        user: event.user.username.clone(),
        verb: event.verb.clone(),
        target: event.request_uri.clone(),
        status: event.response_status.as_ref().map(|status| status.code),
        client: event.user_agent.clone(),
        from: event.source_ips.clone(),
    }
}

fn of_record(id: &str, record: &OwnRecord) -> JoinedRequest {
    let (verb, target) = record.line.split_once(' ').unwrap_or_default();
    JoinedRequest {
        time: record.time.clone(),
        audit_id: id.to_owned(),
        user: String::new(),
        verb: verb.to_owned(),
        target: target.to_owned(),
        status: None,
        client: String::new(),
        from: Vec::new(),
    }
}
