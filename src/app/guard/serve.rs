//! The listener on loopback: who is let in, how much, and how long.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap};
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

use super::forward::{Passing, audit_id, forward};
use super::judge::{Judge, RequestLine, line};
use super::meaning::{Asking, Mask, Meaning, meaning, not_dry};
use super::reply::{Body, status};
use super::request::{Refusal, Request};
use super::room::{Collected, Room};
use super::secrets;
use super::upstream::Upstreams;
use super::{GuardError, Identity};
use rwenv_core::model::{Rwenv, Rwenvs};
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::guarded;
use rwenv_gate::judge::Permit;
use rwenv_gate::ledger::{audit, grants};

/// Largest head of a request, and what is read ahead of a slow reader.
const BUFFER: usize = 64 << 10;
/// Longest wait for a request's head, and for the handshake.
const PATIENCE: Duration = Duration::from_secs(10);
/// Headers a request is judged by.
const JUDGED: [header::HeaderName; 3] =
    [header::ACCEPT, header::CONTENT_TYPE, header::HeaderName::from_static("kubectl-command")];
/// Requests of one rwenv at the same time: watches stay for long.
const AT_ONCE: usize = 1024;
/// Connections at the same time.
const CONNECTIONS: usize = 2048;

/// The guard's counts since its start.
#[derive(Debug, Default)]
pub struct GuardCounters {
    /// Requests that were let through.
    pub passed: AtomicU64,
    /// Requests that were refused.
    pub refused: AtomicU64,
}

/// The rwenvs as they are configured now.
pub(super) type KnownRwenvs = Arc<dyn Fn() -> Rwenvs + Send + Sync>;

/// The guard.
pub struct Guard {
    environment: Environment,
    judge: Judge,
    upstreams: Upstreams,
    known: KnownRwenvs,
    tokens: Mutex<BTreeMap<Vec<u8>, String>>,
    places: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    away: Mutex<Away>,
    room: Room,
    /// What came in.
    pub counters: GuardCounters,
}

/// Requests of nobody.
#[derive(Debug, Default)]
struct Away {
    /// The second of the last record.
    recorded: Option<u64>,
    /// Those since then.
    count: u64,
}

/// A guard that has a port.
pub struct Listening {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Listening {
    /// Takes the port that is kept in the identity, or a free one where that is another program's now.
    ///
    /// # Errors
    /// Where there is none, or the certificate cannot be made.
    pub fn at(identity: &mut Identity) -> Result<Self, GuardError> {
        let listen = |error: std::io::Error| GuardError::Listen(error.to_string());
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = bind(identity.port()).or_else(|_| bind(0)).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        identity.keep_port(address.port())?;
        let (certificate, key) = identity.certificate()?;
        let key = PrivateKeyDer::try_from(key).map_err(|error| GuardError::Identity(error.to_owned()))?;
        let failed = |error: tokio_rustls::rustls::Error| GuardError::Identity(error.to_string());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(certificate)], key)
            .map_err(failed)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)), address })
    }

    /// The same port once more: while one of them is held, no other program can have it, and whoever connects waits.
    ///
    /// # Errors
    /// Where the system says no.
    pub fn again(&self) -> Result<Self, GuardError> {
        let listener = self.listener.try_clone().map_err(|error| GuardError::Listen(error.to_string()))?;
        Ok(Self { listener, acceptor: self.acceptor.clone(), address: self.address })
    }
}

impl Guard {
    /// A guard for these rwenvs.
    #[must_use]
    pub fn new(
        identity: &Identity,
        known: impl Fn() -> Rwenvs + Send + Sync + 'static,
        environment: Environment,
    ) -> Self {
        Self {
            judge: Judge::new(environment.clone()),
            environment,
            upstreams: Upstreams::default(),
            known: Arc::new(known),
            tokens: Mutex::new(identity.tokens()),
            places: Mutex::default(),
            away: Mutex::default(),
            room: Room::default(),
            counters: GuardCounters::default(),
        }
    }

