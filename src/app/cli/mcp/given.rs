//! What a client gives to a tool, and the command line of this program that it stands for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::knowledge::GuideTopic;

/// A command line of this program, word by word, its name first.
#[derive(Debug)]
pub(super) struct Argv(pub(super) Vec<String>);

impl Argv {
    /// A command that prints JSON.
    fn of(command: &[&str]) -> Self {
        let words = std::iter::once(&"rwenv").chain(command).chain(&["--json"]);
        Self(words.map(|word| (*word).to_owned()).collect())
    }

    /// The same with an option, in one word so that its value is nothing else.
    fn option(mut self, name: &str, value: Option<&impl ToString>) -> Self {
        self.0.extend(value.map(|value| format!("{name}={}", value.to_string())));
        self
    }

    fn switch(mut self, name: &str, on: bool) -> Self {
        self.0.extend(on.then(|| name.to_owned()));
        self
    }

    /// The same with an argument, which is no option whatever it begins with.
    fn argument(mut self, value: &str) -> Self {
        self.0.extend(["--".to_owned(), value.to_owned()]);
        self
    }
}

/// What stands for a command line.
pub(super) trait CommandLine {
    /// The command line.
    fn argv(&self) -> Argv;
}

/// A word as it is written in JSON.
fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoArguments {}

impl CommandLine for NoArguments {
    fn argv(&self) -> Argv {
        Argv::of(&["list"])
    }
}

/// A directory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FolderGiven {
    /// Directory. Default: the one this server was started in.
    dir: Option<String>,
}

impl CommandLine for FolderGiven {
    fn argv(&self) -> Argv {
        Argv::of(&["cur"]).option("--dir", self.dir.as_ref())
    }
}

/// Services of a namespace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServicesGiven {
    /// Name of the rwenv. Default: the selected one.
    rwenv: Option<String>,
    /// Only services in this namespace.
    namespace: Option<String>,
}

impl CommandLine for ServicesGiven {
    fn argv(&self) -> Argv {
        let argv = Argv::of(&["services", "list"]).option("--rwenv", self.rwenv.as_ref());
        argv.option("--namespace", self.namespace.as_ref())
    }
}

/// A service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceGiven {
    /// Name of the service.
    name: String,
    /// Name of the rwenv. Default: the selected one.
    rwenv: Option<String>,
}

impl CommandLine for ServiceGiven {
    fn argv(&self) -> Argv {
        Argv::of(&["services", "show"]).option("--rwenv", self.rwenv.as_ref()).argument(&self.name)
    }
}

/// Objects of a repository.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ObjectsGiven {
    /// Kind (hr), kind and name (deployment/web), or a name of any kind.
    object: String,
    /// Only objects in this namespace.
    namespace: Option<String>,
    /// Name of the rwenv. Default: the selected one.
    rwenv: Option<String>,
}

impl CommandLine for ObjectsGiven {
    fn argv(&self) -> Argv {
        let argv = Argv::of(&["where"]).option("--rwenv", self.rwenv.as_ref());
        argv.option("--namespace", self.namespace.as_ref()).argument(&self.object)
    }
}

/// A topic of the guide.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GuideGiven {
    /// Topic.
    pub(super) topic: GuideTopic,
    /// Name of the rwenv. Default: the selected one.
    rwenv: Option<String>,
}

impl CommandLine for GuideGiven {
    fn argv(&self) -> Argv {
        Argv::of(&["guide", "show"]).option("--rwenv", self.rwenv.as_ref()).argument(&word(self.topic))
    }
}

/// Kinds of Flux objects.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindsGiven {
    All,
    Ks,
    Hr,
    Source,
}

/// Objects of Flux.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusGiven {
    /// Name of the rwenv. Default: the selected one.
    rwenv: Option<String>,
    /// Only Kustomizations (ks), HelmReleases (hr) or sources. Default: all.
    kind: Option<KindsGiven>,
    /// Only objects in this namespace.
    namespace: Option<String>,
    /// Only objects that are not ready.
    #[serde(default)]
    failing: bool,
    /// Ask the cluster even if the daemon has the status.
    #[serde(default)]
    live: bool,
}

impl CommandLine for StatusGiven {
    fn argv(&self) -> Argv {
        let argv = Argv::of(&["flux", "status"]).option("--cluster", self.rwenv.as_ref());
        let argv = argv.option("--type", self.kind.map(word).as_ref());
        let argv = argv.option("--namespace", self.namespace.as_ref());
        argv.switch("--failing", self.failing).switch("--live", self.live)
    }
}

