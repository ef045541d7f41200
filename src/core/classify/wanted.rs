//! A command of kubectl's that changes fields of one object, as the fields it wants: what a change of the manifest would be.

use serde_json::Value;

use super::arguments::{Arguments, Lists, Spelling, parse};
use super::verb::find_verb;
use crate::model::{FieldStep, Invocation, Operation, WantedField, Word};

/// Flags that say nothing about what is changed.
const BESIDE: [&str; 11] = [
    "-n",
    "--namespace",
    "--context",
    "--kubeconfig",
    "-o",
    "--output",
    "--overwrite",
    "--field-manager",
    "--record",
    "--timeout",
    "--request-timeout",
];
/// Lists whose items have names, by which a patch finds them (`patchMergeKey` of the API's types).
const NAMED: [&str; 5] = ["containers", "initContainers", "env", "volumes", "imagePullSecrets"];
/// Most fields that one command changes.
const MOST: usize = 16;

/// The fields that a call of kubectl wants in the one object it names.
///
/// # Errors
/// Where it is no such call, or more than fields; why.
pub fn wanted(invocation: &Invocation, operation: &Operation) -> Result<Vec<WantedField>, String> {
    let tool = super::tools().tool("kubectl").filter(|_| operation.tool == "kubectl");
    let tool = tool.ok_or_else(|| format!("{} is not a command of kubectl", operation.called()))?;
    let words = invocation.argv.get(1..).unwrap_or_default();
    let program = operation.called();
    let found = find_verb(words, (tool, program))?.ok_or("it has no verb")?;
    let args = parse(&found.1, Lists(&[found.0.flags(), tool.globals]), Spelling::Exact);
    let verb = operation.verb.as_str();
    let own: &[&str] = match verb {
        "scale" => &["--replicas"],
        "patch" => &["-p", "--patch", "--type"],
        "set env" => &["-c", "--containers"],
        "set image" | "annotate" | "label" | "rollout restart" => &[],
        _ => {
            return Err(format!(
                "kubectl {verb} is not one of scale, set image, set env, annotate, label, patch and rollout restart"
            ));
        }
    };
    let other = args.flags.iter().find(|flag| !BESIDE.contains(&&*flag.name) && !own.contains(&&*flag.name));
    if let Some(flag) = other {
        return Err(format!("{} is more than a change of fields", flag.name));
    }
    if words.iter().any(|word| word.as_literal().is_none()) {
        return Err("a word of it is not known".to_owned());
    }
    let fields = match verb {
        "scale" => replicas(&args)?,
        "patch" => patch(&args)?,
        "set env" => pairs(&args)?.into_iter().flat_map(|pair| variable(&pair, &args)).collect(),
        "set image" => pairs(&args)?.into_iter().map(|pair| image(&pair)).collect(),
        "rollout restart" => vec![in_template("kubectl.kubernetes.io/restartedAt", String::new())],
        "label" => metadata(&args, "labels")?,
        _ => metadata(&args, "annotations")?,
    };
    match fields.len() {
        0 => Err("it changes no field".to_owned()),
        count if count > MOST => Err(format!("it changes more than {MOST} fields")),
        _ => Ok(fields),
    }
}

/// True for the field that a restart sets, whose value is the time.
#[must_use]
pub fn is_restart(field: &WantedField) -> bool {
    field.value.is_empty()
        && field.path.last() == Some(&FieldStep::Key("kubectl.kubernetes.io/restartedAt".to_owned()))
}

fn given<'a>(args: &'a Arguments, names: &[&str]) -> Option<&'a str> {
    args.value(names)?.value.as_ref().and_then(Word::as_literal)
}

fn replicas(args: &Arguments) -> Result<Vec<WantedField>, String> {
    let count = given(args, &["--replicas"]).filter(|text| text.parse::<u32>().is_ok());
    let count = count.ok_or("--replicas says no number")?;
    Ok(vec![WantedField::of(&["spec", "replicas"], count, false)])
}

/// The words `key=value`; one that removes a key is not one.
fn pairs(args: &Arguments) -> Result<Vec<(String, String)>, String> {
    let words = args.rest.iter().filter_map(Word::as_literal);
    let mut all = Vec::new();
    for word in words {
        if let Some((key, value)) = word.split_once('=') {
            all.push((key.to_owned(), value.to_owned()));
        } else if word.ends_with('-') {
            return Err(format!("'{word}' removes a key"));
        }
    }
    Ok(all)
}

fn metadata(args: &Arguments, list: &str) -> Result<Vec<WantedField>, String> {
    let all = pairs(args)?.into_iter();
    Ok(all.map(|(key, value)| WantedField::of(&["metadata", list, &key], value, true)).collect())
}

