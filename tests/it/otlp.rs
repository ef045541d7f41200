//! The audit log to a collector: by a recording OTLP server, which is killed, and by OpenTelemetry's own collector.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message as _;
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::ledger::audit;

use crate::daemon::Setting;
use crate::fetched;
use crate::support::{ENVS, skip, variable};

/// Not a collector: a server that keeps what it is sent, and can be killed within a request.
#[derive(Default)]
struct RecordingServer {
    logs: Mutex<Vec<LogRecord>>,
    metrics: Mutex<Vec<ExportMetricsServiceRequest>>,
    heads: Mutex<Vec<String>>,
    /// What it answers with, first to last; then 200.
    statuses: Mutex<Vec<u16>>,
    dead: AtomicBool,
}

/// No status: what is sent is kept, and nothing is answered.
const TAKEN_UNANSWERED: u16 = 0;

/// A run of it, on a port.
struct ServerRun {
    server: Arc<RecordingServer>,
    port: u16,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl ServerRun {
    fn start(server: &Arc<RecordingServer>, port: u16) -> Self {
        let listener = (0..100).find_map(|_| {
            TcpListener::bind(("127.0.0.1", port))
                .inspect_err(|_| std::thread::sleep(Duration::from_millis(50)))
                .ok()
        });
        let listener = listener.unwrap();
        let port = listener.local_addr().unwrap().port();
        server.dead.store(false, Ordering::SeqCst);
        let own = Arc::clone(server);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if own.dead.load(Ordering::SeqCst) {
                    return;
                }
                // A client that goes away within a request is no matter.
                let _ = own.serve(stream);
            }
        });
        Self { server: Arc::clone(server), port, thread: Some(thread) }
    }

    /// Kills it: what it answers no more may be kept all the same, and nobody listens afterwards.
    fn kill(mut self) -> u16 {
        self.server.dead.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.thread.take().unwrap().join().unwrap();
        self.port
    }
}

impl RecordingServer {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let length =
            head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        let status = self.statuses.lock().unwrap().pop().unwrap_or(200);
        if status == 200 || status == TAKEN_UNANSWERED {
            self.record(&head, &body);
        }
        self.heads.lock().unwrap().push(head);
        if self.dead.load(Ordering::SeqCst) || status == TAKEN_UNANSWERED {
            // Killed between the record and the answer.
            return Ok(());
        }
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
        )
    }

    fn record(&self, head: &str, body: &[u8]) {
        if head.starts_with("POST /v1/logs ") {
            let request = ExportLogsServiceRequest::decode(body).unwrap();
            let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
            self.logs.lock().unwrap().extend(scopes.flat_map(|scope| scope.log_records));
        } else if head.starts_with("POST /v1/metrics ") {
            self.metrics.lock().unwrap().push(ExportMetricsServiceRequest::decode(body).unwrap());
        }
    }

    /// How often each record came, by its name.
    fn times(&self) -> BTreeMap<String, usize> {
        let mut all = BTreeMap::new();
        for record in self.logs.lock().unwrap().iter() {
            *all.entry(text(&record.attributes, "log.record.uid").unwrap()).or_default() += 1;
        }
        all
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}

/// A HOME whose daemon sends to this port.
fn sending(it: &Setting, port: u16) {
    let envs = ENVS.replacen('{', &format!("{{\"otlpEndpoint\": \"http://127.0.0.1:{port}\","), 1);
    it.home.write(".claude/rwenv/envs.json", &envs);
}

/// A daemon that is quick about it.
fn start(it: &Setting) {
    let mut start = it.home.command(env!("CARGO_BIN_EXE_rwenv"), &it.home.path(""));
    start.args(["daemon", "start"]);
    start.env("OTEL_BLRP_SCHEDULE_DELAY", "100").env("OTEL_METRIC_EXPORT_INTERVAL", "500");
    start.env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=T0K3N%21");
    assert_eq!(crate::support::answer(&mut start).code, 0);
    it.until("how far it was sent is kept", || it.home.path(".claude/rwenv/run/exported.json").exists());
}

