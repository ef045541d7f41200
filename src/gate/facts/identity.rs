//! Which cluster a context leads to, and as whom, read from kubeconfigs as kubectl puts them together: of one name, the first counts.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::base::environment::Environment;
use crate::base::files;
use crate::facts::{certificate, guarded, kubeconfig};
use rwenv_core::manifest::yaml::{self, Node};
use rwenv_core::model::{ClusterIdentity, SeenContext, UserIdentity, UserKind};

/// Characters of a digest that are kept: enough to tell things apart, too few to be worth anything else.
const DIGEST: usize = 32;

/// A kubeconfig, read.
struct KubeconfigFile {
    path: PathBuf,
    root: Node,
}

/// The files that are there, and are kubeconfigs as far as they can be read.
fn read(paths: &[PathBuf]) -> Vec<KubeconfigFile> {
    let read = |path: &PathBuf| {
        let text = files::read(path).ok().flatten()?;
        let root = yaml::parse(&text).documents.into_iter().next()?;
        Some(KubeconfigFile { path: path.clone(), root })
    };
    paths.iter().filter_map(read).collect()
}

/// The names of the contexts in these files.
#[must_use]
pub fn contexts(paths: &[PathBuf]) -> Vec<String> {
    names(&read(paths))
}

fn names(all: &[KubeconfigFile]) -> Vec<String> {
    let entries = all.iter().flat_map(|file| file.root.get("contexts").map_or(&[][..], Node::items));
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.str(&["name"])).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

/// Where a context leads in these files; none: the current one.
#[must_use]
pub fn seen(paths: &[PathBuf], context: Option<&str>, environment: &Environment) -> SeenContext {
    let all = read(paths);
    if all.is_empty() {
        return SeenContext::NoFile;
    }
    let current =
        || all.iter().find_map(|file| file.root.str(&["current-context"]).filter(|c| !c.is_empty()));
    let nowhere = || SeenContext::Missing(Vec::new());
    let Some(context) = context.or_else(current) else { return nowhere() };
    let Some((_, found)) = named(&all, "contexts", "context", context) else {
        return SeenContext::Missing(names(&all));
    };
    let Some(name) = found.str(&["cluster"]) else { return nowhere() };
    let Some((file, cluster)) = named(&all, "clusters", "cluster", name) else { return nowhere() };
    let Some(server) = cluster.str(&["server"]) else { return nowhere() };
    let server = server.trim_end_matches('/').to_ascii_lowercase();
    if let Some(rwenv) = guard(&file.path, environment)
        && rwenv == name
        && server.starts_with("https://127.0.0.1:")
    {
        return SeenContext::Guarded(rwenv.to_owned());
    }
    let user = found.str(&["user"]).and_then(|user| named(&all, "users", "user", user));
    SeenContext::Cluster(ClusterIdentity {
        server,
        tls_server_name: cluster.str(&["tls-server-name"]).filter(|n| !n.is_empty()).map(str::to_owned),
        authority: material(cluster, "certificate-authority", file).map(|text| {
            let bare: String = text.split_whitespace().collect();
            digest([bare.as_str()])
        }),
        user: user.and_then(|(file, user)| identity(user, file)),
    })
}

/// The rwenv whose side of the API guard a kubeconfig is.
fn guard<'p>(path: &'p Path, environment: &Environment) -> Option<&'p str> {
    let name = path.file_stem().and_then(|name| name.to_str())?;
    (path == guarded::kubeconfig(name, environment)).then_some(name)
}

/// The first entry of this name in one of the lists, and the file it is in.
fn named<'a>(
    all: &'a [KubeconfigFile],
    list: &str,
    inner: &str,
    name: &str,
) -> Option<(&'a KubeconfigFile, &'a Node)> {
    all.iter().find_map(|file| {
        let entries = file.root.get(list)?.items();
        let entry = entries.iter().find(|entry| entry.str(&["name"]) == Some(name))?;
        Some((file, entry.get(inner)?))
    })
}

/// A text that stands in the kubeconfig in base64 (`…-data`), or in a file that it names.
fn material(of: &Node, key: &str, file: &KubeconfigFile) -> Option<String> {
    let data = of.str(&[&format!("{key}-data")]).filter(|data| !data.is_empty());
    if let Some(data) = data {
        return String::from_utf8(certificate::decoded(data)?).ok();
    }
    let path = of.str(&[key]).filter(|path| !path.is_empty())?;
    files::read(&beside(path, &file.path)).ok().flatten()
}