fn in_template(annotation: &str, value: String) -> WantedField {
    WantedField::of(&["spec", "template", "metadata", "annotations", annotation], value, true)
}

/// A field of a container; `*` stands for all of them.
fn in_container(name: &str, rest: &[FieldStep], value: &str) -> WantedField {
    let mut field = WantedField::of(&["spec", "template", "spec", "containers"], value, true);
    field.path.push(if name == "*" { FieldStep::Every } else { FieldStep::Named(name.to_owned()) });
    field.path.extend_from_slice(rest);
    field
}

fn image((container, image): &(String, String)) -> WantedField {
    in_container(container, &[FieldStep::Key("image".to_owned())], image)
}

fn variable((name, value): &(String, String), args: &Arguments) -> Vec<WantedField> {
    let rest = [
        FieldStep::Key("env".to_owned()),
        FieldStep::Named(name.clone()),
        FieldStep::Key("value".to_owned()),
    ];
    let containers = given(args, &["-c", "--containers"]).unwrap_or("*");
    containers.split(',').map(|container| in_container(container, &rest, value)).collect()
}

fn patch(args: &Arguments) -> Result<Vec<WantedField>, String> {
    let text = given(args, &["-p", "--patch"]).ok_or("the patch is not in the command")?;
    let value: Value = serde_json::from_str(text).map_err(|_| "the patch is not JSON")?;
    let mut all = Vec::new();
    if given(args, &["--type"]) == Some("json") {
        for step in value.as_array().ok_or("the patch is not a list of steps")? {
            all.push(json_step(step)?);
        }
    } else {
        let merges = given(args, &["--type"]) == Some("merge");
        leaves(&value, &mut Vec::new(), merges, &mut all)?;
    }
    Ok(all)
}

/// A step of a JSON patch (RFC 6902) that gives a field a value.
fn json_step(step: &Value) -> Result<WantedField, String> {
    let text = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default();
    if !matches!(text("op"), "replace" | "add") {
        return Err(format!("a step of the patch is '{}'", text("op")));
    }
    let keys = text("path").strip_prefix('/').ok_or("a path of the patch is not one")?.split('/');
    let path = keys.map(|key| {
        let key = key.replace("~1", "/").replace("~0", "~");
        key.parse().map_or(FieldStep::Key(key), FieldStep::Item)
    });
    let path: Vec<FieldStep> = path.collect();
    if path.last() == Some(&FieldStep::Key("-".to_owned())) {
        return Err("a step of the patch adds an item".to_owned());
    }
    let (value, is_text) = scalar(step.get("value").unwrap_or(&Value::Null))?;
    Ok(WantedField { path, value, is_text })
}

fn scalar(value: &Value) -> Result<(String, bool), String> {
    match value {
        Value::String(text) => Ok((text.clone(), true)),
        Value::Bool(_) | Value::Number(_) => Ok((value.to_string(), false)),
        Value::Null => Err("the patch removes a field".to_owned()),
        Value::Array(_) | Value::Object(_) => Err("the patch sets a list or a mapping".to_owned()),
    }
}

/// The scalars of a merge patch. Lists whose items have names are merged by them, but for a JSON merge patch (RFC 7386).
fn leaves(
    value: &Value,
    path: &mut Vec<FieldStep>,
    merges: bool,
    out: &mut Vec<WantedField>,
) -> Result<(), String> {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key.starts_with('$') {
                    return Err(format!("the patch has a directive ({key})"));
                }
                path.push(FieldStep::Key(key.clone()));
                leaves(value, path, merges, out)?;
                path.pop();
            }
            Ok(())
        }
        Value::Array(items) => {
            let named = |step: Option<&FieldStep>| matches!(step, Some(FieldStep::Key(key)) if NAMED.contains(&key.as_str()));
            if merges || !named(path.last()) {
                return Err("the patch sets a list".to_owned());
            }
            for item in items {
                let name =
                    item.get("name").and_then(Value::as_str).ok_or("an item of the patch has no name")?;
                path.push(FieldStep::Named(name.to_owned()));
                let fields = item.as_object().into_iter().flatten().filter(|(key, _)| *key != "name");
                for (key, value) in fields {
                    path.push(FieldStep::Key(key.clone()));
                    leaves(value, path, merges, out)?;
                    path.pop();
                }
                path.pop();
            }
            Ok(())
        }
        value => {
            let (value, is_text) = scalar(value)?;
            out.push(WantedField { path: path.clone(), value, is_text });
            Ok(())
        }
    }
}
