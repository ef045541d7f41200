//! What Flux's controllers write: one JSON object per line.

use http_body_util::BodyExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{Flux, FluxError};
use crate::cluster::ClusterError;

/// The label of Flux's own workloads (flux2, `manifestgen.PartOfLabelKey`).
pub(super) const PART_OF: &str = "app.kubernetes.io/part-of=flux";
/// The container a controller runs in, where its pod has others.
const CONTAINER: &str = "manager";
/// Longest line that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct LogWish {
    /// Of this namespace's controllers.
    pub namespace: String,
    /// Of this controller.
    pub controller: Option<String>,
    /// Of this level.
    pub level: Option<String>,
    /// About objects of this kind.
    pub kind: Option<String>,
    /// About this object.
    pub name: Option<String>,
    /// About objects of this namespace.
    pub of: Option<String>,
    /// Go on with what comes.
    pub follow: bool,
    /// No older than this, in seconds.
    pub since: Option<u64>,
    /// This many of the last lines of each controller.
    pub tail: Option<u64>,
}

/// A line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogLine {
    /// When.
    pub ts: String,
    /// How bad.
    pub level: String,
    /// What.
    pub msg: String,
    /// What went wrong.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// Kind of the object.
    #[serde(alias = "reconciler kind", skip_serializing_if = "String::is_empty")]
    pub controller_kind: String,
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Who wrote it.
    #[serde(skip_deserializing)]
    pub controller: String,
}

impl LogWish {
    fn wants(&self, line: &LogLine) -> bool {
        let is = |wish: &Option<String>, own: &str| {
            wish.as_ref().is_none_or(|wish| wish.eq_ignore_ascii_case(own))
        };
        is(&self.level, &line.level)
            && is(&self.kind, &line.controller_kind)
            && is(&self.name, &line.name)
            && is(&self.of, &line.namespace)
    }

    fn path(&self, pod: &Pod) -> String {
        let (name, containers) =
            (pod.metadata.name.as_deref(), pod.spec.as_ref().map(|spec| spec.containers.len()));
        let mut path = format!(
            "/api/v1/namespaces/{}/pods/{}/log?follow={}",
            self.namespace,
            name.unwrap_or_default(),
            self.follow
        );
        if containers.is_some_and(|count| count > 1) {
            path.push_str(&format!("&container={CONTAINER}"));
        }
        if let Some(since) = self.since {
            path.push_str(&format!("&sinceSeconds={since}"));
        }
        if let Some(tail) = self.tail {
            path.push_str(&format!("&tailLines={tail}"));
        }
        path
    }
}

/// The pods of Flux's controllers.
async fn pods(flux: &Flux, wish: &LogWish) -> Result<Vec<(String, Pod)>, FluxError> {
    let api: Api<Pod> = Api::namespaced(flux.cluster.client(), &wish.namespace);
    let list = flux.cluster.answer("list pods", api.list(&ListParams::default().labels(PART_OF))).await?;
    let of = |pod: Pod| {
        let labels = pod.metadata.labels.as_ref();
        let name =
            labels.and_then(|labels| labels.get("app").or_else(|| labels.get("app.kubernetes.io/component")));
        (name.cloned().unwrap_or_else(|| pod.metadata.name.clone().unwrap_or_default()), pod)
    };
    let all: Vec<(String, Pod)> = list.items.into_iter().map(of).collect();
    let known: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let chosen = |name: &str| wish.controller.as_ref().is_none_or(|wish| wish == name);
    if !all.iter().any(|(name, _)| chosen(name)) {
        let near = if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) };
        let controller = wish.controller.as_deref().unwrap_or("controller of Flux");
        return Err(FluxError::NotFound {
            what: format!("{controller} in namespace {}", wish.namespace),
            near,
        });
    }
    Ok(all.into_iter().filter(|(name, _)| chosen(name)).collect())
}

/// Gives lines to `give` until they end; it says whether it wants more.
///
/// # Errors
/// Where there are no controllers, or none of their logs can be read.
pub async fn logs(
    flux: &Flux,
    wish: &LogWish,
    mut give: impl FnMut(LogLine) -> bool,
) -> Result<(), FluxError> {
    let (send, mut lines) = mpsc::channel(256);
    let mut reading = tokio::task::JoinSet::new();
    for (name, pod) in pods(flux, wish).await? {
        let (client, path, send) = (flux.cluster.client(), wish.path(&pod), send.clone());
        reading.spawn(async move { read(client, path, name, send).await });
    }
    drop(send);
    while let Some(line) = lines.recv().await {
        if wish.wants(&line) && !give(line) {
            reading.abort_all();
            return Ok(());
        }
    }
    let mut failed = None;
    while let Some(ended) = reading.join_next().await {
        if let Ok(Err((name, error))) = ended {
            failed = Some(flux.cluster.error(&format!("read the log of {name}"), &error));
        }
    }
    failed.map_or(Ok(()), |error: ClusterError| Err(error.into()))
}

type Unread = (String, kube::Error);

async fn read(
    client: kube::Client,
    path: String,
    name: String,
    send: mpsc::Sender<LogLine>,
) -> Result<(), Unread> {
    let failed = |error| (name.clone(), error);
    let request = hyper::Request::get(path).body(kube::client::Body::empty());
    let request = request.map_err(|error| failed(kube::Error::HttpError(error)))?;
    let mut response = client.send(request).await.map_err(failed)?;
    if !response.status().is_success() {
        let body = response.into_body().collect_bytes().await.map_err(failed)?;
        let status = serde_json::from_slice::<kube::core::Status>(&body).unwrap_or_default();
        return Err(failed(kube::Error::Api(Box::new(status))));
    }
    let mut held: Vec<u8> = Vec::new();
    while let Some(frame) = response.body_mut().frame().await {
        let Ok(data) = frame.map_err(failed)?.into_data() else { continue };
        held.extend_from_slice(&data);
        while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
            let rest = held.split_off(end + 1);
            let line = std::mem::replace(&mut held, rest);
            // What is no JSON is a controller's start; it is left out, as the flux program does.
            if let Ok(line) = serde_json::from_slice::<LogLine>(&line)
                && send.send(LogLine { controller: name.clone(), ..line }).await.is_err()
            {
                return Ok(());
            }
        }
        if held.len() > LONGEST {
            held.clear();
        }
    }
    Ok(())
}
