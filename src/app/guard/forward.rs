//! Sending a request on, written anew, and handing its answer back as it comes.

use std::io::Read as _;

use http_body_util::{BodyExt as _, Collected, Limited};
use hyper::body::{Body as HttpBody, Bytes};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper::{Request as HttpRequest, Response, StatusCode};
use hyper_util::rt::TokioIo;
use kube::client::Body as Sent;
use tokio::sync::OwnedSemaphorePermit;

use super::meaning::Mask;
use super::reply::{Body, status, written};
use super::secrets;
use super::stream::Masked;
use super::upstream::Upstreams;
use rwenv_core::model::Rwenv;
use rwenv_flux::cluster::ClusterError;
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::judge::Permit;

/// Headers of a client that are sent on; all others stay here.
const PASSED: [HeaderName; 10] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONTENT_TYPE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::USER_AGENT,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_EXTENSIONS,
];
/// More of them, which have no constant.
const PASSED_TOO: [&str; 3] = ["x-stream-protocol-version", "kubectl-command", "kubectl-session"];
/// Headers of an answer that end here: they are about one connection, or about the cluster's credentials.
const KEPT: [HeaderName; 8] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TRAILER,
    header::TE,
    header::SET_COOKIE,
    header::WWW_AUTHENTICATE,
    header::ALT_SVC,
];

/// Headers of an answer about Secrets that are handed on; others may quote values.
const SHOWN: [&str; 10] = [
    "content-type",
    "content-length",
    "content-encoding",
    "cache-control",
    "date",
    "retry-after",
    "vary",
    "audit-id",
    "x-kubernetes-pf-flowschema-uid",
    "x-kubernetes-pf-prioritylevel-uid",
];
/// Largest failure that is read.
const FAILURE: usize = 4 << 20;

/// By this header the API server takes over a request's ID in its audit log (k8s.io/apiserver, `WithAuditInit`), and gives it back.
const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");
/// IDs of requests that the guard sends on begin with this.
pub const AUDIT_PREFIX: &str = "rwenv-";

/// A new ID for a request: of the guard's own choice, so that no client takes another one's. The server cuts what is longer than 64.
pub(super) fn audit_id() -> String {
    let mut bytes = [0_u8; 16];
    // Without the system's randomness an ID is as good as its time.
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    if read.is_err() {
        bytes = clock::now().as_nanos().to_be_bytes();
    }
    bytes.iter().fold(AUDIT_PREFIX.to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// A request that may pass.
pub(super) struct Passing {
    pub(super) method: hyper::Method,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    /// Its ID in the cluster's audit log.
    pub(super) audit_id: String,
    pub(super) body: Bytes,
    pub(super) mask: Mask,
    /// The client's connection, where it is to become another protocol's, and that protocol.
    pub(super) upgrade: Option<(OnUpgrade, HeaderValue)>,
    /// Its place among the requests of its rwenv, given back with the end of the answer.
    pub(super) place: OwnedSemaphorePermit,
}

/// Sends a request on to the cluster of a rwenv.
pub(super) async fn forward(
    (mut passing, permit): (Passing, Permit),
    rwenv: &Rwenv,
    upstreams: &Upstreams,
    environment: &Environment,
) -> Response<Body> {
    if matches!(passing.mask, Mask::Secrets | Mask::Texts) {
        plain(&mut passing.headers);
    }
    let mut tried = false;
    loop {
        let cluster = match upstreams.of(rwenv, environment).await {
            Ok(cluster) => cluster,
            Err(error) => return failed(&error),
        };
        let sent = cluster.client().send(request(&passing)).await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return failed(&cluster.error("answer", &error)),
        };
        if response.status() == StatusCode::UNAUTHORIZED {
            upstreams.forget(rwenv, &cluster).await;
            // Credentials may have been changed since they were read.
            if !std::mem::replace(&mut tried, true) && passing.upgrade.is_none() {
                continue;
            }
            return failed(&cluster.unauthorized());
        }
        let mut answer = answer(response, passing).await;
        warn(answer.headers_mut(), &permit);
        return answer;
    }
}

/// Says that it passed by a person's grant, where clients of Kubernetes show it (RFC 9111 as kube-apiserver sends it: code 299, no agent).
fn warn(headers: &mut HeaderMap, permit: &Permit) {
    for line in permit.told() {
        let plain: String = line.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).collect();
        let text = plain.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            headers.append(header::WARNING, value);
        }
    }
}

fn failed(error: &ClusterError) -> Response<Body> {
    let code = if matches!(error, ClusterError::Unreachable { .. }) { 503 } else { 502 };
    status(code, &format!("The API guard cannot reach the cluster: {error}"))
}

fn request(passing: &Passing) -> HttpRequest<Sent> {
    let mut request = HttpRequest::new(Sent::from(passing.body.clone()));
    *request.method_mut() = passing.method.clone();
    *request.uri_mut() = passing.target.parse().unwrap_or_default();
    let headers = request.headers_mut();
    let passed = PASSED.into_iter().chain(PASSED_TOO.map(HeaderName::from_static));
    for name in passed {
        for value in passing.headers.get_all(&name) {
            headers.append(&name, value.clone());
        }
    }
    if let Ok(id) = HeaderValue::from_str(&passing.audit_id) {
        headers.insert(AUDIT_ID, id);
    }
    if let Some((_, protocol)) = &passing.upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, protocol.clone());
    }
    request
}

