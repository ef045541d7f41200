//! The flux program and `rwenv flux`, side by side in one cluster.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::world::{ALL, World};
use crate::flux_programs::flux_command_line;
use crate::support::Answer;

const MORE: &str = "
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: broken, namespace: flux-system}
spec: {path: ./nowhere, interval: 1h, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: waits, namespace: flux-system}
spec: {path: ./apps, interval: 1h, prune: true, dependsOn: [{name: broken}], sourceRef: {kind: GitRepository, name: flux-system}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: app}
spec: {interval: 1h, chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}, values: {greeting: hello}}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Provider
metadata: {name: chat, namespace: flux-system}
spec: {type: generic, address: \"http://127.0.0.1:9/\"}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Alert
metadata: {name: all, namespace: flux-system}
spec: {providerRef: {name: chat}, eventSources: [{kind: Kustomization, name: \"*\"}]}
";
const CHART: [(&str, &str); 3] = [
    ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
    ("charts/web/values.yaml", "greeting: hi\nname: web\n"),
    (
        "charts/web/templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Values.name }}\"}\ndata: {greeting: \"{{ .Values.greeting }}\"}\n",
    ),
];

/// A world with a release, an alert, and Kustomizations that do not get ready.
pub(crate) fn full() -> Option<World> {
    let world = super::world(&ALL)?;
    world.push(&CHART, "a chart");
    world.it.server.apply(MORE);
    assert_eq!(world.flux("rw", "reconcile-source flux-system").code, 0);
    world.it.until("the release is there", || world.it.ready("helmrelease/web", "app") == "True");
    world.it.until("what is broken fails", || world.it.ready("ks/broken", "flux-system") == "False");
    Some(world)
}

#[derive(Deserialize)]
struct Operations {
    operation: Vec<Operation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    flux: String,
    rwenv: String,
    #[serde(default)]
    before: Vec<String>,
    /// The flux program's status where ours is another on purpose.
    theirs: Option<i32>,
    why: Option<String>,
}

/// What one of the two did.
#[derive(Debug)]
struct Done {
    answer: Answer,
    /// What was patched, and how, the time left out.
    patches: BTreeSet<String>,
    calls: usize,
    took: Duration,
    /// What it asked for is done when it ends.
    handled: bool,
}

impl Operation {
    #[expect(clippy::disallowed_methods, reason = "a test measures other programs")]
    fn run(&self, world: &World, run: impl Fn() -> Answer) -> Done {
        for line in &self.before {
            let words: Vec<&str> = line.split(' ').collect();
            assert!(!world.it.server.kubectl(&words, "").is_empty(), "{line}");
        }
        let seen = world.it.server.requests().len();
        let start = Instant::now();
        let answer = run();
        let took = start.elapsed();
        let all = world.it.server.requests();
        let own = |event: &&Value| {
            let agent = event["userAgent"].as_str().unwrap_or_default();
            agent.starts_with("flux/") || agent.starts_with("rwenv/")
        };
        let own: Vec<&Value> = all[seen..].iter().filter(own).collect();
        let ids: BTreeSet<&str> = own.iter().filter_map(|event| event["auditID"].as_str()).collect();
        // An empty patch changes nothing.
        let patches =
            |event: &&&Value| event["verb"] == "patch" && event["requestObject"] != serde_json::json!({});
        let patched: Vec<&&Value> = own.iter().filter(patches).collect();
        let patches = patched.iter().map(|event| {
            let (of, mut said) = (&event["objectRef"], event["requestObject"].clone());
            if let Some(time) = said.pointer_mut("/metadata/annotations/reconcile.fluxcd.io~1requestedAt") {
                *time = "now".into();
            }
            format!("{} {}/{} {said}", of["resource"], of["namespace"], of["name"])
        });
        let patches = patches.collect();
        let handled = patched.iter().all(|event| {
            let of = |key: &str| event["objectRef"][key].as_str().unwrap_or_default().to_owned();
            let asked =
                event["requestObject"].pointer("/metadata/annotations/reconcile.fluxcd.io~1requestedAt");
            let object = format!("{}.{}/{}", of("resource"), of("apiGroup"), of("name"));
            let handled = || world.it.part(&object, &of("namespace"), "/status/lastHandledReconcileAt");
            asked.is_none_or(|asked| *asked == handled())
        });
        Done { answer, patches, calls: ids.len(), took, handled }
    }
}

#[test]
fn each_verb_does_what_the_flux_program_does() {
    let (Some(program), Some(world)) = (flux_command_line(), full()) else { return };
    let all: Operations = toml::from_str(include_str!("../../fixtures/real_flux.toml")).unwrap();
    let mut wrong = Vec::new();
    let (mut theirs, mut ours) = ((Duration::ZERO, 0), (Duration::ZERO, 0));
    for operation in &all.operation {
        let real = operation.run(&world, || world.real(&program, &operation.flux));
        let own = operation.run(&world, || world.flux("rw", &operation.rwenv));
        let waits = real.answer.code != 0;
        eprintln!(
            "{:6} {:6} ms {:3} {:3} calls  {}",
            real.took.as_millis(),
            own.took.as_millis(),
            real.calls,
            own.calls,
            operation.rwenv
        );
        assert_eq!(operation.theirs.is_some(), operation.why.is_some(), "{}", operation.rwenv);
        let status = match operation.theirs {
            Some(theirs) => real.answer.code == theirs && own.answer.code != theirs,
            None => real.answer.code == own.answer.code,
        };
        let same = status && real.patches == own.patches;
        if !same || (!waits && real.handled != own.handled) {
            wrong.push(format!("{} | {}:\n{real:#?}\n{own:#?}", operation.flux, operation.rwenv));
        }
        for (sum, done) in [(&mut theirs, &real), (&mut ours, &own)] {
            sum.0 += done.took;
            sum.1 += done.calls;
        }
    }
    eprintln!("flux {theirs:?}, rwenv {ours:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(ours.1 < theirs.1, "{ours:?} {theirs:?}");
}
