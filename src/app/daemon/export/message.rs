//! A record of the audit log as OpenTelemetry's log record. Attributes have the names of the semantic conventions where these have one,
//! else they begin with `rwenv.`.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;

use rwenv_core::model::Decision;
use rwenv_gate::base::clock;
use rwenv_gate::base::redact::redact;
use rwenv_gate::ledger::audit::{self, AuditEntry};

/// The conventions that names are taken from.
pub(super) const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

pub(super) fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn texts(key: &str, values: impl Iterator<Item = String>) -> Option<KeyValue> {
    let values: Vec<AnyValue> =
        values.map(|value| AnyValue { value: Some(Value::StringValue(value)) }).collect();
    (!values.is_empty()).then(|| attribute(key, Value::ArrayValue(ArrayValue { values })))
}

/// This program on this machine.
pub(super) fn resource() -> Resource {
    let machine = audit::machine();
    let attributes = vec![
        text("service.name", "rwenv"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        // One daemon runs for each person on a machine.
        text("service.instance.id", &format!("{}@{machine}", audit::person())),
        text("host.name", &machine),
        text("os.type", if cfg!(target_os = "macos") { "darwin" } else { "linux" }),
    ];
    Resource { attributes, ..Resource::default() }
}

pub(super) fn instrument() -> InstrumentationScope {
    let (name, version) = ("rwenv.audit".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    InstrumentationScope { name, version, ..InstrumentationScope::default() }
}

pub(super) fn nanoseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A request with these records.
pub(super) fn logs(new: &[AuditEntry]) -> ExportLogsServiceRequest {
    let log_records = new.iter().map(record).collect();
    let scope_logs =
        vec![ScopeLogs { scope: Some(instrument()), log_records, schema_url: SCHEMA.to_owned() }];
    let resource_logs =
        vec![ResourceLogs { resource: Some(resource()), scope_logs, schema_url: SCHEMA.to_owned() }];
    ExportLogsServiceRequest { resource_logs }
}

fn record(entry: &AuditEntry) -> LogRecord {
    let is_verdict = !entry.decision.is_empty();
    let (severity, word) = severity(entry);
    let said = if is_verdict { &entry.command } else { &entry.detail };
    LogRecord {
        time_unix_nano: clock::of_rfc3339(&entry.time).map(nanoseconds).unwrap_or_default(),
        observed_time_unix_nano: nanoseconds(clock::now()),
        severity_number: severity as i32,
        severity_text: word.to_owned(),
        // The log is redacted as it is written; a build before may have known fewer secrets.
        body: Some(AnyValue { value: Some(Value::StringValue(redact(said))) }),
        attributes: attributes(entry),
        event_name: if is_verdict { "rwenv.verdict".to_owned() } else { format!("rwenv.{}", entry.event) },
        ..LogRecord::default()
    }
}

fn severity(entry: &AuditEntry) -> (SeverityNumber, &'static str) {
    let is = |decision: Decision| entry.decision == decision.as_str();
    match entry.event.as_str() {
        _ if is(Decision::Deny) || is(Decision::Ask) => (SeverityNumber::Warn, "WARN"),
        "guard-off" | "config-broken" | "part-failed" => (SeverityNumber::Error, "ERROR"),
        _ => (SeverityNumber::Info, "INFO"),
    }
}

fn attributes(entry: &AuditEntry) -> Vec<KeyValue> {
    let mut all = Vec::new();
    let mut add = |key: &str, value: Option<&str>| {
        all.extend(value.filter(|value| !value.is_empty()).map(|value| text(key, value)));
    };
    add("log.record.uid", entry.hash.as_deref());
    add("rwenv.door", Some(&entry.door));
    add("rwenv.decision", Some(&entry.decision));
    add("session.id", entry.session.as_deref());
    add("process.working_directory", Some(&entry.cwd));
    add("user.name", entry.person.as_deref());
    add("rwenv.grant", entry.grant.as_deref());
    add("rwenv.reason", entry.reason.as_deref());
    add("rwenv.worktree", entry.worktree.as_deref());
    add("rwenv.audit_id", entry.audit_id.as_deref());
    if let Some(agent) = &entry.agent {
        add("gen_ai.agent.name", Some(&agent.name));
        add("gen_ai.agent.version", agent.version.as_deref());
        add("rwenv.subagent", agent.subagent.as_deref());
        add("session.id", agent.session.as_deref());
    }
    if let Some(ci) = &entry.ci {
        add("rwenv.ci", Some(&ci.system));
        add("cicd.pipeline.task.name", ci.job.as_deref());
        add("cicd.pipeline.run.url.full", ci.run.as_deref());
    }
    if entry.pid > 0 {
        all.push(attribute("process.pid", Value::IntValue(entry.pid.into())));
    }
    if entry.seq > 0 {
        let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
        all.push(attribute("rwenv.record", Value::IntValue(seq)));
    }
    if let Some(about) = entry.about.and_then(|about| i64::try_from(about).ok()) {
        all.push(attribute("rwenv.about", Value::IntValue(about)));
    }
    all.extend(texts("rwenv.rwenvs", entry.rwenvs.iter().cloned()));
    all.extend(texts("rwenv.effects", entry.effects.iter().cloned()));
    all.extend(texts("rwenv.rules", entry.reasons.iter().map(|said| said.rule.clone())));
    all.extend(texts("rwenv.grants", entry.reasons.iter().filter_map(|said| said.grant.clone())));
    all
}
