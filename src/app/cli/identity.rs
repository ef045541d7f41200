//! `rwenv identity`: an identity of its own for agents, in the cluster.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use super::exported::{TargetName, Whom};
use super::shared::{Output, named_or_selected, period};
use super::{out, prompt};
use crate::ops::export::agents::AgentSubjects;
use crate::ops::{export, identity};
use rwenv_core::model::Rwenv;
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::agent;
use rwenv_gate::facts::credential::{self, KeptCredential};
use rwenv_gate::ledger::audit;

#[derive(Debug, Args)]
pub(super) struct IdentityArgs {
    #[command(subcommand)]
    pub(super) command: IdentityCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum IdentityCommand {
    /// Make an identity for the agents of a rwenv in its cluster, by a person at a terminal
    #[command(
        after_help = "Shows the objects that rwenv policy export prints, asks, applies them with your kubectl, and fetches a credential. With \
                      --existing nothing is made: the objects are in the cluster already, for instance by Flux.\n\nExamples:\n  \
                      rwenv identity create --env prod\n  rwenv identity create --env dev --to rbac,validating-admission-policy\n  \
                      rwenv identity create --env prod --existing --service-account ci/robot"
    )]
    Create(Box<CreateIdentity>),
    /// Print the path of the kubeconfig that has the agents' credential; fetches it where it has ended
    #[command(
        after_help = "Examples:\n  KUBECONFIG=$(rwenv identity kubeconfig prod) kubectl get pods\n  rwenv identity kubeconfig prod -o json"
    )]
    Kubeconfig(NamedIdentity),
    /// Fetch a new credential now
    #[command(
        after_help = "With --revoke every earlier token ends as well: the service account is deleted and made again, by a person at a \
                      terminal.\n\nExamples:\n  rwenv identity rotate prod\n  rwenv identity rotate prod --revoke"
    )]
    Rotate(RotatedIdentity),
}

#[derive(Debug, Args)]
pub(super) struct CreateIdentity {
    /// For which engines, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "rbac", value_name = "ENGINE")]
    to: Vec<TargetName>,
    /// How long a token is good, from 10m to 24h; rwenvd renews it
    #[arg(long, default_value = "1h", value_name = "TIME")]
    ttl: String,
    /// Ask the cluster for kinds that no table names
    #[arg(long)]
    discover: bool,
    /// Make nothing in the cluster; the service account is there
    #[arg(long)]
    existing: bool,
    #[command(flatten)]
    whom: Whom,
}

#[derive(Debug, Args)]
pub(super) struct NamedIdentity {
    /// Name of the rwenv [default: the selected rwenv]
    name: Option<String>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct RotatedIdentity {
    #[command(flatten)]
    of: NamedIdentity,
    /// End every earlier token too
    #[arg(long)]
    revoke: bool,
}

/// The credential, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CredentialView<'a> {
    rwenv: &'a str,
    kubeconfig: String,
    service_account: String,
    expires: String,
}

pub(super) fn identity(args: &IdentityArgs, environment: &Environment) -> anyhow::Result<u8> {
    match &args.command {
        IdentityCommand::Create(args) => create(args, environment),
        IdentityCommand::Kubeconfig(args) => kubeconfig(args, environment),
        IdentityCommand::Rotate(args) => rotate(args, environment),
    }
}

/// Only a person changes who agents are.
fn by_a_person(what: &str) -> anyhow::Result<()> {
    if let Some(by) = agent::at_work(&agent::ancestors()) {
        bail!("an agent is at work here ({by}); {what} by a person, in a terminal of their own");
    }
    if !prompt::is_possible() {
        bail!("{what} at a terminal, by a person who reads what is made");
    }
    Ok(())
}

fn lifetime(text: &str) -> anyhow::Result<u64> {
    let seconds = period(text)?.as_secs();
    if !(identity::SHORTEST..=identity::LONGEST).contains(&seconds) {
        bail!("'{}' is not a life of a token; write from 10m to 24h", text.escape_debug());
    }
    Ok(seconds)
}