/// Asks for an answer that can be read here: JSON, and not compressed.
fn plain(headers: &mut HeaderMap) {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = accept.split(',').next().unwrap_or_default();
    let parameters: String = first.split(';').skip(1).map(|part| format!(";{}", part.trim())).collect();
    let wanted = HeaderValue::from_str(&format!("application/json{parameters}"));
    headers.insert(header::ACCEPT, wanted.unwrap_or(HeaderValue::from_static("application/json")));
    headers.remove(header::ACCEPT_ENCODING);
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

async fn answer(mut response: Response<Sent>, passing: Passing) -> Response<Body> {
    if response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED {
        return status(502, "The cluster sends this request elsewhere, where the API guard does not follow.");
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return switched(response, passing);
    }
    let headers = response.headers_mut();
    KEPT.iter().for_each(|name| drop(headers.remove(name)));
    headers.remove("keep-alive");
    if passing.mask != Mask::Nothing {
        return about_secrets(response, passing).await;
    }
    let place = passing.place;
    response.map(|body| held(body, place).map_err(Into::into).boxed_unsync())
}

/// A body that keeps its place until it has ended.
fn held(
    body: Sent,
    place: OwnedSemaphorePermit,
) -> impl HttpBody<Data = Bytes, Error = <Sent as HttpBody>::Error> + Send + Unpin + 'static {
    body.map_frame(move |frame| {
        let _ = &place;
        frame
    })
}

/// An answer that shows no value of a Secret.
async fn about_secrets(mut response: Response<Sent>, passing: Passing) -> Response<Body> {
    let (code, mask) = (response.status(), passing.mask);
    let headers = response.headers_mut();
    let warned = headers.contains_key(header::WARNING);
    let others: Vec<HeaderName> =
        headers.keys().filter(|name| !SHOWN.contains(&name.as_str())).cloned().collect();
    others.iter().for_each(|name| drop(headers.remove(name)));
    // The words behind the status code are the server's own, too.
    response.extensions_mut().clear();
    let whole = code.is_success() || code == StatusCode::NOT_MODIFIED;
    let read = mask == Mask::Failures || !code.is_success() || is_json(response.headers());
    let mut out = if whole && read {
        passed(response, passing)
    } else {
        failure(response, if whole { StatusCode::BAD_GATEWAY } else { code }).await
    };
    let warnings = [
        (mask == Mask::Secrets && whole).then_some(
            r#"299 - "rwenv: the values of Secrets are masked; a person shows them with rwenv grant""#,
        ),
        warned.then_some(r#"299 - "rwenv: a warning of the cluster about a Secret is withheld""#),
    ];
    for warning in warnings.into_iter().flatten() {
        out.headers_mut().append(header::WARNING, HeaderValue::from_static(warning));
    }
    out
}

/// What succeeded, with as much of it masked as has to be.
fn passed(mut response: Response<Sent>, passing: Passing) -> Response<Body> {
    let Passing { mask, place, .. } = passing;
    let change: fn(&mut serde_json::Value) = match mask {
        Mask::Nothing | Mask::Failures => {
            return response.map(|body| held(body, place).map_err(Into::into).boxed_unsync());
        }
        Mask::Texts => secrets::withhold_texts,
        Mask::Secrets => secrets::mask,
    };
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.map(|body| Masked::new(held(body, place), change).boxed_unsync())
}

/// A failure without its texts, or an answer that cannot be read as one without itself.
async fn failure(response: Response<Sent>, code: StatusCode) -> Response<Body> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, FAILURE).collect().await.map(Collected::to_bytes).unwrap_or_default();
    let mut out = written(code.as_u16(), &secrets::failure(code.as_u16(), &body));
    let kept = parts.headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
    for (name, value) in kept.filter(|(name, _)| !name.as_str().starts_with("content-")) {
        out.headers_mut().insert(name, value);
    }
    out
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().is_some_and(|kind| kind.trim() == "application/json")
        && headers.get(header::CONTENT_ENCODING).is_none_or(|value| value == "identity")
}

/// Joins both connections once the cluster has agreed to another protocol.
fn switched(mut response: Response<Sent>, passing: Passing) -> Response<Body> {
    let place = passing.place;
    let Some((client, protocol)) = passing.upgrade else {
        return status(502, "The cluster changes the protocol, which nobody asked for.");
    };
    let server = hyper::upgrade::on(&mut response);
    tokio::spawn(async move {
        let (Ok(client), Ok(server)) = (client.await, server.await) else { return };
        let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        drop(place);
    });
    let mut out = Response::new(super::reply::whole(Bytes::new()));
    *out.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let taken = [
        header::SEC_WEBSOCKET_ACCEPT,
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderName::from_static("x-stream-protocol-version"),
    ];
    for name in taken {
        for value in response.headers().get_all(&name) {
            out.headers_mut().append(&name, value.clone());
        }
    }
    out.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    out.headers_mut().insert(header::UPGRADE, protocol);
    out
}
