//! Whether the git host protects the branch that is deployed from, and for whom: as far as the person's own credentials can read it. The forge
//! is only asked, by its own program where that is here, else with curl.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::check::Check;
use rwenv_core::model::is_loopback;
use rwenv_flux::repos::{self, FluxRepository};
use rwenv_gate::base::environment::{Environment, var};
use rwenv_gate::base::redact::redact;
use rwenv_gate::base::{process, program};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rules of a ruleset that refuse what is pushed straight to a branch (GitHub's REST API, "Get rules for a branch").
const HOLDING: [&str; 6] =
    ["pull_request", "update", "required_status_checks", "merge_queue", "required_deployments", "workflows"];
/// GitLab's access level of those who may do nothing.
const NO_ONE: u64 = 0;

/// How a forge is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForgeApi {
    GitHub,
    GitLab,
    Gitea,
}

/// What protects a branch.
#[derive(Debug, PartialEq, Eq)]
struct Protection {
    /// What this person pushes to it is refused.
    holds: bool,
    /// What is asked for, and of whom.
    says: String,
}

/// What is found; none where nothing protects it, an error where that cannot be read.
type ProtectionFound = Result<Option<Protection>, String>;

/// A repository on its forge.
pub(super) struct OnForge<'f> {
    flux: &'f FluxRepository,
    environment: &'f Environment,
    host: String,
    /// `owner/name`; GitLab's groups may be deeper.
    repository: String,
}

/// Whether the git host protects the branch.
pub(super) fn examine(flux: &FluxRepository, offline: bool, environment: &Environment) -> Check {
    let at = |level, check: Check| Check { level: Some(level), ..check };
    let fix = "protect the branch on the Git host, which works independently of this machine";
    let unknown = |why: &str| {
        let says = format!("G0: branch protection on the Git host could not be determined ({why})");
        at("G0", Check::warn("branch", says, fix))
    };
    let Some(branch) = flux.branch.clone().or_else(|| repos::followed(flux)) else {
        return unknown("not synced yet");
    };
    if offline {
        return unknown("not asked");
    }
    let Some(forge) = OnForge::of(flux, environment) else { return unknown("its URL names no Git host") };
    let host = &forge.host;
    match forge.protection(&branch) {
        Err(why) => unknown(&why),
        Ok(None) => {
            let says = format!(
                "G0: {host} does not protect '{branch}': anyone who bypasses the hooks can push to it"
            );
            at("G0", Check::warn("branch", says, "protect the branch on the git host"))
        }
        Ok(Some(Protection { holds: true, says })) => {
            at("G1", Check::ok("branch", format!("G1: {host} protects '{branch}': {says}")))
        }
        Ok(Some(Protection { says, .. })) => {
            at("G0", Check::warn("branch", format!("G0: {host} protects '{branch}', but {says}"), fix))
        }
    }
}

impl<'f> OnForge<'f> {
    /// The repository that Flux reads; none where its URL names no host.
    pub(super) fn of(flux: &'f FluxRepository, environment: &'f Environment) -> Option<Self> {
        let (host, repository) = on_host(&flux.url)?;
        Some(Self { flux, environment, host, repository })
    }

    /// `owner/name`.
    pub(super) fn repository(&self) -> &str {
        &self.repository
    }

    fn protection(&self, branch: &str) -> ProtectionFound {
        let mut first = None;
        for api in self.apis() {
            let found = match api {
                ForgeApi::GitHub => self.github(branch),
                ForgeApi::GitLab => self.gitlab(branch),
                ForgeApi::Gitea => self.gitea(branch),
            };
            match found {
                Ok(found) => return Ok(found),
                Err(why) => first = first.or(Some(why)),
            }
        }
        Err(first.unwrap_or_default())
    }

    /// The APIs that the host may speak, the likeliest first.
    fn apis(&self) -> Vec<ForgeApi> {
        match self.host.as_str() {
            "github.com" => vec![ForgeApi::GitHub],
            _ if self.flux.is_gitea() => vec![ForgeApi::Gitea],
            host if var("GH_HOST").as_deref() == Some(host) => vec![ForgeApi::GitHub],
            host if host.starts_with("gitlab.") => vec![ForgeApi::GitLab],
            _ => vec![ForgeApi::Gitea, ForgeApi::GitHub, ForgeApi::GitLab],
        }
    }

    /// GitHub: rulesets, and the branch's own protection, which only administrators can read.
    fn github(&self, branch: &str) -> ProtectionFound {
        let of = |path: &str| self.get(ForgeApi::GitHub, &format!("repos/{}/{path}", self.repository));
        let own = of(&format!("branches/{branch}"))?;
        let protected = truth(&own, "/protected").ok_or("its answer does not say")?;
        let rules = of(&format!("rules/branches/{branch}")).unwrap_or_default();
        let rules = rules.as_array().cloned().unwrap_or_default();
        if !protected && rules.is_empty() {
            return Ok(None);
        }
        let kinds: BTreeSet<&str> =
            rules.iter().filter_map(|rule| rule.get("type").and_then(Value::as_str)).collect();
        let sets: BTreeSet<u64> = rules.iter().filter_map(|rule| rule.get("ruleset_id")?.as_u64()).collect();
        let passes = |set: &u64| {
            let set = of(&format!("rulesets/{set}")).unwrap_or_default();
            let can = set.get("current_user_can_bypass").and_then(Value::as_str);
            matches!(can, Some("always" | "exempt"))
        };
        let passed = sets.iter().any(passes);
        let own = of(&format!("branches/{branch}/protection")).ok();
        Ok(Some(by_rules(&kinds, passed, own.as_ref())))
    }