fn create(args: &CreateIdentity, environment: &Environment) -> anyhow::Result<u8> {
    by_a_person("an identity is made")?;
    let seconds = lifetime(&args.ttl)?;
    let (rwenv, agents) = args.whom.of(environment)?;
    let name = &rwenv.name;
    if !args.existing {
        let Some(targets) = args.to.iter().map(|name| name.target()).collect() else {
            bail!("a Git host has no identity of a cluster's; leave it out of --to");
        };
        let wish = args.whom.wish((&rwenv, agents.clone()), (targets, false, args.discover), environment)?;
        let all = export::export(&rwenv, &wish, environment)?;
        let objects: Vec<Value> = all.into_iter().flat_map(|one| one.objects).collect();
        objects.iter().for_each(|object| out::note(&format!("  {}", called(object))));
        if !prompt::yes(&format!("Make these in the cluster of rwenv '{name}'?"), false)? {
            out::line("nothing was changed");
            return Ok(1);
        }
        for said in identity::apply(&rwenv, &objects, environment)? {
            out::line(&said);
        }
    } else if !prompt::yes(&format!("Give agents of rwenv '{name}' tokens of {}?", agents.user()), false)? {
        out::line("nothing was changed");
        return Ok(1);
    }
    let (namespace, account) = &agents.account;
    let kept = identity::fetch(&rwenv, (namespace, account), seconds, environment)?;
    audit::happened("identity", "created", &format!("{name}: {}", agents.user()), environment)?;
    tell(&rwenv, &kept, environment);
    Ok(0)
}

/// What an object is called.
fn called(object: &Value) -> String {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let namespace = match text("/metadata/namespace") {
        "" => String::new(),
        namespace => format!(" in namespace {namespace}"),
    };
    format!("{} {}{namespace}", text("/kind"), text("/metadata/name"))
}

/// What the credential is, and what the cluster lets it do.
fn tell(rwenv: &Rwenv, kept: &KeptCredential, environment: &Environment) {
    let path = identity::kubeconfig(rwenv, environment);
    out::line(&format!("{}, good until {}", path.display(), out::local_time(kept.expires)));
    match identity::beyond_reading(rwenv, environment) {
        Ok(None) => out::line("the cluster lets it read, and nothing else"),
        Ok(Some(may)) => out::line(&format!("the cluster lets it do more than read: it may {may}")),
        Err(why) => out::note(&format!("what the cluster lets it do is not known: {why}")),
    }
}

/// The credential that there is, or the account that one is asked for by name.
fn known(rwenv: &Rwenv, environment: &Environment) -> ((String, String), u64) {
    match credential::kept(rwenv.name.as_str(), environment) {
        Some(kept) => ((kept.namespace, kept.account), kept.lifetime),
        None => (AgentSubjects::of(rwenv).account, 3600),
    }
}

fn fetched(rwenv: &Rwenv, environment: &Environment) -> anyhow::Result<KeptCredential> {
    let ((namespace, account), seconds) = known(rwenv, environment);
    identity::fetch(rwenv, (&namespace, &account), seconds, environment).with_context(|| {
        format!(
            "rwenv '{}' has no credential for agents; a person makes one: rwenv identity create --env {}",
            rwenv.name, rwenv.name
        )
    })
}

fn kubeconfig(args: &NamedIdentity, environment: &Environment) -> anyhow::Result<u8> {
    let rwenv = named_or_selected(args.name.as_deref(), environment)?;
    let now = clock::now().as_secs();
    let path = identity::kubeconfig(&rwenv, environment);
    let good =
        credential::kept(rwenv.name.as_str(), environment).filter(|kept| !kept.is_due(now) && path.exists());
    let kept = match good {
        Some(kept) => kept,
        None => fetched(&rwenv, environment)?,
    };
    print(&rwenv, &kept, args.output.json, environment)
}

fn print(rwenv: &Rwenv, kept: &KeptCredential, json: bool, environment: &Environment) -> anyhow::Result<u8> {
    let path = identity::kubeconfig(rwenv, environment).display().to_string();
    if json {
        out::json(&CredentialView {
            rwenv: rwenv.name.as_str(),
            kubeconfig: path,
            service_account: format!("{}/{}", kept.namespace, kept.account),
            expires: clock::rfc3339(std::time::Duration::from_secs(kept.expires)),
        })?;
    } else {
        out::line(&path);
    }
    Ok(0)
}

fn rotate(args: &RotatedIdentity, environment: &Environment) -> anyhow::Result<u8> {
    let rwenv = named_or_selected(args.of.name.as_deref(), environment)?;
    let name = &rwenv.name;
    if args.revoke {
        by_a_person("tokens are revoked")?;
        let ((namespace, account), _) = known(&rwenv, environment);
        let question = format!(
            "Delete the service account {namespace}/{account} and make it again, so that its tokens end?"
        );
        if !prompt::yes(&question, false)? {
            out::line("nothing was changed");
            return Ok(1);
        }
        identity::replace_account(&rwenv, (&namespace, &account), environment)?;
        audit::happened("identity", "revoked", &format!("{name}: {namespace}/{account}"), environment)?;
    }
    let kept = fetched(&rwenv, environment)?;
    print(&rwenv, &kept, args.of.output.json, environment)
}
