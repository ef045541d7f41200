//! Images of workloads, and kustomizations that put others in their place.

use crate::manifest::yaml::{At, Node, Value};

/// The parts of an image reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageReference<'r> {
    /// Registry and repository.
    pub name: &'r str,
    /// After the colon.
    pub tag: Option<&'r str>,
    /// After the at sign.
    pub digest: Option<&'r str>,
}

impl<'r> ImageReference<'r> {
    /// Reads `registry:5000/name:tag@sha256:…`.
    #[must_use]
    pub fn of(text: &'r str) -> Self {
        let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        let path = rest.rfind('/').map_or(0, |at| at + 1);
        let colon = rest.get(path..).and_then(|end| end.find(':')).map(|at| path + at);
        let name = colon.and_then(|at| rest.get(..at)).unwrap_or(rest);
        Self { name, tag: colon.and_then(|at| rest.get(at + 1..)), digest }
    }

    /// Its name without registry and folders.
    #[must_use]
    pub fn base(&self) -> &'r str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}

/// An image a kustomization puts in place of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The name as workloads write it.
    pub name: String,
    /// The name that takes its place.
    pub new_name: Option<String>,
    /// The tag, and where it stands.
    pub new_tag: Option<(String, At)>,
    /// The digest, and where it stands.
    pub digest: Option<(String, At)>,
    /// Where the entry stands.
    pub at: At,
}

/// What an image becomes under an entry of `images`; none where it is another image.
#[must_use]
pub fn renamed(text: &str, image: &Image) -> Option<String> {
    // An entry may name a tag too (kustomize, `isImageMatched`: what follows is a tag and a digest, or nothing).
    let rest = text.strip_prefix(image.name.as_str())?;
    let is_whole = rest.is_empty() || rest.starts_with("@sha256:");
    if !is_whole && (!rest.starts_with(':') || rest.contains('/')) {
        return None;
    }
    let old = ImageReference::of(text);
    let mut new = image.new_name.clone().unwrap_or_else(|| old.name.to_owned());
    match (&image.new_tag, &image.digest) {
        (_, Some((digest, _))) => new.push_str(&format!("@{digest}")),
        (Some((tag, _)), None) => new.push_str(&format!(":{tag}")),
        (None, None) => {
            new.push_str(&old.tag.map(|tag| format!(":{tag}")).unwrap_or_default());
            new.push_str(&old.digest.map(|digest| format!("@{digest}")).unwrap_or_default());
        }
    }
    Some(new)
}

/// Puts an image in place of the one an entry names, wherever containers are.
pub(super) fn replace(node: &mut Node, image: &Image) {
    match &mut node.value {
        Value::Map(entries) => {
            for (key, value) in entries {
                if matches!(key.text(), Some("containers" | "initContainers" | "ephemeralContainers"))
                    && let Value::List(items) = &mut value.value
                {
                    items.iter_mut().for_each(|item| container(item, image));
                } else {
                    replace(value, image);
                }
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| replace(item, image)),
        _ => {}
    }
}

fn container(node: &mut Node, image: &Image) {
    let Some(value) = node.get_mut("image") else { return };
    if let Some(new) = value.text().and_then(|text| renamed(text, image)) {
        let at = image.new_tag.as_ref().or(image.digest.as_ref()).map_or(image.at, |(_, at)| *at);
        *value = Node::scalar(&new, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        let full = ImageReference::of("reg:5000/a/b:1.2@sha256:00");
        assert_eq!((full.name, full.tag, full.digest), ("reg:5000/a/b", Some("1.2"), Some("sha256:00")));
        assert_eq!(ImageReference::of("reg:5000/a").tag, None);
    }

    #[test]
    fn an_entry_changes_what_it_names() {
        let tag = Some(("2".to_owned(), At::START));
        let image = Image { name: "nginx".into(), new_tag: tag, ..Image::default() };
        assert_eq!(renamed("nginx:1@sha256:00", &image).as_deref(), Some("nginx:2"));
        assert_eq!(renamed("nginx", &image).as_deref(), Some("nginx:2"));
        assert_eq!(renamed("reg/nginx", &image), None);
        assert_eq!(renamed("nginx:5000/a", &image), None);
        assert_eq!(renamed("nginxx", &image), None);
        let tagged = Image { name: "nginx:1".into(), ..image.clone() };
        assert_eq!(renamed("nginx:1@sha256:00", &tagged).as_deref(), Some("nginx:2"));
        assert_eq!(renamed("nginx:1", &tagged).as_deref(), Some("nginx:2"));
        assert_eq!(renamed("nginx:10", &tagged), None);
        let image = Image { name: "nginx".into(), new_name: Some("reg/n".into()), ..Image::default() };
        assert_eq!(renamed("nginx:1", &image).as_deref(), Some("reg/n:1"));
    }
}