#[test]
fn verdicts_and_figures_are_sent_as_the_conventions_say() {
    let server = Arc::new(RecordingServer::default());
    let run = ServerRun::start(&server, 0);
    let it = Setting::new();
    it.home.hook("ro", "kubectl get pod before");
    sending(&it, run.port);
    start(&it);
    // A moment away, and one request too large.
    *server.statuses.lock().unwrap() = vec![400, 503];
    it.home.hook("ro", "kubectl delete pod web-0 --token abcdefgh12345678");
    it.home.hook("ro", "kubectl get pods");
    it.until("both are there", || server.times().len() >= 2);
    let logs = server.logs.lock().unwrap().clone();
    let body = |record: &LogRecord| format!("{:?}", record.body);
    assert!(!logs.iter().any(|record| body(record).contains("before")), "what was there before is not sent");
    assert!(!logs.iter().any(|record| body(record).contains("abcdefgh12345678")));
    let denied = logs.iter().find(|record| body(record).contains("delete pod web-0")).unwrap();
    let attribute = |key: &str| text(&denied.attributes, key).unwrap_or_default();
    assert_eq!((denied.event_name.as_str(), denied.severity_text.as_str()), ("rwenv.verdict", "WARN"));
    assert_eq!(
        (attribute("rwenv.decision"), attribute("rwenv.door")),
        ("deny".to_owned(), "claude".to_owned())
    );
    assert!(
        attribute("rwenv.rules").contains("read-only.cluster-write") && !attribute("session.id").is_empty()
    );
    let now = u64::try_from(clock::now().as_nanos()).unwrap();
    assert!(now - denied.time_unix_nano < 60_000_000_000, "{denied:?}");
    assert!(server.heads.lock().unwrap().iter().all(|head| head.to_lowercase().contains("api-key: t0k3n!")));

    it.until("figures are there", || {
        format!("{:?}", server.metrics.lock().unwrap().last()).contains("rwenv.verdicts")
    });
    let figures = format!("{:?}", server.metrics.lock().unwrap().last());
    for name in ["rwenv.guard.off", "rwenv.grants", "service.name", "is_monotonic: true"] {
        assert!(figures.contains(name), "{name}: {figures}");
    }
    let health = it.health()["export"].clone();
    assert!(health["sent"].as_u64().unwrap() >= 2 && health["error"].is_null(), "{health}");
    assert!(it.daemon(&["status"]).stdout.contains("telemetry      http://127.0.0.1:"), "{health}");
    // Taken, and the answer lost: it comes once more, under the same name.
    server.statuses.lock().unwrap().push(TAKEN_UNANSWERED);
    it.home.hook("ro", "kubectl get pod twice");
    it.until("it came twice", || server.times().values().filter(|times| **times == 2).count() == 1);
    run.kill();
    it.home.hook("ro", "kubectl get pod later");
    it.until("that it is away is told", || it.health()["export"]["failingSince"].is_string());
    assert!(it.daemon(&["status"]).stdout.contains("nothing is lost"));
}

/// 1,000 records a second for six seconds, or for as many as `RWENV_OTLP_SECONDS` says. The server is killed twice, once within a request, and the daemon once.
#[test]
fn nothing_is_lost_while_the_collector_is_killed_twice() {
    let server = Arc::new(RecordingServer::default());
    let mut run = ServerRun::start(&server, 0);
    let it = Setting::new();
    sending(&it, run.port);
    start(&it);
    let environment =
        Environment { config_dir: it.home.path(".claude/rwenv"), ..Environment::at(&it.home.path("")) };
    let seconds: u32 = variable("RWENV_OTLP_SECONDS").and_then(|text| text.parse().ok()).unwrap_or(6);
    let all = 1000 * seconds;
    let writer = std::thread::spawn(move || {
        let began = clock::monotonic();
        for n in 0..all {
            audit::happened("test", "load", &format!("record {n}"), &environment).unwrap();
            std::thread::sleep((Duration::from_millis(1) * n).saturating_sub(clock::monotonic() - began));
        }
        clock::monotonic() - began
    });
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(200) * seconds);
        let port = run.kill();
        std::thread::sleep(Duration::from_millis(120) * seconds);
        run = ServerRun::start(&server, port);
    }
    it.signal(Signal::SIGKILL);
    let _ = fs::remove_file(it.home.path(".claude/rwenv/run/rwenvd.lock"));
    start(&it);
    let took = writer.join().unwrap();
    let loads = || {
        let logs = server.logs.lock().unwrap();
        let loads = logs.iter().filter(|record| record.event_name == "rwenv.load");
        loads.map(|record| format!("{:?}", record.body)).collect::<BTreeSet<_>>().len()
    };
    (0..600)
        .take_while(|_| loads() < all as usize)
        .for_each(|_| std::thread::sleep(Duration::from_millis(100)));
    assert_eq!(loads(), all as usize, "{}", it.log());
    let twice: usize = server.times().values().map(|times| times - 1).sum();
    println!("{all} records in {took:?}: none lost, {twice} came twice");
    assert!(twice <= 3 * 512, "{twice} came twice: a batch for each kill at most");
    assert!(took < Duration::from_secs(2 * u64::from(seconds)), "{took:?}");
}

