//! What there is in a repository, held against what kubectl renders of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use rwenv::catalog::kustomize::Builder;
use rwenv::host::content;
use rwenv::host::environment::Environment;
use rwenv::manifest::tree::{Tree, folder_of};
use rwenv::manifest::yaml;

/// Kind, namespace and name of everything.
type Names = BTreeSet<(String, String, String)>;

/// What `kubectl kustomize` renders of a folder; none where it gives up.
pub(crate) fn rendered(root: &Path, folder: &str) -> Result<Names, String> {
    let mut command = Command::new("kubectl");
    command.args(["kustomize", "--load-restrictor", "LoadRestrictionsNone", folder]).current_dir(root);
    let output = command
        .env("http_proxy", "http://127.0.0.1:9")
        .env("https_proxy", "http://127.0.0.1:9")
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let parsed = yaml::parse(&text);
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    let text = |node: &yaml::Node, path: &[&str]| node.str(path).unwrap_or_default().to_owned();
    Ok(parsed
        .documents
        .iter()
        .map(|d| (text(d, &["kind"]), text(d, &["metadata", "namespace"]), text(d, &["metadata", "name"])))
        .collect())
}

/// The same by us, with what is wrong.
pub(crate) fn ours(tree: &Tree, root: &Path, folder: &str) -> (Names, Vec<String>) {
    let read = |path: &str| content::bytes_of(root, path);
    let build = Builder::new(tree, &read).kustomize(folder);
    let names = build
        .resources
        .iter()
        .map(|r| (r.kind.to_string(), r.namespace().unwrap_or_default().to_owned(), r.name.to_string()))
        .collect();
    let told = |p: &rwenv::catalog::kustomize::Problem| {
        format!("{}:{}: {}", tree.file_of(p.at), p.at.line, p.message)
    };
    (names, build.problems.iter().map(told).collect())
}

#[test]
fn every_kustomization_of_the_bundled_repository_is_what_kubectl_renders() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/flux");
    let tree = content::tree_of(&root, &Environment::read()).unwrap();
    let names = tree.files.keys().filter(|path| path.ends_with("kustomization.yaml"));
    let folders: BTreeSet<&str> = names.map(|path| folder_of(path)).collect();
    assert!(folders.len() > 3);
    for folder in folders {
        let (found, problems) = ours(&tree, &root, folder);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(rendered(&root, folder).as_ref(), Ok(&found), "{folder}");
    }
}
