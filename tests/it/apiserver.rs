//! A real API server: kube-apiserver and etcd on loopback, with a CA of their own, gone with the test.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tempfile::TempDir;

use crate::fetched::cached;
use crate::support::{find, skip, variable};

/// Version of the API server.
const VERSION: &str = "1.34.4";
/// The person the token is of.
const TOKEN: &str = "a-token-for-tests";
/// What the server puts on record: patches, with what they say; of the person everything.
const AUDIT: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- {level: Request, verbs: [patch]}\n- {level: Metadata, users: [tester]}\n";
/// The rest, where nobody counts, and where somebody does.
const REST: [&str; 2] = ["- {level: None}\n", "- {level: Metadata}\n"];
/// Longest time it may take to answer.
const READY: Duration = Duration::from_secs(120);

pub(crate) struct ApiServer {
    dir: TempDir,
    port: u16,
    store: u16,
    server: Command,
    programs: Vec<Child>,
}

/// The folder with kube-apiserver and etcd: the one `KUBEBUILDER_ASSETS` names, a cache, or the cache after they were fetched or built. None
/// where there is no way to have them, which is said; where there is Go they have to be built.
fn assets() -> Option<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let complete = |dir: &Path| ["kube-apiserver", "etcd"].iter().all(|name| dir.join(name).is_file());
        if let Some(dir) = variable("KUBEBUILDER_ASSETS").map(PathBuf::from).filter(|dir| complete(dir)) {
            return Ok(dir);
        }
        let fill = |cache: &Path| if fetched(cache) { Ok(()) } else { built(cache) };
        cached(&format!("kube-{VERSION}"), complete, fill).inspect_err(|why| {
            assert!(find("go").is_none(), "the API server for tests: {why}");
        })
    });
    match found {
        Ok(folder) => Some(folder),
        Err(why) => {
            skip(&format!("there is no API server to test with: {why}"));
            None
        }
    }
}

/// Fetches the archive of envtest, where the internet is there.
fn fetched(cache: &Path) -> bool {
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let url = format!(
        "https://github.com/kubernetes-sigs/controller-tools/releases/download/envtest-v1.34.1/envtest-v1.34.1-{system}-{arch}.tar.gz"
    );
    let archive = cache.join("envtest.tar.gz");
    let mut curl = Command::new("curl");
    curl.args(["-fsSL", "--connect-timeout", "5", "--max-time", "300", "-o"]).arg(&archive).arg(url);
    let there = curl.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(&archive).args(["--strip-components=3", "-C"]).arg(cache);
    let done = there && tar.status().is_ok_and(|status| status.success());
    let _ = fs::remove_file(archive);
    done && cache.join("kube-apiserver").is_file() && cache.join("etcd").is_file()
}

/// The program that says what the API server takes request lines for; none where there is no Go to build it with, which is said.
pub(crate) fn requestinfo() -> Option<PathBuf> {
    if !Command::new("go").arg("version").output().is_ok_and(|output| output.status.success()) {
        skip("there is no Go to build the API server's own parser with");
        return None;
    }
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("requestinfo");
    let source = crate::support::root().join("tests/cluster/apiserver");
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-o"]).arg(&cache).arg("./requestinfo").current_dir(source);
    let output = go.env("CGO_ENABLED", "0").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(cache)
}

