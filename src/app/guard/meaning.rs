//! What a request would do: an operation in the words of kubectl's and flux's own verbs, so that one set of rules holds at
//! every door.

use super::body::{PatchChange, change};
use super::request::{Legacy, Method, Request, RequestedResource};
use rwenv_core::classify;
use rwenv_core::model::{Effect, Invocation, Operation, Reach, Span, Target, Trait, Word};

/// Paths that are no resources and only tell something, by their first segment.
const TELLING: [&str; 13] = [
    "api",
    "apis",
    "openapi",
    "version",
    "healthz",
    "livez",
    "readyz",
    "metrics",
    ".well-known",
    "swagger.json",
    "swagger-2.0.0.pb-v1",
    "flagz",
    "statusz",
];
/// Groups the API server serves itself, whose dry runs change nothing; others may be another program's.
const OWN_GROUPS: [&str; 22] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Patches that bring nothing into an object but what they say themselves.
const PLAIN_PATCHES: [&str; 3] = [
    "application/apply-patch+yaml",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// What of an answer is not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mask {
    /// All of it is.
    #[default]
    Nothing,
    /// Texts of failures, which may quote a Secret.
    Failures,
    /// These, and the texts of every other status.
    Texts,
    /// These, and the values of Secrets.
    Secrets,
}

/// Headers that say what is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asking<'h> {
    /// `Accept`.
    pub(super) accept: &'h str,
    /// `Content-Type`.
    pub(super) content_type: &'h str,
    /// `Kubectl-Command`: which kubectl command sent it, as far as one believes that.
    pub(super) command: &'h str,
    /// Nothing is changed in this rwenv from here: what is read is not written back.
    pub(super) guarded: bool,
}

impl Asking<'_> {
    /// It says that it compares, and shows no more than what describes.
    pub(super) fn compares(&self) -> bool {
        matches!(self.command, "kubectl diff" | "kubectl apply")
    }
}

/// What a request means.
#[derive(Clone, Debug)]
pub(super) struct Meaning {
    /// What it would do.
    pub(super) operation: Operation,
    /// The program that is run in a pod, as kubectl's words.
    pub(super) run: Option<Vec<Word>>,
    /// What of the answer is not shown.
    pub(super) mask: Mask,
    /// It is harmless only where the API server serves this group and version itself.
    pub(super) own: Option<(String, String)>,
    /// The body that is sent on in the place of the one that came.
    pub(super) body: Option<Vec<u8>>,
}

impl Meaning {
    fn new(verb: &str, effect: Effect) -> Self {
        let operation = Operation {
            tool: "kubectl",
            program: None,
            verb: verb.to_owned(),
            effect,
            reach: Reach::Cluster,
            traits: Vec::new(),
            target: Target::default(),
            note: None,
            span: Span::default(),
            cwd: Vec::new(),
        };
        Self { operation, run: None, mask: Mask::Nothing, own: None, body: None }
    }

    fn with(mut self, name: Trait) -> Self {
        self.operation.traits.push(name);
        self
    }

    fn noted(mut self, note: String) -> Self {
        self.operation.note = Some(note);
        self
    }

    fn masked(mut self) -> Self {
        self.mask = Mask::Secrets;
        self
    }
}

/// What a request would do.
pub(super) fn meaning(request: &Request, asking: Asking<'_>, body: &[u8]) -> Meaning {
    let Some(resource) = &request.resource else { return path(request) };
    let mut meaning = of_resource(request, resource, asking, body);
    if is_secret(resource) && meaning.mask == Mask::Nothing && meaning.operation.effect != Effect::ReadSecret
    {
        meaning.mask = unasked(request);
    }
    let target = &mut meaning.operation.target;
    target.namespace.clone_from(&resource.namespace);
    target.names = resource.object.iter().cloned().collect();
    target.kinds = vec![kind(resource)];
    meaning
}

fn is_secret(resource: &RequestedResource) -> bool {
    resource.group.is_empty() && resource.name == "secrets"
}