    /// Takes over the tokens there are now.
    pub fn learn(&self, identity: &Identity) {
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = identity.tokens();
    }

    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// Where the system does not let it listen.
    pub async fn serve(
        self: Arc<Self>,
        listening: Listening,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), GuardError> {
        let Listening { listener, acceptor, address } = listening;
        let listener = tokio::net::TcpListener::from_std(listener)
            .map_err(|error| GuardError::Listen(error.to_string()))?;
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        tokio::pin!(shutdown);
        loop {
            let stream = tokio::select! {
                () = &mut shutdown => return Ok(()),
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = stream else {
                // No descriptors left; some come back.
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let (guard, acceptor) = (Arc::clone(&self), acceptor.clone());
            tokio::spawn(async move {
                guard.talk(stream, &acceptor, address).await;
                drop(place);
            });
        }
    }

    async fn talk(self: Arc<Self>, stream: TcpStream, acceptor: &TlsAcceptor, address: SocketAddr) {
        let _ = stream.set_nodelay(true);
        let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await else { return };
        let service = service_fn(move |request| {
            let guard = Arc::clone(&self);
            async move { Ok::<_, std::convert::Infallible>(guard.handle(request, address).await) }
        });
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(BUFFER);
        let _ = server.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    }

    /// One request.
    async fn handle(self: Arc<Self>, request: HttpRequest<Incoming>, address: SocketAddr) -> Response<Body> {
        let rwenvs = (self.known)();
        let answered = match self.admitted(&request, address, &rwenvs) {
            Ok(rwenv) => {
                let rwenv = rwenv.clone();
                Arc::clone(&self).admit(request, rwenv, Arc::new(rwenvs)).await
            }
            Err(refusal) => {
                let (guard, seen) = (Arc::clone(&self), refusal.clone());
                tokio::task::spawn_blocking(move || guard.turned_away(&seen));
                Err(refusal)
            }
        };
        answered.unwrap_or_else(|refusal| {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            status(refusal.code, &refusal.why)
        })
    }

    /// The rwenv whose token a request has, where it comes from where it may.
    fn admitted<'r>(
        &self,
        request: &HttpRequest<Incoming>,
        address: SocketAddr,
        rwenvs: &'r Rwenvs,
    ) -> Result<&'r Rwenv, Refusal> {
        let refuse = |code, why: &str| Err(Refusal { code, why: why.to_owned() });
        let headers = request.headers();
        let port = address.port();
        // A page of the web that has its own name lead here says that name.
        let host = single(headers, &header::HOST).unwrap_or_default();
        let name = host.strip_suffix(&format!(":{port}"));
        let own = |name: &str| {
            matches!(name, "127.0.0.1" | "localhost") || guarded::CONTAINER_HOSTS.contains(&name)
        };
        if !name.is_some_and(own) {
            return refuse(
                403,
                "This is not the host the API guard is; use its kubeconfig: rwenv kubeconfig <name>.",
            );
        }
        if headers.contains_key(header::ORIGIN) {
            return refuse(403, "The API guard is for programs, not for web pages.");
        }
        let bearer = single(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let digest = bearer.map(|token| Sha256::digest(token.as_bytes()).to_vec());
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        match digest.and_then(|digest| tokens.get(&digest)).and_then(|name| rwenvs.get(name)) {
            Some(rwenv) => Ok(rwenv),
            None => refuse(
                401,
                "The API guard does not know this token; use its kubeconfig: rwenv kubeconfig <name>.",
            ),
        }
    }

    async fn admit(
        self: Arc<Self>,
        mut http: HttpRequest<Incoming>,
        rwenv: Rwenv,
        rwenvs: Arc<Rwenvs>,
    ) -> Result<Response<Body>, Refusal> {
        let name = rwenv.name.to_string();
        let method = http.method().as_str().to_owned();
        let target = http.uri().path_and_query().filter(|_| http.uri().authority().is_none());
        let target = target.map_or_else(|| http.uri().to_string(), ToString::to_string);
        let read = header_refusal(http.headers()).map_or_else(|| Request::read(&method, &target), Err);
        let mut request = match read {
            Ok(request) => request,
            Err(refusal) => return Err(self.not_read(refusal, format!("{method} {target}"), name).await),
        };
        let line = line(&method, &request);
        let read = match upgrade(&mut http, &request) {
            Ok(upgrade) => {
                let (parts, incoming) = http.into_parts();
                self.room.collected(incoming, &name).await.map(|body| (upgrade, parts, body))
            }
            Err(refusal) => Err(refusal),
        };
        let (upgrade, parts, body) = match read {
            Ok(read) => read,
            Err(refusal) => return Err(self.not_read(refusal, line, name).await),
        };
        let audit_id = audit_id();
        let meaning = self.meant(&request, &parts.headers, &body, &rwenv).await;
        let (meaning, permit) = match secrets::written_back(&meaning, request.method, &body.bytes) {
            Some(refusal) => return Err(self.not_read(refusal, line, name).await),
            None => {
                let line = RequestLine { line: line.clone(), audit_id: audit_id.clone() };
                self.ruled(meaning, line, name.clone(), rwenvs).await?
            }
        };
        if matches!(meaning.mask, Mask::Secrets | Mask::Texts) {
            // Of what is written over several lines no line can be read.
            request.set("pretty", "false");
        }
        let place = match self.place(&name) {
            Ok(place) => place,
            Err(refusal) => return Err(self.not_read(refusal, line, name).await),
        };
        self.counters.passed.fetch_add(1, Ordering::Relaxed);
        let passing = Passing {
            method: parts.method,
            target: request.target(),
            headers: parts.headers,
            audit_id,
            body: meaning.body.map_or(body.bytes, Bytes::from),
            mask: meaning.mask,
            upgrade,
            place,
        };
        // What the body takes counts until the cluster has it.
        let held = body.held;
        let answer = forward((passing, permit), &rwenv, &self.upstreams, &self.environment).await;
        drop(held);
        Ok(answer)
    }

    /// What a request means, by all that it is judged by.
    async fn meant(
        self: &Arc<Self>,
        request: &Request,
        headers: &HeaderMap,
        body: &Collected,
        rwenv: &Rwenv,
    ) -> Meaning {
        let [accept, content_type, command] = JUDGED.map(|name| single(headers, &name).unwrap_or_default());
        let mut asking = Asking { accept, content_type, command, guarded: false };
        if guarded::is_guarded(rwenv) && asking.compares() {
            // Under a grant something may be written back.
            let guard = Arc::clone(self);
            asking.guarded =
                waited(move || grants::live(&guard.environment).is_empty()).await.unwrap_or(false);
        }
        let mut meaning = meaning(request, asking, &body.bytes);
        self.check_dry_run(&mut meaning, rwenv).await;
        meaning
    }

    /// Decides, and puts on record what was decided.
    async fn ruled(
        self: &Arc<Self>,
        meaning: Meaning,
        line: RequestLine,
        name: String,
        rwenvs: Arc<Rwenvs>,
    ) -> Result<(Meaning, Permit), Refusal> {
        let guard = Arc::clone(self);
        waited(move || guard.judge.rule(&meaning, &line, &name, &rwenvs).map(|permit| (meaning, permit)))
            .await?
    }

    /// A place among the requests of a rwenv.
    fn place(&self, rwenv: &str) -> Result<tokio::sync::OwnedSemaphorePermit, Refusal> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let all = places.entry(rwenv.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)));
        Arc::clone(all).try_acquire_owned().map_err(|_| Refusal {
            code: 429,
            why: format!("rwenv '{rwenv}' has {AT_ONCE} requests open already, end some watches"),
        })
    }

    /// A dry run is one only where the server that gets it knows what that is.
    async fn check_dry_run(&self, meaning: &mut Meaning, rwenv: &Rwenv) {
        let Some((group, version)) = &meaning.own else { return };
        let served = match self.upstreams.of(rwenv, &self.environment).await {
            Ok(cluster) => cluster.serves_itself(group, version).await,
            Err(_) => false,
        };
        if !served {
            meaning.operation = not_dry(meaning.operation.clone());
        }
    }

    /// A request of nobody goes on record too, but those of one second together: whoever has no token does not fill the disk.
    fn turned_away(&self, refusal: &Refusal) {
        let now = clock::monotonic().as_secs();
        let count = {
            let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
            away.count += 1;
            if away.recorded == Some(now) {
                return;
            }
            away.recorded = Some(now);
            std::mem::take(&mut away.count)
        };
        let detail = format!("{count} since the last record, this one: {}", refusal.why);
        if let Err(error) = audit::happened("guard", "turned-away", &detail, &self.environment) {
            tracing::warn!(%error, "a refusal cannot be recorded");
        }
    }

    /// A request that is not even looked at goes on record as well.
    async fn not_read(self: &Arc<Self>, refusal: Refusal, line: String, rwenv: String) -> Refusal {
        let guard = Arc::clone(self);
        let (code, why) = (refusal.code, refusal.why.clone());
        let told = waited(move || guard.judge.not_read(refusal, &line, &rwenv)).await;
        told.unwrap_or(Refusal { code, why })
    }
}

