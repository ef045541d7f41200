//! What is shown of answers about Secrets: no value, wherever it stands. Values stand in the data, in annotations that hold the whole
//! object, and in error texts that quote it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use super::meaning::{Mask, Meaning};
use super::reply::reason;
use super::request::{Method, Refusal};
use rwenv_core::classify;
use rwenv_core::model::glob;

/// What stands in the place of a text.
const WITHHELD: &str = "withheld by the API guard";
/// Fields of a status that quote nothing (meta/v1, `Status`).
const PLAIN: [&str; 5] = ["kind", "apiVersion", "status", "reason", "code"];
/// The same for its details.
const DETAILS: [&str; 5] = ["name", "group", "kind", "uid", "retryAfterSeconds"];

/// Replaces the values of all Secrets in an answer, wherever they stand in it, and all texts that may quote them.
pub(super) fn mask(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(object) if is_status(object) => withhold_texts(value),
        Value::Object(object) => {
            for key in ["data", "stringData"] {
                let Some(Value::Object(data)) = object.get_mut(key) else { continue };
                for (_, value) in data.iter_mut() {
                    if let Value::String(text) = value {
                        *text = if key == "data" { masked(text) } else { hidden(text) };
                    }
                }
            }
            let annotations = object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
            if let Some(Value::Object(annotations)) = annotations {
                mask_annotations(annotations);
            }
            inner(object, mask);
        }
        _ => {}
    }
}

/// Replaces the texts of every status in an answer, and nothing else.
pub(super) fn withhold_texts(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(withhold_texts),
        Value::Object(object) if is_status(object) => *value = withheld(object, None),
        Value::Object(object) => inner(object, withhold_texts),
        _ => {}
    }
}

/// What stands in lists, tables and events of watches.
fn inner(object: &mut Map<String, Value>, change: fn(&mut Value)) {
    for key in ["items", "rows", "object"] {
        if let Some(inner) = object.get_mut(key) {
            change(inner);
        }
    }
}

fn is_status(object: &Map<String, Value>) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Status")
}

/// A failure in the API server's form, without its texts: `body` is what the server said, as far as it can be read.
pub(super) fn failure(code: u16, body: &[u8]) -> Value {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let empty = Map::new();
    let object = said.as_object().filter(|object| is_status(object)).unwrap_or(&empty);
    withheld(object, Some(code))
}

/// A status without its texts; `failed` is the code of a failure, where the status does not say so itself.
fn withheld(status: &Map<String, Value>, failed: Option<u16>) -> Value {
    let mut out = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {} });
    let known = |from: &Map<String, Value>, keys: &[&str]| -> Map<String, Value> {
        let plain = |value: &Value| value.is_string() || value.is_number();
        let of = |key: &&str| Some(((*key).to_owned(), from.get(*key).filter(|value| plain(value))?.clone()));
        keys.iter().filter_map(of).collect()
    };
    let kept = known(status, &PLAIN);
    if let Some(object) = out.as_object_mut() {
        if let Some(code) = failed {
            object.insert("status".to_owned(), "Failure".into());
            object.insert("reason".to_owned(), reason(code).into());
            object.insert("code".to_owned(), code.into());
        }
        object.extend(kept);
        if let Some(details) = status.get("details").and_then(Value::as_object) {
            let mut kept = known(details, &DETAILS);
            let causes = details.get("causes").and_then(Value::as_array).into_iter().flatten();
            let causes: Vec<Value> = causes
                .filter_map(Value::as_object)
                .map(|cause| {
                    let mut kept = known(cause, &["reason", "field"]);
                    kept.insert("message".to_owned(), WITHHELD.into());
                    kept.into()
                })
                .collect();
            if !causes.is_empty() {
                kept.insert("causes".to_owned(), causes.into());
            }
            object.insert("details".to_owned(), kept.into());
        }
        let texts = status.get("message").and_then(Value::as_str).filter(|text| !text.is_empty());
        if texts.is_some() || failed.is_some() {
            let message =
                texts.filter(|text| is_authorization(text)).map_or_else(|| message(object), str::to_owned);
            object.insert("message".to_owned(), message.into());
        }
    }
    out
}

/// True for the API server's own words about who may do what, which it says before it has read an object
/// (k8s.io/apiserver, `endpoints/handlers/responsewriters/errors.go`).
fn is_authorization(message: &str) -> bool {
    let rest = message.split_once(" is forbidden: User \"").filter(|(start, _)| start.starts_with("secrets"));
    let words = rest.and_then(|(_, rest)| rest.split_once("\" cannot ")).map(|(_, words)| words);
    words
        .and_then(|words| words.split_once(' '))
        .is_some_and(|(_, of)| of.starts_with("resource \"secrets\" in API group"))
}

/// What can be said of a status whose own words are not shown.
fn message(status: &Map<String, Value>) -> String {
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let details = status.get("details").cloned().unwrap_or_default();
    let reason = status.get("reason").and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (text(&details, "kind"), text(&details, "name"));
    let what = match (kind.as_str(), name.as_str()) {
        ("", _) => "secrets".to_owned(),
        (kind, "") => kind.to_owned(),
        (kind, name) => format!("{kind} \"{name}\""),
    };
    let said = match reason {
        // These two quote nothing.
        "NotFound" => return format!("{what} not found"),
        "AlreadyExists" => return format!("{what} already exists"),
        "Conflict" => "was changed by others, or its fields are theirs".to_owned(),
        "Invalid" => "is invalid".to_owned(),
        "Forbidden" => "is forbidden".to_owned(),
        "" => "was answered with a status".to_owned(),
        other => format!("was answered with {other}"),
    };
    let causes = details.get("causes").and_then(Value::as_array).into_iter().flatten();
    let mut fields: Vec<String> =
        causes.map(|cause| text(cause, "field")).filter(|field| !field.is_empty()).collect();
    fields.dedup();
    let fields = if fields.is_empty() { String::new() } else { format!(" (field: {})", fields.join(", ")) };
    format!(
        "{what} {said}{fields}. The API guard withholds the cluster's own words, because they may quote the Secret's values; a person sees them with the cluster's own kubeconfig."
    )
}

