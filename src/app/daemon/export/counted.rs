//! Metrics: what was sent, counted, and how the guard is now.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};

use super::message::{SCHEMA, instrument, nanoseconds, resource, text};
use rwenv_flux::repos::{self, FluxRepository};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::config;
use rwenv_gate::ledger::audit::AuditEntry;
use rwenv_gate::ledger::grants;

/// Verdicts and events since the daemon started.
pub(super) struct Counted {
    since: u64,
    verdicts: BTreeMap<(String, String, String), i64>,
    events: BTreeMap<String, i64>,
}

/// How the guard is at one moment.
pub(super) struct LookedAt {
    off: i64,
    grants: i64,
    /// Seconds since each clone was synced.
    clones: Vec<(String, i64)>,
}

/// Looks at the grants and clones.
pub(super) fn looked(off: usize, environment: &Environment) -> LookedAt {
    let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let now = clock::now().as_secs();
    let rwenvs = config::rwenvs(&environment.config_dir);
    let age = |flux: FluxRepository| {
        let synced = repos::status(&flux).ok()?.synced?;
        Some((flux.name.to_string(), i64::try_from(now.saturating_sub(synced)).unwrap_or(i64::MAX)))
    };
    let clones = rwenvs.all.iter().filter_map(|rwenv| age(FluxRepository::of(rwenv, environment).ok()?));
    LookedAt { off: whole(off), grants: whole(grants::live(environment).len()), clones: clones.collect() }
}

impl Counted {
    pub(super) fn begun() -> Self {
        Self { since: nanoseconds(clock::now()), verdicts: BTreeMap::new(), events: BTreeMap::new() }
    }

    pub(super) fn take(&mut self, entry: &AuditEntry) {
        if entry.decision.is_empty() {
            *self.events.entry(entry.event.clone()).or_default() += 1;
            return;
        }
        let rwenv = entry.rwenvs.first().cloned().unwrap_or_default();
        *self.verdicts.entry((entry.decision.clone(), entry.door.clone(), rwenv)).or_default() += 1;
    }

    /// A request with all of it.
    pub(super) fn message(&self, looked: &LookedAt) -> ExportMetricsServiceRequest {
        let now = nanoseconds(clock::now());
        let point = |value: i64, attributes: Vec<KeyValue>| NumberDataPoint {
            attributes,
            start_time_unix_nano: self.since,
            time_unix_nano: now,
            value: Some(Value::AsInt(value)),
            ..NumberDataPoint::default()
        };
        let verdicts = self.verdicts.iter().map(|((decision, door, rwenv), count)| {
            let attributes = [("rwenv.decision", decision), ("rwenv.door", door), ("rwenv.name", rwenv)];
            point(*count, attributes.map(|(key, value)| text(key, value)).to_vec())
        });
        let events = self.events.iter().map(|(event, count)| point(*count, vec![text("rwenv.event", event)]));
        let clones = looked.clones.iter().map(|(rwenv, age)| point(*age, vec![text("rwenv.name", rwenv)]));
        let metrics = vec![
            sum("rwenv.verdicts", "Verdicts", "{verdict}", verdicts.collect()),
            sum("rwenv.events", "Events of the guard and of grants", "{event}", events.collect()),
            gauge(
                "rwenv.guard.off",
                "Doors of the guard that are off",
                "{door}",
                vec![point(looked.off, Vec::new())],
            ),
            gauge("rwenv.grants", "Grants that count now", "{grant}", vec![point(looked.grants, Vec::new())]),
            gauge("rwenv.clone.age", "Time since a clone was synced", "s", clones.collect()),
        ];
        let scope_metrics =
            vec![ScopeMetrics { scope: Some(instrument()), metrics, schema_url: SCHEMA.to_owned() }];
        let resource_metrics = vec![ResourceMetrics {
            resource: Some(resource()),
            scope_metrics,
            schema_url: SCHEMA.to_owned(),
        }];
        ExportMetricsServiceRequest { resource_metrics }
    }
}

fn metric(name: &str, description: &str, unit: &str, data: Data) -> Metric {
    let (name, description, unit) = (name.to_owned(), description.to_owned(), unit.to_owned());
    Metric { name, description, unit, data: Some(data), ..Metric::default() }
}

fn sum(name: &str, description: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    let aggregation_temporality = AggregationTemporality::Cumulative as i32;
    metric(
        name,
        description,
        unit,
        Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true }),
    )
}

fn gauge(name: &str, description: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, description, unit, Data::Gauge(Gauge { data_points }))
}