/// What is not shown of an answer about Secrets that nobody asked for their values. What is created or replaced is answered with what the
/// client has sent; a client may go on with that, so that it stays whole. A patch and a deletion are answered with what was there.
fn unasked(request: &Request) -> Mask {
    match request.method {
        Method::Get => Mask::Failures,
        Method::Post | Method::Put => Mask::Texts,
        Method::Patch | Method::Delete => Mask::Secrets,
    }
}

/// A resource as people write it: with its group, where it is no well-known one.
fn kind(resource: &RequestedResource) -> String {
    match resource.group.as_str() {
        "" | "apps" | "batch" => resource.name.clone(),
        group => format!("{}.{group}", resource.name),
    }
}

fn path(request: &Request) -> Meaning {
    let first = request.path.first().map_or("", String::as_str);
    let known = request.path.is_empty() || TELLING.contains(&first);
    let mut meaning = if request.method == Method::Get && known {
        Meaning::new("get", Effect::Read)
    } else {
        Meaning::new(verb(request.method), Effect::Unknown)
            .noted(format!("the path /{} is not known", request.path.join("/")))
    };
    meaning.operation.target.names = vec![format!("/{}", request.path.join("/"))];
    meaning
}

fn verb(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "create",
        Method::Put => "replace",
        Method::Patch => "patch",
        Method::Delete => "delete",
    }
}

fn of_resource(request: &Request, resource: &RequestedResource, asking: Asking<'_>, body: &[u8]) -> Meaning {
    let first = resource.subresource.as_deref().and_then(|subresource| subresource.split('/').next());
    if resource.legacy == Some(Legacy::Proxy) || first == Some("proxy") {
        if request.method == Method::Get && only_reads(&request.path) {
            return Meaning::new("get", Effect::Read);
        }
        return Meaning::new(verb(request.method), Effect::Exec)
            .noted("it goes through the API server to a program in the cluster".to_owned());
    }
    let core = resource.group.is_empty();
    match (core.then_some(resource.name.as_str()), resource.subresource.as_deref()) {
        (Some("pods"), Some("exec")) => {
            let run = Some(words(request, resource, "exec"));
            Meaning { run, ..Meaning::new("exec", Effect::Exec) }
        }
        (Some("pods"), Some("attach")) => Meaning::new("attach", Effect::Exec).with(Trait::Attach),
        (Some("pods"), Some("portforward")) => {
            Meaning::new("port-forward", Effect::Tunnel).with(Trait::PortForward)
        }
        (_, subresource) if request.method == Method::Get => get(request, resource, subresource, asking),
        (_, subresource) => write(request, resource, subresource, (asking, body)),
    }
}

/// True for a path behind which a kubelet only tells of itself, by what the table of kubectl says of `kubectl get --raw`.
fn only_reads(path: &[String]) -> bool {
    if path.iter().any(|segment| segment.is_empty() || segment.contains('/') || segment.starts_with('.')) {
        return false;
    }
    let words = ["kubectl".to_owned(), "get".to_owned(), "--raw".to_owned(), format!("/{}", path.join("/"))];
    let call = Invocation { argv: words.into_iter().map(Word::literal).collect(), ..Invocation::default() };
    let found = classify::classify(&call, classify::tools());
    !found.operations.is_empty() && found.operations.iter().all(|operation| operation.effect <= Effect::Read)
}

/// The kubectl call that would send an exec.
fn words(request: &Request, resource: &RequestedResource, verb: &str) -> Vec<Word> {
    // Whatever is neither "false" nor "0" is true (apimachinery, `Convert_Slice_string_To_bool`).
    let is = |key: &str| {
        request.values(key).next().is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    };
    let mut all = vec!["kubectl".to_owned(), verb.to_owned()];
    all.extend(resource.namespace.iter().flat_map(|namespace| ["-n".to_owned(), namespace.clone()]));
    all.extend(request.only("container").into_iter().flat_map(|name| ["-c".to_owned(), name.to_owned()]));
    all.extend(is("stdin").then(|| "-i".to_owned()));
    all.extend(is("tty").then(|| "-t".to_owned()));
    all.extend(resource.object.clone());
    all.push("--".to_owned());
    all.extend(request.values("command").map(str::to_owned));
    all.into_iter().map(Word::literal).collect()
}

