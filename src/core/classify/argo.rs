//! Patches of Argo CD Applications: whether all they ask for is a sync to what Git says.
//!
//! Fields: argo-cd, `pkg/apis/application/v1alpha1/types.go` (`Operation`, `SyncOperation`); options: `docs/user-guide/sync-options.md`.

use serde_json::{Map, Value};

/// Annotation that has Argo CD compare with Git again.
const REFRESH: &str = "argocd.argoproj.io/refresh";
/// Fields of an operation that say who asks and how often, beside the sync itself.
const BESIDE: [&str; 3] = ["initiatedBy", "info", "retry"];
/// Fields of a sync that choose among what Git says.
const CHOICES: [&str; 4] = ["prune", "dryRun", "resources", "autoHealAttemptsCount"];
/// Fields of a sync that put something else in the place of what the Application names.
const OTHERS: [&str; 5] = ["revision", "revisions", "source", "sources", "manifests"];
/// Options that say how objects are applied, not which, and that make none anew.
const OPTIONS: [&str; 12] = [
    "ApplyOutOfSyncOnly",
    "ClientSideApplyMigration",
    "CreateNamespace",
    "Delete",
    "FailOnSharedResource",
    "Prune",
    "PruneLast",
    "PrunePropagationPolicy",
    "RespectIgnoreDifferences",
    "ServerSideApply",
    "SkipDryRunOnMissingResource",
    "Validate",
];

/// Reads a patch of an Application, a merge patch or a list of operations (RFC 6902). Who initiated it, prune, dry run, a choice of
/// resources, retries and a refresh are a plain sync; another revision or source, manifests, and force are a change.
///
/// # Errors
/// What makes it more than a plain sync.
pub fn only_syncs(patch: &Value) -> Result<(), String> {
    match patch {
        Value::Object(merged) if !merged.is_empty() => {
            merged.iter().try_for_each(|(key, value)| match key.as_str() {
                "operation" => operation(value),
                "metadata" => metadata(value),
                other => Err(format!("it sets {other}")),
            })
        }
        Value::Array(listed) if !listed.is_empty() => listed.iter().try_for_each(one),
        _ => Err("the patch is not limited to an operation".to_owned()),
    }
}

/// One operation of a JSON patch.
fn one(step: &Value) -> Result<(), String> {
    let text = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default();
    let value = step.get("value").unwrap_or(&Value::Null);
    let annotation = text("path").strip_prefix("/metadata/annotations/").map(|key| key.replace("~1", "/"));
    match (text("op"), text("path"), annotation) {
        ("add" | "replace", "/operation", _) => operation(value),
        ("add" | "replace", _, Some(key)) => annotated(&key, value),
        (op, path, _) => Err(format!("it has {op} {path}")),
    }
}

/// Annotations alone; a version of the object may stand beside them.
fn metadata(value: &Value) -> Result<(), String> {
    object(value, "metadata")?.iter().try_for_each(|(key, value)| match key.as_str() {
        "annotations" => {
            object(value, "metadata.annotations")?.iter().try_for_each(|(key, value)| annotated(key, value))
        }
        "resourceVersion" => Ok(()),
        other => Err(format!("it sets metadata.{other}")),
    })
}

fn annotated(key: &str, value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some("normal" | "hard") if key == REFRESH => Ok(()),
        _ => Err(format!("it sets the annotation {key}")),
    }
}

fn operation(value: &Value) -> Result<(), String> {
    let fields = object(value, "operation")?;
    if !fields.contains_key("sync") {
        return Err("its operation is not a sync".to_owned());
    }
    fields.iter().try_for_each(|(key, value)| match key.as_str() {
        "sync" => object(value, "operation.sync")?.iter().try_for_each(|(key, value)| sync(key, value)),
        known if BESIDE.contains(&known) => Ok(()),
        other => Err(format!("it sets operation.{other}")),
    })
}

/// One field of a sync.
fn sync(key: &str, value: &Value) -> Result<(), String> {
    let plain = match key {
        "syncOptions" => {
            value.is_null() || value.as_array().is_some_and(|all| all.iter().all(is_plain_option))
        }
        "syncStrategy" => value.is_null() || is_plain_strategy(value),
        key if CHOICES.contains(&key) => true,
        key => OTHERS.contains(&key) && is_empty(value),
    };
    if plain { Ok(()) } else { Err(format!("it sets operation.sync.{key} beyond a plain sync")) }
}

/// True for a value that leaves the Application's own in its place.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn is_plain_option(option: &Value) -> bool {
    let Some((name, value)) = option.as_str().and_then(|text| text.split_once('=')) else { return false };
    OPTIONS.contains(&name) || (matches!(name, "Replace" | "Force") && value == "false")
}

/// With hooks or without, and without force.
fn is_plain_strategy(strategy: &Value) -> bool {
    let unforced = |value: &Value| {
        value.is_null()
            || value.as_object().is_some_and(|fields| {
                fields
                    .iter()
                    .all(|(key, value)| key == "force" && matches!(value, Value::Null | Value::Bool(false)))
            })
    };
    strategy.as_object().is_some_and(|fields| {
        fields.iter().all(|(key, value)| matches!(key.as_str(), "apply" | "hook") && unforced(value))
    })
}

