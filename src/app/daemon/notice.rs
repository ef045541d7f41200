//! Telling a person what an agent changed without a question: what the log says of it goes to a command or an address of theirs. The
//! log is what is told from, so nothing is lost where the daemon was not running; it is followed from where it was left.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde::Serialize;

use super::panics::reason;
use super::state::{Shared, lock};
use rwenv_core::model::Decision;
use rwenv_flux::cluster::Web;
use rwenv_gate::base::redact::redact;
use rwenv_gate::base::{clock, files, process};
use rwenv_gate::ledger::audit::{self, AuditEntry, Followed};

/// How long changes are gathered: the doors that one line passes write a record each.
const GATHER: Duration = Duration::from_secs(2);
/// Longest that a command or a server is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rests between the attempts to send one notice.
const RESTS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];
/// Most changes that one notice names.
const MOST: usize = 20;
/// Longest command line in a notice, in characters.
const LONGEST: usize = 300;

/// What is sent: on standard input of a command, or as the body of a POST.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Notice {
    /// All of it as one sentence, in the field that most chats show.
    text: String,
    rwenv: String,
    changes: Vec<NoticedChange>,
    /// Changes that are not named.
    more: usize,
}

/// One change that was let through without a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct NoticedChange {
    time: String,
    door: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    cwd: String,
    command: String,
    effects: Vec<String>,
}

pub(super) async fn keep(shared: Arc<Shared>) {
    let mut followed = kept(&shared);
    if followed.is_none() {
        let _ = audit::follow(&shared.environment, &mut followed, |_| {});
    }
    // For what was written while the daemon was not running.
    shared.told.notify_one();
    loop {
        shared.told.notified().await;
        tokio::time::sleep(GATHER).await;
        let wanted: Vec<(String, String)> = {
            let rwenvs = lock(&shared.rwenvs);
            rwenvs.all.iter().filter_map(|r| Some((r.name.to_string(), r.notify.clone()?))).collect()
        };
        lock(&shared.notices).retain(|name, _| wanted.iter().any(|(wanted, _)| wanted == name));
        if wanted.is_empty() {
            // Nobody is told: what follows is told from here on.
            followed = None;
            let _ = audit::follow(&shared.environment, &mut followed, |_| {});
            let _ = std::fs::remove_file(place(&shared));
            continue;
        }
        let names: Vec<String> = wanted.iter().map(|(name, _)| name.clone()).collect();
        let (environment, from) = (shared.environment.clone(), followed.clone());
        let read = tokio::task::spawn_blocking(move || {
            let (mut from, mut new) = (from, Vec::new());
            // Of a log that grows fast only what is told is kept.
            let take = |entry: AuditEntry| {
                if is_told(&entry) && names.iter().any(|name| entry.concerns(name)) {
                    new.push(entry);
                }
            };
            audit::follow(&environment, &mut from, take).map(|()| (from, new))
        });
        let (now, new) = match read.await.map_err(reason).map(|read| read.map_err(|e| e.to_string())) {
            Ok(Ok(read)) => read,
            Ok(Err(why)) | Err(why) => {
                tracing::warn!(%why, "the audit log cannot be followed, so nobody is told");
                continue;
            }
        };
        let all = wanted.iter().filter_map(|(rwenv, to)| Some((to, notice(rwenv, &new)?)));
        join_all(all.map(|(to, notice)| tell(to, notice, &shared))).await;
        // After the telling: who is killed meanwhile tells it again.
        if now != followed {
            keep_place(now.as_ref(), &shared);
        }
        followed = now;
    }
}

/// Where the place is kept up to which the log was told.
fn place(shared: &Shared) -> PathBuf {
    shared.environment.config_dir.join("run/told.json")
}

fn kept(shared: &Shared) -> Option<Followed> {
    serde_json::from_str(&files::read(&place(shared)).ok()??).ok()
}

fn keep_place(followed: Option<&Followed>, shared: &Shared) {
    let Some(text) = followed.and_then(|followed| serde_json::to_string(followed).ok()) else { return };
    if let Err(error) = files::replace(&place(shared), &text, 0o600) {
        tracing::warn!(%error, "how far the log was told cannot be kept");
    }
}

/// True for a change that was let through without a question.
fn is_told(entry: &AuditEntry) -> bool {
    entry.decision == Decision::Allow.as_str() && !entry.effects.is_empty()
}

