//! Whether the contexts of rwenvs still lead to the clusters that a person confirmed, and whether what sessions are given does.

use std::path::PathBuf;

use super::check::Check;
use rwenv_core::model::{ClusterIdentity, Rwenv, SeenContext};
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::files::FileError;
use rwenv_gate::facts::noted::NotedContext;
use rwenv_gate::facts::{agent, config, guarded, identity, noted};
use rwenv_gate::ledger::{self, pinned};

/// How a rwenv's contexts stand to what was confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It names no context, or none that can be seen from here.
    Unseen,
    /// Nothing is noted yet.
    Unnoted(Vec<NotedContext>),
    /// As confirmed.
    Same(Vec<NotedContext>),
    /// They lead elsewhere, or ask as somebody else: as confirmed, and now.
    Changed(Vec<NotedContext>, Vec<NotedContext>),
}

/// How this rwenv stands.
///
/// # Errors
/// Where what is noted cannot be read.
pub fn standing(rwenv: &Rwenv, environment: &Environment) -> Result<Standing, FileError> {
    let before = noted::read(&environment.config_dir)?.remove(rwenv.name.as_str());
    let now = ledger::noted::now(rwenv, environment);
    Ok(match before {
        _ if now.is_empty() => Standing::Unseen,
        None => Standing::Unnoted(now),
        Some(before) if is_as(&before, &now) => Standing::Same(now),
        Some(before) => Standing::Changed(before, now),
    })
}

fn is_as(before: &[NotedContext], now: &[NotedContext]) -> bool {
    let same = |(a, b): (&NotedContext, &NotedContext)| a.context == b.context && a.cluster.is_as(&b.cluster);
    before.len() == now.len() && before.iter().zip(now).all(same)
}

/// Notes where a rwenv's contexts lead, where a person is at work: they have just said which they mean.
///
/// # Errors
/// Where it cannot be written.
pub fn note(rwenv: &str, environment: &Environment) -> Result<(), FileError> {
    if agent::at_work(&agent::ancestors()).is_some() {
        return Ok(());
    }
    let config = config::load(&environment.config_dir).unwrap_or_default();
    let Some(rwenv) = config.rwenvs.get(rwenv) else { return Ok(()) };
    keep(rwenv, ledger::noted::now(rwenv, environment), environment)
}

/// Notes where a rwenv's contexts lead, and has its running sessions go there.
///
/// # Errors
/// Where it cannot be written.
pub fn keep(rwenv: &Rwenv, now: Vec<NotedContext>, environment: &Environment) -> Result<(), FileError> {
    ledger::noted::note(rwenv.name.as_str(), now, environment)?;
    if pinned::path(rwenv.name.as_str(), environment).exists() {
        // Where it cannot be made, the next session says why.
        let _ = pinned::make(rwenv, environment);
    }
    Ok(())
}

/// One context as people read it.
#[must_use]
pub fn told(noted: &NotedContext) -> String {
    let ClusterIdentity { server, tls_server_name, authority, user } = &noted.cluster;
    let name = tls_server_name.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
    let short = |digest: &str| digest.chars().take(12).collect::<String>();
    let authority = authority.as_deref().map_or_else(|| "the system's".to_owned(), short);
    let user = user.as_ref().map_or_else(
        || "nobody".to_owned(),
        |user| format!("{} {}", user.kind.as_str(), short(&user.digest)),
    );
    format!("{}: {server}{name}, authority {authority}, user {user}", noted.context)
}

pub(super) fn examine(environment: &Environment) -> Vec<Check> {
    let Ok(config) = config::load(&environment.config_dir) else { return Vec::new() };
    let each = config.rwenvs.all.iter().flat_map(|rwenv| {
        let checks = [cluster(rwenv, environment), session(rwenv, environment)];
        checks.into_iter().flatten().map(|check| check.about(rwenv.name.as_str()))
    });
    each.collect()
}

fn cluster(rwenv: &Rwenv, environment: &Environment) -> Option<Check> {
    let confirm = format!("rwenv confirm {}", rwenv.name);
    let lines = |all: &[NotedContext]| all.iter().map(told).collect::<Vec<_>>().join("; ");
    Some(match standing(rwenv, environment) {
        Ok(Standing::Unseen) => return None,
        Ok(Standing::Same(now)) => Check::ok("cluster", format!("as confirmed: {}", lines(&now))),
        Ok(Standing::Unnoted(now)) => Check::warn(
            "cluster",
            format!(
                "nobody has confirmed which cluster it means, so its context's name counts ({})",
                lines(&now)
            ),
            confirm,
        ),
        Ok(Standing::Changed(before, now)) => Check::warn(
            "cluster",
            format!("leads elsewhere than confirmed: {}; confirmed: {}", lines(&now), lines(&before)),
            format!("if that is right: {confirm}; else correct the kubeconfig"),
        ),
        Err(error) => Check::fail("cluster", error.to_string(), confirm),
    })
}

/// Whether the kubeconfigs that sessions of a rwenv are given lead where its context does.
fn session(rwenv: &Rwenv, environment: &Environment) -> Option<Check> {
    let name = rwenv.name.as_str();
    let (_, wanted) = identity::of_rwenv(rwenv, environment).into_iter().next()?;
    let (own, guard) = (pinned::path(name, environment), guarded::kubeconfig(name, environment));
    let leads = |path: &PathBuf| identity::seen(std::slice::from_ref(path), None, environment);
    let amiss =
        |path: &PathBuf, right: bool| (path.exists() && !right).then(|| environment::under_home(path));
    let changed = match &wanted {
        SeenContext::Cluster(_) => amiss(&own, leads(&own) == wanted),
        _ => None,
    };
    let changed = changed.or_else(|| {
        let right = matches!(leads(&guard), SeenContext::Guarded(_));
        amiss(&guard, right)
    })?;
    Some(Check::warn(
        "session",
        format!(
            "{changed}, which its sessions use, no longer leads where its context does: another program wrote into it, or the kubeconfig has changed"
        ),
        "start a new session, which makes it anew; for the API guard's file: rwenv daemon restart",
    ))
}
