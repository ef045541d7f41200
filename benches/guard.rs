//! The API guard beside the API server itself and beside `kubectl proxy`, in one run and by turns: single reads, lists of 5,000
//! pods, 500 watches at once, and readers that do not read.
//!
//! `cargo bench --bench guard`. Needs what the tests of the cluster need, and kubectl.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock and the environment itself")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the server is that of the tests")]

#[path = "../tests/it/apiserver.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod apiserver;
#[path = "../tests/it/fetched.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod fetched;
mod shared;
#[path = "../tests/it/support.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod support;

use std::error::Error;
use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tempfile::TempDir;
use tokio::task::JoinSet;

use apiserver::ApiServer;
use shared::median;

/// Pods in the list.
const PODS: usize = 5_000;
/// Watches at the same time.
const WATCHES: usize = 500;
/// Longest wait for a watch to be answered.
const OPEN: Duration = Duration::from_secs(10);
/// Single reads of each turn, and turns.
const READS: usize = 50;
const TURNS: usize = 12;
/// Lists of each way.
const LISTS: usize = 12;
/// Connections that ask for a list and do not read it.
const STALLED: usize = 64;

type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let Some(server) = ApiServer::start() else { return Ok(()) };
    let scratch = TempDir::new()?;
    let home = scratch.path();
    fs::create_dir_all(home.join(".claude/rwenv"))?;
    fs::create_dir_all(home.join(".kube"))?;
    fs::write(home.join(".kube/config"), server.kubeconfig("ro"))?;
    let envs = r#"{"version":"1.0","rwenvs":{"ro":{"readOnly":true,"kubernetesContext":"ro"}}}"#;
    fs::write(home.join(".claude/rwenv/envs.json"), envs)?;
    let daemon = |what: &str| {
        Command::new(env!("CARGO_BIN_EXE_rwenv")).args(["daemon", what]).env("HOME", home).status()
    };
    if !daemon("start")?.success() {
        return Err("the daemon does not start".into());
    }
    let mut proxy = proxy(home)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(measure(home, proxy.1));
    proxy.0.kill()?;
    proxy.0.wait()?;
    daemon("stop")?;
    result
}

/// `kubectl proxy`, and its port.
fn proxy(home: &Path) -> Result<(Child, u16), Failed> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(home.join(".kube/config")).args(["proxy", "--port", &port.to_string()]);
    let child = command.stdout(Stdio::null()).spawn()?;
    for _ in 0..100 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok((child, port));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("kubectl proxy does not listen".into())
}

/// One way to the server.
struct Way {
    name: &'static str,
    client: Client,
}

async fn measure(home: &Path, proxy: u16) -> Result<(), Failed> {
    let client = async |file: &Path| -> Result<Client, Failed> {
        let mut config =
            Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &KubeConfigOptions::default())
                .await?;
        config.read_timeout = None;
        config.disable_compression = true;
        Ok(Client::try_from(config)?)
    };
    let direct = client(&home.join(".kube/config")).await?;
    let guard = client(&home.join(".claude/rwenv/guard/ro.yaml")).await?;
    let mut config = Config::new(format!("http://127.0.0.1:{proxy}").parse()?);
    config.read_timeout = None;
    config.disable_compression = true;
    let peer = Client::try_from(config)?;
    fill(&direct).await?;
    let ways = [
        Way { name: "direct", client: direct.clone() },
        Way { name: "guard", client: guard },
        Way { name: "kubectl proxy", client: peer },
    ];
    let [mut reads, mut lists, mut pages, mut small] = [const { [const { Vec::new() }; 3] }; 4];
    for _ in 0..TURNS {
        for (way, times) in ways.iter().zip(&mut reads) {
            for _ in 0..READS {
                times.push(get(&way.client, "/api/v1/namespaces/default", "").await?.0);
            }
        }
    }
    let all = "/api/v1/namespaces/default/pods";
    for _ in 0..LISTS {
        for (at, way) in ways.iter().enumerate() {
            lists[at].push(get(&way.client, all, "").await?.0);
            small[at].push(get(&way.client, all, "gzip").await?.0);
            pages[at].push(paged(&way.client, all).await?);
        }
    }
    let size = get(&direct, all, "").await?.1;
    println!("one namespace");
    told(&ways, &mut reads);
    println!("{PODS} pods in one answer, {} MB", size / 1_000_000);
    told(&ways, &mut lists);
    println!("{PODS} pods, gzip");
    told(&ways, &mut small);
    println!("{PODS} pods in pages of 500");
    told(&ways, &mut pages);
    let pid = fs::read_to_string(home.join(".claude/rwenv/run/rwenvd.lock"))?;
    for way in &ways {
        let before = memory(&pid)?;
        let Some((first, after)) = watches(&way.client, &direct, &pid).await? else {
            println!(
                "{WATCHES} watches, {:14} not all of them are answered within {} s",
                way.name,
                OPEN.as_secs()
            );
            continue;
        };
        println!(
            "{WATCHES} watches, {:14} an event reaches all after {:6.1} ms, guard's memory {before} -> {after} kB",
            way.name,
            first.as_secs_f64() * 1e3
        );
    }
    stalled(&ways[1].client, &pid, all).await
}