/// Events of Flux objects.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsGiven {
    /// Name of the rwenv. Default: the selected one.
    rwenv: Option<String>,
    /// Only events of this object: KIND/NAME, as in ks/apps.
    object: Option<String>,
    /// Only objects in this namespace.
    namespace: Option<String>,
}

impl CommandLine for EventsGiven {
    fn argv(&self) -> Argv {
        let argv = Argv::of(&["flux", "events"]).option("--cluster", self.rwenv.as_ref());
        argv.option("--for", self.object.as_ref()).option("--namespace", self.namespace.as_ref())
    }
}

/// A Kustomization, and what it is compared with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DiffGiven {
    /// Name of the Kustomization.
    kustomization: String,
    /// Its namespace. Default: looked up.
    namespace: Option<String>,
    /// Name of the rwenv. Default: the selected one.
    rwenv: Option<String>,
    /// Render this commit or branch of the rwenv's clone. Default: its working tree.
    revision: Option<String>,
    /// Render the branch of this pull request.
    pull_request: Option<u64>,
}

impl CommandLine for DiffGiven {
    fn argv(&self) -> Argv {
        let argv = Argv::of(&["flux", "diff"]).option("--cluster", self.rwenv.as_ref());
        let argv = argv.option("--namespace", self.namespace.as_ref());
        let argv = argv.option("--ref", self.revision.as_ref()).option("--pr", self.pull_request.as_ref());
        argv.argument(&self.kustomization)
    }
}

/// A change of a Flux repository.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangeGiven {
    /// Directory in the repository. Default: the one this server was started in.
    dir: Option<String>,
    /// Compare a range of commits: A..B, or A (short for A..HEAD). Default: the working tree with the last commit.
    range: Option<String>,
    /// Compare the index with the last commit.
    #[serde(default)]
    staged: bool,
    /// Compare a pull request with the branch that Flux follows.
    pull_request: Option<u64>,
    /// Ask the clusters as well: a dry run of what each touched Kustomization would apply.
    #[serde(default)]
    live: bool,
}

impl CommandLine for ChangeGiven {
    fn argv(&self) -> Argv {
        let argv = Argv::of(&["impact"]).option("--dir", self.dir.as_ref());
        let argv = argv.option("--range", self.range.as_ref()).option("--pr", self.pull_request.as_ref());
        argv.switch("--staged", self.staged).switch("--live", self.live)
    }
}

/// A deployment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeploymentGiven {
    /// Service, as the tool services lists it.
    service: String,
    /// New image tag; sha256:… for a digest.
    image_tag: Option<String>,
    /// Image to change: by its name, its container's name, or its path (etcd.image).
    image: Option<String>,
    /// Release or chart values (replicas=3), or manifest fields (spec.replicas=3), each as KEY=VALUE.
    #[serde(default)]
    set: Vec<String>,
    /// Like set, but the value is always written as a string.
    #[serde(default)]
    set_string: Vec<String>,
    /// Also write values that are not there yet.
    #[serde(default)]
    create: bool,
    /// Namespace of the service, when its name is ambiguous.
    namespace: Option<String>,
    /// Name of the rwenv. Default: the selected one.
    rwenv: Option<String>,
}

impl CommandLine for DeploymentGiven {
    fn argv(&self) -> Argv {
        let argv = Argv::of(&["deploy", "--dry-run"]).option("--cluster", self.rwenv.as_ref());
        let argv = argv.option("--image-tag", self.image_tag.as_ref()).option("--image", self.image.as_ref());
        let argv = argv.option("--namespace", self.namespace.as_ref());
        let argv = self.set.iter().fold(argv, |argv, value| argv.option("--set", Some(value)));
        let argv = self.set_string.iter().fold(argv, |argv, value| argv.option("--set-string", Some(value)));
        argv.switch("--create", self.create).argument(&self.service)
    }
}

/// A command line of any program.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LineGiven {
    /// Command line, as a shell would be given it.
    line: String,
    /// Directory it would run in. Default: the one this server was started in.
    dir: Option<String>,
    /// Check as if this rwenv were selected.
    rwenv: Option<String>,
}

impl CommandLine for LineGiven {
    fn argv(&self) -> Argv {
        let argv = Argv::of(&["check"]).option("--dir", self.dir.as_ref());
        argv.option("--rwenv", self.rwenv.as_ref()).argument(&self.line)
    }
}