/// Builds both out of the Go modules; about ten minutes on two cores.
fn built(cache: &Path) -> Result<(), String> {
    find("go").ok_or("neither the archive of envtest nor Go is there")?;
    for (folder, name) in [("etcd", "etcd"), ("apiserver", "kube-apiserver")] {
        let source = crate::support::root().join("tests/cluster").join(folder);
        let partial = cache.join(format!("{name}.new"));
        let mut go = Command::new("go");
        go.args(["build", "-trimpath", "-o"]).arg(&partial).arg(".").current_dir(source);
        let output = go.env("CGO_ENABLED", "0").output().map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(format!("go build of {name}: {}", String::from_utf8_lossy(&output.stderr)));
        }
        fs::rename(partial, cache.join(name)).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// A port that nobody has, below those that the system gives to connections: it is still free when a server comes to take it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 4_000).unwrap();
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 8_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl ApiServer {
    /// Starts one; none where there is no way to have one, which is said.
    pub(crate) fn start() -> Option<Self> {
        Self::recording(REST[0])
    }

    /// One that puts every request on record.
    pub(crate) fn counting() -> Option<Self> {
        Self::recording(REST[1])
    }

    fn recording(rest: &str) -> Option<Self> {
        let assets = assets()?;
        let dir = TempDir::new().unwrap();
        certificates(dir.path());
        let (client, peer, port) = (free_port(), free_port(), free_port());
        let path = |name: &str| dir.path().join(name).display().to_string();
        let log = |name: &str| File::create(dir.path().join(name)).unwrap();
        let mut etcd = Command::new(assets.join("etcd"));
        let (at, peers) = (format!("https://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        etcd.args(["--data-dir", &path("etcd"), "--listen-client-urls", &at, "--advertise-client-urls", &at]);
        etcd.args(["--listen-peer-urls", &peers, "--unsafe-no-fsync"]);
        etcd.args(["--cert-file", &path("server.pem"), "--key-file", &path("server.key")]);
        etcd.args(["--client-cert-auth", "--trusted-ca-file", &path("ca.pem")]);
        let etcd = etcd.stdout(log("etcd.log")).stderr(log("etcd.err")).spawn().unwrap();
        let mut server = Command::new(assets.join("kube-apiserver"));
        server.args([
            "--etcd-servers",
            &at,
            "--bind-address",
            "127.0.0.1",
            "--secure-port",
            &port.to_string(),
        ]);
        server.args(["--etcd-cafile", &path("ca.pem"), "--client-ca-file", &path("ca.pem")]);
        server.args(["--etcd-certfile", &path("person.pem"), "--etcd-keyfile", &path("person.key")]);
        server.args(["--tls-cert-file", &path("server.pem"), "--tls-private-key-file", &path("server.key")]);
        server.args([
            "--service-account-key-file",
            &path("sa.pub"),
            "--service-account-signing-key-file",
            &path("sa.key"),
        ]);
        server.args([
            "--service-account-issuer",
            "https://kubernetes.default.svc",
            "--service-cluster-ip-range",
            "10.0.0.0/24",
        ]);
        server.args([
            "--token-auth-file",
            &path("tokens.csv"),
            "--authorization-mode",
            "RBAC",
            "--disable-admission-plugins",
            "ServiceAccount",
        ]);
        server.args(["--cert-dir", &path("certs"), "--audit-log-path", &path("audit.log")]);
        fs::write(dir.path().join("audit.yaml"), format!("{AUDIT}{rest}")).unwrap();
        server.args(["--audit-policy-file", &path("audit.yaml")]);
        server.stdout(log("server.log")).stderr(log("server.err"));
        let mut started = Self { dir, port, store: client, server, programs: vec![etcd] };
        started.again();
        Some(started)
    }

    /// Starts the API server, for the first time or once more.
    pub(crate) fn again(&mut self) {
        self.programs.push(self.server.spawn().unwrap());
        self.until_ready();
    }

    /// Ends the API server; its store stays.
    pub(crate) fn stop(&mut self) {
        let mut server = self.programs.pop().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Has the server know another token from its next start on.
    pub(crate) fn tokens(&self, tokens: &[&str]) {
        let lines = tokens.iter().map(|token| format!("{token},tester,1,system:masters\n"));
        fs::write(self.dir.path().join("tokens.csv"), lines.collect::<String>()).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "a test waits for another program")]
    fn until_ready(&self) {
        let start = Instant::now();
        while !self.kubectl(&["get", "--raw", "/readyz"], "").contains("ok") {
            let log = || fs::read_to_string(self.dir.path().join("server.err")).unwrap_or_default();
            assert!(start.elapsed() < READY, "the API server does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// A kubeconfig whose context has this name.
    pub(crate) fn kubeconfig(&self, context: &str) -> String {
        self.kubeconfig_with(context, TOKEN)
    }

    /// The same with another token.
    pub(crate) fn kubeconfig_with(&self, context: &str, token: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {context}\n\
             clusters: [{{name: c, cluster: {{server: \"https://127.0.0.1:{}\", certificate-authority: {}}}}}]\n\
             users: [{{name: u, user: {{token: {token}}}}}]\ncontexts: [{{name: {context}, context: {{cluster: c, user: u}}}}]\n",
            self.port,
            self.authority()
        )
    }

    /// The ports of the API server and of its store.
    pub(crate) fn ports(&self) -> (u16, u16) {
        (self.port, self.store)
    }

    /// The file of the CA that its certificate is by.
    pub(crate) fn authority(&self) -> String {
        self.dir.path().join("ca.pem").display().to_string()
    }

    /// What the person has: the CA, a certificate with admin rights, its key.
    pub(crate) fn person(&self) -> [String; 3] {
        ["ca.pem", "person.pem", "person.key"]
            .map(|name| fs::read_to_string(self.dir.path().join(name)).unwrap())
    }

    /// What kubectl prints; nothing where it fails.
    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        if output.status.success() { String::from_utf8(output.stdout).unwrap() } else { String::new() }
    }

    /// All that kubectl says, whether it fails or not.
    pub(crate) fn kubectl_says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    fn run(&self, arguments: &[&str], input: &str) -> std::process::Output {
        let config = self.dir.path().join("kubeconfig");
        fs::write(&config, self.kubeconfig("test")).unwrap();
        let mut command = assert_cmd::Command::new("kubectl");
        command.arg("--kubeconfig").arg(config).args(arguments).write_stdin(input).output().unwrap()
    }

    /// Has manifests applied, and waits for kinds that are new.
    pub(crate) fn apply(&self, manifests: &str) {
        let done = self.run(&["apply", "--server-side", "--force-conflicts", "-f", "-"], manifests);
        let why = String::from_utf8_lossy(&done.stderr);
        let shown: String = manifests.chars().take(2_000).collect();
        assert!(done.status.success(), "not applied: {why}{shown}");
    }

    /// The revision of every object in the store, but for what the server itself writes now and then.
    pub(crate) fn store(&self) -> BTreeMap<String, String> {
        let engine = base64::engine::general_purpose::STANDARD;
        let range = format!(
            "{{\"key\":\"{}\",\"range_end\":\"{}\",\"keys_only\":true}}",
            engine.encode("/registry/"),
            engine.encode("/registry0")
        );
        let mut curl = assert_cmd::Command::new("curl");
        curl.args(["-sf", "-d", &range]).arg(format!("https://127.0.0.1:{}/v3/kv/range", self.store));
        for (option, name) in [("--cacert", "ca.pem"), ("--cert", "person.pem"), ("--key", "person.key")] {
            curl.arg(option).arg(self.dir.path().join(name));
        }
        let output = curl.output().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let object = |entry: &serde_json::Value| {
            let key = engine.decode(entry["key"].as_str().unwrap()).unwrap();
            (String::from_utf8(key).unwrap(), entry["mod_revision"].as_str().unwrap().to_owned())
        };
        let own = [
            "/registry/leases/",
            "/registry/masterleases/",
            "/registry/events/",
            "/registry/peerserverleases/",
        ];
        let all = said["kvs"].as_array().unwrap().iter().map(object);
        all.filter(|(key, _)| !own.iter().any(|own| key.starts_with(own))).collect()
    }

    /// Where it puts requests on record.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.dir.path().join("audit.log")
    }

    /// The patches that came in, in order: what they were of, and what they said.
    pub(crate) fn patches(&self) -> Vec<(String, serde_json::Value)> {
        let patch = |event: serde_json::Value| {
            let of = |key: &str| event["objectRef"][key].as_str().unwrap_or_default().to_owned();
            let agent = event["userAgent"].as_str().unwrap_or_default();
            // The server patches its own, and what the tests patch they patch with kubectl.
            (!agent.starts_with("kube") && event["verb"] == "patch")
                .then(|| (format!("{}/{}", of("resource"), of("name")), event["requestObject"].clone()))
        };
        self.requests().into_iter().filter_map(patch).collect()
    }

    /// What the server has put on record so far.
    pub(crate) fn requests(&self) -> Vec<serde_json::Value> {
        let log = fs::read_to_string(self.dir.path().join("audit.log")).unwrap_or_default();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The kinds of Flux.
    pub(crate) fn flux_kinds(&self) {
        self.kinds(include_str!("../cluster/crds.yaml"));
    }

    /// More kinds.
    pub(crate) fn kinds(&self, manifests: &str) {
        self.apply(manifests);
        let wait = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
        assert!(self.kubectl(&wait, "").contains("condition met"));
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// A CA, a server's certificate by it, the key tokens of service accounts are signed with, and a person with a token and a certificate. Only who
/// has that certificate is heard by the store.
fn certificates(dir: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, "the CA of a test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned).to_vec();
    let server = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    fs::write(dir.join("ca.pem"), authority.pem()).unwrap();
    fs::write(dir.join("server.pem"), server.pem()).unwrap();
    fs::write(dir.join("server.key"), key.serialize_pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut person = CertificateParams::new(Vec::new()).unwrap();
    person.distinguished_name.push(DnType::CommonName, "tester");
    person.distinguished_name.push(DnType::OrganizationName, "system:masters");
    person.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    fs::write(dir.join("person.pem"), person.signed_by(&key, &authority).unwrap().pem()).unwrap();
    fs::write(dir.join("person.key"), key.serialize_pem()).unwrap();
    let tokens = KeyPair::generate().unwrap();
    fs::write(dir.join("sa.key"), tokens.serialize_pem()).unwrap();
    fs::write(dir.join("sa.pub"), tokens.public_key_pem()).unwrap();
    fs::write(dir.join("tokens.csv"), format!("{TOKEN},tester,1,system:masters\n")).unwrap();
}
