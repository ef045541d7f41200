//! Which resources a selector means.

use regex_lite::Regex;

use super::resource::Resource;
use super::spec::Selector;

/// A selector whose patterns are compiled.
#[derive(Debug)]
pub(super) struct Matcher {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

/// One part of a label selector (Kubernetes, "Labels and Selectors").
#[derive(Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Matcher {
    /// Compiles a selector; none where a pattern is none.
    pub(super) fn new(selector: &Selector) -> Option<Self> {
        let pattern = |text: &Option<String>| match text {
            Some(text) => Regex::new(&format!("^(?:{})$", of_go(text))).ok().map(Some),
            None => Some(None),
        };
        Some(Self {
            group: pattern(&selector.group)?,
            version: pattern(&selector.version)?,
            kind: pattern(&selector.kind)?,
            name: pattern(&selector.name)?,
            namespace: pattern(&selector.namespace)?,
            labels: requirements(selector.labels.as_deref().unwrap_or_default())?,
            annotations: requirements(selector.annotations.as_deref().unwrap_or_default())?,
        })
    }

    /// True for a resource that is meant: by what it is called now or was called first.
    pub(super) fn fits(&self, resource: &Resource<'_>) -> bool {
        let fits = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_none_or(|p| p.is_match(text));
        let first =
            resource.previous.first().map_or_else(|| resource.effective_namespace(), |p| &p.namespace);
        (fits(&self.namespace, first) || fits(&self.namespace, resource.effective_namespace()))
            && (fits(&self.name, resource.first_name()) || fits(&self.name, &resource.name))
            && fits(&self.kind, &resource.kind)
            && self.fits_marks(resource)
    }

    /// True where it is, or was at any time, what is selected (kustomize, `replacement.applyReplacement`).
    pub(super) fn fits_any(&self, resource: &Resource<'_>) -> bool {
        let fits = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_none_or(|p| p.is_match(text));
        let now = (resource.effective_namespace(), &*resource.name, &*resource.kind);
        let before =
            resource.previous.iter().map(|p| (p.namespace.as_str(), p.name.as_str(), p.kind.as_str()));
        let mut all = std::iter::once(now).chain(before);
        all.any(|(namespace, name, kind)| {
            fits(&self.namespace, namespace) && fits(&self.name, name) && fits(&self.kind, kind)
        }) && self.fits_marks(resource)
    }

    fn fits_marks(&self, resource: &Resource<'_>) -> bool {
        let fits = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_none_or(|p| p.is_match(text));
        fits(&self.group, &resource.group)
            && fits(&self.version, &resource.version)
            && self.labels.iter().all(|r| r.holds(|key| resource.mark("labels", key)))
            && self.annotations.iter().all(|r| r.holds(|key| resource.mark("annotations", key)))
    }
}

/// A pattern of Go's (RE2) as it is written here: Go takes a brace that repeats nothing for itself, and knows quoted parts.
fn of_go(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let behind = rest.get(c.len_utf8()..).unwrap_or_default();
        if let Some(quoted) = rest.strip_prefix("\\Q") {
            let (literal, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            out.push_str(&regex_lite::escape(literal));
            rest = after;
        } else if c == '\\' {
            let escaped = behind.chars().next();
            out.push(c);
            out.extend(escaped);
            rest = behind.get(escaped.map_or(0, char::len_utf8)..).unwrap_or_default();
        } else if c == '{' {
            let repeats = behind.split_once('}').map(|(inside, _)| inside).filter(|inside| {
                let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
                let number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
                !least.is_empty() && number(least) && number(most)
            });
            out.push_str(if repeats.is_some() { "{" } else { "\\{" });
            rest = behind;
        } else {
            out.push(c);
            rest = behind;
        }
    }
    out
}

impl Requirement {
    fn holds<'r>(&self, value: impl Fn(&str) -> Option<&'r str>) -> bool {
        match self {
            Self::In(key, values) => value(key).is_some_and(|v| values.iter().any(|known| known == v)),
            Self::NotIn(key, values) => value(key).is_none_or(|v| values.iter().all(|known| known != v)),
            Self::Exists(key) => value(key).is_some(),
            Self::Absent(key) => value(key).is_none(),
        }
    }
}

/// Reads `a=b,c!=d,e in (f, g),h notin (i),j,!k`.
fn requirements(text: &str) -> Option<Vec<Requirement>> {
    let mut all = Vec::new();
    let mut depth = 0;
    let parts = text.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        let list = |text: &str| -> Option<Vec<String>> {
            let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(inner.split(',').map(|v| v.trim().to_owned()).collect())
        };
        let one = |value: &str| vec![value.trim().to_owned()];
        let requirement = if let Some((key, values)) = part.split_once(" notin ") {
            Requirement::NotIn(key.trim().to_owned(), list(values)?)
        } else if let Some((key, values)) = part.split_once(" in ") {
            Requirement::In(key.trim().to_owned(), list(values)?)
        } else if let Some((key, value)) = part.split_once("!=") {
            Requirement::NotIn(key.trim().to_owned(), one(value))
        } else if let Some((key, value)) = part.split_once('=') {
            Requirement::In(key.trim().to_owned(), one(value.trim_start_matches('=')))
        } else if let Some(key) = part.strip_prefix('!') {
            Requirement::Absent(key.trim().to_owned())
        } else {
            Requirement::Exists(part.to_owned())
        };
        all.push(requirement);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_go() {
        for (pattern, text) in [
            (r"\${x}", "${x}"),
            ("a{2}", "aa"),
            ("a{1,2}b", "aab"),
            ("a{b}", "a{b}"),
            ("{", "{"),
            (r"\Qa.b{\Ec", "a.b{c"),
            (r"web-\d{2,}", "web-123"),
        ] {
            let pattern = Regex::new(&format!("^(?:{})$", of_go(pattern))).unwrap();
            assert!(pattern.is_match(text), "{pattern:?}");
        }
    }

    #[test]
    fn label_selectors_are_read() {
        let found = requirements("a=b, c != d,e in (f, g),h notin (i),j,!k,l==m").unwrap();
        let value = |key: &str| match key {
            "a" => Some("b"),
            "e" => Some("g"),
            "j" => Some(""),
            "l" => Some("m"),
            _ => None,
        };
        assert_eq!(found.len(), 7);
        assert!(found.iter().all(|r| r.holds(value)));
        assert!(!found.iter().all(|r| r.holds(|key| if key == "k" { Some("") } else { value(key) })));
        assert_eq!(requirements("a in b"), None);
    }
}
