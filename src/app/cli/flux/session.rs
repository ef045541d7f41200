//! What every verb of `rwenv flux` begins with: the cluster that is meant, and the object.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::runtime::Runtime;

use super::args::ObjectArgs;
use crate::cli::shared::{ClusterArgs, period};
use crate::cli::{out, prompt};
use rwenv_flux::operate::{Flux, FluxError, Kind, LiveObject, kind_of};
use rwenv_gate::base::environment::Environment;

/// A runtime, and the Flux of the cluster that is meant.
pub(super) struct FluxSession {
    runtime: Runtime,
    pub(super) flux: Flux,
}

impl FluxSession {
    pub(super) fn open(cluster: &ClusterArgs, environment: &Environment) -> anyhow::Result<Self> {
        let rwenv = cluster.rwenv(environment)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let flux = runtime.block_on(Flux::open(&rwenv, environment))?;
        Ok(Self { runtime, flux })
    }

    pub(super) fn run<T>(&self, what: impl Future<Output = Result<T, FluxError>>) -> anyhow::Result<T> {
        Ok(self.runtime.block_on(what)?)
    }

    /// The one object that is meant, among kinds where none is named. A person is asked where several are.
    pub(super) fn one(&self, named: &ObjectArgs, kinds: &[&'static str]) -> anyhow::Result<LiveObject> {
        let (kind, name) = named.parts()?;
        let kinds: Vec<&'static Kind> = match kind {
            Some(kind) => vec![kind],
            None => kinds.iter().filter_map(|kind| kind_of(kind)).collect(),
        };
        let mut found = self.run(self.flux.find(&kinds, name, named.namespace.as_deref()))?;
        if found.len() > 1 {
            found = vec![chosen(name, found)?];
        }
        found.pop().with_context(|| format!("there is no '{name}'"))
    }
}

fn chosen(name: &str, mut found: Vec<LiveObject>) -> anyhow::Result<LiveObject> {
    let all: Vec<String> = found.iter().map(LiveObject::argument).collect();
    if !prompt::is_possible() {
        bail!(FluxError::Several { name: name.to_owned(), all });
    }
    for (number, object) in found.iter().enumerate() {
        out::note(&format!("  {} {}", number + 1, object.label()));
    }
    let answer = prompt::line(&format!("'{name}' is ambiguous; which"), "")?;
    let number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    match number.filter(|number| *number < found.len()) {
        Some(number) => Ok(found.swap_remove(number)),
        None => bail!(FluxError::Several { name: name.to_owned(), all }),
    }
}

/// The kind that a word stands for.
pub(super) fn known(word: &str) -> anyhow::Result<&'static Kind> {
    kind_of(word).with_context(|| {
        format!("'{word}' is not a Flux kind; use ks, hr, git, oci, helmrepo, chart or bucket, for example")
    })
}

impl ObjectArgs {
    /// The kind, where one is named, and the name.
    fn parts(&self) -> anyhow::Result<(Option<&'static Kind>, &str)> {
        let words: Vec<&str> = self.object.iter().map(String::as_str).collect();
        Ok(match words.as_slice() {
            [one] => match one.split_once('/') {
                Some((kind, name)) => (Some(known(kind)?), name),
                None => (None, one),
            },
            [kind, name] => (Some(known(kind)?), name),
            [first, second, name] => (Some(known(&format!("{first} {second}"))?), name),
            _ => bail!("name one object"),
        })
    }

    pub(super) fn limit(&self) -> anyhow::Result<Duration> {
        period(&self.timeout)
    }
}
