//! What the API of a cluster has: `policies/programs/api.toml`.

use databake::Bake;
use serde::Deserialize;

use super::{Rows, Text, Texts};

/// `api.toml`.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct ClusterApi {
    /// Paths that are no resources, as RBAC writes them (`/apis/*`).
    pub paths: Texts,
    /// Verbs of a resource that names none: every one that RBAC has for it.
    pub verbs: Texts,
    /// Resources, and parts of them, that take the same verbs.
    pub resource: Rows<ApiResources>,
    /// Patches that are less than a change of their object.
    pub form: Rows<PatchForm>,
    /// Programs run in pods, of which a policy may allow some.
    pub run: Rows<RunForm>,
}

/// Resources of one group that take the same verbs.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct ApiResources {
    /// The group; empty for the core.
    pub group: Text,
    /// A version that servers have. RBAC and admission know none: it is for the requests that are judged.
    pub version: Text,
    /// Plural names, with a part behind a slash (`pods/log`).
    pub names: Texts,
    /// Their verbs, as RBAC calls them; none for those of every resource.
    #[serde(default)]
    pub verbs: Texts,
    /// They are in no namespace.
    #[serde(default)]
    pub cluster: bool,
    /// They open a connection: RBAC knows it by the verb of the request, admission as CONNECT.
    #[serde(default)]
    pub connects: bool,
}

/// A patch that is less than a change of its object.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct PatchForm {
    /// What it does, for people.
    pub about: Text,
    /// The kinds it is known of: group and plural name (`apps/deployments`).
    pub names: Texts,
    /// The patch (application/merge-patch+json), as it is judged.
    pub body: Text,
    /// The annotations it may set, and nothing else.
    #[serde(default)]
    pub annotations: Texts,
    /// The only field of `spec` that it may change.
    #[serde(default)]
    pub field: Text,
    /// The only field beside `spec` that it may change.
    #[serde(default)]
    pub root: Text,
    /// CEL that has to hold beside that, where the value counts; `object` and `oldObject` are the object after and before.
    #[serde(default)]
    pub holds: Text,
}

/// A program run in a pod.
#[derive(Clone, Copy, Debug, Deserialize, Bake)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[databake(path = rwenv_core::table)]
#[serde(deny_unknown_fields)]
pub struct RunForm {
    /// What it is, for people.
    pub about: Text,
    /// Its words.
    pub words: Texts,
}
