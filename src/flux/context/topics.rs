//! The topics there is something to know about, as `templates/context/topics.toml` has them.

use serde::Deserialize;

use super::ContextError;

const TEXT: &str = include_str!("../../../templates/context/topics.toml");
/// Where people read the documentation.
const SITE: &str = "https://fluxcd.io/flux/";
/// Where its pages are as text.
const FOLDER: &str = "content/en/flux/";

/// Something to know about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// What it is called in a session's state.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// It is loaded also where nobody asks for it.
    #[serde(default)]
    pub core: bool,
    /// Words that ask for it.
    pub focus: Vec<String>,
    /// Pages of the documentation.
    pub pages: Vec<String>,
    /// What to know where there are no pages.
    pub digest: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicsFile {
    topic: Vec<Topic>,
}

/// All topics.
#[must_use]
pub fn topics() -> Vec<Topic> {
    toml::from_str::<TopicsFile>(TEXT).map(|file| file.topic).unwrap_or_default()
}

/// The topics of a focus, with what everything else builds on; without one, the core.
///
/// # Errors
/// Where nothing is known about it.
pub fn chosen(focus: Option<&str>) -> Result<Vec<Topic>, ContextError> {
    let all = topics();
    let Some(focus) = focus else { return Ok(all.into_iter().filter(|topic| topic.core).collect()) };
    let word = focus.trim().to_lowercase().replace([' ', '_'], "-");
    let is_meant = |topic: &Topic| topic.id.replace('_', "-") == word || topic.focus.contains(&word);
    if !all.iter().any(is_meant) {
        let known: Vec<&str> =
            all.iter().filter_map(|topic| topic.focus.first()).map(String::as_str).collect();
        let focus = focus.escape_debug().take(60).collect();
        return Err(ContextError::Focus { focus, all: known.join(", ") });
    }
    let ground = ["gitops_workflows", "flux_controllers"];
    let mut meant: Vec<Topic> =
        all.into_iter().filter(|topic| is_meant(topic) || ground.contains(&topic.id.as_str())).collect();
    meant.sort_by_key(|topic| !is_meant(topic));
    Ok(meant)
}

/// The path of a page below a copy of the documentation's repository.
#[must_use]
pub(super) fn path(page: &str) -> String {
    format!("{FOLDER}{page}.md")
}

/// Where people read a page.
#[must_use]
pub(super) fn url(page: &str) -> String {
    let page = page.strip_suffix("_index").map_or_else(|| format!("{page}/"), str::to_owned);
    format!("{SITE}{page}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_found_by_what_people_call_them() {
        let all = topics();
        assert_eq!(all.len(), 13);
        assert_eq!(chosen(None).unwrap().len(), 8, "as many as a session's state names");
        for (word, id) in [
            ("security", "security_practices"),
            ("Multi Cluster", "multi_cluster"),
            ("image-automation", "image_automation"),
            ("flux_controllers", "flux_controllers"),
        ] {
            assert_eq!(chosen(Some(word)).unwrap()[0].id, id, "{word}");
        }
        let error = chosen(Some("knitting")).unwrap_err().to_string();
        assert!(error.contains("security") && error.contains("image-automation"), "{error}");
        for topic in all {
            assert!(
                !topic.pages.is_empty() && topic.digest.len() > 300 && topic.digest.len() < 2500,
                "{}",
                topic.id
            );
        }
    }

    #[test]
    fn pages_have_an_address_and_a_path() {
        assert_eq!(url("components/_index"), "https://fluxcd.io/flux/components/");
        assert_eq!(url("guides/image-update"), "https://fluxcd.io/flux/guides/image-update/");
        assert_eq!(path("concepts"), "content/en/flux/concepts.md");
    }
}