fn get(
    request: &Request,
    resource: &RequestedResource,
    subresource: Option<&str>,
    asking: Asking<'_>,
) -> Meaning {
    match subresource {
        None | Some("status" | "scale") if is_secret(resource) => secret(request, resource, asking),
        None | Some("status" | "scale") => Meaning::new("get", Effect::Read),
        Some("log") if resource.group.is_empty() && resource.name == "pods" => {
            Meaning::new("logs", Effect::Read)
        }
        Some(other) => {
            Meaning::new("get", Effect::Unknown).noted(format!("the subresource '{other}' is not known"))
        }
    }
}

/// A read of Secrets: names alone, what helm keeps, what kubectl describes without values, or the values.
fn secret(request: &Request, resource: &RequestedResource, asking: Asking<'_>) -> Meaning {
    let first = asking.accept.split(',').next().unwrap_or_default();
    let names = first.contains("as=Table") || first.contains("as=PartialObjectMetadata");
    let whole = request.values("includeObject").any(|value| value == "Object");
    let watches = resource.legacy.is_some() || request.values("watch").next().is_some();
    // What compares shows no more than what describes; but what would be written back has to be whole.
    let compares = asking.guarded && asking.compares();
    let describes = (asking.command == "kubectl describe" || compares) && !watches;
    if (names && !whole) || describes {
        return Meaning::new("get", Effect::Read).masked();
    }
    let selected = request.only("labelSelector").is_some_and(|selector| {
        !selector.contains('(')
            && selector.split(',').any(|term| matches!(term, "owner=helm" | "owner==helm"))
    });
    let kept = resource.object.as_deref().is_some_and(|name| name.starts_with("sh.helm.release.v1."));
    if kept || (selected && resource.object.is_none() && !watches) {
        return Meaning::new("get", Effect::Read);
    }
    Meaning::new("get", Effect::ReadSecret)
}