fn told(ways: &[Way], all: &mut [Vec<Duration>; 3]) {
    let direct = median(&mut all[0].clone());
    for (way, times) in ways.iter().zip(all) {
        let median = median(times);
        println!("  {:14} {:9.2} ms  {:.2} x direct", way.name, median / 1e3, median / direct);
    }
}

/// Makes the pods.
async fn fill(client: &Client) -> Result<(), Failed> {
    let mut tasks = JoinSet::new();
    for worker in 0..16 {
        let client = client.clone();
        tasks.spawn(async move {
            for number in (worker..PODS).step_by(16) {
                let pod = serde_json::json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": format!("p-{number}"), "labels": { "app": "web" } },
                    "spec": { "containers": [{ "name": "w", "image": "registry.example.com/web:1", "env": [{ "name": "A", "value": "x".repeat(200) }] }] } });
                let request = hyper::Request::post("/api/v1/namespaces/default/pods").header("content-type", "application/json");
                client.request::<serde_json::Value>(request.body(pod.to_string().into_bytes())?).await?;
            }
            Ok::<(), Failed>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// The time until an answer is there, and how long it is.
async fn get(client: &Client, path: &str, encoding: &str) -> Result<(Duration, usize), Failed> {
    let start = Instant::now();
    let mut request = hyper::Request::get(path);
    if !encoding.is_empty() {
        request = request.header("accept-encoding", encoding);
    }
    let response = client.send(request.body(Body::empty())?).await?;
    if !response.status().is_success() {
        return Err(format!("{path}: {}", response.status()).into());
    }
    let mut body = response.into_body();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        size += frame?.data_ref().map_or(0, |data| data.len());
    }
    Ok((start.elapsed(), size))
}

async fn paged(client: &Client, path: &str) -> Result<Duration, Failed> {
    let start = Instant::now();
    let mut next = String::new();
    loop {
        let request = hyper::Request::get(format!("{path}?limit=500&continue={next}")).body(Vec::new())?;
        let list: serde_json::Value = client.request(request).await?;
        next = list["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        if next.is_empty() {
            return Ok(start.elapsed());
        }
    }
}

/// Opens all watches, changes one pod, and says after what time all have heard of it; and the guard's memory meanwhile.
async fn watches(client: &Client, direct: &Client, pid: &str) -> Result<Option<(Duration, u64)>, Failed> {
    let list: serde_json::Value = direct
        .request(hyper::Request::get("/api/v1/namespaces/default/pods?limit=1").body(Vec::new())?)
        .await?;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let mut open = Vec::new();
    for _ in 0..WATCHES {
        let path = format!(
            "/api/v1/namespaces/default/pods?watch=true&resourceVersion={version}&timeoutSeconds=300"
        );
        let asked = client.send(hyper::Request::get(path).body(Body::empty())?);
        let Ok(answered) = tokio::time::timeout(OPEN, asked).await else { return Ok(None) };
        open.push(answered?.into_body());
    }
    let start = Instant::now();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos();
    let patch = format!("{{\"metadata\":{{\"labels\":{{\"at\":\"{now}\"}}}}}}");
    let request = hyper::Request::patch("/api/v1/namespaces/default/pods/p-0")
        .header("content-type", "application/merge-patch+json");
    direct.request::<serde_json::Value>(request.body(patch.into_bytes())?).await?;
    let mut heard = JoinSet::new();
    for mut body in open {
        heard.spawn(async move {
            let frame = body.frame().await;
            (body, frame.is_some_and(|frame| frame.is_ok()))
        });
    }
    let mut kept = Vec::new();
    while let Some(one) = heard.join_next().await {
        let (body, good) = one?;
        if !good {
            return Err("a watch ended".into());
        }
        kept.push(body);
    }
    Ok(Some((start.elapsed(), memory(pid)?)))
}

/// Asks for lists and does not read them: what the guard holds of them is what counts.
async fn stalled(client: &Client, pid: &str, path: &str) -> Result<(), Failed> {
    let before = memory(pid)?;
    let mut open = Vec::new();
    for _ in 0..STALLED {
        open.push(client.send(hyper::Request::get(path).body(Body::empty())?).await?);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = memory(pid)?;
    println!(
        "{STALLED} lists nobody reads: guard's memory {before} -> {after} kB, {} kB each",
        after.saturating_sub(before) / STALLED as u64
    );
    Ok(())
}

/// Resident memory of a process, in kB.
fn memory(pid: &str) -> Result<u64, Failed> {
    let mut text = String::new();
    fs::File::open(format!("/proc/{}/status", pid.trim()))?.read_to_string(&mut text)?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
