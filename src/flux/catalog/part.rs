//! Which part of a service an image runs: the service itself, a part of it, or what only stands beside it. A tag that is
//! changed without more words is the service's own.

use rwenv_core::manifest::kustomize::image::ImageReference;
use rwenv_core::manifest::yaml::Node;

/// The container that kubectl takes where none is named (Kubernetes, "Well-Known Labels, Annotations and Taints").
const DEFAULT: &str = "kubectl.kubernetes.io/default-container";

/// Keys of values that say no more than "this workload", in the charts of the field.
const GENERAL: [&str; 24] = [
    "app",
    "application",
    "base",
    "common",
    "container",
    "containers",
    "controller",
    "controllers",
    "daemonset",
    "default",
    "defaults",
    "deployment",
    "deployments",
    "global",
    "main",
    "manager",
    "pod",
    "pods",
    "server",
    "service",
    "statefulset",
    "template",
    "workload",
    "workloads",
];

/// What an image runs, the nearest to the service first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImagePart {
    /// The service itself: its main container, `image` of its values, or an image of its name.
    Own,
    /// The service, as far as can be told: no key above the image names a part.
    General,
    /// A part that has a name of its own.
    Named,
    /// An init container or a sidecar.
    Beside,
}

/// The part an image in values is for. `keys` lead to it, its own key last.
#[must_use]
pub fn of_values(keys: &[&str], image: &str, service: &str) -> ImagePart {
    let Some((last, above)) = keys.split_last() else { return ImagePart::Named };
    let own = last.strip_suffix("Image").filter(|own| !own.is_empty());
    let parts: Vec<&str> = above.iter().copied().chain(own).collect();
    if parts.iter().any(|part| is_beside(part)) {
        return ImagePart::Beside;
    }
    if parts.is_empty() || ImageReference::of(image).base() == service {
        return ImagePart::Own;
    }
    let of_service = words(service);
    let general = |part: &&str| {
        let words = words(part);
        words.iter().all(|word| GENERAL.contains(&word.as_str()))
            || of_service.windows(words.len().max(1)).any(|some| some == words)
    };
    if parts.iter().all(general) { ImagePart::General } else { ImagePart::Named }
}

/// The number of a workload's main container: the one that an annotation names, that has the workload's name, whose image has it, or
/// the only one.
#[must_use]
pub fn main_container(workload: &Node, pod: &Node, service: &str) -> Option<usize> {
    let containers = pod.get("containers").map(Node::items).unwrap_or_default();
    let named = |name: &str| containers.iter().position(|one| one.str(&["name"]) == Some(name));
    let annotated = workload.str(&["spec", "template", "metadata", "annotations", DEFAULT]);
    let by_image = || {
        let is_own = |one: &&Node| {
            one.str(&["image"]).is_some_and(|image| ImageReference::of(image).base() == service)
        };
        let mut all = containers.iter().filter(is_own);
        let first = all.next().filter(|_| all.next().is_none())?;
        containers.iter().position(|one| std::ptr::eq(one, first))
    };
    annotated
        .and_then(named)
        .or_else(|| named(service))
        .or_else(by_image)
        .or((containers.len() == 1).then_some(0))
}

/// True for keys of what runs before a service, or at its side.
fn is_beside(key: &str) -> bool {
    let all = words(key);
    let joined = all.concat();
    let first = all.first().map_or("", String::as_str);
    let containers = joined.ends_with("container") || joined.ends_with("containers");
    matches!(first, "init" | "initdb")
        || joined.contains("initcontainer")
        || joined.contains("sidecar")
        || (matches!(first, "extra" | "additional") && containers)
}

/// The words of a name, of `camelCase` too, in small letters.
fn words(name: &str) -> Vec<String> {
    let mut all: Vec<String> = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = c.is_ascii_uppercase() && before.is_ascii_lowercase();
        if !c.is_ascii_alphanumeric() || begins {
            all.push(String::new());
        }
        if let Some(word) = all.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    all.retain(|word| !word.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::{ImagePart, of_values};

    #[test]
    fn the_keys_above_an_image_say_what_it_runs() {
        for (keys, image, service, part) in [
            (&["image"][..], "", "control", ImagePart::Own),
            (&["web", "image"], "ghcr.io/acme/shop", "shop", ImagePart::Own),
            (&["controllers", "sonarr", "containers", "app", "image"], "x/y", "sonarr", ImagePart::General),
            (&["api", "image"], "", "shop-api", ImagePart::General),
            (&["deployment", "image"], "", "shop", ImagePart::General),
            (&["etcd", "image"], "", "control", ImagePart::Named),
            (&["etcdImage"], "", "control", ImagePart::Named),
            (&["imageRenderer", "image"], "grafana/grafana-image-renderer", "grafana", ImagePart::Named),
            (
                &["controllers", "sonarr", "containers", "gluetun", "image"],
                "x/gluetun",
                "sonarr",
                ImagePart::Named,
            ),
            (&["extraInitContainers", "image"], "mcr.example.com/azure-cli", "grafana", ImagePart::Beside),
            (&["initChownData", "image"], "busybox", "grafana", ImagePart::Beside),
            (&["sidecarImage"], "", "shop", ImagePart::Beside),
            (&["sideCars", "image"], "shop", "shop", ImagePart::Beside),
        ] {
            assert_eq!(of_values(keys, image, service), part, "{keys:?}");
        }
    }
}
