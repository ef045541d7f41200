//! What a person's grant is for, where it is not one line: a rwenv, a namespace of it, or objects in it; and which operations lie
//! within.

use super::kinds::kind_named;
use super::{Planned, ids};
use crate::model::{Effect, Operation, Reach, Reason, Word};

/// Kinds that are in no namespace. `-n` says nothing about them.
const IN_NO_NAMESPACE: [&str; 4] =
    ["Namespace", "PersistentVolume", "CustomResourceDefinition", "StorageClass"];
/// Rules of what is decided before a policy is asked: where a call goes, or what it is, is not what a person meant.
const NOT_ITS_TARGET: [&str; 11] = [
    ids::NONE_SELECTED,
    ids::INVALID,
    ids::FOREIGN,
    ids::NO_CONTEXT,
    ids::OTHER_CLUSTER,
    ids::MISSING_CONTEXT,
    ids::SYNTAX,
    ids::LIMIT,
    ids::UNREAD,
    ids::REQUEST,
    ids::OPAQUE,
];
/// Characters of the random parts in names of pods (apimachinery, `rand.String`).
const RANDOM: &str = "bcdfghjklmnpqrstvwxz2456789";

/// Objects a grant names.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GrantedObject {
    /// Their kind as manifests write it, or as it was typed where nobody knows it.
    pub kind: String,
    /// The name of the one that is meant; none for all of the kind.
    pub name: Option<String>,
}

impl GrantedObject {
    /// The objects that `deploy/web` or `deploy` means.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('/').map_or((text, None), |(kind, name)| (kind, Some(name)));
        let plain = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
        };
        let fits = plain(kind) && name.is_none_or(plain);
        fits.then(|| Self { kind: known(kind), name: name.map(str::to_owned) })
    }

    /// How it is told.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.kind),
            None => format!("every {}", self.kind),
        }
    }

    /// True for this object, and for the pods that it makes.
    fn is(&self, kind: &str, name: Option<&str>) -> bool {
        let Some(own) = &self.name else { return self.kind == kind };
        let named = |name: &str| {
            (self.kind == kind && own == name) || (kind == "Pod" && is_pod_of(&self.kind, own, name))
        };
        name.is_some_and(named)
    }
}

/// True where a workload gives its pods names like this (kubernetes.io/docs: Deployment, StatefulSet, `DaemonSet`).
fn is_pod_of(kind: &str, workload: &str, pod: &str) -> bool {
    let Some(rest) = pod.strip_prefix(workload).and_then(|rest| rest.strip_prefix('-')) else { return false };
    let random = |text: &str, most: usize| {
        !text.is_empty() && text.len() <= most && text.chars().all(|c| RANDOM.contains(c))
    };
    match kind {
        "Deployment" => {
            rest.split_once('-').is_some_and(|(set, own)| random(set, 10) && own.len() == 5 && random(own, 5))
        }
        "DaemonSet" | "ReplicaSet" | "Job" => rest.len() == 5 && random(rest, 5),
        "StatefulSet" => !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

fn known(kind: &str) -> String {
    kind_named(kind).map_or_else(|| kind.to_ascii_lowercase(), str::to_owned)
}

/// What a grant is for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GrantedArea {
    /// The rwenv.
    pub rwenv: String,
    /// The namespace; none for all.
    pub namespace: Option<String>,
    /// The objects; empty for all.
    pub objects: Vec<GrantedObject>,
}

impl GrantedArea {
    /// How it is told.
    #[must_use]
    pub fn title(&self) -> String {
        let objects: Vec<String> = self.objects.iter().map(GrantedObject::title).collect();
        let what = if objects.is_empty() { "everything".to_owned() } else { objects.join(", ") };
        let place = self.namespace.as_ref().map(|name| format!(" in namespace {name}")).unwrap_or_default();
        format!("{what}{place} of rwenv '{}'", self.rwenv)
    }

    /// True where it is for a whole rwenv.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.namespace.is_none() && self.objects.is_empty()
    }

    /// True for a reason that is given in the rwenv's name, by a rule about what may be done there.
    #[must_use]
    pub fn is_about(&self, reason: &Reason) -> bool {
        reason.rwenv.as_deref() == Some(self.rwenv.as_str())
            && !NOT_ITS_TARGET.contains(&reason.rule.as_str())
    }

    /// True where an operation stays within. Of a request to the API it is known what it is for (`exact`); a command line may leave it
    /// open. What prints secret values, and what is not known, is never within.
    #[must_use]
    pub fn covers(&self, operation: &Operation, by: &Planned, exact: bool) -> bool {
        let effect = operation.effect;
        if matches!(effect, Effect::Tamper | Effect::Unknown | Effect::ReadSecret | Effect::SessionChange) {
            return false;
        }
        match operation.reach {
            Reach::Cluster => self.is_whole() || self.holds(operation, &by.invocation.argv, exact),
            Reach::Repository => self.is_whole(),
            Reach::Local | Reach::Service => false,
        }
    }

    fn holds(&self, operation: &Operation, argv: &[Word], exact: bool) -> bool {
        let target = &operation.target;
        if !exact && (!target.files.is_empty() || reaches_further(argv)) {
            return false;
        }
        let kinds: Vec<String> = kinds(operation).iter().map(|kind| known(kind)).collect();
        let in_one = |kind: &String| {
            // The path of a namespace itself reads as one in it.
            !IN_NO_NAMESPACE.contains(&kind.as_str()) && (exact || kind_named(kind).is_some())
        };
        let named = |kind: &str| {
            self.objects.iter().any(|object| match target.names.as_slice() {
                [] => object.is(kind, None),
                names => {
                    names.iter().all(|name| self.objects.iter().any(|object| object.is(kind, Some(name))))
                }
            })
        };
        let here = match &self.namespace {
            None => true,
            Some(own) => target.namespace.as_ref() == Some(own) && kinds.iter().all(in_one),
        };
        !kinds.is_empty() && here && (self.objects.is_empty() || kinds.iter().all(|kind| named(kind)))
    }
}