/// The dashboard asks for what is sent: the names of metrics and attributes as Prometheus and Loki write them.
#[test]
fn the_dashboard_asks_for_what_is_sent() {
    let text = fs::read_to_string(crate::support::root().join("integrations/grafana/rwenv.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let metrics = ["rwenv_verdicts_total", "rwenv_guard_off", "rwenv_grants", "rwenv_clone_age_seconds"];
    let labels = ["rwenv_name", "rwenv_decision", "rwenv_door", "rwenv_rwenvs"];
    let mut asked = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let words =
                target["expr"].as_str().unwrap().split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            asked.extend(words.filter(|word| word.starts_with("rwenv_")).map(str::to_owned));
        }
    }
    let known: BTreeSet<String> = metrics.into_iter().chain(labels).map(str::to_owned).collect();
    assert_eq!(asked, known);
    let own = |file: &str| {
        fs::read_to_string(crate::support::root().join("src/app/daemon/export").join(file)).unwrap()
    };
    let sent = own("counted.rs") + &own("message.rs");
    for name in known {
        let name = name.trim_end_matches("_total").trim_end_matches("_seconds").replace('_', ".");
        assert!(sent.contains(&format!("\"{name}\"")), "{name} is not sent");
    }
}

/// OpenTelemetry's own collector, built by its builder from its Go modules.
struct Collector {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const VERSION: &str = "v0.165.0";

fn collector(port: u16, folder: &std::path::Path) -> Option<Collector> {
    let builder = fetched::go("go.opentelemetry.io/collector/cmd/builder", VERSION, "builder")?;
    let built = |folder: &std::path::Path| folder.join("dist/otelcol-test").is_file();
    let fill = |folder: &std::path::Path| {
        let config = format!(
            "dist:\n  name: otelcol-test\n  output_path: {}\nreceivers:\n  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver {VERSION}\n\
             exporters:\n  - gomod: go.opentelemetry.io/collector/exporter/debugexporter {VERSION}\n",
            folder.join("dist").display()
        );
        fs::write(folder.join("builder.yaml"), config).map_err(|error| error.to_string())?;
        let mut build = Command::new(&builder);
        let output =
            build.current_dir(folder).args(["--config", "builder.yaml"]).env("GOFLAGS", "-mod=mod").output();
        let output = output.map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    };
    let cache = match fetched::cached(&format!("otelcol-{VERSION}"), built, fill) {
        Ok(cache) => cache,
        Err(why) => {
            skip(&format!("OpenTelemetry's collector cannot be built: {why}"));
            return None;
        }
    };
    let config = folder.join("collector.yaml");
    let text = format!(
        "receivers:\n  otlp:\n    protocols:\n      http:\n        endpoint: 127.0.0.1:{port}\nexporters:\n  debug:\n    verbosity: detailed\n\
         service:\n  telemetry:\n    metrics:\n      level: none\n  pipelines:\n    logs: {{receivers: [otlp], exporters: [debug]}}\n    \
         metrics: {{receivers: [otlp], exporters: [debug]}}\n"
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(cache.join("dist/otelcol-test"));
    let mut child =
        command.arg("--config").arg(&config).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let said = Arc::new(Mutex::new(String::new()));
    let (kept, mut lines) = (Arc::clone(&said), BufReader::new(child.stderr.take().unwrap()).lines());
    std::thread::spawn(move || {
        while let Some(Ok(line)) = lines.next() {
            *kept.lock().unwrap() += &format!("{line}\n");
        }
    });
    Some(Collector { child, said })
}

#[test]
fn a_real_collector_takes_it() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let it = Setting::new();
    let Some(collector) = collector(port, &it.home.path("")) else { return };
    let said = || collector.said.lock().unwrap().clone();
    it.until("it is ready", || said().contains("Everything is ready"));
    sending(&it, port);
    start(&it);
    it.home.hook("ro", "kubectl delete pod web-0");
    it.until("it took the verdict", || said().contains("Str(kubectl delete pod web-0)"));
    for expected in [
        "rwenv.decision: Str(deny)",
        "service.name: Str(rwenv)",
        "EventName: rwenv.verdict",
        "SeverityText: WARN",
        "rwenv.rules: Slice",
    ] {
        assert!(said().contains(expected), "{expected}: {}", said());
    }
    it.until("it took the figures", || said().contains("Name: rwenv.verdicts"));
    assert!(
        said().contains("AggregationTemporality: Cumulative") && said().contains("IsMonotonic: true"),
        "{}",
        said()
    );
}
