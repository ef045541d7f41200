//! Pull requests: of GitHub by its own program, of Gitea by its API.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::DeployError;
use crate::cluster::{Answered, Web};
use crate::repos::FluxRepository;
use rwenv_core::model::RwenvName;
use rwenv_gate::base::environment::{Environment, var};
use rwenv_gate::base::process;
use rwenv_gate::base::program;

/// Longest that a forge is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pull request that is to be opened.
#[derive(Clone, Debug)]
pub struct Pull<'p> {
    /// The branch of the change.
    pub branch: &'p str,
    /// The branch it is for.
    pub base: &'p str,
    /// Its title.
    pub title: &'p str,
    /// What it says.
    pub body: &'p str,
}

/// Where a repository is on its forge.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Slug {
    scheme: &'static str,
    host: String,
    owner: String,
    name: String,
}

/// Host, owner and name in a URL; none in a path.
fn slug(url: &str) -> Option<Slug> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("http", rest)) => ("http", rest),
        Some(("https" | "ssh" | "git+ssh", rest)) => ("https", rest),
        Some(_) => return None,
        None if url.starts_with(['/', '.']) => return None,
        None => ("https", url),
    };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (host, path) = rest.split_at(rest.find(['/', ':'])?);
    let ssh = !url.starts_with("http");
    let (port, path) = match path.strip_prefix(':').and_then(|path| path.split_once('/')) {
        Some((port, path)) if port.bytes().all(|b| b.is_ascii_digit()) => (Some(port), path),
        _ => (None, path.trim_start_matches([':', '/'])),
    };
    let path = path.trim_matches('/');
    let (owner, name) = path.strip_suffix(".git").unwrap_or(path).rsplit_once('/')?;
    // The port of ssh is not the port of the API.
    let host = port.filter(|_| !ssh).map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    Some(Slug { scheme, host, owner: owner.to_owned(), name: name.to_owned() })
}

/// Gives the URL of the pull request of a branch; opens one where there is none yet.
///
/// # Errors
/// Where the forge cannot be asked, or says no.
pub fn pull_of(
    flux: &FluxRepository,
    dir: &Path,
    pull: &Pull<'_>,
    environment: &Environment,
) -> Result<String, DeployError> {
    if flux.is_gitea() { gitea(flux, pull, environment) } else { github(flux, dir, pull, environment) }
}

fn by_hand(pull: &Pull<'_>, why: &str, name: &RwenvName) -> DeployError {
    let Pull { branch, base, .. } = pull;
    DeployError::Forge(format!(
        "{why}; the change is pushed to {branch}. Once that is mended, rwenv deploy --continue --cluster {name} opens the \
         pull request; or open it yourself, from {branch} to {base}"
    ))
}

#[derive(Deserialize)]
struct ListedRequest {
    url: String,
}

fn github(
    flux: &FluxRepository,
    dir: &Path,
    pull: &Pull<'_>,
    environment: &Environment,
) -> Result<String, DeployError> {
    let failed = |why: &str| by_hand(pull, why, &flux.name);
    let Some(gh) = program::find("gh", environment) else {
        return Err(failed("gh is not on PATH, and pull requests are opened with it"));
    };
    let slug = slug(&flux.url).map(|slug| format!("{}/{}/{}", slug.host, slug.owner, slug.name));
    let run = |arguments: &[&str], stdin: &str| {
        let mut command = Command::new(&gh);
        command.args(arguments).current_dir(dir).env("GH_PROMPT_DISABLED", "1").env("NO_COLOR", "1");
        command.args(slug.iter().flat_map(|slug| ["--repo", slug.as_str()]));
        process::printed("gh", &mut command, stdin.as_bytes(), PATIENCE).map_err(|why| failed(&why))
    };
    let listed =
        run(&["pr", "list", "--head", pull.branch, "--state", "all", "--json", "url", "--limit", "1"], "")?;
    let known: Vec<ListedRequest> = serde_json::from_str(&listed).unwrap_or_default();
    if let Some(known) = known.into_iter().next() {
        return Ok(known.url);
    }
    let create = [
        "pr",
        "create",
        "--head",
        pull.branch,
        "--base",
        pull.base,
        "--title",
        pull.title,
        "--body-file",
        "-",
    ];
    let made = run(&create, pull.body)?;
    let url = made.lines().rev().map(str::trim).find(|line| line.contains("://"));
    url.map(str::to_owned).ok_or_else(|| failed("gh did not print the URL of the pull request"))
}