fn object<'v>(value: &'v Value, name: &str) -> Result<&'v Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("its {name} is not an object"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(patch: &str) -> Result<(), String> {
        only_syncs(&serde_json::from_str(patch).unwrap())
    }

    #[test]
    fn a_plain_sync_is_one_however_it_is_written() {
        for patch in [
            r#"{"operation":{"sync":{}}}"#,
            r#"{"operation":{"initiatedBy":{"username":"me"},"info":[{"name":"a","value":"b"}],"retry":{"limit":3},"sync":{"prune":true,"dryRun":false}}}"#,
            r#"{"operation":{"sync":{"resources":[{"kind":"ConfigMap","name":"a"}],"autoHealAttemptsCount":1}}}"#,
            r#"{"operation":{"sync":{"revision":"","revisions":null,"sources":[],"manifests":[]}}}"#,
            r#"{"operation":{"sync":{"syncStrategy":{"hook":{}},"syncOptions":["CreateNamespace=true","Replace=false"]}}}"#,
            r#"{"operation":{"sync":{"syncStrategy":{"apply":{"force":false}},"syncOptions":null}}}"#,
            r#"{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"hard"},"resourceVersion":"7"}}"#,
            r#"{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}},"operation":{"sync":{}}}"#,
            r#"[{"op":"add","path":"/operation","value":{"sync":{"prune":true}}}]"#,
            r#"[{"op":"add","path":"/metadata/annotations/argocd.argoproj.io~1refresh","value":"normal"}]"#,
        ] {
            assert_eq!(read(patch), Ok(()), "{patch}");
        }
    }

    #[test]
    fn whatever_git_does_not_say_is_a_change_and_named() {
        for (patch, names) in [
            (r#"{"operation":{"sync":{"revision":"other"}}}"#, "operation.sync.revision"),
            (r#"{"operation":{"sync":{"revisions":["a"]}}}"#, "operation.sync.revisions"),
            (r#"{"operation":{"sync":{"sourcePositions":[1]}}}"#, "operation.sync.sourcePositions"),
            (r#"{"operation":{"sync":{"source":{"repoURL":"x"}}}}"#, "operation.sync.source"),
            (r#"{"operation":{"sync":{"source":{}}}}"#, "operation.sync.source"),
            (r#"{"operation":{"sync":{"sources":[{}]}}}"#, "operation.sync.sources"),
            (r#"{"operation":{"sync":{"manifests":["{}"]}}}"#, "operation.sync.manifests"),
            (r#"{"operation":{"sync":{"Manifests":[]}}}"#, "operation.sync.Manifests"),
            (
                r#"{"operation":{"sync":{"syncStrategy":{"apply":{"force":true}}}}}"#,
                "operation.sync.syncStrategy",
            ),
            (
                r#"{"operation":{"sync":{"syncStrategy":{"hook":{"force":true}}}}}"#,
                "operation.sync.syncStrategy",
            ),
            (
                r#"{"operation":{"sync":{"syncStrategy":{"hook":{"syncStrategyApply":{"force":true}}}}}}"#,
                "operation.sync.syncStrategy",
            ),
            (r#"{"operation":{"sync":{"syncOptions":["Replace=true"]}}}"#, "operation.sync.syncOptions"),
            (r#"{"operation":{"sync":{"syncOptions":["Force=true"]}}}"#, "operation.sync.syncOptions"),
            (r#"{"operation":{"sync":{"syncOptions":"PruneLast=true"}}}"#, "operation.sync.syncOptions"),
            (r#"{"operation":{"sync":{"$patch":"replace"}}}"#, "operation.sync.$patch"),
            (r#"{"operation":{"sync":null}}"#, "operation.sync"),
            (r#"{"operation":null}"#, "operation"),
            (r#"{"operation":{"initiatedBy":{"username":"me"}}}"#, "not a sync"),
            (r#"{"operation":{"sync":{},"rollback":{}}}"#, "operation.rollback"),
            (r#"{"operation":{"sync":{}},"spec":{"source":{}}}"#, "spec"),
            (r#"{"operation":{"sync":{}},"metadata":{"labels":{}}}"#, "metadata.labels"),
            (
                r#"{"metadata":{"annotations":{"argocd.argoproj.io/refresh":null}}}"#,
                "argocd.argoproj.io/refresh",
            ),
            (r#"{"metadata":{"annotations":{"x":"hard"}}}"#, "annotation x"),
            (
                r#"[{"op":"add","path":"/operation","value":{"sync":{"revision":"x"}}}]"#,
                "operation.sync.revision",
            ),
            (r#"[{"op":"add","path":"/operation/sync/revision","value":"x"}]"#, "/operation/sync/revision"),
            (r#"[{"op":"copy","from":"/spec","path":"/operation"}]"#, "copy /operation"),
            (
                r#"[{"op":"add","path":"/operation","value":{"sync":{}}},{"op":"remove","path":"/spec"}]"#,
                "remove /spec",
            ),
            ("{}", "not limited"),
            ("[]", "not limited"),
            ("3", "not limited"),
        ] {
            let why = read(patch).expect_err(patch);
            assert!(why.contains(names), "{patch}: {why}");
        }
    }
}
