//! What tools keep of the servers, accounts, projects and hosts that they use: which one is in use, and what it leads to.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::base::environment::{self, Environment};
use crate::base::files;
use rwenv_core::manifest::yaml::{self, Node};
use rwenv_core::model::{AskedTarget, TargetKind, Texts};

/// What a target is called beside its name; where the one in use is asked for, its name too.
#[must_use]
pub fn names(asked: &AskedTarget, environment: &Environment) -> Vec<String> {
    let by_variable = || asked.variables.iter().find_map(|name| environment::var(name));
    let name = asked.name.clone().or_else(by_variable);
    let mut all: Vec<String> = name.iter().filter(|_| asked.name.is_none()).cloned().collect();
    if asked.config {
        let more = kept(asked, name.as_deref(), environment);
        all.extend(more.into_iter().filter(|one| !one.is_empty()));
    }
    all.dedup();
    all
}

/// What a tool keeps of a target; none: of the one in use.
fn kept(asked: &AskedTarget, name: Option<&str>, environment: &Environment) -> Vec<String> {
    let home = &environment.home;
    let exported = || asked.file_variables.iter().find_map(|name| environment::var(name));
    let named = asked.file.clone().or_else(exported).map(|file| path(&file, asked, environment));
    let file = |usual: &[&str]| {
        let usual = usual.iter().map(|path| home.join(path));
        named.clone().into_iter().chain(usual).find_map(|path| text(&path))
    };
    match asked.kind {
        TargetKind::ArgoCd => file(&[".config/argocd/config", ".argocd/config"])
            .map_or_else(Vec::new, |text| argocd(&text, name)),
        TargetKind::Talos => file(&[".talos/config"]).map_or_else(Vec::new, |text| talos(&text, name)),
        TargetKind::Terraform => terraform(asked.dir.as_deref().unwrap_or_default(), name),
        TargetKind::Gcp => gcp(&home.join(".config/gcloud"), name),
        TargetKind::Aws => file(&[".aws/config"]).map_or_else(Vec::new, |text| aws(&text, name)),
        TargetKind::Azure => azure(&home.join(".azure/azureProfile.json"), name),
        TargetKind::Docker => docker(&home.join(".docker"), name),
        TargetKind::Vault | TargetKind::Database => Vec::new(),
    }
}

/// A path as a command names it.
fn path(written: &str, asked: &AskedTarget, environment: &Environment) -> PathBuf {
    match written.strip_prefix("~/") {
        Some(rest) => environment.home.join(rest),
        None => Path::new(asked.dir.as_deref().unwrap_or("/")).join(written),
    }
}

fn text(path: &Path) -> Option<String> {
    files::read(path).ok().flatten()
}

fn document(text: &str) -> Option<Node> {
    yaml::parse(text).documents.into_iter().next()
}

fn argocd(text: &str, name: Option<&str>) -> Vec<String> {
    let Some(root) = document(text) else { return Vec::new() };
    let Some(wanted) = name.or_else(|| root.str(&["current-context"])) else { return Vec::new() };
    let contexts = root.get("contexts").map_or(&[][..], Node::items);
    let found = contexts.iter().find(|entry| entry.str(&["name"]) == Some(wanted));
    let server = found.and_then(|entry| entry.str(&["server"]));
    [Some(wanted), server].into_iter().flatten().map(str::to_owned).collect()
}

fn talos(text: &str, name: Option<&str>) -> Vec<String> {
    let Some(root) = document(text) else { return Vec::new() };
    let Some(wanted) = name.or_else(|| root.str(&["context"])) else { return Vec::new() };
    let mut all = vec![wanted.to_owned()];
    let context = root.get("contexts").and_then(|contexts| contexts.get(wanted));
    for list in ["endpoints", "nodes"] {
        let items = context.and_then(|context| context.get(list)).map_or(&[][..], Node::items);
        all.extend(items.iter().filter_map(Node::text).map(str::to_owned));
    }
    all
}

/// The workspace, and the place where the state is kept.
fn terraform(dir: &str, name: Option<&str>) -> Vec<String> {
    let own = Path::new(dir).join(".terraform");
    let mut all: Vec<String> = match name {
        Some(_) => Vec::new(),
        None => text(&own.join("environment")).map(|name| name.trim().to_owned()).into_iter().collect(),
    };
    let state =
        text(&own.join("terraform.tfstate")).and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let config = state.as_ref().and_then(|state| state.pointer("/backend/config"));
    let of = |key: &str| config.and_then(|config| config.get(key)).and_then(Value::as_str);
    let bucket = ["bucket", "container_name", "organization", "address", "path"].into_iter().find_map(of);
    if let Some(bucket) = bucket {
        all.push(bucket.to_owned());
        all.extend(["key", "prefix"].into_iter().find_map(of).map(|key| format!("{bucket}/{key}")));
    }
    all
}

