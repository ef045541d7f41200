//! Loading: the project, then the documentation from where it can be had, each step on record before the next.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::ContextError;
use super::project::{analyse, look};
use super::session::{Document, Failed, Session, SessionState};
use super::topics::{Topic, path, url};
use crate::cluster::Web;
use rwenv_core::model::Rwenv;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;

/// What stands for the documentation that an agent has by itself.
const CONTEXT7: &str = "context7";
/// Pages that are fetched at the same time.
const AT_ONCE: usize = 6;
/// Longest a page is waited for.
const PAGE: Duration = Duration::from_secs(8);
/// Longest the cluster is waited for: it is looked at in passing.
const CLUSTER: Duration = Duration::from_secs(4);

/// What is to be loaded.
pub struct Loading<'l> {
    /// The project.
    pub dir: PathBuf,
    /// The selected rwenv.
    pub rwenv: Option<&'l Rwenv>,
    /// What was asked for.
    pub focus: Option<String>,
    /// The topics of that.
    pub topics: Vec<Topic>,
    /// The agent has documentation by Context7.
    pub context7: bool,
    /// Where a copy of the documentation's repository is served; none: nothing is fetched.
    pub mirror: Option<String>,
}

/// Loads what a session lacks. What cannot be had is on record, and something stands in for it.
///
/// # Errors
/// Where the project or the session's file cannot be read or written.
pub async fn load(
    session: &Session,
    loading: &Loading<'_>,
    environment: &Environment,
    tell: &mut dyn FnMut(&str),
) -> Result<SessionState, ContextError> {
    let mut state = session.state()?;
    // What failed is tried again where it can be had, and Context7 counts whenever it comes.
    let sources = &state.context_sources;
    let failed =
        sources.failed_sources.iter().any(|failed| failed.source != CONTEXT7) && loading.mirror.is_some();
    let late = loading.context7 && !sources.context7_available;
    if state.is_complete() && state.focus == loading.focus && !failed && !late {
        return Ok(state);
    }
    if (failed || late) && state.is_past("project_analyzed") {
        state.reached("project_analyzed");
    }
    if state.focus != loading.focus || state.checkpoints.last_checkpoint.is_empty() {
        state = SessionState {
            session_id: state.session_id,
            focus: loading.focus.clone(),
            ..SessionState::default()
        };
        state.reached("session_initialized");
        session.record(&mut state)?;
    }
    if !state.is_past("project_analyzed") {
        tell("looking at the project");
        state.project_context = analyse(&loading.dir, environment)?;
        let looked = look(&mut state.project_context, loading.rwenv, environment);
        if tokio::time::timeout(CLUSTER, looked).await.is_err() {
            state
                .project_context
                .notes
                .push(format!("the cluster did not answer within {} s", CLUSTER.as_secs()));
        }
        state.reached("project_analyzed");
        session.record(&mut state)?;
    }
    if !state.is_past("context7_flux_loaded") {
        context7(&mut state, loading);
        state.reached("context7_flux_loaded");
        session.record(&mut state)?;
    }
    if !state.is_past("documentation_loaded") {
        documentation(session, &mut state, loading, tell).await?;
        state.reached("documentation_loaded");
        session.record(&mut state)?;
    }
    let whole = validated(&mut state, loading);
    state.reached("context_validation_complete");
    session.record(&mut state)?;
    if !whole {
        return Ok(state);
    }
    session.archive(&state)?;
    state.reached("expert_guidance_ready");
    session.record(&mut state)?;
    Ok(state)
}

/// What the agent has by itself. What it said once stays said.
fn context7(state: &mut SessionState, loading: &Loading<'_>) {
    let sources = &mut state.context_sources;
    sources.context7_available |= loading.context7;
    sources.loaded_docs.retain(|document| document.source != CONTEXT7);
    sources.failed_sources.retain(|failed| failed.source != CONTEXT7);
    if sources.context7_available {
        let own = Document {
            source: CONTEXT7.to_owned(),
            status: "loaded".to_owned(),
            focus_areas: loading.topics.iter().map(|topic| topic.id.clone()).collect(),
            ..Document::default()
        };
        sources.loaded_docs.insert(0, own);
    } else {
        let reason = "the agent has no Context7 server, or did not say so (--context7)".to_owned();
        sources.failed_sources.push(Failed { source: CONTEXT7.to_owned(), reason });
    }
}

