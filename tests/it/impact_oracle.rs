//! What a root applies, by another road than the program's: kubectl renders each folder, and what Flux adds is added here.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::path::Path;
use std::process::Command;

use rwenv_core::manifest::kustomize::render::json;
use rwenv_core::manifest::yaml;
use serde_json::{Value, json};

/// Objects by kind, namespace and name.
pub(crate) type Applied = BTreeMap<(String, String, String), Value>;

/// What was rendered, by all that it may be made of.
pub(crate) type Known = HashMap<String, Vec<Value>>;

/// Everything a root applies, of the last commit.
pub(crate) fn applied(root: &Path, folder: &str, known: &mut Known) -> Applied {
    // Values for variables may be defined by what comes later, so that everything is rendered before anything is filled in.
    let mut rendered: Vec<(Value, Vec<Value>)> = Vec::new();
    let mut queue = VecDeque::from([json!({ "path": folder })]);
    while let Some(spec) = queue.pop_front() {
        let objects = render(root, &spec, known);
        let own = |o: &&Value| {
            let group = o["apiVersion"].as_str().unwrap_or_default();
            let here = o["spec"]["sourceRef"]["name"] == "flux-system";
            o["kind"] == "Kustomization" && group.starts_with("kustomize.toolkit") && here
        };
        let root_itself = |o: &&Value| o["metadata"]["name"] != "flux-system";
        queue.extend(objects.iter().filter(own).filter(root_itself).map(|o| o["spec"].clone()));
        rendered.push((spec, objects));
    }
    let configs: Vec<Value> = rendered
        .iter()
        .flat_map(|(_, all)| all.iter().filter(|o| o["kind"] == "ConfigMap"))
        .cloned()
        .collect();
    let mut all = Applied::new();
    for (spec, objects) in rendered {
        let values = values(&spec, &configs);
        for mut object in objects {
            for (label, value) in spec["commonMetadata"]["labels"].as_object().into_iter().flatten() {
                object["metadata"]["labels"][label] = value.clone();
            }
            let mut text = object.to_string();
            for (name, value) in &values {
                text = text.replace(&format!("${{{name}}}"), value);
            }
            let object: Value = serde_json::from_str(&text).unwrap();
            for object in expanded(&object).into_iter().chain([object]) {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let metadata = &object["metadata"];
                let key = (text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]));
                assert!(all.insert(key.clone(), object).is_none(), "{key:?} is there twice");
            }
        }
    }
    all
}

/// The folders whose files what lies below a folder of the fixture may be made of.
fn sources(path: &str) -> Vec<String> {
    let (top, below) = path.split_once('/').unwrap();
    let own = if top == "clusters" { format!("{top}/{below}/") } else { format!("{top}/") };
    if top == "apps" { vec![own, "components/".to_owned()] } else { vec![own] }
}

/// The same as the last time, where nothing it may be made of has changed: kubectl takes its time.
fn render(root: &Path, spec: &Value, known: &mut Known) -> Vec<Value> {
    let path = spec["path"].as_str().unwrap().trim_start_matches("./");
    let listed = Command::new("git").args(["ls-tree", "-r", "HEAD"]).current_dir(root).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let sources = sources(path);
    let is_source = |line: &&str| {
        let file = line.split_once('\t').unwrap().1;
        sources.iter().any(|source| file.starts_with(source.as_str()))
    };
    let key = format!("{spec}\n{}", listed.lines().filter(is_source).collect::<Vec<_>>().join("\n"));
    known.entry(key).or_insert_with(|| render_anew(root, spec)).clone()
}

/// What kubectl renders of a Kustomization's folder, what its spec adds in place.
fn render_anew(root: &Path, spec: &Value) -> Vec<Value> {
    let path = spec["path"].as_str().unwrap().trim_start_matches("./");
    let made = root.join(path).join("kustomization.yaml");
    let is_made = !made.exists();
    if is_made {
        fs::write(&made, json!({ "resources": manifests(&root.join(path)) }).to_string()).unwrap();
    }
    let overlay = root.join("overlay");
    fs::create_dir(&overlay).unwrap();
    let mut kustomization = json!({ "resources": [format!("../{path}")] });
    for (field, key) in [("targetNamespace", "namespace"), ("images", "images"), ("patches", "patches")] {
        if !spec[field].is_null() {
            kustomization[key] = spec[field].clone();
        }
    }
    fs::write(overlay.join("kustomization.yaml"), kustomization.to_string()).unwrap();
    let mut command = Command::new("kubectl");
    let output = command.args(["kustomize", "overlay"]).current_dir(root).output().unwrap();
    fs::remove_dir_all(overlay).unwrap();
    if is_made {
        fs::remove_file(made).unwrap();
    }
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    yaml::parse(&String::from_utf8(output.stdout).unwrap()).documents.iter().map(json).collect()
}

/// What Flux takes of a folder without a kustomization.
fn manifests(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && path.join("kustomization.yaml").exists() || name.ends_with(".yaml") {
            all.push(name);
        }
    }
    all.sort();
    all
}

fn values(spec: &Value, configs: &[Value]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut add = |data: &Value| {
        let entries = data.as_object().into_iter().flatten();
        all.extend(entries.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())));
    };
    for item in spec["postBuild"]["substituteFrom"].as_array().into_iter().flatten() {
        let found = configs.iter().find(|config| config["metadata"]["name"] == item["name"]);
        add(&found.unwrap()["data"]);
    }
    add(&spec["postBuild"]["substitute"]);
    all
}

/// What a ResourceSet makes.
fn expanded(object: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    let sets = object["kind"] == "ResourceSet";
    for input in object["spec"]["inputs"].as_array().into_iter().flatten().filter(|_| sets) {
        for resource in object["spec"]["resources"].as_array().unwrap() {
            let mut text = resource.to_string();
            for (name, value) in input.as_object().unwrap() {
                text = text.replace(&format!("<< inputs.{name} >>"), value.as_str().unwrap());
            }
            all.push(serde_json::from_str(&text).unwrap());
        }
    }
    all
}