/// A configuration and its project; a project has no more names.
fn gcp(folder: &Path, name: Option<&str>) -> Vec<String> {
    let active = || text(&folder.join("active_config")).map(|name| name.trim().to_owned());
    let Some(wanted) = name.map(str::to_owned).or_else(active) else { return Vec::new() };
    let own = text(&folder.join("configurations").join(format!("config_{wanted}")));
    let project = own.as_deref().and_then(|text| ini(text, |section| section == "core", &["project"]).pop());
    let used = name.is_none().then_some(wanted);
    used.into_iter().chain(project).collect()
}

/// The accounts of a profile.
fn aws(text: &str, name: Option<&str>) -> Vec<String> {
    let wanted = name.unwrap_or("default");
    let is = |section: &str| section == wanted || section.strip_prefix("profile ") == Some(wanted);
    let found = ini(text, is, &["sso_account_id", "role_arn", "source_profile"]);
    // `arn:aws:iam::123456789012:role/NAME`
    let account = |value: String| value.split(':').nth(4).map(str::to_owned).unwrap_or(value);
    found.into_iter().map(account).collect()
}

/// Values of these keys in the sections that are wanted.
fn ini(text: &str, wanted: impl Fn(&str) -> bool, keys: &[&str]) -> Vec<String> {
    let mut inside = false;
    let mut all = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = wanted(section.trim());
        } else if let Some((key, value)) = line.split_once('=').filter(|_| inside) {
            all.extend(keys.contains(&key.trim()).then(|| value.trim().to_owned()));
        }
    }
    all
}

/// A subscription, by name and id.
fn azure(file: &Path, name: Option<&str>) -> Vec<String> {
    let Some(text) = text(file) else { return Vec::new() };
    let root: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default();
    let all = root.get("subscriptions").and_then(Value::as_array).into_iter().flatten();
    let of = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).map(str::to_owned);
    let is = |one: &&Value| match name {
        Some(name) => [of(one, "id"), of(one, "name")].iter().flatten().any(|known| known == name),
        None => one.get("isDefault").and_then(Value::as_bool) == Some(true),
    };
    all.into_iter()
        .find(is)
        .map_or_else(Vec::new, |one| [of(one, "name"), of(one, "id")].into_iter().flatten().collect())
}

/// A context and its host.
fn docker(folder: &Path, name: Option<&str>) -> Vec<String> {
    let json = |path: &Path| text(path).and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let current = || Some(json(&folder.join("config.json"))?.get("currentContext")?.as_str()?.to_owned());
    let Some(wanted) = name.map(str::to_owned).or_else(current) else { return Vec::new() };
    let entries = std::fs::read_dir(folder.join("contexts/meta")).into_iter().flatten().flatten();
    let host = entries.filter_map(|entry| json(&entry.path().join("meta.json"))).find_map(|meta| {
        let is_it = meta.get("Name").and_then(Value::as_str) == Some(wanted.as_str());
        let host = meta.pointer("/Endpoints/docker/Host").and_then(Value::as_str);
        host.filter(|_| is_it).map(str::to_owned)
    });
    let used = name.is_none().then_some(wanted);
    used.into_iter().chain(host).collect()
}

/// What is configured on this machine and is called as a rwenv or its context is: what `rwenv add` proposes.
#[must_use]
pub fn proposed(words: &[&str], environment: &Environment) -> Vec<(TargetKind, String)> {
    let home = &environment.home;
    let is = |name: &str| words.iter().any(|word| !word.is_empty() && *word == name);
    let mut all: Vec<(TargetKind, String)> = Vec::new();
    let mut add = |kind: TargetKind, name: &str| {
        let found = (kind, name.to_owned());
        if !name.is_empty() && !all.contains(&found) {
            all.push(found);
        }
    };
    let read = |path: &str| text(&home.join(path));
    let argo = read(".config/argocd/config").and_then(|text| document(&text));
    for entry in argo.as_ref().and_then(|root| root.get("contexts")).map_or(&[][..], Node::items) {
        let (name, server) = (entry.str(&["name"]), entry.str(&["server"]).unwrap_or_default());
        let first = server.split('.').next().unwrap_or_default();
        if name.is_some_and(is) || is(first) {
            add(TargetKind::ArgoCd, server);
        }
    }
    for word in words {
        let known = |kind: TargetKind| AskedTarget {
            kind,
            name: Some((*word).to_owned()),
            variables: Texts::new(&[]),
            file_variables: Texts::new(&[]),
            config: true,
            file: None,
            dir: None,
        };
        let talos = names(&known(TargetKind::Talos), environment);
        if talos.len() > 1 {
            talos.iter().for_each(|name| add(TargetKind::Talos, name));
        }
        for kind in [TargetKind::Gcp, TargetKind::Aws, TargetKind::Azure, TargetKind::Docker] {
            let found = names(&known(kind), environment);
            if !found.is_empty() {
                add(kind, word);
                found.iter().for_each(|name| add(kind, name));
            }
        }
    }
    all
}
