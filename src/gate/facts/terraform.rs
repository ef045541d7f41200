//! What Terraform has made: a file that git is told to ignore is as Git's configuration has it where Terraform's state says so, and the
//! state is no older than the configuration.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::base::environment::Environment;
use crate::facts::git::{MOST_FILES, age, run};
use rwenv_core::model::Pushed;

/// Largest state that is read, in bytes.
const LARGEST: u64 = 32 << 20;
/// Kinds of resources that write a file on this machine.
const FILES: [&str; 2] = ["local_file", "local_sensitive_file"];

/// The folder of the configuration that a file lies in or below; no further up than the repository.
pub(super) fn folder_of(file: &Path) -> Option<&Path> {
    let mut folders = file.ancestors().skip(1);
    let mut within = true;
    folders.by_ref().take_while(|folder| std::mem::replace(&mut within, !folder.join(".git").exists())).find(
        |folder| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
            entries
                .map(name)
                .any(|name| [".tf", ".tofu", ".tf.json", ".tofu.json"].iter().any(|end| name.ends_with(end)))
        },
    )
}

/// The state of a folder's configuration, in the workspace that is chosen there, where it is kept on this machine.
fn state_file(folder: &Path) -> PathBuf {
    let chosen = fs::read_to_string(folder.join(".terraform/environment")).unwrap_or_default();
    match chosen.trim() {
        "" | "default" => folder.join("terraform.tfstate"),
        workspace => folder.join("terraform.tfstate.d").join(workspace).join("terraform.tfstate"),
    }
}

#[derive(Deserialize)]
struct TerraformState {
    resources: Vec<TerraformResource>,
}

#[derive(Deserialize)]
struct TerraformResource {
    r#type: String,
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    #[serde(default)]
    attributes: serde_json::Value,
}

/// Whether a file that git ignores is what Terraform's state says, and the state what the configuration says. Where no state on this
/// machine knows the file, nobody can tell.
pub(super) fn made(file: &Path, folder: &Path, environment: &Environment) -> Pushed {
    let path = state_file(folder);
    let small = fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
    let state = small.then(|| fs::read(&path).ok()).flatten();
    let Some(TerraformState { resources }) = state.and_then(|bytes| serde_json::from_slice(&bytes).ok())
    else {
        return Pushed::Generated;
    };
    let (Ok(real), Ok(bytes)) = (fs::canonicalize(file), fs::read(file)) else { return Pushed::Generated };
    let is_it = |instance: &Instance| {
        let name = instance.attributes.get("filename").and_then(serde_json::Value::as_str);
        name.is_some_and(|name| fs::canonicalize(folder.join(name)).is_ok_and(|known| known == real))
    };
    let files = resources.iter().filter(|resource| FILES.contains(&resource.r#type.as_str()));
    let Some(known) = files.flat_map(|resource| &resource.instances).find(|instance| is_it(instance)) else {
        return Pushed::Generated;
    };
    let shown = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let again = |why: String| {
        Pushed::No(format!("{why}; run terraform -chdir={} apply, then this again", folder.display()))
    };
    let text = |key: &str| known.attributes.get(key).and_then(serde_json::Value::as_str);
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let same = match (text("content_sha256"), text("content")) {
        (Some(known), _) => known == digest,
        (None, Some(content)) => content.as_bytes() == bytes,
        (None, None) => return Pushed::Generated,
    };
    if !same {
        return again(format!("{} is not what the last terraform apply made", shown(file)));
    }
    let Some(written) = age(&path) else { return Pushed::Generated };
    let dir = folder.to_str().unwrap_or_default();
    let files = run(dir, &["ls-files", "-z"], environment).unwrap_or_default();
    let newer = |name: &&str| age(&folder.join(name)).is_some_and(|changed| written < changed);
    match files.split('\0').filter(|name| !name.is_empty()).take(MOST_FILES).find(newer) {
        Some(name) => again(format!("the state of terraform is older than {name}")),
        None => Pushed::Yes,
    }
}