/// Does what reads or writes files on a thread that may wait for them.
async fn waited<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Refusal {
        code: 503,
        why: format!("The API guard could not judge this request: {error}"),
    })
}

/// The only value of a header, as text.
fn single<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// Headers that make the client somebody else, or are too many.
fn header_refusal(headers: &HeaderMap) -> Option<Refusal> {
    let length: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if length > BUFFER {
        return Some(Refusal { code: 431, why: format!("its headers are longer than {BUFFER} bytes") });
    }
    let unclear =
        JUDGED.into_iter().find(|name| headers.contains_key(name) && single(headers, name).is_none());
    if let Some(name) = unclear {
        return Some(Refusal {
            code: 403,
            why: format!("the header {name} is given twice, or is not plain text"),
        });
    }
    let odd = headers.keys().find(|name| {
        let name = name.as_str();
        name.starts_with("impersonate-") || name.starts_with("x-remote-") || name.contains("method-override")
    })?;
    Some(Refusal {
        code: 403,
        why: format!("the header {odd} would make it another one's, or another request"),
    })
}

/// The client's connection where it is to become another protocol's: only a program in a pod, and a port, have one.
fn upgrade(
    http: &mut HttpRequest<Incoming>,
    request: &Request,
) -> Result<Option<(hyper::upgrade::OnUpgrade, header::HeaderValue)>, Refusal> {
    let Some(protocol) = http.headers().get(header::UPGRADE).cloned() else { return Ok(None) };
    let streams = ["exec", "attach", "portforward"];
    let known = request.resource.as_ref().is_some_and(|resource| {
        resource.group.is_empty()
            && resource.name == "pods"
            && resource.subresource.as_deref().is_some_and(|name| streams.contains(&name))
    });
    if !known {
        return Err(Refusal {
            code: 403,
            why: "it changes the protocol, after which nothing can be judged".to_owned(),
        });
    }
    Ok(Some((hyper::upgrade::on(http), protocol)))
}
