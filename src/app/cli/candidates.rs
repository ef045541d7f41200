//! What a shell may offer in the place of a name: rwenvs, services, objects, rules. Read from files of this machine when somebody presses
//! the key, and never from a cluster.

use std::collections::BTreeSet;

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use serde_json::Value;

use super::shared;
use rwenv_core::policy;
use rwenv_flux::catalog::generate;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;
use rwenv_gate::facts::{config, index};
use rwenv_gate::ledger::grants;

/// What gives the names.
type NameSource = fn() -> Vec<String>;

/// Arguments that mean the same in every command, by what they are called.
const EVERYWHERE: [(&str, NameSource); 4] =
    [("rwenv", rwenvs), ("env", rwenvs), ("cluster", rwenvs), ("namespace", namespaces)];
/// Arguments of single commands, by the words of the command.
const OF: [(&str, &str, NameSource); 32] = [
    ("set", "name", rwenvs),
    ("edit", "name", rwenvs),
    ("remove", "name", rwenvs),
    ("confirm", "name", rwenvs),
    ("export", "names", rwenvs),
    ("kubeconfig", "name", rwenvs),
    ("repo path", "name", rwenvs),
    ("repo sync", "name", rwenvs),
    ("repo status", "name", rwenvs),
    ("repo clean", "name", rwenvs),
    ("guide regenerate", "name", rwenvs),
    ("services regenerate", "name", rwenvs),
    ("services show", "name", services),
    ("services where", "name", services),
    ("services namespace", "name", services),
    ("deploy", "service", services),
    ("rollout", "services", services),
    ("where", "what", defined),
    ("where", "name", names),
    ("flux reconcile", "object", applied),
    ("flux reconcile-source", "object", applied),
    ("flux suspend", "object", applied),
    ("flux resume", "object", applied),
    ("flux diff", "object", applied),
    ("flux tree", "object", applied),
    ("flux trace", "object", defined),
    ("flux events", "for", applied),
    ("flux logs", "kind", kinds),
    ("flux logs", "name", names),
    ("policy show", "id", rules),
    ("db query", "name", databases),
    ("grant", "revoke", granted),
];
/// Kinds of Flux's, and how people shorten them.
const FLUX: [(&str, &str); 9] = [
    ("Kustomization", "ks"),
    ("HelmRelease", "hr"),
    ("GitRepository", "gitrepository"),
    ("OCIRepository", "ocirepository"),
    ("HelmRepository", "helmrepository"),
    ("HelmChart", "helmchart"),
    ("Bucket", "bucket"),
    ("ImageRepository", "imagerepository"),
    ("ImagePolicy", "imagepolicy"),
];

/// The command line with names for its arguments.
pub(super) fn offered(command: Command) -> Command {
    below(command, "")
}

fn below(command: Command, words: &str) -> Command {
    let command = command.mut_args(|argument| with(argument, words));
    command.mut_subcommands(|inner| {
        let words = format!("{words} {}", inner.get_name()).trim_start().to_owned();
        below(inner, &words)
    })
}

fn with(argument: Arg, words: &str) -> Arg {
    let id = argument.get_id().as_str();
    let own =
        OF.iter().find(|(command, name, _)| *command == words && *name == id).map(|(_, _, names)| *names);
    let common = || EVERYWHERE.iter().find(|(name, _)| *name == id).map(|(_, names)| *names);
    let takes = argument.get_action().takes_values();
    match own.or_else(common).filter(|_| takes) {
        Some(names) => argument.add(ArgValueCandidates::new(move || {
            names().into_iter().map(CompletionCandidate::new).collect::<Vec<_>>()
        })),
        None => argument,
    }
}

fn rwenvs() -> Vec<String> {
    let environment = Environment::read();
    config::rwenvs(&environment.config_dir).all.iter().map(|rwenv| rwenv.name.to_string()).collect()
}

fn databases() -> Vec<String> {
    let config = config::load(&Environment::read().config_dir).unwrap_or_default();
    config.databases.into_iter().map(|(name, _)| name).collect()
}

fn rules() -> Vec<String> {
    let all = policy::RULES.iter().map(|rule| rule.id.to_string());
    let mut ids: BTreeSet<String> = all.collect();
    let policies: Vec<String> = ids.iter().filter_map(|id| Some(id.split_once('.')?.0.to_owned())).collect();
    ids.extend(policies);
    ids.into_iter().collect()
}

fn granted() -> Vec<String> {
    let live = grants::live(&Environment::read()).into_iter().map(|grant| grant.id);
    live.chain(["all".to_owned()]).collect()
}

/// The services of the selected rwenv's catalog.
fn services() -> Vec<String> {
    let environment = Environment::read();
    let Ok(rwenv) = shared::selected(&environment) else { return Vec::new() };
    let path = generate::folder(&rwenv, &environment).join("services-catalog.json");
    let text = files::read(&path).ok().flatten().unwrap_or_default();
    let catalog: Value = serde_json::from_str(&text).unwrap_or_default();
    let names = catalog.get("services").and_then(Value::as_object);
    names.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The objects that the selected rwenv's repository defines: kind, namespace and name.
fn objects() -> Vec<index::DefinedObject> {
    let environment = Environment::read();
    shared::selected(&environment).map(|rwenv| index::objects(&rwenv, &environment)).unwrap_or_default()
}

fn unique(all: impl Iterator<Item = String>) -> Vec<String> {
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

fn namespaces() -> Vec<String> {
    unique(objects().into_iter().map(|object| object.namespace).filter(|namespace| !namespace.is_empty()))
}

fn names() -> Vec<String> {
    unique(objects().into_iter().map(|object| object.name))
}

fn kinds() -> Vec<String> {
    unique(objects().into_iter().map(|object| object.kind))
}

/// `deployment/web`.
fn defined() -> Vec<String> {
    unique(objects().into_iter().map(|object| format!("{}/{}", object.kind.to_lowercase(), object.name)))
}

/// `ks/apps`: objects of Flux's.
fn applied() -> Vec<String> {
    let short = |kind: &str| FLUX.iter().find(|(known, _)| *known == kind).map(|(_, short)| *short);
    unique(
        objects().into_iter().filter_map(|object| Some(format!("{}/{}", short(&object.kind)?, object.name))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_that_is_named_is_there() {
        let command = crate::cli::command();
        for (words, id, _) in OF {
            let mut found = &command;
            for word in words.split(' ') {
                found = found.find_subcommand(word).unwrap_or_else(|| panic!("{words}"));
            }
            assert!(found.get_arguments().any(|argument| argument.get_id() == id), "{words} has no {id}");
        }
    }
}