    /// GitLab: who may push to a protected branch, and whether this person is one of them.
    fn gitlab(&self, branch: &str) -> ProtectionFound {
        let project = format!("projects/{}", self.repository.replace('/', "%2F"));
        let path = format!("{project}/protected_branches/{}", branch.replace('/', "%2F"));
        let own = match self.get(ForgeApi::GitLab, &path) {
            Err(why) if why == "404 Not found" => return Ok(None),
            own => own?,
        };
        let levels = own.get("push_access_levels").and_then(Value::as_array);
        let levels = levels.ok_or("its answer does not say")?;
        let level = |one: &Value| one.get("access_level").and_then(Value::as_u64);
        let pushers: Vec<&Value> = levels.iter().filter(|one| level(one) != Some(NO_ONE)).collect();
        if pushers.is_empty() {
            return Ok(Some(Protection { holds: true, says: "nobody may push to it".to_owned() }));
        }
        let who = pushers.iter().filter_map(|one| one.get("access_level_description")?.as_str());
        let who = who.collect::<Vec<_>>().join(", ");
        let rights = self.get(ForgeApi::GitLab, &project).unwrap_or_default();
        let mine = ["project", "group"].into_iter().filter_map(|of| {
            rights.pointer(&format!("/permissions/{of}_access/access_level")).and_then(Value::as_u64)
        });
        let needed = pushers.iter().filter_map(|one| level(one)).min();
        Ok(Some(match (mine.max(), needed) {
            (Some(mine), Some(needed)) if mine < needed => {
                Protection { holds: true, says: format!("only {who} may push to it, and you are not one") }
            }
            (Some(_), _) => Protection { holds: false, says: format!("lets you push to it ({who})") },
            (None, _) => Protection { holds: false, says: format!("lets {who} push to it") },
        }))
    }

    /// Gitea and its like: the branch says whether this person may push.
    fn gitea(&self, branch: &str) -> ProtectionFound {
        let path = format!("repos/{}/branches/{branch}", self.repository);
        let own = self.get(ForgeApi::Gitea, &path)?;
        if !truth(&own, "/protected").ok_or("its answer does not say")? {
            return Ok(None);
        }
        Ok(Some(match truth(&own, "/user_can_push") {
            Some(true) => Protection { holds: false, says: "lets you push to it".to_owned() },
            Some(false) => Protection { holds: true, says: "you may not push to it".to_owned() },
            None => Protection { holds: true, says: "it does not say for whom".to_owned() },
        }))
    }

    /// What an API answers at a path.
    pub(super) fn get(&self, api: ForgeApi, path: &str) -> Result<Value, String> {
        let (mut command, stdin) = self.command(api, path)?;
        let said = process::output(&mut command, stdin.as_bytes(), PATIENCE);
        let said = said.ok_or("the git host does not answer")?;
        let body: Option<Value> = serde_json::from_str(&said.stdout).ok();
        let message = body.as_ref().and_then(|body| body.get("message")).and_then(Value::as_str);
        match &body {
            Some(body) if said.success && message.is_none() => Ok(body.clone()),
            _ => {
                let line = message.or_else(|| said.stderr.lines().last()).unwrap_or("no reason given");
                Err(redact(line))
            }
        }
    }

    /// The program that asks, and what is on its standard input: a token is in no argument.
    fn command(&self, api: ForgeApi, path: &str) -> Result<(Command, String), String> {
        let host = self.host.as_str();
        let own = match api {
            ForgeApi::GitHub if host == "github.com" || var("GH_HOST").as_deref() == Some(host) => "gh",
            ForgeApi::GitLab if host == "gitlab.com" || var("GITLAB_HOST").as_deref() == Some(host) => "glab",
            _ => "",
        };
        if let Some(own) = program::find(own, self.environment).filter(|_| !own.is_empty()) {
            let mut command = Command::new(own);
            command.arg("api");
            if !matches!(host, "github.com" | "gitlab.com") {
                command.args(["--hostname", host]);
            }
            command.arg(path);
            return Ok((command, String::new()));
        }
        let curl = program::find("curl", self.environment).ok_or("curl is not on PATH")?;
        let mut command = Command::new(curl);
        command.args(["--silent", "--show-error", "--netrc-optional", "--max-time", "8", "--config", "-"]);
        command.args(self.flux.own_certificate().map(|_| "--insecure"));
        let bare = host.split(':').next().unwrap_or_default();
        let scheme = if self.flux.url.starts_with("http://") && is_loopback(bare) { "http" } else { "https" };
        command.arg(match api {
            ForgeApi::GitHub if host == "github.com" => format!("https://api.github.com/{path}"),
            ForgeApi::GitHub => format!("{scheme}://{host}/api/v3/{path}"),
            ForgeApi::GitLab => format!("{scheme}://{host}/api/v4/{path}"),
            ForgeApi::Gitea => format!("{scheme}://{host}/api/v1/{path}"),
        });
        Ok((command, self.header(api)))
    }