/// A path of a kubeconfig: seen from the folder it is in.
fn beside(path: &str, kubeconfig: &Path) -> PathBuf {
    kubeconfig.parent().map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
}

/// The plugin that makes a context's credentials, where it is named by a path beside the kubeconfig: as it is written, and whole.
#[must_use]
pub fn plugin(paths: &[PathBuf], context: &str) -> Option<(String, String)> {
    let all = read(paths);
    let (_, found) = named(&all, "contexts", "context", context)?;
    let (file, user) = named(&all, "users", "user", found.str(&["user"])?)?;
    let written = user.str(&["exec", "command"]).filter(|command| command.contains('/'))?;
    let whole = whole(written, &file.path);
    (whole != written).then(|| (written.to_owned(), whole))
}

/// The client certificate of a context and its key, in PEM.
#[must_use]
pub fn client_certificate(paths: &[PathBuf], context: &str) -> Option<(String, String)> {
    let all = read(paths);
    let (_, found) = named(&all, "contexts", "context", context)?;
    let (file, user) = named(&all, "users", "user", found.str(&["user"])?)?;
    Some((material(user, "client-certificate", file)?, material(user, "client-key", file)?))
}

/// A path of a kubeconfig, from the root.
fn whole(path: &str, kubeconfig: &Path) -> String {
    rwenv_core::model::normalize(&beside(path, kubeconfig).display().to_string())
}

/// Who a user of a kubeconfig is.
fn identity(user: &Node, file: &KubeconfigFile) -> Option<UserIdentity> {
    let is = |kind: UserKind, digest: String| Some(UserIdentity { kind, digest });
    if let Some(exec) = user.get("exec").filter(|exec| !exec.is_null()) {
        return is(UserKind::Exec, program(exec, file));
    }
    if let Some(pem) = material(user, "client-certificate", file) {
        let subject = certificate::subject(&pem).unwrap_or_else(|| pem.into_bytes());
        return is(UserKind::Certificate, digest_of(&[&subject]));
    }
    let text = |key: &str| user.str(&[key]).filter(|text| !text.is_empty());
    if let Some(token) = text("token").or_else(|| text("tokenFile")) {
        return is(UserKind::Token, digest([token]));
    }
    let provider = || user.str(&["auth-provider", "name"]);
    text("username").or_else(provider).and_then(|name| is(UserKind::Other, digest([name])))
}

/// The digest of a program that makes credentials: its command as it is found from anywhere, arguments and variables.
fn program(exec: &Node, file: &KubeconfigFile) -> String {
    let command = exec.str(&["command"]).unwrap_or_default();
    let command = if command.contains('/') { whole(command, &file.path) } else { command.to_owned() };
    let mut words = vec![command];
    words.extend(
        exec.get("args").map_or(&[][..], Node::items).iter().filter_map(Node::text).map(str::to_owned),
    );
    let variables = exec.get("env").map_or(&[][..], Node::items).iter();
    let variable = |entry: &Node| {
        let of = |key: &str| entry.str(&[key]).unwrap_or_default();
        format!("\n{}={}", of("name"), of("value"))
    };
    words.extend(variables.map(variable));
    digest(words.iter().map(String::as_str))
}

fn digest<'t>(words: impl IntoIterator<Item = &'t str>) -> String {
    let words: Vec<&[u8]> = words.into_iter().map(str::as_bytes).collect();
    digest_of(&words)
}

fn digest_of(words: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word);
        hash.update([0]);
    }
    let mut text: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(DIGEST);
    text
}

/// Where the contexts of a rwenv lead now, as far as they can be seen from here: each with its context.
#[must_use]
pub fn of_rwenv(rwenv: &rwenv_core::model::Rwenv, environment: &Environment) -> Vec<(String, SeenContext)> {
    let named = rwenv.places.iter().filter_map(|place| Some((place, place.kubernetes_context.clone()?)));
    named
        .map(|(place, context)| {
            let files = kubeconfig::of_place(place.kubeconfig_path.as_deref(), environment);
            let found = seen(&files, Some(&context), environment);
            (context, found)
        })
        .collect()
}
