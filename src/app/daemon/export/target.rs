//! The collector: where it is, and what it is sent. Named by `otlpEndpoint` in `envs.json`, or by OpenTelemetry's own variables
//! (opentelemetry.io, "OpenTelemetry Protocol Exporter" and "Environment Variable Specification").

use std::time::Duration;

use rwenv_flux::cluster::Web;
use rwenv_gate::base::environment::{Environment, var};
use rwenv_gate::base::redact::redact;
use rwenv_gate::facts::config;

/// Longest that an answer is waited for, as the specification has it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long records are gathered (`OTEL_BLRP_SCHEDULE_DELAY`, milliseconds).
const GATHER: Duration = Duration::from_secs(1);
/// How often metrics are sent (`OTEL_METRIC_EXPORT_INTERVAL`, milliseconds).
const INTERVAL: Duration = Duration::from_secs(60);

/// A collector.
pub(super) struct CollectorTarget {
    server: String,
    path: String,
    headers: Vec<(String, String)>,
    /// How long records are gathered.
    pub(super) gather: Duration,
    /// How often metrics are sent.
    pub(super) interval: Duration,
    /// Its address, as it may be shown.
    pub(super) shown: String,
}

/// What came of a request.
pub(super) enum RequestOutcome {
    /// It was taken; the answer.
    Taken(Vec<u8>),
    /// It is no request that will be taken.
    Refused(String),
}

impl CollectorTarget {
    /// The collector that is named, if one is.
    pub(super) fn of(environment: &Environment) -> Option<Self> {
        let configured = config::load(&environment.config_dir).ok().and_then(|config| config.otlp_endpoint);
        let endpoint = configured.or_else(|| var("OTEL_EXPORTER_OTLP_ENDPOINT"))?;
        let milliseconds = |name: &str, default: Duration| {
            var(name).and_then(|text| text.parse().ok()).map_or(default, Duration::from_millis)
        };
        let (server, path) = split(&endpoint);
        Some(Self {
            headers: var("OTEL_EXPORTER_OTLP_HEADERS").map(|text| headers(&text)).unwrap_or_default(),
            gather: milliseconds("OTEL_BLRP_SCHEDULE_DELAY", GATHER),
            interval: milliseconds("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL),
            shown: redact(&server),
            server,
            path,
        })
    }

    /// Posts a message.
    ///
    /// # Errors
    /// Where it is to be sent again: the collector is away, or says so.
    pub(super) async fn post(&self, signal: &str, body: Vec<u8>) -> Result<RequestOutcome, String> {
        let web = Web::at(&self.server, PATIENCE)?.with_headers(self.headers.clone());
        let path = format!("{}{signal}", self.path);
        let answered =
            web.post_as(&path, "application/x-protobuf", body).await.map_err(|why| redact(&why))?;
        let says = || format!("{} answered {}", self.shown, answered.status);
        match answered.status {
            200..300 => Ok(RequestOutcome::Taken(answered.body)),
            400 | 413 | 422 => Ok(RequestOutcome::Refused(says())),
            // Also where credentials are wrong, or the address: that is mended, and nothing is lost.
            _ => Err(says()),
        }
    }
}

/// A server and the path before `/v1/…`.
fn split(endpoint: &str) -> (String, String) {
    let endpoint = endpoint.trim().trim_end_matches('/');
    let after = endpoint.find("://").map_or(0, |at| at + 3);
    let slash = endpoint.get(after..).and_then(|rest| rest.find('/')).map_or(endpoint.len(), |at| after + at);
    let (server, path) = endpoint.split_at(slash);
    (server.to_owned(), path.to_owned())
}

/// `key=value,key=value`, in which values are percent-encoded (W3C baggage).
fn headers(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_lowercase(), decoded(value.trim())))
    };
    text.split(',').filter_map(pair).collect()
}

fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let pair = others.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.filter(|_| *first == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = others.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_headers_are_read_as_the_specification_says() {
        for (endpoint, server, path) in [
            ("http://localhost:4318", "http://localhost:4318", ""),
            ("http://localhost:4318/", "http://localhost:4318", ""),
            ("https://otlp.example.com/v1/otlp/", "https://otlp.example.com", "/v1/otlp"),
        ] {
            assert_eq!(split(endpoint), (server.to_owned(), path.to_owned()));
        }
        let expected =
            [("api-key", "a=b c"), ("x", "%zz%")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(headers("Api-Key=a=b%20c, x=%zz%,broken"), expected);
    }
}