    /// curl's configuration with the person's token for this host, where there is one.
    fn header(&self, api: ForgeApi) -> String {
        let host = self.host.as_str();
        let (name, start, variables): (_, _, &[&str]) = match api {
            ForgeApi::GitHub if host == "github.com" => {
                ("Authorization", "Bearer ", &["GH_TOKEN", "GITHUB_TOKEN"])
            }
            ForgeApi::GitHub if var("GH_HOST").as_deref() == Some(host) => {
                ("Authorization", "Bearer ", &["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"])
            }
            ForgeApi::GitLab if host == "gitlab.com" || var("GITLAB_HOST").as_deref() == Some(host) => {
                ("PRIVATE-TOKEN", "", &["GITLAB_TOKEN"])
            }
            ForgeApi::Gitea if self.flux.is_gitea() => ("Authorization", "token ", &["GITEA_TOKEN"]),
            _ => return String::new(),
        };
        let plain = |token: &String| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let token = variables.iter().find_map(|name| var(name)).filter(plain).unwrap_or_default();
        let quoted = token.replace('\\', "\\\\").replace('"', "\\\"");
        if token.is_empty() { String::new() } else { format!("header = \"{name}: {start}{quoted}\"\n") }
    }
}

/// What GitHub's rules come to: `kinds` of those in rulesets, whether this person passes one of these, and the branch's own protection.
fn by_rules(kinds: &BTreeSet<&str>, passed: bool, own: Option<&Value>) -> Protection {
    let own_has = |key: &str| own.and_then(|own| own.get(key)).is_some_and(|value| !value.is_null());
    let asked = [
        (kinds.contains("pull_request") || own_has("required_pull_request_reviews"), "pull requests"),
        (kinds.contains("required_status_checks") || own_has("required_status_checks"), "checks"),
        (kinds.contains("update") || own_has("restrictions"), "those who are listed"),
        (kinds.contains("non_fast_forward"), "no rewriting"),
    ];
    let asked: Vec<&str> = asked.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
    let asked = if asked.is_empty() { String::new() } else { format!(" ({})", asked.join(", ")) };
    let by_sets = kinds.iter().any(|kind| HOLDING.contains(kind));
    let administrators = own.and_then(|own| truth(own, "/enforce_admins/enabled"));
    let says = |holds, text: String| Protection { holds, says: text };
    if passed {
        return says(false, format!("lets you past its rules{asked}"));
    }
    match (by_sets, own, administrators) {
        (true, ..) => says(true, format!("for you too{asked}")),
        // Only administrators are told that.
        (_, Some(_), Some(false)) => says(false, format!("not for administrators, and you are one{asked}")),
        (_, Some(_), _) => says(true, format!("for administrators too{asked}")),
        // The rules that are there refuse no plain push.
        (_, None, _) if !kinds.is_empty() => says(false, format!("a plain push to it is possible{asked}")),
        (_, None, _) => says(true, "for whom, only its administrators can read".to_owned()),
    }
}

fn truth(answer: &Value, at: &str) -> Option<bool> {
    answer.pointer(at).and_then(Value::as_bool)
}

/// Host and `owner/name` of a repository's URL.
pub(super) fn on_host(url: &str) -> Option<(String, String)> {
    let bare = url.trim_end_matches('/').trim_end_matches(".git");
    let (host, path) = match bare.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split_once('/')?,
        None => bare.split_once(':')?,
    };
    let host = host.rsplit('@').next()?;
    let path = path.trim_start_matches('/');
    let plain = |text: &str| {
        !matches!(text, "" | "." | "..")
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let whole = path.contains('/') && path.split('/').all(plain);
    (whole && !host.is_empty()).then(|| (host.to_owned(), path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_from_every_shape_of_url() {
        let pair = |host: &str, path: &str| Some((host.to_owned(), path.to_owned()));
        assert_eq!(on_host("https://github.com/acme/flux.git"), pair("github.com", "acme/flux"));
        assert_eq!(
            on_host("https://me:pw@git.example.com:3000/acme/flux/"),
            pair("git.example.com:3000", "acme/flux")
        );
        assert_eq!(on_host("git@github.com:acme/flux.git"), pair("github.com", "acme/flux"));
        assert_eq!(on_host("ssh://git@github.com/acme/flux"), pair("github.com", "acme/flux"));
        assert_eq!(on_host("git@gitlab.com:acme/ops/flux.git"), pair("gitlab.com", "acme/ops/flux"));
        for none in [
            "/srv/flux",
            "file:///srv/a/b",
            "https://github.com/acme",
            "https://h/a/../../x",
            "https://h/a/b?c",
        ] {
            assert_eq!(on_host(none), None, "{none}");
        }
    }
}