/// What there is to tell of a rwenv, if anything.
fn notice(rwenv: &str, new: &[AuditEntry]) -> Option<Notice> {
    let all: Vec<&AuditEntry> = new.iter().filter(|entry| is_told(entry) && entry.concerns(rwenv)).collect();
    // What a line of a session leads to passes shims, git's hook and the guard as well; those do not know the session.
    let led_to = |entry: &AuditEntry| {
        let covers = |line: &&&AuditEntry| {
            line.session.is_some() && entry.effects.iter().all(|effect| line.effects.contains(effect))
        };
        entry.session.is_none() && all.iter().any(|line| covers(&line))
    };
    let own = all.iter().filter(|entry| !led_to(entry));
    let changes: Vec<NoticedChange> = own.map(|entry| change(entry)).collect();
    let first = changes.first()?;
    let others = match changes.len() - 1 {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    let text = format!("rwenv {rwenv}: changed without a question: {}{others}", first.command);
    let more = changes.len().saturating_sub(MOST);
    Some(Notice { text, rwenv: rwenv.to_owned(), changes: changes.into_iter().take(MOST).collect(), more })
}

fn change(entry: &AuditEntry) -> NoticedChange {
    let mut command = entry.command.clone();
    if let Some((at, _)) = command.char_indices().nth(LONGEST) {
        command.truncate(at);
        command.push('…');
    }
    let AuditEntry { time, door, session, cwd, effects, .. } = entry.clone();
    NoticedChange { time, door, session, cwd, command, effects }
}

/// Sends one notice, some times over; what cannot be sent is counted and told in the daemon's state.
async fn tell(to: &str, notice: Notice, shared: &Arc<Shared>) {
    let json = serde_json::to_vec(&notice).unwrap_or_default();
    let mut rests = RESTS.iter();
    let error = loop {
        let sent = match address(to) {
            Some(address) => post(&address, json.clone()).await,
            None => run(to.to_owned(), json.clone(), shared).await,
        };
        match (sent, rests.next()) {
            (Ok(()), _) => break None,
            (Err(why), None) => break Some(redact(&why)),
            (Err(_), Some(rest)) => tokio::time::sleep(*rest).await,
        }
    };
    let mut all = lock(&shared.notices);
    let of = all.entry(notice.rwenv.clone()).or_default();
    of.rwenv.clone_from(&notice.rwenv);
    match &error {
        None => of.sent += 1,
        Some(why) => {
            of.failed += 1;
            of.when = Some(clock::rfc3339(clock::now()));
            if of.error.as_ref() != Some(why) {
                tracing::warn!(rwenv = %notice.rwenv, why, "a notice could not be sent");
            }
        }
    }
    of.error = error;
}

/// A server, the path of its hook, and the credentials that stand in the address.
struct Hook {
    server: String,
    path: String,
    authorization: Option<String>,
}

fn address(to: &str) -> Option<Hook> {
    let to = to.trim();
    let (scheme, rest) = to.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, host) = host.rsplit_once('@').map_or((None, host), |(user, host)| (Some(user), host));
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let authorization = user.map(|user| format!("Basic {}", STANDARD.encode(user)));
    Some(Hook { server: format!("{scheme}://{host}"), path, authorization })
}

/// Posts a notice. What goes wrong names the server, never the path: it often is the secret.
async fn post(hook: &Hook, json: Vec<u8>) -> Result<(), String> {
    let mut web = Web::at(&hook.server, PATIENCE)?;
    if let Some(authorization) = &hook.authorization {
        web = web.authorized(authorization.clone());
    }
    let answered = web.post(&hook.path, json).await.map_err(|why| why.replace(&hook.path, "/…"))?;
    if (200..300).contains(&answered.status) {
        return Ok(());
    }
    Err(format!("{} answered {}", hook.server, answered.status))
}

/// Runs a command with the notice on its standard input.
async fn run(command: String, json: Vec<u8>, shared: &Shared) -> Result<(), String> {
    let home = shared.environment.home.clone();
    let ran = tokio::task::spawn_blocking(move || {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &command]).current_dir(home);
        process::printed("the command", &mut shell, &json, PATIENCE).map(drop)
    });
    ran.await.unwrap_or_else(|error| Err(reason(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(door: &str, session: Option<&str>, command: &str, effects: &[&str]) -> AuditEntry {
        AuditEntry {
            door: door.to_owned(),
            session: session.map(str::to_owned),
            command: command.to_owned(),
            rwenvs: vec!["go".to_owned()],
            decision: "allow".to_owned(),
            effects: effects.iter().map(|effect| (*effect).to_owned()).collect(),
            ..AuditEntry::default()
        }
    }

    #[test]
    fn one_line_is_told_once_however_many_doors_it_passes() {
        let push = &["git-publish"];
        let new = [
            entry("claude", Some("s"), "git commit -am x && git push", push),
            entry("shim", None, "git push", push),
            entry("pre-push", None, "git push https://example.com/flux refs/heads/main", push),
            entry("claude", Some("s"), "kubectl get pods", &[]),
            AuditEntry { decision: "ask".to_owned(), ..entry("claude", Some("s"), "gh pr merge 1", push) },
        ];
        let told = notice("go", &new).unwrap();
        assert_eq!(told.text, "rwenv go: changed without a question: git commit -am x && git push");
        assert_eq!((told.changes.len(), told.more), (1, 0));
        assert_eq!(notice("other", &new), None);
        let others = [entry("api", None, "kubectl annotate ks apps", &["reconcile"])];
        let told = notice("go", &[&new[..], &others].concat()).unwrap();
        assert_eq!(told.changes.len(), 2, "what no line of a session covers is told by itself");
        assert!(told.text.ends_with("(and 1 more)"), "{}", told.text);
    }

    #[test]
    fn addresses_are_told_from_commands_and_keep_their_credentials_to_themselves() {
        let hook = address("https://me:pw@hooks.example.com:8443?x=1").unwrap();
        assert_eq!((hook.server.as_str(), hook.path.as_str()), ("https://hooks.example.com:8443", "/?x=1"));
        assert_eq!(hook.authorization.as_deref(), Some("Basic bWU6cHc="));
        assert_eq!(address("http://h").unwrap().path, "/");
        for command in ["curl https://h/x", "mail -s rwenv me", "ftp://h"] {
            assert!(address(command).is_none(), "{command}");
        }
    }
}