fn write(
    request: &Request,
    resource: &RequestedResource,
    subresource: Option<&str>,
    (asking, body): (Asking<'_>, &[u8]),
) -> Meaning {
    if reviews_itself(request, resource) {
        return Meaning::new("auth can-i", Effect::Read);
    }
    match subresource {
        None | Some("scale" | "status") if dry(request) => dry_run(request, resource, asking),
        None if request.method == Method::Patch => patch(request, resource, asking, body),
        Some("token") if resource.name == "serviceaccounts" => {
            Meaning::new("create token", Effect::ReadSecret)
        }
        Some("ephemeralcontainers") => Meaning::new("debug", Effect::Exec).with(Trait::Debug),
        None => plain(request.method),
        Some("scale") => Meaning::new("scale", Effect::ClusterWrite),
        Some("eviction") => Meaning::new("drain", Effect::ClusterWrite),
        Some("approval") => Meaning::new("certificate approve", Effect::ClusterWrite),
        Some("status" | "finalize" | "binding" | "resize") => plain(request.method),
        Some(other) => Meaning::new(verb(request.method), Effect::Unknown)
            .noted(format!("the subresource '{other}' is not known")),
    }
}

fn plain(method: Method) -> Meaning {
    Meaning::new(verb(method), Effect::ClusterWrite)
}

/// Questions about one's own rights, which are asked by POST.
fn reviews_itself(request: &Request, resource: &RequestedResource) -> bool {
    let known = match resource.group.as_str() {
        "authorization.k8s.io" => ["selfsubjectaccessreviews", "selfsubjectrulesreviews"].as_slice(),
        "authentication.k8s.io" => ["selfsubjectreviews"].as_slice(),
        _ => [].as_slice(),
    };
    request.method == Method::Post
        && known.contains(&resource.name.as_str())
        && resource.namespace.is_none()
        && resource.object.is_none()
        && resource.legacy.is_none()
}

/// True where the server is told to change nothing, and told so where it reads it. Of a DELETE it reads the body instead.
fn dry(request: &Request) -> bool {
    request.only("dryRun") == Some("All") && request.method != Method::Delete
}

fn dry_run(request: &Request, resource: &RequestedResource, asking: Asking<'_>) -> Meaning {
    let secret = is_secret(resource);
    // A patch that copies can bring a value to where nobody expects one; these cannot.
    let plain = asking.content_type.split(';').next().unwrap_or_default().trim();
    if secret && request.method == Method::Patch && !PLAIN_PATCHES.contains(&plain) {
        return Meaning::new(verb(request.method), Effect::ReadSecret);
    }
    let mut meaning = Meaning::new(verb(request.method), Effect::Read).with(Trait::DryRun);
    if !OWN_GROUPS.contains(&resource.group.as_str()) {
        meaning.own = Some((resource.group.clone(), resource.version.clone()));
    }
    if secret { meaning.masked() } else { meaning }
}

/// A patch, which may be the one that reconciles, suspends or resumes.
fn patch(request: &Request, resource: &RequestedResource, asking: Asking<'_>, body: &[u8]) -> Meaning {
    let flux = resource.group.ends_with(".toolkit.fluxcd.io") || resource.group == "fluxcd.controlplane.io";
    let argo = resource.group == "argoproj.io" && resource.name == "applications";
    let secrets = resource.group == "external-secrets.io";
    if asking.content_type.starts_with("application/apply-patch") {
        return Meaning::new("apply", Effect::ClusterWrite);
    }
    let known = (flux || argo || secrets).then(|| change(asking.content_type, body)).flatten();
    let Some((change, written)) = known else { return plain(request.method) };
    let kind = resource.name.trim_end_matches('s');
    let mut meaning = match change {
        PatchChange::Reconcile if flux => Meaning::new("annotate", Effect::Reconcile),
        PatchChange::ForceSync if secrets => Meaning::new("annotate", Effect::Reconcile),
        PatchChange::Suspend if flux => {
            let mut meaning =
                Meaning::new(&format!("suspend {kind}"), Effect::ClusterWrite).with(Trait::Suspend);
            meaning.operation.tool = "flux";
            meaning
        }
        PatchChange::Resume if flux => {
            let mut meaning =
                Meaning::new(&format!("resume {kind}"), Effect::ClusterWrite).with(Trait::Resume);
            meaning.operation.tool = "flux";
            meaning
        }
        PatchChange::Sync if argo => Meaning::new("patch", Effect::Reconcile),
        _ => match sync_with_more(&written).filter(|_| argo) {
            Some(why) => plain(request.method).noted(why),
            None => plain(request.method),
        },
    };
    // Exactly what was judged is what is sent.
    meaning.body = Some(written);
    meaning
}

/// What makes a patch that syncs more than that.
fn sync_with_more(patch: &[u8]) -> Option<String> {
    let patch: serde_json::Value = serde_json::from_slice(patch).ok()?;
    let steps = patch.as_array().into_iter().flatten().filter_map(|step| step.get("path")?.as_str());
    let about =
        patch.get("operation").is_some() || steps.into_iter().any(|path| path.starts_with("/operation"));
    if !about {
        return None;
    }
    classify::only_syncs(&patch).err()
}

/// An operation as it counts where its dry run may be none.
pub(super) fn not_dry(mut operation: Operation) -> Operation {
    operation.traits.retain(|name| *name != Trait::DryRun);
    operation.effect = Effect::ClusterWrite;
    operation.note = Some("its group is served by another program, which may not know dry runs".to_owned());
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kubelet_tells_of_itself_is_a_read() {
        let path = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        for text in ["api/v1/nodes/n/proxy/stats/summary", "api/v1/nodes/n/proxy/metrics/cadvisor"] {
            assert!(only_reads(&path(text)), "{text}");
        }
        for text in [
            "api/v1/nodes/n/proxy/run/ns/p/c",
            "api/v1/nodes/n/proxy/pods",
            "api/v1/nodes/n/proxy/metrics/../run",
            "api/v1/namespaces/d/services/web/proxy/metrics",
        ] {
            assert!(!only_reads(&path(text)), "{text}");
        }
    }
}