#[derive(Deserialize)]
struct GiteaPull {
    html_url: String,
    head: GiteaHead,
}

#[derive(Deserialize)]
struct GiteaHead {
    #[serde(rename = "ref")]
    name: String,
}

#[derive(Deserialize)]
struct GiteaError {
    message: String,
}

/// Gitea's API, version 1 (`/repos/{owner}/{repo}/pulls`).
fn gitea(flux: &FluxRepository, pull: &Pull<'_>, environment: &Environment) -> Result<String, DeployError> {
    let failed = |why: &str| by_hand(pull, why, &flux.name);
    let slug = slug(&flux.url).ok_or_else(|| failed("fluxGitRepo names no Gitea server"))?;
    let address = format!("{}://{}", slug.scheme, slug.host);
    let authorization = authorization(flux, &address, environment).ok_or_else(|| {
        failed("there are no credentials for Gitea's API: set GITEA_TOKEN, or have git remember them")
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| failed(&e.to_string()))?;
    let asked = runtime.block_on(async {
        let web = Web::with(&address, PATIENCE, flux.own_certificate().is_some())?.authorized(authorization);
        let path = format!("/api/v1/repos/{}/{}/pulls", slug.owner, slug.name);
        let known = web.get(&format!("{path}?state=all&sort=recentupdate&limit=50")).await?;
        let known: Vec<GiteaPull> = serde_json::from_slice(&accepted(&address, known)?).unwrap_or_default();
        if let Some(known) = known.into_iter().find(|known| known.head.name == pull.branch) {
            return Ok(known.html_url);
        }
        let body = json!({ "head": pull.branch, "base": pull.base, "title": pull.title, "body": pull.body });
        let made = web.post(&path, body.to_string().into_bytes()).await?;
        let made: Result<GiteaPull, _> = serde_json::from_slice(&accepted(&address, made)?);
        Ok(made.map_err(|e| format!("{address}: {e}"))?.html_url)
    });
    asked.map_err(|why: String| failed(&why))
}

/// The body of an answer, or what the server says against it.
fn accepted(address: &str, answered: Answered) -> Result<Vec<u8>, String> {
    if (200..300).contains(&answered.status) {
        return Ok(answered.body);
    }
    let said = serde_json::from_slice::<GiteaError>(&answered.body).map(|e| e.message).unwrap_or_default();
    Err(format!("{address} answered {}: {}", answered.status, said.trim()))
}

/// Credentials for the API: a token of the environment, what stands in the URL, or what git would send.
fn authorization(flux: &FluxRepository, address: &str, environment: &Environment) -> Option<String> {
    if let Some(token) = var("GITEA_TOKEN").filter(|token| !token.is_empty()) {
        return Some(format!("token {token}"));
    }
    let basic =
        |user: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let inside = flux.url.split_once("://").and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'));
    if let Some((user, password)) = inside.and_then(|(user, _)| user.split_once(':')) {
        return Some(basic(user, password));
    }
    let mut git = Command::new(program::find("git", environment)?);
    git.args(["credential", "fill"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .current_dir("/");
    let said = process::printed("git", &mut git, format!("url={address}\n\n").as_bytes(), PATIENCE).ok()?;
    let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let (user, password) = (value("username")?, value("password").filter(|password| !password.is_empty())?);
    Some(basic(user, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_named_as_forges_do() {
        for (url, expected) in [
            ("https://github.com/acme/flux.git", Some("https://github.com acme flux")),
            ("git@github.com:acme/flux.git", Some("https://github.com acme flux")),
            ("ssh://git@git.example.com:2222/acme/flux", Some("https://git.example.com acme flux")),
            (
                "https://user:word@git.example.com:3000/group/acme/flux/",
                Some("https://git.example.com:3000 group/acme flux"),
            ),
            ("http://localhost:3000/acme/flux.git", Some("http://localhost:3000 acme flux")),
            ("/srv/git/flux.git", None),
            ("file:///srv/git/flux.git", None),
            ("flux.git", None),
        ] {
            let shown = slug(url).map(|s| format!("{}://{} {} {}", s.scheme, s.host, s.owner, s.name));
            assert_eq!(shown.as_deref(), expected, "{url}");
        }
    }
}