/// Fetches the pages of the topics that are not here yet; those of an earlier session stand in for what cannot be had.
async fn documentation(
    session: &Session,
    state: &mut SessionState,
    loading: &Loading<'_>,
    tell: &mut dyn FnMut(&str),
) -> Result<(), ContextError> {
    // What failed before is tried again.
    state.context_sources.failed_sources.retain(|failed| failed.source == CONTEXT7);
    state.context_sources.fallback_sources.clear();
    let known =
        |state: &SessionState, name: &str| state.context_sources.loaded_docs.iter().any(|d| d.source == name);
    let wanted: Vec<(&Topic, &String)> = loading
        .topics
        .iter()
        .flat_map(|topic| topic.pages.iter().map(move |page| (topic, page)))
        .filter(|(_, page)| !known(state, &source(page)))
        .collect();
    let web = loading.mirror.as_ref().map(|mirror| server(mirror));
    let fetches = wanted.into_iter().map(|(topic, page)| {
        let web = &web;
        async move {
            let text = match web {
                None => Err("nothing is fetched (--offline)".to_owned()),
                Some(Err(why)) => Err(why.clone()),
                Some(Ok((web, folder))) => fetched(web, folder, page).await,
            };
            (topic, page, text)
        }
    });
    let mut fetches = stream::iter(fetches).buffered(AT_ONCE);
    while let Some((topic, page, text)) = fetches.next().await {
        tell(&format!("documentation: {page}"));
        let file = session.cache().join(format!("{}.md", page.replace('/', "-")));
        let mut document = Document {
            source: source(page),
            status: "loaded".to_owned(),
            focus_areas: vec![topic.id.clone()],
            url: Some(url(page)),
            path: Some(file.clone()),
        };
        match text {
            Ok(text) => {
                files::replace(&file, &text, 0o600)?;
                state.context_sources.loaded_docs.push(document);
            }
            Err(reason) => {
                state.context_sources.failed_sources.push(Failed { source: source(page), reason });
                if file.is_file() {
                    document.status = "cached".to_owned();
                    state.context_sources.fallback_sources.push(document);
                }
            }
        }
        session.record(state)?;
    }
    Ok(())
}

fn source(page: &str) -> String {
    format!("flux_official_docs/{page}")
}

/// The server of a mirror, and the path before what it serves.
fn server(mirror: &str) -> Result<(Web, String), String> {
    let (scheme, rest) =
        mirror.split_once("://").ok_or_else(|| format!("'{mirror}' is not an https:// URL"))?;
    let (host, folder) = rest.split_once('/').unwrap_or((rest, ""));
    let web = Web::at(&format!("{scheme}://{host}"), PAGE)?;
    let folder = folder.trim_matches('/');
    Ok((web, if folder.is_empty() { String::new() } else { format!("/{folder}") }))
}

async fn fetched(web: &Web, folder: &str, page: &str) -> Result<String, String> {
    let answered = web.get(&format!("{folder}/{}", path(page))).await?;
    if answered.status != 200 {
        return Err(format!("the server answered {}", answered.status));
    }
    String::from_utf8(answered.body).map_err(|_| "the server's answer is not text".to_owned())
}

/// Says what is known now, and notes where only the digest is left to know it from. False where that is so of some topic: such a session is
/// loaded in part, and its next load goes on.
fn validated(state: &mut SessionState, loading: &Loading<'_>) -> bool {
    let has = |state: &SessionState, topic: &Topic| {
        let sources = &state.context_sources;
        let about =
            |document: &&Document| document.focus_areas.contains(&topic.id) && document.status != "bundled";
        sources.loaded_docs.iter().chain(&sources.fallback_sources).any(|document| about(&document))
    };
    let left: Vec<String> =
        loading.topics.iter().filter(|topic| !has(state, topic)).map(|topic| topic.id.clone()).collect();
    let topics = loading.topics.iter().map(|topic| topic.id.clone());
    state.capabilities_loaded = topics.filter(|topic| !left.contains(topic)).collect();
    let whole = left.is_empty();
    if !whole {
        state.context_sources.fallback_sources.push(Document {
            source: "bundled_digest".to_owned(),
            status: "bundled".to_owned(),
            focus_areas: left,
            ..Document::default()
        });
    }
    whole
}