/// The kinds an operation is for, as it names them. A release of Helm counts as an object.
fn kinds(operation: &Operation) -> Vec<String> {
    match operation.tool {
        "helm" => vec!["helmrelease".to_owned()],
        "flux" if operation.target.kinds.is_empty() => {
            operation.verb.rsplit(' ').next().map(str::to_owned).into_iter().collect()
        }
        _ => operation.target.kinds.clone(),
    }
}

/// True where words take a call out of the namespace it names, or may: all namespaces, a raw path, what is not known.
fn reaches_further(argv: &[Word]) -> bool {
    let own = argv.iter().take_while(|word| word.as_literal() != Some("--"));
    own.into_iter().any(|word| match word.as_literal() {
        None => true,
        Some(text) if text.starts_with("--") => text.starts_with("--all-n") || text.starts_with("--raw"),
        Some(text) => text.starts_with('-') && text.contains('A'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{Plan, plan};
    use crate::model::Context;

    fn planned(line: &str) -> Plan {
        plan(line, &Context { cwd: "/p".to_owned(), home: "/h".to_owned(), ..Context::default() })
    }

    fn covers(area: &GrantedArea, line: &str) -> bool {
        let plan = planned(line);
        assert!(!plan.planned.is_empty(), "{line}");
        plan.planned.iter().all(|planned| area.covers(&planned.operation, planned, false))
    }

    fn area(namespace: Option<&str>, objects: &[&str]) -> GrantedArea {
        let objects = objects.iter().map(|text| GrantedObject::of(text).unwrap()).collect();
        GrantedArea { rwenv: "prod".to_owned(), namespace: namespace.map(str::to_owned), objects }
    }

    #[test]
    fn a_namespace_is_left_by_no_line() {
        let shop = area(Some("shop"), &[]);
        for line in [
            "kubectl -n shop rollout restart deploy/web",
            "kubectl scale deploy web --replicas 5 -n shop",
            "kubectl -n shop delete pod web-0 web-1",
            "kubectl -n shop delete pods --all",
            "kubectl -n shop exec deploy/web -- kill 1",
            "helm -n shop rollback web 3",
            "flux -n shop suspend hr web",
        ] {
            assert!(covers(&shop, line), "{line}");
        }
        for line in [
            "kubectl rollout restart deploy/web",
            "kubectl -n other rollout restart deploy/web",
            "kubectl -n shop delete pods --all -A",
            "kubectl -n shop delete pods --all --all-namespaces",
            "kubectl -n shop delete pods -lA=b",
            "kubectl -n shop delete ns shop",
            "kubectl -n shop delete pod,ns shop",
            "kubectl -n shop delete clusterrole admin",
            "kubectl -n shop delete widgets --all",
            "kubectl -n shop apply -f web.yaml",
            "kubectl -n shop delete --raw /api/v1/namespaces/other",
            "kubectl -n shop delete pod $POD",
            "kubectl -n shop cp web.tar other/web-0:/tmp",
            "kubectl -n shop drain node-1",
            "kubectl -n shop get secret db -o yaml",
            "kubectl -n shop frobnicate deploy/web",
            "git push origin HEAD",
            "terraform apply -auto-approve",
            "rwenv edit prod --read-only=false",
        ] {
            assert!(!covers(&shop, line), "{line}");
        }
    }

    #[test]
    fn an_object_is_that_object_and_its_pods() {
        let web = area(Some("shop"), &["deploy/web"]);
        for line in [
            "kubectl -n shop scale deployment/web --replicas 5",
            "kubectl -n shop set image deployments.apps web web=web:2",
            "kubectl -n shop delete pod web-6d4cf56db6-x7k2p",
            "kubectl -n shop exec web-6d4cf56db6-x7k2p -- kill 1",
        ] {
            assert!(covers(&web, line), "{line}");
        }
        for line in [
            "kubectl -n shop scale deployment/web deployment/db --replicas 5",
            "kubectl -n shop scale deployment/webshop --replicas 5",
            "kubectl -n shop delete deployments --all",
            "kubectl -n shop delete deploy,svc web",
            "kubectl -n shop delete pod web-api-6d4cf56db6-x7k2p",
            "kubectl -n shop delete pod web-0",
            "helm -n shop rollback web 3",
        ] {
            assert!(!covers(&web, line), "{line}");
        }
        let all = area(None, &["sts", "hr/web"]);
        assert!(
            covers(&all, "kubectl -n a rollout restart sts/db") && covers(&all, "helm -n b rollback web 1")
        );
        assert!(
            covers(&all, "kubectl delete sts --all -n c") && !covers(&all, "kubectl delete sts --all -A")
        );
        assert!(!covers(&all, "helm -n b rollback api 1"));
    }

    #[test]
    fn a_whole_rwenv_is_its_cluster_and_its_repository() {
        let prod = area(None, &[]);
        for line in [
            "kubectl apply -f web.yaml",
            "git push origin HEAD",
            "rwenv deploy web --image-tag 2",
            "kubectl drain n",
        ] {
            assert!(covers(&prod, line), "{line}");
        }
        for line in [
            "kubectl get secret db -o yaml",
            "terraform destroy",
            "rwenv edit prod --read-only=false",
            "gcloud sql instances delete x",
        ] {
            assert!(!covers(&prod, line), "{line}");
        }
    }
}
