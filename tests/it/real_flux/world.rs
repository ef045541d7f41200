//! A cluster in which Flux's own controllers work, and a repository behind HTTP that they fetch.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::apiserver::{ApiServer, free_port};
use crate::flux_programs::{flux_program, kinds_of};
use crate::support::{Answer, Home, answer};

/// Longest wait for what a controller does.
const SOON: Duration = Duration::from_secs(90);
const NAMESPACES: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: app}\n";
/// The controllers without which nothing is applied.
pub(crate) const APPLIES: [&str; 2] = ["source-controller", "kustomize-controller"];
/// Those of a whole Flux.
pub(crate) const ALL: [&str; 4] =
    ["source-controller", "kustomize-controller", "helm-controller", "notification-controller"];

/// The API server and the controllers that run beside it. They end with it.
pub(crate) struct Controllers {
    pub(crate) server: ApiServer,
    programs: Vec<Child>,
    _dir: tempfile::TempDir,
}

impl Controllers {
    /// Starts them; none where one of them is not to be had, which is said.
    pub(crate) fn start(names: &[&str]) -> Option<Self> {
        let programs: Option<Vec<PathBuf>> = names.iter().map(|name| flux_program(name)).collect();
        let programs = programs?;
        let server = ApiServer::counting()?;
        for program in &programs {
            server.kinds(&kinds_of(program));
        }
        server.apply(NAMESPACES);
        let dir = tempfile::TempDir::new().unwrap();
        let config = dir.path().join("kubeconfig");
        std::fs::write(&config, server.kubeconfig("controllers")).unwrap();
        let start = |program: &PathBuf| {
            let name = program.file_name().unwrap().to_str().unwrap();
            let log = |kind: &str| File::create(dir.path().join(format!("{name}.{kind}"))).unwrap();
            let mut command = Command::new(program);
            let port = || format!("127.0.0.1:{}", free_port());
            command.args(["--events-addr=", "--metrics-addr", &port(), "--health-addr", &port()]);
            match name {
                "source-controller" => {
                    let (storage, at) = (dir.path().join("artifacts"), port());
                    std::fs::create_dir(&storage).unwrap();
                    command.args(["--storage-addr", &at, "--storage-adv-addr", &at, "--storage-path"]);
                    command.arg(storage);
                }
                "kustomize-controller" | "helm-controller" => {
                    command.arg("--requeue-dependency=2s");
                }
                _ => {}
            }
            command.env_clear().env("KUBECONFIG", &config).env("RUNTIME_NAMESPACE", "flux-system");
            command.env("HOME", dir.path()).env("TMPDIR", dir.path()).env("PATH", "/usr/bin:/bin");
            command.stdin(Stdio::null()).stdout(log("out")).stderr(log("log")).spawn().unwrap()
        };
        let programs = programs.iter().map(start).collect();
        Some(Self { server, programs, _dir: dir })
    }

    /// Waits until something is the case.
    #[expect(clippy::disallowed_methods, reason = "a test waits for other programs")]
    pub(crate) fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let start = Instant::now();
        while !holds() {
            let all =
                || self.server.kubectl_says(&["get", "gitrepositories,kustomizations", "-A", "-o", "yaml"]);
            assert!(start.elapsed() < SOON, "{what} did not come to be:\n{}", all());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A part of an object, as JSON.
    pub(crate) fn part(&self, object: &str, namespace: &str, path: &str) -> Value {
        let text = self.server.kubectl(&["get", object, "-n", namespace, "-o", "json"], "");
        let object: Value = serde_json::from_str(&text).unwrap_or_default();
        object.pointer(path).cloned().unwrap_or_default()
    }

    /// Whether an object is ready: `True`, `False`, or what its controller has not said.
    pub(crate) fn ready(&self, object: &str, namespace: &str) -> String {
        let all = self.part(object, namespace, "/status/conditions");
        let mut all = all.as_array().into_iter().flatten();
        let ready = all.find(|condition| condition["type"] == "Ready");
        ready.and_then(|ready| ready["status"].as_str()).unwrap_or("Unknown").to_owned()
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// A cluster that applies a repository, and a HOME whose three rwenvs are that cluster.
pub(crate) struct World {
    pub(crate) it: Controllers,
    pub(crate) home: Home,
    /// Where the repository is.
    pub(crate) url: String,
}

const ROOT: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n\
    spec: {path: ./clusters/one, interval: 1h, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n";

impl World {
    /// A world whose repository has these files.
    pub(crate) fn new(controllers: &[&str], files: &[(&str, &str)]) -> Option<Self> {
        let it = Controllers::start(controllers)?;
        let home = Home::new();
        home.git("", &["init", "-q", "--bare", "remotes/flux.git"]);
        let url = format!("http://127.0.0.1:{}/flux.git", crate::http::serve(home.path("remotes")));
        home.git("", &["init", "-q", "work"]);
        home.git("work", &["remote", "add", "origin", &url]);
        for name in ["ro", "go", "rw"] {
            home.write(&format!(".kube/{name}"), &it.server.kubeconfig(&format!("{name}-ctx")));
        }
        let envs = ["ro", "go", "rw"].iter().fold(crate::support::ENVS.to_owned(), |text, name| {
            let context = format!("\"kubernetesContext\": \"{name}-ctx\"");
            let more = format!("{context}, \"kubeconfigPath\": \"~/.kube/{name}\"");
            let asked = format!("https://git.example.com/{name}/flux.git");
            text.replace(&context, &more).replace(&asked, &url)
        });
        let rw = "\"kubeconfigPath\": \"~/.kube/rw\"";
        home.write(
            ".claude/rwenv/envs.json",
            &envs.replace(rw, &format!("{rw}, \"fluxGitRepo\": \"{url}\"")),
        );
        let world = Self { it, home, url };
        world.push(files, "the beginning");
        let source = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: flux-system, namespace: flux-system}}\n\
             spec: {{url: \"{}\", interval: 1h, ref: {{branch: main}}}}\n---\n{ROOT}",
            world.url
        );
        world.it.server.apply(&source);
        world.it.until("the root is applied", || world.it.ready("ks/flux-system", "flux-system") == "True");
        Some(world)
    }

    /// Writes files, an empty one being taken away, and pushes them; gives the revision that this makes.
    pub(crate) fn push(&self, files: &[(&str, &str)], message: &str) -> String {
        for (name, text) in files {
            if text.is_empty() {
                std::fs::remove_file(self.home.path(&format!("work/{name}"))).unwrap();
            } else {
                self.home.write(&format!("work/{name}"), text);
            }
        }
        self.home.git("work", &["add", "-A"]);
        self.home.git("work", &["commit", "-qm", message]);
        self.home.git("work", &["push", "-q", "origin", "HEAD:main"]);
        format!("main@sha1:{}", self.home.git("work", &["rev-parse", "HEAD"]).trim())
    }

    /// `rwenv flux` in the folder of a rwenv.
    pub(crate) fn flux(&self, rwenv: &str, line: &str) -> Answer {
        let words: Vec<&str> = std::iter::once("flux").chain(line.split(' ')).collect();
        self.home.rwenv(rwenv, &words)
    }

    /// The flux program itself.
    pub(crate) fn real(&self, program: &std::path::Path, line: &str) -> Answer {
        let mut command = self.home.command(program.to_str().unwrap(), &self.home.path("work"));
        let config = self.home.path(".kube/rw");
        answer(command.env("KUBECONFIG", config).args(line.split(' ')))
    }
}
