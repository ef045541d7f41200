//! Flux's own programs, and helm: built of their Go modules into the tests' cache, once. `tests/cluster/flux/go.mod` has their versions.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::fetched::cached;
use crate::support::{find, root, skip};

/// The packages that the programs are built of.
const PACKAGES: [(&str, &str); 5] = [
    ("source-controller", "github.com/fluxcd/source-controller"),
    ("kustomize-controller", "github.com/fluxcd/kustomize-controller"),
    ("helm-controller", "github.com/fluxcd/helm-controller"),
    ("notification-controller", "github.com/fluxcd/notification-controller"),
    ("helm", "helm.sh/helm/v4/cmd/helm"),
];
/// The module of the command line, of the same release as the controllers. It is built in itself: other modules' needs break it.
const COMMAND_LINE: &str = "github.com/fluxcd/flux2/v2@v2.9.5";

/// One of the controllers, or helm. It is built once, which takes some minutes. None where there is no Go, or its modules cannot be
/// had, which is said.
pub(crate) fn flux_program(name: &str) -> Option<PathBuf> {
    let package = PACKAGES.iter().find(|(program, _)| *program == name).unwrap().1;
    let lists =
        ["go.mod", "go.sum"].map(|list| fs::read(root().join("tests/cluster/flux").join(list)).unwrap());
    let mut hasher = DefaultHasher::new();
    lists.hash(&mut hasher);
    built(&format!("flux-{:x}", hasher.finish()), name, |folder| {
        for (list, text) in ["go.mod", "go.sum"].iter().zip(&lists) {
            fs::write(folder.join(list), text).map_err(|e| e.to_string())?;
        }
        if name.ends_with("-controller") {
            kinds(folder, name, package)?;
        }
        Ok((folder.to_owned(), package))
    })
}

/// The flux program. None as for the controllers.
pub(crate) fn flux_command_line() -> Option<PathBuf> {
    built(&COMMAND_LINE.replace(['/', '@'], "-"), "flux", |folder| {
        let mut go = Command::new("go");
        let output = said(go.args(["mod", "download", "-json", COMMAND_LINE]).current_dir(folder))?;
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
        let source = format!("{}/.", told["Dir"].as_str().ok_or("go says no folder")?);
        // It embeds a folder that its module lacks.
        let (copy, manifests) = (folder.join("module"), folder.join("module/cmd/flux/manifests"));
        fs::create_dir_all(&copy).map_err(|e| e.to_string())?;
        said(Command::new("cp").args(["-R", &source]).arg(&copy))?;
        said(Command::new("chmod").args(["-R", "u+w"]).arg(&copy))?;
        fs::create_dir_all(&manifests).map_err(|e| e.to_string())?;
        let none = "# Nothing is installed with it.\n";
        fs::write(manifests.join("none.yaml"), none).map_err(|e| e.to_string())?;
        Ok((copy, "./cmd/flux"))
    })
}

/// A program in a folder of the cache; `prepare` gives the folder where it is built, and the package.
fn built<'p>(
    cache: &str,
    name: &str,
    prepare: impl FnOnce(&Path) -> Result<(PathBuf, &'p str), String>,
) -> Option<PathBuf> {
    let there = |folder: &Path| folder.join(name).is_file();
    let folder = cached(cache, there, |folder| {
        find("go").ok_or("there is no Go to build it with")?;
        let (place, package) = prepare(folder)?;
        // Others may be busy with tests that look at the time.
        let partial = folder.join(format!("{name}.new"));
        let mut go = Command::new("nice");
        go.args(["go", "build", "-trimpath", "-ldflags=-s -w", "-o"]).arg(&partial).arg(package);
        said(go.current_dir(place).env("CGO_ENABLED", "0"))?;
        fs::rename(partial, folder.join(name)).map_err(|e| e.to_string())
    });
    let folder = folder.inspect_err(|why| skip(&format!("{name} of Flux is not to be had: {why}")));
    folder.ok().map(|folder| folder.join(name))
}

/// The kinds of a controller, as manifests.
pub(crate) fn kinds_of(controller: &Path) -> String {
    fs::read_to_string(controller.with_extension("kinds.yaml")).unwrap()
}

/// The output of a program that works; what it says on standard error where it does not.
fn said(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|e| e.to_string())?;
    let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    output.status.success().then_some(output).ok_or(error)
}

/// Writes the kinds that a controller's module has.
fn kinds(folder: &Path, name: &str, module: &str) -> Result<(), String> {
    let mut go = Command::new("go");
    said(go.args(["mod", "download", module]).current_dir(folder))?;
    let mut go = Command::new("go");
    let output = said(go.args(["list", "-m", "-f", "{{.Dir}}", module]).current_dir(folder))?;
    let bases = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).join("config/crd/bases");
    let files = fs::read_dir(&bases).map_err(|e| format!("{}: {e}", bases.display()))?;
    let mut paths: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    paths.sort();
    let texts: Result<Vec<String>, _> = paths.iter().map(fs::read_to_string).collect();
    let all = texts.map_err(|e| e.to_string())?.join("\n---\n");
    fs::write(folder.join(name).with_extension("kinds.yaml"), all).map_err(|e| e.to_string())
}