/// Replaces the values of annotations: whatever is not known to be a setting may hold the whole object.
fn mask_annotations(annotations: &mut Map<String, Value>) {
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    let shown = classify::tools().programs.secret_annotations;
    for (key, value) in annotations.iter_mut() {
        let Value::String(text) = value else { continue };
        let harmless = text.is_empty() || matches!(text.as_str(), "true" | "false");
        if !harmless && !shown.iter().any(|pattern| glob(pattern, key)) {
            *text = format!("(masked, {} bytes)", text.len());
        }
    }
}

/// Shortest masked value that is told from one that somebody has chosen.
const TELLING: usize = 3;

/// Refuses a Secret with values that were masked here: half a Secret is not written back as a whole one.
pub(super) fn written_back(meaning: &Meaning, method: Method, body: &[u8]) -> Option<Refusal> {
    let writes = matches!(method, Method::Post | Method::Put | Method::Patch);
    if !writes || meaning.mask == Mask::Nothing {
        return None;
    }
    let secret: Value = serde_json::from_slice(body).ok()?;
    let values = |key: &str| secret.get(key).and_then(Value::as_object).into_iter().flatten();
    let plain = |text: &str| text.len() >= TELLING && text.bytes().all(|byte| byte == b'*');
    let (key, _) = values("data")
        .find(|(_, value)| {
            let decoded = value.as_str().and_then(|text| BASE64.decode(text).ok());
            decoded.and_then(|bytes| String::from_utf8(bytes).ok()).is_some_and(|text| plain(&text))
        })
        .or_else(|| values("stringData").find(|(_, value)| value.as_str().is_some_and(plain)))?;
    Some(Refusal {
        code: 403,
        why: format!(
            "'{key}' of this Secret has the value it was masked with, which would replace the real one"
        ),
    })
}

/// A value of which only the length is left.
fn hidden(text: &str) -> String {
    "*".repeat(text.len())
}

/// Base64 of as many asterisks as there were bytes.
fn masked(text: &str) -> String {
    let length = BASE64.decode(text).map_or(text.len(), |bytes| bytes.len());
    BASE64.encode(vec![b'*'; length])
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTES: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{"x":"hunter2"},"status":"Failure","message":"it has hunter2","reason":"Invalid","code":422,"details":{"name":"db","kind":"secrets","hunter2":"hunter2","causes":[{"reason":"FieldValueInvalid","message":"hunter2","field":"patch"}]}}"#;

    #[test]
    fn a_status_is_shown_without_its_words_wherever_it_stands() {
        let event = format!(r#"{{"type":"ERROR","object":{QUOTES}}}"#);
        let list = format!(r#"{{"kind":"List","items":[{QUOTES}]}}"#);
        let success = QUOTES.replace("Failure", "Success").replace("422", "200");
        for text in [QUOTES, &event, &list, &success] {
            for change in [mask, withhold_texts] {
                let mut value: Value = serde_json::from_str(text).unwrap();
                change(&mut value);
                let said = value.to_string();
                assert!(!said.contains("hunter2"), "{said}");
                for kept in
                    ["\"Invalid\"", "\"code\"", "\"FieldValueInvalid\"", "\"patch\"", "\"db\"", "withholds"]
                {
                    assert!(said.contains(kept), "{kept}: {said}");
                }
            }
        }
        let mut plain: Value =
            serde_json::from_str(r#"{"kind":"Status","status":"Success","details":{"name":"db"}}"#).unwrap();
        mask(&mut plain);
        assert!(plain.get("message").is_none(), "where nothing was said, nothing is withheld: {plain}");
    }

    #[test]
    fn a_failure_that_is_no_status_becomes_one() {
        for body in ["hunter2", "", "[]", "{\"kind\":\"Secret\",\"data\":{\"p\":\"hunter2\"}}", "\"hunter2\""]
        {
            let told = failure(500, body.as_bytes());
            assert_eq!(
                (&told["kind"], &told["code"], &told["reason"]),
                (&"Status".into(), &500.into(), &"InternalError".into())
            );
            assert!(!told.to_string().contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn words_about_rights_are_shown_and_those_that_only_look_so_are_not() {
        let told = |message: &str| {
            let status = json!({"kind": "Status", "status": "Failure", "message": message, "reason": "Forbidden", "code": 403});
            failure(403, status.to_string().as_bytes())["message"].as_str().unwrap().to_owned()
        };
        let rights = "secrets \"db\" is forbidden: User \"robot\" cannot patch resource \"secrets\" in API group \"\" in the namespace \"app\"";
        assert_eq!(told(rights), rights);
        for other in [
            "admission webhook \"x\" denied the request: hunter2",
            "secrets \"db\" is forbidden: ValidatingAdmissionPolicy 'x' denied request: hunter2",
            "secrets \"db\" is forbidden: hunter2 User \"robot\" cannot patch resource \"secrets\" in API group \"\"",
            "hunter2 is forbidden: User \"robot\" cannot patch resource \"secrets\" in API group \"\"",
        ] {
            assert!(told(other).contains("withholds") && !told(other).contains("hunter2"), "{other}");
        }
    }
}
